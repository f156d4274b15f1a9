//! What would happen now, compared with the live board. A plan is not a guess: every ticket has its turn as in a pass, by the
//! same decisions, in transactions that are thrown away, and nothing is sent. Pauses and shadow mode do not count: the plan
//! says what their end brings.

use std::collections::HashMap;

use model::DestinationId;
use model::guard::Stroke;
use model::merge::{Desired, FieldChange};
use store::Tx;
use store::tickets::{Health, Ticket};
use uuid::Uuid;

use crate::connections::Board;
use crate::engine::Engine;
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::sync::lookup::Answers;
use crate::sync::pass::{Decided, Pass};
use crate::sync::repair::AnnouncedWrite;
use crate::{ReconcileResult, Refusal};

/// Tickets that are looked at in one go.
const STEP: i64 = 200;
/// Tickets without a work item that are looked at: more than any budget lets through in a day.
const MOST_PENDING: i64 = 10_000;

impl Engine {
    /// What would happen now if everything were brought into agreement.
    ///
    /// # Errors
    /// If a board cannot be read.
    pub async fn plan(&self) -> Result<Plan, Refusal> {
        let mut plan = Plan::default();
        for id in self.connection_ids().await? {
            let Some(board) = self.board(id).await? else { continue };
            let mut tx = self.inner.db.begin().await?;
            let Some(mut pass) = self.prepare(&mut tx, &board).await? else { continue };
            pass.is_rehearsal = true;
            pass.allowed = self.count_strokes_in(&mut tx, &pass).await?;
            drop(tx);
            self.rehearse_creations(&mut pass, &mut plan).await?;
            self.rehearse_updates(&mut pass, &mut plan).await?;
        }
        Ok(plan)
    }

    async fn rehearse_updates(&self, pass: &mut Pass<'_>, plan: &mut Plan) -> Result<(), Refusal> {
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
            let deadline = self.inner.world.now() + self.inner.settings.write_deadline;
            let mut tx = self.inner.db.begin().await?;
            for ticket in tickets {
                if ticket.intent.is_some() {
                    plan.list(row(pass, &ticket, PlanAction::Wait, Vec::new(), UNDER_WAY.into()));
                    continue;
                }
                let item = ticket.work_item_id.and_then(|id| looked.items.get(&id));
                let (mut result, known) = (ReconcileResult::default(), ticket.clone());
                let seen = looked.seen(&ticket);
                let decided =
                    self.decide_update(&mut tx, pass, ticket, item, seen, deadline, &mut result).await;
                if result.followed > 0 {
                    let reason = item
                        .and_then(|item| item.text("System.State"))
                        .map(|state| format!("the card was moved to {state}"));
                    let reason = reason.unwrap_or_default();
                    plan.list(row(pass, &known, PlanAction::Follow, Vec::new(), reason));
                }
                match decided {
                    Ok(Decided::Announced(AnnouncedWrite::Update(update))) => {
                        let action = action(update.outcome.base.status, &update.intent.wanted);
                        let reason = format!("the findings are {}", update.intent.wanted.status.label());
                        plan.list(row(pass, &known, action, update.outcome.fields, reason));
                    }
                    Ok(Decided::Announced(AnnouncedWrite::Restore(_))) => {
                        let reason = "the work item lies in the recycle bin".to_owned();
                        plan.list(row(pass, &known, PlanAction::Restore, Vec::new(), reason));
                    }
                    Ok(Decided::Rest | Decided::TakenOver) => {
                        self.list_rest(&mut tx, pass, &known, result.followed > 0, plan).await?;
                    }
                    Err(refusal) => {
                        plan.list(row(pass, &known, PlanAction::Wait, Vec::new(), refusal.detail));
                        // What the failed turn left behind is thrown away with it.
                        tx = self.inner.db.begin().await?;
                    }
                }
            }
        }
    }

    async fn rehearse_creations(&self, pass: &mut Pass<'_>, plan: &mut Plan) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let tickets = store::tickets::pending(&mut tx, pass.board.id, MOST_PENDING).await?;
        drop(tx);
        let Some(looked) = self.observe(pass, &[], &tickets).await? else { return Err(unread(pass.board)) };
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
                if ticket.intent.is_some() {
                    plan.list(row(pass, &ticket, PlanAction::Wait, Vec::new(), UNDER_WAY.into()));
                    continue;
                }
                let (mut result, known) = (ReconcileResult::default(), ticket.clone());
                let (found, named) = (Answers::default(), looked.named(&ticket));
                let decided =
                    self.decide_creation(&mut tx, pass, ticket, &found, named, deadline, &mut result).await;
                match decided {
                    Ok(Decided::Announced(creation)) => {
                        *taken.entry(known.destination_id).or_default() += 1;
                        let wanted = creation.wanted();
                        let reason = format!("{} finding without a work item", wanted.status.label());
                        let mut listed = row(pass, &known, PlanAction::Create, fields_of(wanted), reason);
                        listed.title.clone_from(&wanted.title);
                        plan.list(listed);
                    }
                    Ok(Decided::Rest | Decided::TakenOver) => {
                        self.list_rest(&mut tx, pass, &known, false, plan).await?;
                    }
                    Err(refusal) => {
                        plan.list(row(pass, &known, PlanAction::Wait, Vec::new(), refusal.detail));
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
        plan: &mut Plan,
    ) -> Result<(), Refusal> {
        let after = store::tickets::get(tx, known.id).await?;
        let waits = after.as_ref().is_some_and(|ticket| match ticket.health {
            Health::Held | Health::OverBudget | Health::Pending | Health::Waiting => ticket.problem.is_some(),
            _ => false,
        });
        if let Some(ticket) = after.filter(|_| waits) {
            let reason = ticket.problem.clone().unwrap_or_default();
            plan.list(row(pass, &ticket, PlanAction::Wait, Vec::new(), reason));
        } else if !is_listed {
            plan.nothing += 1;
        }
        Ok(())
    }
}

const UNDER_WAY: &str = "the outcome of an earlier write is not known yet";

fn unread(board: &Board) -> Refusal {
    let mut refusal = Refusal::conflict(
        "board_unread",
        "The board could not be read",
        "The board could not be read, so nobody can say what would happen.",
        "Check the connection, and try again.",
    );
    refusal.detail = format!("{} (connection {})", refusal.detail, board.id);
    refusal
}

fn row(
    pass: &Pass<'_>,
    ticket: &Ticket,
    action: PlanAction,
    fields: Vec<FieldChange>,
    reason: String,
) -> TicketPlan {
    let destination = pass.destination_of(ticket.destination_id);
    TicketPlan {
        ticket_id: Some(ticket.id),
        work_item_id: ticket.work_item_id,
        title: ticket.title.clone(),
        destination: destination.map(|found| found.settings.name.clone()).unwrap_or_default(),
        action,
        fields,
        reason,
    }
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
