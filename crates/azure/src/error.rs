//! What can go wrong with a call, by meaning. Callers match on the variant, never on text.
//!
//! For writes one distinction decides everything that follows: either the write was **certainly not applied**, or its
//! outcome is **unknown** ([`Error::UnknownOutcome`]) and must be looked up before anything else is done (design.md
//! section 4, rule 1). These answers to a write count as certain: any 4xx except 408 (the service refuses before it
//! changes anything), the sign-in answers 203 and 3xx, and 503 in JSON with TF24668 (the organization is stopped).
//! Every other 5xx, every HTML page and every answer that cannot be read leaves the outcome unknown.

use chrono::{DateTime, Utc};

pub use crate::credential::SignInFailure;
use crate::refusal::{Denial, FieldError, Missing, Outage, Rejection};

/// A call that did not succeed. `Display` is one sentence for people: what failed, on what, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The service asks to slow down, or our own throttle would have had to wait past the deadline. Not applied.
    #[error("Could not {operation}: Azure DevOps asks to wait until {}", retry_at.format("%H:%M:%S UTC"))]
    Throttled {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// Not before this moment.
        retry_at: DateTime<Utc>,
    },
    /// The credential was not accepted. Not applied.
    #[error("Could not {operation}: {why}")]
    SignIn {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// What is wrong with the credential.
        why: SignInFailure,
    },
    /// The identity is known but may not do this. Not applied.
    #[error("Could not {operation}: {}", why.sentence(message))]
    Forbidden {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// Which permission is missing.
        why: Denial,
        /// `TF…` or `VS…` code of the service, if it gave one.
        code: Option<String>,
        /// The service's own words.
        message: String,
    },
    /// It does not exist, was deleted, or may not be read: the service does not tell these apart (section 4.4).
    #[error("Could not {operation}: {}", what.sentence(message))]
    NotFound {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// What is not there.
        what: Missing,
        /// `TF…` or `VS…` code of the service, if it gave one.
        code: Option<String>,
        /// The service's own words.
        message: String,
    },
    /// Somebody changed the item after it was read (412 on `test /rev`, or 409 TF26071). Not applied: read and plan again.
    #[error("Could not {operation}: it was changed since it was read")]
    RevisionMoved {
        /// What was to be done, as the continuation of "could not".
        operation: String,
    },
    /// The service took the update, and the card does not stand where it was told to. Applied.
    #[error("Could not {operation}: Azure DevOps took the update, but the card stands elsewhere ({stands})")]
    Misplaced {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// Where it stands.
        stands: String,
    },
    /// A rule or validation of the service refused the content. Not applied; the same request will fail again.
    #[error("Could not {operation}: {}", why.sentence(message, fields))]
    Rejected {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// What it means.
        why: Rejection,
        /// Status of the answer.
        status: u16,
        /// `TF…` or `VS…` code of the service, if it gave one.
        code: Option<String>,
        /// Stable name of the kind of error (`RuleValidationException`), if the service gave one.
        type_key: Option<String>,
        /// The service's own words.
        message: String,
        /// Fields that a rule complained about.
        fields: Vec<FieldError>,
    },
    /// The service cannot answer now. For a write this is only given where it was certainly not applied.
    #[error("Could not {operation}: {}", why.sentence(message))]
    Unavailable {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// What is the matter.
        why: Outage,
        /// Status of the answer; none if there was no answer at all.
        status: Option<u16>,
        /// What is known about it.
        message: String,
        /// When the service asked to be tried again.
        retry_at: Option<DateTime<Utc>>,
    },
    /// A write was sent and there is no trustworthy answer: it may or may not have been applied, now or a little later.
    #[error("Could not tell whether Lockstep managed to {operation}: {reason}")]
    UnknownOutcome {
        /// What was to be done, as the continuation of "managed to".
        operation: String,
        /// Why the answer cannot be trusted.
        reason: String,
    },
    /// Nothing left this machine.
    #[error("Could not {operation}: {reason}")]
    NotSent {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// Why.
        reason: String,
    },
    /// A read was answered with something that does not have the expected shape.
    #[error("Could not {operation}: the answer of Azure DevOps could not be read at {path}: {reason}")]
    Decode {
        /// What was to be done, as the continuation of "could not".
        operation: String,
        /// Where in the JSON document.
        path: String,
        /// What was found there.
        reason: String,
    },
    /// The deadline of a write had passed before it could be sent. Not applied.
    #[error("Could not {operation}: its time was over before it could be sent")]
    DeadlinePassed {
        /// What was to be done, as the continuation of "could not".
        operation: String,
    },
}

impl Error {
    /// One sentence for people: what failed, on what, and why.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// What a person can do about it, one sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::Throttled { .. } => "Nothing to do: it is tried again by itself.".into(),
            Self::SignIn { why, .. } => why.next_step(),
            Self::Forbidden { why, .. } => why.next_step(),
            Self::NotFound { what, .. } => what.next_step(),
            Self::RevisionMoved { .. } => "Nothing to do: it is read and planned again.".into(),
            Self::Misplaced { .. } => {
                "Look for rules or automation on the board that move cards, or change the status map of the destination.".into()
            }
            Self::Rejected { why, fields, .. } => why.next_step(fields),
            Self::Unavailable { why, .. } => why.next_step(),
            Self::UnknownOutcome { .. } => {
                "Nothing to do: the board is looked at before anything is sent again.".into()
            }
            Self::NotSent { .. } => {
                "Check the organization's address, the name resolution and the firewall of this server, and whether the address is allowed in the settings."
                    .into()
            }
            Self::Decode { .. } => "Please report this with the text above: the service answered in a new way.".into(),
            Self::DeadlinePassed { .. } => "Nothing to do: it is planned again.".into(),
        }
    }

    /// When the service asked to be tried again, if it did.
    pub fn retry_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Throttled { retry_at, .. } => Some(*retry_at),
            Self::Unavailable { retry_at, .. } => *retry_at,
            _ => None,
        }
    }

    /// For writes: whether the service certainly did not act on it. False means: look it up first. After
    /// [`Error::Misplaced`] it did, and what it made of it is known: there is nothing to look up.
    pub fn is_certain_not_applied(&self) -> bool {
        !matches!(self, Self::UnknownOutcome { .. })
    }
}
