//! `lockstep rule`: which findings get tickets.

use std::io::Read;
use std::path::{Path, PathBuf};

use api::{Rule, RuleCheck, RuleCount, RuleFact, RuleOrder, RulePlan, RuleSettings};
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use model::Severity;
use model::rule::{AppliesTo, AutoClose, CloseWhen, Criteria, Fact, Grouping, LateMember, OnMatch, Release};
use serde_json::{Value, json};

use super::{lookup, moved, plan, word};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm, say};

/// The longest file of criteria that is read.
const LONGEST_FILE: u64 = 1024 * 1024;

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
    /// List rules in their order, with the open findings that each matches
    List,
    /// Show one rule
    Show {
        /// Name or id of the rule
        rule: String,
    },
    /// Make a rule, behind the others; it first says what the rule would do, and asks
    #[command(after_help = "\
Examples:
  lockstep rule add --name urgent --severity-at-least high
  lockstep rule add --name web --asset-tag web --group-by vulnerability-and-asset --yes
  lockstep rule add --name upgrades --criteria upgrades.json --group-by component,fixed_version
  echo '{\"all\": [{\"kind\": \"component\"}, {\"not\": {\"path\": {\"matches\": \"test/**\"}}}]}' |
    lockstep rule add --name components --criteria - --yes")]
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
    /// Change what is named of a rule; it first says what that would do, and asks
    #[command(after_help = "\
