//! OpenVEX: what somebody says about vulnerabilities in products. What each field becomes: `docs/formats/openvex.md`.

use model::{
    Component, Coverage, CoverageExtent, Location, Observation, ReportedSuppression, ScanRun, Severity,
    Vulnerability as Definition,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{TextOr, Words, list, object_or_nothing};
use crate::json::seeds::object;
use crate::json::walk::{Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, add_new, body, short, time};
use crate::{component, purl};

const BULK: Bulk = Bulk { keys: &["statements"], depth: 1, top: Top::Header };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "@context")]
    context: Words,
    #[serde(rename = "@id")]
    id: Words,
    author: Words,
    version: Words,
    timestamp: Words,
    last_updated: Words,
    tooling: Words,
    statements: Rows,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Statement {
    vulnerability: TextOr<Vulnerability>,
    #[serde(deserialize_with = "list")]
    products: Vec<TextOr<Product>>,
    status: Words,
    status_notes: Words,
    justification: Words,
    impact_statement: Words,
    action_statement: Words,
}

/// The name alone before version 0.2.0, an object since.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Vulnerability {
    name: Words,
    #[serde(rename = "@id")]
    id: Words,
    description: Words,
    aliases: Words,
}

impl From<String> for Vulnerability {
    fn from(name: String) -> Self {
        Self { name: Words(vec![name]), ..Self::default() }
    }
}

/// The identifier alone before version 0.2.0, an object since.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Product {
    #[serde(rename = "@id")]
    id: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    identifiers: Identifiers,
    #[serde(deserialize_with = "list")]
    subcomponents: Vec<TextOr<Product>>,
}

impl From<String> for Product {
    fn from(id: String) -> Self {
        Self { id: Words(vec![id]), ..Self::default() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Identifiers {
    purl: Words,
}

impl Product {
    fn component(&self) -> Option<Component> {
        let ids = [&self.identifiers.purl, &self.id];
        let purl = ids.iter().filter_map(|id| id.first()).find_map(|id| Some((id, purl::parse(id)?)));
        match purl {
            Some((text, purl)) => Some(Component {
                name: purl.name,
                version: purl.version,
                ecosystem: Some(purl.ecosystem),
                purl: short(text),
                ..Component::default()
            }),
            None => Some(Component { name: short(self.id.first()?)?, ..Component::default() }),
        }
    }
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    let context = outline.at("@context");
    context.is_some() && (outline.word("@context").contains("openvex") || outline.has("statements"))
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: Document = json::header_pass(input, limits, BULK, object())?;
    if document.context.first().is_none() && !document.statements.is_there() {
        let reason = "the keys of an OpenVEX document (`@context`, `statements`) are missing";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(scan(&document))?;
    each_result(input, limits, BULK, &mut |_, row| {
        let statement: Statement = row.read()?;
        for TextOr(product) in &statement.products {
            let whole = product.component();
            if product.subcomponents.is_empty() {
                output.observation(observation(&statement, whole.clone(), String::new()))?;
            }
            for TextOr(part) in &product.subcomponents {
                let place = whole.as_ref().map(|product| product.name.clone()).unwrap_or_default();
                output.observation(observation(&statement, part.component(), place))?;
            }
        }
        if statement.products.is_empty() {
            output.observation(observation(&statement, None, String::new()))?;
        }
        Ok(())
    })
}

/// A document says something about some vulnerabilities: what it does not name stays as it is.
fn scan(document: &Document) -> ScanRun {
    let parts = [&document.id, &document.version, &document.last_updated, &document.timestamp];
    let parts: Vec<&str> = parts.iter().filter_map(|part| part.first()).collect();
    let started = [&document.last_updated, &document.timestamp].into_iter().find_map(|at| time(at.first()?));
    ScanRun {
        scanner: "OpenVEX".to_owned(),
        scanner_version: document.tooling.first().and_then(short),
        configuration: document.author.first().and_then(short),
        run_id: document.id.first().and_then(|_| short(&parts.join("/"))),
        started_at: started,
        coverage: Coverage { extent: CoverageExtent::Partial, ..Coverage::default() },
        ..ScanRun::default()
    }
}

fn observation(of: &Statement, component: Option<Component>, product: String) -> Observation {
    let TextOr(vulnerability) = &of.vulnerability;
    let names = [&vulnerability.name, &vulnerability.id];
    let id = names.iter().find_map(|name| short(name.first()?)).unwrap_or_else(|| "unnamed".to_owned());
    let mut aliases = Vec::new();
    add_new(&mut aliases, vulnerability.aliases.0.iter().filter_map(|alias| short(alias)));
    aliases.retain(|alias| *alias != id);
    let definition = Definition {
        aliases,
        description: vulnerability.description.first().and_then(body),
        remediation: of.action_statement.first().and_then(body),
        references: text::references(vulnerability.id.first()),
        id,
        ..Definition::default()
    };
    let decided = of.status.first().is_some_and(|status| matches!(status, "not_affected" | "fixed"));
    let location = Location { path: product, ..Location::default() };
    Observation {
        message: message(of),
        suppression: decided.then_some(ReportedSuppression::Accepted),
        ..component::observation(definition, component, Severity::Info, location)
    }
}

fn message(of: &Statement) -> Option<String> {
    let plain = |words: &Words| words.first().map(|word| word.replace('_', " "));
    let status = plain(&of.status).unwrap_or_else(|| "not given".to_owned());
    let mut parts = vec![match plain(&of.justification) {
        Some(why) => format!("Status: {status} ({why})."),
        None => format!("Status: {status}."),
    }];
    parts.extend([&of.impact_statement, &of.status_notes].iter().filter_map(|text| body(text.first()?)));
    body(&parts.join("\n"))
}
