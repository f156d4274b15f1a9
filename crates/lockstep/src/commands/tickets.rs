//! `lockstep tickets`: how findings and work items are in step.

use api::{Comment, ConflictChoice, ConflictDecision, NewComment, Ticket, TicketLogEntry};
use clap::{Args, Subcommand};
use reqwest::Method;

use super::{Limit, lookup, minute, opt_minute, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::Output;

/// Options of `lockstep tickets`.
#[derive(Args, Debug)]
pub(crate) struct TicketsArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List tickets, newest first
    #[command(after_help = "\
Examples:
  lockstep tickets list --health parked,missing
  lockstep tickets list --destination payments --all --json")]
    List {
        /// Only these healths, separated by commas: in_step, waiting, pending, over_budget, conflict, retrying, parked,
        /// missing, closed
        #[arg(long, value_name = "HEALTH")]
        health: Option<String>,
        /// Only tickets of this destination (name or id)
        #[arg(long, value_name = "DESTINATION")]
        destination: Option<String>,
        /// Only tickets whose work item is assigned to somebody of this name; `-` for nobody
        #[arg(long, value_name = "NAME")]
        assignee: Option<String>,
        /// Only tickets with this text in the title, or with this work item number
        #[arg(long, short = 'q', value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show one ticket
    Show {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
    },
    /// Show what happened to a ticket and its work item, newest first
    Log {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        #[command(flatten)]
        limit: Limit,
    },
    /// Decide a conflict: whose value of a field counts
    #[command(after_help = "\
Examples:
  lockstep tickets resolve '#123' priority --take ours
  lockstep tickets resolve '#123' title --take theirs")]
    Resolve {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Field: title, priority, severity, due_date, description or state
        field: String,
        /// `ours` writes Lockstep's value; `theirs` lets the board's stand until either side changes again
        #[arg(long, value_name = "SIDE", value_parser = choice)]
        take: ConflictChoice,
    },
    /// Show what people said about a ticket, here and on the board, oldest first
    Comments {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
    },
    /// Comment on a ticket and its work item
    #[command(after_help = "\
Examples:
  lockstep tickets comment '#123' 'The fix is in review.'
  lockstep tickets comment '#123' --private 'The customer knows.'")]
    Comment {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Text
        text: String,
        /// For people in Lockstep only: it never appears on the board
        #[arg(long)]
        private: bool,
    },
    /// Try a parked ticket again
    Retry {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
    },
}

/// Runs `lockstep tickets`.
pub(crate) async fn run(args: TicketsArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List { health, destination, assignee, search, limit } => {
            let mut filter: Vec<(&str, String)> = Vec::new();
            filter.extend(health.map(|health| ("health", health)));
            filter.extend(assignee.map(|name| ("assignee", name)));
            filter.extend(search.map(|text| ("q", text)));
            if let Some(destination) = destination {
                filter.push(("destination", lookup::destination(&client, &destination).await?.to_string()));
            }
            let tickets: Vec<Ticket> = client.list("tickets", &filter, limit.number()).await?;
            print_list(output, &tickets)?;
        }
        Action::Show { ticket } => {
            let id = lookup::ticket(&client, &ticket).await?;
            print_one(output, &client.get(&format!("tickets/{id}")).await?)?;
        }
        Action::Log { ticket, limit } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let entries: Vec<TicketLogEntry> =
                client.list(&format!("tickets/{id}/log"), &[], limit.number()).await?;
            print_log(output, &entries)?;
        }
        Action::Resolve { ticket, field, take } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let field = field.to_ascii_lowercase().replace([' ', '-'], "_");
            let path = format!("tickets/{id}/conflicts/{field}");
            print_one(output, &client.post(&path, &ConflictDecision { take }).await?)?;
        }
        Action::Comments { ticket } => {
            let id = lookup::ticket(&client, &ticket).await?;
            print_comments(output, &client.get::<Vec<Comment>>(&format!("tickets/{id}/comments")).await?)?;
        }
        Action::Comment { ticket, text, private } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let new = NewComment { text, private };
            let all: Vec<Comment> = client.post(&format!("tickets/{id}/comments"), &new).await?;
            print_comments(output, &all)?;
        }
        Action::Retry { ticket } => {
            let id = lookup::ticket(&client, &ticket).await?;
            print_one(output, &client.act(Method::POST, &format!("tickets/{id}/retry")).await?)?;
        }
    }
    Ok(exit::OK)
}

