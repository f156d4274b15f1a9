//! The transport that is used in earnest: HTTP with TLS, under an [`AddressPolicy`].

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use crate::address::AddressPolicy;
use crate::clock::Clock;
use crate::transport::{Request, Response, Transport, TransportError};

/// Answers larger than this (decompressed, in bytes) are not read: nothing we ask for comes near it.
pub const BODY_LIMIT: usize = 64 * 1024 * 1024;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A write on a connection that the other side is just closing has an unknown outcome; young connections are safer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// HTTP over TCP and TLS. Follows no redirects (they mean a sign-in page), repeats nothing, and uses no proxy of the
/// environment: one must be named, see [`HttpTransport::through_proxy`].
pub struct HttpTransport {
    http: reqwest::Client,
    policy: AddressPolicy,
    clock: Arc<dyn Clock>,
}

impl HttpTransport {
    /// One connection pool for everything that is sent through it.
    ///
    /// # Errors
    /// TLS could not be set up on this machine.
    pub fn new(policy: AddressPolicy, clock: Arc<dyn Clock>) -> Result<Self, TransportError> {
        let http = builder(policy.clone()).no_proxy();
        Self::finish(http, policy, clock)
    }

    /// As [`HttpTransport::new`], but everything goes through an HTTP proxy. The proxy resolves the names then, so of
    /// the policy only scheme and literal addresses are checked here.
    ///
    /// # Errors
    /// TLS could not be set up on this machine, or `proxy` is not the address of a proxy.
    pub fn through_proxy(
        policy: AddressPolicy,
        proxy: &Url,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        let all =
            reqwest::Proxy::all(proxy.clone()).map_err(|error| TransportError::NotSent(chain(&error)))?;
        // The proxy itself is inside, as a rule; that allows nothing else there.
        let http = builder(policy.clone().allowing(proxy)).proxy(all);
        Self::finish(http, policy, clock)
    }

    fn finish(
        http: reqwest::ClientBuilder,
        policy: AddressPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        let http = http.build().map_err(|error| TransportError::NotSent(chain(&error)))?;
        Ok(Self { http, policy, clock })
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let sent = self
            .http
            .request(request.method, request.url)
            .headers(request.headers)
            .body(request.body)
            .send()
            .await;
        let mut answer = sent.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                TransportError::NotSent(chain(&error))
            } else {
                TransportError::NoAnswer(chain(&error))
            }
        })?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) =
            answer.chunk().await.map_err(|error| TransportError::NoAnswer(chain(&error)))?
        {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(TransportError::NoAnswer(format!(
                    "the answer is larger than {BODY_LIMIT} bytes"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status, headers, body: Bytes::from(body) })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.policy.check(&request.url).map_err(|refused| TransportError::NotSent(refused.to_string()))?;
        let Ok(left) = (request.deadline - self.clock.now()).to_std() else {
            return Err(TransportError::NotSent("the deadline had passed".into()));
        };
        if left.is_zero() {
            return Err(TransportError::NotSent("the deadline had passed".into()));
        }
        match tokio::time::timeout(left, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => {
                Err(TransportError::NoAnswer(format!("nothing came back within {:.1} s", left.as_secs_f64())))
            }
        }
    }
}

fn builder(resolving: AddressPolicy) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(Arc::new(CheckedResolver { policy: resolving }))
}

/// Asks the system, then lets the policy choose among the addresses.
struct CheckedResolver {
    policy: AddressPolicy,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let policy = self.policy.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let addresses = found.iter().map(SocketAddr::ip).collect();
            let allowed = policy.keep_allowed(name.as_str(), addresses)?;
            let addresses: Addrs = Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

/// An error with its causes on one line. The address is left out: the caller names what was asked.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(next) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&next.to_string());
        cause = next.source();
    }
    if text.is_empty() { "the connection failed".to_owned() } else { text }
}
