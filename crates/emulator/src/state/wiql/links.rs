//! Queries over `WorkItemLinks`: one hop, or a tree of one kind of link. Conditions about the source, the target
//! and the kind of link are joined by AND at the top; each may hold OR inside.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    Evaluation,
    parse::{Condition, Mode, Operand, Relation, Test},
    words,
};
use crate::state::{
    errors::ApiError,
    links::LinkType,
    model::{RelationTarget, WorkItem},
};

/// What stands before the name of a field.
const SOURCE: &str = "Source.";
const TARGET: &str = "Target.";
/// The name under which the kind of link is compared.
pub(super) const LINK_TYPE: &str = "System.Links.LinkType";

/// The field without the side it belongs to.
pub(super) fn without_side(name: &str) -> &str {
    name.strip_prefix(SOURCE).or_else(|| name.strip_prefix(TARGET)).unwrap_or(name)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Source,
    Target,
    Link,
}

/// The conditions of a query by what they are about.
struct Parts<'a>(BTreeMap<Side, Vec<&'a Condition>>);

fn sides(condition: &Condition, all: &mut BTreeSet<Side>) {
    match condition {
        Condition::And(a, b) | Condition::Or(a, b) => {
            sides(a, all);
            sides(b, all);
        }
        Condition::Not(inner) => sides(inner, all),
        Condition::Compare { field, .. } => {
            all.insert(match field.as_str() {
                name if name.eq_ignore_ascii_case(LINK_TYPE) => Side::Link,
                name if name.starts_with(TARGET) => Side::Target,
                _ => Side::Source,
            });
        }
    }
}

fn split<'a>(condition: &'a Condition, parts: &mut Parts<'a>) -> Result<(), ApiError> {
    if let Condition::And(a, b) = condition {
        split(a, parts)?;
        return split(b, parts);
    }
    let mut about = BTreeSet::new();
    sides(condition, &mut about);
    if about.len() > 1 {
        let message = "TF51006: A clause may not mix the source, the target and the type of links.";
        return Err(ApiError::wiql(message.into()));
    }
    if let Some(side) = about.pop_first() {
        parts.0.entry(side).or_default().push(condition);
    }
    Ok(())
}

impl Parts<'_> {
    fn item_fits(&self, side: Side, evaluation: &Evaluation, item: &WorkItem) -> bool {
        let conditions = self.0.get(&side).into_iter().flatten();
        conditions.into_iter().all(|c| evaluation.holds(c, item, item.latest()))
    }

    fn link_fits(&self, rel: &str) -> bool {
        self.0.get(&Side::Link).into_iter().flatten().all(|condition| link_holds(condition, rel))
    }
}

/// A link's kind is compared by its reference name or by its name.
fn link_holds(condition: &Condition, rel: &str) -> bool {
    let named = |operand: &Operand| {
        let Operand::Text(text) = operand else { return false };
        let name = LinkType::named(rel).map_or("", |t| t.name);
        text.eq_ignore_ascii_case(rel) || text.eq_ignore_ascii_case(name)
    };
    match condition {
        Condition::And(a, b) => link_holds(a, rel) && link_holds(b, rel),
        Condition::Or(a, b) => link_holds(a, rel) || link_holds(b, rel),
        Condition::Not(inner) => !link_holds(inner, rel),
        Condition::Compare { test: Test::Is(Relation::Equal, operand), .. } => named(operand),
        // `<> ''` stands for any kind.
        Condition::Compare { test: Test::Is(Relation::NotEqual, operand), .. } => !named(operand),
        Condition::Compare { test: Test::In(list), .. } => list.iter().any(named),
        Condition::Compare { .. } => true,
    }
}

