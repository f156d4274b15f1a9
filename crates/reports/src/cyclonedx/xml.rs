//! CycloneDX as XML, with the vulnerabilities of the extension for 1.0 to 1.3 too (in the document or in a component).

use super::bom::{
    Advisory, AffectedVersion, Affects, Analysis, Bom, Outcome, Part, Rating, Reference, Source, Tool,
    Vulnerability,
};
use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::Words;
use crate::limits::Limits;
use crate::output::Output;
use crate::xml::{self, Element, Step, Visitor};

/// Whether a file with this root element and these further elements is one: `bom` alone is a common word.
pub(crate) fn is_root(root: &str, element: &Element, paths: &[&str]) -> bool {
    root == "bom"
        && (["serialNumber", "version", "specVersion"].iter().any(|name| element.attribute(name).is_some())
            || element.attributes.iter().any(|(_, value)| value.contains("cyclonedx.org"))
            || paths.iter().any(|path| matches!(*path, "bom/metadata" | "bom/components")))
}

pub(super) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Head::default();
    xml::walk(input, limits, &mut head)?;
    if !head.is_bom {
        let reason = "the root element is not 'bom'; upload a CycloneDX document";
        return Err(ErrorKind::invalid(reason).into());
    }
    let bom = head.bom;
    output.run(bom.scan())?;
    xml::walk(input, limits, &mut Results { bom: &bom, output, around: Vec::new() })
}

/// A component or service begins at this path.
fn is_part(path: &str) -> bool {
    path.ends_with("/components/component")
        || path.ends_with("/services/service")
        || path == "bom/metadata/component"
}

/// What is read of a component or service.
fn is_fact(path: &str) -> bool {
    path.rsplit_once('/')
        .is_some_and(|(part, fact)| is_part(part) && matches!(fact, "group" | "name" | "version" | "purl"))
}

fn words(text: Option<&str>) -> Words {
    Words(text.map(str::to_owned).into_iter().collect())
}

/// Components that are open, from the outermost to the innermost.
trait Around {
    fn open(&mut self) -> &mut Vec<Part>;

    fn begin_part(&mut self, element: &Element) {
        let reference = words(element.attribute("bom-ref"));
        self.open().push(Part { reference, ..Part::default() });
    }

    fn fact(&mut self, fact: &Element) {
        let Some(part) = self.open().last_mut() else { return };
        let value = words(fact.words());
        match fact.name.as_str() {
            "group" => part.group = value,
            "name" => part.name = value,
            "version" => part.version = value,
            _ => part.purl = value,
        }
    }
}

/// The whole but the vulnerabilities.
#[derive(Default)]
struct Head {
    is_bom: bool,
    bom: Bom,
    open: Vec<Part>,
}

impl Around for Head {
    fn open(&mut self) -> &mut Vec<Part> {
        &mut self.open
    }
}

impl Visitor for Head {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        if path == "bom" {
            self.is_bom = true;
            self.bom.serial_number = element.attribute("serialNumber").map(str::to_owned);
            self.bom.version = element.attribute("version").map(str::to_owned);
            return Ok(Step::Enter);
        }
        if path.starts_with("bom/metadata/tools") {
            return Ok(if path == "bom/metadata/tools" { Step::Keep } else { Step::Skip });
        }
        if is_part(path) {
            self.begin_part(element);
            return Ok(Step::Enter);
        }
        if is_fact(path) {
            return Ok(Step::Keep);
        }
        Ok(match path.rsplit('/').next() {
            Some("components") => {
                self.bom.has_components |= path == "bom/components";
                Step::Enter
            }
            Some("vulnerabilities") => {
                // Compositions name some by reference in an element of the same name.
                let parent = path.rsplit_once('/').map(|(parent, _)| parent);
                self.bom.has_vulnerabilities |=
                    parent.is_some_and(|parent| parent == "bom" || is_part(parent));
                Step::Skip
            }
            Some("services" | "metadata" | "compositions" | "composition") => Step::Enter,
            Some("timestamp" | "aggregate") => Step::Keep,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        match path.rsplit('/').next() {
            Some("tools") => {
                let tools = ["tool", "components/component", "services/service"].into_iter();
                self.bom.tool = tools
                    .flat_map(|path| element.under(path))
                    .find(|tool| tool.text_of("name").is_some())
                    .map(|tool| Tool {
                        name: words(tool.text_of("name")),
                        version: words(tool.text_of("version")),
                    });
            }
            Some("timestamp") => self.bom.timestamp = element.words().map(str::to_owned),
            Some("aggregate") => {
                self.bom.incomplete |= element.words().is_some_and(|word| word.starts_with("incomplete"));
            }
            _ => self.fact(&element),
        }
        Ok(())
    }

    fn end(&mut self, path: &str) -> Result<(), ErrorKind> {
        if is_part(path)
            && let Some(part) = self.open.pop()
        {
            if path == "bom/metadata/component" {
                self.bom.subject = Some(part.clone());
            }
            self.bom.add(part);
        }
        Ok(())
    }
}

struct Results<'a, 'o> {
    bom: &'a Bom,
    output: &'a mut Output<'o>,
    around: Vec<Part>,
}

impl Around for Results<'_, '_> {
    fn open(&mut self) -> &mut Vec<Part> {
        &mut self.around
    }
}

impl Visitor for Results<'_, '_> {
    fn begin(&mut self, path: &str, element: &Element) -> Result<Step, ErrorKind> {
        if is_part(path) {
            self.begin_part(element);
            return Ok(Step::Enter);
        }
        if is_fact(path) || path.ends_with("/vulnerabilities/vulnerability") {
            return Ok(Step::Take);
        }
        Ok(match path.rsplit('/').next() {
            Some("bom" | "components" | "services" | "vulnerabilities") => Step::Enter,
            _ => Step::Skip,
        })
    }

