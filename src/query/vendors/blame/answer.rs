//! What is answered about a step and the vendors beside it.

use std::collections::HashMap;

use serde::Serialize;

use super::super::super::iso::as_iso;
use super::super::super::period::Period;
use super::super::super::stats::share;
use super::super::totals::{Totals, TotalsRow};
use super::judge::{Bucket, Drop, Fault, Verdict, correlation, judge};
use super::{BlameRequest, SessionsRow};

/// Vendors of an answer, those with the most contacts.
const VENDORS_MAX: usize = 50;
/// From which share of the sessions on a vendor that was called for them is within the step.
const WITHIN_SHARE_MIN: f64 = 0.01;

/// A step beside the vendors.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Blame {
    /// When sessions came.
    #[serde(flatten)]
    pub period: Period,
    /// The step that sessions come to.
    pub from_step: String,
    /// The step that they should take next.
    pub to_step: String,
    /// Seconds within which they should.
    pub window_s: i64,
    /// Sessions that came.
    pub sessions: u64,
    /// Share of them that went on, 0 to 1.
    pub conversion: Option<f64>,
    /// What stands out, the largest drop first; each a vendor.
    pub findings: Vec<Finding>,
    /// The step over time.
    pub steps: Vec<StepBucket>,
    /// Each vendor over time, those that stand out first.
    pub vendors: Vec<VendorLine>,
    /// Length of a bucket.
    pub interval_ms: i64,
}

/// A bucket of the step.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameStepBucket)]
pub struct StepBucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Sessions that came.
    pub sessions: u64,
    /// Share of them that went on.
    pub conversion: Option<f64>,
    /// Median seconds until they did.
    pub step_s: Option<f64>,
}

/// What stands out.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameFinding)]
pub struct Finding {
    /// The integration's name in addresses.
    pub integration: String,
    /// `slow` or `failing`.
    pub fault: &'static str,
    /// In a sentence.
    pub text: String,
    /// Share of sessions that went on while the vendor did badly.
    pub conversion_then: f64,
    /// And at other times.
    pub conversion_otherwise: f64,
    /// By how much less they went on, as a part of the usual share: 0.12 for 12 % fewer.
    pub drop: f64,
    /// Sessions that came while the vendor did badly.
    pub sessions_then: u64,
    /// Minutes in which it did badly.
    pub minutes: i64,
    /// Its 95th percentile in milliseconds then, or its share of failures.
    pub vendor_then: f64,
    /// And usually.
    pub vendor_usually: f64,
    /// How often chance alone would give as large a drop, 0 to 1.
    pub p_value: f64,
}

/// A vendor beside the step.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameVendor)]
pub struct VendorLine {
    /// The integration's name in addresses.
    pub integration: String,
    /// `found`, `nothing`, `never_bad`, `too_little_data`, or `not_within`: it is not called within this step.
    pub verdict: &'static str,
    /// Share of the sessions that came for which it was called; null when no call says for which session it is.
    pub called_for: Option<f64>,
    /// How conversion goes with its 95th percentile, −1 to 1; null of too little.
    pub latency_correlation: Option<f64>,
    /// And with its share of failures.
    pub error_correlation: Option<f64>,
    /// Its buckets that have contacts.
    pub series: Vec<VendorBucket>,
}

/// A bucket of a vendor.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BlameVendorBucket)]
pub struct VendorBucket {
    /// Its start.
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String, format = DateTime)]
    pub ts: i64,
    /// Calls and checks.
    pub seen: u64,
    /// Share of them that failed.
    pub error_rate: Option<f64>,
    /// Their 95th percentile.
    pub p95_ms: Option<f64>,
}

/// A vendor's buckets, by their begin.
type ByStart = HashMap<i64, Totals>;

