//! Refusals of the token service. The codes and their meaning are those of Entra's published list of AADSTS
//! errors; which `error` word and status go with a code is from answers that people reported, and a guess
//! where none was found.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::super::{
    super::{Request, Response, State, call::Query},
    json_response,
    refusals::html,
};

/// Why Entra issued nothing.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) code: i64,
    status: u16,
    pub(super) error: &'static str,
    text: String,
    suberror: Option<&'static str>,
}

/// Code, status, error, suberror and what it says when nothing more is known.
type Line = (i64, u16, &'static str, Option<&'static str>, &'static str);

const INTERACTION: Option<&str> = Some("basic_action");
const BAD_TOKEN: Option<&str> = Some("bad_token");

/// All codes that can be produced, by what leads to them or on demand.
const LINES: [Line; 44] = [
    (
        50_011,
        400,
        "invalid_request",
        None,
        "The redirect URI specified in the request does not match the redirect URIs configured for the application. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
    ),
    (
        50_020,
        400,
        "invalid_grant",
        None,
        "The user account from the identity provider does not exist in the tenant and cannot access the application in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different account.",
    ),
    (
        50_034,
        400,
        "invalid_grant",
        None,
        "The user account does not exist in the directory. To sign into this application, the account must be added to the directory.",
    ),
    (
        50_053,
        400,
        "invalid_grant",
        None,
        "The account is locked, you've tried to sign in too many times with an incorrect user ID or password.",
    ),
    (50_057, 400, "invalid_grant", None, "The user account is disabled."),
    (50_058, 400, "login_required", None, "Session information is not sufficient for single-sign-on."),
    (
        50_059,
        400,
        "invalid_request",
        None,
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
    ),
    (50_027, 401, "invalid_client", None, "JWT token is invalid or malformed."),
    (
        50_076,
        400,
        "invalid_grant",
        INTERACTION,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '499b84ac-1321-427f-aa17-267ca6975798'.",
    ),
    (
        50_079,
        400,
        "invalid_grant",
        INTERACTION,
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '499b84ac-1321-427f-aa17-267ca6975798'.",
    ),
    (
        50_105,
        400,
        "invalid_grant",
        None,
        "Your administrator has configured the application to block users unless they are specifically granted ('assigned') access to the application.",
    ),
    (
        50_173,
        400,
        "invalid_grant",
        BAD_TOKEN,
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.",
    ),
    (
        53_000,
        400,
        "invalid_grant",
        Some("message_only"),
        "Device is not in required device state. Conditional Access policy requires a compliant device, and the device is not compliant.",
    ),
    (
        53_003,
        400,
        "invalid_grant",
        Some("message_only"),
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
    ),
    (
        54_005,
        400,
        "invalid_grant",
        None,
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
    ),
    (
        65_001,
        400,
        "invalid_grant",
        Some("consent_required"),
        "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource.",
    ),
    (65_004, 400, "access_denied", None, "User declined to consent to access the app."),
    (70_000, 400, "invalid_grant", None, "Provided grant is invalid or malformed."),
    (70_003, 400, "unsupported_grant_type", None, "The app requested an unsupported grant type."),
    (
        70_008,
        400,
        "invalid_grant",
        BAD_TOKEN,
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
    ),
    (
        70_011,
        400,
        "invalid_scope",
        None,
        "The provided request must include a valid 'scope' input parameter.",
    ),
    (
        70_021,
        400,
        "invalid_request",
        None,
        "No matching federated identity record found for presented assertion.",
    ),
    (70_025, 401, "invalid_client", None, "The client has no configured federated identity credentials."),
    (
        70_043,
        400,
        "invalid_grant",
        BAD_TOKEN,
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
    ),
    (
        90_002,
        400,
        "invalid_request",
        None,
        "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.",
    ),
    (90_014, 400, "invalid_request", None, "A required field is missing from the request."),
    (90_033, 503, "temporarily_unavailable", None, "A transient error has occurred. Please try again."),
    (
        90_094,
        400,
        "access_denied",
        None,
        "The grant requires administrator permission. An administrator must consent to the application.",
    ),
    (
        500_011,
        400,
        "invalid_resource",
        None,
        "The resource principal was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
    ),
    (
        500_112,
        400,
        "invalid_grant",
        None,
        "The reply address does not match the reply address provided when requesting Authorization code.",
    ),
    (
        501_481,
        400,
        "invalid_grant",
        None,
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    ),
    (
        700_016,
        400,
        "unauthorized_client",
        None,
        "Application was not found in the directory. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
    ),
    (700_024, 401, "invalid_client", None, "Client assertion is not within its valid time range."),
    (
        700_025,
        401,
        "invalid_client",
        None,
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
    ),
    (
        700_027,
        401,
        "invalid_client",
        None,
        "Client assertion failed signature validation: the certificate used to sign it is not registered on the application.",
    ),
    (700_082, 400, "invalid_grant", BAD_TOKEN, "The refresh token has expired due to inactivity."),
    (
        700_211,
        401,
        "invalid_client",
        None,
        "No matching federated identity record found for presented assertion issuer.",
    ),
    (
        700_212,
        401,
        "invalid_client",
        None,
        "No matching federated identity record found for presented assertion audience.",
    ),
    (
        700_213,
        401,
        "invalid_client",
        None,
        "No matching federated identity record found for presented assertion subject.",
    ),
    (900_561, 400, "invalid_request", None, "The endpoint only accepts POST requests."),
    (7_000_112, 400, "unauthorized_client", None, "Application is disabled."),
    (
        7_000_215,
        401,
        "invalid_client",
        None,
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.",
    ),
    (
        7_000_218,
        401,
        "invalid_client",
        None,
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    ),
    (
        7_000_222,
        401,
        "invalid_client",
        None,
        "The provided client secret keys are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security.",
    ),
];

/// Codes whose `error` word is not one of theirs alone.
const MALFORMED: Line =
    (9_002_313, 400, "invalid_grant", None, "Invalid request. Request is malformed or invalid.");
const PKCE_MISSING: Line =
    (9_002_325, 400, "invalid_request", None, "Proof Key for Code Exchange is required for public clients.");

fn line(code: i64) -> Option<&'static Line> {
    static OTHERS: [Line; 2] = [MALFORMED, PKCE_MISSING];
    LINES.iter().chain(&OTHERS).find(|line| line.0 == code)
}

