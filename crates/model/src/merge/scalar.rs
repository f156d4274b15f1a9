//! Fields with one value: title, priority, severity, due date. Ours until a person changes it on the board.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::owner::{Moves, Owner, Verdict, decide};
use super::{Conflict, Field, FieldChange, Findings};

/// What both sides last agreed on for one field.
///
/// It holds a pair, because the service may word a value differently than it was sent: what stands on the board is compared
/// with what stood there, what is wanted with what was wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed<T> {
    /// What we wanted then.
    pub ours: T,
    /// What stood on the board then.
    pub theirs: T,
    /// A person changed it: it is theirs from then on.
    #[serde(default)]
    pub touched: bool,
    /// Who decided that ours counts all the same; until it is written, or changed on the board again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
}

impl<T: Clone + PartialEq> Agreed<T> {
    /// Both sides agree on this.
    pub fn on(ours: T, theirs: T) -> Self {
        Self { ours, theirs, touched: false, decided_by: None }
    }

    /// What stands on the board now, which only a person can have changed.
    pub(super) fn observe(&mut self, theirs: &T) {
        if *theirs != self.theirs {
            self.touched = true;
            self.decided_by = None;
            self.theirs = theirs.clone();
        }
    }

    /// What follows now that it was observed. `same`: both say the same, however they word it.
    pub(super) fn verdict(&self, ours: &T, same: bool, owner: Owner) -> Verdict {
        decide(Moves { ours: *ours != self.ours, theirs: self.touched, same }, owner)
    }

    /// A person decides a conflict: ours is written, or theirs is agreed on until either side changes again.
    pub(super) fn resolve(&mut self, takes_ours: bool, ours: T, by: &str) {
        if takes_ours {
            self.touched = false;
            self.decided_by = Some(by.to_owned());
        } else {
            self.ours = ours;
        }
    }

    /// Why ours is written.
    pub(super) fn reason(&self, otherwise: &str) -> String {
        match &self.decided_by {
            Some(by) => format!("{by} decided for Lockstep's value"),
            None if self.touched => {
                "both sides changed it, and here Lockstep's value counts (setting of the destination)".into()
            }
            None => otherwise.to_owned(),
        }
    }
}

/// Merges one field. Answers what to write.
pub(super) fn merge<T: Clone + PartialEq + Show>(
    field: Field,
    agreed: &mut Agreed<T>,
    ours: &T,
    theirs: &T,
    owner: Owner,
    findings: &mut Findings,
) -> Option<T> {
    let stood = agreed.theirs.clone();
    agreed.observe(theirs);
    match agreed.verdict(ours, theirs == ours, owner) {
        Verdict::Same => {
            // It is ours again only if a person took the change back; if we came to wish for what a person had set, it
            // stays theirs.
            let taken_back = stood != *theirs && *ours == agreed.ours;
            let touched = agreed.touched && !taken_back;
            *agreed = Agreed { touched, ..Agreed::on(ours.clone(), theirs.clone()) };
            None
        }
        Verdict::Rest | Verdict::Theirs => None,
        Verdict::Conflict => {
            findings.conflicts.push(Conflict {
                field: field.label().to_owned(),
                ours: ours.show(),
                theirs: theirs.show(),
            });
            None
        }
        Verdict::Ours => {
            findings.fields.push(FieldChange {
                field: field.label().to_owned(),
                from: theirs.show(),
                to: ours.show(),
                reason: agreed.reason("changed in Lockstep, untouched on the board"),
                decided_by: agreed.decided_by.clone(),
            });
            Some(ours.clone())
        }
    }
}

/// How a value is shown to people.
pub(super) trait Show {
    fn show(&self) -> String;
}

const EMPTY: &str = "(empty)";

impl Show for String {
    fn show(&self) -> String {
        self.clone()
    }
}

impl Show for Option<String> {
    fn show(&self) -> String {
        self.clone().unwrap_or_else(|| EMPTY.into())
    }
}

impl Show for Option<i64> {
    fn show(&self) -> String {
        self.map_or_else(|| EMPTY.into(), |value| value.to_string())
    }
}

impl Show for Option<DateTime<Utc>> {
    fn show(&self) -> String {
        self.map_or_else(|| EMPTY.into(), |at| at.format("%Y-%m-%d").to_string())
    }
}
