//! The cache of answers, for those who start it and look after it.

use redis::RedisError;

use super::question::Shared;
use crate::cache::{Cache, CacheStatus};
use crate::config::{CacheConfig, RedisConfig};
use crate::memory::Pressure;

/// Answers to questions that are kept. Clones are the same.
#[derive(Clone)]
pub struct Answers(Cache<Shared>);

impl Answers {
    /// None yet; from now on they look after themselves.
    ///
    /// # Errors
    /// The address of Redis is none.
    pub fn start(config: &CacheConfig, redis: &RedisConfig, pressure: &Pressure) -> Result<Self, RedisError> {
        Ok(Self(Cache::start(config, redis, pressure)?))
    }

    /// Forgets all that is kept of a project: its control data has changed.
    pub fn forget_project(&self, project_id: &str) {
        self.0.forget_project(project_id);
    }

    /// How they do.
    #[must_use]
    pub fn status(&self) -> CacheStatus {
        self.0.status()
    }

    pub(in crate::api) const fn cache(&self) -> &Cache<Shared> {
        &self.0
    }
}
