//! Which file of a new scan is a known one under another name.
//!
//! A finding's place holds its path, so that a renamed file would close its findings and open them anew. This is the
//! second round after [`crate::identity::recognise`], for one asset, configuration and branch: files whose findings are
//! all absent and of which the scan saw nothing are compared with files of which nothing was known. A pair is made only
//! where what lies in them is the same and nothing else is; everything else stays gone and new.
//!
//! What lies in a file is one key, so that a caller can stream files and needs to keep a line for each that vanished.
//! The findings of a pair are then recognised by `recognise`, one vulnerability at a time, as at one place.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::FindingKind;
use crate::identity::Sighting;

/// One result or finding in a file.
#[derive(Clone, Copy, Debug)]
pub struct InFile<'a> {
    /// What sort of weakness.
    pub kind: FindingKind,
    /// The scanner's id of the definition.
    pub vulnerability: &'a str,
    /// How it looks, or looked last.
    pub sighting: &'a Sighting,
}

/// What lies in a file, whatever the file is called: equal for two files with the same results on the same code, in the
/// same order and at the same distances, also if lines were inserted above all of them.
///
/// `None` where too little is known to recognise a file by: no result has its lines of code. One result alone must stand
/// on the same line too.
pub fn file_key(results: &[InFile<'_>]) -> Option<String> {
    let mut with_code: Vec<(u32, [String; 5])> = Vec::with_capacity(results.len());
    for InFile { kind, vulnerability, sighting } in results {
        let (Some(content), Some(line)) = (&sighting.content, sighting.line) else { continue };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        with_code.push((
            line,
            [
                kind.as_str().to_owned(),
                vulnerability.to_lowercase(),
                content.clone(),
                text(&sighting.inside),
                text(&sighting.message),
            ],
        ));
    }
    with_code.sort();
    let first_line = with_code.first()?.0;
    let from = if with_code.len() == 1 { 0 } else { first_line };
    let mut sha = Sha256::new();
    for (line, facts) in &with_code {
        sha.update((line - from).to_le_bytes());
        for fact in facts {
            sha.update((fact.len() as u64).to_le_bytes());
            sha.update(fact.as_bytes());
        }
    }
    Some(hex::encode(&sha.finalize()[..16]))
}

/// A file with its key.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Path as the results give it.
    pub path: &'a str,
    /// What lies in it, by [`file_key`].
    pub key: &'a str,
}

