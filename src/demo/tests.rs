mod posting;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::beacon::Post;
use super::catalogue::{EDITOR, EFFECT_LIST, GALLERY, STEPS, UPLOAD};
use super::day::{RELEASE_AFTER, RELEASE_BEFORE, Story};
use super::posts;
use crate::domain::beacon::Kind;

/// 2026-11-22T09:30:00Z.
const UNTIL_MS: i64 = 1_795_339_800_000;

fn story(seed: u64, sessions: u32) -> Story {
    Story {
        seed,
        until_ms: UNTIL_MS,
        hours: 24,
        sessions,
    }
}

fn beacons(story: &Story) -> Vec<Post> {
    posts(story).flatten().collect()
}

fn values(beacons: &[Post], holds: impl Fn(&Post) -> bool) -> Vec<f64> {
    let mut values: Vec<f64> = beacons
        .iter()
        .filter(|beacon| holds(beacon))
        .filter_map(|beacon| beacon.body["value"].as_f64())
        .collect();
    values.sort_by(f64::total_cmp);
    values
}

fn is_vital(beacon: &Post, name: &str, page: &str) -> bool {
    beacon.body["metadata"]["name"] == name && beacon.body["metadata"]["page"] == page
}

fn median(values: &[f64]) -> f64 {
    values[values.len() / 2]
}

#[test]
fn the_same_seed_tells_the_same_story_and_another_seed_another() {
    assert_eq!(beacons(&story(7, 40)), beacons(&story(7, 40)));
    assert_ne!(beacons(&story(7, 40)), beacons(&story(8, 40)));
}

#[test]
fn no_event_id_stands_twice_not_even_on_two_days() {
    let mut days = [story(1, 100), story(1, 100)];
    days[1].until_ms += 60_000;
    let all: Vec<Post> = days.iter().flat_map(beacons).collect();
    let ids: std::collections::HashSet<String> = all
        .iter()
        .map(|beacon| beacon.body["event_id"].to_string())
        .collect();
    assert_eq!(ids.len(), all.len());
}

#[test]
fn all_kinds_and_all_steps_occur() {
    let beacons = beacons(&story(1, 1_000));
    for kind in Kind::ALL {
        assert!(beacons.iter().any(|beacon| beacon.kind == kind), "{kind:?}");
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for beacon in beacons.iter().filter(|beacon| beacon.kind == Kind::Funnel) {
        *counts
            .entry(beacon.body["step"].as_str().expect("a step has a name"))
            .or_default() += 1;
    }
    let counts: Vec<usize> = STEPS
        .iter()
        .map(|(step, _)| counts.get(step).copied().unwrap_or(0))
        .collect();
    assert!(
        counts.is_sorted_by(|before, after| before >= after),
        "a funnel narrows: {counts:?}"
    );
    assert!(counts[8] > 0 && counts[8] * 4 < counts[0], "{counts:?}");
}

#[test]
fn more_visitors_come_by_day_than_by_night() {
    let starts: Vec<i64> = posts(&story(1, 2_000)).map(|visit| visit[0].at_ms).collect();
    let count = |hours: std::ops::Range<i64>| {
        starts
            .iter()
            .filter(|at_ms| hours.contains(&(*at_ms / 3_600_000 % 24)))
            .count()
    };
    assert!(
        count(14..18) > 3 * count(2..6),
        "{} by day, {} by night",
        count(14..18),
        count(2..6)
    );
}

#[test]
fn the_release_makes_the_editor_worse_and_nothing_else() {
    let beacons = beacons(&story(1, 4_000));
    let paint = |page: &'static str, release: &'static str| {
        median(&values(&beacons, |beacon| {
            is_vital(beacon, "LCP", page) && beacon.body["metadata"]["release"] == release
        }))
    };
    assert!(paint(EDITOR.path, RELEASE_AFTER) > 1.3 * paint(EDITOR.path, RELEASE_BEFORE));
    let elsewhere = paint(GALLERY.path, RELEASE_AFTER) / paint(GALLERY.path, RELEASE_BEFORE);
    assert!((0.85..1.15).contains(&elsewhere), "{elsewhere}");
}

#[test]
fn uploads_fail_during_the_incident_and_rarely_else() {
    let story = story(1, 1_500);
    let failed = |during: bool| {
        let uploads: Vec<bool> = beacons(&story)
            .iter()
            .filter(|beacon| beacon.body["metadata"]["api_endpoint"] == UPLOAD.path)
            // The beacon comes when the call has ended, so some of the last ones began before.
            .filter(|beacon| story.incident_ms().contains(&(beacon.at_ms - 2_000)) == during)
            .map(|beacon| beacon.body["metadata"]["status"].as_u64() >= Some(500))
            .collect();
        uploads.iter().filter(|failed| **failed).count() * 100 / uploads.len()
    };
    assert!(
        failed(true) >= 10 && failed(false) <= 3,
        "{} %, {} %",
        failed(true),
        failed(false)
    );
}

#[test]
fn vitals_have_long_tails_and_layout_shift_is_often_zero() {
    let beacons = beacons(&story(1, 1_000));
    let paints = values(&beacons, |beacon| is_vital(beacon, "LCP", GALLERY.path));
    assert!(paints[paints.len() * 99 / 100] > 2.5 * median(&paints));
    let shifts = values(&beacons, |beacon| is_vital(beacon, "CLS", GALLERY.path));
    let zeros = shifts.iter().filter(|shift| **shift == 0.0).count() * 100 / shifts.len();
    assert!((35..55).contains(&zeros), "{zeros} % are zero");
}

#[test]
fn a_visit_is_one_session_with_one_release_and_its_beacons_are_in_order() {
    for visit in posts(&story(3, 300)) {
        assert!(
            visit
                .iter()
                .all(|beacon| beacon.body["session_id"] == visit[0].body["session_id"])
        );
        assert!(visit.is_sorted_by_key(|beacon| beacon.at_ms));
        let effects: std::collections::HashSet<&str> = visit
            .iter()
            .filter_map(|beacon| beacon.body["effect_id"].as_str())
            .collect();
        assert!(
            effects.len() <= 1
                && effects
                    .iter()
                    .all(|id| EFFECT_LIST.iter().any(|effect| effect.id == *id))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_beacon_lies_within_its_day(seed: u64, hours in 1_u32..=160, sessions in 1_u32..40) {
        let story = Story { seed, until_ms: UNTIL_MS, hours, sessions };
        for beacon in beacons(&story) {
            prop_assert!(beacon.at_ms >= story.begin_ms() && beacon.at_ms <= story.until_ms);
        }
    }
}
