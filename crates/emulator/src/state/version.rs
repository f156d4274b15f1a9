//! `api-version` negotiation (azure-devops.md section 2): what is refused, and what the content type of the
//! answer echoes. Which versions a resource has is in `locations`.

use super::{
    edition::Edition,
    errors::ApiError,
    locations::{Number, Versions},
};

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

/// Reads and checks the version of a request. A GET without one is answered in the newest that is released,
/// or in its preview where there is no other.
pub(crate) fn negotiate(
    edition: Edition,
    versions: Versions,
    method: &str,
    query: Option<&str>,
    accept: Option<&str>,
) -> Result<Version, ApiError> {
    let from_accept =
        accept.and_then(|a| a.split([';', ',']).find_map(|part| part.trim().strip_prefix("api-version=")));
    let Some(text) = query.or(from_accept).map(str::trim).filter(|t| !t.is_empty()) else {
        return if matches!(method, "GET" | "OPTIONS" | "HEAD") {
            Ok(unspecified(edition, versions))
        } else {
            Err(ApiError::version_not_specified(method))
        };
    };
    let (asked, preview) = parse(text).ok_or_else(|| ApiError::invalid_version(text))?;
    let latest = edition.latest();
    // That a version older than the resource is refused in the same way is a guess.
    let in_range = (versions.min..=versions.max).contains(&asked);
    if !in_range || preview.flatten().is_some_and(|n| n > versions.newest) {
        return Err(ApiError::version_out_of_range(text, &format!("{}.{}", latest.0, latest.1)));
    }
    if preview.is_none() && versions.released.is_none_or(|released| asked > released) {
        return Err(ApiError::preview_not_specified(text));
    }
    let preview = preview.map(|n| n.unwrap_or(versions.newest));
    Ok(Version { major: asked.0, minor: asked.1, preview })
}

/// `7.1`, `7.1-preview`, `7.1-preview.3` or `7`; recordings have a `v` in front too.
fn parse(text: &str) -> Option<(Number, Option<Option<u32>>)> {
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let (number, preview) = match text.split_once("-preview") {
        None => (text, None),
        Some((number, "")) => (number, Some(None)),
        Some((number, rest)) => (number, Some(Some(rest.strip_prefix('.')?.parse().ok()?))),
    };
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    let number: Number = (major.parse().ok()?, minor.parse().ok()?);
    (number.0 > 0).then_some((number, preview))
}

fn unspecified(edition: Edition, versions: Versions) -> Version {
    let (major, minor) = versions.released.unwrap_or(versions.max.min(edition.released()));
    Version { major, minor, preview: versions.released.is_none().then_some(versions.newest) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seed::ServerVersion, state::locations};

    fn asked(edition: Edition, path: &str, version: &str) -> Result<String, String> {
        let path: Vec<String> = path.split('/').map(str::to_owned).collect();
        let versions = locations::find(&path).and_then(|l| l.versions(edition)).ok_or("no such resource")?;
        negotiate(edition, versions, "GET", Some(version), None)
            .map(|version| version.echo())
            .map_err(|error| error.message)
    }

    #[test]
    fn released_versions_old_and_new_are_taken_and_previews_echo_their_number() {
        for (version, echo) in [
            ("1.0", "1.0"),
            ("7", "7.0"),
            ("7.1", "7.1"),
            ("v5.0-preview", "5.0-preview.3"),
            ("7.2-preview", "7.2-preview.3"),
            ("7.1-preview.2", "7.1-preview.2"),
        ] {
            assert_eq!(asked(Edition::Services, "wit/workitems/1", version).as_deref(), Ok(echo));
        }
    }

    #[test]
    fn a_server_knows_no_version_above_its_own() {
        let server = Edition::Server(ServerVersion::V2022);
        let refused = asked(server, "wit/workitems/1", "7.1").unwrap_err();
        assert!(refused.ends_with("The latest REST API version this server supports is 7.0."), "{refused}");
        let comments = "wit/workitems/1/comments";
        assert_eq!(asked(server, comments, "7.0-preview.3").as_deref(), Ok("7.0-preview.3"));
        assert!(asked(server, comments, "7.0-preview.4").is_err());
        assert!(asked(server, "wit/workitemsdelete", "7.0").is_err());
        let newer = Edition::Server(ServerVersion::V2022_1);
        assert_eq!(asked(newer, "wit/workitemsdelete", "7.1").as_deref(), Ok("7.1"));
        assert!(asked(newer, "wit/workitems/1", "7.2-preview.3").is_err());
    }

    #[test]
    fn every_version_that_was_answered_in_a_recording_is_taken() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/recordings");
        let Ok(files) = std::fs::read_dir(folder) else {
            eprintln!("skipped: the recordings are not there");
            return;
        };
        let mut taken = 0;
        let mut refused = Vec::new();
        // Examples of the documentation were not answered by a service.
        let answered = |name: &str| name.ends_with(".json") && !name.starts_with("example");
        for file in files.flatten().filter(|file| file.file_name().to_str().is_some_and(answered)) {
            let recording: serde_json::Value =
                serde_json::from_slice(&std::fs::read(file.path()).unwrap()).unwrap();
            for exchange in recording["exchanges"].as_array().into_iter().flatten() {
                let url = exchange["url"].as_str().unwrap_or_default();
                let (path, query) = url.split_once('?').unwrap_or((url, ""));
                let Some((_, path)) = path.split_once("/_apis/") else { continue };
                let accept = exchange["request_headers"]["accept"].as_str().unwrap_or_default();
                let version = [query, accept].iter().find_map(|text| {
                    let (_, rest) = text.split_once("api-version=")?;
                    rest.split(['&', ';', ',']).next()
                });
                let good = exchange["status"].as_u64().is_some_and(|status| status < 300);
                let Some(version) = version.filter(|_| good) else { continue };
                match asked(Edition::Services, path.trim_end_matches('/'), version) {
                    Ok(_) => taken += 1,
                    Err(why) if why == "no such resource" => {}
                    // Comments of before 5.1 were another resource (19335ae7), which is not served.
                    Err(_) if path.contains("/comments") && version == "3.0-preview" => {}
                    Err(why) => refused.push(format!("{} {path} at {version}: {why}", exchange["method"])),
                }
            }
        }
        println!("{taken} recorded versions are taken");
        assert!(taken > 500, "only {taken} were looked at");
        refused.sort();
        refused.dedup();
        assert_eq!(refused, Vec::<String>::new());
    }
}
