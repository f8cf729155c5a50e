//! What is asked of a funnel.

use std::borrow::Cow;

use jiff::SignedDuration;
use serde::Serialize;

use super::super::grid::Grid;
use super::super::interval::Interval;
use super::super::parameters::Parameters;
use super::super::period::Period;
use super::super::raw_filters::{Property, RawFilters};
use super::STEPS_MAX;
use crate::clock::UnixMicros;
use crate::domain::account::{FunnelDefinition, Project, ProjectSettings};
use crate::domain::beacon::{FUNNEL_STEPS, ID_CHARS_MAX};
use crate::domain::field_error::{FieldError, FieldFault};
use crate::domain::table::Table;

/// Id of the funnel that every project has.
pub const STANDARD_ID: &str = "standard";
/// Window when neither the question nor the funnel says one.
const WINDOW_MS_DEFAULT: i64 = FunnelDefinition::WINDOW_MS_DEFAULT;
/// Longest window: 90 days.
const WINDOW_MS_MAX: i64 = 90 * 86_400_000;
/// Range without `from`.
const RANGE_DEFAULT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Groups without `groups_max`, and the most.
const GROUPS_DEFAULT: i64 = 10;
const GROUPS_MAX: i64 = 50;
/// Most points of the trend.
const POINTS_MAX: i64 = 1_000;

/// A funnel that can be asked for by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct KnownFunnel {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its steps, in their order.
    pub steps: Vec<String>,
    /// Longest time from the entry to the last step, in milliseconds.
    pub window_ms: i64,
}

/// The funnels of a project: the standard one, unless the project has defined another under its id, and its own.
#[must_use]
pub fn known_funnels(settings: &ProjectSettings) -> Vec<KnownFunnel> {
    let standard = KnownFunnel {
        id: STANDARD_ID.to_owned(),
        name: "Standard funnel".to_owned(),
        steps: FUNNEL_STEPS.map(str::to_owned).to_vec(),
        window_ms: WINDOW_MS_DEFAULT,
    };
    let own = settings.funnels.iter().map(|funnel| KnownFunnel {
        id: funnel.id.clone(),
        name: funnel.name.as_str().to_owned(),
        steps: funnel.steps.clone(),
        window_ms: funnel.window_ms,
    });
    let mut funnels: Vec<_> = own.collect();
    if funnels.iter().all(|funnel| funnel.id != STANDARD_ID) {
        funnels.insert(0, standard);
    }
    funnels
}

/// What beside period and filters is asked for; [`FunnelRequest::parse`] reads it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `parse` reads")]
pub struct FunnelQuestionParameters {
    /// Id of a funnel.
    #[param(default = "standard")]
    funnel: Option<String>,
    /// Instead of `funnel`: 2 to 20 names, separated by commas.
    steps: Option<String>,
    /// Longest time from the entry to the last step; otherwise what the funnel says, or a day.
    #[param(minimum = 1, maximum = 7_776_000_000_i64)]
    window_ms: Option<i64>,
    /// Of the trend: `1h`, `6h`, `1d` or `auto`.
    #[param(default = "1d", pattern = "^(1h|6h|1d|auto)$")]
    interval: Option<String>,
    /// A property whose values are told apart.
    #[param(example = "browser")]
    breakdown: Option<String>,
    /// How many of its values are shown; the rest is `__other__`.
    #[param(minimum = 1, maximum = 50, default = 10)]
    groups_max: Option<i64>,
    /// `previous`: also the period before.
    #[param(pattern = "^previous$")]
    compare: Option<String>,
}

/// A question about a funnel.
#[derive(Clone, Debug, Serialize)]
pub struct FunnelRequest {
    /// Id of the funnel; none for steps that the question names itself.
    pub(super) funnel: Option<String>,
    /// The steps: two or more, each once.
    pub(super) steps: Vec<String>,
    pub(super) window_ms: i64,
    /// When sessions enter.
    pub period: Period,
    /// Length of the trend's buckets.
    pub(super) interval: Interval,
    pub(super) breakdown: Option<Property>,
    pub(super) groups_max: i64,
    pub(super) filters: RawFilters,
    pub(super) compares: bool,
    #[serde(skip)]
    pub(super) grid: Grid,
}

