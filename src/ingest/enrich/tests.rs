use std::net::Ipv4Addr;

use super::agents::USUAL;
use super::rules::{Families, Rules};
use super::*;
use crate::domain::enrichment::Device;

const NOW_MS: i64 = 1_795_339_800_000;
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

/// Where the tests find the rules: `npm ci` puts them there.
fn rules_text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/uap-core/regexes.yaml");
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; `npm ci` installs it", path.display()))
}

fn agents() -> Agents {
    let rules = Rules::new(rules_file::parse(&rules_text()).unwrap());
    Agents::new(rules, Robots::new(&BotsConfig::default()))
}

fn enricher(folder: &Path) -> Enricher {
    let config = EnrichConfig {
        user_agents_file: folder.join("absent.yaml"),
        country_db_file: folder.join("absent.mmdb"),
        ..EnrichConfig::default()
    };
    Enricher::open(&config, &BotsConfig::default(), folder, NOW_MS)
}

const KNOWN: [(&str, &str, &str, Device); 22] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Chrome",
        "Windows",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
        "Edge",
        "Windows",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
        "Safari",
        "Mac OS X",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Firefox",
        "Linux",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Chrome",
        "Chrome OS",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 Safari/537.36",
        "HeadlessChrome",
        "Linux",
        Device::Desktop,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mobile Safari",
        "iOS",
        Device::Mobile,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/400]",
        "Facebook",
        "iOS",
        Device::Mobile,
    ),
    (
        "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
        "Mobile Safari",
        "iOS",
        Device::Tablet,
    ),
    (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
        "Chrome Mobile",
        "Android",
        Device::Mobile,
    ),
    (
        "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Chrome",
        "Android",
        Device::Tablet,
    ),
    (
        "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0.4896.127 Mobile Safari/537.36",
        "Chrome Mobile",
        "Android",
        Device::Mobile,
    ),
    (
        "Dalvik/2.1.0 (Linux; U; Android 9; AFTMM Build/PS7233)",
        "Android",
        "Android",
        Device::Tv,
    ),
    (
        "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV Safari/538.1",
        "Safari",
        "Tizen",
        Device::Tv,
    ),
    (
        "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0.3945.79 Safari/537.36 WebAppManager",
        "Chrome",
        "Web0S",
        Device::Tv,
    ),
    (
        "Mozilla/5.0 (PlayStation; PlayStation 5/6.00) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        "Apple Mail",
        "",
        Device::Other,
    ),
    ("curl/8.5.0", "curl", "", Device::Other),
    ("python-requests/2.31.0", "Python Requests", "", Device::Other),
    (
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Googlebot",
        "",
        Device::Bot,
    ),
    (
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "GPTBot",
        "",
        Device::Bot,
    ),
    ("SomeUnheardOf crawler 3", "Other crawler", "", Device::Bot),
    ("", "", "", Device::Unknown),
];

#[test]
fn browsers_systems_and_devices_are_known() {
    let agents = agents();
    for (text, browser, os, device) in KNOWN {
        let agent = agents.look(text);
        if browser != "Other crawler" {
            assert_eq!(&*agent.client.browser, browser, "{text}");
        }
        assert_eq!(&*agent.client.os, os, "{text}");
        assert_eq!(agent.client.device, device, "{text}");
        assert_eq!(agent.robot.is_some(), device == Device::Bot, "{text}");
    }
}

