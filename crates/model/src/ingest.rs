//! What is taken in from a source, and which asset it belongs to: ingest rules.
//!
//! Rules are asked in their order, and the first one that is about the place of a result decides: it names the asset, or
//! leaves the result out by its filter. What is left out has a reason, always.

use std::collections::BTreeMap;
use std::fmt;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::rule::fits;
use crate::{FindingKind, Observation, Severity};

/// Rules that a source has at most.
pub const MOST_RULES: usize = 100;
/// Patterns, kinds or tags that a rule has at most.
pub const MOST_OF_A_RULE: usize = 50;
/// Longest name, pattern or tag, in characters.
pub const LONGEST_TEXT: usize = 300;
/// Assets that one report is divided among at most.
pub const MOST_ASSETS: usize = 2_000;
/// How large a compiled pattern may be, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// One rule: which results it is about, which of them are taken in, and what they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IngestRule {
    /// Name for people, unique among the rules of its source.
    pub name: String,
    /// Patterns of places (paths, resource ids, addresses) that it is about: `*` within a folder, `**` across folders, `?`
    /// for one character. Every place if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
    /// Patterns of places that it is not about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Results of less than this severity are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<Severity>,
    /// Results of other kinds are left out. Every kind if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<FindingKind>,
    /// Results of components without a fixed version are left out.
    #[serde(default)]
    pub fixable_only: bool,
    /// The asset.
    pub asset: AssetNaming,
    /// Tags that the asset gets, if it does not have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where new findings start.
    #[serde(default)]
    pub start: StartStatus,
}

/// Which asset results belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AssetNaming {
    /// Name of the asset. With a pattern, `$1` or `${name}` stand for what its groups found.
    pub name: String,
    /// Regular expression that is searched in the place, without regard to case. A rule whose pattern is not found is not
    /// about the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// An asset that is not there is made; otherwise its results are left out.
    #[serde(default = "yes")]
    pub create: bool,
}

const fn yes() -> bool {
    true
}

/// Where new findings start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum StartStatus {
    /// Nobody has to look at them before they get tickets.
    #[default]
    Identified,
    /// Somebody confirms them first.
    Created,
}

/// Why a result is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// No rule is about its place.
    NoRule,
    /// It is less severe than the rule wants.
    Severity,
    /// It is of another kind than the rule wants.
    Kind,
    /// There is no fixed version, and the rule wants one.
    NotFixable,
    /// There is no such asset, and the rule makes none.
    NoSuchAsset,
}

impl LeftOutReason {
    /// Words for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoRule => "no rule is about its place",
            Self::Severity => "less severe than the rule wants",
            Self::Kind => "of a kind that the rule does not want",
            Self::NotFixable => "no fixed version is known",
            Self::NoSuchAsset => "there is no such asset, and the rule makes none",
        }
    }
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What is wrong with the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestProblem {
    /// Where: a JSON pointer into the list of rules.
    pub pointer: String,
    /// What, as the continuation of a sentence about it.
    pub problem: String,
}

/// Sound rules, ready to be asked.
#[derive(Clone, Debug)]
pub struct Division {
    rules: Vec<Ready>,
}

#[derive(Clone, Debug)]
struct Ready {
    rule: IngestRule,
    pattern: Option<Regex>,
}

/// The asset of a place, by the rule that is about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Belongs<'a> {
    /// The rule.
    pub rule: &'a IngestRule,
    /// Name of the asset.
    pub asset: String,
}

