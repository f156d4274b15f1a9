//! What holds for every XML format, shown with `.nessus`: encodings, entities, limits, and errors with their place.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use reports::{ErrorKind, Format, Limits};
use support::{read, read_as};

/// A report with one result whose name and output are given.
fn nessus(name: &str, output: &str) -> String {
    format!(
        "<NessusClientData_v2>\n<Report name=\"r\">\n<ReportHost name=\"192.0.2.7\">\n\
         <ReportItem pluginID=\"1\" port=\"443\" protocol=\"tcp\" severity=\"2\" pluginName=\"{name}\">\n\
         <plugin_output>{output}</plugin_output>\n</ReportItem>\n</ReportHost>\n</Report>\n</NessusClientData_v2>\n"
    )
}

#[track_caller]
fn refused(bytes: &[u8]) -> reports::Error {
    read(bytes).unwrap_err()
}

#[test]
fn entities_of_xml_itself_and_numbers_are_resolved() {
    let report = read(
        nessus("a &lt;b&gt; &amp; &#xE9; &#8364;", "x &quot;y&apos; <![CDATA[<z> & &amp;]]>").as_bytes(),
    );
    let report = report.unwrap();
    assert_eq!(report.only().title, "a <b> & é € in 192.0.2.7/443/tcp");
    assert_eq!(report.only().message.as_deref(), Some("x \"y' <z> & &amp;"));
}

#[test]
fn a_number_that_is_no_character_of_xml_does_not_cost_the_report() {
    let report = read(nessus("a", "b &#0; &#xD800; &#x110000; c & d").as_bytes()).unwrap();
    assert_eq!(report.only().message.as_deref(), Some("b \u{FFFD} \u{FFFD} \u{FFFD} c & d"));
}

#[test]
fn a_document_type_that_declares_entities_is_refused() {
    let bomb = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>";
    let external = "<!DOCTYPE r [<!entity x SYSTEM \"file:///etc/passwd\">]>";
    let parameter = "<!DOCTYPE r [<!ENTITY % p SYSTEM \"http://example.com/p.dtd\"> %p;]>";
    for doctype in [bomb, external, parameter] {
        let error = read_as(
            format!("{doctype}{}", nessus("a", "&b;")).as_bytes(),
            Some(Format::Nessus),
            &Limits::default(),
        );
        let error = error.unwrap_err().to_string();
        assert!(error.contains("declares entities, which are not expanded"), "{error}");
    }
}

#[test]
fn a_document_type_without_entities_is_read_and_nothing_is_fetched() {
    for doctype in [
        "<!DOCTYPE nessus>",
        "<!DOCTYPE n SYSTEM \"https://192.0.2.1/never-fetched.dtd\">",
        "<!DOCTYPE n [<!ELEMENT n (a*)> <!ATTLIST n b CDATA \"\">]>",
    ] {
        let text = format!("<?xml version=\"1.0\"?>\n{doctype}\n{}", nessus("a", "b"));
        assert_eq!(read(text.as_bytes()).unwrap().summary.observations, 1, "{doctype}");
    }
}

