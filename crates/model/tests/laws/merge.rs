//! The merge: two writers, one work item, and nobody's words are lost.

use model::map::{StatusEntry, StatusMap, Target};
use model::merge::{Base, Desired, Outcome, merge};
use model::process::{StateCategory, WorkItemType};
use model::{Status, block};
use proptest::prelude::*;

use crate::board::{Board, Habits};
use crate::in_step::{Fate, InStep, TOKEN};
use crate::processes;

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Person(Edit),
    Wish(Wish),
    Turn,
    /// The process dies after so many steps of a write.
    Cut(usize),
}

#[derive(Clone, Debug)]
enum Edit {
    OwnTitle(u8),
    TitleAsWished,
    Priority(i64),
    Severity(bool),
    DueDate(Option<i64>),
    AddTag(usize),
    RemoveTag(usize),
    Drag(usize),
    DragToColumn(usize),
    WriteBefore(usize),
    WriteBehind(usize),
    ChangeOurText(u8),
    RemoveOurMark,
}

#[derive(Clone, Debug)]
enum Wish {
    Status(Status, bool),
    Title(usize),
    Priority(Option<i64>),
    Severity(bool),
    DueDate(Option<i64>),
    Block(usize),
    Tags(Vec<usize>),
}

const TITLES: [&str; 4] = ["SQL injection in login", "SQL injection", " padded title ", "Title · 3"];
const TAGS: [&str; 4] = ["lockstep", "Security", "team-blue", "urgent"];
const TEXTS: [&str; 6] = [
    "<p>Please look at this.</p>",
    "plain words without a paragraph ",
    "<div>More <b>words</b></div>",
    "<p>Lockstep keeps the text from here to the end mark up to date (LS-OTHERXYZ).</p>quoted<p>End of the text kept by Lockstep (LS-OTHERXYZ).</p>",
    "<ul><li>steps</li></ul><pre>code</pre>",
    "ünïcödé <p>✓",
];
const BLOCKS: [&str; 5] = [
    "<p>one place</p>",
    "<p>two places · a &amp; b</p><ul><li>src/a.js:1</li></ul>",
    "<p>un<i>believ</i>able &#39;quoted&#39;</p>",
    "<p>says: End of the text kept by Lockstep (LS-OTHERXYZ). And goes on.</p>",
    "<p>the finding quotes Lockstep keeps the text from here to the end mark up to date</p>",
];

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL[1..].to_vec())
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => any::<u8>().prop_map(Edit::OwnTitle),
        1 => Just(Edit::TitleAsWished),
        2 => (1..=4_i64).prop_map(Edit::Priority),
        1 => any::<bool>().prop_map(Edit::Severity),
        1 => prop::option::weighted(0.7, 0..3_i64).prop_map(Edit::DueDate),
        3 => (0..TAGS.len()).prop_map(Edit::AddTag),
        3 => (0..8_usize).prop_map(Edit::RemoveTag),
        4 => (0..8_usize).prop_map(Edit::Drag),
        2 => (0..8_usize).prop_map(Edit::DragToColumn),
        2 => (0..TEXTS.len()).prop_map(Edit::WriteBefore),
        2 => (0..TEXTS.len()).prop_map(Edit::WriteBehind),
        1 => any::<u8>().prop_map(Edit::ChangeOurText),
        1 => Just(Edit::RemoveOurMark),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        4 => (status(), any::<bool>()).prop_map(|(status, proved)| Wish::Status(status, proved)),
        2 => (0..TITLES.len()).prop_map(Wish::Title),
        1 => prop::option::weighted(0.8, 1..=4_i64).prop_map(Wish::Priority),
        1 => any::<bool>().prop_map(Wish::Severity),
        1 => prop::option::weighted(0.7, 0..3_i64).prop_map(Wish::DueDate),
        2 => (0..BLOCKS.len()).prop_map(Wish::Block),
        3 => prop::collection::btree_set(0..TAGS.len(), 0..4)
            .prop_map(|tags| Wish::Tags(tags.into_iter().collect())),
    ]
}

fn history(with_cuts: bool) -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        5 => edit().prop_map(Event::Person),
        4 => wish().prop_map(Event::Wish),
        5 => Just(Event::Turn),
        3 => (0..4_usize).prop_map(move |steps| if with_cuts { Event::Cut(steps) } else { Event::Turn }),
    ];
    prop::collection::vec(event, 1..40)
}

fn habits() -> impl Strategy<Value = Habits> {
    any::<[bool; 5]>().prop_map(|[italics, divisions, attributes, tags, late]| Habits {
        loses_italics: italics,
        loses_divisions: divisions,
        adds_attributes: attributes,
        reorders_tags: tags,
        board_comes_late: late,
    })
}

