//! `lockstep rule`: which findings get tickets.

use api::{Plan, Rule, RuleSettings};
use clap::{Args, Subcommand, ValueEnum};
use model::Severity;
use model::rule::{Criteria, Grouping};

use super::{lookup, plan, word};
use crate::client::ApiArgs;
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// Options of `lockstep rule`.
#[derive(Args, Debug)]
pub(crate) struct RuleArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List rules
    List,
    /// Make a rule; it first says what the rule would do, and asks
    #[command(after_help = "\
Examples:
  lockstep rule add --name urgent --severity-at-least high
  lockstep rule add --name web --asset-tag web --group-by vulnerability-and-asset --yes")]
    Add {
        /// Name
        #[arg(long)]
        name: String,
        #[command(flatten)]
        settings: SettingsArgs,
        /// Save it without effect for now
        #[arg(long)]
        disabled: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Say what a rule would do; nothing is saved
    #[command(after_help = "Example:\n  lockstep rule plan --severity-at-least critical")]
    Plan {
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Remove a rule; its tickets stay
    Remove {
        /// Name or id of the rule
        rule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args, Debug)]
struct SettingsArgs {
    /// Only findings at least this severe
    #[arg(long, value_name = "SEVERITY")]
    severity_at_least: Option<Severity>,
    /// Only findings of assets with this tag; may be repeated, all are needed
    #[arg(long = "asset-tag", value_name = "TAG")]
    asset_tags: Vec<String>,
    /// Which findings share a ticket
    #[arg(long, value_enum, default_value = "finding")]
    group_by: GroupBy,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroupBy {
    /// One ticket for each finding
    Finding,
    /// One ticket for all findings of one vulnerability on one asset
    VulnerabilityAndAsset,
}

impl SettingsArgs {
    fn settings(self, name: String, enabled: bool) -> RuleSettings {
        RuleSettings {
            name,
            enabled,
            criteria: Criteria { severity_at_least: self.severity_at_least, asset_tags: self.asset_tags },
            grouping: match self.group_by {
                GroupBy::Finding => Grouping::PerFinding,
                GroupBy::VulnerabilityAndAsset => Grouping::PerVulnerabilityAndAsset,
            },
        }
    }
}

/// Runs `lockstep rule`.
pub(crate) async fn run(args: RuleArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.list("rules", &[], None).await?)?,
        Action::Add { name, settings, disabled, yes } => {
            let settings = settings.settings(name, !disabled);
            if !disabled && !yes {
                let plan: Plan = client.post("rules/plan", &settings).await?;
                say(&format!(
                    "This rule would create {} work items now{}.",
                    plan.create,
                    if plan.over_budget > 0 {
                        format!(" and {} more later, because of the daily budget", plan.over_budget)
                    } else {
                        String::new()
                    }
                ));
                confirm("Save it?", yes)?;
            }
            let rule: Rule = client.post("rules", &settings).await?;
            if output.is_json() {
                output.value(&rule)?;
            } else {
                print_list(output, &[rule])?;
            }
        }
        Action::Plan { settings } => {
            let settings = settings.settings("plan".to_owned(), true);
            plan::print(output, &client.post("rules/plan", &settings).await?)?;
        }
        Action::Remove { rule, yes } => {
            let id = lookup::rule(&client, &rule).await?;
            confirm(&format!("Remove the rule '{rule}'? Its tickets stay."), yes)?;
            client.delete(&format!("rules/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

fn print_list(output: Output, rules: &[Rule]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&rules);
    }
    let rows = rules.iter().map(|rule| {
        let settings = &rule.settings;
        let severity = settings.criteria.severity_at_least.map(|severity| format!("severity>={severity}"));
        let tags = settings.criteria.asset_tags.iter().map(|tag| format!("tag {tag}"));
        let criteria: Vec<String> = severity.into_iter().chain(tags).collect();
        vec![
            rule.id.to_string(),
            settings.name.clone(),
            if settings.enabled { "on" } else { "off" }.to_owned(),
            if criteria.is_empty() { "every finding".to_owned() } else { criteria.join(", ") },
            word(&settings.grouping),
            rule.matching.to_string(),
        ]
    });
    output.table(&["Id", "Name", "In effect", "Findings", "Grouping", "Matching now"], rows.collect())
}
