//! Signing in and out, and the own password.

use std::net::{IpAddr, SocketAddr};

use api::{ChangePassword, FieldProblem, Me, SignIn};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Caller, Credential, SESSION_COOKIE, passwords, policy, record, secrets, session_length};
use crate::extract::Json;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(sign_in, who_am_i, sign_out)).routes(routes!(change_password))
}

/// Sign in with name and password
///
/// Sets the session's cookie. Eight failures for a name from one address make it wait for five minutes.
#[utoipa::path(post, path = "/session", tag = "Access", request_body = SignIn,
    responses((status = 200, body = Me)))]
async fn sign_in(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(sign_in): Json<SignIn>,
) -> Answer<Response> {
    let now = app.now();
    let address: IpAddr = peer.ip();
    if let Some(seconds) = app.attempts.wait_seconds(&sign_in.username, address, now) {
        return Err(Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_attempts",
            "Too many attempts",
            "Signing in failed too often.",
            &format!("Wait {seconds} seconds and try again."),
        )
        .retry_after(seconds));
    }
    app.attempts.begin(&sign_in.username, address, now);
    let credentials = {
        let mut tx = app.db.read().await?;
        store::users::by_name(&mut tx, &sign_in.username).await?
    };
    let (user, hash) = credentials.map(|found| (found.user, found.password_hash)).unzip();
    let fits =
        sign_in.password.len() <= passwords::MAX_BYTES && passwords::verify(sign_in.password, hash).await?;
    let Some(user) = user.filter(|_| fits) else {
        tracing::warn!(%address, "a sign-in failed");
        return Err(Failure::new(
            StatusCode::UNAUTHORIZED,
            "sign_in_failed",
            "Signing in failed",
            "User name or password is wrong.",
            "Check both; the password is case-sensitive.",
        ));
    };
    app.attempts.succeeded(&sign_in.username, address);
    let secret = secrets::new_session();
    let mut tx = app.db.begin().await?;
    store::sessions::delete_expired(&mut tx, now).await?;
    store::sessions::create(&mut tx, &secrets::hash(&secret), user.id, now, now + session_length()).await?;
    tx.commit().await?;
    let me = Me { user_id: Some(user.id), name: user.name, role: policy::role(&user.role)? };
    let cookie = set_cookie(&secret, session_length().num_seconds(), is_https(&app, &headers))?;
    Ok(([(header::SET_COOKIE, cookie)], axum::Json(me)).into_response())
}

/// The caller came by https, as far as we or a proxy in front can tell.
fn is_https(app: &App, headers: &HeaderMap) -> bool {
    app.public_url.scheme() == "https"
        || headers
            .get("x-forwarded-proto")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"))
}

fn set_cookie(value: &str, max_age: i64, secure: bool) -> Answer<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let cookie =
        format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&cookie).map_err(|error| Failure::internal(&error))
}

/// Who is calling
#[utoipa::path(get, path = "/session", tag = "Access", responses((status = 200, body = Me)))]
async fn who_am_i(caller: Caller) -> axum::Json<Me> {
    axum::Json(Me { user_id: caller.user_id(), role: caller.role, name: caller.name })
}

/// Sign out
#[utoipa::path(delete, path = "/session", tag = "Access", responses((status = 204)))]
async fn sign_out(State(app): State<App>, headers: HeaderMap, caller: Caller) -> Answer<Response> {
    if let Credential::Session { secret_hash, .. } = caller.credential {
        let mut tx = app.db.begin().await?;
        store::sessions::delete(&mut tx, &secret_hash).await?;
        tx.commit().await?;
    }
    let cookie = set_cookie("", 0, is_https(&app, &headers))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Change the own password
///
/// All other sessions of the user end.
#[utoipa::path(post, path = "/session/password", tag = "Access", request_body = ChangePassword,
    responses((status = 204)))]
async fn change_password(
    State(app): State<App>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    caller: Caller,
    Json(change): Json<ChangePassword>,
) -> Answer<StatusCode> {
    let Credential::Session { user_id, secret_hash } = caller.credential.clone() else {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Not allowed",
            "An API token has no password.",
            "Sign in as the person whose password shall change.",
        ));
    };
    let wrong = |pointer: &str, detail: &str| {
        Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "password_refused",
            "The password was not changed",
            detail,
            "Correct the field and try again.",
        )
        .with_fields(vec![FieldProblem { pointer: pointer.to_owned(), detail: detail.to_owned() }])
    };
    if change.new.chars().count() < passwords::MIN_LENGTH {
        return Err(wrong("/new", "The new password has fewer than 12 characters."));
    }
    if change.new.len() > passwords::MAX_BYTES {
        return Err(wrong("/new", "The new password is longer than 1,024 bytes."));
    }
    let now = app.now();
    if app.attempts.wait_seconds(&caller.name, peer.ip(), now).is_some() {
        return Err(wrong("/current", "The current password was wrong too often; wait five minutes."));
    }
    app.attempts.begin(&caller.name, peer.ip(), now);
    let stored = {
        let mut tx = app.db.read().await?;
        store::users::by_id(&mut tx, user_id).await?
    };
    let stored = stored.ok_or_else(Failure::not_signed_in)?;
    if !passwords::verify(change.current, Some(stored.password_hash)).await? {
        return Err(wrong("/current", "The current password is wrong."));
    }
    app.attempts.succeeded(&caller.name, peer.ip());
    let hash = passwords::hash(change.new).await?;
    let mut tx = app.db.begin().await?;
    store::users::set_password(&mut tx, user_id, &hash).await?;
    store::sessions::delete_others(&mut tx, user_id, &secret_hash).await?;
    record(&app, &mut tx, "user", user_id.0, &caller, "Password changed; other sessions ended.".to_owned())
        .await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
