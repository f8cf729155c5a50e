//! Sessions, invitations and password resets.

use fresnel::config::Secret;
use fresnel::control::{Control, ControlError, UserChange, sha256};
use fresnel::domain::account::{Role, Session, TokenPurpose, User};
use uuid::Uuid;

use super::place::{Place, on_both_stores};
use super::words::{NOW_MS, by, email, id, name, page, project, user};

on_both_stores!(
    a_session_lasts_until_it_expires_or_is_ended,
    a_disabled_user_and_a_new_password_end_all_sessions,
    a_user_has_a_bounded_number_of_sessions,
    an_invitation_makes_a_member_once,
    an_invitation_of_a_known_user_gives_the_role_and_leaves_the_password,
    an_invitation_can_be_taken_back_and_is_replaced_by_a_newer_one,
    a_reset_sets_the_password_once_and_ends_sessions,
    of_many_who_use_a_token_at_once_one_succeeds,
    a_password_that_is_changed_during_a_login_lets_nobody_in,
    a_changed_password_keeps_one_session_and_of_two_changes_one_is_made,
    a_session_is_ended_by_its_own_user_only,
    a_reset_token_ends_when_its_user_gets_rights_or_loses_them,
);

const HOUR_MS: i64 = 3_600_000;

fn hash() -> Secret {
    Secret::new("$argon2id$new".into())
}

fn session_of(user: &User, secret: &str) -> Session {
    Session {
        sha256: sha256(secret),
        user_id: user.id,
        created_at_ms: NOW_MS,
        last_seen_ms: NOW_MS,
        expires_at_ms: NOW_MS + HOUR_MS,
        ip_prefix: Some("2001:db8::/56".into()),
        user_agent: Some("Mozilla/5.0".into()),
    }
}

async fn password_of(control: &Control, user: &User) -> Option<Secret> {
    let login = control.login_user(&user.email).await.unwrap().unwrap();
    login.password_hash
}

async fn a_session_lasts_until_it_expires_or_is_ended(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let session = session_of(&ada, "secret");
    control.create_session(&session).await.unwrap();
    let sum = sha256("secret");
    assert_eq!(
        control.session(&sum, NOW_MS).await.unwrap(),
        Some(session.clone())
    );
    assert_eq!(
        control.session(&sum, NOW_MS + HOUR_MS).await.unwrap(),
        None,
        "expired"
    );
    assert_eq!(control.session(&sha256("guess"), NOW_MS).await.unwrap(), None);
    control
        .touch_session(&sum, NOW_MS + 5, NOW_MS + 2 * HOUR_MS)
        .await
        .unwrap();
    let touched = control.session(&sum, NOW_MS + HOUR_MS).await.unwrap().unwrap();
    assert_eq!(touched.last_seen_ms, NOW_MS + 5);
    control.delete_session(&sum).await.unwrap();
    control.delete_session(&sum).await.unwrap();
    assert_eq!(control.session(&sum, NOW_MS).await.unwrap(), None);
    let gone = Err(ControlError::NotFound("session"));
    assert_eq!(control.touch_session(&sum, NOW_MS, NOW_MS).await, gone);
    let nobody = Session {
        user_id: Uuid::from_u128(99),
        ..session
    };
    let nobody = control.create_session(&nobody).await;
    assert_eq!(nobody, Err(ControlError::NotFound("user")));
}

async fn a_disabled_user_and_a_new_password_end_all_sessions(place: Place) {
    let control = place.open().await;
    user(&control, "owner@example.org", true).await;
    let ada = user(&control, "ada@example.org", false).await;
    let eve = user(&control, "eve@example.org", false).await;
    control.create_session(&session_of(&eve, "eve's")).await.unwrap();
    for round in 0..3 {
        for secret in ["one", "two"] {
            control.create_session(&session_of(&ada, secret)).await.unwrap();
        }
        assert_eq!(control.sessions_of(ada.id, NOW_MS).await.unwrap().len(), 2);
        match round {
            0 => control.delete_sessions_of(&by(), ada.id).await.unwrap(),
            1 => control.set_password_hash(&by(), ada.id, &hash()).await.unwrap(),
            _ => {
                let disable = UserChange {
                    is_disabled: Some(true),
                    ..UserChange::default()
                };
                control.update_user(&by(), ada.id, disable).await.unwrap();
            }
        }
        assert_eq!(control.sessions_of(ada.id, NOW_MS).await.unwrap(), []);
    }
    let late = control.create_session(&session_of(&ada, "three")).await;
    assert_eq!(late, Err(ControlError::NotFound("user")), "a disabled user");
    assert_eq!(control.sessions_of(eve.id, NOW_MS).await.unwrap().len(), 1);
}

