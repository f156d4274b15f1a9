//! Passwords: hashed with Argon2id away from the threads that serve requests, a bounded number at a time, because each
//! hash takes 19 MiB and some tens of milliseconds.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::problem::{Answer, Failure};

/// Fewest characters of a new password.
pub(crate) const MIN_LENGTH: usize = 12;

/// Most bytes of a password that is looked at, so that nobody can make us hash a novel.
pub(crate) const MAX_BYTES: usize = 1024;

static AT_WORK: Semaphore = Semaphore::const_new(2);

async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Answer<T> {
    let permit = AT_WORK.acquire().await.map_err(|closed| Failure::internal(&closed))?;
    let result = tokio::task::spawn_blocking(work).await.map_err(|stopped| Failure::internal(&stopped));
    drop(permit);
    result
}

/// Hashes a password, as a PHC string with its own salt.
pub(crate) async fn hash(password: String) -> Answer<String> {
    away(move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
        .await?
        .map_err(|error| Failure::internal(&error))
}

/// Whether the password belongs to the hash. Without a hash (no such user) it takes the same time and says no.
pub(crate) async fn verify(password: String, hash: Option<String>) -> Answer<bool> {
    away(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.to_owned());
        let fits = PasswordHash::new(&hash)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        fits && known
    })
    .await
}

/// A hash with the parameters of [`hash`] that stands in where there is no user.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LWhhcy10aGlz$dGhlcmUgaXMgbm8gdXNlciB3aXRoIHRoaXMgbmFtZSE";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let hashed = hash("correct horse battery".into()).await.unwrap();
        assert!(verify("correct horse battery".into(), Some(hashed.clone())).await.unwrap());
        assert!(!verify("correct horse batterz".into(), Some(hashed)).await.unwrap());
        assert!(!verify("correct horse battery".into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn the_stand_in_for_unknown_users_costs_what_a_real_hash_costs() {
        let real = hash("x".into()).await.unwrap();
        let cost = |hash: &str| PasswordHash::new(hash).unwrap().params.to_string();
        assert_eq!(cost(NOBODY), cost(&real));
    }
}
