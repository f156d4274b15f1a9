//! Any other CSV, with a map that says which column holds which fact.

use std::collections::{BTreeMap, BTreeSet};

use model::{FindingKind, ScanRun};
use serde::{Deserialize, Serialize};

use super::finding::{Draft, FIELDS, LISTS};
use super::names::unknown;
use crate::ReadSeek;
use crate::draft::Found;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::output::Output;
use crate::severity;
use crate::table::{self, Row, clean};
use crate::text::short;

/// Which column of a table holds which fact of a finding.
///
/// The facts are those of Lockstep's own CSV (`docs/formats/generic-csv.md`); columns that no fact names are skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnMap {
    /// Column of each fact: `{"title": "Issue name", "path": "File"}`. Case and space around names do not matter.
    /// `title` must be there; without a column for `id` the title is the id, without one for `severity` each finding
    /// is judged by its `cvss_score` or `cvss_vector`, else informational.
    pub columns: BTreeMap<String, String>,
    /// What words in the severity's column mean that are not understood by themselves: `{"P1": "critical"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub severities: BTreeMap<String, String>,
    /// Kind of every finding, where no column says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<FindingKind>,
    /// Name of the scanner; `generic-csv` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
}

impl ColumnMap {
    /// Whether the map can be used at all.
    ///
    /// # Errors
    ///
    /// The first name that is no fact or severity, with the one that was probably meant.
    pub fn check(&self) -> Result<(), ErrorKind> {
        if let Some(fact) = self.columns.keys().find(|fact| !FIELDS.contains(&fact.as_str())) {
            return Err(ErrorKind::invalid(unknown("fact in the map of columns", fact, &FIELDS)));
        }
        if !self.columns.contains_key("title") {
            return Err(ErrorKind::invalid("the map of columns names none for 'title'"));
        }
        let wrong = self.severities.values().find(|word| word.parse::<model::Severity>().is_err());
        match wrong {
            Some(word) => Err(ErrorKind::invalid(format!(
                "the map of columns says '{}' is a severity: use critical, high, medium, low or info",
                crate::text::shorten(word, 40)
            ))),
            None => Ok(()),
        }
    }

    fn wanted(&self) -> BTreeSet<String> {
        self.columns.values().map(|column| clean(column)).collect()
    }
}

pub(crate) fn read(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    map: &ColumnMap,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    map.check()?;
    let columns = FIELDS.into_iter().filter_map(|fact| Some((fact, clean(map.columns.get(fact)?)))).collect();
    let severities = map.severities.iter().map(|(word, meant)| (clean(word), meant.clone())).collect();
    table::read_results(input, limits, output, &mut Rows { map, columns, severities })
}

struct Rows<'a> {
    map: &'a ColumnMap,
    columns: Vec<(&'static str, String)>,
    severities: BTreeMap<String, String>,
}

impl table::Results for Rows<'_> {
    /// The first row that has every column: what is missing would be missing in every finding.
    fn is_header(&self, cells: &[String]) -> bool {
        self.map.wanted().iter().all(|wanted| cells.contains(wanted))
    }

    fn scan(&mut self) -> ScanRun {
        let scanner = self.map.scanner.as_deref().and_then(short);
        ScanRun { scanner: scanner.unwrap_or_else(|| "generic-csv".to_owned()), ..ScanRun::default() }
    }

    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind> {
        let mut draft = Draft::default();
        let refuse = |fact: &str, reason: String| {
            let column = self.map.columns.get(fact).map_or("", String::as_str);
            ErrorKind::Invalid { reason: format!("{reason} (column '{}')", crate::text::shorten(column, 60)) }
        };
        for (fact, column) in &self.columns {
            let Some(cell) = row.get(&[column]) else { continue };
            let values = match *fact {
                "severity" => vec![self.severity(cell)],
                fact if LISTS.contains(&fact) => {
                    cell.split(['|', ',', ';', '\n']).map(|value| value.trim().to_owned()).collect()
                }
                _ => vec![cell.to_owned()],
            };
            draft.set(fact, values).map_err(|wrong| refuse(fact, wrong.reason))?;
        }
        let title =
            self.columns.iter().find(|(fact, _)| *fact == "title").and_then(|(_, column)| row.get(&[column]));
        let info = (!draft.has("cvss_score") && !draft.is_scored()).then(|| "info".to_owned());
        let defaults = [
            ("id", title.and_then(short)),
            ("kind", self.map.kind.map(|kind| kind.as_str().to_owned())),
            ("severity", info),
        ];
        for (fact, value) in defaults {
            if let (Some(value), false) = (value, draft.has(fact)) {
                draft.set(fact, vec![value]).map_err(|wrong| refuse(fact, wrong.reason))?;
            }
        }
        let mut observation = draft.finish().map_err(|wrong| refuse(wrong.field, wrong.reason))?;
        let column = self.columns.iter().find(|(fact, _)| *fact == "severity");
        observation.scanner_severity = column.and_then(|(_, column)| row.get(&[column])).and_then(short);
        Ok(Found::Observation(Box::new(observation)))
    }
}

impl Rows<'_> {
    /// By the map, else by what the word means everywhere; a word that means nothing is refused with its row.
    fn severity(&self, cell: &str) -> String {
        if let Some(meant) = self.severities.get(&clean(cell)) {
            return meant.clone();
        }
        severity::word(cell).map_or_else(|| cell.to_owned(), |severity| severity.as_str().to_owned())
    }
}
