//! How connections sign in: what this server offers, and the way of a person through a browser.
//!
//! The browser comes back to a page of ours, not to a route: a request that Entra's page causes carries no session
//! (its cookie is `SameSite=Strict`), one of our page does, and the header against forged requests with it.

use api::{
    BeginSignIn, BoardOrganization, ChooseOrganization, Connection, FinishSignIn, ListOrganizations, Page,
    SignInBegun, SignInOptions, SignInProgress,
};
use axum::extract::State;
use engine::{BrowserAnswer, SignInApplication, SignInTarget};
use http::StatusCode;
use secrecy::SecretString;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::connections::{given_sign_in, read_connection};
use crate::App;
use crate::access::{Caller, Credential};
use crate::extract::Json;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_in_options, begin_sign_in))
        .routes(routes!(finish_sign_in))
        .routes(routes!(choose_organization))
        .routes(routes!(list_organizations))
}

/// The session that a sign-in is bound to.
fn session(caller: &Caller) -> Answer<[u8; 32]> {
    match caller.credential {
        Credential::Session { secret_hash, .. } => Ok(secret_hash),
        Credential::Token => Err(Failure::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Not allowed",
            "A person signs in with Microsoft in a browser; an API token cannot.",
            "Sign in to Lockstep with a browser and connect there.",
        )),
    }
}

fn shown(organizations: Vec<azure::Organization>) -> Vec<BoardOrganization> {
    organizations.into_iter().map(|found| BoardOrganization { id: found.id, name: found.name }).collect()
}

/// Ways to sign in that this server offers
#[utoipa::path(get, path = "/connections/sign-in", tag = "Connections",
    responses((status = 200, body = SignInOptions)))]
async fn sign_in_options(State(app): State<App>) -> Answer<axum::Json<SignInOptions>> {
    let settings = app.engine.settings();
    Ok(axum::Json(SignInOptions {
        redirect_uri: app.engine.redirect_uri()?.to_string(),
        managed_identity: settings.managed_identity.is_some(),
        workload_identity: settings.federated_token_file.is_some(),
    }))
}

/// Begin to sign in with Microsoft
///
/// The browser must go to the address in the answer. It comes back to the redirect address with a state and a code,
/// which the same session gives to `/connections/sign-in/finish` within ten minutes.
#[utoipa::path(post, path = "/connections/sign-in", tag = "Connections", request_body = BeginSignIn,
    responses((status = 200, body = SignInBegun)))]
async fn begin_sign_in(
    State(app): State<App>,
    caller: Caller,
    Json(begin): Json<BeginSignIn>,
) -> Answer<axum::Json<SignInBegun>> {
    let session = session(&caller)?;
    let target = match begin.connection_id {
        Some(id) => SignInTarget::Existing(id),
        None => SignInTarget::New {
            name: begin.name,
            description: begin.description,
            instance_url: begin.instance_url,
            organization: begin.organization,
        },
    };
    let application = begin.application.map(|given| SignInApplication {
        tenant: given.tenant,
        client_id: given.client_id,
        client_secret: given.client_secret.map(SecretString::from),
    });
    let begun = app.engine.begin_sign_in(target, application, &session).await?;
    Ok(axum::Json(SignInBegun {
        authorize_url: begun.authorize_url.to_string(),
        expires_at: begun.expires_at,
    }))
}

/// Go on once the browser is back
///
/// Makes the connection, or gives it the new sign-in, or asks for the organization. The state is used up.
#[utoipa::path(post, path = "/connections/sign-in/finish", tag = "Connections", request_body = FinishSignIn,
    responses((status = 200, body = SignInProgress)))]
async fn finish_sign_in(
    State(app): State<App>,
    caller: Caller,
    Json(finish): Json<FinishSignIn>,
) -> Answer<axum::Json<SignInProgress>> {
    let session = session(&caller)?;
    let answer = match finish.code {
        Some(code) => BrowserAnswer::Code(SecretString::from(code)),
        None => BrowserAnswer::Refused {
            error: finish.error.unwrap_or_default(),
            description: finish.error_description.unwrap_or_default(),
        },
    };
    let progress = app.engine.finish_sign_in(&finish.state, answer, &session, &caller.actor()).await?;
    Ok(axum::Json(match progress {
        engine::SignInProgress::Connected(id) => SignInProgress {
            connection: Some(read_connection(&app, &caller, id).await?),
            state: None,
            organizations: Vec::new(),
        },
        engine::SignInProgress::Choose { state, organizations } => {
            SignInProgress { connection: None, state: Some(state), organizations: shown(organizations) }
        }
    }))
}

/// Name the organization of a sign-in that asked for it
///
/// If the board refuses it, another one can be named with the same state.
#[utoipa::path(post, path = "/connections/sign-in/organization", tag = "Connections",
    request_body = ChooseOrganization, responses((status = 201, body = Connection)))]
async fn choose_organization(
    State(app): State<App>,
    caller: Caller,
    Json(choice): Json<ChooseOrganization>,
) -> Answer<(StatusCode, axum::Json<Connection>)> {
    let session = session(&caller)?;
    let made =
        app.engine.choose_organization(&choice.state, &choice.organization, &session, &caller.actor()).await;
    Ok((StatusCode::CREATED, axum::Json(read_connection(&app, &caller, made?).await?)))
}

/// Organizations that an identity is a member of
///
/// Nothing is saved. Azure DevOps lists them for sign-ins of Entra only, not for personal access tokens.
#[utoipa::path(post, path = "/connections/organizations", tag = "Connections", request_body = ListOrganizations,
    responses((status = 200, body = Page<BoardOrganization>)))]
async fn list_organizations(
    State(app): State<App>,
    Json(list): Json<ListOrganizations>,
) -> Answer<axum::Json<Page<BoardOrganization>>> {
    let found = app.engine.organizations(&list.instance_url, &given_sign_in(list.sign_in)).await?;
    Ok(axum::Json(Page { items: shown(found), next_cursor: None }))
}
