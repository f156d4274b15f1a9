//! Tickets and their log.

use api::{Page, PageQuery, Ticket, TicketFilter, TicketHealth, TicketLogEntry};
use axum::extract::State;
use model::{AuditId, TicketId};
use store::views;
use store::views::history::Subject;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_tickets))
        .routes(routes!(get_ticket))
        .routes(routes!(ticket_log))
        .routes(routes!(retry_ticket))
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
                "Use in_step, waiting, pending, over_budget, conflict, retrying, parked, missing or closed, \
                 separated by commas.",
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

async fn read_ticket(app: &App, id: TicketId) -> Answer<Ticket> {
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
