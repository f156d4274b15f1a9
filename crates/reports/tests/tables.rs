//! How tables are read: Wiz, Microsoft Defender, DefectDojo's generic CSV, and any table by a map of its columns.

mod support;

use std::collections::BTreeMap;
use std::io::Cursor;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ColumnMap, ErrorKind, Event, Format, ReadOptions};
use support::read;

#[test]
fn issues_of_wiz_lie_on_their_resource() {
    let csv = "Created At,Title,Severity,Status,Description,Resource Type,Resource external ID,Control ID,Resource Name,Resource Platform,Resource original JSON,Issue ID,Remediation Recommendation,Wiz URL\n\
        2026-01-31T12:00:00Z,Bucket is public,HIGH,OPEN,Long.,Bucket,arn:aws:s3:::shop,c-1,shop,AWS,\"{\"\"secret\"\": \"\"hunter2\"\"}\",i-1,Close it.,https://wiz.example/i-1\n\
        2026-01-31T12:00:00Z,Bucket is public,INFORMATIONAL,IGNORED,,Bucket,arn:aws:s3:::blog,c-1,blog,AWS,,i-2,,\n\
        2026-01-31T12:00:00Z,Bucket is public,HIGH,RESOLVED,,Bucket,arn:aws:s3:::old,c-1,old,AWS,,i-3,,\n";
    let report = read(csv.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::Wiz, 3, 2)
    );
    let [shop, blog] = report.observations.as_slice() else { panic!() };
    assert_eq!((shop.kind, shop.severity), (FindingKind::Misconfiguration, Severity::High));
    assert_eq!(
        (shop.title.as_str(), shop.location.path.as_str()),
        ("Bucket is public in shop", "arn:aws:s3:::shop")
    );
    assert_eq!(
        (shop.vulnerability.id.as_str(), shop.scanner_fingerprints["wiz/issueId"].as_str()),
        ("c-1", "i-1")
    );
    assert_eq!((blog.severity, blog.suppression), (Severity::Info, Some(ReportedSuppression::Accepted)));
    assert!(!format!("{report:?}").contains("hunter2"), "the resource itself is not kept");
}

#[test]
fn findings_of_wiz_are_components_of_their_asset() {
    let csv = "ID,WizURL,Name,VendorSeverity,FindingStatus,DetailedName,Version,FixedVersion,LocationPath,AssetID,AssetName,Remediation\n\
        f-1,https://wiz.example/f-1,CVE-2026-0001,Critical,OPEN,openssl,3.0.1,3.0.2,/usr/lib,vm-1,web-1,Upgrade.\n";
    let report = read(csv.as_bytes()).unwrap();
    let only = report.only();
    assert_eq!(
        (only.kind, only.severity, only.location.path.as_str()),
        (FindingKind::Component, Severity::Critical, "vm-1")
    );
    assert_eq!(only.title, "CVE-2026-0001 in openssl 3.0.1");
    assert_eq!(only.component.as_ref().unwrap().fixed_version.as_deref(), Some("3.0.2"));
}

