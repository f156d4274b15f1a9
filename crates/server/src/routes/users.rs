//! People who can sign in, and who they are on boards.

use api::{FieldProblem, NewUser, Page, Role, User, UserChange};
use axum::extract::State;
use http::StatusCode;
use model::UserId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::access::{Caller, passwords, policy, record};
use crate::extract::{Json, Path};
use crate::problem::{Answer, Failure};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_users, create_user)).routes(routes!(change_user, delete_user))
}

fn shown(user: store::users::User) -> Answer<User> {
    Ok(User {
        id: user.id,
        name: user.name,
        role: policy::role(&user.role)?,
        address: user.address,
        board_identity: user.board_identity,
        created_at: user.created_at,
    })
}

fn refused(pointer: &str, detail: &str, next_step: &str) -> Failure {
    Failure::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "user_refused",
        "The user was not saved",
        detail,
        next_step,
    )
    .with_fields(vec![FieldProblem { pointer: pointer.to_owned(), detail: detail.to_owned() }])
}

fn checked(pointer: &str, text: Option<&str>) -> Answer<()> {
    match text {
        Some(text) if text.chars().count() > 320 || text.chars().any(char::is_control) => {
            Err(refused(pointer, "It has more than 320 characters, or ones that nobody sees.", "Shorten it."))
        }
        _ => Ok(()),
    }
}

fn taken(error: store::Error) -> Failure {
    if error.is_duplicate() {
        return refused(
            "/name",
            "Another user has the name, the address or the identity.",
            "Choose another one, or change the other user.",
        );
    }
    error.into()
}

/// Users by name
#[utoipa::path(get, path = "/users", tag = "Access", responses((status = 200, body = Page<User>)))]
async fn list_users(State(app): State<App>) -> Answer<axum::Json<Page<User>>> {
    let mut tx = app.db.read().await?;
    let rows = store::users::all(&mut tx).await?;
    let items = rows.into_iter().map(shown).collect::<Answer<Vec<User>>>()?;
    Ok(axum::Json(Page { items, next_cursor: None }))
}

/// Make a user
#[utoipa::path(post, path = "/users", tag = "Access", request_body = NewUser,
    responses((status = 201, body = User)))]
async fn create_user(
    State(app): State<App>,
    caller: Caller,
    Json(new): Json<NewUser>,
) -> Answer<(StatusCode, axum::Json<User>)> {
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(refused("/name", "The name must have 1 to 100 characters.", "Choose another name."));
    }
    if new.password.chars().count() < passwords::MIN_LENGTH || new.password.len() > passwords::MAX_BYTES {
        return Err(refused(
            "/password",
            "The password must have at least 12 characters and at most 1,024 bytes.",
            "Choose another password.",
        ));
    }
    checked("/address", new.address.as_deref())?;
    checked("/board_identity", new.board_identity.as_deref())?;
    let user = store::users::User {
        id: app.id(),
        name: name.to_owned(),
        role: policy::word(new.role).to_owned(),
        address: new.address,
        board_identity: new.board_identity,
        created_at: app.now(),
    };
    let hash = passwords::hash(new.password).await?;
    let mut tx = app.db.begin().await?;
    store::users::create(&mut tx, &user, &hash).await.map_err(taken)?;
    record(&app, &mut tx, "user", user.id.0, &caller, format!("User {name} made: {}.", user.role)).await?;
    tx.commit().await?;
    let mut tx = app.db.read().await?;
    let stored = store::users::by_id(&mut tx, user.id).await?.ok_or_else(|| Failure::not_found("user"))?;
    Ok((StatusCode::CREATED, axum::Json(shown(stored.user)?)))
}

/// Nobody could undo it.
async fn last_administrator(tx: &mut store::Tx, id: UserId) -> Answer<bool> {
    let users = store::users::all(tx).await?;
    let is_administrator = |user: &&store::users::User| user.role == policy::word(Role::Administrator);
    let mut administrators = users.iter().filter(is_administrator);
    Ok(administrators.next().is_some_and(|only| only.id == id) && administrators.next().is_none())
}

/// Change role, address or identity of a user
#[utoipa::path(patch, path = "/users/{id}", tag = "Access", params(("id" = UserId, Path)), request_body = UserChange,
    responses((status = 200, body = User)))]
async fn change_user(
    State(app): State<App>,
    Path(id): Path<UserId>,
    caller: Caller,
    Json(change): Json<UserChange>,
) -> Answer<axum::Json<User>> {
    checked("/address", change.address.as_deref())?;
    checked("/board_identity", change.board_identity.as_deref())?;
    let mut tx = app.db.begin().await?;
    let stored = store::users::by_id(&mut tx, id).await?.ok_or_else(|| Failure::not_found("user"))?;
    let mut user = stored.user;
    if let Some(role) = change.role {
        if role != Role::Administrator && last_administrator(&mut tx, id).await? {
            return Err(refused(
                "/role",
                "This is the last administrator.",
                "Make somebody else an administrator first.",
            ));
        }
        user.role = policy::word(role).to_owned();
    }
    user.address = change.address.or(user.address);
    user.board_identity = change.board_identity.or(user.board_identity);
    store::users::save(&mut tx, &user).await.map_err(taken)?;
    record(&app, &mut tx, "user", id.0, &caller, format!("User {} changed: {}.", user.name, user.role))
        .await?;
    tx.commit().await?;
    let mut tx = app.db.read().await?;
    let stored = store::users::by_id(&mut tx, id).await?.ok_or_else(|| Failure::not_found("user"))?;
    shown(stored.user).map(axum::Json)
}

/// Remove a user
#[utoipa::path(delete, path = "/users/{id}", tag = "Access", params(("id" = UserId, Path)),
    responses((status = 204)))]
async fn delete_user(State(app): State<App>, Path(id): Path<UserId>, caller: Caller) -> Answer<StatusCode> {
    let mut tx = app.db.begin().await?;
    let stored = store::users::by_id(&mut tx, id).await?.ok_or_else(|| Failure::not_found("user"))?;
    if last_administrator(&mut tx, id).await? {
        return Err(refused(
            "/role",
            "This is the last administrator.",
            "Make somebody else an administrator first.",
        ));
    }
    store::users::delete(&mut tx, id).await?;
    record(&app, &mut tx, "user", id.0, &caller, format!("User {} removed.", stored.user.name)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
