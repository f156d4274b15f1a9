//! Connections, and what they reach.

use api::{
    BoardProject, BoardTeam, CheckOutcome, CheckStep, Connection, ConnectionChange, ConnectionCheck,
    ConnectionMode, Deletion, FeedReach, HookState, Lag, NewConnection, Page, PageQuery, ProjectTypes, Role,
    SignInMethod, SignInShown, TeamBoards, TypeFields,
};
use axum::extract::State;
use http::StatusCode;
use model::ConnectionId;
use secrecy::SecretString;
use store::connections::{Mode, SignIn};
use store::views;
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
        .routes(routes!(list_connections, create_connection))
        .routes(routes!(verify_connection))
        .routes(routes!(get_connection, change_connection, delete_connection))
        .routes(routes!(check_connection))
        .routes(routes!(subscribe_hooks, remove_hooks))
        .routes(routes!(list_projects))
        .routes(routes!(list_teams))
        .routes(routes!(list_boards))
        .routes(routes!(list_types))
        .routes(routes!(list_fields))
        .routes(routes!(plan_deletion))
}

fn shown(app: &App, caller: &Caller, connection: store::connections::Connection) -> Answer<Connection> {
    // The address is a credential of its own: only who may paste it somewhere sees it.
    let hook_url = match caller.role {
        Role::Administrator => app.engine.hook_url(&connection)?.to_string(),
        Role::Reader | Role::Importer | Role::Developer | Role::Analyst | Role::SecurityManager => {
            String::new()
        }
    };
    // Often all five have the same.
    let mut hook_problems: Vec<String> =
        connection.subscriptions.iter().filter_map(|own| own.problem.clone()).collect();
    hook_problems.sort();
    hook_problems.dedup();
    Ok(Connection {
        id: connection.id,
        name: connection.name,
        description: connection.description,
        instance_url: connection.instance_url,
        organization: connection.organization,
        sign_in: match connection.sign_in {
            SignIn::PersonalAccessToken => SignInShown::PersonalAccessToken,
            SignIn::ClientSecret { tenant, client_id, .. } => SignInShown::ClientSecret { tenant, client_id },
            SignIn::ManagedIdentity { client_id } => SignInShown::ManagedIdentity { client_id },
            SignIn::WorkloadIdentity { tenant, client_id } => {
                SignInShown::WorkloadIdentity { tenant, client_id }
            }
            SignIn::Person { tenant, client_id } => SignInShown::Person {
                tenant,
                client_id,
                name: connection.identity.map(|identity| identity.display_name).unwrap_or_default(),
            },
        },
        mode: translate::word("mode of a connection", connection.mode.as_str())?,
        problem: connection.problem,
        hook_url,
        hooks: if connection.subscriptions.is_empty() { HookState::None } else { HookState::Subscribed },
        hook_problems,
        severity_map: connection.severity_map,
        last_contact_at: connection.last_contact_at,
        feed: if connection.feed.projects.is_some() { FeedReach::Projects } else { FeedReach::Organization },
        lag: Lag::of(&connection.lags),
        created_at: connection.created_at,
    })
}

pub(super) fn given_sign_in(method: SignInMethod) -> engine::SignInMethod {
    match method {
        SignInMethod::PersonalAccessToken { token } => {
            engine::SignInMethod::PersonalAccessToken(SecretString::from(token))
        }
        SignInMethod::ClientSecret { tenant, client_id, client_secret, authority } => {
            engine::SignInMethod::ClientSecret {
                tenant,
                client_id,
                client_secret: SecretString::from(client_secret),
                authority,
            }
        }
        SignInMethod::ManagedIdentity { client_id } => engine::SignInMethod::ManagedIdentity { client_id },
        SignInMethod::WorkloadIdentity { tenant, client_id } => {
            engine::SignInMethod::WorkloadIdentity { tenant, client_id }
        }
    }
}

fn given(new: NewConnection) -> engine::NewConnection {
    engine::NewConnection {
        name: new.name,
        description: new.description,
        instance_url: new.instance_url,
        organization: new.organization,
        sign_in: given_sign_in(new.sign_in),
    }
}

