//! The scanner: finds what must go at the few bytes that betray it (`@`, `=`, `:`, `eyJ`, `Bearer `), looks left for
//! its beginning, never before the end of what went last, and right for its end. Every byte is looked at a
//! bounded number of times.

use super::names::{NAME_BYTES_MAX, SecretNames};
use super::{EMAIL, SECRET};

/// Longest name of a mailbox that is looked for, in bytes.
const USER_BYTES_MAX: usize = 256;
/// Fewest characters of a value behind a colon, or of credentials behind `Bearer` or `Basic`, that count.
const COLON_VALUE_MIN: usize = 16;
const CREDENTIALS_MIN: usize = 8;
const JWT_MIN: usize = 20;

/// What betrays a secret by itself: `@`, `=`, `%`, `:`, and the `J` of `eyJ`.
const SIGN: u8 = 1;
/// What stands behind `Bearer` and `Basic`, and how these begin: only both together mean something.
const SPACE: u8 = 1 << 1;
const LETTER_B: u8 = 1 << 2;

/// What each byte may be a part of.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let signs = b"@=%:J";
    let mut place = 0;
    while place < signs.len() {
        classes[signs[place] as usize] = SIGN;
        place += 1;
    }
    classes[b' ' as usize] = SPACE;
    classes[b'b' as usize] = LETTER_B;
    classes[b'B' as usize] = LETTER_B;
    classes
};

/// False when nothing in this text could be a secret: most texts are short, and end here.
pub(super) fn is_suspect(text: &[u8]) -> bool {
    let found = text
        .iter()
        .fold(0, |found, byte| found | CLASSES[usize::from(*byte)]);
    found & SIGN != 0 || found == SPACE | LETTER_B
}

/// The text without what must go; none when there is nothing.
pub(super) fn scrubbed(text: &str, names: &SecretNames) -> Option<String> {
    let mut scan = Scan {
        text,
        bytes: text.as_bytes(),
        names,
        done: 0,
        out: String::new(),
    };
    scan.run();
    if scan.done == 0 {
        return None;
    }
    scan.out.push_str(&text[scan.done..]);
    Some(scan.out)
}

struct Scan<'t> {
    text: &'t str,
    bytes: &'t [u8],
    names: &'t SecretNames,
    /// End of what was replaced last; everything before it is in `out`.
    done: usize,
    out: String,
}

