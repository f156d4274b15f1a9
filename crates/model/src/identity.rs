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

/// The address of a page, and its query and fragment if it has any.
fn split_address(address: &str) -> (&str, Option<&str>) {
    match address.find(['?', '#']) {
        Some(at) => (&address[..at], Some(&address[at..])),
        None => (address, None),
    }
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
        (_, FindingKind::Web) => hash(&[kind, &vulnerability, split_address(path).0]),
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
    /// Hash of what the place leaves out of a page's address: query and fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
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
            query: match observation.kind {
                FindingKind::Web => split_address(&location.path).1.map(|query| hash(&[query])),
                _ => None,
            },
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

/// Whether results of a kind that nothing tells apart any more are taken for each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LeftOver {
    /// Never: other code with other words is another finding.
    Apart,
    /// Where one was known and one is seen. Their words quote what the scanner sent and got, which changes every time.
    OneOfEach,
    /// As many as there are: one more version of the same component.
    Paired,
}

impl LeftOver {
    fn of(kind: FindingKind) -> Self {
        match kind {
            FindingKind::Code | FindingKind::Secret => Self::Apart,
            FindingKind::Web | FindingKind::Host | FindingKind::Misconfiguration => Self::OneOfEach,
            FindingKind::Component | FindingKind::License => Self::Paired,
        }
    }
}

/// Pairs the results of one place, which are all of one `kind`, with the findings known there.
///
/// Answers, for each result, the index of the finding it is, or `None` if it is new. No finding is used twice.
pub fn recognise(seen: &[Sighting], known: &[Sighting], kind: FindingKind) -> Vec<Option<usize>> {
    let mut pairing = Pairing::new(seen, known);
    let text = |parts: [&Option<String>; 2]| -> Option<String> {
        parts[0].as_ref().map(|first| format!("{first}\0{}", parts[1].as_deref().unwrap_or_default()))
    };
    let inside = |s: &Sighting| s.inside.clone().unwrap_or_default();
    let by_scanner = |s: &Sighting| text([&s.scanner, &s.inside]).map(|key| (key, None));
    let never = |_: &Sighting| None;
    // A fingerprint that was seen to change with the line may now be another result's: the text is asked first.
    let (before_content, after_content): (Pass<'_>, Pass<'_>) = match trust_in_fingerprints(seen, known) {
        Trust::Full => (&by_scanner, &never),
        Trust::AfterContent => (&never, &by_scanner),
        Trust::None => (&never, &never),
    };
    // What moves least comes first; a later pass sees only what the earlier ones left over.
    let passes: [Pass<'_>; 9] = [
        &|s| text([&s.scanner, &s.content]).filter(|_| s.content.is_some()).map(|key| (key, s.line)),
        before_content,
        &|s| text([&s.content, &s.inside]).map(|key| (key, s.line)),
        &|s| text([&s.content, &s.inside]).map(|key| (key, None)),
        after_content,
        &|s| text([&s.message, &s.inside]).filter(|_| s.line.is_some()).map(|key| (key, s.line)),
        &|s| s.line.is_some().then(|| (s.content.clone().unwrap_or_default(), s.line)),
        &|s| {
            let query = s.query.as_ref().filter(|_| s.content.is_none())?;
            let message = s.message.as_deref().unwrap_or_default();
            Some((format!("{message}\0{}\0{query}", inside(s)), s.line))
        },
        &|s| text([&s.message, &s.inside]).filter(|_| s.content.is_none()).map(|key| (key, None)),
    ];
    for key in passes {
        pairing.pair(key);
    }
    // Nothing at all is known about where in the place it is: the same place with the same inside is the same.
    pairing.pair(&|s| {
        (s.line.is_none() && s.content.is_none() && s.message.is_none()).then(|| (inside(s), None))
    });
    match LeftOver::of(kind) {
        LeftOver::Apart => {}
        LeftOver::OneOfEach => {
            let nowhere = |s: &Sighting| s.line.is_none() && s.content.is_none();
            pairing.pair_one_of_each(&|s| {
                let query = s.query.as_ref().filter(|_| nowhere(s))?;
                Some((format!("{}\0{query}", inside(s)), None))
            });
            pairing.pair_one_of_each(&|s| nowhere(s).then(|| (inside(s), None)));
        }
        LeftOver::Paired => {
            pairing.pair(&|s| s.inside.clone().map(|inside| (inside, None)));
            pairing.pair(&|_| Some((String::new(), None)));
        }
    }
    pairing.answer
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

/// A text that stands equally often in both lists is the same results: their fingerprints show whether fingerprints stay.
fn trust_in_fingerprints(seen: &[Sighting], known: &[Sighting]) -> Trust {
    let known = fingerprints_by_text(known);
    let (mut kept, mut changed) = (0_usize, 0_usize);
    for (text, now) in fingerprints_by_text(seen) {
        let Some(then) = known.get(&text).filter(|then| then.len() == now.len()) else { continue };
        if now.contains(&None) || then.contains(&None) {
            continue;
        }
        if now == *then {
            kept += 1;
        } else if !now.iter().any(|print| then.contains(print)) {
            // Where some of several stayed, one may have gone and another come.
            changed += 1;
        }
    }
    match changed {
        0 => Trust::Full,
        _ if changed > kept => Trust::None,
        _ => Trust::AfterContent,
    }
}

/// For each text the fingerprints of its results, sorted. A text that stands very often tells nothing more.
fn fingerprints_by_text(list: &[Sighting]) -> HashMap<(&str, Option<&str>), Vec<Option<&str>>> {
    const OFTEN: usize = 100;
    let mut texts: HashMap<_, Vec<_>> = HashMap::with_capacity(list.len());
    for sighting in list {
        if let Some(content) = sighting.content.as_deref() {
            let prints = texts.entry((content, sighting.inside.as_deref())).or_default();
            prints.push(sighting.scanner.as_deref());
        }
    }
    texts.retain(|_, prints| prints.len() <= OFTEN);
    texts.values_mut().for_each(|prints| prints.sort_unstable());
    texts
}

/// What is paired so far.
struct Pairing<'a> {
    seen: &'a [Sighting],
    known: &'a [Sighting],
    answer: Vec<Option<usize>>,
    used: Vec<bool>,
}

