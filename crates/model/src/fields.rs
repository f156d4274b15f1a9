//! What a destination says about single fields: whose value counts, when work is due, who gets it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::map::{MapProblem, MapRow};
use crate::merge::Owners;
use crate::process::{FieldDefinition, FieldKind};
use crate::{TemplateSetId, WorkItemId};

/// Most further fields of a destination.
pub const MOST_VALUES: usize = 50;

/// Longest value of a further field, in characters.
pub const LONGEST_VALUE: usize = 10_000;

/// Choices that a message lists before it says "and others".
const LISTED: usize = 20;

/// Fields that no value may be given for, because Lockstep or the service writes them.
const OURS: [(&str, &str); 16] = [
    ("System.Title", "the title is made of the findings"),
    ("System.State", "the status map says the state"),
    ("System.Reason", "the board says the reason with the state"),
    ("System.AreaPath", "give the area of the destination"),
    ("System.AreaId", "give the area of the destination"),
    ("System.IterationPath", "give the iteration of the destination"),
    ("System.IterationId", "give the iteration of the destination"),
    ("System.Tags", "give the tags of the destination"),
    ("System.AssignedTo", "give the assignee of the destination"),
    ("System.WorkItemType", "give the type of the destination"),
    ("System.TeamProject", "give the project of the destination"),
    ("System.History", "comments are written with the changes they explain"),
    ("System.BoardColumn", "the status map says the column"),
    ("System.BoardLane", "give the lane of the destination"),
    ("System.Parent", "give the parent of the destination"),
    ("Microsoft.VSTS.Scheduling.DueDate", "let it have the due date of the findings"),
];

/// What is written into a further field of new work items. People decide from then on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// Always this.
    Constant(String),
    /// What a template makes of the findings when the work item is created.
    Template(String),
}

impl FieldValue {
    /// What was written, whichever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Constant(text) | Self::Template(text) => text,
        }
    }
}

/// Into which iteration new work items go. People decide from then on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "policy", rename_all = "snake_case")]
pub enum IterationPolicy {
    /// The iteration under which the team's backlog lies; the project's root if the team has none.
    #[default]
    Backlog,
    /// The team's current iteration at the time of the creation; its backlog while it has none.
    Current,
    /// Always this one.
    Path {
        /// Path as a field holds it: `Project\\Release 1`.
        path: String,
    },
}

/// Names of the fields that Lockstep writes by itself for a type.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// Long text.
    pub description: &'a str,
    /// Priority, if the type has one.
    pub priority: Option<&'a str>,
    /// Severity, if the type has one.
    pub severity: Option<&'a str>,
}

/// Whether work items get a due date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DueDatePolicy {
    /// The earliest due date of the ticket's findings.
    #[default]
    Sla,
    /// None.
    None,
}

/// What a person decides about the fields of a destination's work items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldSettings {
    /// Whose value counts where Lockstep and a person changed the same field.
    pub owners: Owners,
    /// Whether work items get a due date. Types without such a field have none.
    pub due_date: DueDatePolicy,
    /// Who gets new work items, by sign-in name; nobody if blank. People decide from then on.
    pub assignee: String,
    /// Which templates write title, block, comments and tags; the standard ones if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub templates: Option<TemplateSetId>,
    /// Work item under which new work items hang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<WorkItemId>,
    /// Further fields of new work items, by reference name: what the process requires, or the team wants.
    pub values: BTreeMap<String, FieldValue>,
}

impl FieldSettings {
    /// What is wrong with them whatever the type is.
    pub fn problems(&self) -> Vec<MapProblem> {
        let mut problems = Vec::new();
        if self.values.len() > MOST_VALUES {
            problems.push(MapProblem::general(
                format!("{} further fields are too many", self.values.len()),
                format!("give at most {MOST_VALUES}"),
            ));
        }
        problems
    }

