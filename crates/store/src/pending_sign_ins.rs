//! Sign-ins that people began in a browser and that have not come back yet. Every replica can finish them.

use chrono::{DateTime, Utc};

use crate::{Result, Tx, args};

/// A sign-in under way. Only the session that began it can go on with it, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingSignIn {
    /// SHA-256 of the random value that the browser brings back.
    pub state_hash: Vec<u8>,
    /// SHA-256 of the session's cookie.
    pub session_hash: Vec<u8>,
    /// What is needed to go on, sealed.
    pub sealed: Vec<u8>,
    /// It is of no use from then on.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a sign-in that began.
///
/// # Errors
/// If the database refuses.
pub async fn add(tx: &mut Tx, pending: &PendingSignIn) -> Result<()> {
    tx.execute(
        "INSERT INTO pending_sign_in (state_hash, session_hash, sealed, expires_at) VALUES ($1, $2, $3, $4)",
        args![
            pending.state_hash.clone(),
            pending.session_hash.clone(),
            pending.sealed.clone(),
            pending.expires_at
        ],
    )
    .await?;
    Ok(())
}

/// Takes out the sign-in of that state, if the session began it and it is still valid. It can be taken once, whoever
/// else tries at the same time.
///
/// # Errors
/// If the database refuses.
pub async fn take(
    tx: &mut Tx,
    state_hash: &[u8],
    session_hash: &[u8],
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>> {
    let found = tx
        .first(
            "SELECT sealed FROM pending_sign_in WHERE state_hash = $1 AND session_hash = $2 AND expires_at > $3",
            args![state_hash.to_vec(), session_hash.to_vec(), now],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let taken =
        tx.execute("DELETE FROM pending_sign_in WHERE state_hash = $1", args![state_hash.to_vec()]).await?;
    if taken == 1 { row.bytes("sealed").map(Some) } else { Ok(None) }
}

/// Removes what nobody came back for. Answers how many.
///
/// # Errors
/// If the database refuses.
pub async fn delete_expired(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    tx.execute("DELETE FROM pending_sign_in WHERE expires_at <= $1", args![now]).await
}