/// What becomes of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// It is taken in.
    Taken(Belongs<'a>),
    /// It is not new to anybody; a finding that is known already is followed all the same.
    Filtered(Belongs<'a>, LeftOutReason),
    /// No rule is about it.
    Nobodys,
}

impl Division {
    /// Checks rules.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(rules: &[IngestRule]) -> Result<Self, Vec<IngestProblem>> {
        let mut problems = Vec::new();
        let mut ready = Vec::new();
        if rules.is_empty() {
            problems.push(problem(String::new(), "there has to be at least one rule"));
        }
        if rules.len() > MOST_RULES {
            problems.push(problem(String::new(), format!("there are more than {MOST_RULES} rules")));
        }
        let mut names = BTreeMap::new();
        for (number, rule) in rules.iter().take(MOST_RULES).enumerate() {
            let at = |field: &str| format!("/{number}{field}");
            if let Some(first) = names.insert(rule.name.to_lowercase(), number) {
                problems.push(problem(at("/name"), format!("rule {} has the same name", first + 1)));
            }
            let lists = [("/places", &rule.places), ("/except", &rule.except), ("/tags", &rule.tags)];
            for (field, list) in lists {
                if list.len() > MOST_OF_A_RULE {
                    problems.push(problem(at(field), format!("there are more than {MOST_OF_A_RULE}")));
                }
                problems.extend(list.iter().filter_map(|text| Some(problem(at(field), unfit(text)?))));
            }
            if rule.kinds.len() > MOST_OF_A_RULE {
                problems.push(problem(at("/kinds"), format!("there are more than {MOST_OF_A_RULE}")));
            }
            for (field, text) in [("/name", &rule.name), ("/asset/name", &rule.asset.name)] {
                problems.extend(unfit(text).map(|why| problem(at(field), why)));
            }
            let pattern = match &rule.asset.pattern {
                None => None,
                Some(text) => match compile(text, &rule.asset.name) {
                    Ok(pattern) => Some(pattern),
                    Err(why) => {
                        problems.push(problem(at("/asset/pattern"), why));
                        None
                    }
                },
            };
            ready.push(Ready { rule: rule.clone(), pattern });
        }
        if problems.is_empty() { Ok(Self { rules: ready }) } else { Err(problems) }
    }

    /// The asset of a place, by the first rule that is about it.
    pub fn of_place(&self, place: &str) -> Option<Belongs<'_>> {
        self.rules.iter().find_map(|ready| {
            let rule = &ready.rule;
            let about = (rule.places.is_empty() || rule.places.iter().any(|pattern| fits(pattern, place)))
                && !rule.except.iter().any(|pattern| fits(pattern, place));
            if !about {
                return None;
            }
            let asset = match &ready.pattern {
                None => rule.asset.name.clone(),
                Some(pattern) => {
                    let mut name = String::new();
                    pattern.captures(place)?.expand(&rule.asset.name, &mut name);
                    name
                }
            };
            let asset: String = asset.trim().chars().take(LONGEST_TEXT).collect();
            (!asset.is_empty()).then_some(Belongs { rule, asset })
        })
    }

    /// What becomes of a result.
    pub fn judge(&self, observation: &Observation) -> Verdict<'_> {
        let Some(belongs) = self.of_place(&observation.location.path) else { return Verdict::Nobodys };
        let rule = belongs.rule;
        let fixable =
            observation.component.as_ref().is_none_or(|component| component.fixed_version.is_some());
        let reason = if rule.min_severity.is_some_and(|least| observation.severity < least) {
            LeftOutReason::Severity
        } else if !rule.kinds.is_empty() && !rule.kinds.contains(&observation.kind) {
            LeftOutReason::Kind
        } else if rule.fixable_only && !fixable {
            LeftOutReason::NotFixable
        } else {
            return Verdict::Taken(belongs);
        };
        Verdict::Filtered(belongs, reason)
    }

    /// Rules with an asset that has one name: a report that looked at everything looked at it too.
    pub fn fixed(&self) -> impl Iterator<Item = Belongs<'_>> {
        self.rules
            .iter()
            .filter(|ready| ready.pattern.is_none())
            .map(|ready| Belongs { rule: &ready.rule, asset: ready.rule.asset.name.trim().to_owned() })
    }
}

fn problem(pointer: String, problem: impl Into<String>) -> IngestProblem {
    IngestProblem { pointer, problem: problem.into() }
}

fn unfit(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        Some("it is empty".into())
    } else if text.chars().count() > LONGEST_TEXT {
        Some(format!("it is longer than {LONGEST_TEXT} characters"))
    } else if text.chars().any(char::is_control) {
        Some("it has control characters".into())
    } else {
        None
    }
}

/// The pattern, if it is one and has the groups that the name asks for.
fn compile(text: &str, name: &str) -> Result<Regex, String> {
    if let Some(why) = unfit(text) {
        return Err(why);
    }
    let pattern =
        RegexBuilder::new(text).case_insensitive(true).size_limit(PATTERN_SIZE).build().map_err(|error| {
            match error {
                regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
                other => format!("it is no regular expression: {}", last_line(&other.to_string())),
            }
        })?;
    for asked in groups_in(name) {
        let known = match asked.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|known| known == asked),
        };
        if !known {
            return Err(format!("it has no group '{asked}', which the asset's name asks for"));
        }
    }
    Ok(pattern)
}

