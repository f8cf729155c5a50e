//! `GET /api/live`: the answers to the questions of a page that is looked at, told anew for as long as it is, as server-sent
//! events.
//!
//! ```text
//! listener ─ a question whose answer has the age ─► cache (one flight for all who look at the same) ─► its connection
//! ```
//!
//! An answer that says the same as the one before is told as `unchanged`, without its data. A question that costs the warehouse
//! much is asked less often: it never takes more than a part of the time ([`REST_FOR_EACH`]). What fails is not told here, but asked
//! by the listener for itself, who so gets the error with its id. Streams end when the service stops, and after some minutes:
//! browsers come again by themselves, and are asked anew who they are.

mod listener;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::sync::{Semaphore, watch};
use utoipa::IntoParams;

use super::{QueryState, question_at};
use crate::api::error::{self, ApiError, Limit};
use crate::api::identity::{Parameters, project_and_others};
use crate::api::manage::OfProject;
use crate::api::paging;
use crate::clock;
use crate::domain::field_error::{FieldError, FieldFault};

use listener::{Followed, Listener};

/// Most who listen to this node.
const LISTENERS_MAX: usize = 500;
/// Most questions of one listener.
const QUESTIONS_MAX: usize = 32;
/// Oldest answer that is left as it is, in milliseconds: unless given, the least, and the most.
const MAX_AGE_MS: u64 = 8_000;
const MAX_AGE_MS_MIN: u64 = 1_000;
const MAX_AGE_MS_MAX: u64 = 60_000;
/// How long a listener is not asked who it is.
const STREAM_TIME: Duration = Duration::from_secs(5 * 60);
/// How often something is sent at least, so that whoever is gone is noticed, by us and by what is in between.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// How long a question rests, in times of what it took: a slow one is under way for a fifth of the time.
const REST_FOR_EACH: u32 = 4;

/// Everyone who is told answers. A clone is cheap and is the same.
#[derive(Clone)]
pub struct LiveStreams {
    seats: Arc<Semaphore>,
    is_stopped: watch::Sender<bool>,
}

impl Default for LiveStreams {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(LISTENERS_MAX)),
            is_stopped: watch::Sender::new(false),
        }
    }
}

impl fmt::Debug for LiveStreams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveStreams").finish_non_exhaustive()
    }
}

impl LiveStreams {
    /// Ends all streams, and takes nobody any more: a stop would wait for them.
    pub fn stop(&self) {
        self.seats.close();
        self.is_stopped.send_replace(true);
    }
}

/// What is listened to.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `followed` reads")]
pub(in crate::api) struct LiveParameters {
    /// Path and query string of a question, percent-encoded, without `project`; up to 32 of them.
    #[param(example = "/api/dashboard/stats")]
    ask: Vec<String>,
    /// Age from which on an answer is replaced, in milliseconds, 1,000 to 60,000; 8,000 unless given.
    #[param(minimum = 1_000, maximum = 60_000)]
    max_age_ms: Option<u64>,
}

/// Answers to questions, live: an event `answer` with each answer that is another than the one before, `unchanged` when it is the
/// same, `failed` when there is none and the question should be asked for itself. Every 15 seconds there is a comment at least; after
/// some minutes the stream ends, and listeners come again.
#[utoipa::path(get, path = "/api/live", tag = "questions", params(OfProject, LiveParameters),
    responses(
        (status = 200, description = "Server-sent events; `data` of `answer` is JSON: `{ask, answer}` with the envelope, of `unchanged` `{ask, meta}`, of `failed` `{ask}`", body = String, content_type = "text/event-stream"),
        (status = 400, description = "`BAD_PARAMETERS`"),
        (status = 503, description = "`TOO_MANY_LISTENERS`"),
    ))]
pub(in crate::api) async fn live(request: HttpRequest, state: web::Data<QueryState>) -> HttpResponse {
    match open(&request, state.into_inner()).await {
        Ok(listener) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            .insert_header((CACHE_CONTROL, "no-store"))
            // Proxies that gather answers would hold events back.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(listener.stream()),
        Err(error) => error::answer(&request, &error),
    }
}

async fn open(request: &HttpRequest, state: Arc<QueryState>) -> Result<Listener, ApiError> {
    let (viewer, parameters) = state.asked(request, clock::now()).await?;
    let project_id = viewer.project.project.id.clone();
    let (followed, max_age) = followed(parameters, project_id.as_str()).map_err(ApiError::BadParameters)?;
    let seat = Arc::clone(&state.live.seats)
        .try_acquire_owned()
        .map_err(|_full_or_closed| ApiError::from(Limit::Listeners))?;
    let stopped = state.live.is_stopped.subscribe();
    Ok(Listener::new(state, project_id, followed, max_age, seat, stopped))
}

