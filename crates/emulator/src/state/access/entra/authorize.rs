//! `GET /{tenant}/oauth2/v2.0/authorize`: a person signs in to an application, which gets a code.
//!
//! An application or redirect address that is not registered ends on a page; everything else goes back to the
//! application as a redirect with `error`. Whom to sign in is picked on a plain page, or named by `login_hint`
//! when sign-in is automatic.

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::{Host, Url};
use uuid::Uuid;

use super::{
    super::{
        super::{Request, Response, State, call::Query},
        refusals::html,
    },
    Application, CODE_MINUTES, Code, Granted,
    errors::{Refused, missing, no_application},
    people, person, read_claims, read_scopes, tenant_of,
};
use crate::seed::Consent;

/// Whom the page's link signs in.
const CHOICE: &str = "emulator_person";
/// What the page's link answers to the question for consent.
const ANSWER: &str = "emulator_consent";

pub(super) fn answer(state: &mut State, now: DateTime<Utc>, word: &str, request: &Request) -> Response {
    let query = Query::parse(&request.query);
    let (application, redirect) = match application(state, word, &query) {
        Ok(found) => found,
        Err(refused) => return refused.page(state.ids.guid(), now),
    };
    match step(state, now, word, request, &query, &application, &redirect) {
        Ok(response) => response,
        Err(refused) => {
            let trace = state.ids.guid();
            redirect_with_error(&redirect, &query, &refused, trace, now)
        }
    }
}

/// The application and its redirect address, without which nobody is sent anywhere.
fn application(state: &State, word: &str, query: &Query) -> Result<(Application, String), Refused> {
    let tenant = tenant_of(state, word)?;
    let id = query.get("client_id").ok_or_else(|| missing("client_id"))?;
    let known = state.entra.applications.iter().find(|a| tenant.is_none_or(|t| t == a.tenant) && a.is(id));
    let application = known.ok_or_else(|| no_application(id, word))?;
    let redirect = query.get("redirect_uri").unwrap_or_default();
    if redirect.is_empty() || !application.redirect_uris.iter().any(|known| same_address(known, redirect)) {
        let text = format!(
            "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the application '{}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal.",
            application.client_id
        );
        return Err(Refused::saying(50_011, text));
    }
    Ok((application.clone(), redirect.to_owned()))
}

/// Equal, but for the port of this machine, which Entra ignores.
fn same_address(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    let (Ok(mut registered), Ok(mut asked)) = (Url::parse(registered), Url::parse(asked)) else {
        return false;
    };
    let local = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        _ => false,
    };
    if registered.scheme() != "http" || !local(&registered) || !local(&asked) {
        return false;
    }
    registered.set_port(None).is_ok() && asked.set_port(None).is_ok() && registered == asked
}

fn step(
    state: &mut State,
    now: DateTime<Utc>,
    word: &str,
    request: &Request,
    query: &Query,
    application: &Application,
    redirect: &str,
) -> Result<Response, Refused> {
    if query.get("response_type") != Some("code") {
        return Err(Refused::saying(70_000, "The response_type is not supported: only 'code' is served."));
    }
    if !matches!(query.get("response_mode"), None | Some("query" | "fragment")) {
        return Err(Refused::saying(
            70_000,
            "The response_mode is not supported: only 'query' and 'fragment' are served.",
        ));
    }
    let granted = read_scopes(query.get("scope").ok_or_else(|| missing("scope"))?)?;
    let challenge = challenge(query, application)?;
    let claims = read_claims(query.get("claims"))?;
    if application.disabled {
        return Err(Refused::plain(7_000_112));
    }
    if query.get(ANSWER).is_some_and(|a| a == "cancel") {
        return Err(Refused::plain(65_004));
    }
    let automatic = query.get("login_hint").filter(|_| state.entra.automatic);
    let silent = query.get("prompt") == Some("none");
    let named = automatic.or(query.get(CHOICE)).or(query.get("login_hint").filter(|_| silent));
    let tenant = tenant_of(state, word)?.unwrap_or(application.tenant);
    let Some(name) = named else {
        if silent {
            return Err(Refused::plain(50_058));
        }
        return Ok(pick_page(state, tenant, application, request));
    };
    let Some((tenant, unique_name)) = person(state, Some(tenant), name) else {
        let text = format!(
            "The user account '{name}' does not exist in the {tenant} directory. To sign into this application, the account must be added to the directory."
        );
        return Err(Refused::saying(50_034, text));
    };
    let agreed = query.get(ANSWER).is_some_and(|a| a == "accept");
    match application.consent {
        Consent::Granted => {}
        Consent::Missing if agreed => {
            let same = |a: &&mut Application| a.tenant == tenant && a.client_id == application.client_id;
            if let Some(own) = state.entra.applications.iter_mut().find(same) {
                own.consent = Consent::Granted;
            }
        }
        Consent::Missing if silent || automatic.is_some() => return Err(Refused::plain(65_001)),
        Consent::Missing => return Ok(consent_page(application, &unique_name, request)),
        Consent::AdministratorMissing => return Err(Refused::plain(90_094)),
    }
    let login = Login { tenant, unique_name, granted, challenge, claims };
    Ok(redirect_with_code(state, now, query, application, redirect, login))
}

