//! Files attached to work items (azure-devops.md section 7.8): uploaded first, then linked with [`Client::link`].

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::client::{Body, Call, Client, Wanted};
use crate::error::Error;
use crate::item::null_is_empty;
use crate::links::{Link, LinkTarget};
use crate::route::Version;

/// Longest file of the hosted service, in bytes; a server may be set lower (section 7.8).
pub const ATTACHMENT_LIMIT: u64 = 60 * 1024 * 1024;
/// Files up to this many bytes travel in one request, longer ones in pieces of it: this much is held in memory.
pub const ATTACHMENT_PIECE: usize = 4 * 1024 * 1024;

/// A file that was uploaded. It belongs to no work item until it is linked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Identity.
    pub id: String,
    /// Name of the file.
    pub name: String,
}

impl Attachment {
    /// The link that attaches it to a work item, see [`Client::link`].
    pub fn link(&self, comment: &str) -> Link {
        Link {
            target: LinkTarget::Attachment { id: self.id.clone() },
            comment: comment.to_owned(),
            name: self.name.clone(),
            size: None,
        }
    }
}

#[derive(Deserialize)]
struct RawAttachment {
    #[serde(default, deserialize_with = "null_is_empty")]
    id: String,
}

impl Client {
    /// Uploads `length` bytes of a file, reading no more than [`ATTACHMENT_PIECE`] at a time. Nothing leaves at or
    /// after `deadline`. A file that stays unlinked is of no harm.
    ///
    /// # Errors
    /// [`Error::NotSent`] if the file is longer than [`ATTACHMENT_LIMIT`], or shorter than was said; any other. After
    /// [`Error::UnknownOutcome`] upload it again: nobody sees the first one.
    pub async fn upload(
        &self,
        project: &str,
        name: &str,
        length: u64,
        mut content: impl AsyncRead + Unpin + Send,
        deadline: DateTime<Utc>,
    ) -> Result<Attachment, Error> {
        let operation = format!("upload the file {name}");
        if length > ATTACHMENT_LIMIT {
            let reason = format!("it has {length} bytes, and at most {ATTACHMENT_LIMIT} are taken");
            return Err(Error::NotSent { operation, reason });
        }
        let is_simple = length <= ATTACHMENT_PIECE as u64;
        let route = self
            .route(&[project, "_apis", "wit", "attachments"], Version::Released)
            .with("fileName", name)
            .with("uploadType", if is_simple { "simple" } else { "chunked" });
        let first = if is_simple { piece(&operation, &mut content, length).await? } else { Bytes::new() };
        let body = Body::File { bytes: first, range: None };
        let call = Call::write(operation.clone(), Method::POST, route, body, deadline);
        let made: RawAttachment = self.json(call).await?;
        if made.id.is_empty() {
            return Err(Error::UnknownOutcome { operation, reason: "the answer names no file".into() });
        }
        let mut sent = if is_simple { length } else { 0 };
        while sent < length {
            let bytes = piece(&operation, &mut content, (length - sent).min(ATTACHMENT_PIECE as u64)).await?;
            let next = sent + bytes.len() as u64;
            let range = Some(format!("bytes {sent}-{}/{length}", next - 1));
            let route = self
                .route(&[project, "_apis", "wit", "attachments", &made.id], Version::Released)
                .with("fileName", name);
            let body = Body::File { bytes, range };
            self.done(Call::write(operation.clone(), Method::PUT, route, body, deadline)).await?;
            sent = next;
        }
        Ok(Attachment { id: made.id, name: name.to_owned() })
    }

    /// The content of an attached file.
    ///
    /// # Errors
    /// [`Error::SignIn`] also where a page came back in place of the file (section 7.8); those of a read.
    pub async fn download(&self, project: &str, attachment: &str) -> Result<Bytes, Error> {
        let route = self.route(&[project, "_apis", "wit", "attachments", attachment], Version::Released);
        let mut call = Call::get(format!("download the attached file {attachment}"), route);
        call.wanted = Wanted::File;
        self.bytes(call).await
    }
}

/// Exactly so many bytes of a file, at most [`ATTACHMENT_PIECE`].
async fn piece(
    operation: &str,
    content: &mut (impl AsyncRead + Unpin + Send),
    length: u64,
) -> Result<Bytes, Error> {
    let mut bytes = Vec::new();
    let read = content.take(length).read_to_end(&mut bytes).await;
    let reason = match read {
        Ok(read) if read as u64 == length => return Ok(bytes.into()),
        Ok(read) => format!("the file ended {} bytes early", length - read as u64),
        Err(error) => format!("the file could not be read: {error}"),
    };
    Err(Error::NotSent { operation: operation.to_owned(), reason })
}
