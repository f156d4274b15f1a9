//! What a person approved of a plan: exactly this write, on exactly this revision of the work item, for a while. It stands on
//! the ticket until it is settled, so that whichever process has the turn of the ticket keeps to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::PlanApplyId;

/// What a person approved for one ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The apply that it belongs to.
    pub apply: PlanApplyId,
    /// Who approved it.
    pub by: String,
    /// It is not announced at or after this: by then nobody remembers what was looked at.
    pub until: DateTime<Utc>,
    /// The revision of the work item that was looked at; none if there was no work item yet.
    pub revision: Option<i64>,
    /// What was approved.
    pub deed: ApprovedDeed,
}

/// What may be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
pub enum ApprovedDeed {
    /// The write with this fingerprint.
    Write {
        /// See [`fingerprint`].
        fingerprint: String,
    },
    /// Putting back what an apply wrote.
    Undo {
        /// That apply.
        apply: PlanApplyId,
    },
}

impl Approval {
    /// Why a write is not the approved one. `None`: it is.
    pub fn differs(&self, revision: Option<i64>, fingerprint: &str) -> Option<String> {
        if let Some(why) = self.moved(revision) {
            return Some(why);
        }
        match &self.deed {
            ApprovedDeed::Write { fingerprint: approved } if approved != fingerprint => {
                Some("What is to be written is not what the plan said any more.".into())
            }
            ApprovedDeed::Write { .. } | ApprovedDeed::Undo { .. } => None,
        }
    }

    /// What to say if the work item does not stand where it was looked at.
    pub fn moved(&self, revision: Option<i64>) -> Option<String> {
        match (self.revision, revision) {
            (Some(was), Some(is)) if was != is => {
                Some(format!("The work item was at revision {was}, and is at revision {is} now."))
            }
            (None, Some(_)) => Some("The ticket has a work item by now.".into()),
            (Some(_), None) => Some("The ticket has no work item any more.".into()),
            _ => None,
        }
    }

    /// Who caused the write, for the log.
    pub fn cause(&self) -> String {
        format!("{} (apply {})", self.by, self.apply)
    }
}

/// SHA-256, in hexadecimal, of everything that a write sends. It holds no times of its own: the same write has the same
/// fingerprint tomorrow.
pub fn fingerprint(write: &impl Serialize) -> String {
    // A value of ours always has a JSON form; one without would match nothing.
    let text = serde_json::to_vec(write).unwrap_or_default();
    hex::encode(Sha256::digest(&text))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::board::Change;

    fn approval(revision: Option<i64>, fingerprint: &str) -> Approval {
        Approval {
            apply: PlanApplyId(Uuid::from_u128(1)),
            by: "Ada".into(),
            until: DateTime::UNIX_EPOCH,
            revision,
            deed: ApprovedDeed::Write { fingerprint: fingerprint.into() },
        }
    }

    #[test]
    fn only_the_same_write_on_the_same_revision_is_approved() {
        let print = fingerprint(&Change { title: Some("one".into()), ..Change::default() });
        let other = fingerprint(&Change { title: Some("two".into()), ..Change::default() });
        assert_eq!(approval(Some(4), &print).differs(Some(4), &print), None);
        assert!(approval(Some(4), &print).differs(Some(5), &print).unwrap().contains("was at revision 4"));
        assert!(
            approval(Some(4), &print).differs(Some(4), &other).unwrap().contains("not what the plan said")
        );
        assert!(approval(None, &print).differs(Some(1), &print).unwrap().contains("has a work item by now"));
    }

    #[test]
    fn a_fingerprint_is_sixty_four_hexadecimal_digits_that_depend_on_the_write_alone() {
        let change = Change { tags: Some(vec!["a".into()]), ..Change::default() };
        assert_eq!(fingerprint(&change), fingerprint(&change.clone()));
        assert_eq!(fingerprint(&change).len(), 64);
    }
}
