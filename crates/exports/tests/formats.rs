//! What leaves as a file says what the findings say, in the words of each format, and hostile text stays text.

mod support;

use api::ExportFormat;
use model::{Component, CoverageExtent, FindingKind, Location, Observation, Severity, Status};
use reports::Format;
use serde_json::{Value, json};
use support::{HOSTILE, file, finding, hostile, json, of_component, read_back};

/// What is compared: id and severity, and name, version and package URL of the component.
type Said = (String, Severity, Option<[Option<String>; 3]>);

fn said(id: &str, severity: Severity, component: Option<&Component>) -> Said {
    let component = component
        .map(|component| [Some(component.name.clone()), component.version.clone(), component.purl.clone()]);
    (id.to_owned(), severity, component)
}

fn places(read: &[Observation]) -> Vec<Said> {
    read.iter().map(|one| said(&one.vulnerability.id, one.severity, one.component.as_ref())).collect()
}

fn wanted(written: &[api::Finding]) -> Vec<Said> {
    written
        .iter()
        .map(|one| said(&one.vulnerability.id, one.summary.severity, one.component.as_ref()))
        .collect()
}

#[test]
fn sarif_is_read_again_with_the_same_ids_severities_and_places() {
    let mut findings = Vec::new();
    for (number, (severity, score)) in [
        (Severity::Critical, Some(9.8)),
        (Severity::High, None),
        // The score of the definition says more than the finding: the finding's severity counts.
        (Severity::Medium, Some(9.1)),
        (Severity::Low, Some(0.1)),
        (Severity::Info, None),
    ]
    .into_iter()
    .enumerate()
    {
        let mut one = finding(number as u128);
        one.summary.severity = severity;
        one.vulnerability.cvss_score = score;
        one.vulnerability.id = format!("rule/{number}");
        findings.push(one);
    }
    for (number, path) in
        ["a b/ä%20#?.rs", "registry:5000/app", "https://shop.example/login?q=1", "/etc/passwd"]
            .into_iter()
            .enumerate()
    {
        let mut one = finding(10 + number as u128);
        one.location = Location { path: path.into(), start_line: Some(1), ..Location::default() };
        one.related_locations =
            vec![Location { path: "src/other.rs".into(), logical: Some("f".into()), ..Location::default() }];
        findings.push(one);
    }
    let mut secret = finding(20);
    secret.summary.kind = FindingKind::Secret;
    secret.vulnerability.id = "aws-key".into();
    secret.location.snippet = None;
    findings.push(secret);
    findings.push(of_component(30, "CVE-2026-1234", Status::Created));

    let (format, runs, read) = read_back(&file(ExportFormat::Sarif, &findings));
    assert_eq!((format, runs[0].scanner.as_str()), (Format::Sarif, "Lockstep"));
    assert_eq!(places(&read), wanted(&findings));
    for (one, finding) in read.iter().zip(&findings) {
        assert_eq!(one.location, finding.location);
        assert_eq!(one.related_locations, finding.related_locations);
        assert_eq!(one.kind, finding.summary.kind);
        assert_eq!(one.vulnerability.cwes, finding.vulnerability.cwes);
        assert_eq!(one.scanner_fingerprints["lockstep/v1"], finding.fingerprint);
    }
}

#[test]
fn sarif_holds_each_rule_once_and_only_open_findings() {
    let mut worse = finding(1);
    worse.summary.severity = Severity::Critical;
    let all = Status::ALL.into_iter().enumerate().map(|(number, status)| {
        let mut one = finding(10 + number as u128);
        one.summary.status = status;
        one
    });
    let log = json(ExportFormat::Sarif, &std::iter::once(worse).chain(all).collect::<Vec<_>>());
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["properties"]["security-severity"], "9.5", "findings come worst first");
    assert_eq!(rules[0]["properties"]["tags"], json!(["security", "external/cwe/cwe-089"]));
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 1 + Status::ALL.iter().filter(|status| status.is_open()).count());
    for result in results {
        assert_eq!(result["ruleIndex"], 0);
        assert_eq!(result["ruleId"], rules[0]["id"]);
        let open = result["properties"]["status"].as_str().unwrap().parse::<Status>().unwrap();
        assert!(open.is_open());
    }
}

