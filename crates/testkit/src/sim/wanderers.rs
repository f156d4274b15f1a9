//! What befalls work items beside changes of their fields: they are moved to another project, made another type, closed
//! as duplicates, deleted for good, and hidden from Lockstep. And what people here do about it.

use std::sync::Arc;

use emulator::seed::{ProcessKind, ProjectSeed, Seed};
use engine::{Actor, offered};
use model::WorkItemId;
use model::following::{DeletionPolicy, Repair, RepairKind};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use store::tickets::Ticket;

use crate::sim::Simulation;
use crate::sim::people::{LOCKSTEP, ask, live, told};
use crate::sim::tally::Tally;
use crate::sim::wire::Wire;

/// The other project.
pub(crate) const ELSEWHERE: &str = "Backoffice";

/// Areas that are hidden from Lockstep now and then.
const HIDDEN: [&str; 2] = ["Webshop\\Storefront", "Webshop\\Payments"];

/// The demo with somewhere else to go.
pub(crate) fn seed() -> Seed {
    let mut seed = Seed::demo();
    seed.organizations[0].projects.push(ProjectSeed::new(ELSEWHERE, ProcessKind::Scrum));
    seed
}

/// What a destination says about deleted work items in this run.
pub(crate) fn policy(chance: &mut StdRng) -> DeletionPolicy {
    use DeletionPolicy::{Ask, Release, Replace, Restore};
    [Ask, Restore, Restore, Restore, Replace, Release][chance.random_range(0..6)]
}

fn patch(wire: &Wire, id: i64, fields: &[(&str, Value)]) -> bool {
    let patch: Vec<Value> = fields
        .iter()
        .map(|(field, value)| json!({ "op": "add", "path": format!("/fields/{field}"), "value": value }))
        .collect();
    ask(wire, "PATCH", &format!("_apis/wit/workitems/{id}?api-version=7.1"), &Value::Array(patch)).is_some()
}

/// Something befalls a work item. Answers what, for the trace.
pub(crate) fn befall(
    wire: &Wire,
    item: &Value,
    others: &[i64],
    chance: &mut StdRng,
    tally: &Arc<Tally>,
) -> String {
    let id = item["id"].as_i64().unwrap_or_default();
    let fields = &item["fields"];
    let is_here = fields["System.TeamProject"] == "Webshop";
    match chance.random_range(0..6) {
        0 | 1 => {
            let project = if is_here { ELSEWHERE } else { "Webshop" };
            let area = if is_here { ELSEWHERE } else { "Webshop\\Payments" };
            let mut change: Vec<(&str, Value)> = vec![
                ("System.TeamProject", project.into()),
                ("System.AreaPath", area.into()),
                ("System.IterationPath", project.into()),
            ];
            if fields["System.State"] != "New" {
                change.push(("System.State", "New".into()));
            }
            let done = patch(wire, id, &change);
            told(tally, "moves to another project", done, format!("moves {id} to {project}"))
        }
        2 => {
            let kind = if fields["System.WorkItemType"] == "Bug" { "Task" } else { "Bug" };
            let done = patch(wire, id, &[("System.WorkItemType", kind.into())]);
            told(tally, "changes a type", done, format!("makes {id} a {kind}"))
        }
        3 => {
            let into = others[chance.random_range(0..others.len())];
            let url = format!("https://boards.example/contoso/_apis/wit/workItems/{into}");
            let state = if is_here { "Closed" } else { "Done" };
            let change = json!([
                { "op": "add", "path": "/relations/-", "value": { "rel": "System.LinkTypes.Duplicate-Reverse", "url": url } },
                { "op": "add", "path": "/fields/System.State", "value": state },
            ]);
            let path = format!("_apis/wit/workitems/{id}?api-version=7.1");
            let done =
                into != id && fields["System.State"] != state && ask(wire, "PATCH", &path, &change).is_some();
            told(tally, "merges a duplicate", done, format!("closes {id} as a duplicate of {into}"))
        }
        4 => {
            let project = fields["System.TeamProject"].as_str().unwrap_or("Webshop");
            let path = format!("{project}/_apis/wit/workitems/{id}?destroy=true&api-version=7.1");
            let done = ask(wire, "DELETE", &path, &Value::Null).is_some();
            told(tally, "destroys", done, format!("destroys {id}"))
        }
        _ => {
            let area = HIDDEN[chance.random_range(0..HIDDEN.len())];
            let hidden = chance.random_bool(0.5);
            hide(wire, area, hidden);
            let what = if hidden { "hides an area" } else { "shows an area" };
            told(tally, what, true, format!("{what}: {area}"))
        }
    }
}

