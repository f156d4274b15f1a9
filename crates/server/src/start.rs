//! Starting and stopping a whole server: database, engine, listener.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use model::UserId;
use store::Db;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::access::attempts::Attempts;
use crate::access::{passwords, policy, secrets};
use crate::{App, Shared, router};

/// How long requests that are under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How a server runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Folder for the database, the key file and reports under way. Made if missing.
    pub data_dir: PathBuf,
    /// Address of the database (`sqlite:<file>` or `postgres://…`); a file in `data_dir` if absent.
    pub database: Option<String>,
    /// Address under which people and service hooks reach the server; made from `bind` if absent.
    pub public_url: Option<Url>,
}

impl Settings {
    /// The usual settings: port 7070 on loopback, SQLite.
    pub fn new(data_dir: PathBuf) -> Self {
        Self { bind: SocketAddr::from(([127, 0, 0, 1], 7070)), data_dir, database: None, public_url: None }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder is not usable.
    #[error("the data folder {path} cannot be used")]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The database is not usable.
    #[error("the database cannot be used")]
    Database(#[from] store::Error),
    /// The address is not free.
    #[error("cannot listen on {address}; choose another address with --bind")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The first administrator could not be made.
    #[error("the first administrator could not be made")]
    Administrator,
}

/// A server at work.
pub struct Running {
    /// Where it answers on this machine.
    pub url: Url,
    /// Address under which people reach it.
    pub public_url: Url,
    /// Password of the user `admin`, if this start made that user. Shown once, never stored.
    pub first_password: Option<String>,
    db: Db,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

impl Running {
    /// Stops: no new requests, those under way end, then engine and database close.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        self.db.close().await;
    }
}

/// Starts a server.
///
/// # Errors
/// If the data folder, the database or the address cannot be used.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let data_dir = &settings.data_dir;
    make_private_folder(data_dir).map_err(|source| StartError::DataDir { path: data_dir.clone(), source })?;
    let database = settings
        .database
        .clone()
        .unwrap_or_else(|| format!("sqlite:{}", data_dir.join("lockstep.db").display()));
    let db = Db::open(&database).await?;
    let first_password = first_administrator(&db).await?;

    let listen_error = |source| StartError::Listen { address: settings.bind, source };
    let listener = TcpListener::bind(settings.bind).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let url = local_url(address);
    let public_url = settings.public_url.clone().unwrap_or_else(|| url.clone());
    let stopping = CancellationToken::new();
    let app = App(Arc::new(Shared {
        db: db.clone(),
        live: broadcast::channel(1024).0,
        attempts: Attempts::default(),
        public_url: public_url.clone(),
        stopping: stopping.clone(),
    }));
    let service = router(app).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = stopping.clone();
    let serving = tokio::spawn(async move {
        let served = axum::serve(listener, service)
            .with_graceful_shutdown(async move { stopped.cancelled().await })
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the server stopped serving");
        }
    });
    Ok(Running { url, public_url, first_password, db, stopping, serving })
}

/// Where this machine reaches a listener: loopback if it listens on every address.
fn local_url(address: SocketAddr) -> Url {
    let ip = address.ip();
    let host = match ip {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V4(ip) => ip.to_string(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Url::parse(&format!("http://{host}:{}", address.port())).expect("an address and a port make a URL")
}

fn make_private_folder(path: &std::path::Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the user `admin` with a random password if there is no user yet, and answers the password.
async fn first_administrator(db: &Db) -> Result<Option<String>, StartError> {
    let exists = {
        let mut tx = db.read().await?;
        store::users::any(&mut tx).await?
    };
    if exists {
        return Ok(None);
    }
    let password = secrets::new_password();
    let hash = passwords::hash(password.clone()).await.map_err(|_| StartError::Administrator)?;
    let user = store::users::User {
        id: UserId(Uuid::now_v7()),
        name: "admin".to_owned(),
        role: policy::word(api::Role::Administrator).to_owned(),
        created_at: Utc::now(),
    };
    let mut tx = db.begin().await?;
    match store::users::create(&mut tx, &user, &hash).await {
        Ok(()) => {}
        // Another replica was faster; its password is the one that counts.
        Err(error) if error.is_duplicate() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    tx.commit().await?;
    Ok(Some(password))
}
