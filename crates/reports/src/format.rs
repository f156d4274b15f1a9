//! The formats that can be read.

use std::fmt;
use std::str::FromStr;

/// Format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// SARIF 2.1.0, the exchange format of static analysis tools (OASIS).
    Sarif,
    /// JSON of Trivy.
    Trivy,
    /// CycloneDX, as JSON or XML: a bill of materials with vulnerabilities, or a VEX document.
    CycloneDx,
    /// Nessus: `.nessus` (XML) and CSV, Tenable.sc and Web App Scanning too.
    Nessus,
    /// OpenVEX: statements about vulnerabilities in products.
    OpenVex,
    /// Dependabot's alerts of GitHub, from REST or GraphQL.
    GithubDependabot,
    /// Code scanning alerts of GitHub's REST API.
    GithubCodeScanning,
    /// Secret scanning alerts of GitHub's REST API.
    GithubSecretScanning,
    /// Issues of Burp Suite Enterprise, from REST or GraphQL.
    BurpEnterprise,
    /// JSON, OCSF and CSV of Prowler.
    Prowler,
    /// Answers of SonarQube's API and the JSON of sonar-report.
    SonarQube,
    /// Alerts of GitHub Advanced Security for Azure DevOps.
    AzureDevOpsAlerts,
    /// The generic JSON of DefectDojo.
    DefectDojo,
    /// JSON of the Wiz CLI.
    WizCli,
    /// JSON of Kubescape.
    Kubescape,
    /// Custom resources of the Trivy operator.
    TrivyOperator,
    /// JSON Lines or JSON of Nuclei.
    Nuclei,
    /// Findings of AWS Security Hub (AWS Security Finding Format).
    Asff,
    /// XML report of ZAP.
    Zap,
    /// XML report of OWASP Dependency-Check.
    DependencyCheck,
    /// XML of Burp Suite.
    Burp,
    /// OpenVAS (Greenbone): XML and CSV.
    OpenVas,
    /// Qualys: XML and CSV of VM and VMDR, XML of Web Application Scanning.
    Qualys,
    /// XML of Nmap: what its scripts found.
    Nmap,
    /// JSON of Semgrep: the command line and the platform.
    Semgrep,
    /// JSON of `npm audit`.
    NpmAudit,
    /// JSON of Grype.
    Grype,
    /// JSON of OSV-Scanner.
    OsvScanner,
    /// JSON of pip-audit.
    PipAudit,
    /// JSON of cargo-audit.
    CargoAudit,
    /// JSON of Bandit.
    Bandit,
    /// JSON of Gitleaks.
    Gitleaks,
    /// CSV of Wiz: issues and vulnerability findings.
    Wiz,
    /// CSV of recommendations of Microsoft Defender for Cloud.
    DefenderCloud,
    /// Assessments of Microsoft Defender for Cloud as Azure Resource Graph gives them (JSON).
    DefenderGraph,
    /// JSON of vulnerabilities of Microsoft Defender for Endpoint.
    DefenderEndpoint,
    /// DefectDojo's generic CSV.
    DefectDojoCsv,
    /// JSON of Checkov.
    Checkov,
    /// JSON of Snyk Open Source, Container and IaC.
    Snyk,
    /// Issues of Snyk's REST API.
    SnykIssues,
    /// JSON of govulncheck.
    Govulncheck,
    /// Lockstep's own JSON (`docs/formats/generic-json.md`).
    GenericJson,
    /// Lockstep's own CSV (`docs/formats/generic-csv.md`).
    GenericCsv,
}

impl Format {
    /// Every format, in the order in which they are listed for people.
    pub const ALL: [Format; 43] = [
        Self::Sarif,
        Self::Trivy,
        Self::CycloneDx,
        Self::Nessus,
        Self::OpenVex,
        Self::GithubDependabot,
        Self::GithubCodeScanning,
        Self::GithubSecretScanning,
        Self::BurpEnterprise,
        Self::Prowler,
        Self::SonarQube,
        Self::AzureDevOpsAlerts,
        Self::DefectDojo,
        Self::WizCli,
        Self::Kubescape,
        Self::TrivyOperator,
        Self::Nuclei,
        Self::Asff,
        Self::Zap,
        Self::DependencyCheck,
        Self::Burp,
        Self::OpenVas,
        Self::Qualys,
        Self::Nmap,
        Self::Semgrep,
        Self::NpmAudit,
        Self::Grype,
        Self::OsvScanner,
        Self::PipAudit,
        Self::CargoAudit,
        Self::Bandit,
        Self::Gitleaks,
        Self::Wiz,
        Self::DefenderCloud,
        Self::DefenderGraph,
        Self::DefenderEndpoint,
        Self::DefectDojoCsv,
        Self::Checkov,
        Self::Snyk,
        Self::SnykIssues,
        Self::Govulncheck,
        Self::GenericJson,
        Self::GenericCsv,
    ];

    /// The word used in API, database and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sarif => "sarif",
            Self::Trivy => "trivy",
            Self::CycloneDx => "cyclonedx",
            Self::OpenVex => "openvex",
            Self::GithubDependabot => "github-dependabot",
            Self::GithubCodeScanning => "github-code-scanning",
            Self::GithubSecretScanning => "github-secret-scanning",
            Self::BurpEnterprise => "burp-enterprise",
            Self::Prowler => "prowler",
            Self::SonarQube => "sonarqube",
            Self::AzureDevOpsAlerts => "azure-devops-alerts",
            Self::DefectDojo => "defectdojo",
            Self::WizCli => "wiz-cli",
            Self::Kubescape => "kubescape",
            Self::TrivyOperator => "trivy-operator",
            Self::Nuclei => "nuclei",
            Self::Asff => "aws-security-hub",
            Self::Semgrep => "semgrep",
            Self::NpmAudit => "npm-audit",
            Self::Grype => "grype",
            Self::OsvScanner => "osv-scanner",
            Self::PipAudit => "pip-audit",
            Self::CargoAudit => "cargo-audit",
            Self::Bandit => "bandit",
            Self::Gitleaks => "gitleaks",
            Self::Checkov => "checkov",
            Self::Snyk => "snyk",
            Self::SnykIssues => "snyk-issues",
            Self::Govulncheck => "govulncheck",
            Self::GenericJson => "generic-json",
            Self::GenericCsv => "generic-csv",
            Self::Nessus => "nessus",
            Self::Zap => "zap",
            Self::DependencyCheck => "dependency-check",
            Self::Burp => "burp",
            Self::OpenVas => "openvas",
            Self::Qualys => "qualys",
            Self::Nmap => "nmap",
            Self::Wiz => "wiz",
            Self::DefenderCloud => "defender-cloud",
            Self::DefenderGraph => "defender-graph",
            Self::DefenderEndpoint => "defender-endpoint",
            Self::DefectDojoCsv => "defectdojo-csv",
        }
    }

    pub(crate) fn list() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no format.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not a report format: use {list}", list = Format::list())]
pub struct UnknownFormatName(pub String);

impl FromStr for Format {
    type Err = UnknownFormatName;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(s.trim()))
            .ok_or_else(|| UnknownFormatName(s.to_owned()))
    }
}
