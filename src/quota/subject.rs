//! Who quotas are counted for.
//!
//! A verified user is the project and the user's id; a key is itself; everybody else is the project, the prefix of
//! the address and the User-Agent. Each becomes a number by a keyed hash (SipHash-1-3 with a key of 128 bits), so
//! that neither memory nor disk holds an address, and so that nobody can make two subjects meet on purpose. By chance
//! two of a million share a quota with a probability of 3 in 100 million.
//!
//! Keys change: see `keys.rs` for when, and why no count is lost by it.

use std::hash::Hasher;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use siphasher::sip::SipHasher13;
use uuid::Uuid;

use super::CROWD;
use super::keys::{Key, Keyring};

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// The user of a verified token, or one that a secret server key names.
    User(&'a str),
    /// A server key itself.
    Key(Uuid),
    /// Somebody unknown.
    Anonymous {
        /// The client's address, behind trusted proxies.
        address: IpAddr,
        /// Its User-Agent; empty when it sends none.
        user_agent: &'a [u8],
    },
}

/// A number under both keys of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub(super) charged: u64,
    other: u64,
}

impl Pair {
    /// A number that no key changes.
    #[must_use]
    pub const fn fixed(number: u64) -> Self {
        Self {
            charged: number,
            other: number,
        }
    }

    pub(super) fn other(self) -> Option<u64> {
        (self.other != self.charged).then_some(self.other)
    }
}

/// Who is counted, and the network that also is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub user: Pair,
    /// The network of an unknown one; a verified one has none.
    pub network: Option<Pair>,
}

/// The keys under which subjects are known.
#[derive(Debug)]
pub struct SubjectKeys(Keyring);

impl SubjectKeys {
    /// Keys that end with the process, and the quotas with them.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Keyring::in_memory())
    }

    /// Keys that are kept in a file (mode 0600) for as long as windows need them. Its folder must be there.
    ///
    /// # Errors
    /// The file cannot be read or written. One that is damaged is replaced; then all quotas are new.
    pub fn open(file: PathBuf, now_ms: i64) -> io::Result<Self> {
        Keyring::open(file, now_ms).map(Self)
    }

    pub(super) fn subject(&self, project: &str, who: Who<'_>, at_ms: i64) -> Subject {
        let roles = self.0.at(at_ms).roles(at_ms);
        let pair = |kind, parts: [&[u8]; 2]| {
            let [charged, other] = roles.map(|key| hash(key, kind, project, parts));
            Pair { charged, other }
        };
        match who {
            Who::User(id) => Subject {
                user: pair(1, [id.as_bytes(), &[]]),
                network: None,
            },
            Who::Key(id) => Subject {
                user: pair(2, [id.as_bytes(), &[]]),
                network: None,
            },
            Who::Anonymous { address, user_agent } => {
                let (bytes, length) = prefix(address);
                let prefix = bytes.get(..length).unwrap_or_default();
                Subject {
                    user: pair(3, [prefix, user_agent]),
                    network: Some(pair(4, [prefix, &[]])),
                }
            }
        }
    }

    pub(super) fn maintain(&self, at_ms: i64) -> io::Result<()> {
        self.0.at(at_ms);
        self.0.keep()
    }
}

/// The part of an address that a household or a machine keeps: all of IPv4, 56 bits of IPv6.
fn prefix(address: IpAddr) -> ([u8; 7], usize) {
    let mut bytes = [0; 7];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            bytes[..4].copy_from_slice(&v4.octets());
            (bytes, 4)
        }
        IpAddr::V6(v6) => {
            bytes.copy_from_slice(&v6.octets()[..7]);
            (bytes, 7)
        }
    }
}

/// Hashes what an unknown one is made of.
pub(super) fn hash_parts(hasher: &mut impl Hasher, project: &str, address: IpAddr, user_agent: &[u8]) {
    let (bytes, length) = prefix(address);
    // With their lengths: no part can reach into the next.
    hasher.write_usize(project.len() << 8 | length);
    hasher.write(project.as_bytes());
    hasher.write(&bytes);
    hasher.write(user_agent);
}

/// Never 0, which means none on disk, and never one of the crowds.
fn hash(key: Key, kind: u8, project: &str, parts: [&[u8]; 2]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(&key.0);
    hasher.write_u8(kind);
    for part in [project.as_bytes(), parts[0], parts[1]] {
        // With its length: no part can reach into the next.
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    (hasher.finish() & !CROWD).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn anonymous(keys: &SubjectKeys, address: &str, user_agent: &str) -> Subject {
        let who = Who::Anonymous {
            address: address.parse().unwrap(),
            user_agent: user_agent.as_bytes(),
        };
        keys.subject("default", who, NOW_MS)
    }

    #[test]
    fn an_unknown_one_is_its_prefix_and_its_user_agent() {
        let keys = SubjectKeys::in_memory();
        let one = anonymous(&keys, "192.0.2.1", "A");
        assert_eq!(one, anonymous(&keys, "192.0.2.1", "A"));
        assert_eq!(one, anonymous(&keys, "::ffff:192.0.2.1", "A"));
        let other_agent = anonymous(&keys, "192.0.2.1", "B");
        assert_ne!(one.user, other_agent.user);
        assert_eq!(one.network, other_agent.network);
        assert_ne!(one.network, anonymous(&keys, "192.0.2.2", "A").network);

        let v6 = anonymous(&keys, "2001:db8:0:1200::1", "A");
        assert_eq!(v6, anonymous(&keys, "2001:db8:0:12ff:ffff::9", "A"));
        assert_ne!(v6.network, anonymous(&keys, "2001:db8:0:1300::1", "A").network);
    }

    #[test]
    fn projects_users_keys_and_unknown_ones_never_meet() {
        let keys = SubjectKeys::in_memory();
        let key = Uuid::from_bytes(*b"0123456789abcdef");
        let subjects = [
            keys.subject("a", Who::User("0123456789abcdef"), NOW_MS),
            keys.subject("b", Who::User("0123456789abcdef"), NOW_MS),
            keys.subject("a", Who::Key(key), NOW_MS),
            keys.subject("a0", Who::User("123456789abcdef"), NOW_MS),
            keys.subject("", Who::User("a0123456789abcdef"), NOW_MS),
        ];
        for (index, subject) in subjects.iter().enumerate() {
            assert!(subject.network.is_none());
            assert!(!subjects[..index].contains(subject));
        }
    }

    #[test]
    fn another_process_without_the_keys_knows_nobody() {
        let (one, other) = (SubjectKeys::in_memory(), SubjectKeys::in_memory());
        let subject = anonymous(&one, "192.0.2.1", "A");
        assert_ne!(subject.user, anonymous(&other, "192.0.2.1", "A").user);
    }
}
