//! `lockstep tickets`: how findings and work items are in step.

use std::path::PathBuf;

use api::{
    AdoptionPair, AdoptionPlan, AdoptionRequest, Attachment, AttachmentOptions, Comment, CommentChange,
    ConflictChoice, ConflictDecision, NewAdoptions, NewComment, Ticket, TicketLogEntry,
};
use clap::{Args, Subcommand};
use model::following::{Repair, RepairKind};
use model::{CommentId, FindingId, WorkItemId};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;

use super::by_hand::{self, ByHand};
use super::{Limit, lookup, minute, opt_minute, word};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

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
        /// missing, deleted, destroyed, moved, type_changed, merged, copied, released, closed
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
    /// List the attachments of a ticket and its work item
    Attachments {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
    },
    /// Attach a file to a ticket and its work item
    #[command(after_help = "Examples:
  lockstep tickets attach '#123' proof.png
  lockstep tickets attach '#123' --private customer.log")]
    Attach {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// File of at most 10 MiB
        file: PathBuf,
        /// For people in Lockstep only; it cannot be made public later
        #[arg(long)]
        private: bool,
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
    /// Change the text of a comment that you wrote here, also on the work item
    #[command(after_help = "\
Examples:
  lockstep tickets comments '#123'
  lockstep tickets change-comment '#123' 0198c0de-… 'The fix is merged.'")]
    ChangeComment {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Id of the comment; `comments` lists it
        comment: CommentId,
        /// The new text
        text: String,
    },
    /// Delete a comment that you wrote here, also on the work item
    #[command(after_help = "\
Examples:
  lockstep tickets comments '#123'
  lockstep tickets delete-comment '#123' 0198c0de-…
  lockstep tickets delete-comment '#123' 0198c0de-… --yes")]
    DeleteComment {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// Id of the comment; `comments` lists it
        comment: CommentId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Try a parked ticket again
    Retry {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
    },
    /// Mend a ticket whose work item was deleted, moved, merged, copied or lost; `show` says what is offered
    #[command(after_help = "\
Examples:
  lockstep tickets repair '#123' restore
  lockstep tickets repair '#123' replace
  lockstep tickets repair '#123' bind --work-item 456
  lockstep tickets repair '#123' hand_over --destination archive")]
    Repair {
        /// Id of the ticket, or number of its work item (#123)
        ticket: String,
        /// What to do: restore, replace, release, follow_there, hand_over, bind or ignore
        #[arg(value_parser = kind)]
        repair: RepairKind,
        /// The work item to follow from now on (for bind)
        #[arg(long, value_name = "NUMBER")]
        work_item: Option<i64>,
        /// The destination that the ticket belongs to from now on (for hand_over; name or id)
        #[arg(long, value_name = "DESTINATION")]
        destination: Option<String>,
    },
    /// Use existing work items for findings instead of new ones
    #[command(after_help = "\
Examples:
  lockstep tickets adopt --finding 0198c0de-… --work-item 123 --plan
  lockstep tickets adopt --finding 0198c0de-… --work-item https://dev.azure.com/contoso/Webshop/_workitems/edit/123
  lockstep tickets adopt --query \"SELECT [System.Id] FROM WorkItems WHERE [System.Tags] CONTAINS 'security'\" --plan
  lockstep tickets adopt --saved-query https://dev.azure.com/contoso/Webshop/_queries/query/0b1ad9a5-…/")]
    Adopt(AdoptArgs),
    #[command(flatten)]
    ByHand(ByHand),
}

/// Options of `lockstep tickets adopt`.
#[derive(Args, Debug)]
struct AdoptArgs {
    /// Finding; may be repeated, each with its `--work-item`
    #[arg(long = "finding", value_name = "ID", requires = "work_items")]
    findings: Vec<FindingId>,
    /// Number of the work item, or the address of its page
    #[arg(long = "work-item", value_name = "NUMBER", requires = "findings")]
    work_items: Vec<String>,
    /// Work items that this query finds, for the open findings that they are recognised to be about
    #[arg(long, value_name = "WIQL", conflicts_with_all = ["findings", "saved_query"])]
    query: Option<String>,
    /// The same with a saved query: the address of its page, or project/id
    #[arg(long, value_name = "QUERY", conflicts_with = "findings")]
    saved_query: Option<String>,
    /// Connection of the query (name or id) [default: the only one there is]
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    plan: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

fn kind(text: &str) -> Result<RepairKind, String> {
    serde_json::from_value(text.replace('-', "_").into())
        .map_err(|_| "use restore, replace, release, follow_there, hand_over, bind or ignore".to_owned())
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
        Action::Attachments { ticket } => {
            let id = lookup::ticket(&client, &ticket).await?;
            print_files(output, &client.get::<Vec<Attachment>>(&format!("tickets/{id}/attachments")).await?)?;
        }
        Action::Attach { ticket, file, private } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let content = tokio::fs::read(&file).await.map_err(|error| {
                CliError::new(exit::REFUSED, format!("{} cannot be read: {error}", file.display()))
            })?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let request = client
                .request(Method::POST, &format!("tickets/{id}/attachments"))?
                .query(&AttachmentOptions { name, private })
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(content);
            let all: Vec<Attachment> = client.json(request).await?;
            print_files(output, &all)?;
        }
        Action::Comment { ticket, text, private } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let new = NewComment { text, private };
            let all: Vec<Comment> = client.post(&format!("tickets/{id}/comments"), &new).await?;
            print_comments(output, &all)?;
        }
        Action::ChangeComment { ticket, comment, text } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let path = format!("tickets/{id}/comments/{comment}");
            let all: Vec<Comment> = client.patch(&path, &CommentChange { text }).await?;
            print_comments(output, &all)?;
        }
        Action::DeleteComment { ticket, comment, yes } => {
            let id = lookup::ticket(&client, &ticket).await?;
            confirm("Delete this comment, also on the board if it is there?", yes)?;
            client.delete(&format!("tickets/{id}/comments/{comment}")).await?;
        }
        Action::Retry { ticket } => {
            let id = lookup::ticket(&client, &ticket).await?;
            print_one(output, &client.act(Method::POST, &format!("tickets/{id}/retry")).await?)?;
        }
        Action::Repair { ticket, repair, work_item, destination } => {
            let id = lookup::ticket(&client, &ticket).await?;
            let repair = match repair {
                RepairKind::Restore => Repair::Restore,
                RepairKind::Replace => Repair::Replace,
                RepairKind::Release => Repair::Release,
                RepairKind::FollowThere => Repair::FollowThere,
                RepairKind::Ignore => Repair::Ignore,
                RepairKind::Bind => {
                    let number = work_item.ok_or_else(|| CliError::usage("bind needs --work-item NUMBER"))?;
                    Repair::Bind { work_item: WorkItemId(number) }
                }
                RepairKind::MergeInto | RepairKind::MoveTo => {
                    return Err(CliError::usage("use `lockstep tickets merge` or `lockstep tickets move`"));
                }
                RepairKind::HandOver => {
                    let name =
                        destination.ok_or_else(|| CliError::usage("hand_over needs --destination NAME"))?;
                    Repair::HandOver { destination: lookup::destination(&client, &name).await? }
                }
            };
            let ticket: Ticket = client.post(&format!("tickets/{id}/repair"), &repair).await?;
            print_one(output, &ticket)?;
        }
        Action::Adopt(args) => adopt(&client, output, args).await?,
        Action::ByHand(action) => return by_hand::run(&client, output, action, print_one).await,
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

