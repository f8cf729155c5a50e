//! Parameters to requests, requests to statements.

use std::borrow::Cow;
use std::fmt::Write as _;

use insta::assert_snapshot;

use super::request::{FunnelRequest, known_funnels};
use super::statement::Context;
use crate::clock::UnixMicros;
use crate::domain::account::{FunnelDefinition, Name, Project, ProjectId, TimeZoneName};
use crate::domain::field_error::{FieldError, FieldFault};

/// 2026-07-15T12:00:00Z
const NOW: UnixMicros = UnixMicros(1_784_116_800_000_000);

fn project() -> Project {
    let name = Name::parse("name", "Shop").unwrap();
    let mut project = Project::new(ProjectId::default_project(), name.clone(), 0);
    project.time_zone = TimeZoneName::parse("time_zone", "Europe/Berlin").unwrap();
    project.settings.funnels.push(FunnelDefinition {
        id: "checkout".to_owned(),
        name,
        steps: ["cart", "paid"].map(str::to_owned).to_vec(),
        window_ms: 60_000,
    });
    project
}

fn parse(query: &str) -> Result<FunnelRequest, Vec<FieldError>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (Cow::from(name), Cow::from(value))
    });
    FunnelRequest::parse(pairs, &project(), NOW)
}

fn faults(query: &str) -> Vec<(String, FieldFault)> {
    let faults = parse(query).err().unwrap_or_default();
    faults
        .into_iter()
        .map(|fault| (fault.field.into_owned(), fault.code))
        .collect()
}

/// Statement and parameters, as the warehouse gets them.
fn compiled(query: &str) -> String {
    let request = parse(query).unwrap();
    let context = Context {
        database: "fresnel",
        project_id: "default",
        request: &request,
    };
    let statement = context.statement(&request.period, 3);
    let mut text = format!("{}\n", statement.sql());
    for (name, value) in statement.parameters() {
        let _ = write!(text, "\n{name} = {}", serde_json::to_string(value).unwrap());
    }
    text
}

#[test]
fn steps_are_gathered_by_session_and_walked_through_once() {
    assert_snapshot!(compiled("funnel=checkout"));
}

#[test]
fn a_breakdown_and_filters_by_keys_bind_the_names_of_the_keys() {
    assert_snapshot!(compiled(
        "steps=a,b,c&breakdown=metadata.it's&browser=Firefox&metadata.x')=1&metadata.x')=2&groups_max=3&window_ms=1500"
    ));
}

#[test]
fn the_normalised_question_is_the_same_for_the_same_question() {
    let key = |query: &str| serde_json::to_string(&parse(query).unwrap()).unwrap();
    assert_snapshot!(key(
        "metadata.plan=b&metadata.plan=a&browser=Chrome&compare=previous"
    ));
    assert_eq!(key("funnel=standard&os=a&os=b"), key("os=b&os=a&os=a"));
    let later = UnixMicros(NOW.0 + 9_000_000);
    let none = std::iter::empty::<(Cow<'_, str>, Cow<'_, str>)>;
    let at = |now| FunnelRequest::parse(none(), &project(), now).unwrap().period;
    assert_eq!(at(NOW), at(later));
}

#[test]
fn funnels_of_the_project_stand_beside_the_standard_one() {
    let known = known_funnels(&project().settings);
    let ids: Vec<_> = known.iter().map(|funnel| funnel.id.as_str()).collect();
    assert_eq!(ids, ["standard", "checkout"]);
    assert_eq!(known[0].steps.len(), 9);
    assert_eq!(parse("funnel=checkout").unwrap().window_ms, 60_000);
    assert_eq!(parse("funnel=checkout&window_ms=5").unwrap().window_ms, 5);
    assert_eq!(parse("").unwrap().period.timezone, "Europe/Berlin");
}

#[test]
fn what_cannot_be_used_is_named() {
    let named = |field: &str, fault| vec![(field.to_owned(), fault)];
    assert_eq!(
        faults("funnel=nothing"),
        named("funnel", FieldFault::UnknownValue)
    );
    assert_eq!(faults("steps=a"), named("steps", FieldFault::OutOfRange));
    assert_eq!(faults("steps=a,"), named("steps", FieldFault::BadFormat));
    assert_eq!(faults("steps=a,b,a"), named("steps", FieldFault::Duplicate));
    assert_eq!(
        faults("steps=a,b&funnel=checkout"),
        named("steps", FieldFault::Conflict)
    );
    let range = "from=2026-01-01&to=2026-07-01";
    assert_eq!(
        faults(&format!("{range}&interval=1h")),
        named("interval", FieldFault::OutOfRange)
    );
    assert_eq!(
        faults(
            "window_ms=0&from=2020-01-01&to=2026-07-01&interval=1m&breakdown=page_load&groups_max=51&compare=next&metadata.=1&step=x"
        ),
        [
            ("window_ms".to_owned(), FieldFault::OutOfRange),
            ("from".to_owned(), FieldFault::OutOfRange),
            ("interval".to_owned(), FieldFault::UnknownValue),
            ("breakdown".to_owned(), FieldFault::UnknownValue),
            ("groups_max".to_owned(), FieldFault::OutOfRange),
            ("compare".to_owned(), FieldFault::UnknownValue),
            ("metadata".to_owned(), FieldFault::BadFormat),
            ("step".to_owned(), FieldFault::UnknownField),
        ]
    );
    let many: Vec<_> = (0..9).map(|number| format!("metadata.k{number}=1")).collect();
    assert_eq!(faults(&many.join("&")), named("filters", FieldFault::TooLong));
}
