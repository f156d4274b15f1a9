//! What a test may change from outside of the service: organizations, members, credentials, sign-in and limits.
//! The control API puts these behind HTTP; in one process they are called directly.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Request, Response, State, access,
    access::{
        ApplicationChange, AreaChange, MemberChange, NewPat, OrganizationChange, Place, RefreshEnd, Refusal,
        SignInChange,
    },
    errors::ApiError,
    model::Organization,
    organization_of, plain_error,
};
use crate::{faults::Situation, seed::RateLimits};

/// An application as the control API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// Name.
    pub name: String,
    /// Application (client) id.
    pub client_id: Uuid,
    /// Object id of the enterprise application: what an organization adds.
    pub object_id: Uuid,
    /// Tenant of the organization.
    pub tenant: Uuid,
}

impl State {
    fn organization_mut(&mut self, name: &str) -> Option<&mut Organization> {
        let found = self.organizations.get_mut(&name.to_lowercase());
        if found.is_some() {
            self.changes += 1;
        }
        found
    }

    /// Changes what an organization lets in; the name ignores case. False if there is none.
    pub fn change_organization(
        &mut self,
        name: &str,
        change: &OrganizationChange,
        now: DateTime<Utc>,
    ) -> bool {
        let now = self.time(now);
        let Some(org) = self.organization_mut(name) else { return false };
        org.stopped = change.stopped.unwrap_or(org.stopped);
        let gate = &mut org.gate;
        gate.third_party_off = change.third_party_access.map_or(gate.third_party_off, |on| !on);
        gate.conditional_access = change.conditional_access.unwrap_or(gate.conditional_access);
        gate.project_feeds_only = change.project_feeds_only.unwrap_or(gate.project_feeds_only);
        gate.public = change.public.unwrap_or(gate.public);
        if let Some(required) = change.claims_required {
            gate.claims_since = required.then(|| now.timestamp());
        }
        true
    }

    /// Sets or lifts (None) the rate limit of an organization; what was spent is forgotten. False if there is
    /// none.
    pub fn set_limits(&mut self, name: &str, limits: Option<RateLimits>) -> bool {
        let Some(org) = self.organization_mut(name) else { return false };
        org.gate.limits = limits;
        org.gate.forget_usage();
        true
    }

    /// How many requests of one credential may run at once in the organization of a request.
    pub(crate) fn concurrency(&self, request: &Request) -> Option<u32> {
        let org = self.organizations.get(&organization_of(request).to_lowercase())?;
        org.gate.limits.as_ref()?.concurrency
    }

    /// Changes what a member of an organization may do. False when the organization or the member is unknown.
    pub fn change_member(&mut self, name: &str, change: &MemberChange) -> bool {
        self.organization_mut(name).is_some_and(|org| access::change_member(org, change))
    }

    /// Hides an area from a member of an organization, or shows it again. False when the organization or the
    /// member is unknown.
    pub fn change_area(&mut self, name: &str, change: &AreaChange) -> bool {
        self.organization_mut(name).is_some_and(|org| access::change_area(org, change))
    }

    /// Makes a personal access token; None when organization or person are unknown.
    pub fn create_pat(&mut self, name: &str, new: &NewPat, now: DateTime<Utc>) -> Option<String> {
        let now = self.time(now);
        let org = self.organizations.get_mut(&name.to_lowercase())?;
        let made = access::create_pat(org, &mut self.ids, new, now)?;
        self.changes += 1;
        Some(made)
    }

    /// Revokes the personal access tokens of a person, or makes them inactive as after 90 days without sign-in.
    /// False when organization or person are unknown.
    pub fn end_pats(&mut self, name: &str, person: &str, revoke: bool) -> bool {
        self.organization_mut(name).is_some_and(|org| access::end_pats(org, person, revoke))
    }

    /// Every access token issued so far stops working now.
    pub fn expire_tokens(&mut self) {
        self.entra.expire_tokens();
        self.changes += 1;
    }

    /// Ends the refresh tokens of a person, or of all.
    pub fn end_refresh_tokens(&mut self, end: RefreshEnd, person: Option<&str>, now: DateTime<Utc>) {
        let now = self.time(now);
        self.entra.end_refresh_tokens(end, person, now);
        self.changes += 1;
    }

    /// Changes how people are signed in.
    pub fn change_sign_in(&mut self, change: &SignInChange) {
        self.entra.change_sign_in(change);
        self.changes += 1;
    }

    /// Changes an application registration. False when there is none with this client id.
    pub fn change_application(&mut self, client_id: Uuid, change: &ApplicationChange) -> bool {
        self.changes += 1;
        self.entra.change_application(client_id, change)
    }

    /// The tenants and the applications in them, once per organization.
    pub fn applications(&self) -> Vec<ApplicationView> {
        let mut all: Vec<ApplicationView> = Vec::new();
        for org in self.organizations.values() {
            for principal in &org.principals {
                let view = ApplicationView {
                    name: org.identity(principal.identity).name.clone(),
                    client_id: principal.client_id,
                    object_id: access::object_id(principal.client_id),
                    tenant: org.tenant,
                };
                if !all.iter().any(|a| a.client_id == view.client_id && a.tenant == view.tenant) {
                    all.push(view);
                }
            }
        }
        all
    }

    /// The answer of a situation that a fault asks for; nothing is applied.
    pub(crate) fn refuse(&mut self, now: DateTime<Utc>, request: &Request, situation: Situation) -> Response {
        let now = self.time(now);
        let name = organization_of(request);
        let org = self.organizations.get(&name.to_lowercase());
        let place = Place {
            base_url: &self.base_url,
            organization: org.map_or(name.as_str(), |o| o.name.as_str()),
            tenant: org.map(|o| o.tenant).unwrap_or_default(),
        };
        let caller = org.and_then(|org| {
            let caller = access::authenticate(&self.entra, org, request, now).ok()?;
            Some((org, org.identity(caller.identity)))
        });
        let shown = caller.map(|(org, i)| format!("{}\\{}", org.tenant, i.unique_name)).unwrap_or_default();
        let refusal = match situation {
            Situation::SignInPage => return access::html(203, access::SIGN_IN_PAGE),
            Situation::Unauthorized => return access::basic_challenge(&self.base_url),
            Situation::RedirectToSignIn => return access::redirect_to_sign_in(&place, request),
            Situation::Stopped => return plain_error(&ApiError::stopped(place.organization)),
            Situation::NotAuthorized => match caller {
                Some((org, identity)) => access::not_authorized(org, identity),
                None => Refusal::NotAuthorized(shown, None),
            },
            Situation::NeverSignedIn => Refusal::NeverSignedIn(shown),
            Situation::ConditionalAccess => Refusal::ConditionalAccess,
            Situation::ClaimsChallenge => Refusal::ClaimsChallenge(now.timestamp()),
        };
        refusal.answer(&place, request)
    }

    /// A refusal of the token or authorize endpoint by its AADSTS code; None when the code is not known.
    pub(crate) fn refuse_sign_in(
        &mut self,
        now: DateTime<Utc>,
        request: &Request,
        code: i64,
    ) -> Option<Response> {
        let now = self.time(now);
        access::refuse_on_demand(self, now, request, code)
    }
}