/// What the schema of SARIF 2.1.0 asks of the parts that are written here.
#[test]
fn sarif_has_what_the_standard_demands() {
    let log = json(ExportFormat::Sarif, &[finding(1), hostile(2, Status::Created)]);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert!(run["tool"]["driver"]["name"].is_string(), "3.19.8");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true, "3.20.14");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        assert!(!rule["id"].as_str().unwrap().is_empty(), "3.49.3");
        let tags: Vec<&str> =
            rule["properties"]["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        let mut single = tags.clone();
        single.sort_unstable();
        single.dedup();
        assert_eq!(single.len(), tags.len(), "3.8.2.1: tags are distinct");
    }
    for result in run["results"].as_array().unwrap() {
        assert!(!result["message"]["text"].as_str().unwrap().is_empty(), "3.11");
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "3.27.10");
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "3.27.6");
        for place in result["locations"].as_array().into_iter().flatten() {
            let physical = &place["physicalLocation"];
            let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
            assert!(uri.is_ascii() && !uri.contains([' ', '<', '>', '"', '\n']), "3.4.3: {uri}");
            if let Some(region) = physical.get("region") {
                assert!(region["startLine"].as_u64().unwrap() >= 1, "3.30.5");
            }
        }
    }
}

#[test]
fn openvex_is_read_again_with_the_same_ids_and_places_and_what_was_decided() {
    let mut findings: Vec<_> =
        [Status::FalsePositive, Status::Fixed, Status::Created, Status::RiskAccepted, Status::Identified]
            .into_iter()
            .enumerate()
            .map(|(number, status)| {
                let mut one = of_component(number as u128, &format!("CVE-2026-100{number}"), status);
                one.reason = Some("Because.".into());
                one
            })
            .collect();
    let document = json(ExportFormat::Openvex, &findings);
    let statements = document["statements"].as_array().unwrap();
    let said: Vec<&str> = statements.iter().map(|one| one["status"].as_str().unwrap()).collect();
    assert_eq!(said, ["not_affected", "fixed", "under_investigation", "affected", "affected"]);
    assert_eq!(statements[0]["impact_statement"], "Because.");
    assert_eq!(statements[3]["action_statement"], "No action is planned. The risk is accepted: Because.");
    assert_eq!(statements[4]["action_statement"], "Upgrade lodash to 4.17.21.");

    // OpenVEX has no word for the severity.
    findings.iter_mut().for_each(|one| one.summary.severity = Severity::Info);
    let (format, runs, read) = read_back(&file(ExportFormat::Openvex, &findings));
    assert_eq!(format, Format::OpenVex);
    assert_eq!(runs[0].coverage.extent, CoverageExtent::Partial);
    assert_eq!(places(&read), wanted(&findings));
    let decided: Vec<bool> = read.iter().map(|one| one.suppression.is_some()).collect();
    assert_eq!(decided, [true, true, false, false, false]);
}

/// The schema of OpenVEX 0.2.0: required keys, `oneOf` of the reasons, distinct statements.
#[test]
fn every_openvex_statement_is_complete() {
    let mut findings = Vec::new();
    for (number, status) in Status::ALL.into_iter().enumerate() {
        // Without a reason and without a remedy, twice the same but for the identity.
        for twin in 0..2 {
            let mut one = of_component((number * 2 + twin) as u128, "GHSA-ab12-cd34-ef56", status);
            one.component.as_mut().unwrap().fixed_version = None;
            findings.push(one);
        }
    }
    let document = json(ExportFormat::Openvex, &findings);
    for key in ["@context", "@id", "author", "timestamp"] {
        assert!(document[key].is_string(), "{key}");
    }
    assert_eq!(document["version"], 1);
    let statements = document["statements"].as_array().unwrap();
    assert_eq!(statements.len(), 16, "drafts, duplicates and what is suppressed say nothing");
    for (number, one) in statements.iter().enumerate() {
        assert!(!statements[..number].contains(one), "statements are distinct");
        assert!(one["vulnerability"]["name"].is_string());
        match one["status"].as_str().unwrap() {
            "not_affected" => {
                assert!(one["impact_statement"].is_string() && one.get("justification").is_none());
            }
            "affected" => assert!(one["action_statement"].is_string()),
            _ => assert!(one["status_notes"].is_string()),
        }
    }
}

