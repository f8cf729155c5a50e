//! Where calls may go: what a URL may say, and which addresses may be connected to.

use std::net::IpAddr;

use ipnet::IpNet;
use url::{Host, Url};

use super::address::{Special, special};

/// Longest URL.
const URL_CHARS_MAX: usize = 2_000;
/// Ends of names that are never public: RFC 6761, 6762, 8375, and what ICANN keeps free for private use.
const LOCAL_DOMAINS: [&str; 4] = ["localhost", "local", "home.arpa", "internal"];

/// Why a URL is not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no URL, or has characters that it must not have, or is too long.
    #[error("is not a URL like https://host.example/path")]
    NotAUrl,
    /// Neither `https` nor `http`.
    #[error("must begin with https:// or http://")]
    Scheme,
    /// A name or a password in front of the host: it would stand in logs, and hides which host is meant.
    #[error("must not hold a user or a password")]
    Credentials,
    /// Port 0.
    #[error("must name a port that exists")]
    Port,
    /// What goes to the internet goes encrypted.
    #[error("must begin with https://; http:// is for networks in outbound.allow_networks")]
    PlainHttp,
    /// The name of a host that only a private network knows.
    #[error("names a host of a private network; see outbound.allow_networks")]
    LocalName,
    /// The address is not public, and in none of the networks that are allowed.
    #[error("leads to an address that {0}; see outbound.allow_networks")]
    Address(Special),
}

/// How a connection is secured, as far as the guard is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Tls,
    Plain,
}

/// The rules.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    allowed: Vec<IpNet>,
}

