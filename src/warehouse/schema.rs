//! Brings the warehouse's tables to this version.
//!
//! A migration is a file of `schema/`: statements that may be run twice (`IF NOT EXISTS`), by two nodes at
//! once, or again after a death half-way. It is written down in `schema_migrations` after its last statement;
//! until then it is simply run again. A file that has been applied must never change: its checksum is
//! compared. A database that knows a version which this binary does not is left alone.

pub(super) mod rollups;

use clickhouse::Row;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::select::{Parameter, SelectError, Statement};
use super::{Warehouse, quote_identifier};
use crate::config::WarehouseConfig;
use rollups::{RELEASES, VIEWS};

/// A file of `schema/`.
struct Migration {
    version: u32,
    name: &'static str,
    template: &'static str,
}

macro_rules! migration {
    ($version:literal, $name:literal) => {
        Migration {
            version: $version,
            name: $name,
            template: include_str!(concat!("../../schema/", $name, ".sql")),
        }
    };
}

const BOOK: &str = include_str!("../../schema/0000_schema_migrations.sql");

const MIGRATIONS: &[Migration] = &[
    migration!(1, "0001_raw_tables"),
    migration!(2, "0002_performance_rollups"),
    migration!(3, "0003_enrichment"),
    migration!(4, "0004_ledger"),
    migration!(5, "0005_rollups"),
    migration!(6, "0006_session_hours"),
    migration!(7, "0007_vendor_calls"),
];

/// Longest retention in days: ClickHouse counts the end of a row's time in 32 bits of seconds, which end in
/// 2106; a longer retention would overflow and delete every row at once.
const RETENTION_DAYS_MAX: u32 = 20_000;

/// How long rows are kept, in days, 1 to 20,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Raw events.
    pub raw_days: u32,
    /// Rollups per minute.
    pub minute_days: u32,
    /// Rollups per hour and per day.
    pub hour_days: u32,
}

impl From<&WarehouseConfig> for Retention {
    fn from(config: &WarehouseConfig) -> Self {
        Self {
            raw_days: config.raw_retention_days,
            minute_days: config.minute_retention_days,
            hour_days: config.hour_retention_days,
        }
    }
}

impl Retention {
    fn check(&self) -> Result<(), MigrateError> {
        for (setting, days) in [
            ("warehouse.raw_retention_days", self.raw_days),
            ("warehouse.minute_retention_days", self.minute_days),
            ("warehouse.hour_retention_days", self.hour_days),
        ] {
            if !(1..=RETENTION_DAYS_MAX).contains(&days) {
                return Err(MigrateError::Retention { setting, days });
            }
        }
        Ok(())
    }

    /// Every table that forgets: name, the time that counts, an expression for the days.
    fn of_tables(&self) -> [(&'static str, &'static str, String); 8] {
        let raw = self.raw_days.to_string();
        let slices = format!("if(grain_minutes < 60, {}, {})", self.minute_days, self.hour_days);
        [
            ("performance_metrics", "toDateTime(ts)", raw.clone()),
            ("funnel_steps", "toDateTime(ts)", raw.clone()),
            ("user_events", "toDateTime(ts)", raw.clone()),
            ("client_alerts", "toDateTime(ts)", raw.clone()),
            ("vendor_calls", "toDateTime(ts)", raw.clone()),
            ("ledger", "minute", raw),
            ("metric_slices", "bucket", slices),
            ("activity", "bucket", self.hour_days.to_string()),
        ]
    }
}

/// What a migration run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// Names of the files that were run.
    pub applied: Vec<&'static str>,
    /// Tables whose retention was changed.
    pub retention_changed: Vec<&'static str>,
}

/// Why the warehouse is not at this version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MigrateError {
    /// The database was migrated by a newer Fresnel.
    #[error(
        "the database is at schema version {found}, this Fresnel knows versions up to {known}: start the newer Fresnel, or name another database in warehouse.database"
    )]
    Newer {
        /// Highest version in the database.
        found: u32,
        /// Highest version of this binary.
        known: u32,
    },
    /// An applied migration is another one than this binary's.
    #[error(
        "schema migration {name} was applied with other contents than this Fresnel's: a released migration must never change"
    )]
    Changed {
        /// Name of the file.
        name: &'static str,
    },
    /// A retention would delete everything.
    #[error("{setting} is {days} and must be 1 to {RETENTION_DAYS_MAX}")]
    Retention {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        days: u32,
    },
    /// The warehouse did not do what was asked.
    #[error("{doing}: {source}")]
    Warehouse {
        /// What was being done.
        doing: String,
        /// What it answered.
        source: SelectError,
    },
}

