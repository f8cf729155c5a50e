//! One visit, from its first page to wherever the visitor gives up.
//!
//! What is measured hangs together as it does on real sites: a slow device is slow in everything, a far region
//! has long round trips, and a visitor who waits too long leaves earlier. So a dashboard that cuts the demo's
//! day by browser, region or release has something to find.

use std::borrow::Cow;
use std::num::NonZeroU32;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_distr::StandardNormal;
use uuid::Uuid;

use super::catalogue::{
    ACCOUNT, EDITOR, EFFECT_LIST, Effect, Endpoint, GALLERY, HELP, HOME, PRICING, PROFILE, Page, RENDER,
    RESULT, SCRIPT_ERRORS, SHARE, STEPS, UPLOAD, rating,
};
use super::day::{RELEASE_AFTER, Story};
use super::visitor::Visitor;
use crate::domain::beacon::{
    Beacon, ClientAlert, Common, Detail, EventTime, FunnelStep, Id, Metric, UserEvent, VITALS_TYPE,
};
use crate::domain::json::{Members, Value};

/// Answers slower than this can make a client raise a warning.
const WARNING_MS: f64 = 3_000.0;
/// Answers slower than this can make it raise a critical alert.
const CRITICAL_MS: f64 = 5_000.0;
/// Largest paints above this begin to cost visitors.
const PATIENCE_MS: f64 = 2_500.0;
/// Usual time from a beacon's event to its arrival at a server that is as near as can be.
const ARRIVAL_MS: f64 = 60.0;

/// One visit: who comes when, and what chance makes of it.
pub(super) struct Visit {
    /// Decides what happens.
    seed: u64,
    start_ms: i64,
    pub(super) visitor: Visitor,
}

