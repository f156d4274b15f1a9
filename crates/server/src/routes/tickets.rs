//! Tickets and their log.

use api::{
    Comment, CommentChange, ConflictChoice, ConflictDecision, NewComment, Page, PageQuery, Ticket,
    TicketFilter, TicketHealth, TicketLogEntry,
};
use axum::extract::State;
use http::StatusCode;
use model::following::Repair;
use model::merge::Field;
use model::{AuditId, CommentId, TicketId};
use store::views;
use store::views::history::Subject;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tickets))
        .routes(routes!(get_ticket))
        .routes(routes!(ticket_log))
        .routes(routes!(retry_ticket))
        .routes(routes!(resolve_conflict))
        .routes(routes!(list_comments, write_comment))
        .routes(routes!(change_comment, delete_comment))
        .routes(routes!(repair_ticket))
}

/// Tickets, newest first
#[utoipa::path(get, path = "/tickets", tag = "Tickets", params(TicketFilter),
    responses((status = 200, body = Page<Ticket>)))]
async fn list_tickets(
    State(app): State<App>,
    Query(query): Query<TicketFilter>,
) -> Answer<axum::Json<Page<Ticket>>> {
    let paging: Paging<TicketId> = Paging::of("tickets", query.cursor.as_deref(), query.limit)?;
    let filter = views::tickets::TicketFilter {
        healths: healths(query.health.as_deref())?,
        destination: query.destination,
        assignee: query.assignee.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()),
        text: query.q.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()),
    };
    let mut tx = app.db.read().await?;
    let rows = views::tickets::page(&mut tx, &filter, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, translate::ticket)?))
}

fn healths(list: Option<&str>) -> Answer<Vec<String>> {
    let mut healths = Vec::new();
    for word in list.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if translate::parse_word::<TicketHealth>(word).is_none() {
            return Err(Failure::invalid(
                &format!("`health`: '{word}' is not a health of a ticket."),
                "Use in_step, waiting, pending, over_budget, conflict, retrying, parked, held, missing, deleted, \
                 destroyed, moved, type_changed, merged, copied, released or closed, separated by commas.",
            ));
        }
        if !healths.iter().any(|known| known == word) {
            healths.push(word.to_owned());
        }
    }
    Ok(healths)
}

/// One ticket
#[utoipa::path(get, path = "/tickets/{id}", tag = "Tickets", params(("id" = TicketId, Path)),
    responses((status = 200, body = Ticket)))]
async fn get_ticket(State(app): State<App>, Path(id): Path<TicketId>) -> Answer<axum::Json<Ticket>> {
    read_ticket(&app, id).await.map(axum::Json)
}

pub(super) async fn read_ticket(app: &App, id: TicketId) -> Answer<Ticket> {
    let mut tx = app.db.read().await?;
    let row = views::tickets::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("ticket"))?;
    translate::ticket(row)
}

/// What happened to a ticket and its work item, newest first
#[utoipa::path(get, path = "/tickets/{id}/log", tag = "Tickets", params(("id" = TicketId, Path), PageQuery),
    responses((status = 200, body = Page<TicketLogEntry>)))]
async fn ticket_log(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    Query(query): Query<PageQuery>,
) -> Answer<axum::Json<Page<TicketLogEntry>>> {
    let paging: Paging<AuditId> = Paging::of("ticket log", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    if views::tickets::one(&mut tx, id).await?.is_none() {
        return Err(Failure::not_found("ticket"));
    }
    let rows = views::history::page(&mut tx, Subject::Ticket, id.0, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, translate::ticket_log_entry)?))
}

/// Try a parked ticket again
#[utoipa::path(post, path = "/tickets/{id}/retry", tag = "Tickets", params(("id" = TicketId, Path)),
    responses((status = 200, body = Ticket)))]
