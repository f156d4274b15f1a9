//! The risk score: one number by which findings of all sorts can be put in order.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Exploit;
use crate::{Impact, Severity};

/// Risk score of a finding, 0 to 100.
///
/// It is ten times the base, multiplied by how likely an exploit is and how much it would cost. The base is the CVSS score,
/// held within the range of the finding's severity (CVSS 3.1 section 5), else the middle of that range. The likelihood is 1 for what is
/// known to be exploited, `0.6 + 0.4 √EPSS` for what is scored, 0.8 for the rest. The cost is 1, 0.9, 0.8 or 0.6 for an asset of
/// critical, high, medium or low business impact, 0.8 if nobody has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Risk(u8);

impl Risk {
    /// From a number; what is more than 100 is 100.
    pub fn new(score: u8) -> Self {
        Self(score.min(100))
    }

    /// 0 to 100.
    pub const fn score(self) -> u8 {
        self.0
    }

    /// The score of a finding of this severity; `cvss_score` is 0 to 10.
    pub fn of(severity: Severity, cvss_score: Option<f64>, exploit: &Exploit, impact: Impact) -> Self {
        let (least, middle, most) = match severity {
            Severity::Critical => (9.0, 9.5, 10.0),
            Severity::High => (7.0, 8.0, 8.9),
            Severity::Medium => (4.0, 5.5, 6.9),
            Severity::Low => (0.1, 2.5, 3.9),
            Severity::Info => (0.0, 0.0, 0.0),
        };
        let base =
            cvss_score.filter(|score| score.is_finite()).map_or(middle, |score| score.clamp(least, most));
        let likelihood = match (exploit.kev, exploit.epss) {
            (Some(_), _) => 1.0,
            (None, Some(epss)) => 0.6 + 0.4 * epss.score.as_f64().sqrt(),
            (None, None) => 0.8,
        };
        let cost = match impact {
            Impact::Critical => 1.0,
            Impact::High => 0.9,
            Impact::Medium | Impact::Unknown => 0.8,
            Impact::Low => 0.6,
        };
        Self::new((10.0_f64 * base * likelihood * cost).round() as u8)
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::super::{Epss, Kev};
    use super::*;

    fn exploit(epss: Option<f64>, exploited: bool) -> Exploit {
        let epss = epss.map(|score| score.try_into().unwrap());
        Exploit {
            epss: epss.map(|score| Epss { score, percentile: score }),
            kev: exploited.then_some(Kev { added_on: NaiveDate::MIN, due_on: None, ransomware: false }),
        }
    }

    #[test]
    fn the_worst_is_100_and_what_is_no_weakness_is_0() {
        let of = |severity, cvss, exploit, impact| Risk::of(severity, cvss, &exploit, impact).score();
        assert_eq!(of(Severity::Critical, Some(10.0), exploit(None, true), Impact::Critical), 100);
        assert_eq!(of(Severity::Info, None, exploit(Some(0.9), true), Impact::Critical), 0);
        // docs/priority.md shows these.
        assert_eq!(of(Severity::Critical, Some(9.8), exploit(Some(0.04), false), Impact::High), 60);
        assert_eq!(of(Severity::High, Some(7.5), exploit(Some(0.9), false), Impact::High), 66);
        assert_eq!(of(Severity::Medium, None, exploit(None, false), Impact::Unknown), 35);
    }

    #[test]
    fn more_likely_more_costly_or_more_severe_is_never_less() {
        let likelihoods = [
            exploit(Some(0.0), false),
            exploit(Some(0.3), false),
            exploit(Some(1.0), false),
            exploit(None, true),
        ];
        for cvss in [None, Some(0.0), Some(5.0), Some(10.0), Some(f64::NAN)] {
            for severity in Severity::WORST_FIRST {
                for impact in Impact::ALL {
                    let scores = likelihoods.map(|known| Risk::of(severity, cvss, &known, impact));
                    assert!(scores.is_sorted(), "{severity} {impact} {scores:?}");
                }
                let known = Impact::ALL.into_iter().filter(|impact| *impact != Impact::Unknown);
                for exploit in likelihoods {
                    assert!(
                        known.clone().map(|impact| Risk::of(severity, cvss, &exploit, impact)).is_sorted()
                    );
                }
            }
            for exploit in likelihoods {
                let worst_first = Severity::WORST_FIRST.map(|it| Risk::of(it, cvss, &exploit, Impact::Low));
                assert!(worst_first.iter().rev().is_sorted(), "{worst_first:?}");
            }
        }
    }
}
