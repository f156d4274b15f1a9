//! Commands that people write in comments of work items: `/lockstep accept until 2027-01-31 The WAF stops it.`

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::role::Role;

/// How a command begins.
pub const PREFIX: &str = "/lockstep";

/// What may be asked for, for people.
pub const KNOWN: &str = "accept [until YYYY-MM-DD] reason, false-positive reason, retest, split NUMBERS [reason], reassign DESTINATION";

/// What somebody asks for in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// The risk is accepted.
    Accept {
        /// Until the end of this day in UTC; for good if absent.
        until: Option<NaiveDate>,
        /// Why.
        reason: String,
    },
    /// It is no weakness.
    FalsePositive {
        /// Why.
        reason: String,
    },
    /// It is fixed: the next scan that covers it decides.
    Retest,
    /// These findings get a work item of their own, by their place in the list of the block, from 1.
    Split {
        /// Places.
        places: Vec<usize>,
        /// Why.
        reason: String,
    },
    /// It belongs to another destination.
    Reassign {
        /// Name of the destination, or a part of it.
        to: String,
    },
}

impl Spoken {
    /// The word of the command.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Accept { .. } => "accept",
            Self::FalsePositive { .. } => "false-positive",
            Self::Retest => "retest",
            Self::Split { .. } => "split",
            Self::Reassign { .. } => "reassign",
        }
    }

    /// What a role may make of it: deny first.
    pub fn right(&self, role: Role) -> Right {
        match (self, role) {
            (_, Role::Reader | Role::Importer) => Right::None,
            (Self::Accept { .. } | Self::FalsePositive { .. }, Role::Developer) => Right::Ask,
            (_, Role::Developer | Role::Analyst | Role::SecurityManager | Role::Administrator) => Right::Do,
        }
    }
}

/// What somebody may make of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing.
    None,
    /// Ask for it: somebody else decides.
    Ask,
    /// Do it.
    Do,
}

/// The end of a day in UTC.
pub fn end_of(day: NaiveDate) -> DateTime<Utc> {
    let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or_default();
    day.and_time(last).and_utc()
}

/// The command in a comment. `None`: it is none. Only a comment that begins with the word is one, so that quoting or talking
/// about a command does nothing.
///
/// # Errors
/// What is wrong with it, a sentence without its full stop.
pub fn parse(comment: &str) -> Option<Result<Spoken, String>> {
    let comment = comment.trim_start();
    let head = comment.get(..PREFIX.len())?;
    let rest = &comment[PREFIX.len()..];
    let is_word = rest.is_empty() || rest.starts_with(char::is_whitespace);
    (head.eq_ignore_ascii_case(PREFIX) && is_word).then(|| read(rest.trim()))
}

fn read(rest: &str) -> Result<Spoken, String> {
    let (word, rest) = split_word(rest);
    match word.to_lowercase().as_str() {
        "" => Err(format!("it says nothing; say one of: {KNOWN}")),
        "accept" => {
            let (next, after) = split_word(rest);
            let (until, reason) = if next.eq_ignore_ascii_case("until") {
                let (day, reason) = split_word(after);
                let day = day
                    .parse::<NaiveDate>()
                    .map_err(|_| format!("'{day}' is no day; write it as 2027-01-31"))?;
                (Some(day), reason)
            } else {
                (None, rest)
            };
            Ok(Spoken::Accept { until, reason: why(reason, "accept")? })
        }
        "false-positive" | "false_positive" => {
            Ok(Spoken::FalsePositive { reason: why(rest, "false-positive")? })
        }
        "retest" => Ok(Spoken::Retest),
        "split" => {
            let mut places = Vec::new();
            let mut rest = rest;
            loop {
                let (next, after) = split_word(rest);
                let numbers: Option<Vec<usize>> =
                    next.split(',').filter(|text| !text.is_empty()).map(|text| text.parse().ok()).collect();
                match numbers {
                    Some(numbers) if !numbers.is_empty() => places.extend(numbers),
                    _ => break,
                }
                rest = after;
            }
            if places.is_empty() || places.contains(&0) {
                return Err(
                    "it does not say which findings; give their places in the list, as in: split 2 3".into(),
                );
            }
            places.sort_unstable();
            places.dedup();
            Ok(Spoken::Split { places, reason: rest.to_owned() })
        }
        "reassign" if rest.is_empty() => Err("it does not say to which destination".into()),
        "reassign" => Ok(Spoken::Reassign { to: rest.lines().next().unwrap_or(rest).trim().to_owned() }),
        other => Err(format!("'{}' is not known; say one of: {KNOWN}", crate::content::clip(other, 50))),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn why(reason: &str, word: &str) -> Result<String, String> {
    match reason.trim() {
        "" => Err(format!("{word} needs a reason")),
        reason => Ok(crate::content::clip(reason, 1_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_people_write_them() {
        let day = NaiveDate::from_ymd_opt(2027, 1, 31);
        for (text, spoken) in [
            (
                "/lockstep accept until 2027-01-31 The WAF stops it.",
                Spoken::Accept { until: day, reason: "The WAF stops it.".into() },
            ),
            (
                "  /Lockstep ACCEPT it is internal",
                Spoken::Accept { until: None, reason: "it is internal".into() },
            ),
            ("/lockstep false-positive dead code", Spoken::FalsePositive { reason: "dead code".into() }),
            ("/lockstep\nretest please", Spoken::Retest),
            (
                "/lockstep split 3, 1 another team",
                Spoken::Split { places: vec![1, 3], reason: "another team".into() },
            ),
            (
                "/lockstep reassign Webshop / Payments\nthanks",
                Spoken::Reassign { to: "Webshop / Payments".into() },
            ),
        ] {
            assert_eq!(parse(text), Some(Ok(spoken)), "{text}");
        }
    }

    #[test]
    fn talking_about_a_command_is_none_and_a_wrong_one_is_told() {
        assert_eq!(parse("I would say /lockstep retest"), None);
        assert_eq!(parse("/lockstepper"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("/löckstep retest"), None);
        for (text, why) in [
            ("/lockstep", "it says nothing"),
            ("/lockstep accept", "accept needs a reason"),
            ("/lockstep accept until tomorrow x", "'tomorrow' is no day"),
            ("/lockstep accept until 2027-01-31", "accept needs a reason"),
            ("/lockstep split", "does not say which findings"),
            ("/lockstep split 0 1", "does not say which findings"),
            ("/lockstep reassign", "to which destination"),
            ("/lockstep close", "'close' is not known"),
        ] {
            let said = parse(text).unwrap().unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }

    #[test]
    fn who_may_not_decide_may_ask_and_who_only_reads_may_nothing() {
        let accept = Spoken::Accept { until: None, reason: "x".into() };
        assert_eq!(accept.right(Role::Developer), Right::Ask);
        assert_eq!(accept.right(Role::Analyst), Right::Do);
        assert_eq!(Spoken::Retest.right(Role::Developer), Right::Do);
        for role in [Role::Reader, Role::Importer] {
            assert_eq!(Spoken::Retest.right(role), Right::None);
        }
    }
}
