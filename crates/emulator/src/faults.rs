//! Faults on demand: which requests they hit and what happens to those. Pure; the HTTP front acts on them.

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::state::{Family, Request, is_known_code};

/// Which requests a fault hits; what is absent matches everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct FaultMatch {
    /// HTTP method, any case.
    pub method: Option<String>,
    /// Regular expression searched in path and query.
    pub path: Option<String>,
    /// Route family.
    pub family: Option<Family>,
}

/// What happens to a request that is hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FaultAction {
    /// 429 with `Retry-After` and TF400733; not applied.
    Throttle {
        /// Seconds to wait.
        retry_after_seconds: u64,
    },
    /// 503 with an HTML body; not applied.
    Unavailable,
    /// 203 with the HTML sign-in page; not applied.
    SignInPage,
    /// 401 with an empty body and a Basic challenge; not applied.
    Unauthorized,
    /// 302 to the sign-in page; not applied.
    RedirectToSignIn,
    /// 401 TF400813: no access, or not the scope; not applied.
    NotAuthorized,
    /// 401 TF401444: never signed in, or never added; not applied.
    NeverSignedIn,
    /// 401 VS403463: a conditional access policy; not applied.
    ConditionalAccess,
    /// 401 with `claims=` in the challenge: continuous access evaluation; not applied.
    ClaimsChallenge,
    /// 503 TF24668: the organization is stopped; not applied.
    Stopped,
    /// The token or authorize endpoint refuses with an AADSTS code; nothing is issued.
    RefuseSignIn {
        /// The number of the code, such as 65001.
        code: i64,
    },
    /// The connection is cut; not applied.
    DropBefore,
    /// Applied, then the connection is cut without an answer.
    DropAfter,
    /// Applied at once, answered after some time.
    Hold {
        /// Milliseconds until the answer.
        milliseconds: u64,
    },
    /// The connection is cut at once and the request is applied later.
    ApplyLate {
        /// Milliseconds until it is applied.
        milliseconds: u64,
    },
    /// Applied and answered, with `Retry-After` and rate headers on the answer.
    SlowDown {
        /// Seconds to wait.
        retry_after_seconds: u64,
    },
    /// A refusal that otherwise takes a crowd, a large organization or luck; not applied.
    Refuse {
        /// Which one.
        code: RefusalCode,
    },
}

/// Refusals that no single request brings about (azure-devops.md section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalCode {
    /// 409: somebody else saved the same work item at the same moment.
    #[serde(rename = "TF26071")]
    LostRace,
    /// 400: a query ran longer than 30 seconds.
    #[serde(rename = "VS402335")]
    QueryTooSlow,
    /// 400: a query found more than 20,000 work items.
    #[serde(rename = "VS402337")]
    QueryTooLarge,
    /// 503: too many queries at the same time. That it is no 400 is a guess.
    #[serde(rename = "VS402490")]
    TooManyQueries,
}

/// A refusal that the state answers on demand (azure-devops.md section 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Situation {
    SignInPage,
    Unauthorized,
    RedirectToSignIn,
    NotAuthorized,
    NeverSignedIn,
    ConditionalAccess,
    ClaimsChallenge,
    Stopped,
}

impl FaultAction {
    /// The refusal this fault answers with, where it is one of the service's own.
    pub(crate) fn situation(&self) -> Option<Situation> {
        Some(match self {
            Self::SignInPage => Situation::SignInPage,
            Self::Unauthorized => Situation::Unauthorized,
            Self::RedirectToSignIn => Situation::RedirectToSignIn,
            Self::NotAuthorized => Situation::NotAuthorized,
            Self::NeverSignedIn => Situation::NeverSignedIn,
            Self::ConditionalAccess => Situation::ConditionalAccess,
            Self::ClaimsChallenge => Situation::ClaimsChallenge,
            Self::Stopped => Situation::Stopped,
            Self::Throttle { .. }
            | Self::Unavailable
            | Self::RefuseSignIn { .. }
            | Self::DropBefore
            | Self::DropAfter
            | Self::Hold { .. }
            | Self::ApplyLate { .. }
            | Self::SlowDown { .. }
            | Self::Refuse { .. } => return None,
        })
    }
}

