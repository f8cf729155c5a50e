//! What a question is, and the one way in which all of them are answered.

use std::fmt::Write as _;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use actix_web::HttpRequest;
use actix_web::dev::{Path, ResourceDef, ResourcePath};
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use serde::Serialize;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::QueryState;
use super::pages::{self, Pages};
use super::{export, reply};
use crate::api::error::{self, ApiError};
use crate::api::identity::Parameters;
use crate::api::manage::OfProject;
use crate::cache::{Answer, Failure, Job, Key, Kind, Origin, Outage, Prepared, Wish};
use crate::clock::{self, UnixMicros};
use crate::control::ProjectEntry;
use crate::domain::field_error::FieldError;
use crate::warehouse::SelectError;

/// A question that has an address. Everything else (who may ask, the cache, what is given when the warehouse is away) is
/// the same for all of them: [`answer`].
pub(in crate::api) trait Question: 'static {
    /// Its name in the keys of the cache; no slash.
    const NAME: &'static str;
    /// What it answers, in a sentence; for the description of the API, as are the next two.
    const SUMMARY: &'static str;
    /// Describes the parameters of the query string, beside `project`: a struct that derives `IntoParams` and stands where
    /// they are read.
    type Parameters: IntoParams;
    /// Whether the data tells how it was kept, as `cache_info`.
    const TELLS_CACHE: bool = false;
    /// Where the answer has the list that a file holds, like `total.steps`; the first one with rows counts. None: it gives no
    /// files.
    const LISTS: &'static [&'static str] = &[];
    /// Most items of a page, when the list is one that goes on by `cursor`: a file then holds all pages.
    const PAGE_MAX: Option<u32> = None;
    /// What is asked, parsed. Its JSON is part of the key of the answer: it must say all that the answer depends on, and
    /// be the same for all who ask the same (times aligned, defaults filled in).
    type Request: Serialize + Send + Sync + 'static;
    /// What is answered.
    type Answer: Serialize + Send + ToSchema;

    /// Reads the parameters of the query string, and before them those of the path.
    fn parse(asking: &Asking, parameters: Parameters<'_>) -> Result<Self::Request, Vec<FieldError>>;

    /// What it is about, which says how long its answer is fresh.
    fn kind(request: &Self::Request, now: UnixMicros) -> Kind;

    /// Asks.
    fn ask(
        asking: &Asking,
        request: &Self::Request,
    ) -> impl Future<Output = Result<Self::Answer, ApiError>> + Send;
}

/// What a question is asked with.
#[derive(Clone)]
pub(in crate::api) struct Asking {
    /// The warehouse, and what else is shared.
    pub(in crate::api) state: Arc<QueryState>,
    /// The project that is asked about.
    pub(in crate::api) project: Arc<ProjectEntry>,
    /// Now, for this answer.
    pub(in crate::api) now: UnixMicros,
}

impl Asking {
    /// The zone of the project's days.
    pub(in crate::api) fn time_zone(&self) -> &str {
        self.project.project.time_zone.as_str()
    }

    /// The id of the project.
    pub(in crate::api) fn project_id(&self) -> &str {
        self.project.project.id.as_str()
    }
}

/// A failure that many may be told.
pub(in crate::api) type Shared = Arc<ApiError>;

impl Outage for Shared {
    fn is_outage(&self) -> bool {
        match &**self {
            ApiError::WarehouseUnavailable(_)
            | ApiError::WarehouseTimeout(_)
            | ApiError::WarehouseOverloaded(_)
            | ApiError::WarehouseLeftAlone(_) => true,
            ApiError::Rejected(_)
            | ApiError::Unauthenticated
            | ApiError::BadLogin
            | ApiError::Limited(_)
            | ApiError::Forbidden(_)
            | ApiError::NoSuch(_)
            | ApiError::NotFound
            | ApiError::MethodNotAllowed(_)
            | ApiError::BadParameters(_)
            | ApiError::Control(_)
            | ApiError::WarehouseFailed(_)
            | ApiError::Relay(_)
            | ApiError::Hook(_) => false,
        }
    }

    fn lost() -> Self {
        Arc::new(ApiError::WarehouseFailed(
            "the question was not asked to its end".to_owned(),
        ))
    }

    fn busy() -> Self {
        let message = "too many questions at once".to_owned();
        Arc::new(SelectError::Overloaded { code: 0, message }.into())
    }
}

/// An address of a question.
pub(in crate::api) struct Address {
    /// Its path; may have parts in braces.
    pub(super) path: &'static str,
    /// Answers over HTTP.
    pub(super) answer: fn(HttpRequest, web::Data<QueryState>) -> LocalBoxFuture<'static, HttpResponse>,
    /// Describes it, with the schemas that it names.
    describe: fn() -> Description,
    /// Whether the data tells how it was kept, as `cache_info`.
    pub(super) tells_cache: bool,
    /// Asks, or gives a kept answer.
    ask: AskFn,
}

