//! Every address × every credential × the own project and another: who gets which status.
//!
//! The addresses are read from the sources and their methods from the server's own `Allow`, so a new address, or a
//! new method of an old one, fails here until it has a row.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::managing::{PASSWORD, TestUser, admin, key, project, text};
use crate::harness::beacons::Kind;
use crate::harness::http::Request;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::{Fresnel, Options};

/// Who may, and what others get.
#[derive(Clone, Copy, Debug)]
enum Rule {
    /// Takes beacons: from keys that may post, into their own project.
    Post,
    /// The same for everyone, also without a key.
    Open,
    /// Users who have logged in.
    Session,
    /// Tells data of a project to keys with the scope `read`.
    Read,
    /// Needs this role in the project that `?project=` names.
    Viewer,
    Admin,
    Owner,
    /// Needs this role in the project that the path names.
    ViewerOfPath,
    AdminOfPath,
    OwnerOfPath,
    /// Lists what one may see, whatever project is named.
    Any,
    /// Instance owners only.
    Instance,
    /// Sees the project, and is no key that only looks.
    Keeper,
    /// Needs to be an admin of the project whose viewer the user in the path is.
    AdminOfUser,
}

use Rule::{
    Admin, AdminOfPath, AdminOfUser, Any, Instance, Keeper, Open, Owner, OwnerOfPath, Post, Read, Session,
    Viewer, ViewerOfPath,
};

