//! The access token that all calls share: fetched once, renewed early, forgotten when it is refused. How Entra's
//! refusals are explained.

use azure::{Credential, Error, SignInFailure, TransportError, explain_browser_error};
use chrono::Duration;
use model::WorkItemId;
use model::board::Change;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, answer, bug_shape, html, json, ok};

fn retitle() -> Change {
    Change { title: Some("New".into()), ..Change::default() }
}

fn cut() -> Answer {
    Err(TransportError::NoAnswer("cut".into()))
}

pub(crate) fn nothing() -> Answer {
    ok(json!({"value": []}))
}

pub(crate) fn entra() -> Credential {
    Credential::ClientSecret {
        tenant: "t".into(),
        client_id: "app".into(),
        client_secret: "s&cret".into(),
        authority: None,
    }
}

pub(crate) fn token(text: &str) -> Answer {
    ok(json!({"token_type": "Bearer", "expires_in": 3600, "access_token": text}))
}

#[tokio::test]
async fn an_entra_token_is_fetched_once_and_renewed_before_it_ends() {
    let nothing = || ok(json!({"value": []}));
    let bench = Bench::with(entra(), [token("one"), nothing(), nothing(), token("two"), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::minutes(56));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent[0].url, "https://login.microsoftonline.com/t/oauth2/v2.0/token");
    assert!(sent[0].body.contains("client_secret=s%26cret"));
    assert!(sent[0].headers.get("authorization").is_none());
    let used: Vec<&str> = [1, 2, 4].map(|i: usize| sent[i].headers["authorization"].to_str().unwrap()).into();
    assert_eq!(used, ["Bearer one", "Bearer one", "Bearer two"]);
}

#[tokio::test]
async fn many_calls_at_once_share_one_token_request() {
    let nothing = || ok(json!({"value": []}));
    let bench = Bench::with(entra(), [token("one"), nothing(), nothing(), nothing()]);
    let read = || bench.client.read(&[WorkItemId(1)]);
    let (a, b, c) = tokio::join!(read(), read(), read());
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(bench.script.sent().iter().filter(|sent| sent.url.ends_with("/token")).count(), 1);
}

#[tokio::test]
async fn a_token_that_the_service_does_not_accept_is_not_used_again() {
    let bench = Bench::with(entra(), [token("one"), html(203), token("two"), ok(json!({"value": []}))]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    assert_eq!(bench.script.sent()[3].headers["authorization"], "Bearer two");
}

#[tokio::test]
async fn a_token_request_without_an_answer_means_that_the_write_was_not_sent() {
    let bench = Bench::with(entra(), [cut(), cut(), cut()]);
    let error =
        bench.client.update(WorkItemId(1), 1, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }) && error.is_certain_not_applied());
}

