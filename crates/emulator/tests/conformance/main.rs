//! Exchanges that were recorded from the real service, replayed against the emulator. The recordings are no part of
//! this repository; without them the tests say so and pass.
//!
//! To add a recording: put the file beside the others. `routes` says where it is counted, `facts` and `prepare`
//! make what it needs, `compare` has the rules for values, and what still differs is mended or listed in
//! `exceptions` with its reason. `cargo test -p emulator --test conformance -- --nocapture` prints the score.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "one test binary whose modules share verbs; the score is printed"
)]

mod compare;
mod exceptions;
mod facts;
mod names;
mod prepare;
mod recording;
mod replay;
mod routes;
mod stories;
mod things;

use std::collections::BTreeMap;

use compare::Difference;
use exceptions::Exception;
use recording::{Exchange, Recording};
use routes::{REFUSED, ROUTES, Route, outside};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/azure-devops/recordings");

/// Where an exchange is counted.
enum Place {
    Family(&'static str),
    Outside(&'static str),
}

fn place(exchange: &Exchange) -> Place {
    if exchange.status == 401 || exchange.status == 503 {
        return Place::Family(REFUSED);
    }
    let words = exchange.address.words();
    let route = ROUTES.iter().find(|r| r.matches(&exchange.method, &words));
    match (route, outside(&words)) {
        (Some(route), _) => Place::Family(route.family),
        (None, Some(reason)) => Place::Outside(reason),
        (None, None) => panic!("neither a route nor outside: {} {:?}", exchange.method, exchange.address),
    }
}

#[derive(Default)]
struct Score {
    replayed: usize,
    equal: usize,
    excepted: usize,
}

#[test]
fn the_emulator_answers_as_the_service_was_recorded() {
    let Some(recordings) = recording::all(FOLDER) else {
        println!("skipped: {FOLDER} is not there");
        return;
    };
    let only = std::env::var("RECORDING").unwrap_or_default();
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut left_out: BTreeMap<&str, usize> = BTreeMap::new();
    let exceptions = exceptions::all();
    let mut used = vec![false; exceptions.len()];
    let mut failures = Vec::new();
    for recording in recordings.iter().filter(|r| r.name.contains(&only)) {
        if recording.exchanges.iter().all(|e| matches!(place(e), Place::Outside(_))) {
            for exchange in &recording.exchanges {
                if let Place::Outside(reason) = place(exchange) {
                    *left_out.entry(reason).or_default() += 1;
                }
            }
            continue;
        }
        for (number, differences) in replay::run(recording).into_iter().enumerate() {
            let family = match place(&recording.exchanges[number]) {
                Place::Family(family) => family,
                Place::Outside(reason) => {
                    *left_out.entry(reason).or_default() += 1;
                    continue;
                }
            };
            let score = scores.entry(family).or_default();
            score.replayed += 1;
            if differences.is_empty() {
                score.equal += 1;
                continue;
            }
            let open = unexcused(&exceptions, &recording.name, number, differences, &mut used);
            if open.is_empty() {
                score.excepted += 1;
            } else {
                failures.push((recording.name.clone(), number, family, open));
            }
        }
    }
    print(&scores, &left_out, &failures, recordings.as_slice());
    let unused: Vec<String> = exceptions
        .iter()
        .zip(&used)
        .filter(|(_, used)| !**used && only.is_empty())
        .map(|(e, _)| format!("{} {} ({})", e.file, e.path, e.reason))
        .collect();
    assert!(unused.is_empty(), "exceptions that no longer occur, take them out: {unused:#?}");
    assert!(failures.is_empty(), "{} exchanges differ; see above", failures.len());
    let untold: Vec<String> =
        without_recording(&recordings).into_iter().filter_map(|route| stories::of(route).err()).collect();
    assert!(untold.is_empty(), "named routes with neither recording nor story: {untold:#?}");
}

fn unexcused(
    exceptions: &[Exception],
    file: &str,
    number: usize,
    differences: Vec<Difference>,
    used: &mut [bool],
) -> Vec<Difference> {
    differences
        .into_iter()
        .filter(|difference| {
            let found = exceptions.iter().position(|e| e.covers(file, number, &difference.path));
            if let Some(at) = found {
                used[at] = true;
            }
            found.is_none()
        })
        .collect()
}

fn print(
    scores: &BTreeMap<&str, Score>,
    left_out: &BTreeMap<&str, usize>,
    failures: &[(String, usize, &str, Vec<Difference>)],
    recordings: &[Recording],
) {
    for (file, number, family, differences) in failures {
        let exchange = recordings.iter().find(|r| r.name == *file).map(|r| &r.exchanges[*number]);
        let what = exchange
            .map(|e| format!("{} {}/{}", e.method, e.address.scope.join("/"), e.address.path.join("/")));
        println!("{file} #{number} [{family}] {}", what.unwrap_or_default());
        for difference in differences {
            println!("    {}: {}", difference.path, difference.what);
        }
    }
    println!("{:<28}{:>9}{:>8}{:>10}{:>8}", "family", "replayed", "equal", "excepted", "open");
    let mut total = Score::default();
    for (family, score) in scores {
        let open = score.replayed - score.equal - score.excepted;
        println!("{family:<28}{:>9}{:>8}{:>10}{open:>8}", score.replayed, score.equal, score.excepted);
        total.replayed += score.replayed;
        total.equal += score.equal;
        total.excepted += score.excepted;
    }
    println!(
        "{:<28}{:>9}{:>8}{:>10}{:>8}",
        "all",
        total.replayed,
        total.equal,
        total.excepted,
        failures.len()
    );
    for (reason, count) in left_out {
        println!("outside: {count} exchanges, {reason}");
    }
    println!("named routes without a recording, and their stories:");
    for route in without_recording(recordings) {
        let story = stories::of(route).unwrap_or_else(|problem| problem);
        println!("    {} {} ({}): {story}", route.method, route.template, route.family);
    }
}

fn without_recording(recordings: &[Recording]) -> Vec<&'static Route> {
    let shown = |route: &Route| {
        let mut exchanges = recordings.iter().flat_map(|r| &r.exchanges);
        exchanges.any(|e| route.matches(&e.method, &e.address.words()))
    };
    ROUTES.iter().filter(|route| route.named && !shown(route)).collect()
}