/// The relations that a query finds, in its order.
pub(super) fn relations(
    evaluation: &Evaluation,
    filter: Option<&Condition>,
    mode: Mode,
    items: &[&WorkItem],
) -> Result<Vec<Value>, ApiError> {
    let mut parts = Parts(BTreeMap::new());
    if let Some(filter) = filter {
        split(filter, &mut parts)?;
    }
    let place: BTreeMap<i64, usize> = items.iter().enumerate().map(|(at, item)| (item.id, at)).collect();
    let linked = |item: &WorkItem| -> Vec<(String, i64)> {
        let mut all: Vec<(String, i64)> = item
            .relations
            .iter()
            .filter(|r| {
                LinkType::named(&r.rel).is_some_and(LinkType::is_work_item_link) && parts.link_fits(&r.rel)
            })
            .filter_map(|r| {
                if let RelationTarget::Item(id) = r.target { Some((r.rel.clone(), id)) } else { None }
            })
            .filter(|(_, id)| place.contains_key(id))
            .collect();
        all.sort_by_key(|(_, id)| place[id]);
        all
    };
    let by_id = |id: i64| items[place[&id]];
    let source_fits = |item: &WorkItem| parts.item_fits(Side::Source, evaluation, item);
    let target_fits = |item: &WorkItem| parts.item_fits(Side::Target, evaluation, item);
    let reference = |id: i64| evaluation.reference(id);
    let mut found = Vec::new();
    let root = |found: &mut Vec<Value>, id: i64| found.push(json!({"target": reference(id)}));
    let link = |found: &mut Vec<Value>, rel: &str, from: i64, to: i64| {
        let mut members = Map::new();
        members.insert("rel".into(), rel.into());
        members.insert("source".into(), reference(from));
        members.insert("target".into(), reference(to));
        found.push(members.into());
    };
    if let Mode::Recursive { children_first } = mode {
        // Which items a tree shows below or as a root.
        let shown: BTreeSet<i64> = if children_first {
            let mut shown: BTreeSet<i64> = items.iter().filter(|i| target_fits(i)).map(|i| i.id).collect();
            while let Some(more) = items.iter().find(|i| {
                !shown.contains(&i.id) && source_fits(i) && linked(i).iter().any(|(_, to)| shown.contains(to))
            }) {
                shown.insert(more.id);
            }
            shown
        } else {
            items.iter().filter(|i| target_fits(i)).map(|i| i.id).collect()
        };
        let below: BTreeSet<i64> = items
            .iter()
            .filter(|i| source_fits(i) || shown.contains(&i.id))
            .flat_map(|i| linked(i))
            .map(|(_, to)| to)
            .filter(|to| shown.contains(to))
            .collect();
        for item in items {
            let starts = source_fits(item) && (!children_first || shown.contains(&item.id));
            if !starts || below.contains(&item.id) {
                continue;
            }
            root(&mut found, item.id);
            let mut open = vec![item.id];
            let mut seen = BTreeSet::from([item.id]);
            while let Some(from) = open.pop() {
                for (rel, to) in linked(by_id(from)) {
                    if shown.contains(&to) && seen.insert(to) {
                        link(&mut found, &rel, from, to);
                        open.push(to);
                    }
                }
            }
        }
        return Ok(found);
    }
    for item in items.iter().filter(|i| source_fits(i)) {
        let hits: Vec<(String, i64)> =
            linked(item).into_iter().filter(|(_, to)| target_fits(by_id(*to))).collect();
        let shows = match mode {
            Mode::MustContain => !hits.is_empty(),
            Mode::DoesNotContain => hits.is_empty(),
            _ => true,
        };
        if shows {
            root(&mut found, item.id);
        }
        if mode != Mode::DoesNotContain {
            for (rel, to) in hits {
                link(&mut found, &rel, item.id, to);
            }
        }
    }
    Ok(found)
}

/// Whether the text of a type is in a category, for `IN GROUP`.
pub(super) fn in_group(evaluation: &Evaluation, item: &WorkItem, value: &Value, category: &str) -> bool {
    let project = evaluation.world.org.project_by_id(item.project);
    let kind = words(value);
    project.definition().types_of(category).any(|t| t.name.eq_ignore_ascii_case(&kind))
}
