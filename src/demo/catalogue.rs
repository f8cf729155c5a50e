//! The product that the demo's visitors use: a small image studio. Numbers are medians in milliseconds on a
//! usual desktop, made up but in the proportions of real sites.

/// A page and how fast it is.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) path: &'static str,
    /// From the first to the largest paint.
    pub(super) paint_ms: f64,
    /// From an interaction to its next frame.
    pub(super) interaction_ms: f64,
    /// Layout shift, where there is any.
    pub(super) shift: f64,
    /// What the page asks the server for.
    pub(super) calls: &'static [&'static Endpoint],
}

/// An address of the product's own API.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) path: &'static str,
    pub(super) method: &'static str,
    pub(super) median_ms: f64,
    /// Spread of the logarithm: 0.3 is steady, 0.9 has a long tail.
    pub(super) spread: f64,
    /// Share of answers 5xx on a usual day.
    pub(super) failures: f64,
}

const fn endpoint(
    path: &'static str,
    method: &'static str,
    median_ms: f64,
    spread: f64,
    failures: f64,
) -> Endpoint {
    Endpoint {
        path,
        method,
        median_ms,
        spread,
        failures,
    }
}

pub(super) static SESSION: Endpoint = endpoint("/api/session", "GET", 45.0, 0.35, 0.001);
pub(super) static EFFECTS: Endpoint = endpoint("/api/effects", "GET", 110.0, 0.4, 0.002);
pub(super) static SEARCH: Endpoint = endpoint("/api/search", "GET", 190.0, 0.7, 0.004);
pub(super) static UPLOAD: Endpoint = endpoint("/api/images/upload", "POST", 620.0, 0.6, 0.006);
/// The slow one.
pub(super) static RENDER: Endpoint = endpoint("/api/effects/render", "POST", 1_350.0, 0.75, 0.012);
pub(super) static PROFILE: Endpoint = endpoint("/api/user/profile", "PUT", 95.0, 0.4, 0.002);
pub(super) static SHARE: Endpoint = endpoint("/api/share", "POST", 240.0, 0.5, 0.003);

const fn page(
    path: &'static str,
    paint_ms: f64,
    interaction_ms: f64,
    shift: f64,
    calls: &'static [&'static Endpoint],
) -> Page {
    Page {
        path,
        paint_ms,
        interaction_ms,
        shift,
        calls,
    }
}

pub(super) static HOME: Page = page("/", 700.0, 70.0, 0.04, &[&SESSION]);
pub(super) static GALLERY: Page = page("/gallery", 1_250.0, 110.0, 0.12, &[&EFFECTS, &SEARCH]);
/// The page that the day's release makes worse.
pub(super) static EDITOR: Page = page("/editor", 1_050.0, 150.0, 0.03, &[&SESSION, &EFFECTS]);
pub(super) static RESULT: Page = page("/result", 900.0, 90.0, 0.05, &[&SESSION]);
pub(super) static PRICING: Page = page("/pricing", 450.0, 60.0, 0.02, &[]);
pub(super) static ACCOUNT: Page = page("/account/profile", 500.0, 80.0, 0.03, &[&SESSION]);
pub(super) static HELP: Page = page("/help", 350.0, 55.0, 0.02, &[&SEARCH]);

/// An effect of the studio: its id, its page, how long it takes, and how popular it is.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) id: &'static str,
    pub(super) page: Page,
    pub(super) processing_ms: f64,
    pub(super) weight: f64,
}

/// What the page of an effect asks for.
static EFFECT_CALLS: &[&Endpoint] = &[&EFFECTS];

const fn effect(id: &'static str, path: &'static str, processing_ms: f64, weight: f64) -> Effect {
    Effect {
        id,
        page: page(path, 1_150.0, 95.0, 0.06, EFFECT_CALLS),
        processing_ms,
        weight,
    }
}

pub(super) static EFFECT_LIST: [Effect; 5] = [
    effect("oil-painting", "/effects/oil-painting", 2_900.0, 5.0),
    effect("watercolor", "/effects/watercolor", 2_100.0, 4.0),
    effect("neon", "/effects/neon", 1_300.0, 3.0),
    effect("pencil-sketch", "/effects/pencil-sketch", 900.0, 2.0),
    effect("stained-glass", "/effects/stained-glass", 4_800.0, 1.0),
];

/// The nine steps of the funnel, each with the share of visitors who take it after the one before.
pub(super) const STEPS: [(&str, f64); 9] = [
    ("effect_discovered", 1.0),
    ("effect_viewed", 0.78),
    ("effect_started", 0.60),
    ("image_uploaded", 0.80),
    ("parameters_set", 0.86),
    ("processing_started", 0.92),
    ("processing_completed", 0.97),
    ("result_downloaded", 0.70),
    ("result_shared", 0.28),
];

