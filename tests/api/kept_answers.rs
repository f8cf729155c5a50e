//! Answers that are kept: what one sees of that, and who gets to see them.

use serde_json::{Value, json};

use super::managing::{key, project};
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options};

const PATH: &str = "/api/analytics/performance/timeseries?type=page_load_time&interval=1h";

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
    assert!(hints["suggested_cache_duration"].as_u64() <= Some(30), "{hints}");
    assert_eq!(hints["resource_intensive"], false);

    // The same in another order, and with the defaults written out.
    let spelled =
        "/api/analytics/performance/timeseries?interval=1h&timezone=UTC&groups_max=10&type=page_load_time";
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
