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
use crate::route::Version;

const PAGE: &str = "200";
/// 10,000 revisions are all an item may have (section 7.10), so there cannot be more comments.
const MOST_PAGES: usize = 51;

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
    #[serde(default)]
    created_by: Value,
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
            let mut route = self
                .route(
                    &[project, "_apis", "wit", "workItems", &id.to_string(), "comments"],
                    Version::Comments,
                )
                .with("$top", PAGE)
                .with("order", "asc");
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

    /// Adds a comment (HTML). It makes a revision of its own; one that explains a change belongs into
    /// [`model::board::Change::comment`]. Nothing leaves at or after `deadline`.
    ///
    /// # Errors
    /// Any; after [`Error::UnknownOutcome`] the comment may be there.
    pub async fn add_comment(
        &self,
        project: &str,
        id: WorkItemId,
        html: &str,
        deadline: DateTime<Utc>,
    ) -> Result<Comment, Error> {
        let route = self
            .route(&[project, "_apis", "wit", "workItems", &id.to_string(), "comments"], Version::Comments);
        let body = Body::Json(json!({ "text": html }));
        let call = Call::write(format!("comment on work item {id}"), Method::POST, route, body, deadline);
        self.json::<RawComment>(call).await.map(RawComment::into_comment)
    }
}