/// Method, address, rule, and the status when all is well. A `{…}` stands for an id.
const ROWS: &[(&str, &str, Rule, u16)] = &[
    ("POST", "/api/analytics/performance/metrics", Post, 202),
    ("POST", "/api/analytics/performance/alerts", Post, 202),
    ("POST", "/api/analytics/funnel", Post, 202),
    ("POST", "/api/analytics/events", Post, 202),
    ("POST", "/api/analytics/batch", Post, 202),
    ("GET", "/api/analytics/performance/timeseries", Read, 200),
    ("GET", "/api/analytics/funnel", Read, 200),
    ("GET", "/api/analytics/funnels", Read, 200),
    ("GET", "/api/analytics/performance/dashboard", Read, 200),
    ("GET", "/api/analytics/performance/web-vitals", Read, 200),
    ("GET", "/api/analytics/events/list", Read, 200),
    ("GET", "/api/analytics/events/summary", Read, 200),
    ("GET", "/api/analytics/events/properties", Read, 200),
    ("GET", "/api/analytics/impact", Read, 200),
    ("GET", "/api/analytics/blame", Read, 200),
    ("GET", "/api-integrations/service/{name}/metrics", Read, 200),
    ("GET", "/api/analytics/performance/heatmap", Read, 200),
    ("GET", "/api/analytics/sessions", Read, 200),
    ("GET", "/api/analytics/sessions/timeline", Read, 200),
    ("GET", "/api/analytics/errors", Read, 200),
    ("GET", "/api/analytics/errors/events", Read, 200),
    ("GET", "/api/dashboard/overview", Read, 200),
    ("GET", "/api/dashboard/analytics", Read, 200),
    ("GET", "/api/dashboard/stats", Read, 200),
    ("GET", "/api/rejected", Read, 200),
    ("GET", "/api/ledger", Read, 200),
    ("GET", "/api/live", Read, 200),
    ("GET", "/livez", Open, 200),
    ("GET", "/readyz", Open, 200),
    ("GET", "/metrics", Open, 200),
    ("GET", "/api/health", Open, 200),
    ("GET", "/api/openapi.json", Open, 200),
    ("GET", "/api/docs", Open, 200),
    ("GET", "/api/docs/page.js", Open, 200),
    ("GET", "/api/docs/page.css", Open, 200),
    ("GET", "/", Open, 200),
    ("GET", "/favicon.svg", Open, 200),
    ("GET", "/assets/{file}", Open, 404),
    ("GET", "/fresnel.js", Open, 200),
    ("GET", "/api/projects", Any, 200),
    ("POST", "/api/projects", Instance, 201),
    ("GET", "/api/projects/{id}", ViewerOfPath, 200),
    ("PATCH", "/api/projects/{id}", AdminOfPath, 200),
    ("DELETE", "/api/projects/{id}", OwnerOfPath, 200),
    ("GET", "/api/projects/{id}/members", AdminOfPath, 200),
    ("PUT", "/api/projects/{id}/members/{user_id}", OwnerOfPath, 200),
    ("DELETE", "/api/projects/{id}/members/{user_id}", OwnerOfPath, 200),
    ("GET", "/api/keys", Admin, 200),
    ("POST", "/api/keys", Admin, 201),
    ("GET", "/api/keys/{id}", Admin, 200),
    ("PATCH", "/api/keys/{id}", Admin, 200),
    ("DELETE", "/api/keys/{id}", Admin, 200),
    ("GET", "/api/quotas", Viewer, 200),
    ("POST", "/api/quotas", Admin, 201),
    ("GET", "/api/quotas/{id}", Viewer, 200),
    ("PATCH", "/api/quotas/{id}", Admin, 200),
    ("DELETE", "/api/quotas/{id}", Admin, 200),
    ("GET", "/api/issuers", Admin, 200),
    ("POST", "/api/issuers", Admin, 201),
    ("GET", "/api/issuers/{id}", Admin, 200),
    ("PATCH", "/api/issuers/{id}", Admin, 200),
    ("DELETE", "/api/issuers/{id}", Admin, 200),
    ("GET", "/api/users", Instance, 200),
    ("POST", "/api/users", Instance, 201),
    ("GET", "/api/users/{id}", Instance, 200),
    ("PATCH", "/api/users/{id}", Instance, 200),
    ("DELETE", "/api/users/{id}", Instance, 200),
    ("GET", "/api/users/{id}/sessions", AdminOfUser, 200),
    ("DELETE", "/api/users/{id}/sessions", AdminOfUser, 200),
    ("POST", "/api/users/{id}/password-reset", AdminOfUser, 201),
    ("POST", "/api/password-reset", Open, 404),
    ("GET", "/api/audit", Admin, 200),
    ("GET", "/api/cache", Admin, 200),
    ("DELETE", "/api/cache", Admin, 200),
    ("POST", "/api/cache/warm", Admin, 200),
    ("GET", "/api/deploys", Viewer, 200),
    ("POST", "/api/deploys", Admin, 201),
    ("GET", "/api/deploys/{id}", Viewer, 200),
    ("DELETE", "/api/deploys/{id}", Admin, 200),
    ("GET", "/api/errors/states", Viewer, 200),
    ("PATCH", "/api/errors/{fingerprint}", Admin, 200),
    ("GET", "/api/views", Viewer, 200),
    ("POST", "/api/views", Keeper, 201),
    // A shared one of another's.
    ("GET", "/api/views/{id}", Viewer, 200),
    ("PATCH", "/api/views/{id}", Admin, 200),
    ("DELETE", "/api/views/{id}", Admin, 200),
    ("GET", "/api/rules", Viewer, 200),
    ("POST", "/api/rules", Admin, 201),
    ("POST", "/api/rules/backtest", Viewer, 200),
    ("GET", "/api/rules/{id}", Viewer, 200),
    ("PATCH", "/api/rules/{id}", Admin, 200),
    ("DELETE", "/api/rules/{id}", Admin, 200),
    ("GET", "/api/rules/{id}/states", Viewer, 200),
    ("GET", "/api/silences", Viewer, 200),
    ("POST", "/api/silences", Admin, 201),
    ("DELETE", "/api/silences/{id}", Admin, 200),
    ("GET", "/api/inhibitions", Viewer, 200),
    ("POST", "/api/inhibitions", Admin, 201),
    ("DELETE", "/api/inhibitions/{id}", Admin, 200),
    ("GET", "/api/alerts", Viewer, 200),
    ("GET", "/api/alerts/trends", Viewer, 200),
    ("GET", "/api/alerts/stream", Viewer, 200),
    // Nobody's alert, and nobody's notice.
    ("GET", "/api/alerts/{id}", Viewer, 404),
    ("POST", "/api/alerts/{id}/acknowledge", Admin, 404),
    ("GET", "/api/channels", Admin, 200),
    ("POST", "/api/channels", Admin, 201),
    ("GET", "/api/channels/{id}", Admin, 200),
    ("PATCH", "/api/channels/{id}", Admin, 200),
    ("DELETE", "/api/channels/{id}", Admin, 200),
    ("POST", "/api/channels/{id}/test", Admin, 200),
    ("POST", "/api/channels/{id}/rotate", Admin, 200),
    ("GET", "/api/integrations/catalogue", Viewer, 200),
    ("GET", "/api/integrations", Viewer, 200),
    ("POST", "/api/integrations", Admin, 201),
    ("GET", "/api/integrations/{id}", Viewer, 200),
    ("PATCH", "/api/integrations/{id}", Admin, 200),
    ("DELETE", "/api/integrations/{id}", Admin, 200),
    ("POST", "/api/integrations/{id}/test", Admin, 200),
    ("POST", "/api/integrations/{id}/sync", Admin, 200),
    ("POST", "/api/integrations/{id}/rotate", Admin, 200),
    ("GET", "/api-integrations/health-status", Viewer, 200),
    ("GET", "/api-integrations/monitoring-dashboard", Viewer, 200),
    ("GET", "/api-integrations/alerts", Viewer, 200),
    ("GET", "/api-integrations/sla-compliance", Viewer, 200),
    ("GET", "/api-integrations/evidence", Viewer, 200),
    ("GET", "/api-integrations/evidence/key", Viewer, 200),
    ("GET", "/api-integrations/optimization-report", Viewer, 200),
    ("GET", "/api-integrations/maintenance", Viewer, 200),
    ("POST", "/api-integrations/maintenance", Admin, 201),
    ("DELETE", "/api-integrations/maintenance/{id}", Admin, 200),
    ("POST", "/api-integrations/initialize-optimizations", Admin, 200),
    ("POST", "/api-integrations/reset-optimizations", Admin, 200),
    ("GET", "/api/deliveries", Admin, 200),
    ("POST", "/api/deliveries/replay", Admin, 200),
    ("GET", "/api/deliveries/{id}", Admin, 404),
    ("POST", "/api/deliveries/{id}/replay", Admin, 404),
    ("GET", "/api/invitations", Owner, 200),
    ("POST", "/api/invitations", Owner, 201),
    ("DELETE", "/api/invitations/{id}", Owner, 200),
    // Nobody has the token that is shown here, and nobody's password fits.
    ("POST", "/api/invitations/accept", Open, 404),
    ("POST", "/api/session", Open, 401),
    ("GET", "/api/session", Session, 200),
    ("DELETE", "/api/session", Session, 200),
    ("PUT", "/api/session/password", Session, 200),
    ("GET", "/api/sessions", Session, 200),
    ("DELETE", "/api/sessions", Session, 200),
    // Nobody's session.
    ("DELETE", "/api/sessions/{id}", Session, 404),
];

