//! Assessments and sub-assessments of Defender for Cloud as Azure Resource Graph gives them: the table
//! `securityresources`, as one answer of its API, the output of `az graph query`, or what a source of Lockstep fetched.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ScanRun, Severity, Vulnerability,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ReadSeek;
use crate::component;
use crate::draft::{self, Found};
use crate::error::{Error, ErrorKind};
use crate::found;
use crate::html;
use crate::json::lenient::{self, Presence, Words};
use crate::json::walk::{Refused, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::severity;
use crate::text::{self, body, one_line, short};

/// `data`.
const BULK: Bulk = Bulk { keys: &["data"], depth: 1, top: Top::Header };

/// What of an id names a row of this table.
const MARK: &str = "/providers/microsoft.security/assessments/";

/// What stands between an assessment and its sub-assessment.
const SUB: &str = "/subassessments/";

/// Assessments that are known to have sub-assessments: also where the last of these is gone, and no row says so any more.
/// Machines, SQL databases, SQL servers on machines; images of ACR, ECR and GCP, and those of ACR by the older scanner.
const HAVE_SUB_ASSESSMENTS: [&str; 7] = [
    "1195afff-c881-495e-9bc5-1486211ae03f",
    "82e20e14-edc5-4373-bfc4-f13121257c37",
    "f97aa83c-9b63-4f9a-99f6-b22c4398f936",
    "c0b7cfc6-3172-465a-b378-53c7ff2cc0d5",
    "c27441ae-775c-45be-8ffa-655de37362ce",
    "5cc3a2c1-8397-456f-8792-fe9d0d4c9145",
    "dbd0cb49-b563-45e7-9724-889e799fa648",
];

/// More resources than this are not kept apart: memory is bounded, and what was not kept is not covered.
const MOST_RESOURCES: usize = 200_000;

/// Whether a document is an answer of the graph with rows of this table, or with none.
pub(crate) fn looks_like(outline: &Outline) -> bool {
    let empty = outline.is_list("data")
        && !outline.has("data[]")
        && outline.has_any(&["totalRecords", "total_records"]);
    let id = outline.word("data[].id").to_lowercase();
    empty || (outline.has("data[].properties") && id.contains(MARK))
}

/// What stands around the list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Presence,
    #[serde(default, rename = "$skipToken")]
    next: Words,
    /// The same as the command line writes it.
    #[serde(default)]
    skip_token: Words,
    #[serde(default, rename = "resultTruncated")]
    truncated: Words,
    /// When a source of Lockstep began to fetch it.
    #[serde(default, rename = "fetchedAt")]
    fetched_at: Words,
    /// Makes a list no page: without it the first elements would be taken for the fields above.
    #[serde(flatten)]
    _rest: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize)]
