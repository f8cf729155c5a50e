//! Calls of management, and projects for one test each.

use serde_json::Value;

use crate::harness::Fresnel;
use crate::harness::beacons::Kind;
use crate::harness::http::{Answer, Request};
use crate::harness::server::ADMIN_TOKEN;

/// A call with a key and, but for `null`, a JSON body.
pub(crate) fn call(server: &Fresnel, key: &str, method: &str, path: &str, body: &Value) -> Answer {
    let mut request = Request::new(method, path).header("authorization", format!("Bearer {key}"));
    if !body.is_null() {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    server.send(&request)
}

/// A call as the instance's owner that must go well; gives the answer's data.
#[track_caller]
pub(crate) fn admin(server: &Fresnel, method: &str, path: &str, body: &Value) -> Value {
    let answer = call(server, ADMIN_TOKEN, method, path, body);
    assert!(
        (200..300).contains(&answer.status),
        "{method} {path}: {} {}",
        answer.status,
        answer.text()
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()["data"].clone()
}

/// A new project, and its id, which begins so.
pub(crate) fn project(server: &Fresnel, name: &str) -> String {
    let id = format!("{name}-{:08x}", rand::random::<u32>());
    admin(
        server,
        "POST",
        "/api/projects",
        &serde_json::json!({"id": id, "name": name}),
    );
    id
}

/// A new key of a project: its id and its secret.
pub(crate) fn key(server: &Fresnel, project: &str, body: &Value) -> (String, String) {
    let data = admin(server, "POST", &format!("/api/keys?project={project}"), body);
    (text(&data["id"]), text(&data["secret"]))
}

/// A text in an answer.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Posts a beacon with a key.
pub(crate) fn post(server: &Fresnel, key: &str, kind: Kind) -> Answer {
    server.send(&Request::post(kind.path(), kind.sample().to_string()).header("x-api-key", key))
}

/// The actions in a project's audit log, the oldest first. That a project gets its default rules is not among them: it
/// happens when the evaluator finds the project.
pub(crate) fn actions(server: &Fresnel, project: &str) -> Vec<String> {
    let page = admin(
        server,
        "GET",
        &format!("/api/audit?project={project}&page_size=500"),
        &Value::Null,
    );
    let items = page["items"].as_array().expect("a list");
    let actions = items.iter().rev().map(|entry| text(&entry["action"]));
    actions.filter(|action| action != "rule.defaults").collect()
}

/// The password of all users here.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A user who has logged in.
pub(crate) struct TestUser {
    pub(crate) id: String,
    pub(crate) email: String,
    /// `name=value`, as a browser sends it back.
    pub(crate) cookie: String,
}

impl TestUser {
    /// Makes a user, and logs in.
    pub(crate) fn new(server: &Fresnel) -> Self {
        let email = format!("{:016x}@example.org", rand::random::<u64>());
        let body = serde_json::json!({"email": email, "name": "Ada", "password": PASSWORD});
        let id = text(&admin(server, "POST", "/api/users", &body)["id"]);
        let mut user = Self {
            id,
            email,
            cookie: String::new(),
        };
        user.log_in(server);
        user
    }

    /// Logs in once more.
    pub(crate) fn log_in(&mut self, server: &Fresnel) {
        let answer = log_in(server, &self.email, PASSWORD).expect_status(201);
        let cookie = answer.header("set-cookie").expect("a cookie");
        self.cookie = cookie.split(';').next().expect("a pair").to_owned();
    }

    /// Gives the user a role in a project.
    pub(crate) fn give_role(&self, server: &Fresnel, project: &str, role: &str) {
        let path = format!("/api/projects/{project}/members/{}", self.id);
        admin(server, "PUT", &path, &serde_json::json!({"role": role}));
    }

    /// Sends a request as a page of ours would.
    pub(crate) fn sign(&self, request: Request) -> Request {
        request
            .header("cookie", &self.cookie)
            .header("x-fresnel-csrf", "1")
    }

    /// A `GET` by this user.
    pub(crate) fn get(&self, server: &Fresnel, path: &str) -> Answer {
        server.send(&self.sign(Request::get(path)))
    }
}

/// Tries to log in.
pub(crate) fn log_in(server: &Fresnel, email: &str, password: &str) -> Answer {
    let body = serde_json::json!({"email": email, "password": password});
    server.send(&Request::post("/api/session", body.to_string()).header("content-type", "application/json"))
}
