//! CycloneDX 1.2 to 1.7: bills of materials with vulnerabilities, and VEX documents.
//!
//! `bom` holds what a document means whatever its spelling, `json` and `xml` read one spelling each. What each field becomes:
//! `docs/formats/cyclonedx.md`.

mod bom;
mod json;
mod xml;

use crate::ReadSeek;
use crate::error::Error;
use crate::limits::Limits;
use crate::output::Output;
pub(crate) use json::looks_like;
pub(crate) use xml::is_root;

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if crate::is_xml(input)? { xml::read(input, limits, output) } else { json::read(input, limits, output) }
}
