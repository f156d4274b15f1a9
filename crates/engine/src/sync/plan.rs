//! What would happen now, compared with the live board. A plan is not a guess: every ticket has its turn as in a pass, by the
//! same decisions, in transactions that are thrown away, and nothing is sent. Pauses and shadow mode do not count: the plan
//! says what their end brings.
//!
//! Each write that is planned has a fingerprint. A person may approve it, and have it carried out: see `apply.rs`.

use std::collections::HashMap;

use model::DestinationId;
use model::guard::Stroke;
use model::merge::{Desired, FieldChange};
use store::Tx;
use store::tickets::{Health, Ticket};
use uuid::Uuid;

use crate::connections::Board;
use crate::engine::{Engine, unheard};
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::sync::approval::Announced;
use crate::sync::effect::Supposed;
use crate::sync::lookup::Answers;
use crate::sync::pass::{Decided, Looked, Pass};
use crate::sync::repair::AnnouncedWrite;
use crate::{ReconcileResult, Refusal};

/// Tickets that are looked at in one go.
const STEP: i64 = 200;
/// Tickets without a work item that are looked at: more than any budget lets through in a day.
const MOST_PENDING: i64 = 10_000;

/// A plan that is being made.
pub(super) struct Draft {
    pub(super) plan: Plan,
    most: usize,
}

impl Draft {
    /// An empty one that lists so many tickets.
    pub(super) fn listing(most: usize) -> Self {
        Self { plan: Plan::default(), most }
    }

    pub(super) fn list(&mut self, row: TicketPlan) {
        self.plan.list(row, self.most);
    }
}

impl Engine {
    /// What would happen now if everything were brought into agreement, with [`Plan::LISTED`] tickets one by one.
    ///
    /// # Errors
    /// If a board cannot be read.
    pub async fn plan(&self) -> Result<Plan, Refusal> {
        self.plan_listing(Plan::LISTED).await
    }

    /// The same with at most so many tickets one by one, up to [`Plan::MOST_LISTED`].
    ///
    /// # Errors
    /// If a board cannot be read.
    pub async fn plan_listing(&self, most: usize) -> Result<Plan, Refusal> {
        let mut draft = Draft::listing(most.min(Plan::MOST_LISTED));
        for id in self.connection_ids().await? {
            let Some(board) = self.board(id).await? else { continue };
            let mut tx = self.inner.db.begin().await?;
            let Some(mut pass) = self.prepare(&mut tx, &board).await? else { continue };
            pass.is_rehearsal = true;
            pass.allowed = unheard(self.count_strokes_in(&mut tx, &pass)).await?;
            drop(tx);
            self.rehearse_creations(&mut pass, &mut draft).await?;
            self.rehearse_updates(&mut pass, &mut draft).await?;
        }
        Ok(draft.plan)
    }

    async fn rehearse_updates(&self, pass: &mut Pass<'_>, draft: &mut Draft) -> Result<(), Refusal> {
        let mut after = Uuid::nil();
        loop {
            let mut tx = self.inner.db.read().await?;
            let tickets = store::tickets::live_after(&mut tx, pass.board.id, after, STEP).await?;
            drop(tx);
            let Some(last) = tickets.last() else { return Ok(()) };
            after = last.id.0;
            let Some(looked) = self.observe(pass, &tickets, &[]).await? else {
                return Err(unread(pass.board));
            };
            self.rehearse(pass, tickets, &looked, &Supposed::Nothing, draft).await?;
        }
    }

    /// The turns of some tickets, in transactions in which what is supposed is so.
    pub(super) async fn rehearse(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        looked: &Looked,
        supposed: &Supposed,
        draft: &mut Draft,
    ) -> Result<(), Refusal> {
        unheard(self.rehearse_turns(pass, tickets, looked, supposed, draft)).await
    }