type AskFn = for<'a> fn(
    Arc<QueryState>,
    Arc<ProjectEntry>,
    Parameters<'a>,
    Wish,
) -> LocalBoxFuture<'a, Result<Answer, Failure<Shared>>>;

/// What came of fetching an answer ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Warmed {
    /// There is an answer.
    Answered(Origin),
    /// There is no such question, it is faulty, or has no answer.
    Failed,
}

impl Warmed {
    pub(in crate::api) const fn as_str(self) -> &'static str {
        match self {
            Self::Answered(Origin::New) => "new",
            Self::Answered(Origin::Kept) => "kept",
            Self::Answered(Origin::Degraded) => "degraded",
            Self::Failed => "failed",
        }
    }
}

/// What the description of the API says of a question.
pub(in crate::api) struct Description {
    pub(in crate::api) path: &'static str,
    pub(in crate::api) operation: Operation,
    pub(in crate::api) schemas: Vec<(String, RefOr<Schema>)>,
}

impl Address {
    pub(super) const fn of<Q: Question>(path: &'static str) -> Self {
        Self {
            path,
            answer: |request, state| Box::pin(answer::<Q>(request, state)),
            describe: describe::<Q>,
            tells_cache: Q::TELLS_CACHE,
            ask: |state, project, parameters, wish| Box::pin(ask_kept::<Q>(state, project, parameters, wish)),
        }
    }

    /// What stands in the parts of a path that vary, if this is the address of the question at that path.
    pub(super) fn matched<'q>(&self, path: &str) -> Option<Parameters<'q>> {
        let mut matched = Path::new(path);
        let is_it = ResourceDef::new(self.path).capture_match_info(&mut matched);
        is_it.then(|| of_path(&matched))
    }

    /// Asks the question here, or gives a kept answer. Parameters are those of the path and those of the query string.
    pub(super) async fn ask(
        &self,
        state: &Arc<QueryState>,
        project: &Arc<ProjectEntry>,
        parameters: Parameters<'_>,
        wish: Wish,
    ) -> Result<Answer, Failure<Shared>> {
        (self.ask)(Arc::clone(state), Arc::clone(project), parameters, wish).await
    }

    /// What the description of the API says of it.
    pub(in crate::api) fn description(&self) -> Description {
        Description {
            path: self.path,
            ..(self.describe)()
        }
    }
}

/// What stands in the parts of a path that vary, as parameters.
fn of_path<'q, T: ResourcePath>(path: &Path<T>) -> Parameters<'q> {
    let parts = path.iter();
    let owned = parts.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
    owned.collect()
}

/// Its path is not known here.
fn describe<Q: Question>() -> Description {
    let in_query = || Some(ParameterIn::Query);
    let mut parameters = OfProject::into_params(in_query);
    parameters.extend(Q::Parameters::into_params(in_query));
    if !Q::LISTS.is_empty() {
        parameters.extend(export::FormatParameters::into_params(in_query));
    }
    let name = Q::Answer::name().into_owned();
    let answer = Content::new(Some(Ref::from_schema_name(name.clone())));
    let mut schemas = vec![(name, Q::Answer::schema())];
    Q::Answer::schemas(&mut schemas);
    let operation = OperationBuilder::new()
        .tag("questions")
        .summary(Some(Q::SUMMARY))
        .parameters(Some(parameters))
        .response("200", ResponseBuilder::new().content("application/json", answer))
        .response(
            "304",
            ResponseBuilder::new().description("As `If-None-Match` has it"),
        );
    Description {
        path: "",
        operation: operation.build(),
        schemas,
    }
}

/// Answers a question over HTTP.
pub(super) async fn answer<Q: Question>(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    let started = Instant::now();
    let asked = async {
        let (viewer, mut parameters) = state.asked(&request, clock::now()).await?;
        parameters.splice(0..0, of_path(request.match_info()));
        Ok::<_, ApiError>((viewer.project, parameters))
    };
    let (project, mut parameters) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return error::answer(&request, &error),
    };
    let state = state.into_inner();
    let format = match export::taken(&mut parameters, !Q::LISTS.is_empty()) {
        Ok(format) => format,
        Err(fault) => return error::answer(&request, &ApiError::BadParameters(vec![fault])),
    };
    if let (Some(format), Some(page_max)) = (format, Q::PAGE_MAX) {
        let asking = Asking {
            state,
            project,
            now: clock::now(),
        };
        return match pages_of::<Q>(asking, parameters, format, page_max).await {
            Ok(pages) => pages.streamed(Q::NAME),
            Err(error) => error::answer(&request, &error),
        };
    }
    match ask_kept::<Q>(state, project, parameters, wish(&request)).await {
        Ok(answer) => match format {
            None if Q::TELLS_CACHE => reply::success_with_cache_info(&request, &answer, started),
            None => reply::success(&request, &answer, started),
            Some(format) => export::file(Q::NAME, format, Q::LISTS, answer.entry.data()),
        },
        Err(Failure { error, kept }) => {
            let fallback = kept.as_ref().map(|entry| &**entry.data());
            error::answer_with(&request, &error, fallback)
        }
    }
}