/// Is this an AADSTS code that can be produced?
pub(crate) fn is_known(code: i64) -> bool {
    line(code).is_some()
}

impl Refused {
    /// A refusal with what the list says.
    pub(super) fn plain(code: i64) -> Self {
        Self::of(code).unwrap_or_else(malformed)
    }

    fn of(code: i64) -> Option<Self> {
        let (code, status, error, suberror, text) = *line(code)?;
        Some(Self { code, status, error, text: text.to_owned(), suberror })
    }

    /// A refusal that says more than the list.
    pub(super) fn saying(code: i64, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::plain(code) }
    }

    /// Code, text and traces in one, as `error_description` has them.
    pub(super) fn description(&self, trace: Uuid, now: DateTime<Utc>) -> String {
        let at = now.format("%Y-%m-%d %H:%M:%SZ");
        format!(
            "AADSTS{}: {} Trace ID: {trace} Correlation ID: {trace} Timestamp: {at}",
            self.code, self.text
        )
    }

    /// The answer of the token endpoint.
    pub(super) fn answer(&self, trace: Uuid, now: DateTime<Utc>) -> Response {
        let mut body = json!({
            "error": self.error,
            "error_description": self.description(trace, now),
            "error_codes": [self.code],
            "timestamp": now.format("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": trace,
            "correlation_id": trace,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
        });
        if let Some(word) = self.suberror {
            body["suberror"] = word.into();
        }
        let mut response = json_response(self.status, &body);
        response.headers.push(("Cache-Control".into(), "no-store, no-cache".into()));
        response
    }

    /// A page for the person, where nobody can be redirected.
    pub(super) fn page(&self, trace: Uuid, now: DateTime<Utc>) -> Response {
        let text = super::authorize::escaped(&self.description(trace, now));
        html(
            400,
            &format!(
                "<!DOCTYPE html>\n<html lang=\"en\"><head><title>Sign in to your account</title></head>\n<body><h1>Sorry, but we’re having trouble signing you in.</h1><p>{text}</p></body></html>\n"
            ),
        )
    }
}

/// A moment with seven fractional digits, as texts of Entra have it.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    format!("{}0Z", at.format("%Y-%m-%dT%H:%M:%S%.6f"))
}

pub(super) fn malformed() -> Refused {
    let (code, status, error, suberror, text) = MALFORMED;
    Refused { code, status, error, text: text.to_owned(), suberror }
}

pub(super) fn missing(parameter: &str) -> Refused {
    let text = format!(
        "The required field '{parameter}' is missing from the credential. Ensure that you have all the necessary parameters for the login request."
    );
    Refused::saying(90_014, text)
}

pub(super) fn no_tenant(word: &str) -> Refused {
    let text = format!(
        "Tenant '{word}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."
    );
    Refused::saying(90_002, text)
}

pub(super) fn no_application(client_id: &str, tenant: &str) -> Refused {
    let text = format!(
        "Application with identifier '{client_id}' was not found in the directory '{tenant}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant."
    );
    Refused::saying(700_016, text)
}

pub(super) fn bad_scope(scope: &str) -> Refused {
    let text = format!(
        "The provided request must include a valid 'scope' input parameter. The scope {scope} is not valid."
    );
    Refused::saying(70_011, text)
}

pub(super) fn unknown_resource(resource: &str) -> Refused {
    let text = format!(
        "The resource principal named {resource} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant."
    );
    Refused::saying(500_011, text)
}

/// A refusal on demand of a test, in the form that fits the endpoint: JSON for tokens, a redirect or a page
/// for signing in. None when the code is not in the list.
pub(crate) fn refuse_on_demand(
    state: &mut State,
    now: DateTime<Utc>,
    request: &Request,
    code: i64,
) -> Option<Response> {
    let refused = Refused::of(code)?;
    let trace = state.ids.guid();
    if !request.path.ends_with("/authorize") {
        return Some(refused.answer(trace, now));
    }
    let query = Query::parse(&request.query);
    let redirect = query.get("redirect_uri").filter(|_| !matches!(code, 50_011 | 700_016 | 90_002));
    Some(match redirect {
        Some(uri) => super::authorize::redirect_with_error(uri, &query, &refused, trace, now),
        None => refused.page(trace, now),
    })
}
