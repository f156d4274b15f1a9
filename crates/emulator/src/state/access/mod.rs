//! Who is calling, with which credential, and what they may do (azure-devops.md sections 4 and 8).
//!
//! `entra` hands out tokens, `pats` personal access tokens; `authenticate` here finds the identity behind
//! either, `refusals` says what everybody else gets, `scopes` what a token lets its holder do, and `limits` how
//! much. `profile` and `members` are the routes beside the organization: who am I, and who belongs to it.

mod entra;
mod limits;
mod members;
mod pats;
mod profile;
mod refusals;
mod scopes;

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use self::entra::{Audience, Holder, Token};
pub(crate) use self::members::{change as change_member, change_area, introduce};
pub(crate) use self::pats::{create as create_pat, end as end_pats};
pub use self::{
    entra::{ApplicationChange, RefreshEnd, SignInChange},
    members::{AreaChange, MemberChange},
    pats::NewPat,
};
pub(crate) use self::{
    entra::{Entra, is_known_code, object_id, refuse_on_demand},
    limits::{Standing, rate_headers, throttled},
    pats::Pat,
    refusals::{Place, Refusal, SIGN_IN_PAGE, basic_challenge, html, redirect_to_sign_in},
    scopes::Scopes,
};
use super::{
    Ids, Request, Response, State, areas,
    call::{Answer, Reply, World, encode, ok},
    finish, graph, identities,
    model::{Identity, Node, Organization, WorkItem},
    router,
};
use crate::seed::{OrganizationSeed, RateLimits, Role};

pub(crate) use self::{members::route as entitlements, profile::route as own_profile};

/// What stands between a good credential and an organization.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Gate {
    /// The policy "Third-party application access via OAuth" is off.
    pub(crate) third_party_off: bool,
    /// A conditional access policy refuses everybody.
    pub(crate) conditional_access: bool,
    /// The reporting feeds are for one project at a time.
    pub(crate) project_feeds_only: bool,
    /// Continuous access evaluation: tokens need at least this `nbf` claim, in seconds of the epoch.
    pub(crate) claims_since: Option<i64>,
    /// There are public projects: anonymous callers may ask who they are.
    pub(crate) public: bool,
    pub(crate) limits: Option<RateLimits>,
    usage: limits::Usage,
}

impl Gate {
    pub(crate) fn new(seed: &OrganizationSeed) -> Self {
        Self { limits: seed.limits.clone(), public: seed.public, ..Self::default() }
    }
}

/// A change to what an organization lets in; what is absent stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OrganizationChange {
    /// Every call answers 503 TF24668.
    pub stopped: Option<bool>,
    /// False switches the access of third-party applications off: people's tokens get TF400813.
    pub third_party_access: Option<bool>,
    /// A conditional access policy refuses every credential: VS403463.
    pub conditional_access: Option<bool>,
    /// Access tokens must have been requested with newer claims: 401 with `claims=`. True asks for tokens
    /// after now, false for none.
    pub claims_required: Option<bool>,
    /// Anonymous callers get an answer from `connectionData`.
    pub public: Option<bool>,
    /// The reporting feeds are for one project at a time: without one they answer 403.
    pub project_feeds_only: Option<bool>,
}

/// Who calls, and what the credential lets them do.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) identity: Uuid,
    pub(crate) scopes: Scopes,
}

/// The credential of a request.
enum Credential<'a> {
    Pat(String),
    Bearer(&'a str),
}

fn credential(request: &Request) -> Option<Credential<'_>> {
    let (scheme, word) = request.header_value("authorization")?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credential::Bearer(word.trim()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(word.trim()).ok()?).ok()?;
    text.split_once(':').map(|(_, pat)| Credential::Pat(pat.to_owned()))
}

/// Who asks Azure Resource Graph.
pub(crate) struct GraphCaller {
    pub(crate) tenant: Uuid,
    /// The application. People's tokens are for Azure DevOps only.
    pub(crate) client_id: Uuid,
    /// By what the quota is counted.
    pub(crate) key: String,
}

