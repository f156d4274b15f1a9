//! Whose value counts where both sides moved, and what a person decides about it.

use model::board::Change;
use model::merge::{
    Choice, Field, Moves, Outcome, Owner, Owners, Unresolvable, Verdict, decide, merge, resolve,
};
use model::{Status, block};
use proptest::prelude::*;

use crate::in_step::{Fate, InStep, TOKEN};
use crate::merge::{agile_with_board, begin};

fn owner() -> impl Strategy<Value = Owner> {
    prop::sample::select(vec![Owner::Ours, Owner::Theirs, Owner::Ask])
}

/// What both sides have of the priority when it was merged.
fn priority(base: i64, ours: i64, theirs: i64, owner: Owner) -> (i64, i64, bool) {
    let mut sync = begin(&agile_with_board());
    sync.desired.priority = Some(base);
    sync.come_to_rest();
    sync.owners = Owners { priority: owner, ..Owners::default() };
    sync.person(|board| board.item.priority = Some(theirs));
    sync.desired.priority = Some(ours);
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    let written = outcome.writes.last().and_then(|change| change.priority);
    let is_shown = outcome.conflicts.iter().any(|conflict| conflict.field == Field::Priority.label());
    // What people see as the value in force: ours unless it gives way to a value of theirs.
    let ours_moved = base != ours;
    let in_force = written.unwrap_or(theirs);
    let kept_here = if written.is_none() && !ours_moved { theirs } else { ours };
    (in_force, kept_here, is_shown)
}

proptest! {
    #[test]
    fn with_the_sides_swapped_the_decision_is_the_mirrored_one(
        ours in any::<bool>(), theirs in any::<bool>(), same in any::<bool>(), owner in owner(),
    ) {
        let said = decide(Moves { ours, theirs, same }, owner);
        let mirrored = decide(Moves { ours: theirs, theirs: ours, same }, owner.mirrored());
        let expected = match said {
            Verdict::Ours => Verdict::Theirs,
            Verdict::Theirs => Verdict::Ours,
            other => other,
        };
        prop_assert_eq!(mirrored, expected);
    }

    #[test]
    fn with_the_sides_swapped_a_field_ends_with_the_mirrored_values(
        base in 1..=3_i64, ours in 1..=3_i64, theirs in 1..=3_i64, owner in owner(),
    ) {
        let (stands, _, shown) = priority(base, ours, theirs, owner);
        let (mirrored, _, mirror_shown) = priority(base, theirs, ours, owner.mirrored());
        prop_assert_eq!(shown, mirror_shown, "a conflict is one from both sides");
        if !shown {
            prop_assert_eq!(stands, mirrored, "both ways end with the same value");
        }
    }
}

fn conflict(outcome: &Outcome, field: Field) -> bool {
    outcome.conflicts.iter().any(|conflict| conflict.field == field.label())
}

fn decided(sync: &mut InStep, field: Field, choice: Choice) {
    let (desired, item) = (sync.desired.clone(), sync.board.item.clone());
    resolve(&mut sync.base, field, choice, "Ada", &desired, &item).expect("ours can be written");
}

/// Both sides changed the title.
fn quarrel() -> InStep {
    let mut sync = begin(&agile_with_board());
    sync.come_to_rest();
    sync.person(|board| board.item.title = "Bob's title".into());
    sync.turn(Fate::Done);
    sync.desired.title = "Our title".into();
    let outcome = sync.come_to_rest();
    assert!(conflict(&outcome, Field::Title));
    sync
}

#[test]
fn a_person_who_takes_ours_gets_it_written_with_their_name_and_bob_may_change_it_again() {
    let mut sync = quarrel();
    decided(&mut sync, Field::Title, Choice::Ours);
    sync.book.title = None;
    let outcome = sync.turn(Fate::Done);
    assert_eq!(outcome.fields[0].reason, "Ada decided for Lockstep's value");
    assert_eq!(outcome.fields[0].from, "Bob's title", "the loser is in the log");
    assert_eq!(sync.board.item.title, "Our title");
    let outcome = sync.come_to_rest();
    assert!(outcome.conflicts.is_empty() && outcome.writes.is_empty());
    sync.person(|board| board.item.title = "Bob's second title".into());
    sync.desired.title = "Our second title".into();
    assert!(conflict(&sync.come_to_rest(), Field::Title));
}

