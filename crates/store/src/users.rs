//! People who can sign in.

use chrono::{DateTime, Utc};
use model::UserId;

use crate::{Result, Row, Tx, args};

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Name as it was given. Names are compared without case.
    pub name: String,
    /// What the person may do, as the API words it.
    pub role: String,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// A user and the Argon2 hash (PHC string) of the password.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// Hash of the password.
    pub password_hash: String,
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        name: row.text("name")?,
        role: row.text("role")?,
        created_at: row.time("created_at")?,
    })
}

/// At least one user exists.
///
/// # Errors
/// If the database refuses.
pub async fn any(tx: &mut Tx) -> Result<bool> {
    Ok(tx.first("SELECT id FROM app_user LIMIT 1", args![]).await?.is_some())
}

/// Adds a user.
///
/// # Errors
/// If the name is taken ([`crate::Error::is_duplicate`]) or the database refuses.
pub async fn create(tx: &mut Tx, user: &User, password_hash: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO app_user (id, name, name_folded, password_hash, role, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        args![user.id, &user.name, user.name.to_lowercase(), password_hash, &user.role, user.created_at],
    )
    .await?;
    Ok(())
}

/// The user of that name, without regard to case.
///
/// # Errors
/// If the database refuses.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<Credentials>> {
    let row = tx
        .first(
            "SELECT id, name, role, created_at, password_hash FROM app_user WHERE name_folded = $1",
            args![name.to_lowercase()],
        )
        .await?;
    row.map(|row| Ok(Credentials { user: user(&row)?, password_hash: row.text("password_hash")? }))
        .transpose()
}

/// The user with that id.
///
/// # Errors
/// If the database refuses.
pub async fn by_id(tx: &mut Tx, id: UserId) -> Result<Option<Credentials>> {
    let row = tx
        .first("SELECT id, name, role, created_at, password_hash FROM app_user WHERE id = $1", args![id])
        .await?;
    row.map(|row| Ok(Credentials { user: user(&row)?, password_hash: row.text("password_hash")? }))
        .transpose()
}

/// Replaces the hash of a user's password. Answers whether there is such a user.
///
/// # Errors
/// If the database refuses.
pub async fn set_password(tx: &mut Tx, id: UserId, password_hash: &str) -> Result<bool> {
    let changed =
        tx.execute("UPDATE app_user SET password_hash = $2 WHERE id = $1", args![id, password_hash]).await?;
    Ok(changed > 0)
}
