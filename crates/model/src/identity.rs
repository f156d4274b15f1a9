//! Which result of a new scan is which known finding.
//!
//! Results are compared only within one **place**: kind, vulnerability, and file (or component, page, host). There a
//! result is recognised by what moves least: the scanner's own fingerprint, the text of the lines, the line with its
//! message. Order and line numbers alone never decide. What a place is made of is written down in docs/identity.md.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{FindingKind, Observation};

/// Version of the way fingerprints are made. Stands in front of each.
pub const FINGERPRINT_VERSION: &str = "1";

fn hash(parts: &[&str]) -> String {
    let mut sha = Sha256::new();
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part.as_bytes());
    }
    hex::encode(&sha.finalize()[..16])
}

/// The place of a result: findings are told apart only within one place.
///
/// A component's version is not part of it: an upgrade that does not fix the weakness leaves the finding as it is.
pub fn place_key(observation: &Observation) -> String {
    let vulnerability = observation.vulnerability.id.to_lowercase();
    let path = observation.location.path.as_str();
    let kind = observation.kind.as_str();
    match (&observation.component, observation.kind) {
        (Some(component), FindingKind::Component | FindingKind::License) => hash(&[
            kind,
            &vulnerability,
            &component.ecosystem.as_deref().unwrap_or_default().to_lowercase(),
            &component.name.to_lowercase(),
            path,
            component.path.as_deref().unwrap_or_default(),
        ]),
        (_, FindingKind::Web) => {
            hash(&[kind, &vulnerability, path.split(['?', '#']).next().unwrap_or_default()])
        }
        _ => hash(&[kind, &vulnerability, path]),
    }
}

/// How a result looked when it was last seen: what a moved one is recognised by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sighting {
    /// First line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Hash of the lines without white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Hash of the scanner's words about this one result, without digits (they are often line numbers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Function or class, or the version of a component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inside: Option<String>,
    /// Hash of the scanner's fingerprints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scanner: Option<String>,
}

impl Sighting {
    /// What to remember of a result.
    pub fn of(observation: &Observation) -> Self {
        let location = &observation.location;
        let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let content = location.snippet.as_deref().map(squeezed).filter(|text| !text.is_empty());
        let message = observation
            .message
            .as_deref()
            .map(|text| {
                text.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect::<String>()
            })
            .filter(|text| !text.is_empty());
        let fingerprints: Vec<&str> = observation
            .scanner_fingerprints
            .iter()
            .flat_map(|(name, value)| [name.as_str(), value.as_str()])
            .collect();
        Self {
            line: location.start_line,
            content: content.map(|text| hash(&[&text])),
            message: message.map(|text| hash(&[&text])),
            inside: observation
                .component
                .as_ref()
                .and_then(|component| component.version.clone())
                .or_else(|| location.logical.clone()),
            scanner: (!fingerprints.is_empty()).then(|| hash(&fingerprints)),
        }
    }
}

/// The fingerprint of a finding that is seen for the first time. It is kept when the finding moves.
///
/// `ordinal` tells apart results that nothing else tells apart; the first one is 0.
pub fn fingerprint(place_key: &str, sighting: &Sighting, ordinal: u32) -> String {
    let content = sighting.content.as_deref().or(sighting.message.as_deref()).unwrap_or_default();
    let inside = sighting.inside.as_deref().unwrap_or_default();
    format!("{FINGERPRINT_VERSION}:{}", hash(&[place_key, content, inside, &ordinal.to_string()]))
}

/// What must be equal for two results to be paired in one pass, and the line if it must be equal too.
type Trait = Option<(String, Option<u32>)>;

/// One pass: by what it pairs.
type Pass<'a> = &'a dyn Fn(&Sighting) -> Trait;

