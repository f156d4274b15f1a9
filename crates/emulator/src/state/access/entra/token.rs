//! `POST /{tenant}/oauth2/v2.0/token`: client credentials, authorization codes and refresh tokens.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    super::super::{
        Request, Response, State,
        call::{Query, decode},
    },
    APPLICATION_TOKEN, Application, Granted, Holder, MANAGEMENT, REFRESH_DAYS, RefreshToken,
    errors::{Refused, bad_scope, malformed, missing, moment, no_application},
    federation, issue, issue_for_management, json_response, person, read_claims, read_scopes, tenant_of,
};
use crate::seed::Consent;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(super) fn answer(state: &mut State, now: DateTime<Utc>, tenant: &str, request: &Request) -> Response {
    match grant(state, now, tenant, request) {
        Ok(body) => {
            let mut response = json_response(200, &body);
            response.headers.push(("Cache-Control".into(), "no-store, no-cache".into()));
            response
        }
        Err(refused) => {
            let trace = state.ids.guid();
            refused.answer(trace, now)
        }
    }
}

fn grant(state: &mut State, now: DateTime<Utc>, word: &str, request: &Request) -> Result<Value, Refused> {
    if request.method != "POST" {
        return Err(Refused::plain(900_561));
    }
    let form = Query::parse(&String::from_utf8_lossy(&request.body));
    let tenant = tenant_of(state, word)?;
    let claims = read_claims(form.get("claims"))?;
    match form.get("grant_type").unwrap_or_default() {
        "client_credentials" => {
            let tenant = tenant.ok_or_else(|| Refused::plain(50_059))?;
            client_credentials(state, now, tenant, &form, request, claims)
        }
        "authorization_code" => redeem_code(state, now, tenant, &form, request, claims),
        "refresh_token" => refresh(state, now, tenant, &form, request, claims),
        "" => Err(missing("grant_type")),
        _ => Err(Refused::plain(70_003)),
    }
}

fn client_credentials(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: Uuid,
    form: &Query,
    request: &Request,
    claims: Option<i64>,
) -> Result<Value, Refused> {
    let scope = form.get("scope").unwrap_or_default();
    if scope.strip_suffix("/.default").is_some_and(|resource| resource.trim_end_matches('/') == MANAGEMENT) {
        let application = client(state, now, tenant, form, request)?;
        if application.public_client {
            return Err(Refused::plain(700_025));
        }
        let holder = Holder::Application(application.client_id);
        let text = issue_for_management(state, now, tenant, holder);
        return Ok(given(text));
    }
    let granted = read_scopes(scope)?;
    if !scope.ends_with("/.default") {
        return Err(bad_scope(scope));
    }
    let application = client(state, now, tenant, form, request)?;
    if application.public_client {
        return Err(Refused::plain(700_025));
    }
    let holder = Holder::Application(application.client_id);
    let text = issue(state, now, tenant, holder, granted.scopes, APPLICATION_TOKEN, claims);
    Ok(given(text))
}

/// What an application gets.
fn given(text: String) -> Value {
    json!({
        "token_type": "Bearer",
        "expires_in": APPLICATION_TOKEN,
        "ext_expires_in": APPLICATION_TOKEN,
        "access_token": text,
    })
}

/// The application that asks, with its credential checked.
fn client(
    state: &State,
    now: DateTime<Utc>,
    tenant: Uuid,
    form: &Query,
    request: &Request,
) -> Result<Application, Refused> {
    let basic = request.header_value("authorization").and_then(basic_credentials);
    let (id, secret) = match &basic {
        Some((id, secret)) => (id.as_str(), Some(secret.as_str())),
        None => (form.get("client_id").unwrap_or_default(), form.get("client_secret")),
    };
    if id.is_empty() {
        return Err(missing("client_id"));
    }
    let Some(application) = state.entra.application(tenant, id) else {
        return Err(no_application(id, &tenant.to_string()));
    };
    if application.disabled {
        return Err(Refused::saying(
            7_000_112,
            format!("Application '{id}'({}) is disabled.", application.name),
        ));
    }
    let assertion = form.get("client_assertion");
    if application.public_client {
        return match (secret, assertion) {
            (None, None) => Ok(application.clone()),
            _ => Err(Refused::plain(700_025)),
        };
    }
    match (secret, assertion) {
        (Some(secret), None) => check_secret(application, secret)?,
        (None, Some(assertion)) if form.get("client_assertion_type") == Some(ASSERTION_TYPE) => {
            federation::check(application, assertion, now)?;
        }
        (None, Some(_)) => return Err(missing("client_assertion_type")),
        _ => return Err(Refused::plain(7_000_218)),
    }
    Ok(application.clone())
}

