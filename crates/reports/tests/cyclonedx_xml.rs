//! How CycloneDX is read as XML: as the same document in JSON, and with the extension of old versions.

mod support;

use model::{CoverageExtent, ReportedSuppression, Severity};
use reports::Format;
use support::{fixtures, read};

const BOM: &str = r#"<?xml version="1.0"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.6" serialNumber="urn:uuid:1" version="2">
  <metadata><timestamp>2026-01-31T12:00:00Z</timestamp><tools><components><component type="application"><name>scan</name><version>1.2</version></component></components></tools>
    <component type="application" bom-ref="app"><name>shop</name></component></metadata>
  <components><component type="library" bom-ref="r1"><group>org.example</group><name>lib</name><version>1.0</version><purl>pkg:maven/org.example/lib@1.0</purl>
    <components><component bom-ref="r2"><name>inner</name><version>3</version></component></components></component></components>
  <vulnerabilities>
    <vulnerability bom-ref="v"><id>CVE-2026-0001</id><source><name>NVD</name><url>https://nvd.example/1</url></source>
      <references><reference><id>GHSA-aaaa-bbbb-cccc</id></reference></references>
      <ratings><rating><score>9.8</score><severity>critical</severity><method>CVSSv31</method><vector>AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H</vector></rating></ratings>
      <cwes><cwe>79</cwe></cwes><description>Bad.</description><recommendation>Upgrade.</recommendation>
      <affects><target><ref>r1</ref></target><target><ref>r2</ref></target></affects></vulnerability>
    <vulnerability><id>CVE-2026-0002</id><analysis><state>not_affected</state><justification>code_not_reachable</justification></analysis><affects><target><ref>r1</ref></target></affects></vulnerability>
  </vulnerabilities>
</bom>"#;

#[test]
fn vulnerabilities_are_read_for_each_component_they_affect() {
    let report = read(BOM.as_bytes()).unwrap();
    assert_eq!((report.summary.format, report.summary.observations), (Format::CycloneDx, 3));
    let [lib, inner, decided] = report.observations.as_slice() else { panic!() };
    assert_eq!(lib.title, "CVE-2026-0001: Bad in org.example:lib 1.0");
    assert_eq!((lib.severity, lib.vulnerability.cwes.as_slice()), (Severity::Critical, &[79][..]));
    assert_eq!(
        lib.vulnerability.cvss_vector.as_deref(),
        Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    );
    assert_eq!(lib.vulnerability.aliases, ["GHSA-aaaa-bbbb-cccc"]);
    assert_eq!(inner.component.as_ref().unwrap().name, "inner");
    assert_eq!(decided.suppression, Some(ReportedSuppression::Accepted));
    let scan = &report.runs[0];
    assert_eq!(
        (scan.scanner.as_str(), scan.scanner_version.as_deref(), scan.target.as_deref()),
        ("scan", Some("1.2"), Some("shop"))
    );
    assert_eq!(scan.run_id.as_deref(), Some("urn:uuid:1/2/2026-01-31T12:00:00Z"));
    assert_eq!(scan.coverage.extent, CoverageExtent::Full);
    let bare = BOM.replace("<vulnerabilities>", "<others>").replace("</vulnerabilities>", "</others>");
    assert_eq!(
        read(bare.as_bytes()).unwrap().runs[0].coverage.extent,
        CoverageExtent::Partial,
        "a bare inventory"
    );
}

#[test]
fn the_extension_of_old_versions_is_read_in_the_document_and_in_components() {
    let vulnerability = |reference: &str| {
        format!(
            "<v:vulnerabilities><v:vulnerability{reference}><v:id>CVE-2018-7489</v:id><v:source name=\"NVD\"/>\
             <v:ratings><v:rating><v:score><v:base>9.8</v:base></v:score><v:severity>Critical</v:severity><v:method>CVSSv3</v:method></v:rating></v:ratings>\
             <v:recommendations><v:recommendation>Upgrade</v:recommendation></v:recommendations>\
             <v:advisories><v:advisory>https://example.com/a</v:advisory></v:advisories></v:vulnerability></v:vulnerabilities>"
        )
    };
    let component = |inside: &str| {
        format!(
            "<components><component type=\"library\"><name>lib</name><version>2</version><purl>pkg:npm/lib@2</purl>{inside}</component></components>"
        )
    };
    let bom = |inside: &str| {
        format!(
            "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.2\" xmlns:v=\"http://cyclonedx.org/schema/ext/vulnerability/1.0\" version=\"1\">{inside}</bom>"
        )
    };
    for text in [
        bom(&component(&vulnerability(" ref=\"pkg:npm/lib@2\""))),
        bom(&component(&vulnerability(""))),
        bom(&format!("{}{}", component(""), vulnerability(" ref=\"pkg:npm/lib@2\""))),
    ] {
        let report = read(text.as_bytes()).unwrap();
        let only = report.only();
        assert_eq!(
            (only.title.as_str(), only.severity),
            ("CVE-2018-7489 in lib 2", Severity::Critical),
            "{text}"
        );
        assert_eq!(only.vulnerability.cvss_score, Some(9.8));
        assert_eq!(only.vulnerability.remediation.as_deref(), Some("Upgrade"));
        assert_eq!(only.vulnerability.references, ["https://example.com/a"]);
    }
}

/// The specification has many documents in both spellings.
#[test]
fn a_document_is_read_alike_in_both_spellings() {
    let Some(root) = fixtures() else { return };
    let folder = root.join("cyclonedx_spec/cyclonedx-spec");
    let mut pairs = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let json = entry.unwrap().path();
        let xml = json.with_extension("xml");
        if json.extension().is_none_or(|ending| ending != "json") || !xml.is_file() {
            continue;
        }
        let [json, xml] = [json, xml].map(|path| read(&std::fs::read(path).unwrap()));
        let (Ok(json), Ok(xml)) = (json, xml) else { continue };
        pairs += 1;
        let essence = |report: &support::Report| {
            let of = |one: &model::Observation| {
                (one.title.clone(), one.severity, one.vulnerability.id.clone(), one.suppression)
            };
            report.observations.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(essence(&json), essence(&xml));
    }
    assert!(pairs > 100, "only {pairs} pairs");
}
