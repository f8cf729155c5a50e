//! Posting with patience: a server that is busy says when to come again, and a beacon whose answer was lost
//! is posted again with the same event id.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::{Client, Response, StatusCode};

use super::DemoError;
use super::beacon::{Post, path};
use super::progress::Progress;
use crate::domain::beacon::Kind;

/// How often one beacon is posted before the demo gives up.
const TRIES_MAX: u32 = 10;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is asked whether the server knows the key.
const KEY_TRIES_MAX: u32 = 25;
/// Longest pause that a server's `Retry-After` can ask for.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// First pause after a try without an answer; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// Most of a refusal's body that is shown.
const ANSWER_CHARS_MAX: usize = 600;

/// What was posted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: BTreeMap<Kind, u64>,
    /// Times that the server asked to come again later.
    pub(super) pauses: u64,
    /// Tries without an answer.
    pub(super) lost: u64,
}

impl Counts {
    pub(super) fn plus(mut self, other: &Self) -> Self {
        for (kind, count) in &other.accepted {
            *self.accepted.entry(*kind).or_default() += count;
        }
        self.pauses += other.pauses;
        self.lost += other.lost;
        self
    }

    pub(super) fn beacons(&self) -> u64 {
        self.accepted.values().sum()
    }
}

/// A client of one server.
pub(super) struct Poster {
    client: Client,
    url: String,
    authorization: String,
}

impl Poster {
    pub(super) fn new(url: &str, key: &str) -> Result<Self, DemoError> {
        let client = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|source| DemoError::NoServer {
                url: url.to_owned(),
                source,
            })?;
        Ok(Self {
            client,
            url: url.to_owned(),
            authorization: format!("Bearer {key}"),
        })
    }

    /// Asks whether the server is alive, so that a wrong address is one clear error.
    pub(super) async fn find_server(&self) -> Result<(), DemoError> {
        let asked = self.client.get(format!("{}/livez", self.url)).send().await;
        asked.map(drop).map_err(|source| DemoError::NoServer {
            url: self.url.clone(),
            source,
        })
    }

    /// Waits until the server knows the key: it looks for new ones about once a second.
    pub(super) async fn wait_for_key(&self) -> Result<(), DemoError> {
        for _ in 0..KEY_TRIES_MAX {
            let asked = self
                .client
                .post(format!("{}{}?validate=1", self.url, path(Kind::Event)))
                .header(AUTHORIZATION, &self.authorization)
                .body("{}")
                .send()
                .await;
            match asked {
                Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED => {}
                _ => return Ok(()),
            }
            tokio::time::sleep(PAUSE_FIRST).await;
        }
        Err(DemoError::KeyRefused {
            url: self.url.clone(),
        })
    }

    /// Posts one visit's beacons, one after the other.
    pub(super) async fn post_visit(
        &self,
        visit: Vec<Post>,
        progress: &Progress,
    ) -> Result<Counts, DemoError> {
        let mut counts = Counts::default();
        for beacon in &visit {
            self.post(beacon, &mut counts).await?;
            progress.beacon();
        }
        progress.visit();
        Ok(counts)
    }

    async fn post(&self, beacon: &Post, counts: &mut Counts) -> Result<(), DemoError> {
        let body = beacon.body.to_string();
        let mut pause = PAUSE_FIRST;
        let mut reason = String::new();
        for _ in 0..TRIES_MAX {
            let sent = self
                .client
                .post(format!("{}{}", self.url, path(beacon.kind)))
                .header(AUTHORIZATION, &self.authorization)
                .header(CONTENT_TYPE, "application/json")
                .header(USER_AGENT, beacon.user_agent)
                .body(body.clone())
                .send()
                .await;
            match sent {
                Ok(answer) => match answer.status() {
                    StatusCode::ACCEPTED => {
                        // The body is read to its end, or the connection cannot be used again.
                        drop(answer.bytes().await);
                        *counts.accepted.entry(beacon.kind).or_default() += 1;
                        return Ok(());
                    }
                    StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                        counts.pauses += 1;
                        reason = format!("the server answers {}", answer.status());
                        pause = retry_after(&answer).unwrap_or(pause);
                    }
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        return Err(DemoError::KeyRefused {
                            url: self.url.clone(),
                        });
                    }
                    status => return Err(rejected(status, answer).await),
                },
                Err(error) => {
                    counts.lost += 1;
                    reason = error.to_string();
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Err(DemoError::GaveUp {
            tries: TRIES_MAX,
            reason,
        })
    }
}

async fn rejected(status: StatusCode, answer: Response) -> DemoError {
    let answer = answer.text().await.unwrap_or_default();
    DemoError::Rejected {
        status: status.as_u16(),
        answer: answer.chars().take(ANSWER_CHARS_MAX).collect(),
    }
}

/// The pause that the server asks for, in whole seconds as Fresnel sends it.
fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}