fn check_secret(application: &Application, secret: &str) -> Result<(), Refused> {
    let id = application.client_id;
    if application.secret.is_empty() || application.secret != secret {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{id}'."
        );
        return Err(Refused::saying(7_000_215, text));
    }
    if application.secret_expired {
        let text = format!(
            "The provided client secret keys for app '{id}' are expired. Visit the Azure portal to create new keys for your app, or consider using certificate credentials for added security."
        );
        return Err(Refused::saying(7_000_222, text));
    }
    Ok(())
}

fn basic_credentials(header: &str) -> Option<(String, String)> {
    let (scheme, word) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64_STANDARD.decode(word.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decode(id), decode(secret)))
}

fn redeem_code(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: Option<Uuid>,
    form: &Query,
    request: &Request,
    claims: Option<i64>,
) -> Result<Value, Refused> {
    let text = form.get("code").ok_or_else(|| missing("code"))?;
    let Some(code) = state.entra.codes.get(text) else { return Err(malformed()) };
    if tenant.is_some_and(|t| t != code.tenant) {
        return Err(Refused::saying(
            70_000,
            "Provided Authorization Code is intended to use against other tenant, thus rejected.",
        ));
    }
    let application = client(state, now, code.tenant, form, request)?;
    if application.client_id != code.client_id {
        return Err(Refused::plain(70_000));
    }
    if code.redeemed {
        return Err(Refused::plain(54_005));
    }
    if code.expires <= now {
        return Err(Refused::plain(70_008));
    }
    let redirect = form.get("redirect_uri").ok_or_else(|| missing("redirect_uri"))?;
    if redirect != code.redirect_uri {
        let text = format!(
            "The reply address '{redirect}' does not match the reply address '{}' provided when requesting Authorization code.",
            code.redirect_uri
        );
        return Err(Refused::saying(500_112, text));
    }
    if let Some((challenge, hashed)) = &code.challenge {
        let verifier = form.get("code_verifier").ok_or_else(|| missing("code_verifier"))?;
        let proof = if *hashed {
            BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
        } else {
            verifier.to_owned()
        };
        if proof != *challenge {
            return Err(Refused::plain(501_481));
        }
    }
    let mut granted = code.granted.clone();
    if let Some(scope) = form.get("scope").filter(|s| !s.is_empty()) {
        granted = narrowed(&granted, scope)?;
    }
    let (tenant, name, claims) = (code.tenant, code.unique_name.clone(), claims.or(code.claims));
    consented(&application)?;
    if let Some(code) = state.entra.codes.get_mut(text) {
        code.redeemed = true;
    }
    Ok(for_person(state, now, tenant, &application, &name, granted, claims))
}

