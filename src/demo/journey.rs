//! One visit, from its first page to wherever the visitor gives up.
//!
//! What is measured hangs together as it does on real sites: a slow device is slow in everything, a far region
//! has long round trips, and a visitor who waits too long leaves earlier. So a dashboard that cuts the demo's
//! day by browser, region or release has something to find.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use serde_json::{Value, json};

use super::beacon::{Beacon, Kind};
use super::catalogue::{
    ACCOUNT, EDITOR, EFFECT_LIST, Effect, Endpoint, GALLERY, HELP, HOME, PRICING, PROFILE, Page, RENDER,
    RESULT, SCRIPT_ERRORS, SHARE, STEPS, UPLOAD, rating,
};
use super::day::{RELEASE_AFTER, Story};
use super::visitor::Visitor;

/// Answers slower than this can make a client raise a warning.
const WARNING_MS: f64 = 3_000.0;
/// Answers slower than this can make it raise a critical alert.
const CRITICAL_MS: f64 = 5_000.0;
/// Largest paints above this begin to cost visitors.
const PATIENCE_MS: f64 = 2_500.0;

/// The visits in the order in which they begin, each with its beacons in theirs; made while they are taken.
pub(super) fn visits(story: &Story) -> impl Iterator<Item = Vec<Beacon>> + Send + use<> {
    let story = story.clone();
    let starts = story.starts();
    starts
        .into_iter()
        .zip(0_u64..)
        .map(move |(start_ms, place)| beacons(&story, place, start_ms))
}

/// The beacons of one visit, in the order in which they happen.
fn beacons(story: &Story, place: u64, start_ms: i64) -> Vec<Beacon> {
    let mut journey = Journey::begin(story, place, start_ms);
    journey.walk();
    journey.beacons.retain(|beacon| beacon.at_ms <= story.until_ms);
    journey.beacons
}

struct Journey<'story> {
    story: &'story Story,
    rng: StdRng,
    /// Ids differ from day to day, or the second run of a demo would be taken for a repetition of the first.
    ids: StdRng,
    at_ms: i64,
    visitor: Visitor,
    page: &'static Page,
    /// Largest paint of the page before, in milliseconds.
    last_paint_ms: f64,
    beacons: Vec<Beacon>,
}