impl Guard {
    /// Beside public addresses, those of `allowed` may be called.
    pub(super) fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Everything that can be said of a URL without asking for names.
    pub(super) fn check_url(&self, text: &str) -> Result<Url, Refusal> {
        // The parser drops tabs and ends of lines, and what it does with other blanks is nobody's wish either.
        let is_plain = !text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '\\');
        if !is_plain || text.chars().count() > URL_CHARS_MAX {
            return Err(Refusal::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| Refusal::NotAUrl)?;
        let security = match url.scheme() {
            "https" => Security::Tls,
            "http" => Security::Plain,
            _ => return Err(Refusal::Scheme),
        };
        // `http:host` and `http:///host` also parse.
        if !text
            .get(url.scheme().len()..)
            .is_some_and(|rest| rest.starts_with("://"))
        {
            return Err(Refusal::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() || authority(text).contains('@') {
            return Err(Refusal::Credentials);
        }
        if url.port() == Some(0) {
            return Err(Refusal::Port);
        }
        // The parser has turned every notation of IPv4 (decimal, octal, hexadecimal, short) into the one.
        match url.host() {
            Some(Host::Ipv4(address)) => self.check_address(address.into(), security)?,
            Some(Host::Ipv6(address)) => self.check_address(address.into(), security)?,
            Some(Host::Domain(name)) => self.check_name(name, security)?,
            None => return Err(Refusal::NotAUrl),
        }
        Ok(url)
    }

    /// Where nothing private is allowed, names that can be nothing else need not be asked for.
    fn check_name(&self, name: &str, security: Security) -> Result<(), Refusal> {
        if !self.allowed.is_empty() {
            return Ok(());
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let is_local = |domain: &str| {
            let before = name.strip_suffix(domain);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        if !name.contains('.') || LOCAL_DOMAINS.into_iter().any(is_local) {
            return Err(Refusal::LocalName);
        }
        match security {
            Security::Tls => Ok(()),
            Security::Plain => Err(Refusal::PlainHttp),
        }
    }

    /// What decides: asked for each address that is about to be connected to.
    pub(super) fn check_address(&self, address: IpAddr, security: Security) -> Result<(), Refusal> {
        let kind = special(address);
        if self.is_allowed(address, kind) {
            return Ok(());
        }
        match (kind, security) {
            (Some(kind), _) => Err(Refusal::Address(kind)),
            (None, Security::Plain) => Err(Refusal::PlainHttp),
            (None, Security::Tls) => Ok(()),
        }
    }

    /// A metadata service must be named by itself: whoever allows a large network has not thought of it.
    fn is_allowed(&self, address: IpAddr, kind: Option<Special>) -> bool {
        let address = address.to_canonical();
        let mut networks = self.allowed.iter().filter(|network| network.contains(&address));
        if kind == Some(Special::Metadata) {
            networks.any(|network| network.prefix_len() == network.max_prefix_len())
        } else {
            networks.next().is_some()
        }
    }
}

/// What stands between `://` and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(networks: &[&str]) -> Guard {
        Guard::new(networks.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn refusal(guard: &Guard, url: &str) -> Option<Refusal> {
        guard.check_url(url).err()
    }

    #[test]
    fn public_https_addresses_pass() {
        let guard = guard(&[]);
        for url in [
            "https://idp.example.org/.well-known/jwks.json",
            "https://idp.example.org:8443/keys?v=1",
            "https://idp.example.org./",
            "HTTPS://IDP.EXAMPLE.ORG/",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://münchen.example.org/",
        ] {
            assert_eq!(refusal(&guard, url), None, "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_networks_that_are_allowed() {
        let closed = guard(&[]);
        assert_eq!(
            refusal(&closed, "http://idp.example.org/"),
            Some(Refusal::PlainHttp)
        );
        assert_eq!(refusal(&closed, "http://8.8.8.8/"), Some(Refusal::PlainHttp));
        let lan = guard(&["10.0.0.0/8"]);
        assert_eq!(refusal(&lan, "http://10.1.2.3/"), None);
        assert_eq!(refusal(&lan, "http://8.8.8.8/"), Some(Refusal::PlainHttp));
        // What the name means is seen at the connection.
        assert_eq!(refusal(&lan, "http://idp.internal/"), None);
        let public = "8.8.8.8".parse().unwrap();
        assert_eq!(
            lan.check_address(public, Security::Plain),
            Err(Refusal::PlainHttp)
        );
        assert_eq!(lan.check_address(public, Security::Tls), Ok(()));
    }

    #[test]
    fn a_network_lets_in_its_own_addresses_and_no_others() {
        let lan = guard(&["10.0.0.0/8", "fd12::/16"]);
        for url in [
            "https://10.0.0.1/",
            "https://0x0a.1/",
            "https://[::ffff:10.0.0.1]/",
            "https://[fd12::1]/",
        ] {
            assert_eq!(refusal(&lan, url), None, "{url}");
        }
        for url in [
            "https://127.0.0.1/",
            "https://192.168.0.1/",
            "https://[fd13::1]/",
            "https://[64:ff9b::10.0.0.1]/",
        ] {
            assert!(matches!(refusal(&lan, url), Some(Refusal::Address(_))), "{url}");
        }
    }

    #[test]
    fn metadata_services_are_allowed_only_by_name() {
        let url = "http://169.254.169.254/latest/meta-data/";
        for networks in [
            &["169.254.0.0/16"][..],
            &["0.0.0.0/0", "::/0"],
            &["169.254.169.254/31"],
        ] {
            let found = refusal(&guard(networks), url);
            assert_eq!(found, Some(Refusal::Address(Special::Metadata)), "{networks:?}");
        }
        assert_eq!(refusal(&guard(&["169.254.169.254/32"]), url), None);
    }

    #[test]
    fn what_is_no_plain_web_address_is_refused_for_its_reason() {
        let guard = guard(&["0.0.0.0/0", "::/0"]);
        for (url, why) in [
            ("", Refusal::NotAUrl),
            ("idp.example.org", Refusal::NotAUrl),
            ("//idp.example.org/", Refusal::NotAUrl),
            ("http:idp.example.org", Refusal::NotAUrl),
            ("http:/idp.example.org", Refusal::NotAUrl),
            ("http:\\\\idp.example.org", Refusal::NotAUrl),
            ("https:///", Refusal::NotAUrl),
            ("https:// idp.example.org/", Refusal::NotAUrl),
            ("https://idp.example\n.org/", Refusal::NotAUrl),
            ("https://idp.example.org/\u{0}", Refusal::NotAUrl),
            ("https://[::1/", Refusal::NotAUrl),
            ("https://[fe80::1%25eth0]/", Refusal::NotAUrl),
            ("https://1.2.3.256/", Refusal::NotAUrl),
            ("https://a.1.2.3.4.5/", Refusal::NotAUrl),
            ("https://idp.example.org:65536/", Refusal::NotAUrl),
            ("file:///etc/passwd", Refusal::Scheme),
            ("gopher://idp.example.org:6379/_PING", Refusal::Scheme),
            ("ftp://idp.example.org/", Refusal::Scheme),
            ("data:application/json,{}", Refusal::Scheme),
            ("unix:/run/docker.sock", Refusal::Scheme),
            ("https://ada@idp.example.org/", Refusal::Credentials),
            ("https://ada:secret@idp.example.org/", Refusal::Credentials),
            ("https://idp.example.org@127.0.0.1/", Refusal::Credentials),
            ("https://@idp.example.org/", Refusal::Credentials),
            ("https://idp.example.org:0/", Refusal::Port),
        ] {
            assert_eq!(refusal(&guard, url), Some(why), "{url:?}");
        }
        let long = format!("https://idp.example.org/{}", "a".repeat(2_000));
        assert_eq!(refusal(&guard, &long), Some(Refusal::NotAUrl));
    }

    #[test]
    fn names_of_private_networks_are_refused_while_nothing_private_is_allowed() {
        for name in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "app.localhost",
            "printer.local",
            "idp.internal",
            "metadata.google.internal",
            "nas.home.arpa",
            "postgres",
            "kubernetes",
        ] {
            let url = format!("https://{name}/");
            assert_eq!(refusal(&guard(&[]), &url), Some(Refusal::LocalName), "{name}");
            assert_eq!(refusal(&guard(&["10.0.0.0/8"]), &url), None, "{name}");
        }
    }
}
