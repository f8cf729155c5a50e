//! URLs that lead, or pretend not to lead, to what only this machine can reach.

use std::net::IpAddr;

use super::*;

/// Every notation that leads to this machine, to its networks or to a metadata service, with `PORT` where the canary
/// listens; then what is no plain web address.
const URLS: &[&str] = &[
    // This machine, by address.
    "https://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/",
    "https://127.1:PORT/",
    "https://127.0.1:PORT/",
    "https://127.255.255.254:PORT/",
    "https://2130706433:PORT/",
    "https://0x7f000001:PORT/",
    "https://0x7f.0.0.1:PORT/",
    "https://0x7F.0x0.0x0.0x1:PORT/",
    "https://0x7f.1:PORT/",
    "https://017700000001:PORT/",
    "https://0177.0.0.1:PORT/",
    "https://0177.0.0.01:PORT/",
    "https://00000177.1:PORT/",
    "https://127.0.0.1.:PORT/",
    "https://%31%32%37.0.0.1:PORT/",
    "https://127%2e0%2e0%2e1:PORT/",
    "https://１２７.０.０.１:PORT/",
    "https://127。0。0。1:PORT/",
    "https://①②⑦.0.0.1:PORT/",
    "https://0:PORT/",
    "https://0.0.0.0:PORT/",
    "https://0.0.0.1:PORT/",
    "https://0x0:PORT/",
    "https://000.0x0.0.0:PORT/",
    "https://[::1]:PORT/",
    "https://[0:0:0:0:0:0:0:1]:PORT/",
    "https://[0000:0000:0000:0000:0000:0000:0000:0001]:PORT/",
    "https://[::]:PORT/",
    "https://[::ffff:127.0.0.1]:PORT/",
    "https://[::ffff:7f00:1]:PORT/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
    "https://[::ffff:0.0.0.0]:PORT/",
    "https://[::127.0.0.1]:PORT/",
    "https://[::ffff:0:127.0.0.1]:PORT/",
    "https://[64:ff9b::127.0.0.1]:PORT/",
    "https://[64:ff9b:1::127.0.0.1]:PORT/",
    "https://[2002:7f00:1::1]:PORT/",
    "https://[2001:0:7f00:1::80ff:fffe]:PORT/",
    // Its networks.
    "https://10.0.0.1:PORT/",
    "https://012.0.0.1:PORT/",
    "https://167772161:PORT/",
    "https://172.16.0.1:PORT/",
    "https://172.31.255.255:PORT/",
    "https://192.168.0.1:PORT/",
    "https://192.168.257:PORT/",
    "https://0xc0a80001:PORT/",
    "https://[::ffff:192.168.0.1]:PORT/",
    "https://100.64.0.1:PORT/",
    "https://100.127.255.254:PORT/",
    "https://169.254.0.1:PORT/",
    "https://[fe80::1]:PORT/",
    "https://[fec0::1]:PORT/",
    "https://[fc00::1]:PORT/",
    "https://[fd12:3456:789a::1]:PORT/",
    "https://224.0.0.1:PORT/",
    "https://239.255.255.250:PORT/",
    "https://255.255.255.255:PORT/",
    "https://[ff02::1]:PORT/",
    "https://[64:ff9b::10.0.0.1]:PORT/",
    // Metadata services.
    "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
    "https://169.254.169.254/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0251.0376.0251.0376/",
    "https://169.254.43518/",
    "https://[::ffff:169.254.169.254]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[fd00:ec2::254]/",
    "https://169.254.170.2/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    // Nobody's.
    "https://192.0.2.1/",
    "https://198.51.100.1/",
    "https://203.0.113.1/",
    "https://198.18.0.1/",
    "https://240.0.0.1/",
    "https://[2001:db8::1]/",
    "https://[100::1]/",
    "https://[4000::1]/",
    // By names that say what they are.
    "https://localhost:PORT/",
    "https://LocalHost:PORT/",
    "https://localhost.:PORT/",
    "https://evil.localhost:PORT/",
    "https://metadata.google.internal/",
    "https://instance-data.ec2.internal/",
    "https://printer.local/",
    "https://postgres:5432/",
    // By names that do not.
    "https://to-loopback.example:PORT/",
    "https://to-loopback.example.:PORT/",
    "https://TO-LOOPBACK.example:PORT/",
    "https://to-zero.example:PORT/",
    "https://to-private.example:PORT/",
    "https://to-carrier.example:PORT/",
    "https://to-metadata.example/",
    "https://to-loopback-v6.example:PORT/",
    "https://to-mapped.example:PORT/",
    "https://to-nat64.example:PORT/",
    "https://to-unique-local.example:PORT/",
    "http://to-public.example/",
    // Confusing ones.
    "http://public.example@127.0.0.1:PORT/",
    "https://public.example:443@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT@public.example/",
    "https://public.example#@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT#@public.example/",
    "https://127.0.0.1:PORT?@public.example/",
    "https://public.example\\@127.0.0.1:PORT/",
    "https://127.0.0.1:PORT\\.public.example/",
    "https:127.0.0.1:PORT/",
    "https:/127.0.0.1:PORT/",
    "https:///127.0.0.1:PORT/",
    "https:////127.0.0.1:PORT/",
    " https://127.0.0.1:PORT/",
    "https://127.0.0.1\t:PORT/",
    "https://127.0.\n0.1:PORT/",
    "https://public.example:0/",
    // Other schemes.
    "ftp://127.0.0.1:PORT/",
    "gopher://127.0.0.1:PORT/_PING",
    "dict://127.0.0.1:PORT/",
    "ldap://127.0.0.1:PORT/",
    "ws://127.0.0.1:PORT/",
    "file:///etc/passwd",
    "file://127.0.0.1/etc/passwd",
    "javascript:alert(1)",
    "data:,x",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "",
];

