//! One HTTP exchange, without retries and without redirects.
//!
//! The one promise that matters: [`TransportError::NotSent`] is only given when it is certain that nothing of the
//! request reached the other side. Whatever happens after a connection stood is [`TransportError::NoAnswer`], because
//! the service may have acted on it (design.md section 4, rule 1).

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// Carries requests to the service.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends once and waits for the whole answer, at most until `request.deadline`.
    ///
    /// # Errors
    /// No answer was received; the variant says whether the request may have arrived.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

/// What is sent.
pub struct Request {
    /// Verb.
    pub method: Method,
    /// Address with its query.
    pub url: Url,
    /// Headers; credentials are marked sensitive and are left out of debug output.
    pub headers: HeaderMap,
    /// Body, empty for none.
    pub body: Bytes,
    /// Nothing may leave at or after this moment, and no answer is waited for after it.
    pub deadline: DateTime<Utc>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body of a token request is a secret, so only its length is shown.
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &self.url.as_str())
            .field("body_length", &self.body.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Response {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, decompressed.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `X-VSS-UserData` names the caller (azure-devops.md section 3): headers are not shown.
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// There is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing left: the name has no address, the address is refused, nobody listens there, or it was too late.
    #[error("nothing was sent: {0}")]
    NotSent(String),
    /// The request may have arrived, but no complete answer came back.
    #[error("no complete answer came back: {0}")]
    NoAnswer(String),
}
