//! Workload identity federation: a token of the platform stands in for a client secret (azure-devops.md section 4.1).

use std::path::Path;

use secrecy::SecretString;
use tokio::io::AsyncReadExt as _;

use crate::error::{Error, SignInFailure};

/// What a token request says about the assertion it brings.
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion has a few thousand bytes; a file that has more is another one.
const LONGEST: u64 = 64 * 1024;

/// The assertion as the platform last wrote it: it is replaced every few minutes to hours, so it is read each time.
pub(super) async fn read_assertion(operation: &str, file: &Path) -> Result<SecretString, Error> {
    let unusable = |reason: String| Error::SignIn {
        operation: operation.to_owned(),
        why: SignInFailure::AssertionUnreadable(reason),
    };
    let mut text = String::new();
    let opened = tokio::fs::File::open(file).await.map_err(|error| unusable(error.kind().to_string()))?;
    let read = opened.take(LONGEST).read_to_string(&mut text).await;
    read.map_err(|error| unusable(error.kind().to_string()))?;
    match text.trim() {
        "" => Err(unusable("it is empty".into())),
        // Sent as it is; what it says is for Entra to judge.
        assertion => Ok(SecretString::from(assertion)),
    }
}