#[derive(Clone, Debug)]
pub(crate) struct Setting {
    process: WorkItemType,
    with_board: bool,
    /// Waiting is said with a column of its own.
    by_column: bool,
    habits: Habits,
    lane: bool,
}

fn setting() -> impl Strategy<Value = Setting> {
    (prop::sample::select(processes::all()), any::<[bool; 3]>(), habits()).prop_map(
        |(process, [with_board, by_column, lane], habits)| Setting {
            process,
            with_board,
            by_column: by_column && with_board,
            habits,
            lane: lane && with_board,
        },
    )
}

pub(crate) fn desired(status: Status) -> Desired {
    Desired {
        status,
        title: TITLES[0].into(),
        priority: Some(2),
        severity: Some("2 - High".into()),
        due_date: None,
        block: BLOCKS[0].into(),
        tags: vec![TAGS[0].into()],
        lane: None,
        evidence: Some("<p>Because.</p>".into()),
        proved_by_scan: false,
        problem: None,
        places: Default::default(),
    }
}

pub(crate) fn begin(setting: &Setting) -> InStep {
    let layout = setting.with_board.then(|| processes::board_of(&setting.process));
    let mut map = StatusMap::suggest(&setting.process);
    if setting.by_column {
        let target = Target::column("Review");
        map.0.insert(Status::Waiting, StatusEntry::to(target));
    }
    assert_eq!(map.problems(&setting.process, layout.as_ref()), []);
    let mut desired = desired(Status::Identified);
    desired.lane = setting.lane.then(|| "Security".to_owned());
    let board = Board::create(setting.process.clone(), layout, setting.habits, &desired, TOKEN);
    InStep::new(board, map, desired)
}

fn edit_by_person(sync: &mut InStep, edit: &Edit, count: usize) {
    let wished_title = sync.desired.title.trim().to_owned();
    let in_flight = sync.intent.is_some();
    let mut perhaps_ours = Vec::new();
    if let Some(intent) = &sync.intent {
        perhaps_ours.extend(sync.base.tags.iter().chain(&intent.wanted.tags).cloned());
    }
    let mut written = None;
    sync.person(|board| {
        let item = &mut board.item;
        match edit {
            Edit::OwnTitle(n) => item.title = format!("A person's title {count} {n}"),
            Edit::TitleAsWished => item.title = wished_title,
            // Whether a value was put back by hand or never written cannot be told apart while a write is in doubt.
            Edit::Priority(_) | Edit::Severity(_) | Edit::DueDate(_) | Edit::RemoveTag(_) if in_flight => {}
            Edit::DueDate(day) => item.due_date = day.map(date),
            Edit::Priority(priority) => item.priority = Some(*priority),
            Edit::Severity(critical) => {
                item.severity = Some(if *critical { "1 - Critical" } else { "4 - Low" }.into());
            }
            Edit::AddTag(tag) if perhaps_ours.iter().any(|ours: &String| ours == TAGS[*tag]) => {}
            Edit::AddTag(tag) => {
                let tag = TAGS[*tag].to_uppercase();
                if !item.tags.iter().any(|other| other.eq_ignore_ascii_case(&tag)) {
                    item.tags.push(tag);
                }
            }
            Edit::RemoveTag(tag) => {
                if !item.tags.is_empty() {
                    item.tags.remove(tag % item.tags.len());
                }
            }
            Edit::Drag(way) => {
                let ways = board.ways();
                if !ways.is_empty() {
                    let state = ways[way % ways.len()].clone();
                    let change = model::board::Change { state: Some(state), ..Default::default() };
                    board.apply(&change);
                }
            }
            Edit::DragToColumn(column) => {
                let ways = board.ways();
                let Some(layout) = board.layout.clone().filter(|_| board.item.column.is_some()) else {
                    return;
                };
                let column = &layout.columns[column % layout.columns.len()];
                let state = &column.states[&board.process.name];
                if *state == board.item.state || ways.contains(state) {
                    board.item.state = state.clone();
                    board.item.column = Some(column.name.clone());
                }
            }
            Edit::WriteBefore(text) => written = Some((true, board.sanitised(TEXTS[*text]))),
            Edit::WriteBehind(text) => written = Some((false, board.sanitised(TEXTS[*text]))),
            Edit::ChangeOurText(n) => {
                let text = item.description.clone().unwrap_or_default();
                item.description = Some(text.replacen("place", &format!("place (seen by {n})"), 1));
            }
            Edit::RemoveOurMark => {
                let text = item.description.clone().unwrap_or_default();
                let mark = format!("Lockstep keeps the text from here to the end mark up to date ({TOKEN})");
                item.description = Some(text.replacen(&mark, "It was here", 1));
            }
        }
    });
    if let Some((before, text)) = written {
        let around = &mut sync.book.around;
        if before {
            around.0 = format!("{text}{}", around.0);
        } else {
            around.1 = format!("{}{text}", around.1);
        }
        sync.person(|board| {
            let old = board.item.description.clone().unwrap_or_default();
            board.item.description =
                Some(if before { format!("{text}{old}") } else { format!("{old}{text}") });
        });
    }
}

