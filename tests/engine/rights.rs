//! Who may do what, and what nobody may.

use clickhouse::Client;

use crate::harness::Engine;

/// ClickHouse's answer to a statement: its first column's first value as text, or the error.
async fn ask(client: &Client, sql: &str) -> Result<String, String> {
    let mut cursor = client
        .query(sql)
        .fetch_bytes("TSV")
        .map_err(|error| error.to_string())?;
    let answer = cursor.collect().await.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

async fn refused(client: &Client, sql: &str) {
    let answer = ask(client, sql).await;
    let error = answer.expect_err(sql);
    let is_refusal = [
        "ACCESS_DENIED",
        "READONLY",
        "SETTING_CONSTRAINT_VIOLATION",
        "Permission denied",
    ]
    .iter()
    .any(|reason| error.contains(reason));
    assert!(is_refusal, "{sql}: {error}");
}

async fn engine_with_rows() -> Engine {
    let engine = Engine::start().await;
    for sql in [
        "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n",
        "INSERT INTO t SELECT number FROM numbers(10)",
    ] {
        engine.client().query(sql).execute().await.expect(sql);
    }
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reader_reads_our_tables_and_does_nothing_else() {
    let engine = engine_with_rows().await;
    let reader = engine.reader();
    assert_eq!(ask(&reader, "SELECT sum(n) FROM t").await.unwrap(), "45\n");
    for sql in [
        "INSERT INTO t VALUES (1)",
        "ALTER TABLE t DELETE WHERE n = 1",
        "TRUNCATE TABLE t",
        "DROP TABLE t",
        "CREATE TABLE x (n UInt64) ENGINE = Memory",
        "CREATE TEMPORARY TABLE x (n UInt64)",
        "CREATE DATABASE other",
        "CREATE USER other",
        "CREATE FUNCTION f AS (x) -> x",
        "SYSTEM STOP MERGES t",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "SELECT * FROM system.users",
        "SELECT * FROM system.processes",
        "SELECT * FROM system.query_log",
        "SELECT * FROM system.server_settings",
        "SELECT * FROM system.parts",
    ] {
        if let Err(error) = ask(&reader, sql).await {
            assert!(
                error.contains("ACCESS_DENIED") || error.contains("UNKNOWN_TABLE"),
                "{sql}: {error}"
            );
        } else {
            panic!("the reader may: {sql}");
        }
    }
    for sql in [
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1 SETTINGS max_memory_usage = 100000000000",
        "SELECT 1 SETTINGS max_memory_usage_for_user = 0",
        "SELECT 1 SETTINGS max_concurrent_queries_for_user = 0",
        "SELECT 1 SETTINGS cancel_http_readonly_queries_on_client_close = 0",
    ] {
        refused(&reader, sql).await;
    }
    assert_eq!(ask(&reader, "SELECT count() FROM t").await.unwrap(), "10\n");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_user_reaches_files_addresses_or_other_databases() {
    let engine = engine_with_rows().await;
    let secret = engine.data_dir().join("bootstrap.json");
    std::fs::write(&secret, "secret").unwrap();
    let secret = secret.display();
    let connection = engine.data_dir().join("engine/connection.json");
    let connection = connection.display();
    for client in [engine.client(), engine.reader()] {
        for sql in [
            format!("SELECT * FROM file('{secret}', LineAsString)"),
            format!("SELECT file('{secret}')"),
            format!("SELECT file('{connection}')"),
            "SELECT file('/etc/passwd')".to_owned(),
            "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)".to_owned(),
            "SELECT * FROM remote('127.0.0.1:9000', system.one)".to_owned(),
            "SELECT * FROM mysql('127.0.0.1:3306', 'd', 't', 'u', 'p')".to_owned(),
            "SELECT * FROM sqlite('/tmp/x', 't')".to_owned(),
            format!("INSERT INTO FUNCTION file('{secret}.new', LineAsString, 's String') VALUES ('x')"),
            "INSERT INTO FUNCTION url('http://127.0.0.1:1/', LineAsString, 's String') VALUES ('x')"
                .to_owned(),
            format!("CREATE TABLE f (s String) ENGINE = File(LineAsString, '{secret}')"),
            "CREATE TABLE f (s String) ENGINE = URL('http://127.0.0.1:1/', LineAsString)".to_owned(),
            "CREATE DATABASE other".to_owned(),
            "CREATE TABLE other.x (n UInt64) ENGINE = Memory".to_owned(),
            "CREATE TABLE system.x (n UInt64) ENGINE = Memory".to_owned(),
            "SELECT * FROM system.users".to_owned(),
            "BACKUP DATABASE fresnel TO File('/tmp/x')".to_owned(),
            "SYSTEM START LISTEN TCP".to_owned(),
            "SYSTEM SHUTDOWN".to_owned(),
        ] {
            refused(&client, &sql).await;
        }
        let outfile = ask(&client, "SELECT 1 INTO OUTFILE '/tmp/x'").await.unwrap_err();
        assert!(
            outfile.contains("INTO_OUTFILE_NOT_ALLOWED") || outfile.contains("SYNTAX"),
            "{outfile}"
        );
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_knows_no_secret_of_its_parent() {
    let engine = engine_with_rows().await;
    let environment = ask(&engine.client(), "SELECT file('/proc/self/environ')")
        .await
        .unwrap();
    assert!(!environment.contains("CARGO"), "{environment}");
    let of_parent = format!("SELECT file('/proc/{}/environ')", std::process::id());
    refused(&engine.client(), &of_parent).await;
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_s_own_user_cannot_log_in() {
    let engine = engine_with_rows().await;
    for _ in 0..3 {
        let error = ask(&engine.host_user(), "SELECT 1").await.unwrap_err();
        assert!(error.contains("USER_SESSION_LIMIT_EXCEEDED"), "{error}");
    }
    let nobody = engine.host_user().with_user("nobody");
    let error = ask(&nobody, "SELECT 1").await.unwrap_err();
    assert!(error.contains("AUTHENTICATION_FAILED"), "{error}");
    let wrong = engine.reader().with_password("wrong");
    let error = ask(&wrong, "SELECT 1").await.unwrap_err();
    assert!(error.contains("AUTHENTICATION_FAILED"), "{error}");
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fresnel_s_user_may_do_what_migrations_and_inserts_need() {
    let engine = engine_with_rows().await;
    let client = engine.client();
    for sql in [
        "CREATE TABLE m (n UInt64, c UInt64) ENGINE = AggregatingMergeTree ORDER BY n
         SETTINGS non_replicated_deduplication_window = 100",
        "CREATE MATERIALIZED VIEW v TO m AS SELECT n, count() AS c FROM t GROUP BY n",
        "ALTER TABLE t ADD COLUMN name String DEFAULT 'x'",
        "ALTER TABLE t MODIFY TTL toDate('2100-01-01') + toIntervalDay(n) SETTINGS materialize_ttl_after_modify = 0",
        "ALTER TABLE t MODIFY SETTING non_replicated_deduplication_window = 100",
        "INSERT INTO t (n) SETTINGS insert_deduplication_token = 'a', fsync_metadata = 1,
         deduplicate_blocks_in_dependent_materialized_views = 1 VALUES (11), (12)",
        "INSERT INTO t (n) SETTINGS insert_deduplication_token = 'a',
         deduplicate_blocks_in_dependent_materialized_views = 1 VALUES (11), (12)",
        "OPTIMIZE TABLE m FINAL",
        "SYSTEM JEMALLOC PURGE",
        "DROP VIEW v",
        "TRUNCATE TABLE m",
        "DROP TABLE m",
    ] {
        client
            .query(sql)
            .execute()
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(
        ask(&client, "SELECT count() FROM t WHERE n > 9").await.unwrap(),
        "2\n"
    );
    for table in [
        "parts",
        "merges",
        "mutations",
        "processes",
        "metrics",
        "errors",
        "disks",
        "tables",
        "columns",
    ] {
        ask(&client, &format!("SELECT count() FROM system.{table}"))
            .await
            .unwrap();
    }
    engine.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_loopback_listens() {
    let engine = engine_with_rows().await;
    let pid = engine.status().pid.unwrap();
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| {
            Some(
                target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    let mut listening = Vec::new();
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_ours = sockets.iter().any(|inode| inode == fields[9]);
            // 0A is LISTEN; a UDP socket that takes datagrams has 07.
            if is_ours && ["0A", "07"].contains(&fields[3]) {
                listening.push(fields[1].to_owned());
            }
        }
    }
    let port = engine
        .connection()
        .unwrap()
        .url
        .rsplit(':')
        .next()
        .unwrap()
        .parse::<u16>()
        .unwrap();
    assert_eq!(listening, [format!("0100007F:{port:04X}")]);
    engine.stop().await;
}
