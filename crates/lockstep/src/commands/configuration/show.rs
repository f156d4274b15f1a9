//! A plan of a configuration for people.

use api::ConfigurationPlan;
use model::configuration::{Change, ChangeAction, ChangedThing};
use serde_json::Value;

use crate::commands::rules::line;
use crate::exit::CliError;
use crate::output::Output;

/// Characters of a value before it is cut; `--json` has it whole.
const LONGEST: usize = 100;

/// Prints a plan: what is done first, then what is left alone, then the sum.
pub(super) fn plan(output: Output, plan: &ConfigurationPlan) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(plan);
    }
    for change in plan.changes.iter().filter(|change| change.is_done()) {
        output.line(&format!("{} {}", word(change.action), name(change)))?;
        for field in &change.fields {
            let new = value(field.new.as_ref());
            match change.action {
                ChangeAction::Create => output.line(&format!("    {}: {new}", field.path))?,
                _ => {
                    let old = value(field.old.as_ref());
                    output.line(&format!("    {}: {old} -> {new}", field.path))?;
                }
            }
        }
    }
    for change in plan.changes.iter().filter(|change| !change.is_done()) {
        output.line(&format!("left alone: {} (not in the file)", name(change)))?;
    }
    let count = |action| plan.changes.iter().filter(|change| change.action == action).count();
    let (create, change, delete) =
        (count(ChangeAction::Create), count(ChangeAction::Change), count(ChangeAction::Delete));
    let order = if count(ChangeAction::Reorder) > 0 { ", another order of the rules" } else { "" };
    if create + change + delete == 0 && order.is_empty() {
        return output.line("Nothing to change.");
    }
    output.line(&format!("{create} to create, {change} to change, {delete} to delete{order}."))?;
    let effect = plan.effect.iter().flatten().filter(|share| share.create + share.join + share.wait > 0);
    let mut lines = effect.map(line).peekable();
    if lines.peek().is_some() {
        output.line("Then the rules make work items:")?;
    }
    lines.try_for_each(|share| output.line(&format!("    {share}")))
}

fn word(action: ChangeAction) -> &'static str {
    match action {
        ChangeAction::Create => "create",
        ChangeAction::Change => "change",
        ChangeAction::Delete => "delete",
        ChangeAction::Reorder => "reorder",
        ChangeAction::LeaveAlone => "left alone",
    }
}

fn name(change: &Change) -> String {
    let thing = match change.thing {
        ChangedThing::Connection => "connection",
        ChangedThing::Templates => "templates",
        ChangedThing::Destination => "destination",
        ChangedThing::Rule if change.action == ChangeAction::Reorder => return "rules".into(),
        ChangedThing::Rule => "rule",
        ChangedThing::Suppression => "suppression rule",
        ChangedThing::Sla => return "SLA matrix".into(),
    };
    let of = change.connection.as_ref().map(|of| format!(" of {of}")).unwrap_or_default();
    format!("{thing} '{}'{of}", change.name)
}

fn value(value: Option<&Value>) -> String {
    let Some(value) = value else { return "(usual)".into() };
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("…".chars()).collect()
}