#[test]
fn a_decision_for_ours_that_was_not_written_yet_gives_way_to_a_newer_word_of_the_board() {
    let mut sync = quarrel();
    decided(&mut sync, Field::Title, Choice::Ours);
    sync.person(|board| board.item.title = "Bob's last word".into());
    assert!(conflict(&sync.come_to_rest(), Field::Title));
    assert_eq!(sync.board.item.title, "Bob's last word");
}

#[test]
fn who_keeps_theirs_is_not_asked_again_until_either_side_changes() {
    let mut sync = quarrel();
    decided(&mut sync, Field::Title, Choice::Theirs);
    for _ in 0..3 {
        // The book of the laws knows no decisions: the merge is asked by itself.
        let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
        assert!(outcome.conflicts.is_empty() && outcome.writes.is_empty());
        sync.base = outcome.base;
    }
    sync.desired.title = "Something new".into();
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    assert!(conflict(&outcome, Field::Title) && outcome.writes.is_empty());
}

#[test]
fn the_destination_may_say_whose_value_counts_without_asking() {
    for (owner, stands) in [(Owner::Ours, "Our title"), (Owner::Theirs, "Bob's title")] {
        let mut sync = quarrel();
        sync.owners = Owners { title: owner, ..Owners::default() };
        let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
        assert!(outcome.conflicts.is_empty());
        for change in &outcome.writes {
            sync.board.apply(change);
        }
        assert_eq!(sync.board.item.title, stands);
    }
}

#[test]
fn a_block_that_was_taken_out_comes_back_behind_the_text_of_people_if_somebody_says_so() {
    let mut sync = begin(&agile_with_board());
    sync.come_to_rest();
    sync.person(|board| board.item.description = Some("<p>Bob's own words.</p>".into()));
    sync.desired.block = "<p>two places</p>".into();
    assert!(conflict(&sync.come_to_rest(), Field::Description));
    decided(&mut sync, Field::Description, Choice::Ours);
    sync.book.block = None;
    sync.turn(Fate::Done);
    let text = sync.board.item.description.clone().unwrap();
    assert!(text.starts_with("<p>Bob's own words.</p>"), "{text}");
    assert!(block::words(&text, TOKEN).is_some_and(|words| words.contains("two places")), "{text}");
}

#[test]
fn a_description_in_markdown_is_never_written_over_with_html() {
    let mut sync = begin(&agile_with_board());
    sync.come_to_rest();
    sync.person(|board| {
        board.item.description = Some("# Bob".into());
        board.item.description_is_markdown = true;
    });
    let (desired, item) = (sync.desired.clone(), sync.board.item.clone());
    let refused = resolve(&mut sync.base, Field::Description, Choice::Ours, "Ada", &desired, &item);
    assert_eq!(refused, Err(Unresolvable::Markdown));
}

/// A card in a place that says nothing the finding could follow.
fn misplaced() -> InStep {
    let mut sync = begin(&agile_with_board());
    sync.desired.status = Status::RiskAccepted;
    sync.come_to_rest();
    sync.person(|board| board.apply(&Change { state: Some("Active".into()), ..Change::default() }));
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    sync.base = outcome.base;
    sync.base.status = Some(Status::RiskAccepted);
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    assert!(conflict(&outcome, Field::State));
    sync
}

#[test]
fn a_card_in_the_wrong_place_is_moved_or_left_as_a_person_decides() {
    let mut sync = misplaced();
    decided(&mut sync, Field::State, Choice::Theirs);
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    assert!(outcome.conflicts.is_empty() && outcome.writes.is_empty());

    let mut sync = misplaced();
    decided(&mut sync, Field::State, Choice::Ours);
    let outcome = merge(&sync.base, &sync.desired, &sync.board.item, sync.rules());
    assert!(outcome.fields[0].reason.starts_with("Ada decided"));
    assert!(outcome.writes.last().unwrap().comment.as_ref().unwrap().contains("Ada decided"));
}