impl BlameRequest {
    pub(super) fn answer(
        &self,
        sessions: &[SessionsRow],
        callers: &HashMap<String, u64>,
        contacts: Vec<TotalsRow>,
    ) -> Blame {
        let step = usize::try_from(self.bucket_s).unwrap_or(1);
        let starts: Vec<i64> = (self.period.from..self.period.to).step_by(step).collect();
        let by_start: HashMap<i64, &SessionsRow> =
            sessions.iter().map(|row| (row.bucket_start, row)).collect();
        let (came, went_on) = sessions.iter().fold((0, 0), |(came, went_on), row| {
            (came + row.sessions, went_on + row.went_on)
        });
        let called_for = |name: &str| {
            let sessions = callers.get(name).copied().unwrap_or_default();
            (!callers.is_empty()).then(|| share(sessions, came).unwrap_or_default())
        };
        let vendors = vendors(contacts);
        let is_within = |name: &str| called_for(name).is_none_or(|share| share >= WITHIN_SHARE_MIN);
        let questions = vendors.iter().filter(|(name, _)| is_within(name)).count();
        let mut findings = Vec::new();
        let mut lines: Vec<VendorLine> = Vec::new();
        for (name, of_one) in vendors {
            let buckets = buckets(&starts, &by_start, &of_one);
            let verdict = match is_within(&name).then(|| judge(&buckets, questions)) {
                None => "not_within",
                Some(Verdict::TooLittle) => "too_little_data",
                Some(Verdict::NeverBad) => "never_bad",
                Some(Verdict::NoDrop) => "nothing",
                Some(Verdict::Drop(drop)) => {
                    findings.push(self.finding(&name, &drop));
                    "found"
                }
            };
            lines.push(VendorLine {
                verdict,
                called_for: called_for(&name),
                latency_correlation: correlation(&buckets, Fault::Slow),
                error_correlation: correlation(&buckets, Fault::Failing),
                series: series(&starts, &of_one),
                integration: name,
            });
        }
        findings.sort_by(|a, b| b.drop.total_cmp(&a.drop));
        lines.sort_by_key(|line| line.verdict != "found");
        let steps = starts.iter().map(|ts| {
            let row = by_start.get(ts);
            StepBucket {
                ts: *ts,
                sessions: row.map_or(0, |row| row.sessions),
                conversion: row.and_then(|row| share(row.went_on, row.sessions)),
                step_s: row.filter(|row| row.went_on > 0).map(|row| row.step_s),
            }
        });
        Blame {
            steps: steps.collect(),
            period: self.period.clone(),
            from_step: self.from_step.clone(),
            to_step: self.to_step.clone(),
            window_s: self.window_s,
            sessions: came,
            conversion: share(went_on, came),
            findings,
            vendors: lines,
            interval_ms: self.bucket_s * 1_000,
        }
    }

    fn finding(&self, name: &str, drop: &Drop) -> Finding {
        let part = (drop.good_rate - drop.bad_rate) / drop.good_rate;
        let percent = (part * 100.0).round();
        let what = match drop.fault {
            Fault::Slow => format!("p95 × {:.1}", drop.bad_value / drop.usual_value.max(1.0)),
            Fault::Failing => format!("failures at {:.0} %", drop.bad_value * 100.0),
        };
        let minutes = i64::try_from(drop.bad_buckets).unwrap_or_default() * self.bucket_s / 60;
        Finding {
            text: format!(
                "{} −{percent:.0} % while {name} {what} ({minutes} min)",
                self.to_step
            ),
            integration: name.to_owned(),
            fault: match drop.fault {
                Fault::Slow => "slow",
                Fault::Failing => "failing",
            },
            conversion_then: drop.bad_rate,
            conversion_otherwise: drop.good_rate,
            drop: part,
            sessions_then: drop.bad_sessions,
            minutes,
            vendor_then: drop.bad_value,
            vendor_usually: drop.usual_value,
            p_value: drop.p_value,
        }
    }
}

/// The vendors with the most contacts.
fn vendors(contacts: Vec<TotalsRow>) -> Vec<(String, ByStart)> {
    let mut by_vendor: HashMap<String, ByStart> = HashMap::new();
    for row in contacts {
        let of_one = by_vendor.entry(row.name.clone()).or_default();
        of_one.insert(row.bucket_start, row.into());
    }
    let mut vendors: Vec<(String, ByStart)> = by_vendor.into_iter().collect();
    vendors.sort_by_key(|(name, of_one)| {
        let seen: u64 = of_one.values().map(|totals| totals.seen).sum();
        (std::cmp::Reverse(seen), name.clone())
    });
    vendors.truncate(VENDORS_MAX);
    vendors
}

fn buckets(starts: &[i64], sessions: &HashMap<i64, &SessionsRow>, vendor: &ByStart) -> Vec<Bucket> {
    let bucket = |ts: &i64| {
        let (sessions, vendor) = (sessions.get(ts), vendor.get(ts));
        Bucket {
            sessions: sessions.map_or(0, |row| row.sessions),
            went_on: sessions.map_or(0, |row| row.went_on),
            seen: vendor.map_or(0, |totals| totals.seen),
            failed: vendor.map_or(0, |totals| totals.failed),
            p95_ms: vendor.and_then(|totals| totals.p95_ms),
        }
    };
    starts.iter().map(bucket).collect()
}

fn series(starts: &[i64], vendor: &ByStart) -> Vec<VendorBucket> {
    let bucket = |ts: &i64| {
        let totals = vendor.get(ts).filter(|totals| totals.seen > 0)?;
        Some(VendorBucket {
            ts: *ts,
            seen: totals.seen,
            error_rate: totals.error_rate,
            p95_ms: totals.p95_ms,
        })
    };
    starts.iter().filter_map(bucket).collect()
}
