//! Sessions of people: what stands behind a browser's cookie. Only the SHA-256 of the cookie's random value is stored.

use chrono::{DateTime, Utc};
use model::UserId;

use crate::{Result, Tx, args};

/// A session that is still valid, with its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who signed in.
    pub user_id: UserId,
    /// Name of the user.
    pub user_name: String,
    /// Role of the user now, not at sign-in.
    pub role: String,
    /// When it ends if it is not used.
    pub expires_at: DateTime<Utc>,
}

/// Begins a session.
///
/// # Errors
/// If the database refuses.
pub async fn create(
    tx: &mut Tx,
    secret_hash: &[u8; 32],
    user_id: UserId,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO session (secret_hash, user_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
        args![secret_hash.to_vec(), user_id, now, expires_at],
    )
    .await?;
    Ok(())
}

/// The session of that secret, if it is valid at `now`.
///
/// # Errors
/// If the database refuses.
pub async fn find(tx: &mut Tx, secret_hash: &[u8; 32], now: DateTime<Utc>) -> Result<Option<Session>> {
    let row = tx
        .first(
            "SELECT s.user_id, s.expires_at, u.name, u.role FROM session s JOIN app_user u ON u.id = s.user_id
             WHERE s.secret_hash = $1 AND s.expires_at > $2",
            args![secret_hash.to_vec(), now],
        )
        .await?;
    row.map(|row| {
        Ok(Session {
            user_id: row.id("user_id")?,
            user_name: row.text("name")?,
            role: row.text("role")?,
            expires_at: row.time("expires_at")?,
        })
    })
    .transpose()
}

/// Moves the end of a session.
///
/// # Errors
/// If the database refuses.
pub async fn extend(tx: &mut Tx, secret_hash: &[u8; 32], expires_at: DateTime<Utc>) -> Result<()> {
    tx.execute(
        "UPDATE session SET expires_at = $2 WHERE secret_hash = $1",
        args![secret_hash.to_vec(), expires_at],
    )
    .await?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, secret_hash: &[u8; 32]) -> Result<()> {
    tx.execute("DELETE FROM session WHERE secret_hash = $1", args![secret_hash.to_vec()]).await?;
    Ok(())
}

/// Ends all sessions of a user but one: what follows a change of the password.
///
/// # Errors
/// If the database refuses.
pub async fn delete_others(tx: &mut Tx, user_id: UserId, keep: &[u8; 32]) -> Result<u64> {
    tx.execute("DELETE FROM session WHERE user_id = $1 AND secret_hash <> $2", args![user_id, keep.to_vec()])
        .await
}

/// Removes the sessions that ended before `now`. Answers how many.
///
/// # Errors
/// If the database refuses.
pub async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    tx.execute("DELETE FROM session WHERE expires_at <= $1", args![now]).await
}