/// Pairs the results of one place with the findings known there.
///
/// Answers, for each result, the index of the finding it is, or `None` if it is new. No finding is used twice.
/// `any_left_over` pairs what nothing tells apart: right for components (one more version of the same), wrong for code.
pub fn recognise(seen: &[Sighting], known: &[Sighting], any_left_over: bool) -> Vec<Option<usize>> {
    let mut result = vec![None; seen.len()];
    let mut used = vec![false; known.len()];
    let text = |parts: [&Option<String>; 2]| -> Option<String> {
        parts[0].as_ref().map(|first| format!("{first}\0{}", parts[1].as_deref().unwrap_or_default()))
    };
    let by_scanner = |s: &Sighting| text([&s.scanner, &s.inside]).map(|key| (key, None));
    let never = |_: &Sighting| None;
    // A fingerprint that was seen to change with the line may now be another result's: the text is asked first.
    let (before_content, after_content): (Pass<'_>, Pass<'_>) = match trust_in_fingerprints(seen, known) {
        Trust::Full => (&by_scanner, &never),
        Trust::AfterContent => (&never, &by_scanner),
        Trust::None => (&never, &never),
    };
    // What moves least comes first; a later pass sees only what the earlier ones left over.
    let passes: [Pass<'_>; 8] = [
        &|s| text([&s.scanner, &s.content]).filter(|_| s.content.is_some()).map(|key| (key, s.line)),
        before_content,
        &|s| text([&s.content, &s.inside]).map(|key| (key, s.line)),
        &|s| text([&s.content, &s.inside]).map(|key| (key, None)),
        after_content,
        &|s| text([&s.message, &s.inside]).filter(|_| s.line.is_some()).map(|key| (key, s.line)),
        &|s| s.line.is_some().then(|| (s.content.clone().unwrap_or_default(), s.line)),
        &|s| text([&s.message, &s.inside]).filter(|_| s.content.is_none()).map(|key| (key, None)),
    ];
    for key in passes {
        pair(seen, known, &mut result, &mut used, key);
    }
    // Nothing at all is known about where in the place it is: the same place with the same inside is the same.
    pair(seen, known, &mut result, &mut used, &|s| {
        (s.line.is_none() && s.content.is_none() && s.message.is_none())
            .then(|| (s.inside.clone().unwrap_or_default(), None))
    });
    if any_left_over {
        pair(seen, known, &mut result, &mut used, &|s| s.inside.clone().map(|inside| (inside, None)));
        pair(seen, known, &mut result, &mut used, &|_| Some((String::new(), None)));
    }
    result
}

/// How far a scanner's fingerprints are believed at one place.
enum Trust {
    /// Nothing speaks against them.
    Full,
    /// Some changed although the text did not.
    AfterContent,
    /// Most did: they hang on something that moves.
    None,
}

/// A text that stands exactly once in both lists is the same result: its fingerprint shows whether fingerprints stay.
fn trust_in_fingerprints(seen: &[Sighting], known: &[Sighting]) -> Trust {
    type Text<'a> = (&'a str, Option<&'a str>);
    fn once(list: &[Sighting]) -> HashMap<Text<'_>, Option<&str>> {
        let mut counted: HashMap<Text<'_>, (usize, Option<&str>)> = HashMap::with_capacity(list.len());
        for sighting in list {
            if let Some(content) = sighting.content.as_deref() {
                let entry = counted.entry((content, sighting.inside.as_deref())).or_default();
                *entry = (entry.0 + 1, sighting.scanner.as_deref());
            }
        }
        counted
            .into_iter()
            .filter(|(_, (count, _))| *count == 1)
            .map(|(text, (_, print))| (text, print))
            .collect()
    }
    let known = once(known);
    let (mut kept, mut changed) = (0_usize, 0_usize);
    for (text, now) in once(seen) {
        if let (Some(now), Some(Some(then))) = (now, known.get(&text)) {
            if now == *then { kept += 1 } else { changed += 1 }
        }
    }
    match changed {
        0 => Trust::Full,
        _ if changed > kept => Trust::None,
        _ => Trust::AfterContent,
    }
}

/// Pairs what has an equal key, the nearest lines first.
fn pair(
    seen: &[Sighting],
    known: &[Sighting],
    result: &mut [Option<usize>],
    used: &mut [bool],
    key: Pass<'_>,
) {
    #[derive(Default)]
    struct Bucket {
        new: Vec<usize>,
        old: Vec<usize>,
    }
    let mut buckets: BTreeMap<(String, Option<u32>), Bucket> = BTreeMap::new();
    for (index, sighting) in seen.iter().enumerate().filter(|(index, _)| result[*index].is_none()) {
        if let Some(key) = key(sighting) {
            buckets.entry(key).or_default().new.push(index);
        }
    }
    for (index, sighting) in known.iter().enumerate().filter(|(index, _)| !used[*index]) {
        if let Some(key) = key(sighting)
            && let Some(bucket) = buckets.get_mut(&key)
        {
            bucket.old.push(index);
        }
    }
    for Bucket { mut new, mut old } in buckets.into_values() {
        // The order in which a report lists its results decides nothing.
        new.sort_by_key(|index| &seen[*index]);
        old.sort_by_key(|index| &known[*index]);
        for (seen_index, known_index) in nearest(&new, &old, seen, known) {
            result[seen_index] = Some(known_index);
            used[known_index] = true;
        }
    }
}

