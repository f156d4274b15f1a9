//! From the URI of a result to a path below the asset's root (SARIF 2.1.0 sections 3.4 and 3.14.14).

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::model::{ArtifactLocation, VersionControl};

/// Longest chain of base ids that is followed; longer ones are circles.
const MAX_CHAIN: usize = 16;

/// The bases of one run.
#[derive(Default)]
pub(super) struct Bases {
    by_id: BTreeMap<String, ArtifactLocation>,
    /// Absolute `file:` bases with `/` at the end; the one that is the repository's root first, then the shortest.
    roots: Vec<String>,
}

impl Bases {
    pub(super) fn new(by_id: BTreeMap<String, ArtifactLocation>, provenance: &[VersionControl]) -> Self {
        let mut bases = Self { by_id, roots: Vec::new() };
        let mapped: Vec<&str> = provenance
            .iter()
            .filter_map(|source| source.mapped_to.as_ref()?.uri_base_id.as_deref())
            .collect();
        let mut roots: Vec<(bool, String)> = bases
            .by_id
            .keys()
            .filter_map(|id| {
                let absolute = bases.join("", Some(id));
                let is_root = mapped.contains(&id.as_str()) || (mapped.is_empty() && names_the_root(id));
                is_file(&absolute).then(|| (!is_root, local(&with_slash(&absolute)).to_owned()))
            })
            .collect();
        roots.sort_by(|a, b| (a.0, a.1.len(), &a.1).cmp(&(b.0, b.1.len(), &b.1)));
        bases.roots = roots.into_iter().map(|(_, root)| root).collect();
        bases
    }

    /// Path below the root with `/`; an absolute URI if no base is known for it.
    pub(super) fn resolve(&self, location: &ArtifactLocation) -> String {
        let Some(uri) = location.uri.as_deref().map(str::trim).filter(|uri| !uri.is_empty()) else {
            return String::new();
        };
        let joined = self.join(&with_slashes(uri), location.uri_base_id.as_deref());
        let full = if let Some(rest) = joined.strip_prefix('/').filter(|rest| !rest.starts_with('/')) {
            format!("file:///{rest}")
        } else {
            joined.clone()
        };
        if !is_file(&full) {
            return if is_absolute(&joined) { joined } else { tidy(&decode(&joined)) };
        }
        let path = local(&full);
        match self.roots.iter().find_map(|root| strip_root(path, root)) {
            Some(below) => tidy(&decode(below)),
            None if joined.starts_with('/') => tidy(&decode(&joined)),
            None => joined,
        }
    }

    /// Follows the chain of bases until the URI is absolute.
    fn join(&self, uri: &str, base_id: Option<&str>) -> String {
        let mut joined = uri.to_owned();
        let mut next = base_id;
        for _ in 0..MAX_CHAIN {
            if is_absolute(&joined) {
                break;
            }
            let Some(base) = next.and_then(|id| self.by_id.get(id)) else { break };
            if let Some(uri) = base.uri.as_deref().map(str::trim).filter(|uri| !uri.is_empty()) {
                joined = format!("{}{}", with_slash(&with_slashes(uri)), joined.trim_start_matches('/'));
            }
            next = base.uri_base_id.as_deref();
        }
        joined
    }
}

/// Names by which producers call the root of the sources.
fn names_the_root(id: &str) -> bool {
    let id = id.trim_matches('%').to_ascii_uppercase();
    ["SRCROOT", "REPO_ROOT", "REPOROOT", "PROJECTROOT", "SOURCEROOT"].contains(&id.as_str())
}

fn with_slash(uri: &str) -> String {
    if uri.ends_with('/') { uri.to_owned() } else { format!("{uri}/") }
}

/// Windows paths, which are no URIs but are written as such: `C:\src\a.cs` and `src\a.cs`.
fn with_slashes(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let drive = bytes.len() > 2
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    if drive {
        return format!("file:///{}", uri.replace('\\', "/"));
    }
    if uri.contains('\\') && !uri.contains('/') { uri.replace('\\', "/") } else { uri.to_owned() }
}

