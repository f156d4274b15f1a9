//! What must hold when everything has come to rest.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use model::map::Position;
use model::{Status, WorkItemId, block};
use serde_json::{Value, json};
use store::args;
use store::tickets::{Health, Ticket};

use crate::sim::code::{ASSETS, title};
use crate::sim::following::{self, Formers};
use crate::sim::people::{LOCKSTEP, item, live, recycled, revisions};
use crate::sim::{Simulation, Violation, evidence, talk};

const STATE: &str = "System.State";
const TYPE: &str = "System.WorkItemType";
/// Long text of a Bug in the demo's process.
const LONG_TEXT: &str = "Microsoft.VSTS.TCM.ReproSteps";

pub(crate) type Checked = Result<(), Violation>;

/// All revisions of the work items of tickets, oldest first.
struct Histories(BTreeMap<i64, Vec<Value>>);

impl Histories {
    fn of(sim: &Simulation, tickets: &[Ticket]) -> Self {
        let ids = tickets.iter().filter_map(|ticket| ticket.work_item_id);
        Self(ids.map(|WorkItemId(id)| (id, revisions(&sim.wire, id))).collect())
    }

    fn of_item(&self, id: i64) -> &[Value] {
        self.0.get(&id).map_or(&[], Vec::as_slice)
    }
}

pub(crate) async fn check(sim: &Simulation) -> Checked {
    let tickets = sim.tickets().await;
    let formers = following::formers(sim).await;
    let histories = Histories::of(sim, &tickets);
    one_work_item_for_one_ticket(sim, &tickets, &formers)?;
    following::check(sim, &tickets, &formers).await?;
    for ticket in &tickets {
        if let Some(WorkItemId(id)) = ticket.work_item_id {
            let decided = talk::decided_for_ours(sim, ticket).await;
            let used_since = following::used_since(sim, ticket).await;
            let history = histories.of_item(id);
            nothing_of_a_person_is_lost(ticket, history, &decided, used_since)?;
            if used_since.is_none() {
                conflicts_are_with_people(sim, ticket, history)?;
                our_words_arrive(ticket, history)?;
            }
            talk::check(sim, ticket, history).await?;
            evidence::check(sim, ticket, history).await?;
        }
        both_sides_agree(sim, ticket)?;
    }
    only_scans_prove_fixes(sim).await?;
    every_change_has_a_cause(sim, &tickets, &histories).await?;
    talk::commands_are_obeyed_once(sim).await?;
    every_open_finding_has_a_ticket(sim).await
}

/// What must hold at any time: nothing is Fixed before a full scan that started after the last sighting did not see it.
pub(crate) async fn check_always(sim: &Simulation) -> Checked {
    let mut tx = sim.db().read().await.unwrap();
    let fixed = tx
        .all(
            "SELECT f.title, f.last_seen_at, a.name FROM finding f JOIN asset a ON a.id = f.asset_id WHERE f.status = 'fixed'",
            args![],
        )
        .await
        .unwrap();
    for row in fixed {
        let (name, title_of) = (row.text("name").unwrap(), row.text("title").unwrap());
        let last_seen_at = row.time("last_seen_at").unwrap();
        let is_proved = sim.code.scans.iter().any(|scan| {
            scan.asset == name
                && scan.is_full
                && scan.started_at > last_seen_at
                && !scan.seen.iter().any(|number| title(*number) == title_of)
        });
        if !is_proved {
            return broken(
                "only a scan proves a fix",
                format!("{title_of} of {name} is Fixed, and no scan proves it"),
            );
        }
    }
    Ok(())
}

pub(crate) fn broken(law: &'static str, what: String) -> Checked {
    Err(Violation { law, what })
}