/// Finds the application behind a token for Azure Resource Manager, or says how it is refused.
pub(crate) fn graph_caller(
    state: &State,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<GraphCaller, Response> {
    let refuse = |code: &str, text: &str| {
        let mut response = graph::error(401, code, text);
        let challenge = format!(
            r#"Bearer authorization_uri="{}/common", error="invalid_token""#,
            refusals::authority(&state.base_url)
        );
        response.headers.push(("WWW-Authenticate".into(), challenge));
        response
    };
    let Some(Credential::Bearer(text)) = credential(request) else {
        return Err(refuse(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
        ));
    };
    let token = state
        .entra
        .token(text, now)
        .ok_or_else(|| refuse("ExpiredAuthenticationToken", "The access token is expired or invalid."))?;
    match &token.holder {
        Holder::Application(client_id) if token.audience == Audience::ResourceManager => Ok(GraphCaller {
            tenant: token.tenant,
            client_id: *client_id,
            key: format!("{}/{client_id}", token.tenant),
        }),
        _ => Err(refuse(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.azure.com/'.",
        )),
    }
}

/// Finds the identity behind the credential of a request, or says how it is refused.
pub(crate) fn authenticate(
    entra: &Entra,
    org: &Organization,
    request: &Request,
    now: DateTime<Utc>,
) -> Result<Caller, Refusal> {
    match credential(request).ok_or(Refusal::SignIn)? {
        Credential::Pat(text) => {
            let pat = org.pats.get(&text).filter(|pat| pat.is_good(now)).ok_or(Refusal::SignIn)?;
            admit(org, org.identity(pat.identity), pat.scopes.clone())
        }
        Credential::Bearer(text) => {
            // A token for something else is as good as none.
            let ours = |token: &&Token| token.audience == Audience::AzureDevOps;
            let token = entra.token(text, now).filter(ours).ok_or(Refusal::SignIn)?;
            with_token(org, token)
        }
    }
}

fn with_token(org: &Organization, token: &Token) -> Result<Caller, Refusal> {
    let name = match &token.holder {
        Holder::Application(client_id) => client_id.to_string(),
        Holder::Person { unique_name, .. } => unique_name.clone(),
    };
    let shown = format!("{}\\{name}", token.tenant);
    if token.tenant != org.tenant {
        return Err(Refusal::NotAuthorized(shown, None));
    }
    if org.gate.claims_since.is_some_and(|since| token.claims.is_none_or(|nbf| nbf < since)) {
        return Err(Refusal::ClaimsChallenge(org.gate.claims_since.unwrap_or_default()));
    }
    let identity = identity_of(org, token).ok_or(Refusal::NeverSignedIn(shown))?;
    // The policy is about applications that act for people; it leaves service principals alone.
    if org.gate.third_party_off && matches!(token.holder, Holder::Person { .. }) {
        return Err(not_authorized(org, identity));
    }
    admit(org, identity, token.scopes.clone())
}

/// The identity that a token of the organization's tenant speaks for.
fn identity_of<'a>(org: &'a Organization, token: &Token) -> Option<&'a Identity> {
    match &token.holder {
        Holder::Application(client_id) => {
            let principal = org.principals.iter().find(|p| p.client_id == *client_id)?;
            Some(org.identity(principal.identity))
        }
        Holder::Person { unique_name, .. } => {
            org.identities.iter().find(|i| !i.application && i.unique_name.eq_ignore_ascii_case(unique_name))
        }
    }
}

fn admit(org: &Organization, identity: &Identity, scopes: Scopes) -> Result<Caller, Refusal> {
    if !identity.materialised {
        return Err(Refusal::NeverSignedIn(format!("{}\\{}", org.tenant, identity.unique_name)));
    }
    if identity.role == Role::None {
        return Err(not_authorized(org, identity));
    }
    if org.gate.conditional_access {
        return Err(Refusal::ConditionalAccess);
    }
    Ok(Caller { identity: identity.id, scopes })
}

/// TF400813 for somebody the organization knows.
pub(crate) fn not_authorized(org: &Organization, identity: &Identity) -> Refusal {
    let name = format!("{}\\{}", org.tenant, identity.unique_name);
    Refusal::NotAuthorized(name, Some(format!("{}:{}", identity.id, identity.unique_name)))
}

/// Answers what lies outside of every organization: the token service, the machine's metadata service, and
/// profile and accounts. None when the path is an organization's.
pub(crate) fn outside(
    state: &mut State,
    now: DateTime<Utc>,
    segments: &[String],
    request: &Request,
) -> Option<Response> {
    if let Some(response) = entra::route(state, now, segments, request) {
        return Some(response);
    }
    if graph::is_graph(segments) {
        return Some(graph::answer(state, now, request));
    }
    match segments.first()?.to_ascii_lowercase().as_str() {
        "_signin" => Some(html(200, SIGN_IN_PAGE)),
        "_apis" => areas::beside_organizations(state, request, &segments[1..])
            .or_else(|| Some(profile::across_organizations(state, now, &segments[1..], request))),
        _ => None,
    }
}

