//! The vault's key is changed, and channels and integrations go on.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::receiver::Receiver;
use crate::harness::server::ADMIN_TOKEN;
use crate::harness::wait::{self, PATIENCE};
use crate::harness::{Fresnel, Options, Request};

fn key(byte: u8) -> String {
    STANDARD.encode([byte; 32])
}

fn admin(server: &Fresnel, request: Request) -> Value {
    let request = request
        .header("authorization", format!("Bearer {ADMIN_TOKEN}"))
        .header("content-type", "application/json");
    let answer = server.send(&request);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    answer.json()["data"].clone()
}

/// Whether the credential of the integration can be decrypted.
fn is_readable(server: &Fresnel, id: &str) -> Value {
    let path = format!("/api/integrations/{id}");
    admin(server, Request::get(&path))["is_readable"].clone()
}

/// How a test of the channel went.
fn tested(server: &Fresnel, id: &str) -> Value {
    let path = format!("/api/channels/{id}/test");
    admin(server, Request::post(&path, ""))["outcome"].clone()
}

#[test]
fn channels_and_integrations_outlive_the_key_that_encrypted_them_once_a_start_knew_both() {
    let receiver = Receiver::of_status(200);
    let options = Options::new()
        .set("FRESNEL_OUTBOUND__ALLOW_NETWORKS", "127.0.0.0/8")
        .set("FRESNEL_VAULT__KEY", key(1));
    let mut server = Fresnel::start(options);
    let target = json!({ "kind": "slack", "url": receiver.url("/services/x") });
    let body = json!({ "name": "Room", "target": target }).to_string();
    let id = admin(&server, Request::post("/api/channels", body))["id"].clone();
    let id = id.as_str().expect("an id");
    assert_eq!(tested(&server, id), "delivered");
    let body = json!({ "service": "stripe", "credential": { "secret": "sk" } }).to_string();
    let vendor = admin(&server, Request::post("/api/integrations", body))["id"].clone();
    let vendor = vendor.as_str().expect("an id");
    assert_eq!(is_readable(&server, vendor), true);

    // The new key alone opens nothing, and loses nothing.
    server.stop();
    server.set("FRESNEL_VAULT__KEY", key(2));
    server.restart();
    assert_eq!(tested(&server, id), "given_up");
    assert_eq!(is_readable(&server, vendor), false);
    wait::until("warnings in the log", PATIENCE, || {
        let log = server.log();
        let are_there = ["where channels lead", "secrets of integrations"]
            .iter()
            .all(|what| log.contains(&format!("{what} cannot be decrypted")));
        are_there.then_some(())
    });

    server.stop();
    server.set("FRESNEL_VAULT__PREVIOUS_KEYS", key(1));
    server.restart();
    assert_eq!(tested(&server, id), "delivered");
    for action in ["channel.reseal", "integration.reseal"] {
        wait::until("secrets under the new key", PATIENCE, || {
            let path = format!("/api/audit?project=default&action={action}");
            let audit = admin(&server, Request::get(&path));
            audit.to_string().contains(action).then_some(())
        });
    }

    server.stop();
    server.set("FRESNEL_VAULT__PREVIOUS_KEYS", "");
    server.restart();
    assert_eq!(is_readable(&server, vendor), true);
    assert_eq!(tested(&server, id), "delivered");
    assert_eq!(receiver.received().len(), 3);
}