impl FunnelRequest {
    /// Reads the parameters of a query string, already decoded.
    ///
    /// | parameter | meaning |
    /// |---|---|
    /// | `funnel` | id of a funnel; `standard` without it |
    /// | `steps` | instead of `funnel`: 2 to 20 names, separated by commas |
    /// | `window_ms` | longest time from the entry to the last step; up to 90 days, otherwise what the funnel says, or a day |
    /// | `from`, `to`, `timezone` | the last 7 days, in the project's zone, unless given; up to 400 days |
    /// | `interval` | of the trend: `1h`, `6h`, `1d` or `auto`; otherwise `1d` |
    /// | `breakdown`, `groups_max` | a property, and how many of its values are shown: 1 to 50, otherwise 10 |
    /// | `compare` | `previous`: also the period before |
    /// | others | filters |
    ///
    /// # Errors
    /// Every parameter that is unknown or cannot be used.
    pub fn parse<'a>(
        parameters: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>,
        project: &Project,
        now: UnixMicros,
    ) -> Result<Self, Vec<FieldError>> {
        let mut reader = Parameters::new(parameters);
        let (funnel, steps, window_ms) = reader.funnel(&known_funnels(&project.settings));
        let window_ms = reader.number("window_ms", window_ms, 1..=WINDOW_MS_MAX);
        let (period, zone) = reader.period(project.time_zone.as_str(), RANGE_DEFAULT, now);
        let interval = reader.trend_interval(&period);
        let breakdown = reader.property("breakdown", Table::FunnelSteps);
        let groups_max = reader.number("groups_max", GROUPS_DEFAULT, 1..=GROUPS_MAX);
        let compares = reader.compares();
        let filters = reader.raw_filters(Table::FunnelSteps, &["step"]);
        reader.nothing_else();
        reader.no_faults()?;
        let (from, to) = period.times();
        Ok(Self {
            funnel,
            steps,
            window_ms,
            grid: Grid::new(from, to, interval, &zone),
            period,
            interval,
            breakdown,
            groups_max,
            filters,
            compares,
        })
    }
}

/// What only this question has.
trait FunnelParameters {
    fn funnel(&mut self, known: &[KnownFunnel]) -> (Option<String>, Vec<String>, i64);
    fn trend_interval(&mut self, period: &Period) -> Interval;
}

impl FunnelParameters for Parameters {
    fn funnel(&mut self, known: &[KnownFunnel]) -> (Option<String>, Vec<String>, i64) {
        let id = self.one("funnel");
        let Some(list) = self.one("steps") else {
            let id = id.unwrap_or_else(|| STANDARD_ID.to_owned());
            let Some(funnel) = known.iter().find(|funnel| funnel.id == id) else {
                self.fault("funnel", FieldFault::UnknownValue, "is no funnel of this project");
                return (None, Vec::new(), WINDOW_MS_DEFAULT);
            };
            return (Some(id), funnel.steps.clone(), funnel.window_ms);
        };
        if id.is_some() {
            self.fault("steps", FieldFault::Conflict, "must not be given beside `funnel`");
        }
        let steps: Vec<String> = list.split(',').map(|step| step.trim().to_owned()).collect();
        if !(2..=STEPS_MAX).contains(&steps.len()) {
            let message = format!("must name 2 to {STEPS_MAX} steps, separated by commas");
            self.fault("steps", FieldFault::OutOfRange, message);
        }
        if steps
            .iter()
            .any(|step| step.is_empty() || step.chars().count() > ID_CHARS_MAX)
        {
            let message = format!("each must have 1 to {ID_CHARS_MAX} characters");
            self.fault("steps", FieldFault::BadFormat, message);
        }
        let is_repeated = |place: usize| steps[..place].contains(&steps[place]);
        if (0..steps.len()).any(is_repeated) {
            self.fault("steps", FieldFault::Duplicate, "must name each step once");
        }
        (None, steps, WINDOW_MS_DEFAULT)
    }

    fn trend_interval(&mut self, period: &Period) -> Interval {
        let interval = match self.word("interval", ["1h", "6h", "1d", "auto"]) {
            Some("auto") => Interval::auto(period.seconds()).max_of(Interval::Hour),
            Some(name) => Interval::named(name).unwrap_or(Interval::Day),
            None => Interval::Day,
        };
        if period.seconds() / interval.seconds() > POINTS_MAX {
            let message = format!("range and interval make more than {POINTS_MAX} points");
            self.fault("interval", FieldFault::OutOfRange, message);
        }
        interval
    }
}
