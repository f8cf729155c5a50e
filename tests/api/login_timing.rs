//! What the time of an answer tells somebody who tries to log in: nothing.
//!
//! Tries of two sorts take turns, so that whatever else the machine does meets both alike, and their medians are
//! compared with each other, never with a clock.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::managing::{PASSWORD, TestUser, admin};
use crate::harness::http::{Answer, Request};
use crate::harness::process::say;
use crate::harness::{Fresnel, Options};

/// Tries of each sort.
const ROUNDS: usize = 40;
/// Tries for one user before it is locked.
const TRIES_OF_A_USER: usize = 10;

fn start() -> Fresnel {
    Fresnel::start_unready(Options::new().set("FRESNEL_SERVER__TRUSTED_PROXIES", 1))
}

/// Tries to log in, each time from another network.
fn log_in(server: &Fresnel, email: &str, password: &str) -> (Answer, Duration) {
    let network: u32 = rand::random();
    let [a, b, c, d] = network.to_be_bytes();
    let body = json!({"email": email, "password": password}).to_string();
    let request = Request::post("/api/session", body)
        .header("content-type", "application/json")
        .header("x-forwarded-for", format!("{a}.{b}.{c}.{d}"));
    let start = Instant::now();
    let answer = server.send(&request);
    (answer, start.elapsed())
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// What a client sees but for the time: status, headers, and the answer without its id and timestamp (whose length
/// differs, so that of the answer does).
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Value) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "date" && name != "content-length");
    headers.sort_unstable();
    let mut body = answer.json();
    body["meta"] = Value::Null;
    (answer.status, headers, body)
}

#[track_caller]
fn assert_alike(sorts: &[(&str, Vec<Duration>)]) {
    let (_, reference) = &sorts[0];
    let reference = median(reference.clone());
    for (name, times) in sorts {
        let ratio = median(times.clone()) / reference;
        say(&format!("    {name}: {ratio:.2} times as long as the first"));
        assert!((0.5..=2.0).contains(&ratio), "{name}: {ratio}");
    }
}

#[test]
fn unknown_users_wrong_passwords_and_users_without_one_are_alike() {
    let server = start();
    let users: Vec<_> = (0..ROUNDS.div_ceil(TRIES_OF_A_USER))
        .map(|_| TestUser::new(&server))
        .collect();
    let disabled: Vec<_> = (0..ROUNDS.div_ceil(TRIES_OF_A_USER))
        .map(|_| TestUser::new(&server))
        .collect();
    for user in &users {
        let body = json!({"email": format!("without-{}", user.email), "name": "x"});
        admin(&server, "POST", "/api/users", &body);
    }
    for user in &disabled {
        admin(
            &server,
            "DELETE",
            &format!("/api/users/{}", user.id),
            &Value::Null,
        );
    }
    let mut sorts = [
        ("wrong password", Vec::new()),
        ("unknown user", Vec::new()),
        ("no password", Vec::new()),
        ("disabled", Vec::new()),
    ];
    let mut answers = Vec::new();
    for round in 0..ROUNDS {
        let user = &users[round / TRIES_OF_A_USER];
        let tries = [
            (user.email.clone(), "another password"),
            (format!("nobody-{round}-{}", user.email), PASSWORD),
            (format!("without-{}", user.email), PASSWORD),
            (disabled[round / TRIES_OF_A_USER].email.clone(), PASSWORD),
        ];
        for ((_, times), (email, password)) in sorts.iter_mut().zip(tries) {
            let (answer, time) = log_in(&server, &email, password);
            times.push(time);
            answers.push(seen(&answer.expect_status(401)));
        }
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "one answer for all"
    );
    assert_alike(&sorts);
}

#[test]
fn a_locked_user_and_a_locked_nobody_are_alike_and_the_right_password_is_as_wrong_as_any() {
    let server = start();
    let user = TestUser::new(&server);
    let nobody = format!("nobody-{}", user.email);
    for _ in 0..TRIES_OF_A_USER {
        for email in [&user.email, &nobody] {
            log_in(&server, email, "wrong password").0.expect_status(401);
        }
    }
    let mut sorts = [
        ("right password", Vec::new()),
        ("wrong password", Vec::new()),
        ("nobody", Vec::new()),
    ];
    for _ in 0..ROUNDS {
        let tries = [
            (&user.email, PASSWORD),
            (&user.email, "wrong password"),
            (&nobody, PASSWORD),
        ];
        for ((_, times), (email, password)) in sorts.iter_mut().zip(tries) {
            let (answer, time) = log_in(&server, email, password);
            times.push(time);
            assert_eq!(answer.expect_status(429).code(), "TOO_MANY_LOGINS");
        }
    }
    assert_alike(&sorts);
}

#[test]
fn many_logins_at_once_are_all_answered_and_none_gets_in() {
    let server = start();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..150)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    log_in(server, &format!("nobody-{number}@example.org"), "wrong password").0
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| {
                let answer = worker.join().expect("a thread");
                if answer.status == 503 {
                    assert_eq!(answer.code(), "TOO_MANY_PASSWORDS");
                    assert!(answer.header("retry-after").is_some());
                }
                answer.status
            })
            .collect()
    });
    assert!(
        statuses.iter().all(|status| matches!(status, 401 | 503)),
        "{statuses:?}"
    );
    assert!(statuses.contains(&401));
}
