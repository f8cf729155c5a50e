//! The class of a device, by what the rules found and by words of the User-Agent itself. ua-parser knows models, not
//! classes.

use super::rules::Families;
use crate::domain::enrichment::Device;

/// The class; robots are known elsewhere.
pub(super) fn class_of(user_agent: &str, families: &Families) -> Device {
    if user_agent.is_empty() {
        return Device::Unknown;
    }
    let holds = |words: &[&str]| words.iter().any(|word| user_agent.contains(word));
    let os = families.os.as_str();
    let is_android = os == "Android" || user_agent.contains("Android");
    if holds(TVS) || os == "tvOS" || os == "ATV OS X" || (is_android && holds(&["; AFT"])) {
        Device::Tv
    } else if holds(CONSOLES) || os == "watchOS" {
        Device::Other
    } else if holds(TABLETS)
        || families.device.starts_with("iPad")
        || families.brand.ends_with("_Tablet")
        // Android browsers say `Mobile` on telephones only.
        || (is_android && !user_agent.contains("Mobile") && user_agent.contains("Mozilla/"))
    {
        Device::Tablet
    } else if holds(TELEPHONES) || is_android || os == "iOS" {
        Device::Mobile
    } else if DESKTOPS.iter().any(|desktop| os.starts_with(desktop)) || holds(DESKTOP_WORDS) {
        Device::Desktop
    } else {
        Device::Other
    }
}

const TVS: &[&str] = &[
    "SMART-TV",
    "SmartTV",
    "Smart-TV",
    "Smart TV",
    "SmartHub",
    "TV Safari",
    "GoogleTV",
    "Google TV",
    "Android TV",
    "AndroidTV",
    "AppleTV",
    "Apple TV",
    "HbbTV",
    "NetCast",
    "Web0S",
    "BRAVIA",
    "CrKey",
    "Roku",
    "VIERA",
    "Viera",
];
const CONSOLES: &[&str] = &["PlayStation", "Xbox", "Nintendo"];
const TABLETS: &[&str] = &["iPad", "Tablet", "Kindle", "PlayBook"];
const TELEPHONES: &[&str] = &[
    "Mobile",
    "iPhone",
    "iPod",
    "Windows Phone",
    "BlackBerry",
    "Opera Mini",
    "KAIOS",
    "KaiOS",
];
const DESKTOPS: &[&str] = &[
    "Windows",
    "Mac OS X",
    "macOS",
    "Linux",
    "Ubuntu",
    "Fedora",
    "Debian",
    "Chrome OS",
    "FreeBSD",
    "OpenBSD",
];
/// For when there are no rules.
const DESKTOP_WORDS: &[&str] = &["Windows NT", "Macintosh", "X11;", "CrOS"];
