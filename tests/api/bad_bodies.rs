//! A corpus of bad bodies. Each is refused with the right 4xx, with the field named in `details`, without
//! repeating what was sent, and never with a 5xx.

mod corpus;
mod fields;
mod texts;
mod wire;

use std::sync::LazyLock;

use crate::api::envelope;
use crate::harness::{Answer, Fresnel};
pub(super) use corpus::{Case, Expected};

/// Stands in bad values; no answer may repeat it.
const MARKER: &str = "repeat-me-not";

/// All cases; made once, since bombs take their time.
pub(super) static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    [fields::cases(), texts::cases(), wire::cases()]
        .into_iter()
        .flatten()
        .collect()
});

/// What is wrong with an answer, if anything.
pub(super) fn verdict(case: &Case, answer: &Answer) -> Option<String> {
    let told = |what: &str| {
        Some(format!(
            "{}: {what}: {} {}",
            case.name,
            answer.status,
            answer.text()
        ))
    };
    if !case.expected.statuses.contains(&answer.status) {
        return told(&format!("expected {:?}", case.expected.statuses));
    }
    if answer.status < 400 {
        return None;
    }
    envelope::check(answer);
    if answer.text().contains(MARKER) {
        return told("repeats what was sent");
    }
    let Expected { field, codes, .. } = &case.expected;
    let details = answer.details();
    if answer.status == 400 && !field.is_empty() {
        let is_named = details
            .iter()
            .any(|(f, code)| f == field && (codes.is_empty() || codes.contains(&code.as_str())));
        if !is_named {
            return told(&format!("expected {field} to be named as {codes:?}"));
        }
        if details.len() != 1 {
            return told("other fields are named too");
        }
    }
    None
}

#[test]
fn every_bad_body_gets_its_4xx_with_the_field_named_and_no_bad_body_harms_the_next_good_one() {
    let server = Fresnel::shared();
    let faults: Vec<String> = CASES
        .iter()
        .filter_map(|case| verdict(case, &server.send(&case.request())))
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} cases:\n{}",
        faults.len(),
        CASES.len(),
        faults.join("\n")
    );
    for kind in crate::harness::beacons::Kind::ALL {
        server
            .post(kind.path(), kind.sample().to_string())
            .expect_status(202);
    }
}

#[test]
fn all_faults_of_a_body_are_named_at_once() {
    let server = Fresnel::shared();
    let body = r#"{"type": "speed", "value": -1, "timestamp": "yesterday", "session_id": "", "event_id": 1,
        "user_id": {}, "sent_at": "never", "metadata": {"status": 99, "page": 1}}"#;
    let answer = server
        .post("/api/analytics/performance/metrics", body)
        .expect_status(400);
    let mut fields: Vec<String> = answer.details().into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "event_id",
            "metadata.page",
            "metadata.status",
            "sent_at",
            "session_id",
            "timestamp",
            "type",
            "user_id",
            "value"
        ]
    );
}
