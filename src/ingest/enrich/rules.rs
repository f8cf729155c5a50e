//! ua-parser's rules, each compiled by `ua_parser` when a User-Agent first may need it.
//!
//! A User-Agent is searched once for all words that any rule asks for; of the rules whose needs are met, the first
//! that matches tells. Compiled all at once, the rules take 55 MB and 200 ms; like this they take 5 MB and 20 ms
//! at the start. Somebody who sends every User-Agent there is gets them all compiled: 55 MB are the bound.

use std::fmt;
use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use ua_parser::{device, os, user_agent};

use super::needs::{Need, Words};

/// A rule as the file has it.
#[derive(Debug, Default)]
pub(super) struct RuleText {
    pub(super) regex: String,
    pub(super) ignores_case: bool,
    /// What names the family; without it the first group does.
    pub(super) name: Option<String>,
    /// Of a device.
    pub(super) brand: Option<String>,
}

/// The three lists of the file.
#[derive(Debug, Default)]
pub(super) struct RuleTexts {
    pub(super) browsers: Vec<RuleText>,
    pub(super) systems: Vec<RuleText>,
    pub(super) devices: Vec<RuleText>,
}

/// What the rules say of a User-Agent; empty where no rule matches.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Families {
    pub(super) browser: String,
    pub(super) os: String,
    pub(super) device: String,
    pub(super) brand: String,
}

/// All rules.
#[derive(Debug)]
pub(super) struct Rules {
    /// Finds the words that rules need.
    finder: Option<AhoCorasick>,
    words: usize,
    browsers: List<user_agent::Extractor<'static>>,
    systems: List<os::Extractor<'static>>,
    devices: List<device::Extractor<'static>>,
}

impl Rules {
    pub(super) fn new(texts: RuleTexts) -> Self {
        let mut words = Words::default();
        let browsers = List::new(texts.browsers, &mut words);
        let systems = List::new(texts.systems, &mut words);
        let devices = List::new(texts.devices, &mut words);
        let words = words.in_order();
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(aho_corasick::AhoCorasickKind::ContiguousNFA))
            .build(&words);
        // Without a finder every rule is tried: slow, and right.
        Self {
            words: if finder.is_ok() { words.len() } else { 0 },
            finder: finder.ok(),
            browsers,
            systems,
            devices,
        }
    }

    /// Number of rules.
    pub(super) fn len(&self) -> usize {
        self.browsers.0.len() + self.systems.0.len() + self.devices.0.len()
    }

    pub(super) fn families(&self, text: &str) -> Families {
        let mut holds = vec![false; self.words];
        if let Some(finder) = &self.finder {
            for found in finder.find_overlapping_iter(text) {
                if let Some(hold) = holds.get_mut(found.pattern().as_usize()) {
                    *hold = true;
                }
            }
        }
        let browser = self.browsers.first(&holds, browser_extractor, |extractor| {
            extractor.extract(text).map(|found| found.family.into_owned())
        });
        let os = self.systems.first(&holds, os_extractor, |extractor| {
            extractor.extract(text).map(|found| found.os.into_owned())
        });
        let device = self.devices.first(&holds, device_extractor, |extractor| {
            let found = extractor.extract(text)?;
            let brand = found.brand.map(|brand| brand.into_owned());
            Some((found.device.into_owned(), brand.unwrap_or_default()))
        });
        let (device, brand) = device.unwrap_or_default();
        Families {
            browser: browser.unwrap_or_default(),
            os: os.unwrap_or_default(),
            device,
            brand,
        }
    }
}

/// Rules of one list, in the file's order.
struct List<E>(Vec<Rule<E>>);

struct Rule<E> {
    need: Need,
    text: RuleText,
    /// None inside: the expression is none.
    compiled: OnceLock<Option<Box<E>>>,
}

impl<E> List<E> {
    fn new(texts: Vec<RuleText>, words: &mut Words) -> Self {
        let rule = |text: RuleText| Rule {
            need: Need::of(&text.regex, text.ignores_case, words),
            text,
            compiled: OnceLock::new(),
        };
        Self(texts.into_iter().map(rule).collect())
    }

    /// What the first rule that matches says.
    fn first<'r, T>(
        &'r self,
        holds: &[bool],
        compile: impl Fn(&RuleText) -> Option<E>,
        extract: impl Fn(&'r E) -> Option<T>,
    ) -> Option<T> {
        self.0
            .iter()
            .filter(|rule| rule.need.is_met(holds))
            .find_map(|rule| {
                let compiled = rule.compiled.get_or_init(|| {
                    let compiled = compile(&rule.text).map(Box::new);
                    if compiled.is_none() {
                        tracing::warn!(regex = rule.text.regex, "a rule for User-Agents cannot be used");
                    }
                    compiled
                });
                extract(compiled.as_deref()?)
            })
    }
}

impl<E> fmt::Debug for List<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("List").field(&self.0.len()).finish()
    }
}

fn browser_extractor(rule: &RuleText) -> Option<user_agent::Extractor<'static>> {
    let parser = user_agent::Parser {
        regex: rule.regex.clone().into(),
        family_replacement: rule.name.clone().map(Into::into),
        ..user_agent::Parser::default()
    };
    user_agent::Builder::new().push(parser).ok()?.build().ok()
}

fn os_extractor(rule: &RuleText) -> Option<os::Extractor<'static>> {
    let parser = os::Parser {
        regex: rule.regex.clone().into(),
        os_replacement: rule.name.clone().map(Into::into),
        ..os::Parser::default()
    };
    os::Builder::new().push(parser).ok()?.build().ok()
}

fn device_extractor(rule: &RuleText) -> Option<device::Extractor<'static>> {
    let parser = device::Parser {
        regex: rule.regex.clone().into(),
        regex_flag: rule.ignores_case.then_some(device::Flag::IgnoreCase),
        device_replacement: rule.name.clone().map(Into::into),
        brand_replacement: rule.brand.clone().map(Into::into),
        ..device::Parser::default()
    };
    device::Builder::new().push(parser).ok()?.build().ok()
}
