//! Sources: where findings come from, with the ingest rules that say what is taken in and which asset it belongs to.
//!
//! A source of Defender for Cloud is fetched by itself. A run is leased, so that one replica fetches at a time; it writes
//! what it reads to a file, and only a whole file is handed in, as an ordinary import. A run that breaks off takes in
//! nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use azure::{AddressPolicy, Graph, GraphConfig};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use model::SourceId;
use model::ingest::{Division, IngestProblem, IngestRule, LeftOutReason};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::sources::{Fetch, Source};
use tokio::io::AsyncWriteExt;
use url::Url;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::ingest::divide::Parts;
use crate::ingest::{Fetched, Ruled};
use crate::{Actor, ImportRequest, Refusal};

/// Shortest time from one run to the next, in minutes.
const SHORTEST: u32 = 15;

/// Longest time from one run to the next, in minutes: four weeks.
const LONGEST: u32 = 28 * 24 * 60;

/// After a failure a run is tried again this soon, if it is not due before.
const AGAIN: Duration = Duration::minutes(15);

/// How long a run may be silent before another replica takes over. A page takes less, with all its patience.
const LEASE: Duration = Duration::minutes(15);

/// Characters of a name.
const LONGEST_NAME: usize = 100;

/// Subscriptions that a source names at most.
const MOST_SUBSCRIPTIONS: usize = 100;

/// Pages of a live preview: people wait for it.
const PREVIEW_PAGES: usize = 3;

/// Assets that a preview lists.
const PREVIEWED_ASSETS: usize = 200;

/// What is read of Defender for Cloud. `id` is projected and ordered by, or there would be no way to the next page.
const QUERY: &str = "securityresources
| where type in~ ('microsoft.security/assessments', 'microsoft.security/assessments/subassessments')
| project id, type, name, properties
| order by id asc";

/// Where a source is fetched from.
#[derive(Clone, Debug)]
pub struct SourceFetch {
    /// Tenant.
    pub tenant: String,
    /// Application.
    pub client_id: String,
    /// Value of its secret; as it is if absent.
    pub client_secret: Option<SecretString>,
    /// Subscriptions; everything that the application may read if empty.
    pub subscriptions: Vec<String>,
    /// Minutes from one run to the next.
    pub every_minutes: u32,
    /// Address of Azure Resource Manager; the public cloud if absent.
    pub endpoint: Option<String>,
}

/// A source to be made.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// Name. It stays: the configurations of its scans have it.
    pub name: String,
    /// Where it is fetched from; none if its reports are uploaded.
    pub fetch: Option<SourceFetch>,
    /// What is taken in, and which asset it belongs to.
    pub rules: Vec<IngestRule>,
    /// It is fetched by itself.
    pub enabled: bool,
}

/// What to change on a source.
#[derive(Clone, Debug, Default)]
pub struct SourceChange {
    /// Where it is fetched from.
    pub fetch: Option<SourceFetch>,
    /// The rules, all of them.
    pub rules: Option<Vec<IngestRule>>,
    /// Whether it is fetched by itself.
    pub enabled: Option<bool>,
    /// The version that the change was made on; it is refused if there is a newer one.
    pub version: Option<u32>,
}

/// What ingest rules would make of a report. Nothing is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestPreview {
    /// Results in the report, with those that are no weakness seen now.
    pub results: u64,
    /// The assets, the one with most results first; at most 200.
    pub assets: Vec<PreviewedAsset>,
    /// How many assets there are.
    pub assets_total: u64,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that rules leave out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Titles of the first results that no rule is about.
    pub nobodys: Vec<String>,
    /// Results that the report itself says are no weakness now, by reason.
    pub not_seen: Vec<(String, u64)>,
    /// All of it was looked at; a live preview stops after a few pages.
    pub whole: bool,
}

/// What would become of an asset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreviewedAsset {
    /// Name.
    pub name: String,
    /// There is one of that name.
    pub exists: bool,
    /// It would be made.
    pub created: bool,
    /// Results that would be taken in.
    pub taken: u64,
    /// Results that the rule leaves out, by reason.
    pub left_out: BTreeMap<LeftOutReason, u64>,
    /// Tags that it would get, if it does not have them.
    pub tags: Vec<String>,
    /// Titles of the first results.
    pub examples: Vec<String>,
}

