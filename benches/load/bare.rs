//! The bare handler: the same HTTP stack with the same settings, the same allocator and the same build
//! profile as the product; it reads the body and gives the product's answer without looking at anything.
//! What the product takes beyond this is the product's own cost.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use actix_web::web::{Bytes, PayloadConfig};
use actix_web::{App, HttpResponse, HttpServer, web};
use fresnel::config::{IngestConfig, ServerConfig};

/// The product's own.
const LISTEN_BACKLOG: u32 = 4_096;
/// As long as the product's answer, byte for byte.
const ANSWER: &str = concat!(
    r#"{"success":true,"data":{"event_id":"00000000-0000-4000-8000-000000000000"},"#,
    r#""meta":{"processing_time":0.123}}"#
);

/// Serves until the process is told to stop.
pub(crate) fn serve(listen: SocketAddr, workers: usize) -> anyhow::Result<()> {
    let server = ServerConfig::default();
    let body_max_bytes = IngestConfig::default().body_max_bytes;
    let workers = match workers {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        workers => workers,
    };
    let http = HttpServer::new(move || {
        App::new()
            .app_data(PayloadConfig::new(body_max_bytes))
            .route("/livez", web::get().to(HttpResponse::Ok))
            .route("/api/analytics/performance/metrics", web::post().to(answer))
            .route("/api/analytics/performance/alerts", web::post().to(answer))
            .route("/api/analytics/funnel", web::post().to(answer))
            .route("/api/analytics/events", web::post().to(answer))
    })
    .workers(workers)
    .max_connections(server.connections_max.div_ceil(workers))
    .backlog(LISTEN_BACKLOG)
    .client_request_timeout(Duration::from_millis(server.header_timeout_ms))
    .keep_alive(Duration::from_millis(server.keep_alive_ms))
    .bind(listen)?;
    for address in http.addrs() {
        println!("The bare handler listens on http://{address}");
    }
    actix_web::rt::System::new().block_on(http.run())?;
    Ok(())
}

async fn answer(body: Bytes) -> HttpResponse {
    std::hint::black_box(&body);
    HttpResponse::Accepted()
        .content_type("application/json")
        .body(ANSWER)
}