/// `connectionData` for somebody without a credential, where there are public projects: what everybody gets, with
/// the well-known identity of public access. That it is answered is not confirmed (azure-devops.md section 4.2).
pub(crate) fn anonymous_connection(
    org: &mut Organization,
    base_url: &str,
    request: &Request,
    segments: &[String],
    now: DateTime<Utc>,
) -> Option<Response> {
    let asked = matches!(segments, [apis, resource]
        if apis.eq_ignore_ascii_case("_apis") && resource.eq_ignore_ascii_case("connectionData"));
    let stand_in = org.identities.first().map(|i| i.id)?;
    if !org.gate.public || !asked || request.method != "GET" || credential(request).is_some() {
        return None;
    }
    let base = format!("{base_url}/{}", encode(&org.name));
    let call = router::prepare(now, request, stand_in, segments, org, base, false).ok()?;
    let mut no_ids = Ids { number: 0, used: 0 };
    let world = World { org, ids: &mut no_ids, call: &call, wrote: false, touched: Vec::new() };
    let Ok(Reply::Json(status, mut body)) = identities::connection_data(&world) else { return None };
    body["authenticatedUser"] = anonymous();
    body["authorizedUser"] = anonymous();
    Some(finish(Ok(Reply::Json(status, body)), &call.version))
}

fn anonymous() -> Value {
    let id = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
    json!({
        "id": id,
        "descriptor": format!("System:PublicAccess;{id}"),
        "subjectDescriptor": "anon.YWFhYWFhYWEtYWFhYS1hYWFhLWFhYWEtYWFhYWFhYWFhYWFh",
        "providerDisplayName": "Anonymous",
        "isActive": true,
        "properties": {},
        "resourceVersion": 2,
        "metaTypeId": 0,
    })
}

pub(crate) fn json_response(status: u16, value: &Value) -> Response {
    let headers = vec![("Content-Type".to_owned(), "application/json; charset=utf-8".to_owned())];
    Response { status, headers, body: value.to_string().into_bytes() }
}

impl World<'_> {
    /// May this identity change work items and what belongs to them?
    pub(crate) fn may_write(&self) -> bool {
        matches!(self.actor().role, Role::Administrator | Role::Contributor)
    }

    /// May this identity know that the work item exists? Areas decide (azure-devops.md section 8, bit 16).
    pub(crate) fn may_see(&self, item: &WorkItem) -> bool {
        self.may_see_area(item.text("System.AreaPath"))
    }

    fn may_see_area(&self, area: &str) -> bool {
        !self.actor().hidden_areas.iter().any(|hidden| {
            area.get(..hidden.len()).is_some_and(|start| start.eq_ignore_ascii_case(hidden))
                && matches!(area.as_bytes().get(hidden.len()), None | Some(b'\\'))
        })
    }

    /// The path of the area that a security token ends in: `vstfs:///Classification/Node/{root}:vstfs:///…/{area}`.
    fn area_of_token(&self, token: &str) -> Option<String> {
        fn path_of(node: &Node, identifier: Uuid) -> Option<String> {
            if node.identifier == identifier {
                return Some(node.name.clone());
            }
            let below = node.children.iter().find_map(|child| path_of(child, identifier))?;
            Some(format!("{}\\{below}", node.name))
        }
        let identifier: Uuid = token.rsplit('/').next()?.parse().ok()?;
        self.org.projects.iter().find_map(|project| path_of(&project.areas, identifier))
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
        let is_seen = match (evaluation.security_namespace_id.as_u128(), evaluation.permissions & (16 | 32)) {
            (AREAS, permissions) if permissions != 0 => {
                world.area_of_token(&evaluation.token).is_none_or(|area| world.may_see_area(&area))
            }
            _ => true,
        };
        let members = matches!(evaluation.security_namespace_id.as_u128(), AREAS | TAGGING);
        evaluation.value = match role {
            Role::Administrator => true,
            Role::Contributor => members,
            Role::Reader => members && !writes,
            Role::None => false,
        } && is_seen;
    }
    ok(json!({
        "alwaysAllowAdministrators": batch.always_allow_administrators,
        "evaluations": batch.evaluations,
    }))
}
