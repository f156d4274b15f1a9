//! `lockstep serve`: the server as a process, and as a function.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use server::{IdentityEndpoint, Pace, Running, Settings};
use url::Url;

use crate::exit::{self, CliError, Outcome};
use crate::output::say;

/// Options of `lockstep serve`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  lockstep serve
  lockstep serve --bind 0.0.0.0:7070 --data /var/lib/lockstep --public-url https://lockstep.example.com
  lockstep serve --database postgres://lockstep@db/lockstep

On the first start the user `admin` is made and its password printed once, on standard error.
LOCKSTEP_LOG sets what is logged, such as `debug` or `info,engine=debug` [default: info].
LOCKSTEP_LOG_FORMAT=json logs one JSON object a line.")]
pub(crate) struct ServeArgs {
    /// Address to listen on
    #[arg(long, env = "LOCKSTEP_BIND", default_value = "127.0.0.1:7070", value_name = "ADDRESS")]
    bind: SocketAddr,
    /// Folder for the database, the key file and reports under way
    #[arg(long, env = "LOCKSTEP_DATA", default_value = "lockstep-data", value_name = "FOLDER")]
    data: PathBuf,
    /// Database: sqlite:<file> or postgres://… [default: a file in the data folder]
    #[arg(long, env = "LOCKSTEP_DATABASE", hide_env_values = true, value_name = "ADDRESS")]
    database: Option<String>,
    /// File with the key that secrets are sealed with; replicas share its content [default: a file in the data folder]
    #[arg(long, env = "LOCKSTEP_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Address under which people and service hooks reach this server [default: made from --bind]
    #[arg(long, env = "LOCKSTEP_PUBLIC_URL", value_name = "URL")]
    public_url: Option<Url>,
    /// Origin of a board that may be reached over plain http or at a private address; may be repeated
    #[arg(long = "allow-origin", env = "LOCKSTEP_ALLOW_ORIGIN", value_delimiter = ',', value_name = "URL")]
    allow_origins: Vec<Url>,
    /// Where alarms may be sent, such as https://chat.example.com or smtp://mail.example.com:587; may be repeated
    #[arg(
        long = "allow-alarm-address",
        env = "LOCKSTEP_ALLOW_ALARM_ADDRESS",
        value_delimiter = ',',
        value_name = "URL"
    )]
    allow_alarm_addresses: Vec<Url>,
    /// Fetch the EPSS scores (epss_scores-current.csv.gz of FIRST, or a mirror) from here every day
    #[arg(long, env = "LOCKSTEP_EPSS_URL", value_name = "URL")]
    epss_url: Option<Url>,
    /// Fetch the KEV catalogue (known_exploited_vulnerabilities.json of CISA, or a mirror) from here every day
    #[arg(long, env = "LOCKSTEP_KEV_URL", value_name = "URL")]
    kev_url: Option<Url>,
    /// Let connections sign in as the managed identity of this machine; every administrator of Lockstep can use it then
    #[arg(long, env = "LOCKSTEP_ALLOW_MANAGED_IDENTITY")]
    allow_managed_identity: bool,
    /// File with the platform's token, for connections that sign in by workload identity federation (on Kubernetes in
    /// Azure the one that AZURE_FEDERATED_TOKEN_FILE names)
    #[arg(long, env = "LOCKSTEP_FEDERATED_TOKEN_FILE", value_name = "FILE")]
    federated_token_file: Option<PathBuf>,
    /// Sign-in service of Microsoft Entra, for national clouds [default: https://login.microsoftonline.com]
    #[arg(long, env = "LOCKSTEP_ENTRA_AUTHORITY", value_name = "URL")]
    entra_authority: Option<Url>,
    /// Seconds between two readings of what changed on a board [default: 30]
    #[arg(long, env = "LOCKSTEP_POLL_INTERVAL", value_name = "SECONDS", value_parser = seconds)]
    poll_interval: Option<chrono::Duration>,
    /// Seconds between two comparisons of every live ticket with its work item [default: 3600]
    #[arg(long, env = "LOCKSTEP_SWEEP_INTERVAL", value_name = "SECONDS", value_parser = seconds)]
    sweep_interval: Option<chrono::Duration>,
    /// Seconds after which a write that was announced is not sent any more [default: 20]
    #[arg(long, env = "LOCKSTEP_WRITE_DEADLINE", value_name = "SECONDS", value_parser = seconds)]
    write_deadline: Option<chrono::Duration>,
    /// Seconds that a board may take to apply a write whose answer was lost [default: 40]
    #[arg(long, env = "LOCKSTEP_SETTLE_TIME", value_name = "SECONDS", value_parser = seconds)]
    settle_time: Option<chrono::Duration>,
}

/// A time in seconds, with fractions, from a millisecond to a week.
fn seconds(text: &str) -> Result<chrono::Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("'{text}' is no number of seconds"))?;
    if !(0.001..=604_800.0).contains(&seconds) {
        return Err("give 0.001 to 604800 seconds".into());
    }
    // In the bounds above, the product is exact enough and fits.
    Ok(chrono::Duration::milliseconds((seconds * 1000.0).round() as i64))
}

impl TryFrom<ServeArgs> for Settings {
    type Error = CliError;

    fn try_from(args: ServeArgs) -> Result<Self, CliError> {
        let mut settings = Self::new(args.data);
        if args.allow_managed_identity {
            let endpoint = IdentityEndpoint::of_environment(|name| std::env::var(name).ok());
            settings.managed_identity = Some(endpoint.map_err(|reason| {
                CliError::usage(format!("the managed identity cannot be used: {reason}"))
                    .next("Azure sets both variables; start without --allow-managed-identity elsewhere.")
            })?);
        }
        settings.federated_token_file = args.federated_token_file;
        settings.entra_authority = args.entra_authority;
        settings.bind = args.bind;
        settings.database = args.database;
        settings.key_file = args.key_file;
        settings.public_url = args.public_url;
        settings.allowed_origins = args.allow_origins;
        settings.alarm_addresses = args.allow_alarm_addresses;
        settings.epss_url = args.epss_url;
        settings.kev_url = args.kev_url;
        settings.pace = Pace {
            poll_interval: args.poll_interval,
            sweep_interval: args.sweep_interval,
            write_deadline: args.write_deadline,
            settle: args.settle_time,
        };
        Ok(settings)
    }
}

/// Starts a server; it runs until it is stopped.
pub(crate) async fn start(settings: Settings) -> Result<Running, CliError> {
    server::start(settings).await.map_err(|error| CliError::new(exit::BROKEN, server::chain(&error)))
}

/// Says the password of the first administrator, on the first start.
fn say_first_password(running: &Running) {
    if let Some(password) = &running.first_password {
        say(&format!(
            "\nThis is the first start. Sign in at {} with\n  user name  admin\n  password   {password}\nThe password is not shown again; change it after signing in.\n",
            running.public_url
        ));
    }
}

/// Runs a server until it is told to end.
pub(crate) async fn run(args: ServeArgs) -> Outcome {
    let running = start(args.try_into()?).await?;
    say_first_password(&running);
    tracing::info!(url = %running.url, version = env!("CARGO_PKG_VERSION"), "Lockstep is ready");
    told_to_end().await?;
    tracing::info!("stopping");
    running.stop().await;
    Ok(exit::OK)
}

/// Returns when the process is asked to end.
pub(crate) async fn told_to_end() -> Result<(), CliError> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(CliError::broken)?;
        tokio::select! {
            received = tokio::signal::ctrl_c() => received.map_err(CliError::broken),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(CliError::broken)
}
