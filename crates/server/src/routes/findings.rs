//! Findings and their history.

use std::str::FromStr;

use api::{
    Finding, FindingFilter, FindingSummary, GiveVerdict, HistoryEntry, ManualFinding, MarkDuplicate,
    NewFinding, Page, PageQuery, RefuseRequest, SetStatus,
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use engine::{NewManual, StatusChange};
use http::StatusCode;
use model::status::DetectionState;
use model::{AuditId, FindingId, Impact, Probability, Risk, Severity, SlaState, Status};
use store::views;
use store::views::findings::{FindingKey, FindingOrder, FindingRow};
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
        .routes(routes!(list_findings, create_finding))
        .routes(routes!(get_finding, change_finding, delete_finding))
        .routes(routes!(publish_finding))
        .routes(routes!(judge_finding))
        .routes(routes!(finding_history))
        .routes(routes!(set_status))
        .routes(routes!(refuse_request))
        .routes(routes!(mark_duplicate))
}

/// Findings, worst severity or highest risk first, then newest first
#[utoipa::path(get, path = "/findings", tag = "Findings", params(FindingFilter, PageQuery),
    responses((status = 200, body = Page<FindingSummary>)))]
async fn list_findings(
    State(app): State<App>,
    Query(query): Query<FindingFilter>,
    Query(page): Query<PageQuery>,
) -> Answer<axum::Json<Page<FindingSummary>>> {
    let now = app.now();
    let filter = filter(query, now)?;
    // A cursor of one order means nothing in another.
    let list = match filter.order {
        FindingOrder::Severity => "findings",
        FindingOrder::Risk => "findings by risk",
    };
    let paging: Paging<(i64, FindingId)> = Paging::of(list, page.cursor.as_deref(), page.limit)?;
    let after = paging.after.map(|(rank, id)| FindingKey { rank, id });
    let mut tx = app.db.read().await?;
    let rows = views::findings::page(&mut tx, &filter, after, paging.rows()).await?;
    let key = |row: &FindingRow| (row.key(filter.order).rank, row.id);
    Ok(axum::Json(paging.page(rows, key, |row| translate::finding_summary(row, now))?))
}

/// What a caller asks for, in the words of the database.
pub(super) fn filter(query: FindingFilter, now: DateTime<Utc>) -> Answer<views::findings::FindingFilter> {
    let least_epss = query.min_epss.map(Probability::try_from).transpose().map_err(|error| {
        Failure::invalid(&format!("`min_epss`: {error}."), "Give a number such as 0.1 for 10 %.")
    })?;
    if query.min_risk.is_some_and(|least| least > 100) {
        return Err(Failure::invalid("`min_risk` is more than 100.", "Give a number from 0 to 100."));
    }
    if query.acceptance_ends_in.is_some_and(|days| days > 3650) {
        return Err(Failure::invalid(
            "`acceptance_ends_in` is more than 3650 days.",
            "Give a number from 0 to 3650.",
        ));
    }
    if (query.branch.is_some() || query.not_on_branch.is_some()) && query.asset.is_none() {
        return Err(Failure::invalid(
            "`branch` and `not_on_branch` are asked for without an asset.",
            "Give `asset`: branches are those of one asset.",
        ));
    }
    Ok(views::findings::FindingFilter {
        seen_on: query.branch,
        not_seen_on: query.not_on_branch,
        statuses: statuses(query.status.as_deref())?,
        severities: words::<Severity>("severity", query.severity.as_deref())?,
        asset: query.asset,
        ticket: query.ticket,
        assessment: query.assessment,
        accepted: query.accepted,
        acceptance: query.acceptance,
        acceptance_ends_by: query
            .acceptance_ends_in
            .map(|days| now + chrono::Duration::days(i64::from(days))),
        suppressed_by: query.suppressed_by,
        sla: words::<SlaState>("sla", query.sla.as_deref())?,
        now,
        detection: words::<DetectionState>("detection", query.detection.as_deref())?,
        scanner: given(query.scanner),
        owner: given(query.owner),
        impacts: words::<Impact>("impact", query.impact.as_deref())?,
        correlated_as_one: query.correlated_as_one.unwrap_or_default(),
        correlated_with: query.correlated_with,
        known_exploited: query.known_exploited,
        least_risk: query.min_risk.map(Risk::new),
        least_epss,
        order: match query.order.unwrap_or_default() {
            api::FindingOrder::Severity => FindingOrder::Severity,
            api::FindingOrder::Risk => FindingOrder::Risk,
        },
        text: given(query.q),
    })
}

/// A text that was given, without the white space around it.
fn given(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Words separated by commas, each at most once.
pub(super) fn words<T: FromStr<Err: std::fmt::Display> + PartialEq>(
    parameter: &str,
    list: Option<&str>,
) -> Answer<Vec<T>> {
    let mut parsed = Vec::new();
    for word in list.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let value = word.parse().map_err(|error| {
            Failure::invalid(
                &format!("`{parameter}`: {error}"),
                "Use the words of the API, separated by commas.",
            )
        })?;
        if !parsed.contains(&value) {
            parsed.push(value);
        }
    }
    Ok(parsed)
}

/// Statuses separated by commas; `open` stands for all open ones.
fn statuses(list: Option<&str>) -> Answer<Vec<Status>> {
    let open: Vec<&str> =
        Status::ALL.into_iter().filter(|status| status.is_open()).map(Status::as_str).collect();
    let open = open.join(",");
    let spelled: Vec<&str> = list
        .unwrap_or_default()
        .split(',')
        .map(|word| if word.trim().eq_ignore_ascii_case("open") { open.as_str() } else { word })
        .collect();
    words("status", Some(&spelled.join(",")))
}

