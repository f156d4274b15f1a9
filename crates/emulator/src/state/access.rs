//! Who is calling, and what an unauthenticated call gets (azure-devops.md section 4).

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Request, Response, State,
    call::{Answer, Query, World, ok},
    errors::ApiError,
    model::Organization,
};
use crate::seed::Role;

/// How long an access token lives.
const TOKEN_SECONDS: i64 = 3_599;
/// The resource clients ask a token for.
const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// An access token that was issued to an application.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Token {
    client_id: Uuid,
    tenant: Uuid,
    expires: DateTime<Utc>,
}

/// The result of looking at a credential.
pub(crate) enum Who {
    Identity(Uuid),
    /// No credential, a wrong or an expired one.
    Unknown,
    /// A good credential of somebody who is not a member; the name they have.
    NotAMember(String),
}

pub(crate) fn authenticate(
    tokens: &std::collections::BTreeMap<String, Token>,
    org: &Organization,
    request: &Request,
    now: DateTime<Utc>,
) -> Who {
    let Some((scheme, credential)) = request.header_value("authorization").and_then(|h| h.split_once(' '))
    else {
        return Who::Unknown;
    };
    let identity = if scheme.eq_ignore_ascii_case("basic") {
        let Some(pat) = BASE64_STANDARD
            .decode(credential.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| text.split_once(':').map(|(_, pat)| pat.to_owned()))
        else {
            return Who::Unknown;
        };
        match org.pats.get(&pat) {
            Some(id) => *id,
            None => return Who::Unknown,
        }
    } else if scheme.eq_ignore_ascii_case("bearer") {
        match tokens.get(credential.trim()) {
            Some(token) if token.expires > now => {
                match org
                    .principals
                    .iter()
                    .find(|p| p.client_id == token.client_id && org.tenant == token.tenant)
                {
                    Some(principal) => principal.identity,
                    None => return Who::NotAMember(format!("{}\\{}", token.tenant, token.client_id)),
                }
            }
            _ => return Who::Unknown,
        }
    } else {
        return Who::Unknown;
    };
    let identity = org.identity(identity);
    if identity.role == Role::None {
        return Who::NotAMember(format!("{}\\{}", org.tenant, identity.unique_name));
    }
    Who::Identity(identity.id)
}

/// The answer to a call without a usable credential: 401 and a challenge for clients that asked not to be
/// redirected, a sign-in page with status 203 for all others.
pub(crate) fn sign_in(base_url: &str, request: &Request) -> Response {
    if request.header_value("x-tfs-fedauthredirect").is_some_and(|v| v.eq_ignore_ascii_case("suppress")) {
        let challenge = format!("Basic realm=\"{base_url}/\"");
        return Response {
            status: 401,
            headers: vec![("WWW-Authenticate".into(), challenge)],
            body: Vec::new(),
        };
    }
    Response {
        status: 203,
        headers: vec![("Content-Type".into(), "text/html; charset=utf-8".into())],
        body: SIGN_IN_PAGE.into(),
    }
}

/// The sign-in page in short; the real one has about 16 KB.
pub(crate) const SIGN_IN_PAGE: &str = "<!DOCTYPE html>\r\n<html lang=\"en-US\">\r\n<head><title>\r\n\tAzure DevOps Services | Sign In\r\n</title></head>\r\n<body class=\"lwp\"><form method=\"post\"><p>Sign in to continue.</p></form></body>\r\n</html>\r\n";

/// The answer to a good credential without access.
pub(crate) fn not_a_member(who: &str, tenant: Uuid) -> Response {
    let error = ApiError::not_a_member(who);
    Response {
        status: error.status,
        headers: vec![
            ("Content-Type".into(), error.content_type().into()),
            (
                "WWW-Authenticate".into(),
                format!("Bearer authorization_uri=https://login.microsoftonline.com/{tenant}"),
            ),
            ("WWW-Authenticate".into(), "TFS-Federated".into()),
            ("X-VSS-ResourceTenant".into(), tenant.to_string()),
        ],
        body: error.body(),
    }
}

