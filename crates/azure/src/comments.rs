//! Comments on work items (azure-devops.md section 7.7).

use chrono::{DateTime, Utc};
use http::Method;
use model::WorkItemId;
use model::board::Comment;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Body, Call, Client};
use crate::error::Error;
use crate::item::{date, lenient_integer, null_is_empty, person};
use crate::route::{Route, Version};

const PAGE: &str = "200";
/// 10,000 revisions are all an item may have (section 7.10), so there cannot be more comments.
const MOST_PAGES: usize = 51;

/// A text for a comment, in one of the two formats the service keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommentText<'a> {
    /// HTML. Every service takes it.
    Html(&'a str),
    /// Markdown. Server 2022 has no such comments: there it is [`Error::NotSent`] (section 2).
    Markdown(&'a str),
}

impl CommentText<'_> {
    fn body(self) -> Body {
        let (Self::Html(text) | Self::Markdown(text)) = self;
        Body::Json(json!({ "text": text }))
    }

    fn on(self, route: Route) -> Route {
        match self {
            // It is what the service takes where nothing is said; said for a comment that was Markdown before.
            Self::Html(_) => route.with_current("format", "html"),
            Self::Markdown(_) => route
                .needs_current("Azure DevOps Server 2022 keeps comments as HTML only")
                .with_current("format", "markdown"),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawPage {
    #[serde(default, deserialize_with = "null_is_empty")]
    comments: Vec<RawComment>,
    #[serde(default)]
    continuation_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawComment {
    #[serde(alias = "commentId", deserialize_with = "lenient_integer")]
    id: i64,
    #[serde(default = "first")]
    version: i64,
    #[serde(default, deserialize_with = "null_is_empty")]
    text: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    format: String,
    #[serde(default)]
    created_by: Value,
    #[serde(default)]
    modified_by: Value,
    #[serde(default, deserialize_with = "null_is_empty")]
    created_date: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    modified_date: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    is_deleted: bool,
}

fn first() -> i64 {
    1
}

impl RawComment {
    fn into_comment(self) -> Comment {
        let created_at = date(&self.created_date).unwrap_or(DateTime::UNIX_EPOCH);
        Comment {
            id: self.id,
            version: self.version,
            text: self.text,
            is_markdown: self.format.eq_ignore_ascii_case("markdown"),
            editor: person(&self.modified_by).or_else(|| person(&self.created_by)).unwrap_or_default(),
            author: person(&self.created_by).unwrap_or_default(),
            created_at,
            modified_at: date(&self.modified_date).unwrap_or(created_at),
        }
    }
}

impl Client {
    /// The comments of a work item, oldest first, without deleted ones.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such item in the project.
    pub async fn comments(&self, project: &str, id: WorkItemId) -> Result<Vec<Comment>, Error> {
        let mut comments = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut route = self.comment_route(project, id, None).with("$top", PAGE).with("order", "asc");
            if let Some(token) = &token {
                route = route.with("continuationToken", token);
            }
            let page: RawPage =
                self.json(Call::get(format!("read the comments of work item {id}"), route)).await?;
            comments.extend(
                page.comments.into_iter().filter(|comment| !comment.is_deleted).map(RawComment::into_comment),
            );
            let next = page.continuation_token.filter(|next| !next.is_empty());
            if next.is_none() || next == token {
                break;
            }
            token = next;
        }
        Ok(comments)
    }

    /// Adds a comment. It makes a revision of its own; one that explains a change belongs into
    /// [`model::board::Change::comment`]. Nothing leaves at or after `deadline`.
    ///
    /// # Errors
    /// Any; after [`Error::UnknownOutcome`] the comment may be there.
    pub async fn add_comment(
        &self,
        project: &str,
        id: WorkItemId,
        text: CommentText<'_>,
        deadline: DateTime<Utc>,
    ) -> Result<Comment, Error> {
        let route = text.on(self.comment_route(project, id, None));
        let operation = format!("comment on work item {id}");
        let call = Call::write(operation, Method::POST, route, text.body(), deadline);
        self.json::<RawComment>(call).await.map(RawComment::into_comment)
    }

    /// Changes the text of a comment; its version grows. Nothing leaves at or after `deadline`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if it was deleted; [`Error::Forbidden`] if it is somebody else's; any other.
    pub async fn edit_comment(
        &self,
        project: &str,
        id: WorkItemId,
        comment: i64,
        text: CommentText<'_>,
        deadline: DateTime<Utc>,
    ) -> Result<Comment, Error> {
        let route = text.on(self.comment_route(project, id, Some(comment)));
        let operation = format!("change comment {comment} of work item {id}");
        let call = Call::write(operation, Method::PATCH, route, text.body(), deadline);
        self.json::<RawComment>(call).await.map(RawComment::into_comment)
    }

    /// Deletes a comment. One that is gone already is fine.
    ///
    /// # Errors
    /// [`Error::Forbidden`] if it is somebody else's; any other.
    pub async fn delete_comment(
        &self,
        project: &str,
        id: WorkItemId,
        comment: i64,
        deadline: DateTime<Utc>,
    ) -> Result<(), Error> {
        let route = self.comment_route(project, id, Some(comment));
        let operation = format!("delete comment {comment} of work item {id}");
        match self.done(Call::write(operation, Method::DELETE, route, Body::None, deadline)).await {
            Err(Error::NotFound { .. }) => Ok(()),
            result => result,
        }
    }

    /// The only recorded template has the project in it (section 7.7).
    fn comment_route(&self, project: &str, id: WorkItemId, comment: Option<i64>) -> Route {
        let (id, comment) = (id.to_string(), comment.map(|comment| comment.to_string()));
        let mut segments = vec![project, "_apis", "wit", "workItems", &id, "comments"];
        segments.extend(comment.as_deref());
        self.route(&segments, Version::Comments)
    }
}