#[test]
fn a_component_without_a_package_url_is_a_part_of_its_asset() {
    let mut without = of_component(1, "CVE-2026-1234", Status::Identified);
    without.component.as_mut().unwrap().purl = None;
    let mut host = finding(2);
    host.summary.kind = FindingKind::Host;
    host.vulnerability.id = "10.0.0.1/4711".into();
    host.vulnerability.aliases =
        vec!["CVE-2026-2222".into(), "GHSA-ab12-cd34-ef56".into(), "CVE-2026-1111".into()];
    let findings = [without, host];
    let document = json(ExportFormat::Openvex, &findings);
    let statements = document["statements"].as_array().unwrap();
    assert_eq!(statements[0]["products"][0]["@id"], "pkg:generic/contoso%2Fshop");
    assert_eq!(statements[0]["products"][0]["subcomponents"][0]["@id"], "pkg:generic/lodash@4.17.20");
    let names: Vec<&Value> = statements.iter().map(|one| &one["vulnerability"]["name"]).collect();
    assert_eq!(
        names,
        ["CVE-2026-1234", "CVE-2026-1111", "CVE-2026-2222"],
        "two CVEs are two vulnerabilities"
    );

    let (_, _, read) = read_back(&file(ExportFormat::Openvex, &findings));
    let component = read[0].component.as_ref().unwrap();
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("lodash", Some("4.17.20")));
    assert_eq!(read[0].location.path, "contoso/shop");
    assert_eq!(read[1].component.as_ref().unwrap().name, "contoso/shop");
    let (_, _, read) = read_back(&file(ExportFormat::Cyclonedx, &findings));
    assert_eq!(read[1].component.as_ref().unwrap().name, "contoso/shop");
}

#[test]
fn a_rule_of_a_scanner_is_no_vulnerability_that_a_vex_document_speaks_of() {
    for format in [ExportFormat::Openvex, ExportFormat::Cyclonedx] {
        let document = json(format, &[finding(1)]);
        let list = document.get("statements").unwrap_or(&document["vulnerabilities"]);
        assert_eq!(list, &json!([]));
    }
}

#[test]
fn cyclonedx_is_read_again_with_the_same_ids_severities_and_places() {
    let statuses =
        [Status::FalsePositive, Status::Fixed, Status::Created, Status::RiskAccepted, Status::Identified];
    let mut findings: Vec<_> = statuses
        .into_iter()
        .enumerate()
        .map(|(number, status)| of_component(number as u128, &format!("CVE-2026-100{number}"), status))
        .collect();
    findings[2].summary.severity = Severity::Critical;
    findings[3].vulnerability.aliases = vec!["GHSA-ab12-cd34-ef56".into()];
    findings[4].component.as_mut().unwrap().purl = None;
    let bom = json(ExportFormat::Cyclonedx, &findings);
    let listed = bom["vulnerabilities"].as_array().unwrap();
    let said: Vec<(&Value, &Value)> =
        listed.iter().map(|one| (&one["analysis"]["state"], &one["analysis"]["response"])).collect();
    assert_eq!(
        said,
        [
            (&json!("false_positive"), &Value::Null),
            (&json!("resolved"), &Value::Null),
            (&json!("in_triage"), &Value::Null),
            (&json!("exploitable"), &json!(["will_not_fix"])),
            (&json!("exploitable"), &json!(["update"])),
        ]
    );
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), 2, "each component once");
    for one in listed {
        let affected = &one["affects"][0]["ref"];
        assert!(components.iter().any(|component| component["bom-ref"] == *affected));
    }

    let (format, runs, read) = read_back(&file(ExportFormat::Cyclonedx, &findings));
    assert_eq!(format, Format::CycloneDx);
    assert_eq!(runs[0].coverage.extent, CoverageExtent::Partial, "it is no inventory");
    assert_eq!(places(&read), wanted(&findings));
    assert_eq!(read[3].vulnerability.aliases, ["GHSA-ab12-cd34-ef56"]);
    assert_eq!(read[0].vulnerability.cvss_score, Some(7.5));
}

#[test]
fn one_component_in_two_assets_is_two_so_that_decisions_do_not_meet() {
    let here = of_component(1, "CVE-2026-1234", Status::FalsePositive);
    let mut there = of_component(2, "CVE-2026-1234", Status::Identified);
    there.summary.asset.id = model::AssetId(uuid::Uuid::from_u128(8));
    let bom = json(ExportFormat::Cyclonedx, &[here, there]);
    assert_eq!(bom["components"].as_array().unwrap().len(), 2);
    assert_ne!(bom["components"][0]["bom-ref"], bom["components"][1]["bom-ref"]);
}

