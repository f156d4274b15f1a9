//! How reports of Nessus are read, in XML and in CSV.

mod support;

use model::{CoverageExtent, FindingKind, Severity};
use reports::{ErrorKind, Format};
use support::read;

const REPORT: &str = r##"<?xml version="1.0" ?>
<NessusClientData_v2>
  <Policy><policyName>Weekly internal</policyName>
    <Preferences><ServerPreferences>
      <preference><name>TARGET</name><value>web.example.com,192.0.2.8</value></preference>
      <preference><name>sc_version</name><value>6.3.0</value></preference>
      <password_like>not read</password_like>
    </ServerPreferences></Preferences>
  </Policy>
  <Report name="internal" xmlns:cm="http://www.nessus.org/cm">
    <ReportHost name="web.example.com">
      <HostProperties>
        <tag name="HOST_START_TIMESTAMP">1767225600</tag><tag name="HOST_START">Thu Jan  1 00:00:00 2026</tag>
        <tag name="HOST_END">Thu Jan  1 00:10:00 2026</tag>
      </HostProperties>
      <ReportItem port="443" svc_name="www" protocol="tcp" severity="4" pluginID="90001" pluginName="Example TLS &lt; 1.2 Overflow" pluginFamily="Web Servers">
        <synopsis>The service is affected by an overflow.</synopsis>
        <description>A longer text.

In two parts.</description>
        <solution>Upgrade to Example 1.2.</solution>
        <risk_factor>Critical</risk_factor>
        <cve>CVE-2026-11111</cve><cve>CVE-2026-22222</cve>
        <cvss_base_score>7.5</cvss_base_score><cvss_vector>CVSS2#AV:N/AC:L/Au:N/C:P/I:P/A:P</cvss_vector>
        <cvss3_base_score>9.8</cvss3_base_score><cvss3_vector>CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H</cvss3_vector>
        <see_also>https://example.com/a
https://example.com/b</see_also>
        <xref>CWE:787</xref><xref>IAVA:2026-A-0001</xref>
        <plugin_output>Installed version : 1.1</plugin_output>
      </ReportItem>
      <ReportItem port="8443" protocol="tcp" severity="4" pluginID="90001" pluginName="Example TLS &lt; 1.2 Overflow"/>
      <ReportItem port="0" protocol="tcp" severity="0" pluginID="19506" pluginName="Scan Information"><solution>n/a</solution></ReportItem>
      <ReportItem port="0" protocol="tcp" severity="3" pluginID="21157" pluginName="Unix Compliance Checks" pluginFamily="Policy Compliance">
        <cm:compliance-check-name>1.1 Separate /tmp</cm:compliance-check-name><cm:compliance-check-id>abc</cm:compliance-check-id>
        <cm:compliance-result>FAILED</cm:compliance-result><cm:compliance-actual-value>not mounted</cm:compliance-actual-value>
        <cm:compliance-solution>Mount it.</cm:compliance-solution>
      </ReportItem>
      <ReportItem port="0" protocol="tcp" severity="0" pluginID="21157" pluginName="Unix Compliance Checks">
        <cm:compliance-check-name>1.2</cm:compliance-check-name><cm:compliance-result>PASSED</cm:compliance-result>
      </ReportItem>
    </ReportHost>
    <ReportHost name="192.0.2.8"><HostProperties/>
      <ReportItem port="443" protocol="tcp" severity="4" pluginID="90001" pluginName="Example TLS &lt; 1.2 Overflow"/>
    </ReportHost>
  </Report>
</NessusClientData_v2>"##;