    async fn rehearse_turns(
        &self,
        pass: &Pass<'_>,
        tickets: Vec<Ticket>,
        looked: &Looked,
        supposed: &Supposed,
        draft: &mut Draft,
    ) -> Result<(), Refusal> {
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        let mut tx = self.supposing(supposed).await?;
        let mut failed = 0;
        for ticket in tickets {
            if let Some(reason) = has_no_turn(&ticket) {
                draft.list(row(pass, &ticket, PlanAction::Wait, reason));
                continue;
            }
            let item = ticket.work_item_id.and_then(|id| looked.items.get(&id));
            let (mut result, known) = (ReconcileResult::default(), ticket.clone());
            let seen = looked.seen(&ticket);
            let decided = self.decide_update(&mut tx, pass, ticket, item, seen, deadline, &mut result).await;
            if result.followed > 0 {
                let reason = item
                    .and_then(|item| item.text("System.State"))
                    .map(|state| format!("the card was moved to {state}"));
                draft.list(row(pass, &known, PlanAction::Follow, reason.unwrap_or_default()));
            }
            match decided {
                Ok(Decided::Announced(write)) => draft.list(row_of_write(pass, &known, write)),
                Ok(Decided::Rest | Decided::Refused(_) | Decided::TakenOver) => {
                    self.list_rest(&mut tx, pass, &known, result.followed > 0, draft).await?;
                }
                Err(refusal) => {
                    failed += 1;
                    if failed > supposed.most_failures() {
                        return Err(refusal);
                    }
                    draft.list(row(pass, &known, PlanAction::Wait, refusal.detail));
                    // What the failed turn left behind is thrown away with it.
                    drop(tx);
                    tx = self.supposing(supposed).await?;
                }
            }
        }
        Ok(())
    }