/// The addresses that there are, with their methods.
pub(super) fn addresses_with_methods() -> impl Iterator<Item = (&'static str, &'static str)> {
    ROWS.iter().map(|(method, address, ..)| (*method, *address))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Credential {
    None,
    Wrong,
    Browser,
    Server,
    Read,
    Manage,
    AdminToken,
    /// Sessions of users with this role in the own project.
    ViewersSession,
    AdminsSession,
    OwnersSession,
}

use Credential::{AdminToken, AdminsSession, Browser, Manage, OwnersSession, Server, ViewersSession, Wrong};

const CREDENTIALS: [Credential; 10] = [
    Credential::None,
    Wrong,
    Browser,
    Server,
    Credential::Read,
    Manage,
    AdminToken,
    ViewersSession,
    AdminsSession,
    OwnersSession,
];

/// The status that a credential gets.
fn expected(rule: Rule, credential: Credential, is_own: bool, well: u16) -> u16 {
    let is_session = matches!(credential, ViewersSession | AdminsSession | OwnersSession);
    // From viewer to owner; none for those who may not even look.
    let role = match credential {
        Credential::None | Wrong | Browser | Server => None,
        Credential::Read | ViewersSession => Some(0),
        Manage | AdminsSession => Some(1),
        AdminToken | OwnersSession => Some(2),
    };
    let needed = match rule {
        Open => return well,
        Session => return if is_session { well } else { 401 },
        _ if matches!(credential, Credential::None | Wrong) => return 401,
        Post => {
            return if matches!(credential, Browser | Server) {
                well
            } else {
                401
            };
        }
        _ if credential == AdminToken => return well,
        _ if role.is_none() => return 403,
        // The scope `manage` alone does not show data.
        Read if credential == Manage => return 403,
        Instance => return 403,
        Any => return well,
        // Who is no admin anywhere is not told who is there.
        AdminOfUser if role < Some(1) => return 403,
        AdminOfUser => 1,
        Keeper if credential == Credential::Read && is_own => return 403,
        Read | Viewer | ViewerOfPath | Keeper => 0,
        Admin | AdminOfPath => 1,
        Owner | OwnerOfPath => 2,
    };
    match is_own {
        false => 404,
        true if role >= Some(needed) => well,
        true => 403,
    }
}

/// Addresses in the sources: texts that begin with a slash, outside of comments and tests.
fn addresses() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    // A slash alone is also what paths are split at: the first page is named here.
    let mut found = BTreeSet::from(["/".to_owned()]);
    for entry in std::fs::read_dir(folder).expect("the folder of addresses") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).expect("a source");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        found.extend(
            literals
                .filter(|text| text.starts_with('/') && text.len() > 1)
                // What goes to vendors and comes from them takes any method; tests/clients looks at who may.
                .filter(|text| !text.starts_with("/relay") && !text.starts_with("/hooks"))
                .map(str::to_owned),
        );
    }
    found
}