/// The rules make no sense.
pub(crate) fn unsound(problems: &[IngestProblem]) -> Refusal {
    let first = problems.first().map_or_else(String::new, |first| first.problem.clone());
    let refusal = Refusal::invalid(
        "ingest_rules_invalid",
        "The ingest rules make no sense",
        format!("There are {} problems with the rules, the first: {first}.", problems.len()),
        "Look at the fields that are named, and try again.",
    );
    problems
        .iter()
        .fold(refusal, |refusal, one| refusal.field(format!("/rules{}", one.pointer), one.problem.clone()))
}

/// The lease of a run is lost.
pub(crate) fn lost(source: SourceId) -> Refusal {
    Refusal::conflict(
        "source_changed",
        "The source was changed meanwhile",
        format!(
            "Source {source} was changed, deleted or taken over while it was fetched; nothing was taken in."
        ),
        "Nothing to do: it is fetched again when it is due.",
    )
}

fn invalid(pointer: &str, problem: impl Into<String>, next_step: &str) -> Refusal {
    let problem = problem.into();
    Refusal::invalid("source_invalid", "The source makes no sense", format!("{problem}."), next_step)
        .field(pointer.to_owned(), problem)
}

fn secret_row(id: SourceId) -> String {
    format!("source/{id}/secret")
}

impl SourceFetch {
    fn checked(&self) -> Result<Fetch, Refusal> {
        let word = |pointer: &str, what: &str, text: &str| {
            let text = text.trim();
            let fits = !text.is_empty()
                && text.len() <= LONGEST_NAME
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
            fits.then(|| text.to_owned()).ok_or_else(|| {
                invalid(
                    pointer,
                    format!("the {what} is missing or is none"),
                    "Copy it from the Azure portal.",
                )
            })
        };
        if !(SHORTEST..=LONGEST).contains(&self.every_minutes) {
            let problem = format!("a source is fetched every {SHORTEST} to {LONGEST} minutes");
            return Err(invalid("/fetch/every_minutes", problem, "Choose another interval."));
        }
        if self.subscriptions.len() > MOST_SUBSCRIPTIONS {
            let problem = format!("there are more than {MOST_SUBSCRIPTIONS} subscriptions");
            return Err(invalid(
                "/fetch/subscriptions",
                problem,
                "Leave them out to read all, or make two sources.",
            ));
        }
        let subscriptions = self.subscriptions.iter().map(|subscription| {
            Uuid::parse_str(subscription.trim()).map(|id| id.to_string()).map_err(|_| {
                invalid(
                    "/fetch/subscriptions",
                    format!("'{subscription}' is not the id of a subscription"),
                    "Give the ids, as in 11111111-2222-3333-4444-555555555555.",
                )
            })
        });
        Ok(Fetch {
            tenant: word("/fetch/tenant", "tenant", &self.tenant)?,
            client_id: word("/fetch/client_id", "client id", &self.client_id)?,
            subscriptions: subscriptions.collect::<Result<_, _>>()?,
            every_minutes: self.every_minutes,
            endpoint: self
                .endpoint
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned),
        })
    }

    fn secret(&self) -> Option<SecretString> {
        let text = self.client_secret.as_ref()?.expose_secret().trim();
        (!text.is_empty()).then(|| SecretString::from(text))
    }
}

