//! User-Agents: what each says, and the ones that a worker remembers.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::device;
use super::rules::Rules;
use crate::domain::enrichment::{Client, Device};
use crate::ingest::bots::{Robot, Robots};

/// Longest User-Agent that is looked at; the rest of a longer one is left out.
const USER_AGENT_BYTES_MAX: usize = 512;

/// The commonest browsers, in today's form.
pub(super) const USUAL: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
];

/// What a User-Agent says.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) client: Arc<Client>,
    pub(super) robot: Option<Robot>,
}

/// Looks at User-Agents; shared by the workers.
#[derive(Debug)]
pub(super) struct Agents {
    rules: Rules,
    robots: Robots,
}

impl Agents {
    pub(super) fn new(rules: Rules, robots: Robots) -> Self {
        Self { rules, robots }
    }

    /// Takes microseconds, or milliseconds when a rule is compiled.
    pub(super) fn look(&self, user_agent: &str) -> Agent {
        let families = self.rules.families(user_agent);
        let robot = self.robots.robot_of(user_agent, families.device == "Spider");
        let device = match robot {
            Some(_) => Device::Bot,
            None => device::class_of(user_agent, &families),
        };
        let client = Client {
            browser: families.browser.into(),
            os: families.os.into(),
            device,
        };
        Agent {
            client: Arc::new(client),
            robot,
        }
    }
}

/// The part of a User-Agent that is looked at.
pub(super) fn cut(user_agent: &str) -> &str {
    &user_agent[..user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX)]
}

/// The User-Agents that one worker has met lately. Two generations: when the young one is full, it becomes the old
/// one, and what the old one had and nobody asked for is forgotten.
#[derive(Debug)]
pub(super) struct Known {
    young: HashMap<Box<str>, Agent, RandomState>,
    old: HashMap<Box<str>, Agent, RandomState>,
    generation_max: usize,
}

impl Known {
    /// Remembers at most so many.
    pub(super) fn new(user_agents_max: usize) -> Self {
        Self {
            young: HashMap::default(),
            old: HashMap::default(),
            generation_max: user_agents_max / 2,
        }
    }

    /// Remembers at most so many from now on.
    pub(super) fn resize(&mut self, user_agents_max: usize) {
        let generation_max = user_agents_max / 2;
        if generation_max == self.generation_max {
            return;
        }
        self.generation_max = generation_max;
        for generation in [&mut self.young, &mut self.old] {
            let mut left = generation_max;
            generation.retain(|_, _| {
                let stays = left > 0;
                left = left.saturating_sub(1);
                stays
            });
            generation.shrink_to_fit();
        }
    }

    pub(super) fn get(&mut self, user_agent: &str, agents: &Agents) -> Agent {
        if let Some(agent) = self.young.get(user_agent) {
            return agent.clone();
        }
        let (text, agent) = self
            .old
            .remove_entry(user_agent)
            .unwrap_or_else(|| (user_agent.into(), agents.look(user_agent)));
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, agent.clone());
        agent
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
