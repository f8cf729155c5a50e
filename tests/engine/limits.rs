//! Questions are bounded, so that inserts are not starved.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::Engine;

/// As many questions at once as the reader has slots.
const READERS_MAX: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn readers_are_four_at_most_and_never_in_the_way_of_inserts() {
    let engine = Engine::start().await;
    let client = engine.client();
    client
        .query("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
        .execute()
        .await
        .unwrap();
    let readers: Vec<_> = (0..READERS_MAX)
        .map(|_| {
            let reader = engine.reader();
            let sql = "SELECT sum(sleepEachRow(1)) FROM numbers(100) SETTINGS max_block_size = 1";
            async move { reader.query(sql).fetch_one::<u64>().await }
        })
        .map(futures_util::FutureExt::boxed)
        .collect();
    let readers = futures_util::future::select_all(readers);
    let work = async {
        let running = "SELECT count() FROM system.processes WHERE user = 'reader'";
        let start = Instant::now();
        while client.query(running).fetch_one::<u64>().await.unwrap() < READERS_MAX as u64 {
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "the questions do not start"
            );
            sleep(Duration::from_millis(10)).await;
        }
        let one_more = engine.reader().query("SELECT 1").fetch_one::<u8>().await;
        let error = one_more.unwrap_err().to_string();
        assert!(error.contains("TOO_MANY_SIMULTANEOUS_QUERIES"), "{error}");
        client
            .query("INSERT INTO t SELECT number FROM numbers(1000)")
            .execute()
            .await
            .unwrap();
        assert_eq!(
            client
                .query("SELECT count() FROM t")
                .fetch_one::<u64>()
                .await
                .unwrap(),
            1_000
        );
    };
    tokio::select! {
        () = work => {}
        (answer, ..) = readers => panic!("a question ended early: {answer:?}"),
    }
    // The futures are gone, and with them their connections: the server gives the slots back.
    let start = Instant::now();
    while engine.reader().query("SELECT 1").fetch_one::<u8>().await.is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "a question outlives its connection"
        );
        sleep(Duration::from_millis(10)).await;
    }
    engine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greedy_question_fails_alone() {
    let engine = Engine::start().await;
    let greedy = "SELECT uniqExact(number, number + 1) FROM numbers(1000000000)";
    let error = engine
        .reader()
        .query(greedy)
        .fetch_one::<u64>()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("MEMORY_LIMIT_EXCEEDED"), "{error}");
    assert_eq!(
        engine.client().query("SELECT 1").fetch_one::<u8>().await.unwrap(),
        1
    );
    assert_eq!(engine.status().restarts, 0);
    engine.stop().await;
}
