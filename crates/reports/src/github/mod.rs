//! Alerts of GitHub as its API gives them: Dependabot, code scanning, secret scanning. What each field becomes:
//! `docs/formats/github.md`.

pub(crate) mod code_scanning;
pub(crate) mod dependabot;
pub(crate) mod secret_scanning;

use std::marker::PhantomData;

use model::{Coverage, CoverageExtent, Observation, ReportedSuppression, ScanRun};
use serde::Deserialize;

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::lenient::Words;
use crate::json::walk::{Agreed, ObjectOrList, Trail, each_result};
use crate::json::{self, Bulk};
use crate::limits::Limits;
use crate::output::Output;
use crate::text::short;

/// The first text, if it says something: tools written in Python print `None` for null.
fn said(words: &Words) -> Option<&str> {
    words.first().filter(|word| !matches!(*word, "None" | "null"))
}

/// What becomes of an alert.
enum State {
    /// The weakness is there.
    Open,
    /// Somebody, or a rule of somebody, decided that it needs no work.
    Dismissed,
    /// GitHub no longer sees it.
    Fixed,
}

impl State {
    fn of(state: &Words) -> Self {
        match said(state).unwrap_or_default().to_ascii_lowercase().as_str() {
            "fixed" => Self::Fixed,
            "dismissed" | "auto_dismissed" | "resolved" => Self::Dismissed,
            _ => Self::Open,
        }
    }
}

/// One kind of alert: how it is read and what becomes of it.
trait Alert: for<'de> Deserialize<'de> {
    /// Name of the scanner.
    const SCANNER: &'static str;
    /// Keys that every alert of this kind has at least one of; for the words of a refusal.
    const KEYS: &'static str;

    /// Whether it is of this kind at all.
    fn is_one(&self) -> bool;
    fn state(&self) -> State;
    fn observation(&self) -> Observation;

    /// Repository, as `owner/name`.
    fn repository(&self) -> Option<String>;
    /// Branch it was seen in.
    fn branch(&self) -> Option<String> {
        None
    }
    /// Commit it was seen in.
    fn commit(&self) -> Option<String> {
        None
    }
}

/// Alerts, or with `gh api --slurp` a page of them.
struct Page<A>(Vec<A>);

impl<'de, A: Deserialize<'de>> Deserialize<'de> for Page<A> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany<A>(PhantomData<A>);
        impl<'de, A: Deserialize<'de>> serde::de::Visitor<'de> for OneOrMany<A> {
            type Value = Page<A>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an alert or a page of alerts")
            }
            fn visit_map<M: serde::de::MapAccess<'de>>(self, map: M) -> Result<Page<A>, M::Error> {
                A::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|one| Page(vec![one]))
            }
            fn visit_seq<S: serde::de::SeqAccess<'de>>(self, mut seq: S) -> Result<Page<A>, S::Error> {
                let mut alerts = Vec::new();
                while let Some(alert) = seq.next_element()? {
                    alerts.push(alert);
                }
                Ok(Page(alerts))
            }
        }
        deserializer.deserialize_any(OneOrMany(PhantomData))
    }
}

/// What stands around the alerts.
#[derive(Default)]
struct Surroundings {
    /// Whether the answer says that there is more.
    cut: bool,
    repository: Option<String>,
    /// Repositories of a search, by position: their names keep equal paths of theirs apart.
    names: Vec<String>,
}

impl Surroundings {
    fn set_apart(&self, trail: &Trail, observation: &mut Observation) {
        let name = trail.positions().first().and_then(|position| self.names.get(*position));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            observation.location.path = format!("{name}/{}", observation.location.path);
        }
    }
}

/// Reads alerts in two passes: the first proves that each is one, and finds what they agree on.
fn read<A: Alert>(
    input: &mut dyn ReadSeek,
    limits: &Limits,
    bulk: Bulk,
    around: Surroundings,
    output: &mut Output<'_>,
) -> Result<(), Error> {
    let (mut repository, mut branch, mut commit) = (Agreed::default(), Agreed::default(), Agreed::default());
    let mut count = 0;
    each_result(input, limits, bulk, &mut |_: &Trail, row| {
        for alert in row.read_any::<Page<A>>()?.0 {
            if !alert.is_one() {
                let reason = format!("this is no alert of {}: {} are missing", A::SCANNER, A::KEYS);
                return Err(ErrorKind::invalid(reason).into());
            }
            count += 1;
            repository.hear(alert.repository());
            branch.hear(alert.branch());
            commit.hear(alert.commit());
        }
        Ok(())
    })?;
    let extent =
        if around.cut || fills_pages(count) { CoverageExtent::Partial } else { CoverageExtent::Full };
    output.run(ScanRun {
        scanner: A::SCANNER.to_owned(),
        target: around.repository.clone().or(repository.on()),
        branch: branch.on(),
        commit: commit.on(),
        coverage: Coverage { extent, ..Coverage::default() },
        ..ScanRun::default()
    })?;
    each_result(input, limits, bulk, &mut |trail: &Trail, row| {
        for alert in row.read_any::<Page<A>>()?.0 {
            let mut observation = alert.observation();
            around.set_apart(trail, &mut observation);
            match alert.state() {
                State::Fixed => {
                    output.left_out("`state` is fixed: GitHub no longer sees it");
                    continue;
                }
                State::Dismissed => observation.suppression = Some(ReportedSuppression::Accepted),
                State::Open => {}
            }
            output.observation(observation)?;
        }
        Ok(())
    })
}

/// Whether a list is as long as one page of the API may be. Then the rest is probably missing, so absence proves nothing.
fn fills_pages(count: usize) -> bool {
    (1..=100).contains(&count) && count.is_multiple_of(10)
}

/// A list of alerts at the top, as the REST API gives it.
fn rest(input: &mut dyn ReadSeek, limits: &Limits, bulk: Bulk) -> Result<Surroundings, Error> {
    #[derive(Default, Deserialize)]
    struct NoObject {}
    let document: ObjectOrList<NoObject> = json::header_pass(input, limits, bulk, PhantomData)?;
    if !document.list.is_there() {
        return Err(ErrorKind::invalid("a list of alerts was expected, as GitHub's REST API gives it").into());
    }
    Ok(Surroundings::default())
}

/// `owner/name` out of an address of an alert, of the API or for people.
fn repository_of(address: &Words) -> Option<String> {
    let rest = said(address)?.split_once("://")?.1;
    let mut parts = rest.split('/').skip(1).skip_while(|part| matches!(*part, "api" | "v3" | "repos"));
    let (owner, name) = (parts.next()?, parts.next()?);
    short(&format!("{owner}/{name}"))
}

/// The name of a branch out of a reference; `None` for pull requests and tags.
fn branch_of(reference: &Words) -> Option<String> {
    short(said(reference)?.strip_prefix("refs/heads/")?)
}