async fn retry_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
) -> Answer<axum::Json<Ticket>> {
    app.engine.retry_ticket(id, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}

/// Decide a conflict of a ticket
#[utoipa::path(post, path = "/tickets/{id}/conflicts/{field}", tag = "Tickets",
    params(("id" = TicketId, Path), ("field" = String, Path, description = "`key` of the conflict")),
    request_body = ConflictDecision, responses((status = 200, body = Ticket)))]
async fn resolve_conflict(
    State(app): State<App>,
    Path((id, field)): Path<(TicketId, String)>,
    caller: Caller,
    Json(decision): Json<ConflictDecision>,
) -> Answer<axum::Json<Ticket>> {
    let Ok(field) = field.parse::<Field>() else {
        return Err(Failure::invalid(
            &format!("'{field}' is no field on which both sides may differ."),
            "Use title, priority, severity, due_date, description or state.",
        ));
    };
    let resolution = match decision.take {
        ConflictChoice::Ours => engine::Resolution::TakeOurs,
        ConflictChoice::Theirs => engine::Resolution::KeepTheirs,
    };
    app.engine.resolve_conflict(id, field, resolution, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}

/// What people said about a ticket, here and on the board, oldest first
#[utoipa::path(get, path = "/tickets/{id}/comments", tag = "Tickets", params(("id" = TicketId, Path)),
    responses((status = 200, body = Vec<Comment>)))]
async fn list_comments(State(app): State<App>, Path(id): Path<TicketId>) -> Answer<axum::Json<Vec<Comment>>> {
    read_comments(&app, id).await.map(axum::Json)
}

async fn read_comments(app: &App, id: TicketId) -> Answer<Vec<Comment>> {
    let mut tx = app.db.read().await?;
    if views::tickets::one(&mut tx, id).await?.is_none() {
        return Err(Failure::not_found("ticket"));
    }
    let rows = store::comments::of_ticket(&mut tx, id).await?;
    Ok(rows.into_iter().filter(|row| row.deleted_at.is_none()).map(translate::comment).collect())
}

/// Comment on a ticket and its work item, or write a private note
#[utoipa::path(post, path = "/tickets/{id}/comments", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = NewComment, responses((status = 201, body = Vec<Comment>)))]
async fn write_comment(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(new): Json<NewComment>,
) -> Answer<(StatusCode, axum::Json<Vec<Comment>>)> {
    let new = engine::NewComment { text: new.text, is_private: new.private };
    app.engine.write_comment(id, new, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_comments(&app, id).await?)))
}

/// Change a comment that you wrote here
#[utoipa::path(patch, path = "/tickets/{id}/comments/{comment}", tag = "Tickets",
    params(("id" = TicketId, Path), ("comment" = CommentId, Path)), request_body = CommentChange,
    responses((status = 200, body = Vec<Comment>)))]
async fn change_comment(
    State(app): State<App>,
    Path((id, comment)): Path<(TicketId, CommentId)>,
    caller: Caller,
    Json(change): Json<CommentChange>,
) -> Answer<axum::Json<Vec<Comment>>> {
    app.engine.edit_comment(id, comment, &change.text, &caller.actor()).await?;
    read_comments(&app, id).await.map(axum::Json)
}

/// Delete a comment that you wrote here, also on the board
#[utoipa::path(delete, path = "/tickets/{id}/comments/{comment}", tag = "Tickets",
    params(("id" = TicketId, Path), ("comment" = CommentId, Path)), responses((status = 204)))]
async fn delete_comment(
    State(app): State<App>,
    Path((id, comment)): Path<(TicketId, CommentId)>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_comment(id, comment, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Mend a ticket whose work item is not as it should be
///
/// The ticket says which mends are offered. It is carried out once nothing of the ticket is under way any more.
#[utoipa::path(post, path = "/tickets/{id}/repair", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = Repair, responses((status = 200, body = Ticket)))]
async fn repair_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(repair): Json<Repair>,
) -> Answer<axum::Json<Ticket>> {
    app.engine.repair_ticket(id, repair, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}
