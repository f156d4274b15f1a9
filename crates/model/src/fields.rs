//! What a destination says about single fields: whose value counts, when work is due, who gets it.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::merge::Owners;
use crate::{Severity, TemplateSetId};

/// Longest time to a due date, in days.
pub const MOST_DAYS: u32 = 3650;

/// What a person decides about the fields of a destination's work items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldSettings {
    /// Whose value counts where Lockstep and a person changed the same field.
    pub owners: Owners,
    /// Days from the first sighting of a finding to its due date, by severity. A severity that is not named has none.
    /// Types without a due date show none.
    pub due_days: BTreeMap<Severity, u32>,
    /// Who gets new work items, by sign-in name; nobody if blank. People decide from then on.
    pub assignee: String,
    /// Which templates write title, block, comments and tags; the standard ones if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<TemplateSetId>,
}

impl FieldSettings {
    /// When the first of these findings is due, each told by its severity and first sighting; none if none of them is.
    ///
    /// It is noon in UTC: a board shows the date where its reader is, and noon is the same day from 11 hours behind
    /// UTC to 11 hours before it.
    pub fn due_date(
        &self,
        findings: impl Iterator<Item = (Severity, DateTime<Utc>)>,
    ) -> Option<DateTime<Utc>> {
        let of_one = |(severity, first_seen_at): (Severity, DateTime<Utc>)| {
            let days = *self.due_days.get(&severity)?;
            let day = first_seen_at.checked_add_signed(Duration::days(i64::from(days)))?.date_naive();
            Some(day.and_time(NaiveTime::from_hms_opt(12, 0, 0)?).and_utc())
        };
        findings.filter_map(of_one).min()
    }

    /// What is wrong with them, each in words with what to do.
    pub fn problems(&self) -> Vec<(String, String)> {
        self.due_days
            .iter()
            .filter(|(_, days)| !(1..=MOST_DAYS).contains(*days))
            .map(|(severity, days)| {
                (
                    format!("{days} days to the due date of {severity} make no sense"),
                    format!("give 1 to {MOST_DAYS} days, or leave the severity out"),
                )
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_of_the_members_counts_and_a_severity_without_days_has_none() {
        let settings = FieldSettings {
            due_days: BTreeMap::from([(Severity::Critical, 7), (Severity::High, 30)]),
            ..FieldSettings::default()
        };
        let seen = |day: i64| DateTime::UNIX_EPOCH + Duration::days(day) + Duration::hours(23);
        let due = |day: i64| Some(DateTime::UNIX_EPOCH + Duration::days(day) + Duration::hours(12));
        assert_eq!(
            settings.due_date([(Severity::High, seen(0)), (Severity::Critical, seen(20))].into_iter()),
            due(27)
        );
        assert_eq!(settings.due_date([(Severity::Low, seen(0))].into_iter()), None);
        assert_eq!(
            settings.due_date([(Severity::High, seen(0)), (Severity::Low, seen(0))].into_iter()),
            due(30)
        );
    }

    #[test]
    fn a_due_date_before_the_sighting_or_in_another_age_is_a_mistake() {
        let days = |days| FieldSettings {
            due_days: BTreeMap::from([(Severity::Low, days)]),
            ..FieldSettings::default()
        };
        assert_eq!(days(90).problems(), []);
        assert_eq!((days(0).problems().len(), days(MOST_DAYS + 1).problems().len()), (1, 1));
    }
}
