//! Keys that issuers serve: a real control store, a real door, and a third party that a test speaks for.

#![expect(clippy::unwrap_used, reason = "a failure in a test is a failed test")]

#[path = "harness/harness.rs"]
mod harness;

use std::time::Duration;

use fresnel::config::{ControlConfig, JwksConfig, OutboundConfig};
use fresnel::control::{By, Control};
use fresnel::domain::account::{JwtIssuer, JwtKeys, Name, ProjectId};
use fresnel::jwks::{FILE_NAME, Jwks, JwksStatus};
use fresnel::outbound::Outbound;
use harness::third_party::ThirdParty;
use harness::tokens::{FIRST, SECOND, set_of};
use harness::wait::PATIENCE;
use tempfile::TempDir;
use uuid::Uuid;

/// Often enough that a test need not wait.
const OFTEN: JwksConfig = JwksConfig {
    refresh_min_ms: 20,
    refresh_max_ms: 50,
};
/// Seldom enough that nothing is fetched again by itself.
const SELDOM: JwksConfig = JwksConfig {
    refresh_min_ms: 20,
    refresh_max_ms: 3_600_000,
};

struct Place {
    folder: TempDir,
    control: Control,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let control = Control::open(&ControlConfig::default(), folder.path())
            .await
            .unwrap();
        Self { folder, control }
    }

    fn start(&self, config: &JwksConfig) -> Jwks {
        let outbound = OutboundConfig {
            allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
            ..OutboundConfig::default()
        };
        let outbound = Outbound::new(&outbound).unwrap();
        let file = self.folder.path().join(FILE_NAME);
        Jwks::start(self.control.clone(), outbound, config, file)
    }

    async fn issuer(&self, url: String) -> JwtIssuer {
        let issuer = JwtIssuer {
            id: Uuid::nil(),
            project_id: ProjectId::default_project(),
            name: Name::parse("name", "idp").unwrap(),
            issuer: String::new(),
            audience: String::new(),
            keys: JwtKeys::Jwks { url },
            created_at_ms: 0,
        };
        self.control.create_issuer(&By::system(), issuer).await.unwrap()
    }
}

