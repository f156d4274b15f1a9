//! How reports of scanners of hosts are read: OpenVAS, Qualys, Nmap.

mod support;

use model::{CoverageExtent, FindingKind, ReportedSuppression, Severity};
use reports::{ErrorKind, Format};
use support::read;

const OPENVAS: &str = r#"<report id="outer" format_id="a994b278" extension="xml" content_type="text/xml"><name>r</name>
<report id="88bbda4b"><gmp><version>22.6</version></gmp><scan_run_status>Done</scan_run_status>
  <task id="t"><name>Nightly</name><target id="x"><name>Servers</name></target></task>
  <scan_start>2026-01-31T12:00:00Z</scan_start>
  <host><ip>192.0.2.1</ip><end>x</end></host><host><ip>192.0.2.2</ip></host>
  <results max="-1" start="1">
    <result id="r1"><name>TLS Too Old</name><host>192.0.2.1<asset asset_id="a"/><hostname>srv</hostname></host><port>443/tcp</port>
      <nvt oid="1.3.6.1.4.1.25623.1.0.1"><name>TLS Too Old</name><family>SSL and TLS</family><cvss_base>9.8</cvss_base>
        <severities score="98"><severity type="cvss_base_v3"><value>CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H</value></severity></severities>
        <tags>summary=It is old.|insight=Very old.|impact=Bad|affected=All|solution=Upgrade.|solution_type=VendorFix</tags>
        <refs><ref type="cve" id="CVE-2026-0001"/><ref type="url" id="https://example.com/tls"/><ref type="cert-bund" id="X"/></refs></nvt>
      <threat>High</threat><severity>9.8</severity><description>TLS 1.0 found</description></result>
    <result id="r2"><name>Uptime</name><host>192.0.2.1</host><port>general/tcp</port><nvt oid="1.3.6.1.4.1.25623.1.0.2"><cve>NOCVE</cve></nvt><threat>Log</threat><severity>0.0</severity></result>
  </results>
</report></report>"#;

#[test]
fn results_of_openvas_keep_host_port_and_test() {
    let report = read(OPENVAS.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.observations), (Format::OpenVas, 2));
    let [tls, uptime] = report.observations.as_slice() else { panic!() };
    assert_eq!(tls.title, "TLS Too Old in 192.0.2.1/443/tcp");
    assert_eq!(
        (tls.kind, tls.severity, tls.vulnerability.cvss_score),
        (FindingKind::Host, Severity::High, Some(9.8))
    );
    assert_eq!(tls.vulnerability.id, "1.3.6.1.4.1.25623.1.0.1");
    assert_eq!(tls.vulnerability.aliases, ["CVE-2026-0001"]);
    assert_eq!(
        tls.vulnerability.description.as_deref(),
        Some("It is old.\n\nVery old.\n\nBad\n\nAffected: All")
    );
    assert_eq!(tls.vulnerability.remediation.as_deref(), Some("Upgrade."));
    assert_eq!(tls.vulnerability.references, ["https://example.com/tls"]);
    assert_eq!((uptime.location.path.as_str(), uptime.severity), ("192.0.2.1", Severity::Info));
    let scan = &report.runs[0];
    assert_eq!(scan.run_id.as_deref(), Some("88bbda4b"));
    assert_eq!((scan.configuration.as_deref(), scan.target.as_deref()), (Some("Nightly"), Some("Servers")));
    assert_eq!(scan.coverage.paths, ["192.0.2.1", "192.0.2.2"]);
}

