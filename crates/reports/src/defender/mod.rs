//! Microsoft Defender: recommendations of Defender for Cloud (CSV, and rows of Azure Resource Graph) and vulnerabilities of Defender for Endpoint (JSON).
//!
//! What each field means: `docs/formats/defender.md`.

mod cloud;
mod endpoint;
mod graph;

pub(crate) use cloud::{is_header, read as read_cloud};
pub(crate) use endpoint::{looks_like, read as read_endpoint};
pub(crate) use graph::{looks_like as looks_like_graph, read as read_graph};
