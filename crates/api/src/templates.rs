//! What work items say: sets of templates and what they make of real findings.

use chrono::{DateTime, Utc};
use model::content::{TemplateProblem, TemplateSet};
use model::{DestinationId, FindingId, TemplateSetId, TicketId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Named;

/// A stored set of templates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Templates {
    /// Identity.
    pub id: TemplateSetId,
    /// Counts up with each change.
    pub version: u32,
    /// The set.
    pub set: TemplateSet,
    /// Destinations that use it.
    pub destinations: Vec<Named<DestinationId>>,
    /// Work items that it writes.
    pub work_items: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub changed_at: DateTime<Utc>,
}

/// Body of `POST /api/v1/templates/preview`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreviewRequest {
    /// Templates, saved or not. The name does not matter.
    pub set: TemplateSet,
    /// Try them on this ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// Try them on this finding. Without either, on some of the worst open findings and a ticket with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<FindingId>,
}

/// Answer of `POST /api/v1/templates/preview`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TemplatePreview {
    /// What is wrong with the templates; empty if they can be saved.
    pub problems: Vec<TemplateProblem>,
    /// What they make of real findings.
    pub examples: Vec<TemplateExample>,
}

/// What templates make of one example. Where one fails, the standard one is shown.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TemplateExample {
    /// The ticket, if it is one.
    pub ticket: Option<TicketId>,
    /// The finding, if it is a single one.
    pub finding: Option<FindingId>,
    /// Title of the worst finding.
    pub name: String,
    /// Title, as it would be written.
    pub title: String,
    /// Characters of the title before it was cut to the 255 that Azure DevOps takes.
    pub title_length: u64,
    /// The block, as safe HTML.
    pub block: String,
    /// Characters of the block; Azure DevOps takes 1,000,000 for the whole text.
    pub block_length: u64,
    /// The comment with which a card would be closed, as safe HTML.
    pub comment: Option<String>,
    /// Tags, beside those of the destination.
    pub tags: Vec<String>,
}
