//! Error bodies of the service (azure-devops.md sections 2, 4 and 5). One constructor per case, so that a
//! status, a type key and a message are never put together anywhere else.

use serde_json::{Value, json};

use crate::faults::RefusalCode;

/// A refused request.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    type_key: &'static str,
    type_name: &'static str,
    pub(crate) message: String,
    event_id: i64,
    error_code: i64,
    custom: Option<Value>,
    dress: Dress,
}

/// What a body looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dress {
    Usual,
    PlainText,
    /// The older wrapper of model-binding failures: `{"count":1,"value":{"Message":"…"}}`.
    Wrapper,
}

/// One failed rule of a work item.
#[derive(Debug, Clone)]
pub(crate) struct RuleError {
    pub(crate) field: String,
    pub(crate) flags: &'static str,
    pub(crate) code: i64,
    pub(crate) message: String,
}

const TRACKING: &str = "Microsoft.TeamFoundation.WorkItemTracking.Server";
const FRAMEWORK: &str = "Microsoft.VisualStudio.Services.WebApi";

impl ApiError {
    fn new(status: u16, type_key: &'static str, namespace: &'static str, message: String) -> Self {
        let event_id = if namespace == TRACKING { 3200 } else { 3000 };
        Self {
            status,
            type_key,
            type_name: namespace,
            message,
            event_id,
            error_code: 0,
            custom: None,
            dress: Dress::Usual,
        }
    }

    fn with_code(self, error_code: i64) -> Self {
        Self { error_code, ..self }
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        match self.dress {
            Dress::PlainText => return self.message.clone().into_bytes(),
            Dress::Wrapper => {
                return json!({"count": 1, "value": {"Message": self.message}}).to_string().into_bytes();
            }
            Dress::Usual => {}
        }
        let mut body = json!({
            "$id": "1",
            "innerException": null,
            "message": self.message,
            "typeName": format!("{}.{}, {}", self.type_name, self.type_key, self.type_name),
            "typeKey": self.type_key,
            "errorCode": self.error_code,
            "eventId": self.event_id,
        });
        if let Some(custom) = &self.custom {
            body["customProperties"] = custom.clone();
        }
        body.to_string().into_bytes()
    }

