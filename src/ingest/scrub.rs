//! Takes secrets and e-mail addresses out of URLs and texts before the log: what is not stored cannot leak.
//!
//! What goes, and what stands instead:
//!
//! | what | how it is known | instead |
//! |---|---|---|
//! | a parameter's value, `…?token=abc` | by its name ([`names`]) | `[secret]` |
//! | a value behind a colon, `token: abc…` | by its name, and it looks random | `[secret]` |
//! | a string of the metadata, `{"password": …}` | by its key | `[secret]` |
//! | `Bearer …`, `Basic …` | by the word, and it looks random | `[secret]` |
//! | a JWT | by its beginning, `eyJ` | `[secret]` |
//! | `user:password@` in a URL | by its place | `[secret]` |
//! | an e-mail address | by its form | `[email]` |
//! | whatever the settings or the project add | by a regular expression | `[secret]`, or as the rule says |
//!
//! One pass from left to right, in linear time and without a copy while nothing is found; scrubbing twice gives
//! the same as once (but for rules that match their own replacement).

mod names;
mod scan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use crate::config::ScrubConfig;
use crate::domain::beacon::{Beacon, Detail};
use crate::domain::json::{Members, Value};
use names::SecretNames;

/// What stands for a secret.
pub const SECRET: &str = "[secret]";
/// What stands for an e-mail address.
pub const EMAIL: &str = "[email]";
/// Most memory that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 256 * 1024;

/// A pattern is no regular expression, or a too large one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pattern {number}: {message}")]
pub struct PatternError {
    /// The pattern's place, counted from 1.
    pub number: usize,
    /// What is wrong.
    pub message: String,
}

/// Regular expressions beside the built-in rules: those of the settings, or of a project.
#[derive(Clone, Debug, Default)]
pub struct ScrubPatterns(Vec<(Regex, Box<str>)>);

impl ScrubPatterns {
    /// Compiles patterns, each with what takes its matches' place.
    ///
    /// # Errors
    /// The first pattern that is none.
    pub fn parse<'a>(rules: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, PatternError> {
        let compile = |(index, (pattern, replacement)): (usize, (&str, &str))| {
            let regex = RegexBuilder::new(pattern)
                .size_limit(PATTERN_BYTES_MAX)
                .dfa_size_limit(PATTERN_BYTES_MAX)
                .build();
            match regex {
                Ok(regex) => Ok((regex, replacement.into())),
                Err(error) => Err(PatternError {
                    number: index + 1,
                    message: error.to_string(),
                }),
            }
        };
        let rules: Result<Vec<_>, _> = rules.into_iter().enumerate().map(compile).collect();
        rules.map(Self)
    }

    #[inline]
    fn scrub(&self, text: &mut Cow<'_, str>) -> bool {
        !self.0.is_empty() && self.replace(text)
    }

    fn replace(&self, text: &mut Cow<'_, str>) -> bool {
        let mut is_changed = false;
        for (regex, replacement) in &self.0 {
            // No `$1` in replacements: they would bring back what was found.
            let replacement = regex::NoExpand(replacement);
            if let Cow::Owned(scrubbed) = regex.replace_all(text, replacement) {
                is_changed |= scrubbed != **text;
                *text = Cow::Owned(scrubbed);
            }
        }
        is_changed
    }
}

/// Scrubs texts by the settings' rules; a project's own come on top.
#[derive(Clone, Debug)]
pub struct Scrubber {
    is_enabled: bool,
    names: SecretNames,
    patterns: ScrubPatterns,
}

impl Scrubber {
    /// The rules of the settings.
    ///
    /// # Errors
    /// A pattern of `scrub.patterns` is no regular expression.
    pub fn new(config: &ScrubConfig) -> Result<Self, PatternError> {
        let patterns = config.patterns.iter().map(|pattern| (pattern.as_str(), SECRET));
        Ok(Self {
            is_enabled: config.enabled,
            names: SecretNames::new(&config.query_parameters),
            patterns: ScrubPatterns::parse(patterns)?,
        })
    }

    /// Scrubs one URL or free text; true when something was taken out.
    pub fn scrub(&self, text: &mut Cow<'_, str>, of_project: &ScrubPatterns) -> bool {
        if !self.is_enabled {
            return false;
        }
        let mut is_changed = false;
        if scan::is_suspect(text.as_bytes())
            && let Some(scrubbed) = scan::scrubbed(text, &self.names)
        {
            *text = Cow::Owned(scrubbed);
            is_changed = true;
        }
        is_changed |= self.patterns.scrub(text);
        is_changed | of_project.scrub(text)
    }

    /// Scrubs all URLs and free texts of a beacon; true when something was taken out. Ids and names that the
    /// client chose, the user's included, are left as they are: they are what rows are looked up by.
    pub fn scrub_beacon(&self, beacon: &mut Beacon<'_>, of_project: &ScrubPatterns) -> bool {
        if !self.is_enabled {
            return false;
        }
        match &mut beacon.detail {
            Detail::Metric(metric) => {
                self.scrub(&mut metric.page, of_project)
                    | self.scrub(&mut metric.api_endpoint, of_project)
                    | self.scrub(&mut metric.error_context, of_project)
                    | self.scrub_members(&mut metric.metadata, of_project)
            }
            Detail::Alert(alert) => self.scrub_members(&mut alert.user_context, of_project),
            Detail::Funnel(step) => self.scrub_members(&mut step.metadata, of_project),
            Detail::Event(event) => self.scrub_members(&mut event.event_data, of_project),
        }
    }

    fn scrub_members(&self, members: &mut Members<'_>, of_project: &ScrubPatterns) -> bool {
        members.iter_mut().fold(false, |changed, (key, value)| {
            let is_secret = matches!(value, Value::Text(text) if !text.is_empty() && text != SECRET)
                && self.names.is_secret_key(key);
            if is_secret {
                *value = Value::Text(SECRET.into());
            }
            // A key may be a secret too: objects keyed by e-mail address or token.
            changed | is_secret | self.scrub(key, of_project) | self.scrub_value(value, of_project)
        })
    }

    fn scrub_value(&self, value: &mut Value<'_>, of_project: &ScrubPatterns) -> bool {
        match value {
            Value::Text(text) => self.scrub(text, of_project),
            Value::List(items) => items.iter_mut().fold(false, |changed, item| {
                changed | self.scrub_value(item, of_project)
            }),
            Value::Object(members) => self.scrub_members(members, of_project),
            Value::Null | Value::Bool(_) | Value::Negative(_) | Value::Unsigned(_) | Value::Float(_) => false,
        }
    }
}
