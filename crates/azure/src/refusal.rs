//! Why the service refused: the rows of azure-devops.md sections 4.4 and 5 as values.
//!
//! Told apart by status, `typeKey` and the `TF…` or `VS…` code a message begins with, never by its words: those are
//! localised and have changed over the years (section 5). What a service says in words only keeps its words.

use std::fmt;

/// One field that the service complained about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Reference name of the field (`System.State`).
    pub field: String,
    /// The service's own words.
    pub message: String,
    /// Flags of the rule engine (`required, invalidEmpty`), where given.
    pub flags: String,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFault {
    /// It is required and would be empty.
    Required,
    /// Its value is not among those that the process allows here.
    NotAllowed,
    /// Nobody may write it, or not in this state.
    ReadOnly,
    /// It names a person whom the organization does not know.
    UnknownIdentity,
    /// Its value has the wrong type.
    WrongType,
    /// Something else; see the service's words.
    Other,
}

impl FieldError {
    /// What is wrong, read from the flags of the rule engine (section 5), which are not localised.
    pub fn fault(&self) -> FieldFault {
        let has = |flag: &str| self.flags.split(',').any(|part| part.trim().eq_ignore_ascii_case(flag));
        if has("invalidEmpty") {
            FieldFault::Required
        } else if has("readOnly") {
            FieldFault::ReadOnly
        } else if has("invalidListValue") && names_a_person(&self.field) {
            FieldFault::UnknownIdentity
        } else if has("invalidListValue") {
            FieldFault::NotAllowed
        } else if has("invalidType") {
            FieldFault::WrongType
        } else {
            FieldFault::Other
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, message, .. } = self;
        let words = message.trim().trim_end_matches('.');
        match self.fault() {
            FieldFault::Required => write!(f, "{field} must not be empty"),
            FieldFault::ReadOnly => write!(f, "{field} may not be written"),
            _ if words.is_empty() => write!(f, "{field} has a value that is not allowed"),
            FieldFault::UnknownIdentity => {
                write!(f, "{field} names somebody whom the organization does not know ({words})")
            }
            _ => write!(f, "{field}: {words}"),
        }
    }
}

/// Fields whose values are people in every system process.
fn names_a_person(field: &str) -> bool {
    field == "System.AssignedTo" || (field.ends_with("By") && !field.starts_with("Custom."))
}

/// Why the content of a request was refused (400, 409; section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A rule of the process: an illegal state, a value outside its list, a required field that is empty.
    RuleViolated,
    /// A field that only the service writes (TF401326, TF26194).
    ReadOnly,
    /// A text longer than its field (TF401324).
    TooLong,
    /// A person whom the organization does not know.
    UnknownIdentity,
    /// An area or iteration that does not exist (TF401347).
    UnknownPath,
    /// A field that the organization does not have (TF51535; TF51005 in a query).
    UnknownField,
    /// The same link stands there already.
    RelationExists,
    /// A link that the link types forbid: second parent, circle, too many (TF201035, TF201036, TF201065).
    LinkRule,
    /// More than 200 ids in one read (VS403474).
    TooManyIds,
    /// A query with more than 20,000 results (VS402337).
    QueryTooLarge,
    /// An identity as an object, sent to a version that knows only text (VS403426).
    IdentityAsObject,
    /// Settings of a team (TF400497).
    TeamSettings,
    /// The service does not speak this version of the API, or wants another (section 2).
    Version,
    /// Anything else; see the service's words.
    Other,
}

