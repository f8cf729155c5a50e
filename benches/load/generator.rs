//! The load generator: one thread, one epoll, no allocation a request.
//!
//! It shares the machine with the server that it measures, so a request may cost it little: the request is
//! prebuilt, one `write` sends it, one `read` takes the answer, and one `epoll_wait` serves many of them.
//!
//! *Closed loop* (no rate): each connection sends its next request as soon as its answer is there; this
//! finds the highest throughput. *Open loop* (a rate): requests are due at fixed times whatever the server
//! does, and latency counts from the time at which a request was due, so that a server which stalls cannot
//! hide the requests that it kept from being sent.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::beacons::{KindShares, Requests};
use crate::connection::{Answer, Connection, Outstanding, Received};
use crate::report::{Figures, Report};

/// Longest answer that is read in one go.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Answers taken from one `epoll_wait`.
const EVENTS_MAX: usize = 256;
/// Pause before a failed connect is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);
/// Time that the last requests have for their answers.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest sleep, so that beacons carry the right time.
const SLEEP_MAX: Duration = Duration::from_millis(50);

/// What to send, how fast and how long.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) connections: usize,
    /// Requests a second; none: closed loop.
    pub(crate) rate: Option<f64>,
    /// Time that is not measured, before the measured time.
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    /// Most requests, warm-up included.
    pub(crate) requests_max: u64,
    pub(crate) kinds: KindShares,
    /// Never sleep: look for answers again and again. Without it a server that is slower than the generator pays
    /// for waking it up, on a virtual machine a fifth of its time; with it the generator takes a whole core.
    pub(crate) spin: bool,
    /// File that takes the event ids that were answered 202, one a line.
    pub(crate) acknowledged: Option<PathBuf>,
}

/// Sends the planned load and waits for its end.
pub(crate) fn run(plan: &Plan) -> anyhow::Result<Report> {
    if !plan.address.ip().is_loopback() {
        bail!(
            "{} is not a loopback address; this generator loads nothing else",
            plan.address
        );
    }
    Generator::new(plan)?.run()
}

struct Generator<'plan> {
    plan: &'plan Plan,
    epoll: OwnedFd,
    connections: Vec<Option<Connection>>,
    /// Connections with nothing on its way.
    free: VecDeque<usize>,
    /// Connections to open again, and when.
    down: VecDeque<(Instant, usize)>,
    requests: Requests,
    requests_left: u64,
    figures: Figures,
    acknowledged: Option<BufWriter<File>>,
    /// When the next request is due (open loop).
    due: Instant,
    interval: Duration,
    on_their_way: usize,
}

impl<'plan> Generator<'plan> {
    fn new(plan: &'plan Plan) -> anyhow::Result<Self> {
        let acknowledged = match &plan.acknowledged {
            Some(path) => Some(BufWriter::new(
                File::create(path).with_context(|| path.display().to_string())?,
            )),
            None => None,
        };
        let mut generator = Self {
            plan,
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            connections: Vec::with_capacity(plan.connections),
            free: VecDeque::with_capacity(plan.connections),
            down: VecDeque::new(),
            requests: Requests::build(&plan.address.to_string(), &plan.key, plan.kinds),
            requests_left: plan.requests_max,
            figures: Figures::new()?,
            acknowledged,
            due: Instant::now(),
            interval: plan
                .rate
                .map_or(Duration::ZERO, |rate| Duration::from_secs_f64(1.0 / rate)),
            on_their_way: 0,
        };
        for place in 0..plan.connections {
            let connection =
                Connection::open(plan.address).with_context(|| format!("no server at {}", plan.address))?;
            generator.connections.push(None);
            generator.adopt(place, connection)?;
        }
        Ok(generator)
    }

    fn adopt(&mut self, place: usize, connection: Connection) -> anyhow::Result<()> {
        epoll::add(
            &self.epoll,
            connection.stream(),
            EventData::new_u64(place as u64),
            EventFlags::IN,
        )?;
        self.connections[place] = Some(connection);
        self.free.push_back(place);
        Ok(())
    }

    fn run(mut self) -> anyhow::Result<Report> {
        let mut started = Instant::now();
        let mut warm = self.plan.warmup.is_zero();
        let end = started + self.plan.warmup + self.plan.duration;
        let mut scratch = vec![0; SCRATCH_BYTES];
        let mut events = Vec::with_capacity(EVENTS_MAX);
        self.due = started;
        let ended = loop {
            let now = Instant::now();
            if !warm && now >= started + self.plan.warmup {
                let accepted_warming_up = self.figures.accepted();
                (warm, started, self.figures) = (true, now, Figures::new()?);
                self.figures.accepted_warming_up = accepted_warming_up;
            }
            if now >= end || (self.requests_left == 0 && self.on_their_way == 0) {
                break now;
            }
            self.requests.set_time(fresnel::clock::now().0);
            self.reopen(now);
            self.send_due(now);
            self.wait(self.sleep(now, end), &mut events, &mut scratch, true)?;
        };
        let mut drained = Instant::now();
        if self.plan.rate.is_some() {
            let behind =
                ended.saturating_duration_since(self.due).as_secs_f64() / self.interval.as_secs_f64();
            self.figures.unsent = if self.requests_left == 0 { 0 } else { behind as u64 };
        }
        let in_time = self.figures.accepted();
        // The drain's answers count, but not towards the rate: its load is no longer the planned one.
        while self.on_their_way > 0 && drained < ended + DRAIN_TIMEOUT {
            self.wait(SLEEP_MAX, &mut events, &mut scratch, false)?;
            drained = Instant::now();
        }
        self.figures.unanswered += self.on_their_way as u64;
        if let Some(file) = &mut self.acknowledged {
            file.flush()?;
        }
        Ok(self
            .figures
            .report(ended - started, in_time, self.requests.body_bytes_mean()))
    }

