//! What a project says of its beacons, and what becomes of their texts before the log: secrets go, paths become the
//! names of their groups, and names beyond the limit become one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use foldhash::fast::RandomState;

use super::grouping::{Grouping, GroupingRules, LocalNames, NameLimiter};
use super::scrub::{PatternError, ScrubPatterns, Scrubber};
use super::validate::Rules;
use crate::config::{GroupingConfig, IngestConfig, ScrubConfig};
use crate::domain::account::{Origin, Project, ProjectId, ProjectSettings};
use crate::domain::beacon::Beacon;
use crate::domain::field_error::{FieldError, FieldFault};

/// Projects whose rules a worker keeps; with more, all are read again now and then.
const PROJECTS_MAX: usize = 1_000;

/// What all workers share: the rules of the settings, and the limit on names.
#[derive(Clone, Debug)]
pub struct Refinery {
    scrubber: Scrubber,
    grouping: GroupingConfig,
    names: NameLimiter,
    rules: Rules,
    /// Hosts of the origins that the settings allow to the project `default`.
    default_hosts: Vec<String>,
}

impl Refinery {
    /// By the settings.
    ///
    /// # Errors
    /// A pattern of `scrub.patterns` is no regular expression.
    pub fn new(
        ingest: &IngestConfig,
        scrub: &ScrubConfig,
        grouping: &GroupingConfig,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            scrubber: Scrubber::new(scrub)?,
            grouping: grouping.clone(),
            names: NameLimiter::new(grouping),
            rules: Rules {
                funnel_steps: ingest.funnel_steps.clone(),
                event_types: ingest.event_types.clone(),
                text_chars_max: ingest.text_max_chars,
            },
            default_hosts: ingest
                .allowed_origins
                .iter()
                .filter_map(|text| Origin::parse("ingest.allowed_origins", text).ok()?.host())
                .collect(),
        })
    }

    /// One worker's part.
    pub(super) fn local(&self) -> Refiner {
        Refiner {
            names: RefCell::new(self.names.local()),
            projects: RefCell::default(),
            shared: self.clone(),
        }
    }
}

/// A project's rules, ready to be used.
#[derive(Debug)]
pub(super) struct ProjectRules {
    revision: i64,
    /// What is valid beyond the standard.
    pub(super) rules: Rules,
    scrub: ScrubPatterns,
    grouping: Grouping,
}

/// One worker's way to refine beacons.
#[derive(Debug)]
pub(super) struct Refiner {
    shared: Refinery,
    names: RefCell<LocalNames>,
    projects: RefCell<HashMap<ProjectId, Rc<ProjectRules>, RandomState>>,
}

impl Refiner {
    /// The rules of a project as it is now.
    pub(super) fn rules_of(&self, project: &Project) -> Rc<ProjectRules> {
        let mut projects = self.projects.borrow_mut();
        if let Some(known) = projects.get(&project.id)
            && known.revision == project.revision
        {
            return Rc::clone(known);
        }
        if projects.len() >= PROJECTS_MAX {
            projects.clear();
        }
        let rules = Rc::new(self.read(project));
        projects.insert(project.id.clone(), Rc::clone(&rules));
        rules
    }

    /// Rules that cannot be read were refused when they were saved; one that slipped through is left out, and said.
    fn read(&self, project: &Project) -> ProjectRules {
        let settings = &project.settings;
        let told = |what: &str| tracing::warn!(project = %project.id, "the project's {what} cannot be read and are left out");
        let with = |own: &[String], of_settings: &[String]| [own, of_settings].concat();
        let scrub = settings.scrub_rules.iter();
        let scrub =
            ScrubPatterns::parse(scrub.map(|rule| (rule.pattern.as_str(), rule.replacement.as_str())));
        let hosts = project.allowed_origins.iter().filter_map(Origin::host);
        let mut hosts: Vec<String> = hosts.collect();
        if project.id.as_str() == ProjectId::DEFAULT {
            hosts.extend_from_slice(&self.shared.default_hosts);
        }
        let grouping = settings.grouping_rules.iter();
        let grouping = GroupingRules::parse(grouping.map(|rule| (rule.pattern.as_str(), rule.name.as_str())));
        ProjectRules {
            revision: project.revision,
            rules: Rules {
                funnel_steps: with(&settings.own_steps(), &self.shared.rules.funnel_steps),
                event_types: with(&settings.event_types, &self.shared.rules.event_types),
                text_chars_max: self.shared.rules.text_chars_max,
            },
            scrub: scrub.unwrap_or_else(|_| {
                told("scrub_rules");
                ScrubPatterns::default()
            }),
            grouping: Grouping::new(
                &self.shared.grouping,
                grouping.unwrap_or_else(|_| {
                    told("grouping_rules");
                    GroupingRules::default()
                }),
                hosts.iter().map(String::as_str),
            ),
        }
    }

