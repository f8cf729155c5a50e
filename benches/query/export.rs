//! The rows as files that other databases read, one a table and day.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, ValueEnum};

use crate::questions::Stored;
use crate::service::{Cache, Service};

#[derive(Args)]
pub(crate) struct ExportArgs {
    /// Folder that `fresnel demo --events` has filled.
    #[arg(long)]
    data_dir: PathBuf,
    /// Folder for the files.
    #[arg(long)]
    into: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Parquet)]
    format: Format,
    /// Binary whose engine reads the rows.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_fresnel"))]
    binary: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Parquet,
    Csv,
}

/// What the questions of `sql/` need, under the same names everywhere. Of the JSON columns it is the text.
const EXPORTS: [(&str, &str); 3] = [
    (
        "performance_metrics",
        "project_id, ts, received_at, session_id, user_id, type, name, value, page, api_endpoint, method, status, region, \
         effect_id, error_context, release, environment, browser, os, device, country, visitor_id, toString(metadata) AS metadata",
    ),
    (
        "funnel_steps",
        "project_id, ts, received_at, session_id, user_id, step, effect_id, browser, os, device, country, visitor_id, \
         toString(metadata) AS metadata",
    ),
    (
        "user_events",
        "project_id, ts, received_at, session_id, user_id, event_type, browser, os, device, country, visitor_id, \
         ifNull(toString(event_data.message), '') AS message, toString(event_data) AS event_data",
    ),
];

pub(crate) async fn export(args: &ExportArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.into)?;
    let service = Service::start(&args.binary, &args.data_dir, &Cache::Off).await?;
    let stored = Stored::read(&service.engine).await?;
    let (format, ending) = match args.format {
        Format::Parquet => ("Parquet", "parquet"),
        Format::Csv => ("CSV", "csv"),
    };
    for (table, columns) in EXPORTS {
        let days = service
            .engine
            .query(&format!(
                "SELECT DISTINCT toDate(ts) AS day FROM {table} ORDER BY day FORMAT TSV"
            ))
            .await?;
        for day in String::from_utf8(days)?.lines() {
            let sql = format!(
                "SELECT {columns} FROM {table} WHERE ts >= toDateTime64('{day} 00:00:00', 3, 'UTC') \
                 AND ts < toDateTime64('{day} 00:00:00', 3, 'UTC') + INTERVAL 1 DAY \
                 SETTINGS output_format_parquet_string_as_string = 1, date_time_output_format = 'iso' FORMAT {format}"
            );
            let rows = service.engine.query(&sql).await?;
            let path = args.into.join(format!("{table}.{day}.{ending}"));
            std::fs::write(&path, rows).with_context(|| path.display().to_string())?;
        }
    }
    // For whoever fills in the same times.
    std::fs::write(args.into.join("until"), stored.until_s.to_string())?;
    service.stop().await
}