async fn a_user_has_a_bounded_number_of_sessions(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    for number in 0..55_i64 {
        let session = Session {
            last_seen_ms: NOW_MS + number,
            ..session_of(&ada, &number.to_string())
        };
        control.create_session(&session).await.unwrap();
    }
    let sessions = control.sessions_of(ada.id, NOW_MS).await.unwrap();
    assert_eq!(sessions.len(), 50);
    assert_eq!(sessions[0].last_seen_ms, NOW_MS + 54);
    assert_eq!(sessions[49].last_seen_ms, NOW_MS + 5);
}

async fn an_invitation_makes_a_member_once(place: Place) {
    let control = place.open().await;
    control.create_project(&by(), project("shop")).await.unwrap();
    let end = i64::MAX;
    let (token, secret) = control
        .invite(
            &by(),
            email("new@example.org"),
            Some((id("shop"), Role::Admin)),
            end,
        )
        .await
        .unwrap();
    let sum = sha256(secret.reveal());
    assert_eq!(control.token(&sum, NOW_MS).await.unwrap(), Some(token));
    let accept = async || {
        control
            .accept_invitation(&sum, name("New"), &hash(), None, NOW_MS)
            .await
    };
    let new = accept().await.unwrap();
    assert_eq!(new.email, email("new@example.org"));
    assert!(!new.is_instance_owner);
    assert_eq!(
        control.directory().user(new.id).unwrap().role_in("shop"),
        Some(Role::Admin)
    );
    assert_eq!(password_of(&control, &new).await, Some(hash()));
    assert_eq!(
        accept().await,
        Err(ControlError::NotFound("invitation")),
        "used up"
    );
    assert_eq!(control.token(&sum, NOW_MS).await.unwrap(), None);

    let (_, secret) = control
        .invite(&by(), email("owner@example.org"), None, end)
        .await
        .unwrap();
    let owner = control
        .accept_invitation(&sha256(secret.reveal()), name("Owner"), &hash(), None, NOW_MS)
        .await
        .unwrap();
    assert!(owner.is_instance_owner);
}

async fn an_invitation_of_a_known_user_gives_the_role_and_leaves_the_password(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let before = password_of(&control, &ada).await;
    let (_, secret) = control
        .invite(
            &by(),
            ada.email.clone(),
            Some((id("default"), Role::Viewer)),
            i64::MAX,
        )
        .await
        .unwrap();
    let same = control
        .accept_invitation(&sha256(secret.reveal()), name("Not Ada"), &hash(), None, NOW_MS)
        .await
        .unwrap();
    assert_eq!(same, ada);
    assert_eq!(password_of(&control, &ada).await, before);
    assert_eq!(
        control.directory().user(ada.id).unwrap().role_in("default"),
        Some(Role::Viewer)
    );
}

async fn an_invitation_can_be_taken_back_and_is_replaced_by_a_newer_one(place: Place) {
    let control = place.open().await;
    let shop = id("default");
    let invite = async || {
        let to = Some((shop.clone(), Role::Viewer));
        control
            .invite(&by(), email("new@example.org"), to, i64::MAX)
            .await
            .unwrap()
    };
    let (_, older) = invite().await;
    let (token, newer) = invite().await;
    assert_eq!(
        control.token(&sha256(older.reveal()), NOW_MS).await.unwrap(),
        None
    );
    let open = control
        .invitations(Some(&shop), NOW_MS, page(1, 50))
        .await
        .unwrap();
    assert_eq!(open.items, vec![token.clone()]);
    let all = control.invitations(None, NOW_MS, page(1, 50)).await.unwrap();
    assert_eq!(all.items, vec![token.clone()]);
    let gone = Err(ControlError::NotFound("invitation"));
    assert_eq!(control.revoke_invitation(&by(), None, token.id).await, gone);
    assert_eq!(
        control
            .revoke_invitation(&by(), Some(&id("other")), token.id)
            .await,
        gone
    );
    control
        .revoke_invitation(&by(), Some(&shop), token.id)
        .await
        .unwrap();
    let late = control
        .accept_invitation(&sha256(newer.reveal()), name("New"), &hash(), None, NOW_MS)
        .await;
    assert_eq!(late, Err(ControlError::NotFound("invitation")));
}

async fn a_reset_sets_the_password_once_and_ends_sessions(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    control.create_session(&session_of(&ada, "s")).await.unwrap();
    let end = NOW_MS + HOUR_MS;
    let (_, older) = control.create_password_reset(&by(), ada.id, end).await.unwrap();
    let (token, newer) = control.create_password_reset(&by(), ada.id, end).await.unwrap();
    assert_eq!(token.purpose, TokenPurpose::PasswordReset { user_id: ada.id });
    let reset = async |secret: &Secret, now_ms| {
        control
            .reset_password(&sha256(secret.reveal()), &hash(), None, now_ms)
            .await
    };
    let gone = Err(ControlError::NotFound("token"));
    assert_eq!(reset(&older, NOW_MS).await, gone, "replaced");
    assert_eq!(reset(&newer, end).await, gone, "expired");
    assert_ne!(password_of(&control, &ada).await, Some(hash()));
    assert_eq!(reset(&newer, NOW_MS).await, Ok(ada.clone()));
    assert_eq!(password_of(&control, &ada).await, Some(hash()));
    assert_eq!(control.sessions_of(ada.id, NOW_MS).await.unwrap(), []);
    assert_eq!(reset(&newer, NOW_MS).await, gone, "used up");
    let nobody = control
        .create_password_reset(&by(), Uuid::from_u128(99), end)
        .await
        .map(|_| ());
    assert_eq!(nobody, Err(ControlError::NotFound("user")));
}

