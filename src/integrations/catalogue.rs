//! The catalogue: what is known of services, as data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use url::Url;

use crate::domain::integration::{Service, Slug, SyncMethod};

/// The service of integrations that are in no catalogue.
pub const CUSTOM: &str = "custom";

const SHIPPED: &str = include_str!("catalogue.toml");
/// Most services of one file.
const SERVICES_MAX: usize = 1_000;
const FILE_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// Why there is no catalogue.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The user's file cannot be read.
    #[error("setting integrations.catalogue_file: {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A file is no catalogue.
    #[error("the catalogue {file} is faulty: {fault}")]
    Faulty {
        /// Which file.
        file: String,
        /// What is wrong, with the line or the service.
        fault: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    services: Vec<Service>,
}

/// See the file's comment. A clone is cheap and is the same.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// By their ids.
    services: Arc<[Arc<Service>]>,
    places: Arc<HashMap<Slug, usize>>,
}

impl Catalogue {
    /// The catalogue that ships, and what a user's file adds to it; an empty path is no file.
    ///
    /// # Errors
    /// A file cannot be read, or a service in it is faulty.
    pub fn load(file: &Path) -> Result<Self, CatalogueError> {
        let mut services = read(SHIPPED, "that ships")?;
        if !file.as_os_str().is_empty() {
            let unreadable = |error| CatalogueError::Unreadable(file.to_owned(), error);
            let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
            if bytes > FILE_BYTES_MAX {
                let error = std::io::Error::other(format!("is larger than {FILE_BYTES_MAX} bytes"));
                return Err(unreadable(error));
            }
            let text = std::fs::read_to_string(file).map_err(unreadable)?;
            services.extend(read(&text, &file.display().to_string())?);
        }
        Ok(Self::of(services))
    }

    /// Later ones stand in place of earlier ones of the same id.
    fn of(services: Vec<Service>) -> Self {
        let by_id: std::collections::BTreeMap<Slug, Arc<Service>> = services
            .into_iter()
            .map(|service| (service.id.clone(), Arc::new(service)))
            .collect();
        let places = by_id
            .keys()
            .cloned()
            .enumerate()
            .map(|(place, id)| (id, place))
            .collect();
        Self {
            services: by_id.into_values().collect(),
            places: Arc::new(places),
        }
    }

    /// A service; none for `custom`, and for what a file no longer has.
    #[must_use]
    pub fn service(&self, id: &Slug) -> Option<&Arc<Service>> {
        self.places.get(id).map(|place| &self.services[*place])
    }

    /// All services, by their ids.
    #[must_use]
    pub fn services(&self) -> &[Arc<Service>] {
        &self.services
    }
}

fn read(text: &str, file: &str) -> Result<Vec<Service>, CatalogueError> {
    let faulty = |fault: String| CatalogueError::Faulty {
        file: file.to_owned(),
        fault,
    };
    let File { services } = toml::from_str(text).map_err(|error| faulty(error.to_string()))?;
    if services.len() > SERVICES_MAX {
        return Err(faulty(format!("it has more than {SERVICES_MAX} services")));
    }
    for (place, service) in services.iter().enumerate() {
        let fault = fault(service).or_else(|| {
            let is_twice = services[..place].iter().any(|other| other.id == service.id);
            is_twice.then_some("id: stands twice")
        });
        if let Some(fault) = fault {
            return Err(faulty(format!("service {}: {fault}", service.id)));
        }
    }
    Ok(services)
}