#[test]
fn recommendations_of_defender_for_cloud_that_are_followed_are_counted() {
    let csv = "\u{FEFF}\"exportedTimestamp\",\"subscriptionId\",\"resourceType\",\"resourceName\",\"resourceId\",\"recommendationId\",\"recommendationName\",\"recommendationDisplayName\",\"description\",\"remediationSteps\",\"severity\",\"state\",\"azurePortalRecommendationLink\"\n\
        \"2026-01-31T12:00:00Z\",\"s1\",\"storage\",\"Shop\",\"/subscriptions/S1/resourceGroups/RG/providers/x/Shop\",\"/a/b\",\"guid-1\",\"Encrypt it\",\"Text\",\"<p>Do it.</p>\",\"High\",\"Unhealthy\",\"portal.azure.com/#x\"\n\
        \"2026-01-31T12:00:00Z\",\"s2\",\"storage\",\"Blog\",\"/subscriptions/s2/resourceGroups/rg/providers/x/blog\",\"/a/b\",\"guid-1\",\"Encrypt it\",\"\",\"\",\"High\",\"Healthy\",\"\"\n\
        \"2026-01-31T12:00:00Z\",\"s2\",\"storage\",\"Blog\",\"/subscriptions/s2/resourceGroups/rg/providers/x/blog\",\"/a/b\",\"guid-2\",\"Other\",\"\",\"\",\"Low\",\"NotApplicable\",\"\"\n";
    let report = read(csv.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.results), (Format::DefenderCloud, 3));
    assert_eq!(report.summary.left_out.len(), 2);
    let only = report.only();
    assert_eq!((only.kind, only.severity), (FindingKind::Misconfiguration, Severity::High));
    assert_eq!((only.title.as_str(), only.vulnerability.id.as_str()), ("Encrypt it in Shop", "guid-1"));
    assert_eq!(
        only.location.path, "/subscriptions/s1/resourcegroups/rg/providers/x/shop",
        "case is no difference"
    );
    assert_eq!(only.vulnerability.remediation.as_deref(), Some("Do it."));
    assert_eq!(only.vulnerability.references, ["https://portal.azure.com/#x"]);
    let scan = &report.runs[0];
    assert_eq!(scan.coverage.paths, ["/subscriptions/s1", "/subscriptions/s2"]);
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
}

#[test]
fn vulnerabilities_of_defender_for_endpoint_are_products_on_machines() {
    let page = |next: &str| {
        format!(
            r#"{{"@odata.context": "https://api.securitycenter.windows.com/api/$metadata#x", "value": [
            {{"id": "m1-_-CVE-2026-0001-_-v-_-tools-_-1.2-_-", "cveId": "CVE-2026-0001", "machineId": "m1", "fixingKbId": "5001234",
              "productName": "tools", "productVendor": "v", "productVersion": "1.2", "severity": "Medium"}}]{next}}}"#
        )
    };
    let report = read(page("").as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.runs[0].coverage.extent),
        (Format::DefenderEndpoint, CoverageExtent::Full)
    );
    let only = report.only();
    assert_eq!(
        (only.kind, only.severity, only.location.path.as_str()),
        (FindingKind::Component, Severity::Medium, "m1")
    );
    assert_eq!(only.title, "CVE-2026-0001 in tools 1.2");
    assert_eq!(only.vulnerability.remediation.as_deref(), Some("Install KB5001234."));
    let first = read(page(", \"@odata.nextLink\": \"https://x?$skip=1\"").as_bytes()).unwrap();
    assert_eq!(first.runs[0].coverage.extent, CoverageExtent::Partial, "there are more pages");
    let empty = r#"{"@odata.context": "https://api-eu.securitycenter.windows.com/api/x", "value": []}"#;
    assert_eq!(read(empty.as_bytes()).unwrap().summary.results, 0);
    let wrong = page("").replace("\"cveId\": \"CVE-2026-0001\"", "\"cveId\": {}");
    let error = read(wrong.as_bytes()).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Invalid { .. }) && error.to_string().contains("value[0]"),
        "{error}"
    );
}

#[test]
fn the_table_of_defectdojo_is_read_with_its_decisions() {
    let csv = "Date,Title,CweId,Url,Severity,Description,Mitigation,Impact,References,Active,Verified,FalsePositive,Duplicate,IsMitigated,component_name,component_version,fix_version,cve\n\
        01/30/2026,Inode leak,200,https://shop.example/,Low,It leaks.,Stop.,Some.,see https://example.com/a,TRUE,TRUE,FALSE,FALSE,FALSE,,,,\n\
        01/30/2026,Old,1,,Low,d,,,,TRUE,TRUE,FALSE,FALSE,TRUE,,,,\n\
        01/30/2026,Twin,1,,Low,d,,,,TRUE,TRUE,FALSE,TRUE,FALSE,,,,\n\
        01/30/2026,Deserialization,502,,High,d,,,,TRUE,TRUE,TRUE,FALSE,FALSE,spring-core,2.1.2,2.1.3,CVE-2026-0001\n";
    let report = read(csv.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::DefectDojoCsv, 4, 2)
    );
    let [leak, spring] = report.observations.as_slice() else { panic!() };
    assert_eq!((leak.kind, leak.location.path.as_str()), (FindingKind::Web, "https://shop.example/"));
    assert_eq!(
        (leak.vulnerability.id.as_str(), leak.vulnerability.cwes.as_slice()),
        ("Inode leak", &[200][..])
    );
    assert_eq!(leak.vulnerability.references, ["https://example.com/a"]);
    assert_eq!(
        (spring.vulnerability.id.as_str(), spring.suppression),
        ("CVE-2026-0001", Some(ReportedSuppression::Accepted))
    );
    assert_eq!(spring.component.as_ref().unwrap().fixed_version.as_deref(), Some("2.1.3"));
}

