//! Stands in for ClickHouse: takes inserts, each token once.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};

use crate::worker::ROW_BYTES;

const TOKEN: &str = "insert_deduplication_token";

type Inserts = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

pub(crate) struct StandIn {
    url: String,
    inserts: Inserts,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let inserts = Inserts::default();
        let taken = Arc::clone(&inserts);
        std::thread::spawn(move || {
            let server = HttpServer::new(move || {
                App::new()
                    .app_data(web::Data::from(Arc::clone(&taken)))
                    .app_data(web::PayloadConfig::new(64 << 20))
                    .default_service(web::to(insert))
            });
            let server = server.workers(1).listen(listener).expect("a server");
            actix_web::rt::System::new()
                .block_on(server.run())
                .expect("it serves");
        });
        Self { url, inserts }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn has(&self, token: &str) -> bool {
        self.inserts.lock().expect("no panic").contains_key(token)
    }

    pub(crate) fn tokens(&self) -> usize {
        self.inserts.lock().expect("no panic").len()
    }

    pub(crate) fn rows(&self) -> Vec<Vec<u8>> {
        let inserts = self.inserts.lock().expect("no panic");
        let rows = inserts.values().flat_map(|bytes| bytes.chunks(ROW_BYTES));
        rows.map(<[u8]>::to_vec).collect()
    }
}

async fn insert(
    request: HttpRequest,
    body: web::Bytes,
    inserts: web::Data<Mutex<BTreeMap<String, Vec<u8>>>>,
) -> HttpResponse {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let Some((_, token)) = query.into_iter().find(|(name, _)| name == TOKEN) else {
        return HttpResponse::BadRequest().body("no token");
    };
    let mut inserts = inserts.lock().expect("no panic");
    let before = inserts.insert(token.into_owned(), body.to_vec());
    assert!(
        before.is_none_or(|before| before == body),
        "one token, other rows"
    );
    HttpResponse::Ok().finish()
}
