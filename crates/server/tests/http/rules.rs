//! Ticketing rules over the API: criteria with their problems, order, counts.

use api::{Page, Rule, RuleCheck, RuleCount, RuleFact};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{on_every_database, problem};
use crate::work::{ask, import, report, send};

#[test]
fn a_rule_is_checked_counted_made_and_put_elsewhere() {
    on_every_database(|server| async move {
        let session = server.session().await;
        import(&session, "asset=Shop&tags=Web,eu", report("one", 1, &["sql", "xss"])).await;
        for (criteria, matching) in [
            (json!({}), 2),
            (json!({ "severity": { "at_least": "high" } }), 1),
            (json!({ "all": [{ "asset_tag": "web" }, { "asset": { "matches": "sh*" } }] }), 2),
            (json!({ "any": [{ "asset_tag": "us" }, { "path": { "starts_with": "SRC/x" } }] }), 1),
            (json!({ "not": { "cvss_score": { "at_least": 9 } } }), 1),
        ] {
            let body = json!({ "name": "r", "enabled": false, "criteria": criteria });
            let check: RuleCheck =
                send(&session, Method::POST, "/api/v1/rules/check", body.clone(), StatusCode::OK).await;
            assert_eq!((check.problems.len(), check.matching), (0, Some(matching)), "{body}");
            let rule: Rule = send(&session, Method::POST, "/api/v1/rules", body, StatusCode::CREATED).await;
            let again: Rule =
                ask(&session, Method::GET, &format!("/api/v1/rules/{}", rule.id), StatusCode::OK).await;
            assert_eq!(Some(again.about), check.about);
        }
        let counts: Vec<RuleCount> = ask(&session, Method::GET, "/api/v1/rules/counts", StatusCode::OK).await;
        assert_eq!(counts.iter().map(|count| count.matching).collect::<Vec<_>>(), [2, 1, 2, 1, 1]);
        let rules: Page<Rule> = ask(&session, Method::GET, "/api/v1/rules", StatusCode::OK).await;
        let turned: Vec<_> = rules.items.iter().rev().map(|rule| rule.id).collect();
        let order = json!({ "rules": turned });
        let rules: Page<Rule> =
            send(&session, Method::PUT, "/api/v1/rules/order", order, StatusCode::OK).await;
        assert_eq!(rules.items.iter().map(|rule| rule.id).collect::<Vec<_>>(), turned);
        let part = json!({ "rules": turned[1..] });
        let refused = session.call(Method::PUT, "/api/v1/rules/order").json(&part).send().await.unwrap();
        assert_eq!(problem(refused).await.code, "rules_changed");
    });
}

#[test]
fn each_problem_of_a_rule_stands_at_its_node() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let body = json!({ "name": "r", "criteria": { "all": [{ "kind": "code" }, { "severity": { "at_least": "huge" } }, { "colour": "red" }] } });
        let check: RuleCheck =
            send(&session, Method::POST, "/api/v1/rules/check", body.clone(), StatusCode::OK).await;
        let at: Vec<&str> = check.problems.iter().map(|problem| problem.at.as_str()).collect();
        assert_eq!(at, ["/criteria/all/1/severity/at_least", "/criteria/all/2/colour"]);
        assert_eq!(check.matching, None);
        for path in ["/api/v1/rules", "/api/v1/rules/plan"] {
            let refused = session.call(Method::POST, path).json(&body).send().await.unwrap();
            let refused = problem(refused).await;
            assert_eq!(refused.code, "rule_invalid");
            assert_eq!(refused.fields[0].pointer, "/criteria/all/1/severity/at_least");
            assert!(refused.fields[0].detail.contains("use one of info, low"), "{refused:?}");
        }
        let by: Value = json!({ "name": "r", "grouping": { "by": ["component", "weather"] } });
        let refused = session.call(Method::POST, "/api/v1/rules").json(&by).send().await.unwrap();
        assert!(problem(refused).await.detail.contains("'weather' is no fact of findings"));
        let facts: Vec<RuleFact> = ask(&session, Method::GET, "/api/v1/rules/facts", StatusCode::OK).await;
        assert!(facts.iter().all(|fact| !fact.operators.is_empty()), "{facts:?}");
    });
}
