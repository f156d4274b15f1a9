//! What would happen now, compared with the live board, without doing it.

use std::collections::HashMap;

use model::lifecycle::command_of;
use model::merge::{FieldChange, merge};
use model::{Status, WorkItemId};
use store::tickets::Health;
use uuid::Uuid;

use crate::Refusal;
use crate::engine::Engine;
use crate::results::{Plan, PlanAction, TicketPlan};
use crate::sync::following::rules_for;

const STEP: i64 = 200;

impl Engine {
    /// What would happen now if everything were brought into agreement.
    ///
    /// # Errors
    /// If a board cannot be read.
    pub async fn plan(&self) -> Result<Plan, Refusal> {
        let mut plan = Plan::default();
        for id in self.connection_ids().await? {
            let Some(board) = self.board(id).await? else { continue };
            let mut tx = self.inner.db.read().await?;
            let Some(mut pass) = self.prepare(&mut tx, &board).await? else { continue };
            drop(tx);
            self.plan_creations(&pass, &mut plan).await?;
            let mut after = Uuid::nil();
            loop {
                let mut tx = self.inner.db.read().await?;
                let tickets = store::tickets::live_after(&mut tx, id, after, STEP).await?;
                drop(tx);
                let Some(last) = tickets.last() else { break };
                after = last.id.0;
                let ids: Vec<WorkItemId> = tickets.iter().filter_map(|ticket| ticket.work_item_id).collect();
                let mut items: HashMap<WorkItemId, azure::Item> =
                    board.client.read(&ids).await?.into_iter().map(|item| (item.id(), item)).collect();
                let here =
                    tickets.iter().filter_map(|ticket| Some((ticket, items.get(&ticket.work_item_id?)?)));
                pass.foreign = self.learn_abroad(&pass, here).await?;
                let mut tx = self.inner.db.read().await?;
                for ticket in tickets {
                    let (Some((destination, shape)), Some(number)) =
                        (pass.destination(&ticket), ticket.work_item_id)
                    else {
                        continue;
                    };
                    let row = |action, fields: Vec<FieldChange>, reason: String| TicketPlan {
                        ticket_id: Some(ticket.id),
                        work_item_id: Some(number),
                        title: ticket.title.clone(),
                        destination: destination.settings.name.clone(),
                        action,
                        fields,
                        reason,
                    };
                    let (Some(item), Some(base)) = (items.remove(&number), ticket.base.as_ref()) else {
                        plan.nothing += 1;
                        continue;
                    };
                    if ticket.intent.is_some() {
                        plan.list(row(
                            PlanAction::Wait,
                            Vec::new(),
                            "the outcome of an earlier write is not known yet".into(),
                        ));
                        continue;
                    }
                    let abroad = pass.foreign.of(destination, &item);
                    let view = item.view(abroad.map_or(shape, |abroad| &abroad.shape));
                    if ticket.health == Health::Merged {
                        plan.nothing += 1;
                        continue;
                    }
                    let findings = store::findings::of_ticket(&mut tx, ticket.id).await?;
                    let desired = self.desired(&mut tx, destination, Some(&ticket), &findings).await?;
                    let outcome = merge(base, &desired, &view, rules_for(destination, &ticket, abroad));
                    let was_closed = base.status.is_some_and(|status| !status.is_open());
                    if let Some(command) = outcome.follow.and_then(command_of) {
                        let reason = format!("the card was moved to {}: {command:?}", view.state);
                        plan.list(row(PlanAction::Follow, outcome.fields, reason));
                    } else if outcome.writes.is_empty() {
                        plan.nothing += 1;
                    } else {
                        let moves = outcome
                            .fields
                            .iter()
                            .any(|change| matches!(change.field.as_str(), "State" | "Column"));
                        let action = match (moves, desired.status.is_open(), was_closed) {
                            (true, false, _) => PlanAction::Close,
                            (true, true, true) => PlanAction::Reopen,
                            _ if moves && base.status == Some(Status::AwaitingValidation) => {
                                PlanAction::Reopen
                            }
                            _ => PlanAction::Update,
                        };
                        let reason = format!("the findings are {}", desired.status.label());
                        plan.list(row(action, outcome.fields, reason));
                    }
                }
            }
        }
        Ok(plan)
    }

    async fn plan_creations(&self, pass: &crate::sync::Pass<'_>, plan: &mut Plan) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.read().await?;
        let mut left: HashMap<model::DestinationId, u64> = HashMap::new();
        for ticket in store::tickets::pending(&mut tx, pass.board.id, 10_000).await? {
            let Some((destination, _)) = pass.destination(&ticket) else { continue };
            let findings = store::findings::of_ticket(&mut tx, ticket.id).await?;
            let desired = self.desired(&mut tx, destination, Some(&ticket), &findings).await?;
            if !desired.status.is_open() {
                plan.nothing += 1;
                continue;
            }
            let budget = match left.get(&destination.id) {
                Some(left) => *left,
                None => {
                    let spent = store::destinations::spent(&mut tx, destination.id, now).await?;
                    destination.settings.daily_budget.saturating_sub(spent)
                }
            };
            left.insert(destination.id, budget.saturating_sub(1));
            let (action, reason) = if ticket.intent.is_some() {
                (PlanAction::Wait, "the outcome of an earlier try is not known yet".to_owned())
            } else if budget == 0 {
                (
                    PlanAction::Wait,
                    format!("the budget of {} a day is used up", destination.settings.daily_budget),
                )
            } else {
                (PlanAction::Create, format!("{} finding without a work item", desired.status.label()))
            };
            let field = |field: &str, to: String| FieldChange {
                field: field.into(),
                from: String::new(),
                to,
                reason: "new work item".into(),
                decided_by: None,
            };
            let mut fields = vec![field("Title", desired.title.clone())];
            fields.extend(desired.priority.map(|priority| field("Priority", priority.to_string())));
            fields.extend(desired.severity.clone().map(|severity| field("Severity", severity)));
            fields.push(field("Tags", desired.tags.join("; ")));
            plan.list(TicketPlan {
                ticket_id: Some(ticket.id),
                work_item_id: None,
                title: desired.title,
                destination: destination.settings.name.clone(),
                action,
                fields,
                reason,
            });
        }
        Ok(())
    }

    /// Lets a ticket that waits or is parked be tried at once.
    ///
    /// # Errors
    /// If there is no such ticket.
    pub async fn retry_ticket(&self, id: model::TicketId, by: &crate::Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(ticket) = store::tickets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("ticket", id));
        };
        store::tickets::retry(&mut tx, id).await?;
        store::comments::retry(&mut tx, id, self.inner.world.now()).await?;
        self.note_configuration(&mut tx, "ticket", id.0, by, "Asked to be tried again.").await?;
        tx.commit().await?;
        self.wake_board(ticket.connection_id);
        Ok(())
    }
}