#[test]
fn every_address_and_method_has_a_row() {
    let server = Fresnel::shared();
    let mut there = BTreeSet::new();
    for address in addresses() {
        let allow = server
            .send(&Request::new("TRACE", &address))
            .expect_status(405)
            .header("allow")
            .expect("the methods")
            .to_owned();
        there.extend(
            allow
                .split(", ")
                .map(|method| (method.to_owned(), address.clone())),
        );
    }
    let rows: BTreeSet<_> = ROWS
        .iter()
        .map(|(method, address, ..)| ((*method).to_owned(), (*address).to_owned()))
        .collect();
    assert_eq!(rows, there);
}

/// What a row's request works on: made anew for each, since some of them end what they work on.
struct Target {
    path: String,
    body: Value,
}

const CHANNEL_OF_MAIL: &str = "/api/channels#mail";

/// The body of something new at an address.
fn new_body(address: &str) -> Value {
    let unique = format!("{:016x}", rand::random::<u64>());
    match address {
        "/api/projects" => json!({"id": unique, "name": "x"}),
        "/api/keys" => json!({"kind": "read", "name": "target"}),
        "/api/quotas" => json!({"target": {"kind": "user", "id": unique}, "limits": {"events_per_hour": 5}}),
        "/api/issuers" => {
            json!({"name": "x", "algorithm": "hs256", "secret": "0123456789abcdef0123456789abcdef"})
        }
        "/api/cache/warm" => json!({"paths": []}),
        "/api/rules" | "/api/rules/backtest" => json!({
            "name": unique, "watch": {"kind": "metric", "type": "page_load_time"}, "thresholds": {"warning": 1},
        }),
        "/api/silences" => json!({"ends_at": "2090-01-01T00:00:00Z", "starts_at": "2089-12-31T00:00:00Z"}),
        "/api/inhibitions" => {
            let matcher = json!([{"label": "page", "values": ["/"]}]);
            json!({"source": matcher, "target": matcher})
        }
        "/api/channels" => {
            json!({"name": unique, "target": {"kind": "webhook", "url": "https://hooks.example/x"}})
        }
        // One that nobody can be sent to, since there is no mail server: a test of it needs no network.
        CHANNEL_OF_MAIL => {
            json!({"name": unique, "target": {"kind": "email", "recipients": ["ada@example.org"]}})
        }
        // Without a credential it is not called: a test of it needs no network.
        "/api/integrations" => json!({"service": "stripe", "slug": unique}),
        "/api-integrations/maintenance" => {
            json!({"starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-01T01:00:00Z"})
        }
        "/api-integrations/initialize-optimizations" | "/api-integrations/reset-optimizations" => json!({}),
        "/api/deliveries/replay" => json!({}),
        "/api/deploys" => json!({"release": unique}),
        "/api/views" => json!({"name": "x", "page": "overview", "state": "x=1", "is_shared": true}),
        "/api/users" => json!({"email": format!("{unique}@example.org"), "name": "x"}),
        "/api/invitations" => json!({"email": format!("{unique}@example.org"), "role": "viewer"}),
        "/api/invitations/accept" => json!({"token": unique, "name": "x", "password": "long enough"}),
        "/api/session" => json!({"email": format!("{unique}@example.org"), "password": "x"}),
        "/api/password-reset" => json!({"token": unique, "password": "long enough"}),
        "/api/analytics/batch" => {
            let mut item = Kind::Event.sample();
            item["kind"] = "event".into();
            json!({"items": [item]})
        }
        _ => {
            let kind = Kind::ALL.into_iter().find(|kind| kind.path() == address);
            kind.unwrap_or_else(|| panic!("{address} is unknown here"))
                .sample()
        }
    }
}

