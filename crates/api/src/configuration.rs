//! Configuration as code: one document of everything that people decide, but for secrets.

use model::configuration::{Change, Configuration};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::DestinationShare;

/// Body of `POST /api/v1/configuration/plan` and `POST /api/v1/configuration/apply`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigurationRequest {
    /// The configuration that is wanted.
    pub configuration: Configuration,
    /// Delete what its sections do not name. Otherwise that is left alone.
    #[serde(default)]
    pub prune: bool,
    /// Of the plan that is applied: nothing is done if the stored configuration has changed since. Not looked at by a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

/// What a configuration would change, or has changed.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConfigurationPlan {
    /// Tells the stored configuration that the plan was made on.
    pub fingerprint: String,
    /// Thing by thing, with what is left alone although the configuration does not name it.
    pub changes: Vec<Change>,
    /// What the rules would do then, destination by destination. Absent where nothing changes, and of what was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Vec<DestinationShare>>,
}
