//! Controls of who is let in: organizations, members, credentials, sign-in, applications and limits; and what the
//! resource graph of a tenant holds.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Response as HttpResponse},
    routing::{get, post},
};
use chrono::Utc;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use uuid::Uuid;

use super::{Shared, bad_request, no_organization};
use crate::{
    seed::RateLimits,
    state::{
        ApplicationChange, AreaChange, GraphChange, MemberChange, NewPat, OrganizationChange, RefreshEnd,
        SignInChange,
    },
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_emulator/organizations/{org}", post(change_organization))
        .route("/_emulator/limits/{org}", post(set_limits))
        .route("/_emulator/members/{org}", post(change_member))
        .route("/_emulator/areas/{org}", post(change_area))
        .route("/_emulator/pats/{org}", post(create_pat).delete(end_pats))
        .route("/_emulator/tokens/expire", post(expire_tokens))
        .route("/_emulator/refresh-tokens", post(end_refresh_tokens))
        .route("/_emulator/sign-in", post(change_sign_in))
        .route("/_emulator/resource-graph", post(set_graph))
        .route("/_emulator/applications", get(applications))
        .route("/_emulator/applications/{client}", post(change_application))
}

/// The body, or a refusal with a sentence.
fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Box<HttpResponse>> {
    serde_json::from_slice(body).map_err(|error| Box::new(bad_request(error)))
}

fn done(found: bool, missing: impl FnOnce() -> HttpResponse) -> HttpResponse {
    if found { StatusCode::NO_CONTENT.into_response() } else { missing() }
}

fn not_found(message: String) -> HttpResponse {
    (StatusCode::NOT_FOUND, Json(json!({"message": message}))).into_response()
}

async fn change_organization(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let change: OrganizationChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let found = shared.state().change_organization(&org, &change, Utc::now());
    shared.wake();
    done(found, || no_organization(&org))
}

async fn set_limits(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let limits: Option<RateLimits> = match read(&body) {
        Ok(limits) => limits,
        Err(refused) => return *refused,
    };
    if limits.as_ref().is_some_and(|l| l.tstu <= 0.0 || l.block_at <= 1.0 || l.window_seconds <= 0) {
        return bad_request("tstu and windowSeconds must be more than 0, blockAt more than 1.");
    }
    let found = shared.state().set_limits(&org, limits);
    shared.wake();
    done(found, || no_organization(&org))
}

async fn change_member(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let change: MemberChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let found = shared.state().change_member(&org, &change);
    shared.wake();
    done(found, || not_found(format!("The organization {org} does not know {}.", change.member)))
}

async fn change_area(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let change: AreaChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let found = shared.state().change_area(&org, &change);
    shared.wake();
    done(found, || not_found(format!("The organization {org} does not know {}.", change.member)))
}

async fn create_pat(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let new: NewPat = match read(&body) {
        Ok(new) => new,
        Err(refused) => return *refused,
    };
    let made = shared.state().create_pat(&org, &new, Utc::now());
    shared.wake();
    match made {
        Some(token) => Json(json!({"token": token})).into_response(),
        None => not_found(format!("The organization {org} does not know {}.", new.person)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EndPats {
    person: String,
    /// Kept, but inactive as after 90 days without sign-in.
    #[serde(default)]
    inactive: bool,
}

async fn end_pats(
    Extract(shared): Extract<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> HttpResponse {
    let end: EndPats = match read(&body) {
        Ok(end) => end,
        Err(refused) => return *refused,
    };
    let found = shared.state().end_pats(&org, &end.person, !end.inactive);
    shared.wake();
    done(found, || not_found(format!("The organization {org} does not know {}.", end.person)))
}

async fn expire_tokens(Extract(shared): Extract<Arc<Shared>>) -> StatusCode {
    shared.state().expire_tokens();
    shared.wake();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EndRefreshTokens {
    end: RefreshEnd,
    /// Of everybody when absent.
    person: Option<String>,
}

async fn end_refresh_tokens(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let sent: EndRefreshTokens = match read(&body) {
        Ok(sent) => sent,
        Err(refused) => return *refused,
    };
    shared.state().end_refresh_tokens(sent.end, sent.person.as_deref(), Utc::now());
    shared.wake();
    StatusCode::NO_CONTENT.into_response()
}

async fn change_sign_in(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let change: SignInChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    shared.state().change_sign_in(&change);
    shared.wake();
    StatusCode::NO_CONTENT.into_response()
}

async fn applications(Extract(shared): Extract<Arc<Shared>>) -> impl IntoResponse {
    Json(json!({"applications": shared.state().applications()}))
}

async fn change_application(
    Extract(shared): Extract<Arc<Shared>>,
    Path(client): Path<Uuid>,
    body: Bytes,
) -> HttpResponse {
    let change: ApplicationChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let found = shared.state().change_application(client, &change);
    shared.wake();
    done(found, || not_found(format!("There is no application {client}.")))
}

async fn set_graph(Extract(shared): Extract<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let change: GraphChange = match read(&body) {
        Ok(change) => change,
        Err(refused) => return *refused,
    };
    let set = shared.state().set_graph(change);
    shared.wake();
    match set {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(message) => bad_request(message),
    }
}
