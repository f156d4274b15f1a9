//! When a finding is due: a matrix of days by severity and business impact.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Impact, Severity};

/// Longest time that a cell may give, in days.
const MOST_DAYS: u32 = 3650;

/// How long a finding may stay open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SlaMatrix {
    /// Days by severity and business impact of the asset, 1 to 3650. A finding whose cell is absent is not covered.
    #[serde(default)]
    pub days: BTreeMap<Severity, BTreeMap<Impact, u32>>,
    /// Most days for what is known to be exploited, if it is covered at all; no such bound if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_exploited: Option<u32>,
    /// The last part of the time in which a finding is approaching its due date, in per cent of it: 0 to 100.
    #[serde(default = "usual_percent")]
    pub approaching_percent: u32,
}

const fn usual_percent() -> u32 {
    25
}

impl Default for SlaMatrix {
    /// What many begin with: a week, a month, three months, half a year; half of that or less where the business depends on it.
    fn default() -> Self {
        let row = |unknown, low, medium, high, critical| {
            BTreeMap::from([
                (Impact::Unknown, unknown),
                (Impact::Low, low),
                (Impact::Medium, medium),
                (Impact::High, high),
                (Impact::Critical, critical),
            ])
        };
        Self {
            days: BTreeMap::from([
                (Severity::Critical, row(7, 14, 7, 7, 3)),
                (Severity::High, row(30, 45, 30, 30, 14)),
                (Severity::Medium, row(90, 120, 90, 90, 45)),
                (Severity::Low, row(180, 270, 180, 180, 90)),
            ]),
            known_exploited: Some(14),
            approaching_percent: usual_percent(),
        }
    }
}

/// When a finding is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sla {
    /// From then on it is approaching.
    pub warn_at: DateTime<Utc>,
    /// From then on it is breached.
    pub due_at: DateTime<Utc>,
}

/// How an open finding stands to its due date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SlaState {
    /// The due date has passed.
    Breached,
    /// The due date is near.
    Approaching,
    /// There is time.
    OnTrack,
    /// The matrix says nothing about it.
    NotCovered,
}

impl SlaState {
    /// All of them, worst first.
    pub const ALL: [Self; 4] = [Self::Breached, Self::Approaching, Self::OnTrack, Self::NotCovered];

    /// The word used in code, API and command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Breached => "breached",
            Self::Approaching => "approaching",
            Self::OnTrack => "on_track",
            Self::NotCovered => "not_covered",
        }
    }

    /// How a finding that is due then stands now.
    pub fn of(sla: Option<Sla>, now: DateTime<Utc>) -> Self {
        match sla {
            None => Self::NotCovered,
            Some(sla) if sla.due_at <= now => Self::Breached,
            Some(sla) if sla.warn_at <= now => Self::Approaching,
            Some(_) => Self::OnTrack,
        }
    }
}

impl std::str::FromStr for SlaState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|state| state.as_str().eq_ignore_ascii_case(text.trim()));
        known.ok_or_else(|| {
            format!("'{text}' is no SLA state: use breached, approaching, on_track or not_covered")
        })
    }
}

impl Sla {
    /// The due date as a board shows it: noon in UTC of its day. A board shows the date where its reader is, and noon is the
    /// same day from 11 hours behind UTC to 11 hours before it.
    pub fn board_date(&self) -> DateTime<Utc> {
        self.due_at.date_naive().and_time(NaiveTime::MIN).and_utc() + Duration::hours(12)
    }
}

/// Something that a matrix may not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlaProblem {
    /// Where, as a JSON pointer.
    pub at: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub mend: String,
}

impl SlaMatrix {
    /// A matrix that covers nothing.
    pub fn blank() -> Self {
        Self { days: BTreeMap::new(), known_exploited: None, approaching_percent: usual_percent() }
    }

    /// Days that a finding has; none if it is not covered.
    pub fn days_of(&self, severity: Severity, impact: Impact, known_exploited: bool) -> Option<u32> {
        let days = *self.days.get(&severity)?.get(&impact)?;
        Some(match self.known_exploited.filter(|_| known_exploited) {
            Some(most) => days.min(most),
            None => days,
        })
    }

