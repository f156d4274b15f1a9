//! What an organization has: projects, teams, areas, types and boards (azure-devops.md section 6). What was read is
//! kept for a minute, see [`Client::forget_definitions`].

use std::collections::{BTreeMap, BTreeSet};

use model::process::{BoardLayout, Column, State, StateCategory, WorkItemType};
use serde::{Deserialize, Serialize};

use crate::client::{Call, Client};
use crate::definitions::Keep;
use crate::error::Error;
use crate::item::null_is_empty;
use crate::route::{Route, Version};

/// Projects per page.
const PAGE: usize = 200;
/// More pages than any organization has: an end for a service that does not stop.
const MOST_PAGES: usize = 500;

/// A project. Its name may change and is compared without case; its id stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
}

/// A team of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Identity.
    pub id: String,
    /// Name.
    pub name: String,
    /// It is the project's default team.
    pub is_default: bool,
}

/// The areas whose work items are on a team's boards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamAreas {
    /// Area of new items. A new team has none.
    pub default: Option<String>,
    /// All areas of the team.
    pub areas: Vec<TeamArea>,
}

/// An area of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamArea {
    /// Path.
    pub path: String,
    /// Areas below it belong to the team too.
    pub includes_children: bool,
}

impl TeamAreas {
    /// Whether items of that area are on the team's boards. Paths compare without case.
    pub fn contains(&self, area: &str) -> bool {
        let area = area.to_lowercase();
        self.areas.iter().any(|own| {
            let path = own.path.to_lowercase();
            area == path
                || (own.includes_children
                    && area.strip_prefix(&path).is_some_and(|rest| rest.starts_with('\\')))
        })
    }
}

/// `{count, value}`; older versions answer some lists without the wrapper.
#[derive(Debug, Deserialize)]
#[serde(from = "Wrapped<T>")]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Listed<T> {
    pub(crate) value: Vec<T>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Wrapped<T> {
    Wrapped { value: Vec<T> },
    Bare(Vec<T>),
}

