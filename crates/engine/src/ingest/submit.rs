//! The front door of imports: is the report sound, whose is it, was it here before?

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use model::{AssetId, Coverage, CoverageExtent, JobId, ScanId, ScanRun};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::scans::Scan;

use crate::engine::{Engine, EventKind};
use crate::{Actor, ImportResult, Refusal};

/// What is said about a report beside it.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Name of the asset.
    pub asset: String,
    /// Tags to add to the asset.
    pub tags: Vec<String>,
    /// Branch; overrides the report.
    pub branch: Option<String>,
    /// Configuration; overrides the report.
    pub configuration: Option<String>,
    /// Start of the scan; overrides the report.
    pub started_at: Option<DateTime<Utc>>,
    /// Format; recognised from the content if absent.
    pub format: Option<String>,
    /// Name of the file, for messages.
    pub filename: Option<String>,
    /// The scan looked only at a part.
    pub partial: bool,
    /// Name of the assessment that the scan belongs to; it has to be there and not completed.
    pub assessment: Option<String>,
}

/// What an import job shall do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ImportOrder {
    /// Name of the report's file in the folder for reports.
    pub report: String,
    /// Format that was found.
    pub format: String,
    /// Name for messages.
    pub filename: String,
    /// The scan each run of the report belongs to; none if that scan was imported before.
    pub runs: Vec<Option<ScanId>>,
    /// Asset.
    pub asset: AssetId,
    /// Results in the report.
    pub observations: u64,
}

struct ReadRun {
    run: ScanRun,
    observations: u64,
}

struct ReadReport {
    format: reports::Format,
    runs: Vec<ReadRun>,
    bytes_hash: String,
}

/// Longest name of an asset, branch, configuration or tag, in characters.
const NAME_LIMIT: usize = 300;

impl Engine {
    /// Takes in a report. The file is moved; on a refusal it is deleted and nothing else has changed.
    ///
    /// # Errors
    /// If the report is broken, says that its scan failed, or the request makes no sense; the text names file, position
    /// and reason.
    pub async fn submit_import(
        &self,
        request: ImportRequest,
        report: PathBuf,
        by: &Actor,
    ) -> Result<JobId, Refusal> {
        let submitted = self.submit(request, &report, by).await;
        if submitted.is_err() {
            let _ = tokio::fs::remove_file(&report).await;
        }
        submitted
    }

    async fn submit(&self, request: ImportRequest, report: &Path, by: &Actor) -> Result<JobId, Refusal> {
        check_names(&request)?;
        let filename = request.filename.clone().unwrap_or_else(|| "the report".into());
        let format =
            request.format.as_deref().map(str::parse::<reports::Format>).transpose().map_err(|error| {
                Refusal::invalid(
                    "format_unknown",
                    "The format is not known",
                    format!("{error}."),
                    "Leave the format out to have it recognised.",
                )
            })?;
        let path = report.to_owned();
        let read = tokio::task::spawn_blocking(move || read_through(&path, format))
            .await
            .map_err(|error| broken_reader(&filename, error))?
            .map_err(|error| {
                Refusal::invalid(
                    "report_invalid",
                    "The report cannot be imported",
                    format!("{filename}: {error}."),
                    "Nothing was imported. Look at the report with 'lockstep inspect', mend it, and import it again.",
                )
            })?;
        self.record(request, read, report, filename, by).await
    }

