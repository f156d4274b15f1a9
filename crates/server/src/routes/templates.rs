//! Sets of templates.

use api::{Named, Page, TemplateExample, TemplatePreview, TemplatePreviewRequest, Templates};
use axum::extract::State;
use engine::Previewed;
use http::StatusCode;
use model::TemplateSetId;
use model::content::{Part, STANDARD_NAME, TemplateSet, standard_text};
use store::templates::Stored;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::Caller;
use crate::extract::{Json, Path};
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_templates, create_templates))
        .routes(routes!(standard_templates))
        .routes(routes!(preview_templates))
        .routes(routes!(get_templates, change_templates, delete_templates))
}

async fn shown(app: &App, stored: Stored) -> Answer<Templates> {
    let (users, work_items) = app.engine.use_of_templates(stored.id).await?;
    Ok(Templates {
        id: stored.id,
        version: stored.version,
        set: stored.set,
        destinations: users.into_iter().map(|(id, name)| Named { id, name }).collect(),
        work_items,
        created_at: stored.created_at,
        changed_at: stored.changed_at,
    })
}

async fn read(app: &App, id: TemplateSetId) -> Answer<Templates> {
    let mut tx = app.db.read().await?;
    let stored = store::templates::get(&mut tx, id).await?;
    drop(tx);
    shown(app, stored.ok_or_else(|| Failure::not_found("set of templates"))?).await
}

/// Sets of templates by name
///
/// The standard templates are not among them: they are part of the program.
#[utoipa::path(get, path = "/templates", tag = "Templates", responses((status = 200, body = Page<Templates>)))]
async fn list_templates(State(app): State<App>) -> Answer<axum::Json<Page<Templates>>> {
    let mut tx = app.db.read().await?;
    let stored = store::templates::all(&mut tx).await?;
    drop(tx);
    let mut items = Vec::new();
    for stored in stored {
        items.push(shown(&app, stored).await?);
    }
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// The standard templates, written out: to begin with
#[utoipa::path(get, path = "/templates/standard", tag = "Templates", responses((status = 200, body = TemplateSet)))]
async fn standard_templates() -> axum::Json<TemplateSet> {
    axum::Json(TemplateSet {
        name: STANDARD_NAME.into(),
        title: standard_text(Part::Title).into(),
        block: standard_text(Part::Block).into(),
        comment: standard_text(Part::Comment).into(),
        tags: standard_text(Part::Tags).into(),
        redaction: Default::default(),
    })
}

/// One set of templates
#[utoipa::path(get, path = "/templates/{id}", tag = "Templates", params(("id" = TemplateSetId, Path)),
    responses((status = 200, body = Templates)))]
async fn get_templates(
    State(app): State<App>,
    Path(id): Path<TemplateSetId>,
) -> Answer<axum::Json<Templates>> {
    read(&app, id).await.map(axum::Json)
}

/// Save a new set of templates
///
/// It is tried on real findings first; what is wrong is named with its line.
#[utoipa::path(post, path = "/templates", tag = "Templates", request_body = TemplateSet,
    responses((status = 201, body = Templates)))]
async fn create_templates(
    State(app): State<App>,
    caller: Caller,
    Json(set): Json<TemplateSet>,
) -> Answer<(StatusCode, axum::Json<Templates>)> {
    let id = app.engine.create_templates(set, &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read(&app, id).await?)))
}

/// Change a set of templates
///
/// The work items that it writes are brought up to date, but for what people changed there.
#[utoipa::path(put, path = "/templates/{id}", tag = "Templates", params(("id" = TemplateSetId, Path)),
    request_body = TemplateSet, responses((status = 200, body = Templates)))]
async fn change_templates(
    State(app): State<App>,
    Path(id): Path<TemplateSetId>,
    caller: Caller,
    Json(set): Json<TemplateSet>,
) -> Answer<axum::Json<Templates>> {
    app.engine.change_templates(id, set, &caller.actor()).await?;
    read(&app, id).await.map(axum::Json)
}

/// Remove a set of templates that no destination uses
#[utoipa::path(delete, path = "/templates/{id}", tag = "Templates", params(("id" = TemplateSetId, Path)),
    responses((status = 204)))]
async fn delete_templates(
    State(app): State<App>,
    Path(id): Path<TemplateSetId>,
    caller: Caller,
) -> Answer<StatusCode> {
    app.engine.delete_templates(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What templates would make of real findings
///
/// Nothing is saved.
#[utoipa::path(post, path = "/templates/preview", tag = "Templates", request_body = TemplatePreviewRequest,
    responses((status = 200, body = TemplatePreview)))]
async fn preview_templates(
    State(app): State<App>,
    Json(request): Json<TemplatePreviewRequest>,
) -> Answer<axum::Json<TemplatePreview>> {
    let of = match (request.ticket, request.finding) {
        (Some(ticket), _) => Previewed::Ticket(ticket),
        (None, Some(finding)) => Previewed::Finding(finding),
        (None, None) => Previewed::Examples,
    };
    let preview = app.engine.preview_templates(&request.set, of).await?;
    let example = |example: engine::PreviewOf| TemplateExample {
        ticket: example.ticket,
        finding: example.finding,
        name: example.name,
        title: example.written.title,
        title_length: example.written.title_length as u64,
        block_length: example.written.block.chars().count() as u64,
        block: example.written.block,
        comment: example.written.comment,
        tags: example.written.tags,
    };
    Ok(axum::Json(TemplatePreview {
        problems: preview.problems,
        examples: preview.examples.into_iter().map(example).collect(),
    }))
}
