//! What a refusal demands of the next token: continuous access evaluation (azure-devops.md section 4.3).
//!
//! The challenge carries base64 of a JSON document; the token request carries the document itself (Microsoft's
//! "Claims challenges, claims requests, and client capabilities").

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Longest challenge that is believed, in bytes; real ones have about a hundred.
const LONGEST: usize = 8 * 1024;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

/// The claims that the next token request must carry, as JSON.
pub(super) fn claims(headers: &HeaderMap) -> Option<String> {
    let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    challenges.filter_map(parameter).find_map(decode)
}

/// Value of the parameter `claims` of a challenge, with or without quotes.
fn parameter(challenge: &str) -> Option<&str> {
    let (before, rest) = challenge.split_once("claims=")?;
    // Not the end of another parameter's name.
    if !before.is_empty() && !before.ends_with([' ', ',', '\t']) {
        return None;
    }
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split([',', ' ']).next(),
    }
}

fn decode(value: &str) -> Option<String> {
    if value.len() > LONGEST {
        return None;
    }
    let engines = [&alphabet::STANDARD, &alphabet::URL_SAFE];
    let bytes =
        engines.iter().find_map(|alphabet| GeneralPurpose::new(alphabet, LENIENT).decode(value).ok())?;
    let text = String::from_utf8(bytes).ok()?;
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use http::HeaderValue;

    const WANTED: &str = r#"{"access_token":{"nbf":{"essential":true,"value":"1774958400"}}}"#;

    fn of(challenge: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_static("TFS-Federated"));
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(challenge).unwrap());
        claims(&headers)
    }

    #[test]
    fn claims_are_found_in_every_way_of_writing_them() {
        for encoded in [STANDARD.encode(WANTED), URL_SAFE_NO_PAD.encode(WANTED)] {
            for challenge in [
                format!(
                    r#"Bearer authorization_uri="https://x", error="insufficient_claims", claims="{encoded}""#
                ),
                format!(r#"Bearer claims="{encoded}", error="insufficient_claims""#),
                format!("Bearer authorization_uri=https://x, claims={encoded}"),
            ] {
                assert_eq!(of(&challenge).as_deref(), Some(WANTED), "{challenge}");
            }
        }
    }

    #[test]
    fn what_is_not_a_document_is_not_sent_on() {
        for challenge in [
            "Bearer authorization_uri=https://x".to_owned(),
            "Bearer claims=\"%%%\"".to_owned(),
            format!("Bearer claims=\"{}\"", STANDARD.encode("[1]")),
            format!("Bearer xclaims=\"{}\"", STANDARD.encode(WANTED)),
            format!("Bearer claims=\"{}\"", STANDARD.encode(format!("{{\"a\":\"{}\"}}", "x".repeat(9000)))),
        ] {
            assert_eq!(of(&challenge), None, "{challenge}");
        }
    }
}
