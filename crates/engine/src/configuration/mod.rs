//! Configuration as code: what is stored becomes a document, and a document becomes what is stored, all of it or nothing.
//!
//! A plan is not a guess. Destinations are compared with their board, templates are tried on real findings, and the changes
//! are then carried out in a transaction that is thrown away. What a plan says can be done was done once. Everything goes
//! through what people use, too, so that a file can say nothing that a page refuses.

mod carry;
mod stored;

use std::collections::HashMap;

use model::configuration::{Change, ChangeAction, ChangedThing, Configuration, Problem, compare};
use model::map::SeverityMap;
use store::destinations::{Process, Settings};

use self::stored::Stored;
use crate::connections::Board;
use crate::destinations::check_with;
use crate::engine::{Engine, EventKind};
use crate::rule_plan::DestinationShare;
use crate::{Actor, Refusal, RefusalKind};

/// What a configuration would change.
#[derive(Clone, Debug)]
pub struct ConfigurationPlan {
    /// Tells the stored configuration that it was made on.
    pub fingerprint: String,
    /// What is done, in the order in which it is told, and what is left alone.
    pub changes: Vec<Change>,
    /// What the rules would do then, destination by destination. None where nothing changes, and of what was applied.
    pub effect: Option<Vec<DestinationShare>>,
}

/// A configuration that can be carried out, as far as can be said without trying.
struct Prepared {
    stored: Stored,
    /// What is wanted, in one form and without blanks.
    wanted: Configuration,
    /// Settings of changed and new destinations with what was read of their board, by connection and name.
    destinations: HashMap<(String, String), (Settings, Process)>,
    plan: ConfigurationPlan,
}

impl Engine {
    /// The stored configuration, without secrets.
    ///
    /// # Errors
    /// If two things have the same name: a document tells things by their names.
    pub async fn configuration(&self) -> Result<Configuration, Refusal> {
        let mut tx = self.inner.db.read().await?;
        Ok(Stored::read(&mut tx).await?.document()?.terse())
    }

    /// What would change if this configuration were applied. `prune`: what it does not name is deleted.
    ///
    /// # Errors
    /// If it cannot be carried out; everything that is wrong stands at its place in the document.
    pub async fn plan_configuration(
        &self,
        wanted: Configuration,
        prune: bool,
        by: &Actor,
    ) -> Result<ConfigurationPlan, Refusal> {
        let mut prepared = self.prepare_configuration(wanted, prune).await?;
        let mut tx = self.inner.db.begin().await?;
        self.carry_out(&mut tx, &prepared, by).await?;
        if prepared.plan.changes.iter().any(Change::is_done) {
            prepared.plan.effect = Some(self.plan_all_rules(&mut tx).await?);
        }
        // Nothing is committed: it was only tried.
        drop(tx);
        Ok(prepared.plan)
    }

    /// Applies a configuration, all of it or nothing, and answers what was done. With the fingerprint of a plan nothing is
    /// done if the stored configuration is not the one that the plan was made on.
    ///
    /// # Errors
    /// As for a plan, and if the stored configuration changed meanwhile.
    pub async fn apply_configuration(
        &self,
        wanted: Configuration,
        prune: bool,
        fingerprint: Option<&str>,
        by: &Actor,
    ) -> Result<ConfigurationPlan, Refusal> {
        let prepared = self.prepare_configuration(wanted, prune).await?;
        if fingerprint.is_some_and(|planned| planned != prepared.plan.fingerprint) {
            return Err(moved_on());
        }
        let mut tx = self.inner.db.begin().await?;
        // Whoever changes rules or destinations holds the same row, also on another replica.
        store::rules::hold_walk(&mut tx).await?;
        if Stored::read(&mut tx).await?.fingerprint()? != prepared.plan.fingerprint {
            return Err(moved_on());
        }
        self.carry_out(&mut tx, &prepared, by).await?;
        tx.commit().await?;
        self.applied(&prepared, by).await?;
        Ok(prepared.plan)
    }

    /// Tells everybody what was changed.
    async fn applied(&self, prepared: &Prepared, by: &Actor) -> Result<(), Refusal> {
        if !prepared.plan.changes.iter().any(Change::is_done) {
            return Ok(());
        }
        for connection in &prepared.stored.connections {
            let of = |change: &&Change| match change.thing {
                ChangedThing::Connection => change.name == connection.name.trim(),
                _ => change.connection.as_deref() == Some(connection.name.trim()),
            };
            let mut changes = prepared.plan.changes.iter().filter(|change| change.is_done()).filter(of);
            if changes.clone().any(|change| change.thing == ChangedThing::Connection) {
                self.announce(EventKind::Connection, connection.id.0);
            }
            if changes.any(|change| change.action == ChangeAction::Create) {
                self.subscribe_for_new(connection.id, by).await?;
            }
        }
        self.configuration_changed();
        Ok(())
    }