fn target(server: &Fresnel, method: &str, address: &str, project_id: &str) -> Target {
    let query = format!("?project={project_id}");
    let make = |collection: &str| {
        let path = format!("{}{query}", collection.split('#').next().unwrap_or_default());
        text(&admin(server, "POST", &path, &new_body(collection))["id"])
    };
    let collection = address.split("/{").next().unwrap_or_default();
    let mut path = address.to_owned();
    if address.contains("{user_id}") {
        path = path.replace("{user_id}", &make("/api/users"));
    }
    path = path.replace("{name}", "stripe");
    if address.contains("{fingerprint}") {
        path = path.replace("{fingerprint}", "0123456789abcdef");
    } else if matches!(collection, "/api/sessions" | "/api/alerts" | "/api/deliveries") {
        path = path.replace("{id}", "0199e5a0-0000-7000-8000-000000000000");
    } else if collection == "/api/projects" {
        path = path.replace("{id}", project_id);
    } else if address.contains("{id}") {
        let id = make(if address == "/api/channels/{id}/test" {
            CHANNEL_OF_MAIL
        } else {
            collection
        });
        if address.starts_with("/api/users/{id}/") {
            let member = format!("/api/projects/{project_id}/members/{id}");
            admin(server, "PUT", &member, &json!({"role": "viewer"}));
        }
        path = path.replace("{id}", &id);
    }
    if method == "DELETE" && address.contains("{user_id}") {
        admin(server, "PUT", &path, &json!({"role": "viewer"}));
    }
    let body = match (method, collection) {
        ("POST", _) if address.contains("{id}") => Value::Null,
        ("PUT", "/api/session/password") => json!({"old_password": PASSWORD, "password": PASSWORD}),
        ("POST", _) => new_body(address),
        ("PATCH", "/api/projects") => {
            json!({"revision": admin(server, "GET", &path, &Value::Null)["revision"]})
        }
        ("PATCH", "/api/quotas") => json!({"limits": {"events_per_hour": 6}}),
        ("PATCH", "/api/errors") => json!({"state": "resolved"}),
        ("PATCH", "/api/views") => json!({"name": "y", "revision": 1}),
        ("PATCH", "/api/rules" | "/api/channels" | "/api/integrations") => {
            json!({"is_enabled": false, "revision": 1})
        }
        ("PATCH", _) => json!({"name": "y"}),
        ("PUT", _) => json!({"role": "admin"}),
        _ => Value::Null,
    };
    if method == "GET" || !collection.starts_with("/api/analytics") {
        path += &query;
    }
    if collection.ends_with("/timeseries") || collection.ends_with("/heatmap") {
        path += "&type=page_load_time";
    }
    if collection.ends_with("/blame") {
        path += "&from_step=effect_viewed&to_step=effect_started";
    }
    if collection.ends_with("/live") {
        path += "&ask=/api/dashboard/stats";
    }
    if collection.ends_with("/timeline") {
        path += "&session_id=s";
    }
    if collection.ends_with("/impact") {
        path += "&page=/";
    }
    if collection.ends_with("/errors/events") {
        path += "&fingerprint=0123456789abcdef";
    }
    Target { path, body }
}

/// What the credentials of one project are.
struct Credentials {
    browser: String,
    server: String,
    read: String,
    manage: String,
}

impl Credentials {
    fn of(server: &Fresnel, users: &[TestUser; 3], project: &str) -> Self {
        for (user, role) in users.iter().zip(["viewer", "admin", "owner"]) {
            user.give_role(server, project, role);
        }
        let new = |body: Value| key(server, project, &body).1;
        Self {
            browser: new(json!({"kind": "browser", "name": "b"})),
            server: new(json!({"kind": "server", "name": "s"})),
            read: new(json!({"kind": "read", "name": "r"})),
            manage: new(json!({"kind": "server", "name": "m", "scopes": ["manage"]})),
        }
    }

