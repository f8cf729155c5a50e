//! `/api/cache`: what is kept, forgetting it, and fetching it ahead.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use futures_util::future::join_all;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::identity::project_and_others;
use super::manage::{Call, OfProject, delete, look, on};
use super::paging::Paging;
use super::query::{QueryState, Warmed, warm};
use super::{paging, resource};
use crate::cache::Listed;
use crate::domain::account::Role;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Most questions that one call fetches.
const PATHS_MAX: usize = 20;
/// Longest of them.
const PATH_CHARS_MAX: usize = 4_096;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/cache", "GET, DELETE")
                .route(look(list))
                .route(delete(forget)),
        )
        .service(resource("/api/cache/warm", "POST").route(on(Method::POST, StatusCode::OK, fetch_ahead)));
}

/// Which answers are meant.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `prefix` reads")]
struct PrefixParameters {
    /// Those whose keys begin so: `project/question/`. Without it all.
    #[param(example = "default/timeseries/")]
    prefix: Option<String>,
}

/// Questions to be fetched ahead.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct WarmFields {
    /// Their paths, with query strings.
    #[schema(max_items = 20)]
    paths: Vec<String>,
}

/// What a call forgot.
#[derive(Serialize, utoipa::ToSchema)]
struct Forgotten {
    /// Answers that this node kept.
    removed: u64,
}

/// What a call fetched.
#[derive(Serialize, utoipa::ToSchema)]
struct Fetched {
    items: Vec<FetchedOne>,
}

/// What came of one of them.
#[derive(Serialize, utoipa::ToSchema)]
struct FetchedOne {
    path: String,
    /// `new`, `kept`, `degraded` or `failed`.
    outcome: &'static str,
}

/// Answers that this node keeps, by key; for admins of the project. Without `project` an instance owner sees all.
#[utoipa::path(get, path = "/api/cache", tag = "cache", params(OfProject, Paging, PrefixParameters), responses((status = 200, body = Page<Listed>)))]
async fn list(call: &mut Call) -> Result<Page<Listed>, ApiError> {
    let scope = scope(call).await?;
    let (page, others) = call.page()?;
    let prefix = prefix(&others)?;
    let mut kept = state(call)?.answers.cache().list(&scope);
    kept.retain(|one| one.key.starts_with(&*prefix));
    Ok(paging::cut(kept, page))
}

/// Forgets answers, on this node and in Redis.
#[utoipa::path(delete, path = "/api/cache", tag = "cache", params(OfProject, PrefixParameters), responses((status = 200, body = Forgotten)))]
async fn forget(call: &mut Call) -> Result<Forgotten, ApiError> {
    let scope = scope(call).await?;
    let (_, others) = call.page()?;
    let prefix = prefix(&others)?;
    // The longer one of the two, if they agree; otherwise no key begins with both.
    let both = match (scope.starts_with(&*prefix), prefix.starts_with(&scope)) {
        (true, _) => scope,
        (false, true) => prefix.into_owned(),
        (false, false) => return Ok(Forgotten { removed: 0 }),
    };
    let removed = state(call)?.answers.cache().forget(&both);
    Ok(Forgotten { removed })
}

/// Fetches answers ahead.
#[utoipa::path(post, path = "/api/cache/warm", tag = "cache", params(OfProject), request_body = WarmFields, responses((status = 200, body = Fetched)))]
async fn fetch_ahead(call: &mut Call) -> Result<Fetched, ApiError> {
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    let state = state(call)?;
    let directory = call.control().directory();
    let project = directory.project(project_id.as_str()).cloned();
    let project = project.ok_or(ApiError::NoSuch("there is no such project"))?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let paths = fields.list("paths", path);
    if paths.as_ref().is_some_and(|paths| paths.len() > PATHS_MAX) {
        let message = format!("must not hold more than {PATHS_MAX}");
        fields.note(FieldError::new("paths", FieldFault::TooLong, message));
    }
    let paths = fields.require("paths", paths);
    let paths = fields.finish(paths)?;
    let fetched = paths.into_iter().map(|path| {
        let (state, project) = (Arc::clone(&state), Arc::clone(&project));
        async move {
            let (address, query) = path.split_once('?').unwrap_or((&path, ""));
            let (named, parameters) = project_and_others(query);
            let is_own = named.is_none_or(|named| named == project.project.id.as_str());
            let outcome = match is_own {
                true => warm(&state, &project, address, parameters).await,
                false => Warmed::Failed,
            };
            let outcome = outcome.as_str();
            FetchedOne { path, outcome }
        }
    });
    let items = join_all(fetched).await;
    Ok(Fetched { items })
}

/// The beginning of all keys that the caller may see: those of the project that is named, or the own one; all of them
/// for an instance owner who names none.
async fn scope(call: &Call) -> Result<String, ApiError> {
    if !call.names_a_project() && call.manager().await?.is_instance_owner() {
        return Ok(String::new());
    }
    let (_, project_id) = call.manager_of(Role::Admin).await?;
    Ok(format!("{}/", project_id.as_str()))
}

/// The parameter `prefix`, which may be absent; nothing else is taken.
fn prefix<'q>(others: &paging::Others<'q>) -> Result<Cow<'q, str>, ApiError> {
    let (prefixes, others): (Vec<_>, Vec<_>) = others.iter().cloned().partition(|(name, _)| name == "prefix");
    paging::no_others(&others).map_err(ApiError::BadParameters)?;
    Ok(prefixes
        .into_iter()
        .next()
        .map(|(_, value)| value)
        .unwrap_or_default())
}

fn path(field: &'static str, text: &str) -> Result<String, FieldError> {
    if text.starts_with('/') && text.chars().count() <= PATH_CHARS_MAX {
        return Ok(text.to_owned());
    }
    let message = format!("must be the path of a question, up to {PATH_CHARS_MAX} characters");
    Err(FieldError::new(field, FieldFault::BadFormat, message))
}

fn state(call: &Call) -> Result<Arc<QueryState>, ApiError> {
    let state = call.request().app_data::<web::Data<QueryState>>().cloned();
    state
        .map(web::Data::into_inner)
        .ok_or(ApiError::NoSuch("there are no questions"))
}
