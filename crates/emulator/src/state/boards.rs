//! Boards: which types are on them, their columns and lanes, and the fields that carry a card's place.
//!
//! Every team board has its own set of `WEF_…` fields (azure-devops.md section 6.1). `rules` calls the
//! coupling functions here when a work item is saved.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ids,
    call::{Answer, World, collection, ok},
    core::team_url,
    errors::{ApiError, RuleError},
    model::{Board, Column, ColumnType, Fields, Project, Row, Team},
    teams::require_team_administrator,
};
use crate::{
    processes::{BacklogKind, Process, ProcessKind, StateDef, TypeDef},
    seed::BugsBehavior,
};

pub(crate) const REQUIREMENTS: &str = "Microsoft.RequirementCategory";
pub(crate) const EPICS: &str = "Microsoft.EpicCategory";
const TASKS: &str = "Microsoft.TaskCategory";
const BUGS: &str = "Microsoft.BugCategory";

/// The types a backlog level shows for a team.
pub(crate) fn types_on<'a>(process: &'a Process, category: &'a str, bugs: BugsBehavior) -> Vec<&'a TypeDef> {
    let with_bugs = matches!(
        (category, bugs),
        (REQUIREMENTS, BugsBehavior::AsRequirements) | (TASKS, BugsBehavior::AsTasks)
    );
    let mut types: Vec<&TypeDef> = process.types_of(category).collect();
    if with_bugs {
        types.extend(process.types_of(BUGS));
    }
    types
}

pub(crate) fn column_type(at: usize, last: usize) -> ColumnType {
    match at {
        0 => ColumnType::Incoming,
        n if n == last => ColumnType::Outgoing,
        _ => ColumnType::InProgress,
    }
}

/// The boards a new team has: one per backlog level above tasks, one column per state.
pub(crate) fn initial(process: ProcessKind, bugs: BugsBehavior, ids: &mut Ids) -> Vec<Board> {
    let definition = process.definition();
    definition
        .backlogs
        .iter()
        .filter(|level| level.kind != BacklogKind::Task)
        .map(|level| {
            let types = types_on(definition, &level.category, bugs);
            let states: Vec<&str> = types
                .first()
                .map(|t| {
                    t.states.iter().filter(|s| s.category != "Removed").map(|s| s.name.as_str()).collect()
                })
                .unwrap_or_default();
            let last = states.len().saturating_sub(1);
            let columns = states
                .iter()
                .enumerate()
                .map(|(at, state)| Column {
                    id: ids.guid(),
                    name: (*state).to_owned(),
                    item_limit: if at == 0 || at == last { 0 } else { 5 },
                    split: false,
                    description: String::new(),
                    column_type: column_type(at, last),
                    mappings: types.iter().map(|t| (t.name.clone(), (*state).to_owned())).collect(),
                })
                .collect();
            Board {
                id: ids.guid(),
                name: level.name.clone(),
                category: level.category.clone(),
                wef: ids.guid().simple().to_string().to_uppercase(),
                revision: 0,
                columns,
                rows: vec![Row { id: Uuid::nil(), name: None, color: None }],
            }
        })
        .collect()
}

/// After a team moved its bugs: the requirement board maps them, or no longer does.
pub(crate) fn map_bugs(team: &mut Team, process: ProcessKind) {
    let definition = process.definition();
    let on_board = team.bugs == BugsBehavior::AsRequirements;
    let main = definition.types_of(REQUIREMENTS).next().map(|t| t.name.clone()).unwrap_or_default();
    for board in team.boards.iter_mut().filter(|b| b.category == REQUIREMENTS) {
        for column in &mut board.columns {
            for bug in definition.types_of(BUGS) {
                if on_board {
                    let state = column.mappings.get(&main).cloned().unwrap_or_default();
                    column.mappings.entry(bug.name.clone()).or_insert(state);
                } else {
                    column.mappings.remove(&bug.name);
                }
            }
        }
    }
}

impl Board {
    pub(crate) fn column_field(&self) -> String {
        format!("WEF_{}_Kanban.Column", self.wef)
    }

    pub(crate) fn done_field(&self) -> String {
        format!("WEF_{}_Kanban.Column.Done", self.wef)
    }

    pub(crate) fn lane_field(&self) -> String {
        format!("WEF_{}_Kanban.Lane", self.wef)
    }