/// Rule 1. Copies that people made do not count; nor does what people moved to an area that Lockstep may not see, before
/// it could know of it: no client can find that, and the detector names it (`copies_are_named`).
fn one_work_item_for_one_ticket(sim: &Simulation, tickets: &[Ticket], formers: &Formers) -> Checked {
    let mut items: Vec<Value> = live(&sim.wire).into_iter().filter_map(|id| item(&sim.wire, id)).collect();
    items.extend(recycled(&sim.wire).into_iter().map(|(_, item)| item));
    let hidden_away = sim.wire.hidden_away();
    for ticket in tickets {
        let ours: Vec<i64> = items
            .iter()
            .filter(|item| {
                let by = &item["fields"]["System.CreatedBy"];
                by["uniqueName"] == LOCKSTEP || by.as_str().is_some_and(|by| by.contains(LOCKSTEP))
            })
            .filter(|item| created_with(item, &ticket.token))
            .filter_map(|item| item["id"].as_i64())
            .filter(|id| ticket.work_item_id == Some(WorkItemId(*id)) || !hidden_away.contains(id))
            .collect();
        if ours.len() > 1 {
            return broken(
                "one work item for one ticket",
                format!("{} has the work items {ours:?}", ticket.token),
            );
        }
        if let (Some(WorkItemId(known)), Some(made)) = (ticket.work_item_id, ours.first())
            && known != *made
            && !formers.has(ticket.id, *made)
        {
            return broken(
                "one work item for one ticket",
                format!("{} is bound to {known}, but {made} was made for it", ticket.token),
            );
        }
    }
    Ok(())
}

pub(crate) fn created_with(item: &Value, token: &str) -> bool {
    let in_link =
        item["relations"].as_array().into_iter().flatten().any(|relation| {
            relation["attributes"]["comment"].as_str().is_some_and(|text| text.contains(token))
        });
    in_link || item["fields"][LONG_TEXT].as_str().is_some_and(|text| text.contains(token))
}

/// Rule 2, from the history of the work item: what a person wrote last, we never write over; a card that a person moved
/// is moved back only with a comment that says why.
/// What a person here decided to be ours is written all the same; into a work item that a person chose for a ticket our
/// tags come once, whatever was done with them before. What was written before that was written for another ticket, with
/// the token of that one.
fn nothing_of_a_person_is_lost(
    ticket: &Ticket,
    revisions: &[Value],
    decided: &BTreeSet<&'static str>,
    used_since: Option<DateTime<Utc>>,
) -> Checked {
    let law = "no change of a person is lost";
    let is_ours = |revision: &Value| revision["fields"]["System.ChangedBy"]["uniqueName"] == LOCKSTEP;
    let text =
        |revision: &Value, field: &str| revision["fields"][field].as_str().unwrap_or_default().to_owned();
    let shown = |revision: &Value, field: &str| {
        revision["fields"].get(field).map(Value::to_string).unwrap_or_default()
    };
    let tags = |revision: &Value| -> BTreeSet<String> {
        text(revision, "System.Tags")
            .split("; ")
            .filter(|tag| !tag.is_empty())
            .map(str::to_lowercase)
            .collect()
    };
    for (_, field) in FIELDS.into_iter().filter(|(label, _)| !decided.contains(label)) {
        let mut persons: Option<String> = None;
        let mut last_of_ours = None;
        for pair in revisions.windows(2) {
            let (old, new) = (shown(&pair[0], field), shown(&pair[1], field));
            if last_of_ours.is_none() {
                last_of_ours = Some(old.clone());
            }
            if old == new {
                continue;
            }
            if is_ours(&pair[1]) {
                if let Some(theirs) = &persons
                    && Some(theirs) != last_of_ours.as_ref()
                {
                    let what = format!(
                        "{field} of {} was {theirs} by a person, and we wrote {new} in revision {}",
                        pair[1]["id"], pair[1]["rev"]
                    );
                    return broken(law, what);
                }
                persons = None;
                last_of_ours = Some(new);
            } else {
                persons = Some(new);
            }
        }
    }
    let mut added_by_people = BTreeSet::new();
    let mut removed_by_people = BTreeSet::new();
    let mut still_to_mark = used_since;
    let mut block_by_person = false;
    let mut moved_by_person = None;
    for pair in revisions.windows(2) {
        let (old, new) = (tags(&pair[0]), tags(&pair[1]));
        let at = format!("revision {} of {}", pair[1]["rev"], pair[1]["id"]);
        let ours = is_ours(&pair[1]);
        let date = text(&pair[1], "System.ChangedDate").parse::<DateTime<Utc>>().ok();
        if ours && still_to_mark.is_some_and(|since| date >= Some(since)) {
            still_to_mark = None;
            removed_by_people.clear();
        }
        for tag in new.difference(&old) {
            if ours && removed_by_people.contains(tag) {
                return broken(law, format!("a person took the tag {tag} away, and we added it in {at}"));
            }
            if !ours {
                added_by_people.insert(tag.clone());
            }
            removed_by_people.remove(tag);
        }
        for tag in old.difference(&new) {
            if ours && added_by_people.contains(tag) {
                return broken(law, format!("a person set the tag {tag}, and we took it away in {at}"));
            }
            if !ours {
                removed_by_people.insert(tag.clone());
            }
            added_by_people.remove(tag);
        }
        let (old, new) = (text(&pair[0], LONG_TEXT), text(&pair[1], LONG_TEXT));
        if old != new && !decided.contains("Description") {
            let is_of_another = ours && used_since.is_some_and(|since| date < Some(since));
            // That ticket may be gone: its token stands in what it wrote.
            let token = new
                .split(['(', ')'])
                .find(|word| is_of_another && word.starts_with("LS-") && block::words(&new, word).is_some())
                .unwrap_or(&ticket.token);
            let around = |text: &str| block::replace(text, token, "");
            let words = |text: &str| block::words(text, token);
            // Into a work item that people made, the block comes after what stands there.
            let came = ours && words(&old).is_none() && new.starts_with(&old) && words(&new).is_some();
            // What an apply wrote is put back where a person undid it.
            let is_undone = ours && text(&pair[1], "System.History").contains("undid what was applied");
            let went = is_undone && words(&new).is_none() && words(&old).is_some() && old.starts_with(&new);
            if ours && !came && !went && (around(&old).is_none() || around(&old) != around(&new)) {
                let what = format!("we changed the text around our block in {at}: {old:?} became {new:?}");
                return broken(law, what);
            }
            if ours && block_by_person {
                return broken(law, format!("a person edited our block, and we wrote over it in {at}"));
            }
            if !ours && words(&old) != words(&new) {
                block_by_person = true;
            }
        }
        let (old, new) = (text(&pair[0], "System.State"), text(&pair[1], "System.State"));
        if old != new {
            // Where it stood before a person chose it for this ticket was nobody's answer to us.
            let is_of_before =
                used_since.is_some_and(|since| moved_by_person < Some(since) && date >= Some(since));
            let is_theirs = moved_by_person.is_some() && !is_of_before;
            if ours && is_theirs && text(&pair[1], "System.History").is_empty() {
                // A step on the way has no comment; the last one has.
                let later = revisions.iter().skip_while(|r| r["rev"] != pair[1]["rev"]).take(4);
                if !later.clone().any(|r| is_ours(r) && !text(r, "System.History").is_empty()) {
                    return broken(
                        law,
                        format!(
                            "a person moved the card to {old}, and we moved it to {new} without a word in {at}"
                        ),
                    );
                }
            }
            moved_by_person = date.filter(|_| !ours);
        }
    }
    Ok(())
}

