use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, RETRY_AFTER};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

use crate::config::Config;
use crate::demo::load::LoadOptions;
use crate::demo::{DemoError, DemoOptions, Summary, demo};

const KEY: &str = "a key of the tests";

/// A stand-in for Fresnel that refuses the first try of every third beacon: by beacon, not by request, or the
/// tries of one unlucky beacon could meet every refusal.
#[derive(Clone, Default)]
struct Server {
    tries: Arc<Mutex<HashMap<String, u32>>>,
    /// How often each event id was accepted.
    accepted: Arc<Mutex<HashMap<String, u32>>>,
}

impl Server {
    fn answer(&self, request: &HttpRequest, body: &[u8]) -> HttpResponse {
        if request
            .headers()
            .get(AUTHORIZATION)
            .is_none_or(|key| key != format!("Bearer {KEY}").as_str())
        {
            return HttpResponse::Unauthorized().finish();
        }
        if request.query_string() == "validate=1" {
            return HttpResponse::BadRequest().finish();
        }
        let body: Value = serde_json::from_slice(body).expect("beacons are JSON");
        let event_id = body["event_id"].as_str().expect("beacons carry an id").to_owned();
        if let Some(status) = self.refusal(&event_id) {
            return HttpResponse::build(status)
                .insert_header((RETRY_AFTER, "0"))
                .finish();
        }
        *self
            .accepted
            .lock()
            .expect("no panic elsewhere")
            .entry(event_id)
            .or_default() += 1;
        HttpResponse::Accepted().finish()
    }

    /// Why this try is refused, 503 and 429 by turns.
    fn refusal(&self, event_id: &str) -> Option<StatusCode> {
        let mut tries = self.tries.lock().expect("no panic elsewhere");
        let place = tries.len();
        let tried = tries.entry(event_id.to_owned()).or_default();
        *tried += 1;
        (*tried == 1 && place.is_multiple_of(3)).then_some(if place.is_multiple_of(2) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::TOO_MANY_REQUESTS
        })
    }

    /// Runs the demo with this key against this server.
    async fn demo(&self, key: &str) -> Result<Summary, DemoError> {
        let this = self.clone();
        let server = HttpServer::new(move || {
            let this = this.clone();
            let answer = move |request: HttpRequest, body: web::Bytes| {
                let answer = this.answer(&request, &body);
                async move { answer }
            };
            App::new()
                .route("/livez", web::get().to(HttpResponse::Ok))
                .default_service(web::post().to(answer))
        })
        .workers(1)
        .bind(("127.0.0.1", 0))
        .expect("loopback has a free port");
        let url = format!("http://{}", server.addrs()[0]);
        let options = options(&url, key);
        let server = server.run();
        let handle = server.handle();
        let (ended, result) = tokio::join!(server, async {
            let result = demo(&options, &Config::default()).await;
            handle.stop(false).await;
            result
        });
        ended.expect("the server ran to its stop");
        result
    }
}

fn options(url: &str, key: &str) -> DemoOptions {
    DemoOptions {
        url: Some(url.to_owned()),
        key: Some(key.to_owned()),
        hours: 24,
        sessions: 30,
        seed: 1,
        concurrency: 8,
        load: LoadOptions::default(),
    }
}

#[actix_web::test]
async fn a_busy_server_gets_every_beacon_once_in_the_end() {
    let server = Server::default();
    let summary = server.demo(KEY).await.expect("the day is posted");
    let accepted = server.accepted.lock().expect("no panic elsewhere");
    assert_eq!(accepted.len() as u64, summary.counts.beacons());
    assert!(accepted.values().all(|times| *times == 1));
    assert_eq!(summary.counts.pauses, summary.counts.beacons().div_ceil(3));
    let shown = summary.to_string();
    assert!(
        shown.contains("performance metrics") && shown.contains("come again later"),
        "{shown}"
    );
}

#[actix_web::test]
async fn a_wrong_key_stops_the_demo_with_its_name() {
    let refused = Server::default()
        .demo("another key")
        .await
        .expect_err("the key is wrong");
    assert!(matches!(refused, DemoError::KeyRefused { .. }), "{refused}");
}

#[actix_web::test]
async fn a_server_that_is_not_there_is_named() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    let missing = demo(&options(&url, KEY), &Config::default())
        .await
        .expect_err("nobody listens");
    assert!(missing.to_string().contains(&url), "{missing}");
}
