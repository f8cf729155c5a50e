//! Start, death, restart, stop.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use fresnel::domain::connection::Connection;
use fresnel::engine::supervisor::EngineState;
use rustix::process::Signal;
use tokio::time::{Instant, timeout};

use crate::harness::{BareEngine, Engine, client, eventually, folder_is_taken, start_serve};

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_engine_loses_no_row_and_another_one_starts() {
    let engine = Engine::start().await;
    let client = engine.client();
    let execute = async |sql: &str| client.query(sql).execute().await.unwrap();
    execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n").await;
    execute("INSERT INTO t SELECT number FROM numbers(1000)").await;
    let first = engine.status();
    assert_eq!(first.state, EngineState::Ready);

    engine.kill();
    eventually("the death is seen", || {
        engine.connection().is_none().then_some(())
    })
    .await;
    let killed = Instant::now();
    engine.until_ready().await;
    println!("ready again after {:?}", killed.elapsed());
    let count = engine.client().query("SELECT count() FROM t");
    assert_eq!(count.fetch_one::<u64>().await.unwrap(), 1_000);
    let second = engine.status();
    assert_eq!(second.restarts, 1);
    assert_ne!(second.pid, first.pid);
    assert!(second.last_error.is_some_and(|error| error.contains("signal: 9")));
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_life_has_passwords_of_its_own() {
    let engine = Engine::start().await;
    let before = engine.connection().unwrap();
    engine.kill();
    eventually("the death is seen", || {
        engine.connection().is_none().then_some(())
    })
    .await;
    let after = engine.until_ready().await;
    assert_ne!(before.password, after.password);
    assert_ne!(before.reader_password, after.reader_password);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_the_process_and_leaves_no_connection_file() {
    let engine = Engine::start().await;
    let data_dir = engine.data_dir().to_path_buf();
    let file = data_dir.join("engine/connection.json");
    assert!(file.exists());
    assert!(folder_is_taken(&data_dir));
    // Keeps the folder until the end of the test.
    let connection = engine.connection().unwrap();
    println!("started in {:?} ms: {}", engine.status().start_ms, connection.url);
    engine.stop().await;
    assert!(!folder_is_taken(&data_dir));
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_will_not_end_does_not_hold_up_a_stop() {
    let engine = Engine::start().await;
    let client = engine.client();
    let endless = tokio::task::spawn_blocking(move || {
        let sql = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(client.query(sql).fetch_one::<u64>())
    });
    let client = engine.client();
    let running = async || {
        let sql = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%' AND query NOT LIKE '%processes%'";
        client.query(sql).fetch_one::<u64>().await.unwrap()
    };
    let start = Instant::now();
    while running().await == 0 {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "the query does not start"
        );
    }
    timeout(Duration::from_secs(30), engine.stop())
        .await
        .expect("the engine stopped");
    assert!(endless.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_ends_when_its_input_does() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut engine = BareEngine::start(data_dir.path());
    engine.wait_until_listening();
    assert!(folder_is_taken(data_dir.path()));
    drop(engine.0.stdin.take());
    let status = engine.0.wait().unwrap();
    // An orphan that does not end in time, on a busy machine, kills itself: that is an end, too.
    let killed_itself = status.signal() == Some(9);
    assert!(status.success() || killed_itself, "{status}: {}", engine.errors());
    assert!(!data_dir.path().join("engine/connection.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_may_have_any_name() {
    let name = "odd `name` <&> \\ 'x' $";
    let data_dir = tempfile::tempdir().unwrap();
    let mut engine = BareEngine::start_with_database(data_dir.path(), name);
    engine.wait_until_listening();
    let text = std::fs::read(data_dir.path().join("engine/connection.json")).unwrap();
    let connection: Connection = serde_json::from_slice(&text).unwrap();
    assert_eq!(connection.database, name);
    let client = client(&connection, &connection.user, connection.password.reveal());
    let create = "CREATE TABLE t ENGINE = MergeTree ORDER BY n AS SELECT 7 AS n";
    client.query(create).execute().await.unwrap();
    let (user, password) = connection.reader();
    let reader = client.with_user(user).with_password(password.reveal());
    assert_eq!(
        reader.query("SELECT n FROM t").fetch_one::<u8>().await.unwrap(),
        7
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_ends_when_its_parent_is_killed() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut parent = start_serve(data_dir.path());
    let file = data_dir.path().join("engine/connection.json");
    eventually("the engine is there", || file.exists().then_some(())).await;
    assert!(folder_is_taken(data_dir.path()));
    parent.kill().unwrap();
    parent.wait().unwrap();
    eventually("the engine is gone", || {
        (!folder_is_taken(data_dir.path())).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_with_a_query_under_way_ends_too() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut engine = BareEngine::start(data_dir.path());
    engine.wait_until_listening();
    let text = std::fs::read(data_dir.path().join("engine/connection.json")).unwrap();
    let connection: Connection = serde_json::from_slice(&text).unwrap();
    let client = client(&connection, &connection.user, connection.password.reveal());
    let sql = "SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))";
    let endless = client.query(sql).fetch_one::<u64>();
    let running = async {
        let sql = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64%'";
        let start = Instant::now();
        while client.query(sql).fetch_one::<u64>().await.unwrap() < 2 {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the query does not start"
            );
        }
    };
    tokio::select! {
        () = running => {}
        answer = endless => panic!("the query ended early: {answer:?}"),
    }
    drop(engine.0.stdin.take());
    let status = engine.0.wait().unwrap();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(9),
        "{status}"
    );
    assert!(!folder_is_taken(data_dir.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_engine_on_the_folder_says_so() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut first = BareEngine::start(data_dir.path());
    first.wait_until_listening();
    let before = std::fs::read(data_dir.path().join("engine/connection.json")).unwrap();

    let mut second = BareEngine::start(data_dir.path());
    let status = second.0.wait().unwrap();
    assert!(!status.success());
    let errors = second.errors();
    assert!(errors.contains("another engine is running on"), "{errors}");
    let after = std::fs::read(data_dir.path().join("engine/connection.json")).unwrap();
    assert_eq!(before, after, "the first one's connection file was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_supervisor_waits_for_an_earlier_engine_to_leave_the_folder() {
    let data_dir = tempfile::tempdir().unwrap();
    let mut parent = start_serve(data_dir.path());
    let file = data_dir.path().join("engine/connection.json");
    eventually("the engine is there", || file.exists().then_some(())).await;
    parent.kill().unwrap();
    parent.wait().unwrap();
    // At once, while the orphan lives.
    let engine = Engine::launch_on(data_dir);
    engine.until_ready().await;
    assert_eq!(engine.status().restarts, 0);
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_engine_is_reported_and_left_alone() {
    let engine = Engine::start().await;
    let pid = engine.status().pid;
    engine.signal(Signal::STOP);
    eventually("it is reported", || {
        (engine.status().state == EngineState::Silent).then_some(())
    })
    .await;
    assert!(engine.connection().is_some());
    engine.signal(Signal::CONT);
    eventually("it is back", || {
        (engine.status().state == EngineState::Ready).then_some(())
    })
    .await;
    assert_eq!(engine.status().pid, pid);
    assert_eq!(engine.status().restarts, 0);
    engine.signal(Signal::STOP);
    timeout(Duration::from_secs(30), engine.stop())
        .await
        .expect("even a suspended one stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_cannot_start_says_why() {
    let data_dir = tempfile::tempdir().unwrap();
    // A file where ClickHouse wants its folder.
    std::fs::create_dir(data_dir.path().join("engine")).unwrap();
    std::fs::create_dir(data_dir.path().join("engine/data")).unwrap();
    std::fs::write(data_dir.path().join("engine/data/metadata"), b"").unwrap();
    let engine = Engine::launch_on(data_dir);
    let error = eventually("it says why", || engine.status().last_error).await;
    assert!(error.contains("metadata"), "{error}");
    assert!(engine.connection().is_none());
    engine.stop().await;
}
