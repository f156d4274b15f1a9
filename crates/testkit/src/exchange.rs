//! From a request of the client to one of the emulator, and back.

use azure::{Request, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

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

/// It holds several writes in one (azure-devops.md section 7.6).
pub(crate) fn is_batch(request: &Request) -> bool {
    request.url.path().to_ascii_lowercase().ends_with("/wit/$batch")
}

/// The places of the writes of a batch whose answers are replaced, each with its code, and whether it is carried out all
/// the same.
pub(crate) struct Spoilt {
    pub(crate) place: usize,
    pub(crate) code: u16,
    pub(crate) is_carried_out: bool,
}

/// How many writes a batch holds.
pub(crate) fn batch_size(request: &emulator::Request) -> usize {
    serde_json::from_slice::<Vec<Value>>(&request.body).map_or(0, |writes| writes.len())
}

/// Carries out a batch of which some writes are spoilt.
pub(crate) fn carry_out_in_part(
    mut request: emulator::Request,
    spoilt: &[Spoilt],
    carry_out: impl FnOnce(emulator::Request) -> emulator::Response,
) -> emulator::Response {
    let writes: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
    let of = |place: usize| spoilt.iter().find(|spoilt| spoilt.place == place);
    let travels = |place: usize| of(place).is_none_or(|spoilt| spoilt.is_carried_out);
    let travelling: Vec<&Value> =
        writes.iter().enumerate().filter(|(place, _)| travels(*place)).map(|(_, write)| write).collect();
    request.body = serde_json::to_vec(&travelling).unwrap();
    let mut answer = carry_out(request);
    if answer.status != 200 {
        return answer;
    }
    let mut carried_out = answer.json()["value"].as_array().cloned().unwrap_or_default().into_iter();
    let outcomes: Vec<Value> = (0..writes.len())
        .map(|place| {
            let outcome = if travels(place) { carried_out.next() } else { None };
            match of(place) {
                Some(spoilt) => {
                    json!({ "code": spoilt.code, "body": json!({ "message": "It cannot be done." }).to_string() })
                }
                None => outcome.expect("one outcome for each"),
            }
        })
        .collect();
    answer.body = json!({ "count": outcomes.len(), "value": outcomes }).to_string().into_bytes();
    answer
}
