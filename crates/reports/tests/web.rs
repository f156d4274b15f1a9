//! How reports of scanners of web applications are read: ZAP, Burp, Qualys WAS.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format};
use support::read;

const ZAP: &str = r#"<?xml version="1.0"?>
<OWASPZAPReport programName="ZAP" version="2.15.0" generated="Sat, 31 Jan 2026 13:00:00" created="2026-01-31T12:00:00Z">
  <site name="https://shop.example" host="shop.example" port="443" ssl="true"><alerts>
    <alertitem><pluginid>40012</pluginid><alertRef>40012-1</alertRef><name>Cross Site Scripting</name>
      <riskcode>3</riskcode><confidence>2</confidence><riskdesc>High (Medium)</riskdesc>
      <desc>&lt;p&gt;First &amp;amp; second.&lt;/p&gt;&lt;p&gt;Third.&lt;/p&gt;</desc>
      <instances>
        <instance><uri>https://shop.example/search?q=1</uri><method>GET</method><param>q</param><attack>&lt;script&gt;</attack><evidence>&lt;script&gt;</evidence>
          <requestheader>Cookie: session=hunter2</requestheader><responsebody>hunter2</responsebody></instance>
        <instance><uri>https://shop.example/login</uri><method>POST</method><param>name</param></instance>
      </instances>
      <solution>&lt;p&gt;Escape it.&lt;/p&gt;</solution><reference>&lt;p&gt;https://example.com/xss&lt;/p&gt;</reference><cweid>79</cweid><wascid>8</wascid>
    </alertitem>
    <alertitem><pluginid>10062</pluginid><name>PII Disclosure</name><riskcode>3</riskcode><confidence>0</confidence>
      <instances><instance><uri>https://shop.example/me</uri><method>GET</method><evidence>4111111111111111</evidence></instance></instances>
    </alertitem>
    <alertitem><pluginid>10021</pluginid><name>Header Missing</name><riskcode>0</riskcode><confidence>2</confidence><systemic>true</systemic>
      <instances><instance><uri>https://shop.example/a</uri></instance><instance><uri>https://shop.example/b</uri></instance></instances>
    </alertitem>
  </alerts></site>
  <site name="http://other.example" host="other.example" port="80" ssl="false"><alerts/></site>
</OWASPZAPReport>"#;

#[test]
fn every_page_an_alert_of_zap_was_seen_on_is_a_result() {
    let report = read(ZAP.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.observations), (Format::Zap, 4));
    let [search, login, disclosure, header] = report.observations.as_slice() else { panic!() };
    assert_eq!((search.kind, search.severity), (FindingKind::Web, Severity::High));
    assert_eq!(search.vulnerability.id, "zap-40012-1");
    assert_eq!(search.title, "Cross Site Scripting in https://shop.example/search");
    assert_eq!(search.location.path, "https://shop.example/search?q=1");
    assert_eq!(search.location.logical.as_deref(), Some("GET q"));
    assert_eq!(search.message.as_deref(), Some("Attack: <script>\nEvidence: <script>"));
    assert_eq!(search.vulnerability.description.as_deref(), Some("First & second.\n\nThird."));
    assert_eq!(search.vulnerability.remediation.as_deref(), Some("Escape it."));
    assert_eq!(search.vulnerability.references, ["https://example.com/xss"]);
    assert_eq!(
        (search.vulnerability.cwes.as_slice(), search.vulnerability.tags[0].as_str()),
        (&[79][..], "WASC-8")
    );
    assert_eq!(login.location.logical.as_deref(), Some("POST name"));
    assert_eq!(
        disclosure.suppression,
        Some(ReportedSuppression::Accepted),
        "confidence 0 is a false positive"
    );
    assert_eq!(header.severity, Severity::Info);
}

#[test]
fn an_alert_that_zap_calls_systemic_is_one_result_of_the_site_with_its_examples() {
    let report = read(ZAP.as_bytes()).unwrap();
    let header = &report.observations[3];
    assert_eq!(header.location.path, "https://shop.example");
    let examples: Vec<&str> = header.related_locations.iter().map(|place| place.path.as_str()).collect();
    assert_eq!(examples, ["https://shop.example/a", "https://shop.example/b"]);
}

