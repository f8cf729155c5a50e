//! Whose call is next where a vendor's limit lets no more through: by priority, then first come, first served.

use std::collections::BTreeSet;

use super::message::Priority;
use super::window::Window;
use crate::domain::integration::RateLimit;

/// Calls that wait for one vendor.
const WAITING_MAX: usize = 10_000;

/// A call's place in the line; none before it has asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    priority: Priority,
    number: u64,
}

/// What a call is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is let through.
    Now,
    /// It stands in the line, and is to ask again after so many milliseconds, at least 1.
    In(Ticket, u64),
    /// The line is too long.
    Never,
}

/// The line before a vendor. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Default)]
pub(super) struct Turns {
    window: Window,
    waiting: BTreeSet<Ticket>,
    last_number: u64,
}

impl Turns {
    /// Lets a call through whose turn it is. `ticket` is what it was given when it asked before.
    pub(super) fn ask(
        &mut self,
        limit: RateLimit,
        priority: Priority,
        ticket: Option<Ticket>,
        now_ms: u64,
    ) -> Turn {
        let ticket = ticket.unwrap_or_else(|| {
            self.last_number += 1;
            Ticket {
                priority,
                number: self.last_number,
            }
        });
        let before = self.waiting.range(..ticket).count();
        match self.window.free_in(limit, before, now_ms) {
            0 => {
                self.waiting.remove(&ticket);
                self.window.take(now_ms);
                Turn::Now
            }
            _ if self.waiting.len() >= WAITING_MAX && !self.waiting.contains(&ticket) => Turn::Never,
            wait_ms => {
                self.waiting.insert(ticket);
                Turn::In(ticket, wait_ms)
            }
        }
    }

    /// Lets a call of our own through, if nobody's is waiting.
    pub(super) fn ask_behind_all(&mut self, limit: RateLimit, now_ms: u64) -> bool {
        let is_free = self.waiting.is_empty() && self.window.free_in(limit, 0, now_ms) == 0;
        if is_free {
            self.window.take(now_ms);
        }
        is_free
    }

    /// A call waits no longer.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.waiting.remove(&ticket);
    }

    /// Calls that were let through within the last window.
    pub(super) fn used(&mut self, limit: RateLimit, now_ms: u64) -> u32 {
        self.window.used(limit, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit {
        calls: 1,
        window_s: 1,
    };

    #[test]
    fn who_is_in_a_hurry_goes_first_and_equals_go_as_they_came() {
        let mut turns = Turns::default();
        assert_eq!(turns.ask(LIMIT, Priority::Low, None, 0), Turn::Now);
        let asked = [Priority::Low, Priority::Normal, Priority::Normal, Priority::High];
        let tickets = asked.map(|priority| match turns.ask(LIMIT, priority, None, 10) {
            Turn::In(ticket, wait_ms) => {
                assert!(wait_ms >= 990);
                ticket
            }
            turn => panic!("{turn:?}"),
        });
        assert!(!turns.ask_behind_all(LIMIT, 1_000), "those that wait go before");
        let mut now_ms = 1_000;
        let mut through = Vec::new();
        while through.len() < tickets.len() {
            for (place, ticket) in tickets.iter().enumerate() {
                if !through.contains(&place)
                    && turns.ask(LIMIT, asked[place], Some(*ticket), now_ms) == Turn::Now
                {
                    through.push(place);
                }
            }
            now_ms += 100;
        }
        assert_eq!(through, [3, 1, 2, 0]);
    }

    #[test]
    fn who_leaves_lets_others_go_and_a_line_has_an_end() {
        let mut turns = Turns::default();
        assert_eq!(turns.ask(LIMIT, Priority::Normal, None, 0), Turn::Now);
        let Turn::In(first, _) = turns.ask(LIMIT, Priority::High, None, 0) else {
            panic!("there is no room");
        };
        let Turn::In(second, wait_ms) = turns.ask(LIMIT, Priority::Normal, None, 0) else {
            panic!("there is no room");
        };
        assert_eq!(wait_ms, 2_000, "one goes before");
        turns.leave(first);
        assert_eq!(turns.ask(LIMIT, Priority::Normal, Some(second), 1_000), Turn::Now);
        for _ in 0..WAITING_MAX {
            assert!(matches!(
                turns.ask(LIMIT, Priority::Normal, None, 1_000),
                Turn::In(..)
            ));
        }
        assert_eq!(turns.ask(LIMIT, Priority::High, None, 1_000), Turn::Never);
    }
}
