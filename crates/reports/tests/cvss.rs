//! Where a report rates a weakness more than once, the newest version of CVSS counts; the scanner's own word stands.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use model::{Observation, Severity};
use serde_json::json;
use support::read;

const V2: &str = "AV:N/AC:L/Au:N/C:C/I:C/A:C"; // 10.0
const V30: &str = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"; // 9.8
const V31: &str = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"; // 7.5
const V4: &str = "CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"; // 4.6

fn only(report: &str) -> Observation {
    read(report.as_bytes()).unwrap().only().clone()
}

#[track_caller]
fn expect_rating(of: &Observation, vector: &str, score: f64, severity: Severity) {
    let definition = &of.vulnerability;
    assert_eq!(
        (definition.cvss_vector.as_deref(), definition.cvss_score, of.severity),
        (Some(vector), Some(score), severity)
    );
}

#[test]
fn of_the_ratings_in_a_bill_of_materials_the_newest_counts() {
    let bom = |ratings: serde_json::Value| {
        only(
            &json!({
                "bomFormat": "CycloneDX", "specVersion": "1.6",
                "components": [{"type": "library", "name": "a", "version": "1", "bom-ref": "a"}],
                "vulnerabilities": [{"id": "CVE-2026-1", "ratings": ratings, "affects": [{"ref": "a"}]}],
            })
            .to_string(),
        )
    };
    let rating = |method: &str, vector: &str| json!({"method": method, "vector": vector});
    let all = [
        rating("CVSSv2", V2),
        rating("CVSSv3", V30),
        rating("CVSSv31", V31),
        rating("CVSSv4", V4),
        json!({"method": "OWASP", "vector": "SL:1/M:9", "score": 9.5}),
    ];
    expect_rating(&bom(json!(all)), V4, 4.6, Severity::Medium);
    expect_rating(&bom(json!([&all[0], &all[2], &all[1]])), V31, 7.5, Severity::High);
    expect_rating(&bom(json!([&all[0], &all[1]])), V30, 9.8, Severity::Critical);
    let told = bom(json!([{"method": "CVSSv4", "vector": V4, "severity": "high"}]));
    expect_rating(&told, V4, 4.6, Severity::High);
}

#[test]
fn a_plugin_of_nessus_is_rated_by_one_version_and_never_by_a_score_of_another() {
    let nessus = |ratings: &str| {
        only(&format!(
            r#"<NessusClientData_v2><Report name="r"><ReportHost name="web.example">
            <ReportItem port="443" svc_name="www" protocol="tcp" pluginID="1" pluginName="Old TLS" pluginFamily="Misc.">
            {ratings}</ReportItem></ReportHost></Report></NessusClientData_v2>"#
        ))
    };
    let old = format!("<cvss_base_score>10.0</cvss_base_score><cvss_vector>CVSS2#{V2}</cvss_vector>");
    let three = format!("<cvss3_base_score>9.8</cvss3_base_score><cvss3_vector>{V30}</cvss3_vector>");
    let four = format!("<cvss4_vector>{V4}</cvss4_vector>");
    expect_rating(&nessus(&old), V2, 10.0, Severity::Critical);
    expect_rating(&nessus(&format!("{old}{three}")), V30, 9.8, Severity::Critical);
    expect_rating(&nessus(&format!("{old}{three}{four}")), V4, 4.6, Severity::Medium);
}

#[test]
fn an_advisory_with_a_vector_of_version_4_alone_is_rated_by_it() {
    let audit = only(
        &json!({
            "database": {}, "lockfile": {"dependency-count": 1}, "settings": {},
            "vulnerabilities": {"found": true, "count": 1, "list": [{
                "advisory": {"id": "RUSTSEC-2026-0001", "package": "a", "title": "t", "cvss": V4},
                "versions": {"patched": []}, "package": {"name": "a", "version": "1.0.0"},
            }]},
            "warnings": {},
        })
        .to_string(),
    );
    expect_rating(&audit, V4, 4.6, Severity::Medium);
}

#[test]
fn a_finding_of_the_generic_format_may_be_rated_by_its_vector() {
    let finding = |vector: &str| {
        json!({"lockstep": 1, "scanner": {"name": "own"},
               "findings": [{"id": "A-1", "title": "t", "path": "a.rs", "cvss_vector": vector}]})
        .to_string()
    };
    expect_rating(&only(&finding(V31)), V31, 7.5, Severity::High);
    assert!(
        read(finding("CVSS:4.0/AV:N").as_bytes()).is_err(),
        "a vector that says too little rates nothing"
    );
}
