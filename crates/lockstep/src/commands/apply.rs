//! `lockstep apply` and `lockstep undo`: carrying out a plan that was written to a file, and putting it back.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use api::{Apply, ApplyRequest, ApplyState, ApplySummary, ApprovedTicket, Plan};
use clap::Args;
use model::PlanApplyId;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::jobs::Pause;
use super::{minute, plan, word};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, progress, say};

/// Version of the file. Files of other versions are refused.
const VERSION: u32 = 1;

/// A plan is larger than this only if it is none.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// So often it is asked what became of tickets whose outcome is not known yet, two seconds apart at most.
const MOST_LOOKS: u32 = 60;

/// A plan in a file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanFile {
    /// Version of this format.
    lockstep_plan: u32,
    /// The plan, as the API gives it.
    plan: Plan,
}

impl PlanFile {
    /// Writes a plan for people to read and for `lockstep apply`.
    pub(crate) fn write(plan: Plan, to: &Path) -> Result<(), CliError> {
        let file = Self { lockstep_plan: VERSION, plan };
        let text = serde_json::to_string_pretty(&file).map_err(CliError::broken)? + "\n";
        std::fs::write(to, text)
            .map_err(|error| CliError::usage(format!("{} cannot be written: {error}", to.display())))
    }

    fn read(from: &Path) -> Result<Plan, CliError> {
        let name = from.display();
        let unread = |error: std::io::Error| CliError::usage(format!("{name} cannot be read: {error}"));
        let mut text = String::new();
        if from.as_os_str() == "-" {
            std::io::stdin().lock().take(MOST_BYTES).read_to_string(&mut text).map_err(unread)?;
        } else {
            let file = std::fs::File::open(from).map_err(unread)?;
            file.take(MOST_BYTES).read_to_string(&mut text).map_err(unread)?;
        }
        let refused = |why: String| {
            CliError::new(exit::REFUSED, format!("{name} is no plan that can be applied: {why}")).next(
                "Make one with `lockstep plan --output FILE`, with the `lockstep` of the server's version.",
            )
        };
        // The version first: it says more than whatever else differs.
        let version: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
        match version["lockstep_plan"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => return Err(refused(format!("its version is {version}, not {VERSION}"))),
            None => return Err(refused("it has no `lockstep_plan` with its version".into())),
        }
        let file: Self = serde_json::from_value(version).map_err(|error| refused(error.to_string()))?;
        Ok(file.plan)
    }
}

/// Options of `lockstep apply`.
#[derive(Args, Debug)]
#[command(after_help = "\
Each row is decided anew against the live board. If its work item moved since, or something else would be written by now, it is
refused with the reason, and nothing is written for it. The same file applied again writes nothing.
Works in shadow mode, too; not while the connection is paused. It ends with 1 if a row was refused.

Examples:
  lockstep plan --output plan.json && lockstep apply plan.json
  lockstep apply plan.json --yes --json   # in a pipeline
  lockstep undo 0191e0c2-7f3a-7cc2-9c3b-0d6f5f1f3a10")]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// The file, as written by `lockstep plan --output` (`-` for standard input; needs --yes)
    file: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Options of `lockstep undo`.
#[derive(Args, Debug)]
#[command(after_help = "\
A work item is put back only if it still stands as the apply left it; what people did since stays. A work item that was created
goes into the recycle bin. The tickets wait then: `lockstep tickets retry TICKET` does it again.
It ends with 1 if a row was refused.

Examples:
  lockstep undo          # lists the latest applies
  lockstep undo 0191e0c2-7f3a-7cc2-9c3b-0d6f5f1f3a10")]