    fn marker_field(&self) -> String {
        format!("WEF_{}_System.ExtensionMarker", self.wef)
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    fn shows(&self, process: &Process, team: &Team, kind: &str) -> bool {
        types_on(process, &self.category, team.bugs).iter().any(|t| t.name == kind)
    }
}

/// The boards of a project that show an item of this type and area.
pub(crate) fn of_item<'a>(project: &'a Project, kind: &'a str, area: &'a str) -> Vec<(&'a Team, &'a Board)> {
    let process = project.definition();
    project
        .teams
        .iter()
        .filter(|t| t.owns_area(area))
        .flat_map(|t| t.boards.iter().map(move |b| (t, b)))
        .filter(|(t, b)| b.shows(process, t, kind))
        .collect()
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Step one of saving: a column that was written decides the state. Returns the state it asks for.
///
/// `written` tells whether the request itself set a field.
pub(crate) fn state_from_column(
    project: &Project,
    kind: &str,
    fields: &mut Fields,
    written: &dyn Fn(&str) -> bool,
    errors: &mut Vec<RuleError>,
) -> Option<String> {
    let area = text(fields, "System.AreaPath").to_owned();
    let mut asked = None;
    for (_, board) in of_item(project, kind, &area) {
        let (column_field, lane_field) = (board.column_field(), board.lane_field());
        if written(&column_field) {
            match board.column(text(fields, &column_field)) {
                Some(column) => {
                    fields.insert(column_field, column.name.clone().into());
                    asked = column.mappings.get(kind).cloned();
                }
                None => errors.push(RuleError::board_column()),
            }
        }
        if written(&lane_field) && !text(fields, &lane_field).is_empty() {
            let name = text(fields, &lane_field).to_owned();
            let row =
                board.rows.iter().find(|r| r.name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case(&name)));
            match row.and_then(|r| r.name.clone()) {
                Some(canonical) => {
                    fields.insert(lane_field, canonical.into());
                }
                None => {
                    let label = format!("WEF_{}_{} Lane", board.wef, board.name);
                    errors.push(RuleError::board_lane(&lane_field, &label));
                }
            }
        }
    }
    asked
}

/// Step two, once the state is settled: every board that shows the item gets a column that fits the state,
/// every other one loses its fields, and the read-only mirrors follow.
pub(crate) fn place(
    project: &Project,
    kind: &str,
    fields: &mut Fields,
    errors: &mut Vec<RuleError>,
    written: &dyn Fn(&str) -> bool,
) {
    let area = text(fields, "System.AreaPath").to_owned();
    let state = text(fields, "System.State").to_owned();
    let boards = of_item(project, kind, &area);
    let keep: Vec<String> = boards.iter().map(|(_, b)| format!("WEF_{}_", b.wef)).collect();
    fields.retain(|name, _| !name.starts_with("WEF_") || keep.iter().any(|prefix| name.starts_with(prefix)));
    for (_, board) in &boards {
        let field = board.column_field();
        let current = board.column(text(fields, &field));
        let fits = current.filter(|c| c.mappings.get(kind) == Some(&state));
        let target = fits.or_else(|| board.columns.iter().find(|c| c.mappings.get(kind) == Some(&state)));
        if fits.is_none() && written(&field) && current.is_some() {
            // Column and state were both written and do not agree.
            errors.push(RuleError::board_column());
        }
        match target {
            Some(column) => {
                let moved = current.is_none_or(|c| c.id != column.id);
                fields.insert(field, column.name.clone().into());
                if (moved && !written(&board.done_field())) || !fields.contains_key(&board.done_field()) {
                    fields.insert(board.done_field(), false.into());
                }
                fields.insert(board.marker_field(), true.into());
            }
            None => {
                // A state without a column (Removed) takes the card off the board.
                for name in [field, board.done_field(), board.lane_field(), board.marker_field()] {
                    fields.remove(&name);
                }
            }
        }
        if fields.get(&board.lane_field()).is_some_and(|v| v == "") {
            fields.remove(&board.lane_field());
        }
    }
    mirror(fields, &boards, &area);
}

/// `System.BoardColumn` and its siblings show one of the boards: that of the team with the closest area.
fn mirror(fields: &mut Fields, boards: &[(&Team, &Board)], area: &str) {
    for name in ["System.BoardColumn", "System.BoardColumnDone", "System.BoardLane"] {
        fields.remove(name);
    }
    let closeness = |team: &Team| {
        team.areas
            .iter()
            .filter(|(p, _)| area.to_lowercase().starts_with(&p.to_lowercase()))
            .map(|(p, _)| p.len())
            .max()
    };
    let Some((_, board)) = boards.iter().max_by_key(|(team, _)| closeness(team)) else { return };
    for (mirror, field) in [
        ("System.BoardColumn", board.column_field()),
        ("System.BoardColumnDone", board.done_field()),
        ("System.BoardLane", board.lane_field()),
    ] {
        if let Some(value) = fields.get(&field).cloned() {
            fields.insert(mirror.into(), value);
        }
    }
}

