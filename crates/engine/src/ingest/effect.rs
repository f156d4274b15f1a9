//! Puts the staged scans of an import into effect, a piece at a time. Each piece is a transaction that also says how far it
//! came: others write in between, and after a crash it goes on there. The rules and the tickets hear of it when all of it is
//! in effect: half a scan makes no work items.

use model::{AssetId, CoverageExtent, JobId};
use serde::{Deserialize, Serialize};
use store::Tx;
use store::assets::Asset;
use store::scans::Scan;
use store::taking_effect::Effect;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::ingest::ImportOrder;
use crate::ingest::commit::cause_of;
use crate::ingest::divide::Divided;
use crate::jobs::taken_over;
use crate::{ImportResult, Refusal};

/// How far a scan has taken effect.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Progress {
    next: Next,
    /// Findings that its configuration saw on its branch before.
    before: u64,
    /// It saw renamed files.
    renames: bool,
    /// Results of its that are in effect.
    done: u64,
    result: ImportResult,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Next {
    /// What it saw, after this place.
    Places(String),
    /// What it did not see, after this finding.
    Absences(Uuid),
    /// Nothing.
    Done,
}

impl Engine {
    /// An import was broken off while its scans took effect: all of its results are staged.
    pub(super) async fn takes_effect(&self, job: JobId) -> Result<bool, Refusal> {
        let mut tx = self.inner.db.read().await?;
        Ok(!store::taking_effect::progress::<Progress>(&mut tx, job).await?.is_empty())
    }

