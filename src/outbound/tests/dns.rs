//! A server of names that answers what a test says, and the client that asks it, over UDP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::super::names::Names;

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;

/// Answers questions for addresses; ends with the process.
pub(super) struct DnsServer {
    address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

impl DnsServer {
    /// `answer` is asked with the name and with how many questions for IPv4 addresses came before.
    pub(super) fn start(answer: impl Fn(&str, usize) -> Vec<IpAddr> + Send + 'static) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let questions = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&questions);
        std::thread::spawn(move || {
            let mut packet = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut packet) {
                let (name, kind, end) = question(&packet[..length]);
                let before = match kind {
                    TYPE_A => counted.fetch_add(1, Ordering::SeqCst),
                    _ => counted.load(Ordering::SeqCst).saturating_sub(1),
                };
                let reply = reply(&packet[..end], kind, &answer(&name, before));
                let _ = socket.send_to(&reply, from);
            }
        });
        Self { address, questions }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Questions for IPv4 addresses so far.
    pub(super) fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

/// The name that a question is for, its type, and where it ends.
fn question(packet: &[u8]) -> (String, u16, usize) {
    let mut at = 12;
    let mut labels = Vec::new();
    while packet[at] != 0 {
        let length = usize::from(packet[at]);
        labels.push(String::from_utf8_lossy(&packet[at + 1..at + 1 + length]).into_owned());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([packet[at + 1], packet[at + 2]]);
    (labels.join("."), kind, at + 5)
}

fn reply(question: &[u8], kind: u16, addresses: &[IpAddr]) -> Vec<u8> {
    let datas: Vec<Vec<u8>> = addresses
        .iter()
        .filter_map(|address| match (kind, address) {
            (TYPE_A, IpAddr::V4(address)) => Some(address.octets().to_vec()),
            (TYPE_AAAA, IpAddr::V6(address)) => Some(address.octets().to_vec()),
            _ => None,
        })
        .collect();
    let mut packet = question.to_vec();
    // An answer, without error; its number of records.
    packet[2..4].copy_from_slice(&[0x81, 0x80]);
    packet[6..8].copy_from_slice(&(datas.len() as u16).to_be_bytes());
    packet[8..12].fill(0);
    for data in datas {
        // The question's name, the type, class IN, 0 s to live.
        packet.extend_from_slice(&[0xc0, 12]);
        packet.extend_from_slice(&kind.to_be_bytes());
        packet.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
        packet.extend_from_slice(&(data.len() as u16).to_be_bytes());
        packet.extend_from_slice(&data);
    }
    packet
}

/// Asks one server for every name, and keeps nothing.
#[derive(Debug)]
pub(super) struct DnsNames {
    server: SocketAddr,
}

impl DnsNames {
    pub(super) fn new(server: SocketAddr) -> Self {
        Self { server }
    }
}

impl Names for DnsNames {
    fn look_up(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (server, name) = (self.server, name.to_owned());
        async move {
            let socket = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            socket.connect(server).await?;
            let mut found = Vec::new();
            for kind in [TYPE_A, TYPE_AAAA] {
                socket.send(&asking(&name, kind)).await?;
                let mut packet = [0; 512];
                let length = socket.recv(&mut packet).await?;
                found.extend(records(&packet[..length]));
            }
            if found.is_empty() {
                return Err(io::Error::from(io::ErrorKind::NotFound));
            }
            Ok(found)
        }
        .boxed()
    }
}

fn asking(name: &str, kind: u16) -> Vec<u8> {
    // Any id: the socket hears nobody else. Recursion desired, one question.
    let mut packet = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        packet.push(label.len() as u8);
        packet.extend_from_slice(label.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&kind.to_be_bytes());
    packet.extend_from_slice(&[0, 1]);
    packet
}

fn records(packet: &[u8]) -> Vec<IpAddr> {
    let (_, kind, mut at) = question(packet);
    let count = u16::from_be_bytes([packet[6], packet[7]]);
    (0..count)
        .map(|_| {
            let data = at + 12;
            if kind == TYPE_A {
                at = data + 4;
                let octets: [u8; 4] = packet[data..at].try_into().unwrap();
                IpAddr::from(Ipv4Addr::from(octets))
            } else {
                at = data + 16;
                let octets: [u8; 16] = packet[data..at].try_into().unwrap();
                IpAddr::from(Ipv6Addr::from(octets))
            }
        })
        .collect()
}
