//! What an unauthenticated or refused call gets (azure-devops.md section 4.3), one answer per situation. The
//! headers are those that were recorded with it.

use uuid::Uuid;

use super::super::{Request, Response, call::encode, errors::ApiError};

/// Where a call was refused.
pub(crate) struct Place<'a> {
    /// `scheme://host[:port]` of the emulator.
    pub(crate) base_url: &'a str,
    /// Name of the organization as the route has it; empty outside of one.
    pub(crate) organization: &'a str,
    /// The Entra tenant behind it.
    pub(crate) tenant: Uuid,
}

/// Why a call was refused before it reached its handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No credential, a wrong or an expired one. What is answered depends on how the caller asked.
    SignIn,
    /// A good credential of somebody without access, or without the scope: TF400813. The name in the message
    /// and, where an identity is known, what `X-VSS-UserData` says.
    NotAuthorized(String, Option<String>),
    /// The directory knows the caller and the organization has never seen them: TF401444.
    NeverSignedIn(String),
    /// A conditional access policy forbids it: VS403463.
    ConditionalAccess,
    /// Continuous access evaluation wants a newer token: its `nbf`, in seconds of the epoch.
    ClaimsChallenge(i64),
}

/// The sign-in page in short; the real one has about 16 KB.
pub(crate) const SIGN_IN_PAGE: &str = "<!DOCTYPE html>\r\n<html lang=\"en-US\">\r\n<head><title>\r\n\tAzure DevOps Services | Sign In\r\n</title></head>\r\n<body class=\"lwp\"><form method=\"post\"><p>Sign in to continue.</p></form></body>\r\n</html>\r\n";

impl Refusal {
    pub(crate) fn answer(&self, place: &Place, request: &Request) -> Response {
        match self {
            Self::SignIn => sign_in(place, request),
            Self::NotAuthorized(who, user_data) => {
                let mut response = refused(&ApiError::not_a_member(who), place, request);
                if let Some(user) = user_data {
                    response.headers.push(("X-VSS-UserData".into(), user.clone()));
                }
                response
            }
            Self::NeverSignedIn(who) => refused(&ApiError::never_signed_in(who), place, request),
            Self::ConditionalAccess => refused(&ApiError::conditional_access(), place, request),
            Self::ClaimsChallenge(not_before) => claims_challenge(place, *not_before),
        }
    }
}

/// The address of the token service that challenges name: this emulator's own, unless it has the name of the
/// real service.
pub(crate) fn authority(base_url: &str) -> &str {
    if base_url == "https://dev.azure.com" { "https://login.microsoftonline.com" } else { base_url }
}

fn suppressed(request: &Request) -> bool {
    request.header_value("x-tfs-fedauthredirect").is_some_and(|v| v.eq_ignore_ascii_case("suppress"))
}

/// Without a usable credential: an empty 401 for callers that asked not to be redirected, a redirect for
/// browsers that sent none, a JSON refusal for PATCH, and a sign-in page with status 203 for all others.
fn sign_in(place: &Place, request: &Request) -> Response {
    if suppressed(request) {
        return basic_challenge(place.base_url);
    }
    let presented = request.header_value("authorization").is_some();
    let browser =
        request.header_value("accept").is_some_and(|a| a.to_ascii_lowercase().contains("text/html"));
    if !presented && browser && matches!(request.method.as_str(), "GET" | "HEAD") {
        return redirect_to_sign_in(place, request);
    }
    if presented && request.method == "PATCH" {
        return refused(&ApiError::not_a_member(""), place, request);
    }
    html(203, SIGN_IN_PAGE)
}

/// 401 with an empty body and a Basic challenge: a bad PAT, or any PAT where only Entra tokens are taken.
pub(crate) fn basic_challenge(base_url: &str) -> Response {
    let challenge = format!("Basic realm=\"{base_url}/\"");
    Response { status: 401, headers: vec![("WWW-Authenticate".into(), challenge)], body: Vec::new() }
}

/// 302 to the sign-in page.
pub(crate) fn redirect_to_sign_in(place: &Place, request: &Request) -> Response {
    let location = sign_in_address(place, request);
    Response { status: 302, headers: vec![("Location".into(), location)], body: Vec::new() }
}

fn sign_in_address(place: &Place, request: &Request) -> String {
    let asked = match request.query.as_str() {
        "" => format!("{}{}", place.base_url, request.path),
        query => format!("{}{}?{query}", place.base_url, request.path),
    };
    let host = place.base_url.split("://").last().unwrap_or_default();
    format!("{}/_signin?realm={}&reply_to={}&redirect=1", place.base_url, encode(host), encode(&asked))
}

/// A JSON refusal with the challenge and the federation headers that were recorded with TF400813.
fn refused(error: &ApiError, place: &Place, request: &Request) -> Response {
    let (base, organization) = (place.base_url, encode(place.organization));
    let tenant = place.tenant;
    let headers = [
        ("Content-Type", error.content_type().to_owned()),
        ("WWW-Authenticate", format!("Bearer authorization_uri={}/{tenant}", authority(base))),
        ("WWW-Authenticate", "TFS-Federated".to_owned()),
        ("X-TFS-FedAuthRealm", format!("{base}/")),
        ("X-TFS-FedAuthIssuer", format!("{base}/{organization}/")),
        ("X-TFS-FedAuthRedirect", sign_in_address(place, request)),
        ("X-VSS-AuthenticateError", "Unauthorized".to_owned()),
        ("X-VSS-AuthorizationEndpoint", format!("{base}/vssps/{organization}/")),
        ("X-VSS-ResourceTenant", tenant.to_string()),
        ("X-VSS-S2STargetService", "00000002-0000-8888-8000-000000000000/visualstudio.com".to_owned()),
    ];
    let headers = headers.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Response { status: error.status, headers, body: error.body() }
}

/// 401 whose challenge carries claims, base64 of JSON; a token requested with them works.
fn claims_challenge(place: &Place, not_before: i64) -> Response {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let claims =
        serde_json::json!({"access_token": {"nbf": {"essential": true, "value": not_before.to_string()}}});
    let challenge = format!(
        "Bearer realm=\"\", authorization_uri=\"{}/{}/oauth2/authorize\", error=\"insufficient_claims\", claims=\"{}\"",
        authority(place.base_url),
        place.tenant,
        BASE64_STANDARD.encode(claims.to_string())
    );
    Response { status: 401, headers: vec![("WWW-Authenticate".into(), challenge)], body: Vec::new() }
}

pub(crate) fn html(status: u16, body: &str) -> Response {
    let headers = vec![("Content-Type".to_owned(), "text/html; charset=utf-8".to_owned())];
    Response { status, headers, body: body.as_bytes().to_vec() }
}
