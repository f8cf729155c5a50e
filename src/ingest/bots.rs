//! Known robots, by their User-Agent. Their beacons are no visitor's: they are answered as if they were taken, counted,
//! and dropped (`bots.drop`).
//!
//! Two sources agree on most: ua-parser's rules, which call a device a "Spider", and the lists below, which also
//! work without the rules' file and say what kind of robot it is. Where ua-parser goes too far we do not follow it:
//! programs with an HTTP library (`Python-urllib`, `Java/`) are how servers send beacons, and Amazon's browser
//! `Silk` is somebody's. A look costs microseconds; it is done once for a User-Agent, and remembered with it.
//!
//! It is courtesy, not defence: a robot that pretends to be a browser is taken for one.

use crate::config::BotsConfig;

/// What kind of robot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Robot {
    /// Reads pages for a search engine, a model, an archive or a preview.
    Crawler,
    /// Looks whether a page is there and how fast it is.
    Monitor,
    /// A browser without a screen, driven by a program.
    Headless,
}

impl Robot {
    /// Its name in counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crawler => "crawler",
            Self::Monitor => "monitor",
            Self::Headless => "headless",
        }
    }
}

/// The robots that the settings care for.
#[derive(Clone, Copy, Debug)]
pub struct Robots {
    drop: bool,
    headless: bool,
}

impl Robots {
    /// By the settings.
    #[must_use]
    pub const fn new(config: &BotsConfig) -> Self {
        Self {
            drop: config.drop,
            headless: config.headless,
        }
    }

    /// True when beacons of this robot are dropped.
    #[must_use]
    pub const fn drops(self, robot: Option<Robot>) -> bool {
        self.drop && robot.is_some()
    }

    /// The robot that this is the User-Agent of. `is_spider` is what ua-parser thinks.
    #[must_use]
    pub fn robot_of(self, user_agent: &str, is_spider: bool) -> Option<Robot> {
        let text = user_agent.to_ascii_lowercase();
        let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if holds(MONITORS) {
            Some(Robot::Monitor)
        } else if holds(CRAWLERS) || (text.contains("+http") && holds(&["bot", "crawl", "spider"])) {
            Some(Robot::Crawler)
        } else if holds(HEADLESS) {
            self.headless.then_some(Robot::Headless)
        } else if is_spider && !holds(NO_ROBOTS) {
            Some(Robot::Crawler)
        } else {
            None
        }
    }
}

const MONITORS: &[&str] = &[
    "uptimerobot",
    "uptime-kuma",
    "betteruptime",
    "better uptime",
    "pingdom",
    "statuscake",
    "site24x7",
    "datadogsynthetics",
    "newrelicpinger",
    "newrelicsynthetics",
    "dynatracesynthetic",
    "gomezagent",
    "catchpoint",
    "checklyhq",
    "hetrixtools",
    "freshping",
    "updown.io",
    "nodeping",
    "googlestackdrivermonitoring",
    "amazon-route53-health-check",
    "elb-healthchecker",
    "kube-probe",
    "blackbox-exporter",
    "chrome-lighthouse",
    "google page speed",
    "gtmetrix",
    "speedcurve",
    " ptst/",
];

const CRAWLERS: &[&str] = &[
    "googlebot",
    "adsbot-google",
    "mediapartners-google",
    "apis-google",
    "storebot-google",
    "google-inspectiontool",
    "googleother",
    "google-extended",
    "bingbot",
    "bingpreview",
    "adidxbot",
    "duckduckbot",
    "duckassistbot",
    "yandexbot",
    "yandex.com/bots",
    "baiduspider",
    "sogou web spider",
    "petalbot",
    "applebot",
    "amazonbot",
    "bytespider",
    "gptbot",
    "chatgpt-user",
    "oai-searchbot",
    "claudebot",
    "claude-web",
    "claude-user",
    "claude-searchbot",
    "anthropic-ai",
    "perplexitybot",
    "perplexity-user",
    "mistralai-user",
    "cohere-ai",
    "meta-externalagent",
    "meta-externalfetcher",
    "facebookexternalhit",
    "facebookcatalog",
    "twitterbot",
    "linkedinbot",
    "pinterestbot",
    "slackbot",
    "slack-imgproxy",
    "discordbot",
    "telegrambot",
    "skypeuripreview",
    "ccbot",
    "ahrefsbot",
    "ahrefssiteaudit",
    "semrushbot",
    "mj12bot",
    "dotbot",
    "rogerbot",
    "dataforseobot",
    "serpstatbot",
    "blexbot",
    "screaming frog",
    "archive.org_bot",
    "ia_archiver",
    "heritrix",
    "apache-nutch",
    "scrapy/",
    "feedfetcher",
];

const HEADLESS: &[&str] = &[
    "headlesschrome",
    "headless",
    "phantomjs",
    "slimerjs",
    "puppeteer",
    "playwright",
    "cypress/",
    "selenium",
    "webdriver",
    "htmlunit",
    "jsdom/",
    "happydom/",
];

/// What ua-parser takes for spiders and is none.
const NO_ROBOTS: &[&str] = &[
    "silk/",
    "cubot",
    "python-urllib",
    "java/",
    "jnlp/",
    "google-http-java-client",
    "winhttp",
    "http%20client",
    "appengine-google",
    "wordpress",
];

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Robots = Robots {
        drop: true,
        headless: false,
    };
    const STRICT: Robots = Robots {
        drop: true,
        headless: true,
    };

    #[test]
    fn robots_are_known_without_the_rules_file() {
        for (text, wanted) in [
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                Robot::Crawler,
            ),
            (
                "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36 (compatible; Googlebot/2.1)",
                Robot::Crawler,
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                Robot::Crawler,
            ),
            (
                "Mozilla/5.0 (compatible; NeverHeardOfBot/0.1; +https://example.org/bot)",
                Robot::Crawler,
            ),
            (
                "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
                Robot::Monitor,
            ),
        ] {
            assert_eq!(DEFAULT.robot_of(text, false), Some(wanted), "{text}");
        }
    }

    #[test]
    fn people_and_programs_are_no_robots_whatever_ua_parser_says() {
        for text in [
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Silk/131.2 like Chrome/131.0 Safari/537.36",
            "Mozilla/5.0 (Linux; Android 11; CUBOT NOTE 20) AppleWebKit/537.36 Chrome/100.0 Mobile Safari/537.36",
            "Python-urllib/3.11",
            "Java/21.0.2",
        ] {
            assert_eq!(DEFAULT.robot_of(text, true), None, "{text}");
        }
        for text in ["", "curl/8.5.0", "python-requests/2.31.0", "fresnel-demo"] {
            assert_eq!(STRICT.robot_of(text, false), None, "{text}");
        }
    }

    #[test]
    fn a_browser_without_a_screen_is_a_robot_when_the_settings_say_so() {
        let text =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/131.0.0.0 Safari/537.36";
        assert_eq!(DEFAULT.robot_of(text, false), None);
        assert_eq!(STRICT.robot_of(text, false), Some(Robot::Headless));
    }
}
