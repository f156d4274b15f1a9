//! Sources: where findings come from, with the ingest rules that say what is taken in and which asset it belongs to.
//!
//! A source of Defender for Cloud is fetched by itself ([`fetch`]); what rules would take in can be looked at ([`preview`]).

mod fetch;
mod preview;

use chrono::DateTime;
use model::SourceId;
use model::ingest::{Division, IngestProblem, IngestRule};
use secrecy::{ExposeSecret, SecretString};
use store::sources::{Fetch, Source};
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::ingest::Ruled;
use crate::{Actor, Refusal};

pub use preview::{IngestPreview, PreviewedAsset};

/// Shortest time from one run to the next, in minutes.
const SHORTEST: u32 = 15;

/// Longest time from one run to the next, in minutes: four weeks.
const LONGEST: u32 = 28 * 24 * 60;

/// Characters of a name.
const LONGEST_NAME: usize = 100;

/// Subscriptions that a source names at most.
const MOST_SUBSCRIPTIONS: usize = 100;

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
}

fn secret_missing(problem: &str) -> Refusal {
    invalid("/fetch/client_secret", problem, "Give the value of the application's client secret.")
}
