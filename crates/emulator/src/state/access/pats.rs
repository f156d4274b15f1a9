//! Personal access tokens: scopes, expiry, and the 84 characters they have (azure-devops.md section 4.1).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    super::{Ids, model::Organization},
    Scopes,
};
use crate::seed::PatSeed;

/// A personal access token of one organization.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pat {
    pub(crate) identity: Uuid,
    pub(crate) scopes: Scopes,
    expires: Option<DateTime<Utc>>,
    /// Its owner has not signed in for 90 days.
    inactive: bool,
}

/// A token to be made through the control API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct NewPat {
    /// Unique name of its owner.
    pub person: String,
    /// Scopes such as `vso.work_write`; none is full scope.
    pub scopes: Vec<String>,
    /// Seconds until it expires; never when absent.
    pub expires_in_seconds: Option<i64>,
}

impl Pat {
    pub(crate) fn full(identity: Uuid) -> Self {
        Self { identity, scopes: Scopes::Everything, expires: None, inactive: false }
    }

    pub(crate) fn seeded(seed: &PatSeed, identity: Uuid, now: DateTime<Utc>) -> Self {
        Self {
            identity,
            scopes: Scopes::of(&seed.scopes),
            expires: seed.expires_in_seconds.map(|s| now + TimeDelta::seconds(s)),
            inactive: seed.inactive,
        }
    }

    pub(crate) fn is_good(&self, now: DateTime<Utc>) -> bool {
        !self.inactive && self.expires.is_none_or(|at| at > now)
    }
}

/// Makes a token for a person; None when there is no such person.
pub(crate) fn create(
    org: &mut Organization,
    ids: &mut Ids,
    new: &NewPat,
    now: DateTime<Utc>,
) -> Option<String> {
    let owner = org.identities.iter().find(|i| i.unique_name.eq_ignore_ascii_case(&new.person))?.id;
    // 52 characters chosen by chance, 24 more, the mark at positions 76 to 80, and four of a checksum.
    let chance: String = (0..3).map(|_| ids.word()).collect();
    let text = format!("{}AZDO{}", &chance[..76], &chance[76..80]);
    let pat = Pat {
        identity: owner,
        scopes: Scopes::of(&new.scopes),
        expires: new.expires_in_seconds.map(|s| now + TimeDelta::seconds(s)),
        inactive: false,
    };
    org.pats.insert(text.clone(), pat);
    Some(text)
}

/// Ends every token of a person: `revoke` removes them, else they are inactive until the person signs in.
pub(crate) fn end(org: &mut Organization, person: &str, revoke: bool) -> bool {
    let Some(owner) = org.identities.iter().find(|i| i.unique_name.eq_ignore_ascii_case(person)) else {
        return false;
    };
    let owner = owner.id;
    if revoke {
        org.pats.retain(|_, pat| pat.identity != owner);
    } else {
        org.pats.values_mut().filter(|pat| pat.identity == owner).for_each(|pat| pat.inactive = true);
    }
    true
}
