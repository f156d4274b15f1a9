//! The HTTP front: sockets, the clock, faults, hook delivery and the state file around a [`State`].
//!
//! Everything a client may rely on is decided in the state; this module only carries it. The control API and
//! the pages have no sign-in and answer only to this machine.

mod control;
mod deliver;
mod persist;
mod running;

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    response::Response as HttpResponse,
};
use chrono::Utc;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
};
use tower::ServiceExt;

use crate::{
    faults::{FaultAction, Faults},
    seed::Seed,
    state::{Family, Request, Response, State, graph_throttled, rate_headers, throttled},
};

/// How large a request may be: an attachment of 60 MB and a little.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long [`Running::stop`] waits for answers that are on their way.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    /// What to start with, unless the state file has something.
    pub seed: Seed,
    /// Keeps the state over restarts when given.
    pub state_file: Option<PathBuf>,
    /// Takes hook receivers on this machine, and basic authentication over plain http. The real service refuses
    /// both.
    pub allow_local_hooks: bool,
}

impl Default for Options {
    /// The demo on a free port of 127.0.0.1, forgetting everything at the end.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 0)),
            seed: Seed::demo(),
            state_file: None,
            allow_local_hooks: false,
        }
    }
}

/// Why the emulator did not start or stop well.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The state file exists and cannot be read as one.
    #[error("cannot read the state file {path}")]
    Load {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The state file cannot be written.
    #[error("cannot write the state file {path}")]
    Save {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The client that delivers hooks cannot be built.
    #[error("cannot build the client that delivers service hooks")]
    Client(#[source] reqwest::Error),
}

/// A running emulator. It goes on until it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    /// `http://host:port`; organizations follow after a slash.
    pub base_url: String,
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Stops listening, lets running answers finish, and saves the state where a file was named.
    ///
    /// # Errors
    /// [`StartError::Save`] when the last state could not be written.
    pub async fn stop(mut self) -> Result<(), StartError> {
        self.stop.send_replace(true);
        let finished =
            tokio::time::timeout(LAST_ANSWERS, async { while self.tasks.join_next().await.is_some() {} });
        if finished.await.is_err() {
            self.tasks.shutdown().await;
        }
        persist::save_now(&self.shared).await
    }

    /// Looks at or changes the state behind the listener, for tests in the same process.
    pub fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = act(&mut self.shared.state());
        self.shared.wake();
        result
    }
}

/// What all parts of the front share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    faults: Mutex<Faults>,
    /// Requests that are being answered.
    running: running::Requests,
    /// What `reset` goes back to.
    seed: Mutex<Seed>,
    base_url: String,
    allow_local_hooks: bool,
    state_file: Option<PathBuf>,
    /// Deliveries may be due, or there may be something to save.
    changed: Notify,
    saving: Notify,
    client: reqwest::Client,
    stop: watch::Receiver<bool>,
}

impl Shared {
    /// The state; a handler that panicked has not left it half-changed in a way that matters here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.changed.notify_one();
        self.saving.notify_one();
    }

    /// Applies a request at the present moment.
    fn apply(&self, request: Request) -> Response {
        let response = self.state().handle(Utc::now(), request);
        self.wake();
        response
    }

    async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // An error means that the handle was dropped, which stops as well.
        let _gone = stop.wait_for(|stopped| *stopped).await;
    }
}

/// Starts listening.
///
/// # Errors
/// [`StartError`] when the address cannot be used or the state file cannot be read.
pub async fn start(options: Options) -> Result<Running, StartError> {
    let listen = |source| StartError::Listen { address: options.bind, source };
    let listener = TcpListener::bind(options.bind).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let base_url = format!("http://{address}");
    let mut state = match &options.state_file {
        Some(path) => persist::load(path).await?,
        None => None,
    }
    .unwrap_or_else(|| State::new(&options.seed, Utc::now()));
    prepare(&mut state, &base_url, options.allow_local_hooks);
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .map_err(StartError::Client)?;
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(Shared {
        state: Mutex::new(state),
        faults: Mutex::default(),
        running: running::Requests::default(),
        seed: Mutex::new(options.seed),
        base_url: base_url.clone(),
        allow_local_hooks: options.allow_local_hooks,
        state_file: options.state_file,
        changed: Notify::new(),
        saving: Notify::new(),
        client,
        stop: stopping,
    });
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(listener, Arc::clone(&shared)));
    tasks.spawn(deliver::run(Arc::clone(&shared)));
    tasks.spawn(persist::run(Arc::clone(&shared)));
    tracing::info!(%base_url, "the emulator is listening");
    Ok(Running { base_url, address, shared, stop, tasks })
}

