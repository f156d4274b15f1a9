//! `lockstep source`: where findings come from, and what is taken in.

use std::path::{Path, PathBuf};

use api::{ChangeSource, Fetch, IngestPreview, NewFetch, NewSource, PreviewOptions, Source};
use clap::{Args, Subcommand};
use model::ingest::IngestRule;
use reqwest::Method;

use super::upload::send_file;
use super::{lookup, minute, opt_minute};
use crate::client::{ApiArgs, Client, read_secret, read_text};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Minutes from one run to the next, if nobody says otherwise.
const USUAL_INTERVAL: u32 = 360;

/// Options of `lockstep source`.
#[derive(Args, Debug)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List sources
    List,
    /// Print a source with its rules
    Show {
        /// Name or id
        source: String,
    },
    /// Make a source: of Defender for Cloud with --tenant, else one whose reports are uploaded
    #[command(after_help = "\
Examples:
  lockstep source add monorepo --rules rules.yaml
  lockstep import results.sarif --source monorepo
  lockstep source add cloud --rules cloud.yaml --tenant contoso.example --client-id 1b2c… --client-secret-file secret.txt
  lockstep source preview cloud && lockstep source set cloud --enabled

The rules are a list in YAML or JSON (docs/sources.md). The first one that is about the place of a result decides:
  - name: images
    asset: {pattern: '^[^/]+\\.azurecr\\.io/(.+)$', name: 'image $1'}
    min_severity: high
    tags: [container]
  - name: everything else
    asset: {name: the cloud}")]
    Add {
        /// Name; it stays
        name: String,
        #[command(flatten)]
        fetch: FetchArgs,
        /// File with the rules; `-` for standard input
        #[arg(long, value_name = "FILE")]
        rules: PathBuf,
        /// Fetch it from now on
        #[arg(long, requires = "tenant")]
        enabled: bool,
    },
    /// Change a source
    Set {
        /// Name or id
        source: String,
        #[command(flatten)]
        fetch: FetchArgs,
        /// File with the rules, all of them; `-` for standard input
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
        /// Fetch it from now on
        #[arg(long, conflicts_with = "disabled")]
        enabled: bool,
        /// Do not fetch it any more
        #[arg(long)]
        disabled: bool,
    },
    /// Delete a source; assets, scans and findings stay
    Remove {
        /// Name or id
        source: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Fetch a source now
    Run {
        /// Name or id
        source: String,
    },
    /// Say what the rules would make of a report, or of what the source finds now; nothing is stored
    Preview {
        /// Name or id
        source: String,
        /// The report; `-` for standard input [default: ask the source]
        file: Option<PathBuf>,
        /// File with rules to try in place of those of the source
        #[arg(long, value_name = "FILE")]
        rules: Option<PathBuf>,
    },
}

#[derive(Args, Debug)]
struct FetchArgs {
    /// Tenant of Microsoft Entra, by id or domain
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,
    /// Application (client) id; it needs the role Security Reader
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// File with the client secret, `-` for standard input [default: LOCKSTEP_SOURCE_SECRET]
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// Id of a subscription to read; may be repeated [default: all that the application may read]
    #[arg(long = "subscription", value_name = "ID")]
    subscriptions: Vec<String>,
    /// Minutes from one run to the next [default: 360]
    #[arg(long, value_name = "MINUTES")]
    every_minutes: Option<u32>,
    /// Address of Azure Resource Manager, for rehearsals [default: the public cloud]
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
}

impl FetchArgs {
    fn secret(&self) -> Result<Option<String>, CliError> {
        match (&self.client_secret_file, std::env::var("LOCKSTEP_SOURCE_SECRET")) {
            (Some(file), _) => read_secret(file).map(Some),
            (None, Ok(secret)) if !secret.is_empty() => Ok(Some(secret)),
            (None, _) => Ok(None),
        }
    }

    /// What to make of it, with what is known for what was left out; none if nothing was said.
    fn over(self, known: Option<Fetch>) -> Result<Option<NewFetch>, CliError> {
        let said = self.tenant.is_some()
            || self.client_id.is_some()
            || self.client_secret_file.is_some()
            || !self.subscriptions.is_empty()
            || self.every_minutes.is_some()
            || self.endpoint.is_some();
        if !said {
            return Ok(None);
        }
        let client_secret = self.secret()?;
        let needed = |given: Option<String>, known: Option<&String>, option: &str| {
            given
                .or_else(|| known.cloned())
                .ok_or_else(|| CliError::usage(format!("{option} is missing: a source of Defender needs it")))
        };
        let fetch = Fetch {
            tenant: needed(self.tenant, known.as_ref().map(|known| &known.tenant), "--tenant")?,
            client_id: needed(self.client_id, known.as_ref().map(|known| &known.client_id), "--client-id")?,
            subscriptions: match (self.subscriptions, &known) {
                (none, Some(known)) if none.is_empty() => known.subscriptions.clone(),
                (given, _) => given,
            },
            every_minutes: self
                .every_minutes
                .unwrap_or_else(|| known.as_ref().map_or(USUAL_INTERVAL, |known| known.every_minutes)),
            endpoint: self.endpoint.or_else(|| known.and_then(|known| known.endpoint)),
        };
        Ok(Some(NewFetch { fetch, client_secret }))
    }
}