impl Engine {
    /// Makes a source. One that is enabled is fetched at once.
    ///
    /// # Errors
    /// If it makes no sense, or there is one of that name.
    pub async fn create_source(&self, settings: SourceSettings, by: &Actor) -> Result<SourceId, Refusal> {
        let name = settings.name.trim().to_owned();
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || name.chars().any(|c| c.is_control() || c == '/') {
            return Err(invalid(
                "/name",
                format!("a source has a name of 1 to {LONGEST_NAME} characters, without '/'"),
                "Give it a short name.",
            ));
        }
        Division::new(&settings.rules).map_err(|problems| unsound(&problems))?;
        let id: SourceId = self.inner.world.id();
        let (fetch, secret) = match &settings.fetch {
            None => (None, Vec::new()),
            Some(given) => {
                let fetch = given.checked()?;
                self.check_endpoint(&fetch)?;
                let secret = given.secret().ok_or_else(|| secret_missing("the client secret is missing"))?;
                (Some(fetch), self.inner.keys.seal(&secret_row(id), &secret))
            }
        };
        let now = self.inner.world.now();
        let source = Source {
            id,
            name,
            fetch,
            secret,
            rules: settings.rules,
            enabled: settings.enabled,
            version: 1,
            due_at: now,
            lease_until: DateTime::UNIX_EPOCH,
            last_run: None,
            problem: None,
            created_at: now,
        };
        let mut tx = self.inner.db.begin().await?;
        if store::sources::by_name(&mut tx, &source.name).await?.is_some() {
            return Err(Refusal::conflict(
                "source_exists",
                "There is such a source",
                format!("There is a source named {} already.", source.name),
                "Choose another name, or change that one.",
            ));
        }
        store::sources::add(&mut tx, &source).await?;
        self.note_configuration(&mut tx, "source", id.0, by, &format!("Source {} made.", source.name))
            .await?;
        tx.commit().await?;
        self.sources_changed();
        Ok(id)
    }

    /// Changes a source. A run that is under way takes in nothing; an enabled source is fetched anew.
    ///
    /// # Errors
    /// If there is no such source, it was changed meanwhile, or the change makes no sense.
    pub async fn change_source(&self, id: SourceId, change: SourceChange, by: &Actor) -> Result<(), Refusal> {
        if let Some(rules) = &change.rules {
            Division::new(rules).map_err(|problems| unsound(&problems))?;
        }
        let mut tx = self.inner.db.begin().await?;
        let mut source = self.source(&mut tx, id).await?;
        if change.version.is_some_and(|version| version != source.version) {
            return Err(Refusal::conflict(
                "source_changed",
                "The source was changed meanwhile",
                format!("Somebody changed the source {} since it was read.", source.name),
                "Read it again, and make the change anew.",
            ));
        }
        let mut said = Vec::new();
        if let Some(given) = change.fetch {
            let Some(known) = &source.fetch else {
                return Err(invalid(
                    "/fetch",
                    "reports are uploaded to this source, it is not fetched",
                    "Make another source.",
                ));
            };
            let fetch = given.checked()?;
            self.check_endpoint(&fetch)?;
            // A secret goes only where and as whom it was given: otherwise an address could be typed to collect it.
            let elsewhere = (&fetch.tenant, &fetch.client_id, &fetch.endpoint)
                != (&known.tenant, &known.client_id, &known.endpoint);
            match given.secret() {
                Some(secret) => {
                    source.secret = self.inner.keys.seal(&secret_row(id), &secret);
                    said.push("a new secret");
                }
                None if elsewhere => {
                    return Err(secret_missing(
                        "another tenant, application or address needs the secret again",
                    ));
                }
                None => {}
            }
            if fetch != *known {
                said.push("where it is fetched from");
            }
            source.fetch = Some(fetch);
            source.due_at = self.inner.world.now();
        }
        if let Some(rules) = change.rules
            && rules != source.rules
        {
            source.rules = rules;
            source.due_at = self.inner.world.now();
            said.push("its rules");
        }
        if let Some(enabled) = change.enabled
            && enabled != source.enabled
        {
            source.enabled = enabled;
            source.due_at = self.inner.world.now();
            said.push(if enabled { "it is enabled" } else { "it is not enabled any more" });
        }
        if said.is_empty() {
            return Ok(());
        }
        source.problem = None;
        store::sources::save(&mut tx, &source).await?;
        let what = format!("Source {} changed: {}.", source.name, said.join(", "));
        self.note_configuration(&mut tx, "source", id.0, by, &what).await?;
        tx.commit().await?;
        self.sources_changed();
        Ok(())
    }