    /// What is wrong with the further fields of a type: each required field without a value, and each value that its
    /// field does not take.
    pub fn problems_of_type(
        &self,
        work_item_type: &str,
        fields: &[FieldDefinition],
        written: Written<'_>,
    ) -> Vec<MapProblem> {
        let is_ours = |name: &str| {
            OURS.iter().any(|(ours, _)| ours.eq_ignore_ascii_case(name))
                || name.eq_ignore_ascii_case(written.description)
                || [written.priority, written.severity].into_iter().flatten().any(|ours| ours == name)
        };
        let mut problems = Vec::new();
        for field in fields.iter().filter(|field| field.is_required && !field.is_read_only) {
            let given = self.values.keys().any(|name| name.eq_ignore_ascii_case(&field.reference_name));
            let assigned = field.reference_name == "System.AssignedTo" && self.assignee.trim().is_empty();
            if assigned {
                problems.push(MapProblem::general(
                    format!("{work_item_type} requires somebody it is assigned to"),
                    "give an assignee of new work items",
                ));
            } else if field.default.is_none() && !given && !is_ours(&field.reference_name) {
                problems.push(MapProblem::at(
                    MapRow::Field(field.reference_name.clone()),
                    format!("{work_item_type} requires the field {}", field.name),
                    format!("give a value for new work items{}", choices(field)),
                ));
            }
        }
        for (name, value) in &self.values {
            let row = || MapRow::Field(name.clone());
            let known = fields.iter().find(|field| field.reference_name.eq_ignore_ascii_case(name));
            let Some(field) = known else {
                let what = format!("{work_item_type} has no field {name}");
                problems.push(MapProblem::at(row(), what, "take it out, or name it by its reference name"));
                continue;
            };
            let advice =
                OURS.iter().find(|(ours, _)| ours.eq_ignore_ascii_case(name)).map(|(_, advice)| *advice);
            if is_ours(&field.reference_name) {
                let what = format!("the field {} is written by Lockstep itself", field.name);
                problems.push(MapProblem::at(row(), what, advice.unwrap_or("take it out")));
            } else if field.is_read_only {
                let what = format!("the field {} is written by Azure DevOps alone", field.name);
                problems.push(MapProblem::at(row(), what, "take it out"));
            } else if let Err((what, mend)) = problem_of(field, value) {
                problems.push(MapProblem::at(row(), what, mend));
            }
        }
        problems
    }
}

/// The values that a field takes, as the end of a sentence.
fn choices(field: &FieldDefinition) -> String {
    if field.allowed.is_empty() {
        return String::new();
    }
    let more = if field.allowed.len() > LISTED { " and others" } else { "" };
    let listed: Vec<&str> = field.allowed.iter().take(LISTED).map(String::as_str).collect();
    format!(": one of {}{more}", listed.join(", "))
}

/// What is wrong with what a person gives for a field.
fn problem_of(field: &FieldDefinition, value: &FieldValue) -> Result<(), (String, String)> {
    match value {
        FieldValue::Constant(text) => fits(field, text),
        FieldValue::Template(_) if matches!(field.kind, FieldKind::Other) => fits(field, "a template"),
        FieldValue::Template(source) => crate::content::check_field(source).map_err(|problem| {
            let line = problem.line.map_or_else(String::new, |line| format!(" in line {line}"));
            (format!("the template of {}{line}: {}", field.name, problem.message), problem.mend)
        }),
    }
}

/// A value as the field takes it, made of the text of a template: cut where it is too long, and safe HTML where people
/// read the field as such.
///
/// # Errors
/// What is wrong, and how it is mended.
pub fn fitted(field: &FieldDefinition, text: &str) -> Result<String, (String, String)> {
    let longest = field.longest().unwrap_or(LONGEST_VALUE).min(LONGEST_VALUE);
    let text = match field.kind {
        FieldKind::Text => text.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => text.trim().to_owned(),
    };
    let text = match field.kind {
        FieldKind::Text | FieldKind::PlainText | FieldKind::RichText => crate::content::clip(&text, longest),
        _ => text,
    };
    fits(field, &text)?;
    Ok(match field.kind {
        // Made safe last: what that adds is not counted against people's words.
        FieldKind::RichText => crate::content::escape(&text).replace('\n', "<br>"),
        _ => text,
    })
}