async fn adopt(client: &Client, output: Output, args: AdoptArgs) -> Result<(), CliError> {
    if args.findings.len() != args.work_items.len() {
        return Err(CliError::usage("give each --finding its --work-item"));
    }
    let request = match (args.query, args.saved_query) {
        (None, None) if args.findings.is_empty() => {
            return Err(CliError::usage("say which: --finding and --work-item, --query, or --saved-query"));
        }
        (None, None) => {
            let pair = |(finding, work_item)| AdoptionPair { finding, work_item };
            let pairs = args.findings.into_iter().zip(args.work_items).map(pair).collect();
            AdoptionRequest::Pairs { pairs }
        }
        (Some(query), _) => {
            let connection = lookup::connection_or_only(client, args.connection.as_deref()).await?;
            AdoptionRequest::Query { connection, query }
        }
        (None, Some(query)) => {
            let connection = lookup::connection_or_only(client, args.connection.as_deref()).await?;
            AdoptionRequest::SavedQuery { connection, query }
        }
    };
    let plan: AdoptionPlan = client.post("adoptions/plan", &request).await?;
    let usable: Vec<AdoptionPair> = plan
        .rows
        .iter()
        .filter(|row| row.refused.is_none())
        .filter_map(|row| Some(AdoptionPair { finding: row.finding?, work_item: row.work_item?.to_string() }))
        .collect();
    if args.plan {
        return print_plan(output, &plan);
    }
    if usable.is_empty() {
        print_plan(output, &plan)?;
        return Err(CliError::usage("none of these work items can be used; the last column says why"));
    }
    if !args.yes {
        print_plan(output, &plan)?;
        confirm(&format!("Use {} existing work items?", usable.len()), args.yes)?;
    }
    let mut done = AdoptionPlan { rows: Vec::new() };
    for pairs in usable.chunks(200) {
        let new = NewAdoptions { pairs: pairs.to_vec() };
        let answer: AdoptionPlan = client.post("adoptions", &new).await?;
        done.rows.extend(answer.rows);
    }
    print_plan(output, &done)
}

