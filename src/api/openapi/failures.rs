//! Which failures an address can have, by what it does. `api/error` says what each code means.

use std::collections::BTreeMap;

/// What an address does, as far as its failures go.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits<'t> {
    /// The tag of its handler.
    pub(super) tag: &'t str,
    /// It changes something.
    pub(super) changes: bool,
    /// It reads a body.
    pub(super) has_body: bool,
    /// It reads parameters of the query string, and refuses those that it does not know.
    pub(super) has_parameters: bool,
    /// It asks who calls.
    pub(super) asks_who: bool,
}

/// Codes by status.
pub(super) type Codes = BTreeMap<u16, Vec<String>>;

/// What can go wrong.
pub(super) fn failures(of: Traits<'_>) -> Codes {
    let mut all: Vec<(u16, &[&str])> = Vec::new();
    match of.tag {
        "operations" => {}
        "documents" => all.push((429, &["OVER_QUOTA"])),
        "beacons" => all.extend(BEACONS),
        // What can go wrong on the way to vendors each address says itself.
        "relay" => {
            all.extend(ASKED);
            if of.asks_who {
                all.extend(WHO);
            }
        }
        _ => {
            all.extend(ASKED);
            if of.asks_who {
                all.extend(WHO);
            }
            // A question refuses what it does not know, also when it takes no parameters.
            if of.has_parameters || of.tag == "questions" {
                all.push((400, &["BAD_PARAMETERS"]));
            }
            if of.changes {
                all.push((409, &["CONFLICT", "TOO_MANY"]));
            }
            if of.has_body {
                all.extend(BODY);
            }
            if of.tag == "questions" {
                all.extend(WAREHOUSE);
            }
        }
    }
    let mut codes = Codes::new();
    for (status, more) in all {
        add(&mut codes, status, more.iter().map(|code| (*code).to_owned()));
    }
    codes
}

/// Adds codes that are not there yet.
pub(super) fn add(codes: &mut Codes, status: u16, more: impl IntoIterator<Item = String>) {
    let known = codes.entry(status).or_default();
    for code in more {
        if !known.contains(&code) {
            known.push(code);
        }
    }
}

const ASKED: &[(u16, &[&str])] = &[
    (404, &["NOT_FOUND"]),
    (429, &["OVER_QUOTA", "TOO_MANY_FAILURES"]),
    (500, &["INTERNAL"]),
    (503, &["CONTROL_BUSY", "CONTROL_UNAVAILABLE"]),
];

const WHO: &[(u16, &[&str])] = &[(401, &["UNAUTHENTICATED"]), (403, &["FORBIDDEN"])];

const BODY: &[(u16, &[&str])] = &[
    (400, &["BAD_JSON", "BODY_INCOMPLETE"]),
    (403, &["FORBIDDEN"]),
    (408, &["BODY_TIMEOUT"]),
    (413, &["TOO_LARGE"]),
    (415, &["UNSUPPORTED_MEDIA_TYPE"]),
    (422, &["REFUSED_VALUE"]),
];

const WAREHOUSE: &[(u16, &[&str])] = &[
    (
        503,
        &[
            "WAREHOUSE_UNAVAILABLE",
            "WAREHOUSE_OVERLOADED",
            "CACHE_MISS",
            "MEMORY_PRESSURE",
        ],
    ),
    (504, &["PERFORMANCE_TIMEOUT"]),
];

const BEACONS: &[(u16, &[&str])] = &[
    (400, &["BAD_JSON", "INVALID", "BAD_ENCODING", "BODY_INCOMPLETE"]),
    (401, &["UNAUTHENTICATED", "BAD_TOKEN"]),
    (403, &["FORBIDDEN", "FOREIGN_ORIGIN"]),
    (408, &["BODY_TIMEOUT"]),
    (413, &["TOO_LARGE"]),
    (415, &["UNSUPPORTED_MEDIA_TYPE"]),
    (429, &["OVER_QUOTA", "TOO_MANY_FAILURES"]),
    (503, &["UNDER_WAY", "LOG_FULL", "OVERLOADED", "UNAVAILABLE"]),
];