/// Runs `lockstep source`.
pub(crate) async fn run(args: SourceArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.get::<Vec<Source>>("sources").await?)?,
        Action::Show { source } => print_one(output, &lookup::source(&client, &source).await?)?,
        Action::Add { name, fetch, rules, enabled } => {
            let new = NewSource { name, fetch: fetch.over(None)?, rules: read_rules(&rules)?, enabled };
            print_list(output, &[client.post::<Source>("sources", &new).await?])?;
        }
        Action::Set { source, fetch, rules, enabled, disabled } => {
            let known = lookup::source(&client, &source).await?;
            let change = ChangeSource {
                fetch: fetch.over(known.fetch)?,
                rules: rules.as_deref().map(read_rules).transpose()?,
                enabled: (enabled || disabled).then_some(enabled),
                version: Some(known.version),
            };
            if change.fetch.is_none() && change.rules.is_none() && change.enabled.is_none() {
                return Err(CliError::usage("there is nothing to change")
                    .next("Name what to change; see `lockstep source set --help`."));
            }
            let changed: Source = client.patch(&format!("sources/{}", known.id), &change).await?;
            print_list(output, &[changed])?;
        }
        Action::Remove { source, yes } => {
            let known = lookup::source(&client, &source).await?;
            confirm(&format!("Delete the source {}? Its findings stay.", known.name), yes)?;
            client.delete(&format!("sources/{}", known.id)).await?;
        }
        Action::Run { source } => {
            let known = lookup::source(&client, &source).await?;
            let asked: Source = client.act(Method::POST, &format!("sources/{}/run", known.id)).await?;
            print_list(output, &[asked])?;
        }
        Action::Preview { source, file, rules } => {
            let preview = preview(&client, &source, file, rules).await?;
            print_preview(output, &preview)?;
        }
    }
    Ok(exit::OK)
}

async fn preview(
    client: &Client,
    source: &str,
    file: Option<PathBuf>,
    rules: Option<PathBuf>,
) -> Result<IngestPreview, CliError> {
    let known = lookup::source(client, source).await?;
    let rules = rules.as_deref().map(read_rules).transpose()?;
    let rules = rules.map(|rules| serde_json::to_string(&rules)).transpose().map_err(CliError::broken)?;
    let options = PreviewOptions { rules, format: None };
    let request = client.request(Method::POST, &format!("sources/{}/preview", known.id))?.query(&options);
    match file {
        Some(file) => send_file(client, request, &file).await?.json().await.map_err(CliError::broken),
        None => client.json(request).await,
    }
}

fn read_rules(file: &Path) -> Result<Vec<IngestRule>, CliError> {
    serde_saphyr::from_str(&read_text(file)?).map_err(|error| {
        CliError::usage(format!("{} is no list of ingest rules: {error}", file.display()))
            .next("See docs/sources.md for what a rule says.")
    })
}

fn print_list(output: Output, sources: &[Source]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&sources);
    }
    let rows = sources.iter().map(|source| {
        vec![
            source.id.to_string(),
            source.name.clone(),
            kind(source).to_owned(),
            source.rules.len().to_string(),
            source.last_run.as_ref().map(|run| minute(run.started_at)).unwrap_or_default(),
            opt_minute(source.due_at),
            source.problem.clone().unwrap_or_default(),
        ]
    });
    output.table(&["Id", "Name", "Kind", "Rules", "Last run", "Next run", "Problem"], rows.collect())
}

fn kind(source: &Source) -> &'static str {
    match (&source.fetch, source.enabled) {
        (None, _) => "uploads",
        (Some(_), true) => "Defender",
        (Some(_), false) => "Defender, disabled",
    }
}

fn print_one(output: Output, source: &Source) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(source);
    }
    let fetch = source.fetch.as_ref();
    output.facts(&[
        ("id", source.id.to_string()),
        ("name", source.name.clone()),
        ("kind", kind(source).to_owned()),
        ("tenant", fetch.map(|fetch| fetch.tenant.clone()).unwrap_or_default()),
        ("client id", fetch.map(|fetch| fetch.client_id.clone()).unwrap_or_default()),
        ("subscriptions", fetch.map(|fetch| fetch.subscriptions.join(", ")).unwrap_or_default()),
        ("every", fetch.map(|fetch| format!("{} minutes", fetch.every_minutes)).unwrap_or_default()),
        (
            "last run",
            source
                .last_run
                .as_ref()
                .map(|run| format!("{}, {} rows, import {}", minute(run.started_at), run.rows, run.job))
                .unwrap_or_default(),
        ),
        ("next run", opt_minute(source.due_at)),
        ("problem", source.problem.clone().unwrap_or_default()),
    ])?;
    let rules = serde_saphyr::to_string(&source.rules).map_err(CliError::broken)?;
    output.line(&format!("rules:\n{}", rules.trim_end()))
}

fn print_preview(output: Output, preview: &IngestPreview) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(preview);
    }
    let rows = preview.assets.iter().map(|asset| {
        let left_out: u64 = asset.left_out.values().sum();
        vec![
            asset.name.clone(),
            match (asset.exists, asset.created) {
                (true, _) => "known",
                (false, true) => "made",
                (false, false) => "not there",
            }
            .to_owned(),
            asset.taken.to_string(),
            left_out.to_string(),
            asset.examples.first().cloned().unwrap_or_default(),
        ]
    });
    output.table(&["Asset", "", "Taken in", "Left out", "For example"], rows.collect())?;
    let shown = u64::try_from(preview.assets.len()).unwrap_or(u64::MAX);
    if shown < preview.assets_total {
        say(&format!("{} more assets.", preview.assets_total - shown));
    }
    say(&format!("{} of {} results would be taken in.", preview.taken, preview.results));
    for (reason, count) in &preview.left_out {
        say(&format!("left out: {count}, {reason}"));
    }
    for title in &preview.nobodys {
        say(&format!("no rule is about: {title}"));
    }
    for (reason, count) in &preview.not_seen {
        say(&format!("not seen: {count}, {reason}"));
    }
    if !preview.whole {
        say("Only the first pages were looked at.");
    }
    Ok(())
}
