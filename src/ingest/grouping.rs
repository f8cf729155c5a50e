//! Pages and endpoints are counted under the name of their group, so that a dashboard shows `/user/:id` once and not
//! a row for each user, and so that the rollups stay small.
//!
//! A name goes through three steps:
//!
//! 1. **What is no path goes**: query, fragment, repeated and trailing slashes. The host of a page goes: a project's
//!    pages are its own. The host of an endpoint stays when it is someone else's (`api.stripe.com/v1/charges`), and
//!    goes when it is a host of the project's allowed origins.
//! 2. **Rules**: the first of the project's that fits names the group ([`GroupingRules`]); else every segment that
//!    looks like an id becomes `:id` ([`ids`]): numbers, UUIDs, long hexadecimal or random texts, dates, addresses.
//! 3. **The limit** ([`NameLimiter`]): beyond `grouping.names_max` different names a project and field, the rest is
//!    `__other__`. It is what bounds the rollups whatever clients send.
//!
//! The ungrouped path is not stored anywhere: ids in paths are what a dashboard cannot use and a visitor may not
//! want kept.

mod ids;
mod limit;
mod rules;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::config::GroupingConfig;

pub use limit::{Field, LocalNames, NameLimiter, OTHER_NAME};
pub use rules::GroupingRules;

/// What stands for an id.
pub const ID: &str = ":id";

/// How one project's pages and endpoints are grouped.
#[derive(Clone, Debug)]
pub struct Grouping {
    is_enabled: bool,
    keep_hosts: bool,
    rules: GroupingRules,
    /// Lower case, with the port if it is not the scheme's own.
    own_hosts: HashSet<Box<str>>,
    /// Hosts all of whose subdomains are own, written in the same way.
    own_parents: HashSet<Box<str>>,
}

impl Grouping {
    /// By the settings, and a project's rules and hosts (`shop.example`, `localhost:3000`, or `*.shop.example` for all
    /// hosts below).
    #[must_use]
    pub fn new<'a>(
        config: &GroupingConfig,
        rules: GroupingRules,
        own_hosts: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut grouping = Self {
            is_enabled: config.enabled,
            keep_hosts: config.keep_hosts,
            rules,
            own_hosts: HashSet::new(),
            own_parents: HashSet::new(),
        };
        for host in own_hosts {
            let (hosts, name) = match host.strip_prefix("*.") {
                Some(parent) => (&mut grouping.own_parents, parent),
                None => (&mut grouping.own_hosts, host),
            };
            hosts.insert(name.to_ascii_lowercase().into());
        }
        grouping
    }

    /// The name of a page's group; empty stays empty.
    #[must_use]
    pub fn page<'a>(&self, page: Cow<'a, str>) -> Cow<'a, str> {
        self.group(page, |_| false)
    }

    /// The name of an endpoint's group; empty stays empty.
    #[must_use]
    pub fn endpoint<'a>(&self, endpoint: Cow<'a, str>) -> Cow<'a, str> {
        self.group(endpoint, |host| self.keep_hosts && !self.is_own(host))
    }

    fn is_own(&self, host: &str) -> bool {
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.is_own_lower(&host.to_ascii_lowercase())
        } else {
            self.is_own_lower(host)
        }
    }

    fn is_own_lower(&self, host: &str) -> bool {
        if self.own_hosts.contains(host) {
            return true;
        }
        // Most projects have none, and need not look at each dot.
        !self.own_parents.is_empty()
            && host
                .match_indices('.')
                .any(|(dot, _)| dot > 0 && self.own_parents.contains(&host[dot + 1..]))
    }

    fn group<'a>(&self, name: Cow<'a, str>, keeps_host: impl Fn(&str) -> bool) -> Cow<'a, str> {
        match name {
            Cow::Borrowed(text) => self.group_text(text, keeps_host),
            Cow::Owned(text) => Cow::Owned(self.group_text(&text, keeps_host).into_owned()),
        }
    }

    fn group_text<'a>(&self, text: &'a str, keeps_host: impl Fn(&str) -> bool) -> Cow<'a, str> {
        let text = text.trim_ascii();
        let (host, path) = split_host(text);
        let end = path.bytes().position(|byte| matches!(byte, b'?' | b'#'));
        let path = without_end(&path[..end.unwrap_or(path.len())]);
        let Some(host) = host else {
            return self.group_path(path);
        };
        let path = if path.is_empty() { "/" } else { path };
        if keeps_host(host) {
            Cow::Owned(host.to_ascii_lowercase() + &self.group_path(path))
        } else {
            self.group_path(path)
        }
    }

    /// True for a path that stays as it is: no empty segment, no id.
    fn is_plain(&self, path: &str) -> bool {
        if ids::is_of_words(path) {
            return true;
        }
        let is_clean = !path.as_bytes().windows(2).any(|pair| pair == b"//")
            && (path.len() <= 1 || !path.ends_with('/'));
        is_clean && !(self.is_enabled && path.split('/').any(ids::holds_id))
    }

    fn group_path<'a>(&self, path: &'a str) -> Cow<'a, str> {
        if let Some(name) = self.rules.name_of(path) {
            return Cow::Owned(name);
        }
        if self.is_plain(path) {
            return Cow::Borrowed(path);
        }
        let is_id = |segment: &str| self.is_enabled && ids::holds_id(segment);
        let mut name = String::with_capacity(path.len());
        if path.starts_with('/') {
            name.push('/');
        }
        for (index, segment) in segments(path).enumerate() {
            if index > 0 {
                name.push('/');
            }
            if is_id(segment) {
                ids::put_without_ids(segment, &mut name);
            } else {
                name.push_str(segment);
            }
        }
        Cow::Owned(name)
    }
}

/// A path without the slashes and spaces at its end; the root stays.
fn without_end(path: &str) -> &str {
    let kept = path.trim_end_matches(|letter: char| letter == '/' || letter.is_ascii_whitespace());
    if kept.is_empty() && path.starts_with('/') {
        "/"
    } else {
        kept
    }
}

/// The segments of a path that hold something.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Host and rest of an absolute URL, or of one that leaves the scheme out (`//host/…`).
fn split_host(text: &str) -> (Option<&str>, &str) {
    let [first, second] = [0, 1].map(|place| text.as_bytes().get(place));
    if first == Some(&b'/') && second != Some(&b'/') {
        return (None, text);
    }
    let rest = match text.split_once("://") {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.bytes().all(is_scheme) => rest,
        _ => match text.strip_prefix("//") {
            Some(rest) if !rest.starts_with('/') => rest,
            _ => return (None, text),
        },
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host
        .strip_suffix(":443")
        .or_else(|| host.strip_suffix(":80"))
        .unwrap_or(host);
    (Some(host), path)
}

fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}
