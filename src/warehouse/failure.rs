//! What went wrong between us and ClickHouse, and whether sending again can help.

use clickhouse::error::Error;
use hyper_util::client::legacy::Error as HttpError;

/// Longest message that is kept: ClickHouse repeats whole queries and rows in its exceptions.
const MESSAGE_MAX_CHARS: usize = 600;

/// A failed exchange, before anybody decides what it means for an insert or a query.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection came about: nothing was sent.
    Unreachable(String),
    /// Something was sent, and no whole answer came back in time: it may have taken effect or not.
    Unanswered(String),
    /// ClickHouse answered with an exception.
    Exception { code: u32, message: String },
    /// The answer, or the request, is not what we understand: a fault of ours.
    Misunderstood(String),
}

impl Failure {
    /// Sorts what the client library reports.
    pub(super) fn from_client(error: Error) -> Self {
        match error {
            Error::TimedOut => Self::Unanswered("no answer in time".to_owned()),
            Error::BadResponse(text) => Self::from_answer(&text),
            Error::Network(source) => {
                let before_connecting = source
                    .downcast_ref::<HttpError>()
                    .is_some_and(HttpError::is_connect);
                let mut text = source.to_string();
                let mut cause = source.source();
                while let Some(inner) = cause {
                    text = format!("{text}: {inner}");
                    cause = inner.source();
                }
                if before_connecting {
                    Self::Unreachable(shorten(&text))
                } else {
                    Self::Unanswered(shorten(&text))
                }
            }
            // An address that the client cannot use (no URL, or https without TLS): nothing is sent.
            Error::InvalidParams(_) | Error::Unsupported(_) => Self::Unreachable(shorten(&error.to_string())),
            other => Self::Misunderstood(shorten(&other.to_string())),
        }
    }

    /// Reads `Code: 27. DB::Exception: …`. Anything else comes from something between us and ClickHouse
    /// (a proxy's 502), which does not know whether the request took effect.
    fn from_answer(text: &str) -> Self {
        let code = text
            .find("Code: ")
            .map(|at| &text[at + "Code: ".len()..])
            .map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())])
            .and_then(|digits| digits.parse().ok());
        match code {
            Some(code) => Self::Exception {
                code,
                message: shorten(text),
            },
            None => Self::Unanswered(shorten(text)),
        }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_known_by_its_code() {
        let failure = Failure::from_client(Error::BadResponse(
            "Code: 27. DB::Exception: Cannot parse input. (CANNOT_PARSE_INPUT_ASSERTION_FAILED)".to_owned(),
        ));
        assert!(matches!(failure, Failure::Exception { code: 27, .. }));
    }

    #[test]
    fn the_answer_of_a_proxy_says_nothing_about_the_insert() {
        let failure = Failure::from_client(Error::BadResponse("502 Bad Gateway".to_owned()));
        assert!(matches!(failure, Failure::Unanswered(_)));
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shorten(&"ä".repeat(2_000)).chars().count(), MESSAGE_MAX_CHARS + 1);
    }
}
