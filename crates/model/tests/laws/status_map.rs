//! The status map: what is said on a board is read back as it was meant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use model::Status;
use model::map::{MapRow, Meaning, Position, StatusEntry, StatusMap, Target};
use model::process::{BoardLayout, State, StateCategory, WorkItemType};
use proptest::prelude::*;

use crate::board::{Board, Habits};
use crate::in_step::{Fate, InStep, TOKEN};
use crate::merge::desired;
use crate::processes;

fn begin(of: &WorkItemType, layout: Option<BoardLayout>, map: StatusMap) -> InStep {
    let desired = desired(Status::Identified);
    let board = Board::create(of.clone(), layout, Habits::default(), &desired, TOKEN);
    InStep::new(board, map, desired)
}

/// The card is put where the status is said, stays there, and is never read as moved (the harness asserts that).
fn place(sync: &mut InStep, status: Status) {
    sync.desired.status = status;
    let outcome = sync.come_to_rest();
    assert_eq!(sync.desired.status, status, "a card that nobody moved was followed");
    let Some(target) = sync.map.target(status).cloned() else { return };
    let position = Position::of(&sync.board.item);
    let accepted = sync.map.accepts(status, &position, &sync.board.process);
    match &outcome.unreachable {
        None => {
            assert!(accepted, "{status:?} is said with {target:?}, but {position:?} is not accepted for it")
        }
        Some(why) => {
            let goal = target.state.or(target.column).unwrap_or_default();
            assert!(why.contains(&goal), "'{why}' does not name '{goal}'");
            assert!(why.contains(&position.state), "'{why}' does not name '{}'", position.state);
        }
    }
}

#[test]
fn a_suggested_map_is_sound_for_every_system_process() {
    for of in processes::all() {
        let map = StatusMap::suggest(&of);
        assert_eq!(map.problems(&of, None), [], "{} without a board", of.name);
        assert_eq!(map.problems(&of, Some(&processes::board_of(&of))), [], "{} with a board", of.name);
        for state in &of.states {
            let position = Position { state: state.name.clone(), ..Position::default() };
            let meaning = map.meaning(&position, &of);
            match state.category {
                StateCategory::Completed => assert_eq!(meaning, Meaning::Claimed, "{}", state.name),
                StateCategory::Removed => assert_eq!(meaning, Meaning::Nothing, "{}", state.name),
                _ => assert_ne!(meaning, Meaning::Nothing, "{}", state.name),
            }
        }
    }
}

#[test]
fn a_card_goes_from_every_status_to_every_other_and_stays_there() {
    for of in processes::all() {
        let board = processes::board_of(&of);
        for from in &Status::ALL[1..] {
            for to in &Status::ALL[1..] {
                let mut sync = begin(&of, Some(board.clone()), StatusMap::suggest(&of));
                place(&mut sync, *from);
                place(&mut sync, *to);
            }
        }
    }
}

fn target() -> impl Strategy<Value = (Option<usize>, Option<usize>)> {
    prop_oneof![
        3 => (0..6_usize).prop_map(|state| (Some(state), None)),
        3 => (0..6_usize).prop_map(|column| (None, Some(column))),
        2 => (0..6_usize).prop_map(|column| (Some(99), Some(column))),
    ]
}

