//! Whether a destination fits what the board has: blanks are filled in, and what is wrong is said with its mend.

use azure::{Client, ItemShape};
use model::fields::{IterationPolicy, Written};
use model::map::{MapProblem, SeverityChoices, SeverityMap, StatusMap};
use model::process::{BoardLayout, FieldDefinition, WorkItemType};
use store::destinations::{Process, Settings};

use crate::Refusal;

/// What came of a check.
pub(crate) struct Checked {
    /// Settings without blanks, as far as the board was found.
    pub(crate) settings: Settings,
    /// What is wrong; empty if they fit.
    pub(crate) problems: Vec<MapProblem>,
    /// What was read of the board; none if project, team or type are not there.
    pub(crate) process: Option<Process>,
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// Reads what the board has, and compares. Rows that the severity map lacks are filled in from `usual`.
///
/// # Errors
/// If the board cannot be read.
pub(super) async fn against_board(
    client: &Client,
    mut settings: Settings,
    usual: &SeverityMap,
) -> Result<Checked, Refusal> {
    let mut problems = Vec::new();
    let given_up = |settings, problems| Ok(Checked { settings, problems, process: None });
    if settings.daily_budget == 0 {
        problems.push(MapProblem::general(
            "the daily budget is 0: nothing would ever be created",
            "allow at least one a day",
        ));
    }

    let projects = client.projects().await?;
    let Some(project) = projects.iter().find(|p| p.name.eq_ignore_ascii_case(settings.project.trim())) else {
        problems.push(MapProblem::general(
            format!("there is no project '{}' that this connection can see", settings.project),
            format!("choose one of: {}", names(projects.iter().map(|p| p.name.as_str()))),
        ));
        return given_up(settings, problems);
    };
    settings.project.clone_from(&project.name);

    let teams = client.teams(&project.name).await?;
    let team = if settings.team.trim().is_empty() {
        teams.iter().find(|team| team.is_default).or(teams.first())
    } else {
        teams.iter().find(|team| team.name.eq_ignore_ascii_case(settings.team.trim()))
    };
    let Some(team) = team else {
        problems.push(MapProblem::general(
            format!("the project {} has no team '{}'", project.name, settings.team),
            format!("choose one of: {}", names(teams.iter().map(|team| team.name.as_str()))),
        ));
        return given_up(settings, problems);
    };
    settings.team.clone_from(&team.name);

    let types = client.work_item_types(&project.name).await?;
    let Some(work_item_type) =
        types.iter().find(|known| known.name.eq_ignore_ascii_case(settings.work_item_type.trim()))
    else {
        problems.push(MapProblem::general(
            format!("the project {} has no work item type '{}'", project.name, settings.work_item_type),
            format!("choose one of: {}", names(types.iter().map(|known| known.name.as_str()))),
        ));
        return given_up(settings, problems);
    };
    settings.work_item_type.clone_from(&work_item_type.name);

    let boards = client.boards(&project.name, &team.name).await?;
    let board = choose_board(&mut settings, &boards, work_item_type, &mut problems);
    let areas = client.team_areas(&project.name, &team.name).await?;
    if settings.area.trim().is_empty() {
        settings.area = areas.default.clone().unwrap_or_else(|| project.name.clone());
    }
    if board.is_some() && !areas.contains(&settings.area) {
        problems.push(MapProblem::general(
            format!(
                "the area '{}' does not belong to the team {}: its work items are not on its board",
                settings.area, team.name
            ),
            "choose an area of the team, or another team",
        ));
    }
    if board.is_none() {
        let known = client.areas(&project.name).await?;
        if !known.iter().any(|area| area.eq_ignore_ascii_case(&settings.area)) {
            problems.push(MapProblem::general(
                format!("the project {} has no area '{}'", project.name, settings.area),
                "choose an area of the project",
            ));
        }
    }
    if let IterationPolicy::Path { path } = &mut settings.iteration {
        let known = client.iterations(&project.name).await?;
        match known.iter().find(|known| known.path.eq_ignore_ascii_case(path.trim())) {
            Some(known) => path.clone_from(&known.path),
            None => problems.push(MapProblem::general(
                format!("the project {} has no iteration '{path}'", project.name),
                "choose an iteration of the project, the current one of the team, or its backlog",
            )),
        }
    }
    if let (Some(board), lane) = (board, settings.lane.trim())
        && !lane.is_empty()
        && !board.lanes.iter().any(|known| known.eq_ignore_ascii_case(lane))
    {
        problems.push(MapProblem::general(
            format!("the board {} has no lane '{lane}'", board.name),
            format!("choose one of: {}, or leave it blank", names(board.lanes.iter().map(String::as_str))),
        ));
    }
    if settings.status_map.0.is_empty() {
        settings.status_map = StatusMap::suggest(work_item_type);
    }
    if settings.name.trim().is_empty() {
        settings.name = format!("{} / {} / {}", project.name, team.name, work_item_type.name);
    }
    problems.extend(settings.status_map.problems(work_item_type, board));
    let shape = client
        .item_shape(&project.name, &team.name, board.map(|board| board.name.as_str()), &work_item_type.name)
        .await?;
    let choices = SeverityChoices {
        work_item_type: &work_item_type.name,
        has_severity: shape.severity_field.is_some(),
        severities: &shape.severities,
        priorities: &shape.priorities,
    };
    settings.severity_map = settings.severity_map.filled_in(usual, choices);
    problems.extend(settings.severity_map.problems(choices));
    let fields = check_fields(client, &settings, &shape, &mut problems).await?;
    let process = Process {
        work_item_type: work_item_type.clone(),
        board: board.cloned(),
        shape: serde_json::to_value(&shape).unwrap_or_default(),
        fields,
    };
    Ok(Checked { settings, problems, process: Some(process) })
}

/// Further fields and the parent of new work items. Answers what the fields are that have a value.
async fn check_fields(
    client: &Client,
    settings: &Settings,
    shape: &ItemShape,
    problems: &mut Vec<MapProblem>,
) -> Result<Vec<FieldDefinition>, Refusal> {
    problems.extend(settings.fields.problems());
    let mut fields = client.fields(&settings.project, &settings.work_item_type).await?;
    let written = Written {
        description: &shape.description_field,
        priority: shape.priority_field.as_deref(),
        severity: shape.severity_field.as_deref(),
    };
    problems.extend(settings.fields.problems_of_type(&settings.work_item_type, &fields, written));
    if let Some(parent) = settings.fields.parent
        && client.read(&[parent]).await?.is_empty()
    {
        problems.push(MapProblem::general(
            format!("there is no work item {parent} that this connection can see"),
            "give the number of a work item under which new ones shall hang, or leave it blank",
        ));
    }
    let has_value = |field: &FieldDefinition| {
        settings.fields.values.keys().any(|name| name.eq_ignore_ascii_case(&field.reference_name))
    };
    fields.retain(has_value);
    Ok(fields)
}

/// The named board, or, if none is named, the one that shows the type. A type may be on no board.
fn choose_board<'a>(
    settings: &mut Settings,
    boards: &'a [BoardLayout],
    work_item_type: &WorkItemType,
    problems: &mut Vec<MapProblem>,
) -> Option<&'a BoardLayout> {
    let wanted = settings.board.trim();
    if wanted.is_empty() {
        let board = boards.iter().find(|board| board.shows_type(&work_item_type.name))?;
        settings.board.clone_from(&board.name);
        return Some(board);
    }
    let Some(board) = boards.iter().find(|board| board.name.eq_ignore_ascii_case(wanted)) else {
        problems.push(MapProblem::general(
            format!("the team {} has no board '{wanted}'", settings.team),
            format!("choose one of: {}", names(boards.iter().map(|board| board.name.as_str()))),
        ));
        return None;
    };
    if !board.shows_type(&work_item_type.name) {
        problems.push(MapProblem::general(
            format!("the board {} of the team {} does not show work items of type {}", board.name, settings.team, work_item_type.name),
            "choose another type or board; a new team keeps bugs off its board until its settings say otherwise",
        ));
    }
    settings.board.clone_from(&board.name);
    Some(board)
}
