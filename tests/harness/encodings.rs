//! Bodies in their encodings, honest ones and bombs.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

/// `gzip`.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// `deflate` as RFC 9110 means it: with zlib's frame.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// `deflate` as some clients send it: without a frame.
pub(crate) fn raw_deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

/// `zstd`.
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).expect("memory")
}

/// `br`: one stored block (RFC 7932, 9.2) of up to 64 KiB and an empty last one. A stream that a compressor
/// made is [`brotli_event`].
pub(crate) fn brotli_stored(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a small body");
    assert!((1..=1 << 16).contains(&length), "one block only");
    // Bits, least first: window 16 (0), not last (0), four nibbles of length (00), length − 1, stored (1).
    let header = ((length - 1) << 4) | (1 << 20);
    let mut stream = header.to_le_bytes()[..3].to_vec();
    stream.extend_from_slice(bytes);
    stream.push(0x03);
    stream
}

/// A user event with `event_data.tool = "brotli"`, as Node's zlib compresses it.
pub(crate) fn brotli_event() -> Vec<u8> {
    from_hex(BROTLI_EVENT)
}

/// Length of what most bombs inflate to, in bytes: far above any limit, and a visible dent in the server's
/// memory if it were kept.
pub(crate) const BOMB_BYTES: usize = 8 << 20;

/// 36 KiB of gzip that become 8 MiB of `a`.
pub(crate) fn gzip_bomb() -> Vec<u8> {
    gzip(&vec![b'a'; BOMB_BYTES])
}

/// 36 KiB of zlib that become 8 MiB of `a`.
pub(crate) fn zlib_bomb() -> Vec<u8> {
    zlib(&vec![b'a'; BOMB_BYTES])
}

/// 53 bytes of Brotli that become 32 MiB of `a`.
pub(crate) fn brotli_bomb() -> Vec<u8> {
    from_hex(BROTLI_BOMB)
}

/// A frame of zstd (RFC 8878) of run-length blocks: 256 bytes that become 8 MiB of `a`, and asks for a window of
/// `1 << window_log` bytes before the first of them.
pub(crate) fn zstd_bomb(window_log: u8) -> Vec<u8> {
    const BLOCK_BYTES: u32 = 128 << 10;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, (window_log - 10) << 3];
    let blocks = BOMB_BYTES / BLOCK_BYTES as usize;
    for block in 1..=blocks {
        let header = u32::from(block == blocks) | (1 << 1) | (BLOCK_BYTES << 3);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'a');
    }
    frame
}

fn from_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| {
            let digits = std::str::from_utf8(pair).expect("hex");
            u8::from_str_radix(digits, 16).expect("hex")
        })
        .collect()
}

const BROTLI_EVENT: &str = "\
    1b9501201c07768cb38d20d8ee1e21c48da5be6ecccf8260154c169dbe2233d39309b95e103e8949b2484a05d40d87f5075c\
    d42bb37c3063404b2fcf98a2acb4c4331298fd4bbad3b80fc87ef93466d197a6786a97bb1c";

const BROTLI_BOMB: &str = "\
    cbffff3ff825c2e2b14020f7fe8fffff7ff04b00c4611180eefd1fffffffe0970088c30200ddfbbffcffffc32f0110870500\
    baf77f";
