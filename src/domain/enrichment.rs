//! What the server adds to a beacon: what sent it, and from where. Nothing in here names an address.

use std::sync::Arc;

/// What a beacon's sender is, as its User-Agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Family of the browser, like `Mobile Safari`; empty when it is not known.
    pub browser: Box<str>,
    /// Family of the operating system, like `iOS`; empty when it is not known.
    pub os: Box<str>,
    /// Class of the device.
    pub device: Device,
}

/// Classes of devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Device {
    /// Nothing was said.
    #[default]
    Unknown,
    /// A computer with a desk or a lap under it. A tablet that asks for desktop pages is one too.
    Desktop,
    /// A telephone.
    Mobile,
    /// A tablet.
    Tablet,
    /// A television, or a box at one.
    Tv,
    /// A robot.
    Bot,
    /// Something else: a console, a watch, a program.
    Other,
}

impl Device {
    /// Its name in the tables; empty for an unknown one.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Tv => "tv",
            Self::Bot => "bot",
            Self::Other => "other",
        }
    }
}

/// Two letters of ISO 3166-1, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Country(Option<[u8; 2]>);

impl Country {
    /// A country by its two letters; nothing for any other text.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        let letters = code.as_bytes().try_into().ok();
        Self(letters.filter(|letters: &[u8; 2]| letters.iter().all(u8::is_ascii_uppercase)))
    }

    /// The two letters, or the empty text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0
            .as_ref()
            .and_then(|letters| std::str::from_utf8(letters).ok())
            .unwrap_or_default()
    }
}

/// What is added to each row; the default adds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrichment {
    /// What sent the beacon.
    pub client: Arc<Client>,
    /// Where it was sent from.
    pub country: Country,
    /// Who sent it, for this day and this project; never 0. None where the visitor asked not to be known.
    pub visitor_id: Option<u64>,
}
