//! Runs of a source that is fetched by itself. A run is leased, so that one replica fetches at a time; it writes what it reads
//! to a file, and only a whole file is handed in, as an ordinary import. A run that breaks off takes in nothing.

use std::path::{Path, PathBuf};

use azure::{AddressPolicy, Graph, GraphConfig};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::json;
use store::sources::{Fetch, Source};
use tokio::io::AsyncWriteExt;
use url::Url;
use uuid::Uuid;

use super::{LONGEST, invalid, lost, secret_row};
use crate::engine::{Engine, EventKind};
use crate::ingest::Fetched;
use crate::{Actor, ImportRequest, Refusal};

/// After a failure a run is tried again this soon, if it is not due before.
const AGAIN: Duration = Duration::minutes(15);

/// How long a run may be silent before another replica takes over. A page takes less, with all its patience.
const LEASE: Duration = Duration::minutes(15);

/// What is read of Defender for Cloud. `id` is projected and ordered by, or there would be no way to the next page.
const QUERY: &str = "securityresources
| where type in~ ('microsoft.security/assessments', 'microsoft.security/assessments/subassessments')
| project id, type, name, properties
| order by id asc";

impl Engine {
    /// Fetches the source that has been due the longest. Answers whether there was one.
    ///
    /// # Errors
    /// If the database refuses. What goes wrong with the source is kept with it.
    pub async fn run_next_source(&self) -> Result<bool, Refusal> {
        let owner = self.inner.owner;
        let now = self.inner.world.now();
        // Nearly always there is none: that needs no writing transaction.
        let mut tx = self.inner.db.read().await?;
        let Some(id) = store::sources::due(&mut tx, now).await? else { return Ok(false) };
        drop(tx);
        let mut tx = self.inner.db.begin().await?;
        if !store::sources::take(&mut tx, id, owner, now, now + LEASE).await? {
            return Ok(true);
        }
        let source = self.source(&mut tx, id).await?;
        tx.commit().await?;
        self.announce(EventKind::Configuration, None);
        if let Err(refusal) = self.fetch_and_submit(&source, now).await {
            tracing::warn!(
                source = source.name,
                error = &refusal as &dyn std::error::Error,
                "a source failed"
            );
            let every = source.fetch.as_ref().map_or(LONGEST, |fetch| fetch.every_minutes);
            let due = self.inner.world.now() + AGAIN.min(Duration::minutes(i64::from(every)));
            let problem = refusal.detail.trim_end_matches('.').to_owned();
            let mut tx = self.inner.db.begin().await?;
            store::sources::fail(&mut tx, id, owner, &problem, due).await?;
            tx.commit().await?;
        }
        self.inner.alarms.notify_one();
        self.announce(EventKind::Configuration, None);
        Ok(true)
    }

    async fn fetch_and_submit(&self, source: &Source, started_at: DateTime<Utc>) -> Result<(), Refusal> {
        let file = self.fetch_path();
        let fetched = self.fetch(source, &file, started_at, None).await;
        let (rows, moved) = match fetched {
            Ok(FetchedRows { rows, moved, .. }) => (rows, moved),
            Err(refusal) => {
                let _ = tokio::fs::remove_file(&file).await;
                return Err(refusal);
            }
        };
        let every = source.fetch.as_ref().map_or(LONGEST, |fetch| fetch.every_minutes);
        let fetched = Fetched {
            source: source.id,
            started_at,
            rows,
            due_at: started_at + Duration::minutes(i64::from(every)),
        };
        let request = ImportRequest {
            started_at: Some(started_at),
            format: Some("defender-graph".into()),
            filename: Some(format!("the source {}", source.name)),
            partial: moved,
            ..ImportRequest::default()
        };
        let by = Actor { name: format!("the source {}", source.name) };
        let mut ruled = self.ruled(source)?;
        ruled.prefix = Some(source.name.clone());
        let submitted = self.submit_ruled(request, Some(ruled), Some(fetched), &file, &by).await;
        if submitted.is_err() {
            let _ = tokio::fs::remove_file(&file).await;
        }
        submitted.map(|_| ())
    }

    pub(super) fn fetch_path(&self) -> PathBuf {
        self.inner.settings.data_dir.join(format!("fetch-{}", self.inner.world.id::<Uuid>()))
    }

