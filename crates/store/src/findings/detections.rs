//! Where and when scans saw a finding.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use model::identity::Sighting;
use model::status::{Detection, DetectionState, Facts};
use model::{AssetId, FindingId, FindingKind, ScanId};
use uuid::Uuid;

use super::Finding;
use crate::assets::Asset;
use crate::db::to_json;
use crate::views::Statement;
use crate::{Result, Row, Tx, args};

/// What scans say about a finding on one branch, all configurations together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnBranch {
    /// Name; empty where a scan named none.
    pub branch: String,
    /// No configuration sees it there any more.
    pub is_gone: bool,
    /// The newest scan of some configuration saw it there.
    pub is_newest: bool,
}

impl OnBranch {
    /// How a finding stands to the newest scans of the branches that its asset tracks.
    pub fn state(branches: &[Self], tracks: impl Fn(&str) -> bool) -> Option<DetectionState> {
        let tracked = branches.iter().filter(|on| tracks(&on.branch));
        DetectionState::of(tracked.map(|on| (on.is_gone, on.is_newest)))
    }
}

/// The newest scan of the configuration and branch of a row `d` of `detection` had looked no later than it was last seen.
pub(crate) const SEEN_BY_NEWEST: &str = "d.last_seen_at >= COALESCE((SELECT s.started_at FROM scan s \
     WHERE s.configuration_id = d.configuration_id AND s.branch = d.branch AND s.state = 'committed' \
     ORDER BY s.started_at DESC LIMIT 1), d.last_seen_at)";

/// The branches on which scans saw some findings.
///
/// # Errors
/// If the database refuses.
pub async fn branches(tx: &mut Tx, findings: &[FindingId]) -> Result<HashMap<FindingId, Vec<OnBranch>>> {
    let mut branches: HashMap<FindingId, Vec<OnBranch>> = HashMap::new();
    for findings in findings.chunks(500) {
        let mut statement = Statement::new(
            "SELECT d.finding_id, d.branch, \
                CAST(MIN(CASE WHEN d.last_absent_at > d.last_seen_at THEN 1 ELSE 0 END) AS BIGINT) AS gone, \
                CAST(MAX(CASE WHEN d.last_absent_at > d.last_seen_at THEN 0 WHEN ",
        );
        statement
            .push(SEEN_BY_NEWEST)
            .push(" THEN 1 ELSE 0 END) AS BIGINT) AS newest FROM detection d WHERE d.finding_id IN ");
        statement.bind_list(findings.iter().copied());
        statement.push(" GROUP BY d.finding_id, d.branch ORDER BY d.finding_id, d.branch");
        for row in statement.all(tx).await? {
            let known = branches.entry(row.id("finding_id")?).or_default();
            known.push(OnBranch {
                branch: row.text("branch")?,
                is_gone: row.count("gone")? > 0,
                is_newest: row.count("newest")? > 0,
            });
        }
    }
    Ok(branches)
}

/// What scans of one configuration on one branch say, as stored.
#[derive(Clone, Debug)]
pub struct StoredDetection {
    /// Finding.
    pub finding_id: FindingId,
    /// Configuration.
    pub configuration_id: Uuid,
    /// Branch; empty if none.
    pub branch: String,
    /// Where they see it, by [`model::identity::place_key`].
    pub place_key: String,
    /// Rule of the scanner, for coverage.
    pub rule_id: String,
    /// Path, for coverage.
    pub path: String,
    /// Start of the latest scan that saw it.
    pub last_seen_at: DateTime<Utc>,
    /// Start of the latest scan that covered the place and did not see it.
    pub last_absent_at: Option<DateTime<Utc>>,
    /// How it looked.
    pub sighting: Sighting,
    /// The scan that saw it last.
    pub seen_by: ScanId,
}

fn detection(row: &Row) -> Result<StoredDetection> {
    Ok(StoredDetection {
        finding_id: row.id("finding_id")?,
        configuration_id: row.uuid("configuration_id")?,
        branch: row.text("branch")?,
        place_key: row.text("place_key")?,
        rule_id: row.text("rule_id")?,
        path: row.text("path")?,
        last_seen_at: row.time("last_seen_at")?,
        last_absent_at: row.opt_time("last_absent_at")?,
        sighting: row.json("sighting")?,
        seen_by: row.id("seen_by")?,
    })
}

const SELECT_DETECTION: &str =
    "SELECT d.finding_id, d.configuration_id, d.branch, d.place_key, d.rule_id, d.path, d.last_seen_at, d.last_absent_at,
        d.sighting, d.seen_by FROM detection d";

/// What scans say about a finding.
///
/// # Errors
/// If the database refuses.
pub async fn detections(tx: &mut Tx, id: FindingId) -> Result<Vec<StoredDetection>> {
    tx.all(crate::Composed(format!("{SELECT_DETECTION} WHERE d.finding_id = $1")), args![id])
        .await?
        .iter()
        .map(detection)
        .collect()
}

/// What scans say about findings.
///
/// # Errors
/// If the database refuses.
pub async fn detections_of(tx: &mut Tx, ids: &[FindingId]) -> Result<Vec<StoredDetection>> {
    let mut detections = Vec::with_capacity(ids.len());
    for ids in ids.chunks(500) {
        let mut statement = Statement::new(SELECT_DETECTION);
        statement.push(" WHERE d.finding_id IN ");
        statement.bind_list(ids.iter().copied());
        for row in statement.all(tx).await? {
            detections.push(detection(&row)?);
        }
    }
    Ok(detections)
}

