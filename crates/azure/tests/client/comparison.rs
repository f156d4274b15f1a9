//! Values of ours beside the JSON they were read from.

use azure::{Item, LinkKind, LinkTarget};
use chrono::{DateTime, Utc};
use model::board::{Comment, Person};
use serde_json::{Value, json};

use crate::recordings::Recorded;
use crate::support::bug_shape;

/// Compares, and names the recording and the field if they differ.
pub(crate) struct Check<'a> {
    pub(crate) recorded: &'a Recorded,
    /// How many values were compared.
    pub(crate) values: usize,
}

impl Check<'_> {
    pub(crate) fn same(&mut self, field: &str, ours: Value, theirs: &Value) {
        self.values += 1;
        assert_eq!(&ours, theirs, "{field} of {}", self.recorded.name());
    }

    /// Absent, null and empty text are the same.
    pub(crate) fn same_text(&mut self, field: &str, ours: &str, theirs: &Value) {
        self.values += 1;
        assert_eq!(ours, theirs.as_str().unwrap_or_default(), "{field} of {}", self.recorded.name());
    }

    pub(crate) fn same_moment(&mut self, field: &str, ours: DateTime<Utc>, theirs: &Value) {
        let Some(text) = theirs.as_str() else { return };
        self.values += 1;
        assert_eq!(ours, text.parse::<DateTime<Utc>>().unwrap(), "{field} of {}", self.recorded.name());
    }

    pub(crate) fn same_person(&mut self, field: &str, ours: &Person, theirs: &Value) {
        self.values += 1;
        let name = self.recorded.name();
        match theirs {
            Value::Object(_) => {
                let text = |part: &str| theirs[part].as_str().unwrap_or_default();
                assert_eq!(ours.id, text("id"), "{field} of {name}");
                assert_eq!(ours.display_name, text("displayName"), "{field} of {name}");
                assert_eq!(ours.unique_name, text("uniqueName"), "{field} of {name}");
            }
            Value::String(text) => {
                let both = match ours.unique_name.as_str() {
                    "" => ours.display_name.clone(),
                    unique => format!("{} <{unique}>", ours.display_name),
                };
                assert_eq!(&both, text, "{field} of {name}");
            }
            _ => assert_eq!(ours, &Person::default(), "{field} of {name}"),
        }
    }

    pub(crate) fn link(&mut self, ours: &azure::Link, theirs: &Value) {
        let url = theirs["url"].as_str().unwrap();
        let last = url.split('?').next().unwrap().rsplit('/').next().unwrap();
        match (&ours.target, theirs["rel"].as_str().unwrap()) {
            (LinkTarget::Page { url: ours }, "Hyperlink")
            | (LinkTarget::Artifact { url: ours }, "ArtifactLink") => {
                self.same("url", json!(ours), &json!(url));
            }
            (LinkTarget::Attachment { id }, "AttachedFile") => {
                self.same("attachment", json!(id), &json!(last.to_lowercase()));
            }
            (LinkTarget::WorkItem { kind, id }, rel) => {
                self.same("target", json!(id.0.to_string()), &json!(last));
                let expected = match rel {
                    "System.LinkTypes.Hierarchy-Forward" => LinkKind::Child,
                    "System.LinkTypes.Hierarchy-Reverse" => LinkKind::Parent,
                    "System.LinkTypes.Related" => LinkKind::Related,
                    "System.LinkTypes.Duplicate-Forward" => LinkKind::Duplicate,
                    "System.LinkTypes.Duplicate-Reverse" => LinkKind::DuplicateOf,
                    other => LinkKind::Other(other.to_owned()),
                };
                assert_eq!(*kind, expected, "{}", self.recorded.name());
            }
            other => panic!("{other:?} of {}", self.recorded.name()),
        }
        self.same_text("comment", &ours.comment, &theirs["attributes"]["comment"]);
        self.same_text("name", &ours.name, &theirs["attributes"]["name"]);
        self.same("size", json!(ours.size), &theirs["attributes"]["resourceSize"]);
    }

    pub(crate) fn item(&mut self, item: &Item, body: &Value) {
        self.same("id", json!(item.id().0), &body["id"]);
        self.same("rev", json!(item.revision()), &body["rev"]);
        let fields = &body["fields"];
        for (name, value) in fields.as_object().unwrap() {
            self.same(name, item.field(name).cloned().unwrap_or_default(), value);
        }
        let relations = body["relations"].as_array().cloned().unwrap_or_default();
        let links = item.links();
        assert_eq!(links.len(), relations.len(), "{}", self.recorded.name());
        for (ours, theirs) in links.iter().zip(&relations) {
            self.link(ours, theirs);
        }
        let view = item.view(&bug_shape());
        for (name, ours) in [
            ("System.TeamProject", &view.project),
            ("System.WorkItemType", &view.work_item_type),
            ("System.State", &view.state),
            ("System.Title", &view.title),
            ("System.AreaPath", &view.area),
            ("System.IterationPath", &view.iteration),
        ] {
            self.same_text(name, ours, &fields[name]);
        }
        self.same_text(
            "ReproSteps",
            view.description.as_deref().unwrap_or_default(),
            &fields["Microsoft.VSTS.TCM.ReproSteps"],
        );
        self.same_text(
            "severity",
            view.severity.as_deref().unwrap_or_default(),
            &fields["Microsoft.VSTS.Common.Severity"],
        );
        self.same("priority", json!(view.priority), &fields["Microsoft.VSTS.Common.Priority"]);
        self.same_text("tags", &view.tags.join("; "), &fields["System.Tags"]);
        self.same_moment("created", view.created_at, &fields["System.CreatedDate"]);
        self.same_moment("changed", view.changed_at, &fields["System.ChangedDate"]);
        self.same_person("creator", &view.created_by, &fields["System.CreatedBy"]);
        self.same_person("changer", &view.changed_by, &fields["System.ChangedBy"]);
        self.same_person("assignee", &view.assignee.unwrap_or_default(), &fields["System.AssignedTo"]);
        self.same(
            "comments",
            json!(view.comment_count),
            &json!(fields["System.CommentCount"].as_i64().unwrap_or(0)),
        );
        if let Some(page) = body.pointer("/_links/html/href") {
            self.same_text("page", &view.web_url, page);
        }
        let markdown = body["multilineFieldsFormat"]["Microsoft.VSTS.TCM.ReproSteps"] == "markdown";
        assert_eq!(view.description_is_markdown, markdown);
    }

    pub(crate) fn comment(&mut self, ours: &Comment, theirs: &Value) {
        let id = if theirs["id"].is_null() { &theirs["commentId"] } else { &theirs["id"] };
        self.same("id", json!(ours.id), id);
        self.same("version", json!(ours.version), &theirs["version"]);
        self.same_text("text", &ours.text, &theirs["text"]);
        self.same_person("author", &ours.author, &theirs["createdBy"]);
        self.same_moment("created", ours.created_at, &theirs["createdDate"]);
        self.same_moment("modified", ours.modified_at, &theirs["modifiedDate"]);
        assert_eq!(ours.is_markdown, theirs["format"] == "markdown");
    }
}

/// Areas or iterations as paths, from the nodes of a tree.
pub(crate) fn paths(node: &Value, above: &str, into: &mut Vec<(String, Value)>) {
    let path = format!("{above}{}", node["name"].as_str().unwrap());
    into.push((path.clone(), node["attributes"].clone()));
    for child in node["children"].as_array().into_iter().flatten() {
        paths(child, &format!("{path}\\"), into);
    }
}
