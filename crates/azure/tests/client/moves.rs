//! Moving cards: for every process, from everywhere to everywhere, the card ends where it was told, exactly where the
//! process allows it, and an error names the rule everywhere else.
//!
//! What is possible is worked out here from the published process definitions and from the columns that this test puts
//! on the boards. Neither the emulator's definitions nor the client's planning are asked. Without the definitions the
//! test says so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;

use azure::{Client, Credential, Error, FieldFault, ItemShape, Rejection};
use emulator::seed::{DEMO_PAT, ProcessKind, ProjectSeed, Seed};
use model::WorkItemId;
use model::board::Change;
use model::map::Position;
use model::process::{BoardLayout, WorkItemType};
use model::way::{Goal, NoWay, way};
use serde_json::{Value, json};

use crate::in_process::InProcess;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/process");
const ADA: &str = "ada.marsh@contoso.example";
const ASSIGNED: &str = "System.AssignedTo";
const LANE: &str = "Expedite";

/// Name, whether it is split, the state it stands for, and types for which it stands for another.
type ColumnRow = (&'static str, bool, &'static str, &'static [(&'static str, &'static str)]);
/// Name of the board, the category of its types, whether bugs are on it too, and its columns.
type BoardRow = (&'static str, &'static str, bool, &'static [ColumnRow]);

const EPICS: &str = "Microsoft.EpicCategory";
const FEATURES: &str = "Microsoft.FeatureCategory";
const REQUIREMENTS: &str = "Microsoft.RequirementCategory";
const BUGS: &str = "Microsoft.BugCategory";

/// Boards as a team might have made them: renamed columns, several that share a state, halves, states without a column,
/// columns that stand for one state of a story and another of a bug.
const AGILE: [BoardRow; 3] = [
    (
        "Stories",
        REQUIREMENTS,
        true,
        &[
            ("Inbox", false, "New", &[]),
            ("Triage", false, "New", &[("Bug", "Active")]),
            ("Doing", false, "Active", &[]),
            ("Review", true, "Active", &[]),
            ("Verify", false, "Resolved", &[]),
            ("Shipped", false, "Closed", &[]),
        ],
    ),
    (
        "Features",
        FEATURES,
        false,
        &[
            ("Ideas", false, "New", &[]),
            ("Building", true, "Active", &[]),
            ("Proving", false, "Resolved", &[]),
            ("Live", false, "Closed", &[]),
        ],
    ),
    (
        "Epics",
        EPICS,
        false,
        &[
            ("Someday", false, "New", &[]),
            ("Soon", false, "New", &[]),
            ("Now", true, "Active", &[]),
            ("Over", false, "Closed", &[]),
        ],
    ),
];

const SCRUM: [BoardRow; 3] = [
    (
        "Backlog items",
        REQUIREMENTS,
        true,
        &[
            ("Inbox", false, "New", &[]),
            ("Ready", false, "Approved", &[]),
            ("Doing", false, "Committed", &[("Bug", "Approved")]),
            ("Review", true, "Committed", &[]),
            ("Shipped", false, "Done", &[]),
        ],
    ),
    (
        "Features",
        FEATURES,
        false,
        &[
            ("Ideas", false, "New", &[]),
            ("Building", true, "In Progress", &[]),
            ("Proving", false, "In Progress", &[]),
            ("Live", false, "Done", &[]),
        ],
    ),
    (
        "Epics",
        EPICS,
        false,
        &[("Someday", false, "New", &[]), ("Now", false, "In Progress", &[]), ("Over", false, "Done", &[])],
    ),
];

const CMMI: [BoardRow; 3] = [
    (
        "Requirements",
        REQUIREMENTS,
        true,
        &[
            ("Inbox", false, "Proposed", &[]),
            ("Analysis", false, "Proposed", &[("Bug", "Active")]),
            ("Doing", false, "Active", &[]),
            ("Review", true, "Active", &[]),
            ("Verify", false, "Resolved", &[]),
            ("Shipped", false, "Closed", &[]),
        ],
    ),
    (
        "Features",
        FEATURES,
        false,
        &[
            ("Ideas", false, "Proposed", &[]),
            ("Building", true, "Active", &[]),
            ("Live", false, "Closed", &[]),
        ],
    ),
    (
        "Epics",
        EPICS,
        false,
        &[
            ("Someday", false, "Proposed", &[]),
            ("Now", false, "Active", &[]),
            ("Proving", true, "Resolved", &[]),
            ("Over", false, "Closed", &[]),
        ],
    ),
];

const BASIC: [BoardRow; 2] = [
    (
        "Issues",
        REQUIREMENTS,
        true,
        &[
            ("Inbox", false, "To Do", &[]),
            ("Ready", false, "To Do", &[]),
            ("Doing", false, "Doing", &[]),
            ("Review", true, "Doing", &[]),
            ("Shipped", false, "Done", &[]),
        ],
    ),
    (
        "Epics",
        EPICS,
        false,
        &[("Someday", false, "To Do", &[]), ("Now", true, "Doing", &[]), ("Over", false, "Done", &[])],
    ),
];

fn stands_for(column: &ColumnRow, kind: &str) -> &'static str {
    column.3.iter().find(|(name, _)| *name == kind).map_or(column.2, |(_, state)| *state)
}

// --- what the published definitions allow -------------------------------------------------------------------------

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Names of the fields that are not empty.
type Filled = BTreeSet<String>;

/// A type as it is published.
struct Published<'a>(&'a Value);