#[test]
fn every_host_and_port_is_a_result_of_its_own() {
    let report = read(REPORT.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Nessus);
    assert_eq!((report.summary.results, report.summary.observations), (6, 5));
    let paths: Vec<&str> =
        report.observations.iter().map(|observation| observation.location.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "web.example.com/443/tcp",
            "web.example.com/8443/tcp",
            "web.example.com",
            "web.example.com",
            "192.0.2.8/443/tcp"
        ]
    );
    let first = &report.observations[0];
    assert_eq!((first.kind, first.severity), (FindingKind::Host, Severity::Critical));
    assert_eq!(first.title, "Example TLS < 1.2 Overflow in web.example.com/443/tcp");
    assert_eq!(first.scanner_severity.as_deref(), Some("Critical"));
    assert_eq!(first.message.as_deref(), Some("Installed version : 1.1"));
    let definition = &first.vulnerability;
    assert_eq!(definition.id, "nessus-90001");
    assert_eq!(definition.aliases, ["CVE-2026-11111", "CVE-2026-22222"]);
    assert_eq!((definition.cwes.as_slice(), definition.cvss_score), (&[787][..], Some(9.8)));
    assert_eq!(definition.cvss_vector.as_deref(), Some("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"));
    assert_eq!(definition.references, ["https://example.com/a", "https://example.com/b"]);
    assert_eq!(
        definition.description.as_deref(),
        Some("The service is affected by an overflow.\n\nA longer text.\n\nIn two parts.")
    );
    assert_eq!(report.observations[2].vulnerability.remediation, None, "'n/a' is no advice");
}

#[test]
fn a_failed_compliance_check_is_a_misconfiguration_and_a_passed_one_is_counted() {
    let report = read(REPORT.as_bytes()).unwrap();
    let check = &report.observations[3];
    assert_eq!((check.kind, check.vulnerability.id.as_str()), (FindingKind::Misconfiguration, "abc"));
    assert_eq!(check.title, "1.1 Separate /tmp in web.example.com");
    assert_eq!(check.message.as_deref(), Some("not mounted"));
    assert_eq!(report.summary.left_out[0].reason, "compliance check that passed");
}

#[test]
fn the_run_names_policy_targets_start_and_the_hosts_it_reached() {
    let report = read(REPORT.as_bytes()).unwrap();
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("Nessus", Some("6.3.0")));
    assert_eq!(scan.configuration.as_deref(), Some("Weekly internal"));
    assert_eq!(scan.target.as_deref(), Some("web.example.com,192.0.2.8"));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-01T00:00:00+00:00");
    assert_eq!(scan.coverage.extent, CoverageExtent::Full);
    assert_eq!(scan.coverage.paths, ["web.example.com", "192.0.2.8"], "a host that is down proves nothing");
}

#[test]
fn a_host_whose_scan_did_not_end_makes_the_run_partial() {
    let text = REPORT.replace("<tag name=\"HOST_END\">Thu Jan  1 00:10:00 2026</tag>", "");
    assert_eq!(read(text.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
}

#[test]
fn a_report_without_results_is_a_scan_and_a_file_without_report_is_none() {
    let empty =
        "<NessusClientData_v2><Report name=\"r\"><ReportHost name=\"a\"/></Report></NessusClientData_v2>";
    assert_eq!(read(empty.as_bytes()).unwrap().summary.results, 0);
    let error = read(b"<NessusClientData_v2><Policy/></NessusClientData_v2>").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::NoRun), "{error}");
}

#[test]
fn an_item_without_plugin_is_refused_with_its_place() {
    let text = REPORT.replace("pluginID=\"19506\"", "");
    let error = read(text.as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("line 32") && error.contains("has no pluginID"), "{error}");
}

#[test]
fn a_web_application_scan_places_its_results_on_pages() {
    let text = r#"<NessusClientData_v2><Report name="shop" type="was"><ReportHost name="https://shop.example/">
      <ReportItem pluginID="98104" severity="3" port="443" protocol="TCP" pluginName="Cross-Site Scripting">
        <plugin_output>Detected on URL 'https://shop.example/search?q=1' by a payload</plugin_output><cvssv3>7.1</cvssv3>
      </ReportItem></ReportHost></Report></NessusClientData_v2>"#;
    let report = read(text.as_bytes()).unwrap();
    assert_eq!(report.runs[0].scanner, "Tenable Web App Scanning");
    let only = report.only();
    assert_eq!(
        (only.kind, only.location.path.as_str()),
        (FindingKind::Web, "https://shop.example/search?q=1")
    );
    assert_eq!(only.vulnerability.cvss_score, Some(7.1));
}

