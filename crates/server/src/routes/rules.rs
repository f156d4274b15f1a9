//! Ticketing rules.

use api::{
    Page, Rule, RuleCheck, RuleCount, RuleFact, RuleOperator, RuleOrder, RulePlan, RulePlanQuery,
    RuleSettings,
};
use axum::extract::State;
use engine::refuse_rule;
use http::StatusCode;
use model::RuleId;
use model::rule::{Criteria, FACTS, RuleProblem};
use store::alarms::Kind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path, Query};
use crate::problem::{Answer, Failure};
use crate::translate;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_rules, create_rule))
        .routes(routes!(plan_rule))
        .routes(routes!(check_rule))
        .routes(routes!(count_rules))
        .routes(routes!(rule_facts))
        .routes(routes!(order_rules))
        .routes(routes!(get_rule, change_rule, delete_rule))
}

/// The settings as the engine takes them, or what is wrong with their criteria.
fn given(settings: RuleSettings) -> Result<model::rule::RuleSettings, Vec<RuleProblem>> {
    Ok(model::rule::RuleSettings {
        criteria: Criteria::parse(&settings.criteria)?,
        name: settings.name,
        enabled: settings.enabled,
        on_match: settings.on_match,
        applies_to: settings.applies_to,
        from: settings.from,
        until: settings.until,
        destination: settings.destination,
        grouping: settings.grouping,
        initial_state: settings.initial_state,
        auto_close: settings.auto_close,
        late_member: settings.late_member,
        release: settings.release,
    })
}

fn sound(settings: RuleSettings) -> Answer<model::rule::RuleSettings> {
    match given(settings) {
        Ok(settings) => Ok(settings),
        Err(problems) => {
            refuse_rule(&problems)?;
            Err(Failure::invalid("The criteria make no sense.", "Correct them and send them again."))
        }
    }
}

fn shown(rule: store::rules::Rule, problem: Option<String>) -> Rule {
    let settings = rule.settings;
    Rule {
        id: rule.id,
        version: rule.version,
        about: settings.criteria.to_string(),
        problem: problem.filter(|_| settings.enabled),
        since: rule.since,
        created_at: rule.created_at,
        settings: RuleSettings {
            // Criteria are maps with string keys, lists, texts and numbers.
            criteria: serde_json::to_value(&settings.criteria).unwrap_or_default(),
            name: settings.name,
            enabled: settings.enabled,
            on_match: settings.on_match,
            applies_to: settings.applies_to,
            from: settings.from,
            until: settings.until,
            destination: settings.destination,
            grouping: settings.grouping,
            initial_state: settings.initial_state,
            auto_close: settings.auto_close,
            late_member: settings.late_member,
            release: settings.release,
        },
    }
}

/// Rules in their order
///
/// All of them are on the first page.
#[utoipa::path(get, path = "/rules", tag = "Rules", responses((status = 200, body = Page<Rule>)))]
async fn list_rules(State(app): State<App>) -> Answer<axum::Json<Page<Rule>>> {
    let mut tx = app.db.read().await?;
    let stopped = store::alarms::open(&mut tx, Kind::RuleStopped).await?;
    let problem = |id: RuleId| {
        let subject = format!("rule/{id}");
        stopped.iter().find(|alarm| alarm.subject == subject).map(|alarm| alarm.what.clone())
    };
    let rules = store::rules::all(&mut tx).await?;
    let items = rules.into_iter().map(|rule| (problem(rule.id), rule));
    let items = items.map(|(problem, rule)| shown(rule, problem)).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// One rule
#[utoipa::path(get, path = "/rules/{id}", tag = "Rules", params(("id" = RuleId, Path)),
    responses((status = 200, body = Rule)))]
async fn get_rule(State(app): State<App>, Path(id): Path<RuleId>) -> Answer<axum::Json<Rule>> {
    read_rule(&app, id).await.map(axum::Json)
}

async fn read_rule(app: &App, id: RuleId) -> Answer<Rule> {
    let mut tx = app.db.read().await?;
    let rule = store::rules::get(&mut tx, id).await?.ok_or_else(|| Failure::not_found("rule"))?;
    let subject = format!("rule/{id}");
    let stopped = store::alarms::open(&mut tx, Kind::RuleStopped).await?;
    Ok(shown(rule, stopped.into_iter().find(|alarm| alarm.subject == subject).map(|alarm| alarm.what)))
}

