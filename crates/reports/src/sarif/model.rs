//! The parts of SARIF 2.1.0 that matter to findings, as lenient as real reports need. Section numbers are those of the
//! OASIS standard.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::json::lenient::{FromOne, Position, Presence, Words, list, map, object_or_nothing};

/// The file without its results (3.13).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Log {
    pub(super) version: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) runs: Vec<Run>,
    #[serde(default, deserialize_with = "list")]
    pub(super) inline_external_properties: Vec<ExternalProperties>,
}

/// Only the version of a file.
#[derive(Deserialize)]
pub(super) struct Version {
    #[serde(default)]
    pub(super) version: Words,
}

/// Parts of a run that stand elsewhere in the file (4.3). Only whether there are results matters.
#[derive(Deserialize)]
pub(super) struct ExternalProperties {
    #[serde(default, deserialize_with = "list")]
    pub(super) results: Vec<serde::de::IgnoredAny>,
}

/// One run without its results (3.14).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    pub(super) tool: Option<Tool>,
    #[serde(default, deserialize_with = "list")]
    pub(super) invocations: Vec<Invocation>,
    pub(super) automation_details: Option<AutomationDetails>,
    #[serde(default, deserialize_with = "list")]
    pub(super) version_control_provenance: Vec<VersionControl>,
    #[serde(default, deserialize_with = "map")]
    pub(super) original_uri_base_ids: BTreeMap<String, ArtifactLocation>,
    #[serde(default, deserialize_with = "list")]
    pub(super) artifacts: Vec<Artifact>,
    #[serde(default, deserialize_with = "list")]
    pub(super) logical_locations: Vec<LogicalLocation>,
    #[serde(default)]
    pub(super) results: Presence,
    #[serde(default)]
    pub(super) external_property_file_references: BTreeMap<String, Presence>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub(super) properties: RunProperties,
}

/// What some scanners add to a run.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunProperties {
    /// Trivy: the image.
    #[serde(default)]
    pub(super) image_name: Words,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    pub(super) driver: Option<ToolComponent>,
    #[serde(default, deserialize_with = "list")]
    pub(super) extensions: Vec<ToolComponent>,
}

/// Driver or extension (3.19).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolComponent {
    pub(super) name: Option<String>,
    pub(super) guid: Option<String>,
    pub(super) version: Option<String>,
    pub(super) semantic_version: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) rules: Vec<Rule>,
    #[serde(default, deserialize_with = "map")]
    pub(super) global_message_strings: BTreeMap<String, Message>,
}

/// What describes a rule (3.49).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: Option<String>,
    pub(super) guid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) short_description: Option<Message>,
    pub(super) full_description: Option<Message>,
    pub(super) help: Option<Message>,
    pub(super) help_uri: Option<String>,
    pub(super) default_configuration: Option<Configuration>,
    #[serde(default, deserialize_with = "map")]
    pub(super) message_strings: BTreeMap<String, Message>,
    #[serde(default, deserialize_with = "list")]
    pub(super) relationships: Vec<Relationship>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub(super) properties: Properties,
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    pub(super) level: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Relationship {
    pub(super) target: Option<RuleReference>,
}

/// Points to a rule or to a class of a taxonomy (3.52).
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleReference {
    pub(super) id: Option<String>,
    pub(super) guid: Option<String>,
    #[serde(default)]
    pub(super) index: Position,
    pub(super) tool_component: Option<ToolComponentReference>,
}

#[derive(Default, Deserialize)]
pub(super) struct ToolComponentReference {
    pub(super) name: Option<String>,
    pub(super) guid: Option<String>,
    #[serde(default)]
    pub(super) index: Position,
}

/// Message, multiformat message string or snippet: text, Markdown, or the id of a text with arguments (3.11, 3.12).
#[derive(Default, Deserialize)]
pub(super) struct Message {
    pub(super) text: Option<String>,
    pub(super) markdown: Option<String>,
    pub(super) id: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) arguments: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invocation {
    pub(super) execution_successful: Option<bool>,
    pub(super) start_time_utc: Option<String>,
    pub(super) exit_code_description: Option<String>,
    pub(super) process_start_failure_message: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tool_configuration_notifications: Vec<Notification>,
    #[serde(default, deserialize_with = "list")]
    pub(super) tool_execution_notifications: Vec<Notification>,
    #[serde(default, deserialize_with = "list")]
    pub(super) rule_configuration_overrides: Vec<RuleOverride>,
}

