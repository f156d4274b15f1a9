//! Live events: what changed, so that others read it again. They carry no content and grant nothing.

use std::convert::Infallible;
use std::time::Duration;

use api::{LiveEvent, LiveEventKind};
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use engine::EventKind;
use futures::{Stream, StreamExt as _};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;

/// A stream ends after this long. Browsers connect again by themselves, and who signed out meanwhile is noticed then.
const STREAM_LENGTH: Duration = Duration::from_secs(30 * 60);

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Changes as they happen (server-sent events)
///
/// Each event has the name `change` and a `LiveEvent` as its data. An event without `id` means that many changed.
#[utoipa::path(get, path = "/events", tag = "Operation",
    responses((status = 200, content_type = "text/event-stream", body = LiveEvent)))]
async fn events(State(app): State<App>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stop = app.stopping.clone();
    let ends = async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(STREAM_LENGTH) => {}
        }
    };
    let stream = BroadcastStream::new(app.engine.events())
        .flat_map(|received| {
            futures::stream::iter(match received {
                Ok(event) => vec![shown(&event)],
                // Too slow, events were lost: say that anything may have changed.
                Err(BroadcastStreamRecvError::Lagged(_)) => everything(),
            })
        })
        .filter_map(|event| async move { Event::default().event("change").json_data(event).ok().map(Ok) })
        .take_until(ends);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)).text("still here"))
}

fn shown(event: &engine::Event) -> LiveEvent {
    let kind = match event.kind {
        EventKind::Finding => LiveEventKind::Finding,
        EventKind::Ticket => LiveEventKind::Ticket,
        EventKind::Scan => LiveEventKind::Scan,
        EventKind::Job => LiveEventKind::Job,
        EventKind::Connection => LiveEventKind::Connection,
        EventKind::Configuration => LiveEventKind::Configuration,
        EventKind::Alarm => LiveEventKind::Alarm,
    };
    LiveEvent { kind, id: event.id }
}

fn everything() -> Vec<LiveEvent> {
    use LiveEventKind::{Alarm, Configuration, Connection, Finding, Job, Scan, Ticket};
    [Finding, Ticket, Scan, Job, Connection, Configuration, Alarm]
        .map(|kind| LiveEvent { kind, id: None })
        .to_vec()
}
