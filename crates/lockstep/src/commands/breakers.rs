//! `lockstep breaker`: what would have happened all at once and waits for a person.

use api::Breaker;
use clap::{Args, Subcommand};
use model::BreakerId;
use reqwest::Method;

use super::{minute, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Options of `lockstep breaker`.
#[derive(Args, Debug)]
pub(crate) struct BreakerArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List the breakers that hold tickets back, newest first
    List,
    /// Let exactly the tickets through that a breaker holds now, once
    Approve {
        /// Id of the breaker
        breaker: BreakerId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Leave the tickets as they are
    Dismiss {
        /// Id of the breaker
        breaker: BreakerId,
    },
}

/// Runs `lockstep breaker`.
pub(crate) async fn run(args: BreakerArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.list("breakers", &[], None).await?)?,
        Action::Approve { breaker, yes } => {
            confirm("Let through what this breaker holds?", yes)?;
            client.act_silently(Method::POST, &format!("breakers/{breaker}/approve")).await?;
            say("Let through.");
        }
        Action::Dismiss { breaker } => {
            client.act_silently(Method::POST, &format!("breakers/{breaker}/dismiss")).await?;
            say("Left as they are.");
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, breakers: &[Breaker]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&breakers);
    }
    let rows = breakers.iter().map(|breaker| {
        vec![
            breaker.id.to_string(),
            breaker.destination.name.clone(),
            format!("{} {}", word(&breaker.stroke), breaker.tickets),
            breaker.bound.to_string(),
            minute(breaker.tripped_at),
            breaker
                .dismissed_by
                .as_ref()
                .map_or("waits for a person".to_owned(), |by| format!("left by {by}")),
        ]
    });
    output.table(&["Id", "Destination", "Would", "Usual", "Since", "State"], rows.collect())
}
