//! Options that say what a destination is, and the request that they make.

use std::path::PathBuf;

use api::{Binding, Destination, DestinationSettings, NewDestination, default_daily_budget};
use clap::Args;
use model::fields::{FieldValue, IterationPolicy};
use model::following::DeletionPolicy;
use model::map::{StatusEntry, Target};
use model::{Status, WorkItemId};

use super::lookup;
use crate::client::Client;
use crate::exit::CliError;

#[derive(Args, Debug)]
pub(super) struct SettingsArgs {
    /// Connection (name or id) [default: the only one there is]
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// File with settings (JSON)
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// Work item type
    #[arg(long = "type", value_name = "NAME")]
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
    /// Iteration of new work items: a path, `current` for the team's current one, or `backlog` [default: backlog]
    #[arg(long, value_name = "PATH")]
    iteration: Option<String>,
    /// Number of the work item under which new ones hang
    #[arg(long, value_name = "NUMBER")]
    parent: Option<i64>,
    /// Who gets new work items, by sign-in name [default: nobody]
    #[arg(long, value_name = "NAME")]
    assignee: Option<String>,
    /// Value of a further field of new work items, by reference name; may be repeated
    #[arg(long = "field", value_name = "FIELD=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
    /// Template of a further field of new work items, as in '{{ first.asset }}'; may be repeated
    #[arg(long = "field-template", value_name = "FIELD=TEMPLATE", value_parser = field)]
    field_templates: Vec<(String, String)>,
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

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write FIELD=VALUE, as in Custom.Origin=scanner")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
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
    /// The body of the request: a file, else what is there already, changed by the options.
    pub(super) async fn body(
        self,
        client: &Client,
        base: Option<Destination>,
    ) -> Result<NewDestination, CliError> {
        let connection = base.as_ref().map(|base| base.connection.id);
        let (mut binding, mut settings) = match (&self.settings, base) {
            (Some(file), _) => {
                let failed =
                    |error: String| CliError::usage(format!("{} cannot be read: {error}", file.display()));
                let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
                let read: SettingsFile =
                    serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
                (read.binding, read.settings)
            }
            (None, Some(base)) => (Some(base.binding), base.settings),
            (None, None) => (None, blank()),
        };
        let set = |field: &mut String, given: Option<String>| {
            if let Some(given) = given {
                *field = given;
            }
        };
        if self.project.is_some() || self.team.is_some() || self.work_item_type.is_some() {
            for text in [&mut settings.board, &mut settings.lane, &mut settings.area] {
                text.clear();
            }
            settings.status_map = model::map::StatusMap::default();
        }
        set(&mut settings.project, self.project);
        set(&mut settings.work_item_type, self.work_item_type);
        set(&mut settings.team, self.team);
        set(&mut settings.board, self.board);
        set(&mut settings.lane, self.lane);
        set(&mut settings.area, self.area);
        settings.iteration = match self.iteration.as_deref() {
            None => settings.iteration,
            Some(word) if word.eq_ignore_ascii_case("current") => IterationPolicy::Current,
            Some(word) if word.eq_ignore_ascii_case("backlog") => IterationPolicy::Backlog,
            Some(path) => IterationPolicy::Path { path: path.to_owned() },
        };
        set(&mut settings.fields.assignee, self.assignee);
        settings.fields.parent = self.parent.map(WorkItemId).or(settings.fields.parent);
        let values = self.fields.into_iter().map(|(name, value)| (name, FieldValue::Constant(value)));
        settings.fields.values.extend(values);
        let templates = self.field_templates.into_iter();
        settings.fields.values.extend(templates.map(|(name, source)| (name, FieldValue::Template(source))));
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
            settings.status_map.0.insert(status, StatusEntry::to(target));
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
        if settings.project.trim().is_empty() || settings.work_item_type.trim().is_empty() {
            return Err(CliError::usage("project and work item type are missing")
                .next("Give --project and --type, or a file with --settings."));
        }
        let connection_id = match connection {
            Some(connection) => connection,
            None => lookup::connection_or_only(client, self.connection.as_deref()).await?,
        };
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
        iteration: Default::default(),
        tags: Vec::new(),
        severity_map: model::map::SeverityMap::blank(),
        status_map: model::map::StatusMap::default(),
        daily_budget: default_daily_budget(),
        fields: Default::default(),
        limits: Default::default(),
        when_archived: Default::default(),
        on_deletion: DeletionPolicy::default(),
    }
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