    /// Writes the rows to a file, page by page; `most_pages` ends it early.
    pub(super) async fn fetch(
        &self,
        source: &Source,
        file: &Path,
        started_at: DateTime<Utc>,
        most_pages: Option<usize>,
    ) -> Result<FetchedRows, Refusal> {
        let graph = self.graph(source)?;
        let cannot_keep = |error: std::io::Error| Refusal {
            kind: crate::RefusalKind::Internal,
            source: Some(Box::new(error)),
            ..Refusal::invalid(
                "internal",
                "Lockstep could not do it",
                format!(
                    "What was fetched for the source {} could not be kept in the data folder.",
                    source.name
                ),
                "Nothing was taken in. Check free space and rights of the data folder.",
            )
        };
        let mut out = tokio::fs::File::create(file).await.map_err(cannot_keep)?;
        let mut done = FetchedRows { rows: 0, moved: false, whole: true };
        let head = json!({"fetchedAt": started_at.to_rfc3339_opts(SecondsFormat::Micros, true)}).to_string();
        let head = format!("{},\"data\":[", head.trim_end_matches('}'));
        out.write_all(head.as_bytes()).await.map_err(cannot_keep)?;
        let mut pages = graph.read(QUERY);
        let mut number = 0;
        while let Some(page) = pages.next().await.map_err(|error| unreachable(source, &error))? {
            if let Some(most) = most_pages {
                number += 1;
                if number > most {
                    done.whole = false;
                    break;
                }
            } else {
                // The lease is kept, and lost with it is the run.
                let until = self.inner.world.now() + LEASE;
                let mut tx = self.inner.db.begin().await?;
                let held = store::sources::keep(&mut tx, source.id, self.inner.owner, until).await?;
                tx.commit().await?;
                if !held || self.inner.stop.is_cancelled() {
                    return Err(lost(source.id));
                }
            }
            done.moved |= page.moved;
            let mut text = Vec::new();
            for row in &page.rows {
                if done.rows > 0 {
                    text.push(b',');
                }
                done.rows += 1;
                text.extend_from_slice(row.to_string().as_bytes());
            }
            out.write_all(&text).await.map_err(cannot_keep)?;
        }
        out.write_all(b"]}").await.map_err(cannot_keep)?;
        out.sync_all().await.map_err(cannot_keep)?;
        Ok(done)
    }

    fn graph(&self, source: &Source) -> Result<Graph, Refusal> {
        let Some(fetch) = &source.fetch else {
            return Err(invalid(
                "/fetch",
                "reports are uploaded to this source, it is not fetched",
                "Give a report to look at.",
            ));
        };
        let secret = self.inner.keys.open(&secret_row(source.id), &source.secret)?;
        let public = GraphConfig::public(&fetch.tenant, &fetch.client_id, secret);
        let config = GraphConfig {
            endpoint: self.check_endpoint(fetch)?.unwrap_or(public.endpoint),
            authority: self.authority(),
            subscriptions: fetch.subscriptions.clone(),
            ..public
        };
        Ok(Graph::new(config, self.inner.transport.clone(), self.inner.world.clock.clone()))
    }

    /// Public https, or an origin that the operator of the server allowed.
    pub(super) fn check_endpoint(&self, fetch: &Fetch) -> Result<Option<Url>, Refusal> {
        let Some(text) = &fetch.endpoint else { return Ok(None) };
        let url = Url::parse(text).map_err(|error| {
            invalid("/fetch/endpoint", format!("'{text}' is not an address: {error}"), "Leave it out.")
        })?;
        let origins = &self.inner.settings.allowed_origins;
        let policy = origins.iter().fold(AddressPolicy::public_only(), AddressPolicy::allowing);
        policy.check(&url).map_err(|refused| {
            invalid(
                "/fetch/endpoint",
                refused.to_string(),
                "Leave it out, or ask who operates the server to start it with --allow-origin.",
            )
        })?;
        Ok(Some(url))
    }
}

/// What a fetch came to.
pub(super) struct FetchedRows {
    rows: u64,
    moved: bool,
    /// All there is was read.
    pub(super) whole: bool,
}

fn unreachable(source: &Source, error: &azure::GraphError) -> Refusal {
    Refusal {
        kind: crate::RefusalKind::Board,
        ..Refusal::invalid(
            "source_unreachable",
            "The source could not be fetched",
            format!("The source {} could not be fetched: {error}.", source.name),
            error.next_step(),
        )
    }
}
