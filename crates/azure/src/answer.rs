//! From an HTTP answer to its meaning (azure-devops.md sections 4.3, 4.4, 5 and 12).

use chrono::{DateTime, Duration, Utc};
use http::header::{CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use url::Url;

use crate::error::{Error, SignInFailure};
use crate::refusal::{Denial, FieldError, Missing, Outage, Rejection};
use crate::transport::Response;

/// Whether a call can change something on the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

/// Wait after a 429 that names no time.
const DEFAULT_WAIT: Duration = Duration::seconds(30);
/// No header makes us wait longer than this: a wrong one must not stop a connection for good.
const LONGEST_WAIT: Duration = Duration::hours(1);
/// Longest piece of an answer that is shown to people.
const SHOWN_TEXT: usize = 500;

/// The error body of section 5, and the older wrapper of model-binding failures.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Fault {
    message: Option<String>,
    type_key: Option<String>,
    custom_properties: Option<FaultProperties>,
    value: Option<OldFault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct FaultProperties {
    rule_validation_errors: Option<Vec<RuleFault>>,
    reference_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RuleFault {
    field_reference_name: Option<String>,
    field_status_flags: Option<String>,
    error_message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldFault {
    message: Option<String>,
}

/// The answer if it is a success in JSON (or an empty one); otherwise what it means.
pub(crate) fn judge(
    operation: &str,
    effect: Effect,
    response: Response,
    now: DateTime<Utc>,
) -> Result<Response, Error> {
    let status = response.status;
    if status.is_success()
        && status != StatusCode::NON_AUTHORITATIVE_INFORMATION
        && (is_json(&response.headers) || response.body.is_empty())
    {
        return Ok(response);
    }
    let error = refuse(operation, effect, &response, now);
    // The activity id is what the service's support asks for. The error itself is logged where it is handled.
    tracing::info!(
        operation,
        status = status.as_u16(),
        activity_id = header(&response.headers, "activityid").unwrap_or_default(),
        "Azure DevOps did not do what it was asked"
    );
    Err(error)
}

pub(crate) fn refuse(operation: &str, effect: Effect, response: &Response, now: DateTime<Utc>) -> Error {
    let operation = operation.to_owned();
    let status = response.status;
    let fault: Option<Fault> =
        is_json(&response.headers).then(|| serde_json::from_slice(&response.body).ok()).flatten();
    let (message, type_key) = match &fault {
        Some(fault) => (
            fault.message.clone().or_else(|| fault.value.as_ref().and_then(|old| old.message.clone())),
            fault.type_key.clone(),
        ),
        None => (plain_message(response), None),
    };
    let code = message.as_deref().and_then(code_of);
    let message = message
        .map(|text| shorten(&text))
        .unwrap_or_else(|| format!("Azure DevOps answered with status {}", status.as_u16()));

    match status.as_u16() {
        401 => sign_in(operation, why_unauthorized(&response.headers, code.as_deref(), &message)),
        203 => sign_in(operation, SignInFailure::SignInPage),
        300..=399 => sign_in(operation, why_redirected(&response.headers)),
        429 => Error::Throttled {
            operation,
            retry_at: retry_at(&response.headers, now).unwrap_or(now + DEFAULT_WAIT),
        },
        _ if code.as_deref() == Some("TF400733") => Error::Throttled {
            operation,
            retry_at: retry_at(&response.headers, now).unwrap_or(now + DEFAULT_WAIT),
        },
        503 if code.as_deref() == Some("TF24668") => Error::Unavailable {
            operation,
            why: Outage::OrganizationStopped,
            status: Some(503),
            message,
            retry_at: retry_at(&response.headers, now),
        },
        408 | 500..=599 => match effect {
            Effect::Write => Error::UnknownOutcome { operation, reason: message },
            Effect::Read => Error::Unavailable {
                operation,
                why: Outage::of(code.as_deref()),
                status: Some(status.as_u16()),
                message,
                retry_at: retry_at(&response.headers, now),
            },
        },
        412 => Error::RevisionMoved { operation },
        409 if code.as_deref() == Some("TF26071")
            || type_key.as_deref() == Some("WorkItemRevisionMismatchException") =>
        {
            Error::RevisionMoved { operation }
        }
        403 => Error::Forbidden { operation, why: Denial::of(code.as_deref()), code, message },
        // Said to be a 400; what is missing is a permission all the same (section 5).
        400 if Denial::of(code.as_deref()) != Denial::Other => {
            Error::Forbidden { operation, why: Denial::of(code.as_deref()), code, message }
        }
        404 => {
            let what = Missing::of(code.as_deref(), type_key.as_deref(), fault.is_some());
            Error::NotFound { operation, what, code, message }
        }
        // Some areas answer 400 for a project that does not exist (section 4.4), and for an attachment (section 5).
        400 if matches!(code.as_deref(), Some("VS800075" | "VS402330")) => {
            let what = Missing::of(code.as_deref(), type_key.as_deref(), true);
            Error::NotFound { operation, what, code, message }
        }
        // Too busy or too slow a query (section 5); a read in spite of its status.
        400 if effect == Effect::Read
            && matches!(code.as_deref(), Some("VS402335" | "VS402490" | "VS402491")) =>
        {
            let why = Outage::of(code.as_deref());
            Error::Unavailable { operation, why, status: Some(400), message, retry_at: None }
        }
        200..=299 => match effect {
            Effect::Write => {
                Error::UnknownOutcome { operation, reason: "the answer was a page in place of data".into() }
            }
            Effect::Read => sign_in(operation, SignInFailure::SignInPage),
        },
        status => {
            let fields = fault.map(field_errors).unwrap_or_default();
            let why = Rejection::of(code.as_deref(), type_key.as_deref(), &fields);
            Error::Rejected { operation, why, status, code, type_key, message, fields }
        }
    }
}

fn sign_in(operation: String, why: SignInFailure) -> Error {
    Error::SignIn { operation, why }
}

fn why_unauthorized(headers: &HeaderMap, code: Option<&str>, message: &str) -> SignInFailure {
    let challenges = || headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    match code {
        Some("TF401444") => SignInFailure::NeverSignedIn,
        Some("VS403463") => SignInFailure::ConditionalAccess,
        // An expired token on a PATCH is reported for the user '' (section 4.3).
        Some("TF400813") if message.contains("''") => SignInFailure::CredentialRefused,
        _ if challenges().any(|challenge| challenge.contains("claims=")) => SignInFailure::TokenWithdrawn,
        Some(code) => SignInFailure::NotAuthorized(code.to_owned()),
        None => SignInFailure::CredentialRefused,
    }
}

fn why_redirected(headers: &HeaderMap) -> SignInFailure {
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match Url::parse(target) {
        Ok(url) if url.path().contains("_signin") => SignInFailure::SignInPage,
        Ok(url) => SignInFailure::Redirected(url.origin().ascii_serialization()),
        Err(_) => SignInFailure::SignInPage,
    }
}

fn field_errors(fault: Fault) -> Vec<FieldError> {
    let message = fault.message.unwrap_or_default();
    let Some(properties) = fault.custom_properties else { return Vec::new() };
    let mut fields: Vec<FieldError> = properties
        .rule_validation_errors
        .unwrap_or_default()
        .into_iter()
        .filter_map(|rule| {
            Some(FieldError {
                field: rule.field_reference_name?,
                message: rule.error_message.unwrap_or_default(),
                flags: rule.field_status_flags.unwrap_or_default(),
            })
        })
        .collect();
    if let (true, Some(field)) = (fields.is_empty(), properties.reference_name) {
        fields.push(FieldError { field, message, flags: String::new() });
    }
    fields
}

/// Text of an answer that is not JSON: the error header, or a plain text body. A page has none.
fn plain_message(response: &Response) -> Option<String> {
    if let Some(text) = header(&response.headers, "x-tfs-serviceerror") {
        return Some(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned());
    }
    let content_type = response.headers.get(CONTENT_TYPE)?.to_str().ok()?;
    (content_type.starts_with("text/plain") && !response.body.is_empty())
        .then(|| String::from_utf8_lossy(&response.body).into_owned())
}

/// The `TF…` or `VS…` code a message starts with. Messages are localised, codes are not (section 5).
fn code_of(message: &str) -> Option<String> {
    let start = message.trim_start();
    let rest = start.strip_prefix("TF").or_else(|| start.strip_prefix("VS"))?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    (digits >= 4).then(|| start[..2 + digits].to_owned())
}

fn shorten(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    match text.char_indices().nth(SHOWN_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// When to come back: `Retry-After` (seconds, or a date), else the reset of the rate limit.
pub(crate) fn retry_at(headers: &HeaderMap, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let asked = header(headers, "retry-after").and_then(|text| {
        let text = text.trim();
        match text.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds >= 0.0 => {
                Some(now + Duration::milliseconds((seconds.min(86_400.0) * 1000.0).ceil() as i64))
            }
            Ok(_) => None,
            Err(_) => DateTime::parse_from_rfc2822(text).ok().map(|at| at.with_timezone(&Utc)),
        }
    });
    asked.map(|at| at.clamp(now, now + LONGEST_WAIT))
}

/// Whether this is the content of a file. A page in its place is a sign-in page, whatever its status (section 7.8).
pub(crate) fn is_file(response: &Response) -> bool {
    let kind = response.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    response.status == StatusCode::OK && !kind.trim_start().to_ascii_lowercase().starts_with("text/html")
}

/// Whether the content type is JSON, with any parameters.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|text| {
        let kind = text.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
    })
}

/// A header as text.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
