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
    /// Address by which boards know the person.
    pub address: Option<String>,
    /// Identity of the boards' directory.
    pub board_identity: Option<String>,
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
        address: row.opt_text("address")?,
        board_identity: row.opt_text("board_identity")?,
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
        "INSERT INTO app_user (id, name, name_folded, password_hash, role, address, board_identity, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        args![
            user.id,
            &user.name,
            user.name.to_lowercase(),
            password_hash,
            &user.role,
            folded(user.address.as_deref()),
            folded(user.board_identity.as_deref()),
            user.created_at,
        ],
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
            "SELECT id, name, role, address, board_identity, created_at, password_hash FROM app_user WHERE name_folded = $1",
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
        .first("SELECT id, name, role, address, board_identity, created_at, password_hash FROM app_user WHERE id = $1", args![id])
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

/// Blank is none; addresses and identities compare without case.
fn folded(text: Option<&str>) -> Option<String> {
    text.map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty())
}

/// All users by name.
///
/// # Errors
/// If the database refuses.
pub async fn all(tx: &mut Tx) -> Result<Vec<User>> {
    tx.all(
        "SELECT id, name, role, address, board_identity, created_at FROM app_user ORDER BY name_folded",
        args![],
    )
    .await?
    .iter()
    .map(user)
    .collect()
}

/// Stores role, address and identity of a user. Answers whether there is such a user.
///
/// # Errors
/// If another user has the address or the identity ([`crate::Error::is_duplicate`]), or the database refuses.
pub async fn save(tx: &mut Tx, user: &User) -> Result<bool> {
    let changed = tx
        .execute(
            "UPDATE app_user SET role = $2, address = $3, board_identity = $4 WHERE id = $1",
            args![
                user.id,
                &user.role,
                folded(user.address.as_deref()),
                folded(user.board_identity.as_deref()),
            ],
        )
        .await?;
    Ok(changed > 0)
}

/// Deletes a user with all sessions.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.execute("DELETE FROM app_user WHERE id = $1", args![id]).await?;
    Ok(())
}

/// The user who is this person on a board: by the identity of the directory, else by the address.
///
/// # Errors
/// If the database refuses.
pub async fn on_board(tx: &mut Tx, identity: &str, address: &str) -> Result<Option<User>> {
    let columns = "SELECT id, name, role, address, board_identity, created_at FROM app_user";
    for (column, value) in [("board_identity", identity), ("address", address)] {
        let Some(value) = folded(Some(value)) else { continue };
        let row = tx.first(crate::Composed(format!("{columns} WHERE {column} = $1")), args![value]).await?;
        if let Some(row) = row {
            return user(&row).map(Some);
        }
    }
    Ok(None)
}
