//! A TCP proxy that stands between the service and its warehouse and loses things on the way: answers to
//! inserts that took place, halves of answers, halves of requests, time.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::wait;

const PIECE_BYTES: usize = 64 * 1024;

/// Longest that the warehouse is listened to when nobody wants its answer any more.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What the proxy does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Network {
    /// Passes everything.
    Whole = 0,
    /// Loses, cuts and delays at random.
    Faulty = 1,
    /// Cuts requests too, and lets the warehouse's word about the half come through: something between the
    /// two ends a request early, and looks well-behaved.
    Lying = 3,
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
    /// Pieces of requests of which half arrived, and was answered.
    pub(crate) halves_answered: AtomicU64,
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
    Half,
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
        for run in [Link::run_requests, Link::run_answers] {
            let (link, state) = (Arc::clone(&link), Arc::clone(state));
            std::thread::spawn(move || run(&link, &state));
        }
    }
}

/// A connection of the service, and the one to the warehouse behind it.
///
/// Whatever happens on the service's side, the warehouse may finish what it does and say so: its answers are
/// read to their end and dropped. (A reset in the middle of an answer can end an engine of this version;
/// crashes have tests of their own.)
struct Link {
    client: TcpStream,
    server: TcpStream,
}

impl Link {
    fn carry_requests(&self, state: &State) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        while let Some(length) = read(&self.client, &mut piece, state)? {
            match state.fate_of_request() {
                // The connection broke here: what the warehouse makes of the half is nobody's answer.
                Fate::Cut => {
                    self.client.shutdown(Shutdown::Both)?;
                    return (&self.server).write_all(&piece[..length / 2]);
                }
                Fate::Half => return (&self.server).write_all(&piece[..length / 2]),
                Fate::Pass | Fate::Swallow | Fate::Delay(_) => (&self.server).write_all(&piece[..length])?,
            }
        }
        Ok(())
    }

    fn carry_answers(&self, state: &State) -> io::Result<()> {
        let mut piece = vec![0; PIECE_BYTES];
        while let Some(length) = read(&self.server, &mut piece, state)? {
            let piece = &piece[..length];
            match state.fate_of_answer(piece) {
                Fate::Pass => (&self.client).write_all(piece)?,
                Fate::Swallow => return Ok(()),
                Fate::Cut | Fate::Half => return (&self.client).write_all(&piece[..length / 2]),
                Fate::Delay(length) => {
                    wait::pause(length);
                    (&self.client).write_all(piece)?;
                }
            }
        }
        Ok(())
    }

    fn run_requests(&self, state: &State) {
        let _ = self.carry_requests(state);
        let _ = self.server.shutdown(Shutdown::Write);
    }

    fn run_answers(&self, state: &State) {
        let _ = self.carry_answers(state);
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.set_read_timeout(Some(DRAIN_TIMEOUT));
        let _ = io::copy(&mut &self.server, &mut io::sink());
    }
}

/// Reads a piece; none at the end of the stream, or when the network is gone.
fn read(mut from: &TcpStream, piece: &mut [u8], state: &State) -> io::Result<Option<usize>> {
    // The network may turn bad while nothing is said.
    from.set_read_timeout(Some(Duration::from_millis(50)))?;
    loop {
        if state.stop.load(Ordering::Acquire) || state.is(Network::Gone) {
            return Ok(None);
        }
        match from.read(piece) {
            Ok(0) => return Ok(None),
            Ok(length) => return Ok(Some(length)),
            Err(error) if is_timeout(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl State {
    fn is(&self, network: Network) -> bool {
        self.network.load(Ordering::Acquire) == network as u8
    }

    fn fate_of_request(&self) -> Fate {
        let (count, fate) = match self.dice(0..100) {
            0..6 if self.is(Network::Faulty) => (&self.faults.requests_cut, Fate::Cut),
            0..15 if self.is(Network::Lying) => (&self.faults.halves_answered, Fate::Half),
            _ => return Fate::Pass,
        };
        count.fetch_add(1, Ordering::Relaxed);
        fate
    }

    fn fate_of_answer(&self, piece: &[u8]) -> Fate {
        if !self.is(Network::Faulty) && !self.is(Network::Lying) {
            return Fate::Pass;
        }
        match self.dice(0..100) {
            0..25 => {
                // Only what surely took place counts: the answer says so.
                if piece.starts_with(b"HTTP/1.1 200") {
                    self.faults.swallowed.fetch_add(1, Ordering::Relaxed);
                }
                Fate::Swallow
            }
            25..40 => {
                self.faults.answers_cut.fetch_add(1, Ordering::Relaxed);
                Fate::Cut
            }
            40..55 => {
                self.faults.delayed.fetch_add(1, Ordering::Relaxed);
                Fate::Delay(self.delay_max * self.dice(0..1_000) / 1_000)
            }
            _ => Fate::Pass,
        }
    }

    fn dice(&self, range: std::ops::Range<u32>) -> u32 {
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .random_range(range)
    }
}
