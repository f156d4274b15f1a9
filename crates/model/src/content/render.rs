//! The sandbox: what a template can do, and its limits.
//!
//! A template sees values that were made for it and calls functions that are listed here; it reads no file, asks no clock
//! and loads no other template. Work and memory are bounded by fuel, which counts steps and bytes, not time: the same
//! template on the same findings ends the same way everywhere. What comes out is sanitised, whoever wrote it.

use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior};

use super::html::{TEXT_LIMIT, inert, is_unseen, is_web};
use super::redaction::Redactor;
use super::templates::{LONGEST_TEMPLATE, Part, TemplateProblem, TemplateSet, standard_text};
use super::values::{About, Evidence, values, with_samples};
use super::{Shown, TITLE_LIMIT, clip, escape, markdown};

/// What a template may do: about so many steps, or 64 times as many bytes.
const FUEL: u64 = 200_000;

/// How deep macros may call each other.
const RECURSION: usize = 20;

/// Longest block in characters: with the text of people around it, it stays below the 1,000,000 that Azure DevOps takes
/// (azure-devops.md section 7.9).
const BLOCK_LIMIT: usize = 900_000;

/// Longest explanation of a move, in characters.
const COMMENT_LIMIT: usize = 50_000;

/// Characters of a snippet that are shown.
const SNIPPET_LIMIT: usize = 2_000;

/// Longest tag in characters (azure-devops.md section 7.3).
const TAG_LIMIT: usize = 400;

/// Most tags of a template; an item takes 100 with those of people.
const MOST_TAGS: usize = 50;

/// Longest text of one other field, in characters.
const FIELD_LIMIT: usize = 10_000;

/// How to find out that it is fixed, as every work item says it.
const HOW_TO_VERIFY: &str = "Move this work item to a resolved or closed state when the fix is in. The next scan that covers \
     it proves the fix, or opens this work item again with the evidence.";

/// What the templates make of findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Title: one line, at most [`TITLE_LIMIT`] characters, never empty.
    pub title: String,
    /// Characters of the title before it was cut.
    pub title_length: usize,
    /// Inner text of our block, as safe HTML.
    pub block: String,
    /// Why the card is moved, as safe HTML; `None` if there was no evidence.
    pub comment: Option<String>,
    /// Further tags, each as Azure DevOps takes it.
    pub tags: Vec<String>,
    /// Templates that failed, and why: the standard one was used in their place.
    pub failed: Vec<TemplateProblem>,
}

/// A set of templates that is ready to be used.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    redactor: Redactor,
    /// Parts that are not the standard ones.
    own: Vec<Part>,
}

static STANDARD: LazyLock<Templates> = LazyLock::new(|| Templates::compile(&TemplateSet::default()).0);

/// The name of a part in the sandbox: its ending decides what is escaped.
const fn file(part: Part) -> &'static str {
    match part {
        Part::Title => "title.txt",
        Part::Block => "block.html",
        Part::Comment => "comment.html",
        Part::Tags => "tags.txt",
    }
}

/// What becomes of the text of a template, or why it cannot be used.
type Made<T> = Result<T, String>;