fn map(columns: &[(&str, &str)]) -> ColumnMap {
    let columns = columns.iter().map(|(fact, column)| ((*fact).to_owned(), (*column).to_owned())).collect();
    ColumnMap { columns, ..ColumnMap::default() }
}

fn read_mapped(
    csv: &str,
    map: ColumnMap,
) -> Result<(Vec<model::ScanRun>, Vec<model::Observation>), reports::Error> {
    let options = ReadOptions { columns: Some(map), ..ReadOptions::default() };
    let (mut runs, mut observations) = (Vec::new(), Vec::new());
    let mut sink = |event| {
        match event {
            Event::Run(run) => runs.push(*run),
            Event::Observation(observation) => observations.push(*observation),
        }
        Ok(())
    };
    reports::read_with(Cursor::new(csv.as_bytes()), &options, &mut sink)?;
    Ok((runs, observations))
}

const PENTEST: &str = "Exported by;Somebody;;\nIssue Name;Prio;Where;CWE list\nReset link leaks;P1;https://shop.example/reset;CWE-640, 200\nOld cipher;low;;\n";

#[test]
fn any_table_is_read_by_a_map_of_its_columns() {
    let map = ColumnMap {
        severities: BTreeMap::from([("p1".to_owned(), "critical".to_owned())]),
        kind: Some(FindingKind::Web),
        scanner: Some("Pentest 2026".to_owned()),
        ..map(&[("title", "issue name"), ("severity", "Prio"), ("path", "Where"), ("cwes", "CWE list")])
    };
    let (runs, observations) = read_mapped(PENTEST, map).unwrap();
    assert_eq!(runs[0].scanner, "Pentest 2026");
    let [leak, cipher] = observations.as_slice() else { panic!() };
    assert_eq!(
        (leak.title.as_str(), leak.severity, leak.kind),
        ("Reset link leaks", Severity::Critical, FindingKind::Web)
    );
    assert_eq!(leak.scanner_severity.as_deref(), Some("P1"), "the word of the table is kept");
    assert_eq!(
        (leak.vulnerability.id.as_str(), leak.vulnerability.cwes.as_slice()),
        ("Reset link leaks", &[640, 200][..])
    );
    assert_eq!((cipher.severity, cipher.location.path.as_str()), (Severity::Low, ""));
}

#[test]
fn a_map_that_does_not_fit_is_refused_with_what_is_wrong() {
    let refused = |map: ColumnMap| read_mapped(PENTEST, map).unwrap_err().to_string();
    let told = refused(map(&[("title", "Issue Name"), ("Severty", "Prio")]));
    assert!(told.contains("did you mean 'severity'"), "{told}");
    assert!(refused(map(&[("severity", "Prio")])).contains("names none for 'title'"));
    assert!(refused(map(&[("title", "Headline")])).contains("the names of the columns is missing"));
    let told = refused(map(&[("title", "Issue Name"), ("severity", "Prio")]));
    assert!(told.contains("'p1'") && told.contains("column 'Prio'") && told.starts_with("line 3"), "{told}");
    let wrong = ColumnMap {
        severities: BTreeMap::from([("P1".to_owned(), "awful".to_owned())]),
        ..map(&[("title", "Issue Name")])
    };
    assert!(refused(wrong).contains("'awful' is a severity"));
}

#[test]
fn a_row_with_absurdly_many_cells_is_refused() {
    let csv = format!("id,title,severity\n{}\n", ",".repeat(20_000));
    let error = read(csv.as_bytes()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::LimitExceeded { .. }), "{error}");
    assert!(error.to_string().contains("number of cells in one row"), "{error}");
}
