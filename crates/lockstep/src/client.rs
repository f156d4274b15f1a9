//! Speaks the API, as every client does.

use std::path::Path;
use std::time::Duration;

use api::{Page, Problem};
use clap::Args;
use reqwest::header::{CONTENT_TYPE, COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::exit::{self, CliError};
use crate::login::{self, Saved};
use crate::output::Output;

/// Server that is used if nobody names one.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:7070";

/// How to reach the server, and how to print what it says.
#[derive(Args, Clone, Debug)]
pub(crate) struct ApiArgs {
    /// Address of the Lockstep server [default: that of the saved login, else http://127.0.0.1:7070]
    #[arg(long, env = "LOCKSTEP_URL", global = true, value_name = "URL", help_heading = "Server")]
    url: Option<Url>,
    /// API token; better given by the environment [default: the saved login]
    #[arg(
        long,
        env = "LOCKSTEP_TOKEN",
        hide_env_values = true,
        global = true,
        value_name = "TOKEN",
        help_heading = "Server"
    )]
    token: Option<String>,
    /// Print JSON, as the API says it
    #[arg(long, global = true, help_heading = "Output")]
    json: bool,
}

impl ApiArgs {
    /// How to print.
    pub(crate) fn output(&self) -> Output {
        Output::new(self.json)
    }

    /// The server that is meant.
    pub(crate) fn url(&self) -> Result<Url, CliError> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        let saved = login::load()?.map(|saved| saved.url);
        Ok(saved.unwrap_or_else(|| Url::parse(DEFAULT_URL).expect("the default is a URL")))
    }

    /// A client with the credentials that are meant for that server.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        let url = self.url()?;
        let credential = match &self.token {
            Some(token) => Some(Credential::Token(token.clone())),
            // A saved login is only ever shown to the server it came from.
            None => login::load()?.filter(|saved| saved.url.origin() == url.origin()).map(Credential::of),
        };
        Client::new(url, credential)
    }
}

/// What the client shows to the server.
enum Credential {
    Token(String),
    Session(String),
}

impl Credential {
    fn of(saved: Saved) -> Self {
        match saved.secret {
            login::Secret::Token(token) => Self::Token(token),
            login::Secret::Session(session) => Self::Session(session),
        }
    }
}

/// A client of one server.
pub(crate) struct Client {
    http: reqwest::Client,
    url: Url,
    credential: Option<Credential>,
}

impl Client {
    fn new(url: Url, credential: Option<Credential>) -> Result<Self, CliError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            // A redirect would carry the token to somewhere else.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(CliError::broken)?;
        Ok(Self { http, url, credential })
    }

    /// A client with a saved login.
    pub(crate) fn of(saved: Saved) -> Result<Self, CliError> {
        Self::new(saved.url.clone(), Some(Credential::of(saved)))
    }

    /// A client that shows nothing.
    pub(crate) fn anonymous(url: Url) -> Result<Self, CliError> {
        Self::new(url, None)
    }

    /// A request to `/api/v1/<path>`.
    pub(crate) fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CliError> {
        let url = self
            .url
            .join(&format!("/api/v1/{path}"))
            .map_err(|error| CliError::usage(format!("{} is no address of a server: {error}", self.url)))?;
        let request = self.http.request(method, url);
        Ok(match &self.credential {
            None => request,
            Some(Credential::Token(token)) => request.bearer_auth(token),
            Some(Credential::Session(session)) => request
                .header(COOKIE, format!("{}={session}", server::SESSION_COOKIE))
                .header(server::CSRF_HEADER, "1"),
        })
    }

    /// Sends a request; errors of the server become [`CliError`]s.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let is_problem = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/problem+json"));
        if is_problem && let Ok(problem) = response.json::<Problem>().await {
            let mut error = CliError::problem(problem);
            if status == StatusCode::UNAUTHORIZED && self.credential.is_none() {
                error.next_step = Some("Sign in with `lockstep login`, or set LOCKSTEP_TOKEN.".into());
            }
            return Err(error);
        }
        Err(CliError::new(
            exit::UNREACHABLE,
            format!("{} answered {status}, but not as Lockstep does", self.url),
        )
        .next("Check --url: is that a Lockstep server, or a proxy in front of it?"))
    }

    fn unreachable(&self, error: reqwest::Error) -> CliError {
        if error.is_builder() {
            return CliError::usage(format!("the request cannot be made: {:#}", anyhow::Error::from(error)));
        }
        CliError::new(
            exit::UNREACHABLE,
            format!("{} cannot be reached: {:#}", self.url, anyhow::Error::from(error.without_url())),
        )
        .next("Start it with `lockstep serve`, or name another server with --url or LOCKSTEP_URL.")
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let response = self.send(request).await?;
        let bytes = response.bytes().await.map_err(|error| self.unreachable(error))?;
        serde_json::from_slice(&bytes).map_err(|error| {
            CliError::new(exit::BROKEN, format!("the answer of {} cannot be read: {error}", self.url))
                .next("Use a `lockstep` of the same version as the server.")
        })
    }

    /// Reads.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.json(self.request(Method::GET, path)?).await
    }

    /// Reads with a query.
    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(self.request(Method::GET, path)?.query(query)).await
    }

    /// Sends a body and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(self.request(Method::POST, path)?.json(body)).await
    }

    /// Does something that needs no body, and reads the answer.
    pub(crate) async fn act<T: DeserializeOwned>(&self, method: Method, path: &str) -> Result<T, CliError> {
        self.json(self.request(method, path)?).await
    }

    /// Does something that needs no body and answers nothing.
    pub(crate) async fn act_silently(&self, method: Method, path: &str) -> Result<(), CliError> {
        self.send(self.request(method, path)?).await.map(drop)
    }

    /// Replaces something and reads the answer.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(self.request(Method::PUT, path)?.json(body)).await
    }

    /// Changes something and reads the answer.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CliError> {
        self.json(self.request(Method::PATCH, path)?.json(body)).await
    }

    /// Removes something.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), CliError> {
        self.send(self.request(Method::DELETE, path)?).await.map(drop)
    }

    /// The first `limit` entries of a list; all of them without a limit.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, String)],
        limit: Option<usize>,
    ) -> Result<Vec<T>, CliError> {
        const PAGE: usize = 200;
        let mut items: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let wanted = limit.map_or(PAGE, |limit| (limit - items.len()).min(PAGE));
            let mut query = filter.to_vec();
            query.push(("limit", wanted.to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: Page<T> = self.query(path, &query).await?;
            items.extend(page.items);
            match page.next_cursor {
                Some(next) if limit.is_none_or(|limit| items.len() < limit) => cursor = Some(next),
                _ => return Ok(items),
            }
        }
    }
}

/// Reads a text from a file, or from standard input for `-`.
pub(crate) fn read_text(file: &Path) -> Result<String, CliError> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    text.map_err(|error| CliError::usage(format!("{} cannot be read: {error}", file.display())))
}

/// Reads a secret from a file, or from standard input for `-`; without the line break at its end.
pub(crate) fn read_secret(file: &Path) -> Result<String, CliError> {
    let text = read_text(file)?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(CliError::usage(format!("{} is empty: it should hold a secret", file.display())));
    }
    Ok(secret.to_owned())
}
