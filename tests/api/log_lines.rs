//! The log line of an error holds endpoint, method, user, session, User-Agent and error id: what it takes to find out
//! what happened to whom, and nothing that must not be there.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::managing::{TestUser, admin, call, key, project};
use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::INGEST_KEY;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options};

const SECRET: &str = "the secret that shop and Fresnel share";

fn token(subject: &str) -> String {
    encode(
        &Header::default(),
        &json!({"sub": subject, "exp": 4_102_444_800_u64}),
        &EncodingKey::from_secret(SECRET.as_bytes()),
    )
    .expect("a token")
}

fn start(format: &str) -> Fresnel {
    Fresnel::start_unready(Options::new().set("FRESNEL_LOG__FORMAT", format))
}

/// The one line with the `error_id` of this answer.
#[track_caller]
fn line_of(server: &Fresnel, answer: &Answer) -> String {
    let id = answer.json()["meta"]["error_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let lines = wait::until("the line of the error", PATIENCE, || {
        let log = server.log();
        let lines: Vec<_> = log
            .lines()
            .filter(|line| line.contains(&id))
            .map(str::to_owned)
            .collect();
        (!lines.is_empty()).then_some(lines)
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

#[track_caller]
fn fields_of(server: &Fresnel, answer: &Answer) -> Value {
    serde_json::from_str(&line_of(server, answer)).expect("a line of JSON")
}

#[test]
fn an_error_of_a_user_is_logged_with_user_and_session() {
    let server = start("json");
    let user = TestUser::new(&server);
    let path = "/api/keys?project=somebody-elses";
    let answer = server.send(&user.sign(Request::get(path)).header("user-agent", "Browser/1.0"));
    let line = fields_of(&server, &answer.expect_status(404));
    assert_eq!(line["endpoint"], "/api/keys");
    assert_eq!(line["method"], "GET");
    assert_eq!(line["user"], user.id.as_str());
    assert_eq!(line["user_agent"], "Browser/1.0");
    assert_eq!(
        (&line["status"], &line["code"]),
        (&json!(404), &json!("NOT_FOUND"))
    );
    let session = line["session"].as_str().expect("a session");
    assert_eq!(session.len(), 8);
    // Another session of the same user is told from it.
    let first = session.to_owned();
    let mut again = user;
    again.log_in(&server);
    let answer = server.send(&again.sign(Request::get(path)));
    let line = fields_of(&server, &answer);
    assert_ne!(line["session"], first.as_str());
    assert_eq!(line["user"], again.id.as_str());
    let (cookie, log) = (again.cookie.split_once('=').expect("a pair").1, server.log());
    assert!(!log.contains(cookie) && !log.contains(&again.email), "{log}");
}

#[test]
fn an_error_of_a_program_is_logged_with_the_id_of_its_key() {
    let server = start("json");
    let id = project(&server, "logged");
    let (key_id, read) = key(&server, &id, &json!({"kind": "read", "name": "r"}));
    let body = json!({"kind": "read", "name": "x"});
    let answer = call(&server, &read, "POST", "/api/keys", &body).expect_status(403);
    let line = fields_of(&server, &answer);
    assert_eq!(line["user"], key_id.as_str());
    assert_eq!(line["session"], Value::Null);
    assert!(!server.log().contains(&read));
}

#[test]
fn an_error_of_a_beacon_is_logged_with_its_sender() {
    let server = start("json");
    let id = project(&server, "logged");
    let (key_id, browser) = key(&server, &id, &json!({"kind": "browser", "name": "page"}));
    let body = json!({"name": "shop", "algorithm": "hs256", "secret": SECRET});
    admin(&server, "POST", &format!("/api/issuers?project={id}"), &body);
    let post = |token: Option<String>| {
        let body = r#"{"session_id": "session-9"}"#;
        let request = Request::post(Kind::Event.path(), body).header("x-api-key", &browser);
        let answer = server.send(&match token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        });
        fields_of(&server, &answer.expect_status(400))
    };
    let line = post(None);
    assert_eq!(line["user"], key_id.as_str());
    assert_eq!(line["session"], "session-9");
    assert_eq!(line["endpoint"], Kind::Event.path());
    assert_eq!(line["fields"], "event_type,event_data");
    assert_eq!(post(Some(token("user-7")))["user"], "user-7");
    let of_address = post(Some(token("ada@example.org")));
    let user = of_address["user"].as_str().expect("a user");
    assert!(user.starts_with("sha256:") && user.len() == 19, "{user}");
    assert_eq!(post(Some(token("ada@example.org")))["user"], user);
    assert!(!server.log().contains("ada@example.org"));
    assert!(!server.log().contains(&browser));
}

#[test]
fn nobody_writes_lines_of_their_own_into_the_log() {
    for format in ["json", "text"] {
        let server = start(format);
        let before = server.log().lines().count();
        let hostile = "x\" status=200 code=FORGED \\n\\x1b[31m";
        let requests = [
            Request::get("/api/keys?a=%0aFORGED").header("user-agent", "a\" FORGED=\"1"),
            Request::get("/api/%0a%0dFORGED%1b[31m"),
            Request::get("/api/keys").header("user-agent", hostile),
            Request::get("/api/keys").header("authorization", "Bearer FORGED\tFORGED"),
            Request::post(Kind::Event.path(), r#"{"FORGED\n\u001b[31m": 1}"#).header("x-api-key", INGEST_KEY),
            Request::post(Kind::Event.path(), "{}").header("user-agent", "F".repeat(5_000)),
        ];
        for request in &requests {
            let answer = server.send(request);
            assert!((400..500).contains(&answer.status), "{}", answer.text());
            let line = line_of(&server, &answer);
            assert!(!line.contains('\u{1b}') && line.len() < 2_000, "{line}");
        }
        let log = server.log();
        for line in log.lines().skip(before) {
            let has_begun_as_a_line = match format {
                "json" => serde_json::from_str::<Value>(line).is_ok_and(|line| line["timestamp"].is_string()),
                _ => line.starts_with("20"),
            };
            assert!(has_begun_as_a_line, "{line}");
        }
    }
}
