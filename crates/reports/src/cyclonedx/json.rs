//! CycloneDX as JSON.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::bom::{Bom, Outcome, Part, Tool};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::walk::{Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;

const BULK: Bulk = Bulk { keys: &["vulnerabilities"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    bom_format: Words,
    spec_version: Words,
    serial_number: Words,
    version: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    metadata: Metadata,
    components: Option<Vec<Part>>,
    #[serde(deserialize_with = "list")]
    services: Vec<Part>,
    #[serde(deserialize_with = "list")]
    compositions: Vec<Composition>,
    vulnerabilities: Rows,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    timestamp: Words,
    tools: Tools,
    #[serde(deserialize_with = "object_or_nothing")]
    component: Part,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Composition {
    aggregate: Words,
}

/// A list of tools, or since 1.5 an object with components and services.
#[derive(Default)]
struct Tools(Vec<Tool>);

impl<'de> Deserialize<'de> for Tools {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Parts {
            #[serde(deserialize_with = "list")]
            components: Vec<Tool>,
            #[serde(deserialize_with = "list")]
            services: Vec<Tool>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            List(Vec<Tool>),
            Parts(Parts),
            Other(IgnoredAny),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::List(tools) => tools,
            Either::Parts(Parts { mut components, services }) => {
                components.extend(services);
                components
            }
            Either::Other(_) => Vec::new(),
        }))
    }
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.word("bomFormat").eq_ignore_ascii_case("CycloneDX")
        || outline.word("$schema").contains("cyclonedx")
        || outline.has_all(&["bomFormat", "specVersion"])
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: Document = json::header_pass(input, limits, BULK, object())?;
    let is_bom = document.bom_format.first().is_some_and(|word| word.eq_ignore_ascii_case("CycloneDX"));
    if !is_bom && document.spec_version.first().is_none() {
        let reason = "the keys of a CycloneDX document (`bomFormat`, `specVersion`) are missing";
        return Err(ErrorKind::invalid(reason).into());
    }
    let bom = bom(document);
    output.run(bom.scan())?;
    each_result(input, limits, BULK, &mut |trail, row| {
        if trail.positions().len() > 1 {
            return Ok(());
        }
        for outcome in bom.outcomes(&row.read()?) {
            match outcome {
                Outcome::Observation(observation) => output.observation(*observation)?,
                Outcome::LeftOut(reason) => output.left_out(reason),
            }
        }
        Ok(())
    })
}

fn bom(document: Document) -> Bom {
    let text = |words: &Words| words.first().map(str::to_owned);
    let mut bom = Bom {
        serial_number: text(&document.serial_number),
        version: text(&document.version),
        timestamp: text(&document.metadata.timestamp),
        tool: document.metadata.tools.0.into_iter().find(|tool| tool.name.first().is_some()),
        subject: Some(document.metadata.component.clone()),
        has_components: document.components.is_some(),
        has_vulnerabilities: document.vulnerabilities.is_there(),
        incomplete: document
            .compositions
            .iter()
            .any(|one| one.aggregate.first().is_some_and(|word| word.starts_with("incomplete"))),
        ..Bom::default()
    };
    let parts = document.components.unwrap_or_default().into_iter().chain(document.services);
    parts.chain([document.metadata.component]).for_each(|part| bom.add(part));
    bom
}