impl Rejection {
    /// From what is stable in an answer.
    pub(crate) fn of(code: Option<&str>, type_key: Option<&str>, fields: &[FieldError]) -> Self {
        match code {
            Some("TF401324") => return Self::TooLong,
            Some("TF401347") => return Self::UnknownPath,
            Some("TF51535" | "TF51005") => return Self::UnknownField,
            Some("TF201035" | "TF201036" | "TF201065") => return Self::LinkRule,
            Some("VS403474") => return Self::TooManyIds,
            Some("VS402337") => return Self::QueryTooLarge,
            Some("VS403426") => return Self::IdentityAsObject,
            Some("TF400497") => return Self::TeamSettings,
            _ => {}
        }
        match type_key {
            Some("WorkItemTrackingFieldDefinitionNotFoundException") => return Self::UnknownField,
            Some("RelationAlreadyExistsException") => return Self::RelationExists,
            Some("InvalidTeamSettingsException" | "TeamFieldArgumentNullException") => {
                return Self::TeamSettings;
            }
            Some(
                "VssVersionOutOfRangeException"
                | "VssVersionNotSpecifiedException"
                | "VssInvalidPreviewVersionException",
            ) => return Self::Version,
            _ => {}
        }
        let all = |fault| !fields.is_empty() && fields.iter().all(|field| field.fault() == fault);
        if matches!(code, Some("TF401326" | "TF26194")) || all(FieldFault::ReadOnly) {
            Self::ReadOnly
        } else if all(FieldFault::UnknownIdentity) {
            Self::UnknownIdentity
        } else if type_key == Some("RuleValidationException") || code == Some("TF401320") {
            Self::RuleViolated
        } else {
            Self::Other
        }
    }

    /// What happened, as the end of a sentence.
    pub(crate) fn sentence(self, message: &str, fields: &[FieldError]) -> String {
        let named = fields.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        let own = match self {
            Self::RuleViolated if !named.is_empty() => {
                return format!("a rule of the project's process forbids it: {named}");
            }
            Self::ReadOnly if !named.is_empty() => return named,
            Self::UnknownIdentity if !named.is_empty() => return named,
            Self::RuleViolated => "a rule of the project's process forbids it",
            Self::ReadOnly => "a field may not be written",
            Self::UnknownIdentity => "it names somebody whom the organization does not know",
            Self::TooLong => "a text is too long for its field",
            Self::UnknownPath => "its area or iteration does not exist",
            Self::UnknownField => "the organization does not have one of its fields",
            Self::RelationExists => "the work item has this link already",
            Self::LinkRule => "the link types do not allow this link",
            Self::TooManyIds => "too many work items were asked for in one request",
            Self::QueryTooLarge => "the query finds more work items than the service gives",
            Self::IdentityAsObject => "this version of the service takes people only by name",
            Self::TeamSettings => "the team's settings do not allow it",
            Self::Version => "the service does not speak the version of the API that Lockstep needs",
            Self::Other => return message.to_owned(),
        };
        format!("{own} ({message})")
    }

    /// What a person can do about it, one sentence.
    pub(crate) fn next_step(self, fields: &[FieldError]) -> String {
        let field = fields.first().map_or("in question", |first| first.field.as_str());
        match self {
            Self::RuleViolated => match fields.first().map(FieldError::fault) {
                Some(FieldFault::Required) => format!(
                    "Fill in {field} on the work item, or let the destination set it, and try the ticket again."
                ),
                _ if matches!(field, "System.State" | "System.Reason") => {
                    "Check the destination's status map against the states and transitions of the type and the columns of the board."
                        .into()
                }
                _ => format!(
                    "Check the destination's settings for the field {field} against the process of the project."
                ),
            },
            Self::ReadOnly => format!(
                "Take the field {field} out of the destination's fields; the service keeps it by itself."
            ),
            Self::UnknownIdentity => {
                "Write the person's sign-in address, and add the person to the organization.".into()
            }
            Self::TooLong => format!("Shorten what the destination's template puts into {field}."),
            Self::UnknownPath => {
                "Choose an area and an iteration that the project has in the destination's settings.".into()
            }
            Self::UnknownField => {
                "Take the field out of the destination's fields, or add it to the organization's process.".into()
            }
            Self::RelationExists => "Nothing to do: the link is there.".into(),
            Self::LinkRule => {
                "Check the links of the work item: it may have one parent, no circle, and at most 1,000 links."
                    .into()
            }
            Self::TooManyIds | Self::IdentityAsObject => {
                "Please report this with the text above: Lockstep should not have sent it.".into()
            }
            Self::QueryTooLarge => {
                "Use an identity of its own for this connection: it has created more than 20,000 work items lately."
                    .into()
            }
            Self::TeamSettings => {
                "Give the team a default area and iteration (Project settings > Team configuration).".into()
            }
            Self::Version => "Use Azure DevOps Services, or Azure DevOps Server 2022 or newer.".into(),
            Self::Other => {
                "Check the destination's settings against the process of the project.".into()
            }
        }
    }
}