    pub(crate) fn content_type(&self) -> &'static str {
        if self.is_plain_text() { "text/plain; charset=utf-8" } else { "application/json; charset=utf-8" }
    }

    pub(crate) fn is_plain_text(&self) -> bool {
        self.dress == Dress::PlainText
    }

    // --- framework -------------------------------------------------------------------------------------

    pub(crate) fn no_controller(path: &str) -> Self {
        let message =
            format!("The controller for path '{path}' was not found or does not implement IController.");
        Self { dress: Dress::PlainText, ..Self::new(404, "HttpException", FRAMEWORK, message) }
    }

    pub(crate) fn method_not_allowed(method: &str) -> Self {
        let message = format!("The requested resource does not support http method '{method}'.");
        Self::new(405, "HttpRequestException", FRAMEWORK, message)
    }

    pub(crate) fn version_not_specified(method: &str) -> Self {
        let message = format!(
            "No api-version was supplied for the \"{method}\" request. The version must be supplied either as part of the Accept header (e.g. \"application/json; api-version=1.0\") or as a query parameter (e.g. \"?api-version=1.0\")."
        );
        Self::new(400, "VssVersionNotSpecifiedException", FRAMEWORK, message)
    }

    pub(crate) fn version_out_of_range(version: &str, latest: &str) -> Self {
        let message = format!(
            "The requested REST API version of {version} is out of range for this server. The latest REST API version this server supports is {latest}."
        );
        Self::new(400, "VssVersionOutOfRangeException", FRAMEWORK, message)
    }

    pub(crate) fn preview_not_specified(version: &str) -> Self {
        let message = format!(
            "The requested version \"{version}\" of the resource is under preview. The -preview flag must be supplied in the api-version for such requests. For example: \"{version}-preview\""
        );
        Self::new(400, "VssInvalidPreviewVersionException", FRAMEWORK, message)
    }

    pub(crate) fn invalid_version(text: &str) -> Self {
        let message = format!("The api-version \"{text}\" is not valid.");
        Self::new(400, "VssInvalidApiResourceVersionException", FRAMEWORK, message)
    }

    pub(crate) fn not_a_member(who: &str) -> Self {
        let message = format!("TF400813: The user '{who}' is not authorized to access this resource.");
        Self::new(401, "UnauthorizedRequestException", "Microsoft.TeamFoundation.Framework.Server", message)
    }

    /// Type key: a guess.
    pub(crate) fn never_signed_in(who: &str) -> Self {
        let message = format!(
            "TF401444: Please sign-in at least once as {who} in a web browser to enable access to the service."
        );
        Self::new(401, "UnauthorizedRequestException", "Microsoft.TeamFoundation.Framework.Server", message)
    }

    /// Type key: a guess.
    pub(crate) fn conditional_access() -> Self {
        let message = "VS403463: The conditional access policy defined by your Azure Active Directory administrator has failed.";
        let namespace = "Microsoft.TeamFoundation.Framework.Server";
        Self::new(401, "UnauthorizedRequestException", namespace, message.into())
    }

    pub(crate) fn blocked(resource: &str) -> Self {
        let message = format!(
            "TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource '{resource}' in namespace 'User'. For more information on why your request was blocked, see the topic \"Rate limits\" on the Microsoft Web site."
        );
        let namespace = "Microsoft.TeamFoundation.Framework.Server";
        Self::new(429, "RequestBlockedException", namespace, message)
    }

    /// Status and type key: a guess.
    pub(crate) fn no_profile(who: &str) -> Self {
        let message = format!("VS403390: The profile '{who}' was not found.");
        let namespace = "Microsoft.VisualStudio.Services.Profile";
        Self::new(404, "ProfileDoesNotExistException", namespace, message)
    }

    /// Status and type key: a guess.
    pub(crate) fn no_member(id: &str) -> Self {
        let message = format!("The member {id} does not exist in this organization.");
        let namespace = "Microsoft.VisualStudio.Services.MemberEntitlementManagement.WebApi";
        Self::new(404, "MemberNotFoundException", namespace, message)
    }

    pub(crate) fn stopped(name: &str) -> Self {
        let message = format!(
            "TF24668: The following team project collection is stopped: {name}. Start the collection, and then try again."
        );
        Self::new(503, "VssServiceException", "Microsoft.VisualStudio.Services.Common", message)
    }

    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self::new(400, "VssPropertyValidationException", FRAMEWORK, message.into())
    }

    pub(crate) fn missing_body(parameter: &str) -> Self {
        let message = format!("Value cannot be null.\r\nParameter name: {parameter}");
        Self { event_id: 0, ..Self::new(400, "ArgumentNullException", "System", message) }
    }

    pub(crate) fn access_denied(message: String, custom: Option<Value>) -> Self {
        Self {
            custom,
            ..Self::new(403, "AccessCheckException", "Microsoft.TeamFoundation.Framework.Server", message)
        }
    }

    // --- core ------------------------------------------------------------------------------------------

    pub(crate) fn no_project_named(name: &str) -> Self {
        let message = format!(
            "TF200016: The following project does not exist: {name}. Verify that the name of the project is correct and that the project exists on the specified Azure DevOps Server."
        );
        Self::new(
            404,
            "ProjectDoesNotExistWithNameException",
            "Microsoft.TeamFoundation.Core.WebApi",
            message,
        )
    }

    pub(crate) fn no_project_with_id(id: &str) -> Self {
        let message = format!(
            "VS800075: The project with id 'vstfs:///Classification/TeamProject/{id}' does not exist, or you do not have permission to access it."
        );
        Self::new(404, "ProjectDoesNotExistException", "Microsoft.TeamFoundation.Core.WebApi", message)
    }

    pub(crate) fn bad_project_name(name: &str) -> Self {
        let message = format!("TF200012: The project name '{name}' is not valid.");
        Self::new(400, "InvalidProjectNameException", "Microsoft.TeamFoundation.Core.WebApi", message)
    }

    pub(crate) fn project_exists(name: &str) -> Self {
        let message =
            format!("TF200019: The following project already exists on the Azure DevOps Server: {name}.");
        Self::new(400, "ProjectAlreadyExistsException", "Microsoft.TeamFoundation.Core.WebApi", message)
    }

    pub(crate) fn no_process(id: &str) -> Self {
        let message = format!("VS402362: The process with the type id '{id}' does not exist.");
        Self::new(404, "ProcessNotFoundByTypeIdException", "Microsoft.TeamFoundation.Server.Core", message)
    }

    /// The type is a guess: no recording shows a list that is not there.
    pub(crate) fn no_picklist(id: &str) -> Self {
        let message = format!("VS402806: The list '{id}' does not exist.");
        Self::new(404, "WorkItemPickListNotFoundException", TRACKING, message)
    }

    pub(crate) fn no_operation(id: &str) -> Self {
        let message = format!("VS403254: The operation '{id}' does not exist.");
        Self::new(404, "OperationNotFoundException", "Microsoft.VisualStudio.Services.Operations", message)
    }

    pub(crate) fn no_collection(id: &str) -> Self {
        let message = format!("TF14045: The project collection '{id}' does not exist.");
        Self::new(404, "ProjectCollectionNotFoundException", "Microsoft.TeamFoundation.Core.WebApi", message)
    }

    pub(crate) fn team_exists(name: &str) -> Self {
        let message = format!("TF400856: A team with the name '{name}' already exists.");
        Self::new(400, "TeamAlreadyExistsException", "Microsoft.Azure.Devops.Teams.Service", message)
    }

    pub(crate) fn default_team_stays(name: &str) -> Self {
        let message = format!("TF400858: '{name}' is the default team of its project and cannot be deleted.");
        Self::new(400, "DefaultTeamDeletionException", "Microsoft.Azure.Devops.Teams.Service", message)
    }

    pub(crate) fn no_query(id: &str) -> Self {
        let message =
            format!("TF401243: The query {id} does not exist, or you do not have permission to read it.");
        Self::new(404, "QueryItemNotFoundException", TRACKING, message)
    }

    pub(crate) fn no_tag(name: &str) -> Self {
        let message = format!("TF401287: The tag '{name}' does not exist.");
        Self::new(404, "TagNotFoundException", "Microsoft.TeamFoundation.Core.WebApi", message)
    }

    pub(crate) fn no_iteration(id: &str) -> Self {
        let message = format!("TF400499: The iteration '{id}' is not one of the team's iterations.");
        Self::new(
            404,
            "TeamIterationNotFoundException",
            "Microsoft.Azure.Boards.Agile.Common.Exceptions",
            message,
        )
    }

    pub(crate) fn no_team(name: &str) -> Self {
        let message = format!("The team with id '{name}' does not exist.");
        Self::new(404, "TeamNotFoundException", "Microsoft.Azure.Devops.Teams.Service", message)
    }

    pub(crate) fn no_board(name: &str) -> Self {
        let message = format!("VS403310: The board '{name}' does not exist.");
        Self::new(404, "BoardDoesntExistException", "Microsoft.Azure.Boards.Agile.Common.Exceptions", message)
    }

    pub(crate) fn board_invalid(message: impl Into<String>) -> Self {
        Self::new(
            400,
            "BoardValidatorException",
            "Microsoft.Azure.Boards.Agile.Common.Exceptions",
            message.into(),
        )
    }

    pub(crate) fn team_field_default_missing() -> Self {
        let namespace = "Microsoft.TeamFoundation.Work.WebApi.Exceptions";
        Self {
            event_id: 0,
            ..Self::new(400, "TeamFieldArgumentNullException", namespace, "DefaultValue".into())
        }
    }

    pub(crate) fn team_settings_invalid(message: &str) -> Self {
        let namespace = "Microsoft.Azure.Boards.Agile.Common.Exceptions";
        Self::new(400, "InvalidTeamSettingsException", namespace, format!("TF400497: {message}"))
    }

    // --- work items ------------------------------------------------------------------------------------

    pub(crate) fn no_work_item(id: i64) -> Self {
        let message =
            format!("TF401232: Work item {id} does not exist, or you do not have permissions to read it.");
        Self::new(404, "WorkItemUnauthorizedAccessException", TRACKING, message)
    }

    pub(crate) fn no_revision(id: i64, rev: i64) -> Self {
        let message = format!("TF401232: Work item {id} does not have a revision {rev}.");
        Self::new(404, "WorkItemUnauthorizedAccessException", TRACKING, message)
    }

    pub(crate) fn no_work_item_type(name: &str, project: &str) -> Self {
        let message = format!(
            "VS402323: Work item type {name} does not exist in project {project} or you do not have permission to access it."
        );
        Self::new(404, "WorkItemTypeNotFoundException", TRACKING, message)
    }

    pub(crate) fn no_field(name: &str) -> Self {
        let message = format!("TF51535: Cannot find field {name}.");
        Self::new(400, "WorkItemTrackingFieldDefinitionNotFoundException", TRACKING, message)
    }

    pub(crate) fn no_node(path: &str) -> Self {
        let message = format!(
            "VS402485: The path '{path}' does not exist or you do not have permission to access it. Specify a valid path."
        );
        Self::new(404, "ClassificationNodeNotFoundException", TRACKING, message)
    }

    pub(crate) fn node_exists(name: &str) -> Self {
        let message = format!(
            "VS402371: Classification node name {name} is already in use by a different child node of parent classification node."
        );
        Self::new(409, "ClassificationNodeDuplicateNameException", TRACKING, message)
    }

    pub(crate) fn test_failed(path: &str, actual: &str, tested: &str) -> Self {
        let message = format!(
            "VS403351: Test Operation for path {path} failed, value {actual} was not equal to test value {tested}."
        );
        Self::new(
            412,
            "TestPatchOperationFailedException",
            "Microsoft.VisualStudio.Services.WebApi.Patch",
            message,
        )
    }

    pub(crate) fn bad_patch(message: impl Into<String>) -> Self {
        Self::new(400, "VssPropertyValidationException", FRAMEWORK, message.into())
    }

    pub(crate) fn empty_patch() -> Self {
        let message = "You must pass a valid patch document in the body of the request.".to_owned();
        Self::new(400, "VssPropertyValidationException", FRAMEWORK, message)
    }

    pub(crate) fn too_long(field: &str) -> Self {
        let custom = json!({"ReferenceName": field});
        let message = format!("TF401324: Value for field '{field}' is too long.");
        Self { custom: Some(custom), ..Self::new(400, "WorkItemFieldInvalidException", TRACKING, message) }
    }

    pub(crate) fn no_tree_name(field: &str) -> Self {
        let message = format!("TF401347: Invalid tree name given for work item -1, field '{field}'.");
        Self::new(400, "WorkItemFieldInvalidTreeNameException", TRACKING, message)
    }

    pub(crate) fn format_not_supported(field: &str) -> Self {
        let message = format!("Operation of changing value type is not supported for the field {field}.");
        Self::new(400, "WorkItemFieldInvalidException", TRACKING, message)
    }

    pub(crate) fn too_many_ids() -> Self {
        let message =
            "VS403474: You are over the limit of 200 work items to retrieve in one request.".to_owned();
        Self::new(400, "WorkItemPageSizeExceededException", TRACKING, message)
    }

    pub(crate) fn expand_with_fields() -> Self {
        let message = "The expand parameter can not be used with the fields parameter.".to_owned();
        Self::new(400, "ConflictingParametersException", TRACKING, message)
    }

    pub(crate) fn area_not_writable(area: &str) -> Self {
        let message = format!(
            "TF237111: The current user does not have permissions to save work items under the specified area path. ({area})"
        );
        Self::new(403, "WorkItemUnauthorizedSaveException", TRACKING, message)
    }

    pub(crate) fn may_not_bypass() -> Self {
        let message = "TF401322: You do not have the permission to bypass rules.".to_owned();
        Self::new(400, "WorkItemUnauthorizedSaveException", TRACKING, message)
    }

    pub(crate) fn empty_author() -> Self {
        let message = "VS403417: The field 'System.ChangedBy' must not be empty when rules are bypassed.";
        Self::new(400, "WorkItemFieldInvalidException", TRACKING, message.into())
    }

    /// Versions before 4.1 know people as text only.
    pub(crate) fn identity_as_object(field: &str) -> Self {
        let message =
            format!("VS403426: The value of the field '{field}' must be text in this version of the API.");
        Self { dress: Dress::Wrapper, ..Self::new(400, "ModelBindingException", FRAMEWORK, message) }
    }

    pub(crate) fn may_not_destroy(id: i64) -> Self {
        let message = format!("TF26198: You do not have permissions to permanently delete work item {id}.");
        Self::new(403, "WorkItemDestroyAccessDeniedException", TRACKING, message)
    }

    pub(crate) fn relation_exists() -> Self {
        let namespace = "Microsoft.TeamFoundation.WorkItemTracking.Web.Common";
        Self::new(400, "RelationAlreadyExistsException", namespace, "Relation already exists.".into())
    }

    pub(crate) fn bad_relation(message: String) -> Self {
        Self::new(400, "WorkItemLinkInvalidException", TRACKING, message)
    }

    pub(crate) fn second_parent(source: i64, target: i64) -> Self {
        let message = format!(
            "TF201036: You cannot add a Child link between work items {source} and {target} because a work item can have only one Parent link."
        );
        Self::new(400, "WorkItemLinkInvalidException", TRACKING, message)
    }

    pub(crate) fn circular_link(source: i64, target: i64) -> Self {
        let message = format!(
            "TF201035: You cannot add this link between work items {source} and {target} because it would create a circular relationship."
        );
        Self::new(400, "WorkItemLinkInvalidException", TRACKING, message)
    }

    pub(crate) fn too_many_links() -> Self {
        let message = "TF201065: You can not add this link because the work item has reached the maximum number of links.";
        Self::new(400, "WorkItemLinkInvalidException", TRACKING, message.into())
    }

    pub(crate) fn too_many_revisions(id: i64) -> Self {
        let message =
            format!("VS403668: Work item {id} reached the maximum number of revisions allowed through REST.");
        Self::new(400, "WorkItemRevisionLimitExceededException", TRACKING, message).with_code(600_179)
    }

    pub(crate) fn no_attachment(id: &str) -> Self {
        let message = format!("VS402330: Unable to read the attachment {id}.");
        Self::new(404, "AttachmentNotFoundException", TRACKING, message)
    }

    pub(crate) fn no_comment(id: i64) -> Self {
        let message = format!("VS402325: Comment {id} does not exist.");
        Self::new(404, "WorkItemCommentNotFoundException", TRACKING, message)
    }

    pub(crate) fn wiql(message: String) -> Self {
        Self::new(400, "SyntaxException", "Microsoft.TeamFoundation.WorkItemTracking.Client", message)
    }

    pub(crate) fn wiql_too_many() -> Self {
        let message = "VS402337: The number of work items returned exceeds the size limit of 20000. Change the query to return fewer items.";
        Self::new(400, "WorkItemTrackingQueryResultSizeLimitExceededException", TRACKING, message.into())
    }

    /// What only a crowd, a large organization or luck brings about otherwise.
    pub(crate) fn on_demand(code: RefusalCode) -> Self {
        match code {
            RefusalCode::LostRace => {
                let message = "TF26071: This work item has been changed by someone else since you opened it. You will need to refresh it and discard your changes.";
                Self::new(409, "WorkItemRevisionMismatchException", TRACKING, message.into())
                    .with_code(600_122)
            }
            RefusalCode::QueryTooSlow => {
                let message = "VS402335: The query exceeded the maximum execution time of 30 seconds.";
                Self::new(400, "WorkItemTrackingQueryTimeoutException", TRACKING, message.into())
            }
            RefusalCode::QueryTooLarge => Self::wiql_too_many(),
            RefusalCode::TooManyQueries => {
                let message = "VS402490: There are too many concurrent queries. Try again later.";
                Self::new(503, "WorkItemTrackingQueryTooManyConcurrentUsers", TRACKING, message.into())
            }
        }
    }

    pub(crate) fn tag_not_allowed(name: &str, project: uuid::Uuid, descriptor: &str) -> Self {
        let custom = json!({
            "Descriptor": descriptor,
            "IdentityDisplayName": name,
            "Token": format!("/{project}"),
            "RequestedPermissions": 2,
            "NamespaceId": "bb50f182-8e5e-40b8-bc21-e8752a1e7ae2",
        });
        let message = format!(
            "TF401289: The current user does not have permissions to create tags. ({name} needs: Create tag definition)"
        );
        Self::access_denied(message, Some(custom))
    }

    // --- service hooks ---------------------------------------------------------------------------------

    pub(crate) fn hooks_denied(name: &str, permission: &str) -> Self {
        let message = format!(
            "Access denied: {name} needs the following permission(s) to perform this action: {permission}"
        );
        Self::access_denied(message, None)
    }

    /// A publisher, consumer, action or event type that does not exist. The type key is a guess.
    pub(crate) fn not_in_catalogue(kind: &'static str, id: &str) -> Self {
        let type_key = match kind {
            "Publisher" => "PublisherNotFoundException",
            "Consumer" => "ConsumerNotFoundException",
            "ConsumerAction" => "ConsumerActionNotFoundException",
            _ => "EventTypeNotFoundException",
        };
        let message = format!("{kind} '{id}' was not found.");
        let namespace = "Microsoft.VisualStudio.Services.ServiceHooks.WebApi";
        Self::new(404, type_key, namespace, message)
    }

    pub(crate) fn no_subscription(id: &str) -> Self {
        let message = format!("Subscription {id} was not found.");
        let namespace = "Microsoft.VisualStudio.Services.ServiceHooks.WebApi";
        Self::new(404, "SubscriptionNotFoundException", namespace, message)
    }

    pub(crate) fn subscription_invalid(message: impl Into<String>) -> Self {
        let namespace = "Microsoft.VisualStudio.Services.ServiceHooks.WebApi";
        Self::new(400, "SubscriptionInputException", namespace, message.into())
    }

    /// The body of a failed validation, in the shape that was recorded for it.
    pub(crate) fn rules(errors: &[RuleError]) -> Self {
        let first = errors.first().map_or_else(String::new, |e| e.message.clone());
        let message = match errors.len() {
            0 | 1 => first,
            n => format!(
                "{first}. {} additional errors occurred during validation of the work item. Please correct all errors and try again.",
                n - 1
            ),
        };
        let entries: Vec<Value> = errors
            .iter()
            .map(|e| {
                json!({
                    "fieldReferenceName": e.field,
                    "fieldStatusFlags": e.flags,
                    "errorMessage": e.message,
                    "fieldStatusCode": e.code,
                    "ruleValidationErrors": null,
                })
            })
            .collect();
        let custom = json!({
            "FieldReferenceName": null,
            "FieldStatusFlags": "none",
            "ErrorMessage": message,
            "FieldStatusCode": 0,
            "RuleValidationErrors": entries,
        });
        Self { custom: Some(custom), ..Self::new(400, "RuleValidationException", TRACKING, message) }
    }
}

