//! Workload identity federation: the token of another issuer in place of a secret. Issuer, subject and audience
//! must match a federated credential exactly, case included; the signature is not checked, because the issuer's
//! keys are not here.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    Application,
    errors::{Refused, moment},
};

/// base64url with or without padding.
const WORD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// How far clocks may differ, in seconds. Entra allows five minutes.
const SKEW: i64 = 300;

/// Checks a client assertion against the federated credentials of an application.
pub(super) fn check(application: &Application, assertion: &str, now: DateTime<Utc>) -> Result<(), Refused> {
    let claims = read(assertion).ok_or_else(|| Refused::plain(50_027))?;
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    let (issuer, subject) = (text("iss"), text("sub"));
    if application.is(issuer) {
        // Signed by the application itself, with a certificate that nobody registered here.
        return Err(Refused::plain(700_027));
    }
    let seconds = now.timestamp();
    let (from, until) = (claims["nbf"].as_i64().unwrap_or(0), claims["exp"].as_i64().unwrap_or(0));
    if until + SKEW <= seconds || from > seconds + SKEW {
        let shown = |seconds: i64| DateTime::from_timestamp(seconds, 0).map(moment).unwrap_or_default();
        let text = format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion valid from {}, expiry time of assertion {}. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials.",
            moment(now),
            shown(from),
            shown(until)
        );
        return Err(Refused::saying(700_024, text));
    }
    let mut left: Vec<_> = application.federated.iter().collect();
    if left.is_empty() {
        let text = format!(
            "The client '{}'({}) has no configured federated identity credentials.",
            application.client_id, application.name
        );
        return Err(Refused::saying(70_025, text));
    }
    left.retain(|c| c.issuer == issuer);
    if left.is_empty() {
        return Err(no_match(700_211, "issuer", issuer));
    }
    left.retain(|c| c.subject == subject);
    if left.is_empty() {
        return Err(no_match(700_213, "subject", subject));
    }
    let audiences = match &claims["aud"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => vec![one.as_str().unwrap_or_default()],
    };
    if !left.iter().any(|c| audiences.contains(&c.audience.as_str())) {
        return Err(no_match(700_212, "audience", &audiences.join(",")));
    }
    Ok(())
}

fn no_match(code: i64, what: &str, value: &str) -> Refused {
    let text = format!(
        "No matching federated identity record found for presented assertion {what} '{value}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"
    );
    Refused::saying(code, text)
}

/// The claims of a JWT; None when it is none.
fn read(assertion: &str) -> Option<Value> {
    let mut parts = assertion.split('.');
    let (head, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let json = |part: &str| serde_json::from_slice::<Value>(&WORD.decode(part).ok()?).ok();
    json(head)?["alg"].as_str()?;
    json(claims).filter(|c| parts.next().is_none() && c.is_object())
}
