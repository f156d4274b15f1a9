//! Microsoft Defender: recommendations of Defender for Cloud (CSV) and vulnerabilities of Defender for Endpoint (JSON).
//!
//! What each field means: `docs/formats/defender.md`.

mod cloud;
mod endpoint;

pub(crate) use cloud::{is_header, read as read_cloud};
pub(crate) use endpoint::{looks_like, read as read_endpoint};
