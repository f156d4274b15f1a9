//! `lockstep plan` and `lockstep reconcile`: what would happen, and making it happen. A plan in a file is carried out by
//! `apply.rs`.

use std::path::PathBuf;

use api::{Job, Plan, ReconcileRequest};
use clap::Args;
use reqwest::Method;

use super::apply::PlanFile;
use super::{jobs, lookup, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::Output;

/// Options of `lockstep plan`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  lockstep plan
  lockstep plan --json | jq .create
  lockstep plan --output plan.json && lockstep apply plan.json")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Write the plan to this file, for `lockstep apply`: up to 5000 tickets, the rest is counted
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Says what would happen now, compared with the live board.
pub(crate) async fn plan(args: PlanArgs) -> Outcome {
    let client = args.api.client()?;
    let Some(to) = args.output else {
        let plan: Plan = client.act(Method::POST, "plan").await?;
        print(args.api.output(), &plan)?;
        return Ok(exit::OK);
    };
    let plan: Plan = client.act(Method::POST, "plan?limit=5000").await?;
    sum_up(&plan);
    let listed = plan.tickets.len() as u64;
    let all = plan.create + plan.update + plan.follow + plan.over_budget;
    if listed < all {
        crate::output::say(&format!(
            "The file holds the first {listed} of {all} rows: apply it, and plan again."
        ));
    }
    PlanFile::write(plan, &to)?;
    crate::output::say(&format!("Look at {}, then: lockstep apply {}", to.display(), to.display()));
    Ok(exit::OK)
}

/// Prints a plan.
pub(crate) fn print(output: Output, plan: &Plan) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(plan);
    }
    print_rows(output, plan)?;
    sum_up(plan);
    Ok(())
}

/// Prints the tickets of a plan for people.
pub(crate) fn print_rows(output: Output, plan: &Plan) -> Result<(), CliError> {
    let mut rows = Vec::new();
    for ticket in &plan.tickets {
        let head = [
            word(&ticket.action),
            ticket.work_item_id.map_or(String::new(), |id| format!("#{id}")),
            ticket.destination.clone(),
            ticket.title.clone(),
        ];
        let because = ticket.reason.clone();
        rows.push(head.iter().cloned().chain([String::new(), because]).collect());
        for field in &ticket.fields {
            let change = format!("{}: '{}' → '{}'", field.field, field.from, field.to);
            // A pipe gets whole lines, so that each can be read alone.
            let start = if output.is_terminal() { Default::default() } else { head.clone() };
            rows.push(start.into_iter().chain([change, field.reason.clone()]).collect());
        }
    }
    output.table(&["Action", "Work item", "Destination", "Title", "Field", "Why"], rows)
}

fn sum_up(plan: &Plan) {
    let left = if plan.over_budget > 0 { format!(", {} wait", plan.over_budget) } else { String::new() };
    crate::output::say(&format!(
        "{} to create, {} to change, {} to follow{left}, {} in step.",
        plan.create, plan.update, plan.follow, plan.nothing
    ));
}

/// Options of `lockstep reconcile`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  lockstep reconcile --wait
  lockstep reconcile '#123' --wait
  lockstep reconcile --sweep")]
pub(crate) struct ReconcileArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// Only this ticket: its id, or the number of its work item; tried again if it is parked
    ticket: Option<String>,
    /// Compare every live ticket with the board, not only those known to have changed
    #[arg(long, conflicts_with = "ticket")]
    sweep: bool,
    /// Wait until it is done and print what it did
    #[arg(long)]
    wait: bool,
}

/// Brings tickets and work items into agreement.
pub(crate) async fn reconcile(args: ReconcileArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let ticket = match &args.ticket {
        Some(ticket) => Some(lookup::ticket(&client, ticket).await?),
        None => None,
    };
    let mut job: Job = client.post("reconcile", &ReconcileRequest { ticket, sweep: args.sweep }).await?;
    if args.wait {
        job = jobs::wait(&client, job).await?;
    }
    if output.is_json() {
        output.value(&job)?;
    } else {
        match &job.reconcile {
            Some(done) => output.facts(&[
                ("tickets", done.tickets.to_string()),
                ("read", done.read.to_string()),
                ("created", done.created.to_string()),
                ("changed", done.updated.to_string()),
                ("followed", done.followed.to_string()),
                ("failed", done.failed.to_string()),
            ])?,
            None => output.line(&format!("Job {} is queued.", job.id))?,
        }
    }
    Ok(exit::OK)
}
