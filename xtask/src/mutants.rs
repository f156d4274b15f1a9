//! Does the simulation find bugs? Known bugs are put into a copy of the tree one by one; each must break its law.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::run;

/// A bug that somebody could make.
struct Mutant {
    name: &'static str,
    /// File, what stands there exactly once, and what stands there instead.
    edits: &'static [(&'static str, &'static str, &'static str)],
    /// The laws that it may break; one of them must break.
    laws: &'static [&'static str],
}

const ONE: &str = "one work item for one ticket";
const KEPT: &str = "no change of a person is lost";
const PROOF: &str = "only a scan proves a fix";
const WITH_PEOPLE: &str = "a conflict is with a person";
const QUIET: &str = "nothing is written when nothing changes";
const AGREE: &str = "both sides agree";
const COMMENT_ONCE: &str = "a comment is there once";
const SHOWN_ONCE: &str = "a comment of the board is shown once";
const PRIVATE: &str = "private notes stay here";
const COPIES: &str = "copies are named";
const DELETED: &str = "only what was deleted is replaced";
const CAUSE: &str = "every change has a cause";
const HELD: &str = "what a breaker holds waits for a person";
const SHADOW: &str = "in shadow mode nothing is written";
/// Of the situations in which plans are applied; the other laws are those of the simulation.
const PLANNED: &str = "what is applied is what the plan said";