#[test]
fn rules_that_are_compiled_when_needed_say_what_all_rules_say() {
    let texts = rules_file::parse(&rules_text()).unwrap();
    let rules = Rules::new(texts);
    let text = rules_text();
    let in_file = text
        .lines()
        .filter(|line| line.trim_start().starts_with("- regex:"));
    assert_eq!(rules.len(), in_file.count());
    let all = AllRules::new();
    let changed = |text: &str| {
        text.replace("Chrome/131", "OPR/115")
            .replace("Safari", "UCBrowser/13")
    };
    let texts = KNOWN.iter().map(|known| known.0).chain(USUAL).chain([
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0)",
        "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10",
        "Mozilla/5.0 (Linux; U; Android 4.4.2; en-us; LG-V410/V41010d Build/KOT49I.V41010d) AppleWebKit/537.36",
        "SonyEricssonW850i/R1GB Browser/NetFront/3.3 Profile/MIDP-2.0 Configuration/CLDC-1.1",
        "Spotify/8.6.32 iOS/14.6 (iPhone12,1)",
        "Podcasts/1575.1.2 CFNetwork/1240.0.4 Darwin/20.6.0",
        "äöü/1.0 ☃",
    ]);
    for text in texts {
        for text in [text.to_owned(), changed(text), text.to_lowercase()] {
            assert_eq!(rules.families(&text), all.families(&text), "{text}");
        }
    }
}

/// ua-parser's own way: everything compiled, and its own search for candidates.
struct AllRules(ua_parser::Extractor<'static>);

impl AllRules {
    fn new() -> Self {
        let texts = rules_file::parse(&rules_text()).unwrap();
        let regexes = ua_parser::Regexes {
            user_agent_parsers: texts
                .browsers
                .into_iter()
                .map(|rule| ua_parser::user_agent::Parser {
                    regex: rule.regex.into(),
                    family_replacement: rule.name.map(Into::into),
                    ..Default::default()
                })
                .collect(),
            os_parsers: texts
                .systems
                .into_iter()
                .map(|rule| ua_parser::os::Parser {
                    regex: rule.regex.into(),
                    os_replacement: rule.name.map(Into::into),
                    ..Default::default()
                })
                .collect(),
            device_parsers: texts
                .devices
                .into_iter()
                .map(|rule| ua_parser::device::Parser {
                    regex: rule.regex.into(),
                    regex_flag: rule.ignores_case.then_some(ua_parser::device::Flag::IgnoreCase),
                    device_replacement: rule.name.map(Into::into),
                    brand_replacement: rule.brand.map(Into::into),
                    ..Default::default()
                })
                .collect(),
        };
        Self(regexes.try_into().unwrap())
    }

    fn families(&self, text: &str) -> Families {
        let (browser, os, device) = self.0.extract(text);
        let (device, brand) = device
            .map(|found| {
                (
                    found.device.into_owned(),
                    found.brand.unwrap_or_default().into_owned(),
                )
            })
            .unwrap_or_default();
        Families {
            browser: browser.map(|found| found.family.into_owned()).unwrap_or_default(),
            os: os.map(|found| found.os.into_owned()).unwrap_or_default(),
            device,
            brand,
        }
    }
}

#[test]
fn without_files_families_and_countries_are_empty_and_robots_and_classes_known() {
    let folder = tempfile::tempdir().unwrap();
    let enricher = enricher(folder.path());
    let local = enricher.local();
    for (text, _, _, device) in KNOWN {
        let visitor = Visitor {
            user_agent: text,
            address: Some(HOME),
            asks_privacy: false,
        };
        let (enrichment, robot) = local.look("p", &visitor, NOW_MS);
        assert_eq!(&*enrichment.client.browser, "");
        assert_eq!(enrichment.country.as_str(), "");
        assert!(enrichment.visitor_id.is_some_and(|id| id != 0));
        if robot.is_some() {
            assert_eq!(device, Device::Bot, "{text}");
        }
    }
}

#[test]
fn nobody_who_asks_for_privacy_or_has_no_address_gets_an_id() {
    let folder = tempfile::tempdir().unwrap();
    let local = enricher(folder.path()).local();
    for (address, asks_privacy) in [(Some(HOME), true), (None, false), (None, true)] {
        let visitor = Visitor {
            user_agent: USUAL[0],
            address,
            asks_privacy,
        };
        assert_eq!(local.look("p", &visitor, NOW_MS).0.visitor_id, None);
    }
}

#[test]
fn a_worker_remembers_no_more_user_agents_than_it_may_and_the_usual_one_always() {
    let agents = Agents::new(
        Rules::new(Default::default()),
        Robots::new(&BotsConfig::default()),
    );
    let mut known = Known::new(64);
    let usual = known.get(USUAL[0], &agents).client;
    for number in 0..10_000 {
        let text = format!("{number} {}", "x".repeat(600));
        known.get(agents::cut(&text), &agents);
        assert!(known.len() <= 64);
        if number % 16 == 0 {
            assert!(
                Arc::ptr_eq(&known.get(USUAL[0], &agents).client, &usual),
                "{number}"
            );
        }
    }
    assert_eq!(agents::cut(&"é".repeat(400)).len(), 512);
}

#[test]
fn a_worker_remembers_half_as_many_while_memory_is_short() {
    let agents = Agents::new(
        Rules::new(Default::default()),
        Robots::new(&BotsConfig::default()),
    );
    let mut known = Known::new(64);
    let meet = |known: &mut Known, from: u32| {
        for number in from..from + 500 {
            known.get(&number.to_string(), &agents);
        }
    };
    meet(&mut known, 0);
    assert!(known.len() > 32);
    known.resize(32);
    assert!(known.len() <= 32);
    meet(&mut known, 500);
    assert!(known.len() <= 32);
    known.resize(64);
    meet(&mut known, 1_000);
    assert!((33..=64).contains(&known.len()));
}

#[test]
fn a_country_database_is_read_when_it_comes_and_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let enricher = enricher(folder.path());
    let local = enricher.local();
    let country = || {
        let visitor = Visitor {
            user_agent: "",
            address: Some(HOME),
            asks_privacy: false,
        };
        local.look("p", &visitor, NOW_MS).0.country.as_str().to_owned()
    };
    let file = folder.path().join("absent.mmdb");
    let write = |bytes: &[u8], seconds| {
        std::fs::write(&file, bytes).unwrap();
        let written = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let opened = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
        opened.set_modified(written).unwrap();
        enricher.maintain(NOW_MS).unwrap();
    };
    assert_eq!(country(), "");
    write(&database("DE"), 1_000);
    assert_eq!(country(), "DE");
    write(&database("FR"), 1_000);
    assert_eq!(country(), "DE", "as it was not written since");
    write(&database("FR"), 2_000);
    assert_eq!(country(), "FR");
    write(b"damaged", 3_000);
    assert_eq!(country(), "FR", "a damaged one leaves the one before in use");
}

