//! WIQL: queries over work items and their links (azure-devops.md section 7.4). Dates compare by day unless
//! `timePrecision=true`; more than 20,000 results are an error. The address of a link cannot be searched.

mod links;
mod parse;

use std::{cmp::Ordering, collections::HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::parse::{Condition, Operand, Relation, Test};
use super::{
    call::{Answer, World, ok, time},
    draft::split_tags,
    errors::ApiError,
    html, identities,
    model::{Revision, WorkItem},
    render::full_fields,
    rules::parse_time,
};
use crate::processes::{FieldDef, FieldKind};

/// The most results a query may have, and the longest query.
const MAX_RESULTS: usize = 20_000;
const MAX_LENGTH: usize = 32_000;

/// `POST [{project}[/{team}]/]_apis/wit/wiql`.
pub(crate) fn query(world: &World) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        query: String,
    }
    let sent: Sent = world.call.json("wiql")?;
    run(world, &sent.query)
}

/// `GET …/_apis/wit/wiql/{id}`: runs a query that is kept.
pub(crate) fn stored(world: &World, id: &str) -> Answer {
    let found = Uuid::parse_str(id).ok().and_then(|id| world.org.queries.get(&id));
    let query = found.ok_or_else(|| ApiError::no_query(id))?;
    answer(world, &query.wiql, true)
}

/// Whether a text is a query over links.
pub(crate) fn is_about_links(query: &str) -> bool {
    parse::query(query).is_ok_and(|parsed| parsed.mode.is_some())
}

/// Refuses a text that could not be run.
pub(crate) fn check(world: &World, query: &str) -> Result<(), ApiError> {
    run(world, query).map(|_| ())
}

fn run(world: &World, query: &str) -> Answer {
    answer(world, query, world.call.project.is_some())
}

/// `in_project` decides whether links to items name their project.
fn answer(world: &World, query: &str, in_project: bool) -> Answer {
    if query.chars().count() > MAX_LENGTH {
        return Err(ApiError::wiql(format!("VS402338: The query has more than {MAX_LENGTH} characters.")));
    }
    let parsed = parse::query(query).map_err(ApiError::wiql)?;
    let select = parsed.select.iter().map(|name| field(world, name)).collect::<Result<Vec<_>, _>>()?;
    let order = parsed
        .order
        .iter()
        .map(|(name, descending)| Ok((field(world, name)?, *descending)))
        .collect::<Result<Vec<_>, ApiError>>()?;
    let as_of = match &parsed.as_of {
        Some(text) => Some(
            parse_time(text).ok_or_else(|| ApiError::wiql(format!("TF51007: «{text}» is not a date.")))?,
        ),
        None => None,
    };
    let mut evaluation = Evaluation {
        world,
        by_time: world.call.query.flag("timePrecision"),
        in_project,
        fields: HashMap::new(),
    };
    if let Some(filter) = &parsed.filter {
        evaluation.check(filter)?;
    }
    let mut found: Vec<(&WorkItem, &Revision)> = Vec::new();
    for item in world.org.items.values().filter(|i| i.deleted.is_none() && world.may_see(i)) {
        let revision = match as_of {
            Some(at) => item.revisions.iter().rev().find(|r| r.date <= at),
            None => Some(item.latest()),
        };
        let Some(revision) = revision else { continue };
        // A query over links looks at its conditions pair by pair.
        if parsed.mode.is_some()
            || parsed.filter.as_ref().is_none_or(|filter| evaluation.holds(filter, item, revision))
        {
            found.push((item, revision));
        }
    }
    found.sort_by(|a, b| {
        let by_fields = order.iter().map(|(field, descending)| {
            let (left, right) = (evaluation.value(a.0, a.1, field), evaluation.value(b.0, b.1, field));
            let ordering = evaluation.ordering(field, &left, &right);
            if *descending { ordering.reverse() } else { ordering }
        });
        by_fields.fold(Ordering::Equal, Ordering::then).then(a.0.id.cmp(&b.0.id))
    });
    if let Some(top) = world.call.query.number("$top")?.filter(|_| parsed.mode.is_none()) {
        found.truncate(usize::try_from(top).unwrap_or(0));
    }
    if found.len() > MAX_RESULTS {
        return Err(ApiError::wiql_too_many());
    }
    let reference = |field: &FieldDef| {
        json!({
            "referenceName": field.reference_name,
            "name": field.name,
            "url": world.call.org_url(&format!("_apis/wit/fields/{}", field.reference_name)),
        })
    };
    let (member, rows) = match parsed.mode {
        Some(mode) => {
            let items: Vec<&WorkItem> = found.iter().map(|(item, _)| *item).collect();
            ("workItemRelations", links::relations(&evaluation, parsed.filter.as_ref(), mode, &items)?)
        }
        None => ("workItems", found.iter().map(|(item, _)| evaluation.reference(item.id)).collect()),
    };
    let kind = match parsed.mode {
        Some(parse::Mode::Recursive { .. }) => "tree",
        Some(_) => "oneHop",
        None => "flat",
    };
    let mut body = json!({
        "queryType": kind,
        "queryResultType": if parsed.mode.is_some() { "workItemLink" } else { "workItem" },
        "asOf": time(as_of.unwrap_or(world.call.now)),
        "columns": select.iter().map(reference).collect::<Vec<_>>(),
        member: rows,
    });
    if !order.is_empty() {
        let sorts: Vec<Value> = order
            .iter()
            .map(|(f, descending)| json!({"field": reference(f), "descending": descending}))
            .collect();
        body["sortColumns"] = sorts.into();
    }
    ok(body)
}

