//! A TCP proxy that stands between the service and its warehouse and loses things on the way: answers to
//! inserts that took place, halves of answers, halves of requests, time.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::wait;

/// What the proxy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Network {
    /// Passes everything.
    Whole = 0,
    /// Loses, cuts and delays at random.
    Faulty = 1,
    /// Closes every connection, old and new: the warehouse is away.
    Gone = 2,
}

/// How often the proxy did what.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Answers of the warehouse that said `200 OK` and never arrived.
    pub(crate) swallowed: AtomicU64,
    /// Answers of which half arrived.
    pub(crate) answers_cut: AtomicU64,
    /// Answers that came late.
    pub(crate) delayed: AtomicU64,
    /// Pieces of requests of which half arrived.
    pub(crate) requests_cut: AtomicU64,
}

/// The proxy; it ends with this value.
pub(crate) struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    upstream: SocketAddr,
    network: AtomicU8,
    stop: AtomicBool,
    faults: Faults,
    rng: Mutex<StdRng>,
    delay_max: Duration,
}

/// What happens to one piece of a stream.
enum Fate {
    Pass,
    Swallow,
    Cut,
    Delay(Duration),
}

impl Proxy {
    /// Starts a proxy in front of `upstream`; delays last up to `delay_max`.
    pub(crate) fn start(upstream: SocketAddr, seed: u64, delay_max: Duration) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            upstream,
            network: AtomicU8::new(Network::Whole as u8),
            stop: AtomicBool::new(false),
            faults: Faults::default(),
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
            delay_max,
        });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &accepting));
        Self { address, state }
    }

    /// The address to give to the service as its warehouse.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes the network, for open connections too.
    pub(crate) fn set(&self, network: Network) {
        self.state.network.store(network as u8, Ordering::Release);
    }

    /// What was done so far.
    pub(crate) fn faults(&self) -> &Faults {
        &self.state.faults
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Release);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for client in listener.incoming() {
        if state.stop.load(Ordering::Acquire) {
            return;
        }
        let Ok(client) = client else { continue };
        if state.is(Network::Gone) {
            continue;
        }
        let Ok(server) = TcpStream::connect(state.upstream) else {
            continue;
        };
        let _ = client.set_nodelay(true);
        let _ = server.set_nodelay(true);
        let link = Arc::new(Link { client, server });
        for direction in [Direction::Request, Direction::Answer] {
            let (link, state) = (Arc::clone(&link), Arc::clone(state));
            std::thread::spawn(move || {
                let _ = link.carry(direction, &state);
                link.close();
            });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Request,
    Answer,
}

struct Link {
    client: TcpStream,
    server: TcpStream,
}

impl Link {
    fn carry(&self, direction: Direction, state: &State) -> std::io::Result<()> {
        let (mut from, mut to) = match direction {
            Direction::Request => (&self.client, &self.server),
            Direction::Answer => (&self.server, &self.client),
        };
        // The network may turn bad while nothing is said.
        from.set_read_timeout(Some(Duration::from_millis(50)))?;
        let mut piece = vec![0; 64 * 1024];
        loop {
            if state.stop.load(Ordering::Acquire) || state.is(Network::Gone) {
                return Ok(());
            }
            let length = match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(error) if is_timeout(&error) => continue,
                Err(error) => return Err(error),
            };
            let piece = &piece[..length];
            match state.fate(direction, piece) {
                Fate::Pass => to.write_all(piece)?,
                Fate::Swallow => return Ok(()),
                Fate::Cut => return to.write_all(&piece[..length / 2]),
                Fate::Delay(length) => {
                    wait::pause(length);
                    to.write_all(piece)?;
                }
            }
        }
    }

    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

impl State {
    fn is(&self, network: Network) -> bool {
        self.network.load(Ordering::Acquire) == network as u8
    }

    fn fate(&self, direction: Direction, piece: &[u8]) -> Fate {
        if !self.is(Network::Faulty) {
            return Fate::Pass;
        }
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let dice = rng.random_range(0..100);
        let (count, fate) = match (direction, dice) {
            (Direction::Answer, 0..25) => {
                // Only what surely took place counts: the answer says so.
                let took_place = piece.starts_with(b"HTTP/1.1 200");
                (took_place.then_some(&self.faults.swallowed), Fate::Swallow)
            }
            (Direction::Answer, 25..40) => (Some(&self.faults.answers_cut), Fate::Cut),
            (Direction::Answer, 40..55) => {
                let delay = self.delay_max.mul_f64(rng.random());
                (Some(&self.faults.delayed), Fate::Delay(delay))
            }
            (Direction::Request, 0..6) => (Some(&self.faults.requests_cut), Fate::Cut),
            _ => (None, Fate::Pass),
        };
        if let Some(count) = count {
            count.fetch_add(1, Ordering::Relaxed);
        }
        fate
    }
}