    async fn rehearse_creations(&self, pass: &mut Pass<'_>, draft: &mut Draft) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let tickets = store::tickets::pending(&mut tx, pass.board.id, MOST_PENDING).await?;
        drop(tx);
        let Some(looked) = self.observe(pass, &[], &tickets).await? else { return Err(unread(pass.board)) };
        if !self.learn_iterations(pass, &tickets).await? {
            return Err(unread(pass.board));
        }
        let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
        // What this plan would take of the budgets of today, in transactions that were thrown away.
        let mut taken: HashMap<DestinationId, u64> = HashMap::new();
        let mut tickets = tickets.into_iter().peekable();
        while tickets.peek().is_some() {
            let mut tx = self.inner.db.begin().await?;
            let now = self.inner.world.now();
            for (destination, count) in &taken {
                store::destinations::take(&mut tx, *destination, *count, now).await?;
            }
            for ticket in tickets.by_ref().take(STEP as usize) {
                if let Some(reason) = has_no_turn(&ticket) {
                    draft.list(row(pass, &ticket, PlanAction::Wait, reason));
                    continue;
                }
                let (mut result, known) = (ReconcileResult::default(), ticket.clone());
                let (found, named) = (Answers::default(), looked.named(&ticket));
                let turn = self.decide_creation(&mut tx, pass, ticket, &found, named, deadline, &mut result);
                let decided = unheard(turn).await;
                match decided {
                    Ok(Decided::Announced(creation)) => {
                        *taken.entry(known.destination_id).or_default() += 1;
                        let wanted = creation.wanted();
                        let reason = format!("{} finding without a work item", wanted.status.label());
                        draft.list(TicketPlan {
                            title: wanted.title.clone(),
                            fields: fields_of(wanted),
                            fingerprint: Some(creation.fingerprint()),
                            ..row(pass, &known, PlanAction::Create, reason)
                        });
                    }
                    Ok(Decided::Rest | Decided::Refused(_) | Decided::TakenOver) => {
                        self.list_rest(&mut tx, pass, &known, false, draft).await?;
                    }
                    Err(refusal) => {
                        draft.list(row(pass, &known, PlanAction::Wait, refusal.detail));
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Nothing would be sent: because there is nothing to do, or because something keeps it.
    async fn list_rest(
        &self,
        tx: &mut Tx,
        pass: &Pass<'_>,
        known: &Ticket,
        is_listed: bool,
        draft: &mut Draft,
    ) -> Result<(), Refusal> {
        let Some(after) = store::tickets::get(tx, known.id).await? else { return Ok(()) };
        let waits = match after.health {
            Health::Held | Health::OverBudget | Health::Pending | Health::Waiting => after.problem.clone(),
            _ => None,
        };
        // What people asked for, or a policy does, begins with something that is done here; the board has its turn after it.
        let begun = known.following.order.as_ref().map(|order| order.repair.wish()).or_else(|| {
            (after.work_item_id != known.work_item_id).then(|| "make a new work item in its place".to_owned())
        });
        if let Some(reason) = waits.or(begun.map(|wish| format!("the next turn is to {wish}"))) {
            draft.list(row(pass, &after, PlanAction::Wait, reason));
        } else if !is_listed {
            draft.plan.nothing += 1;
        }
        Ok(())
    }
}

/// Why a ticket would not have its turn now.
fn has_no_turn(ticket: &Ticket) -> Option<String> {
    if ticket.intent.is_some() {
        return Some("the outcome of an earlier write is not known yet".into());
    }
    if let Some(approval) = &ticket.following.approval {
        return Some(format!("what {} approved is being applied", approval.by));
    }
    ticket.parked.then(|| {
        let problem = ticket.problem.clone().unwrap_or_else(|| "It failed too often.".into());
        let next_step = ticket.next_step.clone().unwrap_or_else(|| "Retry the ticket.".into());
        format!("{problem} {next_step}")
    })
}

pub(super) fn unread(board: &Board) -> Refusal {
    let mut refusal = Refusal::conflict(
        "board_unread",
        "The board could not be read",
        "The board could not be read, so nobody can say what would happen.",
        "Check the connection, and try again.",
    );
    refusal.detail = format!("{} (connection {})", refusal.detail, board.id);
    refusal
}

fn row(pass: &Pass<'_>, ticket: &Ticket, action: PlanAction, reason: String) -> TicketPlan {
    let destination = pass.destination_of(ticket.destination_id);
    TicketPlan {
        ticket_id: Some(ticket.id),
        work_item_id: ticket.work_item_id,
        title: ticket.title.clone(),
        destination: destination.map(|found| found.settings.name.clone()).unwrap_or_default(),
        action,
        fields: Vec::new(),
        reason,
        revision: None,
        fingerprint: None,
    }
}

fn row_of_write(pass: &Pass<'_>, known: &Ticket, write: AnnouncedWrite) -> TicketPlan {
    let (revision, fingerprint) = (write.revision(), Some(write.fingerprint()));
    let row = match write {
        AnnouncedWrite::Update(update) => {
            let wanted = &update.intent.wanted;
            let reason = format!("the findings are {}", wanted.status.label());
            let action = action(update.outcome.base.status, wanted);
            TicketPlan { fields: update.outcome.fields, ..row(pass, known, action, reason) }
        }
        AnnouncedWrite::Restore(_) => {
            row(pass, known, PlanAction::Restore, "the work item lies in the recycle bin".into())
        }
        // Only a person asks for it, and a ticket that was asked about has no turn here.
        AnnouncedWrite::Delete(_) => row(pass, known, PlanAction::Wait, "its creation is undone".into()),
    };
    TicketPlan { revision, fingerprint, ..row }
}

/// What is done to a work item that stands for `agreed`.
fn action(agreed: Option<model::Status>, wanted: &Desired) -> PlanAction {
    match Stroke::between(agreed, wanted.status) {
        Some(Stroke::Close) => PlanAction::Close,
        Some(Stroke::Reopen) => PlanAction::Reopen,
        Some(Stroke::Create) | None => PlanAction::Update,
    }
}

/// What a new work item says.
fn fields_of(wanted: &Desired) -> Vec<FieldChange> {
    let field = |field: &str, to: String| FieldChange {
        field: field.into(),
        from: String::new(),
        to,
        reason: "new work item".into(),
        decided_by: None,
    };
    let mut fields = vec![field("Title", wanted.title.clone())];
    fields.extend(wanted.priority.map(|priority| field("Priority", priority.to_string())));
    fields.extend(wanted.severity.clone().map(|severity| field("Severity", severity)));
    fields.push(field("Tags", wanted.tags.join("; ")));
    fields
}
