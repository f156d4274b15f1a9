//! What an import would do, before it is done: all of it is done in a transaction that is thrown away, and so are the turns
//! of the tickets that it concerns. Nothing is stored, and nothing is sent.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use model::{JobId, TicketId};
use store::Tx;

use crate::engine::{Engine, unheard};
use crate::ingest::submit::{Drafted, Ready, known_before, read_report};
use crate::results::Plan;
use crate::rule_plan::{DestinationShare, Planner, RulePlan};
use crate::sync::effect::Supposed;
use crate::ticketing::{Readied, Routing};
use crate::{ImportRequest, ImportResult, Refusal};

/// Results of a report that is planned while somebody waits: its transaction keeps other writers waiting.
const MOST: u64 = 5_000;
/// Findings about which the rules decide in one go.
const STEP: i64 = 500;
/// Findings about which the rules decide for a plan at most: before the import, and after it.
const MOST_DECIDED: usize = 20_000;

/// What importing a report would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportPlan {
    /// What becomes of its findings. It names scans only if all were imported before.
    pub result: ImportResult,
    /// Ticket by ticket, what the rules do with the findings it leaves to them.
    pub plan: Plan,
    /// The same by destination, in the order in which they come up.
    pub destinations: Vec<DestinationShare>,
    /// What it does to work items that are there.
    pub existing: Plan,
    /// Why that cannot be said.
    pub existing_unknown: Option<String>,
}

/// An import that is supposed to have happened.
pub(crate) struct SupposedImport {
    ready: Ready,
    report: PathBuf,
}

/// What comes of it in a transaction.
struct Came {
    result: ImportResult,
    rules: RulePlan,
    /// Those that were there before among these are concerned.
    tickets: BTreeSet<TicketId>,
}

impl Engine {
    /// What importing a report would do now. Nothing is stored; the file stays where it is.
    ///
    /// # Errors
    /// If the report or the request is refused as an import would be, or the report has more than 5,000 results.
    pub async fn plan_import(&self, request: ImportRequest, report: &Path) -> Result<ImportPlan, Refusal> {
        let ruled = match request.source.as_deref() {
            Some(name) => Some(self.rules_of_source(name).await?),
            None => None,
        };
        let ready = read_report(request, ruled, report).await?;
        let number = ready.observations();
        if number > MOST {
            return Err(Refusal::conflict(
                "plan_too_large",
                "The report is too large for a plan",
                format!("It has {number} results; up to {MOST} are planned while somebody waits."),
                "Pause the connections, import it, and look at the plan before they go on.",
            ));
        }
        let import = SupposedImport { ready, report: report.to_owned() };
        let mut tx = self.inner.db.begin().await?;
        let Came { result, rules, tickets } = unheard(self.come(&mut tx, &import)).await?;
        drop(tx);
        let mut plan = ImportPlan {
            result,
            plan: rules.plan,
            destinations: rules.destinations,
            ..ImportPlan::default()
        };
        if !plan.result.already_imported {
            let tickets: Vec<TicketId> = tickets.into_iter().collect();
            // A board that does not answer says nothing about the findings.
            match self.effect_on(&Supposed::Import(Box::new(import)), &tickets).await {
                Ok(existing) => plan.existing = existing,
                Err(refusal) => plan.existing_unknown = Some(refusal.detail),
            }
        }
        Ok(plan)
    }

    /// Does the import in this transaction, and lets the rules decide about what it leaves to them.
    pub(crate) async fn suppose_import(&self, tx: &mut Tx, import: &SupposedImport) -> Result<(), Refusal> {
        Box::pin(self.come(tx, import)).await.map(drop)
    }

    /// Lets the rules decide about what is left to them, which they do anyway.
    pub(crate) async fn suppose_decided(&self, tx: &mut Tx) -> Result<(), Refusal> {
        Box::pin(self.decide_all(tx, None)).await.map(drop)
    }

    async fn come(&self, tx: &mut Tx, import: &SupposedImport) -> Result<Came, Refusal> {
        let now = self.inner.world.now();
        Box::pin(self.suppose_decided(tx)).await?;
        let job: JobId = self.inner.world.id();
        let Drafted { scans, order, known, tagged } =
            Box::pin(self.draft_scans(tx, &import.ready, job)).await?;
        if scans.is_empty() {
            let result = known_before(&import.ready, &order, known);
            return Ok(Came { result, rules: RulePlan::default(), tickets: BTreeSet::new() });
        }
        let in_the_making = self.assets_in_the_making(tx).await?;
        if scans.iter().any(|scan| in_the_making.contains(&scan.asset_id)) {
            return Err(Refusal::conflict(
                "import_runs",
                "Another import has to end first",
                "Another report about the same asset takes effect at this moment.",
                "Wait for it, and ask again.",
            ));
        }
        store::jobs::add(tx, job, "import", &order, Some(self.inner.owner), now).await?;
        for scan in &scans {
            store::scans::add(tx, scan, now).await?;
        }
        Box::pin(self.stage_supposed(tx, &import.report, &order)).await?;
        // In the order of the job.
        let scans = store::scans::of_job(tx, job).await?;
        let result = Box::pin(self.suppose_effect(tx, &scans, &order)).await?;
        let mut tickets = BTreeSet::new();
        for scan in &scans {
            tickets.extend(store::taking_effect::concerned(tx, scan.id).await?);
            store::taking_effect::tell_tickets(tx, scan.id).await?;
        }
        for asset in tagged {
            store::findings::undecide_asset(tx, asset).await?;
        }
        let mut planner = Planner::default();
        tickets.extend(Box::pin(self.decide_all(tx, Some(&mut planner))).await?);
        Ok(Came { result, rules: planner.finish(), tickets })
    }

    /// Lets the rules decide about everything that is left to them, except what half an import left. Answers the tickets
    /// of these findings.
    async fn decide_all(
        &self,
        tx: &mut Tx,
        mut planner: Option<&mut Planner>,
    ) -> Result<BTreeSet<TicketId>, Refusal> {
        let in_the_making = self.assets_in_the_making(tx).await?;
        let routing = Routing::load(tx).await?;
        let suppressions = store::suppressions::all(tx).await?;
        let mut tickets = BTreeSet::new();
        let mut decided = 0;
        loop {
            let findings = store::findings::undecided(tx, &in_the_making, STEP).await?;
            if findings.is_empty() {
                return Ok(tickets);
            }
            decided += findings.len();
            if decided > MOST_DECIDED {
                return Err(Refusal::conflict(
                    "rules_busy",
                    "The rules have too much to decide",
                    format!("More than {MOST_DECIDED} findings wait for the rules, too many for a plan."),
                    "Wait until the rules have looked at them, and ask again.",
                ));
            }
            let Readied { page, assets, .. } = self.ready_page(tx, &suppressions, findings).await?;
            if let Some(planner) = planner.as_deref_mut() {
                planner.look_at_all(tx, &routing, &page, &assets, self.inner.world.now()).await?;
            }
            self.make_tickets_of(tx, &routing, &page, &assets).await?;
            let held = store::tickets::of_findings(tx, &page.ids()).await?;
            tickets.extend(held.into_values().flatten().map(|held| held.ticket));
        }
    }
}
