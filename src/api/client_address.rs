//! Who is at the other end, also behind proxies.
//!
//! Each proxy appends the address of whoever spoke to it to `X-Forwarded-For`. So only the entries that one's own
//! proxies have written can be believed, and these stand at the right: with `server.trusted_proxies` proxies, the
//! client is that many places from the right. What stands further left is whatever the client sent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address, behind this many proxies.
///
/// A request that passed fewer of them, or whose header is no list of addresses at that place, comes from whoever
/// opened the connection.
pub(super) fn client_address(request: &HttpRequest, trusted_proxies: usize) -> IpAddr {
    let peer = request
        .peer_addr()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let address = if trusted_proxies == 0 {
        peer
    } else {
        forwarded(request, trusted_proxies).unwrap_or(peer)
    };
    address.to_canonical()
}

/// The address that stands `from_right` places from the right, over all headers of that name; the first is 1.
fn forwarded(request: &HttpRequest, from_right: usize) -> Option<IpAddr> {
    let headers: Vec<&str> = request
        .headers()
        .get_all(FORWARDED_FOR)
        .map(|value| value.to_str().unwrap_or("?"))
        .collect();
    let mut entries = headers.iter().rev().flat_map(|header| header.rsplit(','));
    parse(entries.nth(from_right - 1)?.trim())
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    text.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| text.trim_matches(['[', ']']).parse())
        .ok()
}

/// The network of an address, as people may read it: 24 bits of IPv4, 48 of IPv6.
pub(super) fn network_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn seen(headers: &[&str], trusted_proxies: usize) -> String {
        let mut request = TestRequest::default().peer_addr("192.0.2.1:4711".parse().unwrap());
        for header in headers {
            request = request.append_header((FORWARDED_FOR, *header));
        }
        client_address(&request.to_http_request(), trusted_proxies).to_string()
    }

    #[test]
    fn without_proxies_the_header_is_not_believed() {
        assert_eq!(seen(&["203.0.113.9"], 0), "192.0.2.1");
    }

    #[test]
    fn hops_are_counted_from_the_right_over_all_headers() {
        let forged = &["1.2.3.4, 5.6.7.8", "203.0.113.9", "198.51.100.7"];
        assert_eq!(seen(forged, 1), "198.51.100.7");
        assert_eq!(seen(forged, 2), "203.0.113.9");
        assert_eq!(seen(forged, 3), "5.6.7.8");
    }

    #[test]
    fn what_is_no_address_or_too_short_leaves_the_peer() {
        assert_eq!(seen(&[], 1), "192.0.2.1");
        assert_eq!(seen(&["203.0.113.9"], 2), "192.0.2.1");
        assert_eq!(seen(&["203.0.113.9, unknown"], 1), "192.0.2.1");
    }

    #[test]
    fn of_an_address_only_its_network_is_shown() {
        for (address, network) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2::7", "2001:db8:1::/48"),
            ("::1", "::/48"),
        ] {
            assert_eq!(network_of(address.parse().unwrap()), network);
        }
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(seen(&["203.0.113.9:80"], 1), "203.0.113.9");
        assert_eq!(seen(&["[2001:db8::1]:80"], 1), "2001:db8::1");
        assert_eq!(seen(&["[2001:db8::1]"], 1), "2001:db8::1");
        assert_eq!(seen(&["::ffff:203.0.113.9"], 1), "203.0.113.9");
    }
}
