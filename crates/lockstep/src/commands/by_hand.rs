//! `lockstep tickets …` by hand: make, add, split, merge, move, release, close, push.

use api::{
    AddFindings, ChosenTickets, CloseTickets, ClosingChoice, ClosingStates, HandledTicket, HandledTickets,
    MergeTicket, MoveTicket, NewTicket, SplitTicket, Ticket,
};
use clap::{Args, Subcommand};
use model::{FindingId, TicketId};
use reqwest::Method;

use super::{lookup, word};
use crate::client::Client;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// What people do with tickets by hand.
#[derive(Subcommand, Debug)]
pub(crate) enum ByHand {
    /// Make one ticket for chosen findings, whatever the rules say
    #[command(after_help = "\
Examples:
  lockstep tickets create 0198c0de-… 0198c0df-…
  lockstep tickets create 0198c0de-… --destination payments --state Active")]
    Create {
        /// Findings, all open and without a ticket
        #[arg(required = true, value_name = "FINDING")]
        findings: Vec<FindingId>,
        /// Where it goes (name or id) [default: where the findings belong]
        #[arg(long, value_name = "DESTINATION")]
        destination: Option<String>,
        /// State of the new work item [default: as the status map says]
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
    },
    /// Add findings to a ticket
    Add {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Findings, all open and without a ticket
        #[arg(required = true, value_name = "FINDING")]
        findings: Vec<FindingId>,
    },
    /// Give some findings of a ticket a ticket of their own; both work items say so and are linked
    Split {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Findings of the ticket, not all of them
        #[arg(required = true, value_name = "FINDING")]
        findings: Vec<FindingId>,
        /// State of the new work item [default: as the status map says]
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Why, for the comments on both work items
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Put the findings of a ticket into another one; its work item is closed as a duplicate
    #[command(after_help = "Example:\n  lockstep tickets merge '#123' --into '#456' --yes")]
    Merge {
        /// Id of the ticket that ends, or number of its work item (#123)
        ticket: String,
        /// The ticket that stays
        #[arg(long, value_name = "TICKET")]
        into: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Move a ticket to another destination: the work item gets the other area, or is closed and made anew there
    Move {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// The destination (name or id)
        #[arg(long, value_name = "DESTINATION")]
        destination: String,
    },
    /// End a ticket; its work item is left as it is, and its findings have no ticket from then on
    Release {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Close tickets with one state; without --state it says which states are offered
    #[command(after_help = "\
Examples:
  lockstep tickets close '#123' '#124'
  lockstep tickets close '#123' '#124' --state Closed --reason 'Fixed in 2.1' --yes")]
    Close(CloseArgs),
    /// Compare tickets with the board now, and try again what failed
    Push {
        /// Ids of tickets, or numbers of their work items (#123)
        #[arg(required = true, value_name = "TICKET")]
        tickets: Vec<String>,
    },
}

/// Options of `lockstep tickets close`.
#[derive(Args, Debug)]
pub(crate) struct CloseArgs {
    /// Ids of tickets, or numbers of their work items (#123)
    #[arg(required = true, value_name = "TICKET")]
    tickets: Vec<String>,
    /// State, one of those that are offered
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Why; needed for states that accept a risk or say that it is no weakness
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

async fn all(client: &Client, names: &[String]) -> Result<Vec<TicketId>, CliError> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(lookup::ticket(client, name).await?);
    }
    Ok(ids)
}

/// Carries one out; a ticket that comes of it is printed by `show`.
pub(crate) async fn run(
    client: &Client,
    output: Output,
    action: ByHand,
    show: impl Fn(Output, &Ticket) -> Result<(), CliError>,
) -> Outcome {
    let ticket: Ticket = match action {
        ByHand::Create { findings, destination, state } => {
            let destination = match destination {
                Some(name) => Some(lookup::destination(client, &name).await?),
                None => None,
            };
            client.post("tickets", &NewTicket { findings, destination, state }).await?
        }
        ByHand::Add { ticket, findings } => {
            let id = lookup::ticket(client, &ticket).await?;
            client.post(&format!("tickets/{id}/findings"), &AddFindings { findings }).await?
        }
        ByHand::Split { ticket, findings, state, reason } => {
            let id = lookup::ticket(client, &ticket).await?;
            client.post(&format!("tickets/{id}/split"), &SplitTicket { findings, state, reason }).await?
        }
        ByHand::Merge { ticket, into, yes } => {
            let id = lookup::ticket(client, &ticket).await?;
            let into = lookup::ticket(client, &into).await?;
            confirm("Close its work item as a duplicate, and end the ticket?", yes)?;
            client.post(&format!("tickets/{id}/merge"), &MergeTicket { into }).await?
        }
        ByHand::Move { ticket, destination } => {
            let id = lookup::ticket(client, &ticket).await?;
            let destination = lookup::destination(client, &destination).await?;
            client.post(&format!("tickets/{id}/move"), &MoveTicket { destination }).await?
        }
        ByHand::Release { ticket, yes } => {
            let id = lookup::ticket(client, &ticket).await?;
            confirm("End the ticket? Its work item is left as it is.", yes)?;
            client.act(Method::POST, &format!("tickets/{id}/release")).await?
        }
        ByHand::Close(args) => return close(client, output, args).await,
        ByHand::Push { tickets } => {
            let tickets = all(client, &tickets).await?;
            let done: HandledTickets = client.post("tickets/push", &ChosenTickets { tickets }).await?;
            return print_handled(output, &done);
        }
    };
    show(output, &ticket)?;
    Ok(exit::OK)
}

async fn close(client: &Client, output: Output, args: CloseArgs) -> Outcome {
    let tickets = all(client, &args.tickets).await?;
    let Some(state) = args.state else {
        let offer: ClosingStates = client.post("tickets/closing-states", &ChosenTickets { tickets }).await?;
        print_offer(output, &offer)?;
        return Ok(exit::OK);
    };
    confirm(&format!("Close {} tickets with the state {state}?", tickets.len()), args.yes)?;
    let close = CloseTickets { choices: vec![ClosingChoice { tickets, state }], reason: args.reason };
    print_handled(output, &client.post("tickets/close", &close).await?)
}

fn print_offer(output: Output, offer: &ClosingStates) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(offer);
    }
    let group = |group: &api::ClosingGroup| {
        let states: Vec<String> =
            group.states.iter().map(|state| format!("{} ({})", state.state, word(&state.means))).collect();
        vec![
            group.project.clone(),
            group.work_item_type.clone(),
            group.tickets.len().to_string(),
            states.join(", "),
            group.differing.clone().unwrap_or_default(),
        ]
    };
    let rows = offer.groups.iter().map(group).collect();
    output.table(&["Project", "Type", "Tickets", "States", "Note"], rows)?;
    for refused in &offer.refused {
        output.line(&format!("{}: {}", refused.title, refused.refused.clone().unwrap_or_default()))?;
    }
    Ok(())
}

fn print_handled(output: Output, done: &HandledTickets) -> Outcome {
    let is_done = done.tickets.iter().all(|ticket| ticket.refused.is_none());
    if output.is_json() {
        output.value(done)?;
    } else {
        let row = |row: &HandledTicket| {
            let said = row.refused.clone().unwrap_or_else(|| "on its way".to_owned());
            vec![row.id.to_string(), row.title.clone(), said]
        };
        output.table(&["Ticket", "Title", "Outcome"], done.tickets.iter().map(row).collect())?;
    }
    Ok(if is_done { exit::OK } else { exit::REFUSED })
}