    pub(super) async fn put_into_effect(
        &self,
        job: JobId,
        order: &ImportOrder,
    ) -> Result<ImportResult, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let scans = store::scans::of_job(&mut tx, job).await?;
        let known = store::taking_effect::progress::<Progress>(&mut tx, job).await?;
        drop(tx);
        let divided = order.divided()?;
        // Those that were through before it was broken off.
        let through = known.iter().filter(|(id, _)| scans.iter().all(|scan| scan.id != *id));
        let mut done = through.map(|(_, progress)| progress.done).sum();
        for scan in &scans {
            done += loop {
                let progress = self.next_piece(job, order, divided.as_ref(), scan, done).await?;
                if progress.next == Next::Done {
                    break progress.done;
                }
            };
        }
        let mut tx = self.inner.db.begin().await?;
        let mut result = ImportResult {
            observations: order.taken,
            left_out: order.left_out.clone(),
            ..ImportResult::default()
        };
        for (scan, progress) in store::taking_effect::progress::<Progress>(&mut tx, job).await? {
            store::taking_effect::tell_tickets(&mut tx, scan).await?;
            result.scans.push(scan);
            result += progress.result;
        }
        // The lease is checked in the same transaction: a worker that was frozen and replaced changes nothing.
        if !store::jobs::succeed(&mut tx, job, self.inner.owner, &result, self.inner.world.now()).await? {
            return Err(taken_over(job));
        }
        tx.commit().await?;
        Ok(result)
    }

    /// Does the next piece of a scan, after `done` results of those before it. Answers how far it is then.
    async fn next_piece(
        &self,
        job: JobId,
        order: &ImportOrder,
        divided: Option<&Divided>,
        scan: &Scan,
        done: u64,
    ) -> Result<Progress, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let progress = self.piece(&mut tx, divided, scan).await?;
        let total = Some(order.observations);
        self.keep_job(&mut tx, job, done + progress.done, total, "matching findings").await?;
        tx.commit().await?;
        self.announce(EventKind::Job, job.0);
        Ok(progress)
    }

    /// The next piece of a scan, in this transaction.
    async fn piece(&self, tx: &mut Tx, divided: Option<&Divided>, scan: &Scan) -> Result<Progress, Refusal> {
        let Some(asset) = store::assets::get(tx, scan.asset_id).await? else {
            return Err(Refusal::not_found("asset", scan.asset_id));
        };
        let mut progress = match store::taking_effect::progress_of(tx, scan.id).await? {
            Some(progress) => progress,
            None => self.begin_effect(tx, &asset, scan).await?,
        };
        match progress.next.clone() {
            Next::Places(after) => {
                self.next_places(tx, &asset, scan, divided, &after, &mut progress).await?;
            }
            Next::Absences(after) => {
                let cause = cause_of(scan);
                let next = self
                    .apply_absences(tx, &asset, scan, divided, after, &cause, &mut progress.result)
                    .await?;
                progress.next = next.map_or(Next::Done, Next::Absences);
            }
            Next::Done => {}
        }
        if progress.next == Next::Done {
            store::assets::scanned(tx, asset.id, scan.started_at).await?;
            let state = if progress.result.quarantined { "quarantined" } else { "committed" };
            store::taking_effect::finish(tx, scan.id, state).await?;
        }
        store::taking_effect::save_progress(tx, scan.id, &progress).await?;
        Ok(progress)
    }

    /// All of an import, in a transaction that is thrown away. The tickets that it concerns are not told yet.
    pub(super) async fn suppose_effect(
        &self,
        tx: &mut Tx,
        scans: &[Scan],
        order: &ImportOrder,
    ) -> Result<ImportResult, Refusal> {
        let divided = order.divided()?;
        let mut result = ImportResult {
            observations: order.taken,
            left_out: order.left_out.clone(),
            ..ImportResult::default()
        };
        for scan in scans {
            result += loop {
                let progress = self.piece(tx, divided.as_ref(), scan).await?;
                if progress.next == Next::Done {
                    break progress.result;
                }
            };
        }
        Ok(result)
    }

    async fn begin_effect(&self, tx: &mut Tx, asset: &Asset, scan: &Scan) -> Result<Progress, Refusal> {
        let before = store::findings::present(tx, scan.configuration_id, &scan.branch).await?;
        // A late report only adds history: what it calls a file is no news.
        let later = store::scans::later(tx, scan.configuration_id, &scan.branch, scan.started_at).await?;
        let renames = later.is_empty() && self.find_renamed_files(tx, asset, scan).await?;
        Ok(Progress {
            next: Next::Places(String::new()),
            before,
            renames,
            done: 0,
            result: ImportResult::default(),
        })
    }

    async fn next_places(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        divided: Option<&Divided>,
        after: &str,
        progress: &mut Progress,
    ) -> Result<(), Refusal> {
        let piece = self.inner.settings.import_piece;
        let places = store::taking_effect::places(tx, scan.id, after, piece).await?;
        let Some(last) = places.last() else {
            progress.next = self.judge_absences(tx, asset, scan, divided, progress).await?;
            return Ok(());
        };
        progress.next = Next::Places(last.clone());
        let later = store::scans::later(tx, scan.configuration_id, &scan.branch, scan.started_at).await?;
        let cause = cause_of(scan);
        let mut effect = Effect::default();
        for place in &places {
            let renamed = match progress.renames {
                true => store::taking_effect::renamed_to(tx, scan.id, place).await?,
                false => Vec::new(),
            };
            progress.done += self
                .commit_place(
                    tx,
                    asset,
                    scan,
                    divided.map(|divided| &divided.division),
                    place,
                    &renamed,
                    &later,
                    &cause,
                    &mut effect,
                    &mut progress.result,
                )
                .await?;
        }
        // What is suppressed is not new: nobody has to do anything about it.
        let rules = store::suppressions::all(tx).await?;
        let new = std::mem::take(&mut progress.result.unasked);
        for severity in Box::pin(self.suppress_new(tx, &rules, &new)).await? {
            progress.result.new.take(severity);
        }
        store::taking_effect::add(tx, scan.id, effect).await?;
        Ok(())
    }

    /// Whether what the scan did not see counts, once all it saw is in effect.
    async fn judge_absences(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        divided: Option<&Divided>,
        progress: &mut Progress,
    ) -> Result<Next, Refusal> {
        if scan.coverage.extent != CoverageExtent::Full {
            return Ok(Next::Done);
        }
        let gone = self.count_absences(tx, asset, scan, divided).await?;
        let settings = &self.inner.settings;
        progress.result.quarantined =
            gone >= settings.collapse_number && gone * 100 >= progress.before * settings.collapse_percent;
        Ok(if progress.result.quarantined { Next::Done } else { Next::Absences(Uuid::nil()) })
    }

    /// Assets of which half a scan is in effect: what the rules would make of their findings now is not what they make of
    /// all of them.
    pub(crate) async fn assets_in_the_making(&self, tx: &mut Tx) -> Result<Vec<AssetId>, Refusal> {
        Ok(store::taking_effect::assets(tx, self.inner.world.now()).await?)
    }
}
