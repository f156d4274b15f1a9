//! Findings as files, streamed: a page is read, written and sent before the next one is read, so memory does not grow with
//! their number and no transaction is open while a caller takes its time.

use std::io;
use std::time::Duration;

use api::{ExportFormat, ExportOptions, Finding, FindingFilter};
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use exports::{About, Export};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use model::Status;
use store::views::findings as view;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc::{self, Sender};
use tokio_stream::wrappers::ReceiverStream;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::findings::filter;
use crate::App;
use crate::access::{Caller, record};
use crate::extract::Query;
use crate::problem::{Answer, Failure};
use crate::translate;

/// Findings that are read at a time.
const PAGE: u32 = 200;
/// A caller who takes nothing for this long is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are sent at a time of what was laid aside.
const CHUNK: usize = 64 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(export_findings))
}

/// Export findings as a file
///
/// Worst first, as the list. `sarif` holds the open ones of those that fit the filter; `openvex` and `cyclonedx` hold what
/// was decided about vulnerabilities (CVE, GHSA …). The file is made while it is sent: if something breaks on the way, the
/// answer is cut off, and what arrived must not be taken for the whole. At most four exports run at one time.
#[utoipa::path(get, path = "/findings/export", tag = "Findings", params(FindingFilter, ExportOptions),
    responses((status = 200, content(
        (String = "text/csv"),
        (Vec<Finding> = "application/json"),
        (serde_json::Value = "application/sarif+json"),
        (serde_json::Value = "application/vnd.cyclonedx+json"),
    ))))]
async fn export_findings(
    State(app): State<App>,
    caller: Caller,
    Query(asked): Query<FindingFilter>,
    Query(options): Query<ExportOptions>,
) -> Answer<Response> {
    let format = options.format;
    if asked.correlated_as_one == Some(true) && exports::walks(format).is_some_and(|walks| walks.len() > 1) {
        return Err(Failure::invalid(
            "`correlated_as_one` is asked for with a format that goes through the findings several times.",
            "Leave it out, or choose another format.",
        ));
    }
    let words = in_words(&asked);
    let filter = filter(asked, app.now())?;
    let turn = app.exports.clone().try_acquire_owned().map_err(|_| busy())?;
    let (at, id) = (app.now(), app.id::<Uuid>());
    let about =
        About { id, at, version: env!("CARGO_PKG_VERSION").to_owned(), server: app.public_url.to_string() };
    let (sender, receiver) = mpsc::channel(1);
    let under_way = UnderWay { export: Export::new(format, about), aside: None, sender };
    let order = Order { app, caller, format, filter, words, id };
    // In a task of its own: what was exported is written down also if the caller hangs up.
    tokio::spawn(async move {
        order.carry_out(under_way).await;
        drop(turn);
    });
    let name = format!("lockstep-findings-{}.{}", at.format("%Y%m%dT%H%M%SZ"), exports::extension(format));
    let headers = [
        (CONTENT_TYPE, exports::media_type(format).to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

fn busy() -> Failure {
    Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_exports",
        "Too many exports",
        "As many exports as may run at one time are running.",
        "Try again when one of them has ended.",
    )
    .retry_after(10)
}

/// The filter for the audit log.
fn in_words(filter: &FindingFilter) -> String {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string());
    let parts = [
        ("status", filter.status.clone()),
        ("severity", filter.severity.clone()),
        ("asset", id(filter.asset.map(|asset| asset.0))),
        ("ticket", id(filter.ticket.map(|ticket| ticket.0))),
        ("assessment", id(filter.assessment.map(|assessment| assessment.0))),
        ("accepted", filter.accepted.map(|wanted| wanted.to_string())),
        ("acceptance", id(filter.acceptance.map(|acceptance| acceptance.0))),
        ("acceptance ends in days", filter.acceptance_ends_in.map(|days| days.to_string())),
        ("suppressed by", id(filter.suppressed_by.map(|rule| rule.0))),
        ("branch", filter.branch.clone()),
        ("not on branch", filter.not_on_branch.clone()),
        ("text", filter.q.clone()),
        ("sla", filter.sla.clone()),
        ("known exploited", filter.known_exploited.map(|wanted| wanted.to_string())),
        ("newest scans", filter.detection.clone()),
        ("scanner", filter.scanner.clone()),
        ("owner", filter.owner.clone()),
        ("impact", filter.impact.clone()),
        ("correlated with", id(filter.correlated_with.map(|finding| finding.0))),
        ("correlated as one", filter.correlated_as_one.map(|wanted| wanted.to_string())),
        ("EPSS at least", filter.min_epss.map(|least| least.to_string())),
        ("risk at least", filter.min_risk.map(|least| least.to_string())),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.trim().is_empty())?)))
        .map(|(name, value)| {
            let value: String = value.chars().filter(|character| !character.is_control()).take(200).collect();
            format!("{name} {value}")
        })
        .collect();
    if said.is_empty() { String::new() } else { format!(" ({})", said.join("; ")) }
}

