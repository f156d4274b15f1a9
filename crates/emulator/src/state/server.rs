//! How a collection of an Azure DevOps Server differs from an organization of the service (azure-devops.md
//! sections 1, 2 and 4.1), beyond the versions, which are in `edition` and `locations`.
//!
//! It is one host without Entra: personal access tokens or Windows authentication, no sign-in page, no hosts for
//! identities and members, no usage headers.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Request, Response,
    edition::Edition,
    errors::ApiError,
    model::{Identity, Organization},
    plain_error,
};

/// What follows the challenge for a token. Only IIS knows who a Windows user is; here nobody is.
const WINDOWS: [&str; 2] = ["Negotiate", "NTLM"];

/// A server has neither the service's other hosts nor access tokens: the answer to a request that needs them.
pub(crate) fn refuse(edition: Edition, request: &Request) -> Option<Response> {
    if !edition.is_server() {
        return None;
    }
    let host = request.path.split('/').find(|segment| !segment.is_empty()).unwrap_or_default();
    if ["vssps", "vsaex"].iter().any(|other| host.eq_ignore_ascii_case(other)) {
        return Some(plain_error(&ApiError::no_controller(&request.path)));
    }
    let scheme = request.header_value("authorization").and_then(|header| header.split(' ').next());
    let by_token = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"));
    by_token.then(|| Response { status: 401, headers: Vec::new(), body: Vec::new() })
}

/// The service's answer as a server gives it: refusals carry its challenges and a page of IIS in place of the
/// redirect or the sign-in page, whatever the client asked to suppress; usage is not reported.
pub(crate) fn adapted(edition: Edition, mut response: Response, base_url: &str) -> Response {
    if !edition.is_server() {
        return response;
    }
    let reported = |name: &str| {
        let name = name.to_ascii_lowercase();
        name.starts_with("x-ratelimit-") || name == "x-vss-resourcetenant" || name == "www-authenticate"
    };
    response.headers.retain(|(name, _)| !reported(name));
    if !matches!(response.status, 203 | 302 | 401) {
        return response;
    }
    // A known identity without access gets JSON; everybody else a page.
    if !response.header_value("content-type").is_some_and(|t| t.starts_with("application/json")) {
        response.headers.retain(|(name, _)| {
            !name.eq_ignore_ascii_case("content-type") && !name.eq_ignore_ascii_case("location")
        });
        response.headers.push(("Content-Type".into(), "text/html".into()));
        response.body = UNAUTHORIZED_PAGE.into();
    }
    response.status = 401;
    response.headers.push(("WWW-Authenticate".into(), format!("Basic realm=\"{base_url}/\"")));
    response.headers.extend(WINDOWS.map(|scheme| ("WWW-Authenticate".into(), scheme.into())));
    response
}

/// What IIS shows, in short.
const UNAUTHORIZED_PAGE: &str = "<!DOCTYPE html>\r\n<html>\r\n<head><title>401 - Unauthorized: Access is denied due to invalid credentials.</title></head>\r\n<body><h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2></body>\r\n</html>\r\n";

/// How an identity is written where its sign-in shows: a Windows account on a server. The number stands for a
/// security identifier.
pub(crate) fn claims(org: &Organization, identity: &Identity) -> String {
    if org.edition.is_server() {
        let number = identity.id.as_u128() % 1_000_000_000;
        return format!("System.Security.Principal.WindowsIdentity;S-1-5-21-{number}");
    }
    format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;{}\\{}", org.tenant, identity.unique_name)
}

/// `resourceContainers` of a hook's payload: a server names itself where the service names the account.
pub(crate) fn containers(org: &Organization, project: Uuid, base: Option<&str>) -> Value {
    let entry = |id: Uuid| base.map_or_else(|| json!({"id": id}), |base| json!({"id": id, "baseUrl": base}));
    let owner = if org.edition.is_server() { "server" } else { "account" };
    json!({
        "collection": entry(org.id),
        owner: entry(Uuid::from_u128(org.id.as_u128() ^ 2)),
        "project": entry(project),
    })
}
