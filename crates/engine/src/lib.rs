//! What Lockstep does, around the pure centre.
//!
//! One loop, level-triggered: *what should be* is computed from the findings, *what is* is read from the board, *what was
//! agreed* is stored. Every path (import, rule, person, hook, sweep, clock) ends in the same place: a ticket is marked.
//!
//! * `ingest`: a report becomes findings, piece by piece.
//! * `ticketing`: rules turn findings into tickets.
//! * `sync`: a ticket and its work item are brought into agreement. The only place that writes to a board.
//! * `driver`: wakes the others, by a signal or by the clock. A signal carries no data; the next activation is the retry.
//!
//! Time, chance and the outside come in through [`World`] and the transport of the client.

mod acceptances;
mod adopt;
mod alarm_delivery;
mod alarm_survey;
mod alarm_targets;
mod alarms;
mod aside;
mod assessments;
mod asset_settings;
mod assets;
mod attachments;
mod browser_sign_in;
mod by_hand;
mod commands;
mod comments;
mod configuration;
mod conflicts;
mod connections;
mod destinations;
mod driver;
mod engine;
mod exploit_data;
mod hook_health;
mod hooks;
mod ingest;
mod jobs;
mod manual;
mod priorities;
mod refusal;
mod results;
mod routing;
mod rule_plan;
mod rules;
mod settings;
mod sign_in;
mod sla;
mod sources;
mod suppressions;
mod sync;
mod templates;
mod ticketing;
mod triage;
mod world;

pub use adopt::{
    Adoption, AdoptionPair, AdoptionQuery, AdoptionRow, MOST_ADOPTED, MatchedBy, work_item_number,
};
pub use alarm_targets::NewAlarmTarget;
pub use assessments::AssessmentSettings;
pub use asset_settings::AssetSettings;
pub use assets::Merged;
pub use attachments::NewAttachment;
pub use browser_sign_in::{BrowserAnswer, SignInApplication, SignInBegun, SignInProgress, SignInTarget};
pub use by_hand::{ClosingChoice, ClosingGroup, ClosingOffer, Handled, NewTicket};
pub use comments::NewComment;
pub use configuration::ConfigurationPlan;
pub use conflicts::Resolution;
pub use connections::{ConnectionChange, NewConnection};
pub use destinations::{DestinationCheck, NewDestination};
pub use engine::{Actor, Engine, Event, EventKind};
pub use exploit_data::{ExploitLoad, ExploitState};
pub use hooks::HookAnswer;
pub use ingest::{ImportPlan, ImportRequest};
pub use manual::NewManual;
pub use refusal::{Refusal, RefusalKind};
pub use reports::ExploitSource;
pub use results::{ImportResult, Plan, PlanAction, Problem, ReconcileResult, SeverityCounts, TicketPlan};
pub use routing::{Route, RouteStep};
pub use rule_plan::{DestinationShare, RulePlan};
pub use rules::refuse_rule;
pub use settings::Settings;
pub use sign_in::SignInMethod;
pub use sources::{IngestPreview, PreviewedAsset, SourceChange, SourceFetch, SourceSettings};
pub use suppressions::{SuppressionChange, SuppressionExample, SuppressionPlan, refuse_suppression};
pub use sync::{ApplyReport, ApplySummary, ApprovedTicket, offered};
pub use templates::{Preview, PreviewOf, Previewed};
pub use triage::StatusChange;
pub use world::{Chance, OsChance, World};
