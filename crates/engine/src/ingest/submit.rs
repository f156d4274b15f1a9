//! The front door of imports: is the report sound, whose is it, was it here before?
//!
//! A report belongs to one asset, or is divided among several by the ingest rules of a source: then it is still one job
//! that puts the scans of all of them into effect, or of none.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use model::ingest::{Division, IngestRule, LeftOutReason};
use model::{AssetId, Coverage, CoverageExtent, JobId, ScanId, ScanRun, SourceId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Tx;
use store::assets::Asset;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::scans::Scan;
use store::sources::LastRun;

use crate::engine::{Engine, EventKind};
use crate::ingest::divide::{Divided, Parts};
use crate::{Actor, ImportResult, Refusal};

/// What is said about a report beside it.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Name of the asset. Empty if a source says which.
    pub asset: String,
    /// The source whose ingest rules say what is taken in and which assets it belongs to.
    pub source: Option<String>,
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
    /// The scans that each run of the report belongs to, by the name of their asset as the rules make it, in lower case;
    /// without rules there is one, with an empty name. What is not here is not read in: that scan was imported before.
    pub runs: Vec<BTreeMap<String, ScanId>>,
    /// The rules by which it is divided.
    pub rules: Option<Vec<IngestRule>>,
    /// Results that are read in, and those that count only if they are known.
    pub observations: u64,
    /// Results that are taken in.
    pub taken: u64,
    /// Results that the rules leave out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
}

impl ImportOrder {
    /// How its rules divide it, the same as when the report was taken in; none without rules.
    pub(crate) fn divided(&self) -> Result<Option<Divided>, Refusal> {
        let ready = self.rules.as_deref().map(Division::new).transpose();
        let division = ready.map_err(|problems| crate::sources::unsound(&problems))?;
        Ok(division.map(|division| Divided { division, runs: self.runs.clone() }))
    }
}

struct ReadRun {
    run: ScanRun,
    observations: u64,
    parts: Parts,
}

impl ReadRun {
    /// Results that are taken in.
    fn taken(&self, ruled: bool) -> u64 {
        if ruled { self.parts.parts.values().map(|part| part.taken).sum() } else { self.observations }
    }
}

/// A run of a source, which the import ends.
pub(crate) struct Fetched {
    pub(crate) source: SourceId,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) rows: u64,
    pub(crate) due_at: DateTime<Utc>,
}

/// Rules, and what goes before the name of every configuration.
pub(crate) struct Ruled {
    pub(crate) rules: Vec<IngestRule>,
    pub(crate) division: Division,
    pub(crate) prefix: Option<String>,
}

struct ReadReport {
    format: reports::Format,
    runs: Vec<ReadRun>,
    bytes_hash: String,
}

/// A report that was read through, and what was said about it.
pub(crate) struct Ready {
    request: ImportRequest,
    ruled: Option<Ruled>,
    read: ReadReport,
    filename: String,
}

impl Ready {
    /// Results in the report.
    pub(super) fn observations(&self) -> u64 {
        self.read.runs.iter().map(|run| run.observations).sum()
    }

    /// Results that are taken in.
    fn taken(&self) -> u64 {
        self.read.runs.iter().map(|run| run.taken(self.ruled.is_some())).sum()
    }
}

/// The scans of a report, before they are stored.
pub(super) struct Drafted {
    pub(super) scans: Vec<Scan>,
    pub(super) order: ImportOrder,
    /// Those that were imported before.
    pub(super) known: Vec<ScanId>,
    /// Assets that got further tags: the rules look at all of their findings again.
    pub(super) tagged: Vec<AssetId>,
}