/// Something that a configuration sees on a branch in a file of which a scan saw nothing.
#[derive(Clone, Debug)]
pub struct InVanishedFile {
    /// What sort of weakness.
    pub kind: FindingKind,
    /// What the configuration says about it.
    pub detection: StoredDetection,
}

/// What a configuration sees on a branch in files of which the scan saw nothing, at most `limit`.
///
/// # Errors
/// If the database refuses.
pub async fn in_vanished_files(
    tx: &mut Tx,
    configuration: Uuid,
    branch: &str,
    scan: ScanId,
    limit: i64,
) -> Result<Vec<InVanishedFile>> {
    let select = SELECT_DETECTION.replacen("SELECT ", "SELECT f.kind, ", 1);
    tx.all(
        crate::Composed(format!(
            "{select} JOIN finding f ON f.id = d.finding_id WHERE d.configuration_id = $1 AND d.branch = $2
               AND (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at) AND d.path <> ''
               AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.scan_id = $3 AND o.path = d.path)
             ORDER BY d.finding_id LIMIT $4"
        )),
        args![configuration, branch, scan, limit],
    )
    .await?
    .iter()
    .map(|row| Ok(InVanishedFile { kind: row.word("kind")?, detection: detection(row)? }))
    .collect()
}

/// What a configuration last saw on a branch and a scan that started at `started_at` did not see, page by page.
///
/// # Errors
/// If the database refuses.
pub async fn unseen(
    tx: &mut Tx,
    configuration: Uuid,
    branch: &str,
    started_at: DateTime<Utc>,
    after: Uuid,
    limit: u32,
) -> Result<Vec<StoredDetection>> {
    tx.all(
        crate::Composed(format!(
            "{SELECT_DETECTION} WHERE d.configuration_id = $1 AND d.branch = $2 AND d.last_seen_at < $3
               AND (d.last_absent_at IS NULL OR d.last_absent_at <= d.last_seen_at) AND d.finding_id > $4
             ORDER BY d.finding_id LIMIT $5"
        )),
        args![configuration, branch, started_at, after, limit],
    )
    .await?
    .iter()
    .map(detection)
    .collect()
}

/// How many findings a configuration sees on a branch at present.
///
/// # Errors
/// If the database refuses.
pub async fn present(tx: &mut Tx, configuration: Uuid, branch: &str) -> Result<u64> {
    tx.count(
        "SELECT COUNT(*) AS n FROM detection WHERE configuration_id = $1 AND branch = $2
           AND (last_absent_at IS NULL OR last_absent_at <= last_seen_at)",
        args![configuration, branch],
    )
    .await
}

/// Stores what scans of a configuration say.
///
/// # Errors
/// If the database refuses.
pub async fn save_detection(tx: &mut Tx, detection: &StoredDetection) -> Result<()> {
    tx.execute(
        "INSERT INTO detection (finding_id, configuration_id, branch, place_key, rule_id, path, last_seen_at, last_absent_at,
                                sighting, seen_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (finding_id, configuration_id, branch) DO UPDATE SET place_key = excluded.place_key,
             rule_id = excluded.rule_id, path = excluded.path, last_seen_at = excluded.last_seen_at, last_absent_at = excluded.last_absent_at, sighting = excluded.sighting,
             seen_by = excluded.seen_by",
        args![
            detection.finding_id,
            detection.configuration_id,
            &detection.branch,
            &detection.place_key,
            &detection.rule_id,
            &detection.path,
            detection.last_seen_at,
            detection.last_absent_at,
            to_json(&detection.sighting),
            detection.seen_by,
        ],
    )
    .await?;
    Ok(())
}

/// Findings of an asset that scans saw on a branch.
///
/// # Errors
/// If the database refuses.
pub async fn on_branch(tx: &mut Tx, asset: AssetId, branch: &str) -> Result<Vec<FindingId>> {
    tx.all(
        "SELECT DISTINCT d.finding_id FROM detection d JOIN configuration c ON c.id = d.configuration_id
         WHERE c.asset_id = $1 AND d.branch = $2 ORDER BY d.finding_id",
        args![asset, branch],
    )
    .await?
    .iter()
    .map(|row| row.id("finding_id"))
    .collect()
}

/// What scans of a branch said about a finding does not count any more.
///
/// # Errors
/// If the database refuses.
pub async fn forget_branch(tx: &mut Tx, finding: FindingId, branch: &str) -> Result<()> {
    for table in ["detection", "presence"] {
        let sql = crate::Composed(format!("DELETE FROM {table} WHERE finding_id = $1 AND branch = $2"));
        tx.execute(sql, args![finding, branch]).await?;
    }
    Ok(())
}

/// The facts of a finding, from what is stored.
pub fn facts(finding: &Finding, detections: &[StoredDetection], asset: &Asset) -> Facts {
    Facts {
        detections: detections
            .iter()
            .filter(|detection| detection.finding_id == finding.id)
            .map(|detection| Detection {
                tracked: asset.tracks(&detection.branch),
                last_seen_at: detection.last_seen_at,
                last_absent_at: detection.last_absent_at,
            })
            .collect(),
        triage: finding.triage.clone(),
        regressed: finding.regressed,
    }
}
