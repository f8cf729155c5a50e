//! The questions of `questions.txt`, with the times of the stored data filled in.

use anyhow::{Context as _, bail};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::clickhouse::ClickHouse;

const LIST: &str = include_str!("questions.txt");

/// What a question reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Rollup,
    Raw,
    Control,
}

impl Class {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Rollup => "rollup",
            Self::Raw => "raw",
            Self::Control => "control",
        }
    }

    /// Where the target is, and in milliseconds.
    pub(crate) const fn target(self) -> Option<(Percentile, f64)> {
        match self {
            Self::Rollup => Some((Percentile::P99, 50.0)),
            Self::Raw => Some((Percentile::P95, 2_000.0)),
            Self::Control => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Percentile {
    P95,
    P99,
}

/// A question.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    template: &'static str,
}

/// All questions, in the order of the file.
pub(crate) fn all() -> anyhow::Result<Vec<Question>> {
    LIST.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut cells = line.splitn(3, '|').map(str::trim);
            let (Some(name), Some(class), Some(template)) = (cells.next(), cells.next(), cells.next()) else {
                bail!("`{line}` has no three cells");
            };
            let class = match class {
                "rollup" => Class::Rollup,
                "raw" => Class::Raw,
                "control" => Class::Control,
                other => bail!("`{other}` is no class"),
            };
            Ok(Question {
                name,
                class,
                template,
            })
        })
        .collect()
}

/// What is stored, as far as questions need to know.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// Seconds since 1970 up to which there are events, a whole minute.
    pub(crate) until_s: i64,
    /// A session that got far.
    session: String,
    /// Events in all raw tables.
    pub(crate) events: u64,
}

impl Stored {
    pub(crate) async fn read(engine: &ClickHouse) -> anyhow::Result<Self> {
        let until_s = engine
            .number("SELECT toUnixTimestamp(toStartOfMinute(max(ts))) FROM funnel_steps")
            .await?;
        let session = engine
            .query("SELECT session_id FROM funnel_steps WHERE step = 'result_shared' AND ts < (SELECT max(ts) FROM funnel_steps) - INTERVAL 1 DAY ORDER BY ts DESC LIMIT 1 FORMAT TSV")
            .await?;
        Ok(Self {
            until_s: i64::try_from(until_s)?,
            session: String::from_utf8(session)?.trim().to_owned(),
            events: engine.rows().await?,
        })
    }
}

impl Question {
    /// The address, as asked in a round: each round's times are some minutes earlier than those of the one before.
    pub(crate) fn address(&self, stored: &Stored, round: u32) -> anyhow::Result<String> {
        fill(self.template, stored, round, |at_s| {
            OffsetDateTime::from_unix_timestamp(at_s)?
                .format(&Rfc3339)
                .context("a time has a text")
        })
    }
}

/// The same for a statement, in which times are seconds since 1970.
pub(crate) fn fill_sql(sql: &str, stored: &Stored) -> anyhow::Result<String> {
    fill(sql, stored, 0, |at_s| Ok(at_s.to_string()))
}

fn fill(
    template: &str,
    stored: &Stored,
    round: u32,
    shown: impl Fn(i64) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let to_s = stored.until_s - 60 * i64::from(round);
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, behind) = after.split_once('}').context("a brace is closed")?;
        filled.push_str(before);
        filled.push_str(&match name {
            "to" => shown(to_s)?,
            "session" => stored.session.clone(),
            ago => shown(to_s - seconds(ago)?)?,
        });
        rest = behind;
    }
    Ok(filled + rest)
}

fn seconds(ago: &str) -> anyhow::Result<i64> {
    let (number, unit) = ago.split_at(ago.len().saturating_sub(1));
    let factor = match unit {
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => bail!("`{ago}` is no time"),
    };
    Ok(number.parse::<i64>()? * factor)
}
