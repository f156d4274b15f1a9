//! What a scan saw at a place: recognises what is known, adds what is new.

use chrono::{DateTime, Utc};
use model::identity::{self, Sighting};
use model::ingest::{Division, StartStatus};
use model::lifecycle::{ScanEffect, after_scan};
use model::priority::Priority;
use model::status::{Decision, Triage};
use model::{
    Coverage, CoverageExtent, FindingId, FindingKind, Observation, ReportedSuppression, Status, content,
    correlation,
};
use store::Tx;
use store::assets::Asset;
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::findings::{Finding, StoredDetection, facts};
use store::scans::Scan;
use store::taking_effect::Effect;

use crate::aside::comes_back;
use crate::engine::Engine;
use crate::{ImportResult, Refusal};

/// Reason of a suppression that came with a report and goes with it.
const SUPPRESSED_IN_REPORT: &str = "Suppressed in the report";

impl Engine {
    /// Puts into effect what the scan saw at one place, and answers how many results these are.
    #[expect(clippy::too_many_arguments, reason = "one step of a piece, split off to be read by itself")]
    pub(super) async fn commit_place(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        division: Option<&Division>,
        place_key: &str,
        renamed: &[FindingId],
        later: &[(DateTime<Utc>, Coverage)],
        cause: &Cause,
        effect: &mut Effect,
        result: &mut ImportResult,
    ) -> Result<u64, Refusal> {
        let observations = store::taking_effect::take(tx, scan.id, place_key).await?;
        // What was known under the file's old name comes first: what was fixed at the new one long ago is something else.
        let mut known = store::findings::of_ids(tx, renamed).await?;
        let moved = known.len();
        let here =
            store::findings::at_place(tx, asset.id, scan.configuration_id, &scan.branch, place_key).await?;
        known.extend(here.into_iter().filter(|finding| !renamed.contains(&finding.id)));
        let number = observations.len() as u64;
        let ids: Vec<FindingId> = known.iter().map(|finding| finding.id).collect();
        let detections = store::findings::detections_of(tx, &ids).await?;
        let seen: Vec<Sighting> = observations.iter().map(Sighting::of).collect();
        let sightings: Vec<Sighting> =
            known.iter().map(|finding| last_sighting(finding, &detections, scan)).collect();
        // A place has one kind, and is asked for because the scan saw something there.
        let Some(kind) = observations.first().map(|first| first.kind) else { return Ok(0) };
        let (from_elsewhere, from_here) = sightings.split_at(moved);
        let matched = recognised(&seen, from_elsewhere, from_here, kind);
        for ((observation, sighting), matched) in observations.into_iter().zip(seen).zip(matched) {
            match matched {
                Some(index) => {
                    self.belongs(tx, scan, known[index].id).await?;
                    let mine: Vec<StoredDetection> =
                        detections.iter().filter(|d| d.finding_id == known[index].id).cloned().collect();
                    self.see_again(
                        tx,
                        asset,
                        scan,
                        place_key,
                        &known[index],
                        mine,
                        observation,
                        sighting,
                        later,
                        cause,
                        effect,
                        result,
                    )
                    .await?;
                }
                None => {
                    self.see_first(
                        tx,
                        asset,
                        scan,
                        division,
                        place_key,
                        observation,
                        sighting,
                        later,
                        cause,
                        effect,
                        result,
                    )
                    .await?;
                }
            }
        }
        Ok(number)
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a piece, split off to be read by itself")]
    async fn see_first(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        division: Option<&Division>,
        place_key: &str,
        observation: Observation,
        sighting: Sighting,
        later: &[(DateTime<Utc>, Coverage)],
        cause: &Cause,
        effect: &mut Effect,
        result: &mut ImportResult,
    ) -> Result<(), Refusal> {
        let world = &self.inner.world;
        let triage = if observation.suppression == Some(ReportedSuppression::Accepted) {
            Triage {
                decision: Decision::Suppressed,
                reason: Some(SUPPRESSED_IN_REPORT.into()),
                ..Triage::default()
            }
        } else {
            Triage { decision: starts_as(division, &observation), ..Triage::default() }
        };
        let mut finding = Finding {
            id: world.id(),
            asset_id: asset.id,
            fingerprint: String::new(),
            place_key: place_key.to_owned(),
            kind: observation.kind,
            severity: observation.severity,
            status: Status::Identified,
            triage,
            regressed: 0,
            first_seen_at: scan.started_at,
            last_seen_at: scan.started_at,
            open_since: scan.started_at,
            priority: Priority::default(),
            scanner: scan.scanner.clone(),
            correlation: None,
            detail: observation,
        };
        let detection = StoredDetection {
            finding_id: finding.id,
            configuration_id: scan.configuration_id,
            branch: scan.branch.clone(),
            place_key: place_key.to_owned(),
            rule_id: finding.detail.vulnerability.id.clone(),
            path: finding.detail.location.path.clone(),
            last_seen_at: scan.started_at,
            // A report that arrives late brings to light only what a newer scan would have seen too.
            last_absent_at: covered_since(later, &finding.detail),
            sighting,
            seen_by: scan.id,
        };
        let detections = [detection];
        finding.status = facts(&finding, &detections, asset).status(self.inner.settings.grace);
        let names = correlation::keys(&finding.detail);
        finding.correlation = store::correlations::of(tx, asset.id, finding.id, None, &names).await?;
        let mut ordinal = 0;
        loop {
            finding.fingerprint = identity::fingerprint(place_key, &detections[0].sighting, ordinal);
            if store::findings::add(tx, &finding, finding.status.is_open()).await? {
                break;
            }
            ordinal += 1;
        }
        store::findings::save_detection(tx, &detections[0]).await?;
        store::presence::begins(tx, &detections[0], gone_since(later, &finding.detail)).await?;
        self.belongs(tx, scan, finding.id).await?;
        let place = content::place(&finding.detail.location, finding.detail.component.as_ref());
        let what = if place.is_empty() {
            "Seen for the first time.".into()
        } else {
            format!("Seen for the first time: {place}.")
        };
        self.note(tx, &finding, None, cause, what).await?;
        effect.new += 1;
        result.unasked.push(finding.id);
        if finding.status.is_open() {
            result.new.add(finding.severity);
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a piece, split off to be read by itself")]
    async fn see_again(
        &self,
        tx: &mut Tx,
        asset: &Asset,
        scan: &Scan,
        place_key: &str,
        known: &Finding,
        mut detections: Vec<StoredDetection>,
        observation: Observation,
        sighting: Sighting,
        later: &[(DateTime<Utc>, Coverage)],
        cause: &Cause,
        effect: &mut Effect,
        result: &mut ImportResult,
    ) -> Result<(), Refusal> {
        let grace = self.inner.settings.grace;
        let before = facts(known, &detections, asset);
        let was = before.status(grace);
        let seen = StoredDetection {
            finding_id: known.id,
            configuration_id: scan.configuration_id,
            branch: scan.branch.clone(),
            place_key: place_key.to_owned(),
            rule_id: observation.vulnerability.id.clone(),
            path: observation.location.path.clone(),
            last_seen_at: scan.started_at,
            // A newer scan that had seen it would have made this report a late one that says nothing new.
            last_absent_at: covered_since(later, &observation),
            sighting,
            seen_by: scan.id,
        };
        let own = detections
            .iter_mut()
            .find(|d| d.configuration_id == scan.configuration_id && d.branch == scan.branch);
        let (newest, begins) = match own {
            // Scans are ordered by when they started: a late report only adds history.
            Some(own) if own.last_seen_at >= scan.started_at => {
                let next = later.last().map(|(started_at, _)| *started_at);
                store::presence::seen_late(tx, &seen, next, gone_since(later, &observation)).await?;
                return self.count_open(known, was, result);
            }
            Some(own) => {
                let was_gone = own
                    .last_absent_at
                    .is_some_and(|absent| absent > own.last_seen_at && absent <= scan.started_at);
                let last_absent_at = own.last_absent_at.max(seen.last_absent_at);
                *own = StoredDetection { last_absent_at, ..seen };
                (own.clone(), was_gone)
            }
            None => {
                detections.push(seen.clone());
                (seen, true)
            }
        };
        store::findings::save_detection(tx, &newest).await?;
        if begins {
            store::presence::begins(tx, &newest, gone_since(later, &observation)).await?;
        }

        // Another scanner may know it by more names than the one that is shown.
        let names = correlation::keys(&observation);
        if names != correlation::keys(&known.detail) {
            self.correlate(tx, known, &names).await?;
        }

        let mut finding = known.clone();
        let (mut after, scan_effect) =
            after_scan(&before, facts(known, &detections, asset).detections, grace);
        // What people read comes from tracked branches where they know the finding, and from the newest scan of these.
        let tracked = asset.tracks(&scan.branch);
        let newest_of_all = match before.last_seen_at() {
            Some(last) => tracked && scan.started_at >= last,
            None => tracked || scan.started_at >= known.last_seen_at,
        };
        let suppressed_now = observation.suppression == Some(ReportedSuppression::Accepted);
        let was_suppressed = known.detail.suppression == Some(ReportedSuppression::Accepted);
        let suppressed_before = after.triage.decision == Decision::Suppressed
            && after.triage.suppressed_by.is_none()
            && after.triage.reason.as_deref() == Some(SUPPRESSED_IN_REPORT);
        if !newest_of_all {
            // Another branch, or an older report.
        } else if suppressed_now && !was_suppressed && !after.triage.decision.is_terminal() {
            // If it was suppressed there already, a person has decided otherwise since.
            after.triage.decision = Decision::Suppressed;
            after.triage.reason = Some(SUPPRESSED_IN_REPORT.into());
        } else if suppressed_before && !suppressed_now {
            after.triage.decision = Decision::Confirmed;
            after.triage.reason = None;
        } else if tracked && comes_back(known) {
            after.triage = Triage::default();
        }
        finding.triage = after.triage.clone();
        finding.regressed = after.regressed;
        finding.set_status(after.status(grace), scan.started_at);
        finding.last_seen_at = known.last_seen_at.max(scan.started_at);
        if newest_of_all {
            finding.severity = observation.severity;
            finding.detail = observation;
        }
        if newest_of_all && known.place_key != place_key {
            place_key.clone_into(&mut finding.place_key);
            store::findings::move_to(tx, &finding, place_key).await?;
            let (old, new) = (&known.detail.location.path, &finding.detail.location.path);
            self.note(
                tx,
                &finding,
                Some(finding.status),
                cause,
                format!("The file {old} is called {new} now."),
            )
            .await?;
        }
        let shown_differently = finding.detail != known.detail
            || finding.severity != known.severity
            || finding.status != known.status;
        let has_become_ticketable =
            asset.tracks(&scan.branch) && !before.detections.iter().any(|detection| detection.tracked);
        let is_ruled = finding.status.is_open() || finding.triage.suppressed_by.is_some();
        let asks_the_rules = is_ruled && (shown_differently || has_become_ticketable);
        store::findings::save(tx, &finding, asks_the_rules).await?;
        if comes_back(known) && finding.status.is_open() {
            self.resume_tickets(tx, &finding, cause).await?;
        }
        if shown_differently {
            store::taking_effect::concerns(tx, scan.id, finding.id).await?;
        }
        if finding.status != known.status {
            let started = scan.started_at.format("%Y-%m-%d %H:%M UTC");
            let what = match scan_effect {
                ScanEffect::Regressed => {
                    format!("Seen again by {} (scan of {started}) after it was fixed.", scan.scanner)
                }
                ScanEffect::Refuted => {
                    format!(
                        "Still seen by {} (scan of {started}) after it was said to be fixed.",
                        scan.scanner
                    )
                }
                ScanEffect::Fixed | ScanEffect::Unchanged if comes_back(known) => {
                    let why = known.triage.reason.as_deref().unwrap_or("It was laid aside");
                    format!("{why}; seen again by {} (scan of {started}).", scan.scanner)
                }
                ScanEffect::Fixed | ScanEffect::Unchanged => {
                    format!("Seen by {} (scan of {started}).", scan.scanner)
                }
            };
            self.note(tx, &finding, Some(known.status), cause, what).await?;
        }
        if scan_effect == ScanEffect::Regressed {
            effect.regressed += 1;
            result.regressed.add(finding.severity);
            return Ok(());
        }
        self.count_open(&finding, finding.status, result)
    }

    /// Also by these names it is known from now on to findings of other scanners.
    pub(crate) async fn correlate(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        names: &[String],
    ) -> Result<(), Refusal> {
        // Another finding of the same piece may have changed it.
        let known = store::correlations::known(tx, finding.id).await?;
        let correlation = store::correlations::of(tx, finding.asset_id, finding.id, known, names).await?;
        if correlation != known {
            store::correlations::save(tx, finding.id, correlation).await?;
        }
        Ok(())
    }

    /// What a scan of an assessment saw belongs to the assessment.
    async fn belongs(&self, tx: &mut Tx, scan: &Scan, finding: FindingId) -> Result<(), Refusal> {
        let Some(assessment) = scan.assessment else { return Ok(()) };
        if store::assessments::add_finding(tx, assessment, finding).await? {
            store::findings::undecide(tx, &[finding]).await?;
            store::taking_effect::concerns(tx, scan.id, finding).await?;
        }
        Ok(())
    }

    fn count_open(
        &self,
        finding: &Finding,
        status: Status,
        result: &mut ImportResult,
    ) -> Result<(), Refusal> {
        if status.is_open() {
            result.still_open.add(finding.severity);
        }
        Ok(())
    }

    /// Writes a change of a finding into its history.
    pub(crate) async fn note(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        from: Option<Status>,
        cause: &Cause,
        what: String,
    ) -> Result<(), Refusal> {
        let statuses = (from != Some(finding.status)).then_some((from, finding.status));
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Finding(finding.id),
            cause,
            what,
            statuses,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }
}

pub(super) fn cause_of(scan: &Scan) -> Cause {
    let started = scan.started_at.format("%Y-%m-%d %H:%M UTC");
    Cause::new(CauseKind::Scan, format!("{} scan of {started}", scan.scanner))
}

/// Which result is which known finding: first those of a file that was renamed, then those of the place itself. Indices
/// into both, one after the other.
fn recognised(
    seen: &[Sighting],
    moved: &[Sighting],
    here: &[Sighting],
    kind: FindingKind,
) -> Vec<Option<usize>> {
    if moved.is_empty() {
        return identity::recognise(seen, here, kind);
    }
    let mut matched = identity::recognise(seen, moved, kind);
    let left: Vec<usize> = (0..seen.len()).filter(|index| matched[*index].is_none()).collect();
    let rest: Vec<Sighting> = left.iter().map(|index| seen[*index].clone()).collect();
    for (index, found) in left.into_iter().zip(identity::recognise(&rest, here, kind)) {
        matched[index] = found.map(|found| moved.len() + found);
    }
    matched
}

/// How a finding looked last: to the same configuration on the same branch if it knows it, else to the latest that saw it.
fn last_sighting(finding: &Finding, detections: &[StoredDetection], scan: &Scan) -> Sighting {
    let mine: Vec<&StoredDetection> = detections.iter().filter(|d| d.finding_id == finding.id).collect();
    mine.iter()
        .find(|d| d.configuration_id == scan.configuration_id && d.branch == scan.branch)
        .or_else(|| mine.iter().max_by_key(|d| d.last_seen_at))
        .map(|d| d.sighting.clone())
        .unwrap_or_else(|| Sighting::of(&finding.detail))
}

/// Where a new finding starts: where its ingest rule says.
fn starts_as(division: Option<&Division>, observation: &Observation) -> Decision {
    let belongs = division.and_then(|division| division.of_place(&observation.location.path));
    match belongs.map(|belongs| belongs.rule.start) {
        Some(StartStatus::Created) => Decision::New,
        Some(StartStatus::Identified) | None => Decision::default(),
    }
}

/// Start of the first of these scans that covered the place without seeing it.
fn gone_since(later: &[(DateTime<Utc>, Coverage)], observation: &Observation) -> Option<DateTime<Utc>> {
    let (rule, path) = (&observation.vulnerability.id, &observation.location.path);
    later.iter().rev().find(|(_, coverage)| covers(coverage, rule, path)).map(|(started_at, _)| *started_at)
}

/// Start of the newest of these scans that covered the place without seeing it.
fn covered_since(later: &[(DateTime<Utc>, Coverage)], observation: &Observation) -> Option<DateTime<Utc>> {
    let (rule, path) = (&observation.vulnerability.id, &observation.location.path);
    later.iter().find(|(_, coverage)| covers(coverage, rule, path)).map(|(started_at, _)| *started_at)
}

/// The scan looked at the place with the rule, so that its absence says something.
pub(super) fn covers(coverage: &Coverage, rule_id: &str, path: &str) -> bool {
    coverage.extent == CoverageExtent::Full
        && coverage.rules.as_ref().is_none_or(|rules| rules.iter().any(|rule| rule == rule_id))
        && (coverage.paths.is_empty()
            || coverage.paths.iter().any(|prefix| {
                let prefix = prefix.trim_end_matches('/');
                path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
            }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scan_covers_only_the_paths_and_rules_it_names() {
        let coverage = |rules: Option<&[&str]>, paths: &[&str]| Coverage {
            extent: CoverageExtent::Full,
            rules: rules.map(|rules| rules.iter().map(|rule| (*rule).to_owned()).collect()),
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        assert!(covers(&coverage(None, &[]), "r", "src/a.rs"));
        assert!(covers(&coverage(None, &["src"]), "r", "src/a.rs"));
        assert!(covers(&coverage(None, &["src/"]), "r", "src/a.rs"));
        assert!(!covers(&coverage(None, &["src"]), "r", "srcfoo/a.rs"));
        assert!(!covers(&coverage(Some(&["other"]), &[]), "r", "src/a.rs"));
        assert!(!covers(
            &Coverage { extent: CoverageExtent::Partial, ..Coverage::default() },
            "r",
            "src/a.rs"
        ));
    }
}
