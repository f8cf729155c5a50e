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
    /// The letters that each part needs: most names lack one for every part, and are known by that.
    part_letters: Vec<u32>,
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
            part_letters: parts.iter().map(|part| letters(part.as_bytes())).collect(),
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
        if !self.may_hold_part(name.as_bytes()) {
            return false;
        }
        let mut buffer = [0; NAME_BYTES_MAX];
        plain(name, &mut buffer).is_some_and(|plain| self.holds_part(plain))
    }

    fn holds_part(&self, plain: &[u8]) -> bool {
        self.may_hold_part(plain) && self.parts.as_ref().is_some_and(|parts| parts.is_match(plain))
    }

    fn may_hold_part(&self, name: &[u8]) -> bool {
        let there = letters(name);
        self.part_letters.iter().any(|needed| needed & !there == 0)
    }
}

/// The letters of a text as bits, whatever their case. Other bytes share these bits, so that a bit that is not
/// there says more than one that is.
fn letters(text: &[u8]) -> u32 {
    text.iter().fold(0, |letters, byte| letters | 1 << (byte & 31))
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
    use proptest::prelude::*;

    use super::*;
    use crate::config::ScrubConfig;

    proptest! {
        #[test]
        fn letters_alone_never_hide_a_part(
            before in "[a-zA-Z0-9_.\\[\\]%é-]{0,6}",
            part in "(TOKEN|[sS]e[cC]ret|pass_word|Api-Key|j\\.w\\.t|schlüssel)?",
            after in "\\PC{0,6}",
        ) {
            let settings = ["*token*", "*secret*", "*password*", "*apikey*", "*jwt*", "*schlüssel*"];
            let names = SecretNames::new(&settings.map(str::to_owned));
            let name = [before, part, after].concat();
            let mut buffer = [0; NAME_BYTES_MAX];
            let found = plain(&name, &mut buffer)
                .is_some_and(|plain| names.parts.as_ref().unwrap().is_match(plain));
            prop_assert_eq!(names.is_secret_key(&name), found);
            prop_assert!(!found || names.is_secret(&name));
        }
    }

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
