//! What files ask for, put together from all of them.

use std::collections::{BTreeMap, HashMap};

use super::fault::{At, Given, Notes};
use crate::api::DeclaredChannel;
use crate::domain::account::{
    Email, FunnelDefinition, GroupingRule, JwtKeys, Name, Origin, OverflowMode, PartialLimits, ProjectId,
    QuotaTarget, Role, ScrubRule, ShareThreshold, Threshold, TimeZoneName,
};
use crate::domain::rule::RuleDefinition;

/// What files ask for. Each field is said once, in whichever file; what no file says stays as it is.
#[derive(Debug, Default)]
pub struct Wanted {
    pub(super) users: BTreeMap<Email, WantedUser>,
    pub(super) projects: BTreeMap<ProjectId, WantedProject>,
}

/// A user.
#[derive(Debug)]
pub(super) struct WantedUser {
    pub(super) at: At,
    pub(super) name: Option<Given<Name>>,
    pub(super) is_instance_owner: Option<Given<bool>>,
    pub(super) is_disabled: Option<Given<bool>>,
}

/// A project, with what belongs to it.
#[derive(Debug)]
pub(super) struct WantedProject {
    pub(super) at: At,
    pub(super) name: Option<Given<Name>>,
    pub(super) time_zone: Option<Given<TimeZoneName>>,
    pub(super) allowed_origins: Option<Given<Vec<Origin>>>,
    pub(super) allow_keyless: Option<Given<bool>>,
    pub(super) settings: WantedSettings,
    pub(super) quotas: Vec<WantedQuota>,
    /// Where each target stands.
    pub(super) targets: HashMap<QuotaTarget, At>,
    pub(super) issuers: Vec<WantedIssuer>,
    pub(super) rules: Vec<WantedRule>,
    pub(super) channels: Vec<WantedChannel>,
    pub(super) members: BTreeMap<Email, Given<Role>>,
}

/// A project's settings.
#[derive(Debug, Default)]
pub(super) struct WantedSettings {
    pub(super) funnel_steps: Option<Given<Vec<String>>>,
    pub(super) event_types: Option<Given<Vec<String>>>,
    pub(super) grouping_rules: Option<Given<Vec<GroupingRule>>>,
    pub(super) scrub_rules: Option<Given<Vec<ScrubRule>>>,
    pub(super) overflow: Option<Given<OverflowMode>>,
    pub(super) funnels: Option<Given<Vec<FunnelDefinition>>>,
    pub(super) thresholds: WantedThresholds,
}

/// A project's thresholds, each whole.
#[derive(Debug, Default)]
pub(super) struct WantedThresholds {
    pub(super) page_load_time: Option<Given<Threshold>>,
    pub(super) api_response_time: Option<Given<Threshold>>,
    pub(super) effect_processing_time: Option<Given<Threshold>>,
    pub(super) error_share: Option<Given<ShareThreshold>>,
}

impl WantedSettings {
    /// Takes over what another file says.
    pub(super) fn join(&mut self, other: Self, notes: &Notes) {
        set(&mut self.funnel_steps, other.funnel_steps, notes);
        set(&mut self.event_types, other.event_types, notes);
        set(&mut self.grouping_rules, other.grouping_rules, notes);
        set(&mut self.scrub_rules, other.scrub_rules, notes);
        set(&mut self.overflow, other.overflow, notes);
        set(&mut self.funnels, other.funnels, notes);
        let (own, other) = (&mut self.thresholds, other.thresholds);
        set(&mut own.page_load_time, other.page_load_time, notes);
        set(&mut own.api_response_time, other.api_response_time, notes);
        set(
            &mut own.effect_processing_time,
            other.effect_processing_time,
            notes,
        );
        set(&mut own.error_share, other.error_share, notes);
    }
}

/// A quota override, whole: a limit that it does not name is not overridden.
#[derive(Debug)]
pub(super) struct WantedQuota {
    pub(super) at: At,
    pub(super) target: QuotaTarget,
    pub(super) limits: PartialLimits,
}

/// An issuer, whole but for its secret.
#[derive(Debug)]
pub(super) struct WantedIssuer {
    pub(super) at: At,
    pub(super) name: Name,
    pub(super) issuer: String,
    pub(super) audience: String,
    /// None for the HS256 secret that is there already.
    pub(super) keys: Option<JwtKeys>,
}

/// A rule, whole.
#[derive(Debug)]
pub(super) struct WantedRule {
    pub(super) at: At,
    pub(super) definition: RuleDefinition,
}

/// A channel, whole but for where it leads, which stays when no file says it.
#[derive(Debug)]
pub(super) struct WantedChannel {
    pub(super) at: At,
    pub(super) channel: DeclaredChannel,
}

impl WantedProject {
    pub(super) fn new(at: At) -> Self {
        Self {
            at,
            name: None,
            time_zone: None,
            allowed_origins: None,
            allow_keyless: None,
            settings: WantedSettings::default(),
            quotas: Vec::new(),
            targets: HashMap::new(),
            issuers: Vec::new(),
            rules: Vec::new(),
            channels: Vec::new(),
            members: BTreeMap::new(),
        }
    }
}

/// Says a field, which must not have been said before.
pub(super) fn set<T>(field: &mut Option<Given<T>>, given: Option<Given<T>>, notes: &Notes) {
    let Some(given) = given else { return };
    match field {
        Some(known) => notes.note(&given.at, format!("stands already in {}", known.at)),
        None => *field = Some(given),
    }
}
