//! Alarms and where they are sent.

use api::{
    Alarm, AlarmCounts, AlarmFilter, AlarmKind, AlarmKindCount, AlarmTarget, AlarmWay, CreatedAlarmTarget,
    NewAlarmTarget, Page,
};
use axum::extract::State;
use http::StatusCode;
use model::{AlarmId, AlarmTargetId};
use secrecy::SecretString;
use store::alarms::Way;
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
        .routes(routes!(list_alarms))
        .routes(routes!(count_alarms))
        .routes(routes!(acknowledge_alarm))
        .routes(routes!(list_alarm_targets, create_alarm_target))
        .routes(routes!(delete_alarm_target))
        .routes(routes!(test_alarm_target))
}

fn shown(alarm: store::alarms::Alarm) -> Answer<Alarm> {
    Ok(Alarm {
        id: alarm.id,
        kind: kind(alarm.kind)?,
        what: alarm.what,
        next_step: alarm.next_step,
        link: alarm.link,
        raised_at: alarm.raised_at,
        last_raised_at: alarm.last_raised_at,
        count: alarm.count,
        acknowledged_by: alarm.acknowledged_by,
        acknowledged_at: alarm.acknowledged_at,
        cleared_at: alarm.cleared_at,
    })
}

fn kind(kind: store::alarms::Kind) -> Answer<AlarmKind> {
    translate::word("kind of an alarm", kind.as_str())
}

/// Alarms, newest first
#[utoipa::path(get, path = "/alarms", tag = "Alarms", params(AlarmFilter),
    responses((status = 200, body = Page<Alarm>)))]
async fn list_alarms(
    State(app): State<App>,
    Query(query): Query<AlarmFilter>,
) -> Answer<axum::Json<Page<Alarm>>> {
    let paging: Paging<AlarmId> = Paging::of("alarms", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    let rows = store::alarms::page(&mut tx, query.all, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |alarm| alarm.id, shown)?))
}

/// How many alarms are open
#[utoipa::path(get, path = "/alarms/count", tag = "Alarms", responses((status = 200, body = AlarmCounts)))]
async fn count_alarms(State(app): State<App>) -> Answer<axum::Json<AlarmCounts>> {
    let mut tx = app.db.read().await?;
    let mut counts = AlarmCounts { open: 0, unseen: 0, by_kind: Vec::new() };
    for (of, open, unseen) in store::alarms::open_by_kind(&mut tx).await? {
        counts.open += open;
        counts.unseen += unseen;
        counts.by_kind.push(AlarmKindCount { kind: kind(of)?, open });
    }
    Ok(axum::Json(counts))
}

/// Say that somebody has seen an alarm
///
/// It stays open until its cause is gone.
#[utoipa::path(post, path = "/alarms/{id}/acknowledge", tag = "Alarms", params(("id" = AlarmId, Path)),
    responses((status = 200, body = Alarm)))]
async fn acknowledge_alarm(
    State(app): State<App>,
    Path(id): Path<AlarmId>,
    caller: Caller,
) -> Answer<axum::Json<Alarm>> {
    app.engine.acknowledge_alarm(id, &caller.actor()).await?;
    let mut tx = app.db.read().await?;
    let alarm = store::alarms::get(&mut tx, id).await?.ok_or_else(|| Failure::not_found("alarm"))?;
    Ok(axum::Json(shown(alarm)?))
}

fn target(target: store::alarms::Target) -> AlarmTarget {
    let way = match target.way {
        Way::Webhook { url } => AlarmWay::Webhook { url },
        Way::Mail { host, port, implicit_tls, user, from, to } => {
            AlarmWay::Mail { host, port, implicit_tls, user, from, to }
        }
    };
    AlarmTarget {
        id: target.id,
        name: target.name,
        way,
        problem: target.problem,
        created_at: target.created_at,
    }
}

/// Where alarms are sent
#[utoipa::path(get, path = "/alarm-targets", tag = "Alarms", responses((status = 200, body = Page<AlarmTarget>)))]
async fn list_alarm_targets(State(app): State<App>) -> Answer<axum::Json<Page<AlarmTarget>>> {
    let mut tx = app.db.read().await?;
    let items = store::alarms::targets(&mut tx).await?.into_iter().map(target).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Send alarms somewhere
///
/// Only addresses that the operator of the server allowed (`--allow-alarm-address`) are taken.
#[utoipa::path(post, path = "/alarm-targets", tag = "Alarms", request_body = NewAlarmTarget,
    responses((status = 201, body = CreatedAlarmTarget)))]
async fn create_alarm_target(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAlarmTarget>,
) -> Answer<(StatusCode, axum::Json<CreatedAlarmTarget>)> {
    let way = match new.way {
        AlarmWay::Webhook { url } => Way::Webhook { url },
        AlarmWay::Mail { host, port, implicit_tls, user, from, to } => {
            Way::Mail { host, port, implicit_tls, user, from, to }
        }
    };
    let secret = new.secret.filter(|secret| !secret.is_empty()).map(SecretString::from);
    let new = engine::NewAlarmTarget { name: new.name, way, secret };
    let (id, secret) = app.engine.create_alarm_target(new, &caller.actor()).await?;
    let mut tx = app.db.read().await?;
    let made = store::alarms::targets(&mut tx).await?.into_iter().find(|target| target.id == id);
    let made = made.ok_or_else(|| Failure::not_found("target of alarms"))?;
    Ok((StatusCode::CREATED, axum::Json(CreatedAlarmTarget { target: target(made), secret })))
}

/// Send no alarms there any more
#[utoipa::path(delete, path = "/alarm-targets/{id}", tag = "Alarms", params(("id" = AlarmTargetId, Path)),
    responses((status = 204)))]
async fn delete_alarm_target(
    State(app): State<App>,
    Path(id): Path<AlarmTargetId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_alarm_target(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test
#[utoipa::path(post, path = "/alarm-targets/{id}/test", tag = "Alarms", params(("id" = AlarmTargetId, Path)),
    responses((status = 204)))]
async fn test_alarm_target(State(app): State<App>, Path(id): Path<AlarmTargetId>) -> Answer<StatusCode> {
    app.engine.test_alarm_target(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
