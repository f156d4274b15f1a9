//! Which organizations an identity is a member of (azure-devops.md section 4.2).
//!
//! Only Entra tokens are taken there: personal access tokens are refused, and a server of one's own has no such list.

use serde::Deserialize;
use url::Url;

use crate::client::{Call, Client};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::null_is_empty;
use crate::route::{Route, Version};

/// An organization that the identity is a member of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Identity.
    pub id: String,
    /// Name in the service's own spelling.
    pub name: String,
}

#[derive(Deserialize)]
struct RawProfile {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAccount {
    #[serde(default, deserialize_with = "null_is_empty")]
    account_id: String,
    account_name: String,
}

impl Client {
    /// Organizations of the identity, by name. The client's own organization plays no part and may be blank.
    ///
    /// # Errors
    /// The credential is not one of Entra, or the service has no such list: then people have to name the organization.
    pub async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        let host = profile_host(self.instance());
        let route = |segments: &[&str]| Route::new(&host, segments, Version::Released);
        let me: RawProfile = self
            .json(Call::get("read the own profile", route(&["_apis", "profile", "profiles", "me"])))
            .await?;
        let accounts = route(&["_apis", "accounts"]).with("memberId", &me.id);
        let listed: Listed<RawAccount> = self.json(Call::get("list the organizations", accounts)).await?;
        let mut organizations: Vec<Organization> = listed
            .value
            .into_iter()
            .map(|account| Organization { id: account.account_id, name: account.account_name })
            .collect();
        organizations.sort_by_key(|organization| organization.name.to_lowercase());
        Ok(organizations)
    }
}

/// Profiles of the hosted service have an address of their own (section 1); elsewhere the instance answers, or nobody.
fn profile_host(instance: &Url) -> Url {
    match instance.host_str() {
        Some("dev.azure.com") => {
            Url::parse("https://app.vssps.visualstudio.com").expect("the address is a constant")
        }
        _ => instance.clone(),
    }
}
