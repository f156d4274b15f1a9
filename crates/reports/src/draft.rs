//! What formats of hosts, pages and tables share when they make an observation.

use std::collections::HashSet;

use model::{FindingKind, Location, Observation, Severity, Vulnerability};

use crate::error::ErrorKind;
use crate::found;
use crate::output::Output;
use crate::text::{MAX_IDS, add_new, advisories_in, one_line, short, shorten};

/// What became of one result.
pub(crate) enum Found {
    Observation(Box<Observation>),
    /// Not a weakness seen now, and why.
    LeftOut(&'static str),
}

impl Found {
    pub(crate) fn put(self, output: &mut Output<'_>) -> Result<(), ErrorKind> {
        match self {
            Self::Observation(observation) => output.observation(*observation),
            Self::LeftOut(reason) => {
                output.left_out(reason);
                Ok(())
            }
        }
    }
}

/// An observation that has nothing yet but what every one has. The title is the id until the format sets it.
pub(crate) fn observation(kind: FindingKind, id: &str, severity: Severity) -> Observation {
    let id = short(id).unwrap_or_else(|| "unnamed".to_owned());
    found::observation(kind, Vulnerability { id, ..Vulnerability::default() }, severity, Location::default())
}

/// The place of a service on a host: `host/443/tcp`, or the host alone where no port is meant (none, or 0).
///
/// The host stands first, so that it is a prefix by which a scan can say what it looked at.
pub(crate) fn host_path(host: &str, port: Option<&str>, protocol: Option<&str>) -> String {
    let part = |text: &str| shorten(&one_line(text).replace('/', "_"), 250);
    let host = part(host);
    match port.map(str::trim).filter(|port| !port.is_empty() && *port != "0") {
        None => host,
        Some(port) => {
            let protocol =
                protocol.map_or_else(|| "tcp".to_owned(), |protocol| part(protocol).to_lowercase());
            format!("{host}/{}/{protocol}", part(port))
        }
    }
}

/// CVE and GHSA ids named in these texts, each once.
pub(crate) fn advisories<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts {
        add_new(&mut found, advisories_in(text));
        if found.len() >= MAX_IDS {
            break;
        }
    }
    found
}

/// Texts in the order in which they came, each once, however many they are.
#[derive(Default)]
pub(crate) struct Distinct {
    list: Vec<String>,
    seen: HashSet<String>,
}

impl Distinct {
    pub(crate) fn add(&mut self, text: String) {
        if self.seen.insert(text.clone()) {
            self.list.push(text);
        }
    }

    pub(crate) fn first(&self) -> Option<&String> {
        self.list.first()
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}

/// A CVSS base score above 0.
pub(crate) fn cvss_score(text: &str) -> Option<f64> {
    crate::severity::score(text.trim().parse().ok())
}

/// The texts that are there, as paragraphs; one that another already contains is not repeated.
pub(crate) fn paragraphs(parts: &[Option<&str>]) -> Option<String> {
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.iter().flatten().map(|part| part.trim()) {
        let said = parts.iter().flatten().any(|other| other.trim() != part && other.contains(part));
        if !part.is_empty() && !said && !kept.contains(&part) {
            kept.push(part);
        }
    }
    crate::text::body(&kept.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_none_names_the_host() {
        assert_eq!(host_path("a.example", Some("443"), Some("TCP")), "a.example/443/tcp");
        assert_eq!(host_path("a.example", Some("0"), Some("tcp")), "a.example");
        assert_eq!(host_path("2001:db8::1", None, None), "2001:db8::1");
    }
}