Examples:
  lockstep rule change urgent --severity-at-least critical
  lockstep rule change urgent --rename 'most urgent' --destination 'Webshop Payments' --yes
  lockstep rule change urgent --destination none --from none --until 2027-01-31")]
    Change {
        /// Name or id of the rule
        rule: String,
        /// Another name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        settings: SettingsArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let a rule be in effect; it first says what it would do, and asks
    Enable {
        /// Name or id of the rule
        rule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Let a rule make no more tickets; those it made stay
    Disable {
        /// Name or id of the rule
        rule: String,
    },
    /// Put a rule at another place: the first that matches a finding decides about it
    #[command(after_help = "Example:\n  lockstep rule move urgent --to 1")]
    Move {
        /// Name or id of the rule
        rule: String,
        /// Its new place, from 1
        #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
        to: u32,
    },
    /// Say what a rule would do; nothing is saved
    #[command(after_help = "\
Examples:
  lockstep rule plan --severity-at-least critical
  lockstep rule plan --criteria rule.json --json | jq .destinations")]
    Plan {
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// Say what is wrong with criteria, and how many open findings they match; nothing is saved
    #[command(after_help = "Example:\n  lockstep rule check --criteria rule.json")]
    Check {
        #[command(flatten)]
        settings: SettingsArgs,
    },
    /// List what criteria may ask for
    Facts,
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
    /// Only findings that these criteria match: a JSON file, or `-` for the standard input
    #[arg(long, value_name = "FILE|-")]
    criteria: Option<PathBuf>,
    /// Which findings share a ticket: finding, vulnerability-and-asset, vulnerability, correlation, fix, asset, or facts
    /// with commas between them (see `lockstep rule facts`)
    #[arg(long, value_name = "GROUPING", value_parser = grouping)]
    group_by: Option<Grouping>,
    /// Whether rules behind it are asked about what it matches
    #[arg(long, value_enum)]
    on_match: Option<OnMatchArg>,
    /// Which findings: all that match, or only those first seen after the rule is saved
    #[arg(long, value_enum)]
    applies_to: Option<AppliesToArg>,
    /// First day (UTC) on which it is in effect, or `none`
    #[arg(long, value_name = "DAY|none", value_parser = day)]
    from: Option<Maybe<NaiveDate>>,
    /// Last day (UTC) on which it is in effect, or `none`
    #[arg(long, value_name = "DAY|none", value_parser = day)]
    until: Option<Maybe<NaiveDate>>,
    /// Where its tickets go: name or id of a destination, or `none` to go by the bindings of the assets
    #[arg(long, value_name = "DESTINATION|none")]
    destination: Option<String>,
    /// State in which its work items begin, or `none` for that of the status map
    #[arg(long, value_name = "STATE|none")]
    initial_state: Option<String>,
    /// When its work items are closed
    #[arg(long, value_enum)]
    auto_close: Option<AutoCloseArg>,
    /// State with which its work items are closed, or `none` for that of the status map
    #[arg(long, value_name = "STATE|none")]
    close_state: Option<String>,
    /// Keep work items open while a finding is closed for a time only
    #[arg(long, value_name = "yes|no", value_parser = yes_or_no)]
    not_for_temporary: Option<bool>,
    /// What becomes of a finding whose group has a work item already
    #[arg(long, value_enum)]
    late_member: Option<LateMemberArg>,
    /// When its tickets are made: as soon as a finding is identified, or once an assessment of it is completed
    #[arg(long, value_enum)]
    release: Option<ReleaseArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ReleaseArg {
    AtIdentification,
    WhenAssessmentCompletes,
}

/// A value, or that there shall be none.
#[derive(Clone, Copy, Debug)]
struct Maybe<T>(Option<T>);

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnMatchArg {
    /// No: it alone decides
    Stop,
    /// Yes; there is one ticket for each destination
    GoOn,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AppliesToArg {
    /// All that match
    All,
    /// Only new ones
    New,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AutoCloseArg {
    /// Never: people close them
    Off,
    /// When all findings are closed
    AllClosed,
    /// When all findings are fixed
    AllFixed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LateMemberArg {
    /// It joins; a closed work item is opened again
    Reopen,
    /// It joins while the work item is open, else it gets a new linked one
    AddToOpen,
    /// It always gets a new linked one
    NewItem,
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("write yes or no".to_owned()),
    }
}

fn day(text: &str) -> Result<Maybe<NaiveDate>, String> {
    if text == "none" {
        return Ok(Maybe(None));
    }
    text.parse().map(|day| Maybe(Some(day))).map_err(|_| "write a day as 2026-01-31, or none".to_owned())
}

fn grouping(text: &str) -> Result<Grouping, String> {
    Ok(match text.trim().to_lowercase().replace('_', "-").as_str() {
        "finding" => Grouping::PerFinding,
        "vulnerability-and-asset" => Grouping::PerVulnerabilityAndAsset,
        "vulnerability" => Grouping::PerVulnerability,
        "correlation" => Grouping::PerCorrelation,
        "fix" => Grouping::PerFix,
        "asset" => Grouping::PerAsset,
        _ => {
            let facts = text.split(',').map(str::trim).map(|name| {
                Fact::named(name).ok_or_else(|| {
                    format!("'{name}' is neither a grouping nor a fact: see `lockstep rule facts`")
                })
            });
            Grouping::By(facts.collect::<Result<_, _>>()?)
        }
    })
}

impl SettingsArgs {
    /// These settings, with everything replaced that is named on the command line.
    async fn over(self, client: &Client, mut settings: RuleSettings) -> Result<RuleSettings, CliError> {
        let mut parts: Vec<Value> = Vec::new();
        if let Some(least) = self.severity_at_least {
            parts.push(json!(Criteria::severity_at_least(least)));
        }
        parts.extend(self.asset_tags.iter().map(|tag| json!(Criteria::asset_tag(tag))));
        if let Some(path) = &self.criteria {
            parts.push(read(path)?);
        }
        match parts.len() {
            0 => {}
            1 => settings.criteria = parts.remove(0),
            _ => settings.criteria = json!({ "all": parts }),
        }
        settings.grouping = self.group_by.unwrap_or(settings.grouping);
        settings.on_match = match self.on_match {
            Some(OnMatchArg::Stop) => OnMatch::Stop,
            Some(OnMatchArg::GoOn) => OnMatch::GoOn,
            None => settings.on_match,
        };
        settings.applies_to = match self.applies_to {
            Some(AppliesToArg::All) => AppliesTo::AllFindings,
            Some(AppliesToArg::New) => AppliesTo::NewFindings,
            None => settings.applies_to,
        };
        settings.from = self.from.map_or(settings.from, |given| given.0);
        settings.until = self.until.map_or(settings.until, |given| given.0);
        settings.destination = match self.destination.as_deref() {
            None => settings.destination,
            Some("none") => None,
            Some(name) => Some(lookup::destination(client, name).await?),
        };
        let state = |given: Option<String>, known: Option<String>| match given.as_deref() {
            None => known,
            Some("none") => None,
            Some(_) => given,
        };
        settings.initial_state = state(self.initial_state, settings.initial_state);
        settings.auto_close.state = state(self.close_state, settings.auto_close.state);
        if let Some(close) = self.auto_close {
            settings.auto_close.enabled = !matches!(close, AutoCloseArg::Off);
            settings.auto_close.when = match close {
                AutoCloseArg::AllFixed => CloseWhen::AllFixed,
                AutoCloseArg::AllClosed | AutoCloseArg::Off => CloseWhen::AllClosed,
            };
        }
        if let Some(yes) = self.not_for_temporary {
            settings.auto_close.not_for_temporary = yes;
        }
        settings.late_member = match self.late_member {
            Some(LateMemberArg::Reopen) => LateMember::Reopen,
            Some(LateMemberArg::AddToOpen) => LateMember::AddToOpen,
            Some(LateMemberArg::NewItem) => LateMember::NewItem,
            None => settings.late_member,
        };
        settings.release = match self.release {
            Some(ReleaseArg::AtIdentification) => Release::AtIdentification,
            Some(ReleaseArg::WhenAssessmentCompletes) => Release::WhenAssessmentCompletes,
            None => settings.release,
        };
        Ok(settings)
    }
}

/// Reads criteria from a file or the standard input.
pub(super) fn read(path: &Path) -> Result<Value, CliError> {
    let named =
        if path == Path::new("-") { "the standard input".to_owned() } else { path.display().to_string() };
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(LONGEST_FILE).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LONGEST_FILE).read_to_string(&mut text))
    };
    read.map_err(|error| {
        CliError::new(exit::REFUSED, format!("{named} cannot be read: {error}"))
            .next("Name a file with criteria, or `-` for the standard input.")
    })?;
    serde_json::from_str(&text).map_err(|error| {
        CliError::new(exit::REFUSED, format!("{named} is no JSON: {error}"))
            .next("Write criteria such as {\"severity\": {\"at_least\": \"high\"}}; `lockstep rule facts` lists them.")
    })
}

fn blank(name: String) -> RuleSettings {
    RuleSettings {
        name,
        enabled: true,
        criteria: json!({}),
        on_match: OnMatch::default(),
        applies_to: AppliesTo::default(),
        from: None,
        until: None,
        destination: None,
        grouping: Grouping::default(),
        initial_state: None,
        auto_close: AutoClose::default(),
        late_member: LateMember::default(),
        release: Release::default(),
    }
}

/// Runs `lockstep rule`.
pub(crate) async fn run(args: RuleArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => {
            let counts: Vec<RuleCount> = client.get("rules/counts").await?;
            print_list(output, &client.list("rules", &[], None).await?, Some(&counts))?;
        }
        Action::Show { rule } => {
            let rule: Rule = find(&client, &rule).await?;
            print_one(output, &rule)?;
        }
        Action::Add { name, settings, disabled, yes } => {
            let mut settings = settings.over(&client, blank(name)).await?;
            settings.enabled = !disabled;
            if !disabled && !yes {
                ask_first(&client, &settings, None).await?;
            }
            let rule: Rule = client.post("rules", &settings).await?;
            print_one(output, &rule)?;
        }
        Action::Change { rule, rename, settings, yes } => {
            let rule = find(&client, &rule).await?;
            let mut settings = settings.over(&client, rule.settings.clone()).await?;
            settings.name = rename.unwrap_or(settings.name);
            save(&client, output, &rule, &settings, yes).await?;
        }
        Action::Enable { rule, yes } => {
            let rule = find(&client, &rule).await?;
            let settings = RuleSettings { enabled: true, ..rule.settings.clone() };
            save(&client, output, &rule, &settings, yes).await?;
        }
        Action::Disable { rule } => {
            let rule = find(&client, &rule).await?;
            let settings = RuleSettings { enabled: false, ..rule.settings.clone() };
            save(&client, output, &rule, &settings, true).await?;
        }
        Action::Move { rule, to } => {
            let id = lookup::rule(&client, &rule).await?;
            let rules: Vec<Rule> = client.list("rules", &[], None).await?;
            let rules = moved(rules.iter().map(|rule| rule.id), id, to);
            let page: api::Page<Rule> = client.put("rules/order", &RuleOrder { rules }).await?;
            print_list(output, &page.items, None)?;
        }
        Action::Plan { settings } => {
            let settings = settings.over(&client, blank("plan".to_owned())).await?;
            print_plan(output, &client.post("rules/plan", &settings).await?)?;
        }
        Action::Check { settings } => {
            let settings = settings.over(&client, blank("check".to_owned())).await?;
            let check: RuleCheck = client.post("rules/check", &settings).await?;
            if output.is_json() {
                output.value(&check)?;
            } else {
                let rows = check
                    .problems
                    .iter()
                    .map(|problem| vec![problem.at.clone(), problem.message.clone(), problem.mend.clone()]);
                if check.problems.is_empty() {
                    let about = check.about.clone().unwrap_or_default();
                    output.line(&format!("{about}: {} open findings", check.matching.unwrap_or(0)))?;
                } else {
                    output.table(&["Where", "Problem", "Mend"], rows.collect())?;
                }
            }
            return Ok(if check.problems.is_empty() { exit::OK } else { exit::VERDICT });
        }
        Action::Facts => print_facts(output, &client.get::<Vec<RuleFact>>("rules/facts").await?)?,
        Action::Remove { rule, yes } => {
            let id = lookup::rule(&client, &rule).await?;
            confirm(&format!("Remove the rule '{rule}'? Its tickets stay."), yes)?;
            client.delete(&format!("rules/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

async fn find(client: &Client, rule: &str) -> Result<Rule, CliError> {
    let id = lookup::rule(client, rule).await?;
    client.get(&format!("rules/{id}")).await
}

/// Says what saving would do, and asks.
async fn ask_first(client: &Client, settings: &RuleSettings, rule: Option<&Rule>) -> Result<(), CliError> {
    let path = rule.map_or("rules/plan".to_owned(), |rule| format!("rules/plan?rule={}", rule.id));
    let plan: RulePlan = client.post(&path, settings).await?;
    say(&format!("This rule matches {} open findings.", plan.matching));
    for share in &plan.destinations {
        say(&line(share));
    }
    say_existing(&plan);
    confirm("Save it?", false)
}

async fn save(
    client: &Client,
    output: Output,
    rule: &Rule,
    settings: &RuleSettings,
    yes: bool,
) -> Result<(), CliError> {
    if settings.enabled && !yes {
        ask_first(client, settings, Some(rule)).await?;
    }
    let saved: Rule = client.put(&format!("rules/{}", rule.id), settings).await?;
    print_one(output, &saved)
}

/// What rules would do at one destination, for people.
pub(super) fn line(share: &api::DestinationShare) -> String {
    let name = if share.name.is_empty() { "without a destination" } else { &share.name };
    let why =
        share.why.as_ref().filter(|_| share.wait > 0).map(|why| format!(" ({why})")).unwrap_or_default();
    format!("{name}: {} to create, {} tickets joined, {} wait{why}", share.create, share.join, share.wait)
}

/// What becomes of work items that are there, for people.
fn say_existing(plan: &RulePlan) {
    let existing = &plan.existing;
    if let Some(why) = &plan.existing_unknown {
        say(&format!("What becomes of its work items that are there cannot be said: {why}"));
    }
    if !existing.tickets.is_empty() {
        say(&format!(
            "Of its work items that are there {} change and {} wait, which they would not without this:",
            existing.update, existing.over_budget
        ));
        for row in existing.tickets.iter().take(20) {
            let id = row.work_item_id.map(|id| format!("{id}: ")).unwrap_or_default();
            say(&format!("  {} {id}{} ({})", word(&row.action), row.title, row.reason));
        }
    }
}

fn print_plan(output: Output, rule: &RulePlan) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(rule);
    }
    plan::print(output, &rule.plan)?;
    for share in &rule.destinations {
        say(&line(share));
    }
    say_existing(rule);
    say(&format!(
        "{} open findings match: {} have a ticket, about {} another rule decides.",
        rule.matching, rule.with_ticket, rule.taken
    ));
    Ok(())
}

fn print_list(output: Output, rules: &[Rule], counts: Option<&[RuleCount]>) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&rules);
    }
    let rows = rules.iter().enumerate().map(|(at, rule)| {
        let settings = &rule.settings;
        let matching = counts.and_then(|counts| counts.iter().find(|count| count.id == rule.id));
        vec![
            (at + 1).to_string(),
            rule.id.to_string(),
            settings.name.clone(),
            state(rule).to_owned(),
            rule.about.clone(),
            settings.grouping.to_string(),
            matching.map(|count| count.matching.to_string()).unwrap_or_default(),
        ]
    });
    output
        .table(&["Place", "Id", "Name", "In effect", "Findings", "Grouping", "Matching now"], rows.collect())
}

fn state(rule: &Rule) -> &'static str {
    match (&rule.problem, rule.settings.enabled) {
        (Some(_), _) => "stopped",
        (None, true) => "on",
        (None, false) => "off",
    }
}

