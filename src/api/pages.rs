//! The dashboard and the browser SDK: files that are part of the binary.
//!
//! `scripts/build-pages` makes them in `web/dist` and `sdk/dist`, each text also packed with Brotli and gzip, so that
//! nothing is packed while somebody waits. A debug build reads the folders at run time: a page that is built anew shows
//! without a new binary. The dashboard finds its pages by their address itself; an address that is nothing else here,
//! asked for by a browser that wants a page, gets the dashboard.

mod embedded;

use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, web};

use super::error::{self, ApiError};
use super::get;
use super::manage::ControlState;
use crate::clock;
use embedded::Folder;

/// What the dashboard may do: its own files and requests, and nothing else. Images as `data:` are the marks that style
/// sheets hold.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Asked for again each time, and answered with 304 while it is the same.
const CHECKED: &str = "no-cache";
/// The name changes with the content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// A new SDK reaches every page within the hour.
const FOR_AN_HOUR: &str = "public, max-age=3600, stale-while-revalidate=86400";

const NOT_BUILT: &str = "This binary was built without the dashboard: `make build` builds both.\n";

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(get("/", index))
        .service(get("/favicon.svg", icon))
        .service(get("/assets/{file}", asset))
        .service(get("/fresnel.js", sdk));
}

/// Whether a browser asks for a page, at an address that no program is told of.
pub(super) fn wants_page(request: &HttpRequest) -> bool {
    let accepts = request.headers().get(ACCEPT);
    let is_for_people = accepts
        .and_then(|accepts| accepts.to_str().ok())
        .is_some_and(|accepts| accepts.contains("text/html"));
    let first = request.path().split('/').nth(1).unwrap_or_default();
    let is_of_programs = ["api", "assets", "hooks", "relay"].contains(&first);
    is_for_people && !is_of_programs && matches!(*request.method(), Method::GET | Method::HEAD)
}

/// The dashboard.
#[utoipa::path(get, path = "/", tag = "documents", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn index(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    serve(&request, &state, Folder::Dashboard, "index.html", CHECKED)
}

/// The mark of the dashboard.
#[utoipa::path(get, path = "/favicon.svg", tag = "documents", security(()),
    responses((status = 200, description = "The mark", body = String, content_type = "image/svg+xml")))]
pub(super) async fn icon(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    serve(&request, &state, Folder::Dashboard, "favicon.svg", CHECKED)
}

/// A file of the dashboard, whose name changes with its content.
#[utoipa::path(get, path = "/assets/{file}", tag = "documents", security(()),
    params(("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "A script, a style, a font", body = String, content_type = "text/javascript"),
        (status = 404, description = "`NOT_FOUND`: no such file")))]
pub(super) async fn asset(
    request: HttpRequest,
    state: web::Data<ControlState>,
    file: web::Path<String>,
) -> HttpResponse {
    let path = format!("assets/{file}");
    serve(&request, &state, Folder::Dashboard, &path, FOR_EVER)
}

/// The browser SDK, for a script tag.
#[utoipa::path(get, path = "/fresnel.js", tag = "documents", security(()),
    responses((status = 200, description = "The script", body = String, content_type = "text/javascript")))]
pub(super) async fn sdk(request: HttpRequest, state: web::Data<ControlState>) -> HttpResponse {
    let mut response = serve(&request, &state, Folder::Sdk, "fresnel.js", FOR_AN_HOUR);
    // Pages of other origins load it, also with `crossorigin` and from isolated ones.
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        CROSS_ORIGIN_RESOURCE_POLICY,
        HeaderValue::from_static("cross-origin"),
    );
    response
}

fn serve(
    request: &HttpRequest,
    state: &ControlState,
    folder: Folder,
    path: &str,
    kept: &'static str,
) -> HttpResponse {
    if let Err(error) = state.identity.anyone(request, clock::now().as_millis()) {
        return error::answer(request, &error);
    }
    let Some(file) = folder.file(path) else {
        if folder.is_empty() {
            return HttpResponse::NotFound()
                .insert_header((CONTENT_TYPE, "text/plain; charset=utf-8"))
                .insert_header((CACHE_CONTROL, "no-store"))
                .body(NOT_BUILT);
        }
        return error::answer(request, &ApiError::NotFound);
    };
    let mut response = embedded::answer(request, folder, path, file);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if path.ends_with(".html") {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    response
}
