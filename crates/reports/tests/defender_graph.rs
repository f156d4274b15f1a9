//! How rows of Azure Resource Graph are read: assessments and sub-assessments of Defender for Cloud.

mod support;

use model::{CoverageExtent, FindingKind, Severity};
use reports::{ErrorKind, Format};
use serde_json::{Value, json};
use support::read;

const SUBSCRIPTION: &str = "/subscriptions/S1/resourceGroups/RG";
const VM: &str = "/subscriptions/s1/resourcegroups/rg/providers/microsoft.compute/virtualmachines/web";

fn assessment(resource: &str, key: &str, code: &str) -> Value {
    let id = format!("{SUBSCRIPTION}/providers/{resource}");
    json!({"id": format!("{id}/providers/Microsoft.Security/assessments/{key}"), "type": "microsoft.security/assessments",
        "properties": {"displayName": "Machines should be patched", "status": {"code": code, "cause": "", "description": "12 missing"},
            "metadata": {"severity": "Medium", "description": "Text.", "remediationDescription": "<p>Patch it.</p>"},
            "resourceDetails": {"Source": "Azure", "Id": id}, "links": {"azurePortal": "portal.azure.com/#x"}}})
}

fn image(number: u32, digest: &str, package: &str) -> Value {
    json!({"id": format!("{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries/r/providers/Microsoft.Security/assessments/c0b7/subAssessments/{number}"),
        "type": "microsoft.security/assessments/subassessments",
        "properties": {"id": "CVE-2024-1234", "displayName": "CVE-2024-1234", "category": "OS", "impact": "Bad.",
            "description": "An overflow.", "status": {"code": "Unhealthy", "severity": "High", "cause": ""},
            "resourceDetails": {"source": "Azure", "id": format!("{SUBSCRIPTION}/registries/r/images/{digest}")},
            "additionalData": {"assessedResourceType": "AzureContainerRegistryVulnerability", "cvssV30Score": 7.8,
                "vulnerabilityDetails": {"cveId": "CVE-2024-1234", "severity": "Critical",
                    "cvss": {"2.0": null, "3.0": {"base": 7.8, "cvssVectorString": "CVSS:3.0/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H"}},
                    "weaknesses": {"cwe": [{"id": "CWE-787"}]}, "references": [{"title": "t", "link": "https://example.com/a"}]},
                "artifactDetails": {"registryHost": "R.azurecr.io", "repositoryName": "shop/cart", "digest": digest, "tags": ["1"]},
                "softwareDetails": {"packageName": package, "version": "3.0.2", "fixedVersion": "3.0.3", "fixStatus": "FixAvailable",
                    "category": "OS", "language": "", "vendor": "ubuntu"}}}})
}

fn server(key: &str, number: u32) -> Value {
    json!({"id": format!("{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines/web/providers/Microsoft.Security/assessments/{key}/subAssessments/{number}"),
        "properties": {"id": "9182", "displayName": "TLS 1.0 is on", "remediation": "Switch it off.",
            "status": {"code": "Unhealthy", "severity": "Low"}, "resourceDetails": {"source": "Azure", "id": VM},
            "additionalData": {"assessedResourceType": "ServerVulnerability"}}})
}

fn answer(rows: &[Value]) -> Vec<u8> {
    json!({"totalRecords": rows.len(), "count": rows.len(), "data": rows, "facets": [], "resultTruncated": "false"})
        .to_string()
        .into_bytes()
}

