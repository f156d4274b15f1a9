//! The lifecycle: what scans, people, cards and the clock can do to a finding, in any order.

use chrono::{DateTime, Duration, Utc};
use model::lifecycle::{Circumstances, Command, Giver, ScanEffect, after_scan, follow, together};
use model::status::{Aside, Claim, Decision, Detection, Facts, FallBack, RequestKind, Triage, Verdict};
use model::{AcceptanceId, FindingId, Status};
use proptest::prelude::*;

/// One scan: its configuration and branch, when it started, and whether it saw the finding where it covered it.
#[derive(Clone, Copy, Debug)]
struct Scan {
    line: usize,
    started: i64,
    saw: bool,
}

/// Configurations on branches; those on the last branch are not tracked.
const LINES: usize = 4;
const UNTRACKED: usize = 3;

fn at(hour: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::hours(hour)
}

/// What all these scans together say, whatever the order they arrived in: the truth, computed anew from all of them.
fn detections(scans: &[Scan]) -> Vec<Detection> {
    let line = |line: usize| {
        let of = |saw| {
            scans
                .iter()
                .filter(move |scan| scan.line == line && scan.saw == saw)
                .map(|scan| scan.started)
                .max()
        };
        let last_seen_at = at(of(true)?);
        Some(Detection { tracked: line != UNTRACKED, last_seen_at, last_absent_at: of(false).map(at) })
    };
    (0..LINES).filter_map(line).collect()
}

fn is_proved_gone(scans: &[Scan]) -> bool {
    let tracked: Vec<Scan> = scans.iter().copied().filter(|scan| scan.line != UNTRACKED).collect();
    let last_sight =
        |line| tracked.iter().filter(|scan| scan.line == line && scan.saw).map(|scan| scan.started).max();
    let lines: Vec<(usize, i64)> = (0..LINES).filter_map(|line| Some((line, last_sight(line)?))).collect();
    !lines.is_empty()
        && lines.iter().all(|(line, sight)| {
            tracked.iter().any(|scan| scan.line == *line && !scan.saw && scan.started > *sight)
        })
}

#[derive(Clone, Debug)]
enum Event {
    Scan(Scan),
    Person(Command, Option<i64>),
    Card(Command),
    Clock,
}

fn scan() -> impl Strategy<Value = Scan> {
    (0..LINES, 0..60_i64, any::<bool>()).prop_map(|(line, started, saw)| Scan { line, started, saw })
}

fn command() -> impl Strategy<Value = Command> {
    prop::sample::select(vec![
        Command::Reset,
        Command::Identify,
        Command::Start,
        Command::Wait,
        Command::Claim,
        Command::Claim,
        Command::AcceptRisk(AcceptanceId(uuid::Uuid::nil())),
        Command::Revoke(FallBack::Waiting),
        Command::MarkDuplicate(FindingId(uuid::Uuid::nil())),
        // Of manual findings alone: no other may be changed by them.
        Command::Publish,
        Command::Judge(Verdict::Fixed),
        Command::Judge(Verdict::StillThere),
        Command::DismissAsFalsePositive,
        Command::Suppress,
        Command::LayAside(Aside::Deleted),
        Command::Ask(RequestKind::RiskAcceptance),
        Command::Ask(RequestKind::FalsePositive),
    ])
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        5 => scan().prop_map(Event::Scan),
        2 => (command(), prop::option::of(1..20_i64)).prop_map(|(command, until)| Event::Person(command, until)),
        2 => command().prop_map(Event::Card),
        1 => Just(Event::Clock),
    ];
    prop::collection::vec(event, 1..40)
}

fn quick() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// Everything that must hold of one finding, while anything happens to it.
fn live(events: &[Event], grace: Duration) -> Facts {
    let mut scans: Vec<Scan> = Vec::new();
    let mut facts = Facts::default();
    for (hour, event) in events.iter().enumerate() {
        let now = i64::try_from(hour).expect("few events") + 10;
        let before = facts.clone();
        let status = before.status(grace);
        let circumstances = |giver, until: Option<i64>| Circumstances {
            giver,
            by: "Dana".into(),
            at: at(now),
            reason: Some("because".into()),
            temporary: until.map(|hours| (at(now + hours), FallBack::Identified)),
            grace,
        };
        match event {
            Event::Scan(scan) => {
                scans.push(*scan);
                let (after, effect) = after_scan(&before, detections(&scans), grace);
                check_scan(&before, &after, effect, *scan, grace);
                facts = after;
            }
            Event::Person(command, until) => {
                if let Ok(after) = follow(&before, command, &circumstances(Giver::Person, *until)) {
                    facts = after;
                }
            }
            Event::Card(command) => {
                let answer = follow(&before, command, &circumstances(Giver::Card, None));
                if !status.is_open() {
                    assert!(answer.is_err(), "a card changed a finding that is {}", status.label());
                }
                if let Ok(after) = answer {
                    let now = after.status(grace);
                    assert!(now.is_open(), "a card made it {}", now.label());
                    facts = after;
                }
            }
            Event::Clock => {
                let due = before.triage.temporary.is_some_and(|temporary| temporary.until <= at(now));
                if due {
                    let over = follow(&before, &Command::Expire, &circumstances(Giver::Clock, None));
                    let after = over.expect("what has an end can end");
                    assert_eq!(after.triage.decision, Decision::Confirmed);
                    assert_eq!((&after.triage.temporary, &after.triage.claim), (&None, &None));
                    facts = after;
                }
            }
        }
        assert!(facts.regressed >= before.regressed, "what came back stays counted");
        let terminal = facts.triage.decision.is_terminal();
        let fixed = facts.status(grace) == Status::Fixed;
        assert_eq!(fixed, !terminal && is_proved_gone(&scans), "Fixed is what scans prove, and nothing else");
    }
    facts
}

