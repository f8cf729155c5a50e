//! The requests that the generator sends, built before the clock starts: only the event id and the time
//! are written into them as they go out.

use std::str::FromStr;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// Different requests that are built ahead; more of them would not stay in the processor's cache.
const REQUESTS: usize = 1_024;
const TIMESTAMP_FORMAT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const TIMESTAMP_BYTES: usize = "2026-01-01T00:00:00.000Z".len();
/// Stands where the event id goes until the request is sent.
const EVENT_ID_PLACE: &str = "00000000-0000-0000-0000-000000000000";
/// Stands where the time goes until the request is sent.
const TIMESTAMP_PLACE: &str = "0000-00-00T00:00:00.000Z";

const PAGES: [&str; 8] = [
    "/",
    "/gallery",
    "/effects/oil-painting",
    "/effects/neon",
    "/editor",
    "/pricing",
    "/account/profile",
    "/help",
];
const ENDPOINTS: [&str; 6] = [
    "/api/effects",
    "/api/effects/render",
    "/api/images/upload",
    "/api/session",
    "/api/user/profile",
    "/api/search",
];
const REGIONS: [&str; 5] = ["eu-central", "eu-west", "us-east", "us-west", "ap-south"];
const EFFECTS: [&str; 4] = ["oil-painting", "neon", "sketch", "watercolor"];
const VITALS: [(&str, f64); 5] = [
    ("LCP", 4_000.0),
    ("INP", 500.0),
    ("CLS", 0.4),
    ("FCP", 3_000.0),
    ("TTFB", 1_500.0),
];
const STEPS: [&str; 9] = [
    "effect_discovered",
    "effect_viewed",
    "effect_started",
    "image_uploaded",
    "parameters_set",
    "processing_started",
    "processing_completed",
    "result_downloaded",
    "result_shared",
];
const EVENTS: [&str; 7] = [
    "image_upload",
    "result_download",
    "result_share",
    "profile_update",
    "feature_discovery",
    "tutorial_completion",
    "error_occurrence",
];

/// How many of a hundred requests are of each kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KindShares {
    metric: u32,
    funnel: u32,
    event: u32,
    alert: u32,
}

impl Default for KindShares {
    fn default() -> Self {
        Self {
            metric: 70,
            funnel: 15,
            event: 14,
            alert: 1,
        }
    }
}

impl FromStr for KindShares {
    type Err = String;

    /// Reads `metric=70,funnel=15,event=14,alert=1`; a kind that is left out is not sent.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut shares = Self {
            metric: 0,
            funnel: 0,
            event: 0,
            alert: 0,
        };
        for part in text.split(',') {
            let (kind, share) = part.split_once('=').unwrap_or((part, "1"));
            let share: u32 = share
                .parse()
                .map_err(|_| format!("`{share}` is not a whole number"))?;
            match kind {
                "metric" => shares.metric = share,
                "funnel" => shares.funnel = share,
                "event" => shares.event = share,
                "alert" => shares.alert = share,
                other => return Err(format!("`{other}` is none of metric, funnel, event, alert")),
            }
        }
        if shares.metric + shares.funnel + shares.event + shares.alert == 0 {
            return Err("all shares are zero".to_owned());
        }
        Ok(shares)
    }
}

/// A ring of prebuilt requests.
pub(crate) struct Requests {
    ring: Vec<Request>,
    next: usize,
    timestamp: Vec<u8>,
}

struct Request {
    bytes: Vec<u8>,
    event_id_at: usize,
    timestamp_at: usize,
}

impl Requests {
    /// Builds the ring for a server at `host`. The same arguments give the same requests, so two servers
    /// that are compared get the same work.
    pub(crate) fn build(host: &str, key: &str, shares: KindShares) -> Self {
        let mut rng = StdRng::seed_from_u64(0x46_72_65_73_6e_65_6c);
        let sum = shares.metric + shares.funnel + shares.event + shares.alert;
        let mut kinds: Vec<(&str, Value)> = Vec::with_capacity(REQUESTS);
        for place in 0..REQUESTS {
            let ticket = u32::try_from(place).unwrap_or(0) * sum / u32::try_from(REQUESTS).unwrap_or(1);
            kinds.push(if ticket < shares.metric {
                ("/api/analytics/performance/metrics", metric(&mut rng))
            } else if ticket < shares.metric + shares.funnel {
                ("/api/analytics/funnel", funnel_step(&mut rng))
            } else if ticket < shares.metric + shares.funnel + shares.event {
                ("/api/analytics/events", user_event(&mut rng))
            } else {
                ("/api/analytics/performance/alerts", alert(&mut rng))
            });
        }
        kinds.shuffle(&mut rng);
        let ring = kinds
            .iter()
            .map(|(path, body)| Request::build(host, key, path, body))
            .collect();
        Self {
            ring,
            next: 0,
            timestamp: TIMESTAMP_PLACE.into(),
        }
    }

