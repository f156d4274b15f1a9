//! Secrets at rest: XChaCha20-Poly1305 with a random nonce. Each value is bound to the row it belongs to, so that a
//! sealed secret copied to another row cannot be opened there.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

const NONCE: usize = 24;
const KEY_ID: usize = 4;

/// The key that secrets are sealed with.
pub struct Keys {
    key: SecretBox<[u8; 32]>,
    /// Stands in front of each sealed value, so that a later rotation can tell keys apart.
    id: [u8; KEY_ID],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Keys from 32 secret bytes.
    pub fn new(key: [u8; 32]) -> Self {
        let digest = Sha256::digest(key);
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Self { key: SecretBox::new(Box::new(key)), id }
    }

    /// 32 new secret bytes.
    pub fn generate() -> [u8; 32] {
        rand::random()
    }

    /// Seals a secret for a row. `row` names it, such as `connection/<id>/secret`.
    pub fn seal(&self, row: &str, secret: &SecretString) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload { msg: secret.expose_secret().as_bytes(), aad: row.as_bytes() },
            )
            // It fails only for messages of more than 256 GiB.
            .expect("a secret is short");
        [self.id.as_slice(), &nonce, &sealed].concat()
    }

    /// Opens a sealed secret of a row.
    ///
    /// # Errors
    /// If it was sealed with another key or for another row, or was damaged.
    pub fn open(&self, row: &str, sealed: &[u8]) -> Result<SecretString> {
        let refused = || Error::Secret(row.to_owned());
        if sealed.len() < KEY_ID + NONCE || sealed[..KEY_ID] != self.id {
            return Err(refused());
        }
        let (nonce, sealed) = sealed[KEY_ID..].split_at(NONCE);
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| refused())?;
        let opened = self
            .cipher()
            .decrypt(&XNonce::from(nonce), Payload { msg: sealed, aad: row.as_bytes() })
            .map_err(|_| refused())?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| refused())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.key.expose_secret().into())
    }
}

/// The hash under which a random secret is found again. Not for passwords: they need a slow hash.
pub fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_only_with_its_key_and_in_its_row() {
        let keys = Keys::new([7; 32]);
        let sealed = keys.seal("connection/1", &"token".into());
        assert!(!sealed.windows(5).any(|window| window == b"token"));
        assert_eq!(keys.open("connection/1", &sealed).unwrap().expose_secret(), "token");
        assert!(keys.open("connection/2", &sealed).is_err());
        assert!(Keys::new([8; 32]).open("connection/1", &sealed).is_err());
        let mut damaged = sealed.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(keys.open("connection/1", &damaged).is_err());
        assert!(keys.open("connection/1", &sealed[..10]).is_err());
    }
}