fn refresh(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: Option<Uuid>,
    form: &Query,
    request: &Request,
    claims: Option<i64>,
) -> Result<Value, Refused> {
    let text = form.get("refresh_token").ok_or_else(|| missing("refresh_token"))?;
    let Some(token) = state.entra.refresh_tokens.get(text).cloned() else { return Err(malformed()) };
    let application = client(state, now, tenant.unwrap_or(token.tenant), form, request)?;
    if application.client_id != token.client_id || tenant.is_some_and(|t| t != token.tenant) {
        return Err(Refused::plain(70_000));
    }
    let issued = moment(token.issued);
    if let Some(since) = token.revoked {
        let since = moment(since);
        let text = format!(
            "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{issued}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{since}'."
        );
        return Err(Refused::saying(50_173, text));
    }
    if token.expires <= now {
        let text = format!(
            "The refresh token has expired due to inactivity. The token was issued on {issued} and was inactive for {REFRESH_DAYS}.00:00:00."
        );
        return Err(Refused::saying(700_082, text));
    }
    // Entra lets the old one live; a grace period is for testing clients that must not rely on that.
    let worn = token.used.zip(state.entra.refresh_grace_seconds);
    if worn.is_some_and(|(used, grace)| used + TimeDelta::seconds(grace) <= now) {
        return Err(Refused::plain(70_008));
    }
    if person(state, Some(token.tenant), &token.unique_name).is_none() {
        return Err(Refused::plain(50_034));
    }
    consented(&application)?;
    let granted = match form.get("scope").filter(|s| !s.is_empty()) {
        Some(scope) => narrowed(&token.granted, scope)?,
        None => token.granted.clone(),
    };
    if let Some(old) = state.entra.refresh_tokens.get_mut(text) {
        old.used.get_or_insert(now);
    }
    // The new one can be refreshed as the old one could, whatever scopes this request narrowed to.
    let granted = Granted { offline: token.granted.offline, ..granted };
    Ok(for_person(state, now, token.tenant, &application, &token.unique_name, granted, claims))
}

/// Scopes may only become fewer than what was consented to.
fn narrowed(granted: &Granted, scope: &str) -> Result<Granted, Refused> {
    use super::Scopes;
    let asked = read_scopes(scope)?;
    let within = match (&granted.scopes, &asked.scopes) {
        (Scopes::Everything, _) => true,
        (Scopes::Only(_), Scopes::Everything) => scope.contains("/.default"),
        (Scopes::Only(had), Scopes::Only(wanted)) => wanted.iter().all(|w| had.contains(w)),
    };
    if !within {
        return Err(Refused::plain(65_001));
    }
    // `.default` of a person's grant is what was consented to, not more.
    let scopes = if asked.scopes == Scopes::Everything { granted.scopes.clone() } else { asked.scopes };
    Ok(Granted { scopes, text: asked.text, offline: asked.offline || granted.offline })
}

fn consented(application: &Application) -> Result<(), Refused> {
    match application.consent {
        Consent::Granted => Ok(()),
        Consent::Missing => {
            let text = format!(
                "The user or administrator has not consented to use the application with ID '{}' named '{}'. Send an interactive authorization request for this user and resource.",
                application.client_id, application.name
            );
            Err(Refused::saying(65_001, text))
        }
        Consent::AdministratorMissing => Err(Refused::plain(90_094)),
    }
}

fn for_person(
    state: &mut State,
    now: DateTime<Utc>,
    tenant: Uuid,
    application: &Application,
    unique_name: &str,
    granted: Granted,
    claims: Option<i64>,
) -> Value {
    let client_id = application.client_id;
    let holder = Holder::Person { unique_name: unique_name.to_owned(), client_id };
    // 70 to 85 minutes were measured (azure-devops.md section 4.1).
    let lifetime = 4_200 + i64::from(state.ids.guid().as_fields().0 % 900);
    let text = issue(state, now, tenant, holder, granted.scopes.clone(), lifetime, claims);
    let mut body = json!({
        "token_type": "Bearer",
        "scope": granted.text,
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": text,
    });
    if granted.offline {
        let text = format!("1.{}{}", state.ids.word(), state.ids.word());
        let token = RefreshToken {
            tenant,
            client_id,
            unique_name: unique_name.to_owned(),
            granted,
            issued: now,
            expires: now + TimeDelta::days(REFRESH_DAYS),
            used: None,
            revoked: None,
        };
        state.entra.refresh_tokens.insert(text.clone(), token);
        body["refresh_token"] = text.into();
    }
    body
}