#[test]
fn requests_and_what_an_alert_discloses_are_not_kept() {
    let kept = format!("{:?}", read(ZAP.as_bytes()).unwrap());
    assert!(!kept.contains("hunter2") && !kept.contains("4111111111111111"), "{kept}");
}

#[test]
fn a_run_of_zap_covers_the_sites_it_lists() {
    let report = read(ZAP.as_bytes()).unwrap();
    let scan = &report.runs[0];
    assert_eq!((scan.scanner.as_str(), scan.scanner_version.as_deref()), ("ZAP", Some("2.15.0")));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00+00:00");
    assert_eq!(scan.target.as_deref(), Some("https://shop.example"));
    assert_eq!(scan.coverage.paths, ["https://shop.example", "http://other.example"]);
    let empty = "<OWASPZAPReport version=\"2.9.0\"><site name=\"https://a.example\"><alerts/></site></OWASPZAPReport>";
    assert_eq!(read(empty.as_bytes()).unwrap().summary.results, 0);
    let broken = ZAP.replace("<pluginid>10062</pluginid>", "");
    assert!(matches!(read(broken.as_bytes()).unwrap_err().kind, ErrorKind::Invalid { .. }));
}

const BURP: &str = r#"<?xml version="1.0"?>
<!DOCTYPE issues [ <!ELEMENT issues (issue*)> <!ATTLIST issues burpVersion CDATA ""> ]>
<issues burpVersion="2026.1" exportTime="Sat Jan 31 12:00:00 UTC 2026">
  <issue>
    <serialNumber>7121655797013284864</serialNumber><type>1049088</type><name><![CDATA[SQL injection]]></name>
    <host ip="192.0.2.1">https://shop.example</host><path><![CDATA[/basket.jsp]]></path>
    <location><![CDATA[/basket.jsp [b_id cookie]]]></location>
    <severity>High</severity><confidence>Firm</confidence>
    <issueBackground><![CDATA[<p>Background.</p><ul><li>One</li></ul>]]></issueBackground>
    <remediationBackground><![CDATA[<p>Use parameters.</p>]]></remediationBackground>
    <references><![CDATA[<ul><li><a href="https://example.com/sqli">SQLi</a></li></ul>]]></references>
    <vulnerabilityClassifications><![CDATA[<li><a href="https://cwe.example/89.html">CWE-89: SQL</a></li><li>CWE-94</li>]]></vulnerabilityClassifications>
    <issueDetail><![CDATA[The <b>b_id</b> cookie.]]></issueDetail>
    <requestresponse><request base64="true">aHVudGVyMg==</request><response base64="false">hunter2</response></requestresponse>
  </issue>
  <issue><serialNumber>2</serialNumber><type>16777472</type><name>Cleartext</name><host>http://shop.example</host>
    <path>/</path><location>/</location><severity>False positive</severity><confidence>Certain</confidence></issue>
</issues>"#;

#[test]
fn issues_of_burp_are_read_without_their_requests() {
    let report = read(BURP.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.runs[0].scanner_version.as_deref()),
        (Format::Burp, Some("2026.1"))
    );
    let [injection, cleartext] = report.observations.as_slice() else { panic!() };
    assert_eq!(injection.title, "SQL injection in https://shop.example/basket.jsp");
    assert_eq!(injection.location.logical.as_deref(), Some("b_id cookie"));
    assert_eq!(injection.message.as_deref(), Some("The b_id cookie."));
    assert_eq!(injection.vulnerability.id, "burp-1049088");
    assert_eq!(injection.vulnerability.cwes, [89, 94]);
    assert_eq!(injection.vulnerability.description.as_deref(), Some("Background.\n\n- One"));
    assert_eq!(
        injection.vulnerability.references,
        ["https://example.com/sqli", "https://cwe.example/89.html"]
    );
    assert_eq!(injection.scanner_fingerprints["burp/serialNumber"], "7121655797013284864");
    assert_eq!((injection.suppression, cleartext.suppression), (None, Some(ReportedSuppression::Accepted)));
    let kept = format!("{report:?}");
    assert!(!kept.contains("hunter2") && !kept.contains("aHVudGVyMg"));
    let empty = read(b"<issues burpVersion=\"2026.1\" exportTime=\"x\"></issues>").unwrap();
    assert_eq!(empty.summary.results, 0);
}