#[test]
fn where_two_openvex_statements_meet_the_more_cautious_one_comes_last() {
    let walks = exports::walks(ExportFormat::Openvex).unwrap();
    let order: Vec<Status> = walks.iter().flat_map(|walk| walk.iter().copied()).collect();
    let position = |status: Status| walks.iter().position(|walk| walk.contains(&status)).unwrap();
    assert!(position(Status::FalsePositive) < position(Status::Fixed));
    assert!(position(Status::Fixed) < position(Status::Created));
    assert!(position(Status::Created) < position(Status::Identified));
    assert!(!order.contains(&Status::Suppressed) && !order.contains(&Status::Draft));
}

#[test]
fn csv_has_its_documented_columns_and_a_row_for_each_finding() {
    let bytes = file(ExportFormat::Csv, &[finding(1), of_component(2, "CVE-2026-1234", Status::Fixed)]);
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with("\r\n") && !text.replace("\r\n", "").contains(['\r', '\n']), "RFC 4180: CRLF");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), exports::COLUMNS);
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let cell = |row: usize, column: &str| {
        let position = exports::COLUMNS.iter().position(|name| *name == column).unwrap();
        rows[row].get(position).unwrap()
    };
    assert_eq!(rows.len(), 2);
    assert_eq!((cell(0, "path"), cell(0, "start_line"), cell(0, "cwes")), ("src/query.js", "12", "CWE-89"));
    assert_eq!((cell(1, "status"), cell(1, "component")), ("fixed", "lodash"));
    assert_eq!((cell(1, "cvss_score"), cell(1, "first_seen_at")), ("7.5", "2026-01-31T12:00:00Z"));
    let documented = include_str!("../../../docs/exports.md");
    for column in exports::COLUMNS {
        assert!(documented.contains(&format!("`{column}`")), "{column} is not documented");
    }
}

#[test]
fn json_is_what_the_api_says() {
    let findings = [finding(1), hostile(2, Status::Identified)];
    let list = json(ExportFormat::Json, &findings);
    assert_eq!(list, serde_json::to_value(&findings).unwrap());
    assert_eq!(json(ExportFormat::Json, &[]), json!([]));
}

#[test]
fn hostile_text_stays_text_in_every_format() {
    let findings =
        [hostile(1, Status::Identified), hostile(2, Status::FalsePositive), hostile(3, Status::RiskAccepted)];
    for format in [
        ExportFormat::Csv,
        ExportFormat::Json,
        ExportFormat::Sarif,
        ExportFormat::Openvex,
        ExportFormat::Cyclonedx,
    ] {
        let text = String::from_utf8(file(format, &findings)).unwrap();
        let raw = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
        assert_eq!(raw, None, "{format:?} holds no raw control character");
        if !matches!(format, ExportFormat::Csv | ExportFormat::Json) {
            assert!(!text.contains("\\u00"), "{format:?} holds no escaped one");
        }
    }

    let bytes = file(ExportFormat::Csv, &findings);
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    for row in reader.records() {
        let row = row.unwrap();
        assert_eq!(row.len(), exports::COLUMNS.len(), "no text makes a cell or a row of its own");
        for cell in row.iter() {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?} is a formula");
        }
    }

    let log = json(ExportFormat::Sarif, &findings);
    let result = &log["runs"][0]["results"][0];
    let text = result["message"]["text"].as_str().unwrap();
    assert!(text.contains("<script>") && !text.contains("]("), "plain text, without a link: {text}");
    assert!(result.get("workItemUris").is_none(), "an address of another scheme is no link");
    assert!(
        log["runs"][0]["tool"]["driver"]["rules"][0]["helpUri"].as_str().unwrap().starts_with("https://a/")
    );
    assert!(!log.to_string().contains("\"markdown\""), "nothing is said to be Markdown");

    let (_, _, read) = read_back(&file(ExportFormat::Openvex, &findings));
    assert_eq!(read.len(), 3);
    let (_, _, read) = read_back(&file(ExportFormat::Cyclonedx, &findings));
    assert_eq!(read.len(), 3);
    assert!(HOSTILE.starts_with('='));
}

#[test]
fn a_file_that_was_cut_off_is_never_whole() {
    for format in [ExportFormat::Json, ExportFormat::Sarif, ExportFormat::Openvex, ExportFormat::Cyclonedx] {
        let whole = file(format, &[of_component(1, "CVE-2026-1234", Status::Identified)]);
        for end in 0..whole.len() - 1 {
            assert!(serde_json::from_slice::<Value>(&whole[..end]).is_err(), "{format:?} ends at {end}");
        }
    }
}
