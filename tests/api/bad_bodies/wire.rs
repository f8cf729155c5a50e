//! Bodies that are bad before anyone reads them as JSON: encodings, media types, sizes.

use super::corpus::Case;
use crate::harness::beacons::Kind;
use crate::harness::encodings::{
    BOMB_BYTES, brotli_bomb, brotli_stored, gzip, gzip_bomb, raw_deflate, zlib, zlib_bomb, zstd, zstd_bomb,
};

/// Largest body on the wire.
const WIRE_BYTES_MAX: usize = 64 * 1024;

pub(super) fn cases() -> Vec<Case> {
    [bombs(), broken(), mismatched(), media_types(), sizes()]
        .into_iter()
        .flatten()
        .collect()
}

fn event() -> Vec<u8> {
    Kind::Event.sample().to_string().into_bytes()
}

fn encoded(name: &str, encoding: &'static str, body: Vec<u8>, statuses: &[u16]) -> Case {
    assert!(
        body.len() <= WIRE_BYTES_MAX || statuses == [413],
        "{name} is {} bytes",
        body.len()
    );
    Case::wire(name, body, statuses).header("content-encoding", encoding)
}

/// Small on the wire, many MiB inflated.
fn bombs() -> Vec<Case> {
    let json_bomb = format!("{}{}", " ".repeat(BOMB_BYTES), Kind::Event.sample());
    vec![
        encoded("a gzip bomb", "gzip", gzip_bomb(), &[413]),
        encoded(
            "a gzip bomb of good JSON",
            "gzip",
            gzip(json_bomb.as_bytes()),
            &[413],
        ),
        Case::wire("a gzip bomb without a header", gzip_bomb(), &[413]),
        Case::wire("a gzip bomb as a form", gzip_bomb(), &[413])
            .header("content-type", "application/x-www-form-urlencoded"),
        encoded(
            "a gzip bomb in many members",
            "gzip",
            gzip(&vec![b'a'; 64 << 10]).repeat(40),
            &[413],
        ),
        encoded("a deflate bomb", "deflate", zlib_bomb(), &[413]),
        encoded(
            "a bare deflate bomb",
            "deflate",
            raw_deflate(&vec![b'a'; BOMB_BYTES]),
            &[413],
        ),
        encoded("a Brotli bomb", "br", brotli_bomb(), &[413]),
        encoded("a zstd bomb", "zstd", zstd_bomb(23), &[413]),
        encoded(
            "a zstd bomb with a window of 128 MiB",
            "zstd",
            zstd_bomb(27),
            &[400, 413],
        ),
        encoded(
            "a zstd bomb with a window of 2 GiB",
            "zstd",
            zstd_bomb(31),
            &[400, 413],
        ),
    ]
}

fn broken() -> Vec<Case> {
    let mut cases = Vec::new();
    let streams: [(&str, &'static str, Vec<u8>); 4] = [
        ("gzip", "gzip", gzip(&event())),
        ("deflate", "deflate", zlib(&event())),
        ("Brotli", "br", brotli_stored(&event())),
        ("zstd", "zstd", zstd(&event())),
    ];
    for (name, encoding, stream) in streams {
        for kept in [1, 2, 5, stream.len() / 2, stream.len() - 1] {
            cases.push(encoded(
                &format!("{kept} bytes of {name}"),
                encoding,
                stream[..kept].to_vec(),
                &[400],
            ));
        }
        let mut flipped = stream.clone();
        flipped[0] ^= 0xff;
        cases.push(encoded(
            &format!("{name} with a bad first byte"),
            encoding,
            flipped,
            &[400],
        ));
        cases.push(encoded(
            &format!("an empty body as {name}"),
            encoding,
            Vec::new(),
            &[400],
        ));
        let twice = match encoding {
            "gzip" => gzip(&stream),
            "deflate" => zlib(&stream),
            "br" => brotli_stored(&stream),
            _ => zstd(&stream),
        };
        cases.push(encoded(&format!("{name} in {name}"), encoding, twice, &[400]));
    }
    let mut bad_sum = gzip(&event());
    let sum_at = bad_sum.len() - 8;
    bad_sum[sum_at] ^= 1;
    cases.push(encoded(
        "gzip with a wrong checksum",
        "gzip",
        bad_sum.clone(),
        &[400],
    ));
    cases.push(Case::wire(
        "gzip with a wrong checksum and without a header",
        bad_sum,
        &[400],
    ));
    cases.push(encoded(
        "gzip with garbage behind it",
        "gzip",
        [gzip(&event()), b"garbage".to_vec()].concat(),
        &[400],
    ));
    cases.push(Case::wire(
        "two bytes that look like gzip",
        b"\x1f\x8b".to_vec(),
        &[400],
    ));
    cases
}

/// The header says one thing and the body is another.
fn mismatched() -> Vec<Case> {
    let mut cases = Vec::new();
    for encoding in ["gzip", "deflate", "br", "zstd"] {
        cases.push(encoded(
            &format!("plain JSON as {encoding}"),
            encoding,
            event(),
            &[400],
        ));
    }
    cases.push(encoded("gzip as zstd", "zstd", gzip(&event()), &[400]));
    cases.push(encoded("gzip as br", "br", gzip(&event()), &[400]));
    cases.push(encoded("zstd as gzip", "gzip", zstd(&event()), &[400]));
    cases.push(Case::wire("zstd without a header", zstd(&event()), &[400]));
    for unknown in [
        "compress",
        "gzip, br",
        "gzip;q=1",
        "lzma",
        "*",
        "\u{fc}",
        "aes128gcm",
    ] {
        cases.push(encoded(
            &format!("the unknown encoding {unknown}"),
            unknown,
            gzip(&event()),
            &[415],
        ));
    }
    cases
}

fn media_types() -> Vec<Case> {
    let mut cases = Vec::new();
    for media_type in [
        "image/png",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/json; charset=utf-16",
        "application/json; charset=latin1",
        "text/html",
        "json",
        "\u{fc}",
    ] {
        cases.push(
            Case::wire(&format!("the media type {media_type}"), event(), &[415])
                .header("content-type", media_type),
        );
    }
    for (name, body) in [
        ("a form without data", "v=1&t=2"),
        ("a form with empty data", "data="),
        ("a form with bad data", "data=%7Bbad"),
        ("a form with bytes that are no UTF-8", "data=%ff%fe"),
        ("a form with broken escapes", "data=%7%7B%zz"),
    ] {
        cases
            .push(Case::wire(name, body, &[400]).header("content-type", "application/x-www-form-urlencoded"));
    }
    cases
}

fn sizes() -> Vec<Case> {
    let mut padded = event();
    padded.resize(WIRE_BYTES_MAX + 1, b' ');
    vec![
        Case::wire("a byte too many on the wire", padded.clone(), &[413]),
        encoded(
            "a gzip body that is too large on the wire",
            "gzip",
            padded,
            &[413],
        ),
    ]
}
