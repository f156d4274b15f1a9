//! What each kind of answer means, for reads and for writes: the table of azure-devops.md sections 4.3, 4.4 and 5.

use azure::{Denial, Error, Missing, Outage, Rejection, SignInFailure, TransportError};
use chrono::Duration;
use model::WorkItemId;
use model::board::Change;
use serde_json::{Value, json};

use crate::support::{Answer, Bench, answer, bug_shape, html, json, noon};

async fn write(given: Answer) -> Error {
    let bench = Bench::new([given]);
    let change = Change { state: Some("Resolved".into()), ..Change::default() };
    bench.client.update(WorkItemId(7), 3, &bug_shape(), &change, bench.soon()).await.unwrap_err()
}

async fn read(given: Answer) -> Error {
    let bench = Bench::new([given]);
    bench.client.read(&[WorkItemId(7)]).await.unwrap_err()
}

fn fault(type_key: &str, message: &str) -> Value {
    json!({"$id": "1", "innerException": null, "message": message, "typeName": format!("Some.Namespace.{type_key}, Some"),
        "typeKey": type_key, "errorCode": 0, "eventId": 3200})
}

/// Azure DevOps refused and nothing was written: these are what may be planned again at once.
#[tokio::test]
async fn a_refused_write_has_one_meaning_per_kind_of_refusal() {
    let stale = "VS403351: Test Operation for path /rev failed, value 4 was not equal to test value 3.";
    let raced = "TF26071: This work item has been changed by someone else since you opened it.";
    type Check = fn(&Error) -> bool;
    let table: [(Answer, Check); 13] = [
        (json(412, fault("TestPatchOperationFailedException", stale)), |error| {
            matches!(error, Error::RevisionMoved { .. })
        }),
        (json(409, fault("WorkItemRevisionMismatchException", raced)), |error| {
            matches!(error, Error::RevisionMoved { .. })
        }),
        (json(409, fault("SomethingElseException", "TF99999: No.")), |error| {
            matches!(error, Error::Rejected { status: 409, .. })
        }),
        (
            json(404, fault("WorkItemUnauthorizedAccessException", "TF401232: Work item 7 does not exist.")),
            |error| matches!(error, Error::NotFound { what: Missing::WorkItem, code: Some(code), .. } if code == "TF401232"),
        ),
        (json(403, fault("AccessCheckException", "TF401289: You may not create tags.")), |error| {
            matches!(error, Error::Forbidden { why: Denial::CreateTag, .. })
        }),
        (json(400, fault("RelationAlreadyExistsException", "Relation already exists.")), |error| {
            matches!(error, Error::Rejected { why: Rejection::RelationExists, code: None, .. })
        }),
        (json(400, json!({"count": 1, "value": {"Message": "VS403426: identities."}})), |error| {
            matches!(error, Error::Rejected { why: Rejection::IdentityAsObject, .. })
        }),
        (
            json(400, fault("ProjectDoesNotExistException", "VS800075: The project does not exist.")),
            |error| matches!(error, Error::NotFound { what: Missing::Project, .. }),
        ),
        (
            json(401, fault("UnauthorizedRequestException", "TF400813: The user 'x' is not authorized.")),
            |error| matches!(error, Error::SignIn { why: SignInFailure::NotAuthorized(_), .. }),
        ),
        (
            json(401, fault("UnauthorizedRequestException", "TF400813: The user '' is not authorized.")),
            |error| matches!(error, Error::SignIn { why: SignInFailure::CredentialRefused, .. }),
        ),
        (html(203), |error| matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. })),
        (
            answer(302, &[("location", "https://spsprodweu1.vssps.visualstudio.com/_signin?realm=x")], ""),
            |error| matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. }),
        ),
        (
            json(
                503,
                fault("VssServiceException", "TF24668: The following team project collection is stopped: x."),
            ),
            |error| matches!(error, Error::Unavailable { why: Outage::OrganizationStopped, .. }),
        ),
    ];
    for (number, (given, is_right)) in table.into_iter().enumerate() {
        let error = write(given).await;
        assert!(is_right(&error), "row {number}: {error:?}");
        assert!(error.is_certain_not_applied(), "row {number}");
        assert!(error.message().contains("work item 7"), "row {number}: {error}");
        assert!(!error.next_step().is_empty());
    }
}

