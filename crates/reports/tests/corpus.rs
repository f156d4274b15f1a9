//! The corpus of the fuzz targets (`fuzz/corpus`, a folder per target) knows every format and breaks no parser.

#![expect(clippy::unwrap_used, reason = "a test fails where something unexpected happens")]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use reports::{Format, Limits};
use support::{read, read_as};

/// Targets that are not the parser of a format.
const OTHERS: [&str; 2] = ["detect", "unpack"];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

fn inputs(target: &str) -> Vec<Vec<u8>> {
    let files = std::fs::read_dir(corpus().join(target)).into_iter().flatten();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_format_has_a_fuzz_target_and_every_target_is_one() {
    let wanted: BTreeSet<String> =
        Format::ALL.into_iter().map(Format::as_str).chain(OTHERS).map(str::to_owned).collect();
    let there: BTreeSet<String> = std::fs::read_dir(corpus())
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, wanted, "a folder of fuzz/corpus is a fuzz target");
}

#[test]
fn the_corpus_of_a_format_has_a_report_with_results() {
    let has_results = |format: &Format| {
        inputs(format.as_str()).iter().any(|bytes| {
            let report = read_as(bytes, Some(*format), &Limits::default());
            report.is_ok_and(|report| !report.observations.is_empty())
        })
    };
    let without: Vec<&str> =
        Format::ALL.iter().filter(|format| !has_results(format)).map(|format| format.as_str()).collect();
    assert!(without.is_empty(), "put a small report of our own into fuzz/corpus: {without:?}");
}

#[test]
fn nothing_in_the_corpus_breaks_a_parser() {
    for format in Format::ALL {
        for bytes in inputs(format.as_str()) {
            let _ = read_as(&bytes, Some(format), &Limits::default());
        }
    }
    for bytes in OTHERS.into_iter().flat_map(inputs) {
        let _ = (reports::detect(&bytes), read(&bytes));
    }
}
