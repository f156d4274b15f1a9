//! Plans tell the truth: what is applied is, on the board's own history, what the plan said field by field, and nothing else.
//!
//! A random situation is made by the deeds of the simulation. Then the weather is good and everybody is awake; a plan is
//! made, in some situations people go on working on the board, and everything that was planned is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Duration;
use engine::{Plan, PlanAction, TicketPlan};
use rand::RngExt;
use serde_json::Value;
use store::applies::{Applied, State};
use store::connections::Mode;

use crate::sim::laws::{Checked, broken};
use crate::sim::people::{self, LOCKSTEP, live, revisions};
use crate::sim::replica::Fate;
use crate::sim::{Outcome, REPLICAS, Simulation, Tally, approvals, by};

/// Deeds before the plan.
const DEEDS: u32 = 40;

/// Long text of a Bug in the demo's process.
const LONG_TEXT: &str = "Microsoft.VSTS.TCM.ReproSteps";

/// What the situations have shown, counted by their words.
const APPLIED: &str = "rows applied";
const REFUSED: &str = "rows refused";

/// Runs one situation.
pub async fn run(seed: u64, tally: &Arc<Tally>) -> Outcome {
    let mut sim = Simulation::begin(seed, tally.clone()).await;
    sim.first_findings().await;
    for _ in 0..DEEDS {
        sim.do_something().await;
    }
    sim.doubts_settle().await;
    let violation = sim.plan_and_apply().await.err();
    Outcome { violation, trace: sim.trace }
}

/// Shares of what was applied and refused, for people.
pub fn summary(tally: &Tally) -> String {
    let (applied, refused) = (tally.counted(APPLIED), tally.counted(REFUSED));
    let share = refused as f64 * 100.0 / (applied + refused).max(1) as f64;
    let mut text = format!("{applied} rows applied, {refused} refused ({share:.1} %)");
    for (what, count) in tally.starting_with("fidelity: ") {
        text.push_str(&format!("\n  {count:>6} {what}"));
    }
    text
}

/// A revision of a work item that we made.
fn is_ours(revision: &Value) -> bool {
    revision["fields"]["System.ChangedBy"]["uniqueName"] == LOCKSTEP
}

/// What stands in the parts of a work item that plans speak of.
fn shown(revision: &Value) -> BTreeMap<&'static str, String> {
    let fields = &revision["fields"];
    let text = |name: &str| match &fields[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    BTreeMap::from([
        ("State", text("System.State")),
        ("Title", text("System.Title")),
        ("Priority", text("Microsoft.VSTS.Common.Priority")),
        ("Severity", text("Microsoft.VSTS.Common.Severity")),
        ("Tags", text("System.Tags")),
        ("Description", text(LONG_TEXT)),
    ])
}

/// A place of the card is told as its state, with the column behind it; all else is told as it is.
fn state_of(told: &str) -> &str {
    told.split(" (").next().unwrap_or(told)
}

/// Tags are a set.
fn tags(told: &str) -> BTreeSet<String> {
    told.split(';').map(|tag| tag.trim().to_lowercase()).filter(|tag| !tag.is_empty()).collect()
}

impl Simulation {
    /// The weather is good, everybody is awake, and what was under way is known. In half of the situations the connection
    /// runs in shadow mode from then on, so that nothing of what waits is written by itself.
    async fn doubts_settle(&mut self) {
        self.note("doubts settle");
        self.wire.set_storm(0);
        self.wire.reject_sign_ins(false);
        for number in 0..REPLICAS {
            if let Some(frozen) = self.frozen[number].take() {
                let ended = crate::sim::replica::thaw(frozen, Fate::Lives).await;
                self.ended(number, "goes on", ended);
            }
        }
        self.renew_the_credential(0).await;
        self.switch(0, Mode::Shadow).await;
        for _ in 0..4 {
            self.clock.advance(Duration::minutes(2));
            self.on(0, Fate::Lives, "works", |engine| async move { engine.step().await }).await;
        }
        // Something is there to be planned.
        for _ in 0..self.chance.random_range(2..9) {
            match self.chance.random_range(0..6) {
                0 | 1 => {
                    let what = people::do_something(&self.wire, &mut self.chance, &self.tally);
                    self.note(what);
                }
                2 => self.somebody_decides().await,
                _ => self.a_scan_arrives().await,
            }
        }
        for number in 0..REPLICAS {
            if let Some(frozen) = self.frozen[number].take() {
                let ended = crate::sim::replica::thaw(frozen, Fate::Lives).await;
                self.ended(number, "goes on", ended);
            }
        }
        self.on(0, Fate::Lives, "takes in what waits", |engine| async move {
            while engine.run_next_job().await? {}
            while engine.make_tickets().await? > 0 {}
            Ok(())
        })
        .await;
        self.clock.advance(Duration::minutes(2));
        if self.chance.random_bool(0.5) {
            self.switch(0, Mode::Active).await;
        }
    }