/// Why a fault cannot be installed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FaultError {
    #[error("the path of the fault is not a regular expression: {0}")]
    Path(#[from] regex::Error),
    #[error("AADSTS{0} is not among the codes that can be produced")]
    Code(i64),
}

/// An installed fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(rename = "match", default)]
    pub matches: FaultMatch,
    /// How many requests; all until it is removed when absent.
    #[serde(default)]
    pub times: Option<u64>,
    /// How many matching requests pass before the first one is hit.
    #[serde(default)]
    pub skip: u64,
    /// What happens.
    pub action: FaultAction,
}

/// The faults in force, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<(Fault, Option<Regex>)>);

impl Faults {
    /// Adds a fault, unless it could never do anything.
    pub(crate) fn install(&mut self, fault: Fault) -> Result<(), FaultError> {
        if let FaultAction::RefuseSignIn { code } = fault.action
            && !is_known_code(code)
        {
            return Err(FaultError::Code(code));
        }
        let path = fault.matches.path.as_deref().map(Regex::new).transpose()?;
        self.0.push((fault, path));
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn list(&self) -> Vec<&Fault> {
        self.0.iter().map(|(fault, _)| fault).collect()
    }

    /// The action for a request: of the first fault that matches it and has hits left.
    pub(crate) fn pick(&mut self, request: &Request) -> Option<FaultAction> {
        let target = match request.query.as_str() {
            "" => request.path.clone(),
            query => format!("{}?{query}", request.path),
        };
        let hit = |fault: &Fault, path: &Option<Regex>| {
            fault.matches.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(&request.method))
                && fault.matches.family.is_none_or(|f| f == Family::of(request))
                && path.as_ref().is_none_or(|p| p.is_match(&target))
        };
        let mut found = None;
        for (fault, path) in &mut self.0 {
            if !hit(fault, path) {
                continue;
            }
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            if let Some(times) = &mut fault.times {
                *times = times.saturating_sub(1);
            }
            found = Some(fault.action.clone());
            break;
        }
        self.0.retain(|(fault, _)| fault.times != Some(0));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fault_hits_as_often_as_it_says_and_then_goes_away() {
        let mut faults = Faults::default();
        let text =
            r#"{"match":{"method":"post","family":"workItems"},"times":2,"action":{"kind":"dropAfter"}}"#;
        faults.install(fault(text)).unwrap();
        let create = Request::new("POST", "/contoso/Webshop/_apis/wit/workitems/$Bug");
        let read = Request::new("GET", "/contoso/_apis/wit/workitems/1");
        assert_eq!(faults.pick(&read), None);
        assert_eq!(faults.pick(&create), Some(FaultAction::DropAfter));
        assert_eq!(faults.pick(&create), Some(FaultAction::DropAfter));
        assert_eq!(faults.pick(&create), None);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn skipping_lets_the_first_requests_pass() {
        let mut faults = Faults::default();
        faults
            .install(fault(r#"{"match":{"path":"wiql"},"skip":1,"times":1,"action":{"kind":"unavailable"}}"#))
            .unwrap();
        let query = Request::new("POST", "/contoso/_apis/wit/wiql?api-version=7.1");
        assert_eq!(faults.pick(&query), None);
        assert_eq!(faults.pick(&query), Some(FaultAction::Unavailable));
        assert_eq!(faults.pick(&query), None);
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        assert!(serde_json::from_str::<Fault>(r#"{"action":{"kind":"throttle","retryAfter":5}}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"matches":{},"action":{"kind":"unavailable"}}"#).is_err());
    }
}
