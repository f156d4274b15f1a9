//! Acceptances.

use api::{Acceptance, AcceptanceFilter, ExtendAcceptance, NewAcceptance, Page, PageQuery, RevokeAcceptance};
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use model::AcceptanceId;
use model::acceptance::{AcceptancePolicy, AcceptanceState, Terms};
use store::acceptances::AcceptanceRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::findings::words;
use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_acceptances, grant_acceptance))
        .routes(routes!(get_acceptance))
        .routes(routes!(extend_acceptance))
        .routes(routes!(revoke_acceptance))
        .routes(routes!(get_acceptance_policy, set_acceptance_policy))
}

/// Acceptances, newest first
#[utoipa::path(get, path = "/acceptances", tag = "Acceptances", params(AcceptanceFilter, PageQuery),
    responses((status = 200, body = Page<Acceptance>)))]
async fn list_acceptances(
    State(app): State<App>,
    Query(filter): Query<AcceptanceFilter>,
    Query(page): Query<PageQuery>,
) -> Answer<axum::Json<Page<Acceptance>>> {
    let now = app.now();
    let states = words::<AcceptanceState>("state", filter.state.as_deref())?;
    let paging: Paging<AcceptanceId> = Paging::of("acceptances", page.cursor.as_deref(), page.limit)?;
    let mut tx = app.db.read().await?;
    let rows = store::acceptances::page(&mut tx, &states, now, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.acceptance.id, |row| Ok(shown(row, now)))?))
}

/// Accept the risk of some findings
///
/// All of them or none. Their tickets are closed as the destinations say.
#[utoipa::path(post, path = "/acceptances", tag = "Acceptances", request_body = NewAcceptance,
    responses((status = 201, body = Acceptance)))]
async fn grant_acceptance(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAcceptance>,
) -> Answer<(StatusCode, axum::Json<Acceptance>)> {
    let NewAcceptance { findings, reason, evidence, link, until, at_end, then } = new;
    let terms = Terms { reason, evidence, link, until, at_end, then };
    let id = app.engine.grant_acceptance(terms, &findings, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// One acceptance
#[utoipa::path(get, path = "/acceptances/{id}", tag = "Acceptances", params(("id" = AcceptanceId, Path)),
    responses((status = 200, body = Acceptance)))]
async fn get_acceptance(
    State(app): State<App>,
    Path(id): Path<AcceptanceId>,
) -> Answer<axum::Json<Acceptance>> {
    read(&app, id).await.map(axum::Json)
}

/// Give an acceptance another end
///
/// It counts for all findings that it covers now, and is said on their tickets.
#[utoipa::path(post, path = "/acceptances/{id}/extend", tag = "Acceptances", params(("id" = AcceptanceId, Path)),
    request_body = ExtendAcceptance, responses((status = 200, body = Acceptance)))]
async fn extend_acceptance(
    State(app): State<App>,
    Path(id): Path<AcceptanceId>,
    caller: Caller,
    Json(to): Json<ExtendAcceptance>,
) -> Answer<axum::Json<Acceptance>> {
    app.engine.extend_acceptance(id, to.until, &to.reason, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Take an acceptance back
///
/// Its findings are what they were before, and their tickets are reopened as the destinations say.
#[utoipa::path(post, path = "/acceptances/{id}/revoke", tag = "Acceptances", params(("id" = AcceptanceId, Path)),
    request_body = RevokeAcceptance, responses((status = 200, body = Acceptance)))]
async fn revoke_acceptance(
    State(app): State<App>,
    Path(id): Path<AcceptanceId>,
    caller: Caller,
    Json(why): Json<RevokeAcceptance>,
) -> Answer<axum::Json<Acceptance>> {
    app.engine.revoke_acceptance(id, &why.reason, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// How far acceptances may go
#[utoipa::path(get, path = "/acceptance-policy", tag = "Acceptances",
    responses((status = 200, body = AcceptancePolicy)))]
async fn get_acceptance_policy(State(app): State<App>) -> Answer<axum::Json<AcceptancePolicy>> {
    let mut tx = app.db.read().await?;
    Ok(axum::Json(store::acceptances::policy(&mut tx).await?))
}

/// Decide how far acceptances may go
///
/// Those that were granted stay as they are.
#[utoipa::path(put, path = "/acceptance-policy", tag = "Acceptances", request_body = AcceptancePolicy,
    responses((status = 200, body = AcceptancePolicy)))]
async fn set_acceptance_policy(
    State(app): State<App>,
    caller: Caller,
    Json(policy): Json<AcceptancePolicy>,
) -> Answer<axum::Json<AcceptancePolicy>> {
    app.engine.set_acceptance_policy(policy, &caller.actor()).await?;
    Ok(axum::Json(policy))
}

async fn read(app: &App, id: AcceptanceId) -> Answer<Acceptance> {
    let mut tx = app.db.read().await?;
    let row = store::acceptances::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("acceptance"))?;
    Ok(shown(row, app.now()))
}

fn shown(row: AcceptanceRow, now: DateTime<Utc>) -> Acceptance {
    let state = row.acceptance.state(now);
    let known = row.acceptance;
    let terms = known.terms;
    let (extended_at, extended_by) = known.extended.unzip();
    let days_left = terms.until.filter(|_| known.revoked.is_none());
    let revoked = known.revoked;
    Acceptance {
        id: known.id,
        state,
        reason: terms.reason,
        evidence: terms.evidence,
        link: terms.link,
        until: terms.until,
        days_left: days_left.map(|until| (until - now).num_seconds().div_euclid(86_400)),
        at_end: terms.at_end,
        then: terms.then,
        approver: known.approver,
        requested_by: known.requested_by,
        granted_at: known.granted_at,
        extended_at,
        extended_by,
        revoked_at: revoked.as_ref().map(|revoked| revoked.at),
        revoked_by: revoked.as_ref().map(|revoked| revoked.by.clone()),
        revoked_reason: revoked.map(|revoked| revoked.reason),
        findings: row.findings,
        covered: row.covered,
    }
}
