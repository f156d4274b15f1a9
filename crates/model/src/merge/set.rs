//! Sets: tags. We add and take away only our own, and never add again what a person took away.

use super::{Base, Desired, FieldChange, Findings};
use crate::board::{Change, WorkItem};

/// What follows for the tags.
pub(super) fn merge(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    change: &mut Change,
    findings: &mut Findings,
) {
    let stands = |tag: &String| contains(&item.tags, tag);
    // Ours and gone: a person took it away. There and not ours: a person set it.
    let decided_by_people =
        |tag: &&String| contains(&next.tags_left, tag) || contains(&next.tags, tag) != stands(tag);
    next.tags_left = desired.tags.iter().filter(decided_by_people).cloned().collect();
    next.tags.retain(stands);
    let add = desired.tags.iter().filter(|tag| !stands(tag) && !contains(&next.tags_left, tag));
    let kept = item.tags.iter().filter(|tag| !contains(&next.tags, tag) || contains(&desired.tags, tag));
    let wanted: Vec<String> = kept.chain(add).cloned().collect();
    if same_set(&wanted, &item.tags) {
        next.tags = without(&desired.tags, &next.tags_left);
        return;
    }
    findings.fields.push(FieldChange {
        field: "Tags".into(),
        from: item.tags.join("; "),
        to: wanted.join("; "),
        reason: "our tags changed; others stay".into(),
        decided_by: None,
    });
    change.tags = Some(wanted);
}

pub(super) fn contains(tags: &[String], tag: &str) -> bool {
    tags.iter().any(|other| other.to_lowercase() == tag.to_lowercase())
}

pub(super) fn without(tags: &[String], others: &[String]) -> Vec<String> {
    tags.iter().filter(|tag| !contains(others, tag)).cloned().collect()
}

pub(super) fn same_set(a: &[String], b: &[String]) -> bool {
    a.iter().all(|tag| contains(b, tag)) && b.iter().all(|tag| contains(a, tag))
}
