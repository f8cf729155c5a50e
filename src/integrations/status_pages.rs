//! What vendors themselves say about how they do, on pages as Statuspage has them:
//! `{"status": {"indicator": "none", "description": "All Systems Operational"}}`.
//!
//! Answers are kept for some minutes, also that there is none: a vendor whose page hangs costs one short wait, once in a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};

use crate::outbound::{Call, Outbound};

/// How long an answer holds, and how long that there was none.
const HOLDS: Duration = Duration::from_secs(300);
const MISS_HOLDS: Duration = Duration::from_secs(60);
/// How long anybody waits for pages.
const WAIT_MAX: Duration = Duration::from_millis(600);
/// Pages that are asked at once.
const AT_ONCE: usize = 64;
/// Pages that are kept; beyond it those that no longer hold are forgotten, or else nothing more is kept.
const KEPT_MAX: usize = 2_000;
const ANSWER_BYTES_MAX: usize = 64 * 1_024;
const TEXT_CHARS_MAX: usize = 200;

/// What a vendor says about how it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ExternalStatus {
    /// `none` when all is well, `minor`, `major`, `critical` or `maintenance`; null when nobody knows.
    pub indicator: Option<String>,
    /// In its words.
    pub description: Option<String>,
}

const UNKNOWN: ExternalStatus = ExternalStatus {
    indicator: None,
    description: None,
};

#[derive(Deserialize)]
struct Page {
    status: Indicator,
}

#[derive(Deserialize)]
struct Indicator {
    indicator: String,
    #[serde(default)]
    description: String,
}

#[derive(Debug)]
struct Kept {
    status: Option<ExternalStatus>,
    at: Instant,
}

impl Kept {
    fn holds(&self) -> bool {
        let length = if self.status.is_some() { HOLDS } else { MISS_HOLDS };
        self.at.elapsed() < length
    }
}

/// See the file's comment.
#[derive(Debug, Default)]
pub(super) struct StatusPages {
    // Held for a few instructions.
    kept: Mutex<HashMap<String, Kept>>,
}

impl StatusPages {
    /// What these pages say. Those that are not kept are asked side by side; whoever has not answered in time says nothing.
    pub(super) async fn all<'u>(
        &self,
        outbound: &Outbound,
        urls: impl IntoIterator<Item = &'u str>,
    ) -> HashMap<String, ExternalStatus> {
        let mut found = HashMap::new();
        let mut wanted: Vec<&str> = Vec::new();
        {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            for url in urls {
                match kept.get(url).filter(|kept| kept.holds()) {
                    Some(kept) => {
                        found.insert(url.to_owned(), kept.status.clone().unwrap_or(UNKNOWN));
                    }
                    None if !wanted.contains(&url) => wanted.push(url),
                    None => {}
                }
            }
        }
        let deadline = tokio::time::Instant::now() + WAIT_MAX;
        let mut asked = stream::iter(
            wanted
                .iter()
                .map(|url| async move { (*url, ask(outbound, url).await) }),
        )
        .buffer_unordered(AT_ONCE);
        while let Ok(Some((url, status))) = tokio::time::timeout_at(deadline, asked.next()).await {
            self.keep(url, status.clone());
            found.insert(url.to_owned(), status.unwrap_or(UNKNOWN));
        }
        drop(asked);
        for url in wanted {
            if !found.contains_key(url) {
                self.keep(url, None);
                found.insert(url.to_owned(), UNKNOWN);
            }
        }
        found
    }

    fn keep(&self, url: &str, status: Option<ExternalStatus>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX && !kept.contains_key(url) {
            kept.retain(|_, one| one.holds());
            if kept.len() >= KEPT_MAX {
                return;
            }
        }
        let at = Instant::now();
        kept.insert(url.to_owned(), Kept { status, at });
    }
}

async fn ask(outbound: &Outbound, url: &str) -> Option<ExternalStatus> {
    let call = Call {
        purpose: "status_page",
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        answer_bytes_max: ANSWER_BYTES_MAX,
        timeout: WAIT_MAX,
    };
    let answer = outbound.call(call).await.ok()?;
    let page: Page = serde_json::from_slice(&answer.body).ok()?;
    let cut = |text: String| text.chars().take(TEXT_CHARS_MAX).collect();
    answer.status.is_success().then(|| ExternalStatus {
        indicator: Some(cut(page.status.indicator)),
        description: Some(cut(page.status.description)),
    })
}
