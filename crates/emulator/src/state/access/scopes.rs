//! What a token lets its holder do: the scopes of personal access tokens and of tokens that people consented
//! to, as the OpenAPI documents name them per operation (azure-devops.md section 4.1).

use serde::{Deserialize, Serialize};

/// The scopes of a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Scopes {
    /// A full-scope PAT, `user_impersonation`, `.default`, or an application.
    #[default]
    Everything,
    /// Only these words, such as `vso.work_write`.
    Only(Vec<String>),
}

impl Scopes {
    /// No word at all means everything: the form of a full-scope PAT.
    pub(crate) fn of(words: &[String]) -> Self {
        if words.is_empty() { Self::Everything } else { Self::Only(words.to_vec()) }
    }

    /// May a call be made? `path` is the route after `_apis` with its fixed words in lower case.
    pub(crate) fn allow(&self, method: &str, path: &[String]) -> bool {
        let Self::Only(words) = self else { return true };
        let needed = needed(method, path);
        needed.is_empty() || needed.iter().any(|need| words.iter().any(|word| covers(word, need)))
    }
}

/// `vso.work_full` covers `vso.work_write` covers `vso.work`.
fn covers(granted: &str, needed: &str) -> bool {
    let (granted_area, granted_rank) = ranked(granted);
    let (needed_area, needed_rank) = ranked(needed);
    granted_area.eq_ignore_ascii_case(needed_area) && granted_rank >= needed_rank
}

fn ranked(scope: &str) -> (&str, u8) {
    for (ending, rank) in [("_write", 1), ("_execute", 1), ("_manage", 2), ("_full", 2)] {
        if let Some(area) = scope.strip_suffix(ending) {
            return (area, rank);
        }
    }
    (scope, 0)
}

/// The scopes of which a call needs one; none means that every credential will do.
fn needed(method: &str, path: &[String]) -> &'static [&'static str] {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let reads = matches!(method, "GET" | "HEAD");
    match path.as_slice() {
        _ if method == "OPTIONS" => &[],
        ["projects", ..] if reads => &["vso.profile", "vso.project"],
        ["projects", ..] if method == "PATCH" => &["vso.project_write"],
        ["projects", ..] => &["vso.project_manage"],
        ["teams", ..] => &["vso.project"],
        ["process", ..] => &["vso.work"],
        // These only read, although they are posted.
        ["wit", "wiql" | "workitemsbatch" | "artifacturiquery" | "queriesbatch" | "reporting", ..] => {
            &["vso.work"]
        }
        ["wit" | "work", ..] if reads => &["vso.work"],
        ["wit" | "work", ..] => &["vso.work_write"],
        ["hooks", "publishers", _, "inputvaluesquery"] => &[],
        ["hooks", ..] => &["vso.work", "vso.build", "vso.code"],
        ["identities", ..] => &["vso.identity"],
        ["graph", "subjectlookup" | "subjectquery", ..] => &["vso.graph"],
        ["graph", ..] if reads => &["vso.graph"],
        ["graph", ..] => &["vso.graph_manage"],
        ["userentitlements" | "serviceprincipalentitlements", ..] if reads => {
            &["vso.memberentitlementmanagement"]
        }
        ["userentitlements" | "serviceprincipalentitlements", ..] => {
            &["vso.memberentitlementmanagement_write"]
        }
        ["profile" | "accounts", ..] => &["vso.profile"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(words: &[&str], method: &str, path: &str) -> bool {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        Scopes::of(&words).allow(method, &path)
    }

    #[test]
    fn writing_includes_reading_and_not_the_other_way_round() {
        assert!(allows(&["vso.work_write"], "GET", "wit/workitems/1"));
        assert!(allows(&["vso.work_full"], "PATCH", "wit/workitems/1"));
        assert!(!allows(&["vso.work"], "PATCH", "wit/workitems/1"));
        assert!(allows(&["vso.work"], "POST", "wit/wiql"));
        assert!(!allows(&["vso.work_write"], "GET", "projects"));
        assert!(allows(&["vso.work"], "POST", "hooks/subscriptions"));
        assert!(allows(&[], "DELETE", "projects/x"));
    }

    /// The security of every operation in the OpenAPI documents, where they say one.
    #[test]
    fn scopes_agree_with_the_specifications() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/specs");
        let documents = [
            "core-7.1-core",
            "wit-7.1-workItemTracking",
            "work-7.1-work",
            "hooks-7.1-serviceHooks",
            "profile-7.1-profile",
            "account-7.1-accounts",
            "ims-7.1-identities",
        ];
        let mut compared = 0;
        for document in documents {
            let Ok(text) = std::fs::read_to_string(format!("{folder}/{document}.json")) else {
                println!("skipped: {folder} is not there");
                return;
            };
            let document: serde_json::Value = serde_json::from_str(&text).unwrap();
            for (route, operations) in document["paths"].as_object().unwrap() {
                let path: Vec<String> = route
                    .split("_apis/")
                    .last()
                    .unwrap()
                    .trim_end_matches('/')
                    .split('/')
                    .map(|s| if s.starts_with('{') { "x".into() } else { s.to_lowercase() })
                    .collect();
                for (method, operation) in operations.as_object().unwrap() {
                    let wanted: Vec<&str> = operation["security"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .flat_map(|s| s.as_object().unwrap().values())
                        .flat_map(|l| l.as_array().unwrap().iter().filter_map(|v| v.as_str()))
                        .collect();
                    // Mail is not served here.
                    if wanted.is_empty() || path.get(1).is_some_and(|p| p == "sendmail") {
                        continue;
                    }
                    let mut ours = needed(&method.to_uppercase(), &path).to_vec();
                    ours.sort_unstable();
                    let mut theirs = wanted.clone();
                    theirs.sort_unstable();
                    assert_eq!(ours, theirs, "{method} {route}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 150, "{compared}");
    }
}