/// Fields of which the last word is compared, as conflicts name them and as the board does.
const FIELDS: [(&str, &str); 3] = [
    ("Title", "System.Title"),
    ("Priority", "Microsoft.VSTS.Common.Priority"),
    ("Severity", "Microsoft.VSTS.Common.Severity"),
];

/// A person made it another type: other fields count from then on.
fn was_retyped(revisions: &[Value]) -> bool {
    revisions.windows(2).any(|pair| pair[0]["fields"][TYPE] != pair[1]["fields"][TYPE])
}

/// What we wrote ourselves is nobody's word against ours, whether or not the answer to it was lost.
fn conflicts_are_with_people(sim: &Simulation, ticket: &Ticket, revisions: &[Value]) -> Checked {
    if was_retyped(revisions) {
        return Ok(());
    }
    for (label, field) in FIELDS.into_iter().chain([("Description", LONG_TEXT), ("State", STATE)]) {
        let is_there = ticket.conflicts.iter().any(|conflict| conflict.field == label);
        if !is_there || (field == STATE && sim.states_said_otherwise) {
            continue;
        }
        if let Some(last) = last_said_by_us(ticket, revisions, field) {
            let what = format!(
                "{} has a conflict on {label} with what we wrote in revision {} of {}",
                ticket.token, last["rev"], last["id"]
            );
            return broken("a conflict is with a person", what);
        }
    }
    Ok(())
}

