//! Quota overrides and the issuers of JWTs.

use fresnel::config::Secret;
use fresnel::control::{ControlError, Subject};
use fresnel::domain::account::{JwtIssuer, JwtKeys, PartialLimits, QuotaLimits, QuotaTarget};
use fresnel::domain::beacon::Kind;
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{by, id, name, page, project};

on_both_stores!(
    an_override_holds_from_its_making_to_its_end,
    a_target_has_one_override_a_project,
    an_override_is_found_in_its_own_project_only,
    an_issuer_is_believed_from_its_making_to_its_end,
    an_issuer_is_found_in_its_own_project_only,
);

fn events(limit: u32) -> PartialLimits {
    PartialLimits {
        events_per_hour: Some(limit),
        ..PartialLimits::default()
    }
}

async fn an_override_holds_from_its_making_to_its_end(place: Place) {
    let control = place.open().await;
    let default = id("default");
    let limits_of = |user: &str| {
        let subject = Subject {
            user: Some(user),
            endpoint: Some(Kind::Event),
            ..Subject::default()
        };
        let directory = control.directory();
        directory
            .project("default")
            .unwrap()
            .limits(&subject, QuotaLimits::default())
    };
    for target in [
        QuotaTarget::Project,
        QuotaTarget::Endpoint(Kind::Event),
        QuotaTarget::User("ada".into()),
        QuotaTarget::Role("beta".into()),
        QuotaTarget::Key(Uuid::from_u128(5)),
    ] {
        let limit = if matches!(target, QuotaTarget::User(_)) {
            u32::MAX
        } else {
            3
        };
        let made = control
            .create_override(&by(), &default, target, events(limit))
            .await
            .unwrap();
        assert_eq!(control.quota_override(&default, made.id).await.unwrap(), made);
    }
    assert_eq!(limits_of("eve").events_per_hour, 3);
    assert_eq!(limits_of("ada").events_per_hour, u32::MAX);
    let all = control.quota_overrides(&default, page(1, 50)).await.unwrap();
    assert_eq!(all.total, 5);
    let of_ada = all
        .items
        .iter()
        .find(|one| one.target == QuotaTarget::User("ada".into()))
        .unwrap();
    let changed = control
        .update_override(&by(), &default, of_ada.id, events(0))
        .await
        .unwrap();
    assert_eq!((changed.limits, &changed.target), (events(0), &of_ada.target));
    assert_eq!(limits_of("ada").events_per_hour, 0);
    control.delete_override(&by(), &default, of_ada.id).await.unwrap();
    assert_eq!(limits_of("ada").events_per_hour, 3);
    assert_eq!(limits_of("ada").metrics_per_hour, 500);
    let empty = control
        .update_override(&by(), &default, changed.id, PartialLimits::default())
        .await;
    assert!(matches!(empty, Err(ControlError::Invalid(_))));
}

async fn a_target_has_one_override_a_project(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("other")).await.unwrap();
    let create = async |project: &str| {
        control
            .create_override(&by(), &id(project), QuotaTarget::Project, events(1))
            .await
            .map(|_| ())
    };
    assert_eq!(create("default").await, Ok(()));
    assert_eq!(create("other").await, Ok(()));
    assert_eq!(
        create("default").await,
        Err(ControlError::Conflict { field: "target" })
    );
    assert_eq!(create("nowhere").await, Err(ControlError::NotFound("project")));
}

async fn an_override_is_found_in_its_own_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("other")).await.unwrap();
    let made = control
        .create_override(&by(), &id("default"), QuotaTarget::Project, events(1))
        .await
        .unwrap();
    let foreign = ControlError::NotFound("quota override");
    let other = id("other");
    assert_eq!(
        control.quota_override(&other, made.id).await,
        Err(foreign.clone())
    );
    assert_eq!(
        control.update_override(&by(), &other, made.id, events(2)).await,
        Err(foreign.clone())
    );
    assert_eq!(
        control.delete_override(&by(), &other, made.id).await,
        Err(foreign)
    );
    assert_eq!(
        control.quota_overrides(&other, page(1, 50)).await.unwrap().total,
        0
    );
    assert_eq!(
        control.quota_override(&id("default"), made.id).await.unwrap(),
        made
    );
}

fn issuer(keys: JwtKeys) -> JwtIssuer {
    JwtIssuer {
        id: Uuid::nil(),
        project_id: id("default"),
        name: name("shop"),
        issuer: "https://shop.example/".into(),
        audience: "fresnel".into(),
        keys,
        created_at_ms: 0,
    }
}

fn shared(secret: &str) -> JwtKeys {
    JwtKeys::Hs256 {
        secret: Secret::new(secret.into()),
    }
}

async fn an_issuer_is_believed_from_its_making_to_its_end(place: Place) {
    let control = place.open().await;
    let default = id("default");
    for keys in [
        shared("0123456789abcdef0123456789abcdef"),
        JwtKeys::Rs256 {
            public_key_pem: "-----BEGIN PUBLIC KEY-----\nAA\n-----END PUBLIC KEY-----\n".into(),
        },
        JwtKeys::Jwks {
            url: "https://shop.example/jwks.json".into(),
        },
    ] {
        let made = control.create_issuer(&by(), issuer(keys)).await.unwrap();
        assert_eq!(control.issuer(&default, made.id).await.unwrap(), made);
    }
    let believed = || control.directory().project("default").unwrap().issuers.clone();
    let all = control.issuers(&default, page(1, 50)).await.unwrap().items;
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| believed().contains(one)));

    let rotated = JwtIssuer {
        keys: shared("another secret of thirty-two bytes"),
        ..all[0].clone()
    };
    assert_eq!(control.update_issuer(&by(), &rotated).await.unwrap(), rotated);
    assert!(believed().contains(&rotated) && !believed().contains(&all[0]));
    control.delete_issuer(&by(), &default, rotated.id).await.unwrap();
    assert_eq!(believed().len(), 2);
    assert!(matches!(
        control.create_issuer(&by(), issuer(shared("short"))).await,
        Err(ControlError::Invalid(_))
    ));
}

async fn an_issuer_is_found_in_its_own_project_only(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("other")).await.unwrap();
    let made = control
        .create_issuer(&by(), issuer(shared("0123456789abcdef0123456789abcdef")))
        .await
        .unwrap();
    let other = id("other");
    let foreign = ControlError::NotFound("issuer");
    assert_eq!(control.issuer(&other, made.id).await, Err(foreign.clone()));
    let stolen = JwtIssuer {
        project_id: other.clone(),
        ..made.clone()
    };
    assert_eq!(control.update_issuer(&by(), &stolen).await, Err(foreign.clone()));
    assert_eq!(control.delete_issuer(&by(), &other, made.id).await, Err(foreign));
    assert_eq!(control.issuer(&id("default"), made.id).await.unwrap(), made);
}
