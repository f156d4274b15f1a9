//! Random values that stand for somebody: made here, shown once, kept only as a hash.
//!
//! They have 256 random bits, so one round of SHA-256 is enough, and looking the hash up tells an attacker nothing by
//! its time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Value of a new session's cookie.
pub(crate) fn new_session() -> String {
    random()
}

/// A new API token. The prefix lets secret scanners and people recognise it.
pub(crate) fn new_token() -> String {
    format!("lst_{}", random())
}

/// A password for somebody who has none yet: 120 random bits in letters that are not mixed up.
pub(crate) fn new_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";
    let letters: Vec<char> =
        rand::random::<[u8; 24]>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    letters.chunks(6).map(|chunk| chunk.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
