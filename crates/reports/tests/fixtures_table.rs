//! All public reports in one table: how many files of each format, with how many results, how many of them we read, and what
//! becomes of the others. `cargo test -p reports --test fixtures_table -- --nocapture` prints it.

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{fixtures, read};

/// Formats of which more is read than the raw count says, because no place is folded away.
const MORE: &[(&str, &str)] = &[
    ("asff", "one for each vulnerable package of a finding"),
    ("aws_security_hub", "one for each vulnerable package of a finding"),
    ("cyclonedx", "one for each component that a vulnerability affects"),
    ("cyclonedx_vex", "one for each component that a vulnerability affects"),
    ("generic", "one for each address of a finding"),
    ("govulncheck", "what version 0 found, which the raw count does not know"),
    ("nmap", "scripts that report vulnerabilities; the raw count is of open ports"),
    ("qualys_infrascan", "potential vulnerabilities too"),
    ("zap", "one for each instance of an alert"),
];

/// Files of which less is read, and nothing is left out with a reason of its own.
const LESS: &[(&str, &str)] = &[(
    "cyclonedx_spec/cyclonedx-spec/1.7__valid-compositions-1.7.xml",
    "one vulnerability; the raw count takes a reference to it in a composition for a second one",
)];

/// What becomes of the files of a format.
#[derive(Default)]
struct Line {
    files: u64,
    raw: u64,
    read: u64,
    left_out: BTreeMap<&'static str, u64>,
    refused: Vec<String>,
    more: u64,
    less: u64,
}

#[test]
fn every_result_of_every_public_report_is_read_or_left_out_with_a_reason() {
    let Some(root) = fixtures() else { return };
    let entries = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<_> = entries.filter(|path| path.join("expected.json").is_file()).collect();
    folders.sort();
    assert!(folders.len() > 40, "they are all there");
    let mut unjustified = Vec::new();
    println!("| folder | files | raw results | read | left out | refused | more than raw |");
    println!("|---|---|---|---|---|---|---|");
    for folder in folders {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expected = std::fs::read(folder.join("expected.json")).unwrap();
        let expected: Value = serde_json::from_slice(&expected).unwrap();
        let mut line = Line::default();
        for file in expected["files"].as_array().unwrap() {
            let path = file["file"].as_str().unwrap();
            let raw = file["raw_results"].as_u64();
            line.files += 1;
            line.raw += raw.unwrap_or(0);
            let report = match read(&std::fs::read(folder.join(path)).unwrap()) {
                Ok(report) => report,
                // Which files may be refused, and why, is held by the tests of each format.
                Err(error) => {
                    line.refused.push(format!("{path}: {error}"));
                    continue;
                }
            };
            line.read += report.summary.observations;
            for left_out in &report.summary.left_out {
                *line.left_out.entry(left_out.reason).or_default() += left_out.count;
            }
            let full = format!("{name}/{path}");
            let is_named =
                |list: &[(&str, &str)], wanted: &str| list.iter().any(|(known, _)| *known == wanted);
            if raw.is_some_and(|raw| report.summary.results > raw) {
                line.more += 1;
                if report.summary.observations > raw.unwrap_or(0) && !is_named(MORE, &name) {
                    unjustified.push(format!("{full}: {} instead of {raw:?}", report.summary.results));
                }
            }
            if raw.is_some_and(|raw| report.summary.results < raw) {
                line.less += 1;
                if !is_named(LESS, &full) {
                    unjustified.push(format!("{full}: {} instead of {raw:?}", report.summary.results));
                }
            }
        }
        let left_out: u64 = line.left_out.values().sum();
        let Line { files, raw, read, refused, more, .. } = &line;
        println!("| {name} | {files} | {raw} | {read} | {left_out} | {} | {more} |", refused.len());
        for (reason, count) in &line.left_out {
            println!("    {count} left out: {reason}");
        }
        for refused in refused {
            println!("    refused: {}", refused.chars().take(160).collect::<String>());
        }
        if let Some((_, why)) = MORE.iter().find(|(of, _)| *of == name) {
            println!("    more: {why}");
        }
    }
    assert_eq!(unjustified, Vec::<String>::new());
}
