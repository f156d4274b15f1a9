//! Lockstep's own CSV (`docs/formats/generic-csv.md`).
//!
//! Two passes: the first proves that every row can be read, the second hands the findings on.

use std::cell::RefCell;
use std::rc::Rc;

use csv::{ReaderBuilder, StringRecord};
use model::ScanRun;

use super::finding::{Draft, FIELDS, LISTS, Wrong};
use super::names::{is_private, unknown};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind, Place};
use crate::limits::Limits;
use crate::output::Output;
use crate::table::guard::{Guard, Progress, refuse};
use crate::table::{clean, delimiter};
use crate::text::{self, short};

/// Columns that describe the run: every row holds the same value, or none.
const RUN_COLUMNS: [&str; 8] =
    ["scanner", "scanner_version", "configuration", "run_id", "started_at", "branch", "commit", "target"];

/// Name of the scanner where no column gives one.
const UNNAMED_SCANNER: &str = "generic-csv";

/// Whether a line is the header of this format: `id` and `title` are there.
pub(crate) fn is_header(line: &str) -> bool {
    let names: Vec<String> = line.split(delimiter(line)).map(clean).collect();
    ["id", "title"].iter().all(|needed| names.iter().any(|name| name == needed))
}

/// What a column means.
#[derive(Clone, Copy)]
enum Column {
    Finding(&'static str),
    Run(usize),
    Private,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let scan = pass(input, limits, None)?;
    output.run(scan)?;
    pass(input, limits, Some(output)).map(|_| ())
}

fn pass(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    mut output: Option<&mut Output<'_>>,
) -> Result<ScanRun, Error> {
    let progress = Rc::new(RefCell::new(Progress::default()));
    let mut guard = Guard::new(input, limits, &progress)?;
    let header = guard.header()?;
    let delimiter = delimiter(&header) as u8;
    progress.borrow_mut().delimiter = delimiter;
    // Rows of any length are taken in, so that a wrong one is told with names instead of numbers.
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(guard);
    let fail = |error: csv::Error| refuse(error, &progress);
    let names = reader.headers().map_err(fail)?.clone();
    let columns = columns(&names)?;
    let mut run: [Option<String>; RUN_COLUMNS.len()] = Default::default();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| refuse(error, &progress))? {
        let place = |column: usize| {
            let position = record.position();
            Place {
                byte: position.map_or(0, csv::Position::byte),
                line: position.map_or(0, csv::Position::line),
                column: column as u64 + 1,
                path: names.get(column).map_or_else(String::new, |name| format!("column '{}'", clean(name))),
            }
        };
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let cut_off = progress.borrow().in_quotes && progress.borrow().ended;
        if record.len() != columns.len() && !cut_off {
            let reason = format!(
                "the row has {} cells, the header has {}; put cells that hold the delimiter or line breaks in quotes",
                record.len(),
                columns.len()
            );
            return Err(Error::at(ErrorKind::Invalid { reason }, Place { path: String::new(), ..place(0) }));
        }
        if cut_off {
            break;
        }
        let mut draft = Draft::default();
        for (index, (cell, column)) in record.iter().zip(&columns).enumerate() {
            match *column {
                Column::Finding(field) => {
                    let values = if LISTS.contains(&field) {
                        cell.split('|').map(str::to_owned).collect()
                    } else {
                        vec![cell.to_owned()]
                    };
                    draft.set(field, values).map_err(|wrong| at(wrong, place(index)))?;
                }
                Column::Run(fact) => {
                    one_value(&mut run[fact], cell, RUN_COLUMNS[fact])
                        .map_err(|wrong| at(wrong, place(index)))?;
                }
                Column::Private => {}
            }
        }
        let observation = draft.finish().map_err(|wrong| {
            let index = columns
                .iter()
                .position(|column| matches!(column, Column::Finding(field) if *field == wrong.field));
            let place = index.map_or_else(|| Place { path: String::new(), ..place(0) }, place);
            at(wrong, place)
        })?;
        if let Some(output) = output.as_deref_mut() {
            output.observation(observation).map_err(|kind| Error::at(kind, place(0)))?;
        }
    }
    if progress.borrow().in_quotes || !progress.borrow().ends_a_line {
        let inside = if progress.borrow().in_quotes {
            "a quoted cell"
        } else {
            "a row (there is no line break after the last one)"
        };
        let place = progress.borrow().place();
        return Err(Error::at(ErrorKind::Truncated { inside: inside.to_owned() }, place));
    }
    scan(run).map_err(|reason| {
        let path = "column 'started_at'".to_owned();
        Error::at(ErrorKind::Invalid { reason }, Place { byte: 0, line: 2, column: 1, path })
    })
}

fn at(wrong: Wrong, place: Place) -> Error {
    Error::at(ErrorKind::Invalid { reason: wrong.reason }, place)
}

fn columns(names: &StringRecord) -> Result<Vec<Column>, Error> {
    let mut columns = Vec::with_capacity(names.len());
    let mut seen: Vec<String> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let name = clean(name);
        let refuse = |reason: String| {
            let place =
                Place { byte: 0, line: 1, column: index as u64 + 1, path: format!("column '{name}'") };
            Error::at(ErrorKind::Invalid { reason }, place)
        };
        let finding = FIELDS.into_iter().find(|field| *field == name).map(Column::Finding);
        let run = RUN_COLUMNS.iter().position(|column| *column == name).map(Column::Run);
        let Some(column) = finding.or(run).or(is_private(&name).then_some(Column::Private)) else {
            let known: Vec<&str> = FIELDS.into_iter().chain(RUN_COLUMNS).collect();
            return Err(refuse(unknown("column", &name, &known)));
        };
        if !matches!(column, Column::Private) && seen.contains(&name) {
            return Err(refuse(format!("the column '{name}' is there twice")));
        }
        seen.push(name);
        columns.push(column);
    }
    for needed in ["id", "title"] {
        if !seen.iter().any(|name| name == needed) {
            let place = Place { byte: 0, line: 1, column: 1, path: String::new() };
            return Err(Error::at(ErrorKind::invalid(format!("the column '{needed}' is missing")), place));
        }
    }
    Ok(columns)
}

/// A fact of the run may stand in every row or in one; two different values are two reports in one file.
fn one_value(known: &mut Option<String>, cell: &str, name: &'static str) -> Result<(), Wrong> {
    let Some(value) = short(cell) else { return Ok(()) };
    match known {
        None => *known = Some(value),
        Some(known) if *known != value => {
            let reason = format!("'{name}' was '{known}' before and is '{value}' here; a file holds one run");
            return Err(Wrong { field: name, reason });
        }
        Some(_) => {}
    }
    Ok(())
}

fn scan(run: [Option<String>; RUN_COLUMNS.len()]) -> Result<ScanRun, String> {
    let [scanner, scanner_version, configuration, run_id, started_at, branch, commit, target] = run;
    let started_at = match started_at {
        None => None,
        Some(given) => Some(text::time(&given).ok_or_else(|| {
            format!("'{}' is not a time: write 2026-01-31T12:00:00Z", text::shorten(&given, 40))
        })?),
    };
    let scanner = scanner.unwrap_or_else(|| UNNAMED_SCANNER.to_owned());
    Ok(ScanRun {
        scanner,
        scanner_version,
        configuration,
        run_id,
        started_at,
        branch,
        commit,
        target,
        ..ScanRun::default()
    })
}
