//! How the report of OWASP Dependency-Check is read.

mod support;

use model::{FindingKind, ReportedSuppression, Severity};
use reports::Format;
use support::read;

const REPORT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<analysis xmlns="https://jeremylong.github.io/DependencyCheck/dependency-check.2.5.xsd">
  <scanInfo><engineVersion>12.0.0</engineVersion></scanInfo>
  <projectInfo><name>Shop</name><reportDate>2026-01-31T12:00:00.5Z</reportDate></projectInfo>
  <dependencies>
    <dependency isVirtual="false"><fileName>shop.war: log4j-core-2.14.1.jar</fileName><filePath>/home/ci/shop.war/log4j-core-2.14.1.jar</filePath>
      <relatedDependencies><relatedDependency><fileName>other.war: log4j-core-2.14.1.jar</fileName></relatedDependency></relatedDependencies>
      <identifiers><package confidence="HIGH"><id>pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1</id></package></identifiers>
      <vulnerabilities>
        <vulnerability source="NVD"><name>CVE-2021-44228</name><severity>CRITICAL</severity>
          <cvssV3><baseScore>10.0</baseScore><attackVector>NETWORK</attackVector><attackComplexity>LOW</attackComplexity><privilegesRequired>NONE</privilegesRequired>
            <userInteraction>NONE</userInteraction><scope>CHANGED</scope><confidentialityImpact>HIGH</confidentialityImpact><integrityImpact>HIGH</integrityImpact><availabilityImpact>HIGH</availabilityImpact><baseSeverity>CRITICAL</baseSeverity></cvssV3>
          <cwes><cwe>CWE-502</cwe><cwe>CWE-400</cwe></cwes><description>JNDI features do not protect.</description>
          <references><reference><source>X</source><url>https://example.com/log4shell</url></reference></references></vulnerability>
        <suppressedVulnerability source="NVD"><name>CVE-2020-9488</name><severity>LOW</severity><notes>Not used.</notes></suppressedVulnerability>
      </vulnerabilities></dependency>
    <dependency><fileName>plain-1.0.jar</fileName><identifiers><package><id>pkg:maven/a/plain@1.0</id></package></identifiers>
      <vulnerabilities><vulnerability><name>CVE-2026-0001</name><cvssV2><score>7.5</score><accessVector>NETWORK</accessVector><accessComplexity>LOW</accessComplexity><authenticationr>NONE</authenticationr>
        <confidentialImpact>PARTIAL</confidentialImpact><integrityImpact>PARTIAL</integrityImpact><availabilityImpact>PARTIAL</availabilityImpact></cvssV2></vulnerability></vulnerabilities></dependency>
    <dependency><fileName>fine.jar</fileName></dependency>
  </dependencies>
</analysis>"#;

#[test]
fn every_vulnerability_of_every_dependency_is_a_result() {
    let report = read(REPORT.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.observations), (Format::DependencyCheck, 3));
    let [shell, suppressed, plain] = report.observations.as_slice() else { panic!() };
    assert_eq!((shell.kind, shell.severity), (FindingKind::Component, Severity::Critical));
    assert_eq!(
        shell.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H")
    );
    assert_eq!(
        (shell.vulnerability.cwes.as_slice(), shell.vulnerability.cvss_score),
        (&[502, 400][..], Some(10.0))
    );
    let component = shell.component.as_ref().unwrap();
    assert_eq!(
        (component.name.as_str(), component.version.as_deref(), component.ecosystem.as_deref()),
        ("org.apache.logging.log4j:log4j-core", Some("2.14.1"), Some("maven"))
    );
    assert_eq!(shell.related_locations[0].path, "other.war: log4j-core-2.14.1.jar");
    assert_eq!(suppressed.suppression, Some(ReportedSuppression::Accepted));
    assert_eq!(suppressed.message.as_deref(), Some("Not used."));
    assert_eq!(plain.vulnerability.cvss_vector.as_deref(), Some("AV:N/AC:L/Au:N/C:P/I:P/A:P"));
    assert_eq!(plain.severity, Severity::High, "without a word the score decides");
}

#[test]
fn the_place_of_a_dependency_does_not_change_with_its_version_or_with_the_computer() {
    let report = read(REPORT.as_bytes()).unwrap();
    let paths: Vec<&str> = report.observations.iter().map(|one| one.location.path.as_str()).collect();
    assert_eq!(paths, ["shop.war", "shop.war", "plain.jar"]);
    assert_eq!(report.observations[2].location.logical.as_deref(), Some("plain-1.0.jar"));
    assert!(!format!("{report:?}").contains("/home/ci"));
}

#[test]
fn the_run_has_project_version_and_date_and_may_be_without_results() {
    let report = read(REPORT.as_bytes()).unwrap();
    let scan = &report.runs[0];
    assert_eq!((scan.target.as_deref(), scan.scanner_version.as_deref()), (Some("Shop"), Some("12.0.0")));
    assert_eq!(scan.started_at.unwrap().to_rfc3339(), "2026-01-31T12:00:00.500+00:00");
    let old = r#"<analysis xmlns="x"><scanInfo/><projectInfo><name>P</name><reportDate>2016-11-05T14:52:15.748-0400</reportDate></projectInfo>
      <dependencies><dependency><fileName>c.dll</fileName><identifiers><identifier type="maven"><name>org.owasp:library:6.7.8</name></identifier></identifiers>
      <vulnerabilities><vulnerability><name>CVE-2016-0001</name><cvssScore>7.5</cvssScore><severity>Moderate</severity><cwe>CWE-79 XSS</cwe></vulnerability></vulnerabilities></dependency></dependencies></analysis>"#;
    let old = read(old.as_bytes()).unwrap();
    assert_eq!(old.runs[0].started_at.unwrap().to_rfc3339(), "2016-11-05T18:52:15.748+00:00");
    let component = old.only().component.as_ref().unwrap();
    assert_eq!((component.name.as_str(), component.version.as_deref()), ("org.owasp:library", Some("6.7.8")));
    assert_eq!(
        (old.only().severity, old.only().vulnerability.cwes.as_slice()),
        (Severity::Medium, &[79][..])
    );
    let empty = "<analysis><scanInfo/><projectInfo/><dependencies/></analysis>";
    assert_eq!(read(empty.as_bytes()).unwrap().summary.results, 0);
}
