//! Who belongs to an organization: the entitlement routes of `vsaex` and the same through the control API. A
//! service principal is added by the object id of its enterprise application (azure-devops.md section 4.1).

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{
        call::{Answer, Reply, World, ok, time},
        errors::ApiError,
        hooks,
        model::{Identity, Organization, Principal},
    },
    object_id,
};
use crate::seed::Role;

/// A change to somebody's membership through the control API.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MemberChange {
    /// Unique name of a person, or client id of an application.
    pub member: String,
    /// What they may do from now on; `none` removes them.
    pub role: Role,
}

/// Sets what a member may do; false when the organization does not know them. Removing the creator of
/// subscriptions disables these.
pub(crate) fn change(org: &mut Organization, change: &MemberChange) -> bool {
    let same = |i: &&mut Identity| i.unique_name.eq_ignore_ascii_case(&change.member);
    let Some(identity) = org.identities.iter_mut().find(same) else { return false };
    identity.role = change.role;
    identity.materialised = true;
    let id = identity.id;
    if change.role == Role::None {
        hooks::creator_left(org, id);
    }
    true
}

/// Whether a member may see the work items of an area and of everything below it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AreaChange {
    /// Unique name of a person, or client id of an application.
    pub member: String,
    /// Area path, as work items have it.
    pub area: String,
    /// They are as if they were not there.
    pub hidden: bool,
}

/// Hides an area from a member, or shows it again; false when the organization does not know the member.
pub(crate) fn change_area(org: &mut Organization, change: &AreaChange) -> bool {
    let same = |i: &&mut Identity| i.unique_name.eq_ignore_ascii_case(&change.member);
    let Some(identity) = org.identities.iter_mut().find(same) else { return false };
    identity.hidden_areas.retain(|area| !area.eq_ignore_ascii_case(&change.area));
    if change.hidden {
        identity.hidden_areas.push(change.area.clone());
    }
    true
}

/// `userentitlements` and `serviceprincipalentitlements`; only administrators.
pub(crate) fn route(world: &mut World, kind: &str, method: &str, rest: &[&str]) -> Answer {
    if !world.is_administrator() {
        return Err(ApiError::access_denied(
            "Access denied. You need project collection administrator permissions to perform this action."
                .into(),
            None,
        ));
    }
    let applications = kind == "serviceprincipalentitlements";
    match (method, rest) {
        ("GET", []) if !applications => {
            let members: Vec<Value> =
                world.org.identities.iter().filter(|i| is_member(i)).map(|i| entitlement(world, i)).collect();
            ok(
                json!({"members": members, "continuationToken": null, "totalCount": members.len(), "items": members}),
            )
        }
        ("GET", [id]) => {
            let found = find(world.org, id, applications)?;
            ok(entitlement(world, world.org.identity(found)))
        }
        ("POST", []) => add(world, applications),
        ("DELETE", [id]) => {
            let found = find(world.org, id, applications)?;
            if let Some(identity) = world.org.identities.iter_mut().find(|i| i.id == found) {
                identity.role = Role::None;
            }
            hooks::creator_left(world.org, found);
            world.wrote = true;
            Ok(Reply::Empty(204))
        }
        _ => Err(ApiError::no_controller(&world.call.raw_path)),
    }
}

fn is_member(identity: &Identity) -> bool {
    identity.materialised && identity.role != Role::None
}

fn find(org: &Organization, id: &str, applications: bool) -> Result<Uuid, ApiError> {
    let same = |i: &&Identity| {
        i.id.to_string().eq_ignore_ascii_case(id) && i.application == applications && is_member(i)
    };
    org.identities.iter().find(same).map(|i| i.id).ok_or_else(|| ApiError::no_member(id))
}

/// Adds somebody whom the directory knows. Licences are noted and change nothing.
fn add(world: &mut World, applications: bool) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        service_principal: Option<Subject>,
        user: Option<Subject>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Subject {
        origin_id: Option<Uuid>,
        principal_name: Option<String>,
    }
    let sent: Sent = world.call.json("entitlement")?;
    let (word, subject) =
        if applications { ("servicePrincipal", sent.service_principal) } else { ("user", sent.user) };
    let Some(subject) = subject else { return Err(ApiError::missing_body(word)) };
    let known = world.org.identities.iter_mut().find(|i| {
        i.application == applications
            && if applications {
                // The object id of the enterprise application; the client id is refused.
                Uuid::parse_str(&i.unique_name).is_ok_and(|id| Some(object_id(id)) == subject.origin_id)
            } else {
                subject.principal_name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&i.unique_name))
            }
    });
    let entity = if applications { "servicePrincipalEntitlement" } else { "userEntitlement" };
    let Some(identity) = known else {
        let text = "The identity could not be found in the Azure Active Directory of the organization.";
        return ok(json!({
            entity: null,
            "isSuccess": false,
            "operationResult": {"isSuccess": false, "errors": [{"key": 5000, "value": text}], "result": null},
        }));
    };
    identity.materialised = true;
    if identity.role == Role::None {
        identity.role = Role::Contributor;
    }
    let id = identity.id;
    world.wrote = true;
    let result = entitlement(world, world.org.identity(id));
    ok(json!({
        entity: result,
        "isSuccess": true,
        "operationResult": {"isSuccess": true, "errors": [], "result": result},
    }))
}

fn entitlement(world: &World, identity: &Identity) -> Value {
    let (word, subject_kind, origin) = if identity.application {
        (
            "servicePrincipal",
            "servicePrincipal",
            Uuid::parse_str(&identity.unique_name).map(object_id).unwrap_or_default(),
        )
    } else {
        ("user", "user", identity.id)
    };
    let mut subject = json!({
        "subjectKind": subject_kind,
        "domain": world.org.tenant,
        "principalName": identity.unique_name,
        "origin": "aad",
        "originId": origin,
        "displayName": identity.name,
        "descriptor": identity.descriptor(),
        "url": world.call.org_url(&format!("_apis/Graph/Users/{}", identity.descriptor())),
    });
    if identity.application {
        subject["applicationId"] = identity.unique_name.clone().into();
    } else {
        subject["mailAddress"] = identity.unique_name.clone().into();
    }
    json!({
        "id": identity.id,
        word: subject,
        "accessLevel": {
            "licensingSource": "account",
            "accountLicenseType": "express",
            "msdnLicenseType": "none",
            "licenseDisplayName": "Basic",
            "status": "active",
            "statusMessage": "",
            "assignmentSource": "unknown",
        },
        "lastAccessedDate": time(world.call.now),
        "projectEntitlements": [],
        "extensions": [],
        "groupAssignments": [],
    })
}

/// Lets an organization know an application of its tenant that it did not have, without adding it.
pub(crate) fn introduce(org: &mut Organization, client_id: Uuid, identity: &Identity) {
    if org.principals.iter().any(|p| p.client_id == client_id) {
        return;
    }
    org.identities.push(Identity { role: Role::None, materialised: false, ..identity.clone() });
    org.principals.push(Principal { client_id, identity: identity.id });
}