// --- routes -----------------------------------------------------------------------------------------------

fn route(world: &World, project: &Project, team: &Team, rest: &str) -> String {
    world.call.project_url(project.id, &format!("{}/_apis/work/boards{rest}", team.id))
}

pub(crate) fn list(world: &World) -> Answer {
    let (project, team) = world.team()?;
    let all = team
        .boards
        .iter()
        .map(|b| json!({"id": b.id, "name": b.name, "url": route(world, project, team, &format!("/{}", b.id))}))
        .collect();
    ok(collection(all))
}

fn find<'a>(world: &'a World, name: &str) -> Result<(&'a Project, &'a Team, &'a Board), ApiError> {
    let (project, team) = world.team()?;
    let wanted = |b: &&Board| {
        b.name.eq_ignore_ascii_case(name)
            || b.id.to_string().eq_ignore_ascii_case(name)
            || b.category.eq_ignore_ascii_case(name)
    };
    let board = team.boards.iter().find(wanted).ok_or_else(|| ApiError::no_board(name))?;
    Ok((project, team, board))
}

fn column_json(column: &Column) -> Value {
    let mut value = json!({
        "id": column.id,
        "name": column.name,
        "itemLimit": column.item_limit,
        "stateMappings": column.mappings,
        "columnType": column.column_type,
    });
    if column.column_type == ColumnType::InProgress {
        value["isSplit"] = column.split.into();
        value["description"] = column.description.clone().into();
    }
    value
}

fn row_json(row: &Row) -> Value {
    let mut value = json!({"id": row.id, "name": row.name});
    if let Some(color) = &row.color {
        value["color"] = color.clone().into();
    }
    value
}

/// The states each kind of column may be mapped to: the first column only the initial state.
fn allowed_mappings(process: &Process, team: &Team, board: &Board) -> BTreeMap<&'static str, Value> {
    let types = types_on(process, &board.category, team.bugs);
    let pick = |fits: &dyn Fn(&TypeDef, &StateDef) -> bool| -> Value {
        let by_type: serde_json::Map<String, Value> = types
            .iter()
            .map(|t| {
                let states: Vec<&str> =
                    t.states.iter().filter(|s| fits(t, s)).map(|s| s.name.as_str()).collect();
                (t.name.clone(), states.into())
            })
            .collect();
        by_type.into()
    };
    BTreeMap::from([
        ("Incoming", pick(&|kind, state| kind.initial().to == state.name)),
        (
            "InProgress",
            pick(&|_, state| ["Proposed", "InProgress", "Resolved"].contains(&state.category.as_str())),
        ),
        ("Outgoing", pick(&|_, state| state.category == "Completed")),
    ])
}

pub(crate) fn get(world: &World, name: &str) -> Answer {
    let (project, team, board) = find(world, name)?;
    let own = format!("/{}", board.id);
    let field = |reference: String| {
        let url = world.call.org_url(&format!("_apis/wit/fields/{reference}"));
        json!({"referenceName": reference, "url": url})
    };
    ok(json!({
        "id": board.id,
        "url": route(world, project, team, &own),
        "name": board.name,
        "revision": board.revision,
        "columns": board.columns.iter().map(column_json).collect::<Vec<_>>(),
        "rows": board.rows.iter().map(row_json).collect::<Vec<_>>(),
        "isValid": true,
        "allowedMappings": allowed_mappings(project.definition(), team, board),
        "canEdit": world.is_administrator(),
        "fields": {
            "columnField": field(board.column_field()),
            "rowField": field(board.lane_field()),
            "doneField": field(board.done_field()),
        },
        "_links": {
            "self": {"href": route(world, project, team, &own)},
            "project": {"href": world.call.org_url(&format!("_apis/projects/{}", project.id))},
            "team": {"href": team_url(world, project, team)},
            "charts": {"href": route(world, project, team, &format!("{own}/charts"))},
            "columns": {"href": route(world, project, team, &format!("{own}/columns"))},
            "rows": {"href": route(world, project, team, &format!("{own}/rows"))},
        },
    }))
}

pub(crate) fn columns(world: &World, name: &str) -> Answer {
    let (.., board) = find(world, name)?;
    ok(collection(board.columns.iter().map(column_json).collect()))
}

pub(crate) fn rows(world: &World, name: &str) -> Answer {
    let (.., board) = find(world, name)?;
    ok(collection(board.rows.iter().map(row_json).collect()))
}

