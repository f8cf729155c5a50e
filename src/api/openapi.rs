//! The description of the API, OpenAPI 3.1, and a page to try it.
//!
//! What an address takes and gives stands beside its handler (`#[utoipa::path]`), and the types of answers describe
//! themselves (`ToSchema`). What all addresses of a kind share is added here, by the tag of the handler: the envelope
//! around an answer, the failures with their codes, who may ask.
//!
//! A [`Question`](super::query::Question) is described by what it is: its summary, its struct of parameters, its answer.
//! Any other handler says
//!
//! ```text
//! /// What it answers.
//! #[utoipa::path(get, path = "/api/…", tag = "questions", params(OfProject, OwnParameters),
//!     responses((status = 200, body = Answer)))]
//! ```
//!
//! and has a line in [`Described`]. A code that an address alone has stands between backticks in the description of a
//! response with its status. Names of schemas are those of the types, for all addresses together: a type with an everyday
//! name takes another with `#[schema(as = …)]`. A test compares the description with the addresses that are registered.

mod failures;
mod finish;

use std::sync::LazyLock;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse};
use utoipa::OpenApi;
use utoipa::openapi::HttpMethod;

use super::error::{self, ErrorEnvelope};
use super::manage::ControlState;
use super::{
    alert_stream, alerts, audit, cache, channels, deliveries, deploys, envelope, error_states, funnels, get,
    hooks, ingest, integrations, invitations, issuers, keys, operations, pages, password_reset, projects,
    query, quotas, rejected, relay, rules, session, sessions, silences, users, vendors, views,
};
use crate::clock;

#[derive(OpenApi)]
#[openapi(
    info(title = "Fresnel", description = "Telemetry of frontends: beacons in, answers out."),
    paths(
        ingest::described::metric, ingest::described::alert, ingest::described::funnel_step,
        ingest::described::user_event, ingest::described::batch,
        query::ledger, query::live::live, funnels::funnels, funnels::at_address_of_beacons, rejected::rejected,
        deploys::list, deploys::create, deploys::one, deploys::remove,
        error_states::list, error_states::update,
        views::list, views::create, views::one, views::update, views::remove,
        rules::list, rules::create, rules::one, rules::update, rules::remove, rules::states, rules::backtest::backtest,
        silences::silences, silences::silence, silences::remove_silence,
        silences::inhibitions, silences::inhibit, silences::remove_inhibition,
        alerts::list, alerts::one, alerts::acknowledge, alerts::trends, alert_stream::stream,
        channels::list, channels::create, channels::one, channels::update, channels::remove, channels::test,
        channels::rotate,
        integrations::catalogue, integrations::list, integrations::create, integrations::one, integrations::update,
        integrations::remove, integrations::try_out, integrations::sync::sync, integrations::rotate,
        vendors::health_status, vendors::dashboard::dashboard, vendors::dashboard::alerts, vendors::sla::compliance,
        vendors::evidence::evidence, vendors::evidence::key, vendors::report::report, vendors::maintenance::list,
        vendors::maintenance::create, vendors::maintenance::remove, vendors::switches::initialize, vendors::switches::reset,
        relay::relay, hooks::hook,
        deliveries::list, deliveries::one, deliveries::replay, deliveries::replay_dead,
        projects::list, projects::create, projects::one, projects::update, projects::remove, projects::members,
        projects::set_role, projects::remove_member,
        keys::list, keys::create, keys::one, keys::update, keys::revoke,
        quotas::list, quotas::create, quotas::one, quotas::update, quotas::remove,
        issuers::list, issuers::create, issuers::one, issuers::update, issuers::remove,
        users::list, users::create, users::one, users::update, users::disable,
        invitations::list, invitations::invite, invitations::revoke, invitations::accept,
        password_reset::create, password_reset::redeem, password_reset::change_own,
        session::one, session::log_in, session::log_out,
        sessions::own, sessions::end_own, sessions::end_one, sessions::of_user, sessions::end_of_user,
        audit::list,
        cache::list, cache::forget, cache::fetch_ahead,
        operations::livez, operations::readyz, operations::metrics_text, operations::health,
        document, page, script, style, pages::index, pages::icon, pages::asset, pages::sdk,
    ),
    components(schemas(ErrorEnvelope<'static>, envelope::Meta, query::KeptMeta)),
    tags(
        (name = "beacons", description = "Frontends post what they measure."),
        (name = "questions", description = "What dashboards ask."),
        (name = "dashboards", description = "What people add to dashboards."),
        (name = "alerts", description = "What is watched, what is wrong, and who is told."),
        (name = "integrations", description = "Third-party services that a product depends on."),
        (name = "relay", description = "Calls to these services, and from them."),
        (name = "projects", description = "Whom data belongs to."),
        (name = "keys", description = "How programs show who they are."),
        (name = "quotas", description = "Other limits for some."),
        (name = "issuers", description = "Whose tokens of users are believed."),
        (name = "users", description = "People."),
        (name = "sessions", description = "Logging in and out."),
        (name = "audit", description = "Who changed what, and when."),
        (name = "cache", description = "Answers that are kept."),
        (name = "operations", description = "How Fresnel itself is."),
        (name = "documents", description = "This description."),
    )
)]
struct Described;

/// The description as JSON text; made once.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(finish::finished(described()).to_string()));

/// What the addresses say of themselves.
fn described() -> utoipa::openapi::OpenApi {
    let mut described = Described::openapi();
    for question in query::QUESTIONS.iter().map(query::Address::description) {
        let methods = vec![HttpMethod::Get];
        described
            .paths
            .add_path_operation(question.path, methods, question.operation);
        let components = described.components.get_or_insert_default();
        components.schemas.extend(question.schemas);
    }
    described
}

/// What the page may do: its own script, style and requests, and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(get("/api/openapi.json", document))
        .service(get("/api/docs", page))
        .service(get("/api/docs/page.js", script))
        .service(get("/api/docs/page.css", style));
}

/// This description.
#[utoipa::path(get, path = "/api/openapi.json", tag = "documents", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = serde_json::Value)))]
async fn document(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    serve(&request, &state, "application/json", DOCUMENT.clone())
}

/// A page to try the API.
#[utoipa::path(get, path = "/api/docs", tag = "documents", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
async fn page(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    let page = Bytes::from_static(include_bytes!("openapi/page.html"));
    serve(&request, &state, "text/html; charset=utf-8", page)
}

/// The script of the page.
#[utoipa::path(get, path = "/api/docs/page.js", tag = "documents", security(()),
    responses((status = 200, description = "The script", body = String, content_type = "text/javascript")))]
async fn script(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    let script = Bytes::from_static(include_bytes!("openapi/page.js"));
    serve(&request, &state, "text/javascript; charset=utf-8", script)
}

/// The style of the page.
#[utoipa::path(get, path = "/api/docs/page.css", tag = "documents", security(()),
    responses((status = 200, description = "The style", body = String, content_type = "text/css")))]
async fn style(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    let style = Bytes::from_static(include_bytes!("openapi/page.css"));
    serve(&request, &state, "text/css; charset=utf-8", style)
}

fn serve(request: &HttpRequest, state: &ControlState, media_type: &'static str, body: Bytes) -> HttpResponse {
    if let Err(error) = state.identity.anyone(request, clock::now().as_millis()) {
        return error::answer(request, &error);
    }
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header((CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Referrer-Policy", "no-referrer"))
        .body(body)
}
