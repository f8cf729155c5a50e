//! Answers that are kept: what one sees of that, and who gets to see them.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::health::{scrape, sum};
use super::managing::{admin, call, key, project};
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, process};

/// A day that is over: a question about a day until now is another one when the minute changes between two tries.
const PATH: &str = "/api/analytics/performance/timeseries?type=page_load_time&interval=1h\
                    &from=2026-01-05T00:00:00Z&to=2026-01-06T00:00:00Z";

/// A server that keeps answers, as it does by default.
fn keeping() -> Fresnel {
    Fresnel::start(Options::new().set("FRESNEL_CACHE__ENABLED", true))
}

fn ask(server: &Fresnel, path: &str, token: &str, headers: &[(&str, &str)]) -> crate::harness::http::Answer {
    let request = Request::get(path).header("authorization", format!("Bearer {token}"));
    let request = headers
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value));
    server.send(&request)
}

fn meta(server: &Fresnel, path: &str) -> Value {
    ask(server, path, ADMIN_TOKEN, &[]).expect_status(200).json()["meta"].clone()
}

#[test]
fn the_second_answer_is_the_first_one_and_says_so() {
    let server = keeping();
    let first = server.get(PATH).expect_status(200).json();
    let second = server.get(PATH).expect_status(200).json();
    assert_eq!(first["data"], second["data"]);
    assert_eq!(
        (&first["meta"]["cache_hit"], &second["meta"]["cache_hit"]),
        (&false.into(), &true.into())
    );
    assert_eq!(first["meta"]["calculated_at"], second["meta"]["calculated_at"]);
    assert!(second["meta"]["age_ms"].is_u64(), "{second}");
    assert!(second["meta"]["degraded"].is_null(), "{second}");
    let hints = &second["meta"]["performance_hints"];
    assert!(hints["suggested_cache_duration"].as_u64() <= Some(600), "{hints}");
    assert_eq!(hints["resource_intensive"], false);

    // The same in another order, and with the defaults written out.
    let spelled = "/api/analytics/performance/timeseries?to=2026-01-06T00:00:00Z&interval=1h&timezone=UTC\
                   &from=2026-01-05T00:00:00Z&groups_max=10&type=page_load_time";
    assert_eq!(meta(&server, spelled)["cache_hit"], true);
    // Something else.
    assert_eq!(meta(&server, &format!("{PATH}&page=/x"))["cache_hit"], false);
    // A forced reload.
    let reloaded = ask(&server, PATH, ADMIN_TOKEN, &[("cache-control", "no-cache")]);
    assert_eq!(reloaded.expect_status(200).json()["meta"]["cache_hit"], false);
    // A faulty question is faulty each time.
    for _ in 0..2 {
        server.get(&format!("{PATH}&nonsense=1")).expect_status(400);
    }
}

#[test]
fn who_has_the_answer_is_told_that_it_still_holds() {
    let server = keeping();
    let first = server.get(PATH).expect_status(200);
    let tag = first.header("etag").expect("a tag").to_owned();
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let again = ask(&server, PATH, ADMIN_TOKEN, &[("if-none-match", &tag)]).expect_status(304);
    assert!(again.body.is_empty());
    assert_eq!(again.header("etag"), Some(&*tag));
    ask(&server, PATH, ADMIN_TOKEN, &[("if-none-match", "W/\"0\"")]).expect_status(200);
}

#[test]
fn nobody_gets_the_answer_of_another_project() {
    let server = keeping();
    let (one, other) = (project(&server, "one"), project(&server, "other"));
    let readers = [&one, &other].map(|project| {
        let body = json!({"name": "reader", "kind": "read"});
        key(&server, project, &body).1
    });
    // Each asks for its own project by its key alone: the same address.
    for reader in &readers {
        let first = ask(&server, PATH, reader, &[]).expect_status(200).json();
        assert_eq!(first["meta"]["cache_hit"], false, "{first}");
        let second = ask(&server, PATH, reader, &[]).expect_status(200).json();
        assert_eq!(second["meta"]["cache_hit"], true, "{second}");
    }
    // A kept answer is no way around who may look.
    ask(&server, &format!("{PATH}&project={one}"), &readers[1], &[]).expect_status(404);
    server.send(&Request::get(PATH)).expect_status(401);
}

