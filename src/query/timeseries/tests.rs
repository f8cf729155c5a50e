//! Parameters to requests, requests to statements.

use std::borrow::Cow;
use std::fmt::Write as _;

use insta::assert_snapshot;

use super::super::grain::{Grain, Kept};
use super::super::metrics::Plan;
use super::POINTS_MAX;
use super::request::TimeseriesRequest;
use crate::clock::UnixMicros;
use crate::domain::field_error::{FieldError, FieldFault};
use crate::warehouse::Retention;

/// 2026-07-15T12:00:00Z
const NOW: UnixMicros = UnixMicros(1_784_116_800_000_000);

const KEPT: Kept = Kept::new(
    Retention {
        raw_days: 90,
        minute_days: 30,
        hour_days: 730,
    },
    NOW,
);

fn parse(query: &str) -> Result<TimeseriesRequest, Vec<FieldError>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (Cow::from(name), Cow::from(value))
    });
    TimeseriesRequest::parse(pairs, "UTC", NOW)
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
    let plan = Plan::series(&request.selection, &request.grid, &KEPT);
    let statement = plan.statement("fresnel", "default", request.groups_max, POINTS_MAX);
    let mut text = format!("{}\n", statement.sql());
    for (name, value) in statement.parameters() {
        let _ = write!(text, "\n{name} = {}", serde_json::to_string(value).unwrap());
    }
    text
}

fn source(query: &str) -> (Grain, Option<i64>) {
    let request = parse(query).unwrap();
    let plan = Plan::series(&request.selection, &request.grid, &KEPT);
    (plan.source, plan.kept_from)
}

fn bounds(query: &str) -> Vec<String> {
    let request = parse(query).unwrap();
    let bounds = request.grid.bounds().iter();
    bounds
        .map(|bound| jiff::Timestamp::from_second(*bound).unwrap().to_string())
        .collect()
}

#[test]
fn a_day_by_the_hour_reads_the_hour_rollup() {
    assert_snapshot!(compiled(
        "type=page_load_time&from=2026-07-14T00:00:00Z&to=2026-07-15T00:00:00Z&interval=1h"
    ));
}

#[test]
fn groups_and_filters_of_the_rollup_read_the_minute_rollup() {
    assert_snapshot!(compiled(
        "type=core_web_vitals&name=LCP&page=/a&page=/b&environment=production&group_by=page&groups_max=3\
         &from=2026-07-15T10:00:00Z&to=2026-07-15T11:00:00Z&interval=5m"
    ));
}

#[test]
fn a_filter_that_rollups_lack_reads_raw_rows() {
    assert_snapshot!(compiled(
        "type=api_response_time&status=500&status=503&session_id=it's&from=2026-07-15T10:00:00Z&to=2026-07-15T11:00:00Z"
    ));
}

#[test]
fn days_with_a_change_of_daylight_saving_are_given_by_their_bounds() {
    assert_snapshot!(compiled(
        "type=page_load_time&timezone=Europe/Berlin&interval=1d&from=2026-03-28&to=2026-03-31"
    ));
}

#[test]
fn the_coarsest_exact_table_that_has_the_range_is_read() {
    let at = |rest: &str| source(&format!("type=page_load_time&{rest}"));
    assert_eq!(at("interval=1h&from=2026-07-14T00:30:00Z"), (Grain::Hour, None));
    assert_eq!(at("interval=15m"), (Grain::Quarter, None));
    assert_eq!(
        at("interval=1d&from=2026-07-01&to=2026-07-08"),
        (Grain::Day, None)
    );
    // Two dimensions at once, and what only raw rows have.
    assert_eq!(at("interval=1d&region=eu&page=/a"), (Grain::Raw, None));
    assert_eq!(at("interval=1h&method=GET"), (Grain::Raw, None));
    assert_eq!(at("interval=1h&name=LCP"), (Grain::Raw, None));
    // Slices by browser are kept per hour, and each is kept by environment.
    assert_eq!(at("interval=5m&browser=Firefox"), (Grain::Raw, None));
    assert_eq!(
        at("interval=1h&browser=Firefox&group_by=browser&environment=staging"),
        (Grain::Hour, None)
    );
    assert_eq!(
        at("interval=5m&page=/a&group_by=environment"),
        (Grain::Minute, None)
    );
    // Half-hour zones: their hours and days begin within one of the rollup's hours.
    assert_eq!(at("interval=1h&timezone=Asia/Kolkata"), (Grain::Quarter, None));
    assert_eq!(at("interval=1h&timezone=Asia/Tokyo"), (Grain::Hour, None));
    // Minutes are kept for 30 days, raw rows for 90.
    assert_eq!(
        at("interval=5m&from=2026-05-20T00:00:00Z&to=2026-05-21T00:00:00Z").0,
        Grain::Raw
    );
    // Nothing by the minute is kept that long: what there is, and a word about it.
    let (source, kept_from) = at("interval=5m&from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z");
    assert_eq!(
        (source, kept_from),
        (Grain::Raw, Some(NOW.0 / 1_000_000 - 90 * 86_400))
    );
    assert_eq!(
        at("interval=1d&from=2025-01-01&to=2026-01-02&timezone=Europe/Berlin"),
        (Grain::Hour, None)
    );
}