/// The field takes the value.
fn fits(field: &FieldDefinition, text: &str) -> Result<(), (String, String)> {
    let (name, text) = (&field.name, text.trim());
    if text.is_empty() {
        return Err((format!("the field {name} has a blank value"), format!("give one{}", choices(field))));
    }
    let longest = field.longest().unwrap_or(LONGEST_VALUE).min(LONGEST_VALUE);
    if text.chars().count() > longest {
        return Err((
            format!("the value of {name} is too long"),
            format!("give at most {longest} characters"),
        ));
    }
    let wrong = |wanted: &str| Err((format!("the field {name} does not take '{text}'"), wanted.to_owned()));
    match field.kind {
        FieldKind::Integer if text.parse::<i64>().is_err() => return wrong("give a whole number"),
        FieldKind::Number if !text.parse::<f64>().is_ok_and(f64::is_finite) => return wrong("give a number"),
        FieldKind::Boolean if !["true", "false"].contains(&text.to_lowercase().as_str()) => {
            return wrong("give true or false");
        }
        FieldKind::Date
            if DateTime::parse_from_rfc3339(text).is_err() && text.parse::<NaiveDate>().is_err() =>
        {
            return wrong("give a day such as 2027-01-31");
        }
        FieldKind::Other => return wrong("take it out: Lockstep cannot fill in fields of this kind"),
        _ => {}
    }
    if !field.allowed.is_empty() && !field.allowed.iter().any(|known| known.eq_ignore_ascii_case(text)) {
        return wrong(choices(field).trim_start_matches(": "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, kind: FieldKind) -> FieldDefinition {
        FieldDefinition {
            reference_name: format!("Custom.{name}"),
            name: name.into(),
            kind,
            is_required: false,
            is_read_only: false,
            default: None,
            allowed: Vec::new(),
        }
    }

    /// What is said about one value for a field; nothing if it fits.
    fn said(field: &FieldDefinition, value: &str) -> Vec<(String, String)> {
        let constant = FieldValue::Constant(value.into());
        let settings = FieldSettings {
            values: BTreeMap::from([(field.reference_name.clone(), constant)]),
            ..FieldSettings::default()
        };
        let written = Written { description: "System.Description", priority: None, severity: None };
        let problems = settings.problems_of_type("Bug", std::slice::from_ref(field), written);
        problems.into_iter().map(|problem| (problem.message, problem.mend)).collect()
    }

    #[test]
    fn a_required_field_without_default_is_asked_for_unless_it_is_written_anyway() {
        let required = |name: &str, kind| FieldDefinition { is_required: true, ..field(name, kind) };
        let severity = FieldDefinition {
            allowed: vec!["low".into(), "high".into()],
            ..required("Risk", FieldKind::Text)
        };
        let title =
            FieldDefinition { reference_name: "System.Title".into(), ..required("Title", FieldKind::Text) };
        let filled = FieldDefinition { default: Some("x".into()), ..required("Origin", FieldKind::Text) };
        let settings = FieldSettings::default();
        let written = Written { description: "System.Description", priority: None, severity: None };
        let problems = settings.problems_of_type("Bug", &[severity, title, filled], written);
        let [only] = problems.as_slice() else { panic!("{problems:?}") };
        assert_eq!(only.row, Some(MapRow::Field("Custom.Risk".into())));
        assert_eq!(only.message, "Bug requires the field Risk");
        assert_eq!(only.mend, "give a value for new work items: one of low, high");
    }

    #[test]
    fn a_value_that_its_field_does_not_take_is_said_with_the_mend() {
        use FieldKind::{Boolean, Date, Integer, Number, Other, Text};
        let picked = FieldDefinition { allowed: vec!["low".into(), "high".into()], ..field("Risk", Text) };
        let read_only = FieldDefinition { is_read_only: true, ..field("Rank", Text) };
        let tags = FieldDefinition { reference_name: "System.Tags".into(), ..field("Tags", Text) };
        for (field, value, message, mend) in [
            (&field("Effort", Integer), "2.5", "the field Effort does not take '2.5'", "give a whole number"),
            (&field("Cost", Number), "much", "the field Cost does not take 'much'", "give a number"),
            (&field("Cost", Number), "inf", "the field Cost does not take 'inf'", "give a number"),
            (&field("Known", Boolean), "yes", "the field Known does not take 'yes'", "give true or false"),
            (
                &field("Seen", Date),
                "soon",
                "the field Seen does not take 'soon'",
                "give a day such as 2027-01-31",
            ),
            (
                &field("Blob", Other),
                "x",
                "the field Blob does not take 'x'",
                "take it out: Lockstep cannot fill in fields of this kind",
            ),
            (&field("Note", Text), " ", "the field Note has a blank value", "give one"),
            (&picked, "some", "the field Risk does not take 'some'", "one of low, high"),
            (&read_only, "x", "the field Rank is written by Azure DevOps alone", "take it out"),
            (&tags, "x", "the field Tags is written by Lockstep itself", "give the tags of the destination"),
        ] {
            assert_eq!(said(field, value), [(message.to_owned(), mend.to_owned())]);
        }
        for (field, value) in [
            (&field("Effort", Integer), "3"),
            (&field("Seen", Date), "2027-01-31"),
            (&field("Known", Boolean), "True"),
            (&picked, "HIGH"),
        ] {
            assert_eq!(said(field, value), []);
        }
        assert_eq!(said(&field("Note", Text), &"x".repeat(256))[0].1, "give at most 255 characters");
    }

    #[test]
    fn a_template_is_checked_when_it_is_saved_and_what_it_makes_when_it_is_used() {
        let said = |field: &FieldDefinition, source: &str| {
            let settings = FieldSettings {
                values: BTreeMap::from([(field.reference_name.clone(), FieldValue::Template(source.into()))]),
                ..FieldSettings::default()
            };
            let written = Written { description: "System.Description", priority: None, severity: None };
            let problems = settings.problems_of_type("Bug", std::slice::from_ref(field), written);
            problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>()
        };
        let note = field("Note", FieldKind::Text);
        assert_eq!(said(&note, "{{ first.asset }}"), Vec::<String>::new());
        assert!(
            said(&note, "{{ first.asset")[0].starts_with("the template of Note in line 1: it cannot be read")
        );
        assert_eq!(
            said(&field("Blob", FieldKind::Other), "x"),
            ["the field Blob does not take 'a template'"]
        );
        assert_eq!(fitted(&note, " two\n lines ").as_deref(), Ok("two lines"));
        assert_eq!(fitted(&note, &"x".repeat(300)).map(|text| text.chars().count()), Ok(255));
        let rich = field("Rich", FieldKind::RichText);
        assert_eq!(fitted(&rich, "<script>\n&").as_deref(), Ok("&lt;script&gt;<br>&amp;"));
        assert!(fitted(&rich, &"<".repeat(LONGEST_VALUE)).is_ok(), "longer as HTML than as words");
        let number = field("Effort", FieldKind::Integer);
        assert_eq!(fitted(&number, " 3 ").as_deref(), Ok("3"));
        assert_eq!(
            fitted(&number, "many"),
            Err(("the field Effort does not take 'many'".into(), "give a whole number".into()))
        );
        assert!(fitted(&note, "  ").is_err(), "a blank value is none");
    }
}
