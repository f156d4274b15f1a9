//! Brings tickets and work items into agreement: observe, merge, plan, apply. Nothing else writes to a board.
//!
//! What holds here, whatever happens (design: "Rules that may never break"):
//! * A write is announced in the database before it is sent, with a deadline after which it is never sent, and only while
//!   the lease of the connection is held beyond that deadline.
//! * After an unknown outcome nothing is sent for that ticket until the deadline and the settle time are over; then the
//!   board is looked at first. A failed look-up stops the creation.
//! * Every update carries the revision it was planned on.
//! * One ticket's error stays on that ticket. Only what concerns the whole connection stops the others.

mod apply;
mod approval;
mod attachments;
mod breakers;
mod comments;
mod copies;
mod create;
mod desired;
pub(crate) mod effect;
mod feed;
mod following;
mod guards;
mod lookup;
mod parting;
mod pass;
mod plan;
mod repair;
mod report;
mod retry;
mod send;
mod undo;
mod update;

pub use apply::{ApplyReport, ApplySummary, ApprovedTicket};
pub(crate) use desired::Backdrop;
pub(crate) use following::home;
pub use following::offered;
pub(crate) use pass::Pass;
pub(crate) use repair::{cause_of, why_not};
