//! Everything that goes wrong leaves the server as one shape: [`api::Problem`] (RFC 9457).
//!
//! What a person can mend is said in full. What only an operator can mend is logged with its whole chain under a
//! reference, and the caller gets the reference alone.

use std::error::Error;

use api::{FieldProblem, Problem};
use axum::response::{IntoResponse, Response};
use engine::{Refusal, RefusalKind};
use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

/// Why a request was not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Box<Problem>,
    retry_after_seconds: Option<u64>,
}

/// Answer of a handler.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    /// A failure that the caller can mend.
    pub(crate) fn new(status: StatusCode, code: &str, title: &str, detail: &str, next_step: &str) -> Self {
        Self {
            problem: Box::new(Problem {
                kind: format!("urn:lockstep:problem:{code}"),
                code: code.to_owned(),
                status: status.as_u16(),
                title: title.to_owned(),
                detail: detail.to_owned(),
                next_step: next_step.to_owned(),
                fields: Vec::new(),
            }),
            retry_after_seconds: None,
        }
    }

    /// Names what is wrong with fields of the body.
    pub(crate) fn with_fields(mut self, fields: Vec<FieldProblem>) -> Self {
        self.problem.fields = fields;
        self
    }

    /// Says when to try again.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// No credentials, or none that are valid.
    pub(crate) fn not_signed_in() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "not_signed_in",
            "Not signed in",
            "The request carries no valid session and no valid API token.",
            "Sign in, or send `Authorization: Bearer <token>` with a token that has not expired.",
        )
    }

    /// There is nothing of that kind with that id.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Not found",
            &format!("There is no such {what}."),
            "Check the id; it may have been removed meanwhile.",
        )
    }

    /// The request makes no sense as it stands.
    pub(crate) fn invalid(detail: &str, next_step: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", "The request is not valid", detail, next_step)
    }

    /// Something broke here. The whole chain goes to the log, the reference to the caller.
    pub(crate) fn internal(error: &(dyn Error + 'static)) -> Self {
        let reference = Uuid::now_v7();
        tracing::error!(%reference, error = %chain(error), "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here",
            &format!("The server could not carry out the request. Reference: {reference}."),
            "Try again; if it stays, look for the reference in the server's log.",
        )
    }
}

/// An error with all its causes, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self.problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Board => StatusCode::BAD_GATEWAY,
            RefusalKind::Internal => return Self::internal(&refusal),
        };
        if refusal.source.is_some() {
            tracing::info!(code = refusal.code, error = %chain(&refusal), "refused");
        }
        let fields =
            refusal.fields.into_iter().map(|(pointer, detail)| FieldProblem { pointer, detail }).collect();
        Self::new(status, refusal.code, refusal.title, &refusal.detail, &refusal.next_step)
            .with_fields(fields)
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::internal(&error)
    }
}
