//! The file of a configuration: YAML within bounds, and line and column of everything in it.
//!
//! It is read into a tree that remembers places, and from that into the types. So whatever is wrong is said with its line
//! and column, whether the YAML, the types, or the server finds it.

use std::collections::HashMap;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

use model::configuration::Configuration;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Location, Spanned};

use crate::exit::{self, CliError};

/// A file may be so large.
const MOST_BYTES: u64 = 1 << 20;

/// Values of a file, with what its aliases stand for.
const MOST_NODES: usize = 100_000;

/// Aliases of a file.
const MOST_ALIASES: usize = 1000;

/// A configuration that was read from a file.
#[derive(Debug)]
pub(super) struct ConfigFile {
    /// Name of the file, for messages.
    pub(super) name: String,
    /// What it says. Criteria are as they are written.
    pub(super) configuration: Configuration,
    places: Places,
}

/// Where things stand in the file, by JSON pointer.
type Places = HashMap<String, (u64, u64)>;

impl ConfigFile {
    /// Reads a file, or standard input for `-`, and checks it by itself.
    ///
    /// # Errors
    /// If it cannot be read, or anything is wrong with it; each problem with its place.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let is_input = path.as_os_str() == "-";
        let name = if is_input { "standard input".to_owned() } else { path.display().to_string() };
        let mut text = String::new();
        let read = match is_input {
            true => std::io::stdin().take(MOST_BYTES + 1).read_to_string(&mut text),
            false => {
                std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text))
            }
        };
        read.map_err(|error| CliError::usage(format!("{name} cannot be read: {error}")))?;
        Self::parse(name, &text)
    }

    fn parse(name: String, text: &str) -> Result<Self, CliError> {
        if text.len() as u64 > MOST_BYTES {
            return Err(CliError::new(exit::REFUSED, format!("{name} is larger than 1 MiB"))
                .next("A configuration is much smaller: see that it is the right file."));
        }
        let wrong = |at: Option<(u64, u64)>, what: String| {
            let place = at.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
            CliError::new(exit::REFUSED, format!("{name}{place}: {what}"))
                .next("Mend it and try again; `lockstep config schema` describes what a file may say.")
        };
        let tree: Spanned<Node> = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
            let error = error.without_snippet();
            wrong(error.location().and_then(|location| place(&location)), first_line(&error.to_string()))
        })?;
        let mut places = Places::new();
        let value = tree.value.into_value(String::new(), tree.referenced, &mut places);
        let at = |pointer: &str| nearest(&places, pointer);
        // A newer version may have words that this one does not know: that is said first.
        let version = value.get("version").cloned().unwrap_or_default();
        if version != model::configuration::VERSION {
            let what = match version {
                Value::Null => "the file does not say its version".to_owned(),
                version => format!("the version {version} of the format is not known"),
            };
            let known = model::configuration::VERSION;
            return Err(wrong(
                at("/version"),
                format!("version: {what}; this Lockstep reads `version: {known}`"),
            ));
        }
        let configuration: Configuration = serde_path_to_error::deserialize(&value).map_err(|error| {
            let path = error.path().to_string();
            let said = if path == "." { String::new() } else { format!("{path}: ") };
            wrong(at(&pointer(error.path())), format!("{said}{}", error.inner()))
        })?;
        let file = Self { name, configuration, places };
        match file.configuration.clone().sound(None, false) {
            Ok(_) => Ok(file),
            Err(problems) => {
                let lines =
                    problems.iter().map(|it| (it.at.as_str(), format!("{}; {}", it.message, it.mend)));
                Err(file
                    .problems(lines)
                    .next("Mend it and try again; `lockstep config schema` describes what a file may say."))
            }
        }
    }

    /// What the server refused, with the place of each problem in the file.
    pub(super) fn place(&self, mut error: CliError) -> CliError {
        let Some(problem) = error.problem.as_mut().filter(|problem| !problem.fields.is_empty()) else {
            return error;
        };
        let fields = std::mem::take(&mut problem.fields);
        let lines = fields.iter().map(|field| {
            // The body of the request has the document under this word.
            let pointer = field.pointer.strip_prefix("/configuration").unwrap_or(&field.pointer);
            (pointer, field.detail.clone())
        });
        let placed = self.problems(lines);
        CliError { message: placed.message, ..error }
    }

    /// One line for each problem: file, line, column, path, what is wrong.
    fn problems<'a>(&self, problems: impl Iterator<Item = (&'a str, String)>) -> CliError {
        let lines: Vec<String> = problems
            .map(|(pointer, what)| {
                let place = nearest(&self.places, pointer);
                let place = place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
                let path = path(pointer);
                let path = if path.is_empty() { path } else { format!("{path}: ") };
                format!("{}{place}: {path}{what}", self.name)
            })
            .collect();
        CliError::new(exit::REFUSED, lines.join("\n"))
    }
}

