//! The Azure DevOps client: one organization, one identity, neutral values in and out.
//!
//! What it promises:
//! * A write is sent **at most once** and never at or after its deadline. [`Error::UnknownOutcome`] is the only error
//!   after which it may have been applied.
//! * Callers match on the meaning of an [`Error`], never on text; every error can be shown to people as it is.
//! * Throttling headers are obeyed on every answer, good ones too; nobody waits past a deadline.
//! * Nothing secret or personal is logged: no credentials, no bodies, no `X-VSS-UserData`.
//!
//! What it leaves to others: retrying, waiting after an unknown outcome, looking up what was created, deciding what to
//! write. It keeps no state but a token, counters, the throttle and definitions that were read lately.
//!
//! Facts about the service are cited as sections of azure-devops.md.

mod address;
mod answer;
mod attachments;
mod batch;
mod client;
mod clock;
mod comments;
mod credential;
mod definitions;
mod discovery;
mod error;
mod feed;
mod fields;
mod graph;
mod history;
mod hooks;
mod http_transport;
mod item;
mod links;
mod organizations;
mod people;
mod places;
mod refusal;
mod relocate;
mod route;
mod search;
mod shape;
mod throttle;
mod transport;
mod verify;
mod walk;
mod work_items;

pub use address::{AddressPolicy, AddressRefused};
pub use attachments::{ATTACHMENT_LIMIT, ATTACHMENT_PIECE, Attachment};
pub use batch::WRITE_BATCH;
pub use client::{Client, ClientConfig, Usage};
pub use clock::{Clock, SystemClock};
pub use comments::CommentText;
pub use credential::{
    Credential, IdentityEndpoint, ManagedIdentity, PersonSignIn, RefreshTokens, explain_browser_error,
};
pub use discovery::{Project, Team, TeamArea, TeamAreas};
pub use error::{Error, SignInFailure};
pub use feed::{Creation, FeedChange, FeedPage, LinkChange, LinkPage};
pub use graph::{Graph, GraphConfig, GraphError, GraphPage, GraphPages};
pub use history::{FieldUpdate, Update};
pub use hooks::{BasicAuth, Delivery, DeliveryResult, HookEvent, Subscription, SubscriptionStatus};
pub use http_transport::{BODY_LIMIT, HttpTransport};
pub use item::Item;
pub use links::{Link, LinkKind, LinkTarget};
pub use organizations::Organization;
pub use people::DirectoryEntry;
pub use places::Iteration;
pub use refusal::{Denial, FieldError, FieldFault, Missing, Outage, Rejection};
pub use relocate::Relocation;
pub use search::ItemQuery;
pub use shape::ItemShape;
pub use transport::{Request, Response, Transport, TransportError};
pub use verify::{CheckOutcome, CheckStep, Deployment, Identity};
pub use walk::Walk;
pub use work_items::{Author, READ_BATCH, RecycledItem, Write};