impl Templates {
    /// The templates that hold where nobody wrote others.
    pub fn standard() -> &'static Self {
        &STANDARD
    }

    /// Compiles a set. A part that cannot be compiled is the standard one, and stands among the problems.
    pub fn compile(set: &TemplateSet) -> (Self, Vec<TemplateProblem>) {
        let mut problems = Vec::new();
        let mut environment = sandbox();
        let mut own = Vec::new();
        for part in Part::ALL {
            match add(&mut environment, part, set.of(part)) {
                Ok(true) => {
                    own.push(part);
                    continue;
                }
                Ok(false) => {}
                Err(problem) => problems.push(problem),
            }
            if let Err(error) = environment.add_template(file(part), standard_text(part)) {
                problems.push(explained(part.as_str(), &error));
            }
        }
        let redactor = Redactor::of(&set.redaction, &mut problems);
        (Self { environment, redactor, own }, problems)
    }

    /// Compiles a set and tries it on findings as people could meet them.
    ///
    /// # Errors
    /// What is wrong, each with its line and the mend.
    pub fn checked(set: &TemplateSet) -> Result<Self, Vec<TemplateProblem>> {
        let mut problems: Vec<TemplateProblem> = set.name_problem().into_iter().collect();
        let (templates, found) = Self::compile(set);
        problems.extend(found);
        problems.extend(templates.unknown_variables());
        with_samples(|about, findings, evidence| {
            for problem in templates.write(about, findings, evidence).failed {
                if !problems.iter().any(|known| known.row == problem.row) {
                    problems.push(problem);
                }
            }
        });
        if problems.is_empty() { Ok(templates) } else { Err(problems) }
    }

    /// Variables that there are not, also where no sample leads the template.
    fn unknown_variables(&self) -> Vec<TemplateProblem> {
        let mut problems: Vec<TemplateProblem> = Vec::new();
        with_samples(|about, findings, evidence| {
            let is_whole = findings.len() == 1 && findings[0].component.is_some();
            if !is_whole {
                return;
            }
            let values = values(&self.redactor, about, findings, evidence);
            for part in &self.own {
                let Ok(template) = self.environment.get_template(file(*part)) else { continue };
                let names = template.undeclared_variables(true);
                let mut unknown: Vec<&String> =
                    names.iter().filter(|name| !self.knows(&values, name)).collect();
                unknown.sort();
                problems.extend(unknown.first().map(|name| TemplateProblem {
                    row: part.as_str().into(),
                    line: line_of(template.source(), name),
                    message: format!("there is no '{name}'"),
                    mend: format!("use one of: {}", names_beside(&values, name).join(", ")),
                }));
            }
        });
        problems
    }

    /// There is such a variable or function, or one whose attributes nobody knows beforehand.
    fn knows(&self, values: &Value, path: &str) -> bool {
        let (first, _) = path.split_once('.').unwrap_or((path, ""));
        self.environment.globals().any(|(name, _)| name == first)
            || path
                .split('.')
                .try_fold(values.clone(), |value, name| value.get_attr(name).ok())
                .is_some_and(|value| !value.is_undefined())
    }

    /// What a work item says about these findings, worst first. Where a template fails, the standard one is used.
    pub fn write(&self, about: &About<'_>, findings: &[Shown<'_>], evidence: &[Evidence<'_>]) -> Written {
        let values = values(&self.redactor, about, findings, evidence);
        let is_empty = findings.is_empty();
        let mut failed = Vec::new();
        let (title, title_length) = self.part(Part::Title, is_empty, &values, &mut failed, |text| {
            let line = in_one_line(&text);
            match line.chars().count() {
                0 => Err("it leaves the title empty".into()),
                length => Ok((clip(&line, TITLE_LIMIT), length)),
            }
        });
        let block = self.part(Part::Block, is_empty, &values, &mut failed, |text| html(&text, BLOCK_LIMIT));
        let comment = (!evidence.is_empty()).then(|| {
            self.part(Part::Comment, is_empty, &values, &mut failed, |text| {
                let html = html(&text, COMMENT_LIMIT)?;
                match crate::block::normalised(&html).is_empty() {
                    true => {
                        Err("it leaves the comment empty, and a move is never made without its reason".into())
                    }
                    false => Ok(html),
                }
            })
        });
        let tags = self.part(Part::Tags, is_empty, &values, &mut failed, |text| Ok(tags(&text)));
        Written { title, title_length, block, comment, tags, failed }
    }

    /// What a template for one further field of a work item makes of these findings: text, no HTML. What the set's
    /// redaction hides stays hidden.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn field(
        &self,
        source: &str,
        about: &About<'_>,
        findings: &[Shown<'_>],
    ) -> Result<String, TemplateProblem> {
        const FIELD: &str = "field.txt";
        let mut environment = sandbox();
        if source.chars().count() > LONGEST_TEMPLATE {
            let message = format!("the template has more than {LONGEST_TEMPLATE} characters");
            return Err(TemplateProblem::of_setting("field", message, "shorten it"));
        }
        let values = values(&self.redactor, about, findings, &[]);
        let rendered = environment
            .add_template_owned(FIELD, source.to_owned())
            .and_then(|()| environment.get_template(FIELD))
            .and_then(|template| template.render(values))
            .map_err(|error| explained("field", &error))?;
        let seen: String = rendered.chars().filter(|c| !is_unseen(*c)).collect();
        Ok(clip(seen.trim(), FIELD_LIMIT))
    }

    /// One part, by its own template, else by the standard one.
    fn part<T: Default>(
        &self,
        part: Part,
        is_empty: bool,
        values: &Value,
        failed: &mut Vec<TemplateProblem>,
        made: impl Fn(String) -> Made<T>,
    ) -> T {
        let render = |templates: &Self| {
            let template = templates.environment.get_template(file(part));
            let text = template.and_then(|template| template.render(values.clone()));
            text.map_err(|error| explained(part.as_str(), &error)).and_then(|text| {
                made(text)
                    .map_err(|why| TemplateProblem::of_setting(part.as_str(), why, "change the template"))
            })
        };
        // What is said about no findings is nothing that people write templates for.
        if self.own.contains(&part) && !is_empty {
            match render(self) {
                Ok(made) => return made,
                Err(problem) => failed.push(problem),
            }
        }
        render(Self::standard()).unwrap_or_else(|problem| {
            failed.push(problem);
            T::default()
        })
    }
}