    /// Deletes a source. Assets, scans and findings stay.
    ///
    /// # Errors
    /// If there is no such source.
    pub async fn delete_source(&self, id: SourceId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let source = self.source(&mut tx, id).await?;
        store::sources::delete(&mut tx, id).await?;
        self.clear_all(&mut tx, crate::alarms::About::Source(id)).await?;
        self.note_configuration(&mut tx, "source", id.0, by, &format!("Source {} deleted.", source.name))
            .await?;
        tx.commit().await?;
        self.sources_changed();
        Ok(())
    }

    /// Makes a source due now.
    ///
    /// # Errors
    /// If there is no such source, it is not fetched, or not enabled.
    pub async fn run_source(&self, id: SourceId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let source = self.source(&mut tx, id).await?;
        if source.fetch.is_none() || !source.enabled {
            return Err(Refusal::conflict(
                "source_not_fetched",
                "The source is not fetched",
                match source.fetch {
                    None => format!("Reports are uploaded to the source {}.", source.name),
                    Some(_) => format!("The source {} is not enabled.", source.name),
                },
                "Import a report and name the source, or enable the source first.",
            ));
        }
        let now = self.inner.world.now();
        if source.lease_until <= now {
            store::sources::make_due(&mut tx, id, now).await?;
        }
        self.note_configuration(&mut tx, "source", id.0, by, "Asked for a run now.").await?;
        tx.commit().await?;
        self.sources_changed();
        Ok(())
    }

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

    fn fetch_path(&self) -> PathBuf {
        self.inner.settings.data_dir.join(format!("fetch-{}", self.inner.world.id::<Uuid>()))
    }

    /// Writes the rows to a file, page by page; `most_pages` ends it early.
    async fn fetch(
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
    fn check_endpoint(&self, fetch: &Fetch) -> Result<Option<Url>, Refusal> {
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

    async fn source(&self, tx: &mut store::Tx, id: SourceId) -> Result<Source, Refusal> {
        store::sources::get(tx, id).await?.ok_or_else(|| Refusal::not_found("source", id))
    }

    fn ruled(&self, source: &Source) -> Result<Ruled, Refusal> {
        let division = Division::new(&source.rules).map_err(|problems| unsound(&problems))?;
        Ok(Ruled { rules: source.rules.clone(), division, prefix: None })
    }

    /// The rules of a source that an import names.
    pub(crate) async fn rules_of_source(&self, name: &str) -> Result<Ruled, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let source = store::sources::by_name(&mut tx, name.trim()).await?;
        self.ruled(&source.ok_or_else(|| Refusal::not_found("source", name))?)
    }

    fn sources_changed(&self) {
        self.announce(EventKind::Configuration, None);
        self.inner.sources.notify_one();
        self.inner.alarms.notify_one();
    }

    /// What the rules of a source, or these, would make of a report; without a report of what it finds now. The report is
    /// deleted, and nothing is stored.
    ///
    /// # Errors
    /// If there is no such source, the rules make no sense, or the report cannot be read.
    pub async fn preview_source(
        &self,
        id: SourceId,
        rules: Option<Vec<IngestRule>>,
        report: Option<PathBuf>,
        format: Option<String>,
    ) -> Result<IngestPreview, Refusal> {
        let (file, live) = match report {
            Some(report) => (report, false),
            None => (self.fetch_path(), true),
        };
        let previewed = self.preview(id, rules, &file, live, format).await;
        let _ = tokio::fs::remove_file(&file).await;
        previewed
    }

    async fn preview(
        &self,
        id: SourceId,
        rules: Option<Vec<IngestRule>>,
        file: &Path,
        live: bool,
        format: Option<String>,
    ) -> Result<IngestPreview, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut source = self.source(&mut tx, id).await?;
        drop(tx);
        if let Some(rules) = rules {
            source.rules = rules;
        }
        let Ruled { division, .. } = self.ruled(&source)?;
        let format = format.as_deref().map(str::parse::<reports::Format>).transpose().map_err(|error| {
            Refusal::invalid(
                "format_unknown",
                "The format is not known",
                format!("{error}."),
                "Leave the format out to have it recognised.",
            )
        })?;
        let mut preview = IngestPreview { whole: true, ..IngestPreview::default() };
        let format = if live {
            let fetched = self.fetch(&source, file, self.inner.world.now(), Some(PREVIEW_PAGES)).await?;
            preview.whole = fetched.whole;
            Some(reports::Format::DefenderGraph)
        } else {
            format
        };
        let path = file.to_owned();
        let read = tokio::task::spawn_blocking(move || read_parts(&path, format, &division)).await;
        let (summary, runs) = match read {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => return Err(unreadable(&error.to_string())),
            Err(error) => return Err(unreadable(&error.to_string())),
        };
        preview.results = summary.results;
        preview.not_seen =
            summary.left_out.iter().map(|left_out| (left_out.reason.to_owned(), left_out.count)).collect();
        self.add_up(runs, &mut preview).await?;
        Ok(preview)
    }

