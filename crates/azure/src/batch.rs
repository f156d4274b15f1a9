//! Many writes in one request (azure-devops.md section 7.6).
//!
//! The route is thinly documented, so nothing is believed that was not looked at: every code is read, and where only a
//! part succeeded, the rest of the world decides — the items are read again, because a service that undoes the whole
//! batch on one failure has been described too.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::WorkItemId;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{self, Effect};
use crate::client::{Body, Call, Client, is_version_refused};
use crate::discovery::Listed;
use crate::error::Error;
use crate::item::Item;
use crate::route::Version;
use crate::transport::Response;
use crate::work_items::Write;

/// After the service refused a batch as a whole, writes go one by one for this long.
const ASK_AGAIN: Duration = Duration::minutes(30);

/// Writes per request. The service's own limit is not documented; this one is reported.
pub const WRITE_BATCH: usize = 200;

#[derive(Deserialize)]
struct RawOutcome {
    code: u16,
    /// JSON in a string, as recorded; an object is taken too.
    #[serde(default)]
    body: Value,
}

impl Client {
    /// Sends up to [`WRITE_BATCH`] writes in one request and gives one result per write, in their order. Where the
    /// service does not take batches, they are sent one by one, and for a while it is not asked again. Nothing leaves at or after `deadline`.
    ///
    /// The items that come back may lack their links: this route knows no expansion.
    ///
    /// # Errors
    /// The fate of all of them: after [`Error::UnknownOutcome`] each may have been applied; after any other, none.
    pub async fn write_batch(
        &self,
        writes: &[Write<'_>],
        deadline: DateTime<Utc>,
    ) -> Result<Vec<Result<Item, Error>>, Error> {
        let operation = format!("write {} work items in one request", writes.len());
        if writes.len() > WRITE_BATCH {
            let reason = format!("at most {WRITE_BATCH} fit");
            return Err(Error::NotSent { operation, reason });
        }
        if writes.len() <= 1 || !self.takes_batches() {
            let mut results = Vec::with_capacity(writes.len());
            for write in writes {
                results.push(self.write(write, deadline).await);
            }
            return Ok(results);
        }
        // What cannot be sent gets its error here; the others travel.
        let mut results: BTreeMap<usize, Result<Item, Error>> = BTreeMap::new();
        let mut travelling = Vec::new();
        let mut requests = Vec::new();
        for (place, write) in writes.iter().enumerate() {
            match self.entry(place, write) {
                Ok(request) => {
                    travelling.push(place);
                    requests.push(request);
                }
                Err(error) => {
                    results.insert(place, Err(error));
                }
            }
        }
        if !requests.is_empty() {
            let spoken = self.generation();
            let route = self.route(&["_apis", "wit", "$batch"], Version::Released);
            let body = Body::Json(Value::Array(requests));
            let call = Call::write(operation.clone(), Method::POST, route, body, deadline);
            match self.json::<Listed<RawOutcome>>(call).await {
                Ok(outcomes) if outcomes.value.len() == travelling.len() => {
                    for (place, outcome) in travelling.into_iter().zip(outcomes.value) {
                        results.insert(place, judge(&writes[place].operation(), outcome, self.now()));
                    }
                    if self.generation() != spoken {
                        self.repeat_in_its_version(writes, &mut results, deadline).await;
                    }
                    if results.values().any(|result| matches!(result, Err(Error::Rejected { .. }))) {
                        self.forget_definitions();
                    }
                    self.doubt_a_part(writes, &mut results).await;
                }
                Ok(outcomes) => {
                    let reason =
                        format!("{} of {} answers came back", outcomes.value.len(), travelling.len());
                    return Err(Error::UnknownOutcome { operation, reason });
                }
                // Refused as a whole: the route is missing or does not take this. Nothing was applied.
                Err(Error::NotFound { .. } | Error::Rejected { .. }) => {
                    self.refused_a_batch(self.now() + ASK_AGAIN);
                    for place in travelling {
                        results.insert(place, self.write(&writes[place], deadline).await);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(results.into_values().collect())
    }

    /// The batch itself was the first request that a server refused for its version. Those within were written in
    /// the same version and refused likewise, before anything was applied.
    async fn repeat_in_its_version(
        &self,
        writes: &[Write<'_>],
        results: &mut BTreeMap<usize, Result<Item, Error>>,
        deadline: DateTime<Utc>,
    ) {
        for (place, result) in results {
            if is_version_refused(result) {
                *result = self.write(&writes[*place], deadline).await;
            }
        }
    }

    fn entry(&self, place: usize, write: &Write<'_>) -> Result<Value, Error> {
        let mut patch = write.patch(self)?;
        if matches!(write, Write::Create { .. }) {
            // Each new item needs a number of its own within the request.
            let number = format!("-{}", place + 1);
            patch.insert(0, json!({ "op": "add", "path": "/id", "value": number }));
        }
        let url = write
            .route(self)
            .finish(self.generation())
            .map_err(|reason| Error::NotSent { operation: write.operation(), reason })?;
        let below = url.path().strip_prefix(self.base().path()).unwrap_or(url.path());
        Ok(json!({
            "method": "PATCH",
            "uri": format!("/{}?{}", below.trim_start_matches('/'), url.query().unwrap_or_default()),
            "headers": { "Content-Type": "application/json-patch+json" },
            "body": patch,
        }))
    }

    /// Where some failed, the others are believed only if they can be read at the revision that was promised.
    async fn doubt_a_part(&self, writes: &[Write<'_>], results: &mut BTreeMap<usize, Result<Item, Error>>) {
        if results.values().all(Result::is_ok) {
            return;
        }
        let ids: Vec<WorkItemId> =
            results.values().filter_map(|result| result.as_ref().ok().map(Item::id)).collect();
        if ids.is_empty() {
            return;
        }
        let read = self.read(&ids).await;
        for (place, result) in results.iter_mut() {
            let Ok(item) = result else { continue };
            let reason = match &read {
                Ok(items) => {
                    let is_there =
                        items.iter().any(|now| now.id() == item.id() && now.revision() >= item.revision());
                    if is_there {
                        continue;
                    }
                    "others in the same request failed, and what was promised for it cannot be read"
                        .to_owned()
                }
                Err(error) => {
                    format!("others in the same request failed, and it could not be read again: {error}")
                }
            };
            *result = Err(Error::UnknownOutcome { operation: writes[*place].operation(), reason });
        }
    }
}

fn judge(operation: &str, outcome: RawOutcome, now: DateTime<Utc>) -> Result<Item, Error> {
    let unknown = |reason: String| Error::UnknownOutcome { operation: operation.to_owned(), reason };
    let body = match outcome.body {
        Value::String(text) => text,
        Value::Null => String::new(),
        value => value.to_string(),
    };
    let status = StatusCode::from_u16(outcome.code)
        .map_err(|_| unknown(format!("its answer has the code {}", outcome.code)))?;
    if status.is_success() {
        return serde_json::from_str(&body)
            .map_err(|error| unknown(format!("its answer could not be read: {error}")));
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = Response { status, headers, body: body.into() };
    Err(answer::refuse(operation, Effect::Write, &response, now))
}
