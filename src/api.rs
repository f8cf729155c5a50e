//! The route table.

mod client_address;
mod cors;
mod envelope;
mod error;
mod identity;
mod ingest;
mod observe;
mod operations;
mod paging;
mod query;
mod rate_limit;
mod rejected;
mod unread;

use actix_web::{HttpRequest, web};

pub use identity::{Identity, Rules as IdentityRules};
pub use ingest::IngestState;
pub use observe::{Observe, connection_opened};
pub use operations::OperationsState;
pub use query::QueryState;
pub use rejected::RejectedState;

use error::ApiError;

/// Adds every address. The application must hold `web::Data` of [`IngestState`] (one a worker),
/// [`QueryState`], [`RejectedState`] and [`OperationsState`].
pub fn routes(config: &mut web::ServiceConfig) {
    config
        .configure(ingest::routes)
        .configure(query::routes)
        .configure(rejected::routes)
        .configure(operations::routes)
        .default_service(web::to(|request: HttpRequest, body: web::Payload| async move {
            unread::holding(error::answer(&request, &ApiError::NotFound), body)
        }));
}

/// An address that answers `GET`, and says so to other methods.
fn get<F, Args>(path: &str, handler: F) -> actix_web::Resource
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler))
        .default_service(web::to(|request: HttpRequest, body: web::Payload| async move {
            unread::holding(error::answer(&request, &ApiError::MethodNotAllowed("GET")), body)
        }))
}
