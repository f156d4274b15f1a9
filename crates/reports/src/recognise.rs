//! Which XML or CSV a file is: by the root element and what stands in it, or by the names of the columns.

use crate::format::Format;
use crate::text::shorten;
use crate::{nessus, table, xml};

/// Elements that are looked at.
const MOST_ELEMENTS: usize = 50;
/// Lines among which the header of a table may be.
const MOST_LINES: usize = 20;

/// # Errors
///
/// What the text is instead.
pub(crate) fn xml(text: &str) -> Result<Format, String> {
    let elements = xml::outline(text, MOST_ELEMENTS);
    let Some((name, _root)) = elements.first() else {
        let line = text.trim_start().lines().next().unwrap_or_default();
        return Err(format!("XML that begins with {}", shorten(line, 80)));
    };
    match name.as_str() {
        "NessusClientData_v2" => Ok(Format::Nessus),
        name if name.eq_ignore_ascii_case("html") => {
            Err("an HTML page (an error page or a login page, perhaps)".to_owned())
        }
        name => Err(format!("XML whose root element is '{name}'")),
    }
}

type IsHeader = fn(&[String]) -> bool;

/// How each table is recognised. A format whose columns others have too comes after them.
const TABLES: &[(Format, IsHeader)] = &[(Format::Nessus, nessus::is_header)];

/// The format of the first lines of a text, if one of them is a header that is known.
pub(crate) fn csv(text: &str) -> Option<Format> {
    text.lines().take(MOST_LINES).find_map(|line| {
        let cells = table::cells(line);
        TABLES.iter().find(|(_, is_header)| is_header(&cells)).map(|(format, _)| *format)
    })
}