    async fn add_up(&self, runs: Vec<Parts>, preview: &mut IngestPreview) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut assets: BTreeMap<String, PreviewedAsset> = BTreeMap::new();
        let mut add = |reason, count| *preview.left_out.entry(reason).or_default() += count;
        for parts in runs {
            if parts.nobodys > 0 {
                add(LeftOutReason::NoRule, parts.nobodys);
            }
            preview.nobodys.extend(parts.nobodys_examples);
            for (key, part) in parts.parts.into_iter().filter(|(_, part)| part.read() > 0) {
                let exists = match assets.get(&key) {
                    Some(known) => known.exists,
                    None => store::assets::by_name(&mut tx, &part.asset).await?.is_some(),
                };
                let asset = assets.entry(key).or_default();
                asset.exists = exists;
                for (reason, count) in &part.filtered {
                    add(*reason, *count);
                    *asset.left_out.entry(*reason).or_default() += count;
                }
                if exists || part.create {
                    asset.created |= !exists;
                    asset.taken += part.taken;
                } else if part.taken > 0 {
                    add(LeftOutReason::NoSuchAsset, part.taken);
                    *asset.left_out.entry(LeftOutReason::NoSuchAsset).or_default() += part.taken;
                }
                asset.name = part.asset;
                for tag in part.tags {
                    if !asset.tags.contains(&tag) {
                        asset.tags.push(tag);
                    }
                }
                asset.examples.extend(part.examples);
                asset.examples.truncate(3);
            }
        }
        preview.nobodys.truncate(3);
        preview.assets_total = assets.len() as u64;
        preview.taken = assets.values().map(|asset| asset.taken).sum();
        preview.assets = assets.into_values().collect();
        preview.assets.sort_by(|a, b| b.taken.cmp(&a.taken).then_with(|| a.name.cmp(&b.name)));
        preview.assets.truncate(PREVIEWED_ASSETS);
        Ok(())
    }
}

/// What a fetch came to.
struct FetchedRows {
    rows: u64,
    moved: bool,
    whole: bool,
}

fn read_parts(
    file: &Path,
    format: Option<reports::Format>,
    division: &Division,
) -> Result<(reports::Summary, Vec<Parts>), reports::Error> {
    let file = File::open(file).map_err(|error| reports::Error::from(reports::ErrorKind::Io(error)))?;
    let mut runs: Vec<Parts> = Vec::new();
    let summary = reports::read(BufReader::new(file), format, &reports::Limits::default(), &mut |event| {
        match event {
            reports::Event::Run(run) => runs.push(Parts::of_run(division, &run)),
            reports::Event::Observation(observation) => {
                if let Some(parts) = runs.last_mut() {
                    parts.take(division, &observation).map_err(Box::new)?;
                }
            }
        }
        Ok(())
    })?;
    Ok((summary, runs))
}

fn secret_missing(problem: &str) -> Refusal {
    invalid("/fetch/client_secret", problem, "Give the value of the application's client secret.")
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

fn unreadable(error: &str) -> Refusal {
    Refusal::invalid(
        "report_invalid",
        "The report cannot be read",
        format!("The report: {error}."),
        "Look at it with 'lockstep inspect', and mend it.",
    )
}
