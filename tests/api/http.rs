//! HTTP at its edges, written byte by byte.

use crate::harness::beacons::Kind;
use crate::harness::http::{Connection, Request};
use crate::harness::server::INGEST_KEY;
use crate::harness::{Answer, Fresnel};

/// A good beacon's body.
fn body() -> String {
    Kind::Event.sample().to_string()
}

/// The head of a beacon's request, with these lines in it.
fn head(lines: &str) -> String {
    format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\n{lines}\r\n",
        Kind::Event.path()
    )
}

/// What the server says to these bytes; `None` when it hangs up without a word.
#[track_caller]
fn say(server: &Fresnel, bytes: &[u8]) -> Option<Answer> {
    let mut connection = server.connect();
    // The server may hang up before everything is written.
    let _ = connection.write(bytes);
    let _ = connection.close_writing();
    connection.read_answer().ok()
}

/// Checks that a request is refused, with a 4xx or without a word, and that the next one is served.
#[track_caller]
fn assert_refused(server: &Fresnel, name: &str, bytes: &[u8]) {
    if let Some(answer) = say(server, bytes) {
        let is_refusal = (400..500).contains(&answer.status) || [501, 505].contains(&answer.status);
        assert!(is_refusal, "{name}: {} {}", answer.status, answer.text());
    }
    server.post(Kind::Event.path(), body()).expect_status(202);
}

#[test]
fn lengths_that_make_no_sense_are_refused() {
    let server = Fresnel::shared();
    let body = body();
    let length = body.len();
    for (name, lines) in [
        (
            "two that differ",
            format!("content-length: {length}\r\ncontent-length: {}", length - 1),
        ),
        ("a list", format!("content-length: {length}, 5")),
        ("negative", "content-length: -1".to_owned()),
        ("with a sign", format!("content-length: +{length}")),
        ("no number", "content-length: many".to_owned()),
        (
            "an overflow",
            "content-length: 99999999999999999999999".to_owned(),
        ),
        ("a space before the colon", format!("content-length : {length}")),
        (
            "together with chunks",
            format!("content-length: {length}\r\ntransfer-encoding: chunked"),
        ),
    ] {
        assert_refused(
            &server,
            name,
            format!("{}{body}", head(&format!("{lines}\r\n"))).as_bytes(),
        );
    }
    let early = format!(
        "{}{}",
        head(&format!("content-length: {length}\r\n")),
        &body[..20]
    );
    assert_refused(&server, "a body that ends early", early.as_bytes());
}

#[test]
fn chunks_that_make_no_sense_are_refused() {
    let server = Fresnel::shared();
    let body = body();
    for (name, lines, body) in [
        (
            "a size that is no number",
            "transfer-encoding: chunked",
            format!("zz\r\n{body}\r\n0\r\n\r\n"),
        ),
        (
            "a size that overflows",
            "transfer-encoding: chunked",
            format!("fffffffffffffffff\r\n{body}"),
        ),
        (
            "a chunk without its end",
            "transfer-encoding: chunked",
            "5\r\nabcdefgh".to_owned(),
        ),
        (
            "no last chunk",
            "transfer-encoding: chunked",
            "2\r\n{}\r\n".to_owned(),
        ),
        (
            "an encoding that is not known",
            "transfer-encoding: gzip",
            body.clone(),
        ),
        (
            "chunked twice",
            "transfer-encoding: chunked, chunked",
            "0\r\n\r\n".to_owned(),
        ),
    ] {
        assert_refused(
            &server,
            name,
            format!("{}{body}", head(&format!("{lines}\r\n"))).as_bytes(),
        );
    }
}

#[test]
fn heads_that_are_no_http_are_refused() {
    let server = Fresnel::shared();
    for (name, bytes) in [
        ("a folded header", head("x-a: b\r\n  c\r\n").into_bytes()),
        ("a NUL in a header", head("x-a: b\0c\r\n").into_bytes()),
        ("a header without a colon", head("nonsense\r\n").into_bytes()),
        (
            "an unknown version",
            b"POST / HTTP/9.9\r\nhost: x\r\n\r\n".to_vec(),
        ),
        ("no version", b"POST /\r\n\r\n".to_vec()),
        ("nothing but words", b"hello there, server\r\n\r\n".to_vec()),
        (
            "a TLS hello",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        ),
        ("bytes of no text", vec![0xff; 4_000]),
        (
            "a path of no UTF-8",
            b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
        ),
    ] {
        assert_refused(&server, name, &bytes);
    }
}

#[test]
fn floods_of_headers_are_answered_431() {
    let server = Fresnel::shared();
    for (name, bytes) in [
        ("many headers", head(&"x-flood: y\r\n".repeat(2_000))),
        (
            "one long header",
            head(&format!("x-flood: {}\r\n", "y".repeat(1 << 20))),
        ),
        ("a long name", head(&format!("{}: y\r\n", "x".repeat(1 << 20)))),
        (
            "a long address",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20)),
        ),
    ] {
        let answer = say(&server, bytes.as_bytes());
        assert_eq!(answer.map(|answer| answer.status), Some(431), "{name}");
    }
}