/// Waits until the status is as wished.
async fn until(jwks: &Jwks, issuer: &JwtIssuer, is_wished: impl Fn(&JwksStatus) -> bool) -> JwksStatus {
    let wait = async {
        loop {
            let status = jwks.status(issuer).unwrap();
            if is_wished(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(status) => status,
        Err(_) => panic!("{:?}", jwks.status(issuer)),
    }
}

fn ids(status: &JwksStatus) -> Vec<&str> {
    status.key_ids.iter().flatten().map(String::as_str).collect()
}

fn has(jwks: &Jwks, issuer: &JwtIssuer, id: &str) -> bool {
    jwks.keys(issuer).is_some_and(|keys| keys.key(Some(id)).is_some())
}

#[tokio::test]
async fn keys_come_by_themselves_and_go_when_the_issuer_withdraws_them() {
    let third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let jwks = place.start(&OFTEN);
    let issuer = place.issuer(third_party.url("/jwks.json")).await;
    jwks.issuers_changed();
    until(&jwks, &issuer, |status| ids(status) == ["first"]).await;

    // Rotation: both at first, then the new one alone.
    third_party.say("200 OK", "", &set_of(&[SECOND, FIRST]));
    until(&jwks, &issuer, |status| ids(status) == ["second", "first"]).await;
    assert!(has(&jwks, &issuer, "first") && has(&jwks, &issuer, "second"));
    third_party.say("200 OK", "", &set_of(&[SECOND]));
    until(&jwks, &issuer, |status| ids(status) == ["second"]).await;
    assert!(!has(&jwks, &issuer, "first"));

    // An issuer that withdraws all is obeyed.
    third_party.say("200 OK", "", r#"{"keys":[]}"#);
    until(&jwks, &issuer, |status| status.key_ids.is_empty()).await;
    assert_eq!(jwks.status(&issuer).unwrap().last_error, None);
}

#[tokio::test]
async fn a_fetch_that_fails_leaves_the_keys_and_is_told() {
    let mut third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let jwks = place.start(&OFTEN);
    let issuer = place.issuer(third_party.url("/")).await;
    jwks.issuers_changed();
    let good = until(&jwks, &issuer, |status| ids(status) == ["first"]).await;
    for (status, headers, body, told) in [
        ("503 Service Unavailable", "", "", "status 503"),
        (
            "302 Found",
            "location: /elsewhere\r\n",
            "",
            "redirects are not followed",
        ),
        ("200 OK", "", "<html>Maintenance</html>", "no set of keys"),
        ("200 OK", "", "{}", "no set of keys"),
        (
            "200 OK",
            "",
            &format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000)),
            "longer than",
        ),
    ] {
        third_party.say(status, headers, body);
        let says = |status: &JwksStatus| {
            status
                .last_error
                .as_ref()
                .is_some_and(|error| error.contains(told))
        };
        let status = until(&jwks, &issuer, says).await;
        assert_eq!(ids(&status), ["first"]);
        assert!(has(&jwks, &issuer, "first"));
    }
    third_party.die();
    let status = until(&jwks, &issuer, |status| {
        status
            .last_error
            .as_ref()
            .is_some_and(|error| error.contains("takes no connection"))
    })
    .await;
    assert!(has(&jwks, &issuer, "first"));
    assert!(status.tried_at_ms > status.fetched_at_ms || status.tried_at_ms > good.tried_at_ms);
}

#[tokio::test]
async fn an_unknown_key_is_asked_for_soon_and_a_flood_of_them_is_asked_for_once() {
    let third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let rare = JwksConfig {
        refresh_min_ms: 3_600_000,
        refresh_max_ms: 3_600_000,
    };
    let issuer = place.issuer(third_party.url("/")).await;
    let jwks = place.start(&rare);
    until(&jwks, &issuer, |status| ids(status) == ["first"]).await;
    for _ in 0..10_000 {
        jwks.lacks_key(&issuer);
        jwks.issuers_changed();
        tokio::task::yield_now().await;
    }
    assert_eq!(
        third_party.visits(),
        1,
        "within the least time there is one fetch, whatever is asked"
    );

    // With a shorter one the new key comes long before the set is over.
    let other = Place::new().await;
    let jwks = other.start(&SELDOM);
    let issuer = other.issuer(third_party.url("/")).await;
    jwks.issuers_changed();
    until(&jwks, &issuer, |status| ids(status) == ["first"]).await;
    let before = third_party.visits();
    third_party.say("200 OK", "", &set_of(&[FIRST, SECOND]));
    jwks.lacks_key(&issuer);
    until(&jwks, &issuer, |status| ids(status) == ["first", "second"]).await;
    assert_eq!(third_party.visits(), before + 1);
}

#[tokio::test]
async fn a_start_knows_the_keys_of_before_while_the_issuer_is_away() {
    let mut third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let issuer = place.issuer(third_party.url("/")).await;
    let jwks = place.start(&SELDOM);
    let fetched = until(&jwks, &issuer, |status| ids(status) == ["first"]).await;
    let file = place.folder.path().join(FILE_NAME);
    let wait = async {
        while !file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    drop(jwks);
    third_party.die();

    let again = place.start(&SELDOM);
    assert!(has(&again, &issuer, "first"), "from the first moment");
    let status = until(&again, &issuer, |status| status.last_error.is_some()).await;
    assert_eq!(status.fetched_at_ms, fetched.fetched_at_ms);
    assert!(has(&again, &issuer, "first"));

    // A damaged file costs a fetch, and keys for another address are nobody's.
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(!has(&place.start(&SELDOM), &issuer, "first"));
}

#[tokio::test]
async fn keys_of_an_address_are_not_believed_for_the_next_one() {
    let third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let issuer = place.issuer(third_party.url("/")).await;
    let jwks = place.start(&SELDOM);
    until(&jwks, &issuer, |status| ids(status) == ["first"]).await;
    let moved = JwtIssuer {
        keys: JwtKeys::Jwks {
            url: third_party.url("/moved"),
        },
        ..issuer.clone()
    };
    assert!(
        jwks.keys(&moved).is_none(),
        "before the keeper has seen the change, too"
    );
    third_party.say("503 Service Unavailable", "", "");
    place.control.update_issuer(&By::system(), &moved).await.unwrap();
    jwks.issuers_changed();
    until(&jwks, &moved, |status| status.last_error.is_some()).await;
    assert!(!has(&jwks, &moved, "first"));
    assert!(jwks.keys(&issuer).is_none());

    place
        .control
        .delete_issuer(&By::system(), &issuer.project_id, issuer.id)
        .await
        .unwrap();
    jwks.issuers_changed();
    let wait = async {
        while jwks.keys(&moved).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn what_the_issuer_allows_is_kept_to_within_the_settings() {
    // An age of zero does not make a flood of us, and an age of a year does not make us blind.
    for (header, is_early) in [
        ("cache-control: no-store\r\n", true),
        ("cache-control: max-age=31536000\r\n", false),
    ] {
        let third_party = ThirdParty::serving("");
        third_party.say("200 OK", header, &set_of(&[FIRST]));
        let place = Place::new().await;
        let config = JwksConfig {
            refresh_min_ms: if is_early { 10 } else { 1 },
            refresh_max_ms: if is_early { 3_600_000 } else { 10 },
        };
        let issuer = place.issuer(third_party.url("/")).await;
        let jwks = place.start(&config);
        let first = until(&jwks, &issuer, |status| status.fetched_at_ms.is_some()).await;
        until(&jwks, &issuer, |status| {
            status.fetched_at_ms > first.fetched_at_ms
        })
        .await;
    }
}

#[tokio::test]
async fn addresses_of_this_house_are_not_fetched_even_if_they_are_stored() {
    let third_party = ThirdParty::serving(&set_of(&[FIRST]));
    let place = Place::new().await;
    let issuer = place.issuer(third_party.url("/")).await;
    let outbound = Outbound::new(&OutboundConfig::default()).unwrap();
    let file = place.folder.path().join(FILE_NAME);
    let jwks = Jwks::start(place.control.clone(), outbound, &OFTEN, file);
    let status = until(&jwks, &issuer, |status| status.last_error.is_some()).await;
    assert!(status.last_error.unwrap().contains("this machine"));
    assert_eq!(third_party.visits(), 0);
}
