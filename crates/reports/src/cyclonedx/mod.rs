//! CycloneDX 1.2 to 1.7: bills of materials with vulnerabilities, and VEX documents.
//!
//! `bom` holds what a document means whatever its spelling, and `json` reads one spelling. What each field becomes:
//! `docs/formats/cyclonedx.md`.

mod bom;
mod json;

pub(crate) use json::{looks_like, read};
