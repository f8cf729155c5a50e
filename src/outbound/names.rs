//! Names into addresses.

use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::task;

/// Look-ups at once. The system's own takes a thread each, for as long as a server of names does not answer.
const LOOKUPS_MAX: usize = 8;

/// Who turns names into addresses. What it answers is checked by the caller, each time.
pub(super) trait Names: Debug + Send + Sync {
    /// The addresses of a name, the ones to try first in front.
    fn look_up(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// As the system does it: `/etc/hosts`, DNS, and whatever else is set up.
#[derive(Debug)]
pub(super) struct SystemNames {
    permits: Arc<Semaphore>,
}

impl SystemNames {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }
}

impl Names for SystemNames {
    fn look_up(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (permits, name) = (Arc::clone(&self.permits), name.to_owned());
        async move {
            let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = move || {
                // Held by the thread: whoever has stopped waiting does not make room for a further one.
                let _permit = permit;
                let found = (name.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address| address.ip()).collect())
            };
            task::blocking(look_up).await.map_err(io::Error::other)?
        }
        .boxed()
    }
}
