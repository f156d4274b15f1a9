//! Body, query and path of a request, refused with a [`Failure`] that says which field and why.

use api::FieldProblem;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::problem::Failure;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let is_json =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
                |value| {
                    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                    essence == "application/json"
                        || (essence.starts_with("application/") && essence.ends_with("+json"))
                },
            );
        if !is_json {
            // Also keeps a page of another site from posting a form here.
            return Err(Failure::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body is not JSON",
                "The request does not say that its body is JSON.",
                "Send `Content-Type: application/json`.",
            ));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable_body)?;
        let mut deserializer = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| invalid_body(&error.path().to_string(), error.inner()))?;
        deserializer.end().map_err(|error| invalid_body(".", &error))?;
        Ok(Self(value))
    }
}

/// A body of any type, at most as long as the route's limit, or why it cannot be read.
pub(crate) fn unreadable_body(rejection: BytesRejection) -> Failure {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body is too large",
            "The body is longer than this route takes (1 MiB).",
            "Send less. Reports go to `POST /api/v1/imports`.",
        )
    } else {
        Failure::invalid("The body could not be read to its end.", "Send the request again.")
    }
}

fn invalid_body(path: &str, error: &serde_json::Error) -> Failure {
    let pointer = pointer(path);
    let failure = Failure::new(
        StatusCode::BAD_REQUEST,
        "invalid_request",
        "The body is not valid",
        &if pointer.is_empty() { error.to_string() } else { format!("{pointer}: {error}") },
        "Correct the body and send it again; the shape is described by `GET /api/v1/openapi.json`.",
    );
    if pointer.is_empty() {
        failure
    } else {
        failure.with_fields(vec![FieldProblem { pointer, detail: error.to_string() }])
    }
}

/// `criteria.asset_tags[1]` as the JSON pointer `/criteria/asset_tags/1`; empty for the whole body.
fn pointer(path: &str) -> String {
    if path == "." || path.is_empty() {
        return String::new();
    }
    let path = path.replace('~', "~0").replace('/', "~1");
    let mut pointer = String::new();
    for step in path.split('.') {
        let mut parts = step.split('[');
        if let Some(name) = parts.next().filter(|name| !name.is_empty()) {
            pointer.push('/');
            pointer.push_str(name);
        }
        for index in parts {
            pointer.push('/');
            pointer.push_str(index.trim_end_matches(']'));
        }
    }
    pointer
}

/// The query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Failure))]
pub(crate) struct Query<T>(pub(crate) T);

impl From<QueryRejection> for Failure {
    fn from(rejection: QueryRejection) -> Self {
        Self::invalid(
            &rejection.body_text(),
            "Correct the query; its parameters are described by `GET /api/v1/openapi.json`.",
        )
    }
}

/// Parts of the path.
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        axum::extract::Path::from_request_parts(parts, state).await.map(|path| Self(path.0)).map_err(
            |rejection: PathRejection| {
                Failure::invalid(
                    &format!("The path names something that cannot exist: {}.", rejection.body_text()),
                    "Take the id from a list of the API.",
                )
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::pointer;

    #[test]
    fn a_path_of_the_parser_becomes_a_json_pointer() {
        assert_eq!(pointer("."), "");
        assert_eq!(pointer("criteria.asset_tags[1]"), "/criteria/asset_tags/1");
        assert_eq!(pointer("status_map.a/b"), "/status_map/a~1b");
    }
}