#[test]
fn openvas_says_whether_its_scan_was_finished() {
    let with = |status: &str| read(OPENVAS.replace("Done", status).as_bytes());
    assert_eq!(with("Stopped").unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    assert!(matches!(with("Internal Error").unwrap_err().kind, ErrorKind::RunFailed { .. }));
    let answer =
        OPENVAS.replace("<report id=\"outer\"", "<get_reports_response status=\"200\"><report id=\"outer\"");
    let answer = format!("{answer}</get_reports_response>");
    assert_eq!(read(answer.as_bytes()).unwrap().summary.observations, 2);
}

#[test]
fn the_table_of_openvas_gives_the_same_place_as_its_xml() {
    let csv = "IP,Hostname,Port,Port Protocol,CVSS,Severity,Solution Type,NVT Name,Summary,Specific Result,NVT OID,CVEs,Task Name,Timestamp\n\
        192.0.2.1,srv,443,tcp,9.8,High,VendorFix,TLS Too Old,\"It is\nold.\",out,1.3.6.1.4.1.25623.1.0.1,\"CVE-2026-0001,CVE-2026-0002\",Nightly,2026-01-31T12:05:00Z\n\
        192.0.2.1,srv,,,5.0,Medium,,CVE-2014-3523,s,o,CVE-2014-3523,,Nightly,2026-01-31T12:04:00Z\n";
    let report = read(csv.as_bytes()).unwrap();
    let xml = read(OPENVAS.as_bytes()).unwrap();
    let (ours, theirs) = (&report.observations[0], &xml.observations[0]);
    assert_eq!((&ours.location, &ours.vulnerability.id), (&theirs.location, &theirs.vulnerability.id));
    assert_eq!(ours.vulnerability.aliases, ["CVE-2026-0001", "CVE-2026-0002"]);
    assert_eq!(report.observations[1].vulnerability.id, "CVE-2014-3523");
    assert_eq!(report.runs[0].started_at.unwrap().to_rfc3339(), "2026-01-31T12:04:00+00:00");
}

const SCAN: &str = r#"<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE SCAN SYSTEM "https://example.com/scan-1.dtd">
<SCAN value="scan/12.34"><HEADER><KEY value="DATE">2026-01-31T12:00:00Z</KEY><KEY value="TARGET">192.0.2.1, 192.0.2.2</KEY>
  <KEY value="STATUS">FINISHED</KEY><OPTION_PROFILE><OPTION_PROFILE_TITLE>Full</OPTION_PROFILE_TITLE></OPTION_PROFILE></HEADER>
  <IP value="192.0.2.1" name="srv"><INFOS><CAT value="x"><INFO number="6" severity="1"><TITLE>DNS</TITLE></INFO></CAT></INFOS>
    <VULNS><CAT value="Web" port="8443" protocol="tcp"><VULN number="82024" severity="4" cveid="CVE-2026-0001">
      <TITLE><![CDATA[Bad Service]]></TITLE><CVSS_BASE>5</CVSS_BASE><CVSS3_BASE>-</CVSS3_BASE>
      <CVE_ID_LIST><CVE_ID><ID>CVE-2026-0001</ID><URL>https://example.com/cve</URL></CVE_ID><CVE_ID><ID>CVE-2026-0002</ID></CVE_ID></CVE_ID_LIST>
      <DIAGNOSIS><![CDATA[It is <P>bad.]]></DIAGNOSIS><CONSEQUENCE>N/A</CONSEQUENCE><SOLUTION>Stop it.</SOLUTION><RESULT>seen</RESULT></VULN></CAT></VULNS>
    <PRACTICES><CAT value="Web"><PRACTICE number="11" severity="2"><TITLE>Perhaps</TITLE></PRACTICE></CAT></PRACTICES></IP>
  <IP value="192.0.2.2"/>
</SCAN>"#;

#[test]
fn a_scan_of_qualys_gives_confirmed_and_potential_vulnerabilities() {
    let report = read(SCAN.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::Qualys, 3, 2)
    );
    let [bad, perhaps] = report.observations.as_slice() else { panic!() };
    assert_eq!((bad.title.as_str(), bad.severity), ("Bad Service in 192.0.2.1/8443/tcp", Severity::High));
    assert_eq!(bad.vulnerability.id, "QID-82024");
    assert_eq!(bad.vulnerability.aliases, ["CVE-2026-0001", "CVE-2026-0002"]);
    assert_eq!((bad.vulnerability.cvss_score, bad.message.as_deref()), (Some(5.0), Some("seen")));
    assert_eq!(bad.vulnerability.description.as_deref(), Some("It is\nbad."));
    assert_eq!(perhaps.vulnerability.tags, ["Web", "potential"]);
    let scan = &report.runs[0];
    assert_eq!((scan.run_id.as_deref(), scan.configuration.as_deref()), (Some("scan/12.34"), Some("Full")));
    assert_eq!(scan.coverage.paths, ["192.0.2.1", "192.0.2.2"]);
    let with = |status: &str| read(SCAN.replace("FINISHED", status).as_bytes());
    assert_eq!(with("CANCELED").unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    assert!(matches!(with("ERROR").unwrap_err().kind, ErrorKind::RunFailed { .. }));
}

#[test]
fn an_asset_report_of_qualys_joins_hosts_with_the_glossary_behind_them() {
    let text = r#"<ASSET_DATA_REPORT><HEADER><GENERATION_DATETIME>2026-01-31T12:00:00Z</GENERATION_DATETIME><TEMPLATE>Monthly</TEMPLATE></HEADER>
      <HOST_LIST><HOST><IP>192.0.2.1</IP><TRACKING_METHOD>DNS</TRACKING_METHOD><DNS>srv.example.com</DNS><VULN_INFO_LIST>
        <VULN_INFO><QID id="qid_1">1</QID><TYPE>Vuln</TYPE><PORT>443</PORT><PROTOCOL>tcp</PROTOCOL><RESULT>r</RESULT><VULN_STATUS>Active</VULN_STATUS></VULN_INFO>
        <VULN_INFO><QID id="qid_1">1</QID><TYPE>Vuln</TYPE><VULN_STATUS>Fixed</VULN_STATUS></VULN_INFO>
        <VULN_INFO><QID id="qid_2">2</QID><TYPE>Ig</TYPE></VULN_INFO></VULN_INFO_LIST></HOST></HOST_LIST>
      <GLOSSARY><VULN_DETAILS_LIST><VULN_DETAILS id="qid_1"><QID id="qid_1">1</QID><TITLE>Bad</TITLE><SEVERITY>5</SEVERITY><CATEGORY>Web</CATEGORY>
        <THREAT>t</THREAT><SOLUTION>s</SOLUTION><CVE_ID_LIST><CVE_ID><ID>CVE-2026-0001</ID></CVE_ID></CVE_ID_LIST></VULN_DETAILS></VULN_DETAILS_LIST></GLOSSARY>
    </ASSET_DATA_REPORT>"#;
    let report = read(text.as_bytes()).unwrap();
    assert_eq!((report.summary.results, report.summary.observations), (3, 1));
    let only = report.only();
    assert_eq!((only.title.as_str(), only.severity), ("Bad in srv.example.com/443/tcp", Severity::Critical));
    assert_eq!(only.vulnerability.aliases, ["CVE-2026-0001"]);
    assert_eq!(report.runs[0].configuration.as_deref(), Some("Monthly"));
}

#[test]
fn tables_of_qualys_are_found_behind_what_stands_before_them() {
    let csv = "\"Asset Vuln Datalist Report\",\"04 Feb 2026\",\"1\"\n\"Company\",\"Street\"\n\
        \"QID\",\"Title\",\"Severity\",\"Type Detected\",\"Protocol\",\"Port\",\"Status\",\"Asset Name\",\"Asset IPV4\",\"Disabled\",\"Ignored\",\"Threat\"\n\
        \"1\",\"Bad\",\"5\",\"Confirmed\",\"TCP\",\"445\",\"ACTIVE\",\"SRV\",\"192.0.2.1\",\"No\",\"Yes\",\"t\"\n\
        \"2\",\"Was Bad\",\"5\",\"Confirmed\",\"TCP\",\"445\",\"FIXED\",\"SRV\",\"192.0.2.1\",\"No\",\"No\",\"t\"\n";
    let report = read(csv.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.results), (Format::Qualys, 2));
    let only = report.only();
    assert_eq!((only.location.path.as_str(), only.severity), ("SRV/445/tcp", Severity::Critical));
    assert_eq!(only.suppression, Some(ReportedSuppression::Accepted));
    assert!(report.summary.left_out[0].reason.contains("Fixed"));
    let by_cve = "CVE,QID,Title,Severity,Status,Asset Name,Port,Protocol\nCVE-2021-44228,730143,Log4Shell,5,ACTIVE,APP,8080,TCP\n";
    let report = read(by_cve.as_bytes()).unwrap();
    assert_eq!(
        (report.only().vulnerability.id.as_str(), report.only().vulnerability.aliases[0].as_str()),
        ("CVE-2021-44228", "QID-730143")
    );
}