    fn sign(&self, request: Request, credential: Credential, users: &[TestUser; 3]) -> Request {
        let bearer = |key: &str| request.clone().header("authorization", format!("Bearer {key}"));
        match credential {
            Credential::None => request,
            Wrong => bearer("fs_0123456789abcdefghijklmnopqrstuvwxyz0123456789"),
            Browser => bearer(&self.browser),
            Server => bearer(&self.server),
            Credential::Read => bearer(&self.read),
            Manage => bearer(&self.manage),
            AdminToken => bearer(ADMIN_TOKEN),
            ViewersSession => users[0].sign(request),
            AdminsSession => users[1].sign(request),
            OwnersSession => users[2].sign(request),
        }
    }
}

#[test]
fn every_credential_gets_the_status_that_its_rights_give_it() {
    let server = Fresnel::shared();
    let mut users = [(); 3].map(|()| TestUser::new(&server));
    let mut wrong = Vec::new();
    for (method, address, rule, well) in ROWS {
        // Anew for each row: of some things a project may have a few only.
        let (mut own, other) = (project(&server, "matrix-own"), project(&server, "matrix-other"));
        let mut credentials = Credentials::of(&server, &users, &own);
        for (credential, is_own) in CREDENTIALS
            .into_iter()
            .flat_map(|one| [(one, true), (one, false)])
        {
            let deletes_project = (*method, *address) == ("DELETE", "/api/projects/{id}");
            let asked = match (is_own, deletes_project) {
                (true, _) => own.clone(),
                (false, true) => project(&server, "matrix-victim"),
                (false, false) => other.clone(),
            };
            let target = target(&server, method, address, &asked);
            let mut request = credentials.sign(Request::new(method, &target.path), credential, &users);
            if !target.body.is_null() {
                request = request
                    .header("content-type", "application/json")
                    .body(target.body.to_string());
            }
            let answer = server.send(&request);
            let expected = expected(*rule, credential, is_own, *well);
            if answer.status != expected {
                wrong.push(format!(
                    "{method} {} ({address}) with {credential:?}, own {is_own}: {} instead of {expected}: {}",
                    target.path,
                    answer.status,
                    answer.text()
                ));
            }
            // What is refused tells nothing of the project that was asked about.
            if answer.status >= 400 {
                assert!(!answer.text().contains(&asked), "{}", answer.text());
            }
            if answer.status == 200 && deletes_project && is_own {
                own = project(&server, "matrix-own");
                credentials = Credentials::of(&server, &users, &own);
            }
            let ends_session = matches!(*address, "/api/session" | "/api/sessions");
            if answer.status == 200 && *method == "DELETE" && ends_session {
                users.iter_mut().for_each(|user| user.log_in(&server));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_address_that_is_asked_takes_from_the_quota_and_says_so_and_no_other_does() {
    let options = Options::new()
        .set("FRESNEL_QUOTA__API_PER_MINUTE", 10_000)
        .set("FRESNEL_QUOTA__AUTH_FAILURES_PER_MINUTE", 10_000);
    let server = Fresnel::start_unready(options);
    for (method, address, rule, _) in ROWS {
        let path = address
            .replace("{id}", "x")
            .replace("{user_id}", "x")
            .replace("{fingerprint}", "x");
        let is_free = matches!(rule, Post) || OPERATIONS.contains(address);
        for key in [None, Some(ADMIN_TOKEN), Some("wrong")] {
            let request = Request::new(method, &path);
            let request = match key {
                Some(key) => request.header("authorization", format!("Bearer {key}")),
                None => request,
            };
            let answer = server.send(&request);
            let policy = answer.header("ratelimit-policy");
            let expected = (!is_free).then_some("\"api\";q=10000;w=60");
            assert_eq!(
                policy, expected,
                "{method} {path} with {key:?}: {}",
                answer.status
            );
        }
    }
}

/// How Fresnel is may always be asked.
const OPERATIONS: [&str; 4] = ["/livez", "/readyz", "/metrics", "/api/health"];