impl Published<'_> {
    fn states(&self) -> Vec<&str> {
        list(&self.0["states"]).map(|state| text(&state["name"])).collect()
    }

    fn is_passage(&self, state: &str) -> bool {
        let category = &list(&self.0["states"]).find(|s| s["name"] == state).unwrap()["category"];
        assert!(category.is_string(), "the category of {state} is not published");
        category != "Completed" && category != "Removed"
    }

    fn required(&self, state: &str) -> BTreeSet<String> {
        let of_state = &list(&self.0["states"]).find(|s| s["name"] == state).unwrap()["fieldRules"];
        list(of_state)
            .chain(list(&self.0["fields"]))
            .filter(|field| list(&field["rules"]).any(|rule| rule["rule"] == "REQUIRED"))
            .map(|field| text(&field["referenceName"]).to_owned())
            .collect()
    }

    /// Which fields are filled after a transition; the fields that are required then and empty otherwise.
    fn step(
        &self,
        from: &str,
        to: &str,
        filled: &Filled,
        named: bool,
    ) -> Option<Result<Filled, BTreeSet<String>>> {
        let transition = list(&self.0["transitions"]).find(|t| t["from"] == from && t["to"] == to)?;
        let state = list(&self.0["states"]).find(|s| s["name"] == to).unwrap();
        let mut after = filled.clone();
        let of_reason = &transition["reasonFieldRules"][text(&transition["defaultReason"])];
        for field in list(&transition["fieldRules"]).chain(list(of_reason)).chain(list(&state["fieldRules"]))
        {
            let name = text(&field["referenceName"]).to_owned();
            for rule in list(&field["rules"]) {
                let fills = match (text(&rule["rule"]), text(&rule["from"])) {
                    ("EMPTY", _) => false,
                    ("COPY", "field") => {
                        text(&rule["field"]) == "System.Reason" || filled.contains(text(&rule["field"]))
                    }
                    ("COPY" | "SERVERDEFAULT" | "DEFAULT", _) => true,
                    _ => continue,
                };
                if fills {
                    after.insert(name.clone());
                } else {
                    after.remove(&name);
                }
            }
        }
        if named {
            after.insert(ASSIGNED.to_owned());
        }
        Some(self.checked(to, after))
    }

    fn checked(&self, state: &str, filled: Filled) -> Result<Filled, BTreeSet<String>> {
        let missing: BTreeSet<String> = self.required(state).difference(&filled).cloned().collect();
        if missing.is_empty() { Ok(filled) } else { Err(missing) }
    }

    /// Length of the shortest way that does not pass through a closed state; else which required fields stand in all
    /// ways, none if no transitions lead there at all.
    fn reach(&self, from: &str, to: &str, filled: &Filled, named: bool) -> Result<usize, BTreeSet<String>> {
        let mut missing = BTreeSet::new();
        let mut seen = BTreeSet::from([(from.to_owned(), filled.clone())]);
        let mut queue = VecDeque::from([(from.to_owned(), filled.clone(), 0_usize)]);
        while let Some((here, filled, length)) = queue.pop_front() {
            if here == to && length > 0 {
                return Ok(length);
            }
            if length > 0 && !self.is_passage(&here) {
                continue;
            }
            for next in self.states() {
                match self.step(&here, next, &filled, named && length == 0) {
                    Some(Ok(after)) if seen.insert((next.to_owned(), after.clone())) => {
                        queue.push_back((next.to_owned(), after, length + 1));
                    }
                    Some(Err(fields)) => missing.extend(fields),
                    _ => {}
                }
            }
        }
        Err(missing)
    }
}