impl<'story> Journey<'story> {
    fn begin(story: &'story Story, place: u64, start_ms: i64) -> Self {
        let mut rng = StdRng::seed_from_u64(story.seed ^ (place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let ids = StdRng::seed_from_u64(rng.random::<u64>() ^ story.until_ms.unsigned_abs());
        let visitor = Visitor::arrive(story, &mut rng, start_ms);
        Self {
            story,
            rng,
            ids,
            at_ms: start_ms,
            visitor,
            page: &HOME,
            last_paint_ms: 0.0,
            beacons: Vec::new(),
        }
    }

    fn walk(&mut self) {
        let effect = EFFECT_LIST
            .choose_weighted(&mut self.rng, |effect| effect.weight)
            .unwrap_or(&EFFECT_LIST[0]);
        let landings: [(&'static Page, f64); 5] = [
            (&HOME, 5.0),
            (&GALLERY, 3.0),
            (&effect.page, 2.5),
            (&PRICING, 1.0),
            (&HELP, 0.5),
        ];
        let landing = landings
            .choose_weighted(&mut self.rng, |landing| landing.1)
            .unwrap_or(&landings[0]);
        self.view(landing.0);
        if self.rng.random_bool(0.05) {
            self.pause(90.0);
            let is_skipped = self.rng.random_bool(0.4);
            self.event(
                "tutorial_completion",
                json!({"tutorial": "first-steps", "skipped": is_skipped}),
            );
        }
        if !self.goes_on(0.72) {
            return;
        }
        if self.rng.random_bool(0.1) {
            self.view(&ACCOUNT);
            if self.call(&PROFILE) {
                self.event("profile_update", json!({"field": "display_name"}));
            }
        }
        if landing.0.path != GALLERY.path {
            self.view(&GALLERY);
        }
        self.make_a_picture(effect);
    }

    /// The funnel: each step only after the one before, and only by those who go on.
    fn make_a_picture(&mut self, effect: &'static Effect) {
        for (step, share) in STEPS {
            if !self.goes_on(share) || !self.do_step(step, effect) {
                return;
            }
            self.put(
                Kind::Funnel,
                json!({
                    "step": step,
                    "effect_id": effect.id,
                    "metadata": {
                        "page": self.page.path,
                        "release": self.visitor.release,
                        "environment": self.visitor.environment,
                        "device_type": self.visitor.browser.device_type,
                    },
                }),
            );
        }
    }

    /// What a visitor does for a step; false when it fails.
    fn do_step(&mut self, step: &str, effect: &'static Effect) -> bool {
        match step {
            "effect_discovered" => {
                self.pause(12.0);
                self.event(
                    "feature_discovery",
                    json!({"feature": "effect", "effect_id": effect.id}),
                );
            }
            "effect_viewed" => self.view(&effect.page),
            "effect_started" => self.view(&EDITOR),
            "image_uploaded" => return self.upload(),
            "parameters_set" => {
                self.pause(35.0);
                self.interaction();
            }
            "processing_started" => self.pause(4.0),
            "processing_completed" => return self.render(effect),
            "result_downloaded" => {
                self.view(&RESULT);
                self.event(
                    "result_download",
                    json!({"effect_id": effect.id, "format": "png"}),
                );
            }
            _ => {
                if !self.call(&SHARE) {
                    return false;
                }
                let target = *["link", "mail", "instagram"]
                    .choose(&mut self.rng)
                    .unwrap_or(&"link");
                self.event("result_share", json!({"effect_id": effect.id, "target": target}));
            }
        }
        true
    }

    fn upload(&mut self) -> bool {
        self.pause(15.0);
        // Half of those whose upload fails try once more.
        let is_uploaded = self.call(&UPLOAD) || (self.rng.random_bool(0.5) && self.call(&UPLOAD));
        if !is_uploaded {
            return false;
        }
        let bytes = self.spread(1_900_000.0, 0.7).round();
        let format = *["image/jpeg", "image/jpeg", "image/png", "image/heic"]
            .choose(&mut self.rng)
            .unwrap_or(&"image/jpeg");
        self.event("image_upload", json!({"bytes": bytes, "format": format}));
        true
    }

    fn render(&mut self, effect: &'static Effect) -> bool {
        if !self.call(&RENDER) {
            return false;
        }
        let value = self.spread(effect.processing_ms, 0.35);
        self.advance(value);
        self.metric("effect_processing_time", value, json!({"effect_id": effect.id}));
        true
    }

    /// Opens a page: its vitals, its load time, its calls.
    fn view(&mut self, page: &'static Page) {
        self.pause(9.0);
        self.page = page;
        let is_worse = page.path == EDITOR.path && self.visitor.release == RELEASE_AFTER;
        let (paint, shift) = if is_worse { (1.9, 3.0) } else { (1.0, 1.0) };
        let navigation = if self.rng.random_bool(0.06) {
            "back_forward"
        } else {
            "navigate"
        };
        let ttfb = self.spread(110.0, 0.3) + 4.0 * self.visitor.round_trip_ms;
        let fcp = ttfb + self.spread(420.0, 0.35) * self.visitor.slowness;
        let lcp = fcp + self.spread(page.paint_ms * paint, 0.45) * self.visitor.slowness;
        let cls = if self.rng.random_bool(0.45) {
            0.0
        } else {
            self.spread(page.shift * shift, 0.9)
        };
        for (name, value) in [("TTFB", ttfb), ("FCP", fcp), ("LCP", lcp), ("CLS", cls.min(4.0))] {
            self.vital(name, value, navigation);
        }
        self.last_paint_ms = lcp;
        self.advance(lcp);
        let load = lcp + self.spread(300.0, 0.5) * self.visitor.slowness;
        self.metric("page_load_time", load, json!({"navigation_type": navigation}));
        for call in page.calls {
            self.call(call);
        }
        if self.rng.random_bool(0.7) {
            self.interaction();
        }
        if self.rng.random_bool(if is_worse { 0.05 } else { 0.008 }) {
            let (name, message) = *SCRIPT_ERRORS.choose(&mut self.rng).unwrap_or(&SCRIPT_ERRORS[0]);
            self.event("error_occurrence", json!({"name": name, "message": message}));
        }
    }

    fn interaction(&mut self) {
        let is_worse = self.page.path == EDITOR.path && self.visitor.release == RELEASE_AFTER;
        let median = self.page.interaction_ms * if is_worse { 2.2 } else { 1.0 };
        let inp = self.spread(median, 0.6) * self.visitor.slowness;
        self.vital("INP", inp, "navigate");
    }

    /// Asks the product's server; false when it fails.
    fn call(&mut self, endpoint: &'static Endpoint) -> bool {
        let is_ill = endpoint.path == UPLOAD.path && self.story.incident_ms().contains(&self.at_ms);
        let (slower, failures) = if is_ill {
            (4.5, 0.25)
        } else {
            (1.0, endpoint.failures)
        };
        let value = self.spread(endpoint.median_ms * slower, endpoint.spread) + self.visitor.round_trip_ms;
        let status = if self.rng.random_bool(failures) {
            *[500, 502, 503, 503].choose(&mut self.rng).unwrap_or(&503)
        } else if self.rng.random_bool(0.008) {
            *[400, 404, 429].choose(&mut self.rng).unwrap_or(&404)
        } else {
            200
        };
        self.advance(value);
        let mut own = json!({"api_endpoint": endpoint.path, "method": endpoint.method, "status": status});
        if status >= 500 {
            own["error_context"] = json!("upstream did not answer");
        }
        self.metric("api_response_time", value, own);
        if status >= 500 {
            let message = format!("{} {} answered {status}", endpoint.method, endpoint.path);
            self.event(
                "error_occurrence",
                json!({"name": "HttpError", "message": message}),
            );
        }
        if value > CRITICAL_MS && self.rng.random_bool(0.5) {
            self.alert("critical", CRITICAL_MS, value);
        } else if value > WARNING_MS && self.rng.random_bool(0.1) {
            self.alert("warning", WARNING_MS, value);
        }
        status < 500
    }

    /// Whether the visitor stays, given the share of patient ones who do.
    fn goes_on(&mut self, share: f64) -> bool {
        let annoyance = ((self.last_paint_ms - PATIENCE_MS) / 3_000.0).clamp(0.0, 1.5);
        self.rng.random_bool(share.powf(1.0 + annoyance))
    }

    /// A log-normal draw: most near the median, some far above.
    fn spread(&mut self, median: f64, sigma: f64) -> f64 {
        median * (sigma * self.rng.sample::<f64, _>(StandardNormal)).exp()
    }

    fn pause(&mut self, median_s: f64) {
        let pause_ms = self.spread(median_s * 1_000.0, 0.8);
        self.advance(pause_ms);
    }

    fn advance(&mut self, ms: f64) {
        self.at_ms += ms as i64;
    }

    fn vital(&mut self, name: &str, value: f64, navigation: &str) {
        let digits = if name == "CLS" { 10_000.0 } else { 10.0 };
        let value = (value * digits).round() / digits;
        let own = json!({"name": name, "rating": rating(name, value), "navigation_type": navigation});
        self.metric("core_web_vitals", value, own);
    }

    fn metric(&mut self, metric_type: &str, value: f64, mut metadata: Value) {
        let value = if metric_type == "core_web_vitals" {
            value
        } else {
            (value * 10.0).round() / 10.0
        };
        metadata["page"] = json!(self.page.path);
        metadata["region"] = json!(self.visitor.region);
        metadata["release"] = json!(self.visitor.release);
        metadata["environment"] = json!(self.visitor.environment);
        metadata["device_type"] = json!(self.visitor.browser.device_type);
        metadata["viewport"] = json!(self.visitor.browser.viewport);
        metadata["connection"] = json!(self.visitor.connection);
        self.put(
            Kind::Metric,
            json!({"type": metric_type, "value": value, "metadata": metadata}),
        );
    }

    fn event(&mut self, event_type: &str, mut data: Value) {
        data["page"] = json!(self.page.path);
        data["release"] = json!(self.visitor.release);
        self.put(Kind::Event, json!({"event_type": event_type, "event_data": data}));
    }

    fn alert(&mut self, severity: &str, threshold: f64, actual_value: f64) {
        self.put(
            Kind::Alert,
            json!({
                "severity": severity,
                "metric": "api_response_time",
                "threshold": threshold,
                "actual_value": actual_value.round(),
                "user_context": {
                    "browser": self.visitor.browser.name,
                    "device_type": self.visitor.browser.device_type,
                    "page": self.page.path,
                },
            }),
        );
    }

    fn put(&mut self, kind: Kind, mut body: Value) {
        if let Some(user_id) = &self.visitor.user_id {
            body["user_id"] = json!(user_id);
        }
        let event_id = uuid::Builder::from_random_bytes(self.ids.random()).into_uuid();
        let agent = self.visitor.browser.user_agent;
        self.beacons.push(Beacon::new(
            kind,
            self.at_ms,
            event_id,
            &self.visitor.session_id,
            agent,
            body,
        ));
    }
}
