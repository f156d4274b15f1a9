//! Lockstep's HTTP server.
//!
//! One file for each resource in `routes`; each handler translates, calls one use case and translates back. Who may
//! call what stands in one table (`access::policy`) that denies first. Everything that goes wrong leaves as a
//! [`api::Problem`]. The pages of the UI travel inside the binary.

mod access;
mod data_folder;
mod extract;
mod layers;
pub mod openapi;
mod paging;
mod problem;
mod routes;
mod start;
mod translate;
mod ui;

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use chrono::{DateTime, Utc};
use engine::Engine;
use store::Db;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use url::Url;
use uuid::Uuid;

pub use access::{CSRF_HEADER, SESSION_COOKIE};
pub use azure::IdentityEndpoint;
pub use problem::chain;
pub use start::{Pace, Running, Settings, StartError, start};

/// Longest body of a request that is not a report, in bytes.
const BODY_LIMIT: usize = 1024 * 1024;

/// Most exports that run at one time: each reads the database as fast as its caller takes the file.
const EXPORTS_AT_ONCE: usize = 4;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The parts of an [`App`].
pub(crate) struct Shared {
    /// The database.
    pub(crate) db: Db,
    /// What the server asks to do things.
    pub(crate) engine: Engine,
    /// Folder for reports that are being received.
    pub(crate) incoming: PathBuf,
    /// Failed sign-ins.
    pub(crate) attempts: access::attempts::Attempts,
    /// Exports that may run at one time.
    pub(crate) exports: Arc<Semaphore>,
    /// Address under which people reach this server.
    pub(crate) public_url: Url,
    /// Cancelled when the server stops, so that endless answers end.
    pub(crate) stopping: CancellationToken,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    /// The present moment.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.engine.world().now()
    }

    /// A new identity.
    pub(crate) fn id<T: From<Uuid>>(&self) -> T {
        self.engine.world().id()
    }
}

/// All routes, guarded.
pub(crate) fn router(app: App) -> Router {
    let (routes, document) = routes::all().split_for_parts();
    let document = openapi::complete(document);
    routes
        .route("/api/v1/openapi.json", get(|| async move { axum::Json(document) }))
        .layer(from_fn_with_state(app.clone(), access::guard))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .method_not_allowed_fallback(ui::method_not_allowed)
        .fallback(ui::pages)
        .layer(CompressionLayer::new())
        .layer(from_fn(layers::careful_headers))
        .layer(from_fn(layers::trace))
        .with_state(app)
}