/// What an import did if all of its scans were imported before.
pub(super) fn known_before(ready: &Ready, order: &ImportOrder, known: Vec<ScanId>) -> ImportResult {
    ImportResult {
        // Without a scan there was nothing for any asset: no rule took anything in.
        already_imported: !known.is_empty(),
        scans: known,
        observations: ready.taken(),
        left_out: order.left_out.clone(),
        ..ImportResult::default()
    }
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
        let ruled = match request.source.as_deref() {
            Some(name) => Some(self.rules_of_source(name).await?),
            None => None,
        };
        self.submit_ruled(request, ruled, None, report, by).await
    }

    /// The same, with the rules that were looked up, and the run that the import ends.
    pub(crate) async fn submit_ruled(
        &self,
        request: ImportRequest,
        ruled: Option<Ruled>,
        fetched: Option<Fetched>,
        report: &Path,
        by: &Actor,
    ) -> Result<JobId, Refusal> {
        let ready = read_report(request, ruled, report).await?;
        self.record(ready, fetched, report, by).await
    }

    /// Stores what was read, and the job that does the rest.
    async fn record(
        &self,
        ready: Ready,
        fetched: Option<Fetched>,
        report: &Path,
        by: &Actor,
    ) -> Result<JobId, Refusal> {
        let world = &self.inner.world;
        let now = world.now();
        let job: JobId = world.id();
        let mut tx = self.inner.db.begin().await?;
        let drafted = self.draft_scans(&mut tx, &ready, job).await?;
        if let Some(fetched) = &fetched {
            let run = LastRun { started_at: fetched.started_at, rows: fetched.rows, job };
            let owner = self.inner.owner;
            if !store::sources::succeed(&mut tx, fetched.source, owner, &run, fetched.due_at).await? {
                return Err(crate::sources::lost(fetched.source));
            }
        }
        let Drafted { scans, order, known, tagged } = drafted;
        if !tagged.is_empty() {
            store::rules::begin_walk(&mut tx).await?;
        }
        if scans.is_empty() {
            let result = known_before(&ready, &order, known);
            store::jobs::add_done(&mut tx, job, "import", &result, now).await?;
            tx.commit().await?;
            let _ = tokio::fs::remove_file(report).await;
            tracing::info!(%job, "the same scan was imported before");
            return Ok(job);
        }
        // The report lies in the data folder of this replica only.
        store::jobs::add(&mut tx, job, "import", &order, Some(self.inner.owner), now).await?;
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        for scan in &scans {
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

    /// What the scans of a report are, and what a job has to do for them. Assets and configurations are made in this
    /// transaction; scans and job are not stored yet.
    pub(super) async fn draft_scans(
        &self,
        tx: &mut Tx,
        ready: &Ready,
        job: JobId,
    ) -> Result<Drafted, Refusal> {
        let world = &self.inner.world;
        let now = world.now();
        let Ready { request, ruled, read, filename } = ready;
        let assessment = self.open_assessment(tx, request.assessment.as_deref()).await?;
        let mut left_out: BTreeMap<LeftOutReason, u64> = BTreeMap::new();
        // Runs of one scanner with one configuration in one report are one scan: as two they would close each other's findings.
        let mut scans: BTreeMap<Key, Planned> = BTreeMap::new();
        let mut of_run: Vec<BTreeMap<String, Key>> = Vec::new();
        let mut tagged = Vec::new();
        for (number, ReadRun { run, observations, parts }) in read.runs.iter().enumerate() {
            let configuration = match ruled.as_ref().and_then(|ruled| ruled.prefix.as_deref()) {
                Some(prefix) => match &run.configuration {
                    Some(name) => format!("{prefix}/{name}"),
                    None => prefix.to_owned(),
                },
                None => {
                    request.configuration.clone().or_else(|| run.configuration.clone()).unwrap_or_default()
                }
            };
            let branch = request.branch.clone().or_else(|| run.branch.clone()).unwrap_or_default();
            let started_at = request.started_at.or(run.started_at);
            let identity = match (&run.run_id, started_at) {
                (Some(run_id), _) => format!("run:{run_id}"),
                (None, Some(start)) => format!("start:{}", start.timestamp_micros()),
                (None, None) => format!("bytes:{}", read.bytes_hash),
            };
            let shares: Vec<Share> = match ruled {
                None => vec![Share::whole(request, run, *observations)],
                Some(_) => Share::of_parts(request, run, parts),
            };
            let mut keys = BTreeMap::new();
            if parts.nobodys > 0 {
                *left_out.entry(LeftOutReason::NoRule).or_default() += parts.nobodys;
            }
            for share in shares {
                for (reason, count) in &share.filtered {
                    *left_out.entry(*reason).or_default() += count;
                }
                let asset = match self.asset_of(tx, &share, &run.scanner, &configuration, &mut tagged).await?
                {
                    Some(asset) => asset,
                    None => {
                        if share.taken > 0 {
                            *left_out.entry(LeftOutReason::NoSuchAsset).or_default() += share.taken;
                        }
                        continue;
                    }
                };
                // Two names may be those of one asset: it was merged or renamed.
                let key = (asset.id, run.scanner.clone(), configuration.clone(), branch.clone());
                let part = if ruled.is_some() { share.name.to_lowercase() } else { String::new() };
                keys.insert(part, key.clone());
                let mut coverage = share.coverage;
                if request.partial {
                    coverage.extent = CoverageExtent::Partial;
                }
                if let Some(planned) = scans.get_mut(&key) {
                    planned.read += share.read;
                    let scan = &mut planned.scan;
                    scan.observations += share.taken;
                    scan.started_at = scan.started_at.min(started_at.unwrap_or(now));
                    scan.coverage = together(std::mem::take(&mut scan.coverage), coverage);
                    continue;
                }
                let configuration_id =
                    store::assets::configuration(tx, world.id(), asset.id, &run.scanner, &configuration)
                        .await?;
                let scan = Scan {
                    id: world.id(),
                    job_id: job,
                    run_number: u32::try_from(number).unwrap_or(u32::MAX),
                    asset_id: asset.id,
                    configuration_id,
                    scanner: run.scanner.clone(),
                    branch: branch.clone(),
                    commit: run.commit.clone(),
                    scanner_version: run.scanner_version.clone(),
                    format: read.format.as_str().to_owned(),
                    identity: identity.clone(),
                    started_at: started_at.unwrap_or(now),
                    coverage,
                    observations: share.taken,
                    filename: request.filename.clone(),
                    assessment,
                };
                scans.insert(key, Planned { scan, read: share.read });
            }
            of_run.push(keys);
        }
        let mut known = Vec::new();
        for (key, Planned { scan, .. }) in &scans {
            if let Some((scan_id, _)) =
                store::scans::same(tx, scan.configuration_id, &scan.branch, &scan.identity).await?
            {
                known.push((key.clone(), scan_id));
            }
        }
        for (key, _) in &known {
            scans.remove(key);
        }
        let order = ImportOrder {
            report: format!("{job}.report"),
            format: read.format.as_str().to_owned(),
            filename: filename.clone(),
            runs: of_run
                .iter()
                .map(|keys| {
                    let scan = |(name, key): (&String, &Key)| Some((name.clone(), scans.get(key)?.scan.id));
                    keys.iter().filter_map(scan).collect()
                })
                .collect(),
            rules: ruled.as_ref().map(|ruled| ruled.rules.clone()),
            observations: scans.values().map(|planned| planned.read).sum(),
            taken: scans.values().map(|planned| planned.scan.observations).sum(),
            left_out,
        };
        let known = known.into_iter().map(|(_, scan)| scan).collect();
        Ok(Drafted { scans: scans.into_values().map(|planned| planned.scan).collect(), order, known, tagged })
    }

    /// The asset of a share, held, with its tags; none if there is none, and none is made. One that got tags by it is `tagged`.
    async fn asset_of(
        &self,
        tx: &mut Tx,
        share: &Share,
        scanner: &str,
        configuration: &str,
        tagged: &mut Vec<AssetId>,
    ) -> Result<Option<Asset>, Refusal> {
        let world = &self.inner.world;
        let mut asset = if share.create {
            store::assets::find_or_create(tx, world.id(), &share.name, world.now()).await?
        } else {
            let Some(asset) = store::assets::by_name(tx, &share.name).await? else { return Ok(None) };
            // Looked at and nothing seen, and nothing ever was: there is nothing to say about it.
            if share.taken == 0
                && store::assets::known_configuration(tx, asset.id, scanner, configuration).await?.is_none()
            {
                return Ok(None);
            }
            asset
        };
        store::assets::hold(tx, asset.id).await?;
        let missing: Vec<String> = share
            .tags
            .iter()
            .filter(|tag| !asset.tags.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .cloned()
            .collect();
        if !missing.is_empty() {
            asset.tags.extend(missing);
            store::assets::save(tx, &asset).await?;
            tagged.push(asset.id);
        }
        Ok(Some(asset))
    }

    pub(crate) fn report_path(&self, name: &str) -> PathBuf {
        self.inner.settings.data_dir.join("reports").join(name)
    }
}

/// What makes results those of one scan: asset, scanner, configuration, branch.
type Key = (AssetId, String, String, String);

/// A scan that is about to be stored.
struct Planned {
    scan: Scan,
    /// Results that are read for it.
    read: u64,
}

/// What of a run belongs to one asset.
struct Share {
    name: String,
    create: bool,
    tags: Vec<String>,
    taken: u64,
    read: u64,
    filtered: BTreeMap<LeftOutReason, u64>,
    coverage: Coverage,
}

impl Share {
    fn whole(request: &ImportRequest, run: &ScanRun, observations: u64) -> Self {
        Self {
            name: request.asset.clone(),
            create: true,
            tags: request.tags.clone(),
            taken: observations,
            read: observations,
            filtered: BTreeMap::new(),
            coverage: run.coverage.clone(),
        }
    }

    fn of_parts(request: &ImportRequest, run: &ScanRun, parts: &Parts) -> Vec<Self> {
        let share = |part: &crate::ingest::divide::Part| Self {
            name: part.asset.clone(),
            create: part.create,
            tags: match part.taken {
                0 => Vec::new(),
                _ => part.tags.iter().chain(&request.tags).cloned().collect(),
            },
            taken: part.taken,
            read: part.read(),
            filtered: part.filtered.clone(),
            coverage: part.coverage(run),
        };
        parts.parts.values().map(share).collect()
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

/// Refuses what cannot be the name of an asset.
pub(crate) fn check_asset_name(name: &str) -> Result<(), Refusal> {
    check_names(&ImportRequest { asset: name.to_owned(), ..ImportRequest::default() }, false)
}

fn check_names(request: &ImportRequest, ruled: bool) -> Result<(), Refusal> {
    let refuse = |what: &str, why: &str| {
        Refusal::invalid(
            "import_invalid",
            "The import makes no sense",
            format!("The {what} {why}."),
            format!("Give a {what} of 1 to {NAME_LIMIT} characters without control characters."),
        )
        .field(format!("/{what}"), why.to_owned())
    };
    if ruled && !request.asset.is_empty() {
        return Err(Refusal::invalid(
            "import_invalid",
            "The import makes no sense",
            "The import names an asset and a source, and the rules of the source say which asset it is.",
            "Leave out one of them.",
        )
        .field("/asset", "a source is named too"));
    }
    if !ruled && request.asset.trim().is_empty() {
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

/// Reads a report through; nothing is stored.
///
/// # Errors
/// If the report is broken, says that its scan failed, or the request makes no sense.
pub(super) async fn read_report(
    request: ImportRequest,
    ruled: Option<Ruled>,
    report: &Path,
) -> Result<Ready, Refusal> {
    check_names(&request, ruled.is_some())?;
    let filename = request.filename.clone().unwrap_or_else(|| "the report".into());
    let format = named_format(request.format.as_deref())?;
    let path = report.to_owned();
    let division = ruled.as_ref().map(|ruled| ruled.division.clone());
    let read = tokio::task::spawn_blocking(move || read_through(&path, format, division.as_ref()))
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
    Ok(Ready { request, ruled, read, filename })
}

/// The format that somebody named, if it is one.
pub(crate) fn named_format(name: Option<&str>) -> Result<Option<reports::Format>, Refusal> {
    name.map(str::parse::<reports::Format>).transpose().map_err(|error| {
        Refusal::invalid(
            "format_unknown",
            "The format is not known",
            format!("{error}."),
            "Leave the format out to have it recognised.",
        )
    })
}

fn read_through(
    path: &Path,
    format: Option<reports::Format>,
    division: Option<&Division>,
) -> Result<ReadReport, reports::Error> {
    let io = |error| reports::Error::from(reports::ErrorKind::Io(error));
    let mut runs: Vec<ReadRun> = Vec::new();
    let summary = reports::read(
        BufReader::new(File::open(path).map_err(io)?),
        format,
        &reports::Limits::default(),
        &mut |event| {
            match event {
                reports::Event::Run(run) => {
                    let parts = division.map(|division| Parts::of_run(division, &run)).unwrap_or_default();
                    runs.push(ReadRun { run: *run, observations: 0, parts });
                }
                reports::Event::Observation(observation) => {
                    if let Some(run) = runs.last_mut() {
                        run.observations += 1;
                        if let Some(division) = division {
                            run.parts.take(division, &observation).map_err(Box::new)?;
                        }
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