impl RuleError {
    pub(crate) fn not_in_list(field: &str, label: &str, value: &str, required: bool) -> Self {
        let (flags, code) = if required {
            ("required, hasValues, limitedToValues, invalidListValue", 4_194_317)
        } else {
            ("hasValues, limitedToValues, invalidListValue", 4_194_316)
        };
        let message = format!(
            "The field '{label}' contains the value '{value}' that is not in the list of supported values"
        );
        Self { field: field.into(), flags, code, message }
    }

    pub(crate) fn empty(field: &str, label: &str) -> Self {
        let message = format!("TF401320: Rule Error for field {label}. Error code: Required, InvalidEmpty.");
        Self { field: field.into(), flags: "required, invalidEmpty", code: 524_289, message }
    }

    /// A board column that does not exist is reported on the state.
    pub(crate) fn board_column() -> Self {
        let message =
            "TF401320: Rule Error for field State. Error code: Required, HasValues, LimitedToValues, InvalidListValue."
                .into();
        let flags = "required, hasValues, limitedToValues, invalidListValue";
        Self { field: "System.State".into(), flags, code: 4_194_317, message }
    }

    pub(crate) fn board_lane(field: &str, label: &str) -> Self {
        let message = format!(
            "TF401320: Rule Error for field {label}. Error code: HasValues, LimitedToValues, InvalidListValue."
        );
        Self {
            field: field.into(),
            flags: "hasValues, limitedToValues, invalidListValue",
            code: 4_194_316,
            message,
        }
    }

    pub(crate) fn read_only(field: &str) -> Self {
        let message = format!("TF401326: Invalid field status 'ReadOnly' for field '{field}'.");
        Self { field: field.into(), flags: "readOnly", code: 64, message }
    }

    pub(crate) fn unknown_identity(field: &str, label: &str, value: &str) -> Self {
        let message = format!("The identity value '{value}' for field '{label}' is an unknown identity.");
        Self {
            field: field.into(),
            flags: "hasValues, limitedToValues, invalidListValue",
            code: 4_194_316,
            message,
        }
    }

    pub(crate) fn invalid_type(field: &str, label: &str) -> Self {
        let message = format!("TF401320: Rule Error for field {label}. Error code: InvalidType.");
        Self { field: field.into(), flags: "invalidType", code: 1_048_576, message }
    }
}
