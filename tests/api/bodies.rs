//! Good bodies in every documented form: media types, encodings, transfers.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::beacons::Kind;
use crate::harness::encodings::{brotli_event, brotli_stored, gzip, raw_deflate, zlib, zstd};
use crate::harness::http::Request;
use crate::harness::server::INGEST_KEY;
use crate::harness::{Fresnel, encodings};

/// A user event that can be told from all others.
fn event() -> (String, Value) {
    let id = Uuid::new_v4().to_string();
    let mut beacon = Kind::Event.sample();
    beacon["event_id"] = json!(id);
    beacon["event_data"] = json!({"note": "100 % größer & + = ; \"quoted\"", "id": id});
    (id, beacon)
}

fn request(body: impl Into<Vec<u8>>) -> Request {
    Request::post(Kind::Event.path(), body).header("x-api-key", INGEST_KEY)
}

#[track_caller]
fn assert_stored(server: &Fresnel, ids: &[String]) {
    for id in ids {
        let row = server.warehouse().row(Kind::Event.table(), id);
        assert_eq!(
            row["event_data"],
            json!({"note": "100 % größer & + = ; \"quoted\"", "id": id})
        );
    }
}

/// As browsers and `URLSearchParams` write a form's value.
fn form_value(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[test]
fn every_media_type_of_the_contract_is_taken_and_the_body_decides() {
    let server = Fresnel::shared();
    let mut ids = Vec::new();
    for media_type in [
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("Application/JSON;charset=\"UTF-8\""),
        Some("text/plain"),
        Some("text/plain;charset=UTF-8"),
        Some("application/x-www-form-urlencoded"),
        None,
    ] {
        let (id, beacon) = event();
        let mut request = request(beacon.to_string());
        if let Some(media_type) = media_type {
            request = request.header("content-type", media_type);
        }
        let answer = server.send(&request);
        assert_eq!(answer.status, 202, "{media_type:?}: {}", answer.text());
        ids.push(id);
    }
    assert_stored(&server, &ids);
}

#[test]
fn a_form_holds_the_beacon_in_data() {
    let server = Fresnel::shared();
    let mut ids = Vec::new();
    for media_type in [
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
        None,
    ] {
        for (before, after) in [("", ""), ("v=2&", "&t=1"), ("", "&data=second")] {
            let (id, beacon) = event();
            let body = format!("{before}data={}{after}", form_value(&beacon.to_string()));
            let mut request = request(body);
            if let Some(media_type) = media_type {
                request = request.header("content-type", media_type);
            }
            let answer = server.send(&request);
            assert_eq!(answer.status, 202, "{media_type:?}: {}", answer.text());
            ids.push(id);
        }
    }
    assert_stored(&server, &ids);
}

#[test]
fn every_encoding_of_the_contract_is_taken_with_every_media_type() {
    type Encode = fn(&[u8]) -> Vec<u8>;
    let encodings: [(Option<&str>, Encode); 9] = [
        (Some("identity"), <[u8]>::to_vec),
        (Some("gzip"), gzip),
        (Some("GZIP"), gzip),
        (Some("x-gzip"), gzip),
        (Some("deflate"), zlib),
        (Some("deflate"), raw_deflate),
        (Some("br"), brotli_stored),
        (Some("zstd"), zstd),
        // A beacon cannot set the header: the first two bytes tell.
        (None, gzip),
    ];
    let server = Fresnel::shared();
    let mut ids = Vec::new();
    for (name, encode) in encodings {
        for media_type in [
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
        ] {
            let (id, beacon) = event();
            let mut request =
                request(encode(beacon.to_string().as_bytes())).header("content-type", media_type);
            if let Some(name) = name {
                request = request.header("content-encoding", name);
            }
            let answer = server.send(&request);
            assert_eq!(answer.status, 202, "{name:?} {media_type}: {}", answer.text());
            ids.push(id);
        }
    }
    assert_stored(&server, &ids);
}

#[test]
fn a_stream_of_a_real_brotli_compressor_is_inflated() {
    let server = Fresnel::shared();
    let answer = server.send(&request(brotli_event()).header("content-encoding", "br"));
    let id = answer.expect_status(202).json()["data"]["event_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let row = server.warehouse().row(Kind::Event.table(), &id);
    assert_eq!(row["event_data"]["tool"], "brotli");
    assert_eq!(row["event_data"]["padding"], "x".repeat(300));
}

#[test]
fn gzip_in_several_members_and_with_a_name_is_inflated() {
    let server = Fresnel::shared();
    let (id, beacon) = event();
    let text = beacon.to_string();
    let (first, second) = text.as_bytes().split_at(text.len() / 2);
    let mut body = encodings::gzip(first);
    // RFC 1952: a flag in the fourth byte, and a name that ends in zero behind the ten bytes of the header.
    let mut named = encodings::gzip(second);
    named[3] |= 0x08;
    named.splice(10..10, *b"beacon.json\0");
    body.extend(named);
    server
        .send(&request(body).header("content-encoding", "gzip"))
        .expect_status(202);
    assert_stored(&server, &[id]);
}

#[test]
fn bodies_in_chunks_and_in_single_bytes_are_whole() {
    let server = Fresnel::shared();
    let mut ids = Vec::new();
    let head = |length: &str| {
        format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {INGEST_KEY}\r\n{length}\r\n\r\n",
            Kind::Event.path()
        )
    };
    for chunk_bytes in [1, 7, 1_000] {
        let (id, beacon) = event();
        let mut connection = server.connect();
        connection
            .write(head("transfer-encoding: chunked").as_bytes())
            .expect("to write");
        for chunk in beacon.to_string().as_bytes().chunks(chunk_bytes) {
            let mut piece = format!("{:x};extension=1\r\n", chunk.len()).into_bytes();
            piece.extend_from_slice(chunk);
            piece.extend_from_slice(b"\r\n");
            connection.write(&piece).expect("to write");
        }
        connection.write(b"0\r\ntrailer: yes\r\n\r\n").expect("to write");
        let answer = connection.read_answer().expect("an answer");
        assert_eq!(answer.status, 202, "{chunk_bytes}: {}", answer.text());
        ids.push(id);
    }
    let (id, beacon) = event();
    let body = beacon.to_string();
    let mut connection = server.connect();
    let wire = format!("{}{body}", head(&format!("content-length: {}", body.len())));
    for byte in wire.as_bytes() {
        connection.write(&[*byte]).expect("to write");
    }
    assert_eq!(connection.read_answer().expect("an answer").status, 202);
    ids.push(id);
    assert_stored(&server, &ids);
}

#[test]
fn a_body_at_the_limit_of_the_wire_and_one_at_the_limit_inflated_are_taken() {
    let server = Fresnel::shared();
    let padded = |bytes: usize| {
        let (id, beacon) = event();
        let mut text = beacon.to_string().into_bytes();
        text.resize(bytes, b' ');
        (id, text)
    };
    let (plain_id, plain) = padded(64 * 1024);
    server
        .send(&request(plain).header("content-type", "application/json"))
        .expect_status(202);
    let (inflated_id, inflated) = padded(1024 * 1024);
    server
        .send(&request(gzip(&inflated)).header("content-encoding", "gzip"))
        .expect_status(202);
    let (_, larger) = padded(1024 * 1024 + 1);
    for (name, body) in [
        ("gzip", gzip(&larger)),
        ("deflate", zlib(&larger)),
        ("zstd", zstd(&larger)),
    ] {
        server
            .send(&request(body).header("content-encoding", name))
            .expect_status(413);
    }
    assert_stored(&server, &[plain_id, inflated_id]);
}

#[test]
fn a_byte_order_mark_and_white_space_are_no_fault() {
    let server = Fresnel::shared();
    let mut ids = Vec::new();
    for media_type in ["application/json", "text/plain"] {
        for frame in [("\u{feff}", ""), (" \r\n\t", " \n "), ("\u{feff} ", "\n")] {
            let (id, beacon) = event();
            let body = format!("{}{beacon}{}", frame.0, frame.1);
            let answer = server.send(&request(body).header("content-type", media_type));
            assert_eq!(answer.status, 202, "{frame:?}: {}", answer.text());
            ids.push(id);
        }
    }
    assert_stored(&server, &ids);
}

#[test]
fn fields_that_are_not_known_are_left_out() {
    let server = Fresnel::shared();
    let (id, mut beacon) = event();
    beacon["sdk_version"] = json!("9.9.9");
    beacon["context"] = json!({"deep": [1, 2, 3]});
    server.send(&request(beacon.to_string())).expect_status(202);
    assert_stored(&server, &[id]);
}

#[test]
fn the_deepest_and_widest_bodies_that_are_allowed_are_taken() {
    let server = Fresnel::shared();
    let keys: Vec<String> = (0..100).map(|key| format!(r#""k{key}": {key}"#)).collect();
    let widest = format!("{{{}}}", keys.join(","));
    // The body and its data are two levels of the 32.
    let deepest = format!(r#"{{"a": {}1{}}}"#, "[".repeat(30), "]".repeat(30));
    for data in [widest, deepest] {
        let body = format!(r#"{{"event_type": "image_upload", "session_id": "s", "event_data": {data}}}"#);
        let answer = server.post(Kind::Event.path(), body).expect_status(202);
        let id = answer.json()["data"]["event_id"]
            .as_str()
            .expect("an id")
            .to_owned();
        server.warehouse().row(Kind::Event.table(), &id);
    }
}
