//! How connections sign in: what a person gives, what is shown, and the way through a browser.

use chrono::{DateTime, Utc};
use model::ConnectionId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Connection;

/// How a connection signs in, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum SignInShown {
    /// Personal access token.
    PersonalAccessToken,
    /// Microsoft Entra application with a client secret.
    ClientSecret {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
    /// The identity that Azure gave the machine of the server.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    },
    /// Microsoft Entra application that trusts the platform of the server.
    WorkloadIdentity {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
    /// A person who signed in with Microsoft.
    Person {
        /// Tenant id or domain, or `organizations`.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// Name of the person in Azure DevOps.
        name: String,
    },
}

/// How a connection signs in, as given. A person signs in with a browser: see `POST /api/v1/connections/sign-in`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum SignInMethod {
    /// Personal access token with scope Work Items (read & write).
    PersonalAccessToken {
        /// The token.
        token: String,
    },
    /// Microsoft Entra application with a client secret.
    ClientSecret {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
        /// The secret's value (not its id).
        client_secret: String,
        /// Where tokens are issued; the server's setting if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<String>,
    },
    /// The identity that Azure gave the machine of the server, if its operator allows it.
    ManagedIdentity {
        /// Client id of a user-assigned identity; the machine's own if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client_id: Option<String>,
    },
    /// Microsoft Entra application that trusts the platform of the server, if its operator allows it.
    WorkloadIdentity {
        /// Tenant id or domain.
        tenant: String,
        /// Application (client) id.
        client_id: String,
    },
}

/// What this server offers. Answer of `GET /api/v1/connections/sign-in`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInOptions {
    /// The redirect address to register in Entra for signing in with Microsoft.
    pub redirect_uri: String,
    /// Connections may use the managed identity of the machine.
    pub managed_identity: bool,
    /// Connections may use workload identity federation.
    pub workload_identity: bool,
}

/// Body of `POST /api/v1/connections/sign-in`: a new connection, or one that is there.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct BeginSignIn {
    /// The connection that gets the sign-in; a new one is made if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_id: Option<ConnectionId>,
    /// Name of the new connection; "Azure" if left blank.
    #[serde(default)]
    pub name: String,
    /// Remark of the new connection.
    #[serde(default)]
    pub description: String,
    /// Instance of the new connection; `https://dev.azure.com` if left blank.
    #[serde(default)]
    pub instance_url: String,
    /// Organization of the new connection; asked for after the sign-in if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The application to sign in with; that of the connection if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<SignInApplication>,
}

/// A Microsoft Entra application that people sign in with.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignInApplication {
    /// Tenant id or domain; any work or school account if left blank.
    #[serde(default)]
    pub tenant: String,
    /// Application (client) id.
    pub client_id: String,
    /// The secret's value, if the redirect address is registered under "Web".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
}

/// A sign-in that began.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInBegun {
    /// Where the browser must go.
    pub authorize_url: String,
    /// Until when it must be back.
    pub expires_at: DateTime<Utc>,
}

/// Body of `POST /api/v1/connections/sign-in/finish`: what the browser brought back to the redirect address.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct FinishSignIn {
    /// Says which sign-in it is. Used up by this call.
    pub state: String,
    /// The code, if the sign-in went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The error, if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What Entra says about the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// How a sign-in went on: with a connection, or with the question which organization it is for.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SignInProgress {
    /// The connection, if it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// For `POST /api/v1/connections/sign-in/organization`, if the organization must be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Organizations that the person is a member of; empty if they cannot be listed.
    pub organizations: Vec<BoardOrganization>,
}

/// Body of `POST /api/v1/connections/sign-in/organization`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ChooseOrganization {
    /// Says which sign-in it is.
    pub state: String,
    /// Name of the organization.
    pub organization: String,
}

/// An organization that an identity is a member of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BoardOrganization {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
}

/// Body of `POST /api/v1/connections/organizations`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct ListOrganizations {
    /// Instance; `https://dev.azure.com` if left blank.
    #[serde(default)]
    pub instance_url: String,
    /// How to sign in.
    pub sign_in: SignInMethod,
}