fn print_plan(output: Output, plan: &AdoptionPlan) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(plan);
    }
    let rows = plan.rows.iter().map(|row| {
        let fields: Vec<&str> = row.fields.iter().map(|change| change.field.as_str()).collect();
        vec![
            row.work_item.map_or(String::new(), |id| format!("#{id}")),
            row.work_item_title.clone().unwrap_or_default(),
            row.state.clone().unwrap_or_default(),
            row.finding_title.clone().unwrap_or_default(),
            row.matched_by.as_ref().map(word).unwrap_or_default(),
            fields.join(", "),
            row.refused.clone().map(|why| format!("not used: {why}")).unwrap_or_default(),
        ]
    });
    output.table(&["Work item", "Title", "State", "Finding", "Matched by", "Written", "Note"], rows.collect())
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
        ("mends", ticket.repairs.iter().map(word).collect::<Vec<_>>().join(", ")),
        ("asked for", ticket.asked.as_ref().map(word).unwrap_or_default()),
        ("status", ticket.status.label().to_owned()),
        ("findings", ticket.findings.to_string()),
        ("destination", format!("{} ({})", ticket.destination.name, ticket.connection.name)),
        ("rules", ticket.rules.iter().map(|rule| rule.name.as_str()).collect::<Vec<_>>().join(", ")),
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
        vec![
            comment.id.to_string(),
            minute(comment.created_at),
            comment.author.clone(),
            place,
            comment.text.clone(),
        ]
    });
    output.table(&["Id", "When", "Who", "Where", "Text"], rows.collect())
}

fn print_files(output: Output, files: &[Attachment]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&files);
    }
    let rows = files.iter().map(|file| {
        let place = match (file.private, file.on_board, file.taken_away, &file.problem) {
            (true, ..) => "private".to_owned(),
            (_, _, _, Some(problem)) => problem.clone(),
            (_, true, ..) => "on the board".to_owned(),
            (_, _, true, None) => "taken away on the board".to_owned(),
            (_, false, false, None) => "on its way".to_owned(),
        };
        vec![
            file.name.clone(),
            file.size.map(|size| size.to_string()).unwrap_or_default(),
            file.author.clone().unwrap_or_default(),
            place,
        ]
    });
    output.table(&["Name", "Bytes", "Who", "Where"], rows.collect())
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