    /// When a finding is due that has been open since then.
    pub fn sla(
        &self,
        severity: Severity,
        impact: Impact,
        known_exploited: bool,
        open_since: DateTime<Utc>,
    ) -> Option<Sla> {
        let days = self.days_of(severity, impact, known_exploited)?;
        let time = Duration::days(i64::from(days));
        let due_at = open_since.checked_add_signed(time)?;
        let share = i32::try_from(self.approaching_percent.min(100)).unwrap_or(0);
        Some(Sla { warn_at: due_at - time / 100 * share, due_at })
    }

    /// Everything that is wrong with it.
    pub fn problems(&self) -> Vec<SlaProblem> {
        let mut problems = Vec::new();
        let wrong = |days: u32| !(1..=MOST_DAYS).contains(&days);
        for (severity, row) in &self.days {
            for (impact, days) in row.iter().filter(|(_, days)| wrong(**days)) {
                problems.push(SlaProblem {
                    at: format!("/days/{severity}/{impact}"),
                    message: format!("{days} days for {severity} findings at {impact} impact make no sense"),
                    mend: format!("give 1 to {MOST_DAYS} days, or leave the cell out"),
                });
            }
        }
        if let Some(days) = self.known_exploited.filter(|days| wrong(*days)) {
            problems.push(SlaProblem {
                at: "/known_exploited".into(),
                message: format!("{days} days for known exploited vulnerabilities make no sense"),
                mend: format!("give 1 to {MOST_DAYS} days, or leave it out"),
            });
        }
        if self.approaching_percent > 100 {
            problems.push(SlaProblem {
                at: "/approaching_percent".into(),
                message: format!("{} per cent of the time is more than all of it", self.approaching_percent),
                mend: "give 0 to 100".into(),
            });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::days(day)
    }

    #[test]
    fn a_finding_is_on_track_then_approaching_then_breached() {
        let matrix = SlaMatrix::default();
        let sla = matrix.sla(Severity::Critical, Impact::Critical, false, day(0));
        assert_eq!(sla.map(|sla| sla.due_at), Some(day(3)));
        let state = |hour| SlaState::of(sla, day(0) + Duration::hours(hour));
        assert_eq!(
            [0, 53, 54, 71, 72, 999].map(state),
            [
                SlaState::OnTrack,
                SlaState::OnTrack,
                SlaState::Approaching,
                SlaState::Approaching,
                SlaState::Breached,
                SlaState::Breached
            ]
        );
        assert_eq!(
            SlaState::of(matrix.sla(Severity::Info, Impact::Critical, true, day(0)), day(9)),
            SlaState::NotCovered
        );
    }

    #[test]
    fn what_is_known_to_be_exploited_has_less_time_but_never_more() {
        let matrix = SlaMatrix::default();
        let days = |severity, exploited| matrix.days_of(severity, Impact::Unknown, exploited);
        assert_eq!((days(Severity::Medium, false), days(Severity::Medium, true)), (Some(90), Some(14)));
        assert_eq!((days(Severity::Critical, false), days(Severity::Critical, true)), (Some(7), Some(7)));
        assert_eq!(days(Severity::Info, true), None, "it is not covered");
    }

    #[test]
    fn a_board_shows_the_same_day_everywhere() {
        let sla = SlaMatrix::default().sla(
            Severity::Critical,
            Impact::Unknown,
            false,
            day(0) + Duration::hours(23),
        );
        assert_eq!(sla.map(|sla| sla.board_date()), Some(day(7) + Duration::hours(12)));
    }

    #[test]
    fn cells_that_make_no_sense_are_named() {
        let mut matrix = SlaMatrix::default();
        assert_eq!(matrix.problems(), []);
        matrix.days.insert(
            Severity::High,
            BTreeMap::from([(Impact::Low, 0), (Impact::High, 3651), (Impact::Medium, 1)]),
        );
        matrix.known_exploited = Some(0);
        matrix.approaching_percent = 101;
        let at: Vec<String> = matrix.problems().into_iter().map(|problem| problem.at).collect();
        assert_eq!(at, ["/days/high/low", "/days/high/high", "/known_exploited", "/approaching_percent"]);
    }

    #[test]
    fn words_lead_back_to_their_states() {
        for state in SlaState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert!("late".parse::<SlaState>().unwrap_err().contains("breached"));
    }
}
