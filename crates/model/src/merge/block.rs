//! Our marked block in the long text. The text around it belongs to people, and so does a block that they edited.

use super::owner::Verdict;
use super::{Base, Conflict, Desired, Field, FieldChange, Findings, Rules};
use crate::block;
use crate::board::{Change, WorkItem};

/// What follows for the block.
pub(super) fn merge(
    next: &mut Base,
    desired: &Desired,
    item: &WorkItem,
    rules: Rules<'_>,
    change: &mut Change,
    findings: &mut Findings,
) {
    let token = rules.token;
    let ours = Some(block::normalised(&desired.block));
    let text = item.description.as_deref().unwrap_or_default();
    let theirs = block::words(text, token);
    let agreed = &mut next.block;
    agreed.observe(&theirs);
    if agreed.ours == ours {
        return;
    }
    let same = theirs.as_deref() == Some(block::normalised(&block::wrap(token, &desired.block)).as_str());
    match agreed.verdict(&ours, same, rules.owners.description) {
        // It says so already, whoever wrote it.
        Verdict::Same => *agreed = super::Agreed::on(ours, theirs),
        Verdict::Rest | Verdict::Theirs => {}
        verdict @ (Verdict::Ours | Verdict::Conflict) => {
            // A block that was taken out altogether comes back, behind the text of people, if somebody said so.
            let written = block::replace(text, token, &desired.block)
                .or_else(|| agreed.decided_by.as_ref().map(|_| block::append(text, token, &desired.block)));
            match written {
                Some(written) if verdict == Verdict::Ours && !item.description_is_markdown => {
                    findings.fields.push(FieldChange {
                        field: Field::Description.label().into(),
                        from: "our block as it was".into(),
                        to: "our block brought up to date; the text around it stays".into(),
                        reason: agreed.reason("the findings changed"),
                        decided_by: agreed.decided_by.clone(),
                    });
                    change.description = Some(written);
                }
                _ => findings.conflicts.push(Conflict {
                    field: Field::Description.label().into(),
                    ours: "our block brought up to date".into(),
                    theirs: "the block was edited or removed on the board".into(),
                }),
            }
        }
    }
}