fn date(day: i64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH + chrono::Duration::days(day)
}

fn make_wish(sync: &mut InStep, wish: &Wish) {
    let desired = &mut sync.desired;
    match wish {
        Wish::Status(status, proved) => {
            desired.status = *status;
            desired.proved_by_scan = *proved;
        }
        Wish::Title(title) => desired.title = TITLES[*title].into(),
        Wish::Priority(priority) => desired.priority = *priority,
        Wish::Severity(critical) => {
            desired.severity = Some(if *critical { "1 - Critical" } else { "3 - Medium" }.into());
        }
        Wish::DueDate(day) => desired.due_date = day.map(date),
        Wish::Block(block) => desired.block = BLOCKS[*block].into(),
        Wish::Tags(tags) => desired.tags = tags.iter().map(|tag| TAGS[*tag].to_owned()).collect(),
    }
}

fn live(sync: &mut InStep, history: &[Event]) -> Outcome {
    for (count, event) in history.iter().enumerate() {
        match event {
            Event::Person(edit) => edit_by_person(sync, edit, count),
            Event::Wish(wish) => make_wish(sync, wish),
            Event::Turn => {
                sync.turn(Fate::Done);
                sync.board.settle();
            }
            Event::Cut(steps) => {
                sync.turn(Fate::Cut(*steps));
                sync.board.settle();
            }
        }
    }
    sync.come_to_rest()
}

/// Everything that nobody touched says what is wanted.
fn assert_in_step(sync: &InStep, outcome: &Outcome) {
    let (item, desired) = (&sync.board.item, &sync.desired);
    let is_told =
        |field: &str| sync.coincided && outcome.conflicts.iter().any(|conflict| conflict.field == field);
    if sync.book.title.is_none() && !is_told("Title") {
        assert_eq!(item.title, desired.title.trim(), "the title never arrived");
    }
    if sync.book.priority.is_none() && desired.priority.is_some() && !is_told("Priority") {
        assert_eq!(item.priority, desired.priority, "the priority never arrived");
    }
    if sync.book.severity.is_none() && !is_told("Severity") {
        assert_eq!(item.severity, desired.severity, "the severity never arrived");
    }
    if sync.book.due_date.is_none() && !is_told("Due date") {
        assert_eq!(item.due_date, desired.due_date, "the due date never arrived");
    }
    if sync.book.block.is_none() {
        let wished = block::normalised(&block::wrap(TOKEN, &desired.block));
        assert_eq!(sync.words_of_block(), Some(wished), "the block never arrived");
    }
    for tag in desired.tags.iter().filter(|tag| !sync.book.removed_tags.contains(&tag.to_lowercase())) {
        assert!(item.tags.iter().any(|other| other.eq_ignore_ascii_case(tag)), "the tag {tag} never arrived");
    }
    let position = model::map::Position::of(item);
    let said = sync.map.target(desired.status).is_none()
        || sync.map.accepts(desired.status, &position, &sync.board.process);
    assert!(
        said || outcome.unreachable.is_some()
            || outcome.conflicts.iter().any(|conflict| conflict.field == "State"),
        "the card stands in {} for {:?}, and nobody is told",
        item.state,
        desired.status
    );
}