/// The revision in which a field became what it is now, if that was ours and no order of a person. None where there is no such
/// field: the type is another one in another project.
fn last_said_by_us<'a>(ticket: &Ticket, revisions: &'a [Value], field: &str) -> Option<&'a Value> {
    let value = |revision: &Value| {
        let fields = &revision["fields"];
        match fields[field].as_str() {
            // Of the text only our part counts.
            Some(text) if field == LONG_TEXT => json!(block::words(text, &ticket.token)),
            // A conflict on the state may be one on the column.
            Some(state) if field == STATE => json!([state, fields["System.BoardColumn"]]),
            _ => fields[field].clone(),
        }
    };
    if revisions.last()?["fields"][field].is_null() {
        return None;
    }
    let is_change = |pair: &&[Value]| value(&pair[0]) != value(&pair[1]);
    let last = revisions.windows(2).rfind(is_change).map(|pair| &pair[1]).or(revisions.first())?;
    let is_ours = last["fields"]["System.ChangedBy"]["uniqueName"] == LOCKSTEP;
    let said = last["fields"]["System.History"].as_str().unwrap_or_default();
    // What a person ordered is that person's word.
    let is_ordered = ["undid what", "moved this to"].iter().any(|words| said.contains(words));
    (is_ours && !is_ordered).then_some(last)
}

/// What we want to say stands there, where nobody else said anything.
fn our_words_arrive(ticket: &Ticket, revisions: &[Value]) -> Checked {
    let is_at_home = ticket.health == Health::InStep && !was_retyped(revisions);
    let Some(base) = ticket.base.as_ref().filter(|_| is_at_home) else { return Ok(()) };
    let text = |value: &dyn std::fmt::Display| value.to_string();
    let severity = |agreed: &Option<String>| agreed.clone();
    let said = [
        (Some(text(&base.title.ours)), Some(text(&base.title.theirs))),
        (
            base.priority.ours.as_ref().map(|ours| text(ours)),
            base.priority.theirs.as_ref().map(|it| text(it)),
        ),
        (severity(&base.severity.ours), severity(&base.severity.theirs)),
    ];
    for ((label, field), (ours, theirs)) in FIELDS.into_iter().zip(said) {
        let Some(ours) = ours.filter(|ours| theirs.as_ref() != Some(ours)) else { continue };
        if let Some(last) = last_said_by_us(ticket, revisions, field) {
            return broken(
                "both sides agree",
                format!(
                    "{label} of {} should be {ours}, and is {theirs:?} since our revision {}",
                    ticket.token, last["rev"]
                ),
            );
        }
    }
    Ok(())
}

/// Both sides agree through the map, or the ticket names what stands against it.
fn both_sides_agree(sim: &Simulation, ticket: &Ticket) -> Checked {
    let law = "both sides agree";
    let name = &ticket.token;
    let Some(WorkItemId(id)) = ticket.work_item_id else {
        return match ticket.health {
            _ if ticket.intent.is_some() => {
                broken(law, format!("{name} still waits for the outcome of a creation"))
            }
            Health::Closed | Health::OverBudget | Health::Held | Health::Released => Ok(()),
            _ if ticket.parked => Ok(()),
            other => broken(
                law,
                format!("{name} has no work item and is {}: {:?}", other.as_str(), ticket.problem),
            ),
        };
    };
    if ticket.parked {
        return if ticket.problem.is_some() {
            Ok(())
        } else {
            broken(law, format!("{name} is parked without a reason"))
        };
    }
    if ticket.health == Health::Held && ticket.problem.is_some() {
        return Ok(());
    }
    if ticket.health == Health::Released {
        return Ok(());
    }
    let says_so = matches!(ticket.health, Health::Missing | Health::Deleted | Health::Destroyed)
        || (ticket.health == Health::Closed && ticket.problem.is_some());
    if says_so && item(&sim.wire, id).is_none() {
        return Ok(());
    }
    if ticket.intent.is_some() || ticket.mark != ticket.synced_mark {
        return broken(law, format!("{name} has not come to rest: {:?} {:?}", ticket.health, ticket.problem));
    }
    let Some(now) = item(&sim.wire, id) else {
        return broken(law, format!("{name}: {id} is gone, and nobody says so"));
    };
    let Some(read) = &ticket.work_item else { return broken(law, format!("{name} was never read")) };
    if Some(read.revision) != now["rev"].as_i64() {
        return broken(
            law,
            format!("{name} knows revision {} of {id}, which has {}", read.revision, now["rev"]),
        );
    }
    let home = &sim.homes[&ticket.destination_id];
    if read.project != home.project || read.work_item_type != home.work_item_type.name {
        // Said with the states of another process.
        return Ok(());
    }
    let accepted = home.status_map.accepts(ticket.status, &Position::of(read), &home.work_item_type);
    let was_kept = ticket.base.as_ref().is_some_and(|base| base.kept_place.is_some());
    let is_explained = !ticket.conflicts.is_empty() || ticket.problem.is_some() || was_kept;
    if accepted || is_explained || home.status_map.target(ticket.status).is_none() {
        return Ok(());
    }
    broken(
        law,
        format!(
            "{name} is {} and its card {id} stands in {} without a conflict ({:?})",
            ticket.status, read.state, ticket.health
        ),
    )
}

