//! The one reducer for every writer: scans, people, cards and the clock change a finding only through here.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::map::Meaning;
use crate::status::{
    Aside, Claim, Decision, Detection, Facts, FallBack, Manual, Request, RequestKind, Status, Temporary,
    Verdict,
};
use crate::{AcceptanceId, FindingId, SuppressionId};

/// What a scan did to a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanEffect {
    /// Nothing but, at most, the status that the scans now say: a late report, or one of another configuration.
    Unchanged,
    /// The scan proved that it is gone.
    Fixed,
    /// It was fixed and is there again.
    Regressed,
    /// Somebody said it was fixed, and it is still there.
    Refuted,
}

/// What a finding becomes when scans have spoken.
///
/// A scan never touches an acceptance, a false positive, a suppression or a duplicate: only people and the clock do.
/// Only a sighting that is later than the proof of the fix is a regression; an older one that arrives late means that the
/// proof was not complete.
pub fn after_scan(before: &Facts, detections: Vec<Detection>, grace: Duration) -> (Facts, ScanEffect) {
    let from = before.status(grace);
    let mut after = Facts { detections, ..before.clone() };
    let reopened =
        from == Status::Fixed && !after.is_gone() && after.last_seen_at() > before.last_absent_at();
    let refuted = !reopened
        && matches!(from, Status::AwaitingValidation | Status::Fixed)
        && before.claim_stands(grace)
        && !after.is_gone()
        && !after.claim_stands(grace);
    if reopened {
        after.regressed += 1;
    }
    if reopened || refuted {
        after.triage.claim = None;
        if matches!(after.triage.decision, Decision::InProgress | Decision::Waiting) {
            after.triage.decision = Decision::Confirmed;
        }
        // What was to end by itself has ended.
        after.triage.temporary = None;
    }
    let effect = if reopened {
        ScanEffect::Regressed
    } else if refuted {
        ScanEffect::Refuted
    } else if from != Status::Fixed && after.status(grace) == Status::Fixed {
        ScanEffect::Fixed
    } else {
        ScanEffect::Unchanged
    };
    (after, effect)
}

/// Longest time that a temporary status may hold, in days.
pub const MOST_DAYS: i64 = 3650;

/// What somebody wants a finding to become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Not looked at yet.
    Reset,
    /// It is a weakness.
    Identify,
    /// Somebody works on it.
    Start,
    /// Work waits.
    Wait,
    /// It is fixed, says somebody. Only a scan proves it.
    Claim,
    /// The risk is accepted, by this acceptance.
    AcceptRisk(AcceptanceId),
    /// The acceptance was revoked: this follows.
    Revoke(FallBack),
    /// It is no weakness.
    DismissAsFalsePositive,
    /// Not to be looked at.
    Suppress,
    /// It is the same weakness as another finding.
    MarkDuplicate(FindingId),
    /// What it belongs to was laid aside.
    LayAside(Aside),
    /// What it was laid aside with was taken up again.
    TakeUp,
    /// A draft becomes a finding.
    Publish,
    /// A validator has looked at a manual finding.
    Judge(Verdict),
    /// Somebody asks for a decision that is not theirs.
    Ask(RequestKind),
    /// A temporary decision ended.
    Expire,
}

/// Who gives a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// A person here, with the right to do it.
    Person,
    /// A card that was moved on the board.
    Card,
    /// The clock.
    Clock,
}

/// A command that cannot be followed, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Illegal(pub String);

/// The circumstances of a command.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// Who gives it.
    pub giver: Giver,
    /// Name of who gives it.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: Option<String>,
    /// Until when it holds, and what follows.
    pub temporary: Option<(DateTime<Utc>, FallBack)>,
    /// How long after a claim a scan may still have looked at the old code.
    pub grace: Duration,
}

