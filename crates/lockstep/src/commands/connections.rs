//! `lockstep connection`: credentials and organization of an Azure DevOps.

use std::path::PathBuf;

use api::{
    CheckOutcome, Connection, ConnectionChange, ConnectionCheck, ConnectionMode, Deletion, Lag,
    NewConnection, SignInMethod, SignInShown,
};
use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use url::Url;

use super::{lookup, opt_minute, word};
use crate::client::{ApiArgs, read_secret};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep connection`.
#[derive(Args, Debug)]
pub(crate) struct ConnectionArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List connections
    List,
    /// Show one connection
    Show {
        /// Name or id of the connection
        connection: String,
    },
    /// Make a connection
    #[command(after_help = ADD_HELP)]
    Add(NewArgs),
    /// Try the settings of a connection; nothing is saved
    #[command(after_help = ADD_HELP)]
    Verify(NewArgs),
    /// Check a connection step by step
    Check {
        /// Name or id of the connection
        connection: String,
    },
    /// Stop writing to the board; reading goes on
    Pause {
        /// Name or id of the connection
        connection: String,
    },
    /// Only say what would happen: neither write to the board nor follow its cards
    Shadow {
        /// Name or id of the connection
        connection: String,
    },
    /// Follow cards and write to the board again; `lockstep plan` says before what that does
    Resume {
        /// Name or id of the connection
        connection: String,
    },
    /// Make or remove service-hook subscriptions in Azure DevOps
    #[command(after_help = "Example:\n  lockstep connection hooks Azure subscribe")]
    Hooks {
        /// Name or id of the connection
        connection: String,
        /// What to do
        action: HooksAction,
    },
    /// Remove a connection with its destinations and tickets; work items stay as they are
    Remove {
        /// Name or id of the connection
        connection: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const ADD_HELP: &str = "\
Examples:
  lockstep connection add --organization contoso --pat-file ./pat
  pass azure/pat | lockstep connection add --organization contoso --pat-file -
  LOCKSTEP_AZURE_CLIENT_SECRET=… lockstep connection add --organization contoso \\
      --tenant contoso.com --client-id 00000000-0000-0000-0000-000000000000

  lockstep connection add --organization contoso --managed-identity
  lockstep connection add --organization contoso --workload-identity \\
      --tenant contoso.com --client-id 00000000-0000-0000-0000-000000000000

Managed and workload identity are for servers whose operator allowed them (lockstep serve --help). A person signs in
with Microsoft in a browser: open Connections there.

A secret is read from a file, from standard input or from the environment (LOCKSTEP_AZURE_PAT or
LOCKSTEP_AZURE_CLIENT_SECRET): on the command line other users of the machine could see it.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HooksAction {
    Subscribe,
    Remove,
}

#[derive(Args, Debug)]
struct NewArgs {
    /// Organization (or collection)
    #[arg(long, value_name = "NAME")]
    organization: String,
    /// Name of the connection [default: Azure]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Remark
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Instance [default: https://dev.azure.com]
    #[arg(long, value_name = "URL")]
    instance_url: Option<Url>,
    /// File with a personal access token, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "client_id")]
    pat_file: Option<PathBuf>,
    /// Tenant of a Microsoft Entra application
    #[arg(long, value_name = "TENANT", requires = "client_id")]
    tenant: Option<String>,
    /// Client id of a Microsoft Entra application, or of a user-assigned managed identity
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Sign in as the managed identity of the server's machine
    #[arg(long, conflicts_with_all = ["pat_file", "tenant", "workload_identity"])]
    managed_identity: bool,
    /// Sign in as an application that trusts the platform of the server
    #[arg(long, requires_all = ["tenant", "client_id"], conflicts_with = "client_secret_file")]
    workload_identity: bool,
    /// File with the client secret, `-` for standard input
    #[arg(long, value_name = "FILE", requires = "client_id")]
    client_secret_file: Option<PathBuf>,
    /// Where tokens are issued [default: https://login.microsoftonline.com]
    #[arg(long, value_name = "URL", requires = "client_id")]
    authority: Option<Url>,
}

/// A URL as a person would type it: without the slash that parsing adds after a bare host.
fn plain(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

fn secret(file: Option<&PathBuf>, variable: &str, option: &str) -> Result<String, CliError> {
    match (file, std::env::var(variable)) {
        (Some(file), _) => read_secret(file),
        (None, Ok(secret)) if !secret.is_empty() => Ok(secret),
        (None, _) => Err(CliError::usage("there is no secret to sign in with")
            .next(format!("Give {option} FILE, or set {variable}."))),
    }
}

impl NewArgs {
    fn body(&self) -> Result<NewConnection, CliError> {
        let sign_in = match (&self.tenant, &self.client_id) {
            (_, client_id) if self.managed_identity => {
                SignInMethod::ManagedIdentity { client_id: client_id.clone() }
            }
            (Some(tenant), Some(client_id)) if self.workload_identity => {
                SignInMethod::WorkloadIdentity { tenant: tenant.clone(), client_id: client_id.clone() }
            }
            (None, Some(_)) => {
                return Err(CliError::usage("a client id alone does not say how to sign in")
                    .next("Give --tenant too, or --managed-identity."));
            }
            (Some(tenant), Some(client_id)) => SignInMethod::ClientSecret {
                tenant: tenant.clone(),
                client_id: client_id.clone(),
                client_secret: secret(
                    self.client_secret_file.as_ref(),
                    "LOCKSTEP_AZURE_CLIENT_SECRET",
                    "--client-secret-file",
                )?,
                authority: self.authority.as_ref().map(plain),
            },
            _ => SignInMethod::PersonalAccessToken {
                token: secret(self.pat_file.as_ref(), "LOCKSTEP_AZURE_PAT", "--pat-file")?,
            },
        };
        Ok(NewConnection {
            name: self.name.clone().unwrap_or_default(),
            description: self.description.clone().unwrap_or_default(),
            instance_url: self.instance_url.as_ref().map(plain).unwrap_or_default(),
            organization: self.organization.clone(),
            sign_in,
        })
    }
}

/// Runs `lockstep connection`.
pub(crate) async fn run(args: ConnectionArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let set_mode = async |connection: &str, mode: ConnectionMode| -> Outcome {
        let id = lookup::connection(&client, connection).await?;
        let change = ConnectionChange { mode: Some(mode), ..ConnectionChange::default() };
        print_one(output, &client.patch(&format!("connections/{id}"), &change).await?)?;
        Ok(exit::OK)
    };
    match args.action {
        Action::List => print_list(output, &client.list("connections", &[], None).await?)?,
        Action::Show { connection } => {
            let id = lookup::connection(&client, &connection).await?;
            print_one(output, &client.get(&format!("connections/{id}")).await?)?;
        }
        Action::Add(new) => print_one(output, &client.post("connections", &new.body()?).await?)?,
        Action::Verify(new) => {
            return print_check(output, &client.post("connections/verify", &new.body()?).await?);
        }
        Action::Check { connection } => {
            let id = lookup::connection(&client, &connection).await?;
            return print_check(output, &client.act(Method::POST, &format!("connections/{id}/check")).await?);
        }
        Action::Pause { connection } => return set_mode(&connection, ConnectionMode::Paused).await,
        Action::Shadow { connection } => return set_mode(&connection, ConnectionMode::Shadow).await,
        Action::Resume { connection } => return set_mode(&connection, ConnectionMode::Active).await,
        Action::Hooks { connection, action } => {
            let id = lookup::connection(&client, &connection).await?;
            let method = match action {
                HooksAction::Subscribe => Method::POST,
                HooksAction::Remove => Method::DELETE,
            };
            print_one(output, &client.act(method, &format!("connections/{id}/hooks")).await?)?;
        }
        Action::Remove { connection, yes } => {
            let id = lookup::connection(&client, &connection).await?;
            let loss: Deletion = client.get(&format!("connections/{id}/deletion")).await?;
            confirm(
                &format!(
                    "Remove the connection '{connection}' with {} and {}? {} ({} open) stay on the board and are kept in step by nobody.",
                    count(loss.destinations.len() as u64, "destination"),
                    count(loss.tickets, "ticket"),
                    count(loss.work_items, "work item"),
                    loss.open_work_items,
                ),
                yes,
            )?;
            client.delete(&format!("connections/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

fn count(number: u64, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

fn print_list(output: Output, connections: &[Connection]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&connections);
    }
    let rows = connections.iter().map(|connection| {
        vec![
            connection.id.to_string(),
            connection.name.clone(),
            format!("{}/{}", connection.instance_url.trim_end_matches('/'), connection.organization),
            word(&connection.mode),
            word(&connection.hooks),
            opt_minute(connection.last_contact_at),
            connection.problem.clone().unwrap_or_default(),
        ]
    });
    output.table(&["Id", "Name", "Organization", "Mode", "Hooks", "Last contact", "Problem"], rows.collect())
}

/// How long changes on the board take to be followed, for people.
fn lag_in_words(lag: Lag) -> String {
    let seconds = |ms: i64| format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    format!(
        "{} for half of the last {} changes on the board, {} at most",
        seconds(lag.median_ms),
        lag.changes,
        seconds(lag.longest_ms)
    )
}

fn print_one(output: Output, connection: &Connection) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(connection);
    }
    let sign_in = match &connection.sign_in {
        SignInShown::PersonalAccessToken => "personal access token".to_owned(),
        SignInShown::ClientSecret { tenant, client_id } => format!("application {client_id} of {tenant}"),
        SignInShown::ManagedIdentity { client_id: None } => "managed identity of the server".to_owned(),
        SignInShown::ManagedIdentity { client_id: Some(id) } => {
            format!("managed identity {id} of the server")
        }
        SignInShown::WorkloadIdentity { tenant, client_id } => {
            format!("application {client_id} of {tenant}, which trusts the server's platform")
        }
        SignInShown::Person { tenant, client_id, name } => {
            format!("{name}, with application {client_id} of {tenant}")
        }
    };
    output.facts(&[
        ("connection", connection.name.clone()),
        ("id", connection.id.to_string()),
        ("description", connection.description.clone()),
        (
            "organization",
            format!("{}/{}", connection.instance_url.trim_end_matches('/'), connection.organization),
        ),
        ("sign-in", sign_in),
        ("mode", word(&connection.mode)),
        ("problem", connection.problem.clone().unwrap_or_default()),
        ("hooks", word(&connection.hooks)),
        ("hook address", connection.hook_url.clone()),
        ("last contact", opt_minute(connection.last_contact_at)),
        ("feed", word(&connection.feed)),
        ("lag", connection.lag.map(lag_in_words).unwrap_or_default()),
    ])
}

fn print_check(output: Output, check: &ConnectionCheck) -> Outcome {
    if output.is_json() {
        output.value(check)?;
    } else {
        for step in &check.steps {
            let mark = match step.outcome {
                CheckOutcome::Ok => "ok",
                CheckOutcome::Failed => "failed",
                CheckOutcome::Skipped => "skipped",
            };
            output.line(&format!("{mark:8}{}: {}", step.name, step.message))?;
            if let Some(next) = &step.next_step {
                output.line(&format!("        next: {next}"))?;
            }
        }
    }
    Ok(if check.ok { exit::OK } else { exit::VERDICT })
}
