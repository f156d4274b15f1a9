//! API tokens: credentials of pipelines. Only the SHA-256 of the token's random value is stored.

use chrono::{DateTime, Utc};
use model::TokenId;

use crate::{Result, Row, Tx, args};

/// An API token without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Identity.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do, as the API words it.
    pub role: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working; never if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

fn token(row: &Row) -> Result<Token> {
    Ok(Token {
        id: row.id("id")?,
        name: row.text("name")?,
        role: row.text("role")?,
        created_at: row.time("created_at")?,
        expires_at: row.opt_time("expires_at")?,
        last_used_at: row.opt_time("last_used_at")?,
    })
}

/// Adds a token.
///
/// # Errors
/// If the database refuses.
pub async fn create(tx: &mut Tx, token: &Token, secret_hash: &[u8; 32]) -> Result<()> {
    tx.execute(
        "INSERT INTO api_token (id, name, secret_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        args![token.id, &token.name, secret_hash.to_vec(), &token.role, token.created_at, token.expires_at],
    )
    .await?;
    Ok(())
}

/// The token of that secret, if it works at `now`.
///
/// # Errors
/// If the database refuses.
pub async fn find(tx: &mut Tx, secret_hash: &[u8; 32], now: DateTime<Utc>) -> Result<Option<Token>> {
    let row = tx
        .first(
            "SELECT id, name, role, created_at, expires_at, last_used_at FROM api_token
             WHERE secret_hash = $1 AND (expires_at IS NULL OR expires_at > $2)",
            args![secret_hash.to_vec(), now],
        )
        .await?;
    row.as_ref().map(token).transpose()
}

/// Remembers that a token was used.
///
/// # Errors
/// If the database refuses.
pub async fn touch(tx: &mut Tx, id: TokenId, at: DateTime<Utc>) -> Result<()> {
    tx.execute("UPDATE api_token SET last_used_at = $2 WHERE id = $1", args![id, at]).await?;
    Ok(())
}

/// Tokens, newest first, older than `before`.
///
/// # Errors
/// If the database refuses.
pub async fn list(tx: &mut Tx, before: Option<TokenId>, limit: u32) -> Result<Vec<Token>> {
    const COLUMNS: &str = "SELECT id, name, role, created_at, expires_at, last_used_at FROM api_token";
    let rows = match before {
        None => tx.all(crate::Composed(format!("{COLUMNS} ORDER BY id DESC LIMIT $1")), args![limit]).await?,
        Some(before) => {
            let sql = format!("{COLUMNS} WHERE id < $2 ORDER BY id DESC LIMIT $1");
            tx.all(crate::Composed(sql), args![limit, before]).await?
        }
    };
    rows.iter().map(token).collect()
}

/// Removes a token, so that it stops working at once. Answers whether there was one.
///
/// # Errors
/// If the database refuses.
pub async fn delete(tx: &mut Tx, id: TokenId) -> Result<bool> {
    Ok(tx.execute("DELETE FROM api_token WHERE id = $1", args![id]).await? > 0)
}