/// Make a rule
///
/// It is asked after those that are there.
#[utoipa::path(post, path = "/rules", tag = "Rules", request_body = RuleSettings,
    responses((status = 201, body = Rule)))]
async fn create_rule(
    State(app): State<App>,
    caller: Caller,
    Json(settings): Json<RuleSettings>,
) -> Answer<(StatusCode, axum::Json<Rule>)> {
    let id = app.engine.create_rule(sound(settings)?, &caller.actor()).await?;
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
    app.engine.change_rule(id, sound(settings)?, &caller.actor()).await?;
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

/// Put the rules into another order
///
/// The first rule that matches a finding decides about it, unless it lets the others be asked, too.
#[utoipa::path(put, path = "/rules/order", tag = "Rules", request_body = RuleOrder,
    responses((status = 200, body = Page<Rule>)))]
async fn order_rules(
    State(app): State<App>,
    caller: Caller,
    Json(order): Json<RuleOrder>,
) -> Answer<axum::Json<Page<Rule>>> {
    app.engine.reorder_rules(&order.rules, &caller.actor()).await?;
    list_rules(State(app)).await
}

/// What saving a rule would do now
#[utoipa::path(post, path = "/rules/plan", tag = "Rules", params(RulePlanQuery), request_body = RuleSettings,
    responses((status = 200, body = RulePlan)))]
async fn plan_rule(
    State(app): State<App>,
    Query(query): Query<RulePlanQuery>,
    Json(settings): Json<RuleSettings>,
) -> Answer<axum::Json<RulePlan>> {
    let plan = app.engine.plan_rule(&sound(settings)?, query.rule).await?;
    Ok(axum::Json(RulePlan {
        matching: plan.matching,
        with_ticket: plan.with_ticket,
        taken: plan.taken,
        destinations: plan.destinations.into_iter().map(translate::share).collect(),
        existing: translate::plan(plan.existing),
        existing_unknown: plan.existing_unknown,
        plan: translate::plan(plan.plan),
    }))
}

/// What is wrong with the settings of a rule, and how many findings it is about
#[utoipa::path(post, path = "/rules/check", tag = "Rules", request_body = RuleSettings,
    responses((status = 200, body = RuleCheck)))]
async fn check_rule(
    State(app): State<App>,
    Json(settings): Json<RuleSettings>,
) -> Answer<axum::Json<RuleCheck>> {
    Ok(axum::Json(match given(settings) {
        Ok(settings) => RuleCheck {
            problems: app.engine.rule_problems(&settings).await?,
            matching: Some(app.engine.count_matches(&settings.criteria).await?),
            about: Some(settings.criteria.to_string()),
        },
        Err(problems) => RuleCheck { problems, matching: None, about: None },
    }))
}

/// How many open findings each rule matches, whatever the others say
#[utoipa::path(get, path = "/rules/counts", tag = "Rules", responses((status = 200, body = Vec<RuleCount>)))]
async fn count_rules(State(app): State<App>) -> Answer<axum::Json<Vec<RuleCount>>> {
    let counts = app.engine.count_rules().await?;
    let mut counts: Vec<RuleCount> =
        counts.into_iter().map(|(id, matching)| RuleCount { id, matching }).collect();
    counts.sort_by_key(|count| count.id.0);
    Ok(axum::Json(counts))
}

/// What criteria may ask for
#[utoipa::path(get, path = "/rules/facts", tag = "Rules", responses((status = 200, body = Vec<RuleFact>)))]
async fn rule_facts() -> axum::Json<Vec<RuleFact>> {
    let operators = |kind: model::rule::FactKind| {
        let of = |operator: &model::rule::Operator| RuleOperator {
            name: *operator,
            label: operator.label().to_owned(),
        };
        kind.operators().iter().map(of).collect()
    };
    axum::Json(
        FACTS
            .iter()
            .map(|row| RuleFact {
                name: row.name.to_owned(),
                label: row.label.to_owned(),
                of: row.of,
                kind: row.kind,
                operators: operators(row.kind),
                words: row.words.iter().map(|word| (*word).to_owned()).collect(),
                groups: row.groups,
            })
            .collect(),
    )
}