/// The configuration as YAML.
///
/// # Errors
/// If what is written would not be read as it was: a configuration must not be changed by writing it down.
pub(super) fn write(configuration: &Configuration) -> Result<String, CliError> {
    let text = serde_saphyr::to_string(configuration).map_err(CliError::broken)?;
    let text = format!(
        "# Configuration of Lockstep. Secrets are no part of it. See `lockstep config --help`.\n{text}"
    );
    let read = ConfigFile::parse("the export".into(), &text)?;
    match read.configuration == *configuration {
        true => Ok(text),
        false => Err(CliError::new(
            exit::BROKEN,
            "the configuration cannot be written so that it is read as it is",
        )
        .next("Use --json: JSON is YAML, too.")),
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_documents: 1,
            max_depth: 64,
            max_nodes: MOST_NODES,
            max_events: 3 * MOST_NODES,
            max_aliases: MOST_ALIASES,
            max_anchors: MOST_ALIASES,
            max_recorded_anchor_events: MOST_NODES,
        },
        // What aliases stand for counts as if it were written out.
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MOST_NODES,
            max_replay_stack_depth: 16,
        },
        reject_unsupported_tags: true,
        strict_booleans: true,
    }
}

fn place(location: &Location) -> Option<(u64, u64)> {
    (*location != Location::UNKNOWN).then(|| (location.line(), location.column()))
}

/// The place of what a pointer names, or of what holds it: what is absent has none of its own.
fn nearest(places: &Places, pointer: &str) -> Option<(u64, u64)> {
    let mut pointer = pointer;
    loop {
        if let Some(place) = places.get(pointer) {
            return Some(*place);
        }
        pointer = &pointer[..pointer.rfind('/')?];
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// `/rules/2/criteria` as `rules[2].criteria`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if step.chars().all(|letter| letter.is_ascii_digit()) {
            path += &format!("[{step}]");
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path += &step;
        }
    }
    path
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", escaped(key)),
            Segment::Enum { variant } => format!("/{}", escaped(variant)),
            Segment::Unknown => String::new(),
        })
        .collect()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value of the file, with the places of all that is in it.
#[derive(Debug)]
enum Node {
    Plain(Value),
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Node {
    fn into_value(self, pointer: String, at: Location, places: &mut Places) -> Value {
        if let Some(place) = place(&at) {
            places.entry(pointer.clone()).or_insert(place);
        }
        match self {
            Self::Plain(value) => value,
            Self::List(list) => {
                let values = list.into_iter().enumerate();
                values
                    .map(|(at, node)| {
                        node.value.into_value(format!("{pointer}/{at}"), node.referenced, places)
                    })
                    .collect()
            }
            Self::Mapping(entries) => {
                let mut map = serde_json::Map::new();
                for (key, node) in entries {
                    // A person looks for the word, not for what stands behind it.
                    let pointer = format!("{pointer}/{}", escaped(&key.value));
                    map.insert(key.value, node.value.into_value(pointer, key.referenced, places));
                }
                Value::Object(map)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfNode;
        impl<'de> Visitor<'de> for OfNode {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Plain(Value::Null))
            }

            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Plain(Value::Null))
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                Node::deserialize(deserializer)
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Plain(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Plain(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Plain(value.into()))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
                match serde_json::Number::from_f64(value) {
                    Some(number) => Ok(Node::Plain(Value::Number(number))),
                    None => Err(E::custom("a number has an end")),
                }
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Plain(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut nodes = Vec::new();
                while let Some(node) = list.next_element()? {
                    nodes.push(node);
                }
                Ok(Node::List(nodes))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries: Vec<(Spanned<String>, Spanned<Node>)> = Vec::new();
                while let Some((key, node)) = map.next_entry::<Spanned<String>, Spanned<Node>>()? {
                    if entries.iter().any(|(known, _)| known.value == key.value) {
                        return Err(A::Error::custom(format!("the word '{}' stands there twice", key.value)));
                    }
                    entries.push((key, node));
                }
                Ok(Node::Mapping(entries))
            }
        }
        deserializer.deserialize_any(OfNode)
    }
}

// As a file, and not as a crate: the test kit compiles failpoints into what the binary's tests run.
#[cfg(test)]
#[path = "../../../../testkit/src/configuration.rs"]
#[expect(dead_code, unreachable_pub, reason = "the engine's stories use the rest")]
mod generated;

#[cfg(test)]
mod tests {
    use super::generated::{Dice, generated};

    use super::*;

