//! What people do with tickets by hand.

use api::{
    AddFindings, ChosenTickets, CloseTickets, ClosingGroup, ClosingStates, HandledTicket, HandledTickets,
    InitialStates, MergeTicket, MoveTicket, NewTicket, SplitTicket, Ticket,
};
use axum::extract::State;
use http::StatusCode;
use model::{DestinationId, TicketId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tickets::read_ticket;
use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path};
use crate::problem::Answer;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create_ticket))
        .routes(routes!(initial_states))
        .routes(routes!(closing_states))
        .routes(routes!(close_tickets))
        .routes(routes!(push_tickets))
        .routes(routes!(add_findings))
        .routes(routes!(split_ticket))
        .routes(routes!(merge_ticket))
        .routes(routes!(move_ticket))
        .routes(routes!(release_ticket))
}

fn shown(rows: Vec<engine::Handled>) -> Vec<HandledTicket> {
    let row = |row: engine::Handled| HandledTicket { id: row.ticket, title: row.title, refused: row.refused };
    rows.into_iter().map(row).collect()
}

/// Make one ticket for chosen findings
///
/// Its work item is created by the next pass, within the destination's budget.
#[utoipa::path(post, path = "/tickets", tag = "Tickets", request_body = NewTicket,
    responses((status = 201, body = Ticket)))]
async fn create_ticket(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewTicket>,
) -> Answer<(StatusCode, axum::Json<Ticket>)> {
    let new = engine::NewTicket { findings: new.findings, destination: new.destination, state: new.state };
    let id = app.engine.create_ticket(new, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_ticket(&app, id).await?)))
}

/// The states that a new work item of a destination may be given
#[utoipa::path(get, path = "/destinations/{id}/initial-states", tag = "Tickets", params(("id" = DestinationId, Path)),
    responses((status = 200, body = InitialStates)))]
async fn initial_states(
    State(app): State<App>,
    Path(id): Path<DestinationId>,
) -> Answer<axum::Json<InitialStates>> {
    Ok(axum::Json(InitialStates { states: app.engine.initial_states(id).await? }))
}

/// In which states tickets can be closed, by project and type
///
/// Nothing is changed.
#[utoipa::path(post, path = "/tickets/closing-states", tag = "Tickets", request_body = ChosenTickets,
    responses((status = 200, body = ClosingStates)))]
async fn closing_states(
    State(app): State<App>,
    Json(chosen): Json<ChosenTickets>,
) -> Answer<axum::Json<ClosingStates>> {
    let offer = app.engine.closing_states(&chosen.tickets).await?;
    let group = |group: engine::ClosingGroup| ClosingGroup {
        project: group.project,
        work_item_type: group.work_item_type,
        tickets: group.tickets,
        states: group.states,
        differing: group.differing,
    };
    Ok(axum::Json(ClosingStates {
        groups: offer.groups.into_iter().map(group).collect(),
        shared: offer.shared,
        refused: shown(offer.refused),
    }))
}

/// Close many tickets
///
/// What the state says is what becomes of their findings; the cards follow. One that cannot be closed keeps none from it.
#[utoipa::path(post, path = "/tickets/close", tag = "Tickets", request_body = CloseTickets,
    responses((status = 200, body = HandledTickets)))]
async fn close_tickets(
    State(app): State<App>,
    caller: Caller,
    Json(close): Json<CloseTickets>,
) -> Answer<axum::Json<HandledTickets>> {
    let choices: Vec<engine::ClosingChoice> = close
        .choices
        .into_iter()
        .map(|choice| engine::ClosingChoice { tickets: choice.tickets, state: choice.state })
        .collect();
    let rows = app.engine.close_tickets(&choices, close.reason.as_deref(), &caller.actor()).await?;
    Ok(axum::Json(HandledTickets { tickets: shown(rows) }))
}

/// Look at many tickets now, and try again what failed
#[utoipa::path(post, path = "/tickets/push", tag = "Tickets", request_body = ChosenTickets,
    responses((status = 200, body = HandledTickets)))]
async fn push_tickets(
    State(app): State<App>,
    caller: Caller,
    Json(chosen): Json<ChosenTickets>,
) -> Answer<axum::Json<HandledTickets>> {
    let rows = app.engine.push_tickets(&chosen.tickets, &caller.actor()).await?;
    Ok(axum::Json(HandledTickets { tickets: shown(rows) }))
}

/// Add findings to a ticket
#[utoipa::path(post, path = "/tickets/{id}/findings", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = AddFindings, responses((status = 200, body = Ticket)))]
async fn add_findings(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(add): Json<AddFindings>,
) -> Answer<axum::Json<Ticket>> {
    app.engine.add_findings(id, &add.findings, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}

/// Give some findings of a ticket a ticket of their own
///
/// The answer is the new ticket. Both work items say so, and are linked.
#[utoipa::path(post, path = "/tickets/{id}/split", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = SplitTicket, responses((status = 201, body = Ticket)))]
async fn split_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(split): Json<SplitTicket>,
) -> Answer<(StatusCode, axum::Json<Ticket>)> {
    let state = split.state.as_deref();
    let actor = caller.actor();
    let new = app.engine.split_ticket(id, &split.findings, state, &split.reason, &actor).await?;
    Ok((StatusCode::CREATED, axum::Json(read_ticket(&app, new).await?)))
}

/// Put the findings of a ticket into another one
///
/// Its work item is closed as a duplicate, and the ticket ends. The answer is the other ticket.
#[utoipa::path(post, path = "/tickets/{id}/merge", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = MergeTicket, responses((status = 200, body = Ticket)))]
async fn merge_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(merge): Json<MergeTicket>,
) -> Answer<axum::Json<Ticket>> {
    app.engine.merge_tickets(id, merge.into, &caller.actor()).await?;
    read_ticket(&app, merge.into).await.map(axum::Json)
}

/// Move a ticket to another destination of its connection
///
/// In the same project and type the work item stays and gets the other area; else it is closed, and a new one is made
/// there, linked to it.
#[utoipa::path(post, path = "/tickets/{id}/move", tag = "Tickets", params(("id" = TicketId, Path)),
    request_body = MoveTicket, responses((status = 200, body = Ticket)))]
async fn move_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
    Json(to): Json<MoveTicket>,
) -> Answer<axum::Json<Ticket>> {
    app.engine.move_ticket(id, to.destination, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}

/// End a ticket
///
/// Its work item is left as it is; its findings have no ticket from then on, until a person asks.
#[utoipa::path(post, path = "/tickets/{id}/release", tag = "Tickets", params(("id" = TicketId, Path)),
    responses((status = 200, body = Ticket)))]
async fn release_ticket(
    State(app): State<App>,
    Path(id): Path<TicketId>,
    caller: Caller,
) -> Answer<axum::Json<Ticket>> {
    app.engine.release_ticket(id, &caller.actor()).await?;
    read_ticket(&app, id).await.map(axum::Json)
}