pub(crate) struct UndoArgs {
    #[command(flatten)]
    api: ApiArgs,
    /// The apply, as `lockstep apply` printed it; without it the latest ones are listed
    apply: Option<PlanApplyId>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Carries out a plan.
pub(crate) async fn apply(args: ApplyArgs) -> Outcome {
    let output = args.api.output();
    let mut plan = PlanFile::read(&args.file)?;
    plan.tickets.retain(|row| row.fingerprint.is_some());
    let tickets: Vec<ApprovedTicket> = plan
        .tickets
        .iter()
        .filter_map(|row| {
            Some(ApprovedTicket {
                ticket_id: row.ticket_id?,
                revision: row.revision,
                fingerprint: row.fingerprint.clone()?,
            })
        })
        .collect();
    if tickets.is_empty() {
        say("Nothing in this plan is to be written.");
        return Ok(exit::OK);
    }
    let client = args.api.client()?;
    if !args.yes {
        if output.is_json() {
            return Err(CliError::usage("with --json nothing is asked").next("Add --yes if you are sure."));
        }
        plan::print_rows(output, &plan)?;
    }
    confirm(&format!("Apply these {}?", tickets.len()), args.yes)?;
    let bar = progress(None, "Applying");
    let done = client.post("plan/applies", &ApplyRequest { tickets }).await;
    bar.finish_and_clear();
    ended(&client, output, done?).await
}

/// Undoes an apply, or lists the latest ones.
pub(crate) async fn undo(args: UndoArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    let Some(id) = args.apply else {
        let all: Vec<ApplySummary> = client.list("plan/applies", &[], None).await?;
        if output.is_json() {
            output.value(&all)?;
            return Ok(exit::OK);
        }
        let rows = all.iter().map(|apply| {
            vec![
                apply.id.to_string(),
                minute(apply.at),
                apply.by.clone(),
                apply.undoes.map_or(String::new(), |of| format!("undo of {of}")),
                apply.applied.to_string(),
                apply.refused.to_string(),
                apply.waiting.to_string(),
            ]
        });
        output.table(&["Id", "When", "Who", "", "Applied", "Refused", "Waiting"], rows.collect())?;
        return Ok(exit::OK);
    };
    if output.is_json() && !args.yes {
        return Err(CliError::usage("with --json nothing is asked").next("Add --yes if you are sure."));
    }
    confirm("Put back what this apply wrote?", args.yes)?;
    let bar = progress(None, "Undoing");
    let done = client.act(Method::POST, &format!("plan/applies/{id}/undo")).await;
    bar.finish_and_clear();
    ended(&client, output, done?).await
}

/// Waits for what is not known yet, prints what became of each row, and says how to go on.
async fn ended(client: &Client, output: Output, mut apply: Apply) -> Outcome {
    let waits = |apply: &Apply| apply.tickets.iter().any(|row| row.state == ApplyState::Waiting);
    let bar = progress(None, "Waiting for what is not known yet");
    let mut pause = Pause::default();
    for _ in 0..MOST_LOOKS {
        if !waits(&apply) {
            break;
        }
        pause.pass().await;
        apply = client.get(&format!("plan/applies/{}", apply.id)).await?;
    }
    bar.finish_and_clear();
    let count = |state: ApplyState| apply.tickets.iter().filter(|row| row.state == state).count();
    let (applied, refused, waiting) =
        (count(ApplyState::Applied), count(ApplyState::Refused), count(ApplyState::Waiting));
    if output.is_json() {
        output.value(&apply)?;
    } else {
        let rows = apply.tickets.iter().map(|row| {
            let item = row.work_item_id.map_or(String::new(), |id| format!("#{id}"));
            vec![word(&row.state), item, row.title.clone(), row.reason.clone().unwrap_or_default()]
        });
        output.table(&["", "Work item", "Title", "Why"], rows.collect())?;
        let wrote = if apply.undoes.is_some() { "put back" } else { "applied" };
        let left = match waiting {
            0 => String::new(),
            _ => format!(", {waiting} not known yet (Lockstep finishes them)"),
        };
        say(&format!("{applied} {wrote}, {refused} refused{left}."));
        if apply.undoes.is_none() && applied > 0 {
            say(&format!("To put it back: lockstep undo {}", apply.id));
        }
    }
    Ok(if refused > 0 { exit::VERDICT } else { exit::OK })
}