/// What is wrong with a template for one further field of a work item, tried on findings as people could meet them.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_field(source: &str) -> Result<(), TemplateProblem> {
    let mut wrong = None;
    with_samples(|about, findings, _| {
        if wrong.is_none() {
            wrong = Templates::standard().field(source, about, findings).err();
        }
    });
    wrong.map_or(Ok(()), Err)
}

fn add(environment: &mut Environment<'static>, part: Part, text: &str) -> Result<bool, TemplateProblem> {
    if text.trim().is_empty() {
        return Ok(false);
    }
    if text.chars().count() > LONGEST_TEMPLATE {
        let message = format!("the template has more than {LONGEST_TEMPLATE} characters");
        return Err(TemplateProblem::of_setting(part.as_str(), message, "shorten it"));
    }
    let added = environment.add_template_owned(file(part), text.to_owned());
    added.map(|()| true).map_err(|error| explained(part.as_str(), &error))
}

/// In one line, without what nobody sees and what turns the reading direction around.
fn in_one_line(text: &str) -> String {
    let seen: String = text.chars().filter(|c| c.is_whitespace() || !is_unseen(*c)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn html(text: &str, limit: usize) -> Made<String> {
    let html = inert(text).ok_or("its elements stand too deep in one another")?;
    match html.chars().count() {
        length if length > limit => Err(format!("it makes {length} characters, more than {limit}")),
        _ => Ok(html.trim().to_owned()),
    }
}

fn tags(text: &str) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in text.split([',', ';', '\n']).map(in_one_line) {
        let is_new = !tags.iter().any(|known| known.to_lowercase() == tag.to_lowercase());
        if !tag.is_empty() && tag.chars().count() <= TAG_LIMIT && is_new && tags.len() < MOST_TAGS {
            tags.push(tag);
        }
    }
    tags
}

fn sandbox() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| match name.ends_with(".html") {
        true => AutoEscape::Html,
        false => AutoEscape::None,
    });
    // What is not known is nothing, not the word "none".
    environment.set_formatter(|out, state, value| match value.is_none() {
        true => Ok(()),
        false => minijinja::escape_formatter(out, state, value),
    });
    environment.remove_global("debug");
    environment.add_function("link", link);
    environment.add_function("how_to_verify", || HOW_TO_VERIFY);
    environment.add_filter("clip", |text: &str, limit: usize| clip(text, limit));
    environment.add_filter("lines", |text: &str| Value::from_safe_string(escape(text).replace('\n', "<br>")));
    environment.add_filter("code", |text: &str| {
        Value::from_safe_string(format!("<pre>{}</pre>", escape(&clip(text, SNIPPET_LIMIT))))
    });
    environment.add_filter("markdown", |state: &State<'_, '_>, text: &str| {
        let text = clip(text, TEXT_LIMIT);
        // Reading markup costs more than its bytes.
        state.consume_fuel(200 + text.len() as u64)?;
        Ok::<_, Error>(Value::from_safe_string(markdown(&text)))
    });
    environment.add_filter("table", table);
    environment
}