fn quick() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases / 3, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn whatever_people_and_lockstep_do_both_sides_come_to_rest_in_step(
        setting in setting(),
        history in history(false),
    ) {
        let mut sync = begin(&setting);
        let outcome = live(&mut sync, &history);
        assert_in_step(&sync, &outcome);
    }

    #[test]
    fn a_write_that_was_cut_anywhere_is_never_read_as_a_move_and_the_loop_goes_on(
        setting in setting(),
        history in history(true),
    ) {
        let mut sync = begin(&setting);
        let outcome = live(&mut sync, &history);
        assert_in_step(&sync, &outcome);
    }

    #[test]
    fn a_tag_of_ours_that_is_no_longer_wanted_goes_and_nobody_elses_does(
        setting in setting(),
        history in history(false),
    ) {
        let mut sync = begin(&setting);
        live(&mut sync, &history);
        sync.desired.tags.clear();
        sync.come_to_rest();
        let mut left: Vec<String> = sync.board.item.tags.iter().map(|tag| tag.to_lowercase()).collect();
        left.sort();
        let mut added = sync.book.added_tags.clone();
        added.sort();
        prop_assert_eq!(left, added);
    }

    #[test]
    fn while_nothing_new_is_wanted_nothing_is_written_whatever_people_do(
        setting in setting(),
        edits in prop::collection::vec(edit(), 1..15),
    ) {
        let mut sync = begin(&setting);
        sync.come_to_rest();
        for (count, edit) in edits.iter().enumerate() {
            edit_by_person(&mut sync, edit, count);
            let outcome = sync.turn(Fate::Done);
            prop_assert_eq!(&outcome.writes, &vec![], "{:?}", edit);
        }
    }

    #[test]
    fn scan_evidence_beats_a_move_of_the_card_and_says_why(
        setting in setting(),
        status in prop::sample::select(vec![Status::Fixed, Status::Identified]),
        moves in prop::collection::vec(0..8_usize, 0..4),
    ) {
        let mut sync = begin(&setting);
        sync.come_to_rest();
        let other = if status == Status::Fixed { Status::Identified } else { Status::AwaitingValidation };
        sync.desired.status = other;
        sync.come_to_rest();
        for way in moves {
            edit_by_person(&mut sync, &Edit::Drag(way), 0);
        }
        sync.desired.status = status;
        sync.desired.proved_by_scan = true;
        let outcome = sync.turn(Fate::Done);
        prop_assert_eq!(outcome.follow, None);
        prop_assert_eq!(sync.desired.status, status);
        if let Some(change) = outcome.writes.last().filter(|change| change.state.is_some() || change.column.is_some()) {
            let evidence = sync.desired.evidence.clone().unwrap_or_default();
            prop_assert!(change.comment.as_ref().is_some_and(|comment| comment.starts_with(&evidence)));
        }
        let position = model::map::Position::of(&sync.board.item);
        let said = sync.map.accepts(status, &position, &sync.board.process);
        let nowhere = sync.map.target(status).is_none();
        prop_assert!(said || nowhere || outcome.unreachable.is_some(), "{:?}", position);
    }

    #[test]
    fn a_new_value_reaches_the_other_side_the_same_way_whoever_made_it(
        setting in setting(),
        title in 1..TITLES.len(),
        priority in 1..=4_i64,
    ) {
        let title = TITLES[title].trim();
        let (mut ours, mut theirs) = (begin(&setting), begin(&setting));
        ours.come_to_rest();
        theirs.come_to_rest();
        ours.desired.title = title.to_owned();
        ours.desired.priority = Some(priority);
        ours.come_to_rest();
        theirs.person(|board| {
            board.item.title = title.to_owned();
            board.item.priority = Some(priority);
        });
        let outcome = theirs.come_to_rest();
        prop_assert!(outcome.conflicts.is_empty(), "one side moved: {:?}", outcome.conflicts);
        prop_assert_eq!(&ours.board.item.title, &theirs.board.item.title);
        prop_assert_eq!(ours.board.item.priority, theirs.board.item.priority);

        // Both move to the same: nothing is written, nothing is shown, whoever was first.
        theirs.desired.title = title.to_owned();
        theirs.desired.priority = Some(priority);
        let outcome = theirs.turn(Fate::Done);
        prop_assert_eq!(outcome.writes, vec![]);
        prop_assert_eq!(outcome.conflicts, vec![]);
    }
}

pub(crate) fn agile_with_board() -> Setting {
    Setting {
        process: processes::agile_bug(),
        with_board: true,
        by_column: true,
        habits: Habits::default(),
        lane: false,
    }
}

#[test]
fn a_card_that_is_nowhere_to_be_put_is_put_there_once_the_workflow_allows_it() {
    let mut sync = begin(&Setting {
        process: processes::cmmi_bug(),
        with_board: false,
        by_column: false,
        ..agile_with_board()
    });
    sync.come_to_rest();
    let ways = sync.board.process.transitions.insert("Proposed".into(), vec!["Closed".into()]);
    sync.desired.status = Status::AwaitingValidation;
    sync.desired.title = "Another title".into();
    let outcome = sync.come_to_rest();
    assert!(outcome.unreachable.is_some(), "it is still said that the card cannot be moved");
    sync.board.process.transitions.insert("Proposed".into(), ways.unwrap());
    sync.come_to_rest();
    assert_eq!(sync.board.category(), Some(StateCategory::Resolved));
}