#[derive(Deserialize)]
pub(super) struct Notification {
    pub(super) level: Option<String>,
    pub(super) message: Option<Message>,
}

/// How this invocation configured a rule (3.51).
#[derive(Deserialize)]
pub(super) struct RuleOverride {
    pub(super) configuration: Option<Configuration>,
    pub(super) descriptor: Option<RuleReference>,
}

#[derive(Deserialize)]
pub(super) struct AutomationDetails {
    pub(super) id: Option<String>,
    pub(super) guid: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VersionControl {
    pub(super) repository_uri: Option<String>,
    pub(super) revision_id: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) mapped_to: Option<ArtifactLocation>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) location: Option<ArtifactLocation>,
}

/// Where a file is (3.4).
#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ArtifactLocation {
    pub(super) uri: Option<String>,
    pub(super) uri_base_id: Option<String>,
    #[serde(default)]
    pub(super) index: Position,
}

/// One result (3.27).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    pub(super) rule_id: Option<String>,
    #[serde(default)]
    pub(super) rule_index: Position,
    pub(super) rule: Option<RuleReference>,
    pub(super) kind: Option<String>,
    pub(super) level: Option<String>,
    pub(super) message: Option<Message>,
    #[serde(default, deserialize_with = "list")]
    pub(super) locations: Vec<Location>,
    #[serde(default, deserialize_with = "list")]
    pub(super) related_locations: Vec<Location>,
    #[serde(default, deserialize_with = "map")]
    pub(super) fingerprints: BTreeMap<String, Words>,
    #[serde(default, deserialize_with = "map")]
    pub(super) partial_fingerprints: BTreeMap<String, Words>,
    #[serde(default, deserialize_with = "list")]
    pub(super) suppressions: Vec<Suppression>,
    pub(super) baseline_state: Option<String>,
    #[serde(default, deserialize_with = "list")]
    pub(super) taxa: Vec<RuleReference>,
    #[serde(default, deserialize_with = "list")]
    pub(super) fixes: Vec<Fix>,
    pub(super) provenance: Option<Provenance>,
    #[serde(default, deserialize_with = "object_or_nothing")]
    pub(super) properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Provenance {
    #[serde(default)]
    pub(super) invocation_index: Position,
}

#[derive(Deserialize)]
pub(super) struct Fix {
    pub(super) description: Option<Message>,
}

/// A suppression (3.35); `state` was its name before the standard was final.
#[derive(Deserialize)]
pub(super) struct Suppression {
    pub(super) status: Option<String>,
    pub(super) state: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: Option<PhysicalLocation>,
    #[serde(default, deserialize_with = "list")]
    pub(super) logical_locations: Vec<LogicalLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: Option<ArtifactLocation>,
    pub(super) region: Option<Region>,
    pub(super) context_region: Option<Region>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    #[serde(default)]
    pub(super) start_line: FromOne,
    #[serde(default)]
    pub(super) end_line: FromOne,
    #[serde(default)]
    pub(super) start_column: FromOne,
    pub(super) snippet: Option<Message>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogicalLocation {
    pub(super) name: Option<String>,
    pub(super) fully_qualified_name: Option<String>,
    pub(super) decorated_name: Option<String>,
    #[serde(default)]
    pub(super) index: Position,
}

/// The members of a property bag (3.8) that producers agree on, of a rule or of a result.
#[derive(Default, Deserialize)]
pub(super) struct Properties {
    #[serde(default)]
    pub(super) tags: Words,
    #[serde(default, rename = "security-severity")]
    pub(super) security_severity: Words,
    #[serde(default, rename = "problem.severity")]
    pub(super) problem_severity: Words,
    #[serde(default)]
    pub(super) cwe: Words,
    #[serde(default)]
    pub(super) purl: Words,
    #[serde(default)]
    pub(super) purls: Words,
    #[serde(default)]
    pub(super) component: Words,
    #[serde(default, rename = "componentVersion")]
    pub(super) component_version: Words,
    #[serde(default, rename = "componentOrigin")]
    pub(super) component_origin: Words,
}
