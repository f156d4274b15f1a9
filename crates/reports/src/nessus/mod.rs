//! Nessus: the XML that it calls version 2 (`.nessus`), and the CSV of Nessus, Tenable.sc and Web App Scanning.
//!
//! What each field means: `docs/formats/nessus.md`.

mod csv;
mod plugin;
mod xml;

use crate::ReadSeek;
use crate::error::Error;
use crate::limits::Limits;
use crate::output::Output;
pub(crate) use csv::is_header;

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    if crate::is_xml(input)? { xml::read(input, limits, output) } else { csv::read(input, limits, output) }
}