/// `POST /{tenant}/oauth2/v2.0/token` with client credentials.
pub(crate) fn issue_token(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: &str,
    request: &Request,
) -> Response {
    let answer = |status: u16, value: Value| Response {
        status,
        headers: vec![
            ("Content-Type".into(), "application/json; charset=utf-8".into()),
            ("Cache-Control".into(), "no-store, no-cache".into()),
        ],
        body: value.to_string().into_bytes(),
    };
    let refuse = |status: u16, error: &str, code: i64, text: &str, trace: Uuid| {
        let description = format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {trace} Timestamp: {}",
            now.format("%Y-%m-%d %H:%M:%SZ")
        );
        answer(
            status,
            json!({
                "error": error,
                "error_description": description,
                "error_codes": [code],
                "timestamp": now.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                "trace_id": trace,
                "correlation_id": trace,
            }),
        )
    };
    let trace = state.ids.guid();
    if request.method != "POST" {
        return refuse(400, "invalid_request", 900_561, "The endpoint only accepts POST requests.", trace);
    }
    let form = Query::parse(&String::from_utf8_lossy(&request.body));
    if form.get("grant_type") != Some("client_credentials") {
        let text = "The app requested an unsupported grant type.";
        return refuse(400, "unsupported_grant_type", 70_003, text, trace);
    }
    let known = state.organizations.values().find(|org| org.tenant.to_string().eq_ignore_ascii_case(tenant));
    let Some(tenant_id) = known.map(|org| org.tenant) else {
        let text = format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refuse(400, "invalid_request", 90_002, &text, trace);
    };
    let scope = form.get("scope").unwrap_or_default();
    if !scope.starts_with(RESOURCE) || !scope.ends_with("/.default") {
        let text = format!(
            "The provided request must include a valid 'scope' input parameter. The scope {scope} is not valid."
        );
        return refuse(400, "invalid_scope", 70_011, &text, trace);
    }
    let wanted = form.get("client_id").unwrap_or_default();
    let principal = state
        .organizations
        .values()
        .filter(|org| org.tenant == tenant_id)
        .flat_map(|org| &org.principals)
        .find(|p| p.client_id.to_string().eq_ignore_ascii_case(wanted));
    let Some(principal) = principal else {
        let text =
            format!("Application with identifier '{wanted}' was not found in the directory '{tenant}'.");
        return refuse(400, "unauthorized_client", 700_016, &text, trace);
    };
    if form.get("client_secret") != Some(principal.client_secret.as_str()) {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{wanted}'."
        );
        return refuse(401, "invalid_client", 7_000_215, &text, trace);
    }
    let token = Token {
        client_id: principal.client_id,
        tenant: tenant_id,
        expires: now + TimeDelta::seconds(TOKEN_SECONDS),
    };
    let text = format!("{}.{}.{}", state.ids.word(), state.ids.word(), state.ids.word());
    state.tokens.insert(text.clone(), token);
    state.changes += 1;
    answer(
        200,
        json!({"token_type": "Bearer", "expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS, "access_token": text}),
    )
}

impl World<'_> {
    /// May this identity change work items and what belongs to them?
    pub(crate) fn may_write(&self) -> bool {
        matches!(self.actor().role, Role::Administrator | Role::Contributor)
    }

    pub(crate) fn is_administrator(&self) -> bool {
        self.actor().role == Role::Administrator
    }
}

/// `POST _apis/security/permissionevaluationbatch`: the same list with `value`.
pub(crate) fn evaluate_permissions(world: &World) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Batch {
        #[serde(default)]
        always_allow_administrators: bool,
        evaluations: Vec<Evaluation>,
    }
    #[derive(Deserialize, Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Evaluation {
        security_namespace_id: Uuid,
        token: String,
        permissions: i64,
        #[serde(default)]
        value: bool,
    }
    const AREAS: u128 = 0x83e2_8ad4_2d72_4ceb_97b0_c772_6d55_02c3;
    const TAGGING: u128 = 0xbb50_f182_8e5e_40b8_bc21_e875_2a1e_7ae2;
    let mut batch: Batch = world.call.json("evalBatch")?;
    let role = world.actor().role;
    for evaluation in &mut batch.evaluations {
        let writes = match evaluation.security_namespace_id.as_u128() {
            AREAS => evaluation.permissions & !(1 | 16) != 0,
            TAGGING => evaluation.permissions & !1 != 0,
            _ => true,
        };
        let members = matches!(evaluation.security_namespace_id.as_u128(), AREAS | TAGGING);
        evaluation.value = match role {
            Role::Administrator => true,
            Role::Contributor => members,
            Role::Reader => members && !writes,
            Role::None => false,
        };
    }
    ok(json!({
        "alwaysAllowAdministrators": batch.always_allow_administrators,
        "evaluations": batch.evaluations,
    }))
}