impl Scan<'_> {
    fn run(&mut self) {
        let mut at = 0;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'@' => self.at_sign(at, at + 1),
                b'%' if self.starts(at, b"%40") => self.at_sign(at, at + 3),
                b'=' => self.assigned(at, at + 1),
                b'%' if self.starts(at, b"%3D") => self.assigned(at, at + 3),
                b':' => self.colon(at),
                b'e' if self.bytes.get(at + 1) == Some(&b'y') => self.jwt(at),
                b'b' | b'B' if matches!(self.bytes.get(at + 1), Some(b'e' | b'E' | b'a' | b'A')) => {
                    self.credentials(at);
                }
                _ => {}
            }
            at = self.done.max(at + 1);
        }
    }

    /// Compares without case.
    fn starts(&self, at: usize, word: &[u8]) -> bool {
        self.bytes
            .get(at..at + word.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(word))
    }

    fn replace(&mut self, from: usize, to: usize, with: &str) {
        self.out.push_str(&self.text[self.done..from]);
        self.out.push_str(with);
        self.done = to;
    }

    /// Start of the run of such bytes that ends before `end`; none when it is longer than `bytes_max`.
    fn run_before(&self, end: usize, bytes_max: usize, is_part: impl Fn(u8) -> bool) -> Option<usize> {
        let from = self.done.max(end.saturating_sub(bytes_max + 1));
        let length = self.bytes[from..end]
            .iter()
            .rev()
            .take_while(|byte| is_part(**byte))
            .count();
        (length <= bytes_max).then_some(end - length)
    }

    /// End of the run of such bytes that begins at `start`.
    fn run_after(&self, start: usize, is_part: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(start..).unwrap_or_default();
        start + rest.iter().take_while(|byte| is_part(**byte)).count()
    }

    /// `name@host.example`; `sign` is where the `@` stands, in one byte or three.
    fn at_sign(&mut self, sign: usize, after: usize) {
        let Some(start) = self.run_before(sign, USER_BYTES_MAX, is_mailbox) else {
            return;
        };
        let host_end = self.run_after(after, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-') || byte >= 0x80
        });
        let host = self.text[after..host_end].trim_end_matches(['.', '-']);
        let is_host = host.rsplit_once('.').is_some_and(|(name, top)| {
            !name.is_empty() && top.len() >= 2 && !top.bytes().any(|b| b.is_ascii_digit())
        });
        if start < sign && is_host {
            self.replace(start, after + host.len(), EMAIL);
        }
    }

    /// `scheme://user:password@host`; `start` is behind the slashes.
    fn url_user(&mut self, start: usize) {
        let end = self.run_after(start, |byte| {
            !matches!(byte, b'@' | b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>')
                && !byte.is_ascii_whitespace()
        });
        let is_user = end > start && self.bytes.get(end) == Some(&b'@');
        if is_user && self.text.get(start..end) != Some(SECRET) {
            self.replace(start, end, SECRET);
        }
    }

    /// The name that ends before `end`, out of its quotes and brackets.
    fn name_before(&self, end: usize) -> Option<&str> {
        let mut end = end;
        let mut is_bracketed = false;
        while end > self.done && matches!(self.bytes[end - 1], b'"' | b'\'' | b' ' | b']') {
            is_bracketed |= self.bytes[end - 1] == b']';
            end -= 1;
        }
        let start = self.run_before(end, NAME_BYTES_MAX, is_name)?;
        let name = self.text.get(start..end)?;
        // What stands for something that went is no name.
        let is_ours = is_bracketed && matches!(name, "secret" | "email");
        (!name.is_empty() && !is_ours).then_some(name)
    }

    /// `name=value`; whatever the value is.
    fn assigned(&mut self, sign: usize, after: usize) {
        // The name first: a value may be long, and is only gone over when it goes.
        let is_secret = |name| self.names.is_secret(name);
        if !self.name_before(sign).is_some_and(is_secret) {
            return;
        }
        let start = self.run_after(after, |byte| matches!(byte, b'"' | b'\''));
        let end = self.run_after(start, is_value);
        if start < end && self.text.get(start..end) != Some(SECRET) {
            self.replace(start, end, SECRET);
        }
    }

    /// `name: value`, `"name":"value"`; when the value looks random.
    fn colon(&mut self, sign: usize) {
        if self.starts(sign, b"://") {
            return self.url_user(sign + 3);
        }
        let start = self.run_after(sign + 1, |byte| matches!(byte, b'"' | b'\'' | b' '));
        let end = self.run_after(start, is_token);
        if end - start >= COLON_VALUE_MIN
            && looks_random(&self.bytes[start..end])
            && self
                .name_before(sign)
                .is_some_and(|name| self.names.is_secret(name))
        {
            self.replace(start, end, SECRET);
        }
    }

    /// `Bearer …` and `Basic …`.
    fn credentials(&mut self, at: usize) {
        let words: [&[u8]; 3] = [b"bearer ", b"bearer%20", b"basic "];
        let Some(word) = words.into_iter().find(|word| self.starts(at, word)) else {
            return;
        };
        if at > 0 && self.bytes[at - 1].is_ascii_alphanumeric() {
            return;
        }
        let start = self.run_after(at + word.len(), |byte| byte == b' ');
        let end = self.run_after(start, is_token);
        if end - start >= CREDENTIALS_MIN && looks_random(&self.bytes[start..end]) {
            self.replace(start, end, SECRET);
        }
    }

    /// `eyJ…`: how the JSON of a JWT's header begins in base64.
    fn jwt(&mut self, at: usize) {
        let is_inside = at > 0 && self.bytes[at - 1].is_ascii_alphanumeric();
        if is_inside || !self.text[at..].starts_with("eyJ") {
            return;
        }
        let end = self.run_after(at, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=')
        });
        let long = 2 * JWT_MIN;
        if end - at >= long || (end - at >= JWT_MIN && self.bytes[at..end].contains(&b'.')) {
            self.replace(at, end, SECRET);
        }
    }
}

/// Part of an address before its `@`. `%` is, so that encoded ones go whole.
fn is_mailbox(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'~' | b'!' | b'$' | b'*')
        || byte >= 0x80
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%')
}

/// Part of a parameter's value: all but what ends one in a URL, a header or a sentence.
fn is_value(byte: u8) -> bool {
    !matches!(byte, b'&' | b'#' | b';' | b'"' | b'\'' | b'<' | b'>' | b'`') && !byte.is_ascii_whitespace()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
}

/// True for what no word is: a digit in it, or a capital after small letters.
fn looks_random(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
        || text
            .windows(2)
            .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}