/// One finding in full
#[utoipa::path(get, path = "/findings/{id}", tag = "Findings", params(("id" = FindingId, Path)),
    responses((status = 200, body = Finding)))]
async fn get_finding(State(app): State<App>, Path(id): Path<FindingId>) -> Answer<axum::Json<Finding>> {
    read_finding(&app, id).await.map(axum::Json)
}

async fn read_finding(app: &App, id: FindingId) -> Answer<Finding> {
    let mut tx = app.db.read().await?;
    let detail = views::findings::one(&mut tx, id).await?.ok_or_else(|| Failure::not_found("finding"))?;
    translate::finding(detail, app.now())
}

/// Write down a finding
///
/// Findings of people are published at once or drafted first. A fix of theirs counts when a validator says so.
#[utoipa::path(post, path = "/findings", tag = "Findings", request_body = NewFinding,
    responses((status = 201, body = Finding)))]
async fn create_finding(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewFinding>,
) -> Answer<(StatusCode, axum::Json<Finding>)> {
    let NewFinding { asset, finding, draft, assessment } = new;
    let new = NewManual { asset, finding: fields(&finding)?, draft, assessment };
    let id = app.engine.create_manual(new, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_finding(&app, id).await?)))
}

/// Change what a manual finding says
///
/// All of it: what is absent is gone. Vulnerability and kind stay.
#[utoipa::path(put, path = "/findings/{id}", tag = "Findings", params(("id" = FindingId, Path)),
    request_body = ManualFinding, responses((status = 200, body = Finding)))]
async fn change_finding(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
    Json(said): Json<ManualFinding>,
) -> Answer<axum::Json<Finding>> {
    app.engine.change_manual(id, &fields(&said)?, &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

fn fields(said: &ManualFinding) -> Answer<serde_json::Value> {
    serde_json::to_value(said).map_err(|error| Failure::internal(&error))
}

/// Publish a draft
#[utoipa::path(post, path = "/findings/{id}/publish", tag = "Findings", params(("id" = FindingId, Path)),
    responses((status = 200, body = Finding)))]
async fn publish_finding(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
) -> Answer<axum::Json<Finding>> {
    app.engine.publish_manual(id, &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

/// Say what looking at a manual finding showed
///
/// A validator proves what scans prove for other findings. It is somebody else than who says that it is fixed.
#[utoipa::path(post, path = "/findings/{id}/verdict", tag = "Findings", params(("id" = FindingId, Path)),
    request_body = GiveVerdict, responses((status = 200, body = Finding)))]
async fn judge_finding(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
    Json(given): Json<GiveVerdict>,
) -> Answer<axum::Json<Finding>> {
    app.engine.judge_manual(id, given.verdict, &given.reason, &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

/// Decide about a finding
///
/// A person never sets `fixed`: only a scan proves that.
#[utoipa::path(post, path = "/findings/{id}/status", tag = "Findings", params(("id" = FindingId, Path)),
    request_body = SetStatus, responses((status = 200, body = Finding)))]
async fn set_status(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
    Json(set): Json<SetStatus>,
) -> Answer<axum::Json<Finding>> {
    let change = StatusChange {
        status: set.status,
        reason: set.reason,
        temporary: set.until.map(|until| (until, set.then)),
    };
    app.engine.set_status(id, change, &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

/// Say that a finding is the same weakness as another one
///
/// It is closed, and the other goes on. Another status takes that back.
#[utoipa::path(post, path = "/findings/{id}/duplicate", tag = "Findings", params(("id" = FindingId, Path)),
    request_body = MarkDuplicate, responses((status = 200, body = Finding)))]
async fn mark_duplicate(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
    Json(said): Json<MarkDuplicate>,
) -> Answer<axum::Json<Finding>> {
    app.engine.mark_duplicate(id, said.of, said.reason.as_deref(), &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

/// Refuse what somebody on the board asked for
///
/// The card goes back to where the finding's status is said, with the reason in a comment.
#[utoipa::path(post, path = "/findings/{id}/refuse", tag = "Findings", params(("id" = FindingId, Path)),
    request_body = RefuseRequest, responses((status = 200, body = Finding)))]
async fn refuse_request(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
    Json(refusal): Json<RefuseRequest>,
) -> Answer<axum::Json<Finding>> {
    app.engine.refuse_request(id, &refusal.reason, &caller.actor()).await?;
    read_finding(&app, id).await.map(axum::Json)
}

/// What happened to a finding, newest first
#[utoipa::path(get, path = "/findings/{id}/history", tag = "Findings", params(("id" = FindingId, Path), PageQuery),
    responses((status = 200, body = Page<HistoryEntry>)))]
async fn finding_history(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    Query(query): Query<PageQuery>,
) -> Answer<axum::Json<Page<HistoryEntry>>> {
    let paging: Paging<AuditId> = Paging::of("history", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    if views::findings::by_ids(&mut tx, &[id]).await?.is_empty() {
        return Err(Failure::not_found("finding"));
    }
    let rows = views::history::page(&mut tx, Subject::Finding, id.0, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, translate::history_entry)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_stands_for_every_open_status_and_can_be_joined_with_others() {
        let open = statuses(Some("open")).unwrap();
        assert_eq!(open.len(), Status::ALL.iter().filter(|status| status.is_open()).count());
        assert_eq!(statuses(Some("open, created,fixed")).unwrap().len(), open.len() + 1);
        assert!(statuses(None).unwrap().is_empty());
        assert!(statuses(Some("gone")).is_err());
    }
}

/// Delete a finding: its ticket is closed or released as the destination says. A scan that sees it again brings it back
#[utoipa::path(delete, path = "/findings/{id}", tag = "Findings", params(("id" = FindingId, Path)),
    responses((status = 204)))]
async fn delete_finding(
    State(app): State<App>,
    Path(id): Path<FindingId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_finding(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
