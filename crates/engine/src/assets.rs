//! Assets that get another name, are laid aside, or are taken up again, and what becomes of their tickets.
//!
//! What is laid aside is decided on its findings, like any other decision: they are suppressed with that reason, and the
//! tickets follow by the same loop as always. So nothing is forgotten, a crash in between changes nothing, and taking
//! the asset up again is the same the other way round.

use model::lifecycle::{Circumstances, Command, Giver};
use model::status::Decision;
use model::{AssetId, Status};
use store::Tx;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::destinations::Farewell;
use store::findings::Finding;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Reason of the suppression that comes with laying an asset aside and goes with taking it up again.
const ARCHIVED: &str = "The asset was archived";

/// Findings that are looked at in one step.
const STEP: i64 = 200;

impl Engine {
    /// Gives an asset another name. The work items of its findings say the new one where they say the old one.
    ///
    /// # Errors
    /// If there is no such asset, or another one has the name.
    pub async fn rename_asset(&self, id: AssetId, name: &str, by: &Actor) -> Result<(), Refusal> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(Refusal::invalid(
                "asset_invalid",
                "The asset makes no sense",
                "The asset needs a name of 1 to 200 characters.",
                "Give it a short name.",
            )
            .field("/name", "1 to 200 characters"));
        }
        let mut tx = self.inner.db.begin().await?;
        let Some(asset) = store::assets::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("asset", id));
        };
        if asset.name == name {
            return Ok(());
        }
        store::assets::rename(&mut tx, id, name).await.map_err(|error| {
            if error.is_duplicate() {
                Refusal::conflict(
                    "asset_taken",
                    "There is such an asset already",
                    format!("Another asset has the name {name}."),
                    "Choose another name.",
                )
            } else {
                error.into()
            }
        })?;
        store::tickets::mark_of_asset(&mut tx, id).await?;
        let what = format!("Renamed from {} to {name}.", asset.name);
        self.note_configuration(&mut tx, "asset", id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// Lays an asset aside: its open findings are suppressed with that reason, and their tickets are closed or released,
    /// as their destination says. Scans of it are still taken in; they make no tickets.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn archive_asset(&self, id: AssetId, by: &Actor) -> Result<(), Refusal> {
        self.lay_aside(id, true, by).await
    }

    /// Takes an asset up again: what was suppressed because it was laid aside is identified again, and gets tickets.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn restore_asset(&self, id: AssetId, by: &Actor) -> Result<(), Refusal> {
        self.lay_aside(id, false, by).await
    }

    async fn lay_aside(&self, id: AssetId, archived: bool, by: &Actor) -> Result<(), Refusal> {
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
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let circumstances = Circumstances {
            giver: Giver::Person,
            by: by.name.clone(),
            at: now,
            reason: archived.then(|| ARCHIVED.to_owned()),
            temporary: None,
            grace: self.inner.settings.grace,
        };
        let mut after = Uuid::nil();
        loop {
            let page = store::findings::of_asset_after(&mut tx, id, after, STEP).await?;
            let Some(last) = page.last() else { break };
            after = last.id.0;
            for finding in page {
                let command = match archived {
                    true if finding.status.is_open() => Command::Suppress,
                    false if was_laid_aside(&finding) => Command::Identify,
                    _ => continue,
                };
                let what = format!("The asset {} was {word} by {}.", asset.name, by.name);
                let followed = self.follow(&mut tx, &finding, &command, &circumstances, &cause, what).await?;
                if let Err(illegal) = followed {
                    tracing::warn!(finding = %finding.id, %illegal, "a finding could not follow its asset");
                }
                if archived {
                    self.release_tickets(&mut tx, &finding, &asset.name, &cause).await?;
                }
            }
        }
        self.note_configuration(&mut tx, "asset", id.0, by, &format!("The asset was {word}.")).await?;
        if !archived {
            store::findings::reconsider_all(&mut tx).await?;
        }
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// Where the destination says so, a ticket all of whose findings are closed now is released: the work item stays as it
    /// is and belongs to people alone. An outstanding write keeps its ticket until its outcome is known.
    async fn release_tickets(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        asset: &str,
        cause: &Cause,
    ) -> Result<(), Refusal> {
        for id in store::tickets::of_finding(tx, finding.id).await? {
            let Some(ticket) = store::tickets::get(tx, id).await? else { continue };
            let Some(destination) = store::destinations::get(tx, ticket.destination_id).await? else {
                continue;
            };
            let findings = store::findings::of_ticket(tx, id).await?;
            let others_open = findings.iter().any(|other| other.status.is_open());
            if destination.settings.when_archived != Farewell::Release
                || others_open
                || ticket.intent.is_some()
            {
                continue;
            }
            let number =
                ticket.work_item_id.map_or("no work item".to_owned(), |id| format!("work item {id}"));
            let what =
                format!("Released ({number}): the asset {asset} was archived. The work item stays as it is.");
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Ticket(id),
                cause,
                what: what.clone(),
                statuses: None,
                fields: &[],
            };
            store::audit::add(tx, entry).await?;
            let entry = Entry {
                id: self.inner.world.id(),
                at: self.inner.world.now(),
                subject: Subject::Finding(finding.id),
                cause,
                what,
                statuses: None,
                fields: &[],
            };
            store::audit::add(tx, entry).await?;
            store::tickets::delete(tx, id).await?;
        }
        Ok(())
    }
}

fn was_laid_aside(finding: &Finding) -> bool {
    finding.status == Status::Suppressed
        && finding.triage.decision == Decision::Suppressed
        && finding.triage.reason.as_deref() == Some(ARCHIVED)
}
