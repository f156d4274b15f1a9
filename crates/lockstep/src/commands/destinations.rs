//! `lockstep destination`: where work items go.

use api::{Binding, Destination, DestinationCheck, DestinationSettings, Route, RouteStep};
use clap::{Args, Subcommand};
use model::FindingId;
use model::fields::IterationPolicy;
use model::map::MapRow;

use super::destination_settings::SettingsArgs;
use super::{lookup, plan, word};
use crate::client::ApiArgs;
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
    /// Change a destination; what is not given stays as it is
    #[command(after_help = CHANGE_HELP)]
    Change {
        /// Name or id of the destination
        destination: String,
        #[command(flatten)]
        settings: Box<SettingsArgs>,
    },
    /// Say what a change would do to the work items that are there; nothing is saved
    #[command(after_help = PLAN_HELP)]
    Plan {
        /// Name or id of the destination
        destination: String,
        #[command(flatten)]
        settings: Box<SettingsArgs>,
    },
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

const CHANGE_HELP: &str = "\
Examples:
  lockstep destination change Payments --daily-budget 50 --field Custom.Origin=scanner
  lockstep destination change Payments --column waiting=Blocked
  lockstep destination change Payments --team Storefront

Another project, team or type is another board: board, lane, area and status map are made anew unless they are given.";

const PLAN_HELP: &str = "\
Examples:
  lockstep destination plan Payments --column waiting=Blocked
  lockstep destination plan Payments --column waiting=Blocked --json | jq .update

What is due anyway is left out: lockstep plan shows it.";

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
            let body = settings.body(&client, None).await?;
            print_one(output, &client.post("destinations", &body).await?)?;
        }
        Action::Change { destination, settings } => {
            let id = lookup::destination(&client, &destination).await?;
            let base = client.get(&format!("destinations/{id}")).await?;
            let body = settings.body(&client, Some(base)).await?;
            print_one(output, &client.put(&format!("destinations/{id}"), &body).await?)?;
        }
        Action::Plan { destination, settings } => {
            let id = lookup::destination(&client, &destination).await?;
            let base = client.get(&format!("destinations/{id}")).await?;
            let body = settings.body(&client, Some(base)).await?;
            plan::print(output, &client.post(&format!("destinations/{id}/plan"), &body).await?)?;
        }
        Action::Check(settings) => {
            let body = settings.body(&client, None).await?;
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

/// What does not fit the board any more, if anything.
fn drifted(destination: &Destination) -> String {
    let Some(drift) = &destination.drift else { return String::new() };
    let said: Vec<String> =
        drift.problems.iter().map(|problem| format!("{} ({})", problem.message, problem.mend)).collect();
    let stops = if drift.creates_nothing { "nothing is created: " } else { "" };
    format!("{stops}{}", said.join("; "))
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
            drifted(destination),
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
        ("problem", drifted(destination)),
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
        (
            "iteration",
            match &settings.iteration {
                IterationPolicy::Backlog => "the backlog of the team".to_owned(),
                IterationPolicy::Current => "the current one of the team".to_owned(),
                IterationPolicy::Path { path } => path.clone(),
            },
        ),
        ("parent", settings.fields.parent.map(|parent| parent.to_string()).unwrap_or_default()),
        ("assignee", settings.fields.assignee.clone()),
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
    for (name, value) in &settings.fields.values {
        output.facts(&[(name.as_str(), value.text().to_owned())])?;
    }
    for (severity, target) in &settings.severity_map.0 {
        let field = target.severity.as_ref().map(|value| format!(", {value}")).unwrap_or_default();
        output.facts(&[(severity.as_str(), format!("priority {}{field}", target.priority))])?;
    }
    for (status, entry) in &settings.status_map.0 {
        let place = match (&entry.target.state, &entry.target.column) {
            (Some(state), Some(column)) => format!("state {state}, column {column}"),
            (Some(state), None) => format!("state {state}"),
            (None, Some(column)) => format!("column {column}"),
            (None, None) => continue,
        };
        let lane = entry.target.lane.as_ref().map(|lane| format!(", lane {lane}")).unwrap_or_default();
        let half = match entry.target.done {
            Some(true) => ", its Done half",
            Some(false) => ", its Doing half",
            None => "",
        };
        let meant = if entry.is_meant { " (a move there means this)" } else { "" };
        let place = format!("{place}{half}{lane}{meant}");
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
            let row = match &problem.row {
                Some(MapRow::Status(status)) => format!("{status}: "),
                Some(MapRow::Severity(severity)) => format!("{severity}: "),
                Some(MapRow::Field(name)) => format!("{name}: "),
                None => String::new(),
            };
            output.line(&format!("problem  {row}{}", problem.message))?;
            output.line(&format!("         next: {}", problem.mend))?;
        }
    }
    Ok(if check.problems.is_empty() { exit::OK } else { exit::VERDICT })
}