/// What a finding becomes when a command is followed.
///
/// # Errors
/// If it is not for this giver to command that now. A card never reopens what is closed, and never proves a fix.
pub fn follow(before: &Facts, command: &Command, circumstances: &Circumstances) -> Result<Facts, Illegal> {
    let status = before.status(circumstances.grace);
    let by_card = circumstances.giver == Giver::Card;
    if by_card && !status.is_open() {
        return Err(Illegal(format!("a finding that is {} is not changed by moving a card", status.label())));
    }
    if status == Status::Draft && !matches!(command, Command::Publish | Command::LayAside(_)) {
        return Err(Illegal("a draft is published first".into()));
    }
    if matches!(command, Command::Claim | Command::Start | Command::Wait) && status == Status::Fixed {
        return Err(Illegal(match before.triage.manual {
            Some(_) => "a validator has found this finding fixed already".into(),
            None => "a scan has proved that this finding is fixed already".into(),
        }));
    }
    let decided_by_people = matches!(
        command,
        Command::AcceptRisk(_)
            | Command::DismissAsFalsePositive
            | Command::Suppress
            | Command::MarkDuplicate(_)
            | Command::LayAside(_)
            | Command::Judge(_)
    );
    if by_card && decided_by_people {
        return Err(Illegal("a card may only ask for that decision".into()));
    }
    let explains_itself = matches!(command, Command::MarkDuplicate(_));
    if decided_by_people
        && !explains_itself
        && circumstances.reason.as_deref().is_none_or(|reason| reason.trim().is_empty())
    {
        return Err(Illegal("a reason is needed for this decision".into()));
    }
    if circumstances.temporary.is_some_and(|(until, _)| until <= circumstances.at) {
        return Err(Illegal("the date until which it shall hold lies in the past".into()));
    }
    let longest = circumstances.at + Duration::days(MOST_DAYS);
    if circumstances.temporary.is_some_and(|(until, _)| until > longest) {
        return Err(Illegal("the date until which it shall hold lies more than ten years ahead".into()));
    }

    let was = before.triage.decision;
    if matches!(command, Command::Revoke(_)) && was != Decision::RiskAccepted {
        return Err(Illegal("no acceptance covers this finding".into()));
    }
    let mut after = before.clone();
    match command {
        Command::Publish => return publish(after, status),
        Command::Judge(verdict) => return judge(after, *verdict, status, circumstances),
        _ => {}
    }
    let triage = &mut after.triage;
    match command {
        Command::Ask(kind) => {
            triage.request =
                Some(Request { kind: *kind, by: circumstances.by.clone(), at: circumstances.at });
            return Ok(after);
        }
        Command::Expire => {
            let Some(temporary) = triage.temporary.take() else {
                return Err(Illegal("the decision on this finding has no end".into()));
            };
            triage.decision = temporary.then.decision();
            triage.reason = None;
            triage.claim = None;
            triage.acceptance = None;
            triage.kept_open = false;
            return Ok(after);
        }
        Command::Claim => {
            // The work it stands on goes on as it was if the claim turns out wrong.
            triage.claim = Some(Claim { by: circumstances.by.clone(), at: circumstances.at });
            if triage.decision.is_terminal() {
                triage.decision = Decision::Confirmed;
            }
        }
        Command::Reset => triage.decision = Decision::New,
        Command::Identify | Command::TakeUp => triage.decision = Decision::Confirmed,
        Command::Revoke(then) => triage.decision = then.decision(),
        Command::Start => triage.decision = Decision::InProgress,
        Command::Wait => triage.decision = Decision::Waiting,
        Command::AcceptRisk(_) => triage.decision = Decision::RiskAccepted,
        Command::DismissAsFalsePositive => triage.decision = Decision::FalsePositive,
        Command::Suppress | Command::LayAside(_) => triage.decision = Decision::Suppressed,
        Command::MarkDuplicate(of) => triage.decision = Decision::Duplicate(*of),
        Command::Publish | Command::Judge(_) => {}
    }
    triage.aside = match command {
        Command::LayAside(aside) => Some(*aside),
        _ => None,
    };
    triage.acceptance = match command {
        Command::AcceptRisk(acceptance) => Some(*acceptance),
        _ => None,
    };
    triage.suppressed_by = None;
    // A card that stays where it was says nothing new.
    triage.kept_open = matches!(command, Command::Identify | Command::Reset)
        && (!by_card || was != triage.decision || before.triage.kept_open);
    if *command != Command::Claim {
        triage.claim = None;
    }
    triage.request = None;
    triage.reason = circumstances.reason.clone();
    triage.temporary = circumstances.temporary.map(|(until, then)| Temporary { until, then });
    Ok(after)
}

