//! SARIF 2.1.0, read in two passes: run data may stand behind the results that need it.
//!
//! The first pass keeps everything but the results, decides whether the report may be taken in at all, and proves that
//! the file is whole. The second streams the results. What each field means: `docs/formats/sarif.md`.

mod message;
mod model;
mod paths;
mod result;
mod rules;
mod run;

use std::cell::RefCell;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer};

use crate::ReadSeek;
use crate::error::{Error, ErrorKind};
use crate::json::seeds::{Elements, Keys, OneResult, Value};
use crate::json::{self, Bulk, Exchange, Top};
use crate::limits::Limits;
use crate::outline::Outline;
use crate::output::Output;
use model::{Log, SarifResult, Version};
use run::Header;

/// `runs[].results`.
const BULK: Bulk = Bulk { keys: &["results"], depth: 3, top: Top::Header };

pub(crate) fn looks_like(outline: &Outline) -> bool {
    outline.word("$schema").contains("sarif") || outline.has("runs")
}

pub(crate) fn read(input: &mut dyn ReadSeek, limits: &Limits, output: &mut Output<'_>) -> Result<(), Error> {
    let headers = headers(input, limits)?;
    let exchange = Exchange::default();
    let output = RefCell::new(output);
    let seed = RunsSeed(|index: usize| RunSeed {
        header: headers.get(index),
        output: &output,
        exchange: &exchange,
        limits,
    });
    json::result_pass(input, limits, BULK, &exchange, seed)
}

fn headers(input: &mut dyn ReadSeek, limits: &Limits) -> Result<Vec<Header>, Error> {
    let log: Log = match json::header_pass(input, limits, BULK, PhantomData) {
        Ok(log) => log,
        // Drafts differ in their structure: the version says more than the first value that does not fit.
        Err(error) if matches!(error.kind, ErrorKind::Invalid { .. }) => {
            let version = json::header_pass(input, limits, BULK, PhantomData::<Version>);
            return Err(version.and_then(|version| known(version.version.first())).err().unwrap_or(error));
        }
        Err(error) => return Err(error),
    };
    known(log.version.as_deref())?;
    if log.runs.is_empty() {
        return Err(ErrorKind::NoRun.into());
    }
    if log.inline_external_properties.iter().any(|part| !part.results.is_empty()) {
        let reason =
            "results in `inlineExternalProperties` are not read; let the scanner write them into its runs";
        return Err(Error::at_path(ErrorKind::invalid(reason), "inlineExternalProperties"));
    }
    let runs = log.runs.into_iter().enumerate();
    runs.map(|(index, run)| Header::new(run).map_err(|kind| Error::at_path(kind, format!("runs[{index}]"))))
        .collect()
}

/// 2.2 is the draft after 2.1.0 and adds to it; a file that names no version is judged by its structure.
fn known(version: Option<&str>) -> Result<(), Error> {
    match version {
        None | Some("2.1.0" | "2.2" | "2.2.0") => Ok(()),
        Some(other) => {
            let other = crate::text::shorten(other, 40);
            let reason = format!(
                "this is SARIF {other}; only the standard version 2.1.0 is read, so update the scanner or convert the \
                 file (Sarif.Multitool: `sarif transform --sarif-output-version current`)"
            );
            Err(Error::at_path(ErrorKind::invalid(reason), "version"))
        }
    }
}

/// The document: everything but `runs` is skipped.
struct RunsSeed<F>(F);

impl<'de, F, S> DeserializeSeed<'de> for RunsSeed<F>
where
    F: FnMut(usize) -> S,
    S: DeserializeSeed<'de, Value = ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let mut runs = Some(self.0);
        Keys(|key: &str| if key == "runs" { runs.take().map(Elements) } else { None })
            .deserialize(deserializer)
    }
}

/// One run: its results are streamed with the help of its header.
struct RunSeed<'a, 'o> {
    header: Option<&'a Header>,
    output: &'a RefCell<&'a mut Output<'o>>,
    exchange: &'a Exchange,
    limits: &'a Limits,
}

impl<'de> DeserializeSeed<'de> for RunSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { header, output, exchange, limits } = self;
        if let Some(header) = header {
            output.borrow_mut().run(header.scan.clone()).map_err(|kind| exchange.raise(kind))?;
        }
        Keys(|key: &str| {
            let header = header.filter(|_| key == "results")?;
            Some(Elements(move |_| {
                let seed = Value::new(exchange, move |result: SarifResult| match result::left_out(&result) {
                    Some(reason) => {
                        output.borrow_mut().left_out(reason);
                        Ok(())
                    }
                    None => output.borrow_mut().observation(result::observation(&result, header)),
                });
                OneResult { exchange, limits, seed }
            }))
        })
        .deserialize(deserializer)
    }
}
