//! Ticketing rules, as people change them.

use model::RuleId;
use model::rule::{AppliesTo, RuleProblem, RuleSettings};
use store::audit::{Cause, CauseKind, Entry, Subject};
use store::rules::Rule;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// So many rules there may be.
const MOST_RULES: usize = 200;

/// Refuses the settings of a rule if anything is wrong with them: one refusal, every problem at its field.
///
/// # Errors
/// If there are problems.
pub fn refuse_rule(problems: &[RuleProblem]) -> Result<(), Refusal> {
    let Some(first) = problems.first() else { return Ok(()) };
    let more = match problems.len() {
        1 => String::new(),
        2 => " There is one more problem.".to_owned(),
        many => format!(" There are {} more problems.", many - 1),
    };
    let mut refusal = Refusal::invalid(
        "rule_invalid",
        "The rule makes no sense",
        format!("{}: {}.{more}", first.at, first.message),
        crate::destinations::sentence(&format!("{}.", first.mend)),
    );
    for problem in problems {
        refusal = refusal.field(problem.at.clone(), format!("{}; {}", problem.message, problem.mend));
    }
    Err(refusal)
}

/// The tickets of a rule are to stand elsewhere with these settings than with those.
pub(crate) fn tends_otherwise_than(those: &RuleSettings, these: &RuleSettings) -> bool {
    those.auto_close != these.auto_close || those.initial_state != these.initial_state
}

