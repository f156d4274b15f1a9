//! Nuclei: JSON Lines, or one JSON list. What each field becomes: `docs/formats/nuclei.md`.

use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use model::{FindingKind, Location, Observation, ScanRun, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::cvss::Rating;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, object_or_nothing};
use crate::json::walk::{Agreed, ObjectOrList, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, body, cwe, short, time};
use crate::{found, severity};

const LIST: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };
const LINES: Bulk = Bulk { keys: &[], depth: 1, top: Top::Documents };

/// One match of a template. Requests, responses and what was extracted from them are not read: they may hold sessions
/// and secrets.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Match {
    #[serde(alias = "templateID")]
    template_id: Words,
    template_url: Words,
    info: Option<Info>,
    #[serde(rename = "type")]
    protocol: Words,
    host: Words,
    #[serde(alias = "matched")]
    matched_at: Words,
    #[serde(alias = "matcher_name")]
    matcher_name: Words,
    extractor_name: Words,
    matcher_status: Option<bool>,
    timestamp: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    name: Words,
    severity: Words,
    description: Words,
    impact: Words,
    remediation: Words,
    reference: Words,
    tags: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    classification: Classification,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Classification {
    cve_id: Words,
    cwe_id: Words,
    cvss_metrics: Words,
    cvss_score: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["", "[]."].iter().any(|at| {
        let template = ["template-id", "templateID"].iter().any(|key| outline.has(&format!("{at}{key}")));
        template && outline.has(&format!("{at}info"))
    })
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let bulk = if json::starts_with(input, b'[')? { LIST } else { LINES };
    if bulk.top == Top::Elements {
        #[derive(Default, Deserialize)]
        struct NoObject {}
        let _: ObjectOrList<NoObject> = json::header_pass(input, limits, bulk, PhantomData)?;
    }
    let mut host = Agreed::default();
    let mut started: Option<DateTime<Utc>> = None;
    each_result(input, limits, bulk, &mut |_, row| {
        let one: Match = row.read()?;
        if one.template_id.first().is_none() || one.info.is_none() {
            let reason = "this is no result of Nuclei: `template-id` and `info` are missing";
            return Err(ErrorKind::invalid(reason).into());
        }
        host.hear(one.host.first().and_then(short));
        let at = one.timestamp.first().and_then(time);
        started = match (started, at) {
            (Some(first), Some(at)) => Some(first.min(at)),
            (first, at) => first.or(at),
        };
        Ok(())
    })?;
    output.run(ScanRun {
        scanner: "Nuclei".to_owned(),
        started_at: started,
        target: host.on(),
        ..ScanRun::default()
    })?;
    each_result(input, limits, bulk, &mut |_, row| {
        let one: Match = row.read()?;
        if one.matcher_status == Some(false) {
            output.left_out("`matcher-status` is false: the template did not match");
            return Ok(());
        }
        Ok(output.observation(observation(&one))?)
    })
}

fn observation(of: &Match) -> Observation {
    let none = Info::default();
    let info = of.info.as_ref().unwrap_or(&none);
    let class = &info.classification;
    let id = of.template_id.first().and_then(short).unwrap_or_else(|| "unnamed".to_owned());
    let mut aliases = Vec::new();
    add_new(&mut aliases, class.cve_id.0.iter().filter_map(|cve| short(&cve.to_ascii_uppercase())));
    aliases.retain(|alias| *alias != id);
    let mut cwes = Vec::new();
    add_new(&mut cwes, class.cwe_id.0.iter().filter_map(|id| cwe(id)));
    let mut tags = Vec::new();
    add_new(&mut tags, info.tags.0.iter().flat_map(|tags| tags.split(',')).filter_map(short));
    let cvss = Rating::new(class.cvss_metrics.first(), None, class.cvss_score.number());
    let word = info.severity.first();
    let matched = [&of.matched_at, &of.host].into_iter().find_map(Words::first);
    let protocol = of.protocol.first().unwrap_or_default();
    let kind = match protocol {
        "http" | "headless" | "websocket" | "" => FindingKind::Web,
        "file" | "code" => FindingKind::Code,
        _ => FindingKind::Host,
    };
    let which = [&of.matcher_name, &of.extractor_name].into_iter().find_map(|name| short(name.first()?));
    let links = info.reference.0.iter().flat_map(|links| links.split(['\n', ',']));
    let texts = [&info.description, &info.impact].into_iter().filter_map(Words::first);
    let definition = Vulnerability {
        aliases,
        name: info.name.first().and_then(short),
        description: body(&texts.collect::<Vec<_>>().join("\n\n")),
        remediation: info.remediation.first().and_then(body),
        cwes,
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(of.template_url.first().into_iter().chain(links)),
        tags,
        id,
    };
    let location = Location {
        path: matched.map(text::one_line).unwrap_or_default(),
        logical: which.clone(),
        ..Location::default()
    };
    Observation {
        scanner_severity: word.and_then(short),
        message: which.map(|name| format!("Matched: {name}.")),
        ..found::observation(kind, definition, severity::judge(word, cvss.score), location)
    }
}
