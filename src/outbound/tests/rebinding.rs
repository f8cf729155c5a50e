//! Names that mean one thing when they are looked at, and another when they are called.

use std::net::IpAddr;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_is_connected_to_is_the_answer_that_was_checked() {
    // The first answer can be allowed here, every further one is the canary's: had anyone asked twice, once to check and
    // once to connect, the canary would know.
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    let port = server.address.port();
    let Ok(canary) = TcpListener::bind(("127.0.0.2", port)) else {
        panic!("127.0.0.2 is not there");
    };
    let canary = Canary(canary);
    canary.0.set_nonblocking(true).unwrap();
    let dns = DnsServer::start(|_, before| vec![ip(if before == 0 { "127.0.0.1" } else { "127.0.0.2" })]);
    let outbound = door(&["127.0.0.1/32"], &dns);
    let url = format!("http://rebinding.example:{port}/");

    assert!(outbound.call(get(&url)).await.is_ok());
    assert_eq!((server.visits(), dns.questions()), (1, 1));
    for asked in 2..5 {
        let error = outbound.call(get(&url)).await.unwrap_err();
        assert_eq!(error, CallError::Refused(Refusal::Address(Special::Loopback)));
        assert_eq!(
            dns.questions(),
            asked,
            "no connection and no answer of DNS is kept"
        );
    }
    assert!(!canary.was_reached());
    assert_eq!(server.visits(), 1);
}

#[tokio::test]
async fn an_address_that_is_public_at_save_and_private_at_the_call_is_refused() {
    let canary = Canary::new();
    let dns = DnsServer::start(|_, _| vec![ip("127.0.0.1")]);
    let outbound = door(&[], &dns);
    let url = format!("https://looks-public.example:{}/", canary.port());
    outbound
        .check(&url)
        .expect("nothing is wrong with the URL itself");
    let error = outbound.call(get(&url)).await.unwrap_err();
    assert_eq!(error, CallError::Refused(Refusal::Address(Special::Loopback)));
    assert!(!canary.was_reached());
}

#[tokio::test]
async fn of_several_addresses_only_the_allowed_ones_are_tried() {
    let server = Server::saying("HTTP/1.1 204 No Content\r\n\r\n");
    let port = server.address.port();
    let dns = DnsServer::start(|_, _| {
        ["10.0.0.1", "169.254.169.254", "::1", "127.0.0.1", "192.168.0.1"]
            .map(ip)
            .into()
    });
    let outbound = door(&["127.0.0.1/32"], &dns);
    let url = format!("http://several.example:{port}/");
    assert_eq!(
        outbound.call(get(&url)).await.unwrap().status,
        StatusCode::NO_CONTENT
    );
}
