//! Answers that are too long, too slow, or lead elsewhere.

use std::io::Write as _;
use std::sync::mpsc::sync_channel;

use super::*;

fn lan() -> Outbound {
    door(&["127.0.0.0/8"], &DnsServer::start(|_, _| vec![]))
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let canary = Canary::new();
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/", canary.port());
        let server = Server::saying(format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"
        ));
        let answer = lan().call(get(&server.url())).await.unwrap();
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.headers["location"], location.as_str());
    }
    assert!(!canary.was_reached());
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_refused_or_cut_whether_it_says_so_or_not() {
    let body = "x".repeat(2_000);
    for head in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7d0\r\n".to_owned(),
    ] {
        let server = Server::saying(head + &body);
        let call = Call {
            answer_bytes_max: 1_999,
            ..get("")
        };
        let url = server.url();
        let call = Call { url: &url, ..call };
        let error = lan().call(call.clone()).await.unwrap_err();
        assert_eq!(error, CallError::TooLarge(1_999));
        // Who asks for the status alone gets it, with what may be read of the body.
        let answer = lan().call_for_status(call).await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body, body[..1_999]);
    }
    let endless = Server::with(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    });
    let error = lan().call(get(&endless.url())).await.unwrap_err();
    assert_eq!(error, CallError::TooLarge(64 * 1_024));
    let answer = lan().call_for_status(get(&endless.url())).await.unwrap();
    assert_eq!(answer.body.len(), 64 * 1_024);
}

#[tokio::test]
async fn a_head_without_end_is_given_up() {
    let endless = Server::with(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-more: and more\r\n").is_ok() {}
    });
    assert_eq!(
        lan().call(get(&endless.url())).await.unwrap_err(),
        CallError::Broken
    );
}

#[tokio::test]
async fn who_does_not_answer_in_time_is_given_up() {
    let timeout = Duration::from_millis(200);
    for said in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi",
    ] {
        // Held open until the test is over.
        let (over, wait) = sync_channel::<()>(0);
        let wait = std::sync::Mutex::new(wait);
        let server = Server::with(move |mut stream| {
            let _ = stream.write_all(said.as_bytes());
            let _ = wait.lock().unwrap().recv();
        });
        let call = Call { timeout, ..get("") };
        let error = lan()
            .call(Call {
                url: &server.url(),
                ..call
            })
            .await
            .unwrap_err();
        assert_eq!(error, CallError::TimedOut(timeout), "{said:?}");
        drop(over);
    }
}

#[tokio::test]
async fn who_speaks_no_http_or_nothing_at_all_is_told_apart() {
    for said in [
        "",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "+PONG\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi",
    ] {
        let server = Server::saying(said);
        assert_eq!(
            lan().call(get(&server.url())).await.unwrap_err(),
            CallError::Broken,
            "{said:?}"
        );
    }
    let free = Canary::new().port();
    let error = lan()
        .call(get(&format!("http://127.0.0.1:{free}/")))
        .await
        .unwrap_err();
    assert_eq!(error, CallError::Unreachable);
    let error = lan().call(get("https://nobody.example/")).await.unwrap_err();
    assert_eq!(error, CallError::NoSuchName);
}

#[tokio::test]
async fn what_is_sent_is_the_call_and_no_more() {
    let (heads, told) = sync_channel(1);
    let server = Server::with(move |mut stream| {
        let mut body = [0; 5];
        let _ = std::io::Read::read_exact(&mut stream, &mut body);
        let _ = heads.send(String::from_utf8_lossy(&body).into_owned());
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    let call = Call {
        method: Method::POST,
        body: Bytes::from_static(b"hello"),
        ..get("")
    };
    lan()
        .call(Call {
            url: &server.url(),
            ..call
        })
        .await
        .unwrap();
    assert_eq!(told.recv().unwrap(), "hello");
}

#[tokio::test]
async fn answers_are_not_inflated() {
    // The head of a gzip stream; whoever inflated it would not give it back.
    let server = Server::saying(
        [
            &b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n"[..],
            &[0x1f, 0x8b, 8, 0],
        ]
        .concat(),
    );
    let answer = lan().call(get(&server.url())).await.unwrap();
    assert_eq!(&answer.body[..], &[0x1f, 0x8b, 8, 0]);
}