const NMAP: &str = r#"<?xml version="1.0"?><!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap" start="1769860800" version="7.95"><host><status state="up"/><address addr="192.0.2.1" addrtype="ipv4"/>
  <ports><port protocol="tcp" portid="22"><state state="open"/><service name="ssh" product="OpenSSH" version="7.4"/>
    <script id="vulners" output="x"><table key="cpe:/a:openbsd:openssh:7.4">
      <table><elem key="cvss">5.0</elem><elem key="id">CVE-2018-15919</elem><elem key="type">cve</elem><elem key="is_exploit">false</elem></table>
      <table><elem key="cvss">9.8</elem><elem key="id">EXPLOIT-1</elem><elem key="type">exploitdb</elem><elem key="is_exploit">true</elem></table>
    </table></script></port>
    <port protocol="tcp" portid="80"><state state="closed"/></port></ports>
  <hostscript><script id="smb-vuln-ms17-010" output="&#xa;  VULNERABLE:&#xa;  RCE&#xa;    Risk factor: HIGH&#xa;">
    <table key="CVE-2017-0143"><elem key="title">Remote Code Execution in SMBv1</elem><elem key="state">VULNERABLE</elem>
      <table key="ids"><elem>CVE:CVE-2017-0143</elem></table><table key="refs"><elem>https://example.com/ms17</elem></table></table></script>
    <script id="smb-vuln-none" output=""><table key="CVE-2010-0001"><elem key="title">t</elem><elem key="state">NOT VULNERABLE</elem></table></script></hostscript>
  </host><host><status state="down"/><address addr="192.0.2.9" addrtype="ipv4"/></host>
  <runstats><finished time="1" exit="success"/></runstats></nmaprun>"#;