/// What the identity may not do (403; section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Create a tag that the project does not have yet (TF401289).
    CreateTag,
    /// Save work items in this area (TF237111).
    EditArea,
    /// Write past the rules of the process (TF401322, VS403417).
    BypassRules,
    /// Something else; the service's words name the permission.
    Other,
}

impl Denial {
    /// From the code; none is a refusal of another kind that came with 400.
    pub(crate) fn of(code: Option<&str>) -> Self {
        match code {
            Some("TF401289") => Self::CreateTag,
            Some("TF237111") => Self::EditArea,
            Some("TF401322" | "VS403417") => Self::BypassRules,
            _ => Self::Other,
        }
    }

    pub(crate) fn sentence(self, message: &str) -> String {
        let own = match self {
            Self::CreateTag => "the identity may not create tags in this project",
            Self::EditArea => "the identity may not edit work items in this area",
            Self::BypassRules => "the identity may not write past the rules of the process",
            Self::Other => "the identity lacks a permission",
        };
        format!("{own} ({message})")
    }

    pub(crate) fn next_step(self) -> String {
        match self {
            Self::CreateTag => {
                "Allow the identity to create tag definitions in the project, or use only tags that exist."
            }
            Self::EditArea => {
                "Allow the identity to edit work items in this area (Project configuration > Areas > Security)."
            }
            Self::BypassRules => "Take fields that only the service sets out of the destination's fields.",
            Self::Other => {
                "Give the connection's identity the permission that is named there, in the project's settings."
            }
        }
        .into()
    }
}

/// What is not there, or may not be read: the service does not tell these apart (404; section 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A work item: absent, in the recycle bin, or without permission (TF401232).
    WorkItem,
    /// A project (TF200016, VS800075).
    Project,
    /// A work item type of a project (VS402323).
    WorkItemType,
    /// A team.
    Team,
    /// A board of a team.
    Board,
    /// An area or iteration (VS402485).
    Path,
    /// An attachment (VS402330).
    Attachment,
    /// A service-hook subscription.
    Subscription,
    /// The whole resource: the address has no controller, and so the service lacks the feature or the address is wrong.
    Route,
    /// Something else; see the service's words.
    Other,
}

impl Missing {
    /// From what is stable in an answer. `is_json` tells an error of a resource from one of the route.
    pub(crate) fn of(code: Option<&str>, type_key: Option<&str>, is_json: bool) -> Self {
        match code {
            Some("TF401232") => return Self::WorkItem,
            Some("TF200016" | "VS800075") => return Self::Project,
            Some("VS402323") => return Self::WorkItemType,
            Some("VS402485") => return Self::Path,
            Some("VS402330") => return Self::Attachment,
            _ => {}
        }
        match type_key {
            Some("WorkItemUnauthorizedAccessException") => Self::WorkItem,
            Some("ProjectDoesNotExistWithNameException" | "ProjectDoesNotExistException") => Self::Project,
            Some("WorkItemTypeNotFoundException") => Self::WorkItemType,
            Some("TeamNotFoundException") => Self::Team,
            Some("BoardDoesntExistException") => Self::Board,
            Some("ClassificationNodeNotFoundException") => Self::Path,
            Some("SubscriptionNotFoundException") => Self::Subscription,
            None if !is_json => Self::Route,
            _ => Self::Other,
        }
    }

    pub(crate) fn sentence(self, message: &str) -> String {
        let own = match self {
            Self::WorkItem => "it does not exist, was deleted, or the identity may not read it",
            Self::Project => "the project is misspelt, or the identity may not read it",
            Self::WorkItemType => "the project does not have this work item type",
            Self::Team => "the project does not have this team",
            Self::Board => "the team does not have this board",
            Self::Path => "the project does not have this area or iteration",
            Self::Attachment => "the attachment cannot be read",
            Self::Subscription => "the subscription does not exist",
            Self::Route => "the service does not know this address",
            Self::Other => return message.to_owned(),
        };
        format!("{own} ({message})")
    }

