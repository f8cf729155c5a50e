//! What a plan is made of, and on what terms.

use std::fmt;

use crate::alerts::targets::Targets;
use crate::control::Edit;

/// What becomes of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Create,
    Change,
    Remove,
    Same,
}

/// One thing, and what becomes of it.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) mark: Mark,
    /// Like `quota shop user ada`.
    pub(super) what: String,
    pub(super) fields: Fields,
}

/// Fields that are set, with what they were.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<String>);

impl Fields {
    /// A field and its values; nothing when they are the same.
    pub(super) fn changed<T: serde::Serialize + PartialEq>(&mut self, name: &str, before: &T, after: &T) {
        if before != after {
            self.0
                .push(format!("{name}: {} -> {}", shown(before), shown(after)));
        }
    }

    /// A field of something new.
    pub(super) fn new_value<T: serde::Serialize>(&mut self, name: &str, value: &T) {
        self.0.push(format!("{name}: {}", shown(value)));
    }

    /// A field whose values are not shown.
    pub(super) fn hidden(&mut self, name: &str) {
        self.0.push(format!("{name}: another"));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn shown(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What has to be done. Its text is for people: `+` is made, `~` changed, `-` removed, `=` stays.
#[derive(Debug, Default)]
pub struct Plan {
    items: Vec<Item>,
    /// What makes or changes users stands before what needs them.
    pub(super) edits: Vec<Edit>,
}

impl Plan {
    /// True when there is something to do.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.edits.is_empty()
    }

    pub(super) fn note(&mut self, mark: Mark, what: impl Into<String>, fields: Fields) {
        self.items.push(Item {
            mark,
            what: what.into(),
            fields,
        });
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0_usize; 4];
        for item in &self.items {
            let (sign, place) = match item.mark {
                Mark::Create => ('+', 0),
                Mark::Change => ('~', 1),
                Mark::Remove => ('-', 2),
                Mark::Same => ('=', 3),
            };
            counts[place] += 1;
            writeln!(f, "{sign} {}", item.what)?;
            for field in &item.fields.0 {
                writeln!(f, "    {field}")?;
            }
        }
        let [create, change, remove, same] = counts;
        write!(
            f,
            "{create} to make, {change} to change, {remove} to remove, {same} as they are."
        )
    }
}

/// On what terms files are applied.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// Whether overrides and issuers of the projects that are named go when no file names them, and rules and channels of those
    /// for which files name any.
    pub prune: bool,
    /// Opens and seals where channels lead.
    pub targets: &'t Targets,
    /// Says why an address would not be called, if so; it is asked for addresses that are new.
    pub refusal_of: &'t (dyn Fn(&str) -> Option<String> + Sync),
}

// By hand: a function has nothing to show.
impl fmt::Debug for Terms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("prune", &self.prune)
            .finish_non_exhaustive()
    }
}