    /// How long nothing is to be done unless an answer comes.
    fn sleep(&self, now: Instant, end: Instant) -> Duration {
        let mut until = end.min(now + SLEEP_MAX);
        if let Some((at, _)) = self.down.front() {
            until = until.min(*at);
        }
        if self.plan.rate.is_some() && !self.free.is_empty() {
            until = until.min(self.due);
        }
        until.saturating_duration_since(now)
    }

    fn reopen(&mut self, now: Instant) {
        while let Some((at, place)) = self.down.front().copied()
            && at <= now
        {
            self.down.pop_front();
            let opened = Connection::open(self.plan.address).map_err(anyhow::Error::from);
            match opened.and_then(|connection| self.adopt(place, connection)) {
                Ok(()) => self.figures.reconnects += 1,
                Err(_) => {
                    self.figures.connects_failed += 1;
                    self.down.push_back((now + RECONNECT_PAUSE, place));
                }
            }
        }
    }

    fn send_due(&mut self, now: Instant) {
        while self.requests_left > 0 && (self.plan.rate.is_none() || self.due <= now) {
            let Some(place) = self.free.pop_front() else { break };
            let intended = if self.plan.rate.is_some() { self.due } else { now };
            self.due += self.interval;
            self.send(place, intended);
        }
    }

    fn send(&mut self, place: usize, intended: Instant) {
        let Some(connection) = &mut self.connections[place] else {
            return;
        };
        let (event_id, request) = self.requests.next();
        self.requests_left -= 1;
        self.on_their_way += 1;
        self.figures.sent_bytes += request.len() as u64;
        match connection.send(request, Outstanding { intended, event_id }) {
            Ok(true) => {}
            Ok(false) => self.watch(place, EventFlags::IN | EventFlags::OUT),
            Err(_) => self.lose(place),
        }
    }

    fn watch(&mut self, place: usize, flags: EventFlags) {
        let Some(connection) = &self.connections[place] else {
            return;
        };
        if epoll::modify(
            &self.epoll,
            connection.stream(),
            EventData::new_u64(place as u64),
            flags,
        )
        .is_err()
        {
            self.lose(place);
        }
    }

    /// Drops a connection (which takes it out of the epoll) and has it opened again. A close between two
    /// requests is the server's right; one before the answer is an error.
    fn lose(&mut self, place: usize) {
        let Some(connection) = self.connections[place].take() else {
            return;
        };
        let now = Instant::now();
        if connection.outstanding.is_some() {
            self.on_their_way -= 1;
            self.figures.closed += 1;
            self.down.push_back((now + RECONNECT_PAUSE, place));
        } else {
            self.free.retain(|free| *free != place);
            self.down.push_back((now, place));
        }
    }

    fn wait(
        &mut self,
        timeout: Duration,
        events: &mut Vec<epoll::Event>,
        scratch: &mut [u8],
        send_on: bool,
    ) -> anyhow::Result<()> {
        events.clear();
        let timeout = Timespec::try_from(if self.plan.spin { Duration::ZERO } else { timeout })?;
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.iter() {
            let place = usize::try_from(event.data.u64())?;
            let flags = event.flags;
            if flags.contains(EventFlags::OUT) {
                self.send_rest(place);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.receive(place, scratch, send_on)?;
            }
        }
        Ok(())
    }

    fn send_rest(&mut self, place: usize) {
        let Some(connection) = &mut self.connections[place] else {
            return;
        };
        match connection.send_rest() {
            Ok(true) => self.watch(place, EventFlags::IN),
            Ok(false) => {}
            Err(_) => self.lose(place),
        }
    }

    fn receive(&mut self, place: usize, scratch: &mut [u8], send_on: bool) -> anyhow::Result<()> {
        let Some(connection) = &mut self.connections[place] else {
            return Ok(());
        };
        match connection.receive(scratch) {
            Received::Nothing => {}
            Received::Closed => self.lose(place),
            Received::Garbled => {
                self.figures.garbled += 1;
                self.lose(place);
            }
            Received::Answer(answer) => match connection.outstanding.take() {
                Some(request) => self.answered(place, answer, request, send_on)?,
                // A connection that was never used is told so (408) after the time that a head may take.
                None if answer.last => self.lose(place),
                None => {
                    self.figures.garbled += 1;
                    self.lose(place);
                }
            },
        }
        Ok(())
    }

    fn answered(
        &mut self,
        place: usize,
        answer: Answer,
        request: Outstanding,
        send_on: bool,
    ) -> anyhow::Result<()> {
        let now = Instant::now();
        self.on_their_way -= 1;
        self.figures.answer(
            answer.status,
            now.saturating_duration_since(request.intended),
            answer.bytes,
        );
        if answer.status == 202
            && let Some(file) = &mut self.acknowledged
        {
            writeln!(file, "{}", request.event_id)?;
        }
        if answer.last {
            self.lose(place);
        } else if send_on && self.plan.rate.is_none() && self.requests_left > 0 {
            self.send(place, now);
        } else {
            self.free.push_back(place);
        }
        Ok(())
    }
}