/// A link to a page; the address alone if no text is given, and the text alone if the address leads nowhere.
fn link(address: &str, text: Option<&str>) -> Value {
    let words = escape(text.unwrap_or(address));
    Value::from_safe_string(match is_web(address) {
        true => format!("<a href=\"{}\">{words}</a>", escape(address)),
        false => words,
    })
}

/// A table of findings: where each is, on which asset, how bad, and what fixes it.
fn table(findings: &Value) -> Result<Value, Error> {
    let mut rows = String::new();
    for finding in findings.try_iter()? {
        let text = |value: Result<Value, Error>| match value {
            Ok(value) if !value.is_undefined() && !value.is_none() => value.to_string(),
            _ => String::new(),
        };
        let of = |name: &str| text(finding.get_attr(name));
        let fix =
            text(finding.get_attr("component").and_then(|component| component.get_attr("fixed_version")));
        let place = Some(of("place")).filter(|place| !place.is_empty()).unwrap_or_else(|| of("title"));
        let place = link(&of("url"), Some(&place));
        let cells = [of("asset"), of("severity"), fix, of("status")];
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escape(cell))).collect();
        rows.push_str(&format!("<tr><td>{place}</td>{cells}</tr>"));
    }
    Ok(Value::from_safe_string(format!(
        "<table><thead><tr><th>Where</th><th>Asset</th><th>Severity</th><th>Fixed in</th><th>Status</th></tr></thead>\
         <tbody>{rows}</tbody></table>"
    )))
}

/// An error of the sandbox in our words.
fn explained(row: &str, error: &Error) -> TemplateProblem {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let (message, mend) = match error.kind() {
        ErrorKind::SyntaxError => (
            format!("it cannot be read: {detail}"),
            "close what was opened: {{ … }} around a value, {% … %} around if and for, and an end for each",
        ),
        ErrorKind::OutOfFuel => (
            "it takes too many steps, or writes too much".to_owned(),
            "make it shorter, with fewer loops inside of loops",
        ),
        ErrorKind::UndefinedError => (
            format!("it uses something that is not there ({detail})"),
            "look at the list of variables; ask with {% if … %} first for what may be missing",
        ),
        ErrorKind::UnknownFilter => (
            format!("there is no such filter: {detail}"),
            "use clip, lines, code, markdown, table, or one that every template language has (upper, join, default, …)",
        ),
        ErrorKind::UnknownFunction => {
            (format!("there is no such function: {detail}"), "use link or how_to_verify")
        }
        _ => (detail, "change the template at this line"),
    };
    TemplateProblem {
        row: row.to_owned(),
        line: error.line().and_then(|line| u32::try_from(line).ok()),
        message,
        mend: mend.to_owned(),
    }
}

/// The line on which a name is used for the first time.
fn line_of(source: &str, path: &str) -> Option<u32> {
    let at = source.lines().position(|line| line.contains(path))?;
    u32::try_from(at + 1).ok()
}

/// The names that could stand where `path` ends.
fn names_beside(values: &Value, path: &str) -> Vec<String> {
    let parent = path.rsplit_once('.').map_or_else(
        || values.clone(),
        |(parent, _)| {
            let found = parent.split('.').try_fold(values.clone(), |value, name| value.get_attr(name).ok());
            found.filter(|parent| !parent.is_undefined()).unwrap_or_else(|| values.clone())
        },
    );
    let mut names: Vec<String> =
        parent.try_iter().map(|names| names.map(|name| name.to_string()).collect()).unwrap_or_default();
    names.sort();
    names
}