fn check_scan(before: &Facts, after: &Facts, effect: ScanEffect, scan: Scan, grace: Duration) {
    let (from, to) = (before.status(grace), after.status(grace));
    if before.triage.decision.is_terminal() {
        assert_eq!(before.triage, after.triage, "a scan changed a decision of people");
        assert_eq!((effect, from), (ScanEffect::Unchanged, to));
        return;
    }
    let newer_than_proof = before
        .detections
        .iter()
        .filter(|detection| detection.tracked)
        .all(|detection| detection.last_absent_at.is_none_or(|absent| at(scan.started) > absent));
    let comes_back = from == Status::Fixed && to != Status::Fixed && newer_than_proof;
    assert_eq!(effect == ScanEffect::Regressed, comes_back, "{from} to {to} by {scan:?}");
    assert_eq!(after.regressed, before.regressed + u32::from(comes_back));
    assert_eq!(effect == ScanEffect::Fixed, from != Status::Fixed && to == Status::Fixed);
    if effect == ScanEffect::Refuted {
        let claim = before.triage.claim.as_ref().expect("only a claim is refuted");
        assert!(at(scan.started) > claim.at + grace, "an older scan refuted the claim");
        let nobody_looked = before.triage.decision == Decision::New;
        let back = if nobody_looked { Status::Created } else { Status::Identified };
        assert_eq!((to, &after.triage.claim), (back, &None));
    }
    if !scan.saw || scan.line == UNTRACKED {
        assert!(to == from || to == Status::Fixed, "an absence or an untracked branch made {from} {to}");
    }
}

proptest! {
    #![proptest_config(quick())]

    #[test]
    fn only_scans_prove_a_fix_and_only_people_and_the_clock_end_their_decisions(
        events in events(),
        grace in 0..6_i64,
    ) {
        live(&events, Duration::hours(grace));
    }

    #[test]
    fn scans_say_the_same_in_whatever_order_their_reports_arrive(
        (in_order, shuffled) in prop::collection::vec(scan(), 1..20)
            .prop_flat_map(|scans| (Just(scans.clone()), Just(scans).prop_shuffle())),
    ) {
        let status = |scans: Vec<Scan>| {
            let events: Vec<Event> = scans.into_iter().map(Event::Scan).collect();
            live(&events, Duration::zero()).status(Duration::zero())
        };
        prop_assert_eq!(status(in_order), status(shuffled));
    }

    #[test]
    fn the_same_scan_twice_changes_nothing(scans in prop::collection::vec(scan(), 1..20)) {
        let (facts, _) = after_scan(&Facts::default(), detections(&scans), Duration::zero());
        let (again, effect) = after_scan(&facts, detections(&scans), Duration::zero());
        prop_assert_eq!((again, effect), (facts, ScanEffect::Unchanged));
    }

    #[test]
    fn a_ticket_shows_an_open_member_as_long_as_there_is_one(
        statuses in prop::collection::vec(prop::sample::select(Status::ALL.to_vec()), 1..8),
    ) {
        let shown = together(statuses.iter().copied()).unwrap();
        prop_assert!(statuses.contains(&shown));
        match statuses.iter().filter(|status| status.is_open()).min() {
            Some(least) => prop_assert_eq!(shown, *least),
            None => prop_assert!(!shown.is_open()),
        }
        prop_assert_eq!(together(statuses.iter().rev().copied()), Some(shown), "in any order");
    }

    #[test]
    fn a_status_is_there_for_every_time_and_grace(
        seconds in prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX]),
        seen in any::<bool>(),
        late in any::<bool>(),
    ) {
        let time = if late { DateTime::<Utc>::MAX_UTC } else { DateTime::<Utc>::MIN_UTC };
        let grace = Duration::try_seconds(seconds)
            .unwrap_or(if seconds < 0 { Duration::MIN } else { Duration::MAX });
        let detection = Detection { tracked: true, last_seen_at: time, last_absent_at: seen.then_some(time) };
        let triage = Triage { claim: Some(Claim { by: "Dana".into(), at: time }), ..Triage::default() };
        let facts = Facts { detections: vec![detection.clone()], triage, regressed: 0 };
        let status = facts.status(grace);
        prop_assert!(status.is_open());
        let (after, _) = after_scan(&facts, vec![detection], grace);
        prop_assert_eq!(after.status(grace).is_open(), true);
    }
}

#[test]
fn a_late_sighting_of_another_configuration_reopens_without_counting_a_regression_or_refuting_a_claim() {
    let gone = Detection { tracked: true, last_seen_at: at(1), last_absent_at: Some(at(9)) };
    let late = Detection { tracked: true, last_seen_at: at(3), last_absent_at: None };
    let triage = Triage {
        decision: Decision::InProgress,
        claim: Some(Claim { by: "Dana".into(), at: at(5) }),
        ..Triage::default()
    };
    let fixed = Facts { detections: vec![gone.clone()], triage, regressed: 0 };
    let (after, effect) = after_scan(&fixed, vec![gone.clone(), late], Duration::zero());
    assert_eq!((effect, after.regressed), (ScanEffect::Unchanged, 0));
    assert_eq!(
        after.status(Duration::zero()),
        Status::AwaitingValidation,
        "the claim is younger than the scan"
    );

    let later_than_the_claim = Detection { tracked: true, last_seen_at: at(6), last_absent_at: None };
    let (after, effect) = after_scan(&fixed, vec![gone, later_than_the_claim], Duration::zero());
    assert_eq!((effect, after.regressed), (ScanEffect::Refuted, 0));
    assert_eq!(after.status(Duration::zero()), Status::Identified);
}
