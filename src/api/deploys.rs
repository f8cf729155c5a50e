//! `/api/deploys`: what went live when, as dashboards mark it in their series.

use actix_web::web;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, delete, look, make, time_ms};
use super::paging::Paging;
use super::{paging, resource};
use crate::control::{DeployFilter, NewDeploy};
use crate::domain::account::Role;
use crate::domain::dashboard::{Deploy, Label, Link, Note};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;

/// Times that tables of events can hold: 1970 to 2099.
const TIMES_MS: std::ops::Range<i64> = 0..4_102_444_800_000;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/deploys", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(
            resource("/api/deploys/{id}", "GET, DELETE")
                .route(look(one))
                .route(delete(remove)),
        );
}

/// Which deploys are asked for.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `filter` reads")]
struct DeployParameters {
    /// Those of this environment, and those that name none.
    #[param(max_length = 100)]
    environment: Option<String>,
    /// Not before this time, in ISO 8601.
    #[param(format = DateTime)]
    from: Option<String>,
    /// Before this time, in ISO 8601.
    #[param(format = DateTime)]
    to: Option<String>,
}

/// Deploys, the newest first.
#[utoipa::path(get, path = "/api/deploys", tag = "dashboards", params(OfProject, Paging, DeployParameters), responses((status = 200, body = Page<Deploy>)))]
async fn list(call: &mut Call) -> Result<Page<Deploy>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, others) = call.page()?;
    let filter = filter(others).map_err(ApiError::BadParameters)?;
    Ok(call.control().deploy_page(&project_id, &filter, page).await?)
}

fn filter(parameters: paging::Others<'_>) -> Result<DeployFilter, Vec<FieldError>> {
    let mut filter = DeployFilter::default();
    let (mut faults, mut unknown) = (Vec::new(), Vec::new());
    for (name, value) in parameters {
        let read = match name.as_ref() {
            "environment" => Label::parse("environment", &value).map(|it| filter.environment = Some(it)),
            "from" => time_ms("from", &value).map(|it| filter.from_ms = Some(it)),
            "to" => time_ms("to", &value).map(|it| filter.to_ms = Some(it)),
            _ => {
                unknown.push((name, value));
                continue;
            }
        };
        faults.extend(read.err());
    }
    faults.extend(paging::no_others(&unknown).err().into_iter().flatten());
    if faults.is_empty() {
        Ok(filter)
    } else {
        Err(faults)
    }
}

/// A deploy to be kept.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct NewDeployFields {
    /// What went live; as beacons name their `release`.
    #[schema(min_length = 1, max_length = 100, example = "2026.11.3")]
    release: String,
    /// Where it went live; without it everywhere.
    #[schema(max_length = 100, example = "production")]
    environment: Option<String>,
    /// When, from 1970 to 2099; without it now.
    #[schema(format = DateTime)]
    deployed_at: Option<String>,
    /// What is new.
    #[schema(max_length = 1_000)]
    description: Option<String>,
    /// Where to read more.
    #[schema(max_length = 1_000, example = "https://ci.example/runs/7")]
    url: Option<String>,
}

/// Keeps a deploy, which series then mark.
#[utoipa::path(post, path = "/api/deploys", tag = "dashboards", params(OfProject), request_body = NewDeployFields, responses((status = 201, body = Deploy)))]
async fn create(call: &mut Call) -> Result<Deploy, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let release = fields.parsed("release", Label::parse);
    let release = fields.require("release", release);
    let environment = fields.parsed("environment", Label::parse);
    let deployed_at_ms = fields.parsed("deployed_at", |field, text| match time_ms(field, text)? {
        time if TIMES_MS.contains(&time) => Ok(time),
        _ => Err(FieldError::new(
            field,
            FieldFault::OutOfRange,
            "must be from 1970 to 2099",
        )),
    });
    let description = fields.parsed("description", Note::parse);
    let url = fields.parsed("url", Link::parse);
    let new = release.map(|release| NewDeploy {
        release,
        environment,
        deployed_at_ms,
        description,
        url,
    });
    let new = fields.finish(new)?;
    Ok(call
        .control()
        .create_deploy(manager.by(), &project_id, new)
        .await?)
}

/// A deploy.
#[utoipa::path(get, path = "/api/deploys/{id}", tag = "dashboards", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Deploy)))]
async fn one(call: &mut Call) -> Result<Deploy, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    Ok(call.control().deploy(&project_id, call.id("id")?).await?)
}

/// Forgets a deploy.
#[utoipa::path(delete, path = "/api/deploys/{id}", tag = "dashboards", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_deploy(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}