#[test]
fn ranges_are_widened_to_whole_buckets() {
    assert_eq!(
        bounds("type=page_load_time&interval=5m&from=2026-07-15T10:01:00Z&to=2026-07-15T10:10:00.001Z"),
        [
            "2026-07-15T10:00:00Z",
            "2026-07-15T10:05:00Z",
            "2026-07-15T10:10:00Z",
            "2026-07-15T10:15:00Z"
        ]
    );
    assert_eq!(
        bounds("type=page_load_time&interval=5m&from=2026-07-15T10:00:00Z&to=2026-07-15T10:10:00Z"),
        [
            "2026-07-15T10:00:00Z",
            "2026-07-15T10:05:00Z",
            "2026-07-15T10:10:00Z"
        ]
    );
    assert_eq!(
        bounds(
            "type=page_load_time&interval=1h&timezone=Asia/Kolkata&from=2026-07-15T10:00:00Z&to=2026-07-15T10:40:00Z"
        ),
        [
            "2026-07-15T09:30:00Z",
            "2026-07-15T10:30:00Z",
            "2026-07-15T11:30:00Z"
        ]
    );
}

#[test]
fn days_have_23_or_25_hours_when_clocks_change() {
    assert_eq!(
        bounds("type=page_load_time&interval=1d&timezone=Europe/Berlin&from=2026-03-28&to=2026-03-31"),
        [
            "2026-03-27T23:00:00Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T22:00:00Z",
            "2026-03-30T22:00:00Z"
        ]
    );
    assert_eq!(
        bounds("type=page_load_time&interval=1d&timezone=America/New_York&from=2026-10-31&to=2026-11-02"),
        [
            "2026-10-31T04:00:00Z",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z"
        ]
    );
    // Clocks change at midnight: the day begins at one o'clock.
    assert_eq!(
        bounds("type=page_load_time&interval=1d&timezone=America/Santiago&from=2026-09-05&to=2026-09-07"),
        [
            "2026-09-05T04:00:00Z",
            "2026-09-06T04:00:00Z",
            "2026-09-07T03:00:00Z"
        ]
    );
    assert_eq!(
        bounds("type=page_load_time&interval=6h&timezone=Europe/Berlin&from=2026-10-25&to=2026-10-26"),
        [
            "2026-10-24T22:00:00Z",
            "2026-10-25T05:00:00Z",
            "2026-10-25T11:00:00Z",
            "2026-10-25T17:00:00Z",
            "2026-10-25T23:00:00Z"
        ]
    );
    // The hour that comes twice is two buckets.
    assert_eq!(
        bounds(
            "type=page_load_time&interval=1h&timezone=Europe/Berlin&from=2026-10-25T00:00:00Z&to=2026-10-25T02:00:00Z"
        ),
        [
            "2026-10-25T00:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-10-25T02:00:00Z"
        ]
    );
}