fn check(steps: Vec<azure::CheckStep>) -> ConnectionCheck {
    let steps: Vec<CheckStep> = steps
        .into_iter()
        .map(|step| {
            let (outcome, message, next_step) = match step.outcome {
                azure::CheckOutcome::Ok { note } => (CheckOutcome::Ok, note, None),
                azure::CheckOutcome::Failed { message, next_step } => {
                    (CheckOutcome::Failed, message, Some(next_step))
                }
                azure::CheckOutcome::Skipped { reason } => (CheckOutcome::Skipped, reason, None),
            };
            CheckStep { name: step.name, outcome, message, next_step }
        })
        .collect();
    let ok = steps.iter().all(|step| step.outcome != CheckOutcome::Failed);
    ConnectionCheck { ok, steps }
}

/// Connections in the order they were made
///
/// Secrets are never returned. The hook address is shown to administrators only.
#[utoipa::path(get, path = "/connections", tag = "Connections", params(PageQuery),
    responses((status = 200, body = Page<Connection>)))]
async fn list_connections(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<PageQuery>,
) -> Answer<axum::Json<Page<Connection>>> {
    let paging: Paging<ConnectionId> = Paging::of("connections", query.cursor.as_deref(), query.limit)?;
    let mut tx = app.db.read().await?;
    // There are few connections, and each has work of its own going on: they are read together.
    let mut rows = store::connections::all(&mut tx).await?;
    rows.sort_by_key(|connection| connection.id);
    rows.retain(|connection| paging.after.is_none_or(|after| connection.id > after));
    Ok(axum::Json(paging.page(rows, |row| row.id, |row| shown(&app, &caller, row))?))
}

/// One connection
#[utoipa::path(get, path = "/connections/{id}", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Connection)))]
async fn get_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Answer<axum::Json<Connection>> {
    read_connection(&app, &caller, id).await.map(axum::Json)
}

pub(super) async fn read_connection(app: &App, caller: &Caller, id: ConnectionId) -> Answer<Connection> {
    let mut tx = app.db.read().await?;
    let connection =
        store::connections::get(&mut tx, id).await?.ok_or_else(|| Failure::not_found("connection"))?;
    shown(app, caller, connection)
}

/// Make a connection
///
/// The board must accept the sign-in first.
#[utoipa::path(post, path = "/connections", tag = "Connections", request_body = NewConnection,
    responses((status = 201, body = Connection)))]
async fn create_connection(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewConnection>,
) -> Answer<(StatusCode, axum::Json<Connection>)> {
    let id = app.engine.create_connection(given(new), &caller.actor()).await?;
    Ok((StatusCode::CREATED, axum::Json(read_connection(&app, &caller, id).await?)))
}

/// Try the settings of a connection step by step
///
/// Nothing is saved.
#[utoipa::path(post, path = "/connections/verify", tag = "Connections", request_body = NewConnection,
    responses((status = 200, body = ConnectionCheck)))]
async fn verify_connection(
    State(app): State<App>,
    Json(new): Json<NewConnection>,
) -> Answer<axum::Json<ConnectionCheck>> {
    Ok(axum::Json(check(app.engine.verify_connection(given(new)).await?)))
}

/// Change a connection, pause it, or go on
#[utoipa::path(patch, path = "/connections/{id}", tag = "Connections", params(("id" = ConnectionId, Path)),
    request_body = ConnectionChange, responses((status = 200, body = Connection)))]
async fn change_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
    Json(change): Json<ConnectionChange>,
) -> Answer<axum::Json<Connection>> {
    let change = engine::ConnectionChange {
        name: change.name,
        description: change.description,
        sign_in: change.sign_in.map(given_sign_in),
        severity_map: change.severity_map,
        mode: change.mode.map(|mode| match mode {
            ConnectionMode::Active => Mode::Active,
            ConnectionMode::Paused => Mode::Paused,
            ConnectionMode::Shadow => Mode::Shadow,
        }),
    };
    app.engine.change_connection(id, change, &caller.actor()).await?;
    read_connection(&app, &caller, id).await.map(axum::Json)
}

