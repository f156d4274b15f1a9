//! `lockstep alarm`: what a person should know, and where that is sent.

use std::path::PathBuf;

use api::{Alarm, AlarmTarget, AlarmWay, CreatedAlarmTarget, NewAlarmTarget};
use clap::{Args, Subcommand};
use model::AlarmId;
use reqwest::Method;

use super::{Limit, minute, word};
use crate::client::{ApiArgs, read_secret};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Options of `lockstep alarm`.
#[derive(Args, Debug)]
pub(crate) struct AlarmArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List alarms, newest first
    List {
        /// Also those that are over
        #[arg(long)]
        over: bool,
        #[command(flatten)]
        limit: Limit,
    },
    /// Say that you have seen an alarm; it stays open until its cause is gone
    Acknowledge {
        /// Id of the alarm
        alarm: AlarmId,
    },
    /// Where alarms are sent
    Target {
        #[command(subcommand)]
        action: TargetAction,
    },
}

#[derive(Subcommand, Debug)]
enum TargetAction {
    /// List the targets
    List,
    /// Send alarms by a signed POST; prints the key of the signature, this once
    AddWebhook {
        /// Name
        name: String,
        /// Address; the server must have been started with --allow-alarm-address for it
        url: String,
        /// File with the key of the signature, `-` for standard input [default: one is made]
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Send alarms by mail
    AddMail {
        /// Name
        name: String,
        /// Name of the SMTP server; the server must have been started with --allow-alarm-address for it
        host: String,
        /// Port
        #[arg(long, default_value_t = 587)]
        port: u16,
        /// TLS from the first byte [default: STARTTLS]
        #[arg(long)]
        implicit_tls: bool,
        /// Who signs in at the SMTP server
        #[arg(long, default_value = "", requires = "password_file")]
        user: String,
        /// File with the password, `-` for standard input
        #[arg(long, value_name = "FILE", requires = "user")]
        password_file: Option<PathBuf>,
        /// Sender
        #[arg(long)]
        from: String,
        /// Receiver; may be repeated
        #[arg(long, required = true)]
        to: Vec<String>,
    },
    /// Send a test
    Test {
        /// Name or id
        target: String,
    },
    /// Send no alarms there any more
    Remove {
        /// Name or id
        target: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs `lockstep alarm`.
pub(crate) async fn run(args: AlarmArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List { over, limit } => {
            let query = if over { vec![("all", "true".to_owned())] } else { Vec::new() };
            print_list(output, &client.list("alarms", &query, limit.number()).await?)?;
        }
        Action::Acknowledge { alarm } => {
            let alarm: Alarm = client.act(Method::POST, &format!("alarms/{alarm}/acknowledge")).await?;
            print_list(output, &[alarm])?;
        }
        Action::Target { action } => match action {
            TargetAction::List => {
                print_targets(output, &client.list("alarm-targets", &[], None).await?)?;
            }
            TargetAction::AddWebhook { name, url, key_file } => {
                let secret = key_file.as_deref().map(read_secret).transpose()?;
                let new = NewAlarmTarget { name, way: AlarmWay::Webhook { url }, secret };
                let made: CreatedAlarmTarget = client.post("alarm-targets", &new).await?;
                if output.is_json() {
                    output.value(&made)?;
                } else if let Some(secret) = made.secret {
                    say(
                        "The key of the signature is shown this once; keep it where the webhook is received.",
                    );
                    output.line(&secret)?;
                } else {
                    print_targets(output, &[made.target])?;
                }
            }
            TargetAction::AddMail { name, host, port, implicit_tls, user, password_file, from, to } => {
                let secret = password_file.as_deref().map(read_secret).transpose()?;
                let way = AlarmWay::Mail { host, port, implicit_tls, user, from, to };
                let made: CreatedAlarmTarget =
                    client.post("alarm-targets", &NewAlarmTarget { name, way, secret }).await?;
                if output.is_json() {
                    output.value(&made)?;
                } else {
                    print_targets(output, &[made.target])?;
                }
            }
            TargetAction::Test { target } => {
                let target = super::lookup::alarm_target(&client, &target).await?;
                client.act_silently(Method::POST, &format!("alarm-targets/{target}/test")).await?;
                say("The test was sent.");
            }
            TargetAction::Remove { target, yes } => {
                let id = super::lookup::alarm_target(&client, &target).await?;
                confirm(&format!("Send no alarms to '{target}' any more?"), yes)?;
                client.delete(&format!("alarm-targets/{id}")).await?;
            }
        },
    }
    Ok(exit::OK)
}

fn print_list(output: Output, alarms: &[Alarm]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&alarms);
    }
    let rows = alarms.iter().map(|alarm| {
        let state = match (&alarm.cleared_at, &alarm.acknowledged_by) {
            (Some(at), _) => format!("over since {}", minute(*at)),
            (None, Some(by)) => format!("seen by {by}"),
            (None, None) => "open".to_owned(),
        };
        vec![
            alarm.id.to_string(),
            word(&alarm.kind),
            minute(alarm.raised_at),
            state,
            alarm.what.clone(),
            alarm.next_step.clone(),
        ]
    });
    output.table(&["Id", "Kind", "Since", "State", "What", "Next step"], rows.collect())
}

fn print_targets(output: Output, targets: &[AlarmTarget]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&targets);
    }
    let rows = targets.iter().map(|target| {
        let (way, address) = match &target.way {
            AlarmWay::Webhook { url } => ("webhook", url.clone()),
            AlarmWay::Mail { to, host, .. } => ("mail", format!("{} by {host}", to.join(", "))),
        };
        vec![
            target.id.to_string(),
            target.name.clone(),
            way.to_owned(),
            address,
            target.problem.clone().unwrap_or_default(),
        ]
    });
    output.table(&["Id", "Name", "Way", "Address", "Problem"], rows.collect())
}
