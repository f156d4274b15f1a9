//! What two scans saw, compared over the API.

use api::{Job, ScanComparison};
use model::{ScanId, Severity};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::on_every_database;
use crate::work::{ask, import, report};

#[expect(clippy::unwrap_used, reason = "test support")]
fn scan(job: &Job) -> ScanId {
    job.import.as_ref().unwrap().scans[0]
}

fn titles(side: &api::ComparedSide) -> Vec<&str> {
    let mut ids: Vec<&str> = side.findings.iter().map(|one| one.vulnerability_id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn two_scans_are_compared_by_what_each_saw() {
    on_every_database(|server| async move {
        let session = server.session().await;
        let scans = async |run: &str, day: u32, rules: &[&str]| {
            scan(&import(&session, "asset=shop&branch=main", report(run, day, rules)).await)
        };
        let monday = scans("monday", 5, &["sql", "xss"]).await;
        let tuesday = scans("tuesday", 6, &["xss", "csrf"]).await;
        let wednesday = scans("wednesday", 7, &["sql", "xss", "csrf", "rce"]).await;
        let compared = async |one: ScanId, with: Option<ScanId>| {
            let with = with.map(|with| format!("?with={with}")).unwrap_or_default();
            let path = format!("/api/v1/scans/{one}/comparison{with}");
            ask::<ScanComparison>(&session, Method::GET, &path, StatusCode::OK).await
        };
        let first = compared(monday, None).await;
        assert!(first.earlier.is_none());
        assert_eq!((titles(&first.new), first.unchanged), (vec!["sql", "xss"], 0));
        let day = compared(tuesday, None).await;
        assert_eq!(day.earlier.unwrap().id, monday);
        assert_eq!((titles(&day.new), titles(&day.gone), day.unchanged), (vec!["csrf"], vec!["sql"], 1));
        assert_eq!(day.gone.counts.of(Severity::Critical), 1);
        // What was gone in between and came back is no difference. Either order says the same.
        for (one, with) in [(wednesday, monday), (monday, wednesday)] {
            let week = compared(one, Some(with)).await;
            assert_eq!((week.earlier.unwrap().id, week.later.id), (monday, wednesday));
            assert_eq!(
                (titles(&week.new), titles(&week.gone), week.unchanged),
                (vec!["csrf", "rce"], vec![], 2)
            );
        }
        // An old report that arrives late is compared by when its scan started.
        let late = scans("sunday", 4, &["sql", "old"]).await;
        let since = compared(tuesday, Some(late)).await;
        assert_eq!((titles(&since.new), titles(&since.gone)), (vec!["csrf", "xss"], vec!["old", "sql"]));

        let other = scan(&import(&session, "asset=shop&branch=feature", report("branch", 7, &["sql"])).await);
        let path = format!("/api/v1/scans/{monday}/comparison?with={other}");
        let refused: Value = ask(&session, Method::GET, &path, StatusCode::CONFLICT).await;
        assert_eq!(refused["code"], "scans_not_comparable");
    });
}