/// After these nobody knows whether the write was applied; taking one for a refusal would make doubles.
#[tokio::test]
async fn a_write_without_a_trustworthy_answer_has_an_unknown_outcome() {
    for given in [
        Err(TransportError::NoAnswer("connection reset".into())),
        html(503),
        html(502),
        html(500),
        html(200),
        json(500, fault("SqlException", "TF30063: timeout")),
        json(503, fault("VssServiceException", "TF00000: busy")),
        json(408, fault("X", "late")),
        json(200, json!({"no": "item"})),
        json(200, json!({"id": 7, "rev": "many"})),
        answer(200, &[("content-type", "application/json")], "{\"id\":7,\"re"),
        answer(200, &[("content-type", "application/json")], ""),
        answer(204, &[], ""),
    ] {
        let shown = format!("{given:?}");
        let error = write(given).await;
        assert!(matches!(error, Error::UnknownOutcome { .. }), "{shown}: {error:?}");
        assert!(!error.is_certain_not_applied());
    }
}

#[tokio::test]
async fn a_write_that_never_left_is_known_not_to_be_applied() {
    let error = write(Err(TransportError::NotSent("nobody listens".into()))).await;
    assert!(matches!(error, Error::NotSent { .. }) && error.is_certain_not_applied());
    assert_eq!(error.message(), "Could not move work item 7 to the state Resolved: nobody listens");
}

#[tokio::test]
async fn a_read_that_gets_no_good_answer_is_unavailable_or_unreadable() {
    for given in [html(503), json(500, fault("X", "no")), Err(TransportError::NoAnswer("cut".into()))] {
        let error = read(given).await;
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    }
    for page in [html(200), html(203)] {
        let error = read(page).await;
        assert!(matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. }), "{error:?}");
    }
    let error = read(json(200, json!({"count": 1, "value": [{"id": 7, "rev": 1, "relations": 3}]}))).await;
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
}

#[tokio::test]
async fn a_rule_that_is_broken_names_its_fields() {
    let words = "The field 'State' contains the value 'Resolved' that is not in the list of supported values";
    let body = json!({"$id": "1", "customProperties": {"FieldReferenceName": null, "ErrorMessage": words,
        "RuleValidationErrors": [{"fieldReferenceName": "System.State", "fieldStatusFlags": "required, invalidListValue",
            "errorMessage": words, "fieldStatusCode": 4194317, "ruleValidationErrors": null}]},
        "message": words, "typeKey": "RuleValidationException", "errorCode": 0, "eventId": 3200});
    let error = write(json(400, body)).await;
    let Error::Rejected { fields, type_key, .. } = &error else { panic!("{error:?}") };
    assert_eq!(type_key.as_deref(), Some("RuleValidationException"));
    assert_eq!((fields.len(), fields[0].field.as_str()), (1, "System.State"));
    assert!(error.next_step().contains("status map"));
    let expected = format!(
        "Could not move work item 7 to the state Resolved: a rule of the project's process forbids it: System.State: {words}"
    );
    assert_eq!(error.message(), expected);
}

#[tokio::test]
async fn a_title_that_is_too_long_names_its_field_too() {
    let body = json!({"customProperties": {"ReferenceName": "System.Title"},
        "message": "TF401324: Value for field 'System.Title' is too long.", "typeKey": "WorkItemFieldInvalidException"});
    let Error::Rejected { fields, code, .. } = write(json(400, body)).await else { panic!() };
    assert_eq!((fields[0].field.as_str(), code.as_deref()), ("System.Title", Some("TF401324")));
}

#[tokio::test]
async fn every_way_of_not_being_signed_in_is_told_apart() {
    let table = [
        (answer(401, &[("www-authenticate", "Basic realm=\"x\"")], ""), SignInFailure::CredentialRefused),
        (json(401, fault("X", "TF401444: Please sign-in at least once.")), SignInFailure::NeverSignedIn),
        (json(401, fault("X", "VS403463: Conditional access.")), SignInFailure::ConditionalAccess),
        (
            answer(401, &[("www-authenticate", "Bearer error=\"insufficient_claims\", claims=\"e30=\"")], ""),
            SignInFailure::TokenWithdrawn,
        ),
        (
            answer(301, &[("location", "https://fabrikam.visualstudio.com/x")], ""),
            SignInFailure::Redirected("https://fabrikam.visualstudio.com".into()),
        ),
    ];
    for (given, expected) in table {
        let Error::SignIn { why, .. } = write(given).await else { panic!("{expected:?}") };
        assert_eq!(why, expected);
        assert!(!why.next_step().is_empty());
    }
}

