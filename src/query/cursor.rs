//! Places in lists of raw rows: opaque to clients, and the same row whatever is added meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::parameters::Parameters;
use crate::domain::field_error::FieldFault;

/// Most characters of what tells rows of one time apart.
const ID_CHARS_MAX: usize = 100;

/// The row behind which a list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Cursor {
    /// Its time in milliseconds since 1970.
    pub(super) ts_ms: i64,
    /// What tells it apart from others of this time.
    pub(super) id: String,
}

impl Cursor {
    /// The text that clients are given.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("1 {} {}", self.ts_ms, self.id))
    }

    fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let mut parts = text.splitn(3, ' ');
        let (version, ts_ms, id) = (parts.next()?, parts.next()?, parts.next()?);
        let is_good = version == "1" && id.chars().count() <= ID_CHARS_MAX && !id.contains('\0');
        let ts_ms = ts_ms
            .parse()
            .ok()
            .filter(|ms| (0..4_102_444_800_000).contains(ms))?;
        is_good.then(|| Self {
            ts_ms,
            id: id.to_owned(),
        })
    }
}

impl Parameters {
    /// Reads `cursor`; `is_id` says what ids of this list look like.
    pub(super) fn cursor(&mut self, is_id: fn(&str) -> bool) -> Option<Cursor> {
        let sent = self.one("cursor")?;
        let cursor = Cursor::read(&sent).filter(|cursor| is_id(&cursor.id));
        if cursor.is_none() {
            self.fault("cursor", FieldFault::BadFormat, "is no cursor of this list");
        }
        cursor
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(ts_ms in 0_i64..4_102_444_800_000, id in "[^\0]{0,100}") {
            let cursor = Cursor { ts_ms, id };
            prop_assert_eq!(Cursor::read(&cursor.text()), Some(cursor));
        }

        #[test]
        fn any_other_text_is_none(text in ".{0,40}") {
            // Only what begins with the version is read at all.
            prop_assume!(!text.starts_with("MS"));
            prop_assert_eq!(Cursor::read(&text), None);
        }
    }
}