fn address_of(name: &str) -> Vec<IpAddr> {
    let address = match name.to_ascii_lowercase().as_str() {
        "to-loopback.example" | "localhost" | "evil.localhost" => "127.0.0.1",
        "to-zero.example" => "0.0.0.0",
        "to-private.example" => "10.0.0.1",
        "to-carrier.example" => "100.64.0.1",
        "to-metadata.example" | "metadata.google.internal" => "169.254.169.254",
        "to-loopback-v6.example" => "::1",
        "to-mapped.example" => "::ffff:127.0.0.1",
        "to-nat64.example" => "64:ff9b::7f00:1",
        "to-unique-local.example" => "fd12::1",
        "to-public.example" => "8.8.8.8",
        // The confusing ones: whoever believes the wrong part comes to the canary.
        _ => "127.0.0.1",
    };
    vec![address.parse().unwrap()]
}

#[tokio::test]
async fn no_hostile_url_connects_to_anything() {
    assert!(URLS.len() >= 60);
    let canary = Canary::new();
    let dns = DnsServer::start(|name, _| address_of(name));
    let outbound = door(&[], &dns);
    let mut refused_at_save = 0;
    for url in URLS {
        let url = url.replace("PORT", &canary.port().to_string());
        refused_at_save += usize::from(outbound.check(&url).is_err());
        match outbound.call(get(&url)).await {
            Err(CallError::Refused(_)) => {}
            other => panic!("{url:?}: {other:?}"),
        }
        assert!(!canary.was_reached(), "{url:?}");
    }
    // What is left are the names that only DNS knows.
    assert!(refused_at_save >= URLS.len() - 12, "{refused_at_save}");
}

#[tokio::test]
async fn nor_do_they_with_a_network_allowed_that_they_are_not_in() {
    let canary = Canary::new();
    let dns = DnsServer::start(|name, _| address_of(name));
    let outbound = door(&["203.0.113.7/32", "fd77::/16"], &dns);
    for url in URLS {
        let url = url.replace("PORT", &canary.port().to_string());
        let outcome = outbound.call(get(&url)).await;
        assert!(
            matches!(outcome, Err(CallError::Refused(_))),
            "{url:?}: {outcome:?}"
        );
        assert!(!canary.was_reached(), "{url:?}");
    }
}

#[tokio::test]
async fn the_canary_would_have_been_heard() {
    let canary = Canary::new();
    let dns = DnsServer::start(|name, _| address_of(name));
    let outbound = door(&["0.0.0.0/0", "::/0"], &dns);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0",
        "[::ffff:127.0.0.1]",
        "to-loopback.example",
        "localhost",
    ] {
        let url = format!("https://{host}:{}/", canary.port());
        let call = Call {
            timeout: Duration::from_millis(300),
            ..get(&url)
        };
        let outcome = outbound.call(call).await;
        assert!(
            !matches!(outcome, Err(CallError::Refused(_))),
            "{url}: {outcome:?}"
        );
        assert!(canary.was_reached(), "{url}");
    }
}
