//! The files that ClickHouse starts with, generated anew at each start: server settings, users, and the
//! statements of the host session.

use sha2::{Digest, Sha256};

use crate::config::{EngineConfig, Secret};

/// The user with all rights on our database.
pub(crate) const WRITER: &str = "fresnel";
/// The user who can only read our database.
pub(crate) const READER: &str = "reader";

/// Table engines that [`WRITER`] may create: those that keep their data in our folder. `File`, `URL` and
/// their like would reach beyond it.
const TABLE_ENGINES: [&str; 7] = [
    "MergeTree",
    "ReplacingMergeTree",
    "SummingMergeTree",
    "AggregatingMergeTree",
    "CollapsingMergeTree",
    "Memory",
    "Null",
];

/// What [`WRITER`] may do to our database: everything that migrations, inserts and erasure need.
const WRITER_RIGHTS: &str = "CHECK, SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, \
     SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM WAIT LOADING PARTS, dictGet";

/// Users, passwords and the database of one life of the engine.
#[derive(Debug)]
pub(crate) struct Credentials {
    /// Name of our database.
    pub(crate) database: String,
    /// Password of [`WRITER`].
    pub(crate) writer_password: Secret,
    /// Password of [`READER`].
    pub(crate) reader_password: Secret,
}

impl Credentials {
    /// New random passwords: whoever knew those of an earlier life knows nothing.
    pub(crate) fn generate(database: &str) -> Self {
        Self {
            database: database.to_owned(),
            writer_password: random_password(),
            reader_password: random_password(),
        }
    }
}

