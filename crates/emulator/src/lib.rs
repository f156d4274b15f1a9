//! A local Azure DevOps: organizations, projects, boards, work items, comments, service hooks and the rest of
//! what a tracker integration needs, true to the real service in shapes, rules and errors.
//!
//! [`State`] is the service as a value and can be stepped without a network; [`start`] puts it behind HTTP,
//! delivers hooks and injects faults. It knows no client: facts come from the service alone.

mod faults;
mod http;
mod processes;
pub mod seed;
mod state;

pub use faults::{Fault, FaultAction, FaultMatch, RefusalCode};
pub use http::{Options, Running, StartError, start};
pub use seed::Seed;
pub use state::{
    ApplicationChange, ApplicationView, AreaChange, MemberChange, NewPat, OrganizationChange, RefreshEnd,
    SignInChange,
};
pub use state::{
    Counters, Delivery, DeliveryId, DeliveryOutcome, Family, GraphChange, HookKnobs, LogEntry,
    OrganizationView, PersonView, ProjectView, Request, Response, State,
};
