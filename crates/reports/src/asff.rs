//! AWS Security Hub: findings in the AWS Security Finding Format. What each field becomes: `docs/formats/asff.md`.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use model::{
    Component, Coverage, CoverageExtent, FindingKind, Location, Observation, ReportedSuppression, ScanRun,
    Severity, Vulnerability as Definition,
};
use serde::Deserialize;

use crate::ReadSeek;
use crate::cvss::{Rating, newest};
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{Words, list, map, object_or_nothing};
use crate::json::walk::{Agreed, ObjectOrList, Rows, each_result};
use crate::json::{self, Bulk, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, body, short};
use crate::{component, found, severity};

const BULK: Bulk = Bulk { keys: &["Findings", "findings"], depth: 1, top: Top::Elements };

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "Findings", alias = "findings")]
    findings: Rows,
    #[serde(rename = "NextToken")]
    next_token: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Finding {
    id: Words,
    generator_id: Words,
    aws_account_id: Words,
    product_name: Words,
    types: Words,
    title: Words,
    description: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    severity: Grade,
    #[serde(deserialize_with = "object_or_nothing")]
    remediation: Remediation,
    #[serde(deserialize_with = "map")]
    product_fields: BTreeMap<String, Words>,
    #[serde(deserialize_with = "list")]
    resources: Vec<Resource>,
    #[serde(deserialize_with = "object_or_nothing")]
    compliance: Compliance,
    #[serde(deserialize_with = "object_or_nothing")]
    workflow: Workflow,
    record_state: Words,
    #[serde(deserialize_with = "list")]
    vulnerabilities: Vec<Vulnerability>,
    source_url: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Grade {
    label: Words,
    normalized: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Remediation {
    #[serde(deserialize_with = "object_or_nothing")]
    recommendation: Recommendation,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Recommendation {
    text: Words,
    url: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Resource {
    id: Words,
    #[serde(rename = "Type")]
    kind: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Compliance {
    status: Words,
    security_control_id: Words,
    #[serde(deserialize_with = "list")]
    status_reasons: Vec<StatusReason>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StatusReason {
    description: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Workflow {
    status: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Vulnerability {
    id: Words,
    #[serde(deserialize_with = "list")]
    vulnerable_packages: Vec<Package>,
    #[serde(deserialize_with = "list")]
    cvss: Vec<Cvss>,
    related_vulnerabilities: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    vendor: Vendor,
    reference_urls: Words,
    cwes: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Vendor {
    url: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Package {
    name: Words,
    version: Words,
    epoch: Words,
    release: Words,
    package_manager: Words,
    file_path: Words,
    fixed_in_version: Words,
    remediation: Words,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Cvss {
    version: Words,
    base_score: Words,
    base_vector: Words,
}

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["[]", "Findings[]", "findings[]"]
        .iter()
        .any(|at| outline.has_all(&[&format!("{at}.ProductArn"), &format!("{at}.GeneratorId")]))
        || outline.is_list("Findings") && outline.keys().len() <= 2
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let document: ObjectOrList<Answer> = json::header_pass(input, limits, BULK, PhantomData)?;
    if !document.list.is_there() && !document.object.findings.is_there() {
        let reason = "a list of findings, or `Findings` with one, was expected, as `aws securityhub get-findings` gives it";
        return Err(ErrorKind::invalid(reason).into());
    }
    let mut account = Agreed::default();
    each_result(input, limits, BULK, &mut |_, row| {
        let finding: Finding = row.read()?;
        if finding.id.first().is_none() || finding.title.first().is_none() {
            let reason =
                "this is no finding in the AWS Security Finding Format: `Id` and `Title` are missing";
            return Err(ErrorKind::invalid(reason).into());
        }
        account.hear(finding.aws_account_id.first().and_then(short));
        Ok(())
    })?;
    let cut = document.object.next_token.first().is_some();
    output.run(ScanRun {
        scanner: "AWS Security Hub".to_owned(),
        target: account.on(),
        coverage: Coverage {
            extent: if cut { CoverageExtent::Partial } else { CoverageExtent::Full },
            ..Coverage::default()
        },
        ..ScanRun::default()
    })?;
    each_result(input, limits, BULK, &mut |_, row| {
        let finding: Finding = row.read()?;
        match left_out(&finding) {
            Some(reason) => output.left_out(reason),
            None => {
                for observation in observations(&finding) {
                    output.observation(observation)?;
                }
            }
        }
        Ok(())
    })
}

fn is(words: &Words, word: &str) -> bool {
    words.first().is_some_and(|first| first.eq_ignore_ascii_case(word))
}

fn left_out(of: &Finding) -> Option<&'static str> {
    if is(&of.record_state, "ARCHIVED") {
        Some("`RecordState` is ARCHIVED: the product no longer sees it")
    } else if is(&of.compliance.status, "PASSED") {
        Some("`Compliance.Status` is PASSED: the control found nothing")
    } else if is(&of.compliance.status, "NOT_AVAILABLE") {
        Some("`Compliance.Status` is NOT_AVAILABLE: the control could not be checked")
    } else {
        None
    }
}

/// One for each vulnerable package; one in all if none is named.
fn observations(of: &Finding) -> Vec<Observation> {
    let grade = grade(&of.severity);
    let mut all = Vec::new();
    for vulnerability in &of.vulnerabilities {
        for package in &vulnerability.vulnerable_packages {
            if let Some(component) = component(package) {
                let mut definition = definition(of, Some(vulnerability));
                if let Some(upgrade) = component::upgrade(&component) {
                    definition.remediation = Some(match package.remediation.first() {
                        Some(how) => format!("{upgrade}\n{how}"),
                        None => upgrade,
                    });
                }
                all.push(component::observation(definition, Some(component), grade, location(of)));
            }
        }
    }
    if all.is_empty() {
        let vulnerability = of.vulnerabilities.first();
        let kind = if vulnerability.is_some() { FindingKind::Host } else { FindingKind::Misconfiguration };
        let definition = definition(of, vulnerability);
        let title = text::title(&[definition.name.as_deref()], &definition.id, resource_name(of));
        all.push(Observation { title, ..found::observation(kind, definition, grade, location(of)) });
    }
    let suppressed = ["SUPPRESSED", "RESOLVED"].iter().any(|word| is(&of.workflow.status, word));
    for observation in &mut all {
        observation.scanner_severity = of.severity.label.first().and_then(short);
        observation.message = message(of);
        observation.related_locations = of
            .resources
            .iter()
            .skip(1)
            .filter_map(|resource| short(resource.id.first()?))
            .map(|path| Location { path, ..Location::default() })
            .collect();
        observation.scanner_fingerprints = found::fingerprint("asff", of.id.first());
        observation.suppression = suppressed.then_some(ReportedSuppression::Accepted);
    }
    all
}

/// The place: the ARN of the first resource.
fn location(of: &Finding) -> Location {
    let resource = of.resources.first();
    Location {
        path: resource.and_then(|one| one.id.first()).map(text::one_line).unwrap_or_default(),
        logical: resource.and_then(|one| one.kind.first()).and_then(short),
        ..Location::default()
    }
}

/// What people call the first resource: the last part of its ARN.
fn resource_name(of: &Finding) -> Option<&str> {
    of.resources.first()?.id.first()?.rsplit(['/', ':']).next()
}

fn message(of: &Finding) -> Option<String> {
    let reasons = of.compliance.status_reasons.iter().filter_map(|reason| reason.description.first());
    let status = ["SUPPRESSED", "RESOLVED"].into_iter().find(|word| is(&of.workflow.status, word));
    let status = status.map(|word| format!("Workflow status: {}.", word.to_lowercase()));
    body(&reasons.map(str::to_owned).chain(status).collect::<Vec<_>>().join("\n"))
}

/// By the label, else by the number from 0 to 100.
fn grade(of: &Grade) -> Severity {
    let normalized = || {
        of.normalized.number().map(|number| match number {
            n if n >= 90.0 => Severity::Critical,
            n if n >= 70.0 => Severity::High,
            n if n >= 40.0 => Severity::Medium,
            n if n > 0.0 => Severity::Low,
            _ => Severity::Info,
        })
    };
    of.label.first().and_then(severity::word).or_else(normalized).unwrap_or(Severity::Info)
}

/// The control or rule: generators that are ARNs name an account's detector, so the type says more.
fn rule(of: &Finding) -> String {
    let field = |name: &str| of.product_fields.get(name).and_then(Words::first);
    let generator = of.generator_id.first();
    let kind = of.types.first().and_then(|kind| kind.rsplit('/').next());
    let candidates = [
        of.compliance.security_control_id.first(),
        field("ControlId"),
        field("RuleId"),
        generator.filter(|generator| !generator.starts_with("arn:")),
        kind,
        generator,
    ];
    candidates.into_iter().flatten().find_map(short).unwrap_or_else(|| "unnamed".to_owned())
}

fn definition(of: &Finding, vulnerability: Option<&Vulnerability>) -> Definition {
    let field = |name: &str| of.product_fields.get(name).and_then(Words::first);
    let id = vulnerability.and_then(|one| short(one.id.first()?)).unwrap_or_else(|| rule(of));
    let recommendation = &of.remediation.recommendation;
    let advice = recommendation.text.first().filter(|text| *text != "None Provided");
    let cvss =
        newest(vulnerability.iter().flat_map(|one| &one.cvss).map(|cvss| {
            Rating::new(cvss.base_vector.first(), cvss.version.first(), cvss.base_score.number())
        }));
    let links = [&recommendation.url, &of.source_url].into_iter().filter_map(Words::first);
    let vendor = vulnerability.into_iter().flat_map(|one| {
        one.vendor.url.first().into_iter().chain(one.reference_urls.0.iter().map(String::as_str))
    });
    let product = of.product_name.first().or_else(|| field("aws/securityhub/ProductName"));
    let mut aliases: Vec<String> = vulnerability
        .map(|one| one.related_vulnerabilities.0.iter().filter_map(|id| short(id)).collect())
        .unwrap_or_default();
    aliases.retain(|alias| *alias != id);
    Definition {
        // The title of a vulnerability repeats its id and packages.
        name: of.title.first().filter(|_| vulnerability.is_none()).and_then(short),
        description: of.description.first().and_then(body),
        remediation: advice.and_then(body),
        cwes: vulnerability
            .map(|one| one.cwes.0.iter().filter_map(|id| text::cwe(id)).collect())
            .unwrap_or_default(),
        cvss_vector: cvss.vector,
        cvss_score: cvss.score,
        references: text::references(vendor.chain(links)),
        tags: product.and_then(short).into_iter().collect(),
        aliases,
        id,
    }
}

fn component(of: &Package) -> Option<Component> {
    let version = of.version.first().map(|version| {
        let epoch = of.epoch.first().filter(|epoch| *epoch != "0").map(|epoch| format!("{epoch}:"));
        let release = of.release.first().map(|release| format!("-{release}"));
        format!("{}{version}{}", epoch.unwrap_or_default(), release.unwrap_or_default())
    });
    let fixed = of.fixed_in_version.first().filter(|fixed| !fixed.eq_ignore_ascii_case("NotAvailable"));
    Some(Component {
        name: short(of.name.first()?)?,
        version: version.as_deref().and_then(short),
        fixed_version: fixed.map(|fixed| fixed.strip_prefix("0:").unwrap_or(fixed)).and_then(short),
        ecosystem: of.package_manager.first().and_then(|manager| short(&manager.to_ascii_lowercase())),
        path: of.file_path.first().and_then(short),
        ..Component::default()
    })
}