/// Results and findings with an equal key, as indices.
#[derive(Default)]
struct Bucket {
    new: Vec<usize>,
    old: Vec<usize>,
}

impl<'a> Pairing<'a> {
    fn new(seen: &'a [Sighting], known: &'a [Sighting]) -> Self {
        Self { seen, known, answer: vec![None; seen.len()], used: vec![false; known.len()] }
    }

    /// Pairs what is left over and has an equal key, so that lines move as little as they can.
    fn pair(&mut self, key: Pass<'_>) {
        let new = (0..self.seen.len()).filter(|index| self.answer[*index].is_none());
        let old = (0..self.known.len()).filter(|index| !self.used[*index]);
        for Bucket { mut new, mut old } in self.buckets(key, new, old) {
            // The order in which a report lists its results decides nothing.
            new.sort_by_key(|index| &self.seen[*index]);
            old.sort_by_key(|index| &self.known[*index]);
            for (seen, known) in in_order(&new, &old, self.seen, self.known) {
                self.take(seen, known);
            }
        }
    }

    /// Pairs what has an equal key where it is the only one of the scan and the only one known.
    fn pair_one_of_each(&mut self, key: Pass<'_>) {
        for Bucket { new, old } in self.buckets(key, 0..self.seen.len(), 0..self.known.len()) {
            if let ([seen], [known]) = (new.as_slice(), old.as_slice())
                && self.answer[*seen].is_none()
                && !self.used[*known]
            {
                self.take(*seen, *known);
            }
        }
    }

    fn take(&mut self, seen: usize, known: usize) {
        self.answer[seen] = Some(known);
        self.used[known] = true;
    }

    /// These results by their key, with those of these findings that share it.
    fn buckets(
        &self,
        key: Pass<'_>,
        new: impl Iterator<Item = usize>,
        old: impl Iterator<Item = usize>,
    ) -> Vec<Bucket> {
        let mut buckets: BTreeMap<(String, Option<u32>), Bucket> = BTreeMap::new();
        for index in new {
            if let Some(key) = key(&self.seen[index]) {
                buckets.entry(key).or_default().new.push(index);
            }
        }
        for index in old {
            if let Some(key) = key(&self.known[index])
                && let Some(bucket) = buckets.get_mut(&key)
            {
                bucket.old.push(index);
            }
        }
        buckets.into_values().collect()
    }
}

