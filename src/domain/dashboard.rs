//! What people add to dashboards: deploys that are marked in series, what has been decided about errors, and views
//! that they keep.
//!
//! Valid by construction, as everything here: texts are parsed into types with private fields.

mod deploy;
mod error_state;
mod text;
mod view;

pub use deploy::Deploy;
pub use error_state::{ErrorRecord, ErrorState, Fingerprint};
pub use text::{Label, Link, Note, PageName, ViewState};
pub use view::{SavedView, ViewOwner};
