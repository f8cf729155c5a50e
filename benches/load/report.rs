//! What a run measured: kept while it runs, printed and written as JSON afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency that is told apart from longer ones.
const LATENCY_MAX_US: u64 = 120_000_000;

/// Counters of a run.
pub(crate) struct Figures {
    latency_us: Histogram<u64>,
    statuses: BTreeMap<u16, u64>,
    /// Answers with the status that came last, not yet in `statuses`: nearly all answers are 202, and a
    /// map look-up for each would cost the generator more than the parsing.
    run: (u16, u64),
    pub(crate) closed: u64,
    pub(crate) garbled: u64,
    pub(crate) connects_failed: u64,
    pub(crate) reconnects: u64,
    pub(crate) unsent: u64,
    pub(crate) unanswered: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    /// Answers 202 before the measured time.
    pub(crate) accepted_warming_up: u64,
}

impl Figures {
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            latency_us: Histogram::new_with_bounds(1, LATENCY_MAX_US, 3)?,
            statuses: BTreeMap::new(),
            run: (202, 0),
            closed: 0,
            garbled: 0,
            connects_failed: 0,
            reconnects: 0,
            unsent: 0,
            unanswered: 0,
            sent_bytes: 0,
            received_bytes: 0,
            accepted_warming_up: 0,
        })
    }

    /// Counts an answer.
    pub(crate) fn answer(&mut self, status: u16, latency: Duration, bytes: usize) {
        self.latency_us
            .saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        self.received_bytes += bytes as u64;
        if self.run.0 != status {
            self.settle();
            self.run.0 = status;
        }
        self.run.1 += 1;
    }

    fn settle(&mut self) {
        if self.run.1 > 0 {
            *self.statuses.entry(self.run.0).or_default() += self.run.1;
            self.run.1 = 0;
        }
    }

    /// Answers 202 until now.
    pub(crate) fn accepted(&mut self) -> u64 {
        self.settle();
        self.statuses.get(&202).copied().unwrap_or(0)
    }

    /// Ends the run: `elapsed` is its measured time, and `accepted_in_time` were the answers within it.
    pub(crate) fn report(
        mut self,
        elapsed: Duration,
        accepted_in_time: u64,
        body_bytes_mean: usize,
    ) -> Report {
        let accepted = self.accepted();
        let answered = self.statuses.values().sum();
        let quantile = |quantile: f64| millis(self.latency_us.value_at_quantile(quantile));
        Report {
            seconds: elapsed.as_secs_f64(),
            body_bytes_mean,
            answered,
            accepted,
            accepted_with_warmup: accepted + self.accepted_warming_up,
            accepted_per_second: accepted_in_time as f64 / elapsed.as_secs_f64(),
            latency_ms: LatencyMillis {
                mean: self.latency_us.mean() / 1_000.0,
                p50: quantile(0.5),
                p90: quantile(0.9),
                p99: quantile(0.99),
                p999: quantile(0.999),
                max: millis(self.latency_us.max()),
            },
            statuses: self.statuses,
            errors: Errors {
                closed: self.closed,
                garbled: self.garbled,
                connects_failed: self.connects_failed,
                unsent: self.unsent,
                unanswered: self.unanswered,
            },
            reconnects: self.reconnects,
            sent_bytes: self.sent_bytes,
            received_bytes: self.received_bytes,
        }
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// A run's result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// Length of the measured part, without warm-up.
    pub(crate) seconds: f64,
    /// Mean length of the bodies that were sent.
    pub(crate) body_bytes_mean: usize,
    /// Answers of any status.
    pub(crate) answered: u64,
    /// Answers 202.
    pub(crate) accepted: u64,
    /// The same with those of the warm-up.
    pub(crate) accepted_with_warmup: u64,
    pub(crate) accepted_per_second: f64,
    pub(crate) latency_ms: LatencyMillis,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: Errors,
    /// Connections opened anew, because the server closed them or for an error.
    pub(crate) reconnects: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
}

/// Latency from the moment at which the request was due.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct LatencyMillis {
    pub(crate) mean: f64,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// Requests that got no answer.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Errors {
    /// The connection ended before the answer.
    pub(crate) closed: u64,
    /// The answer was not HTTP/1.1 with a `content-length`.
    pub(crate) garbled: u64,
    /// Tries to connect that failed.
    pub(crate) connects_failed: u64,
    /// Requests that were due (open loop) and that no connection was free for.
    pub(crate) unsent: u64,
    /// Requests without an answer when the run ended.
    pub(crate) unanswered: u64,
}

impl Report {
    /// True when every request was answered 202.
    pub(crate) fn is_clean(&self) -> bool {
        let Errors {
            closed,
            garbled,
            connects_failed,
            unsent,
            unanswered,
        } = self.errors;
        self.answered == self.accepted && closed + garbled + connects_failed + unsent + unanswered == 0
    }

    /// The result for people.
    pub(crate) fn table(&self) -> String {
        let latency = &self.latency_ms;
        let mut text = format!(
            "accepted      {:>12}   in {:.1} s, bodies of {} bytes on average\naccepted/s    {:>12.0}\n",
            self.accepted, self.seconds, self.body_bytes_mean, self.accepted_per_second
        );
        for (name, value) in [
            ("mean", latency.mean),
            ("p50", latency.p50),
            ("p90", latency.p90),
            ("p99", latency.p99),
            ("p99.9", latency.p999),
            ("max", latency.max),
        ] {
            text += &format!("{:<13} {value:>12.3}   ms\n", format!("latency {name}"));
        }
        text += &format!(
            "sent          {:>12.1}   MB\nreceived      {:>12.1}   MB\n",
            self.sent_bytes as f64 / 1e6,
            self.received_bytes as f64 / 1e6
        );
        for (status, count) in &self.statuses {
            text += &format!("status {status}    {count:>12}\n");
        }
        if !self.is_clean() {
            text += &format!("errors        {:?}\n", self.errors);
        }
        if self.reconnects > 0 {
            text += &format!("reconnects    {:>12}\n", self.reconnects);
        }
        text
    }
}