async fn of_many_who_use_a_token_at_once_one_succeeds(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let ada = user(&one, "ada@example.org", false).await;
    let (_, secret) = one.create_password_reset(&by(), ada.id, i64::MAX).await.unwrap();
    let sum = sha256(secret.reveal());
    let hash = hash();
    let tries = (0..16).map(|number| {
        let control = if number % 2 == 0 { &one } else { &other };
        control.reset_password(&sum, &hash, None, NOW_MS)
    });
    let outcomes = futures_util::future::join_all(tries).await;
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        1,
        "{outcomes:?}"
    );
}

async fn a_password_that_is_changed_during_a_login_lets_nobody_in(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let before = password_of(&control, &ada).await.unwrap();
    control.log_in(&session_of(&ada, "one"), &before).await.unwrap();
    control.set_password_hash(&by(), ada.id, &hash()).await.unwrap();
    let late = control.log_in(&session_of(&ada, "two"), &before).await;
    assert_eq!(late, Err(ControlError::NotFound("user")));
    assert_eq!(control.sessions_of(ada.id, NOW_MS).await.unwrap(), []);
}

async fn a_changed_password_keeps_one_session_and_of_two_changes_one_is_made(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let (here, there) = (session_of(&ada, "here"), session_of(&ada, "there"));
    for session in [&here, &there] {
        control.create_session(session).await.unwrap();
    }
    let before = password_of(&control, &ada).await.unwrap();
    let change = async |kept: &Session| {
        control
            .change_password_hash(&by(), ada.id, &before, &hash(), &kept.sha256)
            .await
    };
    change(&here).await.unwrap();
    assert_eq!(
        control.sessions_of(ada.id, NOW_MS).await.unwrap(),
        std::slice::from_ref(&here)
    );
    assert_eq!(
        change(&here).await,
        Err(ControlError::Conflict { field: "password" })
    );
    assert_eq!(change(&there).await, Err(ControlError::NotFound("session")));
    assert_eq!(password_of(&control, &ada).await, Some(hash()));
}

async fn a_session_is_ended_by_its_own_user_only(place: Place) {
    let control = place.open().await;
    let ada = user(&control, "ada@example.org", false).await;
    let eve = user(&control, "eve@example.org", false).await;
    let session = session_of(&ada, "s");
    control.create_session(&session).await.unwrap();
    let gone = Err(ControlError::NotFound("session"));
    let as_eves = Session {
        user_id: eve.id,
        ..session.clone()
    };
    assert_eq!(control.end_session(&by(), &as_eves).await, gone);
    assert_eq!(session.id(), as_eves.id());
    assert_ne!(session.id(), session_of(&ada, "t").id());
    control.end_session(&by(), &session).await.unwrap();
    assert_eq!(control.end_session(&by(), &session).await, gone);
}

async fn a_reset_token_ends_when_its_user_gets_rights_or_loses_them(place: Place) {
    let control = place.open().await;
    user(&control, "owner@example.org", true).await;
    let ada = user(&control, "ada@example.org", false).await;
    let change = |is_instance_owner, is_disabled| UserChange {
        is_instance_owner,
        is_disabled,
        ..UserChange::default()
    };
    for round in 0..4 {
        let (_, secret) = control
            .create_password_reset(&by(), ada.id, i64::MAX)
            .await
            .unwrap();
        match round {
            0 => control
                .set_role(&by(), &id("default"), ada.id, Some(Role::Viewer))
                .await
                .unwrap(),
            1 => {
                let owner = change(Some(true), None);
                control.update_user(&by(), ada.id, owner).await.unwrap();
            }
            2 => control.set_password_hash(&by(), ada.id, &hash()).await.unwrap(),
            _ => {
                let disabled = change(None, Some(true));
                control.update_user(&by(), ada.id, disabled).await.unwrap();
            }
        }
        let sum = sha256(secret.reveal());
        assert_eq!(control.token(&sum, NOW_MS).await.unwrap(), None, "{round}");
    }
    let disabled = control
        .create_password_reset(&by(), ada.id, i64::MAX)
        .await
        .map(|_| ());
    assert_eq!(disabled, Err(ControlError::Conflict { field: "is_disabled" }));
}