    fn take(&mut self, path: &str, element: Element) -> Result<(), ErrorKind> {
        if is_fact(path) {
            self.fact(&element);
            return Ok(());
        }
        let mut vulnerability = vulnerability(&element);
        if let (true, Some(part)) = (vulnerability.affects.is_empty(), self.around.last()) {
            let names = [&part.reference, &part.purl, &part.name];
            let reference = words(names.into_iter().find_map(Words::first));
            vulnerability.affects.push(Affects { reference, ..Affects::default() });
        }
        for outcome in self.bom.outcomes(&vulnerability) {
            match outcome {
                Outcome::Observation(observation) => self.output.observation(*observation)?,
                Outcome::LeftOut(reason) => self.output.left_out(reason),
            }
        }
        Ok(())
    }

    fn end(&mut self, path: &str) -> Result<(), ErrorKind> {
        if is_part(path) {
            self.around.pop();
        }
        Ok(())
    }
}

fn source(of: &Element) -> Source {
    let source = of.child("source");
    let name = source.and_then(|source| source.text_of("name").or_else(|| source.attribute("name")));
    Source { name: words(name), url: words(source.and_then(|source| source.text_of("url"))) }
}

fn vulnerability(of: &Element) -> Vulnerability {
    let text = |path: &str| words(of.text_of(path));
    let all = |path: &str| {
        Words(of.under(path).into_iter().filter_map(Element::words).map(str::to_owned).collect())
    };
    let ratings = of.under("ratings/rating").into_iter().map(|rating| Rating {
        source: source(rating),
        score: words(rating.text_of("score").or_else(|| rating.text_of("score/base"))),
        severity: words(rating.text_of("severity")),
        method: words(rating.text_of("method")),
        vector: words(rating.text_of("vector")),
    });
    let references = of.under("references/reference").into_iter();
    let advisories = of.under("advisories/advisory").into_iter();
    let targets = of.under("affects/target").into_iter().map(|target| Affects {
        reference: words(target.text_of("ref")),
        versions: target
            .under("versions/version")
            .into_iter()
            .map(|version| AffectedVersion {
                version: words(version.text_of("version")),
                range: words(version.text_of("range")),
                status: words(version.text_of("status")),
            })
            .collect(),
    });
    // The extension names the component in an attribute.
    let own = of
        .attribute("ref")
        .map(|reference| Affects { reference: words(Some(reference)), ..Affects::default() });
    let recommendation = text("recommendation");
    Vulnerability {
        id: text("id"),
        reference: words(of.attribute("bom-ref")),
        source: source(of),
        references: references.map(|one| Reference { id: words(one.text_of("id")) }).collect(),
        ratings: ratings.collect(),
        cwes: all("cwes/cwe"),
        description: text("description"),
        detail: text("detail"),
        recommendation: if recommendation.0.is_empty() {
            text("recommendations/recommendation")
        } else {
            recommendation
        },
        workaround: text("workaround"),
        advisories: advisories
            .map(|one| Advisory { url: words(one.text_of("url").or_else(|| one.words())) })
            .collect(),
        analysis: Analysis {
            state: text("analysis/state"),
            justification: text("analysis/justification"),
            response: all("analysis/responses/response"),
            detail: text("analysis/detail"),
        },
        affects: own.into_iter().chain(targets).collect(),
        rejected: text("rejected"),
    }
}