fn print_one(output: Output, rule: &Rule) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(rule);
    }
    let settings = &rule.settings;
    let day = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    output.facts(&[
        ("id", rule.id.to_string()),
        ("name", settings.name.clone()),
        ("in effect", state(rule).to_owned()),
        ("problem", rule.problem.clone().unwrap_or_default()),
        ("findings", rule.about.clone()),
        ("criteria", settings.criteria.to_string()),
        ("grouping", settings.grouping.to_string()),
        ("on match", word(&settings.on_match)),
        ("applies to", word(&settings.applies_to)),
        ("from", day(settings.from)),
        ("until", day(settings.until)),
        ("initial state", settings.initial_state.clone().unwrap_or_default()),
        ("closed", closing(&settings.auto_close)),
        ("late member", word(&settings.late_member)),
        ("release", word(&settings.release)),
        ("destination", settings.destination.map(|id| id.to_string()).unwrap_or_default()),
    ])
}

/// When and how work items are closed, in one line.
fn closing(auto: &AutoClose) -> String {
    if !auto.enabled {
        return "by people".to_owned();
    }
    let mut words = word(&auto.when);
    if let Some(state) = &auto.state {
        words.push_str(&format!(", with the state {state}"));
    }
    if auto.not_for_temporary {
        words.push_str(", not for temporary statuses");
    }
    words
}

fn print_facts(output: Output, facts: &[RuleFact]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&facts);
    }
    let rows = facts.iter().map(|fact| {
        let operators: Vec<String> = fact.operators.iter().map(|operator| word(&operator.name)).collect();
        vec![
            fact.name.clone(),
            fact.label.clone(),
            operators.join(", "),
            fact.words.join(", "),
            if fact.groups { "yes" } else { "" }.to_owned(),
        ]
    });
    output.table(&["Fact", "Meaning", "Compared with", "Values", "Groups"], rows.collect())
}
