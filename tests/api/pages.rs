//! `GET /`, `/assets/{file}`, `/fresnel.js`: the dashboard and the browser SDK.

use crate::harness::Fresnel;
use crate::harness::http::{Answer, Request};

fn page(server: &Fresnel, address: &str) -> Answer {
    let request = Request::get(address).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
    server.send(&request)
}

/// Where a script of the dashboard is.
fn script(server: &Fresnel) -> String {
    let text = page(server, "/").expect_status(200).text();
    let start = text.find("src=\"/assets/").expect("a script") + "src=\"".len();
    let end = text[start..].find('"').expect("its end");
    text[start..start + end].to_owned()
}

#[test]
fn a_browser_gets_the_dashboard_at_each_of_its_pages_and_a_program_gets_404() {
    let server = Fresnel::shared();
    let index = page(&server, "/").expect_status(200).text();
    assert!(index.contains("<div id=\"root\">"));
    assert_eq!(page(&server, "/performance").expect_status(200).text(), index);
    server.send(&Request::get("/performance")).expect_status(404);
    page(&server, "/api/nothing").expect_status(404);
    page(&server, "/assets/nothing.js").expect_status(404);
    server
        .send(&Request::post("/performance", b"{}".to_vec()))
        .expect_status(404);
}

#[test]
fn the_page_may_load_only_what_is_its_own() {
    let server = Fresnel::shared();
    let answer = page(&server, "/").expect_status(200);
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn a_file_is_packed_for_those_who_unpack_and_is_not_sent_again_to_those_who_have_it() {
    let server = Fresnel::shared();
    let script = script(&server);
    let plain = server.send(&Request::get(&script)).expect_status(200);
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(
        plain.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    let asking = |coding| Request::get(&script).header("accept-encoding", coding);
    for (accepted, coding) in [("gzip, br", "br"), ("gzip", "gzip")] {
        let packed = server.send(&asking(accepted)).expect_status(200);
        assert_eq!(packed.header("content-encoding"), Some(coding));
        assert_eq!(packed.header("vary"), Some("Accept-Encoding"));
        assert!(packed.body.len() < plain.body.len() / 2);
        let tag = packed.header("etag").expect("a tag").to_owned();
        assert_ne!(Some(tag.as_str()), plain.header("etag"));
        let again = server
            .send(&asking(accepted).header("if-none-match", &tag))
            .expect_status(304);
        assert!(again.body.is_empty());
    }
}

#[test]
fn pages_of_other_origins_load_the_sdk() {
    let server = Fresnel::shared();
    let answer = server.send(&Request::get("/fresnel.js")).expect_status(200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(
        answer.header("cross-origin-resource-policy"),
        Some("cross-origin")
    );
    assert_eq!(
        answer.header("cache-control"),
        Some("public, max-age=3600, stale-while-revalidate=86400")
    );
}
