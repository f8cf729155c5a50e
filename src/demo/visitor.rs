//! Who comes: one visitor's device, network and place.

use std::sync::{Arc, LazyLock};

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand_distr::StandardNormal;

use super::catalogue::{BROWSERS, Browser, REGIONS};
use super::day::Story;
use crate::domain::enrichment::{Client, Country, Device, Enrichment};

/// Share of visitors who ask not to be known.
const PRIVATE_SHARE: f64 = 0.02;
/// Spread of the clocks of visitors around the right time, in milliseconds.
const CLOCK_SPREAD_MS: f64 = 250.0;
const DAY_MS: i64 = 86_400_000;

/// What the server adds to the beacons of each browser of the catalogue.
static CLIENTS: LazyLock<[Arc<Client>; BROWSERS.len()]> = LazyLock::new(|| {
    BROWSERS.each_ref().map(|browser| {
        Arc::new(Client {
            browser: browser.family.into(),
            os: browser.os.into(),
            device: match browser.device_type {
                "mobile" => Device::Mobile,
                _ => Device::Desktop,
            },
        })
    })
});

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
    /// How far the visitor's clock is ahead of the right time.
    pub(super) clock_ahead_ms: i64,
    /// What a server adds to these beacons. One that they are posted to finds it out by itself.
    pub(super) enrichment: Enrichment,
}

impl Visitor {
    pub(super) fn arrive(story: &Story, rng: &mut StdRng, start_ms: i64, session_id: String) -> Self {
        let browser = BROWSERS
            .choose_weighted(rng, |browser| browser.weight)
            .unwrap_or(&BROWSERS[0]);
        let is_staging = rng.random_bool(0.06);
        let region = REGIONS
            .choose_weighted(rng, |region| region.weight)
            .unwrap_or(&REGIONS[0]);
        let region = if is_staging { &REGIONS[0] } else { region };
        let country = region
            .countries
            .choose_weighted(rng, |country| country.1)
            .map_or("", |country| country.0);
        let connection = *["4g", "4g", "wifi", "wifi", "wifi", "3g"]
            .choose(rng)
            .unwrap_or(&"4g");
        let of_the_network = if connection == "3g" { 1.6 } else { 1.0 };
        let of_the_device = (0.3 * rng.sample::<f64, _>(StandardNormal)).exp();
        let users = story.sessions.div_ceil(3).max(1);
        let user = rng.random_bool(0.3).then(|| rng.random_range(1..=users));
        let visitor_id = match user {
            _ if rng.random_bool(PRIVATE_SHARE) => None,
            // One who comes twice a day is one visitor.
            Some(user) => Some(mixed(story.seed, user, start_ms.div_euclid(DAY_MS))),
            None => Some(rng.random_range(1..=u64::MAX)),
        };
        Self {
            session_id,
            user_id: user.map(|user| format!("u-{user}")),
            browser,
            region: region.name,
            round_trip_ms: region.round_trip_ms,
            connection,
            slowness: browser.slowness * of_the_network * of_the_device,
            release: story.release(start_ms, rng.random()),
            environment: if is_staging { "staging" } else { "production" },
            clock_ahead_ms: (CLOCK_SPREAD_MS * rng.sample::<f64, _>(StandardNormal)) as i64,
            enrichment: Enrichment {
                client: client(browser),
                country: Country::from_code(country),
                visitor_id,
            },
        }
    }
}

fn client(browser: &'static Browser) -> Arc<Client> {
    let place = BROWSERS.iter().position(|known| known.name == browser.name);
    Arc::clone(&CLIENTS[place.unwrap_or(0)])
}

/// Some number above 0, the same for the same three; the last steps of `splitmix64`.
fn mixed(seed: u64, user: u32, day: i64) -> u64 {
    let mut mixed = seed ^ (u64::from(user) << 32) ^ day.unsigned_abs();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)).max(1)
}
