//! ClickHouse: the embedded engine's library, or the server that the settings name.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::Finding;
use super::folder::Scratch;
use crate::clock;
use crate::config::Config;
use crate::domain::connection::Connection;
use crate::engine::library;
use crate::engine::supervisor::Supervisor;
use crate::warehouse::{Statement, Warehouse};

/// Largest difference between two clocks that is nothing to speak of.
const CLOCK_SKEW_MAX_MS: i64 = 5_000;

pub(super) async fn check(config: &Config, config_file: Option<&Path>, is_running: bool) -> Vec<Finding> {
    let timeout_ms = Duration::from_millis(config.warehouse.query_timeout_ms);
    let settings = &config.warehouse;
    if !settings.url.is_empty() {
        let connection = Connection::new(
            settings.url.clone(),
            settings.user.clone(),
            settings.password.clone(),
            settings.database.clone(),
        )
        .with_ca_file(settings.ca_file.clone());
        let asked = ask(connection, timeout_ms).await.map_err(|message| {
            Finding::bad("warehouse", format!("{}: {message}", settings.url)).advice(
                "start it, or set warehouse.url, warehouse.user and warehouse.password (FRESNEL_WAREHOUSE__URL, …) right",
            )
        });
        let library = Finding::skipped("engine", "not needed: warehouse.url names a server");
        return vec![library, found(&settings.url, asked)];
    }
    let path = match library::find(&config.engine.library) {
        Ok(path) => path,
        Err(error) => return vec![Finding::bad("engine", error)],
    };
    if is_running {
        // The service has an engine on these tables; a second one beside it would take twice the memory.
        return vec![Finding::good(
            "engine",
            format!("{}; the service's own is running", path.display()),
        )];
    }
    vec![try_engine(config, config_file, &path, timeout_ms).await]
}

/// Starts an engine on an empty folder, asks it, and stops it.
async fn try_engine(
    config: &Config,
    config_file: Option<&Path>,
    library: &Path,
    query_timeout: Duration,
) -> Finding {
    let start = Instant::now();
    let outcome = match Scratch::below(&config.data_dir) {
        Ok(scratch) => start_and_ask(config, config_file, scratch.path(), query_timeout).await,
        Err(error) => Err(format!("no folder for a trial: {error}")),
    };
    match outcome {
        Ok(answer) => {
            let text = format!("ClickHouse {} answered after {:.1?}", answer.version, start.elapsed());
            Finding::good("engine", format!("{text} ({})", library.display()))
        }
        Err(error) => Finding::bad("engine", format!("{} does not work: {error}", library.display())).advice(
            "`npm ci --omit=dev` in Fresnel's folder fetches the library again; or use a ClickHouse server: set \
             warehouse.url (FRESNEL_WAREHOUSE__URL)",
        ),
    }
}

async fn start_and_ask(
    config: &Config,
    config_file: Option<&Path>,
    data_dir: &Path,
    query_timeout: Duration,
) -> Result<Answer, String> {
    let executable: PathBuf = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut arguments: Vec<OsString> = vec!["engine".into(), "--data-dir".into(), data_dir.into()];
    if let Some(file) = config_file {
        arguments.extend(["--config".into(), file.into()]);
    }
    let supervisor = Supervisor::start(&config.engine, data_dir, executable, arguments)
        .map_err(|error| error.to_string())?;
    let mut connection = supervisor.connection();
    let patience = Duration::from_millis(config.engine.start_timeout_ms);
    let connection = timeout(patience, connection.wait_for(Option::is_some))
        .await
        .ok()
        .and_then(Result::ok)
        .and_then(|connection| connection.clone());
    let outcome = match connection {
        Some(connection) => ask(connection, query_timeout).await,
        None => Err(supervisor
            .status()
            .last_error
            .unwrap_or_else(|| "it does not start in time".to_owned())),
    };
    supervisor.stop().await;
    outcome
}

/// What a ClickHouse server says of itself.
struct Answer {
    version: String,
    /// Its time minus ours.
    skew_ms: i64,
}

async fn ask(connection: Connection, query_timeout: Duration) -> Result<Answer, String> {
    // Not the database of the settings, which the first start makes.
    let connection = Connection {
        database: "default".to_owned(),
        ..connection
    };
    let warehouse = Warehouse::new(Some(connection), query_timeout);
    let statement = Statement::new("SELECT version(), toUnixTimestamp64Milli(now64(3))");
    let rows: Vec<(String, i64)> = warehouse
        .select(&statement)
        .await
        .map_err(|error| error.to_string())?;
    let (version, now_ms) = rows.into_iter().next().ok_or("an empty answer")?;
    Ok(Answer {
        version,
        skew_ms: now_ms - clock::now().as_millis(),
    })
}

fn found(url: &str, asked: Result<Answer, Finding>) -> Finding {
    match asked {
        Err(finding) => finding,
        Ok(answer) if answer.skew_ms.abs() > CLOCK_SKEW_MAX_MS => Finding::warning(
            "warehouse",
            format!(
                "{url}: ClickHouse {}, its clock {} ms away from this machine's",
                answer.version, answer.skew_ms
            ),
        )
        .advice("set both clocks by NTP: retention and time ranges rely on them"),
        Ok(answer) => Finding::good("warehouse", format!("{url}: ClickHouse {}", answer.version)),
    }
}