fn is_absolute(uri: &str) -> bool {
    let Some((scheme, _)) = uri.split_once(':') else { return false };
    scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

fn is_file(uri: &str) -> bool {
    uri.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("file:"))
}

/// The part of a `file:` URI behind scheme and empty host.
fn local(uri: &str) -> &str {
    let rest = &uri[5..];
    let rest = rest.strip_prefix("//localhost/").unwrap_or(rest);
    rest.trim_start_matches('/')
}

/// Drive letters are the only part of a path whose case never matters.
fn strip_root<'p>(path: &'p str, root: &str) -> Option<&'p str> {
    let (start, below) = path.split_at_checked(root.len())?;
    let same_drive = start.get(1..2) == Some(":")
        && start.get(..1)?.eq_ignore_ascii_case(root.get(..1)?)
        && start.get(1..) == root.get(1..);
    (start == root || same_drive).then_some(below)
}

fn decode(path: &str) -> String {
    percent_decode_str(path).decode_utf8().map_or_else(|_| path.to_owned(), |text| text.into_owned())
}

/// Removes `.` and resolves `..`; a `..` that would leave the root stays visible.
fn tidy(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(uri: &str, base: Option<&str>) -> ArtifactLocation {
        ArtifactLocation { uri: Some(uri.into()), uri_base_id: base.map(Into::into), ..Default::default() }
    }

    fn bases(entries: &[(&str, Option<&str>, Option<&str>)]) -> Bases {
        let by_id = entries.iter().map(|(id, uri, parent)| {
            let base = ArtifactLocation {
                uri: uri.map(Into::into),
                uri_base_id: parent.map(Into::into),
                ..Default::default()
            };
            ((*id).to_owned(), base)
        });
        Bases::new(by_id.collect(), &[])
    }

    #[test]
    fn a_path_is_below_the_root_however_the_producer_wrote_it() {
        let bases = bases(&[
            ("SRCROOT", Some("file:///C:/agent/1/s"), None),
            ("LIB", Some("lib/"), Some("SRCROOT")),
            ("UP", None, None),
        ]);
        for (uri, base, expected) in [
            ("src/a.c", Some("SRCROOT"), "src/a.c"),
            ("src/a.c", None, "src/a.c"),
            ("a.c", Some("LIB"), "lib/a.c"),
            ("a.c", Some("UP"), "a.c"),
            ("a.c", Some("UNKNOWN"), "a.c"),
            ("file:///c:/agent/1/s/src/a.c", None, "src/a.c"),
            ("C:\\agent\\1\\s\\src\\a.c", None, "src/a.c"),
            ("src\\a.c", None, "src/a.c"),
            ("./src/../lib/my%20file.c", None, "lib/my file.c"),
            ("../../other/a.c", None, "../../other/a.c"),
            ("file:///D:/else/a.c", None, "file:///D:/else/a.c"),
            ("/etc/passwd", None, "/etc/passwd"),
            ("https://example.com/a?b=%20", None, "https://example.com/a?b=%20"),
            ("caf%E9.c", None, "caf%E9.c"),
        ] {
            assert_eq!(bases.resolve(&location(uri, base)), expected, "{uri} in {base:?}");
        }
    }

    #[test]
    fn bases_that_point_at_each_other_end() {
        let bases = bases(&[("A", Some("a/"), Some("B")), ("B", Some("b/"), Some("A"))]);
        assert!(bases.resolve(&location("x.c", Some("A"))).ends_with("x.c"));
    }

    #[test]
    fn an_absolute_path_below_a_base_loses_the_base() {
        let bases = bases(&[
            ("ROOTPATH", Some("file:///"), None),
            ("%SRCROOT%", Some("file:///home/ci/repo/"), None),
        ]);
        assert_eq!(bases.resolve(&location("/home/ci/repo/src/a.c", None)), "src/a.c");
        assert_eq!(bases.resolve(&location("library/alpine", Some("ROOTPATH"))), "library/alpine");
    }
}