    async fn plan_and_apply(&mut self) -> Checked {
        let engine = self.replicas[0].clone();
        let plan = match engine.plan_listing(Plan::MOST_LISTED).await {
            Ok(plan) => plan,
            Err(refusal) => return broken("a plan can be made", format!("{refusal} {}", refusal.next_step)),
        };
        let before = self.board_now();
        let (bins, areas) = (self.bins_now(), self.wire.hidden_areas());
        for row in &plan.tickets {
            self.note(format!(
                "planned: {:?} {:?} at {:?}: {} {:?}",
                row.action,
                row.work_item_id.map(|id| id.0),
                row.revision,
                row.reason,
                row.fields.iter().map(|field| format!("{}: {}", field.field, field.to)).collect::<Vec<_>>()
            ));
        }
        if self.chance.random_bool(0.4) {
            for _ in 0..self.chance.random_range(1..4) {
                let what = people::do_something(&self.wire, &mut self.chance, &self.tally);
                self.note(format!("in between {what}"));
            }
        }
        let rows: Vec<&TicketPlan> = plan.tickets.iter().filter(|row| row.fingerprint.is_some()).collect();
        let approved = approvals::approved(&plan);
        self.tally.count(format!(
            "fidelity: situations with {} rows",
            match approved.len() {
                0 => "no",
                1..4 => "a few",
                _ => "many",
            }
        ));
        if approved.is_empty() {
            return Ok(());
        }
        let in_between = self.board_now();
        let (bins_in_between, areas_in_between) = (self.bins_now(), self.wire.hidden_areas());
        let report = match engine.apply(&approved, &by("Ada")).await {
            Ok(report) => report,
            Err(refusal) => return broken("a plan can be applied", format!("{refusal}")),
        };
        for row in &report.tickets {
            self.note(format!("{:?} {:?}: {:?}", row.state, row.work_item.map(|id| id.0), row.reason));
        }
        let after = self.board_now();
        let mut written: BTreeSet<i64> = after
            .iter()
            .filter(|(id, items)| {
                let begun = in_between.get(id).map_or(0, Vec::len);
                items.iter().skip(begun).any(is_ours)
            })
            .map(|(id, _)| *id)
            .collect();
        for (row, done) in rows.iter().zip(&report.tickets) {
            match done.state {
                State::Waiting => {
                    return broken("in good weather nothing waits", format!("{row:?} {done:?}"));
                }
                State::Refused => {
                    self.tally.count(REFUSED);
                    let moved = row.work_item_id.is_some_and(|id| {
                        before.get(&id.0).map(Vec::len) != in_between.get(&id.0).map(Vec::len)
                            || bins.contains(&id.0) != bins_in_between.contains(&id.0)
                    });
                    self.refused_for_a_reason(row, done, moved, areas != areas_in_between)?;
                }
                State::Applied => {
                    self.tally.count(APPLIED);
                    self.tally.count(format!("fidelity: {:?} applied", row.action));
                    let Some(id) = done.work_item.map(|id| id.0) else {
                        return broken("what was applied has a work item", format!("{done:?}"));
                    };
                    written.remove(&id);
                    self.as_the_plan_said(row, id, &in_between, &after)?;
                }
            }
        }
        match written.first() {
            None => Ok(()),
            Some(id) => broken(
                "nothing is written but what was applied",
                format!("work item {id} was written, and no row of the plan says so"),
            ),
        }
    }

