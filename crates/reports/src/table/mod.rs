//! Reading CSV that scanners export: columns by their names, in any order, with any others between them.
//!
//! What stands before the header (Qualys writes who exported when) is handed to the format, blank rows are skipped. A
//! row with another number of cells than the header is an error: cells would be read under the wrong name.

pub(crate) mod guard;

use std::cell::RefCell;
use std::rc::Rc;

use ::csv::{ReaderBuilder, StringRecord};

use crate::ReadSeek;
use crate::draft::Found;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use crate::output::Output;
use guard::{Guard, Progress, refuse};
use model::ScanRun;

/// Most rows before the header.
const MAX_PREAMBLE: usize = 50;

/// The delimiter that a header uses: a comma or a semicolon.
pub(crate) fn delimiter(header: &str) -> char {
    if header.matches(';').count() > header.matches(',').count() { ';' } else { ',' }
}

/// Name of a column as it is compared: without quotes, in lower case.
pub(crate) fn clean(name: &str) -> String {
    name.trim().trim_matches('"').trim().to_lowercase()
}

/// The cells of one line, cleaned; for recognition only.
pub(crate) fn cells(line: &str) -> Vec<String> {
    line.split(delimiter(line)).map(clean).collect()
}

/// Whether all these columns are there.
pub(crate) fn has_all(names: &[String], wanted: &[&str]) -> bool {
    wanted.iter().all(|wanted| names.iter().any(|name| name == wanted))
}

/// One row under its header.
pub(crate) struct Row<'a> {
    names: &'a [String],
    record: &'a StringRecord,
}

impl Row<'_> {
    /// The first cell that is not blank under one of these names, all in lower case.
    pub(crate) fn get(&self, columns: &[&str]) -> Option<&str> {
        columns.iter().find_map(|column| {
            let cells = self.names.iter().zip(self.record).filter(|(name, _)| name == column);
            cells.map(|(_, cell)| cell.trim()).find(|cell| !cell.is_empty())
        })
    }
}

/// What a format does with a table.
pub(crate) trait Visitor {
    /// Whether this row is the header; `cells` are cleaned. Rows before it are not looked at again.
    fn is_header(&mut self, cells: &[String]) -> bool;

    /// A row that is not blank.
    fn row(&mut self, row: &Row<'_>) -> Result<(), ErrorKind>;
}

/// Reads the file from its start to its end.
///
/// # Errors
///
/// What is damaged, over the limits or refused by the visitor, with its place.
pub(crate) fn walk(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    visitor: &mut dyn Visitor,
) -> Result<(), Error> {
    let progress = Rc::new(RefCell::new(Progress::default()));
    let mut guard = Guard::new(input, limits, &progress)?;
    let delimiter = delimiter(&guard.header()?) as u8;
    progress.borrow_mut().delimiter = delimiter;
    let mut reader =
        ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(guard);
    let mut names: Vec<String> = Vec::new();
    let mut before = 0;
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| refuse(error, &progress))? {
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let position = record.position();
        let place = Place {
            byte: position.map_or(0, ::csv::Position::byte),
            line: position.map_or(0, ::csv::Position::line),
            column: 1,
            path: String::new(),
        };
        if names.is_empty() {
            let cells: Vec<String> = record.iter().map(clean).collect();
            if visitor.is_header(&cells) {
                names = cells;
            } else if before == MAX_PREAMBLE {
                return Err(Error::at(no_header(), place));
            }
            before += 1;
            continue;
        }
        let last = progress.borrow().ended;
        if last
            && (progress.borrow().in_quotes || (record.len() < names.len() && !progress.borrow().ends_a_line))
        {
            let inside = if progress.borrow().in_quotes { "a quoted cell" } else { "a row" };
            return Err(Error::at(ErrorKind::Truncated { inside: inside.to_owned() }, place));
        }
        if record.len() != names.len() {
            let reason = format!(
                "the row has {} cells, the header has {}; the file was changed by hand or cut off",
                record.len(),
                names.len()
            );
            return Err(Error::at(ErrorKind::Invalid { reason }, place));
        }
        visitor.row(&Row { names: &names, record: &record }).map_err(|kind| Error::at(kind, place))?;
    }
    if names.is_empty() {
        return Err(no_header().into());
    }
    if progress.borrow().in_quotes {
        let place = progress.borrow().place();
        return Err(Error::at(ErrorKind::Truncated { inside: "a quoted cell".to_owned() }, place));
    }
    Ok(())
}

fn no_header() -> ErrorKind {
    ErrorKind::invalid("the row with the names of the columns is missing; export the report again")
}

/// A format whose rows are its results.
pub(crate) trait Results {
    /// Whether this row is the header; `cells` are cleaned.
    fn is_header(&self, cells: &[String]) -> bool;

    /// Something before the header.
    fn before_header(&mut self, _cells: &[String]) {}

    /// A row in the first pass: what it says about the run.
    fn note(&mut self, _row: &Row<'_>) {}

    /// The run, once every row was noted.
    fn scan(&mut self) -> ScanRun;

    /// What a row is.
    fn read(&self, row: &Row<'_>) -> Result<Found, ErrorKind>;
}

/// Two passes: the first proves that every row can be read, the second hands the results on.
pub(crate) fn read_results(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    output: &mut Output<'_>,
    results: &mut dyn Results,
) -> Result<(), Error> {
    walk(input, limits, &mut Pass { results, output: None })?;
    output.run(results.scan())?;
    walk(input, limits, &mut Pass { results, output: Some(output) })
}

struct Pass<'a, 'o> {
    results: &'a mut dyn Results,
    output: Option<&'a mut Output<'o>>,
}

impl Visitor for Pass<'_, '_> {
    fn is_header(&mut self, cells: &[String]) -> bool {
        let header = self.results.is_header(cells);
        if !header && self.output.is_none() {
            self.results.before_header(cells);
        }
        header
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), ErrorKind> {
        let found = self.results.read(row)?;
        match &mut self.output {
            Some(output) => found.put(output),
            None => {
                self.results.note(row);
                Ok(())
            }
        }
    }
}