/// What the parameters say: the questions, and how old their answers may be.
fn followed(
    parameters: Parameters<'_>,
    project_id: &str,
) -> Result<(Vec<Followed>, Duration), Vec<FieldError>> {
    let mut faults = Vec::new();
    let (mut followed, mut max_age_ms, mut others): (Vec<Followed>, _, Vec<_>) =
        (Vec::new(), MAX_AGE_MS, Vec::new());
    for (name, value) in parameters {
        match &*name {
            "ask" if followed.iter().any(|known| known.ask == value) => {}
            "ask" => match question(&value, project_id) {
                Ok(question) => followed.push(question),
                Err(message) => faults.push(FieldError::new("ask", FieldFault::BadFormat, message)),
            },
            "max_age_ms" => match value.parse() {
                Ok(ms @ MAX_AGE_MS_MIN..=MAX_AGE_MS_MAX) => max_age_ms = ms,
                _ => {
                    let message = format!("must be a whole number from {MAX_AGE_MS_MIN} to {MAX_AGE_MS_MAX}");
                    faults.push(FieldError::new("max_age_ms", FieldFault::OutOfRange, message));
                }
            },
            _ => others.push((name, value)),
        }
    }
    if followed.is_empty() && faults.is_empty() {
        faults.push(FieldError::new("ask", FieldFault::Missing, "is required"));
    }
    if followed.len() > QUESTIONS_MAX {
        let message = format!("must not be given more than {QUESTIONS_MAX} times");
        faults.push(FieldError::new("ask", FieldFault::TooLong, message));
    }
    faults.extend(paging::no_others(&others).err().into_iter().flatten());
    match faults.is_empty() {
        true => Ok((followed, Duration::from_millis(max_age_ms))),
        false => Err(faults),
    }
}

fn question(ask: &str, project_id: &str) -> Result<Followed, String> {
    let (path, query) = ask.split_once('?').unwrap_or((ask, ""));
    let (named, others) = project_and_others(query);
    if named.is_some_and(|named| named != project_id) {
        return Err("must be about the project of the stream".to_owned());
    }
    let Some((address, mut parameters)) = question_at(path) else {
        return Err("must be the path and the query string of a question".to_owned());
    };
    let others = others.into_iter();
    parameters.extend(others.map(|(name, value)| (name.into_owned().into(), value.into_owned().into())));
    Ok(Followed::new(ask, address, parameters))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<(Vec<String>, u128), Vec<String>> {
        let (_, parameters) = project_and_others(query);
        followed(parameters, "shop")
            .map(|(all, max_age)| (all.into_iter().map(|one| one.ask).collect(), max_age.as_millis()))
            .map_err(|faults| faults.into_iter().map(|fault| fault.field.to_string()).collect())
    }

    #[test]
    fn questions_are_read_once_each_and_faults_name_their_parameter() {
        let stats = "/api/dashboard/stats".to_owned();
        assert_eq!(read("ask=/api/dashboard/stats"), Ok((vec![stats.clone()], 8_000)));
        assert_eq!(
            read("ask=/api/dashboard/stats&ask=%2Fapi%2Fdashboard%2Fstats&max_age_ms=1000"),
            Ok((vec![stats], 1_000))
        );
        assert!(read("ask=/api/analytics/funnel%3Ffunnel%3Dstandard%26project%3Dshop").is_ok());
        for (query, field) in [
            ("", "ask"),
            ("ask=/api/keys", "ask"),
            ("ask=/api/dashboard/stats%3Fproject%3Dother", "ask"),
            ("ask=/api/dashboard/stats&max_age_ms=999", "max_age_ms"),
            ("ask=/api/dashboard/stats&max_age_ms=x", "max_age_ms"),
            ("ask=/api/dashboard/stats&colour=red", "colour"),
        ] {
            assert_eq!(read(query), Err(vec![field.to_owned()]), "{query}");
        }
        let many: Vec<String> = (0..33)
            .map(|n| format!("ask=/api/dashboard/stats%3Fn%3D{n}"))
            .collect();
        assert_eq!(read(&many.join("&")), Err(vec!["ask".to_owned()]));
    }
}
