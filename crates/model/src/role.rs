//! What people and programs may do here.

use serde::{Deserialize, Serialize};

/// What a caller may do; each includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Read everything but secrets.
    Reader,
    /// Import reports and read.
    Importer,
    /// Comment on tickets, split and move them, say that something is fixed, and ask for decisions.
    Developer,
    /// Decide about findings, reconcile tickets.
    Analyst,
    /// Write templates and suppression rules; grant acceptances for many findings, extend and revoke them.
    SecurityManager,
    /// Everything.
    Administrator,
}

impl Role {
    /// All of them, least first.
    pub const ALL: [Self; 6] = [
        Self::Reader,
        Self::Importer,
        Self::Developer,
        Self::Analyst,
        Self::SecurityManager,
        Self::Administrator,
    ];

    /// The word for it in code, database, API and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Importer => "importer",
            Self::Developer => "developer",
            Self::Analyst => "analyst",
            Self::SecurityManager => "security_manager",
            Self::Administrator => "administrator",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == word).ok_or(())
    }
}