/// Rules 5 and 8 of findings: the last scans saw everything and were imported.
async fn only_scans_prove_fixes(sim: &Simulation) -> Checked {
    let law = "only a scan proves a fix";
    let mut tx = sim.db().read().await.unwrap();
    let rows = tx
        .all("SELECT f.title, f.status, a.name FROM finding f JOIN asset a ON a.id = f.asset_id", args![])
        .await
        .unwrap();
    let mut found: BTreeMap<(String, String), Status> = BTreeMap::new();
    for row in rows {
        let key = (row.text("name").unwrap(), row.text("title").unwrap());
        if found.insert(key.clone(), row.word("status").unwrap()).is_some() {
            return broken("the same weakness is one finding", format!("{key:?} is there twice"));
        }
    }
    for asset in ASSETS {
        let Some(last) = sim
            .code
            .scans
            .iter()
            .filter(|scan| scan.asset == asset && scan.is_full)
            .max_by_key(|scan| scan.started_at)
        else {
            continue;
        };
        for ((_, title_of), status) in found.iter().filter(|((name, _), _)| name == asset) {
            let seen = last.seen.iter().any(|number| title(*number) == *title_of);
            if seen && *status == Status::Fixed {
                return broken(law, format!("{title_of} of {asset} is Fixed, and the last scan saw it"));
            }
            if !seen && status.is_open() {
                return broken(
                    law,
                    format!("{title_of} of {asset} is {status}, and the last scan did not see it"),
                );
            }
        }
        for number in &last.seen {
            if !found.contains_key(&(asset.to_owned(), title(*number))) {
                return broken(law, format!("{} of {asset} was seen and is not there", title(*number)));
            }
        }
    }
    let guessed = tx
        .all(
            "SELECT what FROM audit WHERE to_status = 'fixed' AND cause <> 'scan' AND from_status <> 'fixed'",
            args![],
        )
        .await
        .unwrap();
    match guessed.first() {
        // What a person or the clock ends may bring to light that a scan proved the fix long ago.
        Some(row)
            if !row.text("what").unwrap().contains("Set to")
                && !row.text("what").unwrap().contains("taken up again")
                && !row.text("what").unwrap().contains("ended") =>
        {
            broken(law, row.text("what").unwrap())
        }
        _ => Ok(()),
    }
}