#[test]
fn a_board_that_takes_the_card_up_late_still_gets_it_into_its_lane_and_column() {
    let late = Habits { board_comes_late: true, ..Habits::default() };
    let mut sync = begin(&Setting { habits: late, lane: true, ..agile_with_board() });
    sync.desired.status = Status::Waiting;
    sync.turn(Fate::Done);
    sync.turn(Fate::Done);
    assert_eq!((sync.board.item.state.as_str(), sync.board.item.column.as_deref()), ("Active", None));
    sync.come_to_rest();
    assert_eq!(sync.board.item.lane.as_deref(), Some("Security"));
    assert_eq!(sync.board.item.column.as_deref(), Some("Review"));
}

#[test]
fn a_lane_that_was_announced_and_not_written_is_written_the_next_time() {
    let mut sync = begin(&Setting { lane: true, ..agile_with_board() });
    sync.turn(Fate::Cut(0));
    sync.come_to_rest();
    assert_eq!(sync.board.item.lane.as_deref(), Some("Security"));
    sync.person(|board| board.item.lane = None);
    sync.come_to_rest();
    assert_eq!(sync.board.item.lane, None, "the lane is people's from then on");
}

#[test]
fn a_move_that_evidence_was_about_to_override_is_followed_when_the_evidence_is_gone() {
    let mut sync = begin(&agile_with_board());
    sync.come_to_rest();
    sync.person(|board| {
        board.apply(&model::board::Change { state: Some("Active".into()), ..Default::default() });
    });
    sync.desired.status = Status::Fixed;
    sync.desired.proved_by_scan = true;
    sync.turn(Fate::Cut(0));
    sync.desired.status = Status::Identified;
    sync.desired.proved_by_scan = false;
    sync.come_to_rest();
    assert_eq!(sync.desired.status, Status::InProgress, "the person's move is not forgotten");
    assert_eq!(sync.board.item.state, "Active");
}

#[test]
fn a_path_that_was_cut_in_the_middle_leaves_the_other_fields_to_be_written() {
    let setting =
        Setting { process: processes::cmmi_bug(), with_board: false, by_column: false, ..agile_with_board() };
    let mut sync = begin(&setting);
    sync.come_to_rest();
    sync.desired.status = Status::AwaitingValidation;
    sync.desired.title = "Another title".into();
    sync.turn(Fate::Cut(1));
    assert_eq!(sync.board.item.state, "Active");
    sync.come_to_rest();
    assert_eq!(
        (sync.board.item.state.as_str(), sync.board.item.title.as_str()),
        ("Resolved", "Another title")
    );
}

#[test]
fn a_tag_that_we_took_away_in_a_write_without_an_answer_comes_back_when_it_is_wanted_again() {
    let mut sync = begin(&agile_with_board());
    sync.desired.tags.clear();
    sync.turn(Fate::Cut(1));
    sync.desired.tags = vec!["lockstep".into()];
    sync.person(|board| board.item.tags.push("Security".into()));
    sync.come_to_rest();
    assert_eq!(sync.board.item.tags, ["Security", "lockstep"]);
}

#[test]
fn a_column_that_was_only_renamed_in_case_is_no_move() {
    let mut sync = begin(&agile_with_board());
    sync.desired.status = Status::RiskAccepted;
    sync.come_to_rest();
    sync.person(|board| {
        board.item.state = "Active".into();
        board.item.column = Some("Review".into());
    });
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    assert!(outcome.follow.is_some());
    // A card reopens nothing that is closed: the finding stays as it is.
    let base = Base { status: Some(Status::RiskAccepted), ..outcome.base };
    sync.board.item.column = Some("REVIEW".into());
    let outcome = merge(&base, &sync.desired, &sync.board.item, sync.rules());
    assert_eq!((outcome.follow, outcome.writes.len(), outcome.conflicts.len()), (None, 0, 1));
}

#[test]
fn what_a_person_set_stays_theirs_though_we_came_to_wish_the_same_for_a_while() {
    let mut sync = begin(&agile_with_board());
    sync.come_to_rest();
    sync.person(|board| board.item.priority = Some(3));
    sync.come_to_rest();
    for wish in [3, 1] {
        sync.desired.priority = Some(wish);
        sync.come_to_rest();
        assert_eq!(sync.board.item.priority, Some(3));
    }
    sync.desired.priority = Some(2);
    sync.come_to_rest();
    sync.person(|board| board.item.priority = Some(2));
    sync.come_to_rest();
    assert_eq!(sync.board.item.priority, Some(2));
}
