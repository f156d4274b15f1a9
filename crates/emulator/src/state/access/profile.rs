//! Who am I: the profile and the list of organizations (azure-devops.md section 4.2). `app.vssps` takes Entra
//! tokens only; the profile of one organization's `vssps` takes PATs too.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    super::{
        Request, Response, State,
        call::{Answer, Query, World, collection, encode, ok},
        edition::Edition,
        errors::ApiError,
        finish, locations,
        model::Identity,
        plain_error, version,
    },
    Credential, Holder, Place, Refusal, Token, basic_challenge, credential, identity_of,
};
use crate::seed::Role;

/// `app.vssps`: `_apis/profile/profiles/{me}` and `_apis/accounts`.
pub(super) fn across_organizations(
    state: &mut State,
    now: DateTime<Utc>,
    rest: &[String],
    request: &Request,
) -> Response {
    let token = match credential(request) {
        // Any PAT, even a good one.
        Some(Credential::Pat(_)) => return basic_challenge(&state.base_url),
        Some(Credential::Bearer(text)) => state.entra.token(text, now).cloned(),
        None => None,
    };
    let Some(token) = token else {
        let place = Place { base_url: &state.base_url, organization: "", tenant: uuid::Uuid::nil() };
        return Refusal::SignIn.answer(&place, request);
    };
    let Some(location) = locations::find_beside(rest) else {
        return plain_error(&ApiError::no_controller(&request.path));
    };
    let path = location.normalised(rest);
    let query = Query::parse(&request.query);
    let (asked, accept) = (query.get("api-version"), request.header_value("accept"));
    let negotiated = location
        .versions(Edition::Services)
        .ok_or_else(|| ApiError::no_controller(&request.path))
        .and_then(|v| version::negotiate(Edition::Services, v, &request.method, asked, accept));
    let version = match negotiated {
        Ok(version) => version,
        Err(error) => return plain_error(&error),
    };
    if !token.scopes.allow(&request.method, &path) {
        let place = Place { base_url: &state.base_url, organization: "", tenant: token.tenant };
        return Refusal::NotAuthorized(shown(&token), None).answer(&place, request);
    }
    let words: Vec<&str> = path.iter().map(String::as_str).collect();
    let answer = match (request.method.as_str(), words.as_slice()) {
        ("GET", ["profile", "profiles", who]) => own_profile(state, &token, who),
        ("GET", ["accounts"]) => accounts(state, &token, &query),
        _ => Err(ApiError::no_controller(&request.path)),
    };
    finish(answer, &version)
}

fn shown(token: &Token) -> String {
    match &token.holder {
        Holder::Application(client_id) => format!("{}\\{client_id}", token.tenant),
        Holder::Person { unique_name, .. } => format!("{}\\{unique_name}", token.tenant),
    }
}

/// The caller's identity in the first organization that knows them; ids are the same in all of a tenant.
fn own_identity<'a>(state: &'a State, token: &Token) -> Option<&'a Identity> {
    state
        .organizations
        .values()
        .filter(|org| org.tenant == token.tenant)
        .find_map(|org| identity_of(org, token))
}

fn own_profile(state: &State, token: &Token, who: &str) -> Answer {
    let me = own_identity(state, token).ok_or_else(|| ApiError::no_profile(who))?;
    if who != "me" && who != me.id.to_string() {
        return Err(ApiError::no_profile(who));
    }
    ok(profile_json(me))
}

fn profile_json(me: &Identity) -> Value {
    let mut profile = json!({
        "displayName": me.name,
        "publicAlias": me.id,
        "coreRevision": 1,
        "timeStamp": "2026-01-05T08:00:00.0000000+00:00",
        "id": me.id,
        "revision": 1,
    });
    if !me.application {
        profile["emailAddress"] = me.unique_name.clone().into();
    }
    profile
}

/// `GET _apis/accounts?memberId=…` or `?ownerId=…`: the organizations of the caller. Whether the service lists
/// those of another identity is not known; here it lists none.
fn accounts(state: &State, token: &Token, query: &Query) -> Answer {
    let me = own_identity(state, token).map(|i| i.id.to_string()).unwrap_or_default();
    let (member, owner) = (query.get("memberId"), query.get("ownerId"));
    let Some(asked) = member.or(owner) else {
        return Err(ApiError::argument("Either memberId or ownerId must be given."));
    };
    let listed = state
        .organizations
        .values()
        .filter(|org| org.tenant == token.tenant && asked.eq_ignore_ascii_case(&me))
        .filter(|org| {
            identity_of(org, token).is_some_and(|i| match i.role {
                Role::None => false,
                // Owners are administrators; that all administrators are listed is a simplification.
                Role::Administrator => true,
                Role::Contributor | Role::Reader => member.is_some(),
            })
        })
        .map(|org| {
            let name = encode(&org.name);
            let uri = match state.base_url.as_str() {
                "https://dev.azure.com" => format!("https://vssps.dev.azure.com:443/{name}/"),
                base => format!("{base}/vssps/{name}/"),
            };
            json!({"accountId": org.id, "accountUri": uri, "accountName": org.name, "properties": {}})
        })
        .collect();
    ok(collection(listed))
}

/// `vssps/{organization}/_apis/profile/profiles/{me}`.
pub(crate) fn route(world: &World, who: &str) -> Answer {
    let me = world.actor();
    if !who.eq_ignore_ascii_case("me") && who != me.id.to_string() {
        return Err(ApiError::no_profile(who));
    }
    ok(profile_json(me))
}
