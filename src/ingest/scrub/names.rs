//! Names whose values are secrets.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Longest name that is looked at.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// Names as the settings give them: `key` is that name, `*token*` any name that holds the word. Case, `-`, `_`, `.`
/// and spaces mean nothing: `apikey` is `API-Key` too.
#[derive(Clone, Debug)]
pub(super) struct SecretNames {
    whole: Vec<Box<str>>,
    /// None when there are none.
    parts: Option<AhoCorasick>,
}

impl SecretNames {
    pub(super) fn new(settings: &[String]) -> Self {
        let mut whole = Vec::new();
        let mut parts = Vec::new();
        for setting in settings {
            let plain: String = setting
                .chars()
                .filter(|letter| !matches!(letter, '*' | '-' | '_' | '.' | ' '))
                .flat_map(char::to_lowercase)
                .collect();
            if plain.is_empty() {
                continue;
            }
            if setting.contains('*') {
                parts.push(plain);
            } else {
                whole.push(plain.into());
            }
        }
        // A few short words make a small automaton; only millions of them would make none.
        let finder = AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::DFA))
            .build(&parts);
        Self {
            whole,
            parts: finder.ok().filter(|_| !parts.is_empty()),
        }
    }

    /// True for the name of a parameter whose value is a secret.
    pub(super) fn is_secret(&self, name: &str) -> bool {
        let mut buffer = [0; NAME_BYTES_MAX];
        let Some(plain) = plain(name, &mut buffer) else {
            return false;
        };
        self.whole.iter().any(|whole| whole.as_bytes() == plain) || self.holds_part(plain)
    }

    /// True for the key of an object whose value is a secret. Only names that hold a word count: `key` and `code`
    /// alone are everyday keys of an event's data.
    pub(super) fn is_secret_key(&self, name: &str) -> bool {
        let mut buffer = [0; NAME_BYTES_MAX];
        plain(name, &mut buffer).is_some_and(|plain| self.holds_part(plain))
    }

    fn holds_part(&self, plain: &[u8]) -> bool {
        self.parts.as_ref().is_some_and(|parts| parts.is_match(plain))
    }
}

/// The name in lower case without its punctuation; none when it is too long to be one. Of `user[token]`, written
/// plainly or as `user%5Btoken%5D`, the innermost name counts.
fn plain<'b>(name: &str, buffer: &'b mut [u8; NAME_BYTES_MAX]) -> Option<&'b [u8]> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut length = 0;
    for byte in innermost(name).bytes() {
        if !matches!(byte, b'-' | b'_' | b'.' | b' ') {
            buffer[length] = byte.to_ascii_lowercase();
            length += 1;
        }
    }
    Some(&buffer[..length])
}

fn innermost(name: &str) -> &str {
    let mut name = name;
    if !name.bytes().any(|byte| matches!(byte, b'[' | b']' | b'%')) {
        return name;
    }
    for close in ["%5D", "%5d", "]"] {
        name = name.strip_suffix(close).unwrap_or(name);
    }
    for open in ["%5B", "%5b", "["] {
        name = name.rsplit(open).next().unwrap_or(name);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ScrubConfig;

    #[test]
    fn names_are_known_in_all_their_spellings() {
        let names = SecretNames::new(&ScrubConfig::default().query_parameters);
        for name in [
            "token",
            "access_token",
            "resetPasswordToken",
            "API-KEY",
            "api.key",
            "client_secret",
            "X-Amz-Signature",
            "code",
            "key",
            "session",
            "sid",
            "auth",
            "user[token]",
            "user%5Bpassword%5D",
            "filter[key]",
        ] {
            assert!(names.is_secret(name), "{name}");
        }
        for name in [
            "",
            "page",
            "country_code",
            "keyword",
            "sort_key",
            "author",
            "q",
            "utm_source",
        ] {
            assert!(!names.is_secret(name), "{name}");
        }
        assert!(!names.is_secret(&"token".repeat(20)), "too long to be a name");
        assert!(names.is_secret_key("userPassword") && !names.is_secret_key("code"));
    }
}
