//! Which XML or CSV a file is: by the root element and what stands in it, or by the names of the columns.

use crate::format::Format;
use crate::text::shorten;
use crate::{
    burp, cyclonedx, defectdojo_csv, defender, dependency_check, nessus, nmap, openvas, prowler, qualys,
    table, wiz, xml, zap,
};

/// Elements that are looked at.
const MOST_ELEMENTS: usize = 50;
/// Lines among which the header of a table may be.
const MOST_LINES: usize = 20;

/// # Errors
///
/// What the text is instead.
pub(crate) fn xml(text: &str) -> Result<Format, String> {
    let elements = xml::outline(text, MOST_ELEMENTS);
    let Some((name, root)) = elements.first() else {
        let line = text.trim_start().lines().next().unwrap_or_default();
        return Err(format!("XML that begins with {}", shorten(line, 80)));
    };
    let paths: Vec<&str> = elements.iter().map(|(path, _)| path.as_str()).collect();
    let known = [
        (name == "NessusClientData_v2", Format::Nessus),
        (zap::is_root(name), Format::Zap),
        (dependency_check::is_root(name, &paths), Format::DependencyCheck),
        (burp::is_root(name, root), Format::Burp),
        (openvas::is_root(name, root, &paths), Format::OpenVas),
        (qualys::is_root(name, &paths), Format::Qualys),
        (nmap::is_root(name), Format::Nmap),
        (cyclonedx::is_root(name, root, &paths), Format::CycloneDx),
    ];
    if let Some((_, format)) = known.into_iter().find(|(is_root, _)| *is_root) {
        return Ok(format);
    }
    match name.as_str() {
        name if name.eq_ignore_ascii_case("html") => {
            Err("an HTML page (an error page or a login page, perhaps)".to_owned())
        }
        name => Err(format!("XML whose root element is '{name}'")),
    }
}

type IsHeader = fn(&[String]) -> bool;

/// How each table is recognised. A format whose columns others have too comes after them.
const TABLES: &[(Format, IsHeader)] = &[
    (Format::Nessus, nessus::is_header),
    (Format::OpenVas, openvas::is_header),
    (Format::Qualys, qualys::is_header),
    (Format::Prowler, prowler::is_header),
    (Format::Wiz, wiz::is_header),
    (Format::DefenderCloud, defender::is_header),
    (Format::DefectDojoCsv, defectdojo_csv::is_header),
];

/// The format of the first lines of a text, if one of them is a header that is known.
pub(crate) fn csv(text: &str) -> Option<Format> {
    text.lines().take(MOST_LINES).find_map(|line| {
        let cells = table::cells(line);
        TABLES.iter().find(|(_, is_header)| is_header(&cells)).map(|(format, _)| *format)
    })
}