#[test]
fn every_grid_covers_its_range_and_rises() {
    let zones = [
        "UTC",
        "Europe/Berlin",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "America/Santiago",
        "Africa/Cairo",
        "Pacific/Apia",
    ];
    for zone in zones {
        for interval in ["1h", "6h", "1d"] {
            for start in [
                "2026-03-07T09:59:59Z",
                "2026-04-04T00:00:00Z",
                "2026-10-03T15:20:00Z",
                "2026-12-31T23:59:00Z",
            ] {
                let from: jiff::Timestamp = start.parse().unwrap();
                let to = from + jiff::SignedDuration::from_hours(24 * 40);
                let request = parse(&format!(
                    "type=page_load_time&interval={interval}&timezone={zone}&from={from}&to={to}"
                ))
                .unwrap();
                let bounds = request.grid.bounds();
                assert!(
                    bounds.windows(2).all(|pair| pair[0] < pair[1]),
                    "{zone} {interval} {start}"
                );
                assert!(
                    bounds[0] <= from.as_second() && bounds[1] > from.as_second(),
                    "{zone} {interval} {start}"
                );
                assert!(
                    bounds[bounds.len() - 1] >= to.as_second() && bounds[bounds.len() - 2] < to.as_second()
                );
            }
        }
    }
}

#[test]
fn every_fault_is_named() {
    assert_eq!(faults(""), [("type".to_owned(), FieldFault::Missing)]);
    assert_eq!(
        faults(
            "type=speed&timezone=Mars/Base&from=yesterday&to=2026-07-01T00:00:00Z&interval=7m&group_by=user&groups_max=0&status=ok&colour=red"
        ),
        [
            ("type".to_owned(), FieldFault::UnknownValue),
            ("group_by".to_owned(), FieldFault::UnknownValue),
            ("status".to_owned(), FieldFault::OutOfRange),
            ("timezone".to_owned(), FieldFault::UnknownValue),
            ("from".to_owned(), FieldFault::BadFormat),
            ("interval".to_owned(), FieldFault::UnknownValue),
            ("groups_max".to_owned(), FieldFault::OutOfRange),
            ("colour".to_owned(), FieldFault::UnknownField),
        ]
    );
    assert_eq!(
        faults("type=page_load_time&from=2026-07-02T00:00:00Z&to=2026-07-01T00:00:00Z"),
        [("from".to_owned(), FieldFault::OutOfRange)]
    );
    assert_eq!(
        faults("type=page_load_time&to=1960-01-01T00:00:00Z"),
        [("to".to_owned(), FieldFault::OutOfRange)]
    );
    assert_eq!(
        faults("type=page_load_time&interval=1m&interval=5m"),
        [("interval".to_owned(), FieldFault::Duplicate)]
    );
}

#[test]
fn more_points_than_an_answer_may_have_are_refused() {
    let too_many = [("interval".to_owned(), FieldFault::OutOfRange)];
    assert_eq!(
        faults("type=page_load_time&interval=1m&from=2026-07-01T00:00:00Z&to=2026-07-16T00:00:00Z"),
        too_many
    );
    assert_eq!(
        faults(
            "type=page_load_time&interval=1m&group_by=page&groups_max=13&from=2026-07-01T00:00:00Z&to=2026-07-02T00:00:00Z"
        ),
        too_many
    );
    assert_eq!(
        faults("type=page_load_time&interval=1m&from=1970-01-02T00:00:00Z&to=2099-01-01T00:00:00Z"),
        too_many
    );
    let request =
        parse("type=page_load_time&interval=1m&from=2026-07-01T00:00:00Z&to=2026-07-08T00:00:00Z").unwrap();
    assert!(request.grid.starts().len() <= POINTS_MAX);
}

#[test]
fn without_a_range_it_is_the_last_day_and_auto_gives_a_readable_number_of_points() {
    let points = |query: &str| parse(query).unwrap().grid.starts().len();
    assert_eq!(points("type=page_load_time"), 288);
    assert_eq!(
        points("type=page_load_time&interval=auto&from=2026-07-15T11:00:00Z"),
        60
    );
    assert_eq!(points("type=page_load_time&from=2026-06-15T12:00:00Z"), 120);
}

#[test]
fn times_may_have_an_offset_or_be_local_and_empty_parameters_are_not_given() {
    let from = |query: &str| {
        bounds(&format!(
            "type=page_load_time&interval=1h&to=2026-07-15T12:00:00Z&{query}"
        ))[0]
            .clone()
    };
    assert_eq!(from("from=2026-07-15T12:00:00 02:00"), "2026-07-15T10:00:00Z");
    assert_eq!(
        from("from=2026-07-15T12:00:00&timezone=Europe/Berlin"),
        "2026-07-15T10:00:00Z"
    );
    assert_eq!(from("from=2026-07-15&page=&name="), "2026-07-15T00:00:00Z");
}
