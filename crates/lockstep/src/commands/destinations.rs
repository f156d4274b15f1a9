//! `lockstep destination`: where work items go.

use std::path::PathBuf;

use api::{
    Binding, Destination, DestinationCheck, DestinationSettings, NewDestination, Route, RouteStep,
    default_daily_budget,
};
use clap::{Args, Subcommand};
use model::following::DeletionPolicy;
use model::map::{StatusEntry, Target};
use model::{FindingId, Status};

use super::{lookup, word};
use crate::client::{ApiArgs, Client};
use crate::exit::{self, CliError, Outcome};
use crate::output::{Output, confirm};

/// Options of `lockstep destination`.
#[derive(Args, Debug)]
pub(crate) struct DestinationArgs {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// List destinations
    List,
    /// Show one destination
    Show {
        /// Name or id of the destination
        destination: String,
    },
    /// Make a destination
    #[command(after_help = HELP)]
    Add(Box<SettingsArgs>),
    /// Say how settings read once blanks are filled in, and what is wrong with them; nothing is saved
    #[command(after_help = HELP)]
    Check(Box<SettingsArgs>),
    /// Say where the work items of a finding or of an asset go, and why
    #[command(after_help = ROUTE_HELP)]
    Route {
        /// Name or id of the asset
        #[arg(required_unless_present = "finding")]
        asset: Option<String>,
        /// Branch of the asset
        #[arg(long, value_name = "BRANCH", requires = "asset")]
        branch: Option<String>,
        /// Id of a finding
        #[arg(long, value_name = "ID", conflicts_with = "asset")]
        finding: Option<FindingId>,
    },
    /// Remove a destination with its tickets; work items stay as they are
    Remove {
        /// Name or id of the destination
        destination: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

const ROUTE_HELP: &str = "\
Examples:
  lockstep destination route shop
  lockstep destination route shop --branch release/1
  lockstep destination route --finding 018f2c66-…";

const HELP: &str = "\
Examples:
  lockstep destination check --project Webshop --type Bug
  lockstep destination add --project Webshop --team Payments --type Bug --default
  lockstep destination add --project Webshop --type Bug --asset shop \\
      --state identified=New --column in_progress='In Review' --state fixed=Closed
  lockstep destination add --project Webshop --type Bug --team Storefront --asset shop --branch 'release/*'
  lockstep destination add --project Webshop --type Bug --team Mobile --group-tag team:mobile
  lockstep destination add --settings destination.json

A settings file has the shape of `POST /api/v1/destinations`, without the connection. Options win over it.";

#[derive(Args, Debug)]
struct SettingsArgs {
    /// Connection (name or id) [default: the only one there is]
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// File with settings (JSON)
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Project
    #[arg(long, value_name = "NAME", required_unless_present = "settings")]
    project: Option<String>,
    /// Work item type
    #[arg(long = "type", value_name = "NAME", required_unless_present = "settings")]
    work_item_type: Option<String>,
    /// Team [default: the project's default team]
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// Board [default: the one that shows the type]
    #[arg(long, value_name = "NAME")]
    board: Option<String>,
    /// Lane for new work items [default: the default lane]
    #[arg(long, value_name = "NAME")]
    lane: Option<String>,
    /// Area path [default: the team's default area]
    #[arg(long, value_name = "PATH")]
    area: Option<String>,
    /// Iteration path [default: the project's root]
    #[arg(long, value_name = "PATH")]
    iteration: Option<String>,
    /// Tag for new work items; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Name [default: made from project, team and type]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Everything that no other destination takes goes here
    #[arg(long, conflicts_with_all = ["asset", "group"])]
    default: bool,
    /// Bind it to this asset
    #[arg(long, value_name = "ASSET", conflicts_with = "group")]
    asset: Option<String>,
    /// Bind it to this branch of the asset only; `*` stands for any letters
    #[arg(long, value_name = "BRANCH", requires = "asset")]
    branch: Option<String>,
    /// Bind it to the assets that have this tag; may be repeated: they must have all of them
    #[arg(long = "group-tag", id = "group", value_name = "TAG")]
    group: Vec<String>,
    /// Say a status with a state; may be repeated [default: made from the type's states]
    #[arg(long = "state", value_name = "STATUS=STATE", value_parser = pair)]
    states: Vec<(Status, String)>,
    /// Say a status with a board column; may be repeated
    #[arg(long = "column", value_name = "STATUS=COLUMN", value_parser = pair)]
    columns: Vec<(Status, String)>,
    /// Work items that may be created here in a day [default: 200]
    #[arg(long, value_name = "NUMBER")]
    daily_budget: Option<u64>,
    /// What becomes of a ticket whose work item is deleted on the board: ask, restore, replace or release [default: ask]
    #[arg(long, value_name = "POLICY", value_parser = policy)]
    on_deletion: Option<DeletionPolicy>,
    /// Work items that are closed or opened again at once without asking [default: 10]
    #[arg(long, value_name = "NUMBER")]
    moves_at_once: Option<u64>,
    /// Work items that are created at once without asking [default: 100]
    #[arg(long, value_name = "NUMBER")]
    creations_at_once: Option<u64>,
    /// More than that without asking, up to this share of the open work items, in per cent [default: 25]
    #[arg(long, value_name = "PERCENT")]
    share_at_once: Option<u64>,
    /// Moves of one card by Lockstep within 24 hours before it waits [default: 4]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    moves_a_day: Option<u32>,
    /// What becomes of tickets when their asset is archived [default: close]
    #[arg(long, value_enum)]
    when_archived: Option<FarewellArg>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FarewellArg {
    /// Close the work item, with a comment
    Close,
    /// Forget the ticket and leave the work item as it is
    Release,
}

fn policy(text: &str) -> Result<DeletionPolicy, String> {
    serde_json::from_value(text.into()).map_err(|_| "use ask, restore, replace or release".to_owned())
}

fn pair(text: &str) -> Result<(Status, String), String> {
    let (status, name) = text.split_once('=').ok_or("write STATUS=NAME, as in identified=New")?;
    if name.trim().is_empty() {
        return Err("the name after `=` is missing".into());
    }
    Ok((status.parse()?, name.trim().to_owned()))
}

/// What a settings file may hold.
#[derive(serde::Deserialize)]
struct SettingsFile {
    #[serde(default)]
    binding: Option<Binding>,
    #[serde(flatten)]
    settings: DestinationSettings,
}

impl SettingsArgs {
    async fn body(self, client: &Client) -> Result<NewDestination, CliError> {
        let (mut binding, mut settings) = match &self.settings {
            Some(file) => {
                let failed =
                    |error: String| CliError::usage(format!("{} cannot be read: {error}", file.display()));
                let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
                let read: SettingsFile =
                    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
                (read.binding, read.settings)
            }
            None => (None, blank()),
        };
        let set = |field: &mut String, given: Option<String>| {
            if let Some(given) = given {
                *field = given;
            }
        };
        set(&mut settings.project, self.project);
        set(&mut settings.work_item_type, self.work_item_type);
        set(&mut settings.team, self.team);
        set(&mut settings.board, self.board);
        set(&mut settings.lane, self.lane);
        set(&mut settings.area, self.area);
        set(&mut settings.iteration, self.iteration);
        set(&mut settings.name, self.name);
        settings.daily_budget = self.daily_budget.unwrap_or(settings.daily_budget);
        let limits = &mut settings.limits;
        limits.moves_at_once = self.moves_at_once.unwrap_or(limits.moves_at_once);
        limits.creations_at_once = self.creations_at_once.unwrap_or(limits.creations_at_once);
        limits.share_percent = self.share_at_once.unwrap_or(limits.share_percent);
        settings.when_archived = match self.when_archived {
            Some(FarewellArg::Close) => model::guard::Farewell::Close,
            Some(FarewellArg::Release) => model::guard::Farewell::Release,
            None => settings.when_archived,
        };
        let limits = &mut settings.limits;
        limits.moves_a_day = self.moves_a_day.unwrap_or(limits.moves_a_day);
        settings.on_deletion = self.on_deletion.unwrap_or(settings.on_deletion);
        if !self.tags.is_empty() {
            settings.tags = self.tags;
        }
        let targets = self.states.into_iter().map(|(status, name)| (status, Target::state(&name)));
        for (status, target) in
            targets.chain(self.columns.into_iter().map(|(status, name)| (status, Target::column(&name))))
        {
            settings.status_map.0.insert(status, StatusEntry { target, accepted: Vec::new() });
        }
        binding = match (self.asset, self.branch) {
            (Some(asset), Some(branch)) => Some(Binding::Branch { asset, branch }),
            (Some(asset), None) => Some(Binding::Asset { asset }),
            (None, _) if !self.group.is_empty() => Some(Binding::Group { tags: self.group }),
            (None, _) if self.default => Some(Binding::Default),
            (None, _) => binding,
        };
        let binding = binding.ok_or_else(|| {
            CliError::usage("it is not said which findings go there")
                .next("Give --default, --asset (with or without --branch) or --group-tag.")
        })?;
        let connection_id = lookup::connection_or_only(client, self.connection.as_deref()).await?;
        Ok(NewDestination { connection_id, binding, settings })
    }
}

fn blank() -> DestinationSettings {
    DestinationSettings {
        name: String::new(),
        project: String::new(),
        team: String::new(),
        board: String::new(),
        lane: String::new(),
        work_item_type: String::new(),
        area: String::new(),
        iteration: String::new(),
        tags: Vec::new(),
        severity_map: model::map::SeverityMap::default(),
        status_map: model::map::StatusMap::default(),
        daily_budget: default_daily_budget(),
        fields: Default::default(),
        limits: Default::default(),
        when_archived: Default::default(),
        on_deletion: DeletionPolicy::default(),
    }
}

/// Runs `lockstep destination`.
pub(crate) async fn run(args: DestinationArgs) -> Outcome {
    let client = args.api.client()?;
    let output = args.api.output();
    match args.action {
        Action::List => print_list(output, &client.list("destinations", &[], None).await?)?,
        Action::Show { destination } => {
            let id = lookup::destination(&client, &destination).await?;
            print_one(output, &client.get(&format!("destinations/{id}")).await?)?;
        }
        Action::Add(settings) => {
            let body = settings.body(&client).await?;
            print_one(output, &client.post("destinations", &body).await?)?;
        }
        Action::Check(settings) => {
            let body = settings.body(&client).await?;
            return print_check(output, &client.post("destinations/check", &body).await?);
        }
        Action::Route { asset, branch, finding } => {
            let mut query = Vec::new();
            if let Some(finding) = finding {
                query.push(("finding", finding.to_string()));
            }
            if let Some(asset) = asset {
                query.push(("asset", lookup::asset(&client, &asset).await?.to_string()));
            }
            query.extend(branch.map(|branch| ("branch", branch)));
            print_route(output, &client.query("routing", &query).await?)?;
        }
        Action::Remove { destination, yes } => {
            let id = lookup::destination(&client, &destination).await?;
            confirm(
                &format!("Remove the destination '{destination}' with its tickets? Work items stay."),
                yes,
            )?;
            client.delete(&format!("destinations/{id}")).await?;
        }
    }
    Ok(exit::OK)
}

/// What goes there, in a few words.
fn bound_to(binding: &Binding) -> String {
    match binding {
        Binding::Default => "everything else".to_owned(),
        Binding::Group { tags } => format!("assets with the tags {}", tags.join(", ")),
        Binding::Asset { asset } => asset.clone(),
        Binding::Branch { asset, branch } => format!("{asset}, branch {branch}"),
    }
}

fn print_route(output: Output, route: &Route) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(route);
    }
    let said = |step: &RouteStep| format!("{} {}", step.destination.name, step.reason);
    let taken = route.taken_by.as_ref().map_or_else(|| "no destination: nothing is made".to_owned(), said);
    output.facts(&[("goes to", taken), ("branch", route.branch.clone().unwrap_or_default())])?;
    for other in &route.others {
        output.facts(&[("not to", said(other))])?;
    }
    Ok(())
}

fn print_list(output: Output, destinations: &[Destination]) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(&destinations);
    }
    let rows = destinations.iter().map(|destination| {
        let settings = &destination.settings;
        vec![
            destination.id.to_string(),
            settings.name.clone(),
            destination.connection.name.clone(),
            settings.project.clone(),
            settings.team.clone(),
            settings.work_item_type.clone(),
            bound_to(&destination.binding),
            format!("{}/{}", destination.created_today, settings.daily_budget),
            destination.problem.clone().unwrap_or_default(),
        ]
    });
    let head = ["Id", "Name", "Connection", "Project", "Team", "Type", "For", "Today", "Problem"];
    output.table(&head, rows.collect())
}

