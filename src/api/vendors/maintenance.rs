//! Times in which vendors may be away.

use uuid::Uuid;

use super::Call;
use crate::api::body::Fields;
use crate::api::error::ApiError;
use crate::api::manage::{Done, OfProject, time_ms};
use crate::api::paging::Paging;
use crate::control::NewMaintenanceWindow;
use crate::domain::account::Role;
use crate::domain::dashboard::Note;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::integration::MaintenanceWindow;
use crate::domain::page::Page;

/// Longest window: 31 days.
const LENGTH_MAX_MS: i64 = 31 * 86_400_000;

/// Windows of maintenance, those that end last first.
#[utoipa::path(get, path = "/api-integrations/maintenance", tag = "integrations", params(OfProject, Paging), responses((status = 200, body = Page<MaintenanceWindow>)))]
pub(in crate::api) async fn list(call: &mut Call) -> Result<Page<MaintenanceWindow>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let control = call.control();
    Ok(control
        .maintenance_windows(&project_id, call.page_only()?)
        .await?)
}

/// A window to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
pub(in crate::api) struct NewMaintenanceWindowFields {
    /// Whose; without it all integrations of the project.
    integration_id: Option<Uuid>,
    /// When it begins.
    #[schema(format = DateTime)]
    starts_at: String,
    /// When it is over: at most 31 days later.
    #[schema(format = DateTime)]
    ends_at: String,
    /// What for.
    #[schema(max_length = 1_000)]
    note: Option<String>,
}

/// Keeps a window of maintenance: what is seen of the vendor then counts neither for nor against it, also in the past.
#[utoipa::path(post, path = "/api-integrations/maintenance", tag = "integrations", params(OfProject), request_body = NewMaintenanceWindowFields, responses((status = 201, body = MaintenanceWindow)))]
pub(in crate::api) async fn create(call: &mut Call) -> Result<MaintenanceWindow, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let integration_id = fields.parsed("integration_id", |field, text| {
        Uuid::try_parse(text)
            .map_err(|_| FieldError::new(field, FieldFault::BadFormat, "must be the id of an integration"))
    });
    let starts_at_ms = fields.parsed("starts_at", time_ms);
    let starts_at_ms = fields.require("starts_at", starts_at_ms);
    let ends_at_ms = fields.parsed("ends_at", time_ms);
    let ends_at_ms = fields.require("ends_at", ends_at_ms);
    if let (Some(starts), Some(ends)) = (starts_at_ms, ends_at_ms)
        && !(1..=LENGTH_MAX_MS).contains(&ends.saturating_sub(starts))
    {
        let message = "must be after starts_at, by 31 days at most";
        fields.note(FieldError::new("ends_at", FieldFault::OutOfRange, message));
    }
    let note = fields.parsed("note", Note::parse);
    let new = starts_at_ms
        .zip(ends_at_ms)
        .map(|(starts_at_ms, ends_at_ms)| NewMaintenanceWindow {
            integration_id,
            starts_at_ms,
            ends_at_ms,
            note,
        });
    let new = fields.finish(new)?;
    Ok(call
        .control()
        .create_maintenance_window(manager.by(), &project_id, new)
        .await?)
}

/// Forgets a window of maintenance: its time counts again.
#[utoipa::path(delete, path = "/api-integrations/maintenance/{id}", tag = "integrations", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
pub(in crate::api) async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_maintenance_window(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}