fn publish(mut after: Facts, status: Status) -> Result<Facts, Illegal> {
    if status != Status::Draft {
        return Err(Illegal("only a draft is published".into()));
    }
    after.triage.manual = Some(Manual::Published);
    after.triage.decision = Decision::Confirmed;
    // Somebody wrote it down to be looked at: no rule suppresses it.
    after.triage.kept_open = true;
    Ok(after)
}

/// A validator stands where scans stand for other findings: a fix counts only when somebody else than who claims it says so.
fn judge(
    mut after: Facts,
    verdict: Verdict,
    status: Status,
    circumstances: &Circumstances,
) -> Result<Facts, Illegal> {
    let triage = &mut after.triage;
    if triage.manual.is_none() {
        return Err(Illegal("only scans prove what becomes of a finding that scans see".into()));
    }
    match verdict {
        Verdict::Fixed => {
            if !status.is_open() {
                return Err(Illegal(format!("it is {} already", status.label())));
            }
            if triage.claim.as_ref().is_some_and(|claim| claim.by == circumstances.by) {
                return Err(Illegal("somebody else than who says that it is fixed has to look at it".into()));
            }
            triage.manual = Some(Manual::Validated { by: circumstances.by.clone(), at: circumstances.at });
        }
        Verdict::StillThere => {
            if !matches!(status, Status::AwaitingValidation | Status::Fixed) {
                return Err(Illegal("nobody says that it is fixed".into()));
            }
            triage.manual = Some(Manual::Published);
            if matches!(triage.decision, Decision::InProgress | Decision::Waiting) {
                triage.decision = Decision::Confirmed;
            }
            if status == Status::Fixed {
                after.regressed += 1;
            }
        }
    }
    // What was open about it is answered.
    triage.claim = None;
    triage.request = None;
    triage.temporary = None;
    triage.reason.clone_from(&circumstances.reason);
    Ok(after)
}

/// What a finding becomes when the suppression rules have spoken: the first that matches it and its reason, or none. Answers
/// `None` if nothing changes.
///
/// A rule suppresses only what nobody has decided about, and takes back only what a rule suppressed.
pub fn after_suppression_rules(
    before: &Facts,
    matching: Option<(SuppressionId, &str)>,
    grace: Duration,
) -> Option<Facts> {
    let mut after = before.clone();
    let triage = &mut after.triage;
    match (matching, before.triage.suppressed_by) {
        (Some((rule, reason)), by) => {
            if by.is_none() && !may_be_suppressed(before, grace) {
                return None;
            }
            triage.decision = Decision::Suppressed;
            triage.suppressed_by = Some(rule);
            triage.reason = Some(reason.to_owned());
        }
        (None, Some(_)) => {
            triage.decision = Decision::Confirmed;
            triage.suppressed_by = None;
            triage.reason = None;
        }
        (None, None) => return None,
    }
    (after != *before).then_some(after)
}

/// Nobody has decided about it: a rule may suppress it.
pub fn may_be_suppressed(facts: &Facts, grace: Duration) -> bool {
    let triage = &facts.triage;
    facts.status(grace).is_open()
        && matches!(triage.decision, Decision::New | Decision::Confirmed)
        && triage.claim.is_none()
        && triage.temporary.is_none()
        && !triage.kept_open
}

/// The command that a place on the board stands for; `None` if the place says nothing.
pub fn command_of(meaning: Meaning) -> Option<Command> {
    match meaning {
        Meaning::Identified => Some(Command::Identify),
        Meaning::InProgress => Some(Command::Start),
        Meaning::Waiting => Some(Command::Wait),
        Meaning::Claimed => Some(Command::Claim),
        Meaning::AcceptanceRequested => Some(Command::Ask(RequestKind::RiskAcceptance)),
        Meaning::FalsePositiveRequested => Some(Command::Ask(RequestKind::FalsePositive)),
        Meaning::Nothing => None,
    }
}

