//! govulncheck's JSON: a stream of messages (or a list of them), and the one object of versions before 1.0. What each
//! field means: `docs/formats/govulncheck.md`.
//!
//! Two passes, because a finding is told again whenever govulncheck knows more of it.

use std::collections::BTreeMap;
use std::io::{Read, SeekFrom};

use model::{Location, Observation, ScanRun, Severity, Vulnerability};
use serde::Deserialize;

use crate::ReadSeek;
use crate::component;
use crate::detect::HEAD_BYTES;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::{FromOne, Presence, Words, list, map, object_or_nothing};
use crate::json::seeds::{Value, object};
use crate::json::{self, Bulk, Exchange, Top, ways};
use crate::limits::Limits;
use crate::osv::Entry;
use crate::outline::Outline;
use crate::output::Output;
use crate::text::{self, short};

const LIST: Bulk = Bulk { keys: &[], depth: 1, top: Top::Elements };
const OLD: Bulk = Bulk { keys: &["Vulns"], depth: 1, top: Top::Header };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    ["", "[]."].into_iter().any(|at| {
        outline.word(&format!("{at}config.scanner_name")) == "govulncheck"
            || outline.has(&format!("{at}config.protocol_version"))
    }) || is_old(outline)
}

fn is_old(outline: &Outline) -> bool {
    outline.has_all(&["Vulns[].OSV", "Vulns[].ModPath"])
        || outline.has_all(&["Calls.Functions", "Calls.Entries"])
        || outline.has_all(&["Calls", "Imports", "Requires"])
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Message {
    config: Option<Config>,
    osv: Option<Entry>,
    finding: Option<Finding>,
    #[serde(rename = "SBOM")]
    sbom: Option<Sbom>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    scanner_version: Words,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sbom {
    #[serde(deserialize_with = "list")]
    modules: Vec<Module>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Module {
    path: Words,
}

#[derive(Deserialize)]
struct Finding {
    osv: String,
    #[serde(default)]
    fixed_version: Words,
    #[serde(default, deserialize_with = "list")]
    trace: Vec<Frame>,
}

/// First the vulnerable symbol (or package, or module), last where one's own code begins.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    module: Words,
    version: Words,
    package: Words,
    function: Words,
    receiver: Words,
    #[serde(deserialize_with = "object_or_nothing")]
    position: Position,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Position {
    filename: Words,
    line: FromOne,
    column: FromOne,
}

/// How near the vulnerability is to one's own code. The order is from far to near.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    Required,
    Imported,
    Called,
}

impl Reach {
    /// As govulncheck's own SARIF rates it: `note`, `warning`, `error`.
    fn severity(self) -> Severity {
        match self {
            Self::Required => Severity::Low,
            Self::Imported => Severity::Medium,
            Self::Called => Severity::High,
        }
    }

    fn told(self, symbol: &str, package: &str) -> String {
        match self {
            Self::Required => {
                "The vulnerable module is required; no vulnerable package of it is imported.".to_owned()
            }
            Self::Imported => {
                format!("The vulnerable package {package} is imported; no vulnerable symbol is called.")
            }
            Self::Called => format!("The code calls {symbol}."),
        }
    }
}

impl Finding {
    fn reach(&self) -> Reach {
        let first = self.trace.first();
        let named = |of: fn(&Frame) -> &Words| first.is_some_and(|frame| of(frame).first().is_some());
        match (named(|frame| &frame.function), named(|frame| &frame.package)) {
            (true, _) => Reach::Called,
            (false, true) => Reach::Imported,
            (false, false) => Reach::Required,
        }
    }

    /// Vulnerability, module and package.
    fn key(&self, with_package: bool) -> [String; 3] {
        let first = self.trace.first();
        let word = |of: fn(&Frame) -> &Words| {
            first.and_then(|frame| of(frame).first()).unwrap_or_default().to_owned()
        };
        let package = if with_package { word(|frame| &frame.package) } else { String::new() };
        [self.osv.clone(), word(|frame| &frame.module), package]
    }
}

/// What the first pass finds: everything but the findings themselves.
#[derive(Default)]
struct Known {
    version: Option<String>,
    target: Option<String>,
    definitions: BTreeMap<String, Vulnerability>,
    /// The nearest that is told of a vulnerability in a module, and in a package of it.
    nearest: BTreeMap<[String; 3], Reach>,
    bytes: u64,
}

impl Known {
    fn learn(&mut self, message: Message, limits: &Limits) -> Result<(), ErrorKind> {
        if let Some(version) = message.config.as_ref().and_then(|config| config.scanner_version.first()) {
            self.version = short(version);
        }
        if let Some(module) = message.sbom.as_ref().and_then(|sbom| sbom.modules.first()) {
            self.target = module.path.first().and_then(short);
        }
        if let Some(entry) = message.osv {
            let definition = entry.vulnerability();
            let texts = [&definition.description, &definition.name].into_iter().flatten().map(String::len);
            self.bytes += 500 + texts.sum::<usize>() as u64;
            self.definitions.insert(definition.id.clone(), definition);
        }
        if let Some(finding) = message.finding {
            let reach = finding.reach();
            for key in [finding.key(false), finding.key(true)] {
                self.bytes += key.iter().map(String::len).sum::<usize>() as u64;
                let nearest = self.nearest.entry(key).or_insert(reach);
                *nearest = reach.max(*nearest);
            }
        }
        if self.bytes > limits.max_header_bytes {
            let what = "size in bytes of what is not a result (definitions)";
            return Err(ErrorKind::LimitExceeded { what, bound: limits.max_header_bytes });
        }
        Ok(())
    }

    /// Whether the report says the same again, nearer to the code.
    fn is_refined(&self, finding: &Finding) -> bool {
        let nearest = |with_package| self.nearest.get(&finding.key(with_package)).copied();
        match finding.reach() {
            Reach::Called => false,
            Reach::Imported => nearest(true) > Some(Reach::Imported),
            Reach::Required => nearest(false) > Some(Reach::Required),
        }
    }
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let mut head = Vec::new();
    input.seek(SeekFrom::Start(0)).map_err(ErrorKind::Io)?;
    (&mut *input).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(ErrorKind::Io)?;
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&head);
    let (outline, _) = Outline::of(text);
    if is_old(&outline) {
        return old(input, limits, output);
    }
    let mut known = Known::default();
    messages(input, limits, outline.is_list(""), &mut |message| known.learn(message, limits))?;
    // Only now: of a file that is cut off the break is told, not what is missing.
    if !looks_like(&outline) {
        let reason = "the first message of a govulncheck report, `config`, is missing; write the report with \
                      `govulncheck -format json`";
        return Err(ErrorKind::invalid(reason).into());
    }
    output.run(ScanRun {
        scanner: "govulncheck".to_owned(),
        scanner_version: known.version.clone(),
        target: known.target.clone(),
        ..ScanRun::default()
    })?;
    messages(input, limits, outline.is_list(""), &mut |message| match message.finding {
        None => Ok(()),
        Some(finding) if known.is_refined(&finding) => {
            output.left_out("the report says the same again, nearer to the code");
            Ok(())
        }
        Some(finding) => output.observation(observation(&finding, &known)),
    })
}

/// Hands on each message of a stream or a list.
fn messages(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    list: bool,
    take: &mut dyn FnMut(Message) -> Result<(), ErrorKind>,
) -> Result<(), Error> {
    if list {
        return ways::results(input, limits, LIST, &["[]"], |_, one| take(one));
    }
    let exchange = Exchange::default();
    let take = std::cell::RefCell::new(take);
    json::documents_pass(input, limits, &exchange, || Value::new(&exchange, |one| (take.borrow_mut())(one)))
}

fn symbol(frame: &Frame) -> String {
    let package = frame.package.first().unwrap_or_default();
    let receiver = frame.receiver.first().map(|receiver| format!("{}.", receiver.trim_start_matches('*')));
    text::one_line(&format!(
        "{package}.{}{}",
        receiver.unwrap_or_default(),
        frame.function.first().unwrap_or_default()
    ))
}

fn observation(finding: &Finding, known: &Known) -> Observation {
    let id = short(&finding.osv).unwrap_or_else(|| "unnamed".to_owned());
    let definition = known.definitions.get(&id).cloned();
    let definition = definition.unwrap_or_else(|| Vulnerability { id, ..Vulnerability::default() });
    let nothing = Frame::default();
    let first = finding.trace.first().unwrap_or(&nothing);
    let mut base = of_module(
        definition,
        first.module.first().unwrap_or_default(),
        first.version.first(),
        finding.fixed_version.first(),
        finding.reach(),
        (&symbol(first), first.package.first().unwrap_or_default()),
    );
    // The way from one's own code to the vulnerable symbol.
    let steps =
        finding.trace.iter().rev().take(100).filter(|frame| frame.position.filename.first().is_some());
    base.related_locations = steps
        .map(|frame| Location {
            path: text::path(frame.position.filename.first().unwrap_or_default()),
            start_line: frame.position.line.0,
            start_column: frame.position.column.0,
            logical: short(&symbol(frame)),
            ..Location::default()
        })
        .collect();
    base
}

fn of_module(
    definition: Vulnerability,
    module: &str,
    version: Option<&str>,
    fixed: Option<&str>,
    reach: Reach,
    (symbol, package): (&str, &str),
) -> Observation {
    let mut component = component::named("go", module, version);
    component.fixed_version = fixed.and_then(short);
    component.path = short(package);
    let mut base = component::vulnerable(definition, component, reach.severity(), None, String::new());
    base.message = text::body(&reach.told(symbol, package));
    if reach == Reach::Called {
        base.location.logical = short(symbol);
    }
    base
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldHead {
    vulns: Presence,
    #[serde(deserialize_with = "object_or_nothing")]
    requires: Requires,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Requires {
    #[serde(deserialize_with = "map")]
    modules: BTreeMap<String, OldModule>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct OldModule {
    version: Words,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OldVuln {
    #[serde(rename = "OSV")]
    osv: Entry,
    #[serde(default)]
    symbol: Words,
    #[serde(default)]
    pkg_path: Words,
    #[serde(default)]
    mod_path: Words,
    /// Numbers of function, package and module in the graphs of the report; 0 if not reached.
    #[serde(default)]
    call_sink: FromOne,
    #[serde(default)]
    import_sink: FromOne,
    #[serde(default)]
    require_sink: Words,
}

/// Before 1.0: each symbol of each vulnerability is a result.
fn old(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let head: OldHead = json::header_pass(input, limits, OLD, object())?;
    if head.vulns == Presence::Absent && head.requires.modules.is_empty() {
        return Err(ErrorKind::invalid("the list `Vulns` of an old govulncheck report is missing").into());
    }
    output.run(ScanRun { scanner: "govulncheck".to_owned(), ..ScanRun::default() })?;
    ways::results(input, limits, OLD, &["Vulns[]"], |_, one: OldVuln| {
        let reach = match (one.call_sink.0, one.import_sink.0) {
            (Some(_), _) => Reach::Called,
            (None, Some(_)) => Reach::Imported,
            (None, None) => Reach::Required,
        };
        let module = one.mod_path.first().unwrap_or_default();
        let package = one.pkg_path.first().unwrap_or_default();
        let symbol = format!("{package}.{}", one.symbol.first().unwrap_or_default());
        let required = one.require_sink.first().and_then(|number| head.requires.modules.get(number));
        let version = required.and_then(|module| module.version.first());
        let fixed = one.osv.fixed(module);
        let definition = one.osv.vulnerability();
        output.observation(of_module(
            definition,
            module,
            version,
            fixed.as_deref(),
            reach,
            (&symbol, package),
        ))
    })
}
