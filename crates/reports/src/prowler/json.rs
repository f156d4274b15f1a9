//! Prowler's JSON: its own of versions 2 (lines) and 3 (a list), and OCSF.

use std::marker::PhantomData;

use serde::Deserialize;

use super::Run;
use super::check::{Check, numbered, time};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, list, object_or_nothing};
use crate::json::walk::{ObjectOrList, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::short;

const LIST: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };
const LINES: Bulk = Bulk { keys: &[], depth: 1, top: Top::Documents };

/// The keys of all three spellings; they have none in common but the severity.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Entry {
    #[serde(alias = "severity")]
    severity: Words,
    // Version 2.
    #[serde(rename = "Control")]
    control: Words,
    #[serde(rename = "Message")]
    message: Words,
    #[serde(rename = "Account Number")]
    account_number: Words,
    #[serde(rename = "Resource ID")]
    v2_resource: Words,
    #[serde(rename = "Doc link")]
    doc_link: Words,
    #[serde(rename = "Timestamp")]
    timestamp: Words,
    #[serde(rename = "Service")]
    service: Words,
    /// A text in version 2, an object with the recommendation in version 3, another one in OCSF.
    #[serde(alias = "remediation")]
    remediation: Advice,
    risk: Words,
    region: Words,
    status: Words,
    // Version 3.
    #[serde(rename = "CheckID")]
    check_id: Words,
    check_title: Words,
    status_extended: Words,
    finding_unique_id: Words,
    account_id: Words,
    resource_id: Words,
    resource_arn: Words,
    resource_type: Words,
    service_name: Words,
    description: Words,
    related_url: Words,
    assessment_start_time: Words,
    // OCSF.
    #[serde(rename = "metadata", deserialize_with = "object_or_nothing")]
    metadata: Metadata,
    #[serde(rename = "finding_info", alias = "finding", deserialize_with = "object_or_nothing")]
    finding: Finding,
    #[serde(rename = "status_code")]
    status_code: Words,
    #[serde(rename = "status_detail")]
    status_detail: Words,
    /// `New`, or `Suppressed` for what is muted.
    #[serde(rename = "status")]
    ocsf_status: Words,
    #[serde(rename = "resources", deserialize_with = "list")]
    resources: Vec<Resource>,
    #[serde(rename = "cloud", deserialize_with = "object_or_nothing")]
    cloud: Cloud,
    #[serde(rename = "risk_details")]
    risk_details: Words,
    #[serde(rename = "time_dt", alias = "event_time")]
    event_time: Words,
    #[serde(rename = "time")]
    seconds: Words,
}

/// All texts of the advice: links among them are references.
#[derive(Default)]
struct Advice(Vec<String>);