    /// All revisions of all work items that live, oldest first.
    fn board_now(&self) -> BTreeMap<i64, Vec<Value>> {
        live(&self.wire).into_iter().map(|id| (id, revisions(&self.wire, id))).collect()
    }

    /// Numbers of the work items in the recycle bins.
    fn bins_now(&self) -> BTreeSet<i64> {
        people::recycled(&self.wire).into_iter().filter_map(|(_, item)| item["id"].as_i64()).collect()
    }

    /// A row is refused only because its work item moved since the plan was made, or cannot be seen any more.
    fn refused_for_a_reason(
        &self,
        row: &TicketPlan,
        done: &Applied,
        moved: bool,
        areas_changed: bool,
    ) -> Checked {
        let is_unseen = done.reason.as_ref().is_some_and(|why| why.contains("cannot be read"));
        if moved {
            self.tally.count("fidelity: refused, the work item moved");
            return Ok(());
        }
        if areas_changed && is_unseen {
            self.tally.count("fidelity: refused, the work item was hidden from Lockstep");
            return Ok(());
        }
        // The plan does not look at what a work item is to be linked to, which may be gone.
        let own = row.work_item_id.map(|id| format!("TF401232: Work item {id} "));
        let names_another = |why: &String| {
            why.contains("TF401232") && own.as_ref().is_none_or(|own| !why.contains(own.as_str()))
        };
        if done.reason.as_ref().is_some_and(names_another) {
            self.tally.count("fidelity: refused, what it was to be linked to is gone");
            return Ok(());
        }
        broken("only what moved is refused", format!("{row:?} was refused: {:?}", done.reason))
    }

    /// The revisions of the board say what the row said: these fields changed so, and no others.
    fn as_the_plan_said(
        &self,
        row: &TicketPlan,
        id: i64,
        before: &BTreeMap<i64, Vec<Value>>,
        after: &BTreeMap<i64, Vec<Value>>,
    ) -> Checked {
        let law = "what is applied is what the plan said";
        let Some(now) = after.get(&id).and_then(|items| items.last()) else {
            return broken(law, format!("work item {id} is not there"));
        };
        let said: BTreeMap<&str, &str> =
            row.fields.iter().map(|field| (field.field.as_str(), field.to.as_str())).collect();
        let now_shown = shown(now);
        if row.action == PlanAction::Restore {
            return match before.contains_key(&id) {
                false => Ok(()),
                true => broken(law, format!("work item {id} was there before it was restored")),
            };
        }
        let old_shown = match before.get(&id).and_then(|items| items.last()) {
            Some(old) => shown(old),
            None if row.action == PlanAction::Create => BTreeMap::new(),
            None => return broken(law, format!("work item {id} is new, and the plan said {:?}", row.action)),
        };
        for (field, is) in &now_shown {
            let was = old_shown.get(field).cloned().unwrap_or_default();
            let changed = match *field {
                "Tags" => tags(&was) != tags(is),
                _ => was != *is,
            };
            // Where a column is asked for, the plan tells the place under that name.
            let told = match *field {
                "State" => said.get("State").or_else(|| said.get("Column")).copied(),
                field => said.get(field).copied(),
            };
            let fits = match (told, *field) {
                // A new work item has a state, a text and what its type gives it without being told.
                (None, _) if row.action == PlanAction::Create => true,
                (None, _) => !changed,
                (Some(told), "State") => state_of(told) == is,
                (Some(told), "Tags") => tags(told) == tags(is),
                // It is told in words that something is done with it.
                (Some(_), "Description") => changed,
                (Some(told), _) => told.trim() == is.as_str(),
            };
            if !fits {
                return broken(
                    law,
                    format!(
                        "{field} of work item {id} was '{was}' and is '{is}'; the plan: {told:?} ({row:?})"
                    ),
                );
            }
        }
        Ok(())
    }
}