#[test]
fn a_vulnerability_of_an_image_lies_in_its_repository_and_names_its_package() {
    let report = read(&answer(&[image(1, "sha256:aa", "openssl")])).unwrap();
    assert_eq!((report.summary.format, report.runs.len()), (Format::DefenderGraph, 1));
    let only = report.only();
    assert_eq!((only.kind, only.severity), (FindingKind::Component, Severity::Critical));
    assert_eq!(only.location.path, "r.azurecr.io/shop/cart", "a new digest is no other place");
    assert_eq!(only.location.logical.as_deref(), Some("sha256:aa"));
    let component = only.component.as_ref().unwrap();
    assert_eq!(
        (component.name.as_str(), component.fixed_version.as_deref(), component.ecosystem.as_deref()),
        ("openssl", Some("3.0.3"), Some("ubuntu"))
    );
    assert_eq!((&only.vulnerability.cwes[..], only.vulnerability.cvss_score), (&[787][..], Some(7.8)));
    assert_eq!(only.vulnerability.remediation.as_deref(), Some("Upgrade openssl to 3.0.3."));
    assert_eq!(report.runs[0].configuration.as_deref(), Some("vulnerabilities"));
    assert_eq!(report.runs[0].coverage.paths, ["r.azurecr.io/shop/cart"]);
}

#[test]
fn recommendations_and_what_was_found_inside_are_scans_of_their_own() {
    let vm = "Microsoft.Compute/virtualMachines/web";
    let rows = [
        assessment(vm, "k-va", "Unhealthy"),
        assessment(vm, "k-disk", "Unhealthy"),
        assessment("Microsoft.Compute/virtualMachines/db", "k-va", "Healthy"),
        assessment("Microsoft.Compute/virtualMachines/off", "k-va", "NotApplicable"),
        assessment("Microsoft.Storage/storageAccounts/s", "k-net", "Healthy"),
        server("k-va", 1),
    ];
    let report = read(&answer(&rows)).unwrap();
    let [recommendations, inside] = report.runs.as_slice() else { panic!("{:?}", report.runs) };
    assert_eq!(recommendations.configuration.as_deref(), Some("recommendations"));
    let names = |paths: &[String]| {
        paths.iter().map(|path| path.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&recommendations.coverage.paths), ["db", "web", "s"], "what is exempt was not judged");
    assert_eq!(names(&inside.coverage.paths), ["db", "web"], "storage is not looked into for these");
    let [disk, tls] = report.observations.as_slice() else { panic!() };
    assert_eq!((disk.kind, disk.vulnerability.id.as_str()), (FindingKind::Misconfiguration, "k-disk"));
    assert_eq!((disk.location.path.as_str(), disk.severity), (VM, Severity::Medium));
    assert_eq!(disk.vulnerability.remediation.as_deref(), Some("Patch it."));
    assert_eq!((tls.kind, tls.vulnerability.id.as_str()), (FindingKind::Host, "9182"));
    let reasons: u64 = report.summary.left_out.iter().map(|left_out| left_out.count).sum();
    assert_eq!((reasons, report.summary.left_out.len()), (4, 3));
}

#[test]
fn what_is_cut_off_or_empty_proves_nothing() {
    let rows = json!([server("k", 1)]);
    for more in [json!({"$skipToken": "x"}), json!({"skip_token": "x"}), json!({"resultTruncated": "true"})] {
        let mut page = json!({"data": rows, "totalRecords": 9});
        page.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let report = read(page.to_string().as_bytes()).unwrap();
        assert_eq!(report.runs[0].coverage.extent, CoverageExtent::Partial, "{page}");
    }
    let whole = read(&answer(&[server("k", 1)])).unwrap();
    assert_eq!(whole.runs[0].coverage.extent, CoverageExtent::Full);
    let empty = read(&answer(&[])).unwrap();
    assert_eq!((empty.summary.results, empty.runs.len()), (0, 1));
    assert_eq!(empty.runs[0].coverage.extent, CoverageExtent::Partial, "no rows, no resources");
}

#[test]
fn rows_of_another_table_are_refused() {
    let mut page: Value = serde_json::from_slice(&answer(&[server("k", 1)])).unwrap();
    page["data"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id": "/subscriptions/s/resourceGroups/rg", "properties": {}}));
    let error = read(page.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Invalid { .. }), "{error}");
    assert!(
        error.to_string().contains("data[1]") && error.to_string().contains("securityresources"),
        "{error}"
    );
    let cut = answer(&[server("k", 1)]);
    assert!(read(&cut[..cut.len() - 9]).is_err());
}