// --- the boards and the cards --------------------------------------------------------------------------------------

/// Where a card is put before it is moved.
#[derive(Clone, Debug)]
struct Standing {
    state: String,
    column: Option<&'static str>,
}

/// Who works on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Assigned {
    Nobody,
    Ada,
    /// Nobody yet; the move names somebody.
    WithTheMove,
}

struct Board<'a> {
    world: &'a Arc<InProcess>,
    client: &'a Client,
    row: &'a BoardRow,
    layout: BoardLayout,
    shape: ItemShape,
    work_item_type: WorkItemType,
    published: Published<'a>,
    id: WorkItemId,
    counts: BTreeMap<&'static str, usize>,
}

impl Board<'_> {
    fn columns_of(&self, state: &str) -> impl Iterator<Item = &ColumnRow> {
        let kind = self.work_item_type.name.clone();
        let state = state.to_owned();
        self.row.3.iter().filter(move |column| stands_for(column, &kind) == state)
    }

    fn standings(&self) -> Vec<Standing> {
        let mut all = Vec::new();
        for state in self.published.states() {
            let before = all.len();
            for column in self.columns_of(state) {
                all.push(Standing { state: state.to_owned(), column: Some(column.0) });
            }
            if all.len() == before {
                all.push(Standing { state: state.to_owned(), column: None });
            }
        }
        all
    }

    fn goals(&self) -> Vec<Goal> {
        let mut goals: Vec<Goal> = self.published.states().into_iter().map(Goal::state).collect();
        for column in self.row.3 {
            goals.push(Goal::column(column.0));
            if column.1 {
                for half in [true, false] {
                    goals.push(Goal { column_done: Some(half), ..Goal::column(column.0) });
                }
            }
        }
        let last = self.row.3.len() - 1;
        goals.push(Goal { lane: Some(LANE.into()), ..Goal::column(self.row.3[last - 1].0) });
        goals
    }

    /// Puts the card somewhere past all rules, as an administrator may.
    fn put(&self, at: &Standing, assigned: Assigned) -> (i64, Filled) {
        let set =
            |name: &str, value: &str| json!({"op": "add", "path": format!("/fields/{name}"), "value": value});
        let target = format!("_apis/wit/workitems/{}?bypassRules=true", self.id);
        let field = |name: &Option<String>| name.clone().unwrap();
        // Through the first column, so that halves and lanes of the move before are gone.
        let first = self.row.3[0];
        let initial = stands_for(&first, &self.work_item_type.name);
        self.world.ask("PATCH", &target, &json!([set("System.State", initial)]));
        self.world.ask("PATCH", &target, &json!([set(&field(&self.shape.lane_field), "")]));
        let mut patch = vec![set("System.State", &at.state)];
        if let Some(column) = at.column {
            patch.push(set(&field(&self.shape.column_field), column));
        }
        self.world.ask("PATCH", &target, &json!(patch));
        let who = if assigned == Assigned::Ada { ADA } else { "" };
        let item = self.world.ask("PATCH", &target, &json!([set(ASSIGNED, who)]));
        let fields = item["fields"].as_object().unwrap();
        assert_eq!(fields["System.State"], at.state.as_str());
        let column = fields.get(&field(&self.shape.column_field)).map(text);
        assert_eq!(column, at.column, "{at:?}");
        (item["rev"].as_i64().unwrap(), fields.keys().cloned().collect())
    }

    async fn view(&self) -> model::board::WorkItem {
        self.client.read(&[self.id]).await.unwrap().remove(0).view(&self.shape)
    }

    async fn try_move(&mut self, at: &Standing, goal: &Goal, assigned: Assigned) {
        let what =
            format!("{} {} {at:?} -> {goal:?} {assigned:?}", self.layout.name, self.work_item_type.name);
        let (revision, filled) = self.put(at, assigned);
        let kind = self.work_item_type.name.clone();
        let column = goal.column.as_deref().map(|name| self.row.3.iter().find(|c| c.0 == name).unwrap());
        let state = match (&goal.state, column) {
            (Some(state), _) => state.clone(),
            (None, Some(column)) => stands_for(column, &kind).to_owned(),
            (None, None) => unreachable!("every goal has one"),
        };
        let named = assigned == Assigned::WithTheMove;
        let goal = Goal { assignee: named.then(|| ADA.to_owned()), ..goal.clone() };

        // What must come out, by the published definitions and our columns.
        let is_there = at.state == state
            && goal.column.as_deref().is_none_or(|column| at.column == Some(column))
            && goal.column_done != Some(true)
            && goal.lane.is_none()
            && !named;
        // Nobody may stand like this: only who writes past the rules leaves a card in a state without what it requires.
        let is_broken = self.published.checked(&at.state, filled.clone()).is_err();
        let expected = if is_there {
            Ok(0)
        } else if at.state == state {
            let mut filled = filled;
            if named {
                filled.insert(ASSIGNED.into());
            }
            self.published.checked(&state, filled).map(|_| 1)
        } else {
            self.published.reach(&at.state, &state, &filled, named)
        };

        // What the client does.
        let before = self.view().await;
        let steps = match way(&self.work_item_type, Some(&self.layout), &Position::of(&before), &goal) {
            Ok(steps) => steps,
            Err(why) => {
                assert_eq!(expected, Err(BTreeSet::new()), "{what}: {why}");
                assert!(matches!(why, NoWay::NoPath { .. }), "{what}: {why:?}");
                let words = why.to_string();
                assert!(words.contains(&format!("from '{}' to '{state}'", at.state)), "{what}: {words}");
                assert!(words.contains("the process lets only"), "{what}: {words}");
                *self.counts.entry("refused before the first step").or_default() += 1;
                return;
            }
        };
        let changes: Vec<Change> = steps.into_iter().map(|(change, _)| change).collect();
        let mut walk = self.client.walk(self.id, revision, &self.shape, &changes, self.world.soon());
        let (mut taken, mut failure, mut visited) = (0, None, Vec::new());
        while !walk.is_over() {
            failure = walk.step().await.err();
            taken += 1;
            visited.extend(walk.item().map(|item| item.view(&self.shape).state));
        }
        match (expected, failure) {
            (Ok(length), None) => {
                // Coming back from a state without a column may take one more step, by column.
                let spare = usize::from(at.column.is_none() && goal.column.is_some());
                assert!(taken == length || taken == length + spare, "{what}: {taken} steps, not {length}");
                for passed in visited.iter().take(visited.len().saturating_sub(1 + spare)) {
                    assert!(self.published.is_passage(passed), "{what}: passed through {passed}");
                }
                let after = self.view().await;
                assert_eq!(after.state, state, "{what}");
                match column {
                    Some(column) => assert_eq!(after.column.as_deref(), Some(column.0), "{what}"),
                    None => {
                        let fits: Vec<&str> = self.columns_of(&state).map(|c| c.0).collect();
                        let stands = after.column.as_deref();
                        assert!(
                            stands.map_or(fits.is_empty(), |name| fits.contains(&name)),
                            "{what}: {stands:?}"
                        );
                    }
                }
                if let Some(half) = goal.column_done {
                    assert_eq!(after.column_done, Some(half), "{what}");
                }
                assert_eq!(after.lane, goal.lane.filter(|_| column.is_some()), "{what}");
                if named {
                    assert!(after.assignee.is_some() || taken > 1, "{what}");
                }
                *self.counts.entry("moved").or_default() += 1;
            }
            (Err(missing), Some(error)) => {
                let Error::Rejected { why: Rejection::RuleViolated, fields, operation, .. } = &error else {
                    panic!("{what}: {error:?}");
                };
                assert!(
                    !missing.is_empty(),
                    "{what}: no transitions lead there, and still it was tried: {error}"
                );
                for field in fields {
                    assert_eq!(field.fault(), FieldFault::Required, "{what}: {error}");
                    assert!(missing.contains(&field.field), "{what}: {error}");
                    let words = format!("{} must not be empty", field.field);
                    assert!(error.message().contains(&words), "{what}: {error}");
                }
                assert!(
                    !fields.is_empty() && operation.contains(&format!("work item {}", self.id)),
                    "{error}"
                );
                *self.counts.entry("refused by a rule").or_default() += 1;
            }
            // The client takes the shortest way and names the rule that bars it. It seeks no way around: that would tell
            // people another story (CMMI: `Rejected` in place of `Fixed` and `Verified`).
            (Ok(_), Some(Error::Rejected { why: Rejection::RuleViolated, fields, .. })) if is_broken => {
                assert!(fields.iter().all(|field| field.field == ASSIGNED), "{what}: {fields:?}");
                *self.counts.entry("left past the rules").or_default() += 1;
            }
            (expected, failure) => panic!("{what}: expected {expected:?}, got {failure:?}"),
        }
    }
}