    /// Sets the time that the next requests carry, in microseconds since 1970.
    pub(crate) fn set_time(&mut self, unix_micros: i64) {
        if let Ok(at) = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_micros) * 1_000)
            && let Ok(text) = at.format(TIMESTAMP_FORMAT)
            && text.len() == TIMESTAMP_BYTES
        {
            self.timestamp.copy_from_slice(text.as_bytes());
        }
    }

    /// The next request, with an event id that was never sent before.
    pub(crate) fn next(&mut self) -> (Uuid, &[u8]) {
        let request = &mut self.ring[self.next];
        self.next = (self.next + 1) % REQUESTS;
        let event_id = Uuid::new_v4();
        let id_text = &mut request.bytes[request.event_id_at..request.event_id_at + Hyphenated::LENGTH];
        event_id.as_hyphenated().encode_lower(id_text);
        request.bytes[request.timestamp_at..request.timestamp_at + TIMESTAMP_BYTES]
            .copy_from_slice(&self.timestamp);
        (event_id, &request.bytes)
    }

    /// Mean length of a request's body.
    pub(crate) fn body_bytes_mean(&self) -> usize {
        let sum: usize = self.ring.iter().map(Request::body_bytes).sum();
        sum / self.ring.len()
    }
}

impl Request {
    fn build(host: &str, key: &str, path: &str, body: &Value) -> Self {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
             User-Agent: fresnel-load/1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let text = format!("{head}{body}");
        let place = |needle: &str| {
            text.find(needle)
                .unwrap_or_else(|| unreachable!("{needle} is in each body"))
        };
        Self {
            event_id_at: place(EVENT_ID_PLACE),
            timestamp_at: place(TIMESTAMP_PLACE),
            bytes: text.into_bytes(),
        }
    }

    fn body_bytes(&self) -> usize {
        let head = self
            .bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap_or(0);
        self.bytes.len() - head - 4
    }
}

fn pick<'list>(rng: &mut StdRng, list: &[&'list str]) -> &'list str {
    list.choose(rng).copied().unwrap_or_default()
}

fn session_id(rng: &mut StdRng) -> String {
    format!("s-{:016x}-{:08x}", rng.random::<u64>(), rng.random::<u32>())
}

/// Keys that every client of a product sends beside the ones that Fresnel knows.
fn surroundings(rng: &mut StdRng) -> Value {
    json!({
        "viewport": pick(rng, &["1920x1080", "1440x900", "390x844", "768x1024"]),
        "connection": pick(rng, &["4g", "wifi", "3g"]),
        "referrer": "https://www.example.com/search?q=effects",
        "language": pick(rng, &["en-GB", "de-DE", "fr-FR", "pt-BR"]),
        "build": 41_877,
        "title": "Studio, turn a photo into a painting",
    })
}

fn merge(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

fn metric(rng: &mut StdRng) -> Value {
    let place = json!({
        "page": pick(rng, &PAGES),
        "region": pick(rng, &REGIONS),
        "release": pick(rng, &["2026.11.1", "2026.11.2"]),
        "environment": "production",
    });
    let (kind, value, own) = match rng.random_range(0..10) {
        0..4 => {
            let (name, most) = VITALS.choose(rng).copied().unwrap_or(("LCP", 4_000.0));
            let own = json!({"name": name, "rating": "good", "navigation_type": "navigate"});
            ("core_web_vitals", rng.random_range(0.0..most), own)
        }
        4..8 => {
            let status = if rng.random_ratio(1, 50) { 503 } else { 200 };
            let own = json!({"api_endpoint": pick(rng, &ENDPOINTS), "method": "GET", "status": status});
            ("api_response_time", rng.random_range(5.0..2_000.0), own)
        }
        8 => (
            "page_load_time",
            rng.random_range(200.0..6_000.0),
            json!({"navigation_type": "reload"}),
        ),
        _ => {
            let own = json!({"effect_id": pick(rng, &EFFECTS)});
            ("effect_processing_time", rng.random_range(400.0..9_000.0), own)
        }
    };
    json!({
        "event_id": EVENT_ID_PLACE,
        "type": kind,
        "value": value,
        "timestamp": TIMESTAMP_PLACE,
        "session_id": session_id(rng),
        "metadata": merge(merge(place, own), surroundings(rng)),
    })
}

fn funnel_step(rng: &mut StdRng) -> Value {
    json!({
        "event_id": EVENT_ID_PLACE,
        "step": pick(rng, &STEPS),
        "effect_id": pick(rng, &EFFECTS),
        "timestamp": TIMESTAMP_PLACE,
        "session_id": session_id(rng),
        "metadata": merge(
            json!({"page": pick(rng, &PAGES), "variant": pick(rng, &["a", "b"]), "attempt": rng.random_range(1..4)}),
            surroundings(rng),
        ),
    })
}

fn user_event(rng: &mut StdRng) -> Value {
    json!({
        "event_id": EVENT_ID_PLACE,
        "event_type": pick(rng, &EVENTS),
        "timestamp": TIMESTAMP_PLACE,
        "session_id": session_id(rng),
        "event_data": merge(
            json!({"page": pick(rng, &PAGES), "bytes": rng.random_range(1_000..9_000_000), "format": "image/jpeg"}),
            surroundings(rng),
        ),
    })
}

fn alert(rng: &mut StdRng) -> Value {
    json!({
        "event_id": EVENT_ID_PLACE,
        "severity": pick(rng, &["warning", "error", "critical"]),
        "metric": "api_response_time",
        "threshold": 3_000,
        "actual_value": rng.random_range(3_001.0..12_000.0),
        "timestamp": TIMESTAMP_PLACE,
        "session_id": session_id(rng),
        "user_context": {
            "browser": pick(rng, &["Chrome 142", "Firefox 145", "Safari 26"]),
            "device_type": pick(rng, &["desktop", "mobile", "tablet"]),
        },
    })
}
