//! What an alert is an alert of, as a short key.

use uuid::Uuid;

use crate::domain::account::sha256;

/// SHA-256 over parts that cannot run into each other, in hexadecimal digits.
fn hash(parts: &[&str]) -> String {
    let text = serde_json::json!(parts).to_string();
    let sum = sha256(&text);
    sum.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a rule's group.
#[must_use]
pub fn hash_of_group(values: &[String]) -> String {
    let parts: Vec<&str> = values.iter().map(String::as_str).collect();
    hash(&parts)
}

/// The subject of an alert of a rule.
pub(super) fn of_rule(rule_id: Uuid, group_hash: &str) -> String {
    hash(&["rule", &rule_id.to_string(), group_hash])
}

/// The subject of an alert that clients post.
pub(super) fn of_client(metric: &str, severity: &str) -> String {
    hash(&["client", metric, severity])
}

/// The subject of the alert that rules cannot be evaluated.
pub(super) fn of_failures() -> String {
    hash(&["failures"])
}
