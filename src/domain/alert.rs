//! Alerts: what has happened, who is told, and what was told to whom.
//!
//! | word | is |
//! |---|---|
//! | alert | one time that something is wrong: from the first firing until it is resolved |
//! | labels | what an alert is known and matched by: `alertname`, `source`, `metric`, and the group's dimensions |
//! | channel | a place that is told: a webhook, a room, a pager, people |
//! | notice | what one channel is told of one change of one alert |
//! | message | one or more notices, sent at once; its id is the same on each try |
//! | silence | alerts that are told to nobody for a time |
//! | inhibition | alerts that are told to nobody while another one fires |

mod channel;
mod delivery;
mod event;
mod incident;
mod matcher;
mod notice;
mod quiet;
mod report;

pub use channel::{Channel, ChannelDefinition, ChannelKind, SecretText, Target, WebhookSecrets};
pub use delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState};
pub use event::{AlertChange, AlertEvent};
pub use incident::{Acknowledgement, Alert, AlertSource, Resolution};
pub use matcher::{Labels, Matcher, Matching};
pub use notice::{Notice, NoticeEvent, RuleSummary};
pub use quiet::{Inhibition, InhibitionDefinition, Silence, SilenceDefinition};
pub use report::{Figure, FigureUnit, ReportSection, ReportedAlert, WeeklyReport};
