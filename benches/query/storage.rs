//! What the stored rows take on disk.

use std::fmt::Write as _;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::clickhouse::{ClickHouse, TABLES};

/// Targets in bytes an event of the raw tables.
const PLAIN_BYTES_MAX: f64 = 40.0;
const ALL_BYTES_MAX: f64 = 55.0;

/// One table.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TableSize {
    name: String,
    rows: u64,
    bytes: u64,
    parts: u64,
}

/// One column of all raw tables.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ColumnSize {
    name: String,
    is_json: u8,
    bytes: u64,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Storage {
    tables: Vec<TableSize>,
    /// Of the raw tables, the largest first.
    columns: Vec<ColumnSize>,
}

pub(crate) async fn read(engine: &ClickHouse) -> anyhow::Result<Storage> {
    let tables = rows(
        engine,
        "SELECT table AS name, sum(rows) AS rows, sum(bytes_on_disk) AS bytes, count() AS parts \
         FROM system.parts WHERE active AND database = currentDatabase() GROUP BY name ORDER BY bytes DESC",
    )
    .await?;
    let raw = TABLES.map(|table| format!("'{table}'")).join(", ");
    let columns = rows(
        engine,
        &format!(
            "SELECT column AS name, max(startsWith(type, 'JSON')) AS is_json, sum(column_bytes_on_disk) AS bytes \
             FROM system.parts_columns WHERE active AND database = currentDatabase() AND table IN ({raw}) \
             GROUP BY name ORDER BY bytes DESC"
        ),
    )
    .await?;
    Ok(Storage { tables, columns })
}

async fn rows<T: for<'a> Deserialize<'a>>(engine: &ClickHouse, sql: &str) -> anyhow::Result<Vec<T>> {
    let settings = "SETTINGS output_format_json_quote_64bit_integers = 0 FORMAT JSONEachRow";
    let answer = engine.query(&format!("{sql} {settings}")).await?;
    String::from_utf8(answer)?
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

impl Storage {
    fn raw_bytes(&self) -> u64 {
        let is_raw = |table: &&TableSize| TABLES.contains(&table.name.as_str());
        self.tables.iter().filter(is_raw).map(|table| table.bytes).sum()
    }

    fn json_bytes(&self) -> u64 {
        let is_json = |column: &&ColumnSize| column.is_json == 1;
        self.columns
            .iter()
            .filter(is_json)
            .map(|column| column.bytes)
            .sum()
    }

    /// Markdown.
    pub(crate) fn table(&self, events: u64) -> String {
        let an_event = |bytes: u64| bytes as f64 / events.max(1) as f64;
        let mut text =
            "| table | rows | parts | MiB | bytes an event of all |\n|---|---|---|---|---|\n".to_owned();
        // Writing to a String cannot fail.
        for table in &self.tables {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.1} | {:.2} |",
                table.name,
                table.rows,
                table.parts,
                table.bytes as f64 / f64::from(1 << 20),
                an_event(table.bytes)
            );
        }
        let (all, json) = (self.raw_bytes(), self.json_bytes());
        let plain = an_event(all - json.min(all));
        let _ = writeln!(
            text,
            "\nRaw tables: {:.1} bytes an event with properties (target < {ALL_BYTES_MAX}), {plain:.1} without (target < {PLAIN_BYTES_MAX}).",
            an_event(all),
        );
        let largest: Vec<String> = self
            .columns
            .iter()
            .take(8)
            .map(|column| format!("{} {:.1}", column.name, an_event(column.bytes)))
            .collect();
        let _ = writeln!(text, "Largest columns: {}.", largest.join(", "));
        text
    }
}