/// Pairs files that vanished with files that came: indices into both lists.
///
/// `gone` are files that had findings and of which the scan, which covered them, saw no result; `come` those of which
/// nothing was known. A key that several files share pairs only those whose name without folders tells which is which.
pub fn renames(gone: &[File<'_>], come: &[File<'_>]) -> Vec<(usize, usize)> {
    let mut pairs = pairs_by(gone, come, |file| (file.key, ""));
    // Where a folder was renamed, files with equal contents keep their names. What its key alone pairs can have no other
    // partner here.
    pairs.extend(pairs_by(gone, come, |file| (file.key, file.path.rsplit('/').next().unwrap_or_default())));
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// Pairs what has an equal key where one file that vanished has it and one that came.
fn pairs_by<'a>(
    gone: &[File<'a>],
    come: &[File<'a>],
    key: impl Fn(&File<'a>) -> (&'a str, &'a str),
) -> Vec<(usize, usize)> {
    #[derive(Default)]
    struct Group {
        old: Vec<usize>,
        new: Vec<usize>,
    }
    let mut groups: HashMap<(&str, &str), Group> = HashMap::with_capacity(gone.len());
    for (index, file) in gone.iter().enumerate() {
        groups.entry(key(file)).or_default().old.push(index);
    }
    for (index, file) in come.iter().enumerate() {
        if let Some(group) = groups.get_mut(&key(file)) {
            group.new.push(index);
        }
    }
    let pairs = groups.into_values().filter_map(|group| match (group.old.as_slice(), group.new.as_slice()) {
        ([old], [new]) => Some((*old, *new)),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(line: u32, content: &str) -> Sighting {
        Sighting {
            line: Some(line),
            content: Some(content.into()),
            message: Some("m".into()),
            ..Sighting::default()
        }
    }

    fn key(sightings: &[Sighting]) -> Option<String> {
        let results: Vec<InFile<'_>> = sightings
            .iter()
            .map(|sighting| InFile { kind: FindingKind::Code, vulnerability: "Rule", sighting })
            .collect();
        file_key(&results)
    }

    #[test]
    fn a_file_has_the_same_key_in_any_order_and_below_new_lines() {
        let file = [sighting(10, "a"), sighting(20, "b")];
        assert_eq!(key(&file), key(&[sighting(20, "b"), sighting(10, "a")]));
        assert_eq!(key(&file), key(&[sighting(13, "a"), sighting(23, "b")]));
        assert_ne!(key(&file), key(&[sighting(10, "a"), sighting(21, "b")]), "lines came between them");
        assert_ne!(key(&file), key(&[sighting(10, "b"), sighting(20, "a")]));
        assert_ne!(key(&file), key(&[sighting(10, "a"), sighting(20, "b"), sighting(20, "b")]));
    }

    #[test]
    fn one_result_alone_must_stand_on_the_same_line() {
        assert_eq!(key(&[sighting(10, "a")]), key(&[sighting(10, "a")]));
        assert_ne!(key(&[sighting(10, "a")]), key(&[sighting(11, "a")]));
    }

    #[test]
    fn a_file_of_which_no_code_is_known_has_no_key() {
        assert_eq!(key(&[Sighting { content: None, ..sighting(10, "") }]), None);
        assert_eq!(key(&[]), None);
    }

    #[test]
    fn the_rule_and_the_words_are_part_of_what_lies_in_a_file() {
        let sighting = sighting(10, "a");
        let of = |kind, vulnerability| file_key(&[InFile { kind, vulnerability, sighting: &sighting }]);
        assert_eq!(of(FindingKind::Code, "rule"), of(FindingKind::Code, "RULE"));
        assert_ne!(of(FindingKind::Code, "rule"), of(FindingKind::Code, "other"));
        assert_ne!(of(FindingKind::Code, "rule"), of(FindingKind::Misconfiguration, "rule"));
        let reworded = Sighting { message: Some("n".into()), ..sighting.clone() };
        assert_ne!(key(std::slice::from_ref(&sighting)), key(&[reworded]));
    }

    fn files<'a>(list: &[(&'a str, &'a str)]) -> Vec<File<'a>> {
        list.iter().map(|(path, key)| File { path, key }).collect()
    }

    #[test]
    fn a_file_that_kept_its_content_is_recognised_under_its_new_name() {
        let gone = files(&[("src/a.rs", "1"), ("src/b.rs", "2")]);
        let come = files(&[("lib/z.rs", "2"), ("src/new.rs", "3")]);
        assert_eq!(renames(&gone, &come), [(1, 0)]);
    }

    #[test]
    fn where_several_files_are_the_same_nothing_is_guessed() {
        let one = files(&[("src/a.rs", "1")]);
        let two = files(&[("src/b.rs", "1"), ("src/c.rs", "1")]);
        assert_eq!(renames(&one, &two), [], "copied twice");
        assert_eq!(renames(&two, &one), [], "two were folded into one");
    }

    #[test]
    fn files_of_a_renamed_folder_are_told_apart_by_their_names() {
        let gone =
            files(&[("old/a.rs", "1"), ("old/b.rs", "1"), ("old/x/mod.rs", "1"), ("old/y/mod.rs", "1")]);
        let come =
            files(&[("new/b.rs", "1"), ("new/x/mod.rs", "1"), ("new/y/mod.rs", "1"), ("new/a.rs", "1")]);
        assert_eq!(renames(&gone, &come), [(0, 3), (1, 0)], "two that are named alike stay apart");
    }

    #[test]
    fn a_hundred_thousand_files_take_no_time() {
        let names: Vec<String> = (0..100_000).map(|number| format!("file {number}")).collect();
        let all: Vec<File<'_>> = names.iter().map(|name| File { path: name, key: name }).collect();
        assert_eq!(renames(&all, &all).len(), all.len());
    }
}