#[tokio::test]
async fn a_token_request_is_repeated_because_it_changes_nothing() {
    let busy = || answer(503, &[("content-type", "text/html")], "busy");
    let bench = Bench::with(entra(), [cut(), busy(), token("one"), nothing()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let sent = bench.script.sent();
    assert_eq!(sent.iter().filter(|sent| sent.url.ends_with("/token")).count(), 3);
    assert_eq!(sent[3].headers["authorization"], "Bearer one");
}

#[tokio::test]
async fn nobody_waits_for_a_sign_in_service_past_the_deadline_of_a_write() {
    let later = answer(429, &[("retry-after", "120")], "");
    let bench = Bench::with(entra(), [later]);
    let error =
        bench.client.update(WorkItemId(1), 1, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    assert_eq!(error.retry_at(), Some(bench.clock_now() + Duration::seconds(120)));
    assert_eq!(bench.script.sent().len(), 1);
}

#[tokio::test]
async fn a_token_that_cannot_be_renewed_early_is_used_to_its_end() {
    let bench = Bench::with(entra(), [token("one"), nothing(), cut(), nothing(), cut(), cut(), cut()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::minutes(57));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    assert_eq!(bench.script.sent()[3].headers["authorization"], "Bearer one");
    bench.clock.advance(Duration::minutes(3));
    let error = bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_renewal_that_is_refused_is_believed_even_while_the_old_token_works() {
    let expired = json(401, json!({"error": "invalid_client", "error_codes": [7_000_222]}));
    let bench = Bench::with(entra(), [token("one"), nothing(), expired]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::minutes(57));
    let error = bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::SecretExpired, .. }), "{error:?}");
}

#[tokio::test]
async fn a_token_that_ended_early_costs_a_read_nothing_and_a_write_is_still_sent_once() {
    let ended = || answer(401, &[("www-authenticate", "Bearer authorization_uri=https://x")], "");
    let bench = Bench::with(entra(), [token("one"), nothing(), ended(), token("two"), nothing(), ended()]);
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.client.read(&[WorkItemId(1)]).await.expect("the second token is good");
    let error =
        bench.client.update(WorkItemId(1), 1, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
    assert!(error.is_certain_not_applied());
    assert_eq!(bench.script.sent().iter().filter(|sent| sent.method == "PATCH").count(), 1);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_fetched_again_and_again() {
    let bench = Bench::with(entra(), [token("one"), html(203)]);
    let error = bench.client.read(&[WorkItemId(1)]).await.unwrap_err();
    assert!(matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. }), "{error:?}");
}

/// Continuous access evaluation, section 4.3.
#[tokio::test]
async fn what_a_challenge_demands_goes_with_the_next_token_request_and_only_with_it() {
    let demand = r#"{"access_token":{"nbf":{"essential":true,"value":"1774958400"}}}"#;
    let challenge = "Bearer authorization_uri=\"https://x\", error=\"insufficient_claims\", \
        claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxNzc0OTU4NDAwIn19fQ==\"";
    let withdrawn = answer(401, &[("www-authenticate", challenge)], "");
    let bench = Bench::with(
        entra(),
        [token("one"), nothing(), withdrawn, token("two"), nothing(), token("three"), nothing()],
    );
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    bench.clock.advance(Duration::hours(1));
    bench.client.read(&[WorkItemId(1)]).await.unwrap();
    let claims: Vec<Option<String>> = bench
        .script
        .sent()
        .iter()
        .filter(|sent| sent.url.ends_with("/token"))
        .map(|sent| sent.form("claims"))
        .collect();
    assert_eq!(claims, [None, Some(demand.to_owned()), None]);
}

fn refusal(error: &str, code: i64) -> Value {
    json!({"error": error, "error_description": format!("AADSTS{code}: Words that change. Trace ID: 1 Timestamp: 2"),
        "error_codes": [code], "trace_id": "1"})
}

#[tokio::test]
async fn what_entra_says_to_an_application_is_explained() {
    use SignInFailure as Why;
    let text = |code: &str| code.to_owned();
    let table = [
        (7_000_215, Why::WrongSecret),
        (7_000_222, Why::SecretExpired),
        (700_016, Why::UnknownApplication),
        (7_000_112, Why::ApplicationDisabled(text("AADSTS7000112"))),
        (90_002, Why::UnknownTenant),
        (500_011, Why::ResourceUnknown(text("AADSTS500011"))),
        (53_003, Why::ConditionalAccess),
        (70_021, Why::FederationMismatch(text("AADSTS70021"))),
        (700_213, Why::FederationMismatch(text("AADSTS700213"))),
        (700_024, Why::AssertionExpired),
        (700_027, Why::AssertionRefused(text("AADSTS700027"))),
        (4_711, Why::Entra(text("AADSTS4711: Words that change"))),
    ];
    for (code, expected) in table {
        let bench = Bench::with(entra(), [json(400, refusal("invalid_client", code))]);
        let error =
            bench.client.update(WorkItemId(1), 1, &bug_shape(), &retitle(), bench.soon()).await.unwrap_err();
        assert!(matches!(&error, Error::SignIn { why, .. } if *why == expected), "{code}: {error:?}");
        assert!(error.is_certain_not_applied());
        assert!(error.next_step().len() > 20 && !error.message().contains("Trace ID"), "{error}");
    }
}

#[test]
fn what_a_browser_brings_back_is_explained() {
    use SignInFailure as Why;
    let text = |code: &str| code.to_owned();
    let table = [
        ("access_denied", "AADSTS65004: User declined to consent.", Why::Declined),
        ("access_denied", "the user canceled the authentication", Why::Declined),
        ("invalid_client", "AADSTS65001: no consent", Why::ConsentMissing(text("AADSTS65001"))),
        ("access_denied", "AADSTS90094: admin consent", Why::ConsentMissing(text("AADSTS90094"))),
        ("invalid_request", "AADSTS50011: redirect", Why::WrongRedirect(text("AADSTS50011"))),
        ("interaction_required", "AADSTS50076: MFA", Why::MoreProofRequired(text("AADSTS50076"))),
        ("interaction_required", "AADSTS50079: enrol", Why::MoreProofRequired(text("AADSTS50079"))),
        ("invalid_request", "AADSTS50020: user", Why::UserNotInTenant(text("AADSTS50020"))),
        ("access_denied", "AADSTS50105: not assigned", Why::NotAssigned),
        ("consent_required", "", Why::ConsentMissing(text("consent_required"))),
        ("server_error", "", Why::Entra(text("server_error"))),
        ("", "", Why::Entra(text("it gave no reason"))),
    ];
    for (error, description, expected) in table {
        let why = explain_browser_error(error, description);
        assert_eq!(why, expected, "{error} {description}");
        assert!(why.next_step().len() > 20);
    }
}