    async fn prepare_configuration(&self, wanted: Configuration, prune: bool) -> Result<Prepared, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let stored = Stored::read(&mut tx).await?;
        drop(tx);
        let known = stored.document()?;
        let mut wanted = wanted.sound(Some(&known), prune).map_err(|problems| refuse(&problems))?;
        let mut problems = Vec::new();
        let destinations = self.check_destinations(&stored, &known, &mut wanted, &mut problems).await?;
        self.check_templates(&known, &mut wanted, &mut problems).await?;
        if !problems.is_empty() {
            return Err(refuse(&problems));
        }
        let changes = compare(&known, &wanted, prune);
        let plan = ConfigurationPlan { fingerprint: stored.fingerprint()?, changes, effect: None };
        Ok(Prepared { stored, wanted, destinations, plan })
    }

    /// Compares destinations that are new or changed with their board, and fills in their blanks. Those that are as stored
    /// are left alone: a board that changed since is told by their drift.
    async fn check_destinations(
        &self,
        stored: &Stored,
        known: &Configuration,
        wanted: &mut Configuration,
        problems: &mut Vec<Problem>,
    ) -> Result<HashMap<(String, String), (Settings, Process)>, Refusal> {
        let mut checked = HashMap::new();
        for (at, connection) in wanted.connections.iter_mut().flatten().enumerate() {
            let Some(of) = stored.connections.iter().find(|of| of.name.trim() == connection.name) else {
                continue;
            };
            let usual = connection.severity_map.clone().or_else(|| of.severity_map.clone());
            let usual = usual.unwrap_or_default().filled_in(&SeverityMap::default(), Default::default());
            let mut board: Option<std::sync::Arc<Board>> = None;
            for (number, destination) in connection.destinations.iter_mut().flatten().enumerate() {
                if known.destinations().any(|(name, it)| name == connection.name && it == destination) {
                    continue;
                }
                let board = match &board {
                    Some(board) => board,
                    None => {
                        let found = self.known(of.id).await?;
                        // Somebody may have mended the board a moment ago; within this plan each thing is read once.
                        found.client.forget_definitions();
                        board.insert(found)
                    }
                };
                let settings = stored::settings(destination.clone(), None);
                let binding = destination.binding.clone().into();
                match check_with(board, binding, settings, &usual).await?.for_saving() {
                    Ok((settings, process)) => {
                        let binding = destination.binding.clone();
                        let templates = destination.fields.templates.clone();
                        *destination = stored::destination(settings.clone(), binding, templates);
                        let key = (connection.name.clone(), destination.name.clone());
                        checked.insert(key, (settings, process));
                    }
                    Err(refusal) => {
                        let at = format!("/connections/{at}/destinations/{number}");
                        problems.extend(problems_of(refusal, &at)?);
                    }
                }
            }
        }
        Ok(checked)
    }

    /// Tries sets of templates that are new or changed.
    async fn check_templates(
        &self,
        known: &Configuration,
        wanted: &mut Configuration,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Refusal> {
        for (number, set) in wanted.templates.iter_mut().flatten().enumerate() {
            if known.templates.iter().flatten().any(|known| known == set) {
                continue;
            }
            match self.checked_templates(set.clone()).await {
                Ok(checked) => *set = checked,
                Err(refusal) => problems.extend(problems_of(refusal, &format!("/templates/{number}"))?),
            }
        }
        Ok(())
    }
}

/// The fields of a refusal as problems of what stands at a place of the document.
///
/// # Errors
/// The refusal itself, if it is not about what was given.
fn problems_of(refusal: Refusal, at: &str) -> Result<Vec<Problem>, Refusal> {
    if !matches!(refusal.kind, RefusalKind::Invalid | RefusalKind::Conflict) {
        return Err(refusal);
    }
    if refusal.fields.is_empty() {
        return Ok(vec![problem(at.to_owned(), &format!("{} {}", refusal.detail, refusal.next_step))]);
    }
    let place = |pointer: &str| match pointer {
        "/" => at.to_owned(),
        pointer => format!("{at}{pointer}"),
    };
    Ok(refusal.fields.iter().map(|(pointer, detail)| problem(place(pointer), detail)).collect())
}

/// A refusal says what is wrong and what to do in one text: "what; what to do".
fn problem(at: String, text: &str) -> Problem {
    let text = text.trim_end_matches('.');
    match text.split_once("; ") {
        Some((message, mend)) => Problem::new(at, message, mend),
        None => Problem::new(at, text, ""),
    }
}

fn refuse(problems: &[Problem]) -> Refusal {
    let said = problems.first().map(|first| format!("{}: {}", first.at, first.message)).unwrap_or_default();
    let more = match problems.len() {
        0 | 1 => String::new(),
        2 => " There is one more problem.".to_owned(),
        many => format!(" There are {} more problems.", many - 1),
    };
    let mut refusal = Refusal::invalid(
        "configuration_invalid",
        "The configuration cannot be applied",
        format!("{said}.{more} Nothing is changed."),
        "Mend what is named, and plan again.",
    );
    for problem in problems {
        let mend = if problem.mend.is_empty() { String::new() } else { format!("; {}", problem.mend) };
        refusal = refusal.field(problem.at.clone(), format!("{}{mend}", problem.message));
    }
    refusal
}

fn moved_on() -> Refusal {
    Refusal::conflict(
        "configuration_changed",
        "The stored configuration has changed",
        "Somebody changed the stored configuration since the plan was made. Nothing is changed.",
        "Plan again, look at it, and apply that plan.",
    )
}