fn prepare(state: &mut State, base_url: &str, allow_local_hooks: bool) {
    state.set_base_url(base_url);
    state.set_allow_local_hooks(allow_local_hooks);
    state.resume();
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let router = control::router(Arc::clone(&shared));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shared.stopped() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, router.clone(), Arc::clone(&shared)));
                }
                Err(error) => {
                    // Usually too many open files; those pass.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct Cut;

async fn serve(stream: TcpStream, peer: SocketAddr, router: Router, shared: Arc<Shared>) {
    let _latency_only = stream.set_nodelay(true);
    let service = {
        let shared = Arc::clone(&shared);
        hyper::service::service_fn(move |request| answer(request, peer, router.clone(), Arc::clone(&shared)))
    };
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shared.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    router: Router,
    shared: Arc<Shared>,
) -> Result<HttpResponse, Cut> {
    let path = request.uri().path();
    if path == "/" || path == "/favicon.ico" || path == "/_emulator" || path.starts_with("/_emulator/") {
        if !control::is_allowed(&request, peer) {
            return Ok(control::refused());
        }
        let answered: Result<HttpResponse, Infallible> = router.oneshot(request.map(Body::new)).await;
        return Ok(answered.unwrap_or_else(|never| match never {}));
    }
    if request.method() == hyper::Method::GET && path.contains("/_workitems/edit/") {
        let board = shared.state().board_of(path).filter(|_| control::is_allowed(&request, peer));
        if let Some(board) = board {
            return Ok(axum::response::IntoResponse::into_response(axum::response::Redirect::to(&board)));
        }
    }
    let Some(request) = received(request).await else { return Err(Cut) };
    api(request, &shared).await
}

/// The request without the transport; None when the body did not arrive or is too large.
async fn received(request: hyper::Request<Incoming>) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(Body::new(body), MAX_BODY).await.ok()?;
    Some(Request {
        method: parts.method.as_str().to_ascii_uppercase(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: body.to_vec(),
    })
}

async fn api(request: Request, shared: &Arc<Shared>) -> Result<HttpResponse, Cut> {
    let Some(_slot) = shared.running.enter(&request, shared.state().concurrency(&request)) else {
        let response = throttled(rate_headers(1, Utc::now()), Some("Concurrency"));
        shared.state().log_unapplied(Utc::now(), &request, response.status);
        return Ok(sent(response));
    };
    let action = shared.faults().pick(&request);
    let Some(action) = action else {
        let response = shared.apply(request);
        tokio::time::sleep(response.held()).await;
        return Ok(sent(response));
    };
    if let Some(situation) = action.situation() {
        let response = shared.state().refuse(Utc::now(), &request, situation);
        return refused(&request, response, shared);
    }
    faulty(request, action, shared).await
}

/// An answer to a request that was not applied.
fn refused(request: &Request, response: Response, shared: &Shared) -> Result<HttpResponse, Cut> {
    shared.state().log_unapplied(Utc::now(), request, response.status);
    Ok(sent(response))
}

async fn faulty(request: Request, action: FaultAction, shared: &Arc<Shared>) -> Result<HttpResponse, Cut> {
    match action {
        FaultAction::Throttle { retry_after_seconds } => {
            if Family::of(&request) == Family::ResourceGraph {
                let seconds = i64::try_from(retry_after_seconds).unwrap_or(i64::MAX);
                return refused(&request, graph_throttled(seconds), shared);
            }
            let headers = rate_headers(retry_after_seconds, shared.state().time(Utc::now()));
            refused(&request, throttled(headers, None), shared)
        }
        FaultAction::RefuseSignIn { code } => {
            let response = shared.state().refuse_sign_in(Utc::now(), &request, code);
            let Some(response) = response else { return Err(Cut) };
            refused(&request, response, shared)
        }
        FaultAction::DropBefore => {
            shared.state().log_unapplied(Utc::now(), &request, 0);
            Err(Cut)
        }
        FaultAction::DropAfter => {
            shared.apply(request);
            Err(Cut)
        }
        FaultAction::Hold { milliseconds } => {
            let response = shared.apply(request);
            tokio::time::sleep(Duration::from_millis(milliseconds) + response.held()).await;
            Ok(sent(response))
        }
        FaultAction::ApplyLate { milliseconds } => {
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(milliseconds)) => { shared.apply(request); }
                    () = shared.stopped() => {}
                }
            });
            Err(Cut)
        }
        FaultAction::SlowDown { retry_after_seconds } => {
            let mut response = shared.apply(request);
            let now = shared.state().time(Utc::now());
            response.headers.extend(rate_headers(retry_after_seconds, now));
            Ok(sent(response))
        }
        FaultAction::Unavailable
        | FaultAction::SignInPage
        | FaultAction::Unauthorized
        | FaultAction::RedirectToSignIn
        | FaultAction::NotAuthorized
        | FaultAction::NeverSignedIn
        | FaultAction::ConditionalAccess
        | FaultAction::ClaimsChallenge
        | FaultAction::Stopped => refused(&request, unavailable(), shared),
        FaultAction::Refuse { code } => refused(&request, crate::state::refusal(code), shared),
    }
}

fn sent(response: Response) -> HttpResponse {
    let mut builder = HttpResponse::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(response.body)).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer had a header that cannot be sent");
        control::broken()
    })
}

fn unavailable() -> Response {
    // No activity id, no api-version: the gateway answered, not the service.
    let headers = [("Content-Type", "text/html"), ("Cache-Control", "no-store")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = "<!DOCTYPE html>\r\n<html>\r\n<head><title>Azure DevOps Services Unavailable</title></head>\r\n<body><h2>Services are unavailable.</h2><p>Try again later.</p></body>\r\n</html>\r\n";
    Response { status: 503, headers: headers.to_vec(), body: body.as_bytes().to_vec() }
}