/// Rule 8: the log of a finding is a chain that ends in its status; each write of ours is in the log of its ticket.
async fn every_change_has_a_cause(sim: &Simulation, tickets: &[Ticket], histories: &Histories) -> Checked {
    let law = "every change has a cause";
    let mut tx = sim.db().read().await.unwrap();
    let findings = tx.all("SELECT id, title, status FROM finding", args![]).await.unwrap();
    for finding in findings {
        let id = finding.uuid("id").unwrap();
        let title = finding.text("title").unwrap();
        let entries = tx
            .all("SELECT from_status, to_status, cause_label, what FROM audit WHERE subject = 'finding' AND subject_id = $1 AND to_status IS NOT NULL ORDER BY id", args![id])
            .await
            .unwrap();
        let mut status: Option<String> = None;
        for entry in &entries {
            let from = entry.opt_text("from_status").unwrap();
            if status.is_some() && from != status {
                return broken(
                    law,
                    format!(
                        "{title} went from {status:?} to {from:?} without an entry: {}",
                        entry.text("what").unwrap()
                    ),
                );
            }
            if entry.text("cause_label").unwrap().is_empty() {
                return broken(law, format!("{title}: an entry without a cause"));
            }
            status = entry.opt_text("to_status").unwrap();
        }
        if status != Some(finding.text("status").unwrap()) {
            return broken(
                law,
                format!("{title} is {:?}, and its log ends with {status:?}", finding.text("status")),
            );
        }
    }
    for ticket in tickets {
        let Some(WorkItemId(id)) = ticket.work_item_id else { continue };
        let entries = tx
            .all("SELECT what FROM audit WHERE subject = 'ticket' AND subject_id = $1", args![ticket.id])
            .await
            .unwrap();
        let log: Vec<String> = entries.iter().map(|row| row.text("what").unwrap()).collect();
        let history = histories.of_item(id);
        // What was written before a person chose the work item for this ticket stands in the log of another one.
        let used_since = following::used_since(sim, ticket).await;
        let is_ours = |revision: &Value| {
            let fields = &revision["fields"];
            let date = fields["System.ChangedDate"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
            fields["System.ChangedBy"]["uniqueName"] == LOCKSTEP
                && used_since.is_none_or(|since| date >= Some(since))
        };
        // Taking it out of the recycle bin changes no field either.
        let is_restored = |revision: &Value| {
            let before = revision["rev"].as_i64().unwrap_or_default() - 1;
            log.iter().any(|what| what.contains(&format!("recycle bin, after revision {before};")))
        };
        let of_comments: Vec<&Value> = history
            .windows(2)
            .filter(|pair| is_ours(&pair[1]) && talk::is_of_a_comment(&pair[0], &pair[1]))
            .filter(|pair| !is_restored(&pair[1]))
            .map(|pair| &pair[1])
            .collect();
        // Whoever said something is the cause, also where the ticket was released before the answer came.
        let is_over = ticket.health == Health::Released;
        let is_talk = |what: &String| {
            what.starts_with("A comment of")
                || what.starts_with("The file ")
                || (is_over && (what.contains(" attached the file ") || what.contains("comment")))
        };
        // A change may have nothing to say but its comment.
        let is_named = |revision: &&&Value| {
            let named = format!("(revision {})", revision["rev"]);
            log.iter().any(|what| what.contains(&named))
        };
        let is_silent = of_comments.iter().any(|revision| !is_named(&revision));
        if is_silent && !log.iter().any(is_talk) {
            return broken(
                law,
                format!(
                    "{id} has a comment of ours ({:?}), and the log of {} says nothing: {log:?}",
                    of_comments.iter().map(|revision| &revision["rev"]).collect::<Vec<_>>(),
                    ticket.token
                ),
            );
        }
        let ours: Vec<i64> = history
            .iter()
            .filter(|revision| is_ours(revision) && !of_comments.contains(revision))
            .filter_map(|revision| revision["rev"].as_i64())
            .collect();
        // Of one whose answer was lost before the work item went, only the intention is known.
        let tells_of_a_write = |what: &String| {
            ["changed (revision", "created in", "was to be changed, after revision"]
                .iter()
                .any(|words| what.contains(words))
        };
        // A path of several steps is one change in the log.
        if !ours.is_empty() && !log.iter().any(tells_of_a_write) {
            return broken(
                law,
                format!("{id} was written by us, and the log of {} says nothing", ticket.token),
            );
        }
        if let Some(last) = ours.iter().max().filter(|rev| **rev > 1)
            && !log.iter().any(|what| what.contains(&format!("(revision {last})")))
            && !log.iter().any(|what| {
                let announced = what
                    .split("after revision ")
                    .nth(1)
                    .and_then(|rest| rest.split(';').next()?.parse::<i64>().ok());
                announced.is_some_and(|revision| (revision + 1..=revision + 3).contains(last))
            })
        {
            return broken(
                law,
                format!(
                    "revision {last} of {id} is ours, and the log of {} does not say why: {log:?}",
                    ticket.token
                ),
            );
        }
    }
    Ok(())
}

async fn every_open_finding_has_a_ticket(sim: &Simulation) -> Checked {
    let mut tx = sim.db().read().await.unwrap();
    let without = tx
        .all("SELECT f.title, f.status FROM finding f WHERE f.status IN ('identified', 'in_progress', 'waiting', 'awaiting_validation') AND NOT EXISTS (SELECT 1 FROM ticket_finding t WHERE t.finding_id = f.id)", args![])
        .await
        .unwrap();
    match without.first() {
        Some(row) => broken(
            "every open finding has a ticket",
            format!("{} is {} and has none", row.text("title").unwrap(), row.text("status").unwrap()),
        ),
        None => Ok(()),
    }
}