/// The pages of a list, for a file.
async fn pages_of<Q: Question>(
    asking: Asking,
    parameters: Parameters<'_>,
    format: export::Format,
    page_max: u32,
) -> Result<Pages, ApiError> {
    let (rows_max, now) = (asking.state.export_rows_max, asking.now);
    let ask = move |parameters: Vec<(String, String)>| {
        let asking = asking.clone();
        let page = async move {
            let borrowed = parameters.iter();
            let borrowed = borrowed.map(|(name, value)| (name.as_str().into(), value.as_str().into()));
            let request = Q::parse(&asking, borrowed.collect()).map_err(ApiError::BadParameters)?;
            let answer = Q::ask(&asking, &request).await?;
            json_of(&answer)
        };
        Box::pin(page) as LocalBoxFuture<'static, _>
    };
    let parameters = parameters.into_iter();
    let parameters = parameters.map(|(name, value)| (name.into_owned(), value.into_owned()));
    let list = pages::List {
        parameters: parameters.collect(),
        page_max,
        rows_max,
        now,
    };
    Pages::open(list, Box::new(ask), format).await
}

/// Asks, or gives a kept answer.
async fn ask_kept<Q: Question>(
    state: Arc<QueryState>,
    project: Arc<ProjectEntry>,
    parameters: Parameters<'_>,
    wish: Wish,
) -> Result<Answer, Failure<Shared>> {
    let panel = panel_of::<Q>(&project, &parameters);
    let cache = state.answers.cache().clone();
    let job = job_of::<Q>(state, project, parameters);
    cache.answer(&panel, &job, wish).await
}

/// The name of a question as it was put: its parameters in an order that does not depend on whoever asks.
fn panel_of<Q: Question>(project: &ProjectEntry, parameters: &Parameters<'_>) -> Key {
    let mut sorted: Vec<_> = parameters.iter().filter(|(_, value)| !value.is_empty()).collect();
    sorted.sort();
    sorted.dedup();
    let mut asked = String::from("?");
    for (name, value) in sorted {
        let separator = if asked.len() > 1 { "&" } else { "" };
        // Quoted, so that no value can look like another parameter. Writing to a text does not fail.
        let _written = write!(asked, "{separator}{name:?}={value:?}");
    }
    key_of::<Q>(project, &asked)
}

fn key_of<Q: Question>(project: &ProjectEntry, asked: &str) -> Key {
    let id = project.project.id.as_str();
    Key::new(id, project.changed_revision, Q::NAME, asked)
}

/// How to put the question at any time.
fn job_of<Q: Question>(
    state: Arc<QueryState>,
    project: Arc<ProjectEntry>,
    parameters: Parameters<'_>,
) -> Job<Shared> {
    let parameters: Vec<(String, String)> = parameters
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    Arc::new(move |now| {
        let asking = Asking {
            state: Arc::clone(&state),
            project: Arc::clone(&project),
            now,
        };
        let borrowed = parameters.iter();
        let borrowed = borrowed.map(|(name, value)| (name.as_str().into(), value.as_str().into()));
        let request = Q::parse(&asking, borrowed.collect()).map_err(ApiError::BadParameters)?;
        let asked = json_of(&request)?;
        Ok(Prepared {
            key: key_of::<Q>(&project, &String::from_utf8_lossy(&asked)),
            kind: Q::kind(&request, now),
            work: Box::pin(async move {
                let answer = Q::ask(&asking, &request).await?;
                Ok(Bytes::from(json_of(&answer)?))
            }),
        })
    })
}

fn json_of(value: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(value).map_err(|error| ApiError::WarehouseFailed(error.to_string()))
}

/// A browser's forced reload sends `no-cache`.
fn wish(request: &HttpRequest) -> Wish {
    let headers = request.headers().get_all(CACHE_CONTROL);
    let mut directives = headers.filter_map(|value: &HeaderValue| value.to_str().ok());
    if directives.any(|text| {
        text.split(',')
            .any(|one| one.trim().eq_ignore_ascii_case("no-cache"))
    }) {
        Wish::New
    } else {
        Wish::Any
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_a_forced_reload_wants_a_new_answer() {
        for (value, expected) in [
            ("no-cache", Wish::New),
            ("max-age=0, No-Cache", Wish::New),
            ("max-age=0", Wish::Any),
            ("no-cached", Wish::Any),
        ] {
            let request = TestRequest::default().insert_header((CACHE_CONTROL, value));
            assert_eq!(wish(&request.to_http_request()), expected, "{value}");
        }
        assert_eq!(wish(&TestRequest::default().to_http_request()), Wish::Any);
    }
}
