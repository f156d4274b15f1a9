//! API tokens.

use api::{CreatedToken, FieldProblem, NewToken, Page, PageQuery, Token};
use axum::extract::State;
use http::StatusCode;
use model::TokenId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Caller, policy, record, secrets};
use crate::extract::{Json, Path, Query};
use crate::paging::Paging;
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_tokens, create_token)).routes(routes!(delete_token))
}

fn shown(token: store::tokens::Token) -> Answer<Token> {
    Ok(Token {
        id: token.id,
        name: token.name,
        role: policy::role(&token.role)?,
        created_at: token.created_at,
        expires_at: token.expires_at,
        last_used_at: token.last_used_at,
    })
}

/// API tokens, newest first
#[utoipa::path(get, path = "/tokens", tag = "Access", params(PageQuery),
    responses((status = 200, body = Page<Token>)))]
async fn list_tokens(
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Answer<axum::Json<Page<Token>>> {
    let paging: Paging<TokenId> = Paging::of("tokens", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    let rows = store::tokens::list(&mut tx, paging.after, paging.rows()).await?;
    Ok(axum::Json(paging.page(rows, |token| token.id, shown)?))
}

/// Make an API token
///
/// The answer is the only place that shows its secret.
#[utoipa::path(post, path = "/tokens", tag = "Access", request_body = NewToken,
    responses((status = 201, body = CreatedToken)))]
async fn create_token(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewToken>,
) -> Answer<(StatusCode, axum::Json<CreatedToken>)> {
    let now = app.now();
    let name = new.name.trim();
    let refused = |pointer: &str, detail: &str, next_step: &str| {
        Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "token_refused",
            "The token was not made",
            detail,
            next_step,
        )
        .with_fields(vec![FieldProblem { pointer: pointer.to_owned(), detail: detail.to_owned() }]))
    };
    if name.is_empty() || name.chars().count() > 200 {
        return refused("/name", "The name must have 1 to 200 characters.", "Say what the token is for.");
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return refused(
            "/expires_at",
            "The token would have expired already.",
            "Choose a time to come, or none.",
        );
    }
    let secret = secrets::new_token();
    let token = store::tokens::Token {
        id: app.id(),
        name: name.to_owned(),
        role: policy::word(new.role).to_owned(),
        created_at: now,
        expires_at: new.expires_at,
        last_used_at: None,
    };
    let mut tx = app.db.begin().await?;
    store::tokens::create(&mut tx, &token, &secrets::hash(&secret)).await?;
    let what = format!("API token {name} made with the role {}.", token.role);
    record(&app, &mut tx, "token", token.id.0, &caller, what).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, axum::Json(CreatedToken { token: shown(token)?, secret })))
}

/// Revoke an API token
#[utoipa::path(delete, path = "/tokens/{id}", tag = "Access", params(("id" = TokenId, Path)),
    responses((status = 204)))]
async fn delete_token(State(app): State<App>, Path(id): Path<TokenId>, caller: Caller) -> Answer<StatusCode> {
    let mut tx = app.db.begin().await?;
    if !store::tokens::delete(&mut tx, id).await? {
        return Err(Failure::not_found("API token"));
    }
    record(&app, &mut tx, "token", id.0, &caller, "API token revoked.".to_owned()).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
