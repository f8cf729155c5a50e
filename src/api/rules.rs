//! `/api/rules`: what is watched, and where it stands.

pub(super) mod backtest;
mod read;

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode};
use actix_web::web;
use serde::Serialize;

pub use read::declared_rule;

use super::body::Fields;
use super::error::ApiError;
use super::manage::{Call, Done, OfProject, change, delete, look, make, on};
use super::paging::Paging;
use super::{paging, resource};
use crate::control::{ControlError, RuleState};
use crate::domain::account::{Name, Role};
use crate::domain::dashboard::{Link, Note};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::page::Page;
use crate::domain::rule::{Level, LevelThresholds, NoData, Phase, Rule, RuleDefinition, Status, Watch};

/// Longest part of a name that is searched for.
const SEARCH_CHARS_MAX: usize = 100;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/rules", "GET, POST")
                .route(look(list))
                .route(make(create)),
        )
        .service(resource("/api/rules/backtest", "POST").route(on(
            Method::POST,
            StatusCode::OK,
            backtest::backtest,
        )))
        .service(
            resource("/api/rules/{id}", "GET, PATCH, DELETE")
                .route(look(one))
                .route(change(update))
                .route(delete(remove)),
        )
        .service(resource("/api/rules/{id}/states", "GET").route(look(states)));
}

/// A rule, and where it stands.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RuleWithPhase)]
struct Shown {
    #[serde(flatten)]
    rule: Rule,
    /// Where it stands in the group that is worst; `ok` when it is disabled.
    phase: Phase,
    /// How many groups do not stand well: they fire, recover, are about to fire, or have nothing to measure.
    groups: u64,
}

impl Shown {
    fn new(rule: Rule, statuses: &[Status]) -> Self {
        let phases = statuses.iter().map(Status::phase);
        Self {
            rule,
            phase: phases.max_by_key(|phase| badness(*phase)).unwrap_or(Phase::Ok),
            groups: statuses.len() as u64,
        }
    }
}

/// Which of two phases is shown for both.
const fn badness(phase: Phase) -> u8 {
    match phase {
        Phase::Ok => 0,
        Phase::NoData => 1,
        Phase::Pending => 2,
        Phase::Recovering => 3,
        Phase::Firing => 4,
    }
}

/// Rules by their names. Those that are there from the begin are like all others.
#[utoipa::path(get, path = "/api/rules", tag = "alerts", params(OfProject, Paging, ("search" = Option<String>, Query, description = "Only those with this in their name, in whatever case", max_length = 100)), responses((status = 200, body = Page<Shown>)))]
async fn list(call: &mut Call) -> Result<Page<Shown>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let (page, mut others) = call.page()?;
    let place = others.iter().position(|(name, _)| name == "search");
    let search = place.map(|place| others.remove(place).1.into_owned());
    let is_long = search
        .as_ref()
        .is_some_and(|text| text.chars().count() > SEARCH_CHARS_MAX);
    let mut faults = paging::no_others(&others).err().unwrap_or_default();
    if is_long {
        let message = format!("must have at most {SEARCH_CHARS_MAX} characters");
        faults.push(FieldError::new("search", FieldFault::TooLong, message));
    }
    if !faults.is_empty() {
        return Err(ApiError::BadParameters(faults));
    }
    let control = call.control();
    let rules = control.rules(&project_id, search.as_deref(), page).await?;
    let ids: Vec<_> = rules.items.iter().map(|rule| rule.id).collect();
    let mut statuses = control.rule_statuses(&project_id, &ids).await?;
    Ok(rules.map(|rule| {
        let statuses = statuses.remove(&rule.id).unwrap_or_default();
        Shown::new(rule, &statuses)
    }))
}

/// Makes a rule. It is looked at within an evaluation period.
#[utoipa::path(post, path = "/api/rules", tag = "alerts", params(OfProject), request_body = RuleDefinition, responses((status = 201, body = Rule)))]
async fn create(call: &mut Call) -> Result<Rule, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let definition = read::new(&mut fields);
    let definition = fields.finish(definition)?;
    let control = call.control();
    Ok(control.create_rule(manager.by(), &project_id, definition).await?)
}