/// A map that names states and columns of this type at random, and is sound.
fn sound_map() -> impl Strategy<Value = (WorkItemType, BoardLayout, StatusMap)> {
    let entry = (target(), prop::collection::vec(target(), 0..2));
    let rows = prop::collection::btree_map(prop::sample::select(Status::ALL[1..].to_vec()), entry, 1..9);
    (prop::sample::select(processes::all()), rows, target()).prop_map(|(of, rows, identified)| {
        let board = processes::board_of(&of);
        let target = |(state, column): (Option<usize>, Option<usize>)| {
            let column = column.map(|column| &board.columns[column % board.columns.len()]);
            let state = match state {
                // A column together with the state that it stands for.
                Some(99) => column.map(|column| column.states[&of.name].clone()),
                state => state.map(|state| of.states[state % of.states.len()].name.clone()),
            };
            Target { state, column: column.map(|column| column.name.clone()), ..Target::default() }
        };
        let mut map = BTreeMap::new();
        for (status, (first, accepted)) in rows {
            let accepted = accepted.into_iter().map(target).collect();
            map.insert(status, StatusEntry { accepted, ..StatusEntry::to(target(first)) });
        }
        map.entry(Status::Identified).or_insert_with(|| StatusEntry::to(target(identified)));
        let mut map = StatusMap(map);
        // What is wrong is left out, so that what remains is sound.
        loop {
            let problems = map.problems(&of, Some(&board));
            let Some(row) = problems.iter().find_map(|problem| problem.row.clone()) else { break };
            let MapRow::Status(status) = row else { break };
            map.0.remove(&status);
            if status == Status::Identified {
                map.0.insert(status, StatusMap::suggest(&of).0[&status].clone());
            }
        }
        (of.clone(), board.clone(), map)
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases / 2,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_a_sound_map_says_is_accepted_where_it_is_said(
        (of, board, map) in sound_map(),
        way in prop::collection::vec((prop::sample::select(Status::ALL[1..].to_vec()), 0..12_usize), 1..8),
    ) {
        prop_assume!(map.problems(&of, Some(&board)).is_empty());
        let mut sync = begin(&of, Some(board), map);
        for (status, drag) in way {
            // A card that asks for a decision stays where the person put it until the finding becomes something else.
            if status != sync.desired.status {
                place(&mut sync, status);
            }
            // Then a person drags the card, perhaps: it is followed once and left where it stands.
            let ways = sync.board.ways();
            if let Some(state) = ways.get(drag).cloned() {
                sync.person(|board| board.apply(&model::board::Change { state: Some(state), ..Default::default() }));
                let moved_to = sync.board.item.state.clone();
                sync.turn(Fate::Done);
                prop_assert_eq!(&sync.board.item.state, &moved_to);
                prop_assert!(sync.turn(Fate::Done).writes.is_empty());
            }
        }
    }
}

#[test]
fn what_is_wrong_with_a_map_is_said_with_the_row_and_how_to_mend_it() {
    use Status::{AwaitingValidation, Fixed, Identified, InProgress, Waiting};
    let documented = include_str!("../../../../docs/destinations.md");
    let of = processes::agile_bug();
    let board = processes::board_of(&of);
    let with = |rows: &[(Status, Target)]| {
        let entry = |target: &Target| StatusEntry::to(target.clone());
        StatusMap(rows.iter().map(|(status, target)| (*status, entry(target))).collect())
    };
    let both = |state: &str, column: &str| Target { state: Some(state.into()), ..Target::column(column) };
    let new = (Identified, Target::state("New"));
    let mut other_type = board.clone();
    other_type.columns[0].states = BTreeMap::from([("Task".to_owned(), "New".to_owned())]);
    let mut closed_first = of.clone();
    closed_first.transitions.insert("New".into(), vec!["Closed".into()]);

    let in_lane = |lane: &str| Target { lane: Some(lane.into()), ..Target::state("Active") };
    let half = |column: &str| Target { done: Some(true), ..Target::column(column) };
    let mut both_meant =
        with(&[new.clone(), (InProgress, Target::state("Active")), (Waiting, Target::state("active"))]);
    for status in [InProgress, Waiting] {
        both_meant.0.get_mut(&status).unwrap().is_meant = true;
    }
    let accepting = |place: Target| {
        let mut map =
            with(&[new.clone(), (InProgress, Target::state("Active")), (Fixed, Target::state("Closed"))]);
        map.0.get_mut(&InProgress).unwrap().accepted = vec![place];
        map
    };

    for (map, of, board, row, message, mend) in [
        (
            with(&[]),
            &of,
            None,
            Identified,
            "Identified has no state or column: new work items would have no place",
            "choose a state of Bug: New, Active, Resolved, Closed",
        ),
        (
            with(&[(Identified, Target::state("Closed"))]),
            &of,
            None,
            Identified,
            "Identified is said with 'Closed', which is a closed state: open findings would look done",
            "choose a state in which people still see the work item",
        ),
        (
            with(&[new.clone(), (InProgress, Target::state("Doing"))]),
            &of,
            None,
            InProgress,
            "Bug has no state 'Doing'",
            "choose one of: New, Active, Resolved, Closed",
        ),
        (
            with(&[new.clone(), (InProgress, Target::default())]),
            &of,
            None,
            InProgress,
            "In Progress names neither a state nor a column",
            "choose one, or leave the row out",
        ),
        (
            with(&[new.clone(), (InProgress, Target::column("Review"))]),
            &of,
            None,
            InProgress,
            "In Progress names the column 'Review', but the destination has no board",
            "choose a board for the destination, or name a state",
        ),
        (
            with(&[new.clone(), (InProgress, Target::column("Doing"))]),
            &of,
            Some(&board),
            InProgress,
            "the board Stories has no column 'Doing'",
            "choose one of: New, Active, Review, Resolved, Closed",
        ),
        (
            with(&[(Identified, Target::column("New"))]),
            &of,
            Some(&other_type),
            Identified,
            "the column 'New' does not show work items of type Bug",
            "choose another column, or another work item type",
        ),
        (
            with(&[new.clone(), (InProgress, both("Resolved", "Review"))]),
            &of,
            Some(&board),
            InProgress,
            "the column 'Review' stands for the state 'Active', not 'Resolved'",
            "use the state 'Active', or name only one of the two",
        ),
        (
            with(&[new.clone(), (InProgress, half("Active"))]),
            &of,
            Some(&board),
            InProgress,
            "the column 'Active' is not split into Doing and Done",
            "leave out the half, or split the column on the board",
        ),
        (
            with(&[new.clone(), (InProgress, Target { done: Some(true), ..Target::state("Active") })]),
            &of,
            Some(&board),
            InProgress,
            "half of a column is named, but no column",
            "name the column, or leave out the half",
        ),
        (
            with(&[new.clone(), (InProgress, in_lane("Expedite"))]),
            &of,
            None,
            InProgress,
            "In Progress names the lane 'Expedite', but the destination has no board",
            "choose a board for the destination, or leave out the lane",
        ),
        (
            with(&[new.clone(), (InProgress, in_lane("Later"))]),
            &of,
            Some(&board),
            InProgress,
            "the board Stories has no lane 'Later'",
            "choose one of: Security, or leave it out",
        ),
        (
            with(&[new.clone(), (AwaitingValidation, Target::state("Resolved"))]),
            &closed_first,
            None,
            AwaitingValidation,
            "'Resolved' cannot be reached from the initial state 'New' of Bug",
            "choose a state that the workflow can reach without passing through a closed one",
        ),
        (
            both_meant,
            &of,
            None,
            InProgress,
            "In Progress and Waiting both say that a move to 'Active' means them",
            "mark only one of the two",
        ),
        (
            accepting(Target::state("Closed")),
            &of,
            None,
            InProgress,
            "In Progress accepts 'Closed', which is where Fixed stands: nobody could tell what a card there means",
            "take it out of what In Progress accepts, or mark which of the two a move there means",
        ),
        (
            accepting(Target::state("Done")),
            &of,
            None,
            InProgress,
            "Bug has no state 'Done'",
            "choose one of: New, Active, Resolved, Closed",
        ),
        (
            accepting(Target::default()),
            &of,
            None,
            InProgress,
            "In Progress accepts a place without a state or a column",
            "name one, or leave it out",
        ),
    ] {
        let problems = map.problems(of, board);
        assert_eq!(problems.len(), 1, "{message}: {problems:?}");
        assert_eq!(problems[0].row, Some(MapRow::Status(row)));
        assert_eq!((problems[0].message.as_str(), problems[0].mend.as_str()), (message, mend));
        assert!(
            documented.contains(&format!("| {message} | {mend} |")),
            "docs/destinations.md lacks: | {message} | {mend} |"
        );
    }
}

#[test]
fn where_statuses_share_a_place_the_marked_one_is_meant_and_otherwise_the_most_cautious() {
    use Status::{Fixed, Identified, RiskAccepted};
    let of = processes::agile_bug();
    let entry = |state: &str| StatusEntry::to(Target::state(state));
    let rows = [(Identified, entry("New")), (RiskAccepted, entry("Closed")), (Fixed, entry("Closed"))];
    let mut map = StatusMap(rows.into_iter().collect());
    let closed = Position { state: "Closed".into(), ..Position::default() };
    assert_eq!(map.meaning(&closed, &of), Meaning::Claimed);
    map.0.get_mut(&RiskAccepted).unwrap().is_meant = true;
    assert_eq!(map.problems(&of, None), []);
    assert_eq!(map.meaning(&closed, &of), Meaning::AcceptanceRequested);
}

#[test]
fn the_halves_of_a_split_column_may_say_different_statuses() {
    use Status::{AwaitingValidation, Identified, InProgress};
    let of = processes::agile_bug();
    let mut board = processes::board_of(&of);
    board.columns.iter_mut().find(|column| column.name == "Review").unwrap().is_split = true;
    let half = |done| StatusEntry::to(Target { done: Some(done), ..Target::column("Review") });
    let rows = [
        (Identified, StatusEntry::to(Target::state("New"))),
        (InProgress, half(false)),
        (AwaitingValidation, half(true)),
    ];
    let map = StatusMap(rows.into_iter().collect());
    assert_eq!(map.problems(&of, Some(&board)), []);
    let at =
        |done| Position { state: "Active".into(), column: Some("Review".into()), column_done: Some(done) };
    assert_eq!(map.meaning(&at(false), &of), Meaning::InProgress);
    assert_eq!(map.meaning(&at(true), &of), Meaning::Claimed);
    assert!(!map.accepts(InProgress, &at(true), &of));
}

/// Every type of the four system processes as Microsoft defines them, where the definitions are at hand.
#[test]
fn a_suggested_map_is_sound_for_every_type_that_microsoft_ships() {
    let folder =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/process"));
    if !folder.exists() {
        println!("skipped: there are no process definitions beside the repository");
        return;
    }
    let mut seen = 0;
    for process in ["agile", "scrum", "cmmi", "basic"] {
        let text = std::fs::read_to_string(folder.join(format!("{process}.json"))).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        for of in document["types"].as_array().unwrap() {
            // Some types are on no backlog, and the definitions then name no categories.
            let Some(of) = read_type(of) else { continue };
            let map = StatusMap::suggest(&of);
            assert_eq!(map.problems(&of, None), [], "{process} {}", of.name);
            for status in &Status::ALL[1..] {
                let mut sync = begin(&of, None, map.clone());
                place(&mut sync, *status);
                place(&mut sync, Status::Identified);
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} types");
}

fn read_type(of: &serde_json::Value) -> Option<WorkItemType> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut transitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for way in of["transitions"].as_array().unwrap() {
        transitions.entry(text(&way["from"])).or_default().push(text(&way["to"]));
    }
    let states = of["states"].as_array().unwrap().iter().map(|state| {
        let category = serde_json::from_value::<StateCategory>(state["category"].clone()).ok()?;
        Some(State { name: text(&state["name"]), category })
    });
    Some(WorkItemType {
        name: text(&of["name"]),
        reference_name: text(&of["name"]),
        states: states.collect::<Option<_>>()?,
        initial_state: transitions.remove("").and_then(|to| to.into_iter().next()),
        transitions,
        fields: BTreeSet::new(),
    })
}
