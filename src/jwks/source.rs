//! One issuer's set, and how it came about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use serde::Serialize;
use uuid::Uuid;

use super::document::KeySet;
use crate::clock;

/// How the fetching of an issuer's keys stands, on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct JwksStatus {
    /// Ids of the keys that tokens are checked with; `null` for a key without one.
    pub key_ids: Vec<Option<String>>,
    /// When the set was fetched that is in use; none: never.
    pub fetched_at_ms: Option<i64>,
    /// When it was last tried.
    pub tried_at_ms: Option<i64>,
    /// What was wrong with the last try; none: nothing.
    pub last_error: Option<String>,
}

/// What is known; replaced as a whole.
#[derive(Debug, Default)]
struct View {
    keys: Arc<KeySet>,
    fetched_at_ms: Option<i64>,
    tried_at_ms: Option<i64>,
    last_error: Option<String>,
}

/// An issuer that serves a set.
#[derive(Debug)]
pub(super) struct Source {
    id: Uuid,
    url: String,
    view: ArcSwap<View>,
    is_wanted: AtomicBool,
}

impl Source {
    /// With the keys that were fetched at an earlier time, if there are any.
    pub(super) fn new(id: Uuid, url: String, known: Option<(KeySet, i64)>) -> Self {
        let (keys, fetched_at_ms) = known.map_or((None, None), |(keys, at_ms)| (Some(keys), Some(at_ms)));
        let view = View {
            keys: Arc::new(keys.unwrap_or_default()),
            fetched_at_ms,
            ..View::default()
        };
        Self {
            id,
            url,
            view: ArcSwap::from_pointee(view),
            is_wanted: AtomicBool::new(false),
        }
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn keys(&self) -> Arc<KeySet> {
        Arc::clone(&self.view.load().keys)
    }

    /// When the set was fetched; none when it never was.
    pub(super) fn fetched_at_ms(&self) -> Option<i64> {
        self.view.load().fetched_at_ms
    }

    pub(super) fn status(&self) -> JwksStatus {
        let view = self.view.load();
        JwksStatus {
            key_ids: view.keys.ids(),
            fetched_at_ms: view.fetched_at_ms,
            tried_at_ms: view.tried_at_ms,
            last_error: view.last_error.clone(),
        }
    }

    /// Asks for a fetch; true for the first who does so since the last one.
    pub(super) fn want(&self) -> bool {
        !self.is_wanted.load(Ordering::Relaxed) && !self.is_wanted.swap(true, Ordering::Relaxed)
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }

    /// A fetch begins: what is asked for from now on is for the next one.
    pub(super) fn begin(&self) {
        self.is_wanted.store(false, Ordering::Relaxed);
    }

    /// A set has come; true when it has other keys than the one before.
    pub(super) fn succeed(&self, keys: KeySet) -> bool {
        let now_ms = clock::now().as_millis();
        let is_new = *self.view.load().keys != keys;
        self.view.store(Arc::new(View {
            last_error: keys.complaint(),
            keys: Arc::new(keys),
            fetched_at_ms: Some(now_ms),
            tried_at_ms: Some(now_ms),
        }));
        is_new
    }

    /// None has come; the keys stay. True when the try before went well, or there was none.
    pub(super) fn fail(&self, error: String) -> bool {
        let view = self.view.load();
        let is_first = view.last_error.is_none();
        self.view.store(Arc::new(View {
            keys: Arc::clone(&view.keys),
            fetched_at_ms: view.fetched_at_ms,
            tried_at_ms: Some(clock::now().as_millis()),
            last_error: Some(error),
        }));
        is_first
    }
}