fn choice(text: &str) -> Result<ConflictChoice, String> {
    match text {
        "ours" => Ok(ConflictChoice::Ours),
        "theirs" => Ok(ConflictChoice::Theirs),
        _ => Err("write ours or theirs".into()),
    }
}

fn print_list(output: Output, tickets: &[Ticket]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&tickets);
    }
    let rows = tickets.iter().map(|ticket| {
        let item = ticket.work_item.as_ref();
        vec![
            ticket.id.to_string(),
            word(&ticket.health),
            item.map_or(String::new(), |item| format!("#{}", item.id)),
            item.map_or(String::new(), |item| item.state.clone()),
            item.and_then(|item| item.assignee.clone()).unwrap_or_default(),
            ticket.status.label().to_owned(),
            ticket.destination.name.clone(),
            ticket.title.clone(),
        ]
    });
    output.table(
        &["Id", "Health", "Work item", "State", "Assignee", "Status", "Destination", "Title"],
        rows.collect(),
    )
}

fn print_one(output: Output, ticket: &Ticket) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(ticket);
    }
    let item = ticket.work_item.as_ref();
    output.facts(&[
        ("ticket", ticket.title.clone()),
        ("id", ticket.id.to_string()),
        ("health", word(&ticket.health)),
        ("problem", ticket.problem.clone().unwrap_or_default()),
        ("next", ticket.next_step.clone().unwrap_or_default()),
        ("status", ticket.status.label().to_owned()),
        ("findings", ticket.findings.to_string()),
        ("destination", format!("{} ({})", ticket.destination.name, ticket.connection.name)),
        ("rule", ticket.rule.as_ref().map(|rule| rule.name.clone()).unwrap_or_default()),
        ("work item", item.map(|item| item.url.clone()).unwrap_or_default()),
        ("state", item.map(|item| item.state.clone()).unwrap_or_default()),
        ("column", item.and_then(|item| item.column.clone()).unwrap_or_default()),
        ("assignee", item.and_then(|item| item.assignee.clone()).unwrap_or_default()),
        (
            "due",
            item.and_then(|item| item.due_date).map_or(String::new(), |at| at.format("%Y-%m-%d").to_string()),
        ),
        ("compared", opt_minute(ticket.synced_at)),
        ("tries again", opt_minute(ticket.next_attempt_at)),
    ])?;
    for conflict in &ticket.conflicts {
        output.facts(&[(
            "conflict",
            format!("{}: ours '{}', on the board '{}'", conflict.field, conflict.ours, conflict.theirs),
        )])?;
    }
    Ok(())
}

fn print_comments(output: Output, comments: &[Comment]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&comments);
    }
    let rows = comments.iter().map(|comment| {
        let place = match (comment.private, comment.on_board, &comment.problem) {
            (true, ..) => "private".to_owned(),
            (_, _, Some(problem)) => problem.clone(),
            (_, true, None) => "on the board".to_owned(),
            (_, false, None) => "on its way".to_owned(),
        };
        vec![minute(comment.created_at), comment.author.clone(), place, comment.text.clone()]
    });
    output.table(&["When", "Who", "Where", "Text"], rows.collect())
}

fn print_log(output: Output, entries: &[TicketLogEntry]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&entries);
    }
    let rows = entries.iter().map(|entry| {
        let fields: Vec<String> = entry
            .fields
            .iter()
            .map(|field| format!("{}: '{}' → '{}' ({})", field.field, field.from, field.to, field.reason))
            .collect();
        vec![minute(entry.at), entry.what.clone(), fields.join("; "), entry.cause.label.clone()]
    });
    output.table(&["When", "What", "Fields", "Cause"], rows.collect())
}