#[test]
fn an_entity_that_nobody_declared_is_named_with_its_line() {
    let error = refused(nessus("a", "b &nbsp; c").as_bytes());
    assert!(matches!(error.kind, ErrorKind::Syntax { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("line 5") && text.contains("'&nbsp;' is not one of XML itself"), "{text}");
    assert!(text.contains("NessusClientData_v2/Report/ReportHost/ReportItem"), "{text}");
}

#[test]
fn latin_1_and_utf_16_are_read_where_the_file_says_so() {
    let text = nessus("Gr\u{F6}\u{DF}e", "b");
    let latin: Vec<u8> = "<?xml version=\"1.0\" encoding='ISO-8859-1'?>"
        .chars()
        .chain(text.chars())
        .map(|c| c as u8)
        .collect();
    assert_eq!(read(&latin).unwrap().only().title, "Größe in 192.0.2.7/443/tcp");
    let utf16 = format!("\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-16\"?>{}", nessus("Größe 🔥", "b"));
    for bytes in [
        utf16.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(),
        utf16.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        utf16.trim_start_matches('\u{FEFF}').encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ] {
        assert_eq!(read(&bytes).unwrap().only().title, "Größe 🔥 in 192.0.2.7/443/tcp");
    }
    let marked = format!("\u{FEFF}{}", nessus("Größe", "b"));
    assert_eq!(read(marked.as_bytes()).unwrap().only().title, "Größe in 192.0.2.7/443/tcp");
}

#[test]
fn another_encoding_is_refused_by_its_name() {
    let text = format!("<?xml version=\"1.0\" encoding=\"Shift_JIS\"?>{}", nessus("a", "b"));
    let error = read_as(text.as_bytes(), Some(Format::Nessus), &Limits::default()).unwrap_err();
    assert!(error.to_string().contains("the file is shift_jis, not UTF-8"), "{error}");
    let mut undeclared = nessus("a", "b").into_bytes();
    undeclared.insert(140, 0xE9);
    let error = refused(&undeclared);
    assert!(matches!(error.kind, ErrorKind::WrongEncoding { .. }), "{error}");
    assert!(error.to_string().contains("0xE9 is not UTF-8"), "{error}");
}

#[test]
fn a_file_that_is_cut_off_anywhere_yields_nothing() {
    let text = nessus("a", "b");
    for end in 30..text.len() - "</NessusClientData_v2>\n".len() + 1 {
        let mut events = 0;
        let mut sink = |_| {
            events += 1;
            Ok(())
        };
        let cut = std::io::Cursor::new(&text.as_bytes()[..end]);
        let error = reports::read(cut, Some(Format::Nessus), &Limits::default(), &mut sink).unwrap_err();
        assert!(
            matches!(error.kind, ErrorKind::Truncated { .. } | ErrorKind::Syntax { .. }),
            "at {end}: {error}"
        );
        assert_eq!(events, 0, "at {end}");
    }
    let error = refused(&text.as_bytes()[..text.len() - 30]);
    assert!(error.to_string().contains("ends in the middle of"), "{error}");
}

#[test]
fn tags_that_do_not_match_are_told_with_their_place() {
    let text = nessus("a", "b").replace("</ReportItem>", "</ReportItme>");
    let error = refused(text.as_bytes()).to_string();
    assert!(error.starts_with("line 6") && error.contains("not well-formed XML"), "{error}");
    let twice = format!("{}<again/>", nessus("a", "b"));
    assert!(refused(twice.as_bytes()).to_string().contains("a second root element"));
}

#[test]
fn depth_size_and_attributes_are_bounded() {
    let limits = Limits { max_depth: 10, max_result_bytes: 20_000, max_bytes: 200_000, ..Limits::default() };
    let refused = |text: String, what: &str| {
        let error = read_as(text.as_bytes(), Some(Format::Nessus), &limits).unwrap_err();
        assert!(matches!(error.kind, ErrorKind::LimitExceeded { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    refused(nessus("a", &"<x>".repeat(20)), "nesting of the XML");
    refused(nessus("a", &"<x/>".repeat(2_000)), "size of one result");
    refused(nessus("a", &"long ".repeat(30_000)), "size of one tag or text");
    refused(nessus("a", &"<!-- c -->\n".repeat(30_000)), "size of the file");
    let attributes: String = (0..300).map(|n| format!(" a{n}=\"\"")).collect();
    refused(nessus("a", &format!("<x{attributes}/>")), "number of attributes");
    refused(nessus(&"n".repeat(60_000), ""), "size of one");
}

#[test]
fn a_text_longer_than_the_limit_is_cut_and_the_report_read() {
    let limits = Limits { max_string: 10, ..Limits::default() };
    let report = read_as(nessus("é".repeat(20).as_str(), &"ü".repeat(50)).as_bytes(), None, &limits).unwrap();
    assert_eq!(report.only().message.as_deref(), Some("üüüüü"));
}

#[test]
fn html_and_foreign_xml_are_named() {
    let told = |text: &str| refused(text.as_bytes()).to_string();
    assert!(told("<!DOCTYPE html>\n<html><body>Sign in<br></body></html>").contains("an HTML page"));
    assert!(
        told("<?xml version=\"1.0\"?><catalog><book/></catalog>")
            .contains("XML whose root element is 'catalog'")
    );
    assert!(told("<<<<").contains("XML that begins with <<<<"));
}
