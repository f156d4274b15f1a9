//! One type per kind of identity, so that a ticket's id can never be passed for a finding's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )+};
}

ids! {
    /// What is scanned.
    AssetId,
    /// One execution of a scanner with one configuration on an asset.
    ScanId,
    /// One weakness at one place of one asset, tracked across scans.
    FindingId,
    /// Findings of several scanners about one vulnerability in one component of an asset.
    CorrelationId,
    /// Credentials and organization of one Azure DevOps.
    ConnectionId,
    /// Where work items go.
    DestinationId,
    /// Which findings get tickets, and how.
    RuleId,
    /// What work items say: a named set of templates.
    TemplateSetId,
    /// Our record of a work item.
    TicketId,
    /// Long work with progress.
    JobId,
    /// A person who can sign in.
    UserId,
    /// A credential of a pipeline.
    TokenId,
    /// One entry of the audit log.
    AuditId,
    /// What somebody said about a ticket or its work item.
    CommentId,
    /// A file that people attached to a ticket.
    AttachmentId,
    /// What a person should know.
    AlarmId,
    /// Where alarms are sent.
    AlarmTargetId,
    /// A breaker that tripped.
    BreakerId,
    /// A plan that a person applied, or undid.
    PlanApplyId,
    /// A piece of work that groups scans and findings.
    AssessmentId,
    /// A risk that somebody accepted, for some findings.
    AcceptanceId,
    /// A rule that says which findings are not to be looked at.
    SuppressionId,
    /// Where findings come from, with its ingest rules.
    SourceId,
}

/// Number of a work item, unique within one organization (azure-devops.md section 1).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct WorkItemId(pub i64);

impl fmt::Display for WorkItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WorkItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkItemId({})", self.0)
    }
}
