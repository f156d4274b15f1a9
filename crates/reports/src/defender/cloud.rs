//! The CSV of recommendations that the portal exports: a row for every recommendation and resource.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use model::{Coverage, FindingKind, Location, ScanRun};

use crate::ReadSeek;
use crate::draft::{self, Found};
use crate::error::{Error, ErrorKind};
use crate::html;
use crate::limits::Limits;
use crate::output::Output;
use crate::severity;
use crate::table::{self, Row, has_all};
use crate::text::{self, body, one_line, short};

/// Whether these are its columns.
pub(crate) fn is_header(cells: &[String]) -> bool {
    has_all(cells, &["resourceid", "recommendationname", "recommendationdisplayname", "state"])
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    table::read_results(input, limits, output, &mut Rows::default())
}

#[derive(Default)]
struct Rows {
    exported_at: Option<DateTime<Utc>>,
    subscriptions: BTreeSet<String>,
}

/// Names of resources in Azure do not differ by case, and the exports differ in it.
fn resource(row: &Row<'_>) -> String {
    row.get(&["resourceid"]).map(|id| one_line(id).to_lowercase()).unwrap_or_default()
}

impl table::Results for Rows {
    fn is_header(&self, cells: &[String]) -> bool {
        is_header(cells)
    }

    fn note(&mut self, row: &Row<'_>) {
        self.exported_at = self.exported_at.or_else(|| row.get(&["exportedtimestamp"]).and_then(text::time));
        let resource = resource(row);
        let mut parts = resource.split('/').skip(1);
        // Resources of other clouds have paths of their own: nothing is said of how much of them was looked at.
        if let (Some("subscriptions"), Some(id)) = (parts.next(), parts.next()) {
            self.subscriptions.insert(format!("/subscriptions/{id}"));
        } else {
            self.subscriptions.insert(resource);
        }
    }

    fn scan(&mut self) -> ScanRun {
        let paths: Vec<String> = std::mem::take(&mut self.subscriptions).into_iter().collect();
        ScanRun {
            scanner: "Microsoft Defender for Cloud".to_owned(),
            started_at: self.exported_at,
            coverage: Coverage { paths, ..Coverage::default() },
            ..ScanRun::default()
        }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        match row.get(&["state"]).unwrap_or_default().to_ascii_lowercase().replace(' ', "").as_str() {
            "healthy" => return Ok(Found::LeftOut("state is `Healthy`: the recommendation is followed")),
            "notapplicable" => {
                return Ok(Found::LeftOut("state is `NotApplicable`: the resource is exempt or not judged"));
            }
            _ => {}
        }
        let title = row.get(&["recommendationdisplayname", "recommendationname"]);
        let id = row.get(&["recommendationname", "recommendationdisplayname"]).ok_or_else(|| {
            ErrorKind::invalid("this row names no recommendation; export the recommendations again as CSV")
        })?;
        let word = row.get(&["severity"]);
        let mut observation =
            draft::observation(FindingKind::Misconfiguration, id, severity::judge(word, None));
        let name = row.get(&["resourcename"]).and_then(short);
        let path = resource(row);
        observation.title = text::title(&[title], id, name.as_deref().or(Some(&path)));
        observation.scanner_severity = word.and_then(short);
        observation.location = Location { path, logical: name, ..Location::default() };
        let definition = &mut observation.vulnerability;
        definition.name = title.and_then(short);
        let prose = |column: &str| row.get(&[column]).map(html::to_text);
        definition.description = prose("description").as_deref().and_then(body);
        definition.remediation = prose("remediationsteps").as_deref().and_then(body);
        let link = row.get(&["azureportalrecommendationlink"]);
        let link = link
            .map(|link| if link.starts_with("http") { link.to_owned() } else { format!("https://{link}") });
        definition.references = text::references(link.as_deref());
        let tags = ["resourcetype", "controls"].iter().filter_map(|column| row.get(&[column]));
        definition.tags = tags.filter_map(short).collect();
        Ok(Found::Observation(Box::new(observation)))
    }
}