/// Why an export ended early.
enum Stopped {
    /// The caller hung up, or took nothing for too long.
    CallerLeft,
    /// Something broke here; it stands in the log.
    Broken,
}

impl From<Failure> for Stopped {
    fn from(_: Failure) -> Self {
        Self::Broken
    }
}

impl From<store::Error> for Stopped {
    fn from(error: store::Error) -> Self {
        Failure::from(error).into()
    }
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Failure::internal(&error).into()
    }
}

/// What is exported, for whom.
struct Order {
    app: App,
    caller: Caller,
    format: ExportFormat,
    filter: view::FindingFilter,
    words: String,
    id: Uuid,
}

/// The file while it is made and sent.
struct UnderWay {
    export: Export,
    /// What comes behind all findings, once there is any.
    aside: Option<File>,
    sender: Sender<io::Result<Bytes>>,
}

impl Order {
    /// Sends the whole file, and writes down what left. The last bytes leave only after that: no export is whole that is
    /// not in the audit log.
    async fn carry_out(&self, mut under_way: UnderWay) {
        let stopped = match self.send_all(&mut under_way).await {
            Ok(()) => return,
            Err(stopped) => stopped,
        };
        let why = match stopped {
            Stopped::CallerLeft => "the caller left",
            Stopped::Broken => "something broke",
        };
        let written = under_way.export.written();
        let what = format!(
            "began to export findings as {}{}; {why} after {written}",
            translate::word_of(&self.format),
            self.words
        );
        // It was logged if it failed; there is nobody else to tell.
        let _ = self.write_down(what).await;
        // Cuts the answer off, so that nobody takes it for the whole.
        let cut = io::Error::other("the export stopped before its end");
        let _ = tokio::time::timeout(PATIENCE, under_way.sender.send(Err(cut))).await;
    }

    async fn send_all(&self, under_way: &mut UnderWay) -> Result<(), Stopped> {
        let mut out = Vec::new();
        under_way.export.begin(&mut out)?;
        for walk in self.walks() {
            let mut after = None;
            loop {
                let (keys, rows) = {
                    let mut tx = self.app.db.read().await?;
                    let keys = view::keys(&mut tx, &walk, after, PAGE).await?;
                    let rows = view::in_full(&mut tx, &view::ids(&keys)).await?;
                    (keys, rows)
                };
                let mut behind = Vec::new();
                for row in rows {
                    under_way.export.finding(
                        &translate::finding(row, self.app.now())?,
                        &mut out,
                        &mut behind,
                    )?;
                }
                self.lay_aside(under_way, &behind).await?;
                under_way.send(&mut out).await?;
                after = keys.last().copied();
                if after.is_none() || keys.len() < PAGE as usize {
                    break;
                }
            }
        }
        under_way.export.between(&mut out)?;
        under_way.send(&mut out).await?;
        under_way.send_aside().await?;
        under_way.export.end(&mut out)?;
        let written = under_way.export.written();
        let what =
            format!("exported {written} findings as {}{}", translate::word_of(&self.format), self.words);
        self.write_down(what).await?;
        under_way.send(&mut out).await
    }

    /// The filter of each walk through the findings; those that nothing can fit are left out.
    fn walks(&self) -> Vec<view::FindingFilter> {
        let Some(walks) = exports::walks(self.format) else { return vec![self.filter.clone()] };
        let asked = &self.filter.statuses;
        let fits = |status: &&Status| asked.is_empty() || asked.contains(status);
        walks
            .iter()
            .map(|walk| view::FindingFilter {
                statuses: walk.iter().filter(fits).copied().collect(),
                ..self.filter.clone()
            })
            .filter(|walk| !walk.statuses.is_empty())
            .collect()
    }

    async fn lay_aside(&self, under_way: &mut UnderWay, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match &mut under_way.aside {
            Some(file) => file,
            none => none.insert(File::from_std(tempfile::tempfile_in(&self.app.incoming)?)),
        };
        file.write_all(bytes).await
    }

    async fn write_down(&self, what: String) -> Answer<()> {
        let mut tx = self.app.db.begin().await?;
        record(&self.app, &mut tx, "export", self.id, &self.caller, what).await?;
        Ok(tx.commit().await?)
    }
}

impl UnderWay {
    /// Sends what was written, as soon as the caller takes it.
    async fn send(&self, out: &mut Vec<u8>) -> Result<(), Stopped> {
        let bytes = Bytes::from(std::mem::take(out));
        if bytes.is_empty() {
            return Ok(());
        }
        match tokio::time::timeout(PATIENCE, self.sender.send(Ok(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stopped::CallerLeft),
        }
    }

    async fn send_aside(&mut self) -> Result<(), Stopped> {
        let Some(mut file) = self.aside.take() else { return Ok(()) };
        file.flush().await?;
        file.rewind().await?;
        loop {
            let mut out = vec![0; CHUNK];
            let read = file.read(&mut out).await?;
            if read == 0 {
                return Ok(());
            }
            out.truncate(read);
            self.send(&mut out).await?;
        }
    }
}
