//! Those who are told: one that answers, and ones that are broken, each in its own way.

use std::io;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use futures_util::stream;
use serde_json::Value;
use tokio::sync::mpsc;

/// Longer than a turn.
const HANGING: Duration = Duration::from_secs(3_600);
/// Messages that may wait to be looked at.
const WAITING_MAX: usize = 10_000;

/// How a receiver is broken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bad {
    /// It never answers.
    Hangs,
    /// It answers 500.
    Fails,
    /// Its answer has no end.
    NeverEnds,
}

impl Bad {
    const fn path(self) -> &'static str {
        match self {
            Self::Hangs => "/hangs",
            Self::Fails => "/fails",
            Self::NeverEnds => "/never-ends",
        }
    }
}

/// A message.
pub(super) struct Heard {
    /// When its last byte was there.
    pub(super) at: Instant,
    /// Its body.
    pub(super) message: Value,
}

/// All receivers, on one port and a thread of their own.
pub(super) struct Receivers {
    base: String,
    bad: Vec<String>,
    heard: mpsc::Receiver<Heard>,
}

impl Receivers {
    /// Starts them.
    pub(super) fn start(bad: &[Bad]) -> io::Result<Self> {
        let (hear, heard) = mpsc::channel(WAITING_MAX);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let base = format!("http://{}", listener.local_addr()?);
        // It ends with the process: a turn's receivers hold a port and no more.
        std::thread::spawn(move || actix_web::rt::System::new().block_on(serve(listener, hear)));
        let bad = bad.iter().map(|bad| format!("{base}{}", bad.path())).collect();
        Ok(Self { base, bad, heard })
    }

    /// Where the one that answers is.
    pub(super) fn good(&self) -> String {
        format!("{}/answers", self.base)
    }

    /// Where the broken ones are.
    pub(super) fn bad(&self) -> &[String] {
        &self.bad
    }

    /// The next message; none when there is none for so long.
    pub(super) async fn hear(&mut self, patience: Duration) -> Option<Heard> {
        tokio::time::timeout(patience, self.heard.recv()).await.ok()?
    }
}

async fn serve(listener: TcpListener, hear: mpsc::Sender<Heard>) -> io::Result<()> {
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(hear.clone()))
            .route("/answers", web::post().to(answers))
            .route(Bad::Hangs.path(), web::post().to(hangs))
            .route(
                Bad::Fails.path(),
                web::post().to(HttpResponse::InternalServerError),
            )
            .route(Bad::NeverEnds.path(), web::post().to(never_ends))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run()
    .await
}

async fn answers(hear: web::Data<mpsc::Sender<Heard>>, body: Bytes) -> HttpResponse {
    let at = Instant::now();
    if let Ok(message) = serde_json::from_slice(&body) {
        drop(hear.try_send(Heard { at, message }));
    }
    HttpResponse::NoContent().finish()
}

async fn hangs(_body: Bytes) -> HttpResponse {
    tokio::time::sleep(HANGING).await;
    HttpResponse::NoContent().finish()
}

async fn never_ends(_body: Bytes) -> HttpResponse {
    let piece = Bytes::from_static(&[b'x'; 4_096]);
    HttpResponse::Ok().streaming(stream::repeat_with(move || Ok::<_, io::Error>(piece.clone())))
}