    pub(crate) fn next_step(self) -> String {
        match self {
            Self::Project => {
                "Check the project's name, and that the connection's identity may see the project."
            }
            Self::WorkItemType => "Choose a work item type that the project has.",
            Self::Team => "Choose a team that the project has in the destination's settings.",
            Self::Board => {
                "Choose a board that the team has in the destination's settings; boards are named after backlog levels."
            }
            Self::Path => "Choose an area and an iteration that the project has in the destination's settings.",
            Self::Subscription => "Nothing to do: it is made again by itself where Lockstep needs it.",
            Self::Route => {
                "Check the address before the organization's name; for a server of your own, that it is Azure DevOps Server 2022 or newer."
            }
            Self::WorkItem | Self::Attachment | Self::Other => {
                "Check that it still exists (also the recycle bin), and that the connection's identity may see it."
            }
        }
        .into()
    }
}

/// Why the service cannot answer now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The organization is stopped or being moved (TF24668).
    OrganizationStopped,
    /// A query took longer than the service allows (VS402335).
    QueryTooSlow,
    /// Too many queries run at the same time (VS402490, VS402491).
    TooManyQueries,
    /// No answer came back.
    NoAnswer,
    /// Trouble on the service's side or on the way.
    Service,
}

impl Outage {
    pub(crate) fn of(code: Option<&str>) -> Self {
        match code {
            Some("TF24668") => Self::OrganizationStopped,
            Some("VS402335") => Self::QueryTooSlow,
            Some("VS402490" | "VS402491") => Self::TooManyQueries,
            _ => Self::Service,
        }
    }

    pub(crate) fn sentence(self, message: &str) -> String {
        let own = match self {
            Self::OrganizationStopped => "the organization is stopped or being moved",
            Self::QueryTooSlow => "the query took longer than the service allows",
            Self::TooManyQueries => "the service is busy with other queries",
            Self::NoAnswer => "no answer came back",
            Self::Service => return message.to_owned(),
        };
        format!("{own} ({message})")
    }

    pub(crate) fn next_step(self) -> String {
        match self {
            Self::OrganizationStopped => {
                "The organization is stopped or being moved; ask its administrator if this lasts."
            }
            Self::QueryTooSlow | Self::TooManyQueries => {
                "It is tried again by itself; if this lasts, ask who else queries the organization with this identity."
            }
            Self::NoAnswer => {
                "It is tried again by itself; if this lasts, check the network between this server and Azure DevOps."
            }
            Self::Service => {
                "It is tried again by itself; if this lasts, look at the service's status page."
            }
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, flags: &str) -> FieldError {
        FieldError { field: name.into(), message: String::new(), flags: flags.into() }
    }

    #[test]
    fn flags_tell_what_is_wrong_with_a_field() {
        for (name, flags, fault) in [
            ("System.AssignedTo", "required, invalidEmpty", FieldFault::Required),
            (
                "System.State",
                "required, hasValues, limitedToValues, invalidListValue",
                FieldFault::NotAllowed,
            ),
            (
                "System.AssignedTo",
                "hasValues, limitedToValues, invalidListValue",
                FieldFault::UnknownIdentity,
            ),
            ("System.BoardColumn", "readOnly", FieldFault::ReadOnly),
            ("Microsoft.VSTS.Common.Priority", "invalidType", FieldFault::WrongType),
            ("System.Title", "", FieldFault::Other),
        ] {
            assert_eq!(field(name, flags).fault(), fault, "{name} {flags}");
        }
    }

    #[test]
    fn a_mixed_complaint_is_a_broken_rule_and_names_every_field() {
        let fields =
            [field("System.BoardColumn", "readOnly"), field("System.Title", "required, invalidEmpty")];
        let why = Rejection::of(None, Some("RuleValidationException"), &fields);
        assert_eq!(why, Rejection::RuleViolated);
        let text = why.sentence("…", &fields);
        assert!(
            text.contains("System.BoardColumn") && text.contains("System.Title must not be empty"),
            "{text}"
        );
    }
}
