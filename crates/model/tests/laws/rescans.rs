//! Scans of a whole repository that changed in known ways: what went is absent, what came is new, and nothing else.
//!
//! Weaknesses lie in files, several of a rule in one; ten in a hundred go, ten come, five move to other lines (some to
//! those of what went), lines are inserted above others, the report changes its order, and some results stand in it
//! twice. Each seed is one repository, and is named where it fails.

use std::collections::{BTreeMap, BTreeSet};

use model::identity::{Sighting, place_key, recognise};
use model::{FindingKind, Location, Observation, Severity, Vulnerability};

const SEEDS: u64 = 400;
const WEAKNESSES: usize = 150;

/// What the scanner's fingerprints hang on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fingerprints {
    Stable,
    None,
    OfTheLine,
}

/// SplitMix64: the same numbers for the same seed, on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("below the bound")
    }

    fn in_a_hundred(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end + 1));
        }
    }
}

/// A weakness as it is, whatever a scanner says of it.
#[derive(Clone, Debug)]
struct Weakness {
    id: usize,
    rule: usize,
    file: usize,
    line: u32,
    indent: usize,
    is_written_twice: bool,
}

impl Weakness {
    fn result(&self, fingerprints: Fingerprints) -> Observation {
        let Self { id, rule, file, line, .. } = *self;
        let fingerprint = match fingerprints {
            Fingerprints::Stable => Some(format!("weakness {id}")),
            Fingerprints::None => None,
            Fingerprints::OfTheLine => Some(format!("{rule} {file} {line}")),
        };
        Observation {
            kind: FindingKind::Code,
            vulnerability: Vulnerability { id: format!("rule-{rule}"), ..Vulnerability::default() },
            severity: Severity::Medium,
            scanner_severity: None,
            title: "A weakness".into(),
            message: Some(format!("Rule {rule} is broken on line {line}.")),
            location: Location {
                path: format!("src/{file}.rs"),
                start_line: Some(line),
                snippet: Some(format!("{}call_{id}(input);", " ".repeat(self.indent))),
                logical: Some(format!("function_{}", id % 3)),
                ..Location::default()
            },
            related_locations: Vec::new(),
            component: None,
            scanner_fingerprints: fingerprint.map(|value| ("print".to_owned(), value)).into_iter().collect(),
            suppression: None,
        }
    }
}

/// The repository before and after.
struct Repository {
    before: Vec<Weakness>,
    after: Vec<Weakness>,
}

const FILES: usize = 8;
const RULES: usize = 4;

fn repository(chance: &mut Chance) -> Repository {
    let mut before: Vec<Weakness> = (0..WEAKNESSES)
        .map(|id| Weakness {
            id,
            rule: chance.below(RULES),
            file: chance.below(FILES),
            line: line(chance, 1, 300),
            indent: chance.below(3) * 4,
            is_written_twice: chance.in_a_hundred(10),
        })
        .collect();
    // Lines that were inserted in each file, and above which line.
    let inserted: Vec<(u32, u32)> = (0..FILES)
        .map(|_| if chance.in_a_hundred(40) { (line(chance, 1, 300), line(chance, 1, 6)) } else { (0, 0) })
        .collect();
    let mut after: Vec<Weakness> = Vec::new();
    let mut gone: Vec<Weakness> = Vec::new();
    for weakness in &before {
        let (from, by) = inserted[weakness.file];
        let mut now = weakness.clone();
        now.line += if now.line >= from { by } else { 0 };
        match chance.below(100) {
            0..10 => gone.push(weakness.clone()),
            10..15 => {
                let freed = gone.iter().find(|one| (one.rule, one.file) == (now.rule, now.file));
                now.line = match freed {
                    Some(freed) if chance.in_a_hundred(50) => freed.line,
                    _ => line(chance, 1, 400),
                };
                now.indent = chance.below(3) * 4;
                after.push(now);
            }
            _ => after.push(now),
        }
    }
    for id in WEAKNESSES..WEAKNESSES + WEAKNESSES / 10 {
        let mut new = Weakness {
            id,
            rule: chance.below(RULES),
            file: chance.below(FILES),
            line: 0,
            indent: 4,
            is_written_twice: chance.in_a_hundred(10),
        };
        // What comes where something of the same rule went is an edit as far as anybody can tell.
        let freed: BTreeSet<u32> = gone
            .iter()
            .filter(|one| (one.rule, one.file) == (new.rule, new.file))
            .map(|one| one.line)
            .collect();
        while new.line == 0 || freed.contains(&new.line) {
            new.line = line(chance, 1, 400);
        }
        after.push(new);
    }
    chance.shuffle(&mut before);
    chance.shuffle(&mut after);
    Repository { before, after }
}

