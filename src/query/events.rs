//! Events of users: how many and of whom, what they carried, and one by one.

mod list;
mod properties;
mod summary;

pub use list::{EventsParameters, EventsRequest, events};
pub use properties::{
    Properties, PropertiesParameters, PropertiesRequest, PropertyKey, PropertyValue, Values, properties,
};
pub use summary::{EventTotals, EventType, EventsSummary, SummaryParameters, SummaryRequest, summary};