    fn refused(text: &str) -> String {
        ConfigFile::parse("lockstep.yaml".into(), text).unwrap_err().message
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for seed in 0..500 {
            let configuration = generated(&mut Dice::new(seed), &["Azure", "Second: yes"]);
            let text = write(&configuration).unwrap_or_else(|error| panic!("seed {seed}: {}", error.message));
            let read = ConfigFile::parse("lockstep.yaml".into(), &text).unwrap();
            assert_eq!(read.configuration, configuration, "seed {seed}:\n{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_line_column_and_path() {
        let table = [
            ("", "lockstep.yaml:1:1: version: the file does not say its version"),
            (
                "version: 2\nanything: 1\n",
                "lockstep.yaml:1:1: version: the version 2 of the format is not known",
            ),
            ("version: 1\nruels: []\n", "lockstep.yaml:2:1: ruels: unknown field `ruels`, expected one of"),
            (
                "version: 1\nrules:\n  - name: a\n    enabeld: true\n",
                "lockstep.yaml:4:5: rules[0].enabeld: unknown field `enabeld`",
            ),
            (
                "version: 1\nrules:\n  - name: a\n    enabled: on\n",
                "lockstep.yaml:4:5: rules[0].enabled: invalid type: string \"on\"",
            ),
            (
                "version: 1\nrules:\n  - name: 1.0\n",
                "lockstep.yaml:3:5: rules[0].name: invalid type: floating point",
            ),
            (
                "version: 1\nrules:\n  - name: a\n  - name: a\n",
                "lockstep.yaml:4:5: rules[1].name: another rule has the name 'a' already",
            ),
            (
                "version: 1\nrules:\n  - name: a\n    criteria:\n      severity: {at_least: dreadful}\n",
                "lockstep.yaml:5:",
            ),
            ("version: 1\nversion: 1\n", "lockstep.yaml:2:1: "),
            ("version: 1\nrules: [\n", "lockstep.yaml:"),
            ("version: 1\nrules: !!python/object {}\n", "lockstep.yaml:2:"),
            ("version: 1\n---\nversion: 1\n", "lockstep.yaml:"),
            (
                "version: 1\nconnections:\n  - name: A\n    destinations:\n      - name: D\n        binding: {kind: default, tags: []}\n        project: P\n        work_item_type: Bug\n",
                "lockstep.yaml:6:9: connections[0].destinations[0].binding: unknown field `tags`",
            ),
            (
                "version: 1\nconnections:\n  - name: A\n    secret: x\n",
                "lockstep.yaml:4:5: connections[0].secret: unknown field `secret`",
            ),
        ];
        let mut otherwise = Vec::new();
        for (text, message) in table {
            let said = refused(text);
            if !said.starts_with(message) {
                otherwise.push(format!("{text:?} said\n  {said}\nnot\n  {message}"));
            }
        }
        assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
    }

    #[test]
    fn files_that_are_made_to_grow_are_refused_at_once() {
        let large = format!("version: 1\n# {}\n", "x".repeat(1 << 20));
        assert_eq!(refused(&large), "lockstep.yaml is larger than 1 MiB");

        let mut laughs = "version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..10 {
            let before = vec![format!("*a{}", at - 1); 10].join(", ");
            laughs += &format!("a{at}: &a{at} [{before}]\n");
        }
        let deep = format!("version: 1\nrules: {}\n", "[".repeat(10_000));
        for text in [laughs, deep] {
            let said = refused(&text);
            assert!(said.starts_with("lockstep.yaml:"), "{said}");
            assert!(said.len() < 300, "{said}");
        }
    }

    #[test]
    fn aliases_of_a_usual_size_stand_for_what_they_name() {
        let text = "version: 1\nrules:\n  - &one\n    name: a\n    criteria: &high {severity: high}\n  - name: b\n    criteria: *high\n";
        let file = ConfigFile::parse("lockstep.yaml".into(), text).unwrap();
        let rules = file.configuration.rules.unwrap();
        assert_eq!(rules[0].criteria, rules[1].criteria);
    }

    #[test]
    fn what_the_server_refuses_is_said_with_its_place_in_the_file() {
        let text = "version: 1\nrules:\n  - name: a\n    destination: Nowhere\n";
        let file = ConfigFile::parse("lockstep.yaml".into(), text).unwrap();
        let field = |pointer: &str| api::FieldProblem { pointer: pointer.into(), detail: "is wrong".into() };
        let fields =
            [field("/rules/0/destination"), field("/rules/0/criteria/all/0"), field("/configuration/rules")];
        let said =
            file.problems(fields.iter().map(|it| {
                (it.pointer.strip_prefix("/configuration").unwrap_or(&it.pointer), it.detail.clone())
            }));
        assert_eq!(
            said.message,
            "lockstep.yaml:4:5: rules[0].destination: is wrong\nlockstep.yaml:3:5: rules[0].criteria.all[0]: is wrong\n\
             lockstep.yaml:2:1: rules: is wrong"
        );
    }
}