fn hide(wire: &Wire, area: &str, hidden: bool) {
    let change = emulator::AreaChange { member: LOCKSTEP.into(), area: area.into(), hidden };
    wire.board(|state, _| state.change_area("contoso", &change));
    wire.area_was_hidden(area, hidden);
}

/// Lockstep may see everything again.
pub(crate) fn show_everything(wire: &Wire) {
    for area in HIDDEN {
        hide(wire, area, false);
    }
}

/// A mend of those that are offered for some ticket.
pub(crate) fn a_repair(tickets: &[Ticket], items: &[i64], chance: &mut StdRng) -> Option<(Ticket, Repair)> {
    let mut choices: Vec<(RepairKind, &Ticket)> = Vec::new();
    for ticket in tickets {
        let kinds = offered(ticket.health, ticket.work_item_id.is_some());
        choices.extend(kinds.iter().map(|kind| (*kind, ticket)));
    }
    // Each mend is as likely as any other, however many tickets offer it; what is offered seldom is taken more often.
    let mut kinds: Vec<RepairKind> = choices.iter().map(|(kind, _)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let weight = |kind: &RepairKind| match kind {
        RepairKind::Restore => 8,
        RepairKind::Bind | RepairKind::Ignore => 5,
        RepairKind::FollowThere | RepairKind::HandOver | RepairKind::Replace | RepairKind::Release => 1,
        // By hand only: never offered as a mend.
        RepairKind::MergeInto | RepairKind::MoveTo => 0,
    };
    let weighted: Vec<RepairKind> =
        kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, weight(kind))).collect();
    let kind = *weighted.get(chance.random_range(0..weighted.len().max(1)))?;
    choices.retain(|(offered, _)| *offered == kind);
    let (_, ticket) = choices[chance.random_range(0..choices.len())];
    let kinds = offered(ticket.health, ticket.work_item_id.is_some());
    let repair = match kind {
        RepairKind::Restore => Repair::Restore,
        RepairKind::Replace => Repair::Replace,
        RepairKind::Release => Repair::Release,
        RepairKind::FollowThere | RepairKind::HandOver | RepairKind::MergeInto | RepairKind::MoveTo => {
            Repair::FollowThere
        }
        RepairKind::Ignore => Repair::Ignore,
        RepairKind::Bind => {
            let copies = &ticket.following.copies;
            let work_item = if copies.is_empty() {
                WorkItemId(*items.get(chance.random_range(0..items.len().max(1)))?)
            } else {
                copies[chance.random_range(0..copies.len())]
            };
            Repair::Bind { work_item }
        }
    };
    // Hand-over needs a second destination; following it there is what remains.
    let repair = if kinds.contains(&repair.kind()) { repair } else { Repair::Release };
    Some((ticket.clone(), repair))
}

/// Who mends.
pub(crate) fn somebody() -> Actor {
    Actor { name: "Ada".into() }
}

impl Simulation {
    /// Somebody chooses one of the mends that a ticket offers.
    pub(crate) async fn somebody_mends(&mut self) {
        let tickets = self.tickets().await;
        let items = live(&self.wire);
        let Some((ticket, repair)) = a_repair(&tickets, &items, &mut self.chance) else { return };
        let Some(number) = self.somebody_awake() else { return };
        let fate = self.fate_at(&["before UPDATE ticket", "before INSERT INTO audit", "a read was answered"]);
        let (id, kind) = (ticket.id, format!("{:?}", repair.kind()));
        let what = format!("mends {} ({}): {repair:?}", ticket.token, ticket.health.as_str());
        if self
            .on(
                number,
                fate,
                &what,
                |engine| async move { engine.repair_ticket(id, repair, &somebody()).await },
            )
            .await
        {
            self.tally.count(format!("somebody mends: {kind}"));
        }
    }
}
