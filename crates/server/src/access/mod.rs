//! Who calls, and what they may do.
//!
//! Every request passes [`guard`]. What a route requires is written in one table ([`policy`]) that denies first: a
//! reading route needs a signed-in reader and a changing route an administrator, unless the table says otherwise.

pub(crate) mod attempts;
pub(crate) mod passwords;
pub(crate) mod policy;
pub(crate) mod secrets;

use api::Role;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Duration, Utc};
use engine::Actor;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};
use model::{TokenId, UserId};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use uuid::Uuid;

use crate::App;
use crate::problem::{Answer, Failure};
use policy::Required;

/// Name of the cookie that carries a session.
pub const SESSION_COOKIE: &str = "lockstep_session";

/// Header that a page of ours sends and a page of another site cannot: what protects cookies from forged requests.
pub const CSRF_HEADER: &str = "x-lockstep";

/// A session ends when it was not used for this long.
pub(crate) fn session_length() -> Duration {
    Duration::hours(12)
}

/// A session in use is extended at most this often, so that reading does not become writing.
fn session_extension_interval() -> Duration {
    Duration::minutes(5)
}

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// Name of the user or the token.
    pub(crate) name: String,
    /// What the caller may do.
    pub(crate) role: Role,
    /// How the caller showed who it is.
    pub(crate) credential: Credential,
}

impl Caller {
    /// The caller, as the engine and the audit log know it.
    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.name.clone() }
    }

    /// The user, if the caller is a person.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        match self.credential {
            Credential::Session { user_id, .. } => Some(user_id),
            Credential::Token => None,
        }
    }
}

/// How a caller showed who it is.
#[derive(Clone, Debug)]
pub(crate) enum Credential {
    /// A person, by the cookie of a session.
    Session {
        /// The person.
        user_id: UserId,
        /// Key of the session.
        secret_hash: [u8; 32],
    },
    /// A program, by an API token.
    Token,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // The guard put it there; without it the route is public and has no caller.
        parts.extensions.get::<Self>().cloned().ok_or_else(Failure::not_signed_in)
    }
}

/// Lets a request through only if its caller may do what the route does.
pub(crate) async fn guard(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let Some(path) = path else { return Err(Failure::not_found("page")) };
    let Required::Role(required) = policy::required(request.method(), &path) else {
        return Ok(next.run(request).await);
    };
    let caller = authenticate(&app, request.headers()).await?.ok_or_else(Failure::not_signed_in)?;
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    if changes
        && matches!(caller.credential, Credential::Session { .. })
        && !request.headers().contains_key(CSRF_HEADER)
    {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "forged_request",
            "The request may come from another site",
            "A request that changes something with a browser's session must carry the header `X-Lockstep: 1`.",
            "Send the header, or use an API token instead of the session's cookie.",
        ));
    }
    if caller.role < required {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "Not allowed",
            &format!(
                "This needs the role {}; {} has the role {}.",
                policy::word(required),
                caller.name,
                policy::word(caller.role)
            ),
            "Ask an administrator for a user or token with that role.",
        ));
    }
    tracing::Span::current().record("caller", caller.name.as_str());
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Answer<Option<Caller>> {
    let now = app.now();
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A bad token is never excused by a good cookie: the caller meant the token.
        let Some(secret) = value.to_str().ok().and_then(bearer) else { return Ok(None) };
        return by_token(app, secret, now).await;
    }
    match cookie(headers, SESSION_COOKIE) {
        Some(secret) => by_session(app, secret, now).await,
        None => Ok(None),
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

async fn by_token(app: &App, secret: &str, now: DateTime<Utc>) -> Answer<Option<Caller>> {
    let secret_hash = secrets::hash(secret);
    let mut tx = app.db.read().await?;
    let Some(token) = store::tokens::find(&mut tx, &secret_hash, now).await? else { return Ok(None) };
    drop(tx);
    if token.last_used_at.is_none_or(|used| minute(used) < minute(now)) {
        remember_use(app, token.id, now).await?;
    }
    Ok(Some(Caller { name: token.name, role: policy::role(&token.role)?, credential: Credential::Token }))
}

async fn remember_use(app: &App, id: TokenId, now: DateTime<Utc>) -> Answer<()> {
    let mut tx = app.db.begin().await?;
    store::tokens::touch(&mut tx, id, now).await?;
    Ok(tx.commit().await?)
}

fn minute(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(60)
}

async fn by_session(app: &App, secret: &str, now: DateTime<Utc>) -> Answer<Option<Caller>> {
    let secret_hash = secrets::hash(secret);
    let mut tx = app.db.read().await?;
    let Some(session) = store::sessions::find(&mut tx, &secret_hash, now).await? else { return Ok(None) };
    drop(tx);
    let end = now + session_length();
    if session.expires_at + session_extension_interval() < end {
        let mut tx = app.db.begin().await?;
        store::sessions::extend(&mut tx, &secret_hash, end).await?;
        tx.commit().await?;
    }
    Ok(Some(Caller {
        name: session.user_name,
        role: policy::role(&session.role)?,
        credential: Credential::Session { user_id: session.user_id, secret_hash },
    }))
}

/// Writes into the audit log what a caller did.
pub(crate) async fn record(
    app: &App,
    tx: &mut Tx,
    subject: &'static str,
    id: Uuid,
    by: &Caller,
    what: String,
) -> Answer<()> {
    let cause = Cause::new(CauseKind::Person, by.name.clone());
    let entry = Entry {
        id: app.id(),
        at: app.now(),
        subject: Subject::Other(subject, id),
        cause: &cause,
        what,
        statuses: None,
        fields: &[],
    };
    Ok(store::audit::add(tx, entry).await?)
}