fn last_line(text: &str) -> String {
    text.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// The groups that a name asks for, as [`regex::Captures::expand`] reads them: `$1`, `${name}`, and `$name` as far as
/// letters, digits and `_` go.
fn groups_in(name: &str) -> Vec<String> {
    let mut groups = Vec::new();
    let mut rest = name;
    while let Some(at) = rest.find('$') {
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            rest = after;
        } else if let Some(braced) = rest.strip_prefix('{') {
            let Some(end) = braced.find('}') else { break };
            groups.push(braced[..end].to_owned());
            rest = &braced[end + 1..];
        } else {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            if end > 0 {
                groups.push(rest[..end].to_owned());
            }
            rest = &rest[end..];
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Component, Location, Vulnerability};

    const IMAGE: &str = "r.azurecr.io/shop/cart";

    fn rule(name: &str, asset: &str) -> IngestRule {
        IngestRule {
            name: name.into(),
            asset: AssetNaming { name: asset.into(), pattern: None, create: true },
            ..IngestRule::default()
        }
    }

    fn by_pattern(name: &str, pattern: &str, asset: &str) -> IngestRule {
        let mut rule = rule(name, asset);
        rule.asset.pattern = Some(pattern.into());
        rule
    }

    fn seen(path: &str, severity: Severity) -> Observation {
        Observation {
            kind: FindingKind::Component,
            vulnerability: Vulnerability { id: "CVE-2024-1".into(), ..Vulnerability::default() },
            severity,
            scanner_severity: None,
            title: "A".into(),
            message: None,
            location: Location { path: path.into(), ..Location::default() },
            related_locations: Vec::new(),
            component: Some(Component { name: "openssl".into(), ..Component::default() }),
            scanner_fingerprints: BTreeMap::new(),
            suppression: None,
        }
    }

    fn division(rules: &[IngestRule]) -> Division {
        Division::new(rules).unwrap()
    }

    fn problems(rule: IngestRule) -> Vec<String> {
        let found = Division::new(&[rule]).unwrap_err();
        found.into_iter().map(|found| format!("{} {}", found.pointer, found.problem)).collect()
    }

    #[test]
    fn the_first_rule_that_is_about_a_place_names_its_asset() {
        let shop = by_pattern("images", r"^[^/]+\.azurecr\.io/(?<repository>.+)$", "image ${repository}");
        let mut web = rule("web", "web servers");
        web.places = vec!["/subscriptions/*/**/virtualmachines/web*".into()];
        let rules = division(&[shop, web, rule("rest", "the cloud")]);
        let asset = |place: &str| rules.of_place(place).unwrap().asset;
        assert_eq!(asset(IMAGE), "image shop/cart");
        assert_eq!(
            asset("/Subscriptions/1/resourceGroups/g/providers/x/virtualMachines/web7"),
            "web servers"
        );
        assert_eq!(asset("/subscriptions/1/storageaccounts/s"), "the cloud");
    }

    #[test]
    fn a_place_that_is_excepted_goes_to_the_next_rule_or_to_nobody() {
        let mut first = rule("all but tests", "shop");
        first.except = vec!["**/test/**".into()];
        assert_eq!(division(&[first]).judge(&seen("a/test/b", Severity::High)), Verdict::Nobodys);
    }

    #[test]
    fn what_a_filter_leaves_out_has_a_reason_and_still_belongs_to_an_asset() {
        let mut strict = rule("strict", "shop");
        strict.min_severity = Some(Severity::High);
        strict.kinds = vec![FindingKind::Component];
        strict.fixable_only = true;
        let rules = division(&[strict]);
        let reason = |observation: &Observation| match rules.judge(observation) {
            Verdict::Filtered(belongs, reason) => {
                assert_eq!(belongs.asset, "shop");
                Some(reason)
            }
            Verdict::Taken(_) => None,
            Verdict::Nobodys => panic!("the rule is about everything"),
        };
        assert_eq!(reason(&seen(IMAGE, Severity::Medium)), Some(LeftOutReason::Severity));
        let mut found = seen(IMAGE, Severity::High);
        assert_eq!(reason(&found), Some(LeftOutReason::NotFixable));
        found.kind = FindingKind::Secret;
        assert_eq!(reason(&found), Some(LeftOutReason::Kind));
        let mut found = seen(IMAGE, Severity::Critical);
        found.component.as_mut().unwrap().fixed_version = Some("3.0.3".into());
        assert_eq!(reason(&found), None);
    }

    #[test]
    fn rules_that_cannot_work_are_refused_with_their_place() {
        assert_eq!(
            problems(by_pattern("a", "(", "$1"))[0].split(':').next(),
            Some("/0/asset/pattern it is no regular expression")
        );
        assert_eq!(
            problems(by_pattern("a", "^([^/]+)/", "$2")),
            ["/0/asset/pattern it has no group '2', which the asset's name asks for"]
        );
        assert_eq!(
            problems(by_pattern("a", "^([^/]+)/", "$1_image")),
            ["/0/asset/pattern it has no group '1_image', which the asset's name asks for"]
        );
        assert_eq!(problems(by_pattern("a", r"\w{900}{900}", "a")), ["/0/asset/pattern it is too large"]);
        assert_eq!(problems(rule("a", " ")), ["/0/asset/name it is empty"]);
        assert_eq!(problems(rule(&"a".repeat(301), "b")), ["/0/name it is longer than 300 characters"]);
        assert!(Division::new(&[]).is_err());
        let twice = Division::new(&[rule("A", "x"), rule("a", "y")]).unwrap_err();
        assert_eq!(
            (twice[0].pointer.as_str(), twice[0].problem.as_str()),
            ("/1/name", "rule 1 has the same name")
        );
        let many: Vec<IngestRule> = (0..=MOST_RULES).map(|n| rule(&n.to_string(), "x")).collect();
        assert!(Division::new(&many).is_err());
    }

    #[test]
    fn a_pattern_that_gives_no_name_is_not_about_the_place() {
        let rules = division(&[by_pattern("a", "^x(.*)$", "$1"), rule("rest", "rest")]);
        assert_eq!(rules.of_place("x").unwrap().asset, "rest");
        assert_eq!(rules.of_place("xy").unwrap().asset, "y");
    }
}
