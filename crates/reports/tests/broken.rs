//! A report that is broken, cut off, hostile or of another kind is refused with position, reason and next step, and
//! nothing panics on the way.

mod support;

use proptest::prelude::*;
use reports::{ErrorKind, Format, Limits};
use support::{read, read_as, sample};

const SAMPLES: [&str; 20] = [
    "whole.sarif",
    "trivy.json",
    "cluster.json",
    "cyclonedx.json",
    "semgrep.json",
    "semgrep-platform.json",
    "npm-audit.json",
    "npm-audit-1.json",
    "grype.json",
    "osv-scanner.json",
    "pip-audit.json",
    "cargo-audit.json",
    "bandit.json",
    "gitleaks.json",
    "checkov.json",
    "snyk.json",
    "snyk-issues.json",
    "govulncheck.json",
    "generic.json",
    "generic.csv",
];

#[track_caller]
fn refusal(bytes: &[u8]) -> reports::Error {
    read(bytes).expect_err("the report was read")
}

#[test]
fn a_report_cut_at_any_byte_is_refused() {
    for name in SAMPLES.into_iter().filter(|name| *name != "generic.csv") {
        let whole = sample(name);
        let end = whole.trim_ascii_end().len();
        read(&whole).unwrap_or_else(|error| panic!("{name}: {error}"));
        let format = read(&whole).unwrap().summary.format;
        for cut in 0..end {
            // Named formats take the same way after the first bytes, so some cuts are enough for them.
            let formats = if cut % 16 == 0 { vec![None, Some(format)] } else { vec![None] };
            for format in formats {
                let report = read_as(&whole[..cut], format, &Limits::default());
                let error = report.expect_err("a cut report was read");
                assert!(
                    matches!(
                        error.kind,
                        ErrorKind::Empty
                            | ErrorKind::Truncated { .. }
                            | ErrorKind::UnknownFormat { .. }
                            | ErrorKind::WrongEncoding { .. }
                    ),
                    "{name} cut at {cut}: {error}"
                );
            }
        }
    }
}

#[test]
fn a_csv_cut_inside_a_row_is_refused() {
    let whole = sample("generic.csv");
    let rows = read(&whole).unwrap().summary.observations;
    for cut in 0..whole.len() {
        match read(&whole[..cut]) {
            // Cut exactly behind a row it is a shorter table; nothing in CSV tells.
            Ok(report) => {
                assert_eq!(whole[cut - 1], b'\n', "cut at {cut}");
                assert!(report.summary.observations < rows);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn an_empty_file_is_no_report() {
    for empty in [&b""[..], b" \r\n\t ", b"\xEF\xBB\xBF", b"\xEF\xBB\xBF\n"] {
        assert!(matches!(refusal(empty).kind, ErrorKind::Empty));
        let named = read_as(empty, Some(Format::Sarif), &Limits::default()).unwrap_err();
        assert!(matches!(named.kind, ErrorKind::Empty));
    }
}

#[test]
fn a_byte_order_mark_is_accepted() {
    for name in SAMPLES {
        let marked = [b"\xEF\xBB\xBF".to_vec(), sample(name)].concat();
        assert_eq!(read(&marked).unwrap().observations, read(&sample(name)).unwrap().observations, "{name}");
    }
}

#[test]
fn another_encoding_is_named() {
    let text = String::from_utf8(sample("whole.sarif")).unwrap();
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [
        little.clone(),
        big.clone(),
        [b"\xFF\xFE".to_vec(), little].concat(),
        [b"\xFE\xFF".to_vec(), big].concat(),
    ] {
        let told = refusal(&bytes).to_string();
        assert_eq!(told, "the file is UTF-16, not UTF-8; save the report as UTF-8 and upload it again");
    }
    let latin = b"{\"lockstep\": 1,\n \"scanner\": {\"name\": \"caf\xE9\"}, \"findings\": []}";
    assert_eq!(
        refusal(latin).to_string(),
        "line 2, column 27 (byte 43), at scanner.name: byte 0xE9 is not UTF-8 (the text looks like Latin-1 or \
         Windows-1252); save the report as UTF-8 and upload it again"
    );
    let csv = b"id,title,severity\nA,caf\xE9 au lait,high\n";
    assert!(matches!(refusal(csv).kind, ErrorKind::WrongEncoding { .. }));
}

#[test]
fn a_file_of_another_kind_is_named_with_what_was_seen() {
    for (bytes, seen) in [
        (&b"{\"this\": 1, \"that\": []}"[..], "a JSON object with the keys that, this"),
        (b"{}", "an empty JSON object"),
        (b"[1, 2]", "an empty JSON list"),
        (b"<?xml version=\"1.0\"?><catalog>", "XML whose root element is 'catalog'"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"hello\nworld", "its first line is 'hello'"),
    ] {
        let error = refusal(bytes);
        assert!(matches!(error.kind, ErrorKind::UnknownFormat { .. }), "{error}");
        let told = error.to_string();
        let known: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        assert!(
            told.contains(seen) && told.ends_with(&format!("known formats are {}", known.join(", "))),
            "{told}"
        );
    }
}

#[test]
fn a_report_of_another_format_than_was_named_is_refused() {
    for name in SAMPLES {
        let bytes = sample(name);
        let detected = read(&bytes).unwrap().summary.format;
        for other in Format::ALL.into_iter().filter(|format| *format != detected) {
            let error =
                read_as(&bytes, Some(other), &Limits::default()).expect_err("a wrong format was read");
            assert!(!matches!(error.kind, ErrorKind::Io(_)), "{name} as {other}: {error}");
        }
    }
}

#[test]
fn a_wrong_value_is_told_with_line_and_path() {
    let text = String::from_utf8(sample("whole.sarif")).unwrap();
    let wrong = text.replacen("\"level\": \"error\"", "\"level\": 5", 1);
    let error = refusal(wrong.as_bytes());
    assert!(
        error
            .to_string()
            .contains("at runs[0].results[0].level: invalid type: integer `5`, expected a string"),
        "{error}"
    );
    let place = error.place.unwrap();
    let line = wrong.lines().position(|line| line.contains("\"level\": 5")).unwrap() as u64 + 1;
    assert_eq!(place.line, line);
}

#[test]
fn the_place_inside_a_result_counts_from_the_start_of_the_file() {
    let head = "{\"lockstep\": 1, \"scanner\": {\"name\": \"ä\"}, \"findings\": [\n";
    for (finding, place) in [
        ("{\"severty\": 1}]}", "line 2, column 10 (byte 67), at findings[0].severty: unknown field"),
        (
            "  {\"x-ä\":\n 1, \"severty\": 1}]}",
            "line 3, column 13 (byte 81), at findings[0].severty: unknown field",
        ),
        ("{}, 5]}", "line 2, column 2 (byte 59), at findings[0]: 'id' is missing"),
        ("5]}", "at findings: a result must be an object"),
        ("{\"id\" \"A\"}]}", "line 2, column 7 (byte 64), at findings[0].id: not valid JSON: expected `:`"),
    ] {
        let told = refusal(format!("{head}{finding}").as_bytes()).to_string();
        assert!(told.contains(place), "{told}\nexpected: {place}");
    }
}

#[test]
fn what_follows_the_end_of_the_json_is_told() {
    let twice = [sample("generic.json"), sample("generic.json")].concat();
    assert!(matches!(refusal(&twice).kind, ErrorKind::Syntax { .. }));
}

#[test]
fn limits_stop_what_would_fill_memory() {
    let limits = Limits::default();
    let deep = format!("{{\"runs\": [{{\"x\": {}", "[".repeat(100_000));
    let error = refusal(deep.as_bytes());
    assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 100, .. }), "{error}");

    let small = Limits { max_bytes: 100, ..limits.clone() };
    for name in SAMPLES {
        let error = read_as(&sample(name), None, &small).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 100, .. }), "{name}: {error}");
    }
    let one = Limits { max_observations: 1, ..limits.clone() };
    for name in SAMPLES {
        let error = read_as(&sample(name), None, &one).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 1, .. }), "{name}: {error}");
    }
    let header = Limits { max_header_bytes: 200, ..limits.clone() };
    let error = read_as(&sample("whole.sarif"), None, &header).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 200, .. }), "{error}");

    let result = Limits { max_result_bytes: 80, ..limits };
    for name in [
        "whole.sarif",
        "trivy.json",
        "checkov.json",
        "snyk.json",
        "snyk-issues.json",
        "govulncheck.json",
        "generic.json",
        "generic.csv",
    ] {
        let error = read_as(&sample(name), None, &result).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 80, .. }), "{name}: {error}");
    }
}

