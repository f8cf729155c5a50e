//! The report of a week, which e-mail channels get.

use serde::{Deserialize, Serialize};

use crate::domain::rule::Level;

/// What a figure is a number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureUnit {
    /// Things, or nothing.
    Number,
    /// Milliseconds.
    Ms,
    /// A share from 0 to 1.
    Share,
}

/// A number of a week beside that of the week before.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its unit.
    pub unit: FigureUnit,
    /// The number; none without data, which is not 0.
    pub value: Option<f64>,
    /// That of the week before.
    pub previous: Option<f64>,
}

/// Figures that belong together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct ReportSection {
    /// What they are about.
    pub title: String,
    /// The figures.
    pub figures: Vec<Figure>,
}

/// An alert of the week.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct ReportedAlert {
    /// The rule's name, or what clients call it.
    pub title: String,
    /// How bad it was.
    pub level: Level,
    /// When it began, in milliseconds since 1970.
    pub started_at_ms: i64,
    /// How long it lasted; none while it is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasted_ms: Option<i64>,
}

/// How a project fared in a week.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, utoipa::ToSchema)]
pub struct WeeklyReport {
    /// Name of the project.
    pub project_name: String,
    /// Its zone, in which the week begins and ends at midnight.
    pub timezone: String,
    /// Begin of the week, in milliseconds since 1970.
    pub from_ms: i64,
    /// Its end, which is not part of it.
    pub to_ms: i64,
    /// The figures.
    pub sections: Vec<ReportSection>,
    /// Alerts that began in the week, the latest first, at most ten.
    pub alerts: Vec<ReportedAlert>,
    /// How many there were in all.
    pub alerts_total: u64,
}
