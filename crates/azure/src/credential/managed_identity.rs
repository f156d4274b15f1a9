//! Managed identities: Azure itself vouches for the machine, nothing secret is stored (azure-devops.md section 4.1).
//!
//! Whoever may ask the endpoint gets the machine's identity. So it is for the operator of a server to allow it, and
//! its questions go through a transport of their own: the one for boards must not be able to reach the endpoint.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::RESOURCE;
use super::exchange::{Exchange, Granted};
use super::failure::Whose;
use crate::address::AddressPolicy;
use crate::clock::Clock;
use crate::error::Error;
use crate::http_transport::HttpTransport;
use crate::transport::{Transport, TransportError};

/// Where this machine gets tokens for its managed identity.
#[derive(Clone, Debug)]
pub enum IdentityEndpoint {
    /// Instance metadata of virtual machines, scale sets and Kubernetes nodes.
    InstanceMetadata {
        /// Address of the service; [`IdentityEndpoint::instance_metadata`] knows the usual one.
        address: Url,
    },
    /// The endpoint that App Service, Functions and Container Apps give to a process (`IDENTITY_ENDPOINT`).
    AppService {
        /// Complete address of the endpoint.
        address: Url,
        /// What it wants to see (`IDENTITY_HEADER`).
        header: SecretString,
    },
}

impl IdentityEndpoint {
    /// Instance metadata at its fixed link-local address.
    pub fn instance_metadata() -> Self {
        Self::InstanceMetadata {
            address: Url::parse("http://169.254.169.254").expect("the address is a constant"),
        }
    }

    /// What the environment of the process says: App Service's pair of variables, else instance metadata.
    /// `variable` reads one of them.
    ///
    /// # Errors
    /// `IDENTITY_ENDPOINT` is set, but is not an address, or comes without `IDENTITY_HEADER`; the text says which.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let Some(address) = set("IDENTITY_ENDPOINT") else { return Ok(Self::instance_metadata()) };
        let address = Url::parse(address.trim())
            .map_err(|error| format!("IDENTITY_ENDPOINT is not an address: {error}"))?;
        let header = set("IDENTITY_HEADER").ok_or("IDENTITY_ENDPOINT is set without IDENTITY_HEADER")?;
        Ok(Self::AppService { address, header: SecretString::from(header) })
    }

    fn address(&self) -> &Url {
        match self {
            Self::InstanceMetadata { address } | Self::AppService { address, .. } => address,
        }
    }
}

/// The managed identity of this machine, ready to be asked.
#[derive(Clone)]
pub struct ManagedIdentity {
    endpoint: IdentityEndpoint,
    transport: Arc<dyn Transport>,
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentity").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl ManagedIdentity {
    /// With a transport that reaches nothing internal but the endpoint, and uses no proxy.
    ///
    /// # Errors
    /// TLS could not be set up on this machine.
    pub fn new(endpoint: IdentityEndpoint, clock: Arc<dyn Clock>) -> Result<Self, TransportError> {
        let policy = AddressPolicy::public_only().allowing(endpoint.address());
        Ok(Self { transport: Arc::new(HttpTransport::new(policy, clock)?), endpoint })
    }

    /// With a given transport.
    pub fn through(endpoint: IdentityEndpoint, transport: Arc<dyn Transport>) -> Self {
        Self { endpoint, transport }
    }

    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// A token for Azure DevOps. It cannot be asked for claims: a withdrawn token is replaced when the platform does.
    pub(super) async fn ask(
        &self,
        exchange: &Exchange<'_>,
        client_id: Option<&str>,
    ) -> Result<Granted, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (mut url, version) = match &self.endpoint {
            IdentityEndpoint::InstanceMetadata { address } => {
                headers.insert(HeaderName::from_static("metadata"), HeaderValue::from_static("true"));
                let mut url = address.clone();
                if let Ok(mut path) = url.path_segments_mut() {
                    path.pop_if_empty().extend(["metadata", "identity", "oauth2", "token"]);
                }
                (url, "2018-02-01")
            }
            IdentityEndpoint::AppService { address, header } => {
                let mut value = HeaderValue::from_str(header.expose_secret().trim()).map_err(|_| {
                    exchange.not_sent("IDENTITY_HEADER holds characters that no header has".into())
                })?;
                value.set_sensitive(true);
                headers.insert(HeaderName::from_static("x-identity-header"), value);
                (address.clone(), "2019-08-01")
            }
        };
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", RESOURCE);
        if let Some(client_id) = client_id {
            url.query_pairs_mut().append_pair("client_id", client_id.trim());
        }
        exchange.ask(Method::GET, &url, &headers, Bytes::new(), Whose::Machine).await
    }
}