fn print_one(output: Output, destination: &Destination) -> Result<(), CliError> {
    if output.is_json() {
        return output.value(destination);
    }
    output.facts(&[
        ("destination", destination.settings.name.clone()),
        ("id", destination.id.to_string()),
        ("connection", destination.connection.name.clone()),
        ("for", bound_to(&destination.binding)),
        ("problem", destination.problem.clone().unwrap_or_default()),
        ("created today", destination.created_today.to_string()),
    ])?;
    print_settings(output, &destination.settings)
}

fn print_settings(output: Output, settings: &DestinationSettings) -> Result<(), CliError> {
    output.facts(&[
        ("project", settings.project.clone()),
        ("team", settings.team.clone()),
        ("board", settings.board.clone()),
        ("lane", settings.lane.clone()),
        ("type", settings.work_item_type.clone()),
        ("area", settings.area.clone()),
        ("iteration", settings.iteration.clone()),
        ("tags", settings.tags.join(", ")),
        ("daily budget", settings.daily_budget.to_string()),
        (
            "without asking",
            format!(
                "{} created, {} closed or opened again at once, or {} % of the open ones; {} moves of a card a day",
                settings.limits.creations_at_once,
                settings.limits.moves_at_once,
                settings.limits.share_percent,
                settings.limits.moves_a_day
            ),
        ),
        ("if deleted", word(&settings.on_deletion)),
    ])?;
    for (status, entry) in &settings.status_map.0 {
        let place = match (&entry.target.state, &entry.target.column) {
            (Some(state), Some(column)) => format!("state {state}, column {column}"),
            (Some(state), None) => format!("state {state}"),
            (None, Some(column)) => format!("column {column}"),
            (None, None) => continue,
        };
        output.facts(&[(status.as_str(), place)])?;
    }
    Ok(())
}

fn print_check(output: Output, check: &DestinationCheck) -> Outcome {
    if output.is_json() {
        output.value(check)?;
    } else {
        print_settings(output, &check.settings)?;
        for problem in &check.problems {
            let row = problem.row.map_or(String::new(), |status| format!("{status}: "));
            output.line(&format!("problem  {row}{}", problem.message))?;
            output.line(&format!("         next: {}", problem.mend))?;
        }
    }
    Ok(if check.problems.is_empty() { exit::OK } else { exit::VERDICT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_paired_with_a_name() {
        assert_eq!(pair("in_progress=In Review").unwrap(), (Status::InProgress, "In Review".into()));
        for wrong in ["identified", "identified=", "done=New"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }
}
