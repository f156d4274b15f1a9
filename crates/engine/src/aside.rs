//! What is laid aside: an archived asset, a deleted branch, a deleted finding, and what becomes of the tickets.
//!
//! It is decided on the findings, like any other decision: they are suppressed with that reason, and the tickets follow by
//! the same loop as always. So nothing is forgotten, a crash in between changes nothing, and taking an asset up again is
//! the same the other way round.

use model::following::{Order, Repair};
use model::lifecycle::{Circumstances, Command, Giver};
use model::status::Aside;
use model::{AssetId, FindingId, Status};
use store::Tx;
use store::audit::{Cause, CauseKind};
use store::destinations::Farewell;
use store::findings::{Finding, facts};
use store::tickets::Health;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Findings that are looked at in one step.
const STEP: i64 = 200;

impl Engine {
    /// Lays an asset aside: its open findings are suppressed with that reason, and their tickets are closed or released,
    /// as their destination says. Scans of it are still taken in; they make no tickets.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn archive_asset(&self, id: AssetId, by: &Actor) -> Result<(), Refusal> {
        self.lay_asset_aside(id, true, by).await
    }

    /// Takes an asset up again: what was laid aside with it is identified again, and its tickets go on.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn restore_asset(&self, id: AssetId, by: &Actor) -> Result<(), Refusal> {
        self.lay_asset_aside(id, false, by).await
    }

    async fn lay_asset_aside(&self, id: AssetId, archived: bool, by: &Actor) -> Result<(), Refusal> {
        let now = self.inner.world.now();
        let mut tx = self.inner.db.begin().await?;
        store::assets::hold(&mut tx, id).await?;
        let Some(asset) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        if asset.archived == archived {
            return Ok(());
        }
        store::assets::set_archived(&mut tx, id, archived.then_some(now)).await?;
        let word = if archived { "archived" } else { "taken up again" };
        let what = format!("The asset {} was {word} by {}.", asset.name, by.name);
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::of_asset_after(&mut tx, id, after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.id.0;
            for finding in page {
                match archived {
                    true if finding.status.is_open() => {
                        self.lay_aside(&mut tx, &finding, Aside::Archived, what.clone(), by).await?;
                    }
                    false if finding.triage.aside == Some(Aside::Archived) => {
                        self.take_up(&mut tx, &finding, what.clone(), by).await?;
                    }
                    _ => {}
                }
            }
        }
        self.note_configuration(&mut tx, "asset", id.0, by, &format!("The asset was {word}.")).await?;
        if !archived {
            store::rules::begin_walk(&mut tx).await?;
        }
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// A branch is gone: what scans saw on it speaks no more. What was seen on no other branch that is tracked is laid
    /// aside until a scan sees it again; the status of the rest is derived from the other branches.
    ///
    /// # Errors
    /// If there is no such asset, or no scan of it knows the branch.
    pub async fn delete_branch(&self, id: AssetId, branch: &str, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        store::assets::hold(&mut tx, id).await?;
        let Some(mut asset) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        let seen = store::findings::on_branch(&mut tx, id, branch).await?;
        let is_tracked = asset.tracked_branches.iter().any(|tracked| tracked == branch);
        if branch.is_empty() || (seen.is_empty() && !is_tracked) {
            return Err(Refusal::invalid(
                "branch_unknown",
                "There is no such branch",
                format!(
                    "No scan of {} saw anything on the branch '{branch}', and it is not tracked.",
                    asset.name
                ),
                "Look at the scans of the asset: they name their branches.",
            ));
        }
        let what = format!("The branch {branch} was deleted by {}.", by.name);
        for finding_id in seen {
            let Some(finding) = store::findings::get(&mut tx, finding_id).await? else { continue };
            store::findings::forget_branch(&mut tx, finding_id, branch).await?;
            let detections = store::findings::detections(&mut tx, finding_id).await?;
            let on_others = detections.iter().any(|detection| asset.tracks(&detection.branch));
            if !on_others && asset.tracks(branch) && finding.status.is_open() {
                self.lay_aside(&mut tx, &finding, Aside::BranchDeleted, what.clone(), by).await?;
                continue;
            }
            let status = facts(&finding, &detections, &asset).status(self.inner.settings.grace);
            if on_others && status != finding.status {
                let mut changed = finding.clone();
                changed.set_status(status, self.inner.world.now());
                store::findings::save(&mut tx, &changed, status.is_open()).await?;
                store::tickets::mark_of_finding(&mut tx, finding_id).await?;
                let cause = Cause::new(CauseKind::Person, by.name.clone());
                self.note(&mut tx, &changed, Some(finding.status), &cause, what.clone()).await?;
            }
        }
        asset.tracked_branches.retain(|tracked| tracked != branch);
        store::assets::save(&mut tx, &asset).await?;
        self.note_configuration(&mut tx, "asset", id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// Deletes a finding: its ticket is closed or released, as the destination says, and nobody has to do anything about it
    /// any more. Its history stays; a scan that sees it again brings it back.
    ///
    /// # Errors
    /// If there is no such finding.
    pub async fn delete_finding(&self, id: FindingId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(finding) = store::findings::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("finding", id));
        };
        self.lay_aside(&mut tx, &finding, Aside::Deleted, format!("Deleted by {}.", by.name), by).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, id.0);
        self.wake_all_boards();
        Ok(())
    }

    async fn lay_aside(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        aside: Aside,
        what: String,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let reason = match aside {
            Aside::Archived => "The asset was archived",
            Aside::BranchDeleted => "The branch was deleted",
            Aside::Deleted => "The finding was deleted",
        };
        self.follow_aside(tx, finding, &Command::LayAside(aside), Some(reason), what, by).await?;
        self.release_tickets(tx, finding, by).await
    }

    /// What was laid aside counts again, and its tickets go on where they were left.
    async fn take_up(&self, tx: &mut Tx, finding: &Finding, what: String, by: &Actor) -> Result<(), Refusal> {
        self.follow_aside(tx, finding, &Command::TakeUp, None, what, by).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        self.resume_tickets(tx, finding, &cause).await
    }

    async fn follow_aside(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        command: &Command,
        reason: Option<&str>,
        what: String,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let circumstances = Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: self.inner.world.now(),
            reason: reason.map(str::to_owned),
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let followed = self.follow(tx, finding, command, &circumstances, &cause, what).await?;
        if let Err(illegal) = followed {
            tracing::warn!(finding = %finding.id, %illegal, "a finding could not be laid aside or taken up");
        }
        Ok(())
    }

    /// Where the destination says so, a ticket all of whose findings are closed now is released: the work item stays as it
    /// is and belongs to people alone.
    async fn release_tickets(&self, tx: &mut Tx, finding: &Finding, by: &Actor) -> Result<(), Refusal> {
        for id in store::tickets::of_finding(tx, finding.id).await? {
            let Some(mut ticket) = store::tickets::get(tx, id).await? else { continue };
            let Some(destination) = store::destinations::get(tx, ticket.destination_id).await? else {
                continue;
            };
            let findings = store::findings::of_ticket(tx, id).await?;
            if destination.settings.when_archived != Farewell::Release
                || findings.iter().any(|other| other.status.is_open())
                || ticket.health == Health::Released
            {
                continue;
            }
            let order = Order::of_person(Repair::Release, &by.name);
            ticket.following.laid_aside = true;
            ticket.following.order = Some(order.clone());
            ticket.unpark();
            // While a write is under way, the pass that learns its outcome releases it.
            if ticket.intent.is_none() {
                self.carry_out_here(tx, &mut ticket, &order).await?;
            }
            store::tickets::save(tx, &ticket).await?;
            if ticket.health != Health::Released {
                store::tickets::mark(tx, id).await?;
            }
        }
        Ok(())
    }

    /// Tickets that were released with what a finding was laid aside with go on where they were left.
    pub(crate) async fn resume_tickets(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        for id in store::tickets::of_finding(tx, finding.id).await? {
            let Some(mut ticket) = store::tickets::get(tx, id).await? else { continue };
            if !std::mem::take(&mut ticket.following.laid_aside) {
                continue;
            }
            if ticket.health == Health::Released {
                ticket.health = if ticket.work_item_id.is_some() { Health::Waiting } else { Health::Pending };
                ticket.problem = None;
                ticket.next_step = None;
                ticket.next_attempt_at = self.inner.world.now();
                self.note_on_ticket(tx, &ticket, cause, "Ticket taken up again.".into()).await?;
            } else if ticket.following.order.as_ref().is_some_and(|order| order.repair == Repair::Release) {
                ticket.following.order = None;
            }
            store::tickets::save(tx, &ticket).await?;
            store::tickets::mark(tx, id).await?;
            store::comments::talk_at(tx, id, Some(self.inner.world.now())).await?;
        }
        Ok(())
    }
}

/// A finding that comes back because a scan sees it: nothing is decided about it.
pub(crate) fn comes_back(finding: &Finding) -> bool {
    finding.status == Status::Suppressed && finding.triage.aside.is_some_and(Aside::ends_when_seen)
}
