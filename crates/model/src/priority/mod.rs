//! How much a finding matters: what the world knows about its vulnerability, a risk score, and the day it is due.

mod exploit;
mod risk;
mod sla;

pub use exploit::{Epss, Exploit, Kev, Probability, cve, cves};
pub use risk::Risk;
pub use sla::{Sla, SlaMatrix, SlaProblem, SlaState};

use chrono::{DateTime, Utc};

use crate::{Impact, Severity};

/// What follows for one finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// Likelihood of exploitation in the next 30 days, the highest of its CVEs.
    pub epss: Option<Probability>,
    /// One of its CVEs is in the catalogue of known exploited vulnerabilities.
    pub known_exploited: bool,
    /// The risk score.
    pub risk: Risk,
    /// When it is due; none if the matrix does not cover it.
    pub sla: Option<Sla>,
}

/// A finding, as far as its priority depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Weighed {
    /// Severity.
    pub severity: Severity,
    /// Score of the most specific CVSS vector, 0 to 10.
    pub cvss_score: Option<f64>,
    /// Business impact of its asset.
    pub impact: Impact,
    /// Since when it has been open without a break.
    pub open_since: DateTime<Utc>,
}

impl Priority {
    /// The priority of a finding.
    pub fn of(finding: &Weighed, exploit: &Exploit, matrix: &SlaMatrix) -> Self {
        Self {
            epss: exploit.epss.map(|epss| epss.score),
            known_exploited: exploit.kev.is_some(),
            risk: Risk::of(finding.severity, finding.cvss_score, exploit, finding.impact),
            sla: matrix.sla(finding.severity, finding.impact, exploit.kev.is_some(), finding.open_since),
        }
    }
}