const CSV: &str = "Plugin ID,CVE,CVSS,Risk,Host,Protocol,Port,Name,Synopsis,Description,Solution,See Also,Plugin Output\n\
90001,CVE-2026-11111,7.5,High,192.0.2.8,tcp,443,\"Overflow, remote\",Short.,\"Long\ntext\",Upgrade.,\"https://example.com/a\nhttps://example.com/b\",out\n\
19506,,,None,192.0.2.8,tcp,0,Scan Information,,,n/a,,\n";

#[test]
fn rows_of_csv_are_read_by_the_names_of_their_columns() {
    let report = read(CSV.as_bytes()).unwrap();
    assert_eq!(report.summary.format, Format::Nessus);
    let [overflow, information] = report.observations.as_slice() else { panic!() };
    assert_eq!((overflow.severity, information.severity), (Severity::High, Severity::Info));
    assert_eq!(overflow.title, "Overflow, remote in 192.0.2.8/443/tcp");
    assert_eq!(overflow.vulnerability.id, "nessus-90001", "the same id as in the XML");
    assert_eq!(overflow.vulnerability.references.len(), 2);
    assert_eq!(information.location.path, "192.0.2.8");
    let header = CSV.lines().next().unwrap();
    assert_eq!(
        read(header.as_bytes()).unwrap().summary.results,
        0,
        "a header alone is a scan without results"
    );
}

#[test]
fn the_export_of_tenable_sc_has_other_names_for_the_same() {
    let csv = "Plugin,Plugin Name,Family,Severity,IP Address,Protocol,Port,Plugin Text,Cross References,CVSS V3 Base Score,CVSS V3 Vector,CVE\n\
        35291,Weak Hash,General,Medium,192.0.2.9,TCP,443,out,\"CERT #836068,CWE #310\",7.5,AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N,CVE-2004-2761\n";
    let report = read(csv.as_bytes()).unwrap();
    let only = report.only();
    assert_eq!((only.location.path.as_str(), only.severity), ("192.0.2.9/443/tcp", Severity::Medium));
    assert_eq!((only.vulnerability.cwes.as_slice(), only.vulnerability.cvss_score), (&[310][..], Some(7.5)));
    assert_eq!(
        only.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N")
    );
}

#[test]
fn a_table_that_is_cut_off_or_shifted_is_refused() {
    for (csv, expected) in [
        (&CSV[..CSV.len() - 10], "ends in the middle of a row"),
        (&CSV[..CSV.find("remote").unwrap()], "ends in the middle of a quoted cell"),
    ] {
        let error = read(csv.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    let shifted = CSV.replace("19506,,,None", "19506,,None");
    let error = read(shifted.as_bytes()).unwrap_err().to_string();
    assert!(
        error.contains("the row has 12 cells, the header has 13") && error.starts_with("line 5"),
        "{error}"
    );
}

#[test]
fn hostile_texts_stay_texts() {
    let name = "&#x1b;[31m&lt;script&gt;alert(1)&lt;/script&gt;&#10;second";
    let text = REPORT.replace("Example TLS &lt; 1.2 Overflow", &format!("{name}{}", "x".repeat(2_000)));
    let report = read(text.as_bytes()).unwrap();
    let title = &report.observations[0].title;
    assert!(
        title.starts_with("[31m<script>alert(1)</script> second") || title.starts_with("[31m"),
        "{title}"
    );
    assert!(title.chars().count() <= 500 && !title.chars().any(char::is_control));
}
