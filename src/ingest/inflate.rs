//! Body on the wire → plain body, counted while inflating: a bomb costs no more than the limit.

use std::borrow::Cow;
use std::io::{self, Read};

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all; a gzip body is recognised by its first bytes (`sendBeacon` cannot set the header).
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 (zlib), or the bare RFC 1951 that some clients send under this name.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878.
    Zstd,
}

/// Why a body could not be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateError {
    /// Larger than the limit when inflated.
    TooLarge,
    /// Cut off, or not in the form that its header says.
    Malformed,
}

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// zstd windows above 2^23 bytes are refused, the least that RFC 8878 asks a decoder to support. A worker inflates
/// one body at a time, so this is also the most that a worker reserves.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
const BROTLI_BUFFER_BYTES: usize = 4 * 1024;

impl Encoding {
    /// The encoding that a `Content-Encoding` header names; `None` for one that is not known.
    #[must_use]
    pub fn from_header(value: &str) -> Option<Self> {
        let value = value.trim();
        [
            ("identity", Self::Identity),
            ("", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("deflate", Self::Deflate),
            ("br", Self::Brotli),
            ("zstd", Self::Zstd),
        ]
        .into_iter()
        .find_map(|(name, encoding)| value.eq_ignore_ascii_case(name).then_some(encoding))
    }
}

/// Inflates `body` to at most `bytes_max` bytes. A body that is not compressed is not copied.
///
/// # Errors
/// The body is too large, or not what its encoding says.
pub fn inflate(body: &[u8], encoding: Encoding, bytes_max: usize) -> Result<Cow<'_, [u8]>, InflateError> {
    let plain = match encoding {
        Encoding::Identity if body.starts_with(&GZIP_MAGIC) => gunzip(body, bytes_max)?,
        Encoding::Identity => {
            return if body.len() > bytes_max {
                Err(InflateError::TooLarge)
            } else {
                Ok(Cow::Borrowed(body))
            };
        }
        Encoding::Gzip => gunzip(body, bytes_max)?,
        Encoding::Deflate if has_zlib_header(body) => {
            read_limited(flate2::read::ZlibDecoder::new(body), bytes_max)?
        }
        Encoding::Deflate => read_limited(flate2::read::DeflateDecoder::new(body), bytes_max)?,
        Encoding::Brotli => read_limited(
            brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER_BYTES),
            bytes_max,
        )?,
        Encoding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(body).map_err(|_| InflateError::Malformed)?;
            decoder
                .window_log_max(ZSTD_WINDOW_LOG_MAX)
                .map_err(|_| InflateError::Malformed)?;
            read_limited(decoder, bytes_max)?
        }
    };
    Ok(Cow::Owned(plain))
}

fn gunzip(body: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    read_limited(flate2::bufread::MultiGzDecoder::new(body), bytes_max)
}

/// RFC 1950, section 2.2: method 8, and the first two bytes are a multiple of 31.
fn has_zlib_header(body: &[u8]) -> bool {
    matches!(body, [cmf, flg, ..] if cmf & 0x0f == 8 && (u16::from(*cmf) << 8 | u16::from(*flg)) % 31 == 0)
}

fn read_limited(decoder: impl Read, bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let mut plain = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    match decoder.take(limit).read_to_end(&mut plain) {
        Ok(_) if plain.len() > bytes_max => Err(InflateError::TooLarge),
        Ok(_) => Ok(plain),
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(InflateError::TooLarge),
        Err(_) => Err(InflateError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const BYTES_MAX: usize = 1024 * 1024;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn raw_deflate(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn zstandard(plain: &[u8]) -> Vec<u8> {
        zstd::stream::encode_all(plain, 3).unwrap()
    }

    type Compress = fn(&[u8]) -> Vec<u8>;
    const FORMS: [(Encoding, Compress); 5] = [
        (Encoding::Gzip, gzip),
        (Encoding::Identity, gzip),
        (Encoding::Deflate, zlib),
        (Encoding::Deflate, raw_deflate),
        (Encoding::Zstd, zstandard),
    ];

    #[test]
    fn every_form_gives_back_what_went_in() {
        let plain = br#"{"step":"effect_viewed"}"#.repeat(20);
        for (encoding, compress) in FORMS {
            assert_eq!(
                inflate(&compress(&plain), encoding, BYTES_MAX).unwrap(),
                plain,
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let plain = vec![b' '; 4 * BYTES_MAX];
        for (encoding, compress) in FORMS {
            assert_eq!(
                inflate(&compress(&plain), encoding, BYTES_MAX),
                Err(InflateError::TooLarge),
                "{encoding:?}"
            );
        }
    }

    #[test]
    fn a_body_cut_anywhere_is_malformed() {
        let plain: Vec<u8> = (0..2_000_u32)
            .flat_map(|n| (n.wrapping_mul(2_654_435_761)).to_le_bytes())
            .collect();
        for (encoding, compress) in FORMS {
            let whole = compress(&plain);
            for end in (2..whole.len()).step_by(97) {
                assert_eq!(
                    inflate(&whole[..end], encoding, BYTES_MAX),
                    Err(InflateError::Malformed),
                    "{encoding:?} cut at {end}"
                );
            }
        }
    }

    #[test]
    fn an_encoding_that_is_not_known_is_not_guessed() {
        assert_eq!(Encoding::from_header("GZIP"), Some(Encoding::Gzip));
        assert_eq!(Encoding::from_header("compress"), None);
        assert_eq!(Encoding::from_header("gzip, br"), None);
    }
}