fn line(chance: &mut Chance, from: u32, to: u32) -> u32 {
    let span = usize::try_from(to - from).expect("a few hundred");
    from + u32::try_from(chance.below(span)).expect("a few hundred")
}

/// The results of a scan by place, each with the weakness it is of.
fn scan(weaknesses: &[Weakness], fingerprints: Fingerprints) -> BTreeMap<String, Vec<(usize, Sighting)>> {
    let mut places: BTreeMap<String, Vec<(usize, Sighting)>> = BTreeMap::new();
    let mut twice = Vec::new();
    for weakness in weaknesses {
        let result = weakness.result(fingerprints);
        let entry = (weakness.id, Sighting::of(&result));
        places.entry(place_key(&result)).or_default().push(entry.clone());
        if weakness.is_written_twice {
            twice.push((place_key(&result), entry));
        }
    }
    // Reports repeat results at their end as well as at once.
    for (place, entry) in twice {
        places.entry(place).or_default().push(entry);
    }
    places
}

/// What is answered otherwise than it is, in words.
fn mistakes(repository: &Repository, fingerprints: Fingerprints) -> Vec<String> {
    let before = scan(&repository.before, fingerprints);
    let after = scan(&repository.after, fingerprints);
    let was: BTreeSet<usize> = repository.before.iter().map(|weakness| weakness.id).collect();
    let is: BTreeSet<usize> = repository.after.iter().map(|weakness| weakness.id).collect();
    let mut mistakes = Vec::new();
    for (place, seen) in &after {
        let none = Vec::new();
        let known = before.get(place).unwrap_or(&none);
        let sightings =
            |list: &[(usize, Sighting)]| list.iter().map(|(_, one)| one.clone()).collect::<Vec<_>>();
        let answers = recognise(&sightings(seen), &sightings(known), FindingKind::Code);
        for ((id, _), answer) in seen.iter().zip(&answers) {
            let answer = answer.map(|index| known[index].0);
            let truth = was.contains(id).then_some(*id);
            if answer != truth {
                mistakes.push(format!("a result of weakness {id} was taken for {answer:?}"));
            }
        }
        for (index, (id, _)) in known.iter().enumerate() {
            if answers.contains(&Some(index)) != is.contains(id) {
                mistakes.push(format!("a finding of weakness {id} was not told to be gone or there"));
            }
        }
    }
    mistakes
}

#[test]
fn of_a_repository_that_changed_exactly_what_went_is_absent_and_exactly_what_came_is_new() {
    for fingerprints in [Fingerprints::Stable, Fingerprints::None, Fingerprints::OfTheLine] {
        let mut wrong = Vec::new();
        for seed in 0..SEEDS {
            let repository = repository(&mut Chance(seed));
            let mistakes = mistakes(&repository, fingerprints);
            if !mistakes.is_empty() {
                wrong.push(format!("seed {seed}: {}", mistakes.join("; ")));
            }
        }
        println!(
            "{fingerprints:?}: {} of {SEEDS} repositories without a mistake",
            SEEDS as usize - wrong.len()
        );
        assert!(wrong.is_empty(), "{fingerprints:?}\n{}", wrong.join("\n"));
    }
}