impl Engine {
    /// Everything that is wrong with the settings of a rule; empty if it can be saved.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn rule_problems(&self, settings: &RuleSettings) -> Result<Vec<RuleProblem>, Refusal> {
        let mut tx = self.inner.db.read().await?;
        problems(&mut tx, settings).await
    }

    /// Adds a rule behind the others. Its tickets are made at once, within the budgets.
    ///
    /// # Errors
    /// If the settings make no sense; each problem stands at its field.
    pub async fn create_rule(&self, settings: RuleSettings, by: &Actor) -> Result<RuleId, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let id = self.create_rule_in(&mut tx, settings, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(id)
    }

    /// The part of [`Self::create_rule`] that is one with what else is in the transaction.
    pub(crate) async fn create_rule_in(
        &self,
        tx: &mut store::Tx,
        settings: RuleSettings,
        by: &Actor,
    ) -> Result<RuleId, Refusal> {
        let now = self.inner.world.now();
        refuse_rule(&problems(tx, &settings).await?)?;
        if store::rules::all(tx).await?.len() >= MOST_RULES {
            return Err(Refusal::conflict(
                "rules_full",
                "There are too many rules",
                format!(
                    "There are {MOST_RULES} rules already, and each finding may have to be asked about by all of them."
                ),
                "Delete rules that are switched off, or join some with 'any'.",
            ));
        }
        let rule = Rule {
            id: self.inner.world.id(),
            version: 1,
            since: now,
            look_again_at: settings.look_again(now),
            settings,
            created_at: now,
        };
        store::rules::add(tx, &rule).await?;
        self.rules_changed(tx, rule.id.0, by, "Rule made.").await?;
        Ok(rule.id)
    }

    /// Changes a rule. Tickets that exist stay.
    ///
    /// # Errors
    /// If there is no such rule, or the settings make no sense; each problem stands at its field.
    pub async fn change_rule(&self, id: RuleId, settings: RuleSettings, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.change_rule_in(&mut tx, id, settings, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::change_rule`] that is one with what else is in the transaction.
    pub(crate) async fn change_rule_in(
        &self,
        tx: &mut store::Tx,
        id: RuleId,
        settings: RuleSettings,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let Some(rule) = store::rules::get(tx, id).await? else {
            return Err(Refusal::not_found("rule", id));
        };
        refuse_rule(&problems(tx, &settings).await?)?;
        let tends_otherwise = tends_otherwise_than(&rule.settings, &settings);
        let rule = self.changed(&rule, settings);
        store::rules::save(tx, &rule).await?;
        if tends_otherwise {
            store::rules::mark_tickets(tx, id).await?;
        }
        self.rules_changed(tx, id.0, by, "Rule changed.").await
    }

    /// The rule as it is once these settings are saved.
    pub(crate) fn changed(&self, rule: &Rule, settings: RuleSettings) -> Rule {
        let now = self.inner.world.now();
        let begins = settings.applies_to == AppliesTo::NewFindings
            && rule.settings.applies_to != AppliesTo::NewFindings;
        Rule {
            version: rule.version + 1,
            since: if begins { now } else { rule.since },
            look_again_at: settings.look_again(now),
            settings,
            ..rule.clone()
        }
    }

    /// Puts the rules into this order. Tickets that exist stay.
    ///
    /// # Errors
    /// If these are not all rules, each once.
    pub async fn reorder_rules(&self, order: &[RuleId], by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.reorder_rules_in(&mut tx, order, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::reorder_rules`] that is one with what else is in the transaction.
    pub(crate) async fn reorder_rules_in(
        &self,
        tx: &mut store::Tx,
        order: &[RuleId],
        by: &Actor,
    ) -> Result<(), Refusal> {
        let known = store::rules::all(tx).await?;
        let is_whole = known.len() == order.len() && known.iter().all(|rule| order.contains(&rule.id));
        if !is_whole {
            return Err(Refusal::conflict(
                "rules_changed",
                "The order does not name every rule once",
                format!("The order names {} rules; there are {}.", order.len(), known.len()),
                "Read the rules again, and name each of them once.",
            ));
        }
        store::rules::reorder(tx, order).await?;
        for (rule, id) in known.iter().zip(order) {
            if rule.id != *id {
                self.note_configuration(tx, "rule", id.0, by, "Place among the rules changed.").await?;
            }
        }
        store::rules::begin_walk(tx).await?;
        Ok(())
    }

    /// Deletes a rule. Its tickets stay.
    ///
    /// # Errors
    /// If there is no such rule.
    pub async fn delete_rule(&self, id: RuleId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.delete_rule_in(&mut tx, id, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::delete_rule`] that is one with what else is in the transaction.
    pub(crate) async fn delete_rule_in(
        &self,
        tx: &mut store::Tx,
        id: RuleId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        if store::rules::get(tx, id).await?.is_none() {
            return Err(Refusal::not_found("rule", id));
        }
        // Without it they are closed as the status map says.
        store::rules::mark_tickets(tx, id).await?;
        store::rules::delete(tx, id).await?;
        self.rules_changed(tx, id.0, by, "Rule deleted.").await
    }

    pub(crate) async fn rules_changed(
        &self,
        tx: &mut store::Tx,
        id: Uuid,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        store::rules::begin_walk(tx).await?;
        self.note_configuration(tx, "rule", id, by, what).await
    }

    pub(crate) async fn note_configuration(
        &self,
        tx: &mut store::Tx,
        word: &'static str,
        id: Uuid,
        by: &Actor,
        what: &str,
    ) -> Result<(), Refusal> {
        let cause = Cause::new(CauseKind::Person, by.name.clone());
        let entry = Entry {
            id: self.inner.world.id(),
            at: self.inner.world.now(),
            subject: Subject::Other(word, id),
            cause: &cause,
            what: what.to_owned(),
            statuses: None,
            fields: &[],
        };
        store::audit::add(tx, entry).await?;
        Ok(())
    }

    pub(crate) fn configuration_changed(&self) {
        self.announce(EventKind::Configuration, None);
        self.inner.ticketing.notify_one();
        self.wake_all_boards();
    }
}

/// Everything that is wrong with the settings of a rule.
pub(crate) async fn problems(
    tx: &mut store::Tx,
    settings: &RuleSettings,
) -> Result<Vec<RuleProblem>, Refusal> {
    let mut problems = settings.problems();
    let names_states = settings.initial_state.is_some() || settings.auto_close.state.is_some();
    let known = if names_states { store::destinations::all(tx).await? } else { Vec::new() };
    for destination in known.iter().filter(|known| settings.destination.is_none_or(|id| id == known.id)) {
        problems.extend(settings.state_problems(
            &destination.settings.name,
            &destination.settings.status_map,
            &destination.process.work_item_type,
        ));
    }
    if let Some(id) = settings.destination
        && store::destinations::get(tx, id).await?.is_none()
    {
        problems.push(RuleProblem {
            at: "/destination".into(),
            message: "the destination that the rule names was deleted".into(),
            mend: "choose another destination, or none: the rule then goes by the bindings of the assets"
                .into(),
        });
    }
    Ok(problems)
}