#[test]
fn what_scripts_of_nmap_found_is_a_result_and_an_open_port_is_none() {
    let report = read(NMAP.as_bytes()).unwrap();
    assert_eq!(
        (report.summary.format, report.summary.results, report.summary.observations),
        (Format::Nmap, 4, 3)
    );
    assert_eq!(report.summary.left_out[0].reason, "an open port is no weakness by itself");
    let [cve, exploit, smb] = report.observations.as_slice() else { panic!() };
    assert_eq!(cve.title, "CVE-2018-15919: openssh 7.4 in 192.0.2.1/22/tcp");
    assert_eq!((cve.severity, cve.vulnerability.cvss_score), (Severity::Medium, Some(5.0)));
    assert_eq!(cve.component.as_ref().unwrap().version.as_deref(), Some("7.4"));
    assert_eq!(
        (exploit.severity, exploit.message.as_deref()),
        (Severity::Critical, Some("A public exploit."))
    );
    assert_eq!((smb.vulnerability.id.as_str(), smb.severity), ("CVE-2017-0143", Severity::High));
    assert_eq!(smb.title, "Remote Code Execution in SMBv1 in 192.0.2.1");
    assert_eq!(smb.vulnerability.references, ["https://example.com/ms17"]);
    let scan = &report.runs[0];
    assert_eq!(scan.coverage.paths, ["192.0.2.1"], "a host that is down was not looked at");
    assert_eq!(scan.started_at.unwrap().timestamp(), 1_769_860_800);
}

#[test]
fn a_run_of_nmap_that_did_not_end_is_partial_and_one_that_failed_is_refused() {
    let stopped = NMAP.replace("<runstats><finished time=\"1\" exit=\"success\"/></runstats>", "");
    assert_eq!(read(stopped.as_bytes()).unwrap().runs[0].coverage.extent, CoverageExtent::Partial);
    let failed = NMAP.replace("exit=\"success\"", "exit=\"error\" errormsg=\"no route\"");
    let error = read(failed.as_bytes()).unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::RunFailed { .. }) && error.to_string().contains("no route"),
        "{error}"
    );
}

#[test]
fn a_report_of_very_many_hosts_and_ids_takes_no_more_than_its_length() {
    let started = std::time::Instant::now();
    let hosts: String =
        (0..60_000).map(|n| format!("<host><address addr=\"h{n}\" addrtype=\"ipv4\"/></host>")).collect();
    let nmap = format!("<nmaprun scanner=\"nmap\">{hosts}</nmaprun>");
    assert_eq!(read(nmap.as_bytes()).unwrap().runs[0].coverage.paths.len(), 60_000);
    let ids: String = (0..100_000).map(|n| format!("<cve>CVE-2026-{n:07}</cve>")).collect();
    let nessus = format!(
        "<NessusClientData_v2><Report><ReportHost name=\"a\"><ReportItem pluginID=\"1\">{ids}</ReportItem>\
         </ReportHost></Report></NessusClientData_v2>"
    );
    assert_eq!(read(nessus.as_bytes()).unwrap().only().vulnerability.aliases.len(), 1_000);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
