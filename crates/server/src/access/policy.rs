//! What each route requires: one table, deny first.

use api::Role;
use http::Method;

use crate::problem::{Answer, Failure};

/// What a route requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    /// Nothing: anybody may call.
    Nothing,
    /// A caller with at least this role.
    Role(Role),
}

/// Routes that anybody may call.
const PUBLIC: [(Method, &str); 5] = [
    (Method::POST, "/api/v1/session"),
    (Method::GET, "/api/v1/openapi.json"),
    (Method::GET, "/healthz"),
    (Method::GET, "/readyz"),
    (Method::POST, "/hooks/azure-devops/{secret}"),
];

/// Changing routes that need less than an administrator.
const LOWERED: [(Method, &str, Role); 64] = [
    (Method::DELETE, "/api/v1/session", Role::Reader),
    (Method::POST, "/api/v1/session/password", Role::Reader),
    (Method::POST, "/api/v1/plan", Role::Reader),
    (Method::POST, "/api/v1/rules/check", Role::Reader),
    (Method::POST, "/api/v1/rules/plan", Role::Reader),
    (Method::POST, "/api/v1/templates/preview", Role::Analyst),
    (Method::POST, "/api/v1/imports", Role::Importer),
    (Method::POST, "/api/v1/imports/plan", Role::Importer),
    (Method::PATCH, "/api/v1/assets/{id}", Role::Analyst),
    (Method::POST, "/api/v1/assessments", Role::Analyst),
    (Method::PUT, "/api/v1/assessments/{id}", Role::Analyst),
    (Method::DELETE, "/api/v1/assessments/{id}", Role::Analyst),
    (Method::POST, "/api/v1/assessments/{id}/state", Role::Analyst),
    (Method::POST, "/api/v1/assessments/{id}/findings", Role::Analyst),
    (Method::POST, "/api/v1/acceptances", Role::SecurityManager),
    (Method::POST, "/api/v1/acceptances/{id}/extend", Role::SecurityManager),
    (Method::POST, "/api/v1/acceptances/{id}/revoke", Role::SecurityManager),
    (Method::PUT, "/api/v1/acceptance-policy", Role::SecurityManager),
    (Method::POST, "/api/v1/suppressions", Role::SecurityManager),
    (Method::PUT, "/api/v1/suppressions/{id}", Role::SecurityManager),
    (Method::DELETE, "/api/v1/suppressions/{id}", Role::SecurityManager),
    (Method::PUT, "/api/v1/suppressions/order", Role::SecurityManager),
    (Method::POST, "/api/v1/suppressions/preview", Role::Reader),
    (Method::POST, "/api/v1/assets/{id}/delete-branch", Role::Analyst),
    (Method::POST, "/api/v1/scans/{id}/confirm", Role::Analyst),
    (Method::POST, "/api/v1/findings", Role::Analyst),
    (Method::PUT, "/api/v1/findings/{id}", Role::Analyst),
    (Method::POST, "/api/v1/findings/{id}/publish", Role::Analyst),
    (Method::POST, "/api/v1/findings/{id}/verdict", Role::Analyst),
    (Method::POST, "/api/v1/findings/{id}/status", Role::Analyst),
    (Method::POST, "/api/v1/findings/{id}/refuse", Role::Analyst),
    (Method::POST, "/api/v1/findings/{id}/duplicate", Role::Analyst),
    (Method::POST, "/api/v1/templates", Role::SecurityManager),
    (Method::PUT, "/api/v1/templates/{id}", Role::SecurityManager),
    (Method::DELETE, "/api/v1/templates/{id}", Role::SecurityManager),
    (Method::POST, "/api/v1/exploit-data", Role::SecurityManager),
    (Method::POST, "/api/v1/sla/preview", Role::Reader),
    (Method::PUT, "/api/v1/sla", Role::SecurityManager),
    (Method::POST, "/api/v1/tickets", Role::Analyst),
    (Method::POST, "/api/v1/tickets/closing-states", Role::Analyst),
    (Method::POST, "/api/v1/tickets/close", Role::Analyst),
    (Method::POST, "/api/v1/tickets/push", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/findings", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/split", Role::Developer),
    (Method::POST, "/api/v1/tickets/{id}/merge", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/move", Role::Developer),
    (Method::POST, "/api/v1/tickets/{id}/release", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/retry", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/conflicts/{field}", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/comments", Role::Developer),
    (Method::PATCH, "/api/v1/tickets/{id}/comments/{comment}", Role::Developer),
    (Method::DELETE, "/api/v1/tickets/{id}/comments/{comment}", Role::Developer),
    (Method::POST, "/api/v1/tickets/{id}/attachments", Role::Developer),
    (Method::DELETE, "/api/v1/tickets/{id}/attachments/{attachment}", Role::Analyst),
    (Method::POST, "/api/v1/tickets/{id}/repair", Role::Analyst),
    (Method::POST, "/api/v1/adoptions/plan", Role::Analyst),
    (Method::POST, "/api/v1/adoptions", Role::Analyst),
    (Method::POST, "/api/v1/plan/applies", Role::Analyst),
    (Method::POST, "/api/v1/plan/applies/{id}/undo", Role::Analyst),
    (Method::POST, "/api/v1/reconcile", Role::Analyst),
    (Method::POST, "/api/v1/connections/{id}/check", Role::Analyst),
    (Method::POST, "/api/v1/alarms/{id}/acknowledge", Role::Analyst),
    (Method::POST, "/api/v1/breakers/{id}/approve", Role::Analyst),
    (Method::POST, "/api/v1/breakers/{id}/dismiss", Role::Analyst),
];

/// Reading routes that need more than a reader.
const RAISED: [(Method, &str, Role); 4] = [
    (Method::GET, "/api/v1/users", Role::Administrator),
    (Method::GET, "/api/v1/tokens", Role::Administrator),
    (Method::GET, "/api/v1/alarm-targets", Role::Administrator),
    (Method::GET, "/api/v1/configuration", Role::Administrator),
];

/// What a route requires, by method and the path it was registered with.
pub(crate) fn required(method: &Method, path: &str) -> Required {
    // axum answers HEAD with the handler of GET.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    if PUBLIC.iter().any(|(of, route)| of == method && *route == path) {
        return Required::Nothing;
    }
    let listed = LOWERED.iter().chain(&RAISED).find(|(of, route, _)| of == method && *route == path);
    Required::Role(match listed {
        Some((_, _, role)) => *role,
        None if *method == Method::GET => Role::Reader,
        None => Role::Administrator,
    })
}

/// The word for a role in the database and in messages.
pub(crate) const fn word(role: Role) -> &'static str {
    role.as_str()
}

/// The role of a stored word.
pub(crate) fn role(stored: &str) -> Answer<Role> {
    stored.parse().map_err(|()| Failure::from(store::Error::Word { what: "role", value: stored.to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_nobody_listed_is_for_administrators_unless_it_only_reads() {
        assert_eq!(required(&Method::POST, "/api/v1/new-thing"), Required::Role(Role::Administrator));
        assert_eq!(required(&Method::DELETE, "/api/v1/new-thing"), Required::Role(Role::Administrator));
        assert_eq!(required(&Method::GET, "/api/v1/new-thing"), Required::Role(Role::Reader));
    }

    #[test]
    fn reading_the_head_requires_what_reading_requires() {
        assert_eq!(required(&Method::HEAD, "/api/v1/tokens"), Required::Role(Role::Administrator));
    }

    #[test]
    fn every_role_has_a_word_that_leads_back() {
        for known in Role::ALL {
            assert_eq!(role(word(known)).unwrap(), known);
        }
        assert!(role("root").is_err());
    }
}