#[test]
fn a_few_dozen_headers_are_no_flood() {
    let server = Fresnel::shared();
    let mut request = Request::post(Kind::Event.path(), body()).header("x-api-key", INGEST_KEY);
    for number in 0..60 {
        request = request.header(&format!("x-proxy-{number}"), "v".repeat(40));
    }
    server
        .send(&request.header("cookie", "c".repeat(4_000)))
        .expect_status(202);
}

#[test]
fn a_body_above_the_limit_is_refused_before_it_is_sent_and_while_it_is() {
    let server = Fresnel::shared();
    for length in ["65537", "1000000000000"] {
        let mut connection = server.connect();
        connection
            .write(head(&format!("content-length: {length}\r\n")).as_bytes())
            .expect("to write");
        let answer = connection.read_answer().expect("an answer");
        assert_eq!(answer.status, 413, "{}", answer.text());
    }
    let mut connection = server.connect();
    connection
        .write(head("transfer-encoding: chunked\r\n").as_bytes())
        .expect("to write");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let is_refused = (0..100).any(|_| connection.write(chunk.as_bytes()).is_err());
    let answer = connection.read_answer();
    // A server that hangs up while the client still writes may take its answer along.
    assert!(
        is_refused || answer.as_ref().is_ok_and(|answer| answer.status == 413),
        "{answer:?}"
    );
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let server = Fresnel::shared();
    let mut wire = Vec::new();
    let mut expected = Vec::new();
    for number in 0..60 {
        let (request, status) = match number % 4 {
            0 => (
                Request::post(Kind::Event.path(), body()).header("x-api-key", INGEST_KEY),
                202,
            ),
            1 => (Request::get("/livez"), 200),
            2 => (
                Request::post(Kind::Event.path(), "no JSON").header("x-api-key", INGEST_KEY),
                400,
            ),
            _ => (Request::get("/nothing"), 404),
        };
        wire.extend(request.encode());
        expected.push(status);
    }
    let mut connection = server.connect();
    connection.write(&wire).expect("to write");
    let answered: Vec<u16> = expected
        .iter()
        .map(|_| connection.read_answer().expect("an answer").status)
        .collect();
    assert_eq!(answered, expected);
}

#[test]
fn a_connection_serves_on_after_a_refused_beacon() {
    let server = Fresnel::shared();
    let mut connection = server.connect();
    let request = |body: String| Request::post(Kind::Event.path(), body).header("x-api-key", INGEST_KEY);
    for _ in 0..20 {
        assert_eq!(
            connection
                .exchange(&request("{}".to_owned()))
                .expect("an answer")
                .status,
            400
        );
        assert_eq!(
            connection.exchange(&request(body())).expect("an answer").status,
            202
        );
    }
}

#[test]
fn old_and_odd_but_valid_clients_are_served() {
    let server = Fresnel::shared();
    let body = body();
    let length = body.len();
    let path = Kind::Event.path();
    for (name, bytes, status) in [
        (
            "HTTP/1.0",
            format!(
                "POST {path} HTTP/1.0\r\nx-api-key: {INGEST_KEY}\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
            202,
        ),
        (
            "an absolute address",
            format!(
                "POST http://x{path} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\ncontent-length: {length}\r\n\r\n{body}"
            ),
            202,
        ),
        (
            "headers in capitals",
            format!(
                "POST {path} HTTP/1.1\r\nHOST: x\r\nX-API-KEY: {INGEST_KEY}\r\nCONTENT-LENGTH: {length}\r\n\r\n{body}"
            ),
            202,
        ),
        (
            "the same length twice",
            format!(
                "{}{body}",
                head(&format!(
                    "content-length: {length}\r\ncontent-length: {length}\r\n"
                ))
            ),
            0,
        ),
        (
            "a length with zeros",
            format!("{}{body}", head(&format!("content-length: 000{length}\r\n"))),
            202,
        ),
        (
            "a request to go on",
            format!(
                "{}{body}",
                head(&format!("content-length: {length}\r\nexpect: 100-continue\r\n"))
            ),
            202,
        ),
        (
            "HEAD",
            "HEAD /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
            0,
        ),
    ] {
        let answer = say(&server, bytes.as_bytes());
        if status != 0 {
            assert_eq!(answer.map(|answer| answer.status), Some(status), "{name}");
        } else if let Some(answer) = answer {
            assert!(answer.status < 500, "{name}: {}", answer.status);
        }
    }
}

#[test]
fn many_connections_at_once_are_all_answered() {
    let server = Fresnel::shared();
    let request = Request::post(Kind::Event.path(), body())
        .header("x-api-key", INGEST_KEY)
        .encode();
    let mut connections: Vec<Connection> = (0..500).map(|_| server.connect()).collect();
    for connection in &mut connections {
        connection.write(&request).expect("to write");
    }
    for connection in &mut connections {
        assert_eq!(connection.read_answer().expect("an answer").status, 202);
    }
}
