//! Tells the peers what has become of claims, behind the answers to clients.

use metrics::{Counter, counter};
use redis::aio::ConnectionManager;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{STORED, STORED_S, SharedId};
use crate::metric_definitions::PEERS_UNTOLD;
use crate::task;

/// News that may wait; each is about one request.
const NEWS_MAX: usize = 16_384;
/// News that are told at once.
const AT_ONCE_MAX: usize = 512;

/// What has become of claims.
#[derive(Debug)]
pub(super) enum News {
    Stored(Vec<SharedId>),
    Released(Vec<SharedId>),
}

impl News {
    fn ids(&self) -> &[SharedId] {
        match self {
            Self::Stored(ids) | Self::Released(ids) => ids,
        }
    }
}

/// The way to the task that tells.
#[derive(Debug)]
pub(super) struct Teller {
    news: Sender<News>,
    untold: Counter,
}

impl Teller {
    pub(super) fn start(connection: ConnectionManager) -> Self {
        let (news, waiting) = mpsc::channel(NEWS_MAX);
        let untold = counter!(PEERS_UNTOLD);
        let _detached = task::spawn("peers", tell_all(connection, waiting, untold.clone()));
        Self { news, untold }
    }

    pub(super) fn tell(&self, news: News) {
        if let Err(refused) = self.news.try_send(news) {
            self.untold.increment(refused.into_inner().ids().len() as u64);
        }
    }
}

/// Ends with the last who could tell something.
async fn tell_all(mut connection: ConnectionManager, mut waiting: Receiver<News>, untold: Counter) {
    let mut some = Vec::new();
    while waiting.recv_many(&mut some, AT_ONCE_MAX).await > 0 {
        let mut commands = redis::pipe();
        let mut ids = 0;
        for news in some.drain(..) {
            ids += news.ids().len();
            for id in news.ids() {
                let key = id.key();
                match news {
                    News::Stored(_) => {
                        commands
                            .cmd("SET")
                            .arg(&key[..])
                            .arg(STORED)
                            .arg("EX")
                            .arg(STORED_S);
                    }
                    News::Released(_) => {
                        commands.cmd("DEL").arg(&key[..]);
                    }
                }
            }
        }
        // Not told again: whoever asks too early is asked to come again, until the claim ends.
        if commands.exec_async(&mut connection).await.is_err() {
            untold.increment(ids as u64);
        }
    }
}