/// The PKCE challenge and whether it is a hash.
fn challenge(query: &Query, application: &Application) -> Result<Option<(String, bool)>, Refused> {
    let Some(challenge) = query.get("code_challenge").filter(|c| !c.is_empty()) else {
        // A guess: Entra recommends PKCE to all, and refuses single-page applications without it.
        return if application.public_client { Err(Refused::plain(9_002_325)) } else { Ok(None) };
    };
    let fits = (43..=128).contains(&challenge.len())
        && challenge.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c));
    match query.get("code_challenge_method") {
        _ if !fits => Err(Refused::saying(501_481, "The size or alphabet of code_challenge is not valid.")),
        Some("S256") => Ok(Some((challenge.to_owned(), true))),
        None | Some("plain") => Ok(Some((challenge.to_owned(), false))),
        Some(_) => Err(Refused::saying(501_481, "The code_challenge_method is not supported.")),
    }
}

struct Login {
    tenant: Uuid,
    unique_name: String,
    granted: Granted,
    challenge: Option<(String, bool)>,
    claims: Option<i64>,
}

fn redirect_with_code(
    state: &mut State,
    now: DateTime<Utc>,
    query: &Query,
    application: &Application,
    redirect: &str,
    login: Login,
) -> Response {
    let text = format!("1.{}{}", state.ids.word(), state.ids.word());
    let code = Code {
        tenant: login.tenant,
        client_id: application.client_id,
        unique_name: login.unique_name,
        redirect_uri: redirect.to_owned(),
        granted: login.granted,
        challenge: login.challenge,
        expires: now + TimeDelta::minutes(CODE_MINUTES),
        redeemed: false,
        claims: login.claims,
    };
    state.entra.prune(now);
    state.entra.codes.insert(text.clone(), code);
    state.changes += 1;
    let session = state.ids.guid().to_string();
    let mut parts = vec![("code", text)];
    parts.extend(query.get("state").map(|s| ("state", s.to_owned())));
    parts.push(("session_state", session));
    back(redirect, query, &parts)
}

/// Back to the application with `error`, `error_description` and the state it sent.
pub(super) fn redirect_with_error(
    redirect: &str,
    query: &Query,
    refused: &Refused,
    trace: Uuid,
    now: DateTime<Utc>,
) -> Response {
    // Towards applications the word for what only a person can mend differs from the token endpoint's.
    let error = match refused.code {
        65_001 => "consent_required",
        50_076 | 50_079 => "interaction_required",
        53_000 | 53_003 | 50_105 => "access_denied",
        _ => refused.error,
    };
    let mut parts = vec![("error", error.to_owned())];
    if refused.code == 65_004 {
        parts.push(("error_subcode", "cancel".into()));
    }
    parts.push(("error_description", refused.description(trace, now)));
    parts.push(("error_uri", format!("https://login.microsoftonline.com/error?code={}", refused.code)));
    parts.extend(query.get("state").map(|s| ("state", s.to_owned())));
    back(redirect, query, &parts)
}

fn back(redirect: &str, query: &Query, parts: &[(&str, String)]) -> Response {
    let fragment = query.get("response_mode") == Some("fragment");
    let separator = match (fragment, redirect.contains('?')) {
        (true, _) => '#',
        (false, true) => '&',
        (false, false) => '?',
    };
    let pairs: Vec<String> = parts.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let location = format!("{redirect}{separator}{}", pairs.join("&"));
    let headers = vec![
        ("Location".to_owned(), location),
        ("Cache-Control".to_owned(), "no-store, no-cache".to_owned()),
    ];
    Response { status: 302, headers, body: Vec::new() }
}

fn encoded(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

fn pick_page(state: &State, tenant: Uuid, application: &Application, request: &Request) -> Response {
    let mut list = String::new();
    for person in people(state, Some(tenant)) {
        let link = link(request, &format!("{CHOICE}={}", encoded(&person.unique_name)));
        let (name, mail) = (escaped(&person.name), escaped(&person.unique_name));
        list += &format!("<li><a href=\"{link}\">{name} ({mail})</a></li>\n");
    }
    let cancel = link(request, &format!("{ANSWER}=cancel"));
    page(&format!(
        "<h1>Pick an account</h1>\n<p>to continue to {}</p>\n<ul>\n{list}</ul>\n<p><a href=\"{cancel}\">Cancel</a></p>",
        escaped(&application.name)
    ))
}

fn consent_page(application: &Application, unique_name: &str, request: &Request) -> Response {
    let accept = link(request, &format!("{ANSWER}=accept"));
    let cancel = link(request, &format!("{ANSWER}=cancel"));
    page(&format!(
        "<h1>Permissions requested</h1>\n<p>{} wants to use Azure DevOps as {}.</p>\n<p><a href=\"{accept}\">Accept</a> <a href=\"{cancel}\">Cancel</a></p>",
        escaped(&application.name),
        escaped(unique_name)
    ))
}

/// The same question again with an answer.
fn link(request: &Request, answer: &str) -> String {
    escaped(&format!("/{}?{}&{answer}", request.path.trim_start_matches('/'), request.query))
}

fn page(body: &str) -> Response {
    let mut response = html(
        200,
        &format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sign in to your account</title></head>\n<body><main>{body}</main></body></html>\n"
        ),
    );
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    response.headers.push(("Content-Security-Policy".into(), policy.into()));
    response.headers.push(("Cache-Control".into(), "no-store, no-cache".into()));
    response
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