#[test]
fn a_change_of_the_projects_control_data_makes_its_answers_be_forgotten_and_no_others() {
    let server = keeping();
    let (one, other) = (project(&server, "one"), project(&server, "other"));
    let of = |project: &str| format!("{PATH}&project={project}");
    for project in [&one, &other] {
        // A new project is given its rules by itself, which is a change too.
        wait::until("the first rules", PATIENCE, || {
            let rules = server.get(&format!("/api/rules?project={project}")).json();
            (rules["data"]["total"] != 0).then_some(())
        });
        assert_eq!(meta(&server, &of(project))["cache_hit"], false);
        assert_eq!(meta(&server, &of(project))["cache_hit"], true);
    }
    let deploy = json!({"release": "2026.11.22"});
    admin(&server, "POST", &format!("/api/deploys?project={one}"), &deploy);
    assert_eq!(meta(&server, &of(&one))["cache_hit"], false);
    assert_eq!(meta(&server, &of(&other))["cache_hit"], true);
}

#[test]
fn admins_see_forget_and_fetch_what_is_kept_of_their_own_project() {
    let server = keeping();
    let (one, other) = (project(&server, "one"), project(&server, "other"));
    let managers = [&one, &other].map(|project| {
        let body = json!({"name": "ci", "kind": "server", "scopes": ["manage"]});
        key(&server, project, &body).1
    });
    let warm = |manager: &str, paths: Value| {
        let answer = call(
            &server,
            manager,
            "POST",
            "/api/cache/warm",
            &json!({"paths": paths}),
        );
        let items = answer.expect_status(200).json()["data"]["items"].clone();
        let items = items.as_array().expect("a list").clone();
        items
            .iter()
            .map(|item| item["outcome"].as_str().expect("an outcome").to_owned())
            .collect::<Vec<_>>()
    };
    let paths = json!([
        PATH,
        "/api/analytics/funnel",
        format!("{PATH}&project={other}"),
        "/api/keys",
        format!("{PATH}&x=1")
    ]);
    assert_eq!(
        warm(&managers[0], paths),
        ["new", "new", "failed", "failed", "failed"]
    );
    assert_eq!(warm(&managers[0], json!([PATH])), ["kept"]);
    assert_eq!(
        warm(&managers[1], json!([PATH])),
        ["new"],
        "the same path, another project"
    );
    let long = json!({"paths": vec![PATH; 21]});
    let refused = call(&server, &managers[0], "POST", "/api/cache/warm", &long).expect_status(422);
    assert_eq!(refused.details(), [("paths".to_owned(), "too_long".to_owned())]);

    let list = |manager: &str, query: &str| {
        let path = format!("/api/cache{query}");
        let page = call(&server, manager, "GET", &path, &Value::Null)
            .expect_status(200)
            .json();
        let items = page["data"]["items"].as_array().expect("a page").clone();
        items
            .iter()
            .map(|item| item["key"].as_str().expect("a key").to_owned())
            .collect::<Vec<_>>()
    };
    let keys = list(&managers[0], "");
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys[0].starts_with(&format!("{one}/funnel/")), "{keys:?}");
    assert!(keys[1].starts_with(&format!("{one}/timeseries/")), "{keys:?}");
    assert_eq!(list(&managers[0], &format!("?prefix={one}/time")), keys[1..]);
    for foreign in [format!("?prefix={other}"), format!("?prefix={other}/timeseries")] {
        assert_eq!(list(&managers[0], &foreign), [""; 0]);
    }
    // An instance's owner sees all of them.
    assert!(list(ADMIN_TOKEN, "").len() >= 3);
    assert_eq!(list(ADMIN_TOKEN, &format!("?project={other}")).len(), 1);

    let forget = |manager: &str, query: &str| {
        let path = format!("/api/cache{query}");
        let answer = call(&server, manager, "DELETE", &path, &Value::Null);
        answer.expect_status(200).json()["data"]["removed"].clone()
    };
    assert_eq!(forget(&managers[0], &format!("?prefix={other}/")), 0);
    assert_eq!(forget(&managers[0], &format!("?prefix={one}/timeseries")), 1);
    assert_eq!(list(&managers[0], ""), keys[..1]);
    assert_eq!(warm(&managers[0], json!([PATH])), ["new"]);
    assert_eq!(forget(&managers[0], ""), 2, "all of the own project");
    assert_eq!(list(&managers[1], "").len(), 1, "and none of another");
}