/// A field by reference name or by its label.
fn field(world: &World, name: &str) -> Result<FieldDef, ApiError> {
    let labelled =
        || crate::processes::fields().values().find(|f| f.name.eq_ignore_ascii_case(name)).cloned();
    world.field(name).or_else(labelled).ok_or_else(|| {
        ApiError::wiql(format!(
            "TF51005: The query references a field that does not exist. The error is caused by «[{name}]»."
        ))
    })
}

struct Evaluation<'a> {
    world: &'a World<'a>,
    by_time: bool,
    in_project: bool,
    /// The fields the query names, found once.
    fields: HashMap<String, FieldDef>,
}

impl Evaluation<'_> {
    /// An item as a result names it.
    fn reference(&self, id: i64) -> Value {
        let rest = format!("_apis/wit/workItems/{id}");
        let project = self.world.org.items.get(&id).map(|item| item.project);
        let url = match project.filter(|_| self.in_project) {
            Some(project) => self.world.call.project_url(project, &rest),
            None => self.world.call.org_url(&rest),
        };
        json!({"id": id, "url": url})
    }

    /// Finds unknown fields and operands before any item is looked at, so that an empty organization refuses
    /// the same queries as a full one.
    fn check(&mut self, condition: &Condition) -> Result<(), ApiError> {
        match condition {
            Condition::And(a, b) | Condition::Or(a, b) => {
                self.check(a)?;
                self.check(b)
            }
            Condition::Not(inner) => self.check(inner),
            Condition::Compare { field: name, .. } if name.eq_ignore_ascii_case(links::LINK_TYPE) => Ok(()),
            Condition::Compare { field: name, test, .. } => {
                let field = field(self.world, links::without_side(name))?;
                let long = matches!(field.kind, FieldKind::Html | FieldKind::History | FieldKind::PlainText);
                let fits = match test {
                    Test::Is(..) | Test::In(_) => !long || field.reference_name == "System.Tags",
                    Test::Contains(_) => long || field.kind == FieldKind::String,
                    Test::ContainsWords(_) => long || field.kind == FieldKind::String,
                    Test::Under(_) => field.kind == FieldKind::TreePath,
                    Test::InGroup(_) => field.reference_name == "System.WorkItemType",
                    Test::Empty => true,
                };
                if !fits {
                    let message = format!(
                        "TF51015: The operator is not valid for the field. The error is caused by «[{}]».",
                        field.reference_name
                    );
                    return Err(ApiError::wiql(message));
                }
                for operand in operands(test) {
                    self.operand(&field, operand)?;
                    if let Operand::Field(other) = operand {
                        self.fields.insert(other.clone(), self::field(self.world, other)?);
                    }
                }
                self.fields.insert(name.clone(), field);
                Ok(())
            }
        }
    }

    /// The value an operand stands for, in the form values are stored in.
    fn operand(&self, of: &FieldDef, operand: &Operand) -> Result<Value, ApiError> {
        let call = self.world.call;
        match operand {
            Operand::Number(n) if n.fract() == 0.0 => Ok(json!(n)),
            Operand::Number(n) => Ok(json!(n)),
            Operand::Field(name) => {
                field(self.world, name)?;
                Ok(Value::Null)
            }
            Operand::Macro(name, days) => match name.as_str() {
                "me" => Ok(call.actor.to_string().into()),
                "project" => {
                    let message = "TF51007: The macro @project needs a project in the route.";
                    let project = call.project.ok_or_else(|| ApiError::wiql(message.into()))?;
                    Ok(self.world.org.project_by_id(project).name.clone().into())
                }
                "today" => {
                    let midnight = call.now.date_naive().and_hms_opt(0, 0, 0).map(|at| at.and_utc());
                    Ok(time(midnight.unwrap_or(call.now) + TimeDelta::days((*days).clamp(-100_000, 100_000)))
                        .into())
                }
                other => Err(ApiError::wiql(format!(
                    "TF51007: The macro @{other} is not supported. The error is caused by «@{other}»."
                ))),
            },
            Operand::Text(text) if of.kind == FieldKind::DateTime && !text.is_empty() => {
                let at = parse_time(text)
                    .ok_or_else(|| ApiError::wiql(format!("TF51007: «{text}» is not a date.")))?;
                if !self.by_time && at.time() != chrono::NaiveTime::MIN {
                    let message = format!(
                        "You cannot supply a time with the date when running a query using date precision. The error is caused by «{text}»."
                    );
                    return Err(ApiError::wiql(message));
                }
                Ok(time(at).into())
            }
            Operand::Text(text) if of.identity && !text.is_empty() => {
                // An identity that nobody has matches nothing.
                let found = identities::resolve(self.world.org, text);
                Ok(found.map_or_else(|| text.clone(), |id| id.to_string()).into())
            }
            Operand::Text(text) => Ok(text.clone().into()),
        }
    }

    fn value(&self, item: &WorkItem, revision: &Revision, field: &FieldDef) -> Value {
        let name = field.reference_name.as_str();
        match (revision.fields.get(name), name) {
            (Some(value), _) => value.clone(),
            (None, "System.Id") => item.id.into(),
            (None, "System.Rev") => revision.rev.into(),
            (None, "System.Watermark") => revision.watermark.into(),
            (None, n) if n.starts_with("System.") => {
                full_fields(self.world.org, item, revision).remove(n).unwrap_or_default()
            }
            _ => Value::Null,
        }
    }

    fn holds(&self, condition: &Condition, item: &WorkItem, revision: &Revision) -> bool {
        match condition {
            Condition::And(a, b) => self.holds(a, item, revision) && self.holds(b, item, revision),
            Condition::Or(a, b) => self.holds(a, item, revision) || self.holds(b, item, revision),
            Condition::Not(inner) => !self.holds(inner, item, revision),
            Condition::Compare { field: name, test, ever } => {
                let Some(field) = self.fields.get(name) else { return false };
                if *ever {
                    let until = revision.rev;
                    return item
                        .revisions
                        .iter()
                        .filter(|r| r.rev <= until)
                        .any(|r| self.passes(field, test, item, r));
                }
                self.passes(field, test, item, revision)
            }
        }
    }

    fn passes(&self, field: &FieldDef, test: &Test, item: &WorkItem, revision: &Revision) -> bool {
        let value = self.value(item, revision, field);
        let resolved = |operand: &Operand| match operand {
            Operand::Field(name) => {
                self.fields.get(name).map(|f| self.value(item, revision, f)).unwrap_or_default()
            }
            other => self.operand(field, other).unwrap_or_default(),
        };
        match test {
            Test::Empty => is_empty(&value),
            Test::InGroup(category) => links::in_group(self, item, &value, category),
            Test::In(list) => list.iter().any(|o| self.equal(field, &value, &resolved(o))),
            Test::Contains(operand) if field.reference_name == "System.Tags" => {
                let wanted = words(&resolved(operand));
                split_tags(&words(&value)).iter().any(|tag| tag.to_lowercase() == wanted.to_lowercase())
            }
            Test::Contains(operand) => {
                self.shown(field, &value).to_lowercase().contains(&words(&resolved(operand)).to_lowercase())
            }
            Test::ContainsWords(operand) => {
                let text = html::plain(&self.shown(field, &value)).to_lowercase();
                let has: Vec<&str> =
                    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
                let wanted = words(&resolved(operand)).to_lowercase();
                let mut parts = wanted.split_whitespace().peekable();
                parts.peek().is_some()
                    && parts.all(|word| match word.strip_suffix('*') {
                        Some(start) => has.iter().any(|w| w.starts_with(start)),
                        None => {
                            let pieces: Vec<&str> = word
                                .split(|c: char| !c.is_alphanumeric())
                                .filter(|p| !p.is_empty())
                                .collect();
                            !pieces.is_empty() && pieces.iter().all(|piece| has.contains(piece))
                        }
                    })
            }
            Test::Under(operand) => {
                let (path, above) = (words(&value).to_lowercase(), words(&resolved(operand)).to_lowercase());
                path == above || path.strip_prefix(&above).is_some_and(|rest| rest.starts_with('\\'))
            }
            Test::Is(relation, operand) => {
                let other = resolved(operand);
                match relation {
                    Relation::Equal => self.equal(field, &value, &other),
                    Relation::NotEqual => !self.equal(field, &value, &other),
                    // Nothing is smaller or greater than an empty field.
                    _ if is_empty(&value) || is_empty(&other) => false,
                    Relation::Less => self.ordering(field, &value, &other).is_lt(),
                    Relation::LessOrEqual => self.ordering(field, &value, &other).is_le(),
                    Relation::Greater => self.ordering(field, &value, &other).is_gt(),
                    Relation::GreaterOrEqual => self.ordering(field, &value, &other).is_ge(),
                }
            }
        }
    }

    fn equal(&self, field: &FieldDef, left: &Value, right: &Value) -> bool {
        match (is_empty(left), is_empty(right)) {
            (true, true) => true,
            (false, false) => self.ordering(field, left, right).is_eq(),
            _ => false,
        }
    }

    fn ordering(&self, field: &FieldDef, left: &Value, right: &Value) -> Ordering {
        match (is_empty(left), is_empty(right)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        match field.kind {
            FieldKind::Integer | FieldKind::Double => {
                number(left).partial_cmp(&number(right)).unwrap_or(Ordering::Equal)
            }
            FieldKind::DateTime => self.moment(left).cmp(&self.moment(right)),
            _ => self.shown(field, left).to_lowercase().cmp(&self.shown(field, right).to_lowercase()),
        }
    }

    /// A time, cut to its day where days are compared.
    fn moment(&self, value: &Value) -> Option<DateTime<Utc>> {
        let at = value.as_str().and_then(parse_time)?;
        if self.by_time { Some(at) } else { at.date_naive().and_hms_opt(0, 0, 0).map(|at| at.and_utc()) }
    }

    /// The text of a value as people see it: identities by unique name.
    fn shown(&self, field: &FieldDef, value: &Value) -> String {
        if field.identity
            && let Some(id) = value.as_str().and_then(|id| Uuid::parse_str(id).ok())
            && let Some(identity) = self.world.org.identities.iter().find(|i| i.id == id)
        {
            return identity.text();
        }
        words(value)
    }
}

fn operands(test: &Test) -> Vec<&Operand> {
    match test {
        Test::Is(_, o) | Test::Contains(o) | Test::ContainsWords(o) | Test::Under(o) => vec![o],
        Test::In(list) => list.iter().collect(),
        Test::Empty | Test::InGroup(_) => Vec::new(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().or_else(|| value.as_str().and_then(|t| t.trim().parse().ok())).unwrap_or(f64::NAN)
}