/// Pairs by least distance of lines where there are few, by order of lines where there are many. Both lists are sorted.
fn nearest(new: &[usize], old: &[usize], seen: &[Sighting], known: &[Sighting]) -> Vec<(usize, usize)> {
    const FEW: usize = 40_000;
    if new.len().saturating_mul(old.len()) > FEW {
        return new.iter().copied().zip(old.iter().copied()).collect();
    }
    let line = |sighting: &Sighting| sighting.line.unwrap_or(0);
    let mut candidates: Vec<(u32, usize, usize)> = Vec::with_capacity(new.len() * old.len());
    for (n, new) in new.iter().enumerate() {
        for (o, old) in old.iter().enumerate() {
            candidates.push((line(&seen[*new]).abs_diff(line(&known[*old])), n, o));
        }
    }
    candidates.sort_unstable();
    let (mut new_taken, mut old_taken) = (vec![false; new.len()], vec![false; old.len()]);
    let mut pairs = Vec::new();
    for (_, n, o) in candidates {
        if !new_taken[n] && !old_taken[o] {
            (new_taken[n], old_taken[o]) = (true, true);
            pairs.push((new[n], old[o]));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sighting(line: u32, content: Option<&str>, message: &str) -> Sighting {
        Sighting {
            line: Some(line),
            content: content.map(str::to_owned),
            message: Some(message.to_owned()),
            ..Sighting::default()
        }
    }

    #[test]
    fn a_result_whose_lines_moved_is_recognised_by_its_content() {
        let known = [sighting(10, Some("a"), "m"), sighting(20, Some("b"), "m")];
        let seen = [sighting(25, Some("b"), "m"), sighting(15, Some("a"), "m")];
        assert_eq!(recognise(&seen, &known, false), [Some(1), Some(0)]);
    }

    #[test]
    fn a_result_with_other_content_on_another_line_is_new() {
        let known = [sighting(10, Some("a"), "m")];
        let seen = [sighting(99, Some("z"), "m")];
        assert_eq!(recognise(&seen, &known, false), [None]);
    }

    #[test]
    fn an_edited_line_that_stayed_where_it_was_is_the_same() {
        let known = [sighting(10, Some("a"), "m")];
        let seen = [sighting(10, Some("a2"), "m")];
        assert_eq!(recognise(&seen, &known, false), [Some(0)]);
    }

    #[test]
    fn equal_results_are_paired_one_to_one_with_the_nearest_line() {
        let known =
            [sighting(10, Some("a"), "m"), sighting(20, Some("a"), "m"), sighting(30, Some("a"), "m")];
        let seen = [sighting(35, Some("a"), "m"), sighting(25, Some("a"), "m")];
        let result = recognise(&seen, &known, false);
        assert_eq!(result[0], Some(2));
        assert_eq!(result[1], Some(1));
    }

    #[test]
    fn a_scanner_fingerprint_recognises_what_moved_and_changed() {
        let with = |line, content: &str, print: &str| Sighting {
            scanner: Some(print.to_owned()),
            ..sighting(line, Some(content), "m")
        };
        assert_eq!(recognise(&[with(50, "changed", "f1")], &[with(10, "old", "f1")], false), [Some(0)]);
    }

    #[test]
    fn an_upgraded_component_that_is_still_vulnerable_is_the_same() {
        let version = |version: &str| Sighting { inside: Some(version.to_owned()), ..Sighting::default() };
        assert_eq!(recognise(&[version("1.2")], &[version("1.1")], true), [Some(0)]);
        assert_eq!(
            recognise(&[version("1.1"), version("2.0")], &[version("2.0")], true),
            [None, Some(0)],
            "an exact version is recognised before a left-over is taken"
        );
    }

    #[test]
    fn many_equal_results_do_not_take_quadratic_time() {
        let many: Vec<_> = (0..20_000).map(|line| sighting(line, Some("same"), "m")).collect();
        let result = recognise(&many, &many, false);
        assert!(result.iter().enumerate().all(|(index, known)| *known == Some(index)));
    }
}
