//! The route table.

mod alert_hub;
mod alert_stream;
mod alerts;
mod asked;
mod audit;
mod beacon_headers;
mod body;
mod cache;
mod channels;
mod client_address;
mod cors;
mod deliveries;
mod deploys;
mod envelope;
mod error;
mod error_states;
mod funnels;
mod hooks;
mod identity;
mod ingest;
mod integrations;
mod invitations;
mod issuers;
mod keys;
mod login_limit;
mod manage;
mod observe;
mod openapi;
mod operations;
mod pages;
mod paging;
mod password;
mod password_reset;
mod projects;
mod query;
mod quotas;
mod rate_limit;
mod rejected;
mod relay;
mod rules;
mod session;
mod sessions;
mod silences;
mod unread;
mod users;
mod vendors;
mod views;

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, Resource, web};

pub use alert_hub::AlertStreams;
pub use channels::{DeclaredChannel, declared_channel};
pub use identity::{Identity, Rules as IdentityRules, is_rsa_public_key};
pub use ingest::IngestState;
pub use login_limit::LoginLimit;
pub use manage::ControlState;
pub use observe::{Observe, connection_opened};
pub use operations::OperationsState;
pub use password::Passwords;
pub use query::{Answers, LiveStreams, QueryState};
pub use rejected::RejectedState;
pub use rules::declared_rule;

use error::ApiError;

/// Adds every address. The application must hold `web::Data` of [`IngestState`] (one a worker),
/// [`QueryState`], [`RejectedState`], [`ControlState`] and [`OperationsState`].
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(ingest::routes)
        .configure(query::routes)
        .configure(funnels::routes)
        .configure(rejected::routes)
        .configure(operations::routes)
        .configure(projects::routes)
        .configure(keys::routes)
        .configure(quotas::routes)
        .configure(issuers::routes)
        .configure(users::routes)
        .configure(invitations::routes)
        .configure(session::routes)
        .configure(sessions::routes)
        .configure(password_reset::routes)
        .configure(audit::routes)
        .configure(cache::routes)
        .configure(deploys::routes)
        .configure(error_states::routes)
        .configure(views::routes)
        .configure(rules::routes)
        .configure(silences::routes)
        .configure(alert_stream::routes)
        .configure(alerts::routes)
        .configure(channels::routes)
        .configure(deliveries::routes)
        .configure(integrations::routes)
        .configure(vendors::routes)
        .configure(relay::routes)
        .configure(hooks::routes)
        .configure(openapi::routes)
        .configure(pages::routes)
        .default_service(web::to(elsewhere));
}

/// An address that is none of these: the dashboard for a browser that wants a page, else 404.
async fn elsewhere(
    request: HttpRequest,
    state: web::Data<ControlState>,
    body: web::Payload,
) -> actix_web::HttpResponse {
    if pages::wants_page(&request) {
        return pages::index(request, state).await;
    }
    unread::holding(error::answer(&request, &ApiError::NotFound), body)
}

/// An address that answers `GET`, and says so to other methods.
fn get<F, Args>(path: &str, handler: F) -> Resource<impl Endpoint>
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    resource(path, "GET").route(web::get().to(handler))
}

/// An address that says to other methods which ones it takes, and in each answer how the quota of whoever asks stands.
fn resource(path: &str, methods: &'static str) -> Resource<impl Endpoint> {
    web::resource(path)
        .default_service(web::to(
            move |request: HttpRequest, body: web::Payload| async move {
                unread::holding(
                    error::answer(&request, &ApiError::MethodNotAllowed(methods)),
                    body,
                )
            },
        ))
        .wrap(from_fn(rate_limit::tell))
}

/// What a resource must be to be registered.
trait Endpoint:
    ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse,
        Error = actix_web::Error,
        InitError = (),
    > + 'static
{
}

impl<T> Endpoint for T where
    T: ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse,
            Error = actix_web::Error,
            InitError = (),
        > + 'static
{
}
