//! Ticketing rules.

use std::collections::HashMap;

use api::{Page, PageQuery, Plan, Rule, RuleSettings};
use axum::extract::State;
use http::StatusCode;
use model::rule::Candidate;
use model::{AssetId, RuleId, Severity};
use store::views;
use store::views::boards::RuleRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_rules, create_rule)).routes(routes!(plan_rule)).routes(routes!(
        get_rule,
        change_rule,
        delete_rule
    ))
}

/// Open findings, counted as rules look at them.
struct Candidates {
    tags: HashMap<AssetId, Vec<String>>,
    open: Vec<(AssetId, Severity, u64)>,
}

impl Candidates {
    async fn read(tx: &mut store::Tx) -> Answer<Self> {
        Ok(Self { tags: views::assets::tags(tx).await?, open: views::findings::open_by_asset(tx).await? })
    }

    fn show(&self, row: RuleRow) -> Rule {
        let tags_of = |asset| self.tags.get(asset).map_or(&[][..], Vec::as_slice);
        let criteria = &row.settings.criteria;
        let matching = self
            .open
            .iter()
            .filter(|(asset, severity, _)| {
                criteria.matches(Candidate { severity: *severity, asset_tags: tags_of(asset) })
            })
            .map(|(_, _, count)| count)
            .sum();
        Rule {
            id: row.id,
            version: row.version,
            matching,
            created_at: row.created_at,
            settings: RuleSettings {
                name: row.name,
                enabled: row.enabled,
                criteria: row.settings.criteria,
                grouping: row.settings.grouping,
            },
        }
    }
}

fn given(settings: RuleSettings) -> engine::RuleSettings {
    engine::RuleSettings {
        name: settings.name,
        enabled: settings.enabled,
        criteria: settings.criteria,
        grouping: settings.grouping,
    }
}

/// Rules in the order they were made
#[utoipa::path(get, path = "/rules", tag = "Rules", params(PageQuery), responses((status = 200, body = Page<Rule>)))]
async fn list_rules(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Answer<axum::Json<Page<Rule>>> {
    let paging: Paging<RuleId> = Paging::of("rules", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    let rows = views::boards::rules(&mut tx, paging.after, paging.rows()).await?;
    let candidates = Candidates::read(&mut tx).await?;
    Ok(axum::Json(paging.page(rows, |row| row.id, |row| Ok(candidates.show(row)))?))
}

/// One rule
#[utoipa::path(get, path = "/rules/{id}", tag = "Rules", params(("id" = RuleId, Path)),
    responses((status = 200, body = Rule)))]
async fn get_rule(State(app): State<App>, Path(id): Path<RuleId>) -> Answer<axum::Json<Rule>> {
    read_rule(&app, id).await.map(axum::Json)
}

async fn read_rule(app: &App, id: RuleId) -> Answer<Rule> {
    let mut tx = app.db.read().await?;
    let row = views::boards::one_rule(&mut tx, id).await?.ok_or_else(|| Failure::not_found("rule"))?;
    Ok(Candidates::read(&mut tx).await?.show(row))
}

/// Make a rule
#[utoipa::path(post, path = "/rules", tag = "Rules", request_body = RuleSettings,
    responses((status = 201, body = Rule)))]
async fn create_rule(
    State(app): State<App>,
    caller: Caller,
    Json(settings): Json<RuleSettings>,
) -> Answer<(StatusCode, axum::Json<Rule>)> {
    let id = app.engine.create_rule(given(settings), &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_rule(&app, id).await?)))
}

/// Change a rule
///
/// Tickets that exist stay.
#[utoipa::path(put, path = "/rules/{id}", tag = "Rules", params(("id" = RuleId, Path)), request_body = RuleSettings,
    responses((status = 200, body = Rule)))]
async fn change_rule(
    State(app): State<App>,
    Path(id): Path<RuleId>,
    caller: Caller,
    Json(settings): Json<RuleSettings>,
) -> Answer<axum::Json<Rule>> {
    app.engine.change_rule(id, given(settings), &caller.actor()).await?;
    read_rule(&app, id).await.map(axum::Json)
}

/// Remove a rule
///
/// Its tickets stay.
#[utoipa::path(delete, path = "/rules/{id}", tag = "Rules", params(("id" = RuleId, Path)), responses((status = 204)))]
async fn delete_rule(State(app): State<App>, Path(id): Path<RuleId>, caller: Caller) -> Answer<StatusCode> {
    app.engine.delete_rule(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What saving a rule would do now
#[utoipa::path(post, path = "/rules/plan", tag = "Rules", request_body = RuleSettings,
    responses((status = 200, body = Plan)))]
async fn plan_rule(State(app): State<App>, Json(settings): Json<RuleSettings>) -> Answer<axum::Json<Plan>> {
    Ok(axum::Json(translate::plan(app.engine.plan_rule(&given(settings)).await?)))
}
