//! A set of templates as people write it, and what is wrong with it.

use serde::{Deserialize, Serialize};

use super::redaction::Redaction;

/// Name of the set that holds where no other is chosen.
pub const STANDARD_NAME: &str = "Standard";

/// Characters of the name of a set.
const LONGEST_NAME: usize = 100;

/// Characters of one template.
pub(super) const LONGEST_TEMPLATE: usize = 50_000;

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The title, one line of text.
    Title,
    /// Our block in the long text, as HTML.
    Block,
    /// The comment that explains why a card is moved, as HTML.
    Comment,
    /// Further tags, separated by commas, semicolons or new lines.
    Tags,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Title, Self::Block, Self::Comment, Self::Tags];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Block => "block",
            Self::Comment => "comment",
            Self::Tags => "tags",
        }
    }
}

/// A named set of templates. A part that is left blank is the standard one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateSet {
    /// Name, at most 100 characters; names differ by more than case.
    pub name: String,
    /// Title of work items.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Our block in the long text, as HTML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub block: String,
    /// The comment that explains why a card is moved, as HTML.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Further tags, separated by commas, semicolons or new lines.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tags: String,
    /// What is left out, whatever the templates ask for.
    #[serde(default)]
    pub redaction: Redaction,
}

impl TemplateSet {
    /// What is written for a part; blank if it is the standard one.
    pub fn of(&self, part: Part) -> &str {
        match part {
            Part::Title => &self.title,
            Part::Block => &self.block,
            Part::Comment => &self.comment,
            Part::Tags => &self.tags,
        }
    }

    /// What is wrong with its name.
    pub(super) fn name_problem(&self) -> Option<TemplateProblem> {
        let name = self.name.trim();
        let problem = |message: String, mend: &str| Some(TemplateProblem::of_setting("name", message, mend));
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            return problem(
                format!("the name has 1 to {LONGEST_NAME} characters, in one line"),
                "give it a short name: destinations are told by it which set they use",
            );
        }
        if name.eq_ignore_ascii_case(STANDARD_NAME) {
            return problem(
                format!("'{STANDARD_NAME}' is the name of the built-in templates"),
                "choose another name",
            );
        }
        None
    }
}

/// The standard template of a part.
pub const fn standard_text(part: Part) -> &'static str {
    match part {
        Part::Title => include_str!("standard/title.txt"),
        Part::Block => include_str!("standard/block.html"),
        Part::Comment => include_str!("standard/comment.html"),
        Part::Tags => "",
    }
}

/// What is wrong with a set of templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TemplateProblem {
    /// Where: `title`, `block`, `comment`, `tags`, `name`, or a path below `redaction`.
    pub row: String,
    /// Line of the template, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it, without a full stop.
    pub mend: String,
}

impl TemplateProblem {
    pub(super) fn of_setting(
        row: impl Into<String>,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { row: row.into(), line: None, message: message.into(), mend: mend.into() }
    }

    /// The problem as a sentence: where, what, and what to do.
    pub fn sentence(&self) -> String {
        let line = self.line.map(|line| format!(", line {line}")).unwrap_or_default();
        format!("{}{line}: {}; {}.", self.row, self.message, self.mend)
    }
}
