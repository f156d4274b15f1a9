//! The parts of Trivy's JSON that matter to findings, schema 2 and the forms before it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::json::lenient::{FromOne, Words, list, map, object_or_nothing};

/// The report without its results.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Report {
    /// The bare list of results.
    #[serde(skip)]
    pub(super) is_list: bool,
    pub(super) schema_version: Option<u32>,
    pub(super) created_at: Option<String>,
    #[serde(rename = "ReportID")]
    pub(super) report_id: Option<String>,
    pub(super) artifact_name: Option<String>,
    pub(super) cluster_name: Option<String>,
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) metadata: Metadata,
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) trivy: Trivy,
    pub(super) results: Option<Vec<Head>>,
    /// Kubernetes: one entry for each resource. `Findings` is the summary's name for it, the other two those of old versions.
    pub(super) resources: Option<Vec<Resource>>,
    pub(super) findings: Option<Vec<Resource>>,
    pub(super) vulnerabilities: Option<Vec<Resource>>,
    pub(super) misconfigurations: Option<Vec<Resource>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    #[serde(rename = "RepoTags", deserialize_with = "list")]
    pub(super) repo_tags: Vec<String>,
    #[serde(rename = "RepoURL")]
    pub(super) repo_url: Option<String>,
    #[serde(rename = "Branch")]
    pub(super) branch: Option<String>,
    #[serde(rename = "Commit")]
    pub(super) commit: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Trivy {
    pub(super) version: Option<String>,
}

/// What one list of results was found in.
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Head {
    pub(super) target: Option<String>,
    pub(super) class: Option<String>,
    #[serde(rename = "Type")]
    pub(super) ecosystem: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Resource {
    pub(super) namespace: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    /// Why this resource could not be scanned.
    pub(super) error: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) results: Vec<Head>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    pub(super) id: String,
    #[serde(default, rename = "VendorIDs", deserialize_with = "list")]
    pub(super) vendor_ids: Vec<String>,
    pub(super) pkg_name: Option<String>,
    pub(super) pkg_path: Option<String>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub(super) pkg_identifier: PkgIdentifier,
    #[serde(rename = "Ref")]
    pub(super) reference: Option<String>,
    pub(super) installed_version: Option<String>,
    pub(super) fixed_version: Option<String>,
    pub(super) status: Option<String>,
    pub(super) severity_source: Option<String>,
    #[serde(rename = "PrimaryURL")]
    pub(super) primary_url: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) severity: Option<String>,
    #[serde(default, rename = "CweIDs", deserialize_with = "list")]
    pub(super) cwe_ids: Vec<String>,
    #[serde(default, rename = "CVSS", deserialize_with = "map")]
    pub(super) cvss: BTreeMap<String, Cvss>,
    #[serde(default, deserialize_with = "list")]
    pub(super) references: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PkgIdentifier {
    #[serde(rename = "PURL")]
    pub(super) purl: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Cvss {
    #[serde(rename = "V40Vector")]
    pub(super) v40_vector: Option<String>,
    #[serde(rename = "V40Score")]
    pub(super) v40_score: Option<f64>,
    #[serde(rename = "V3Vector")]
    pub(super) v3_vector: Option<String>,
    #[serde(rename = "V3Score")]
    pub(super) v3_score: Option<f64>,
    #[serde(rename = "V2Vector")]
    pub(super) v2_vector: Option<String>,
    #[serde(rename = "V2Score")]
    pub(super) v2_score: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Misconfiguration {
    #[serde(rename = "ID")]
    pub(super) id: String,
    #[serde(rename = "AVDID")]
    pub(super) avd_id: Option<String>,
    #[serde(rename = "Type")]
    pub(super) check: Option<String>,
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) message: Option<String>,
    pub(super) resolution: Option<String>,
    pub(super) severity: Option<String>,
    #[serde(rename = "PrimaryURL")]
    pub(super) primary_url: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) references: Vec<String>,
    pub(super) status: Option<String>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub(super) cause_metadata: Cause,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Cause {
    pub(super) resource: Option<String>,
    pub(super) provider: Option<String>,
    pub(super) service: Option<String>,
    pub(super) start_line: FromOne,
    pub(super) end_line: FromOne,
    #[serde(deserialize_with = "object_or_nothing")]
    pub(super) code: Code,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Code {
    #[serde(deserialize_with = "list")]
    pub(super) lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Line {
    pub(super) content: Option<String>,
    #[serde(default)]
    pub(super) is_cause: bool,
}

/// `Match` and `Code` hold the secret and are not even read.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Secret {
    #[serde(rename = "RuleID")]
    pub(super) id: String,
    pub(super) category: Option<String>,
    pub(super) severity: Option<String>,
    pub(super) title: Option<String>,
    #[serde(default)]
    pub(super) start_line: FromOne,
    #[serde(default)]
    pub(super) end_line: FromOne,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct License {
    pub(super) name: String,
    pub(super) severity: Option<String>,
    pub(super) category: Option<String>,
    pub(super) pkg_name: Option<String>,
    pub(super) file_path: Option<String>,
    pub(super) link: Option<String>,
    #[serde(default)]
    pub(super) confidence: Words,
}
