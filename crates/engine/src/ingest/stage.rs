//! The import job: stages observations in a stream, then puts the scans into effect ([`super::effect`]).

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use model::ingest::Verdict;
use model::{JobId, Observation, ScanId, identity};
use store::Tx;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Refusal;
use crate::engine::{Engine, EventKind};
use crate::ingest::ImportOrder;

/// Observations that are staged in one transaction.
const BATCH: usize = 500;

struct Staged {
    scan: ScanId,
    seq: u64,
    observation: Box<Observation>,
    /// A filter leaves it out: it counts only if its place is known, so that what a filter hides is never taken for fixed.
    filtered: bool,
}

/// A scan that observations are staged for.
struct Target {
    configuration: Uuid,
    branch: String,
    /// Observations that were staged before a crash.
    already: u64,
}

/// By scan.
type Targets = std::collections::HashMap<ScanId, Target>;

impl Engine {
    pub(crate) async fn run_import(&self, job: JobId, order: ImportOrder) -> Result<(), Refusal> {
        if !self.takes_effect(job).await? {
            self.stage_all(job, &order).await?;
        }
        let result = self.put_into_effect(job, &order).await?;
        if let Err(error) = tokio::fs::remove_file(self.report_path(&order.report)).await {
            tracing::warn!(%job, error = &error as &dyn std::error::Error, "the report could not be deleted");
        }
        tracing::info!(%job, new = result.new.total(), fixed = result.fixed.total(), "report imported");
        self.announce(EventKind::Scan, None);
        self.announce(EventKind::Finding, None);
        self.inner.ticketing.notify_one();
        self.wake_all_boards();
        Ok(())
    }

    async fn stage_all(&self, job: JobId, order: &ImportOrder) -> Result<(), Refusal> {
        let total = Some(order.observations);
        self.progress(job, 0, total, "reading the report").await?;
        let mut receiver = stream(self.report_path(&order.report), order)?;
        let mut staged = Targets::new();
        let mut done = 0;
        let mut batch: Vec<Staged> = Vec::with_capacity(BATCH);
        loop {
            let next = receiver.recv().await;
            let ended = next.is_none();
            match next {
                Some(Ok(observation)) => batch.push(observation),
                Some(Err(error)) => return Err(unreadable(&order.filename, &error)),
                None => {}
            }
            if batch.len() == BATCH || (ended && !batch.is_empty()) {
                done += batch.len() as u64;
                self.stage(&mut batch, &mut staged).await?;
                self.progress(job, done, total, "reading the report").await?;
            }
            if ended {
                break;
            }
        }
        is_whole(order, done)
    }

    /// Stages a batch, without what was staged before a crash.
    async fn stage(&self, batch: &mut Vec<Staged>, targets: &mut Targets) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        stage_in(&mut tx, batch, targets).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Stages a whole report in one transaction, which is thrown away.
    pub(super) async fn stage_supposed(
        &self,
        tx: &mut Tx,
        report: &Path,
        order: &ImportOrder,
    ) -> Result<(), Refusal> {
        let mut receiver = stream(report.to_owned(), order)?;
        let mut targets = Targets::new();
        let mut done = 0;
        while let Some(next) = receiver.recv().await {
            let observation = next.map_err(|error| unreadable(&order.filename, &error))?;
            stage_in(tx, &mut vec![observation], &mut targets).await?;
            done += 1;
        }
        is_whole(order, done)
    }
}

async fn stage_in(tx: &mut Tx, batch: &mut Vec<Staged>, targets: &mut Targets) -> Result<(), Refusal> {
    for Staged { scan, seq, observation, filtered } in batch.drain(..) {
        let target = match targets.entry(scan) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let Some((stored, _)) = store::scans::get(tx, scan).await? else {
                    return Err(Refusal::not_found("scan", scan));
                };
                let already = store::scans::staged(tx, scan).await?;
                let (configuration, branch) = (stored.configuration_id, stored.branch);
                new.insert(Target { configuration, branch, already })
            }
        };
        if seq >= target.already {
            let place_key = identity::place_key(&observation);
            let Target { configuration, branch, .. } = target;
            if filtered && !store::findings::is_known_at(tx, *configuration, branch, &place_key).await? {
                continue;
            }
            store::scans::stage(tx, scan, seq, &place_key, &observation).await?;
        }
    }
    Ok(())
}

/// Reads the report on a thread of its own; the channel keeps it from running ahead.
fn stream(path: PathBuf, order: &ImportOrder) -> Result<mpsc::Receiver<Result<Staged, String>>, Refusal> {
    let format: reports::Format = order.format.parse().map_err(|error| {
        Refusal::invalid(
            "format_unknown",
            "The format is not known",
            format!("{error}."),
            "Import the report again.",
        )
    })?;
    let runs = order.runs.clone();
    let division = order.divided()?.map(|divided| divided.division);
    let nothing = std::collections::BTreeMap::new();
    let (sender, receiver) = mpsc::channel(BATCH);
    tokio::task::spawn_blocking(move || {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) => {
                let _ = sender.blocking_send(Err(error.to_string()));
                return;
            }
        };
        let mut run = &nothing;
        let mut next_seq = std::collections::HashMap::new();
        let mut number = 0;
        let read =
            reports::read(BufReader::new(file), Some(format), &reports::Limits::default(), &mut |event| {
                match event {
                    reports::Event::Run(_) => {
                        run = runs.get(number).unwrap_or(&nothing);
                        number += 1;
                    }
                    reports::Event::Observation(observation) => {
                        let (asset, filtered) = match &division {
                            None => (String::new(), false),
                            Some(division) => match division.judge(&observation) {
                                Verdict::Taken(belongs) => (belongs.asset.to_lowercase(), false),
                                Verdict::Filtered(belongs, _) => (belongs.asset.to_lowercase(), true),
                                Verdict::Nobodys => return Ok(()),
                            },
                        };
                        if let Some(scan) = run.get(&asset).copied() {
                            let seq = next_seq.entry(scan).or_insert(0u64);
                            let staged = Staged { scan, seq: *seq, observation, filtered };
                            // Nobody listens any more: the job was stopped.
                            sender.blocking_send(Ok(staged)).map_err(Box::new)?;
                            *seq += 1;
                        }
                    }
                }
                Ok(())
            });
        if let Err(error) = read {
            let _ = sender.blocking_send(Err(error.to_string()));
        }
    });
    Ok(receiver)
}

/// Refuses what the reader did not read to its end, or is not the file that was taken in: what is missing would count as gone.
fn is_whole(order: &ImportOrder, done: u64) -> Result<(), Refusal> {
    if done == order.observations {
        return Ok(());
    }
    let error = format!("{done} results were read, and {} are in the report", order.observations);
    Err(unreadable(&order.filename, &error))
}

fn unreadable(filename: &str, error: &str) -> Refusal {
    Refusal::invalid(
        "report_invalid",
        "The report cannot be imported",
        format!("{filename}: {error}."),
        "Nothing was imported. Look at the report with 'lockstep inspect', mend it, and import it again.",
    )
}
