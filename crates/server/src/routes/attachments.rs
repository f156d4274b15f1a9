//! Files of tickets.

use api::{Attachment, AttachmentOptions};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use model::attachment::SIZE_LIMIT;
use model::{AttachmentId, TicketId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Path, Query, unreadable_body};
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    // One byte more than is taken, so that who sends too much is told by how much.
    let attaching = OpenApiRouter::new()
        .routes(routes!(list_attachments, attach))
        .layer(DefaultBodyLimit::max(SIZE_LIMIT + 1));
    OpenApiRouter::new().merge(attaching).routes(routes!(read_attachment, delete_attachment))
}

/// Files of a ticket and its work item
#[utoipa::path(get, path = "/tickets/{id}/attachments", tag = "Tickets", params(("id" = TicketId, Path)),
    responses((status = 200, body = Vec<Attachment>)))]
async fn list_attachments(
    State(app): State<App>,
    Path(id): Path<TicketId>,
) -> Answer<axum::Json<Vec<Attachment>>> {
    listed(&app, id).await.map(axum::Json)
}

async fn listed(app: &App, id: TicketId) -> Answer<Vec<Attachment>> {
    let mut tx = app.db.read().await?;
    let ticket = store::tickets::get(&mut tx, id).await?.ok_or_else(|| Failure::not_found("ticket"))?;
    let rows = store::attachments::of_ticket(&mut tx, id).await?;
    let on_board = ticket.work_item.map(|item| item.attachments).unwrap_or_default();
    Ok(translate::attachments(rows, &on_board))
}

/// Attach a file to a ticket and its work item
///
/// At most 10 MiB. The body is the file.
#[utoipa::path(post, path = "/tickets/{id}/attachments", tag = "Tickets",
    params(("id" = TicketId, Path), AttachmentOptions),
    request_body(content_type = "application/octet-stream", content = Vec<u8>, description = "The file"),
    responses((status = 201, body = Vec<Attachment>)))]
async fn attach(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    Query(options): Query<AttachmentOptions>,
    caller: Caller,
    content: Result<Bytes, BytesRejection>,
) -> Answer<(StatusCode, axum::Json<Vec<Attachment>>)> {
    let content = content.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Failure::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The file is too large",
            "The file is larger than 10 MiB.",
            "Attach a smaller one, or put it where the team can reach it and comment with its address.",
        ),
        _ => unreadable_body(rejection),
    })?;
    let new =
        engine::NewAttachment { name: options.name, content: content.into(), is_private: options.private };
    app.engine.attach(id, new, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(listed(&app, id).await?)))
}

/// Download a file of a ticket
#[utoipa::path(get, path = "/tickets/{id}/attachments/{attachment}", tag = "Tickets",
    params(("id" = TicketId, Path), ("attachment" = AttachmentId, Path)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
async fn read_attachment(
    State(app): State<App>,
    Path((id, attachment)): Path<(TicketId, AttachmentId)>,
) -> Answer<Response> {
    let mut tx = app.db.read().await?;
    let file = store::attachments::get(&mut tx, attachment).await?;
    let Some(file) = file.filter(|file| file.ticket_id == id && file.deleted_at.is_none()) else {
        return Err(Failure::not_found("attachment"));
    };
    let content = store::attachments::content(&mut tx, attachment).await?;
    // Whatever was attached is saved, never shown: it could be a page with scripts (RFC 6266 for the name).
    let name = utf8_percent_encode(&file.name, NON_ALPHANUMERIC);
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'".to_owned()),
    ];
    Ok((headers, content).into_response())
}

/// Delete a file of a ticket, also from the work item
#[utoipa::path(delete, path = "/tickets/{id}/attachments/{attachment}", tag = "Tickets",
    params(("id" = TicketId, Path), ("attachment" = AttachmentId, Path)), responses((status = 204)))]
async fn delete_attachment(
    State(app): State<App>,
    Path((id, attachment)): Path<(TicketId, AttachmentId)>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_attachment(id, attachment, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