/// Makes the board what the row says, as a team administrator would.
fn customise(world: &InProcess, project: &str, row: &BoardRow, types: &[String]) {
    let path = format!("{project}/{project}%20Team/_apis/work/boards/{}", row.0.replace(' ', "%20"));
    let columns: Vec<Value> = row
        .3
        .iter()
        .map(|column| {
            let mappings: BTreeMap<&String, &str> =
                types.iter().map(|kind| (kind, stands_for(column, kind))).collect();
            json!({"name": column.0, "isSplit": column.1, "stateMappings": mappings})
        })
        .collect();
    world.ask("PUT", &format!("{path}/columns"), &json!(columns));
    world.ask("PUT", &format!("{path}/rows"), &json!([{"name": LANE}]));
}

#[tokio::test]
async fn from_everywhere_to_everywhere_a_card_ends_where_it_was_told_or_the_rule_is_named() {
    if !Path::new(FIXTURES).exists() {
        println!("skipped: {FIXTURES} is not there");
        return;
    }
    let processes: [(&str, ProcessKind, &[BoardRow]); 4] = [
        ("agile", ProcessKind::Agile, &AGILE),
        ("scrum", ProcessKind::Scrum, &SCRUM),
        ("cmmi", ProcessKind::Cmmi, &CMMI),
        ("basic", ProcessKind::Basic, &BASIC),
    ];
    for (project, kind, boards) in processes {
        let file = std::fs::read_to_string(format!("{FIXTURES}/{project}.json")).unwrap();
        let published: Value = serde_json::from_str(&file).unwrap();
        let mut seed = Seed::demo();
        seed.organizations[0].projects = vec![ProjectSeed::new(project, kind)];
        let world = InProcess::new(&seed);
        let client = world.client("contoso", Credential::PersonalAccessToken(DEMO_PAT.into()));
        let mut counts: BTreeMap<(Assigned, &str), usize> = BTreeMap::new();
        let mut tried = Vec::new();
        for row in boards {
            let of_category =
                |kind: &&Value, category: &str| list(&kind["categories"]).any(|c| c == category);
            let types: Vec<&Value> = list(&published["types"])
                .filter(|kind| of_category(kind, row.1) || (row.2 && of_category(kind, BUGS)))
                .collect();
            let names: Vec<String> = types.iter().map(|kind| text(&kind["name"]).to_owned()).collect();
            customise(&world, project, row, &names);
            // Time stands still here: the board of a moment ago would still be believed.
            client.forget_definitions();
            let team = format!("{project} Team");
            let layouts = client.boards(project, &team).await.unwrap();
            let layout = layouts.into_iter().find(|layout| layout.name == row.0).unwrap();
            let known = client.work_item_types(project).await.unwrap();
            for (kind, name) in types.into_iter().zip(&names) {
                let created = world.ask(
                    "POST",
                    &format!("{project}/_apis/wit/workitems/${}", name.replace(' ', "%20")),
                    &json!([{"op": "add", "path": "/fields/System.Title", "value": "A card"}]),
                );
                let mut board = Board {
                    world: &world,
                    client: &client,
                    row,
                    layout: layout.clone(),
                    shape: client.item_shape(project, &team, Some(row.0), name).await.unwrap(),
                    work_item_type: known.iter().find(|known| known.name == *name).unwrap().clone(),
                    published: Published(kind),
                    id: WorkItemId(created["id"].as_i64().unwrap()),
                    counts: BTreeMap::new(),
                };
                for assigned in [Assigned::Nobody, Assigned::Ada, Assigned::WithTheMove] {
                    for at in board.standings() {
                        for goal in board.goals() {
                            board.try_move(&at, &goal, assigned).await;
                        }
                    }
                    for (what, count) in std::mem::take(&mut board.counts) {
                        *counts.entry((assigned, what)).or_default() += count;
                    }
                }
                tried.push(format!("{} on {}", name, row.0));
            }
        }
        println!("{project}: {}", tried.join(", "));
        for (assigned, words) in [
            (Assigned::Nobody, "nobody assigned"),
            (Assigned::Ada, "somebody assigned"),
            (Assigned::WithTheMove, "somebody named with the move"),
        ] {
            let of = |what: &str| counts.get(&(assigned, what)).copied().unwrap_or_default();
            let (moved, rule, way) =
                (of("moved"), of("refused by a rule"), of("refused before the first step"));
            let left = of("left past the rules");
            println!(
                "  {words}: {moved} moved, {rule} refused by a rule, {way} without a way, {left} not led around a rule"
            );
            assert!(moved > 0);
            assert_eq!(rule > 0, project == "cmmi" && assigned == Assigned::Nobody, "{project} {words}");
        }
    }
}
