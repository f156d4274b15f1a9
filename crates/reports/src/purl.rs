//! Package URLs (purl-spec): what a scanner that gives nothing else says about a component.

use percent_encoding::percent_decode_str;

use crate::text::short;

/// The parts of a package URL that name a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purl {
    /// Type: `npm`, `deb`, `maven`.
    pub(crate) ecosystem: String,
    /// Name as the ecosystem writes it, with its namespace where that is part of the name.
    pub(crate) name: String,
    /// Version, if there is one.
    pub(crate) version: Option<String>,
}

/// Takes a package URL apart; `None` if it is none.
pub(crate) fn parse(text: &str) -> Option<Purl> {
    let rest = text.trim();
    let rest = rest.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("pkg:")).map(|_| &rest[4..])?;
    let rest = rest.trim_start_matches('/');
    let rest = rest.split(['?', '#']).next()?;
    let (ecosystem, path) = rest.split_once('/')?;
    // The version stands behind the last `@` that is no part of a scope (`@angular/core`).
    let (path, version) = match path.rsplit_once('@') {
        Some((path, version)) if !path.is_empty() && !version.contains('/') => (path, Some(version)),
        _ => (path, None),
    };
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let path = path.trim_matches('/');
    let (namespace, name) =
        path.rsplit_once('/').map_or((None, path), |(namespace, name)| (Some(namespace), name));
    let ecosystem = short(&ecosystem.to_ascii_lowercase())?;
    let name = qualified(&ecosystem, namespace.map(decode).as_deref(), &decode(name))?;
    Some(Purl { ecosystem, name, version: version.map(decode).and_then(|version| short(&version)) })
}

/// The name that people of an ecosystem know a package by. Distributions put their own name in the namespace.
pub(crate) fn qualified(ecosystem: &str, namespace: Option<&str>, name: &str) -> Option<String> {
    let name = short(name)?;
    let Some(namespace) = namespace.and_then(short) else { return Some(name) };
    match ecosystem {
        "deb" | "rpm" | "apk" | "alpm" | "oci" | "docker" => Some(name),
        "maven" => Some(format!("{namespace}:{name}")),
        _ => Some(format!("{namespace}/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_one_of_the_ecosystem() {
        for (purl, ecosystem, name, version) in [
            ("pkg:npm/%40angular/core@12.3.1", "npm", "@angular/core", Some("12.3.1")),
            ("pkg:npm/@angular/core", "npm", "@angular/core", None),
            ("pkg:deb/debian/curl@7.50.3-1?arch=i386", "deb", "curl", Some("7.50.3-1")),
            ("pkg:maven/org.apache/log4j@1.2#x", "maven", "org.apache:log4j", Some("1.2")),
            ("pkg:golang/google.golang.org/genproto@v1", "golang", "google.golang.org/genproto", Some("v1")),
            ("PKG:PyPI/django@1.11.1", "pypi", "django", Some("1.11.1")),
        ] {
            let parsed = parse(purl).unwrap();
            assert_eq!(
                (parsed.ecosystem.as_str(), parsed.name.as_str(), parsed.version.as_deref()),
                (ecosystem, name, version)
            );
        }
        for broken in ["", "pkg:", "pkg:npm", "pkg:npm/", "http://a/b", "pkg", "pk€g:npm/a"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
