//! Who comes: one visitor's device, network and place.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand_distr::StandardNormal;

use super::catalogue::{BROWSERS, Browser, REGIONS};
use super::day::Story;

/// What stays the same for a whole visit.
pub(super) struct Visitor {
    pub(super) session_id: String,
    /// Known visitors only.
    pub(super) user_id: Option<String>,
    pub(super) browser: &'static Browser,
    pub(super) region: &'static str,
    pub(super) round_trip_ms: f64,
    pub(super) connection: &'static str,
    /// How many times slower than usual this visitor's device and network are.
    pub(super) slowness: f64,
    pub(super) release: &'static str,
    pub(super) environment: &'static str,
}

impl Visitor {
    pub(super) fn arrive(story: &Story, rng: &mut StdRng, start_ms: i64) -> Self {
        let browser = BROWSERS
            .choose_weighted(rng, |browser| browser.weight)
            .unwrap_or(&BROWSERS[0]);
        let is_staging = rng.random_bool(0.06);
        let region = REGIONS
            .choose_weighted(rng, |region| region.2)
            .unwrap_or(&REGIONS[0]);
        let region = if is_staging { &REGIONS[0] } else { region };
        let connection = *["4g", "4g", "wifi", "wifi", "wifi", "3g"]
            .choose(rng)
            .unwrap_or(&"4g");
        let of_the_network = if connection == "3g" { 1.6 } else { 1.0 };
        let of_the_device = (0.3 * rng.sample::<f64, _>(StandardNormal)).exp();
        let users = story.sessions.div_ceil(3);
        Self {
            session_id: format!("s-{:016x}", rng.random::<u64>()),
            user_id: rng
                .random_bool(0.3)
                .then(|| format!("u-{}", rng.random_range(1..=users))),
            browser,
            region: region.0,
            round_trip_ms: region.1,
            connection,
            slowness: browser.slowness * of_the_network * of_the_device,
            release: story.release(start_ms, rng.random()),
            environment: if is_staging { "staging" } else { "production" },
        }
    }
}