#[derive(Row, Deserialize)]
struct Applied {
    version: u32,
    checksums: Vec<String>,
}

#[derive(Row, Deserialize)]
struct Definition {
    name: String,
    engine_full: String,
}

impl Warehouse {
    /// Brings the tables to this version and to this retention. Safe to run twice and by two nodes at once.
    ///
    /// # Errors
    /// Nothing is changed when the database is newer or an applied migration differs.
    pub async fn migrate(&self, retention: &Retention) -> Result<Migrated, MigrateError> {
        retention.check()?;
        let link = self.connected().map_err(during("connecting"))?;
        let renderer = Renderer {
            database: quote_identifier(&link.database),
            retention: *retention,
        };
        self.create_database(&link.database).await?;
        for sql in renderer.statements(BOOK) {
            self.execute(&Statement::new(sql))
                .await
                .map_err(during("creating schema_migrations"))?;
        }
        let applied = self.applied_migrations(&renderer).await?;
        let pending = pending_migrations(&applied)?;

        let mut migrated = Migrated::default();
        for migration in pending {
            for sql in renderer.statements(&migration.text()) {
                self.execute(&Statement::new(sql))
                    .await
                    .map_err(during(migration.name))?;
            }
            self.write_down(&renderer, migration).await?;
            migrated.applied.push(migration.name);
        }
        migrated.retention_changed = self.keep_retention(&renderer, &link.database).await?;
        Ok(migrated)
    }

    /// Creates the database unless it is there: whoever may not create databases can use a given one.
    async fn create_database(&self, name: &str) -> Result<(), MigrateError> {
        let looked_up =
            Statement::new("SELECT toUInt8(count()) FROM system.databases WHERE name = {name:String}")
                .with("name", Parameter::Text(name.to_owned()));
        let found: Vec<u8> = self
            .select_as_writer(&looked_up)
            .await
            .map_err(during("looking for the database"))?;
        if found == [0] {
            let sql = format!("CREATE DATABASE IF NOT EXISTS {}", quote_identifier(name));
            self.execute(&Statement::new(sql))
                .await
                .map_err(during("creating the database"))?;
        }
        Ok(())
    }

    async fn applied_migrations(&self, renderer: &Renderer) -> Result<Vec<Applied>, MigrateError> {
        let sql = renderer.render(
            "SELECT version, groupUniqArray(checksum) AS checksums FROM {database}.schema_migrations \
             GROUP BY version ORDER BY version",
        );
        self.select_as_writer(&Statement::new(sql))
            .await
            .map_err(during("reading schema_migrations"))
    }

    async fn write_down(&self, renderer: &Renderer, migration: &Migration) -> Result<(), MigrateError> {
        let sql = renderer.render(
            "INSERT INTO {database}.schema_migrations (version, name, checksum, applied_at) \
             SELECT {version:UInt32}, {name:String}, {checksum:String}, now64(3)",
        );
        let statement = Statement::new(sql)
            .with("version", Parameter::Integer(i64::from(migration.version)))
            .with("name", Parameter::Text(migration.name.to_owned()))
            .with("checksum", Parameter::Text(migration.checksum()));
        self.execute(&statement).await.map_err(during(migration.name))
    }

    /// Changes the TTL of each table that has another one than the settings ask for.
    async fn keep_retention(
        &self,
        renderer: &Renderer,
        database: &str,
    ) -> Result<Vec<&'static str>, MigrateError> {
        let sql = "SELECT name, engine_full FROM system.tables WHERE database = {database_name:String}";
        let statement = Statement::new(sql).with("database_name", Parameter::Text(database.to_owned()));
        let definitions: Vec<Definition> = self
            .select_as_writer(&statement)
            .await
            .map_err(during("reading the tables' retention"))?;
        let mut changed = Vec::new();
        for (table, time, days) in renderer.retention.of_tables() {
            let wanted = format!("TTL {time} + toIntervalDay({days})");
            let stands = definitions
                .iter()
                .any(|definition| definition.name == table && definition.engine_full.contains(&wanted));
            if !stands {
                let sql = renderer.render(&format!(
                    "ALTER TABLE {{database}}.{table} MODIFY TTL {time} + toIntervalDay({days})"
                ));
                self.execute(&Statement::new(sql))
                    .await
                    .map_err(during("changing the retention"))?;
                changed.push(table);
            }
        }
        Ok(changed)
    }
}

