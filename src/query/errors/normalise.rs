//! What is the same in two messages of the same error.

use crate::domain::beacon::Kind;

/// Most characters of a normalised message.
const CHARS_MAX: u32 = 300;

/// What is taken out of a message, in this order, and what stands in its place. RE2's language, with backslashes doubled
/// for ClickHouse's texts.
const RULES: [(&str, &str); 6] = [
    (r#"[a-zA-Z][a-zA-Z0-9+.-]*://[^\\s"\'<>)]+"#, "<url>"),
    (r#""[^"]*"|`[^`]*`"#, "<text>"),
    // Not the apostrophe within a word.
    (r"(^|\\W)\'[^\']*\'", r"\\1<text>"),
    (
        r"\\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\\b|\\b(0x)?[0-9a-fA-F]{12,}\\b",
        "<id>",
    ),
    (r"\\d+(\\.\\d+)?", "<n>"),
    (r"\\s+", " "),
];

/// Kinds whose rows can be errors, each with the condition on its rows and the message.
pub(super) const SOURCES: [(Kind, &str, &str); 2] = [
    (
        Kind::Event,
        "event_type = 'error_occurrence'",
        "if(toString(event_data.message) != '', toString(event_data.message), toString(event_data.name))",
    ),
    (Kind::Metric, "error_context != ''", "error_context"),
];

/// A message without what differs from one time to the next.
pub(super) fn normalised(message: &str) -> String {
    let replaced = RULES
        .iter()
        .fold(message.to_owned(), |text, (pattern, stand_in)| {
            format!("replaceRegexpAll({text}, '{pattern}', '{stand_in}')")
        });
    format!("substringUTF8(trimBoth({replaced}), 1, {CHARS_MAX})")
}

/// The fingerprint of a normalised message: 16 hexadecimal digits.
pub(super) fn fingerprint(normalised: &str) -> String {
    format!("leftPad(lower(hex(sipHash64({normalised}))), 16, '0')")
}
