//! Commands that speak the API, one file for each noun.

pub(crate) mod acceptances;
pub(crate) mod alarms;
pub(crate) mod apply;
pub(crate) mod assessments;
pub(crate) mod assets;
pub(crate) mod breakers;
pub(crate) mod by_hand;
pub(crate) mod configuration;
pub(crate) mod connections;
mod destination_settings;
pub(crate) mod destinations;
pub(crate) mod exploit_data;
pub(crate) mod findings;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod jobs;
pub(crate) mod lookup;
mod manual;
pub(crate) mod plan;
pub(crate) mod rules;
pub(crate) mod scans;
pub(crate) mod sla;
pub(crate) mod sources;
pub(crate) mod suppressions;
pub(crate) mod templates;
pub(crate) mod tickets;
pub(crate) mod tokens;
mod upload;
pub(crate) mod users;

use api::{Role, SeverityCounts};
use chrono::{DateTime, Utc};
use clap::Args;
use model::Severity;
use serde::Serialize;

/// How many entries a list prints.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Limit {
    /// Print at most this many
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..), value_name = "NUMBER")]
    limit: u32,
    /// Print all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Limit {
    /// The number, if there is one.
    pub(crate) fn number(self) -> Option<usize> {
        (!self.all).then(|| usize::try_from(self.limit).unwrap_or(usize::MAX))
    }
}

/// A time for people, to the minute.
pub(crate) fn minute(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// A time for people, if there is one.
pub(crate) fn opt_minute(at: Option<DateTime<Utc>>) -> String {
    at.map(minute).unwrap_or_default()
}

/// The word of one of the API's words.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// `3 (1 critical, 2 high)`.
pub(crate) fn counts(counts: &SeverityCounts) -> String {
    let parts: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .filter(|severity| counts.of(*severity) > 0)
        .map(|severity| format!("{} {severity}", counts.of(severity)))
        .collect();
    if parts.is_empty() { "0".to_owned() } else { format!("{} ({})", counts.total(), parts.join(", ")) }
}

/// An order in which one is put at another place, counted from 1; a place behind the last is the last.
pub(crate) fn moved<I: PartialEq>(order: impl Iterator<Item = I>, one: I, to: u32) -> Vec<I> {
    let mut moved: Vec<I> = order.filter(|other| *other != one).collect();
    let at = usize::try_from(to).unwrap_or(usize::MAX).saturating_sub(1).min(moved.len());
    moved.insert(at, one);
    moved
}

/// A role by its name.
pub(crate) fn parse_role(text: &str) -> Result<Role, String> {
    text.replace('-', "_").parse().map_err(|()| {
        "use reader, importer, developer, analyst, security_manager or administrator".to_owned()
    })
}

/// A day (`2026-12-31`, its end in UTC) or a time (RFC 3339).
pub(crate) fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.with_timezone(&Utc));
    }
    text.parse::<chrono::NaiveDate>()
        .ok()
        .and_then(|day| day.and_hms_opt(23, 59, 59))
        .map(|at| at.and_utc())
        .ok_or_else(|| "use a day such as 2026-12-31 or a time such as 2026-12-31T12:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_name_and_others_are_refused_with_the_names() {
        for (text, role) in [("developer", Role::Developer), ("security-manager", Role::SecurityManager)] {
            assert_eq!(parse_role(text), Ok(role));
        }
        assert!(parse_role("boss").unwrap_err().contains("security_manager or administrator"));
    }

    #[test]
    fn a_day_means_its_end_and_a_time_means_itself() {
        assert_eq!(parse_time("2026-12-31").unwrap().to_rfc3339(), "2026-12-31T23:59:59+00:00");
        assert_eq!(
            parse_time("2026-12-31T12:00:00+02:00").unwrap().to_rfc3339(),
            "2026-12-31T10:00:00+00:00"
        );
        assert!(parse_time("tomorrow").is_err());
    }

    #[test]
    fn numbers_by_severity_are_said_without_zeros() {
        let some = SeverityCounts { critical: 1, low: 2, ..Default::default() };
        assert_eq!(counts(&some), "3 (1 critical, 2 low)");
        assert_eq!(counts(&SeverityCounts::default()), "0");
    }
}
