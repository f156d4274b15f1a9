//! `value` of `…/api/vulnerabilities/machinesVulnerabilities` of Defender for Endpoint: a vulnerability of a product on a
//! machine each.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::{Component, Coverage, CoverageExtent, Location, ScanRun, Vulnerability};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ReadSeek;
use crate::component;
use crate::error::{Error, ErrorKind};
use crate::found;
use crate::json::lenient::{Presence, Words};
use crate::json::walk::each_result;
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{one_line, short};

/// `value`.
const BULK: Bulk = Bulk { keys: &["value"], depth: 1, top: Top::Header };

/// Whether a document is a page of the API: its context, and a vulnerability first or none at all.
pub(crate) fn looks_like(outline: &Outline) -> bool {
    let context = match outline {
        Outline::Object(members) => members.get("@odata.context").map_or("", |context| context.word("")),
        _ => "",
    };
    let defender = ["securitycenter.windows.com", "security.microsoft.com", "securitycenter.microsoft.com"];
    let empty = outline.is_list("value") && !outline.has("value[]");
    outline.has_all(&["value[].cveId", "value[].machineId"])
        || (empty && defender.iter().any(|host| context.contains(host)) && !context.contains("#Machines"))
}

/// What stands around the list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    value: Presence,
    #[serde(default, rename = "@odata.nextLink")]
    next: Words,
    /// Makes a list no page: without it the first two elements would be taken for the fields above.
    #[serde(flatten)]
    _rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    #[serde(default)]
    id: Words,
    #[serde(default)]
    cve_id: Words,
    #[serde(default)]
    machine_id: Words,
    #[serde(default)]
    fixing_kb_id: Words,
    #[serde(default)]
    product_name: Words,
    #[serde(default)]
    product_vendor: Words,
    #[serde(default)]
    product_version: Words,
    #[serde(default)]
    severity: Words,
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let page: Page = json::header_pass(input, limits, BULK, PhantomData)?;
    if page.value == Presence::Absent {
        return Err(Error::at_path(
            ErrorKind::invalid("'value' is missing; save the whole answer of the API"),
            "",
        ));
    }
    // Behind a link to the next page there are more results: what is not here may be there.
    let extent = if page.next.first().is_some() { CoverageExtent::Partial } else { CoverageExtent::Full };
    output.run(ScanRun {
        scanner: "Microsoft Defender for Endpoint".to_owned(),
        coverage: Coverage { extent, ..Coverage::default() },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |_, row| {
        let found: Found = row.read()?;
        Ok(output.observation(observation(&found)?)?)
    })
}

fn observation(of: &Found) -> Result<model::Observation, ErrorKind> {
    let id = of.cve_id.first().and_then(short).ok_or_else(|| {
        ErrorKind::invalid("this entry has no cveId; save the list of vulnerabilities, not that of machines")
    })?;
    let component = of.product_name.first().and_then(short).map(|name| Component {
        name,
        version: of.product_version.first().and_then(short),
        ecosystem: of.product_vendor.first().and_then(short),
        ..Component::default()
    });
    let update = of.fixing_kb_id.first().and_then(short);
    let update = update.map(|kb| format!("Install KB{}.", kb.trim_start_matches(['K', 'B', 'k', 'b'])));
    let vulnerability = Vulnerability { id, remediation: update, ..Vulnerability::default() };
    let path = of.machine_id.first().map(one_line).unwrap_or_default();
    let word = of.severity.first();
    let location = Location { path, ..Location::default() };
    let mut observation =
        component::observation(vulnerability, component, severity::judge(word, None), location);
    observation.scanner_severity = word.and_then(short);
    observation.scanner_fingerprints = found::fingerprint("defender/id", of.id.first());
    Ok(observation)
}
