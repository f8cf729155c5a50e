//! `/api/invitations`: how people become users. The token is in the answer that makes it, and nowhere else.

use actix_web::web;
use serde::Serialize;

use super::body::Fields;
use super::error::ApiError;
use super::identity::{GuessKind, Manager};
use super::manage::{Call, Done, OfProject, delete, look, make};
use super::paging::Paging;
use super::password::new_password;
use super::{asked, resource};
use crate::clock;
use crate::control::{ControlError, sha256};
use crate::domain::account::{Actor, Email, Name, OneTimeToken, ProjectId, Role, TokenPurpose, User};
use crate::domain::page::Page;

/// How long an invitation waits.
const INVITATION_MS: i64 = 7 * 24 * 3_600_000;

/// Adds the addresses.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(
            resource("/api/invitations", "GET, POST")
                .route(look(list))
                .route(make(invite)),
        )
        .service(resource("/api/invitations/accept", "POST").route(make(accept)))
        .service(resource("/api/invitations/{id}", "DELETE").route(delete(revoke)));
}

/// A new invitation.
#[derive(Serialize, utoipa::ToSchema)]
struct NewInvitation {
    /// Shown this once; for whoever is invited.
    token: String,
    #[serde(flatten)]
    invitation: OneTimeToken,
}

/// The project whose invitations are meant; none, which only instance owners may, for those of the instance.
async fn scope(call: &Call) -> Result<(Manager, Option<ProjectId>), ApiError> {
    let manager = call.manager().await?;
    if manager.is_instance_owner() && !call.names_a_project() {
        return Ok((manager, None));
    }
    let (manager, project_id) = call.manager_of(Role::Owner).await?;
    Ok((manager, Some(project_id)))
}

/// Invitations that wait. Without `project` an instance owner sees all.
#[utoipa::path(get, path = "/api/invitations", tag = "users", params(OfProject, Paging), responses((status = 200, body = Page<OneTimeToken>)))]
async fn list(call: &mut Call) -> Result<Page<OneTimeToken>, ApiError> {
    let (_, project_id) = scope(call).await?;
    let (page, now_ms) = (call.page_only()?, clock::now().as_millis());
    Ok(call
        .control()
        .invitations(project_id.as_ref(), now_ms, page)
        .await?)
}

/// Who is invited.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct InvitationFields {
    email: Email,
    /// What they shall be in the project. An instance owner who names no project invites another one, without a role.
    role: Option<Role>,
}

/// What a person who was invited says.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes a body; `Fields` reads it")]
struct AcceptFields {
    token: String,
    name: Name,
    #[schema(min_length = 10, max_length = 200, format = Password)]
    password: String,
}

/// Invites somebody. The token is in this answer, and nowhere else; it lasts 7 days.
#[utoipa::path(post, path = "/api/invitations", tag = "users", params(OfProject), request_body = InvitationFields, responses((status = 201, body = NewInvitation)))]
async fn invite(call: &mut Call) -> Result<NewInvitation, ApiError> {
    let (manager, project_id) = scope(call).await?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let email = fields.parsed("email", Email::parse);
    let email = fields.require("email", email);
    // Without a project it is for an instance owner, who has no role.
    let membership = match project_id {
        Some(project_id) => {
            let role = fields.named("role", Role::from_name, "viewer, admin, owner");
            fields.require("role", role).map(|role| Some((project_id, role)))
        }
        None => Some(None),
    };
    let (email, membership) = fields.finish(email.zip(membership))?;
    let expires_at_ms = clock::now().as_millis() + INVITATION_MS;
    let control = call.control();
    let (invitation, token) = control
        .invite(manager.by(), email, membership, expires_at_ms)
        .await?;
    Ok(NewInvitation {
        token: token.reveal().to_owned(),
        invitation,
    })
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/invitations/{id}", tag = "users", params(("id" = uuid::Uuid, Path), OfProject), responses((status = 200, body = Done)))]
async fn revoke(call: &mut Call) -> Result<Done, ApiError> {
    let (manager, project_id) = scope(call).await?;
    let control = call.control();
    control
        .revoke_invitation(manager.by(), project_id.as_ref(), call.id("id")?)
        .await?;
    Ok(Done::DONE)
}

/// Makes the user who was invited. Needs no login: the token is what lets in.
#[utoipa::path(post, path = "/api/invitations/accept", tag = "users", security(()), request_body = AcceptFields, responses((status = 201, body = User), (status = 503, description = "`TOO_MANY_PASSWORDS`")))]
async fn accept(call: &mut Call) -> Result<User, ApiError> {
    let now_ms = clock::now().as_millis();
    call.state().identity.anyone(call.request(), now_ms)?;
    let body = call.body().await?;
    let mut fields = Fields::read(&body)?;
    let token = fields.text("token");
    let token = fields.require("token", token);
    let name = fields.parsed("name", Name::parse);
    let name = fields.require("name", name);
    let password = fields.parsed("password", new_password);
    let password = fields.require("password", password);
    let ((token, name), password) = fields.finish(token.zip(name).zip(password))?;
    let sum = sha256(&token);
    let identity = &call.state().identity;
    let guess = identity.guess(call.request(), GuessKind::Invitation, &sum, now_ms)?;
    // Looked up before anything is hashed: hashing is not for everyone to ask for.
    let known = match call.control().token(&sum, now_ms).await {
        Ok(known) => known,
        Err(error) => {
            guess.unknown();
            return Err(error.into());
        }
    };
    if !known.is_some_and(|known| matches!(known.purpose, TokenPurpose::Invitation { .. })) {
        let network = guess.wrong();
        asked::note(call.request(), |asked| asked.network = Some(network));
        return Err(ControlError::NotFound("invitation").into());
    }
    guess.right();
    let hash = call.state().passwords.hash(password).await?;
    let by = call.state().identity.by(call.request(), Actor::system());
    let control = call.control();
    Ok(control
        .accept_invitation(&sum, name, &hash, by.ip_prefix, now_ms)
        .await?)
}
