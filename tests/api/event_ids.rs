//! `event_id`, `user_id`, `timestamp`, `sent_at`: what every beacon may carry.

use serde_json::json;
use time::{Duration, UtcOffset};
use uuid::{Uuid, Version};

use crate::api::stored::{assert_columns, sent_ms, store, stored_ms};
use crate::harness::Fresnel;
use crate::harness::beacons::{Kind, iso, now};

#[test]
fn an_id_that_is_sent_is_kept_in_any_case() {
    let server = Fresnel::shared();
    for kind in Kind::ALL {
        for form in [Uuid::to_string as fn(&Uuid) -> String, |id| {
            id.to_string().to_uppercase()
        }] {
            let id = Uuid::new_v4();
            let mut beacon = kind.sample();
            beacon["event_id"] = json!(form(&id));
            let answer = server.post(kind.path(), beacon.to_string()).expect_status(202);
            assert_eq!(answer.json()["data"]["event_id"], id.to_string());
            server.warehouse().row(kind.table(), &id.to_string());
        }
    }
}

#[test]
fn an_id_that_is_not_sent_is_made_and_is_a_uuid_v7_in_order_of_time() {
    let server = Fresnel::shared();
    for kind in Kind::ALL {
        let ids: Vec<Uuid> = (0..3)
            .map(|_| {
                let answer = server
                    .post(kind.path(), kind.sample().to_string())
                    .expect_status(202);
                let body = answer.json();
                body["data"]["event_id"]
                    .as_str()
                    .expect("an id")
                    .parse()
                    .expect("a UUID")
            })
            .collect();
        assert!(
            ids.iter().all(|id| id.get_version() == Some(Version::SortRand)),
            "{ids:?}"
        );
        assert!(
            ids.is_sorted_by_key(|id| id.get_timestamp().map(|time| time.to_unix())),
            "{ids:?}"
        );
        server.warehouse().row(kind.table(), &ids[2].to_string());
    }
}

#[test]
fn fields_that_are_null_count_as_absent() {
    let server = Fresnel::shared();
    let mut beacon = Kind::Funnel.sample();
    for field in [
        "event_id",
        "user_id",
        "timestamp",
        "sent_at",
        "effect_id",
        "metadata",
    ] {
        beacon[field] = json!(null);
    }
    let answer = server
        .post(Kind::Funnel.path(), beacon.to_string())
        .expect_status(202);
    let id = answer.json()["data"]["event_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let row = server.warehouse().row(Kind::Funnel.table(), &id);
    assert_columns(
        &row,
        &json!({"user_id": "", "client_ts": null, "effect_id": "", "metadata": {}}),
    );
}

#[test]
fn a_clock_that_is_wrong_is_set_right_by_sent_at_and_the_clients_time_is_kept() {
    let server = Fresnel::shared();
    for hours_off in [-48, 0, 300, 24 * 365] {
        let client_now = now() + Duration::hours(hours_off);
        let mut beacon = Kind::Metric.sample();
        beacon["timestamp"] = json!(iso(client_now - Duration::minutes(5)));
        beacon["sent_at"] = json!(iso(client_now));
        let row = store(&server, Kind::Metric, beacon.clone());
        let age_ms = stored_ms(&row["received_at"]) - stored_ms(&row["ts"]);
        assert_eq!(age_ms, 5 * 60 * 1_000, "{hours_off} h off");
        assert_eq!(stored_ms(&row["client_ts"]), sent_ms(&beacon["timestamp"]));
        assert_eq!(row["flags"], 0);
    }
}

#[test]
fn a_time_too_far_away_is_replaced_by_the_servers_and_flagged() {
    let server = Fresnel::shared();
    let day = Duration::days(1);
    let minute = Duration::minutes(1);
    for (offset, flags) in [
        (-day * 8, 2),
        (-day * 7 + minute, 0),
        (minute * 9, 0),
        (minute * 11, 2),
        (-day * 20_000, 2),
        (day * 100_000, 2),
    ] {
        let mut beacon = Kind::Funnel.sample();
        beacon["timestamp"] = json!(iso(now() + offset));
        let row = store(&server, Kind::Funnel, beacon.clone());
        assert_eq!(row["flags"], flags, "{offset}");
        if flags == 0 {
            assert_eq!(stored_ms(&row["ts"]), sent_ms(&beacon["timestamp"]));
        } else {
            assert_eq!(row["ts"], row["received_at"], "{offset}");
        }
    }
}

#[test]
fn times_without_an_offset_are_utc_and_offsets_are_taken_out() {
    let server = Fresnel::shared();
    let moment = now();
    let utc = iso(moment);
    let east = iso(moment.to_offset(UtcOffset::from_hms(5, 30, 0).expect("an offset")));
    for timestamp in [utc.clone(), utc.trim_end_matches('Z').to_owned(), east] {
        let mut beacon = Kind::Event.sample();
        beacon["timestamp"] = json!(timestamp);
        let row = store(&server, Kind::Event, beacon);
        assert_eq!(stored_ms(&row["ts"]), sent_ms(&json!(utc)), "{timestamp}");
    }
}