struct Row {
    #[serde(default)]
    id: Words,
    #[serde(default, deserialize_with = "lenient::object_or_nothing")]
    properties: Properties,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Properties {
    id: Words,
    display_name: Words,
    description: Words,
    remediation: Words,
    impact: Words,
    category: Words,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    status: Status,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    metadata: Metadata,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    resource_details: Resource,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    additional_data: Additional,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    links: Links,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    code: Words,
    severity: Words,
    cause: Words,
    description: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    severity: Words,
    description: Words,
    remediation_description: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resource {
    /// Spelt with a capital in one of the two tables.
    #[serde(alias = "Id")]
    id: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Links {
    azure_portal: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Additional {
    cvss_v30_score: Words,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    vulnerability_details: Details,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    artifact_details: Artifact,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    software_details: Software,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    cve_id: Words,
    severity: Words,
    #[serde(deserialize_with = "lenient::map")]
    cvss: BTreeMap<String, Option<Cvss>>,
    #[serde(deserialize_with = "lenient::object_or_nothing")]
    weaknesses: Weaknesses,
    #[serde(deserialize_with = "lenient::list")]
    references: Vec<Reference>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Cvss {
    base: Words,
    cvss_vector_string: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weaknesses {
    #[serde(deserialize_with = "lenient::list")]
    cwe: Vec<Weakness>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Weakness {
    id: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reference {
    link: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Artifact {
    registry_host: Words,
    repository_name: Words,
    digest: Words,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Software {
    package_name: Words,
    version: Words,
    fixed_version: Words,
    category: Words,
    language: Words,
    vendor: Words,
}

impl Row {
    fn id(&self) -> Result<String, ErrorKind> {
        let id = self.id.first().map(|id| one_line(id).to_lowercase());
        id.filter(|id| id.contains(MARK)).ok_or_else(|| {
            ErrorKind::invalid(
                "this row is no assessment of Defender for Cloud; ask the graph for 'securityresources' and project id",
            )
        })
    }

    /// What is assessed: the repository of an image, because a new digest of it is no other thing; else the resource.
    fn place(&self, id: &str) -> String {
        let artifact = &self.properties.additional_data.artifact_details;
        if let (Some(host), Some(repository)) =
            (artifact.registry_host.first(), artifact.repository_name.first())
        {
            return one_line(&format!("{host}/{repository}")).to_lowercase();
        }
        self.resource(id)
    }

    /// The resource. Names in Azure do not differ by case, and the tables differ in it.
    fn resource(&self, id: &str) -> String {
        let named = self.properties.resource_details.id.first();
        named.map(|id| one_line(id).to_lowercase()).filter(|id| !id.is_empty()).unwrap_or_else(|| {
            // The assessment lies below what it assesses.
            id.split_once(MARK).map(|(resource, _)| resource.to_owned()).unwrap_or_default()
        })
    }

    fn state(&self) -> State {
        match self.properties.status.code.first().unwrap_or_default().to_ascii_lowercase().as_str() {
            "healthy" => State::Healthy,
            "notapplicable" => State::NotApplicable,
            _ => State::Unhealthy,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Healthy,
    Unhealthy,
    NotApplicable,
}

/// What all rows say together, gathered before the first is handed on.
#[derive(Default)]
struct Gathered {
    /// Resources with an assessment that was judged.
    assessed: BTreeSet<String>,
    /// Places with a sub-assessment, and resources whose assessment of that sort was judged.
    looked_into: BTreeSet<String>,
    /// Assessments that have sub-assessments: those are the findings.
    parents: HashSet<String>,
    /// Keys of these, whatever the resource.
    keys: HashSet<String>,
    /// Resources by the key of an assessment that was judged there.
    judged: BTreeSet<(String, String)>,
    /// There are assessments.
    recommendations: bool,
    /// Some were not kept.
    too_many: bool,
}

impl Gathered {
    fn hear(&mut self, row: &Row) -> Result<(), ErrorKind> {
        let id = row.id()?;
        if self.assessed.len() + self.looked_into.len() + self.judged.len() > MOST_RESOURCES {
            self.too_many = true;
            return Ok(());
        }
        self.recommendations |= !id.contains(SUB);
        let key = |assessment: &str| assessment.rsplit('/').next().unwrap_or_default().to_owned();
        match id.split_once(SUB) {
            Some((parent, _)) => {
                self.keys.insert(key(parent));
                self.parents.insert(parent.to_owned());
                if row.state() != State::NotApplicable {
                    self.looked_into.insert(row.place(&id));
                }
            }
            None if row.state() != State::NotApplicable => {
                let resource = row.resource(&id);
                self.judged.insert((key(&id), resource.clone()));
                self.assessed.insert(resource);
            }
            None => {}
        }
        Ok(())
    }

    /// What was looked into for sub-assessments: also where none is left.
    fn settle(&mut self) {
        let judged = std::mem::take(&mut self.judged);
        self.looked_into.extend(
            judged
                .into_iter()
                .filter(|(key, _)| self.keys.contains(key) || HAVE_SUB_ASSESSMENTS.contains(&key.as_str()))
                .map(|(_, resource)| resource),
        );
    }
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let page: Page = json::header_pass(input, limits, BULK, PhantomData)?;
    if page.data == Presence::Absent {
        return Err(Error::at_path(
            ErrorKind::invalid("'data' is missing; save the whole answer of Azure Resource Graph"),
            "",
        ));
    }
    let mut gathered = Gathered::default();
    each_result(input, limits, BULK, &mut |_, row| Ok(gathered.hear(&row.read()?)?))?;
    gathered.settle();
    let cut = page.next.first().is_some()
        || page.skip_token.first().is_some()
        || page.truncated.first().is_some_and(|word| word.eq_ignore_ascii_case("true"));
    let fetched_at = page.fetched_at.first().and_then(text::time);
    let Gathered { assessed, looked_into, parents, keys, recommendations, too_many, .. } = gathered;
    // Behind a link to the next page there is more: what is not here may be there.
    let partial = cut || too_many;
    if recommendations {
        output.run(run("recommendations", fetched_at, assessed, partial))?;
        each_result(input, limits, BULK, &mut |_, row| {
            let row: Row = row.read()?;
            let id = row.id()?;
            if id.contains(SUB) {
                return Ok(());
            }
            Ok(recommendation(&row, &id, &parents)?.put(output)?)
        })?;
        if keys.is_empty() && looked_into.is_empty() {
            return Ok(());
        }
    }
    output.run(run("vulnerabilities", fetched_at, looked_into, partial))?;
    each_result(input, limits, BULK, &mut |_, row| {
        let row: Row = row.read()?;
        let id = row.id()?;
        if !id.contains(SUB) {
            return Ok::<(), Refused>(());
        }
        Ok(sub_assessment(&row, &id).put(output)?)
    })
}

/// Recommendations and what was found inside of resources are two configurations: that a resource was judged by the one
/// does not prove that it was looked into for the other.
fn run(
    configuration: &str,
    started_at: Option<DateTime<Utc>>,
    places: BTreeSet<String>,
    partial: bool,
) -> ScanRun {
    // No place at all would mean the whole of everything.
    let extent = if partial || places.is_empty() { CoverageExtent::Partial } else { CoverageExtent::Full };
    ScanRun {
        scanner: "Microsoft Defender for Cloud".to_owned(),
        configuration: Some(configuration.to_owned()),
        started_at,
        coverage: Coverage { extent, rules: None, paths: places.into_iter().collect() },
        ..ScanRun::default()
    }
}

fn left_out(state: State) -> Option<Found> {
    match state {
        State::Unhealthy => None,
        State::Healthy => Some(Found::LeftOut("status is `Healthy`: the recommendation is followed")),
        State::NotApplicable => {
            Some(Found::LeftOut("status is `NotApplicable`: the resource is exempt or not judged"))
        }
    }
}

fn prose(words: &Words) -> Option<String> {
    words.first().map(html::to_text).as_deref().and_then(body)
}

fn recommendation(row: &Row, id: &str, parents: &HashSet<String>) -> Result<Found, ErrorKind> {
    if let Some(left_out) = left_out(row.state()) {
        return Ok(left_out);
    }
    if parents.contains(id) {
        return Ok(Found::LeftOut("its sub-assessments are findings of their own"));
    }
    let properties = &row.properties;
    let key = id.rsplit('/').next().unwrap_or(id);
    let word = properties.metadata.severity.first().or(properties.status.severity.first());
    let mut observation = draft::observation(FindingKind::Misconfiguration, key, severity::judge(word, None));
    let path = row.resource(id);
    let name = path.rsplit('/').next().and_then(short);
    let title = properties.display_name.first();
    observation.title = text::title(&[title], key, name.as_deref().or(Some(&path)));
    observation.scanner_severity = word.and_then(short);
    observation.message =
        properties.status.description.first().or(properties.status.cause.first()).and_then(body);
    observation.location = Location { path, logical: name, ..Location::default() };
    let definition = &mut observation.vulnerability;
    definition.name = title.and_then(short);
    definition.description =
        prose(&properties.metadata.description).or_else(|| prose(&properties.description));
    definition.remediation =
        prose(&properties.metadata.remediation_description).or_else(|| prose(&properties.remediation));
    let link = properties
        .links
        .azure_portal
        .first()
        .map(|link| if link.starts_with("http") { link.to_owned() } else { format!("https://{link}") });
    definition.references = text::references(link.as_deref());
    Ok(Found::Observation(Box::new(observation)))
}

fn sub_assessment(row: &Row, id: &str) -> Found {
    if let Some(left_out) = left_out(row.state()) {
        return left_out;
    }
    let properties = &row.properties;
    let more = &properties.additional_data;
    let details = &more.vulnerability_details;
    let name = properties.display_name.first();
    let named = details.cve_id.first().or(properties.id.first()).and_then(short);
    let weakness = named.or_else(|| name.and_then(short)).unwrap_or_else(|| "unnamed".to_owned());
    let word = details.severity.first().or(properties.status.severity.first());
    let newest = details.cvss.iter().rev().find_map(|(_, cvss)| cvss.as_ref());
    let score = newest.and_then(|cvss| cvss.base.number()).or(more.cvss_v30_score.number());
    let rated: Severity = severity::judge(word, severity::score(score));
    let mut definition = Vulnerability {
        id: weakness.clone(),
        name: name.and_then(short).filter(|name| *name != weakness),
        description: prose(&properties.description),
        remediation: prose(&properties.remediation),
        cvss_vector: newest.and_then(|cvss| cvss.cvss_vector_string.first()).and_then(short),
        cvss_score: severity::score(score),
        references: text::references(details.references.iter().filter_map(|one| one.link.first())),
        tags: properties.category.first().and_then(short).into_iter().collect(),
        ..Vulnerability::default()
    };
    text::add_new(
        &mut definition.cwes,
        details.weaknesses.cwe.iter().filter_map(|one| one.id.first()).filter_map(text::cwe),
    );
    let location = Location {
        path: row.place(id),
        logical: more.artifact_details.digest.first().and_then(short),
        ..Location::default()
    };
    let software = &more.software_details;
    let mut observation: Observation = match software.package_name.first().and_then(short) {
        Some(package) => {
            let component = Component {
                name: package,
                version: software.version.first().and_then(short),
                fixed_version: software.fixed_version.first().and_then(short),
                ecosystem: [&software.language, &software.vendor, &software.category]
                    .into_iter()
                    .find_map(|word| word.first().and_then(short)),
                ..Component::default()
            };
            if definition.remediation.is_none() {
                definition.remediation = component::upgrade(&component);
            }
            component::observation(definition, Some(component), rated, location)
        }
        // Of a server, a database and the like: a weakness of that host.
        None => found::observation(FindingKind::Host, definition, rated, location),
    };
    observation.scanner_severity = word.and_then(short);
    observation.message = prose(&properties.impact);
    Found::Observation(Box::new(observation))
}