/// Pairs as many as there are of both, without crossing: what stood above another stays above it. Of all such ways the
/// one in which lines move least. Both lists are sorted by line.
fn in_order(new: &[usize], old: &[usize], seen: &[Sighting], known: &[Sighting]) -> Vec<(usize, usize)> {
    let line = |sighting: &Sighting| u64::from(sighting.line.unwrap_or(0));
    let new_lines: Vec<u64> = new.iter().map(|index| line(&seen[*index])).collect();
    let old_lines: Vec<u64> = old.iter().map(|index| line(&known[*index])).collect();
    if new.len() <= old.len() {
        let partners = least_moved(&new_lines, &old_lines);
        new.iter().zip(partners).map(|(new, at)| (*new, old[at])).collect()
    } else {
        let partners = least_moved(&old_lines, &new_lines);
        old.iter().zip(partners).map(|(old, at)| (new[at], *old)).collect()
    }
}

/// For each line of the shorter list its partner in the longer one, in order, so that the sum of the distances is least.
///
/// Takes time and memory by the length of the shorter list and the difference of the two. Beyond a bound, which lists of
/// equal texts reach only where thousands came and went at once, the lines are paired as they stand.
fn least_moved(short: &[u64], long: &[u64]) -> Vec<usize> {
    const MANY: usize = 1_000_000;
    let width = long.len() - short.len() + 1;
    if width == 1 || short.len().saturating_mul(width) > MANY {
        return (0..short.len()).collect();
    }
    // `short[i]` may be paired with `long[i + skipped]`, and `skipped` never shrinks. For each of them: the least sum of
    // distances up to here, and how many the one before had skipped in it.
    let mut least = vec![0_u64; width];
    let mut before: Vec<usize> = Vec::with_capacity(short.len() * width);
    for (i, line) in short.iter().enumerate() {
        let mut best = 0;
        let mut next = Vec::with_capacity(width);
        for skipped in 0..width {
            if least[skipped] < least[best] {
                best = skipped;
            }
            next.push(least[best] + line.abs_diff(long[i + skipped]));
            before.push(best);
        }
        least = next;
    }
    let mut skipped = (0..width).min_by_key(|skipped| least[*skipped]).unwrap_or(0);
    let mut partners = vec![0; short.len()];
    for i in (0..short.len()).rev() {
        partners[i] = i + skipped;
        skipped = before[i * width + skipped];
    }
    partners
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
        assert_eq!(recognise(&seen, &known, FindingKind::Code), [Some(1), Some(0)]);
    }

    #[test]
    fn a_result_with_other_content_on_another_line_is_new() {
        let known = [sighting(10, Some("a"), "m")];
        let seen = [sighting(99, Some("z"), "m")];
        assert_eq!(recognise(&seen, &known, FindingKind::Code), [None]);
    }

    #[test]
    fn an_edited_line_that_stayed_where_it_was_is_the_same() {
        let known = [sighting(10, Some("a"), "m")];
        let seen = [sighting(10, Some("a2"), "m")];
        assert_eq!(recognise(&seen, &known, FindingKind::Code), [Some(0)]);
    }

    #[test]
    fn equal_results_are_paired_one_to_one_with_the_nearest_line() {
        let known =
            [sighting(10, Some("a"), "m"), sighting(20, Some("a"), "m"), sighting(30, Some("a"), "m")];
        let seen = [sighting(35, Some("a"), "m"), sighting(25, Some("a"), "m")];
        let result = recognise(&seen, &known, FindingKind::Code);
        assert_eq!(result[0], Some(2));
        assert_eq!(result[1], Some(1));
    }

    #[test]
    fn a_scanner_fingerprint_recognises_what_moved_and_changed() {
        let with = |line, content: &str, print: &str| Sighting {
            scanner: Some(print.to_owned()),
            ..sighting(line, Some(content), "m")
        };
        assert_eq!(
            recognise(&[with(50, "changed", "f1")], &[with(10, "old", "f1")], FindingKind::Code),
            [Some(0)]
        );
    }

    #[test]
    fn a_result_that_is_written_twice_shows_too_that_fingerprints_hang_on_the_line() {
        let at = |line: u32, content: &str| Sighting {
            scanner: Some(format!("line {line}")),
            ..sighting(line, Some(content), "m")
        };
        let known = [at(10, "gone"), at(40, "moved"), at(40, "moved")];
        let seen = [at(10, "moved"), at(10, "moved")];
        let mut answer = recognise(&seen, &known, FindingKind::Code);
        answer.sort();
        assert_eq!(answer, [Some(1), Some(2)]);
    }

    #[test]
    fn an_upgraded_component_that_is_still_vulnerable_is_the_same() {
        let version = |version: &str| Sighting { inside: Some(version.to_owned()), ..Sighting::default() };
        assert_eq!(recognise(&[version("1.2")], &[version("1.1")], FindingKind::Component), [Some(0)]);
        assert_eq!(
            recognise(&[version("1.1"), version("2.0")], &[version("2.0")], FindingKind::Component),
            [None, Some(0)],
            "an exact version is recognised before a left-over is taken"
        );
    }

    fn result(inside: &str, message: &str) -> Sighting {
        Sighting { inside: Some(inside.into()), message: Some(message.into()), ..Sighting::default() }
    }

    #[test]
    fn a_service_whose_answer_changed_is_the_same_finding() {
        for kind in [FindingKind::Host, FindingKind::Web, FindingKind::Misconfiguration] {
            let known = [result("POST price", "attack abc"), result("POST quantity", "attack def")];
            let seen = [result("POST quantity", "attack uvw"), result("POST price", "attack xyz")];
            assert_eq!(recognise(&seen, &known, kind), [Some(1), Some(0)], "{kind:?}");
        }
    }

    #[test]
    fn other_words_are_the_same_finding_only_where_one_was_known_and_one_is_seen() {
        let known = [result("", "a"), result("", "b")];
        assert_eq!(
            recognise(&[result("", "a"), result("", "c")], &known, FindingKind::Host),
            [Some(0), None]
        );
        let known = &known[..1];
        assert_eq!(recognise(&[result("", "b"), result("", "c")], known, FindingKind::Host), [None, None]);
        assert_eq!(recognise(&[result("other", "b")], known, FindingKind::Web), [None], "another parameter");
        assert_eq!(recognise(&[result("", "b")], known, FindingKind::Code), [None], "other words on code");
    }

    #[test]
    fn pages_that_differ_in_their_query_alone_are_not_taken_for_each_other() {
        let page = |query: &str| Sighting {
            query: Some(query.into()),
            inside: Some("GET".into()),
            ..Sighting::default()
        };
        let known = [page("?type=3"), page("?type=5"), page("?type=6")];
        let seen = [page("?type=2"), page("?type=3"), page("?type=6"), page("?type=5")];
        assert_eq!(recognise(&seen, &known, FindingKind::Web), [None, Some(0), Some(2), Some(1)]);
        let reworded = |query: &str, message: &str| Sighting { message: Some(message.into()), ..page(query) };
        let known = [reworded("?type=3", "attack a"), reworded("?type=5", "attack b")];
        let seen = [reworded("?type=5", "attack c"), reworded("?type=3", "attack d")];
        assert_eq!(recognise(&seen, &known, FindingKind::Web), [Some(1), Some(0)]);
    }

    #[test]
    fn a_page_remembered_without_its_query_is_still_recognised() {
        let known = [result("GET", "m")];
        let seen = [Sighting { query: Some("?type=3".into()), ..result("GET", "m") }];
        assert_eq!(recognise(&seen, &known, FindingKind::Web), [Some(0)]);
    }

    #[test]
    fn results_that_nothing_but_their_order_tells_apart_keep_it_when_lines_shift() {
        let at = |lines: &[u32]| lines.iter().map(|line| sighting(*line, None, "m")).collect::<Vec<_>>();
        let answer = |seen: &[u32], known: &[u32]| recognise(&at(seen), &at(known), FindingKind::Code);
        assert_eq!(answer(&[9, 15, 21], &[10, 19, 27]), [Some(0), Some(1), Some(2)]);
        assert_eq!(answer(&[32, 43], &[10, 20, 31]), [Some(1), Some(2)], "the first is gone");
        assert_eq!(answer(&[11, 12, 23, 34], &[10, 20, 31]), [Some(0), None, Some(1), Some(2)]);
    }

    #[test]
    fn equal_results_of_which_some_went_do_not_take_quadratic_time() {
        let many = |lines: u32, shift: u32| -> Vec<_> {
            (0..lines).map(|line| sighting(line + shift, Some("same"), "m")).collect()
        };
        let answer = recognise(&many(30_000, 50_000), &many(29_980, 0), FindingKind::Code);
        assert_eq!(answer.iter().flatten().count(), 29_980);
    }

    #[test]
    fn many_equal_results_do_not_take_quadratic_time() {
        let many: Vec<_> = (0..20_000).map(|line| sighting(line, Some("same"), "m")).collect();
        let result = recognise(&many, &many, FindingKind::Code);
        assert!(result.iter().enumerate().all(|(index, known)| *known == Some(index)));
    }
}
