//! What a plugin reported, from either writing to an observation.

use model::{FindingKind, Location, Observation, Severity};

use crate::cvss::{Rating, newest};
use crate::draft::{self, paragraphs};
use crate::text::{self, add_new, body, cwes_in, short};

/// One result of a plugin, as the XML or the CSV gives it.
#[derive(Default)]
pub(super) struct Reported<'a> {
    pub(super) plugin: &'a str,
    pub(super) name: Option<&'a str>,
    pub(super) family: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<&'a str>,
    pub(super) protocol: Option<&'a str>,
    pub(super) severity: Option<Severity>,
    /// Nessus' own word or number.
    pub(super) word: Option<&'a str>,
    /// Texts that name CVEs.
    pub(super) cves: Vec<&'a str>,
    /// Texts that name CWEs (`CWE:79`, `CWE #310`).
    pub(super) cwes: Vec<&'a str>,
    pub(super) cvss: Rating,
    pub(super) synopsis: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    pub(super) solution: Option<&'a str>,
    /// Pages, one or more to a text.
    pub(super) see_also: Vec<&'a str>,
    pub(super) output: Option<&'a str>,
    /// Web App Scanning: the place is a page.
    pub(super) is_web: bool,
}

/// The words and numbers that Nessus, Tenable.sc and Web App Scanning use.
pub(super) fn severity(word: &str) -> Option<Severity> {
    match word.trim() {
        "0" => Some(Severity::Info),
        "1" => Some(Severity::Low),
        "2" => Some(Severity::Medium),
        "3" => Some(Severity::High),
        "4" => Some(Severity::Critical),
        word => crate::severity::word(word),
    }
}

/// Names under which a score and the vector it belongs to stand, and the version of both.
pub(super) type Names = (&'static str, Option<&'static str>, &'static str);

/// The newest of the ratings under these names; `text` reads what stands under one.
pub(super) fn cvss<'a>(names: &[Names], text: impl Fn(&'static str) -> Option<&'a str>) -> Rating {
    newest(names.iter().map(|(score, vector, version)| {
        let score = text(score).and_then(draft::cvss_score);
        Rating::new(vector.and_then(&text), Some(version), score)
    }))
}

impl Reported<'_> {
    pub(super) fn observation(self) -> Observation {
        let severity = self.severity.or_else(|| self.cvss.score.and_then(Severity::from_cvss_score));
        let (kind, path) = if self.is_web {
            let page = self.output.and_then(page_in).unwrap_or(self.host);
            (FindingKind::Web, text::one_line(page))
        } else {
            (FindingKind::Host, draft::host_path(self.host, self.port, self.protocol))
        };
        let id = format!("nessus-{}", self.plugin.trim());
        let mut observation = draft::observation(kind, &id, severity.unwrap_or(Severity::Info));
        let name = self.name.or(self.synopsis).and_then(short);
        observation.title = text::title(&[name.as_deref()], &id, Some(&path));
        observation.scanner_severity = self.word.and_then(short);
        observation.message = self.output.and_then(body);
        observation.location = Location { path, ..Location::default() };
        let definition = &mut observation.vulnerability;
        definition.aliases = draft::advisories(self.cves);
        for text in self.cwes.into_iter().take(text::MAX_IDS) {
            add_new(&mut definition.cwes, cwes_in(&text.replace('#', " ")));
        }
        definition.name = name;
        definition.description = paragraphs(&[self.synopsis, self.description]);
        definition.remediation =
            self.solution.filter(|text| !text.trim().eq_ignore_ascii_case("n/a")).and_then(body);
        definition.cvss_score = self.cvss.score;
        definition.cvss_vector = self.cvss.vector;
        definition.references =
            text::references(self.see_also.iter().flat_map(|links| links.split_whitespace()));
        definition.tags = self.family.and_then(short).into_iter().collect();
        observation
    }
}

/// The page that Web App Scanning names in its output: `detected on URL 'https://…'`.
fn page_in(output: &str) -> Option<&str> {
    let (_, rest) = output.split_once("URL '")?;
    let page = rest.split('\'').next()?;
    (page.starts_with("http://") || page.starts_with("https://")).then_some(page)
}
