//! `lockstep suppression`: rules that say which findings are not to be looked at.

use std::path::PathBuf;

use api::{Suppression, SuppressionOrder, SuppressionPreview, SuppressionSettings};
use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::{counts, lookup, moved, rules};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Options of `lockstep suppression`.
#[derive(Args, Debug)]
pub(crate) struct SuppressionArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List suppression rules in their order, with the findings that each suppresses
    List,
    /// Show one suppression rule
    Show {
        /// Name or id
        rule: String,
    },
    /// Say what a rule would suppress; nothing is saved
    #[command(after_help = "Example:\n  lockstep suppression preview --criteria tests.json")]
    Preview {
        /// Which findings: a JSON file of criteria, or `-` for the standard input
        #[arg(long, value_name = "FILE|-")]
        criteria: PathBuf,
    },
    /// Make a rule, behind the others; it first says what it would suppress, and asks
    #[command(after_help = "\
Examples:
  echo '{\"path\": {\"matches\": \"test/**\"}}' |
    lockstep suppression add Tests --reason 'test code is not shipped' --criteria - --yes
  lockstep suppression add 'Old image' --reason 'it goes in May' --criteria image.json --until 2027-05-31")]
    Add {
        /// Name
        name: String,
        /// Why what it matches is not to be looked at
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Which findings: a JSON file of criteria, or `-` for the standard input
        #[arg(long, value_name = "FILE|-")]
        criteria: PathBuf,
        /// Last day (UTC) on which it is in effect
        #[arg(long, value_name = "DAY")]
        until: Option<NaiveDate>,
        /// Save it without effect for now
        #[arg(long)]
        disabled: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Change what is named of a rule; it first says what that would do, and asks
    #[command(after_help = "\
Examples:
  lockstep suppression set Tests --enabled false
  lockstep suppression set Tests --criteria tests.json --yes")]
    Set {
        /// Name or id
        rule: String,
        /// Another name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// Another reason
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        /// Other criteria: a JSON file, or `-` for the standard input
        #[arg(long, value_name = "FILE|-")]
        criteria: Option<PathBuf>,
        /// Whether it is switched on
        #[arg(long, value_name = "true|false")]
        enabled: Option<bool>,
        /// Another last day (UTC)
        #[arg(long, value_name = "DAY")]
        until: Option<NaiveDate>,
        /// It has no last day
        #[arg(long, conflicts_with = "until")]
        without_end: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Put a rule at another place: the first that matches a finding suppresses it
    #[command(after_help = "Example:\n  lockstep suppression move Tests --to 1")]
    Move {
        /// Name or id
        rule: String,
        /// Its new place, from 1
        #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
        to: u32,
    },
    /// Remove a rule; what it suppressed comes back
    Remove {
        /// Name or id
        rule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Runs `lockstep suppression`.
pub(crate) async fn run(args: SuppressionArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.get::<Vec<Suppression>>("suppressions").await?)?,
        Action::Show { rule } => {
            let known = known(&client, &rule).await?;
            match output.is_json() {
                true => output.value(&known)?,
                false => {
                    output.line(&format!("{}  {}", known.id, known.settings.name))?;
                    output.line(&format!("Reason:    {}", known.settings.reason))?;
                    output.line(&format!("Criteria:  {}", known.about))?;
                    let until = known.settings.until.map(|until| format!(" until {until}"));
                    let word = if known.in_effect { "in effect" } else { "not in effect" };
                    output.line(&format!("State:     {word}{}", until.unwrap_or_default()))?;
                    output.line(&format!("Findings:  {}", known.findings))?;
                }
            }
        }
        Action::Preview { criteria } => {
            let settings = SuppressionSettings {
                name: "Preview".into(),
                reason: "Preview".into(),
                criteria: rules::read(&criteria)?,
                enabled: true,
                until: None,
            };
            let preview: SuppressionPreview = client.post("suppressions/preview", &settings).await?;
            match output.is_json() {
                true => output.value(&preview)?,
                false => tell(&preview, |line| output.line(line))?,
            }
        }
        Action::Add { name, reason, criteria, until, disabled, yes } => {
            let settings = SuppressionSettings {
                name,
                reason,
                criteria: rules::read(&criteria)?,
                enabled: !disabled,
                until,
            };
            let preview: SuppressionPreview = client.post("suppressions/preview", &settings).await?;
            tell(&preview, |line| {
                say(line);
                Ok(())
            })?;
            confirm("Save the suppression rule?", yes)?;
            let made: Suppression = client.post("suppressions?confirm=true", &settings).await?;
            print_list(output, &[made])?;
        }
        Action::Set { rule, rename, reason, criteria, enabled, until, without_end, yes } => {
            let Suppression { id, settings, .. } = known(&client, &rule).await?;
            let settings = SuppressionSettings {
                name: rename.unwrap_or(settings.name),
                reason: reason.unwrap_or(settings.reason),
                criteria: match criteria {
                    Some(path) => rules::read(&path)?,
                    None => settings.criteria,
                },
                enabled: enabled.unwrap_or(settings.enabled),
                until: if without_end { None } else { until.or(settings.until) },
            };
            let preview: SuppressionPreview =
                client.post(&format!("suppressions/preview?rule={id}"), &settings).await?;
            tell(&preview, |line| {
                say(line);
                Ok(())
            })?;
            confirm("Save the suppression rule?", yes)?;
            let path = format!("suppressions/{id}?confirm=true");
            let changed: Suppression = client.put(&path, &settings).await?;
            print_list(output, &[changed])?;
        }
        Action::Move { rule, to } => {
            let id = lookup::suppression(&client, &rule).await?;
            let known: Vec<Suppression> = client.get("suppressions").await?;
            let rules = moved(known.iter().map(|rule| rule.id), id, to);
            let all: Vec<Suppression> = client.put("suppressions/order", &SuppressionOrder { rules }).await?;
            print_list(output, &all)?;
        }
        Action::Remove { rule, yes } => {
            let id = known(&client, &rule).await?.id;
            let preview: SuppressionPreview = client.get(&format!("suppressions/{id}/removal")).await?;
            tell(&preview, |line| {
                say(line);
                Ok(())
            })?;
            confirm(&format!("Remove the suppression rule {rule}?"), yes)?;
            client.delete(&format!("suppressions/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

async fn known(client: &Client, name: &str) -> Result<Suppression, CliError> {
    let id = lookup::suppression(client, name).await?;
    client.get(&format!("suppressions/{id}")).await
}

fn tell(preview: &SuppressionPreview, line: impl Fn(&str) -> Result<(), CliError>) -> Result<(), CliError> {
    line(&format!("Would be suppressed: {} (of {} open)", counts(&preview.suppress), preview.open))?;
    line(&format!("Would come back:     {}", counts(&preview.come_back)))?;
    line(&format!("Decided by people:   {} stay as they are", preview.decided_by_people))?;
    line(&format!("Tickets that close:  {}", preview.tickets_closing))?;
    for example in &preview.examples {
        line(&format!("  {} {} ({})", example.severity, example.title, example.asset))?;
    }
    if preview.needs_confirmation {
        line("That is more than a quarter of what is open.")?;
    }
    Ok(())
}

fn print_list(output: Output, all: &[Suppression]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&all);
    }
    let rows = all.iter().map(|rule| {
        vec![
            rule.id.to_string(),
            rule.settings.name.clone(),
            if rule.in_effect { "yes" } else { "no" }.to_owned(),
            rule.findings.to_string(),
            rule.settings.until.map(|day| day.to_string()).unwrap_or_default(),
            rule.about.clone(),
            rule.settings.reason.clone(),
        ]
    });
    output.table(&["Id", "Name", "In effect", "Findings", "Until", "Criteria", "Reason"], rows.collect())
}
