//! The session that a refused body names, for the log line of the refusal.

use super::decode::decode;
use super::{Body, Ingest};
use crate::domain::beacon::ID_CHARS_MAX;
use crate::domain::json::Value;

impl Ingest {
    /// The `session_id` of a single beacon's body, if the body can be read so far. Reads it again: not for the usual way.
    #[must_use]
    pub fn session_in(&self, body: Body<'_>) -> Option<String> {
        let text = self.json_text(body).ok()?;
        let Ok(Value::Object(members)) = decode(&text, &self.shape) else {
            return None;
        };
        let (_, value) = members.into_iter().find(|(name, _)| name == "session_id")?;
        match value {
            Value::Text(id) if id.chars().count() <= ID_CHARS_MAX => Some(id.into_owned()),
            _ => None,
        }
    }
}