/// Names of all boards of the project, each once, in their order.
fn names_of_all(world: &World, names: impl Fn(&Board) -> Vec<String>) -> Answer {
    let project = world.project()?;
    let mut all: Vec<String> = project.teams.iter().flat_map(|t| &t.boards).flat_map(names).collect();
    all.sort_by_key(|name| name.to_lowercase());
    all.dedup();
    ok(collection(all.into_iter().map(|name| json!({"name": name})).collect()))
}

/// `GET {project}/_apis/work/boardcolumns`: what a query may compare with.
pub(crate) fn project_columns(world: &World) -> Answer {
    names_of_all(world, |board| board.columns.iter().map(|c| c.name.clone()).collect())
}

/// `GET {project}/_apis/work/boardrows`; the default lane has a name here.
pub(crate) fn project_rows(world: &World) -> Answer {
    names_of_all(world, |board| {
        board.rows.iter().map(|r| r.name.clone().unwrap_or_else(|| "Default".into())).collect()
    })
}

fn board_mut<'a>(world: &'a mut World, id: Uuid) -> &'a mut Board {
    let boards = world.org.projects.iter_mut().flat_map(|p| &mut p.teams).flat_map(|t| &mut t.boards);
    boards.into_iter().find(|b| b.id == id).expect("the board was found just now")
}

/// `PUT …/columns` replaces the whole list.
pub(crate) fn replace_columns(world: &mut World, name: &str) -> Answer {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        id: Option<String>,
        name: String,
        #[serde(default)]
        item_limit: u32,
        #[serde(default)]
        state_mappings: BTreeMap<String, String>,
        #[serde(default)]
        is_split: bool,
        #[serde(default)]
        description: String,
        column_type: Option<ColumnType>,
    }
    require_team_administrator(world)?;
    let sent: Vec<Sent> = world.call.json("boardColumns")?;
    let (project, team, board) = find(world, name)?;
    let types = types_on(project.definition(), &board.category, team.bugs);
    if sent.len() < 2 {
        return Err(ApiError::board_invalid(
            "VS403338: The board must have an incoming and an outgoing column.",
        ));
    }
    let last = sent.len() - 1;
    for (at, column) in sent.iter().enumerate() {
        if sent[..at].iter().any(|c| c.name.eq_ignore_ascii_case(&column.name)) {
            return Err(ApiError::board_invalid(format!(
                "VS403339: Column name '{}' is used twice.",
                column.name
            )));
        }
        for kind in &types {
            let state = column.state_mappings.get(&kind.name).and_then(|s| kind.state(s));
            if state.is_none() {
                let message =
                    format!("VS403340: Column '{}' has no valid state for {}.", column.name, kind.name);
                return Err(ApiError::board_invalid(message));
            }
        }
    }
    let known: Vec<Uuid> = board.columns.iter().map(|c| c.id).collect();
    let id = board.id;
    let replaced = sent
        .into_iter()
        .enumerate()
        .map(|(at, c)| Column {
            id: c
                .id
                .and_then(|id| Uuid::parse_str(&id).ok())
                .filter(|id| known.contains(id))
                .unwrap_or_else(|| world.ids.guid()),
            name: c.name,
            item_limit: c.item_limit,
            split: c.is_split,
            description: c.description,
            column_type: c.column_type.unwrap_or_else(|| column_type(at, last)),
            mappings: c.state_mappings,
        })
        .collect();
    let board = board_mut(world, id);
    board.columns = replaced;
    board.revision += 1;
    world.wrote = true;
    columns(world, name)
}

/// `PUT …/rows` replaces the whole list; the default lane always stays.
pub(crate) fn replace_rows(world: &mut World, name: &str) -> Answer {
    #[derive(Deserialize)]
    struct Sent {
        id: Option<String>,
        name: Option<String>,
        color: Option<String>,
    }
    require_team_administrator(world)?;
    let sent: Vec<Sent> = world.call.json("boardRows")?;
    let (.., board) = find(world, name)?;
    let known: Vec<Uuid> = board.rows.iter().map(|r| r.id).collect();
    let id = board.id;
    let mut replaced: Vec<Row> = sent
        .into_iter()
        .map(|r| Row {
            id: r
                .id
                .and_then(|id| Uuid::parse_str(&id).ok())
                .filter(|id| known.contains(id))
                .unwrap_or_else(|| world.ids.guid()),
            name: r.name.filter(|n| !n.is_empty()),
            color: r.color,
        })
        .collect();
    if !replaced.iter().any(|r| r.id.is_nil()) {
        replaced.insert(0, Row { id: Uuid::nil(), name: None, color: None });
    }
    let board = board_mut(world, id);
    board.rows = replaced;
    board.revision += 1;
    world.wrote = true;
    rows(world, name)
}
