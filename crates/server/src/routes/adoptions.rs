//! Existing work items that are used instead of new ones.

use api::{AdoptionPair, AdoptionPlan, AdoptionRequest, NewAdoptions};
use axum::extract::State;
use engine::{Adoption, AdoptionQuery};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::Json;
use crate::problem::{Answer, Failure};
use crate::translate;

/// Pairs that are looked at in one request.
const MOST_PAIRS: usize = 200;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(plan_adoptions)).routes(routes!(create_adoptions))
}

fn given(pairs: Vec<AdoptionPair>) -> Answer<Vec<engine::AdoptionPair>> {
    if pairs.len() > MOST_PAIRS {
        return Err(Failure::invalid(
            &format!("There are {} pairs; at most {MOST_PAIRS} are looked at together.", pairs.len()),
            "Send them in several requests.",
        ));
    }
    let pair = |pair: AdoptionPair| engine::AdoptionPair { finding: pair.finding, work_item: pair.work_item };
    Ok(pairs.into_iter().map(pair).collect())
}

fn shown(rows: Vec<engine::AdoptionRow>) -> axum::Json<AdoptionPlan> {
    axum::Json(AdoptionPlan { rows: rows.into_iter().map(translate::adoption_row).collect() })
}

/// What using existing work items would do
///
/// Nothing is changed. What cannot be used is a row that says why.
#[utoipa::path(post, path = "/adoptions/plan", tag = "Tickets", request_body = AdoptionRequest,
    responses((status = 200, body = AdoptionPlan)))]
async fn plan_adoptions(
    State(app): State<App>,
    Json(request): Json<AdoptionRequest>,
) -> Answer<axum::Json<AdoptionPlan>> {
    let adoption = match request {
        AdoptionRequest::Pairs { pairs } => Adoption::Pairs(given(pairs)?),
        AdoptionRequest::Query { connection, query } => {
            Adoption::Query { connection, query: AdoptionQuery::Text(query) }
        }
        AdoptionRequest::SavedQuery { connection, query } => {
            Adoption::Query { connection, query: AdoptionQuery::Saved(query) }
        }
    };
    Ok(shown(app.engine.plan_adoptions(&adoption).await?))
}

/// Use existing work items for findings
///
/// Each pair is looked at again; what cannot be used any more is a row that says why. The others are written on by the
/// next pass.
#[utoipa::path(post, path = "/adoptions", tag = "Tickets", request_body = NewAdoptions,
    responses((status = 200, body = AdoptionPlan)))]
async fn create_adoptions(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewAdoptions>,
) -> Answer<axum::Json<AdoptionPlan>> {
    Ok(shown(app.engine.adopt_work_items(given(new.pairs)?, &caller.actor()).await?))
}
