//! Verbs that the tests share: read a report from a file or from text.

#![expect(dead_code, reason = "each test file uses its part of these verbs")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use model::{Observation, ScanRun};
use reports::{Error, Event, Format, Limits, Summary};

/// A report as it arrived at the sink.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) summary: Summary,
    pub(crate) runs: Vec<ScanRun>,
    pub(crate) observations: Vec<Observation>,
}

impl Report {
    /// The only observation.
    #[track_caller]
    pub(crate) fn only(&self) -> &Observation {
        assert_eq!(self.observations.len(), 1, "{:#?}", self.observations);
        &self.observations[0]
    }
}

/// Reads bytes with their format detected.
pub(crate) fn read(bytes: &[u8]) -> Result<Report, Error> {
    read_as(bytes, None, &Limits::default())
}

pub(crate) fn read_as(bytes: &[u8], format: Option<Format>, limits: &Limits) -> Result<Report, Error> {
    let mut runs = Vec::new();
    let mut observations = Vec::new();
    let mut sink = |event| {
        match event {
            Event::Run(run) => runs.push(*run),
            Event::Observation(observation) => {
                assert!(!runs.is_empty(), "an observation came before its run");
                assert!(!observation.title.is_empty() && !observation.vulnerability.id.is_empty());
                assert!(observation.title.chars().count() <= 500);
                observations.push(*observation);
            }
        }
        Ok(())
    };
    let summary = reports::read(Cursor::new(bytes), format, limits, &mut sink)?;
    let left_out: u64 = summary.left_out.iter().map(|left_out| left_out.count).sum();
    assert_eq!(summary.observations, observations.len() as u64);
    assert_eq!(summary.runs, runs.len() as u64);
    assert_eq!(summary.results, summary.observations + left_out);
    Ok(Report { summary, runs, observations })
}

/// A sample of our own.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Public reports with known contents, where they are installed.
pub(crate) fn fixtures() -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/scans"));
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no fixtures at {}", path.display());
    None
}