/// What is wrong with a service, the first of it.
fn fault(service: &Service) -> Option<&'static str> {
    let is_web = |url: &Option<String>| {
        let url = url.as_ref().map(|url| Url::parse(url));
        url.is_none_or(|url| url.is_ok_and(|url| ["https", "http"].contains(&url.scheme()) && url.has_host()))
    };
    let is_polled = [Some(service.sync), service.fallback].contains(&Some(SyncMethod::Polling));
    let begins_well = |path: &str| path.starts_with('/');
    let caching = &service.caching;
    let mut paths = caching
        .paths
        .iter()
        .map(|one| &one.path)
        .chain(caching.tasks.iter().map(|one| &one.path))
        .chain(service.batches.iter().map(|one| &one.path))
        .chain(&service.retry.harmless);
    if service.id.as_str() == CUSTOM {
        Some("id: custom is what is in no catalogue")
    } else if service.name.trim().is_empty() {
        Some("name: must not be empty")
    } else if !is_web(&service.base_url) {
        Some("base_url: must be an address like https://api.vendor.example/v1")
    } else if !is_web(&service.token_url) {
        Some("token_url: must be an address")
    } else if !is_web(&service.status_page) || !is_web(&service.status_url) {
        Some("status_page, status_url: must be addresses")
    } else if is_polled && service.poll_interval_s.is_none_or(|seconds| seconds == 0) {
        Some("poll_interval_s: must be given where data is polled")
    } else if service.sync == SyncMethod::Webhook && service.signature.is_none() {
        Some("signature: must be given where data comes by webhooks")
    } else if service
        .rate_limit
        .is_some_and(|limit| limit.calls == 0 || limit.window_s == 0)
    {
        Some("rate_limit: must be at least one call in at least one second")
    } else if service
        .probe
        .as_ref()
        .is_some_and(|probe| !begins_well(&probe.path))
    {
        Some("probe.path: must begin with a slash")
    } else if !paths.all(|path| begins_well(path)) {
        Some("caching, batches, retry: paths must begin with a slash")
    } else if !service
        .retry
        .transient
        .iter()
        .chain(&service.retry.permanent)
        .all(|status| (400..=599).contains(status))
    {
        Some("retry: statuses must be 400 to 599")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::domain::integration::{RateLimit, Sla};

    fn slug(text: &str) -> Slug {
        Slug::parse("", text).unwrap()
    }

    fn faulty(text: &str) -> String {
        read(text, "f").unwrap_err().to_string()
    }

    const PLAIN: &str = "[[services]]\nid = \"x\"\nname = \"X\"\ncategory = \"c\"\nsync = \"manual\"\n";

    #[test]
    fn what_ships_has_the_vendors_of_the_requirements_with_their_limits() {
        let catalogue = Catalogue::load(Path::new("")).unwrap();
        let of = |id: &str| catalogue.service(&slug(id)).unwrap_or_else(|| panic!("{id}"));
        for id in [
            "greenhouse",
            "lever",
            "brevo",
            "mailgun",
            "assemblyai",
            "stripe",
            "sendgrid",
            "twilio",
        ] {
            assert_eq!(of(id).sync, SyncMethod::Webhook, "{id}");
            assert!(of(id).signature.is_some(), "{id}");
        }
        let calendar = of("google-calendar");
        assert_eq!(
            (calendar.sync, calendar.fallback),
            (SyncMethod::Webhook, Some(SyncMethod::Polling))
        );
        for (id, minutes) in [("workday", 30), ("bamboohr", 60), ("google-my-business", 30)] {
            assert_eq!(
                (of(id).sync, of(id).poll_interval_s),
                (SyncMethod::Polling, Some(minutes * 60)),
                "{id}"
            );
        }
        for id in [
            "slack",
            "microsoft-teams",
            "openai",
            "google-vision",
            "azure-face",
        ] {
            assert_eq!(of(id).sync, SyncMethod::Manual, "{id}");
        }
        for (id, calls, window_s) in [
            ("stripe", 100, 60),
            ("google-calendar", 250, 100),
            ("sendgrid", 600, 60),
            ("twilio", 1_000, 60),
            ("google-my-business", 100, 100),
        ] {
            assert_eq!(of(id).rate_limit, Some(RateLimit { calls, window_s }), "{id}");
        }
        let usual = Sla::default();
        for service in catalogue.services() {
            let expected = match service.id.as_str() {
                "stripe" => Sla {
                    availability_percent: 99.9,
                    response_ms: 2_000,
                    error_percent: 1.0,
                    call_success_percent: Some(99.9),
                    ..usual
                },
                "google-calendar" => Sla {
                    sync_latency_ms: Some(2_000),
                    ..usual
                },
                "sendgrid" => Sla {
                    delivery_percent: Some(95.0),
                    ..usual
                },
                "twilio" => Sla {
                    delivery_percent: Some(98.0),
                    ..usual
                },
                _ => usual,
            };
            assert_eq!(service.sla, expected, "{}", service.id);
        }
    }

    #[test]
    fn a_file_adds_services_and_stands_in_place_of_those_that_ship() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let stripe = PLAIN.replace("\"x\"", "\"stripe\"");
        write!(file, "{PLAIN}{stripe}").unwrap();
        let catalogue = Catalogue::load(file.path()).unwrap();
        assert_eq!(catalogue.service(&slug("x")).unwrap().name, "X");
        assert_eq!(catalogue.service(&slug("stripe")).unwrap().name, "X");
        assert!(catalogue.service(&slug("lever")).is_some());
        assert!(
            Catalogue::load(Path::new("/nowhere"))
                .unwrap_err()
                .to_string()
                .contains("/nowhere")
        );
    }

    #[test]
    fn a_faulty_service_is_named_with_its_field() {
        assert!(read(PLAIN, "f").is_ok());
        for (with, fault) in [
            ("base_url = \"ftp://x\"", "base_url"),
            ("base_url = \"x\"", "base_url"),
            ("status_url = \"x\"", "status_url"),
            ("fallback = \"polling\"", "poll_interval_s"),
            ("rate_limit = { calls = 0, window_s = 1 }", "rate_limit"),
            ("probe = { path = \"x\" }", "probe.path"),
            ("caching = { paths = [{ path = \"x\", seconds = 1 }] }", "caching"),
            ("retry = { harmless = [\"x\"] }", "retry"),
            ("retry = { transient = [200] }", "retry"),
            (
                "batches = [{ path = \"x\", items = \"i\", answers = \"a\" }]",
                "batches",
            ),
            ("colour = \"red\"", "colour"),
        ] {
            let error = faulty(&format!("{PLAIN}{with}\n"));
            assert!(error.contains(fault), "{with}: {error}");
        }
        assert!(faulty(&PLAIN.replace("manual", "webhook")).contains("signature"));
        assert!(faulty(&PLAIN.replace("\"x\"", "\"custom\"")).contains("custom"));
        assert!(faulty(&format!("{PLAIN}{PLAIN}")).contains("twice"));
    }
}