impl Visit {
    /// The visit at a place of the story; any place can be had without those before it.
    pub(super) fn new(story: &Story, place: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(story.seed ^ (place + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let seed = rng.random();
        let session_id = format!("s-{:016x}", ids(story, seed).random::<u64>());
        let start_ms = story.start_ms(place, rng.random());
        let visitor = Visitor::arrive(story, &mut rng, start_ms, session_id);
        Self {
            seed,
            start_ms,
            visitor,
        }
    }

    /// The beacons of the visit, in the order in which they happen.
    pub(super) fn beacons(&self, story: &Story) -> Vec<Beacon<'_>> {
        let mut ids = ids(story, self.seed);
        // The session's.
        let _: u64 = ids.random();
        let mut journey = Journey {
            story,
            rng: StdRng::seed_from_u64(self.seed),
            ids,
            at_ms: self.start_ms,
            visitor: &self.visitor,
            page: &HOME,
            last_paint_ms: 0.0,
            beacons: Vec::with_capacity(64),
        };
        journey.walk();
        journey
            .beacons
            .retain(|beacon| beacon.common.time.ts_ms <= story.until_ms);
        journey.beacons
    }
}

/// Ids differ from day to day, or the second run of a demo would be taken for a repetition of the first.
fn ids(story: &Story, seed: u64) -> StdRng {
    StdRng::seed_from_u64(!seed ^ story.until_ms.unsigned_abs())
}

struct Journey<'s, 'v> {
    story: &'s Story,
    rng: StdRng,
    ids: StdRng,
    at_ms: i64,
    visitor: &'v Visitor,
    page: &'static Page,
    /// Largest paint of the page before, in milliseconds.
    last_paint_ms: f64,
    beacons: Vec<Beacon<'v>>,
}

impl<'v> Journey<'_, 'v> {
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
                vec![
                    text("tutorial", "first-steps"),
                    member("skipped", Value::Bool(is_skipped)),
                ],
            );
        }
        if !self.goes_on(0.72) {
            return;
        }
        if self.rng.random_bool(0.1) {
            self.view(&ACCOUNT);
            if self.call(&PROFILE) {
                self.event("profile_update", vec![text("field", "display_name")]);
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
            self.step(step, effect);
        }
    }

    /// What a visitor does for a step; false when it fails.
    fn do_step(&mut self, step: &str, effect: &'static Effect) -> bool {
        match step {
            "effect_discovered" => {
                self.pause(12.0);
                self.event(
                    "feature_discovery",
                    vec![text("feature", "effect"), text("effect_id", effect.id)],
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
                    vec![text("effect_id", effect.id), text("format", "png")],
                );
            }
            _ => {
                if !self.call(&SHARE) {
                    return false;
                }
                let target = *["link", "mail", "instagram"]
                    .choose(&mut self.rng)
                    .unwrap_or(&"link");
                self.event(
                    "result_share",
                    vec![text("effect_id", effect.id), text("target", target)],
                );
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
        let bytes = self.spread(1_900_000.0, 0.7) as u64;
        let format = *["image/jpeg", "image/jpeg", "image/png", "image/heic"]
            .choose(&mut self.rng)
            .unwrap_or(&"image/jpeg");
        self.event(
            "image_upload",
            vec![member("bytes", Value::Unsigned(bytes)), text("format", format)],
        );
        true
    }

    fn render(&mut self, effect: &'static Effect) -> bool {
        if !self.call(&RENDER) {
            return false;
        }
        let value = self.spread(effect.processing_ms, 0.35);
        self.advance(value);
        let mut metric = self.measured("effect_processing_time", tenths(value));
        metric.effect_id = id(effect.id);
        self.put(Detail::Metric(metric));
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
        let mut metric = self.measured("page_load_time", tenths(load));
        metric.navigation_type = id(navigation);
        self.put(Detail::Metric(metric));
        for call in page.calls {
            self.call(call);
        }
        if self.rng.random_bool(0.7) {
            self.interaction();
        }
        if self.rng.random_bool(if is_worse { 0.05 } else { 0.008 }) {
            let (name, message) = *SCRIPT_ERRORS.choose(&mut self.rng).unwrap_or(&SCRIPT_ERRORS[0]);
            self.event(
                "error_occurrence",
                vec![text("name", name), text("message", message)],
            );
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
        let mut metric = self.measured("api_response_time", tenths(value));
        metric.api_endpoint = Cow::Borrowed(endpoint.path);
        metric.method = id(endpoint.method);
        metric.status = status;
        if status >= 500 {
            metric.error_context = Cow::Borrowed("upstream did not answer");
        }
        self.put(Detail::Metric(metric));
        if status >= 500 {
            let message = format!("{} {} answered {status}", endpoint.method, endpoint.path);
            let message = member("message", Value::Text(Cow::Owned(message)));
            self.event("error_occurrence", vec![text("name", "HttpError"), message]);
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

    fn vital(&mut self, name: &'static str, value: f64, navigation: &'static str) {
        let digits = if name == "CLS" { 10_000.0 } else { 10.0 };
        let value = (value * digits).round() / digits;
        let mut metric = self.measured(VITALS_TYPE, value);
        metric.name = id(name);
        metric.rating = id(rating(name, value));
        metric.navigation_type = id(navigation);
        self.put(Detail::Metric(metric));
    }

    /// A measurement here and now, without what only some have.
    fn measured(&self, metric_type: &'static str, value: f64) -> Box<Metric<'v>> {
        Box::new(Metric {
            metric_type,
            value,
            name: None,
            page: Cow::Borrowed(self.page.path),
            api_endpoint: Cow::default(),
            method: None,
            status: 0,
            region: id(self.visitor.region),
            effect_id: None,
            error_context: Cow::default(),
            release: id(self.visitor.release),
            environment: id(self.visitor.environment),
            rating: None,
            navigation_type: None,
            sample_weight: NonZeroU32::MIN,
            metadata: vec![
                text("device_type", self.visitor.browser.device_type),
                text("viewport", self.visitor.browser.viewport),
                text("connection", self.visitor.connection),
            ],
        })
    }

    fn step(&mut self, step: &'static str, effect: &'static Effect) {
        let metadata = vec![
            text("page", self.page.path),
            text("release", self.visitor.release),
            text("environment", self.visitor.environment),
            text("device_type", self.visitor.browser.device_type),
        ];
        if let Some(step) = id(step) {
            self.put(Detail::Funnel(FunnelStep {
                step,
                effect_id: id(effect.id),
                metadata,
            }));
        }
    }

    fn event(&mut self, event_type: &'static str, mut event_data: Members<'v>) {
        event_data.push(text("page", self.page.path));
        event_data.push(text("release", self.visitor.release));
        if let Some(event_type) = id(event_type) {
            self.put(Detail::Event(UserEvent {
                event_type,
                event_data,
            }));
        }
    }

    fn alert(&mut self, severity: &'static str, threshold: f64, actual_value: f64) {
        let browser = self.visitor.browser;
        if let (Some(metric), Some(browser), Some(device_type)) =
            (id("api_response_time"), id(browser.name), id(browser.device_type))
        {
            self.put(Detail::Alert(Box::new(ClientAlert {
                severity,
                metric,
                threshold,
                actual_value: actual_value.round(),
                browser,
                device_type,
                user_context: vec![text("page", self.page.path)],
            })));
        }
    }

    fn put(&mut self, detail: Detail<'v>) {
        let ts_ms = self.at_ms;
        let arrival_ms = self.spread(ARRIVAL_MS, 0.4) + self.visitor.round_trip_ms / 2.0;
        let time = EventTime {
            ts_ms,
            received_at_ms: ts_ms.saturating_add(arrival_ms as i64).min(self.story.until_ms),
            client_ts_ms: Some(ts_ms + self.visitor.clock_ahead_ms),
            is_replaced: false,
        };
        let event_id =
            uuid::Builder::from_unix_timestamp_millis(ts_ms.unsigned_abs(), &self.ids.random()).into_uuid();
        self.beacons.push(Beacon {
            common: self.common(event_id, time),
            detail,
        });
    }

    fn common(&self, event_id: Uuid, time: EventTime) -> Common<'v> {
        Common {
            event_id,
            is_clients_id: true,
            session_id: id(&self.visitor.session_id),
            user_id: self.visitor.user_id.as_deref().and_then(id),
            time,
            is_cut: false,
        }
    }
}

/// Names of the catalogue are ids; a test posts them all.
fn id(text: &str) -> Option<Id<'_>> {
    Id::parse(Cow::Borrowed(text)).ok()
}

fn member<'v>(key: &'static str, value: Value<'v>) -> (Cow<'v, str>, Value<'v>) {
    (Cow::Borrowed(key), value)
}

fn text<'v>(key: &'static str, text: &'v str) -> (Cow<'v, str>, Value<'v>) {
    member(key, Value::Text(Cow::Borrowed(text)))
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
