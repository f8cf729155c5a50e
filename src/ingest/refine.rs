//! What a project says of its beacons, and what becomes of their texts before the log: secrets go, paths become the
//! names of their groups, and names beyond the limit become one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::grouping::{Grouping, GroupingRules, LocalNames, NameLimiter};
use super::scrub::{PatternError, ScrubPatterns, Scrubber};
use super::validate::Rules;
use crate::config::{GroupingConfig, IngestConfig, ScrubConfig};
use crate::domain::account::{Project, ProjectId};
use crate::domain::beacon::Beacon;

/// Projects whose rules a worker keeps; with more, all are read again now and then.
const PROJECTS_MAX: usize = 1_000;

/// What all workers share: the rules of the settings, and the limit on names.
#[derive(Clone, Debug)]
pub struct Refinery {
    scrubber: Scrubber,
    grouping: GroupingConfig,
    names: NameLimiter,
    rules: Rules,
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
    projects: RefCell<HashMap<ProjectId, Rc<ProjectRules>>>,
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
        let grouping = settings.grouping_rules.iter();
        let grouping = GroupingRules::parse(grouping.map(|rule| (rule.pattern.as_str(), rule.name.as_str())));
        ProjectRules {
            revision: project.revision,
            rules: Rules {
                funnel_steps: with(&settings.funnel_steps, &self.shared.rules.funnel_steps),
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
                [],
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