fn pending_migrations(applied: &[Applied]) -> Result<Vec<&'static Migration>, MigrateError> {
    let known = MIGRATIONS.last().map_or(0, |migration| migration.version);
    let found = applied.last().map_or(0, |applied| applied.version);
    if found > known {
        return Err(MigrateError::Newer { found, known });
    }
    let mut pending = Vec::new();
    for migration in MIGRATIONS {
        match applied
            .iter()
            .find(|applied| applied.version == migration.version)
        {
            None => pending.push(migration),
            Some(applied) if applied.checksums == [migration.checksum()] => {}
            Some(_) => return Err(MigrateError::Changed { name: migration.name }),
        }
    }
    Ok(pending)
}

impl Migration {
    /// What the file says, with the selects of its views in their places.
    fn text(&self) -> String {
        let views = VIEWS.iter().chain([&RELEASES]);
        views.fold(self.template.to_owned(), |text, view| {
            let place = format!("{{select:{}}}", view.name);
            if text.contains(&place) {
                let source = format!("{{database}}.{}", view.source);
                text.replace(&place, view.select(&source).trim_end())
            } else {
                text
            }
        })
    }

    fn checksum(&self) -> String {
        use std::fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(self.text()) {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// Fills in what differs between installations; the only place that does (a cluster's engines will be
/// rendered here too).
struct Renderer {
    /// Quoted.
    database: String,
    retention: Retention,
}

impl Renderer {
    fn render(&self, template: &str) -> String {
        template
            .replace("{database}", &self.database)
            .replace("{raw_retention_days}", &self.retention.raw_days.to_string())
            .replace("{minute_retention_days}", &self.retention.minute_days.to_string())
            .replace("{hour_retention_days}", &self.retention.hour_days.to_string())
    }

    /// The statements of a file: each ends with `;` at the end of a line. Lines that are comments go.
    fn statements(&self, template: &str) -> Vec<String> {
        let code: Vec<_> = template
            .lines()
            .filter(|line| !line.trim_start().starts_with("--"))
            .collect();
        code.join("\n")
            .split(";\n")
            .map(|statement| statement.trim().trim_end_matches(';'))
            .filter(|statement| !statement.is_empty())
            .map(|statement| self.render(statement))
            .collect()
    }
}

fn during(doing: impl Into<String>) -> impl FnOnce(SelectError) -> MigrateError {
    let doing = doing.into();
    move |source| MigrateError::Warehouse { doing, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETENTION: Retention = Retention {
        raw_days: 90,
        minute_days: 30,
        hour_days: 730,
    };

    fn renderer() -> Renderer {
        Renderer {
            database: "`fresnel`".to_owned(),
            retention: RETENTION,
        }
    }

    #[test]
    fn versions_stand_in_order_and_match_their_names() {
        for (index, migration) in MIGRATIONS.iter().enumerate() {
            assert_eq!(migration.version as usize, index + 1);
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)));
        }
    }

    #[test]
    fn every_statement_may_run_twice_and_leaves_no_placeholder() {
        let texts = MIGRATIONS.iter().map(Migration::text);
        for text in texts.chain([BOOK.to_owned()]) {
            for statement in renderer().statements(&text) {
                let again = [
                    "IF NOT EXISTS",
                    "DROP TABLE IF EXISTS",
                    "DROP VIEW IF EXISTS",
                    // Does nothing to parts that have it.
                    "MATERIALIZE PROJECTION",
                ];
                assert!(again.iter().any(|words| statement.contains(words)), "{statement}");
                assert!(!statement.contains('{'), "{statement}");
            }
        }
    }

    #[test]
    fn every_table_that_forgets_is_created_with_its_retention() {
        let all: Vec<_> = MIGRATIONS
            .iter()
            .flat_map(|migration| renderer().statements(&migration.text()))
            .collect();
        for (table, time, days) in RETENTION.of_tables() {
            let wanted = [
                format!("TTL {time} + INTERVAL {days} DAY"),
                format!("TTL {time} + toIntervalDay({days})"),
            ];
            let forgets = |sql: &String| wanted.iter().any(|wanted| sql.contains(wanted));
            assert!(
                all.iter()
                    .any(|sql| sql.contains(&format!("`fresnel`.{table}\n")) && forgets(sql)),
                "{table}"
            );
        }
    }

    #[test]
    fn a_newer_database_and_a_changed_migration_are_refused() {
        let applied = |version, checksum: &str| Applied {
            version,
            checksums: vec![checksum.to_owned()],
        };
        assert_eq!(
            pending_migrations(&[applied(99, "x")]).err(),
            Some(MigrateError::Newer {
                found: 99,
                known: MIGRATIONS.len() as u32
            })
        );
        assert_eq!(
            pending_migrations(&[applied(1, "x")]).err(),
            Some(MigrateError::Changed {
                name: "0001_raw_tables"
            })
        );
    }
}
