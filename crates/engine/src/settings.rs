//! What an administrator may set, with the values that fit most.

use std::path::PathBuf;

use azure::ManagedIdentity;
use chrono::Duration;
use url::Url;

/// Settings of the engine.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder for reports that are being imported.
    pub data_dir: PathBuf,
    /// Address under which people and the board reach this server.
    pub public_url: Url,
    /// Origins of boards that may be reached over plain http or at private addresses.
    pub allowed_origins: Vec<Url>,
    /// Where alarms may be sent: `https://host`, `http://host:port` or `smtp://host:port`. Nowhere if empty.
    pub alarm_addresses: Vec<Url>,
    /// Address of the EPSS scores, fetched daily; never if absent.
    pub epss_url: Option<Url>,
    /// Address of the KEV catalogue, fetched daily; never if absent.
    pub kev_url: Option<Url>,
    /// Identity of this machine, if its operator lets connections use it.
    pub managed_identity: Option<ManagedIdentity>,
    /// File with the platform's token for workload identity federation, if its operator lets connections use it.
    pub federated_token_file: Option<PathBuf>,
    /// Sign-in service of Entra; the public one if absent.
    pub authority: Option<Url>,
    /// A write is given this long; it is never sent later. Default 20 s.
    pub write_deadline: Duration,
    /// After a deadline, how long a service may still apply what it was sent before. Default 40 s.
    pub settle: Duration,
    /// How often the feed of a connection is read. Default 30 s.
    pub poll_interval: Duration,
    /// How often every live ticket is compared with its work item. Default 1 h.
    pub sweep_interval: Duration,
    /// How often destinations are compared with the process of their projects; a refused write makes it due at once.
    /// Default 1 day.
    pub process_interval: Duration,
    /// A ticket that is closed on both sides and was not looked at for so long is left out of the sweep; the feed goes on
    /// watching its work item. Default 30 days.
    pub sweep_closed_for: Duration,
    /// How long after a claim a scan may still have looked at the old code. Default none.
    pub grace: Duration,
    /// A scan that would close at least this many findings …
    pub collapse_number: u64,
    /// … and at least this share of what its configuration sees waits for a person. Per cent.
    pub collapse_percent: u64,
    /// Places of a report that take effect in one transaction. Others wait to write while it lasts.
    pub import_piece: u32,
}

impl Settings {
    /// The usual settings.
    pub fn new(data_dir: PathBuf, public_url: Url) -> Self {
        Self {
            data_dir,
            public_url,
            allowed_origins: Vec::new(),
            alarm_addresses: Vec::new(),
            epss_url: None,
            kev_url: None,
            managed_identity: None,
            federated_token_file: None,
            authority: None,
            write_deadline: Duration::seconds(20),
            settle: Duration::seconds(40),
            poll_interval: Duration::seconds(30),
            sweep_interval: Duration::hours(1),
            process_interval: Duration::days(1),
            sweep_closed_for: Duration::days(30),
            grace: Duration::zero(),
            collapse_number: 25,
            collapse_percent: 50,
            import_piece: 100,
        }
    }
}
