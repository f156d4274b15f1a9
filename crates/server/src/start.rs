//! Starting and stopping a whole server: database, engine, listener.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use azure::{AddressPolicy, HttpTransport, IdentityEndpoint, ManagedIdentity, SystemClock};
use engine::{Engine, OsChance, World};
use store::Db;
use store::secrets::Keys;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::access::attempts::Attempts;
use crate::access::{passwords, policy, secrets};
use crate::data_folder::{self, DataFolder};
use crate::{App, EXPORTS_AT_ONCE, Shared, router};

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
    /// File with the key that secrets are sealed with; a file in `data_dir` if absent. Made if missing. Replicas that
    /// share a database share this file's content.
    pub key_file: Option<PathBuf>,
    /// Address under which people and service hooks reach the server; made from `bind` if absent.
    pub public_url: Option<Url>,
    /// Origins of boards that may be reached over plain http or at private addresses.
    pub allowed_origins: Vec<Url>,
    /// Where alarms may be sent: `https://host`, `http://host:port` or `smtp://host:port`. Nowhere if empty.
    pub alarm_addresses: Vec<Url>,
    /// Address of the EPSS scores, fetched daily; never if absent.
    pub epss_url: Option<Url>,
    /// Address of the KEV catalogue, fetched daily; never if absent.
    pub kev_url: Option<Url>,
    /// Where to ask for the managed identity of this machine; connections cannot use it if absent. Every administrator
    /// can make a connection with it.
    pub managed_identity: Option<IdentityEndpoint>,
    /// File with the platform's token for workload identity federation; connections cannot use it if absent.
    pub federated_token_file: Option<PathBuf>,
    /// Sign-in service of Entra (national clouds); the public one if absent.
    pub entra_authority: Option<Url>,
    /// How patient the engine is.
    pub pace: Pace,
}

/// How often boards are read, and how long writes are waited for. `None`: as the engine has it.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Time between two readings of a connection's feed.
    pub poll_interval: Option<chrono::Duration>,
    /// Time between two comparisons of every live ticket with its work item.
    pub sweep_interval: Option<chrono::Duration>,
    /// A write is never sent later than this after it was announced.
    pub write_deadline: Option<chrono::Duration>,
    /// How long after a deadline a service may still apply what it was sent before.
    pub settle: Option<chrono::Duration>,
}

impl Pace {
    fn apply(&self, settings: &mut engine::Settings) {
        let set = |value: Option<chrono::Duration>, to: &mut chrono::Duration| {
            if let Some(value) = value {
                *to = value;
            }
        };
        set(self.poll_interval, &mut settings.poll_interval);
        set(self.sweep_interval, &mut settings.sweep_interval);
        set(self.write_deadline, &mut settings.write_deadline);
        set(self.settle, &mut settings.settle);
    }
}

impl Settings {
    /// The usual settings: port 7070 on loopback, SQLite.
    pub fn new(data_dir: PathBuf) -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 7070)),
            data_dir,
            database: None,
            key_file: None,
            public_url: None,
            allowed_origins: Vec::new(),
            alarm_addresses: Vec::new(),
            epss_url: None,
            kev_url: None,
            managed_identity: None,
            federated_token_file: None,
            entra_authority: None,
            pace: Pace::default(),
        }
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
    /// Another server works on the same data folder.
    #[error("another server uses the data folder {0}; stop it first, or choose another folder with --data")]
    InUse(PathBuf),
    /// The key file is not usable.
    #[error("the key file {path} cannot be used")]
    Key {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The client of Azure DevOps could not be set up.
    #[error("the client of Azure DevOps could not be set up")]
    Transport(#[source] azure::TransportError),
    /// The engine did not start.
    #[error("the engine did not start")]
    Engine(#[source] engine::Refusal),
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
    engine: Engine,
    db: Db,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
    _folder: DataFolder,
}

impl Running {
    /// Stops: no new requests, those under way end, then engine and database close.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if tokio::time::timeout(GRACE, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
        self.engine.stop().await;
        self.db.close().await;
    }
}

/// Starts a server.
///
/// # Errors
/// If the data folder, the key file, the database or the address cannot be used.
pub async fn start(settings: Settings) -> Result<Running, StartError> {
    let folder = DataFolder::open(&settings.data_dir)?;
    let key_file = settings.key_file.clone().unwrap_or_else(|| settings.data_dir.join("secret.key"));
    let keys = Keys::new(data_folder::key(&key_file)?);
    let database = settings
        .database
        .clone()
        .unwrap_or_else(|| format!("sqlite:{}", settings.data_dir.join("lockstep.db").display()));
    let db = Db::open(&database).await?;

    let listen_error = |source| StartError::Listen { address: settings.bind, source };
    let listener = TcpListener::bind(settings.bind).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let url = local_url(address);
    let public_url = with_slash(settings.public_url.clone().unwrap_or_else(|| url.clone()));

    let world = World::new(Arc::new(SystemClock), Arc::new(OsChance));
    let first_password = first_administrator(&db, &world).await?;
    let policy = settings
        .allowed_origins
        .iter()
        .chain(&settings.entra_authority)
        .chain(&settings.epss_url)
        .chain(&settings.kev_url)
        .chain(settings.alarm_addresses.iter().filter(|address| address.scheme() != "smtp"))
        .fold(AddressPolicy::default(), |policy, origin| policy.allowing(origin));
    let transport = HttpTransport::new(policy, world.clock.clone()).map_err(StartError::Transport)?;
    let managed_identity = settings
        .managed_identity
        .clone()
        .map(|endpoint| ManagedIdentity::new(endpoint, world.clock.clone()))
        .transpose()
        .map_err(StartError::Transport)?;
    let mut engine_settings = engine::Settings {
        allowed_origins: settings.allowed_origins.clone(),
        alarm_addresses: settings.alarm_addresses.clone(),
        epss_url: settings.epss_url.clone(),
        kev_url: settings.kev_url.clone(),
        managed_identity,
        federated_token_file: settings.federated_token_file.clone(),
        authority: settings.entra_authority.clone(),
        ..engine::Settings::new(settings.data_dir.clone(), public_url.clone())
    };
    settings.pace.apply(&mut engine_settings);
    let engine =
        Engine::assemble(engine_settings, db.clone(), keys, world, Arc::new(transport), folder.owner);
    engine.start().await.map_err(StartError::Engine)?;

    let stopping = CancellationToken::new();
    let app = App(Arc::new(Shared {
        db: db.clone(),
        engine: engine.clone(),
        incoming: folder.incoming.clone(),
        attempts: Attempts::default(),
        exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
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
    Ok(Running { url, public_url, first_password, engine, db, stopping, serving, _folder: folder })
}

/// With a slash at the end, so that paths are appended and not put in place of the last part.
fn with_slash(mut url: Url) -> Url {
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    url
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

/// Makes the user `admin` with a random password if there is no user yet, and answers the password.
async fn first_administrator(db: &Db, world: &World) -> Result<Option<String>, StartError> {
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
        id: world.id(),
        name: "admin".to_owned(),
        role: policy::word(api::Role::Administrator).to_owned(),
        address: None,
        board_identity: None,
        created_at: world.now(),
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