    /// Takes secrets out of a beacon's texts and gives its names their groups.
    pub(super) fn refine(
        &self,
        rules: &ProjectRules,
        project_id: &str,
        beacon: &mut Beacon<'_>,
        now_ms: i64,
    ) {
        self.shared.scrubber.scrub_beacon(beacon, &rules.scrub);
        self.names
            .borrow_mut()
            .group_beacon(beacon, project_id, &rules.grouping, now_ms);
    }
}

/// What of a project's rules cannot be used; fields as they stand in the project.
#[must_use]
pub fn rule_faults(settings: &ProjectSettings) -> Vec<FieldError> {
    let rules = settings.grouping_rules.iter();
    let rules = GroupingRules::parse(rules.map(|rule| (rule.pattern.as_str(), rule.name.as_str())));
    let mut faults = rules.err().unwrap_or_default();
    for fault in &mut faults {
        fault.field = format!("settings.{}", fault.field).into();
    }
    let rules = settings.scrub_rules.iter();
    let rules = rules.map(|rule| (rule.pattern.as_str(), rule.replacement.as_str()));
    if let Err(error) = ScrubPatterns::parse(rules) {
        faults.push(FieldError::new(
            format!("settings.scrub_rules.{}", error.number - 1),
            FieldFault::BadFormat,
            "must be a regular expression, and not a very large one",
        ));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::Name;

    fn refiner() -> Refiner {
        let ingest = IngestConfig {
            allowed_origins: vec!["https://settings.example".to_owned(), "*".to_owned()],
            ..IngestConfig::default()
        };
        let refinery = Refinery::new(&ingest, &ScrubConfig::default(), &GroupingConfig::default());
        refinery.unwrap().local()
    }

    fn project(id: &str, origins: &[&str]) -> Project {
        let origins = origins.iter().map(|text| Origin::parse("o", text).unwrap());
        Project {
            allowed_origins: origins.collect(),
            ..Project::new(
                ProjectId::parse("id", id).unwrap(),
                Name::parse("name", id).unwrap(),
                0,
            )
        }
    }

    fn endpoint(refiner: &Refiner, project: &Project, text: &str) -> String {
        let rules = refiner.rules_of(project);
        rules.grouping.endpoint(text.into()).into_owned()
    }

    #[test]
    fn an_endpoint_on_a_host_of_the_projects_origins_is_the_path_alone() {
        let refiner = refiner();
        let shop = project(
            "shop",
            &[
                "https://own.example",
                "https://*.shop.example",
                "http://localhost:3000",
            ],
        );
        for url in [
            "/user/1",
            "https://own.example/user/1",
            "https://OWN.example:443/user/1",
            "https://api.eu.shop.example/user/1",
            "http://localhost:3000/user/1",
        ] {
            assert_eq!(endpoint(&refiner, &shop, url), "/user/:id", "{url}");
        }
        for host in [
            "shop.example",
            "settings.example",
            "evilshop.example",
            "localhost:3001",
        ] {
            let url = format!("https://{host}/user/1");
            assert_eq!(endpoint(&refiner, &shop, &url), format!("{host}/user/:id"));
        }
        let everywhere = project("any", &["*"]);
        let url = "https://own.example/user/1";
        assert_eq!(endpoint(&refiner, &everywhere, url), "own.example/user/:id");
    }

    #[test]
    fn the_settings_origins_are_the_default_projects_own() {
        let default = project(ProjectId::DEFAULT, &["https://own.example"]);
        for host in ["settings.example", "own.example"] {
            let url = format!("https://{host}/user/1");
            assert_eq!(endpoint(&refiner(), &default, &url), "/user/:id");
        }
    }

    #[test]
    fn a_changed_project_has_the_hosts_that_it_has_now() {
        let refiner = refiner();
        let url = "https://own.example/user/1";
        let before = project("shop", &["https://own.example"]);
        assert_eq!(endpoint(&refiner, &before, url), "/user/:id");
        let after = Project {
            allowed_origins: Vec::new(),
            revision: before.revision + 1,
            ..before
        };
        assert_eq!(endpoint(&refiner, &after, url), "own.example/user/:id");
    }
}
