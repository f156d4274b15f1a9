//! Sign-in, sessions and API tokens.

use chrono::{DateTime, Utc};
use model::{TokenId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use model::role::Role;

/// Body of `POST /api/v1/session`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignIn {
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

/// Who is calling: answer of `GET /api/v1/session`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The user, if the call comes from a person.
    pub user_id: Option<UserId>,
    /// Name of the user or of the token.
    pub name: String,
    /// What the caller may do.
    pub role: Role,
}

/// Body of `POST /api/v1/session/password`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChangePassword {
    /// Password until now.
    pub current: String,
    /// New password, at least 12 characters.
    pub new: String,
}

/// Body of `POST /api/v1/tokens`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it stops working; never if absent.
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Identity.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used (to the minute).
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Answer of `POST /api/v1/tokens`: the only time the secret is shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    #[serde(flatten)]
    pub token: Token,
    /// Send it as `Authorization: Bearer <secret>`.
    pub secret: String,
}

/// A person who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Identity.
    pub id: UserId,
    /// Name to sign in with.
    pub name: String,
    /// What the person may do.
    pub role: Role,
    /// Address by which boards know the person: commands in comments are obeyed for it.
    pub address: Option<String>,
    /// Identity of the person in the boards' directory; it counts before the address.
    pub board_identity: Option<String>,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// Body of `POST /api/v1/users`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct NewUser {
    /// Name to sign in with, 1 to 100 characters.
    pub name: String,
    /// First password, at least 12 characters; the person changes it.
    pub password: String,
    /// What the person may do.
    pub role: Role,
    /// Address by which boards know the person.
    #[serde(default)]
    pub address: Option<String>,
    /// Identity of the person in the boards' directory.
    #[serde(default)]
    pub board_identity: Option<String>,
}

/// Body of `PATCH /api/v1/users/{id}`. What is absent stays; an empty text takes away.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct UserChange {
    /// New role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// New address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// New identity in the boards' directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub board_identity: Option<String>,
}