/// Remove a connection with its destinations and tickets
///
/// The work items stay as they are.
#[utoipa::path(delete, path = "/connections/{id}", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 204)))]
async fn delete_connection(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Answer<StatusCode> {
    app.engine.delete_connection(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What goes with a connection when it is deleted, and what stays without it
#[utoipa::path(get, path = "/connections/{id}/deletion", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Deletion)))]
async fn plan_deletion(State(app): State<App>, Path(id): Path<ConnectionId>) -> Answer<axum::Json<Deletion>> {
    let mut tx = app.db.read().await?;
    if store::connections::get(&mut tx, id).await?.is_none() {
        return Err(Failure::not_found("connection"));
    }
    let loss = views::boards::goes_with(&mut tx, id).await?;
    Ok(axum::Json(Deletion {
        destinations: loss.destinations,
        tickets: loss.tickets,
        work_items: loss.work_items,
        open_work_items: loss.open_work_items,
    }))
}

/// Check a connection step by step
#[utoipa::path(post, path = "/connections/{id}/check", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = ConnectionCheck)))]
async fn check_connection(
    State(app): State<App>,
    Path(id): Path<ConnectionId>,
) -> Answer<axum::Json<ConnectionCheck>> {
    Ok(axum::Json(check(app.engine.check_connection(id).await?)))
}

/// Make our service-hook subscriptions in Azure DevOps
#[utoipa::path(post, path = "/connections/{id}/hooks", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Connection)))]
async fn subscribe_hooks(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Answer<axum::Json<Connection>> {
    app.engine.subscribe_hooks(id, &caller.actor()).await?;
    read_connection(&app, &caller, id).await.map(axum::Json)
}

/// Remove our service-hook subscriptions from Azure DevOps
#[utoipa::path(delete, path = "/connections/{id}/hooks", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Connection)))]
async fn remove_hooks(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ConnectionId>,
) -> Answer<axum::Json<Connection>> {
    app.engine.unsubscribe_hooks(id, &caller.actor()).await?;
    read_connection(&app, &caller, id).await.map(axum::Json)
}

/// Projects of the organization
#[utoipa::path(get, path = "/connections/{id}/projects", tag = "Connections", params(("id" = ConnectionId, Path)),
    responses((status = 200, body = Page<BoardProject>)))]
async fn list_projects(
    State(app): State<App>,
    Path(id): Path<ConnectionId>,
) -> Answer<axum::Json<Page<BoardProject>>> {
    let projects = app.engine.projects(id).await?;
    let items =
        projects.into_iter().map(|project| BoardProject { id: project.id, name: project.name }).collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Teams of a project
#[utoipa::path(get, path = "/connections/{id}/projects/{project}/teams", tag = "Connections",
    params(("id" = ConnectionId, Path), ("project" = String, Path, description = "Name or id")),
    responses((status = 200, body = Page<BoardTeam>)))]
async fn list_teams(
    State(app): State<App>,
    Path((id, project)): Path<(ConnectionId, String)>,
) -> Answer<axum::Json<Page<BoardTeam>>> {
    let teams = app.engine.teams(id, &project).await?;
    let items = teams
        .into_iter()
        .map(|team| BoardTeam { id: team.id, name: team.name, is_default: team.is_default })
        .collect();
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Boards of a team
#[utoipa::path(get, path = "/connections/{id}/projects/{project}/teams/{team}/boards", tag = "Connections",
    params(
        ("id" = ConnectionId, Path),
        ("project" = String, Path, description = "Name or id"),
        ("team" = String, Path, description = "Name or id")
    ),
    responses((status = 200, body = TeamBoards)))]
async fn list_boards(
    State(app): State<App>,
    Path((id, project, team)): Path<(ConnectionId, String, String)>,
) -> Answer<axum::Json<TeamBoards>> {
    Ok(axum::Json(TeamBoards { boards: app.engine.boards_of(id, &project, &team).await? }))
}

/// Work item types of a project
#[utoipa::path(get, path = "/connections/{id}/projects/{project}/types", tag = "Connections",
    params(("id" = ConnectionId, Path), ("project" = String, Path, description = "Name or id")),
    responses((status = 200, body = ProjectTypes)))]
async fn list_types(
    State(app): State<App>,
    Path((id, project)): Path<(ConnectionId, String)>,
) -> Answer<axum::Json<ProjectTypes>> {
    Ok(axum::Json(ProjectTypes { types: app.engine.work_item_types(id, &project).await? }))
}

/// Fields of a work item type
#[utoipa::path(get, path = "/connections/{id}/projects/{project}/types/{work_item_type}/fields", tag = "Connections",
    params(
        ("id" = ConnectionId, Path),
        ("project" = String, Path, description = "Name or id"),
        ("work_item_type" = String, Path, description = "Name")
    ),
    responses((status = 200, body = TypeFields)))]
async fn list_fields(
    State(app): State<App>,
    Path((id, project, work_item_type)): Path<(ConnectionId, String, String)>,
) -> Answer<axum::Json<TypeFields>> {
    Ok(axum::Json(TypeFields { fields: app.engine.type_fields(id, &project, &work_item_type).await? }))
}
