//! Brings a configuration into the one form in which two can be compared, or says everything that is wrong with it.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::document::{Configuration, Connection, Destination, DestinationBinding, Rule, VERSION};
use crate::priority::SlaMatrix;
use crate::rule::Criteria;
use crate::suppression::SuppressionSettings;

/// What is wrong with a configuration, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = ConfigurationProblem))]
pub struct Problem {
    /// Where, as a JSON pointer into the document: `/rules/2/criteria`.
    pub at: String,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do, without a full stop.
    pub mend: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(at: impl Into<String>, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { at: at.into(), message: message.into(), mend: mend.into() }
    }
}

/// What a configuration may refer to.
struct Reach<'a> {
    /// Destinations, each with its connection.
    destinations: Vec<(&'a str, &'a str)>,
    /// Templates, by how they are spelled.
    templates: Vec<&'a str>,
}

impl Configuration {
    /// The configuration in one form: names without blanks around them, criteria as they are stored, and at each rule with
    /// a destination its connection.
    ///
    /// `stored` is what there is, with the connection at every such rule; without it only what the document says of itself
    /// is looked at. `prune`: what the document does not name is to be deleted, so nothing may refer to it.
    ///
    /// # Errors
    /// Everything that is wrong, each at its place.
    pub fn sound(mut self, stored: Option<&Self>, prune: bool) -> Result<Self, Vec<Problem>> {
        if self.version != VERSION {
            return Err(vec![Problem::new(
                "/version",
                format!("the version {} of the format is not known", self.version),
                format!("this Lockstep reads version {VERSION}: use one that fits the file"),
            )]);
        }
        self.trim();
        let mut problems = Vec::new();
        self.check_names(&mut problems);
        if let Some(stored) = stored {
            self.check_connections(stored, &mut problems);
        }
        let named = self.clone();
        let reach = stored.map(|stored| reach(&named, stored, prune));
        for (at, connection) in self.connections.iter_mut().flatten().enumerate() {
            for (number, destination) in connection.destinations.iter_mut().flatten().enumerate() {
                let at = format!("/connections/{at}/destinations/{number}/fields/templates");
                resolve_templates(destination, reach.as_ref(), at, &mut problems);
            }
        }
        for (number, rule) in self.rules.iter_mut().flatten().enumerate() {
            let at = format!("/rules/{number}");
            match Criteria::parse(&rule.criteria) {
                Ok(criteria) => rule.criteria = serde_json::to_value(criteria).unwrap_or_default(),
                Err(wrong) => problems.extend(
                    wrong
                        .into_iter()
                        .map(|wrong| Problem::new(at.clone() + &wrong.at, wrong.message, wrong.mend)),
                ),
            }
            resolve_destination(rule, reach.as_ref(), &at, &mut problems);
        }
        for (number, rule) in self.suppressions.iter_mut().flatten().enumerate() {
            let at = format!("/suppressions/{number}");
            let criteria = match Criteria::parse(&rule.criteria) {
                Ok(criteria) => criteria,
                Err(wrong) => {
                    problems.extend(
                        wrong
                            .into_iter()
                            .map(|wrong| Problem::new(at.clone() + &wrong.at, wrong.message, wrong.mend)),
                    );
                    continue;
                }
            };
            rule.criteria = serde_json::to_value(&criteria).unwrap_or_default();
            let settings = SuppressionSettings {
                name: rule.name.clone(),
                reason: rule.reason.clone(),
                criteria,
                enabled: rule.enabled,
                until: rule.until,
            };
            // That it has a name was looked at already.
            let wrong = settings.problems().into_iter().filter(|_| !rule.name.is_empty());
            problems
                .extend(wrong.map(|wrong| Problem::new(at.clone() + &wrong.at, wrong.message, wrong.mend)));
        }
        for wrong in self.sla.iter().flat_map(SlaMatrix::problems) {
            problems.push(Problem::new(format!("/sla{}", wrong.at), wrong.message, wrong.mend));
        }
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    fn trim(&mut self) {
        let trim = |text: &mut String| *text = text.trim().to_owned();
        for connection in self.connections.iter_mut().flatten() {
            trim(&mut connection.name);
            for destination in connection.destinations.iter_mut().flatten() {
                trim(&mut destination.name);
                if let DestinationBinding::Asset { asset } | DestinationBinding::Branch { asset, .. } =
                    &mut destination.binding
                {
                    trim(asset);
                }
                destination.fields.templates.iter_mut().for_each(trim);
            }
        }
        for templates in self.templates.iter_mut().flatten() {
            trim(&mut templates.name);
        }
        for rule in self.suppressions.iter_mut().flatten() {
            trim(&mut rule.name);
            trim(&mut rule.reason);
        }
        for rule in self.rules.iter_mut().flatten() {
            trim(&mut rule.name);
            rule.destination.iter_mut().for_each(trim);
            rule.connection.iter_mut().for_each(trim);
        }
    }

    /// Everything has a name, and no two things of a sort have the same.
    fn check_names(&self, problems: &mut Vec<Problem>) {
        let connections = self.connections.iter().flatten();
        unique("connection", "/connections", connections.clone().map(|it| it.name.clone()), problems);
        for (at, connection) in connections.enumerate() {
            let names = connection.destinations.iter().flatten().map(|it| it.name.clone());
            unique("destination", &format!("/connections/{at}/destinations"), names, problems);
        }
        // Templates differ by more than case.
        let templates = self.templates.iter().flatten().map(|it| it.name.to_lowercase());
        unique("set of templates", "/templates", templates, problems);
        let suppressions = self.suppressions.iter().flatten().map(|it| it.name.to_lowercase());
        unique("suppression rule", "/suppressions", suppressions, problems);
        unique("rule", "/rules", self.rules.iter().flatten().map(|it| it.name.clone()), problems);
    }

    /// Connections are there, and are those that are meant.
    fn check_connections(&self, stored: &Self, problems: &mut Vec<Problem>) {
        for (at, wanted) in self.connections.iter().flatten().enumerate() {
            let at = format!("/connections/{at}");
            let known = stored.connections.iter().flatten().find(|known| known.name == wanted.name);
            let Some(known) = known else {
                problems.push(Problem::new(
                    format!("{at}/name"),
                    format!("there is no connection '{}'", wanted.name),
                    format!(
                        "make it first with `lockstep connection add --name '{}'`: it needs a secret, and secrets are no \
                         part of a configuration",
                        wanted.name
                    ),
                ));
                continue;
            };
            check_identity(known, wanted, &at, problems);
        }
    }
}

/// What a file cannot change of a connection is as the file says.
fn check_identity(known: &Connection, wanted: &Connection, at: &str, problems: &mut Vec<Problem>) {
    let folded = |text: &Option<String>| {
        text.as_ref().map(|text| text.trim().trim_end_matches('/').to_ascii_lowercase())
    };
    for (word, stored, said) in [
        ("instance_url", &known.instance_url, &wanted.instance_url),
        ("organization", &known.organization, &wanted.organization),
    ] {
        if said.is_some() && folded(stored) != folded(said) {
            problems.push(Problem::new(
                format!("{at}/{word}"),
                format!(
                    "the connection {} is one to {}, not to {}",
                    known.name,
                    stored.as_deref().unwrap_or_default(),
                    said.as_deref().unwrap_or_default()
                ),
                "apply the file where it belongs, or make another connection: this cannot be changed",
            ));
        }
    }
    if wanted.sign_in.is_some() && wanted.sign_in != known.sign_in {
        problems.push(Problem::new(
            format!("{at}/sign_in"),
            format!("the connection {} signs in in another way", known.name),
            "change the sign-in on the page of the connection, because it needs a secret, or leave it out of the file",
        ));
    }
}

fn unique(what: &str, at: &str, names: impl Iterator<Item = String>, problems: &mut Vec<Problem>) {
    let mut first: HashMap<String, usize> = HashMap::new();
    for (number, name) in names.enumerate() {
        let at = format!("{at}/{number}/name");
        if name.is_empty() {
            problems.push(Problem::new(
                at,
                format!("the {what} has no name"),
                "give it one: it is told by its name",
            ));
        } else if let Some(earlier) = first.get(&name) {
            problems.push(Problem::new(
                at,
                format!("another {what} has the name '{name}' already, number {}", earlier + 1),
                "rename one of them, or take one out",
            ));
        } else {
            first.insert(name, number);
        }
    }
}

fn reach<'a>(wanted: &'a Configuration, stored: &'a Configuration, prune: bool) -> Reach<'a> {
    let section = |connection: &str| {
        let named = wanted.connections.iter().flatten().find(|known| known.name == connection);
        named.and_then(|connection| connection.destinations.as_ref())
    };
    let mut destinations: Vec<(&str, &str)> =
        wanted.destinations().map(|(connection, known)| (connection, known.name.as_str())).collect();
    for (connection, known) in stored.destinations() {
        let stays = !prune || section(connection).is_none();
        if stays && !destinations.contains(&(connection, &known.name)) {
            destinations.push((connection, &known.name));
        }
    }
    let mut templates: Vec<&str> =
        wanted.templates.iter().flatten().map(|templates| templates.name.as_str()).collect();
    if !prune || wanted.templates.is_none() {
        templates.extend(stored.templates.iter().flatten().map(|templates| templates.name.as_str()));
    }
    Reach { destinations, templates }
}

fn resolve_templates(
    destination: &mut Destination,
    reach: Option<&Reach<'_>>,
    at: String,
    problems: &mut Vec<Problem>,
) {
    let (Some(name), Some(reach)) = (&mut destination.fields.templates, reach) else { return };
    let known = reach.templates.iter().find(|known| known.to_lowercase() == name.to_lowercase());
    match known {
        Some(known) => (*known).clone_into(name),
        None => problems.push(Problem::new(
            at,
            format!("there are no templates '{name}'"),
            "name a set of templates of this file or of the system, or leave it out for the standard ones",
        )),
    }
}

fn resolve_destination(rule: &mut Rule, reach: Option<&Reach<'_>>, at: &str, problems: &mut Vec<Problem>) {
    let Some(name) = rule.destination.clone() else {
        if rule.connection.take().is_some() {
            problems.push(Problem::new(
                format!("{at}/connection"),
                "the rule names a connection and no destination",
                "name a destination of it, or leave both out",
            ));
        }
        return;
    };
    let Some(reach) = reach else { return };
    let fitting: Vec<&str> = reach
        .destinations
        .iter()
        .filter(|(connection, known)| {
            *known == name && rule.connection.as_deref().is_none_or(|said| said == *connection)
        })
        .map(|(connection, _)| *connection)
        .collect();
    match fitting[..] {
        [connection] => rule.connection = Some(connection.to_owned()),
        [] => {
            let of =
                rule.connection.as_ref().map(|of| format!(" of the connection '{of}'")).unwrap_or_default();
            problems.push(Problem::new(
                format!("{at}/destination"),
                format!("there is no destination '{name}'{of}"),
                "name a destination of this file or of the system, or leave it out: the rule then goes by the bindings",
            ));
        }
        _ => problems.push(Problem::new(
            format!("{at}/destination"),
            format!("several connections have a destination '{name}': {}", fitting.join(", ")),
            "say which one with 'connection'",
        )),
    }
}
