//! Identities: how they are written in answers, and how text sent for an identity field finds one.

use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    call::{Answer, Reply, World, collection, ok},
    model::{Identity, Organization},
    server,
};
use crate::seed::Role;

impl Identity {
    /// The subject descriptor: an opaque word derived from the id.
    pub(crate) fn descriptor(&self) -> String {
        let prefix = if self.application { "aadsp" } else { "aad" };
        format!("{prefix}.{}", BASE64_STANDARD_NO_PAD.encode(self.id.to_string()))
    }

    /// `Name <unique>`, the text form of older versions, hooks and the recycle bin.
    pub(crate) fn text(&self) -> String {
        format!("{} <{}>", self.name, self.unique_name)
    }

    /// The IdentityRef object; an identity that lost access is marked inactive.
    pub(crate) fn object(&self, base: &str) -> Value {
        let avatar = format!("{base}/_apis/GraphProfile/MemberAvatars/{}", self.descriptor());
        let mut object = json!({
            "displayName": self.name,
            "url": format!("{base}/_apis/Identities/{}", self.id),
            "_links": {"avatar": {"href": avatar}},
            "id": self.id,
            "uniqueName": self.unique_name,
            "imageUrl": avatar,
            "descriptor": self.descriptor(),
        });
        if self.role == Role::None {
            object["inactive"] = Value::Bool(true);
        }
        object
    }
}

/// Finds the identity that a sent text names: `Name <unique>`, the unique name, or a display name that only
/// one identity has. The GUID is refused (azure-devops.md section 7.1).
pub(crate) fn resolve(org: &Organization, text: &str) -> Option<Uuid> {
    let text = text.trim();
    let unique = match (text.rfind('<'), text.ends_with('>')) {
        (Some(at), true) => &text[at + 1..text.len() - 1],
        _ => text,
    };
    let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
    if let Some(found) = org.identities.iter().find(|i| same(&i.unique_name, unique)) {
        return Some(found.id);
    }
    let mut named = org.identities.iter().filter(|i| same(&i.name, text));
    match (named.next(), named.next()) {
        (Some(one), None) => Some(one.id),
        _ => None,
    }
}

/// `GET _apis/connectionData`.
pub(crate) fn connection_data(world: &World) -> Answer {
    let me = world.actor();
    let user = json!({
        "id": me.id,
        "descriptor": server::claims(world.org, me),
        "subjectDescriptor": me.descriptor(),
        "providerDisplayName": me.name,
        "customDisplayName": me.name,
        "isActive": true,
        "properties": {"Account": {"$type": "System.String", "$value": me.unique_name}},
        "resourceVersion": 2,
        "metaTypeId": 0,
    });
    ok(json!({
        "authenticatedUser": user,
        "authorizedUser": user,
        "instanceId": world.org.id,
        "deploymentId": Uuid::from_u128(world.org.id.as_u128() ^ 1),
        "deploymentType": if world.org.edition.is_server() { "onPremises" } else { "hosted" },
        "locationServiceData": {
            "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
            "defaultAccessMappingMoniker": "PublicAccessMapping",
            "lastChangeId": world.org.watermark,
            "lastChangeId64": world.org.watermark,
        },
    }))
}

/// `GET _apis/identities?searchFilter=General&filterValue=…` or `?identityIds=`.
pub(crate) fn search(world: &World) -> Answer {
    let query = &world.call.query;
    let ids = query.list("identityIds");
    let descriptors = query.list("subjectDescriptors");
    let filter = query.get("filterValue").map(str::to_lowercase);
    let found = world
        .org
        .identities
        .iter()
        .filter(|i| {
            ids.iter().any(|id| id.eq_ignore_ascii_case(&i.id.to_string()))
                || descriptors.contains(&i.descriptor())
                || filter.as_ref().is_some_and(|f| {
                    !f.is_empty()
                        && (i.name.to_lowercase().contains(f) || i.unique_name.to_lowercase().contains(f))
                })
        })
        .map(|i| {
            json!({
                "id": i.id,
                "descriptor": server::claims(world.org, i),
                "subjectDescriptor": i.descriptor(),
                "providerDisplayName": i.name,
                "isActive": true,
                "isContainer": false,
                "members": [],
                "memberOf": [],
                "memberIds": [],
                "properties": {
                    "SchemaClassName": {"$type": "System.String", "$value": "User"},
                    "Account": {"$type": "System.String", "$value": i.unique_name},
                    "Mail": {"$type": "System.String", "$value": i.unique_name},
                },
                "resourceVersion": 2,
                "metaTypeId": 0,
            })
        })
        .collect();
    Ok(Reply::Json(200, collection(found)))
}
