//! What the server adds to a beacon: browser, operating system and class of the device by the User-Agent, the country
//! by a local database, and a visitor's id that lasts a day.
//!
//! ```text
//! User-Agent ─► cache of this worker ─► Client, Robot       (a look-up; once for each User-Agent: the rules)
//! address    ─► country database     ─► Country             (the address goes no further)
//! project, address, User-Agent ─► keyed hash, key of the day ─► visitor id     (not with `Sec-GPC: 1`)
//! ```
//!
//! - **Rules** are ua-parser's `regexes.yaml`. All of its 1,175 expressions compiled take 55 MB and 200 ms, and a
//!   service meets a few dozen in its life: so they are read at the start and compiled when a User-Agent first may
//!   need one ([`rules`]). Without the file, families are empty, and the start says so.
//! - **The address is never stored**, nor is anything that leads back to it once the day's key is gone.
//! - **Nothing grows with what clients send**: the cache has a limit on User-Agents and on their length.

mod agents;
mod country;
mod device;
mod needs;
mod rules;
mod rules_file;
mod salt;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use crate::config::{BotsConfig, EnrichConfig};
use crate::domain::enrichment::Enrichment;
use crate::memory::Pressure;
use agents::{Agents, Known};
use country::Countries;
use salt::VisitorSalt;

use super::bots::{Robot, Robots};

/// Who sent a request, as the request says.
#[derive(Clone, Copy, Debug)]
pub struct Visitor<'a> {
    /// The `User-Agent` header; empty when there is none.
    pub user_agent: &'a str,
    /// The client's address, behind proxies that are trusted.
    pub address: Option<IpAddr>,
    /// True with `Sec-GPC: 1`: no visitor id.
    pub asks_privacy: bool,
}

/// What all workers share.
#[derive(Clone, Debug)]
pub struct Enricher {
    shared: Arc<Shared>,
    pressure: Pressure,
}

#[derive(Debug)]
struct Shared {
    agents: Agents,
    user_agents_max: usize,
    countries: Countries,
    salt: VisitorSalt,
}

impl Enricher {
    /// Reads the rules, the country database and the day's key, which is kept in `recall_dir`. What cannot be read is
    /// told in the log and left out; a key that cannot be kept is a new one after the next start.
    #[must_use]
    pub fn open(config: &EnrichConfig, bots: &BotsConfig, recall_dir: &Path, now_ms: i64) -> Self {
        let salt = VisitorSalt::open(recall_dir, now_ms).unwrap_or_else(|error| {
            // A full disk must not keep the service from starting.
            tracing::error!(%error, "the day's key of visitors cannot be kept; after a restart visitors are new ones");
            VisitorSalt::unkept(recall_dir, now_ms)
        });
        let shared = Arc::new(Shared {
            agents: Agents::new(rules_file::load(&config.user_agents_file), Robots::new(bots)),
            user_agents_max: config.user_agents_max,
            countries: Countries::open(&config.country_db_file),
            salt,
        });
        Self {
            shared,
            pressure: Pressure::none(),
        }
    }

    /// The same, which remembers half as many User-Agents while memory is short.
    #[must_use]
    pub fn heeding(self, pressure: Pressure) -> Self {
        Self { pressure, ..self }
    }

    /// What is due now and then, once a minute: a new key at midnight, and on disk; a country database that has
    /// changed. Reads and writes files.
    ///
    /// # Errors
    /// The key's file cannot be written; it is tried again the next time.
    pub fn maintain(&self, now_ms: i64) -> io::Result<()> {
        self.shared.countries.refresh();
        self.shared.salt.keep(now_ms)
    }

    /// Meets the usual User-Agents, so that their rules are compiled before the first visitor comes. Takes some
    /// 10 ms of one core.
    pub fn warm_up(&self) {
        for user_agent in agents::USUAL {
            self.shared.agents.look(user_agent);
        }
    }

    /// A worker's way to it.
    #[must_use]
    pub fn local(&self) -> LocalEnricher {
        LocalEnricher {
            known: RefCell::new(Known::new(self.shared.user_agents_max)),
            enricher: self.clone(),
        }
    }
}

/// One worker's enricher, with the User-Agents that it has met.
#[derive(Debug)]
pub struct LocalEnricher {
    enricher: Enricher,
    known: RefCell<Known>,
}

impl LocalEnricher {
    /// What is added to the beacons of one request, and the robot that sent them.
    #[must_use]
    pub fn look(&self, project_id: &str, visitor: &Visitor<'_>, now_ms: i64) -> (Enrichment, Option<Robot>) {
        let Enricher { shared, pressure } = &self.enricher;
        let user_agent = agents::cut(visitor.user_agent);
        let mut known = self.known.borrow_mut();
        known.resize(pressure.capacity(shared.user_agents_max));
        let agent = known.get(user_agent, &shared.agents);
        drop(known);
        let visitor_id = match visitor.address {
            Some(address) if !visitor.asks_privacy => {
                Some(shared.salt.visitor_id(project_id, address, user_agent, now_ms))
            }
            _ => None,
        };
        let enrichment = Enrichment {
            client: agent.client,
            country: visitor
                .address
                .map(|address| shared.countries.of(address))
                .unwrap_or_default(),
            visitor_id,
        };
        (enrichment, agent.robot)
    }
}
