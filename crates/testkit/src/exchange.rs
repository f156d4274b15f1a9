//! From a request of the client to one of the emulator, and back.

use azure::{Request, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Requests that ask by POST.
const ASKED_BY_POST: [&str; 3] = ["wiql", "workitemsbatch", "permissionevaluationbatch"];

/// It would change something.
pub(crate) fn is_write(request: &Request) -> bool {
    let path = request.url.path().to_ascii_lowercase();
    request.method != Method::GET && !ASKED_BY_POST.iter().any(|read| path.ends_with(read))
}

/// The request as the emulator takes it.
pub(crate) fn asked(request: &Request) -> emulator::Request {
    let header =
        |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
    emulator::Request {
        method: request.method.to_string(),
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or_default().to_owned(),
        headers: request.headers.iter().map(header).collect(),
        body: request.body.to_vec(),
    }
}

/// The answer as the client takes it.
pub(crate) fn answered(answer: emulator::Response) -> Response {
    let mut headers = HeaderMap::new();
    for (name, value) in &answer.headers {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Response { status: StatusCode::from_u16(answer.status).unwrap(), headers, body: Bytes::from(answer.body) }
}