/// What a ticket shows for its findings: the least advanced open one, or, if all are closed, the least advanced one.
///
/// `None` for a ticket without findings.
pub fn together(statuses: impl IntoIterator<Item = Status>) -> Option<Status> {
    let (open, closed): (Vec<_>, Vec<_>) = statuses.into_iter().partition(|status| status.is_open());
    open.into_iter().min().or_else(|| {
        // A fix closes a ticket before an acceptance does: what was proved is said rather than what was waived.
        closed.iter().copied().find(|status| *status == Status::Fixed).or_else(|| closed.into_iter().min())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_GRACE: Duration = Duration::zero();
    const ACCEPT: Command = Command::AcceptRisk(AcceptanceId(uuid::Uuid::nil()));

    fn at(hour: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::hours(hour)
    }

    fn seen(hour: i64) -> Detection {
        Detection { tracked: true, last_seen_at: at(hour), last_absent_at: None }
    }

    fn gone(seen_at: i64, absent_at: i64) -> Detection {
        Detection { last_absent_at: Some(at(absent_at)), ..seen(seen_at) }
    }

    fn facts(detections: Vec<Detection>) -> Facts {
        Facts { detections, ..Facts::default() }
    }

    fn by(giver: Giver, hour: i64) -> Circumstances {
        Circumstances {
            giver,
            by: "Dana".into(),
            at: at(hour),
            reason: Some("because".into()),
            temporary: None,
            grace: NO_GRACE,
        }
    }

    #[test]
    fn a_closed_card_is_a_claim_until_a_scan_proves_it() {
        let claimed = follow(&facts(vec![seen(1)]), &Command::Claim, &by(Giver::Card, 2)).unwrap();
        assert_eq!(claimed.status(NO_GRACE), Status::AwaitingValidation);

        let (proved, effect) = after_scan(&claimed, vec![gone(1, 3)], NO_GRACE);
        assert_eq!((proved.status(NO_GRACE), effect), (Status::Fixed, ScanEffect::Fixed));

        let (refuted, effect) = after_scan(&claimed, vec![seen(3)], NO_GRACE);
        assert_eq!((refuted.status(NO_GRACE), effect), (Status::Identified, ScanEffect::Refuted));
        assert_eq!(refuted.triage.claim, None);
    }

    #[test]
    fn a_scan_that_started_before_the_claim_or_within_the_grace_does_not_refute_it() {
        let claimed = follow(&facts(vec![seen(1)]), &Command::Claim, &by(Giver::Card, 5)).unwrap();
        let (still, effect) = after_scan(&claimed, vec![seen(4)], NO_GRACE);
        assert_eq!((still.status(NO_GRACE), effect), (Status::AwaitingValidation, ScanEffect::Unchanged));
        let (still, _) = after_scan(&claimed, vec![seen(6)], Duration::hours(2));
        assert_eq!(still.status(Duration::hours(2)), Status::AwaitingValidation);
    }

    #[test]
    fn what_was_fixed_and_is_seen_again_has_regressed() {
        let (again, effect) = after_scan(&facts(vec![gone(1, 2)]), vec![gone(3, 2)], NO_GRACE);
        assert_eq!(
            (again.status(NO_GRACE), effect, again.regressed),
            (Status::Identified, ScanEffect::Regressed, 1)
        );
    }

    #[test]
    fn a_late_report_changes_no_status() {
        // Seen at 5, absent at 9; then a report of a scan that started at 3 arrives.
        let fixed = facts(vec![gone(5, 9)]);
        let (after, effect) = after_scan(&fixed, vec![gone(5, 9)], NO_GRACE);
        assert_eq!((after, effect), (fixed, ScanEffect::Unchanged));
    }

    #[test]
    fn a_configuration_that_still_sees_it_keeps_it_open() {
        assert_eq!(facts(vec![gone(1, 9), seen(2)]).status(NO_GRACE), Status::Identified);
        assert_eq!(facts(vec![gone(1, 9), gone(2, 8)]).status(NO_GRACE), Status::Fixed);
    }

    #[test]
    fn branches_that_are_not_tracked_decide_nothing() {
        let elsewhere = Detection { tracked: false, ..seen(5) };
        assert_eq!(facts(vec![gone(1, 2), elsewhere.clone()]).status(NO_GRACE), Status::Fixed);
        assert_eq!(facts(vec![elsewhere]).status(NO_GRACE), Status::Identified);
    }

    #[test]
    fn no_scan_ends_an_acceptance() {
        let accepted = follow(&facts(vec![seen(1)]), &ACCEPT, &by(Giver::Person, 2)).unwrap();
        for detections in [vec![seen(9)], vec![gone(1, 9)], vec![gone(9, 8)]] {
            let (after, effect) = after_scan(&accepted, detections, NO_GRACE);
            assert_eq!((after.status(NO_GRACE), effect), (Status::RiskAccepted, ScanEffect::Unchanged));
        }
    }

    #[test]
    fn a_card_reopens_nothing_that_is_closed_and_decides_nothing_that_needs_a_right() {
        let fixed = facts(vec![gone(1, 2)]);
        assert!(follow(&fixed, &Command::Identify, &by(Giver::Card, 3)).is_err());
        let accepted = follow(&facts(vec![seen(1)]), &ACCEPT, &by(Giver::Person, 2)).unwrap();
        assert!(follow(&accepted, &Command::Start, &by(Giver::Card, 3)).is_err());
        assert!(follow(&facts(vec![seen(1)]), &ACCEPT, &by(Giver::Card, 3)).is_err());
        let asked =
            follow(&facts(vec![seen(1)]), &Command::Ask(RequestKind::RiskAcceptance), &by(Giver::Card, 3));
        let asked = asked.unwrap();
        assert_eq!(asked.status(NO_GRACE), Status::Identified);
        assert!(asked.triage.request.is_some());
    }

    #[test]
    fn a_temporary_decision_falls_back_when_its_time_is_over() {
        let until = Circumstances { temporary: Some((at(9), FallBack::Identified)), ..by(Giver::Person, 2) };
        let accepted = follow(&facts(vec![seen(1)]), &ACCEPT, &until).unwrap();
        assert_eq!(accepted.status(NO_GRACE), Status::RiskAccepted);
        let over = follow(&accepted, &Command::Expire, &by(Giver::Clock, 9)).unwrap();
        assert_eq!(over.status(NO_GRACE), Status::Identified);
        for wrong in [at(1), at(2) + Duration::days(MOST_DAYS + 1)] {
            let wrong =
                Circumstances { temporary: Some((wrong, FallBack::Identified)), ..by(Giver::Person, 2) };
            assert!(follow(&facts(vec![seen(1)]), &ACCEPT, &wrong).is_err());
        }
    }

    #[test]
    fn every_status_may_be_temporary_and_falls_back_to_the_one_that_was_named() {
        let of = |then| Circumstances { temporary: Some((at(9), then)), ..by(Giver::Person, 2) };
        for (command, during) in [
            (Command::Wait, Status::Waiting),
            (Command::Claim, Status::AwaitingValidation),
            (Command::DismissAsFalsePositive, Status::FalsePositive),
            (Command::Suppress, Status::Suppressed),
        ] {
            for then in [FallBack::Created, FallBack::Identified, FallBack::InProgress] {
                let now = follow(&facts(vec![seen(1)]), &command, &of(then)).unwrap();
                assert_eq!(now.status(NO_GRACE), during);
                let over = follow(&now, &Command::Expire, &by(Giver::Clock, 9)).unwrap();
                assert_eq!((over.status(NO_GRACE), over.triage.temporary), (then.status(), None));
            }
        }
    }

    #[test]
    fn a_finding_points_at_its_acceptance_exactly_while_it_is_accepted() {
        let start = follow(&facts(vec![seen(1)]), &Command::Start, &by(Giver::Person, 1)).unwrap();
        let until = Circumstances { temporary: Some((at(9), FallBack::InProgress)), ..by(Giver::Person, 2) };
        let accepted = follow(&start, &ACCEPT, &until).unwrap();
        assert!(accepted.triage.acceptance.is_some());
        let revoked =
            follow(&accepted, &Command::Revoke(FallBack::InProgress), &by(Giver::Person, 3)).unwrap();
        assert_eq!((revoked.status(NO_GRACE), revoked.triage.acceptance), (Status::InProgress, None));
        assert_eq!((revoked.triage.temporary, revoked.triage.kept_open), (None, false));
        let again = follow(&revoked, &Command::Revoke(FallBack::Created), &by(Giver::Person, 4));
        assert!(again.is_err(), "nothing is left to revoke");
        for command in [Command::Expire, Command::Identify, Command::Claim, Command::Suppress] {
            let after = follow(&accepted, &command, &by(Giver::Person, 5)).unwrap();
            assert_eq!(after.triage.acceptance, None, "{command:?}");
        }
        let asks = follow(&accepted, &Command::Ask(RequestKind::FalsePositive), &by(Giver::Person, 5));
        assert_eq!(asks.unwrap().triage.acceptance, accepted.triage.acceptance);
    }

    fn manual(state: Manual) -> Facts {
        let triage = crate::status::Triage { manual: Some(state), ..Default::default() };
        Facts { triage, ..Facts::default() }
    }

    #[test]
    fn a_draft_is_nothing_but_a_draft_until_it_is_published() {
        let draft = manual(Manual::Draft);
        assert_eq!(draft.status(NO_GRACE), Status::Draft);
        for command in [Command::Identify, Command::Claim, ACCEPT, Command::Judge(Verdict::Fixed)] {
            assert!(follow(&draft, &command, &by(Giver::Person, 1)).is_err(), "{command:?}");
        }
        let published = follow(&draft, &Command::Publish, &by(Giver::Person, 1)).unwrap();
        assert_eq!(published.status(NO_GRACE), Status::Identified);
        assert_eq!(suppress(&published), None, "no rule suppresses what a person wrote down");
        assert!(follow(&published, &Command::Publish, &by(Giver::Person, 2)).is_err());
        let deleted = follow(&draft, &Command::LayAside(Aside::Deleted), &by(Giver::Person, 1)).unwrap();
        assert_eq!(deleted.status(NO_GRACE), Status::Suppressed);
    }

    #[test]
    fn a_manual_finding_is_fixed_when_somebody_else_than_who_claims_it_says_so() {
        let fixed = Command::Judge(Verdict::Fixed);
        let open = manual(Manual::Published);
        let claimed = follow(&open, &Command::Claim, &by(Giver::Card, 2)).unwrap();
        assert_eq!(claimed.status(NO_GRACE), Status::AwaitingValidation);
        assert!(follow(&claimed, &fixed, &by(Giver::Person, 3)).is_err(), "that is who claimed it");
        let other = |hour| Circumstances { by: "Val".into(), ..by(Giver::Person, hour) };
        let silent = Circumstances { reason: None, ..other(3) };
        assert!(follow(&claimed, &fixed, &silent).is_err(), "a verdict has its evidence");
        assert!(follow(&claimed, &fixed, &Circumstances { giver: Giver::Card, ..other(3) }).is_err());
        let validated = follow(&claimed, &fixed, &other(3)).unwrap();
        assert_eq!(validated.status(NO_GRACE), Status::Fixed);
        assert!(follow(&validated, &fixed, &other(4)).is_err());
        let back = follow(&validated, &Command::Judge(Verdict::StillThere), &other(5)).unwrap();
        assert_eq!((back.status(NO_GRACE), back.regressed), (Status::Identified, 1));
        assert!(follow(&back, &Command::Judge(Verdict::StillThere), &other(6)).is_err());
        let refuted = follow(&claimed, &Command::Judge(Verdict::StillThere), &other(3)).unwrap();
        assert_eq!((refuted.status(NO_GRACE), refuted.regressed), (Status::Identified, 0));
        assert!(follow(&facts(vec![seen(1)]), &fixed, &other(2)).is_err(), "scans prove that");
    }

    const RULE: SuppressionId = SuppressionId(uuid::Uuid::nil());

    fn suppress(before: &Facts) -> Option<Facts> {
        after_suppression_rules(before, Some((RULE, "tests")), NO_GRACE)
    }

    #[test]
    fn a_rule_suppresses_what_nobody_decided_about_and_gives_it_back() {
        let found = facts(vec![seen(1)]);
        let suppressed = suppress(&found).unwrap();
        assert_eq!(suppressed.status(NO_GRACE), Status::Suppressed);
        assert_eq!((suppressed.triage.suppressed_by, suppress(&suppressed)), (Some(RULE), None));
        let (seen_again, _) = after_scan(&suppressed, vec![seen(5)], NO_GRACE);
        assert_eq!(seen_again.status(NO_GRACE), Status::Suppressed);
        let back = after_suppression_rules(&suppressed, None, NO_GRACE).unwrap();
        assert_eq!(back, found);
        assert_eq!(after_suppression_rules(&found, None, NO_GRACE), None);
    }

    #[test]
    fn what_a_person_or_a_card_decided_stands_above_every_rule() {
        let found = facts(vec![seen(1)]);
        for command in [
            Command::Identify,
            Command::Reset,
            Command::Start,
            Command::Wait,
            Command::Claim,
            ACCEPT,
            Command::DismissAsFalsePositive,
            Command::Suppress,
        ] {
            let decided = follow(&found, &command, &by(Giver::Person, 2)).unwrap();
            assert_eq!(suppress(&decided), None, "{command:?}");
            assert_eq!(after_suppression_rules(&decided, None, NO_GRACE), None, "{command:?}");
            // The same about what a rule suppressed before.
            let taken = follow(&suppress(&found).unwrap(), &command, &by(Giver::Person, 2)).unwrap();
            assert_eq!((taken.triage.suppressed_by, suppress(&taken)), (None, None), "{command:?}");
        }
        let moved = follow(&found, &Command::Start, &by(Giver::Card, 2)).unwrap();
        let back = follow(&moved, &Command::Identify, &by(Giver::Card, 3)).unwrap();
        assert_eq!(suppress(&back), None, "a card that a person moved back");
        let stays = follow(&found, &Command::Identify, &by(Giver::Card, 2)).unwrap();
        assert!(suppress(&stays).is_some(), "a card that stands where it stood says nothing");
        let taken_up = follow(&found, &Command::TakeUp, &by(Giver::Person, 2)).unwrap();
        assert!(suppress(&taken_up).is_some());
    }

    #[test]
    fn a_rule_does_not_suppress_what_is_fixed_and_what_it_suppressed_may_be_fixed_meanwhile() {
        assert_eq!(suppress(&facts(vec![gone(1, 2)])), None);
        let (gone_now, _) = after_scan(&suppress(&facts(vec![seen(1)])).unwrap(), vec![gone(1, 2)], NO_GRACE);
        let back = after_suppression_rules(&gone_now, None, NO_GRACE).unwrap();
        assert_eq!(back.status(NO_GRACE), Status::Fixed);
    }

    #[test]
    fn a_scan_that_brings_a_finding_back_ends_what_was_temporary() {
        let until = Circumstances { temporary: Some((at(9), FallBack::Created)), ..by(Giver::Person, 2) };
        let waiting = follow(&facts(vec![seen(1)]), &Command::Wait, &until).unwrap();
        let (fixed, _) = after_scan(&waiting, vec![gone(1, 3)], NO_GRACE);
        assert!(fixed.triage.temporary.is_some(), "a fix decides nothing");
        let (again, _) = after_scan(&fixed, vec![gone(4, 3)], NO_GRACE);
        assert_eq!((again.status(NO_GRACE), again.triage.temporary), (Status::Identified, None));
    }

    #[test]
    fn a_decision_of_consequence_needs_a_reason() {
        let silent = Circumstances { reason: Some("  ".into()), ..by(Giver::Person, 2) };
        assert!(follow(&facts(vec![seen(1)]), &ACCEPT, &silent).is_err());
        assert!(follow(&facts(vec![seen(1)]), &Command::Start, &silent).is_ok());
    }

    #[test]
    fn a_ticket_shows_its_least_advanced_open_finding() {
        use Status::{AwaitingValidation, Fixed, Identified, RiskAccepted};
        assert_eq!(together([AwaitingValidation, Identified, Fixed]), Some(Identified));
        assert_eq!(together([Fixed, AwaitingValidation]), Some(AwaitingValidation));
        assert_eq!(together([RiskAccepted, Fixed]), Some(Fixed));
        assert_eq!(together([]), None);
    }
}