/// A database in MaxMind's format whose every IPv4 address is of one country.
fn database(code: &str) -> Vec<u8> {
    let text = |text: &str| [&[0x40 | text.len() as u8], text.as_bytes()].concat();
    let short = |number: u16| [&[5 << 5 | 2][..], &number.to_be_bytes()].concat();
    let whole = |number: u32| [&[6 << 5 | 4][..], &number.to_be_bytes()].concat();
    let map = |members: &[(&str, Vec<u8>)]| {
        let mut bytes = vec![0xe0 | members.len() as u8];
        for (key, value) in members {
            bytes.extend(text(key));
            bytes.extend(value);
        }
        bytes
    };
    // One node; both of its 24-bit records point to the first value: nodes + 16.
    let mut bytes = vec![0, 0, 17, 0, 0, 17];
    bytes.extend([0; 16]);
    bytes.extend(map(&[("country", map(&[("iso_code", text(code))]))]));
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let long = |number: u64| [&[0x08, 0x02][..], &number.to_be_bytes()].concat();
    bytes.extend(map(&[
        ("binary_format_major_version", short(2)),
        ("binary_format_minor_version", short(0)),
        ("build_epoch", long(1)),
        ("database_type", text("Test")),
        ("description", map(&[])),
        ("ip_version", short(4)),
        ("languages", vec![0x00, 0x04]),
        ("node_count", whole(1)),
        ("record_size", short(24)),
    ]));
    bytes
}
