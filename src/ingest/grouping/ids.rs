//! Which segments of a path are ids.

use super::ID;

/// Fewest characters of a hexadecimal id that holds a digit, and of one without.
const HEX_MIN: usize = 8;
const HEX_LETTERS_MIN: usize = 16;
/// Changes between letters and digits from which on a text is random.
const CHANGES_MIN: usize = 5;

/// True when a segment is an id, or has one between its dots, like `main.8f3b2c1d.js`.
pub(super) fn holds_id(segment: &str) -> bool {
    let might = segment.len() >= HEX_LETTERS_MIN || segment.bytes().any(is_in_ids_only);
    might && (is_id(segment) || segment.split('.').any(is_id))
}

/// No short word holds such a byte.
const fn is_in_ids_only(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'@' | b'%' | b'[')
}

/// True for a path of short words with one slash between them, as most are: no id is in it, and nothing to be
/// cleaned. One pass tells.
pub(super) fn is_of_words(path: &str) -> bool {
    let (mut word_bytes, mut is_behind_slash) = (0, false);
    for byte in path.bytes() {
        if byte == b'/' {
            if is_behind_slash {
                return false;
            }
            (word_bytes, is_behind_slash) = (0, true);
        } else {
            (word_bytes, is_behind_slash) = (word_bytes + 1, false);
            if word_bytes >= HEX_LETTERS_MIN || is_in_ids_only(byte) {
                return false;
            }
        }
    }
    !is_behind_slash || path.len() == 1
}

/// Writes a segment that holds an id, with `:id` in its place.
pub(super) fn put_without_ids(segment: &str, name: &mut String) {
    if is_id(segment) {
        return name.push_str(ID);
    }
    for (index, piece) in segment.split('.').enumerate() {
        if index > 0 {
            name.push('.');
        }
        name.push_str(if is_id(piece) { ID } else { piece });
    }
}

fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    is_number(bytes)
        || is_address(text)
        || is_hex(bytes)
        || is_random(bytes)
        || text == "[email]"
        || text == "[secret]"
}

/// Numbers, dates, times, coordinates, versions: digits and what stands between them.
fn is_number(text: &[u8]) -> bool {
    let is_part = |byte: &u8| {
        byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.' | b',' | b':' | b'+' | b'T' | b'Z')
    };
    text.first()
        .is_some_and(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+'))
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().all(is_part)
}

/// Like an address of mail: something on both sides of an `@`.
fn is_address(text: &str) -> bool {
    let sides = text.split_once('@').or_else(|| text.split_once("%40"));
    sides.is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

/// UUIDs and other hexadecimal ids, with or without dashes.
fn is_hex(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let hex = text.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
    let dashes = text.iter().filter(|byte| **byte == b'-').count();
    hex + dashes == text.len() && (hex >= HEX_LETTERS_MIN || (hex >= HEX_MIN && digits > 0))
}

/// Ids in base 32, 36, 58, 62 or 64: letters and digits that take turns. Words and versions (`iphone15promax`) do
/// so seldom.
fn is_random(text: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~' | b'=');
    let changes = text
        .windows(2)
        .filter(|pair| {
            (pair[0].is_ascii_digit() && pair[1].is_ascii_alphabetic())
                || (pair[0].is_ascii_alphabetic() && pair[1].is_ascii_digit())
        })
        .count();
    changes >= CHANGES_MIN && text.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{holds_id, is_of_words};

    proptest! {
        #[test]
        fn a_path_of_words_is_clean_and_holds_no_id(path in "(/|[a-z]{1,7}|-|[.]|[a-f0-9]|@|%4|\\PC){0,12}") {
            if is_of_words(&path) {
                prop_assert!(!path.contains("//") && (path.len() <= 1 || !path.ends_with('/')));
                prop_assert!(!path.split('/').any(holds_id));
            }
        }
    }

    #[test]
    fn everyday_paths_are_of_words() {
        for path in [
            "",
            "/",
            "/effects/oil-painting",
            "/api/images/upload",
            "about.html",
        ] {
            assert!(is_of_words(path), "{path}");
        }
        for path in ["//", "/a/", "/user/123", "/a//b"] {
            assert!(!is_of_words(path), "{path}");
        }
    }
}
