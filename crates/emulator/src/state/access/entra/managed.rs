//! The managed identity of the machine the emulator stands for: the instance metadata service, and the
//! endpoint of App Service. Which of the applications are managed identities is in the seed.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    super::super::{Request, Response, State, call::Query},
    Application, Holder, MANAGED_TOKEN, RESOURCE, Scopes, issue, json_response,
};
use crate::seed::ManagedIdentity;

fn refuse(status: u16, error: &str, text: &str) -> Response {
    json_response(status, &json!({"error": error, "error_description": text}))
}

/// `GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=…` with `Metadata: true`.
pub(super) fn instance_metadata(state: &mut State, now: DateTime<Utc>, request: &Request) -> Response {
    let query = Query::parse(&request.query);
    if request.method != "GET" {
        return refuse(405, "bad_request_104", "The metadata service answers GET only.");
    }
    // A request that came through a proxy is refused, so that no server can be tricked into asking.
    let asked = request.header_value("metadata").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if !asked || request.header_value("x-forwarded-for").is_some() {
        return refuse(400, "invalid_request", "Required metadata header not specified");
    }
    match query.get("api-version") {
        Some(version) if version >= "2018-02-01" => {}
        Some(_) => return refuse(400, "invalid_request", "api-version is not supported"),
        None => return refuse(400, "invalid_request", "Required query variable 'api-version' is missing"),
    }
    match token(state, now, &query) {
        Ok((client_id, text)) => {
            let expires = now + TimeDelta::seconds(MANAGED_TOKEN);
            // Numbers are text here.
            json_response(
                200,
                &json!({
                    "access_token": text,
                    "client_id": client_id,
                    "expires_in": MANAGED_TOKEN.to_string(),
                    "expires_on": expires.timestamp().to_string(),
                    "ext_expires_in": MANAGED_TOKEN.to_string(),
                    "not_before": (now - TimeDelta::minutes(5)).timestamp().to_string(),
                    "resource": query.get("resource"),
                    "token_type": "Bearer",
                }),
            )
        }
        Err(response) => response,
    }
}

/// `GET {IDENTITY_ENDPOINT}?api-version=2019-08-01&resource=…` with `X-IDENTITY-HEADER`.
pub(super) fn app_service(state: &mut State, now: DateTime<Utc>, request: &Request) -> Response {
    let query = Query::parse(&request.query);
    let header = request.header_value("x-identity-header").unwrap_or_default();
    if state.entra.identity_header.is_empty() || header != state.entra.identity_header {
        // The status is a guess; that it is refused is documented.
        return json_response(
            401,
            &json!({"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."}),
        );
    }
    if query.get("api-version") != Some("2019-08-01") {
        return json_response(400, &json!({"statusCode": 400, "message": "Unsupported API version."}));
    }
    match token(state, now, &query) {
        Ok((client_id, text)) => {
            let expires = now + TimeDelta::seconds(MANAGED_TOKEN);
            json_response(
                200,
                &json!({
                    "access_token": text,
                    "expires_on": expires.timestamp().to_string(),
                    "resource": query.get("resource"),
                    "token_type": "Bearer",
                    "client_id": client_id,
                }),
            )
        }
        Err(response) => response,
    }
}

fn token(state: &mut State, now: DateTime<Utc>, query: &Query) -> Result<(Value, String), Response> {
    let resource = query.get("resource").unwrap_or_default();
    if resource.is_empty() {
        return Err(refuse(400, "invalid_request", "Required query variable 'resource' is missing"));
    }
    if !resource.trim_end_matches('/').eq_ignore_ascii_case(RESOURCE) {
        let text = format!(
            "AADSTS500011: The resource principal named {resource} was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant."
        );
        return Err(refuse(400, "invalid_resource", &text));
    }
    let application = chosen(state, query)?.clone();
    let holder = Holder::Application(application.client_id);
    let text = issue(state, now, application.tenant, holder, Scopes::Everything, MANAGED_TOKEN, None);
    Ok((application.client_id.to_string().into(), text))
}

/// The identity that is asked for: by its client or object id, else the machine's own, else its only one.
fn chosen<'a>(state: &'a State, query: &Query) -> Result<&'a Application, Response> {
    let not_found = || refuse(400, "invalid_request", "Identity not found");
    let managed = || state.entra.applications.iter().filter(|a| a.managed.is_some() && !a.disabled);
    if let Some(id) = query.get("client_id") {
        return managed().find(|a| a.is(id)).ok_or_else(not_found);
    }
    if let Some(id) = query.get("object_id").or(query.get("principal_id")) {
        let same = |a: &&Application| a.object_id().to_string().eq_ignore_ascii_case(id);
        return managed().find(same).ok_or_else(not_found);
    }
    if let Some(own) = managed().find(|a| a.managed == Some(ManagedIdentity::SystemAssigned)) {
        return Ok(own);
    }
    match (managed().next(), managed().nth(1)) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => Err(refuse(
            400,
            "invalid_request",
            "Multiple user assigned identities exist, please specify the clientId / resourceId of the identity in the token request",
        )),
        _ => Err(not_found()),
    }
}
