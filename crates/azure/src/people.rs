//! Who works in an organization: the members of a team, and what the directory says of an identity (azure-devops.md
//! sections 1 and 6).

use model::board::Person;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::client::{Call, Client};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::{null_is_empty, person};
use crate::route::{Route, Version};

const PAGE: usize = 100;
/// More pages than any team has: an end for a service that does not stop.
const MOST_PAGES: usize = 100;
/// Ids of identities in one request: the address has to stay of a length that every gateway takes.
const IDENTITIES_PER_READ: usize = 50;
/// Claim with the object id of Entra.
const OBJECT_ID: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";

/// What the directory says of somebody. Where it says nothing, the text is empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryEntry {
    /// Identity in the organization, as in [`Person::id`].
    pub id: String,
    /// Name for people.
    pub display_name: String,
    /// Sign-in name.
    pub account: String,
    /// Mail address.
    pub mail: String,
    /// Object id in Microsoft Entra.
    pub entra_object_id: String,
    /// False for somebody who left.
    pub is_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawIdentity {
    id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    provider_display_name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    custom_display_name: String,
    #[serde(default)]
    is_active: Option<bool>,
    #[serde(default)]
    properties: Value,
}

impl RawIdentity {
    fn into_entry(self) -> DirectoryEntry {
        // Each property is wrapped with its type.
        let property = |name: &str| {
            let value = self.properties.get(name);
            value
                .and_then(|value| value.get("$value").unwrap_or(value).as_str())
                .unwrap_or_default()
                .to_owned()
        };
        DirectoryEntry {
            display_name: if self.custom_display_name.is_empty() {
                self.provider_display_name.clone()
            } else {
                self.custom_display_name.clone()
            },
            account: property("Account"),
            mail: property("Mail"),
            entra_object_id: property(OBJECT_ID),
            is_active: self.is_active.unwrap_or(true),
            id: self.id,
        }
    }
}

impl Client {
    /// The members of a team, in the service's order.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project or team do not exist.
    pub async fn team_members(&self, project: &str, team: &str) -> Result<Vec<Person>, Error> {
        let mut members = Vec::new();
        for page in 0..MOST_PAGES {
            let route = self
                .route(&["_apis", "projects", project, "teams", team, "members"], Version::Released)
                .with("$top", &PAGE.to_string())
                .with("$skip", &(page * PAGE).to_string());
            let operation = format!("list the members of team {team} in project {project}");
            let found: Listed<Value> = self.json(Call::get(operation, route)).await?;
            let is_last = found.value.len() < PAGE;
            // Versions before 5.0 gave the identity without a frame around it (recorded).
            let identity = |member: &Value| person(member.get("identity").unwrap_or(member));
            members.extend(found.value.iter().filter_map(identity));
            if is_last {
                break;
            }
        }
        Ok(members)
    }

    /// What the directory says of identities, by [`Person::id`]. Those it does not know are absent.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn directory_entries(&self, ids: &[&str]) -> Result<Vec<DirectoryEntry>, Error> {
        let mut entries = Vec::with_capacity(ids.len());
        for some in ids.chunks(IDENTITIES_PER_READ) {
            let route = self
                .directory_route(&["_apis", "identities"])
                .with("identityIds", &some.join(","))
                .with("queryMembership", "none");
            let operation = format!("look up {} identities", some.len());
            // Unknown ones leave a null in their place.
            let found: Listed<Option<RawIdentity>> = self.json(Call::get(operation, route)).await?;
            entries.extend(found.value.into_iter().flatten().map(RawIdentity::into_entry));
        }
        Ok(entries)
    }

    /// The hosted service has identities on a host of its own; a server has everything in one place (section 1).
    fn directory_route(&self, segments: &[&str]) -> Route {
        let mut instance: Url = self.instance().clone();
        if instance.host_str().is_some_and(|host| host.eq_ignore_ascii_case("dev.azure.com")) {
            // Refused only for addresses without a host.
            let _ = instance.set_host(Some("vssps.dev.azure.com"));
        }
        let all: Vec<&str> = std::iter::once(self.organization()).chain(segments.iter().copied()).collect();
        Route::new(&instance, &all, Version::Released)
    }
}
