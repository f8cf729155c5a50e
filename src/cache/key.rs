//! What answers are kept under.

use std::borrow::Borrow;
use std::sync::Arc;

/// Raised when answers change their form, so that no version reads what another one has kept.
const FORMAT: u32 = 1;

/// Whose answer it is and to what, as one text: `project/question/…`. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key of a question's answer, or of a panel: `question` is its name, `asked` what is asked, in a form that is the
    /// same for all who ask the same. Neither project nor name may hold a slash.
    #[must_use]
    pub fn new(project_id: &str, revision: i64, question: &str, asked: &str) -> Self {
        debug_assert!(!project_id.contains('/') && !question.contains('/'));
        Self(format!("{project_id}/{question}/{asked} r{revision} f{FORMAT}").into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }

    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        self.0.starts_with(prefix)
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_question_of_a_project_is_under_the_prefix_of_another(
            one in "[a-z0-9_-]{1,12}", other in "[a-z0-9_-]{1,12}", name in "[a-z-]{1,8}", asked in ".{0,40}",
        ) {
            prop_assume!(one != other);
            let key = Key::new(&other, 1, &name, &asked);
            let prefix = format!("{one}/");
            prop_assert!(!key.starts_with(&prefix));
        }

        #[test]
        fn who_asks_something_else_has_another_key(
            one in ("[a-z0-9_-]{1,4}", 0_i64..9, "[a-z-]{1,4}", ".{0,10}"),
            other in ("[a-z0-9_-]{1,4}", 0_i64..9, "[a-z-]{1,4}", ".{0,10}"),
        ) {
            let key = |of: &(String, i64, String, String)| Key::new(&of.0, of.1, &of.2, &of.3);
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }
    }
}