/// A rule, and where it stands.
#[utoipa::path(get, path = "/api/rules/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Shown)))]
async fn one(call: &mut Call) -> Result<Shown, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let control = call.control();
    let rule = control.rule(&project_id, call.id("id")?).await?;
    let mut statuses = control.rule_statuses(&project_id, &[rule.id]).await?;
    let statuses = statuses.remove(&rule.id).unwrap_or_default();
    Ok(Shown::new(rule, &statuses))
}

/// What is changed; what is left out stays. `watch` and `thresholds` are set as a whole.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct RuleFields {
    /// As it was read.
    #[schema(minimum = 1)]
    revision: i64,
    name: Option<Name>,
    /// `null` takes it away.
    description: Option<Note>,
    /// `null` takes it away.
    runbook_url: Option<Link>,
    is_enabled: Option<bool>,
    watch: Option<Watch>,
    thresholds: Option<LevelThresholds>,
    #[schema(minimum = 0, maximum = 86_400_000)]
    for_ms: Option<i64>,
    /// `null`: what it is unless somebody says.
    #[schema(minimum = 0, maximum = 86_400_000)]
    keep_firing_for_ms: Option<i64>,
    no_data: Option<NoData>,
}

/// Changes a rule. What fires because of it is resolved when it looks at something else from now on, or is disabled.
#[utoipa::path(patch, path = "/api/rules/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), request_body = RuleFields, responses((status = 200, body = Rule)))]
async fn update(call: &mut Call) -> Result<Rule, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    let known = control.rule(&project_id, call.id("id")?).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let revision = fields.whole("revision");
    let revision = fields.require("revision", revision);
    let definition = read::changed(&mut fields, known.definition.clone());
    let revision = fields.finish(revision)?;
    // What was left as it is was read just now: it must be what the caller has seen too.
    if revision != known.revision {
        return Err(ControlError::Conflict { field: "revision" }.into());
    }
    let rule = Rule { definition, ..known };
    Ok(control.update_rule(manager.by(), rule).await?)
}

/// Forgets a rule. What fires because of it is resolved.
#[utoipa::path(delete, path = "/api/rules/{id}", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn remove(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = call.manager_of(Role::Admin).await?;
    let control = call.control();
    control
        .delete_rule(manager.by(), &project_id, call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

/// Where a rule stands for one group.
#[derive(Serialize, utoipa::ToSchema)]
struct RuleStanding {
    /// Values of the dimensions by which the rule tells groups apart.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({ "browser": "Firefox" }))]
    group: BTreeMap<&'static str, String>,
    /// Where it stands.
    phase: Phase,
    /// The level at which it fires.
    level: Option<Level>,
    /// Since when.
    updated_at_ms: i64,
}

impl RuleStanding {
    fn new(group_names: &[&'static str], state: RuleState) -> Self {
        Self {
            group: group_names.iter().copied().zip(state.group_values).collect(),
            phase: state.status.phase(),
            level: state.status.level(),
            updated_at_ms: state.updated_at_ms,
        }
    }
}

/// Where a rule stands, by groups, the one that has changed last first. Groups that are well are not in the list.
#[utoipa::path(get, path = "/api/rules/{id}/states", tag = "alerts", params(("id" = uuid::Uuid, Path), OfProject, Paging), responses((status = 200, body = Page<RuleStanding>)))]
async fn states(call: &mut Call) -> Result<Page<RuleStanding>, ApiError> {
    let (_, project_id) = call.manager_of(Role::Viewer).await?;
    let page = call.page_only()?;
    let control = call.control();
    let rule = control.rule(&project_id, call.id("id")?).await?;
    let states = control.rule_states(&project_id, rule.id, page).await?;
    let group_names = rule.definition.watch.group_names();
    Ok(states.map(|state| RuleStanding::new(&group_names, state)))
}