/// 192 random bits as hexadecimal digits.
fn random_password() -> Secret {
    Secret::new(hexadecimal(&rand::random::<[u8; 24]>()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// ClickHouse's server settings. `users_xml` is the absolute path of the file with the users.
///
/// Everything that ClickHouse keeps for its own sake is off or small: no system log tables (none is
/// configured, and `query_log` cannot be reopened after a restart), caches that fit a small machine, pools for
/// two cores, no port but the HTTP one.
pub(crate) fn server_settings(config: &EngineConfig, users_xml: &str) -> String {
    let users_xml = escape_xml(users_xml);
    let memory = config.memory_max_bytes;
    // Merges get a third like any query: beyond it they wait, and inserts and dashboards go on.
    let merges = memory / 3;
    format!(
        "<clickhouse>
  <listen_host>127.0.0.1</listen_host>
  <http_port>0</http_port>
  <users_config>{users_xml}</users_config>

  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <merges_mutations_memory_usage_soft_limit>{merges}</merges_mutations_memory_usage_soft_limit>
  <mark_cache_size>{mark_cache}</mark_cache_size>
  <primary_index_cache_size>{mark_cache}</primary_index_cache_size>
  <index_mark_cache_size>8388608</index_mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>

  <max_connections>256</max_connections>
  <max_concurrent_queries>64</max_concurrent_queries>
  <keep_alive_timeout>60</keep_alive_timeout>

  <background_pool_size>2</background_pool_size>
  <background_schedule_pool_size>8</background_schedule_pool_size>
  <background_streaming_schedule_pool_size>8</background_streaming_schedule_pool_size>
  <max_thread_pool_size>500</max_thread_pool_size>
  <max_thread_pool_free_size>8</max_thread_pool_free_size>

  <timezone>UTC</timezone>

  <merge_tree>
    <!-- Merged parts are not synced: their sources stay until the system has surely written them. -->
    <old_parts_lifetime>120</old_parts_lifetime>
  </merge_tree>

  <logger>
    <console>1</console>
    <console_log_level>warning</console_log_level>
    <levels>
      <!-- A query that fails is its sender's to report, with the answer that it got. -->
      <logger><name>executeQuery</name><level>none</level></logger>
      <logger><name>DynamicQueryHandler</name><level>none</level></logger>
      <!-- A warning at each merge that was planned and then not needed. -->
      <logger><name>MergeMutateSelectedEntry</name><level>error</level></logger>
    </levels>
  </logger>
</clickhouse>
",
        mark_cache = (memory / 32).clamp(8 << 20, 256 << 20),
    )
}

/// ClickHouse's users.
///
/// - `default` is the session that the library itself opens; it needs an empty password. It may have one
///   session, which is taken before the port opens, so that nobody can log in as `default` over HTTP.
/// - `fresnel` may do everything on our database, and nothing to files, addresses or other databases. An insert with the rollups that
///   it fills must never be too large for good: it may take what two queries may.
/// - `reader` may read our database. Its queries together leave a third of the memory to inserts.
pub(crate) fn users(config: &EngineConfig, credentials: &Credentials) -> String {
    let per_query = config.memory_max_bytes / 3;
    let (readers, per_insert) = (per_query * 2, per_query * 2);
    let database = quote_identifier(&credentials.database);
    let mut writer_grants = vec![
        format!("GRANT {WRITER_RIGHTS} ON {database}.*"),
        "GRANT SYSTEM JEMALLOC ON *.*".to_owned(),
        // For numbers(), values() and the like; every source of data outside needs a right of its own.
        "GRANT CREATE TEMPORARY TABLE ON *.*".to_owned(),
        // Sizes, parts, merges, running queries: what a health page shows.
        "GRANT SELECT ON system.*".to_owned(),
        "REVOKE SELECT ON system.users".to_owned(),
    ];
    writer_grants.extend(TABLE_ENGINES.map(|engine| format!("GRANT TABLE ENGINE ON {engine}")));
    let writer = user(WRITER, &credentials.writer_password, "writer", &writer_grants);
    let reader = user(
        READER,
        &credentials.reader_password,
        "reader",
        &[format!("GRANT SELECT ON {database}.*")],
    );
    let host_grant = escape_xml(&format!("GRANT CREATE DATABASE ON {database}.*"));
    format!(
        "<clickhouse>
  <profiles>
    <default/>
    <host>
      <max_sessions_for_user>1</max_sessions_for_user>
    </host>
    <writer>
      <async_insert>0</async_insert>
      <max_memory_usage>{per_insert}</max_memory_usage>
    </writer>
    <reader>
      <readonly>2</readonly>
      <cancel_http_readonly_queries_on_client_close>1</cancel_http_readonly_queries_on_client_close>
      <max_memory_usage>{per_query}</max_memory_usage>
      <max_memory_usage_for_user>{readers}</max_memory_usage_for_user>
      <max_concurrent_queries_for_user>4</max_concurrent_queries_for_user>
      <max_execution_time>60</max_execution_time>
      <!-- By itself a query has one thread for each free gigabyte: on a small engine one, whatever the machine has. -->
      <max_threads_min_free_memory_per_thread>67108864</max_threads_min_free_memory_per_thread>
      <!-- States of quantiles are worth a second thread from some thousand rows on, not only from 163,840. -->
      <merge_tree_min_rows_for_concurrent_read>2048</merge_tree_min_rows_for_concurrent_read>
      <merge_tree_min_bytes_for_concurrent_read>1048576</merge_tree_min_bytes_for_concurrent_read>
      <constraints>
        <readonly><readonly/></readonly>
        <cancel_http_readonly_queries_on_client_close><readonly/></cancel_http_readonly_queries_on_client_close>
        <max_memory_usage><min>1</min><max>{per_query}</max></max_memory_usage>
        <max_memory_usage_for_user><readonly/></max_memory_usage_for_user>
        <max_concurrent_queries_for_user><readonly/></max_concurrent_queries_for_user>
      </constraints>
    </reader>
  </profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>host</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SYSTEM LISTEN ON *.*</query>
        <query>{host_grant}</query>
      </grants>
    </default>
{writer}{reader}  </users>
</clickhouse>
"
    )
}

fn user(name: &str, password: &Secret, profile: &str, grants: &[String]) -> String {
    let hash = hexadecimal(&Sha256::digest(password.reveal()));
    let grants: String = grants
        .iter()
        .map(|grant| format!("        <query>{}</query>\n", escape_xml(grant)))
        .collect();
    format!(
        "    <{name}>
      <password_sha256_hex>{hash}</password_sha256_hex>
      <networks><ip>127.0.0.1</ip></networks>
      <profile>{profile}</profile>
      <quota>default</quota>
      <grants>
{grants}      </grants>
    </{name}>
"
    )
}

/// What the host session runs: the database exists before the port opens, and the port is told last.
/// `port_file` is where the number goes.
pub(crate) fn start_sql(database: &str, port_file: &str) -> String {
    let database = quote_identifier(database);
    let port_file = quote_text(port_file);
    format!(
        "CREATE DATABASE IF NOT EXISTS {database};
SYSTEM START LISTEN HTTP;
SELECT getServerPort('http_port') INTO OUTFILE {port_file} TRUNCATE FORMAT TSV;
"
    )
}

fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

fn quote_identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(database: &str) -> Credentials {
        Credentials {
            database: database.to_owned(),
            writer_password: Secret::new("of the writer".to_owned()),
            reader_password: Secret::new("of the reader".to_owned()),
        }
    }

    #[test]
    fn passwords_are_long_and_never_the_same() {
        let one = Credentials::generate("d");
        let other = Credentials::generate("d");
        assert_eq!(one.writer_password.reveal().len(), 48);
        assert_ne!(one.writer_password, one.reader_password);
        assert_ne!(one.writer_password, other.writer_password);
    }

    #[test]
    fn the_users_file_holds_no_password() {
        let users = users(&EngineConfig::default(), &credentials("fresnel"));
        assert!(!users.contains("of the writer") && !users.contains("of the reader"));
        // printf 'of the writer' | sha256sum
        assert!(users.contains(&hexadecimal(&Sha256::digest("of the writer"))));
    }

    #[test]
    fn names_and_paths_cannot_leave_their_place() {
        let users = users(&EngineConfig::default(), &credentials("a`.* TO x; <b>&'\\"));
        assert!(
            users.contains("ON `a\\`.* TO x; &lt;b&gt;&amp;&apos;\\\\`.*"),
            "{users}"
        );
        let settings = server_settings(&EngineConfig::default(), "/da<ta/&");
        assert!(settings.contains("<users_config>/da&lt;ta/&amp;</users_config>"));
        let start = start_sql("`", "it's");
        assert!(
            start.contains("EXISTS `\\``;") && start.contains("'it\\'s'"),
            "{start}"
        );
    }

    #[test]
    fn a_query_may_take_a_third_of_the_memory_an_insert_and_all_readers_two_thirds() {
        let config = EngineConfig {
            memory_max_bytes: 900_000_000,
            ..EngineConfig::default()
        };
        let users = users(&config, &credentials("d"));
        for bytes in [300_000_000, 600_000_000] {
            let limit = format!("<max_memory_usage>{bytes}</max_memory_usage>");
            assert_eq!(users.matches(&limit).count(), 1, "{bytes}");
        }
        assert!(users.contains("<max_memory_usage_for_user>600000000<"));
        assert!(server_settings(&config, "").contains("<max_server_memory_usage>900000000<"));
    }
}