#[tokio::test]
async fn being_asked_to_wait_says_until_when() {
    let body = fault("X", "TF400733: The request has been canceled.").to_string();
    let kind = ("content-type", "application/json");
    let error = write(answer(429, &[kind, ("retry-after", "42")], &body)).await;
    assert!(matches!(error, Error::Throttled { retry_at, .. } if retry_at == noon() + Duration::seconds(42)));
    let error = write(answer(429, &[], "")).await;
    assert!(matches!(error, Error::Throttled { retry_at, .. } if retry_at == noon() + Duration::seconds(30)));
    let error = write(answer(503, &[kind, ("retry-after", "Tue, 31 Mar 2026 12:05:00 GMT")], &body)).await;
    assert!(matches!(error, Error::Throttled { retry_at, .. } if retry_at == noon() + Duration::minutes(5)));
    let error = write(answer(429, &[("retry-after", "99999999999999999999")], "")).await;
    assert!(matches!(error, Error::Throttled { retry_at, .. } if retry_at == noon() + Duration::hours(1)));
}

/// Localised servers say the same with other words: only status, type key and code may decide.
#[tokio::test]
async fn the_meaning_of_a_refusal_does_not_hang_on_its_words() {
    type Check = fn(&Error) -> bool;
    let rows: [(u16, &str, &str, Check); 17] = [
        (400, "RuleValidationException", "TF401320", |e| is(e, Rejection::RuleViolated)),
        (400, "RuleValidationException", "TF401326", |e| is(e, Rejection::ReadOnly)),
        (400, "WorkItemFieldInvalidException", "TF401324", |e| is(e, Rejection::TooLong)),
        (400, "AnyException", "TF401347", |e| is(e, Rejection::UnknownPath)),
        (400, "WorkItemTrackingFieldDefinitionNotFoundException", "TF51535", |e| {
            is(e, Rejection::UnknownField)
        }),
        (400, "AnyException", "TF51005", |e| is(e, Rejection::UnknownField)),
        (400, "AnyException", "TF201036", |e| is(e, Rejection::LinkRule)),
        (400, "AnyException", "TF201065", |e| is(e, Rejection::LinkRule)),
        (400, "AnyException", "VS403474", |e| is(e, Rejection::TooManyIds)),
        (400, "AnyException", "VS402337", |e| is(e, Rejection::QueryTooLarge)),
        (400, "InvalidTeamSettingsException", "TF400497", |e| is(e, Rejection::TeamSettings)),
        (400, "AnyException", "TF401322", |e| matches!(e, Error::Forbidden { why: Denial::BypassRules, .. })),
        (400, "AnyException", "VS402330", |e| matches!(e, Error::NotFound { what: Missing::Attachment, .. })),
        (403, "AnyException", "TF237111", |e| matches!(e, Error::Forbidden { why: Denial::EditArea, .. })),
        (404, "AnyException", "VS402323", |e| {
            matches!(e, Error::NotFound { what: Missing::WorkItemType, .. })
        }),
        (404, "TeamNotFoundException", "", |e| matches!(e, Error::NotFound { what: Missing::Team, .. })),
        (404, "BoardDoesntExistException", "", |e| matches!(e, Error::NotFound { what: Missing::Board, .. })),
    ];
    for (status, type_key, code, is_right) in rows {
        let words =
            if code.is_empty() { "Was auch immer.".to_owned() } else { format!("{code}: Was auch immer.") };
        let error = write(json(status, fault(type_key, &words))).await;
        assert!(is_right(&error), "{type_key} {code}: {error:?}");
        assert!(error.is_certain_not_applied() && error.message().contains("Was auch immer"), "{error}");
    }
}

fn is(error: &Error, expected: Rejection) -> bool {
    matches!(error, Error::Rejected { why, .. } if *why == expected)
}

#[tokio::test]
async fn an_address_without_a_controller_is_not_a_missing_work_item() {
    let words = "The controller for path '/x' was not found or does not implement IController.";
    let error = read(answer(404, &[("content-type", "text/plain; charset=utf-8")], words)).await;
    assert!(matches!(error, Error::NotFound { what: Missing::Route, .. }), "{error:?}");
}
