//! Which addresses are public.
//!
//! After the IANA registries of special-purpose addresses. What is not known to be public is not: of IPv6 only the
//! global unicast range is looked at, so a range that is put to use later is refused until it is known here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Special {
    /// This machine.
    #[error("is this machine")]
    Loopback,
    /// A private network, shared address space of a carrier, or unique local.
    #[error("is in a private network")]
    Private,
    /// Valid on one link only.
    #[error("is link-local")]
    LinkLocal,
    /// Where clouds tell machines about themselves, credentials included.
    #[error("is a metadata service")]
    Metadata,
    /// To many.
    #[error("is a multicast or broadcast address")]
    Multicast,
    /// An IPv6 address of a tunnel, behind which any IPv4 address may be.
    #[error("is the address of a tunnel")]
    Tunnel,
    /// For documents, tests, protocols or nobody yet.
    #[error("is reserved")]
    Reserved,
}

/// Where clouds tell machines about themselves: AWS, GCP, Azure, and most others; AWS containers; Oracle; Alibaba; Azure's
/// agent, which is in a public range.
const METADATA_V4: [Ipv4Addr; 6] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// The same for IPv6: AWS, its containers, GCP.
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// Why this address is not public; `None` when it is.
pub(super) fn special(address: IpAddr) -> Option<Special> {
    match address.to_canonical() {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    if METADATA_V4.contains(&address) {
        return Some(Special::Metadata);
    }
    match address.octets() {
        [127, ..] => Some(Special::Loopback),
        // "This network": Linux connects 0.0.0.0 to itself.
        [0, ..] => Some(Special::Loopback),
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Some(Special::Private),
        [169, 254, ..] => Some(Special::LinkLocal),
        // Protocols, documents (three of them), relays of 6to4, benchmarks.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] | [198, 18 | 19, ..] => {
            Some(Special::Reserved)
        }
        // Nearest servers of AS112 and of AMT, which are in every network.
        [192, 31, 196, _] | [192, 52, 193, _] | [192, 175, 48, _] => Some(Special::Reserved),
        [224..=239, ..] | [255, 255, 255, 255] => Some(Special::Multicast),
        [240..=255, ..] => Some(Special::Reserved),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    if METADATA_V6.contains(&address) {
        return Some(Special::Metadata);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Some(Special::Loopback),
        // NAT64: where it is in use, names without IPv6 resolve to it; what stands behind it counts.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => special_v4(embedded(high, low)),
        // IPv4-compatible, IPv4-translated, local NAT64: no use but to get around a check.
        [0, 0, 0, 0, ..] | [0x64, 0xff9b, ..] => Some(Special::Tunnel),
        // Teredo, 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Some(Special::Tunnel),
        // Protocols, benchmarks, ORCHID (2001::/23), documents (two of them), the nearest server of AS112.
        [0x2001, 0..=0x1ff, ..]
        | [0x2001, 0xdb8, ..]
        | [0x3fff, 0..=0xfff, ..]
        | [0x2620, 0x4f, 0x8000, ..] => Some(Special::Reserved),
        // ISATAP: an IPv4 address behind `0:5efe`.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Some(Special::Tunnel),
        [0x2000..=0x3fff, ..] => None,
        [0xfc00..=0xfdff, ..] => Some(Special::Private),
        // Link-local, and what was site-local.
        [0xfe80..=0xfeff, ..] => Some(Special::LinkLocal),
        [0xff00..=0xffff, ..] => Some(Special::Multicast),
        _ => Some(Special::Reserved),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> Option<Special> {
        special(text.parse().unwrap())
    }

    #[test]
    fn addresses_that_anyone_can_reach_are_public() {
        for text in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2000::1",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:800::200e",
            "3ffe::1",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn special_addresses_are_told_by_their_kind() {
        use Special::{LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Tunnel};
        for (text, kind) in [
            ("0.0.0.0", Loopback),
            ("0.255.255.255", Loopback),
            ("127.255.255.255", Loopback),
            ("::", Loopback),
            ("::1", Loopback),
            ("10.255.255.255", Private),
            ("100.64.0.0", Private),
            ("100.127.255.255", Private),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("192.168.255.255", Private),
            ("fc00::", Private),
            ("fdff::1", Private),
            ("169.254.0.1", LinkLocal),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", LinkLocal),
            ("169.254.169.254", Metadata),
            ("100.100.100.200", Metadata),
            ("168.63.129.16", Metadata),
            ("::ffff:169.254.169.254", Metadata),
            ("64:ff9b::a9fe:a9fe", Metadata),
            ("fd00:ec2::254", Metadata),
            ("224.0.0.1", Multicast),
            ("255.255.255.255", Multicast),
            ("ff02::1", Multicast),
            ("::127.0.0.1", Tunnel),
            ("::ffff:0:127.0.0.1", Tunnel),
            ("64:ff9b:1::1", Tunnel),
            ("2001::1", Tunnel),
            ("2002:7f00:1::", Tunnel),
            ("2606:4700::5efe:7f00:1", Tunnel),
            ("192.0.2.1", Reserved),
            ("198.18.0.1", Reserved),
            ("198.51.100.1", Reserved),
            ("203.0.113.1", Reserved),
            ("240.0.0.1", Reserved),
            ("2001:1ff::1", Reserved),
            ("2001:db8::1", Reserved),
            ("3fff::1", Reserved),
            ("100::1", Reserved),
            ("4000::1", Reserved),
            ("5f00::1", Reserved),
        ] {
            assert_eq!(of(text), Some(kind), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_in_ipv6_clothes_is_never_freer_than_bare(bits: u32) {
            let bare = Ipv4Addr::from_bits(bits);
            let [a, b] = [(bits >> 16) as u16, bits as u16];
            for clothed in [
                bare.to_ipv6_mapped(),
                bare.to_ipv6_compatible(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, a, b),
                Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, a, b),
                Ipv6Addr::new(0x2002, a, b, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !a, !b),
            ] {
                if special(bare.into()).is_some() {
                    prop_assert!(special(clothed.into()).is_some(), "{clothed}");
                }
            }
        }

        #[test]
        fn nothing_that_the_standard_library_calls_special_is_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            if address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_documentation() || address.is_broadcast() || address.is_unspecified()
            {
                prop_assert!(special(address.into()).is_some(), "{address}");
            }
        }

        #[test]
        fn of_ipv6_only_global_unicast_and_translated_addresses_are_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let is_global_unicast = address.segments()[0] >> 13 == 1;
            if special(address.into()).is_none() {
                prop_assert!(is_global_unicast, "{address}");
            }
        }
    }
}