impl<'de> Deserialize<'de> for Advice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Words::deserialize(deserializer)?.0))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    event_code: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    product: Product,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Product {
    name: Words,
    version: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Finding {
    title: Words,
    desc: Words,
    uid: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    uid: Words,
    name: Words,
    region: Words,
    #[serde(rename = "type")]
    kind: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    group: Group,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    name: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Cloud {
    #[serde(deserialize_with = "object_or_nothing")]
    account: Account,
    region: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    uid: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["", "[]."].iter().any(|at| {
        let has = |keys: &[&str]| keys.iter().all(|key| outline.has(&format!("{at}{key}")));
        has(&["CheckID", "StatusExtended"])
            || has(&["Control", "Account Number", "Status"])
            || (outline.word(&format!("{at}metadata.product.name")) == "Prowler" && has(&["severity"]))
    })
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let bulk = if json::starts_with(input, b'[')? { LIST } else { LINES };
    if bulk.top == Top::Elements {
        #[derive(Default, Deserialize)]
        struct NoObject {}
        let _: ObjectOrList<NoObject> = json::header_pass(input, limits, bulk, PhantomData)?;
    }
    let mut run = Run::default();
    each_result(input, limits, bulk, &mut |_, row| {
        let check = row.read::<Entry>()?.check();
        let Some(check) = check else {
            let reason =
                "this is no result of Prowler: `Control`, `CheckID` or `metadata.event_code` is missing";
            return Err(ErrorKind::invalid(reason).into());
        };
        run.hear(&check);
        Ok(())
    })?;
    output.run(run.scan())?;
    each_result(input, limits, bulk, &mut |_, row| {
        if let Some(check) = row.read::<Entry>()?.check() {
            check.found().put(output)?;
        }
        Ok(())
    })
}

fn one(words: &Words) -> Option<String> {
    words.first().and_then(short)
}

impl Entry {
    fn check(self) -> Option<Check> {
        let (links, advice): (Vec<String>, Vec<String>) =
            self.remediation.0.iter().cloned().partition(|text| text.starts_with("http"));
        let mut check = Check {
            severity: one(&self.severity),
            region: one(&self.region),
            status: self.status.first().unwrap_or_default().to_owned(),
            remediation: advice.into_iter().find(|text| !text.trim().is_empty()),
            risk: self.risk.first().map(str::to_owned),
            links,
            ..Check::default()
        };
        if self.metadata.event_code.first().is_some() || self.metadata.product.name.first() == Some("Prowler")
        {
            self.ocsf(&mut check);
        } else if self.check_id.first().is_some() {
            self.version_3(&mut check);
        } else if self.control.first().is_some() {
            self.version_2(&mut check);
        } else {
            return None;
        }
        Some(check)
    }

    fn version_2(&self, check: &mut Check) {
        let (id, title) = numbered(self.control.first().unwrap_or_default());
        // The message begins with the region.
        let message = self.message.first();
        let told = message.map(|message| match (message.split_once(": "), check.region.as_deref()) {
            (Some((region, told)), Some(known)) if region == known => told,
            _ => message,
        });
        check.id = id;
        check.title = title;
        check.told = told.map(str::to_owned);
        check.account = one(&self.account_number);
        check.resource_name = one(&self.v2_resource);
        check.service = one(&self.service);
        check.links.extend(self.doc_link.first().map(str::to_owned));
        check.time = self.timestamp.first().and_then(time);
    }

    fn version_3(&self, check: &mut Check) {
        check.id = one(&self.check_id).unwrap_or_default();
        check.title = one(&self.check_title);
        check.told = self.status_extended.first().map(str::to_owned);
        check.account = one(&self.account_id);
        check.resource_uid = one(&self.resource_arn);
        check.resource_name = one(&self.resource_id);
        check.resource_type = one(&self.resource_type);
        check.service = one(&self.service_name);
        check.description = self.description.first().map(str::to_owned);
        check.links.extend(self.related_url.first().map(str::to_owned));
        check.uid = one(&self.finding_unique_id);
        check.time = self.assessment_start_time.first().and_then(time);
    }

    fn ocsf(&self, check: &mut Check) {
        let none = Resource::default();
        let resource = self.resources.first().unwrap_or(&none);
        let ids = [&self.metadata.event_code, &self.finding.title];
        check.id = ids.iter().find_map(|id| one(id)).unwrap_or_default();
        check.title = one(&self.finding.title);
        check.status = self.status_code.first().or(self.ocsf_status.first()).unwrap_or_default().to_owned();
        check.muted = self.ocsf_status.first().is_some_and(|word| word.eq_ignore_ascii_case("suppressed"));
        check.told = self.status_detail.first().map(str::to_owned);
        check.account = one(&self.cloud.account.uid);
        check.region = one(&resource.region).or_else(|| one(&self.cloud.region));
        check.resource_uid = one(&resource.uid);
        check.resource_name = one(&resource.name);
        check.resource_type = one(&resource.kind);
        check.service = one(&resource.group.name);
        check.description = self.finding.desc.first().map(str::to_owned);
        check.risk = self.risk_details.first().map(str::to_owned);
        check.uid = one(&self.finding.uid);
        check.prowler_version = one(&self.metadata.product.version);
        check.time = [&self.event_time, &self.seconds].into_iter().find_map(|at| time(at.first()?));
    }
}