const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "nothing looks for copies",
        edits: &[(
            "crates/engine/src/sync/copies.rs",
            "        let tokens = tokens_in(item);\n        if tokens.is_empty() {",
            "        let tokens = tokens_in(item);\n        if tokens.len() < 9 {",
        )],
        laws: &[COPIES],
    },
    Mutant {
        name: "what cannot be read is taken for deleted",
        edits: &[(
            "crates/engine/src/sync/following.rs",
            "        if !matches!(whereabouts, Whereabouts::Recycled { .. })\n",
            "        if matches!(whereabouts, Whereabouts::NoProject(_))\n",
        )],
        laws: &[DELETED],
    },
    Mutant {
        name: "a work item is replaced without a new key",
        edits: &[(
            "crates/engine/src/sync/repair.rs",
            "        ticket.token = self.inner.world.token();\n        ticket.work_item_id = None;",
            "        ticket.work_item_id = None;",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "a creation is tried again without a look-up",
        edits: &[(
            "crates/engine/src/sync/lookup.rs",
            "            Ok(mut found) => {\n",
            "            Ok(mut found) => {\n                found.clear();\n",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "a look-up that failed is read as empty",
        edits: &[(
            "crates/engine/src/sync/lookup.rs",
            "                self.block(pass.board, &error, until).await?;\n                Ok(None)\n",
            "                let _ = until;\n                Ok(Some(Answers(wanted.iter().filter_map(|(ticket, _)| Some((ticket.id, (ticket.intent.as_ref().map(Intent::deadline)?, Found::Nothing)))).collect())))\n",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "nobody asks what was deleted or moved",
        edits: &[(
            "crates/engine/src/sync/lookup.rs",
            "        if wanted.iter().any(|(ticket, _)| !found.contains_key(&ticket.id)) {\n",
            "        if wanted.is_empty() {\n",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "an area that may not be seen is taken for an empty one",
        edits: &[(
            "crates/engine/src/sync/lookup.rs",
            "            if !is_seen {\n",
            "            if !is_seen && area.is_empty() {\n",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "nothing waits for the settle time",
        edits: &[
            (
                "crates/engine/src/sync/pass.rs",
                "let until = intent.deadline() + self.inner.settings.settle;",
                "let until = intent.deadline() - self.inner.settings.write_deadline;",
            ),
            (
                "crates/engine/src/sync/lookup.rs",
                "if *deadline + settle <= now =>",
                "if *deadline - settle <= now =>",
            ),
            (
                "crates/engine/src/sync/report.rs",
                "intent.deadline() + self.inner.settings.settle",
                "now + (intent.deadline() - intent.deadline())",
            ),
        ],
        laws: &[ONE],
    },
    Mutant {
        name: "the intent is not written before the call",
        edits: &[(
            "crates/engine/src/sync/create.rs",
            "        ticket.health = Health::Pending;\n        store::tickets::save(tx, &ticket).await?;\n        // Nobody else",
            "        ticket.health = Health::Pending;\n        // Nobody else",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "the deadline is not looked at before a write leaves",
        edits: &[(
            "crates/azure/src/client.rs",
            "        let Call { operation, method, route, body, wanted, deadline } = call;\n",
            "        let Call { operation, method, route, body, wanted, .. } = call;\n        let deadline: Option<DateTime<Utc>> = None;\n",
        )],
        laws: &[ONE],
    },
    Mutant {
        name: "updates do not test the revision",
        edits: &[
            (
                "crates/azure/src/work_items.rs",
                "vec![json!({ \"op\": \"test\", \"path\": \"/rev\", \"value\": revision })]",
                "vec![json!({ \"op\": \"test\", \"path\": \"/id\", \"value\": revision })]",
            ),
            (
                "crates/azure/src/work_items.rs",
                "                Ok(patch)\n            }\n        }\n    }\n",
                "                Ok(patch.into_iter().skip(1).collect())\n            }\n        }\n    }\n",
            ),
        ],
        laws: &[KEPT],
    },
    Mutant {
        name: "the base is dropped",
        edits: &[(
            "crates/engine/src/sync/update.rs",
            "            (Some(base), _) => base,\n",
            "            (Some(_), _) => Base::of_created(&view, &desired, &ticket.token),\n",
        )],
        laws: &[KEPT, AGREE, QUIET, WITH_PEOPLE],
    },
    Mutant {
        name: "our own change is not recognised",
        edits: &[(
            "crates/engine/src/sync/update.rs",
            "                base.absorb(&update, &reached, &ticket.token);\n",
            "",
        )],
        laws: &[KEPT, AGREE, QUIET, CAUSE, WITH_PEOPLE],
    },
    Mutant {
        name: "our tags replace those of people",
        edits: &[(
            "crates/model/src/merge/set.rs",
            "let kept = item.tags.iter().filter(|tag| !contains(&next.tags, tag) || contains(&desired.tags, tag));",
            "let kept = item.tags.iter().filter(|tag| contains(&desired.tags, tag));",
        )],
        laws: &[KEPT],
    },
    Mutant {
        name: "a comment is sent again without a look-up",
        edits: &[(
            "crates/engine/src/sync/comments.rs",
            "        if error.is_certain_not_applied() {\n",
            "        if error.is_certain_not_applied() || stored.intent.is_some() {\n",
        )],
        // The first of two is one that no log knows.
        laws: &[COMMENT_ONCE, CAUSE],
    },
    Mutant {
        name: "private notes leave",
        edits: &[(
            "crates/model/src/merge/comments.rs",
            "if standing.is_private || standing.is_over ||",
            "if standing.is_over ||",
        )],
        laws: &[PRIVATE],
    },
    Mutant {
        name: "our own comment coming back is not recognised",
        edits: &[(
            "crates/model/src/merge/comments.rs",
            "if by_us { known.iter().position(is_it) } else { None }",
            "if by_us { known.iter().position(is_it).and(None) } else { None }",
        )],
        laws: &[COMMENT_ONCE, SHOWN_ONCE],
    },
    Mutant {
        name: "a field that a person changed is written all the same",
        edits: &[(
            "crates/model/src/merge/scalar.rs",
            "match agreed.verdict(ours, theirs == ours, owner) {",
            "match agreed.verdict(ours, theirs == ours, Owner::Ours) {",
        )],
        laws: &[KEPT],
    },
    Mutant {
        name: "an absence counts without coverage",
        edits: &[
            (
                "crates/engine/src/ingest/commit.rs",
                "    coverage.extent == CoverageExtent::Full\n        && coverage",
                "    matches!(coverage.extent, CoverageExtent::Full | CoverageExtent::Partial)\n        && coverage",
            ),
            (
                "crates/engine/src/ingest/effect.rs",
                "if scan.coverage.extent != CoverageExtent::Full {",
                "if !matches!(scan.coverage.extent, CoverageExtent::Full | CoverageExtent::Partial) {",
            ),
        ],
        laws: &[PROOF],
    },
    Mutant {
        name: "a card that is moved without evidence has no comment",
        edits: &[(
            "crates/model/src/merge/state.rs",
            "change.comment = Some(content::explanation(&words, rules.token));",
            "change.comment = None;",
        )],
        laws: &[KEPT],
    },
    Mutant {
        name: "a write whose answer was lost is not in the log",
        edits: &[(
            "crates/engine/src/sync/update.rs",
            "                self.note_write(tx, &ticket, what, &[]).await?;\n                if ticket.following.approval.is_some() {\n",
            "                let _ = what;\n                if ticket.following.approval.is_some() {\n",
        )],
        laws: &[CAUSE],
    },
    Mutant {
        name: "breakers are ignored",
        edits: &[(
            "crates/engine/src/sync/guards.rs",
            "            if held.is_none() && is_allowed {\n",
            "            if held.is_none() || !is_allowed {\n",
        )],
        laws: &[HELD],
    },
    Mutant {
        name: "shadow mode is ignored",
        edits: &[
            (
                "crates/engine/src/sync/guards.rs",
                "            Mode::Shadow => {\n",
                "            Mode::Shadow if now < DateTime::UNIX_EPOCH => {\n",
            ),
            (
                "crates/engine/src/sync/guards.rs",
                "            Mode::Active => {}\n",
                "            Mode::Active | Mode::Shadow => {}\n",
            ),
        ],
        laws: &[SHADOW],
    },
    Mutant {
        name: "private files leave",
        edits: &[(
            "crates/model/src/attachment.rs",
            "    if standing.is_private || standing.is_over {\n",
            "    if standing.is_over {\n",
        )],
        laws: &[PRIVATE],
    },
    Mutant {
        name: "a chosen state outlives what it says",
        edits: &[(
            "crates/model/src/following.rs",
            ".filter(|chosen| chosen.says.is_none_or(|says| says == status))",
            ".filter(|chosen| chosen.says.is_none_or(|says| says == status || says != status))",
        )],
        laws: &[AGREE],
    },
    Mutant {
        name: "a breaker keeps what went elsewhere",
        edits: &[(
            "crates/engine/src/sync/repair.rs",
            "    store::breakers::forget_ticket(tx, ticket.id).await?;\n    ticket.destination_id = to;\n",
            "    let _ = tx;\n    ticket.destination_id = to;\n",
        )],
        laws: &[HELD],
    },
    Mutant {
        name: "what differs from the plan is written all the same",
        edits: &[(
            "crates/engine/src/sync/approval.rs",
            "                    if let Some(why) = approval.differs(write.revision(), &write.fingerprint()) {\n",
            "                    if let Some(why) = approval.differs(approval.revision, &write.fingerprint()).filter(|why| why.is_empty()) {\n",
        )],
        laws: &[PLANNED],
    },
    Mutant {
        name: "a plan keeps quiet about fields",
        edits: &[(
            "crates/engine/src/sync/plan.rs",
            "update.outcome.fields",
            "update.outcome.fields.into_iter().take(1).collect()",
        )],
        laws: &[PLANNED],
    },
];

/// Puts each mutant whose name contains `only` into a copy of the tree and runs the simulation on it.
pub(crate) fn all(only: Option<&str>, seeds: u64) -> anyhow::Result<()> {
    let tree = copy_of_the_tree()?;
    let mut survivors = Vec::new();
    for mutant in MUTANTS.iter().filter(|mutant| only.is_none_or(|only| mutant.name.contains(only))) {
        let originals = apply(mutant, &tree)?;
        let found = find(&tree, mutant, seeds);
        for (path, text) in originals {
            std::fs::write(path, text)?;
        }
        match found? {
            Found::AsNamed(violation) => println!("found     {}: {violation}", mutant.name),
            Found::Otherwise(violation) => {
                println!("MISNAMED  {}: {violation}", mutant.name);
                survivors.push(mutant.name);
            }
            Found::Nothing => {
                println!(
                    "SURVIVED  {} ({seeds} seeds; it should break: {})",
                    mutant.name,
                    mutant.laws.join(", ")
                );
                survivors.push(mutant.name);
            }
        }
    }
    if survivors.is_empty() {
        println!("The simulation finds every one of them.");
        return Ok(());
    }
    bail!("not found as they should be: {}", survivors.join("; "))
}

/// What the simulation says of a mutant.
enum Found {
    /// It breaks the law that is named for it.
    AsNamed(String),
    /// It breaks other laws only.
    Otherwise(String),
    /// It breaks no law.
    Nothing,
}

/// Looks for the law that is named for a mutant. What breaks first is asked for first: most often it is that one.
fn find(tree: &Path, mutant: &Mutant, seeds: u64) -> anyhow::Result<Found> {
    let mut broken = Vec::new();
    for enough in [1, 10] {
        broken = simulate(tree, mutant.laws.contains(&PLANNED), seeds, enough)?;
        let named = broken.iter().find(|line| mutant.laws.iter().any(|law| line.contains(law)));
        if let Some(violation) = named {
            return Ok(Found::AsNamed(violation.clone()));
        }
        if broken.is_empty() {
            break;
        }
    }
    Ok(broken.into_iter().next().map_or(Found::Nothing, Found::Otherwise))
}

/// The files that belong to the repository, in `target/mutants/tree`. Only what changed is written, so that cargo
/// builds little.
fn copy_of_the_tree() -> anyhow::Result<PathBuf> {
    let tree = run::root().join("target/mutants/tree");
    let listed =
        Command::new("git").args(["ls-files", "--cached", "--others", "--exclude-standard"]).output();
    let listed = listed.context("git could not be asked for the files of the tree")?;
    let listed = String::from_utf8(listed.stdout)?;
    let there: HashSet<PathBuf> =
        listed.lines().filter(|file| run::root().join(file).exists()).map(|file| tree.join(file)).collect();
    remove_others(&tree, &there)?;
    for file in listed.lines() {
        let source = run::root().join(file);
        let Ok(content) = std::fs::read(&source) else { continue };
        let target = tree.join(file);
        if std::fs::read(&target).is_ok_and(|there| there == content) {
            continue;
        }
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(target, content)?;
    }
    Ok(tree)
}

/// Removes what an earlier copy has and this one has not: a module that moved would be there twice.
fn remove_others(folder: &Path, there: &HashSet<PathBuf>) -> anyhow::Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            // What was built from it stays.
            if entry.file_name() != "target" {
                remove_others(&path, there)?;
            }
        } else if !there.contains(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Applies the edits; answers the files as they were.
fn apply(mutant: &Mutant, tree: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut originals: Vec<(PathBuf, String)> = Vec::new();
    for (file, there, instead) in mutant.edits {
        let path = tree.join(file);
        let text = std::fs::read_to_string(&path)?;
        if text.matches(there).count() != 1 {
            bail!("'{}': {file} does not hold exactly once: {there}", mutant.name);
        }
        let changed = text.replace(there, instead);
        if !originals.iter().any(|(known, _)| *known == path) {
            originals.push((path.clone(), text));
        }
        std::fs::write(path, changed)?;
    }
    Ok(originals)
}

/// The seeds that break a law, `enough` of them at most, each with what it says.
fn simulate(tree: &Path, of_plans: bool, seeds: u64, enough: u64) -> anyhow::Result<Vec<String>> {
    let test = if of_plans { "what_a_plan_says" } else { "whatever_happens" };
    let output = Command::new("cargo")
        .args(["test", "--quiet", "--package", "engine", "--test", "simulation", "--", "--nocapture", test])
        .current_dir(tree)
        .env("LOCKSTEP_SITUATIONS", seeds.to_string())
        .env("CARGO_TARGET_DIR", run::root().join("target/mutants/target"))
        .env("LOCKSTEP_SEEDS", seeds.to_string())
        .env("LOCKSTEP_ENOUGH", enough.to_string())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let broken: Vec<String> =
        text.lines().filter(|line| line.starts_with("seed ")).map(str::to_owned).collect();
    if broken.is_empty() && !output.status.success() {
        bail!("the simulation could not be run:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_bug_still_has_its_place_in_the_code() {
        let lost: Vec<String> = MUTANTS
            .iter()
            .flat_map(|mutant| mutant.edits.iter().map(|(file, there, _)| (mutant.name, *file, *there)))
            .filter(|(_, file, there)| {
                let text = std::fs::read_to_string(run::root().join(file)).expect("the file is there");
                text.matches(there).count() != 1
            })
            .map(|(name, file, there)| format!("'{name}' in {file}: {there}"))
            .collect();
        assert!(lost.is_empty(), "not there exactly once:\n{}", lost.join("\n"));
    }
}