const WAS: &str = r#"<WAS_SCAN_REPORT><HEADER><NAME>Report</NAME></HEADER>
  <SUMMARY><GLOBAL_SUMMARY><VULNERABILITY>2</VULNERABILITY></GLOBAL_SUMMARY></SUMMARY>
  <RESULTS>
    <VULNERABILITY_LIST><VULNERABILITY><ID>1</ID><QID>150085</QID><URL>https://shop.example/a?b=1</URL><PARAM>b</PARAM>
      <PAYLOADS><PAYLOAD><NUM>1</NUM><REQUEST><METHOD>POST</METHOD><HEADERS><HEADER><key>Cookie</key><value>hunter2</value></HEADER></HEADERS></REQUEST>
      <RESPONSE><CONTENTS base64="true">aHVudGVyMg==</CONTENTS></RESPONSE></PAYLOAD></PAYLOADS><IGNORED>true</IGNORED></VULNERABILITY></VULNERABILITY_LIST>
    <SENSITIVE_CONTENT_LIST><SENSITIVE_CONTENT><QID>150016</QID><URL>https://shop.example/cards</URL><CONTENT>4111111111111111</CONTENT></SENSITIVE_CONTENT></SENSITIVE_CONTENT_LIST>
    <INFORMATION_GATHERED_LIST><INFORMATION_GATHERED><QID>6</QID></INFORMATION_GATHERED></INFORMATION_GATHERED_LIST>
  </RESULTS>
  <GLOSSARY><QID_LIST>
    <QID><QID>150085</QID><CATEGORY>Confirmed Vulnerability</CATEGORY><SEVERITY>3</SEVERITY><TITLE>Slow HTTP POST</TITLE>
      <DESCRIPTION><![CDATA[It is <B>slow</B>.<P>Very.]]></DESCRIPTION><IMPACT>N/A</IMPACT><SOLUTION>Limit it.</SOLUTION><CWE>CWE-400, CWE-20</CWE><CVSS_BASE>6.8</CVSS_BASE></QID>
  </QID_LIST></GLOSSARY>
  <APPENDIX><SCAN_LIST><SCAN><NAME>n</NAME><REFERENCE>was/1</REFERENCE><START_DATE>12 Mar 2020 04:42PM GMT-0400</START_DATE><STATUS>Finished</STATUS></SCAN></SCAN_LIST>
    <WEBAPP><NAME>Shop</NAME></WEBAPP></APPENDIX>
</WAS_SCAN_REPORT>"#;

#[test]
fn results_of_qualys_was_take_their_words_from_the_glossary_behind_them() {
    let report = read(WAS.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::Qualys, 3, 2)
    );
    let [slow, sensitive] = report.observations.as_slice() else { panic!() };
    assert_eq!(slow.title, "Slow HTTP POST in https://shop.example/a");
    assert_eq!((slow.kind, slow.severity), (FindingKind::Web, Severity::Medium));
    assert_eq!(slow.location.logical.as_deref(), Some("POST b"));
    assert_eq!(slow.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(slow.vulnerability.description.as_deref(), Some("It is slow.\nVery."), "N/A is no impact");
    assert_eq!(
        (slow.vulnerability.cwes.as_slice(), slow.vulnerability.cvss_score),
        (&[400, 20][..], Some(6.8))
    );
    assert_eq!(sensitive.vulnerability.id, "QID-150016");
    let scan = &report.runs[0];
    assert_eq!(
        (scan.scanner.as_str(), scan.target.as_deref(), scan.run_id.as_deref()),
        ("Qualys WAS", Some("Shop"), Some("was/1"))
    );
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2020-03-12T20:42:00+00:00");
    let kept = format!("{report:?}");
    assert!(!kept.contains("hunter2") && !kept.contains("aHVudGVyMg") && !kept.contains("4111111111111111"));
}

#[test]
fn a_web_scan_that_failed_is_refused_and_one_that_was_cancelled_is_partial() {
    let with = |status: &str| read(WAS.replace("<STATUS>Finished", &format!("<STATUS>{status}")).as_bytes());
    assert!(matches!(with("Error").unwrap_err().kind, ErrorKind::RunFailed { .. }));
    assert_eq!(with("Canceled").unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
}
