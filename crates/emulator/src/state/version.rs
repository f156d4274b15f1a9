//! `api-version` negotiation (azure-devops.md section 2): which versions a resource has, what is refused, and
//! what the content type of the answer echoes.

use super::errors::ApiError;

/// The newest version the service has; it is in preview for every resource.
const LATEST: (u32, u32) = (7, 2);

/// The version one request is answered in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) preview: Option<u32>,
}

impl Version {
    /// The text echoed in the content type.
    pub(crate) fn echo(&self) -> String {
        match self.preview {
            Some(n) => format!("{}.{}-preview.{n}", self.major, self.minor),
            None => format!("{}.{}", self.major, self.minor),
        }
    }

    /// Identities are objects from 4.1 on, text before.
    pub(crate) fn has_identity_objects(&self) -> bool {
        (self.major, self.minor) >= (4, 1)
    }
}

/// What the service knows about one resource.
struct Resource {
    preview_only: bool,
    /// The highest N of `-preview.N` in the latest version.
    newest: u32,
}

fn resource(path: &[String]) -> Resource {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let released = |newest| Resource { preview_only: false, newest };
    let preview = |newest| Resource { preview_only: true, newest };
    match parts.as_slice() {
        ["wit", "workitems", _, "comments", _, "versions" | "reactions" | "engagedusers", ..] => preview(1),
        ["wit", "workitems", _, "comments", ..] => preview(4),
        ["wit", "workitems" | "revisions" | "updates" | "recyclebin", ..] => released(3),
        ["wit", "attachments", ..] | ["projects", ..] => released(4),
        ["wit", "fields", ..] => released(3),
        ["wit", "workitemtypes", _, "fields", ..] => released(3),
        [
            "wit",
            "workitemtypes"
            | "workitemtypecategories"
            | "workitemrelationtypes"
            | "wiql"
            | "classificationnodes",
            ..,
        ] => released(2),
        ["wit", "reporting", ..] => released(3),
        ["teams"] => preview(3),
        ["connectiondata"] | ["resourceareas", ..] => preview(1),
        _ => released(1),
    }
}

/// Reads and checks the version of a request. `Ok(None)` means that none was sent where none is needed.
pub(crate) fn negotiate(
    method: &str,
    path: &[String],
    query: Option<&str>,
    accept: Option<&str>,
) -> Result<Option<Version>, ApiError> {
    let from_accept =
        accept.and_then(|a| a.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-version=")));
    let Some(text) = query.or(from_accept).map(str::trim).filter(|t| !t.is_empty()) else {
        return if matches!(method, "GET" | "OPTIONS" | "HEAD") {
            Ok(None)
        } else {
            Err(ApiError::version_not_specified(method))
        };
    };
    let (number, preview) = match text.split_once("-preview") {
        None => (text, None),
        Some((number, "")) => (number, Some(None)),
        Some((number, rest)) => {
            let n = rest.strip_prefix('.').and_then(|n| n.parse::<u32>().ok());
            (number, Some(Some(n.ok_or_else(|| ApiError::invalid_version(text))?)))
        }
    };
    let (major, minor) = number
        .split_once('.')
        .or(Some((number, "0")))
        .and_then(|(a, b)| Some((a.parse::<u32>().ok()?, b.parse::<u32>().ok()?)))
        .filter(|(major, _)| *major > 0)
        .ok_or_else(|| ApiError::invalid_version(text))?;
    let resource = resource(path);
    let latest = format!("{}.{}", LATEST.0, LATEST.1);
    if (major, minor) > LATEST || preview.flatten().is_some_and(|n| n > resource.newest) {
        return Err(ApiError::version_out_of_range(text, &latest));
    }
    if preview.is_none() && (resource.preview_only || (major, minor) == LATEST) {
        return Err(ApiError::preview_not_specified(text));
    }
    let preview = preview.map(|n| n.unwrap_or(resource.newest));
    Ok(Some(Version { major, minor, preview }))
}

/// The version answered in when a GET names none.
pub(crate) fn unspecified(path: &[String]) -> Version {
    let resource = resource(path);
    Version { major: 7, minor: 1, preview: resource.preview_only.then_some(resource.newest) }
}