#[test]
fn health_and_metrics_tell_how_the_cache_and_the_breaker_stand() {
    let server = keeping();
    for _ in 0..4 {
        server.get(PATH).expect_status(200);
    }
    let health = server.get("/api/health").json()["data"].clone();
    let cache = &health["cache"];
    assert_eq!(
        (&cache["lookups"], &cache["hits"]),
        (&json!(4), &json!(3)),
        "{cache}"
    );
    assert_eq!(
        (&cache["entries"], &cache["hit_rate"]),
        (&json!(1), &json!(0.75)),
        "{cache}"
    );
    assert_eq!(health["warehouse"]["breaker"]["state"], "closed", "{health}");
    assert!(health["warehouse"]["slow_queries"].is_array(), "{health}");
    let samples = scrape(&server);
    assert_eq!(
        sum(&samples, "fresnel_cache_lookups_total", &[("outcome", "hit")]),
        3.0
    );
    assert_eq!(sum(&samples, "fresnel_cache_entries", &[]), 1.0);
    assert_eq!(sum(&samples, "fresnel_warehouse_breaker", &[]), 0.0);
}

#[test]
fn a_warehouse_that_keeps_failing_is_left_alone_and_what_is_not_kept_is_a_miss() {
    let options = Options::new()
        .set("FRESNEL_CACHE__ENABLED", true)
        .set("FRESNEL_CACHE__LIVE_TTL_MS", 0)
        .set("FRESNEL_WAREHOUSE__QUERY_TIMEOUT_MS", 500)
        .set("FRESNEL_BREAKER__FAILURES_MAX", 2)
        .set("FRESNEL_BREAKER__OPEN_MS", 3_600_000);
    let server = Fresnel::start(options);
    let kept = "/api/analytics/performance/timeseries?type=page_load_time&interval=1m&to=2099-01-01&from=2098-12-31T23:00";
    // The first answer of a new engine may take longer than that.
    wait::until("an answer", PATIENCE, || {
        (server.get(kept).status == 200).then_some(())
    });
    let engine = server.engine_pid().expect("an engine");
    assert!(process::signal(engine, Signal::STOP));
    wait::until("the breaker's opening", PATIENCE, || {
        let answer = server.get(&format!("{PATH}&page=/{}", rand::random::<u64>()));
        if answer.status == 200 {
            // The signal is on its way: threads that run stop a moment later.
            return None;
        }
        let body = answer.json();
        assert_eq!(body["meta"]["retry_suggested"], true, "{body}");
        assert!(answer.header("retry-after").is_some(), "{body}");
        match (answer.status, answer.code().as_str()) {
            (504, "PERFORMANCE_TIMEOUT") | (503, "WAREHOUSE_UNAVAILABLE") => None,
            (503, "CACHE_MISS") => Some(()),
            other => panic!("{other:?} {body}"),
        }
    });
    let health = server.get("/api/health").json()["data"].clone();
    assert_eq!(health["warehouse"]["breaker"]["state"], "open", "{health}");
    // What is kept is given, and said to be old.
    let answer = server.get(kept).expect_status(200).json();
    assert_eq!(answer["meta"]["degraded"], true, "{answer}");
    assert_eq!(answer["meta"]["cache_hit"], true, "{answer}");
    // Who wants a new one is told that there is none, with the old one.
    let refused = ask(&server, kept, ADMIN_TOKEN, &[("cache-control", "no-cache")]).expect_status(503);
    assert_eq!(refused.code(), "CACHE_MISS");
    assert_eq!(refused.json()["fallback_data"], answer["data"]);
    // Beacons do not notice.
    server
        .post(Kind::Metric.path(), Kind::Metric.sample().to_string())
        .expect_status(202);
    process::signal(engine, Signal::CONT);
}