/// A browser on a kind of device.
#[derive(Debug)]
pub(super) struct Browser {
    pub(super) name: &'static str,
    /// Families of browser and system, as the server reads them from the User-Agent.
    pub(super) family: &'static str,
    pub(super) os: &'static str,
    pub(super) device_type: &'static str,
    pub(super) viewport: &'static str,
    pub(super) user_agent: &'static str,
    /// How many times slower than a usual desktop.
    pub(super) slowness: f64,
    pub(super) weight: f64,
}

pub(super) static BROWSERS: [Browser; 6] = [
    Browser {
        name: "Chrome 142",
        family: "Chrome",
        os: "Windows",
        device_type: "desktop",
        viewport: "1920x1080",
        user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Safari/537.36",
        slowness: 1.0,
        weight: 34.0,
    },
    Browser {
        name: "Chrome Mobile 142",
        family: "Chrome Mobile",
        os: "Android",
        device_type: "mobile",
        viewport: "412x915",
        user_agent: "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Mobile Safari/537.36",
        slowness: 1.7,
        weight: 27.0,
    },
    Browser {
        name: "Safari Mobile 26",
        family: "Mobile Safari",
        os: "iOS",
        device_type: "mobile",
        viewport: "390x844",
        user_agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        slowness: 1.2,
        weight: 19.0,
    },
    Browser {
        name: "Firefox 145",
        family: "Firefox",
        os: "Linux",
        device_type: "desktop",
        viewport: "1536x864",
        user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        slowness: 1.05,
        weight: 9.0,
    },
    Browser {
        name: "Safari 26",
        family: "Safari",
        os: "Mac OS X",
        device_type: "desktop",
        viewport: "1440x900",
        user_agent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                     (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
        slowness: 0.95,
        weight: 7.0,
    },
    Browser {
        name: "Edge 142",
        family: "Edge",
        os: "Windows",
        device_type: "desktop",
        viewport: "1920x1080",
        user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        slowness: 1.0,
        weight: 4.0,
    },
];

/// Where visitors are.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) name: &'static str,
    /// To the server and back.
    pub(super) round_trip_ms: f64,
    /// Its share of the visitors.
    pub(super) weight: f64,
    /// Its countries, and their shares.
    pub(super) countries: &'static [(&'static str, f64)],
}

const fn region(
    name: &'static str,
    round_trip_ms: f64,
    weight: f64,
    countries: &'static [(&'static str, f64)],
) -> Region {
    Region {
        name,
        round_trip_ms,
        weight,
        countries,
    }
}

pub(super) static REGIONS: [Region; 5] = [
    region(
        "eu-central",
        25.0,
        38.0,
        &[
            ("DE", 55.0),
            ("PL", 18.0),
            ("AT", 10.0),
            ("CH", 10.0),
            ("CZ", 7.0),
        ],
    ),
    region(
        "eu-west",
        38.0,
        22.0,
        &[
            ("FR", 35.0),
            ("GB", 32.0),
            ("ES", 17.0),
            ("NL", 12.0),
            ("IE", 4.0),
        ],
    ),
    region("us-east", 105.0, 20.0, &[("US", 84.0), ("CA", 16.0)]),
    region("us-west", 155.0, 9.0, &[("US", 90.0), ("MX", 10.0)]),
    region(
        "ap-south",
        190.0,
        11.0,
        &[("IN", 76.0), ("SG", 14.0), ("BD", 10.0)],
    ),
];

/// Errors that happen in browsers whatever the server does: name and message.
pub(super) const SCRIPT_ERRORS: [(&str, &str); 4] = [
    (
        "TypeError",
        "Cannot read properties of undefined (reading 'width')",
    ),
    ("RangeError", "Array buffer allocation failed"),
    ("NetworkError", "Failed to fetch"),
    ("SecurityError", "The operation is insecure"),
];

/// Limits between good and needs improvement, and between that and poor, of each web vital.
pub(super) const VITAL_LIMITS: [(&str, f64, f64); 5] = [
    ("TTFB", 800.0, 1_800.0),
    ("FCP", 1_800.0, 3_000.0),
    ("LCP", 2_500.0, 4_000.0),
    ("INP", 200.0, 500.0),
    ("CLS", 0.1, 0.25),
];

/// The verdict that a browser's library sends with a web vital.
pub(super) fn rating(name: &str, value: f64) -> &'static str {
    match VITAL_LIMITS.iter().find(|(vital, ..)| *vital == name) {
        Some((_, good, _)) if value <= *good => "good",
        Some((_, _, fair)) if value <= *fair => "needs-improvement",
        _ => "poor",
    }
}