impl<T> From<Wrapped<T>> for Listed<T> {
    fn from(wrapped: Wrapped<T>) -> Self {
        match wrapped {
            Wrapped::Wrapped { value } | Wrapped::Bare(value) => Self { value },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawProject {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) url: String,
    #[serde(default)]
    default_team: Option<RawReference>,
}

#[derive(Debug, Deserialize)]
struct RawReference {
    #[serde(default, deserialize_with = "null_is_empty")]
    id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTeamAreas {
    #[serde(default)]
    default_value: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    values: Vec<RawTeamArea>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTeamArea {
    value: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    include_children: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTeamSettings {
    #[serde(default)]
    backlog_iteration: Option<RawIteration>,
}

#[derive(Debug, Deserialize)]
struct RawIteration {
    #[serde(default, deserialize_with = "null_is_empty")]
    id: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    path: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawType {
    name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    reference_name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    is_disabled: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    states: Vec<RawState>,
    #[serde(default, deserialize_with = "null_is_empty")]
    transitions: BTreeMap<String, Vec<RawTransition>>,
    #[serde(default, deserialize_with = "null_is_empty")]
    fields: Vec<RawFieldName>,
    #[serde(default, deserialize_with = "null_is_empty")]
    field_instances: Vec<RawFieldName>,
}

#[derive(Debug, Deserialize)]
struct RawState {
    name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    category: String,
}

#[derive(Debug, Deserialize)]
struct RawTransition {
    to: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFieldName {
    #[serde(default, deserialize_with = "null_is_empty")]
    reference_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawCategory {
    #[serde(default, deserialize_with = "null_is_empty")]
    reference_name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    work_item_types: Vec<RawReference>,
}

/// A board with the names of its fields.
#[derive(Debug, Deserialize)]
pub(crate) struct RawBoard {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) columns: Vec<RawColumn>,
    #[serde(default, deserialize_with = "null_is_empty")]
    rows: Vec<RawRow>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) fields: RawBoardFields,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(crate) is_split: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    state_mappings: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct RawRow {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RawBoardFields {
    pub(crate) column_field: RawBoardField,
    pub(crate) row_field: RawBoardField,
    pub(crate) done_field: RawBoardField,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RawBoardField {
    pub(crate) reference_name: Option<String>,
}

impl RawBoard {
    pub(crate) fn layout(&self) -> BoardLayout {
        BoardLayout {
            name: self.name.clone(),
            columns: self
                .columns
                .iter()
                .map(|column| Column {
                    name: column.name.clone(),
                    is_split: column.is_split,
                    states: column.state_mappings.clone(),
                })
                .collect(),
            // The default lane has no name (section 6.1).
            lanes: self
                .rows
                .iter()
                .filter_map(|row| row.name.clone())
                .filter(|name| !name.is_empty())
                .collect(),
        }
    }
}

impl RawType {
    fn into_type(self) -> WorkItemType {
        let mut transitions: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut initial_state = None;
        for (from, to) in self.transitions {
            let mut next: Vec<String> = to.into_iter().map(|transition| transition.to).collect();
            if from.is_empty() {
                initial_state = next.into_iter().next();
            } else {
                // Lists include the state itself (section 6).
                next.retain(|state| *state != from);
                transitions.insert(from, next);
            }
        }
        let fields: BTreeSet<String> = self
            .fields
            .into_iter()
            .chain(self.field_instances)
            .map(|field| field.reference_name)
            .filter(|name| !name.is_empty())
            .collect();
        WorkItemType {
            name: self.name,
            reference_name: self.reference_name,
            states: self
                .states
                .into_iter()
                .map(|state| State { name: state.name, category: category(&state.category) })
                .collect(),
            initial_state,
            transitions,
            fields,
        }
    }
}

/// An unknown category is treated as work under way: nothing is opened or closed by it.
fn category(name: &str) -> StateCategory {
    match name.to_ascii_lowercase().as_str() {
        "proposed" => StateCategory::Proposed,
        "resolved" => StateCategory::Resolved,
        "completed" => StateCategory::Completed,
        "removed" => StateCategory::Removed,
        _ => StateCategory::InProgress,
    }
}

impl Client {
    /// All projects the identity may see, ready for use, by name.
    ///
    /// # Errors
    /// Those of a read.
    pub async fn projects(&self) -> Result<Vec<Project>, Error> {
        let mut projects: Vec<Project> = self
            .raw_projects()
            .await?
            .into_iter()
            .map(|project| Project { id: project.id, name: project.name })
            .collect();
        projects.sort_by_key(|project| project.name.to_lowercase());
        Ok(projects)
    }

    async fn raw_projects(&self) -> Result<Vec<RawProject>, Error> {
        let mut projects = Vec::new();
        for _ in 0..MOST_PAGES {
            let (operation, route) = self.project_page_call(PAGE, projects.len());
            let page: Listed<RawProject> = self.definition(operation, route, Keep::Briefly).await?;
            let page = page.value;
            let is_last = page.len() < PAGE;
            projects.extend(page);
            if is_last {
                break;
            }
        }
        Ok(projects)
    }

    fn project_page_call(&self, top: usize, skip: usize) -> (String, Route) {
        let route = self
            .route(&["_apis", "projects"], Version::Released)
            .with("stateFilter", "wellFormed")
            .with("$top", &top.to_string())
            .with("$skip", &skip.to_string());
        (format!("list the projects of {}", self.organization()), route)
    }

    /// A page of projects, as they are now.
    pub(crate) async fn project_page(&self, top: usize, skip: usize) -> Result<Vec<RawProject>, Error> {
        let (operation, route) = self.project_page_call(top, skip);
        Ok(self.json::<Listed<RawProject>>(Call::get(operation, route)).await?.value)
    }

    pub(crate) async fn raw_project(&self, project: &str) -> Result<RawProject, Error> {
        // The capabilities tell the process: a change of it shows here (section 6).
        let route = self
            .route(&["_apis", "projects", project], Version::Released)
            .with("includeCapabilities", "true");
        self.definition(format!("read project {project}"), route, Keep::AsWitness).await
    }

    /// One project by name or id.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none, or the identity may not see it.
    pub async fn project(&self, project: &str) -> Result<Project, Error> {
        let raw = self.raw_project(project).await?;
        Ok(Project { id: raw.id, name: raw.name })
    }

    /// The teams of a project, the default one first.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist.
    pub async fn teams(&self, project: &str) -> Result<Vec<Team>, Error> {
        let default = self.raw_project(project).await?.default_team.map(|team| team.id).unwrap_or_default();
        let mut teams = Vec::new();
        for _ in 0..MOST_PAGES {
            let route = self
                .route(&["_apis", "projects", project, "teams"], Version::Released)
                .with("$top", &PAGE.to_string())
                .with("$skip", &teams.len().to_string());
            let operation = format!("list the teams of project {project}");
            let page: Listed<RawReference> = self.definition(operation, route, Keep::Briefly).await?;
            let is_last = page.value.len() < PAGE;
            teams.extend(page.value.into_iter().map(|team| Team {
                is_default: team.id == default,
                id: team.id,
                name: team.name,
            }));
            if is_last {
                break;
            }
        }
        teams.sort_by_key(|team| (!team.is_default, team.name.to_lowercase()));
        Ok(teams)
    }

    /// The areas of a team.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project or team do not exist.
    pub async fn team_areas(&self, project: &str, team: &str) -> Result<TeamAreas, Error> {
        let route = self
            .route(&[project, team, "_apis", "work", "teamsettings", "teamfieldvalues"], Version::Released);
        let operation = format!("read the areas of team {team} in project {project}");
        let raw: RawTeamAreas = self.definition(operation, route, Keep::Briefly).await?;
        Ok(TeamAreas {
            default: raw.default_value.filter(|area| !area.is_empty()),
            areas: raw
                .values
                .into_iter()
                .map(|area| TeamArea { path: area.value, includes_children: area.include_children })
                .collect(),
        })
    }

    /// The iteration under which a team's backlog lies, as a field value.
    pub(crate) async fn backlog_iteration(
        &self,
        project: &str,
        project_name: &str,
        team: &str,
    ) -> Result<String, Error> {
        let route = self.route(&[project, team, "_apis", "work", "teamsettings"], Version::Released);
        let operation = format!("read the settings of team {team} in project {project}");
        let settings: RawTeamSettings = self.definition(operation, route, Keep::Briefly).await?;
        let path = settings
            .backlog_iteration
            .filter(|iteration| iteration.id.bytes().any(|byte| !matches!(byte, b'0' | b'-')))
            .map(|iteration| iteration.path)
            .unwrap_or_default();
        // The path is given below the project (`\Release 1`), a field value starts with the project.
        let below = path.trim_matches('\\');
        Ok(match below {
            "" => project_name.to_owned(),
            _ if below == project_name || below.starts_with(&format!("{project_name}\\")) => below.to_owned(),
            _ => format!("{project_name}\\{below}"),
        })
    }

    /// The path of a team's current iteration, as a field holds it; none while the team has none.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project or team do not exist.
    pub async fn current_iteration(&self, project: &str, team: &str) -> Result<Option<String>, Error> {
        let route = self
            .route(&[project, team, "_apis", "work", "teamsettings", "iterations"], Version::Released)
            .with("$timeframe", "current");
        let operation = format!("read the current iteration of team {team} in project {project}");
        let current: Listed<RawIteration> = self.definition(operation, route, Keep::Briefly).await?;
        Ok(current.value.into_iter().next().map(|iteration| iteration.path).filter(|path| !path.is_empty()))
    }

    /// The work item types of a project that can be offered: without disabled and hidden ones.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the project does not exist.
    pub async fn work_item_types(&self, project: &str) -> Result<Vec<WorkItemType>, Error> {
        let route = self.route(&[project, "_apis", "wit", "workitemtypes"], Version::Released);
        let operation = format!("list the work item types of project {project}");
        let types: Listed<RawType> = self.definition(operation, route, Keep::AsWitness).await?;
        let route = self.route(&[project, "_apis", "wit", "workitemtypecategories"], Version::Released);
        let operation = format!("list the categories of work item types of project {project}");
        let categories: Listed<RawCategory> = self.definition(operation, route, Keep::Briefly).await?;
        let hidden: BTreeSet<String> = categories
            .value
            .into_iter()
            .filter(|category| category.reference_name == "Microsoft.HiddenCategory")
            .flat_map(|category| category.work_item_types)
            .map(|hidden| hidden.name)
            .collect();
        Ok(types
            .value
            .into_iter()
            .filter(|known| !known.is_disabled && !hidden.contains(&known.name))
            .map(RawType::into_type)
            .collect())
    }

    /// The boards of a team.
    ///
    /// # Errors
    /// [`Error::NotFound`] if project or team do not exist.
    pub async fn boards(&self, project: &str, team: &str) -> Result<Vec<BoardLayout>, Error> {
        let route = self.route(&[project, team, "_apis", "work", "boards"], Version::Released);
        let operation = format!("list the boards of team {team} in project {project}");
        let boards: Listed<RawReference> = self.definition(operation, route, Keep::Briefly).await?;
        let mut layouts = Vec::new();
        for board in boards.value {
            layouts.push(self.raw_board(project, team, &board.id).await?.layout());
        }
        Ok(layouts)
    }

    /// A board by name or id.
    pub(crate) async fn raw_board(&self, project: &str, team: &str, board: &str) -> Result<RawBoard, Error> {
        let route = self.route(&[project, team, "_apis", "work", "boards", board], Version::Released);
        let operation = format!("read the board {board} of team {team} in project {project}");
        self.definition(operation, route, Keep::AsWitness).await
    }
}