    async fn record(
        &self,
        request: ImportRequest,
        read: ReadReport,
        report: &Path,
        filename: String,
        by: &Actor,
    ) -> Result<JobId, Refusal> {
        let world = &self.inner.world;
        let now = world.now();
        let job: JobId = world.id();
        let mut tx = self.inner.db.begin().await?;
        let mut asset = store::assets::find_or_create(&mut tx, world.id(), &request.asset, now).await?;
        let assessment = self.open_assessment(&mut tx, request.assessment.as_deref()).await?;
        let missing: Vec<String> = request
            .tags
            .iter()
            .filter(|tag| !asset.tags.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .cloned()
            .collect();
        if !missing.is_empty() {
            asset.tags.extend(missing);
            store::assets::save(&mut tx, &asset).await?;
            store::rules::begin_walk(&mut tx).await?;
        }

        // Runs of one scanner with one configuration in one report are one scan: as two they would close each other's findings.
        let mut scans: BTreeMap<(String, String, String), Scan> = BTreeMap::new();
        let mut of_run = Vec::new();
        for (number, ReadRun { run, observations }) in read.runs.iter().enumerate() {
            let configuration =
                request.configuration.clone().or_else(|| run.configuration.clone()).unwrap_or_default();
            let branch = request.branch.clone().or_else(|| run.branch.clone()).unwrap_or_default();
            let key = (run.scanner.clone(), configuration.clone(), branch.clone());
            of_run.push(key.clone());
            let started_at = request.started_at.or(run.started_at);
            let mut coverage = run.coverage.clone();
            if request.partial {
                coverage.extent = CoverageExtent::Partial;
            }
            if let Some(scan) = scans.get_mut(&key) {
                scan.observations += observations;
                scan.started_at = scan.started_at.min(started_at.unwrap_or(now));
                scan.coverage = together(std::mem::take(&mut scan.coverage), coverage);
                continue;
            }
            let identity = match (&run.run_id, started_at) {
                (Some(run_id), _) => format!("run:{run_id}"),
                (None, Some(start)) => format!("start:{}", start.timestamp_micros()),
                (None, None) => format!("bytes:{}", read.bytes_hash),
            };
            let configuration_id =
                store::assets::configuration(&mut tx, world.id(), asset.id, &run.scanner, &configuration)
                    .await?;
            scans.insert(
                key,
                Scan {
                    id: world.id(),
                    job_id: job,
                    run_number: u32::try_from(number).unwrap_or(u32::MAX),
                    asset_id: asset.id,
                    configuration_id,
                    scanner: run.scanner.clone(),
                    branch,
                    commit: run.commit.clone(),
                    scanner_version: run.scanner_version.clone(),
                    format: read.format.as_str().to_owned(),
                    identity,
                    started_at: started_at.unwrap_or(now),
                    coverage,
                    observations: *observations,
                    filename: request.filename.clone(),
                    assessment,
                },
            );
        }

        let mut known = Vec::new();
        let mut earlier_job = None;
        for (key, scan) in &scans {
            if let Some((scan_id, job_id)) =
                store::scans::same(&mut tx, scan.configuration_id, &scan.branch, &scan.identity).await?
            {
                known.push((key.clone(), scan_id));
                earlier_job = Some(job_id);
            }
        }
        if known.len() == scans.len() {
            let result = ImportResult {
                scans: known.into_iter().map(|(_, scan)| scan).collect(),
                already_imported: true,
                observations: read.runs.iter().map(|run| run.observations).sum(),
                ..ImportResult::default()
            };
            store::jobs::add_done(&mut tx, job, "import", &result, now).await?;
            tx.commit().await?;
            let _ = tokio::fs::remove_file(report).await;
            tracing::info!(%job, ?earlier_job, "the same scan was imported before");
            return Ok(job);
        }
        for (key, _) in &known {
            scans.remove(key);
        }

        let order = ImportOrder {
            report: format!("{job}.report"),
            format: read.format.as_str().to_owned(),
            filename,
            runs: of_run.iter().map(|key| scans.get(key).map(|scan| scan.id)).collect(),
            asset: asset.id,
            observations: scans.values().map(|scan| scan.observations).sum(),
        };
        // The report lies in the data folder of this replica only.
        store::jobs::add(&mut tx, job, "import", &order, Some(asset.id), Some(self.inner.owner), now).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        for scan in scans.values() {
            store::scans::add(&mut tx, scan, now).await?;
            let entry = Entry {
                id: world.id(),
                at: now,
                subject: Subject::Other("scan", scan.id.0),
                cause: &cause,
                what: format!("Report of {} with {} results taken in.", scan.scanner, scan.observations),
                statuses: None,
                fields: &[],
            };
            store::audit::add(&mut tx, entry).await?;
        }
        // The file is in its place before the job can be seen; a crash in between leaves a file without a job.
        let kept = self.report_path(&order.report);
        let moved = async {
            if let Some(folder) = kept.parent() {
                tokio::fs::create_dir_all(folder).await?;
            }
            tokio::fs::rename(report, &kept).await
        };
        moved.await.map_err(|error| cannot_keep(&order.filename, error))?;
        tx.commit().await?;
        self.announce(EventKind::Job, job.0);
        self.inner.jobs.notify_one();
        Ok(job)
    }

    pub(crate) fn report_path(&self, name: &str) -> PathBuf {
        self.inner.settings.data_dir.join("reports").join(name)
    }
}

/// What two runs of one scan looked at together. Where that cannot be said in rules and paths, an absence proves nothing.
fn together(mut one: Coverage, other: Coverage) -> Coverage {
    if other.extent == CoverageExtent::Partial || (one.rules != other.rules && one.paths != other.paths) {
        one.extent = CoverageExtent::Partial;
    }
    one.rules = match (one.rules, other.rules) {
        (Some(mut rules), Some(more)) => {
            rules.extend(more);
            Some(rules)
        }
        _ => None,
    };
    if one.paths.is_empty() || other.paths.is_empty() {
        one.paths.clear();
    } else {
        one.paths.extend(other.paths);
    }
    one
}

fn check_names(request: &ImportRequest) -> Result<(), Refusal> {
    let refuse = |what: &str, why: &str| {
        Refusal::invalid(
            "import_invalid",
            "The import makes no sense",
            format!("The {what} {why}."),
            format!("Give a {what} of 1 to {NAME_LIMIT} characters without control characters."),
        )
        .field(format!("/{what}"), why.to_owned())
    };
    if request.asset.trim().is_empty() {
        return Err(refuse("asset", "has no name"));
    }
    let names = [
        ("asset", Some(&request.asset)),
        ("branch", request.branch.as_ref()),
        ("configuration", request.configuration.as_ref()),
    ]
    .into_iter()
    .filter_map(|(what, name)| name.map(|name| (what, name)))
    .chain(request.tags.iter().map(|tag| ("tag", tag)));
    for (what, name) in names {
        if name.chars().count() > NAME_LIMIT {
            return Err(refuse(what, "is too long"));
        }
        if name.chars().any(char::is_control) {
            return Err(refuse(what, "has control characters"));
        }
    }
    Ok(())
}

fn read_through(path: &Path, format: Option<reports::Format>) -> Result<ReadReport, reports::Error> {
    let io = |error| reports::Error::from(reports::ErrorKind::Io(error));
    let mut runs: Vec<ReadRun> = Vec::new();
    let summary = reports::read(
        BufReader::new(File::open(path).map_err(io)?),
        format,
        &reports::Limits::default(),
        &mut |event| {
            match event {
                reports::Event::Run(run) => runs.push(ReadRun { run: *run, observations: 0 }),
                reports::Event::Observation(_) => {
                    if let Some(run) = runs.last_mut() {
                        run.observations += 1;
                    }
                }
            }
            Ok(())
        },
    )?;
    let mut hash = Sha256::new();
    let mut file = File::open(path).map_err(io)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => break,
            length => hash.update(&buffer[..length]),
        }
    }
    Ok(ReadReport { format: summary.format, runs, bytes_hash: hex::encode(hash.finalize()) })
}

fn broken_reader(filename: &str, error: tokio::task::JoinError) -> Refusal {
    Refusal {
        kind: crate::RefusalKind::Internal,
        source: Some(Box::new(error)),
        ..Refusal::invalid(
            "internal",
            "Lockstep could not do it",
            format!("{filename}: reading the report ended unexpectedly."),
            "Nothing was imported. Please report this with the file, if you may.",
        )
    }
}

fn cannot_keep(filename: &str, error: std::io::Error) -> Refusal {
    Refusal {
        kind: crate::RefusalKind::Internal,
        source: Some(Box::new(error)),
        ..Refusal::invalid(
            "internal",
            "Lockstep could not do it",
            format!("{filename}: the report could not be kept in the data folder."),
            "Nothing was imported. Check free space and rights of the data folder.",
        )
    }
}
