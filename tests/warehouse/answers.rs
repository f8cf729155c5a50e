//! What each kind of answer to an insert means, told by a server that says just that.

use std::time::Duration;

use bytes::Bytes;
use fresnel::config::Secret;
use fresnel::domain::connection::Connection;
use fresnel::warehouse::{Insert, InsertError, Warehouse};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const CHUNKED_END: &[u8] = b"\r\n0\r\n\r\n";

/// What an insert makes of this answer; `None`: the server reads the request and says nothing.
async fn insert_answered(answer: Option<&str>) -> Result<(), InsertError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serve = async {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut request = Vec::new();
        while !request.ends_with(CHUNKED_END) {
            assert!(
                stream.read_buf(&mut request).await.expect("a request") > 0,
                "the request is cut"
            );
        }
        match answer {
            Some(answer) => {
                stream.write_all(answer.as_bytes()).await.expect("answered");
                stream.shutdown().await.expect("closed");
            }
            None => std::future::pending::<()>().await,
        }
    };
    let connection = Connection::new(url, "u".to_owned(), Secret::default(), "db".to_owned());
    let warehouse = Warehouse::new(Some(connection), Duration::from_secs(5));
    let columns = ["event_id".to_owned()];
    let insert = Insert {
        table: "t",
        columns: &columns,
        token: "n:1:t",
        query_id: "n:1:t#1",
        timeout: Duration::from_millis(if answer.is_some() { 20_000 } else { 200 }),
    };
    let payload = [Bytes::from_static(b"0123456789abcdef")];
    tokio::select! {
        outcome = warehouse.insert(insert, &payload) => outcome,
        () = async { serve.await; std::future::pending().await } => unreachable!(),
    }
}

/// A 200 with this header and this body, which is whole.
fn chunked(header: &str, body: &str) -> String {
    let chunk = if body.is_empty() {
        String::new()
    } else {
        format!("{:x}\r\n{body}\r\n", body.len())
    };
    format!("HTTP/1.1 200 OK\r\n{header}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n")
}

#[tokio::test]
async fn a_plain_200_is_a_success() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(insert_answered(Some(answer)).await, Ok(()));
}

#[tokio::test]
async fn a_200_that_carries_an_exception_is_none() {
    let by_header = "X-ClickHouse-Exception-Code: 241";
    let message = "Code: 241. DB::Exception: Memory limit.\n";
    let tag = "abcdefghijklmnop";
    for answer in [
        chunked(by_header, message),
        chunked(by_header, ""),
        chunked(
            "X-Old: 1",
            "Code: 241. DB::Exception: Memory limit. (version 25.1 (official build))\n",
        ),
        chunked(
            &format!("X-ClickHouse-Exception-Tag: {tag}"),
            &format!(
                "\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n",
                message.len()
            ),
        ),
    ] {
        let answer = answer.as_str();
        let outcome = insert_answered(Some(answer)).await;
        assert!(
            matches!(outcome, Err(InsertError::Failed { code: 241, .. })),
            "{answer}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_exception_is_known_by_its_code() {
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 46\r\n\r\nCode: 117. DB::Exception: Cannot parse object.";
    let outcome = insert_answered(Some(refused)).await;
    assert!(
        matches!(outcome, Err(InsertError::Refused { code: 117, .. })),
        "{outcome:?}"
    );
    let failed =
        "HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Exception-Code: 252\r\nContent-Length: 0\r\n\r\n";
    let outcome = insert_answered(Some(failed)).await;
    assert!(
        matches!(outcome, Err(InsertError::Failed { code: 252, .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn whatever_is_no_whole_answer_of_clickhouse_is_ambiguous() {
    for answer in [
        Some(""),
        Some("HTTP/1.1 200 OK\r\nContent-Le"),
        Some("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"),
        Some("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        Some("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 11\r\n\r\nBad Gateway"),
        Some("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        Some("HTTP/1.1 301 Moved Permanently\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"),
        Some("SSH-2.0-OpenSSH_9.7\r\n"),
        None,
    ] {
        let outcome = insert_answered(answer).await;
        assert!(
            matches!(outcome, Err(InsertError::Ambiguous(_))),
            "{answer:?}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_unavailable() {
    for url in [
        "https://127.0.0.1:1",
        "not a url",
        "http://127.0.0.1:1",
        "http://nowhere.invalid:8123",
    ] {
        let connection = Connection::new(url.to_owned(), "u".to_owned(), Secret::default(), "db".to_owned());
        let warehouse = Warehouse::new(Some(connection), Duration::from_secs(5));
        let insert = Insert {
            table: "t",
            columns: &["event_id".to_owned()],
            token: "n:1:t",
            query_id: "n:1:t#1",
            timeout: Duration::from_secs(20),
        };
        let outcome = warehouse.insert(insert, &[Bytes::from_static(b"row")]).await;
        assert!(
            matches!(outcome, Err(InsertError::Unavailable(_))),
            "{url}: {outcome:?}"
        );
    }
}
