//! When so much would happen at once that a person should look first (design: "Nothing floods").

use serde::{Deserialize, Serialize};

use crate::status::Status;

/// What is done to a work item, as far as breakers count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Stroke {
    /// It is created.
    Create,
    /// It is closed.
    Close,
    /// It is opened again, or sent back after somebody said it was done.
    Reopen,
}

impl Stroke {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Create, Self::Close, Self::Reopen];

    /// The word in database and API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Close => "close",
            Self::Reopen => "reopen",
        }
    }

    /// What is done to a work item that stands for `agreed` when its findings say `wanted`; `None` if it is only moved on.
    /// Right after its creation nothing is agreed on yet.
    pub fn between(agreed: Option<Status>, wanted: Status) -> Option<Self> {
        let was_done = agreed.is_some_and(|status| !status.is_open() || status == Status::AwaitingValidation);
        let was_open = agreed.is_none_or(Status::is_open);
        if was_open && !wanted.is_open() {
            Some(Self::Close)
        } else if was_done && wanted.is_open() && wanted != Status::AwaitingValidation {
            Some(Self::Reopen)
        } else {
            None
        }
    }
}

impl std::str::FromStr for Stroke {
    type Err = ();

    fn from_str(s: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stroke| stroke.as_str() == s).ok_or(())
    }
}

/// What becomes of a ticket that is not followed any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Farewell {
    /// The work item is closed, with the reason in a comment.
    #[default]
    Close,
    /// The ticket is forgotten; the work item stays as it is and belongs to people alone.
    Release,
}

/// How much may happen at a destination before it waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// So many work items are closed or opened again at once in any case.
    pub moves_at_once: u64,
    /// So many are created at once in any case.
    pub creations_at_once: u64,
    /// More than that are, up to this share of the destination's open work items. Per cent.
    pub share_percent: u64,
    /// So often Lockstep moves one card within 24 hours; then it waits until the oldest move is a day old, or for a person.
    pub moves_a_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { moves_at_once: 10, creations_at_once: 100, share_percent: 25, moves_a_day: 4 }
    }
}

impl Limits {
    /// So many strokes of a sort may happen at once at a destination with so many live work items.
    pub fn bound(&self, stroke: Stroke, live: u64) -> u64 {
        let least = match stroke {
            Stroke::Create => self.creations_at_once,
            Stroke::Close | Stroke::Reopen => self.moves_at_once,
        };
        least.max(live.saturating_mul(self.share_percent) / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_and_sending_back_are_strokes_and_moving_on_is_none() {
        use Status::{AwaitingValidation, Fixed, Identified, InProgress, RiskAccepted};
        assert_eq!(Stroke::between(Some(InProgress), Fixed), Some(Stroke::Close));
        assert_eq!(Stroke::between(None, Fixed), Some(Stroke::Close));
        assert_eq!(Stroke::between(Some(AwaitingValidation), Fixed), Some(Stroke::Close));
        assert_eq!(Stroke::between(Some(Fixed), Identified), Some(Stroke::Reopen));
        assert_eq!(Stroke::between(Some(AwaitingValidation), Identified), Some(Stroke::Reopen));
        assert_eq!(Stroke::between(Some(Identified), InProgress), None);
        assert_eq!(Stroke::between(Some(InProgress), AwaitingValidation), None);
        assert_eq!(Stroke::between(Some(Fixed), RiskAccepted), None);
        assert_eq!(Stroke::between(None, Identified), None);
    }

    #[test]
    fn the_bound_is_the_larger_of_the_number_and_the_share() {
        let limits = Limits::default();
        assert_eq!(limits.bound(Stroke::Close, 12), 10);
        assert_eq!(limits.bound(Stroke::Close, 1000), 250);
        assert_eq!(limits.bound(Stroke::Create, 0), 100);
        assert_eq!(Limits { share_percent: u64::MAX, ..limits }.bound(Stroke::Close, 3), u64::MAX / 100);
    }
}
