//! Heatmaps, recounted.

use std::collections::BTreeMap;

use fresnel::query::heatmap::{Heatmap, HeatmapRequest};
use serde_json::{Value, json};

use super::stage::{NOW, RETENTION, Stage, pairs, project, time};

const FROM_MS: i64 = 1_782_907_200_000;
const HOUR_MS: i64 = 3_600_000;
const RANGE: &str = "from=2026-07-01T12:00:00Z&to=2026-07-01T18:00:00Z&interval=1h";

async fn ask(stage: &Stage, query: &str) -> Heatmap {
    let query = format!("{RANGE}&{query}");
    let request = HeatmapRequest::parse(pairs(&query), &project(), NOW).expect("a good question");
    fresnel::query::heatmap::heatmap(&stage.warehouse, &RETENTION, "default", &request, NOW)
        .await
        .expect("an answer")
}

fn metric(project: &str, metric_type: &str, name: &str, after_ms: i64, value: f64, page: &str) -> Value {
    json!({
        "project_id": project, "type": metric_type, "name": name, "value": value, "page": page,
        "ts": time(FROM_MS + after_ms), "received_at": time(FROM_MS + after_ms),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_measurement_is_in_the_band_and_bucket_of_a_recount() {
    let stage = Stage::set().await;
    let mut rows = Vec::new();
    let mut expected: BTreeMap<(i64, usize), u64> = BTreeMap::new();
    let template = ask(&stage, "type=page_load_time").await;
    let around = |bound: &f64| [bound * 0.99, *bound, bound * 1.01];
    let values: Vec<f64> = std::iter::once(0.0)
        .chain(template.bounds.iter().flat_map(around))
        .chain([1.0e9])
        .collect();
    for (place, value) in values.iter().enumerate() {
        let hour = i64::try_from(place % 6).unwrap();
        // The first moment of a bucket is its own; the last one too.
        for after_ms in [hour * HOUR_MS, (hour + 1) * HOUR_MS - 1] {
            rows.push(metric("default", "page_load_time", "", after_ms, *value, "/a"));
            let band = template.bounds.iter().filter(|bound| *value >= **bound).count();
            *expected.entry((hour, band)).or_default() += 1;
        }
    }
    for (project, metric_type, after_ms, page) in [
        ("other", "page_load_time", 0, "/a"),
        ("default", "api_response_time", 0, "/a"),
        ("default", "page_load_time", -1, "/a"),
        ("default", "page_load_time", 6 * HOUR_MS, "/a"),
        ("default", "page_load_time", 0, "/b"),
    ] {
        rows.push(metric(project, metric_type, "", after_ms, 1.0, page));
    }
    stage.insert("performance_metrics", &rows).await;

    let answer = ask(&stage, "type=page_load_time&page=/a").await;
    assert_eq!(answer.buckets.len(), 6);
    for (hour, bucket) in answer.buckets.iter().enumerate() {
        let hour = i64::try_from(hour).unwrap();
        assert_eq!(bucket.ts * 1_000, FROM_MS + hour * HOUR_MS);
        assert_eq!(bucket.counts.len(), answer.bounds.len() + 1);
        for (band, count) in bucket.counts.iter().enumerate() {
            let of_recount = expected.get(&(hour, band)).copied().unwrap_or_default();
            assert_eq!(*count, of_recount, "band {band} of hour {hour}");
        }
    }
    let all = ask(&stage, "type=page_load_time").await;
    assert_eq!(all.buckets[0].counts[0], answer.buckets[0].counts[0] + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn shifts_have_bands_of_their_own_and_a_shift_of_0_is_data() {
    let stage = Stage::set().await;
    let rows: Vec<_> = [("CLS", 0.0), ("CLS", 0.1), ("CLS", 0.3), ("LCP", 0.3)]
        .into_iter()
        .map(|(name, value)| metric("default", "core_web_vitals", name, 0, value, "/a"))
        .collect();
    stage.insert("performance_metrics", &rows).await;
    let answer = ask(&stage, "type=core_web_vitals&name=CLS").await;
    let counts = &answer.buckets[0].counts;
    assert_eq!(counts.iter().sum::<u64>(), 3);
    let band = |value: f64| answer.bounds.iter().filter(|bound| value >= **bound).count();
    for value in [0.0, 0.1, 0.3] {
        assert_eq!(counts[band(value)], 1, "{value}");
    }
}