#[test]
fn what_is_short_in_the_file_and_large_in_memory_counts_as_large() {
    let empty = ["{}"; 5_000].join(",");
    let rules = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"x","rules":[{empty}]}}}},"results":[]}}]}}"#
    );
    let places = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"x"}}}},"results":[{{"locations":[{empty}]}}]}}]}}"#
    );
    let texts = format!(r#"{{"version":"2.1.0","runs":[{{"x":[{}]}}]}}"#, ["0"; 50_000].join(","));
    let limits = Limits { max_header_bytes: 1 << 20, max_result_bytes: 1 << 20, ..Limits::default() };
    for hostile in [rules, places, texts] {
        assert!(hostile.len() < 1 << 20);
        let error = read_as(hostile.as_bytes(), None, &limits).expect_err("it would fill memory");
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { bound: 0x10_0000, .. }), "{error}");
    }
}

#[test]
fn a_text_that_is_too_long_is_shortened_between_characters() {
    let limits = Limits { max_string: 40, ..Limits::default() };
    for (unit, count) in [("ä", 100), ("\\ud83d\\ude00", 100), ("\\\"", 100), ("a\\u00e4", 100), ("😀", 100)]
    {
        for shift in 0..12 {
            let title = format!("{}{}", "x".repeat(shift), unit.repeat(count));
            let text = format!(
                r#"{{"lockstep":1,"scanner":{{"name":"s"}},"findings":[{{"id":"a","severity":"low","title":"{title}"}}]}}"#
            );
            let report = read_as(text.as_bytes(), None, &limits).unwrap();
            assert!(report.only().title.len() <= 52, "{}", report.only().title);
            assert!(report.only().title.starts_with(&"x".repeat(shift)));
        }
    }
}

#[test]
fn an_error_of_the_receiver_stops_the_reading() {
    for name in SAMPLES {
        let mut events = 0;
        let mut sink = |_| {
            events += 1;
            if events == 2 { Err("disk full".into()) } else { Ok(()) }
        };
        let bytes = sample(name);
        let error =
            reports::read(std::io::Cursor::new(&bytes), None, &Limits::default(), &mut sink).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::Sink(_)), "{name}: {error}");
        assert_eq!(events, 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_bytes_never_cause_a_panic(
        sample_index in 0..SAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = sample(SAMPLES[sample_index]);
        for (index, byte) in changes {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        for format in [None, Some(Format::Sarif), Some(Format::Trivy), Some(Format::GenericJson), Some(Format::GenericCsv)] {
            let _ = read_as(&bytes, format, &Limits::default());
        }
    }

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }
}
