//! Destinations: blanks are filled in from the board, and everything is checked against it before it is saved.

use model::map::{MapProblem, StatusMap};
use model::process::{BoardLayout, WorkItemType};
use model::{AssetId, ConnectionId, DestinationId};
use store::destinations::{Destination, Process, Settings};

use crate::engine::Engine;
use crate::{Actor, Refusal};

/// A destination to be made, changed or checked.
#[derive(Clone, Debug)]
pub struct NewDestination {
    /// Connection.
    pub connection_id: ConnectionId,
    /// Name of the asset it is bound to.
    pub asset: Option<String>,
    /// Settings, with blanks.
    pub settings: Settings,
}

/// How a destination reads once blanks are filled in, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct DestinationCheck {
    /// Settings without blanks.
    pub settings: Settings,
    /// What is wrong; empty if it can be saved.
    pub problems: Vec<MapProblem>,
}

struct Checked {
    settings: Settings,
    problems: Vec<MapProblem>,
    process: Option<Process>,
}

fn problem(message: impl Into<String>, mend: impl Into<String>) -> MapProblem {
    MapProblem { row: None, message: message.into(), mend: mend.into() }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Engine {
    /// Fills in blanks from the board and says what is wrong.
    ///
    /// # Errors
    /// If there is no such connection, or the board cannot be read.
    pub async fn check_destination(&self, new: NewDestination) -> Result<DestinationCheck, Refusal> {
        let checked = self.check_against_board(new).await?;
        Ok(DestinationCheck { settings: checked.settings, problems: checked.problems })
    }

    async fn check_against_board(&self, new: NewDestination) -> Result<Checked, Refusal> {
        let Some(at) = self.board(new.connection_id).await? else {
            return Err(Refusal::not_found("connection", new.connection_id));
        };
        let client = &at.client;
        // Somebody may have mended the board a moment ago; within this check each thing is read once.
        client.forget_definitions();
        let mut settings = new.settings;
        let mut problems = Vec::new();
        let given_up = |settings, problems| Ok(Checked { settings, problems, process: None });
        if !settings.is_default && new.asset.as_deref().is_none_or(|asset| asset.trim().is_empty()) {
            problems.push(problem(
                "the destination is neither the default nor bound to an asset",
                "make it the default, or name the asset whose findings go there",
            ));
        }
        if settings.daily_budget == 0 {
            problems.push(problem(
                "the daily budget is 0: nothing would ever be created",
                "allow at least one a day",
            ));
        }

        let projects = client.projects().await?;
        let Some(project) = projects.iter().find(|p| p.name.eq_ignore_ascii_case(settings.project.trim()))
        else {
            problems.push(problem(
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
            problems.push(problem(
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
            problems.push(problem(
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
            problems.push(problem(
                format!(
                    "the area '{}' does not belong to the team {}: its work items are not on its board",
                    settings.area, team.name
                ),
                "choose an area of the team, or another team",
            ));
        }
        if settings.iteration.trim().is_empty() {
            settings.iteration.clone_from(&project.name);
        }
        if let (Some(board), lane) = (board, settings.lane.trim())
            && !lane.is_empty()
            && !board.lanes.iter().any(|known| known.eq_ignore_ascii_case(lane))
        {
            problems.push(problem(
                format!("the board {} has no lane '{lane}'", board.name),
                format!(
                    "choose one of: {}, or leave it blank",
                    names(board.lanes.iter().map(String::as_str))
                ),
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
            .item_shape(
                &project.name,
                &team.name,
                board.map(|board| board.name.as_str()),
                &work_item_type.name,
            )
            .await?;
        if !self.templates_exist(&settings).await? {
            problems.push(problem(
                "there are no such templates",
                "choose others, or leave it to the standard ones",
            ));
        }
        problems.extend(settings.fields.problems().into_iter().map(|(message, mend)| problem(message, mend)));
        for (severity, target) in &settings.severity_map.0 {
            if !(1..=4).contains(&target.priority) {
                problems.push(problem(
                    format!("the priority {} for {severity} is not between 1 and 4", target.priority),
                    "choose 1 (most urgent) to 4",
                ));
            }
            if let Some(value) = &target.severity
                && shape.severity_field.is_some()
                && !shape.severities.is_empty()
                && !shape.severities.contains(value)
            {
                problems.push(problem(
                    format!("{} has no severity '{value}'", work_item_type.name),
                    format!("choose one of: {}", shape.severities.join(", ")),
                ));
            }
        }
        let process = Process {
            work_item_type: work_item_type.clone(),
            board: board.cloned(),
            shape: serde_json::to_value(&shape).unwrap_or_default(),
        };
        Ok(Checked { settings, problems, process: Some(process) })
    }

    async fn checked_for_saving(&self, new: NewDestination) -> Result<(Settings, Process), Refusal> {
        let checked = self.check_against_board(new).await?;
        match checked.process {
            Some(process) if checked.problems.is_empty() => Ok((checked.settings, process)),
            _ => {
                let first = checked.problems.first().cloned().unwrap_or_else(|| problem("", ""));
                let mut refusal = Refusal::invalid(
                    "destination_invalid",
                    "The destination does not fit the board",
                    format!("The destination is not saved: {}.", first.message),
                    format!("{}.", sentence(&first.mend)),
                );
                for problem in checked.problems {
                    let pointer = problem.row.map_or("/".to_owned(), |row| format!("/status_map/{row}"));
                    refusal = refusal.field(pointer, format!("{}; {}", problem.message, problem.mend));
                }
                Err(refusal)
            }
        }
    }

    /// Makes a destination.
    ///
    /// # Errors
    /// If it does not fit the board, or contradicts another one; the text names the row and the mend.
    pub async fn create_destination(
        &self,
        new: NewDestination,
        by: &Actor,
    ) -> Result<DestinationId, Refusal> {
        let (settings, process) = self.checked_for_saving(new.clone()).await?;
        let id: DestinationId = self.inner.world.id();
        let mut tx = self.inner.db.begin().await?;
        let destination = Destination {
            id,
            connection_id: new.connection_id,
            asset_id: self.asset_named(&mut tx, new.asset.as_deref()).await?,
            settings,
            process,
            problem: None,
            created_at: self.inner.world.now(),
        };
        store::destinations::add(&mut tx, &destination).await.map_err(taken)?;
        store::findings::reconsider_all(&mut tx).await?;
        self.note_configuration(&mut tx, "destination", id.0, by, "Destination made.").await?;
        let hooked = store::connections::get(&mut tx, new.connection_id)
            .await?
            .is_some_and(|connection| !connection.subscriptions.is_empty());
        tx.commit().await?;
        self.configuration_changed();
        if hooked && let Err(refusal) = self.subscribe_hooks(new.connection_id, by).await {
            tracing::warn!(%refusal, "the project of a new destination could not be subscribed to; it is polled");
        }
        Ok(id)
    }

    /// Changes a destination. Its tickets are looked at again.
    ///
    /// # Errors
    /// If there is no such destination, it does not fit the board, or contradicts another one.
    pub async fn change_destination(
        &self,
        id: DestinationId,
        new: NewDestination,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let (settings, process) = self.checked_for_saving(new.clone()).await?;
        let mut tx = self.inner.db.begin().await?;
        let Some(mut destination) = store::destinations::get(&mut tx, id).await? else {
            return Err(Refusal::not_found("destination", id));
        };
        if destination.connection_id != new.connection_id {
            return Err(Refusal::conflict(
                "destination_moved",
                "A destination stays with its connection",
                format!("The destination {} belongs to another connection.", destination.settings.name),
                "Make a new destination at the other connection.",
            ));
        }
        destination.asset_id = self.asset_named(&mut tx, new.asset.as_deref()).await?;
        destination.settings = settings;
        destination.process = process;
        destination.problem = None;
        store::destinations::save(&mut tx, &destination).await.map_err(taken)?;
        store::tickets::mark_of_destination(&mut tx, id).await?;
        store::findings::reconsider_all(&mut tx).await?;
        self.note_configuration(&mut tx, "destination", id.0, by, "Destination changed.").await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// Deletes a destination with its tickets. The work items stay as they are.
    ///
    /// # Errors
    /// If there is no such destination.
    pub async fn delete_destination(&self, id: DestinationId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        if store::destinations::get(&mut tx, id).await?.is_none() {
            return Err(Refusal::not_found("destination", id));
        }
        store::destinations::delete(&mut tx, id).await?;
        self.note_configuration(&mut tx, "destination", id.0, by, "Destination deleted.").await?;
        store::findings::reconsider_all(&mut tx).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The asset of that name; it may be bound before its first scan.
    async fn asset_named(&self, tx: &mut store::Tx, name: Option<&str>) -> Result<Option<AssetId>, Refusal> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
        let world = &self.inner.world;
        Ok(Some(store::assets::find_or_create(tx, world.id(), name, world.now()).await?.id))
    }
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
        problems.push(problem(
            format!("the team {} has no board '{wanted}'", settings.team),
            format!("choose one of: {}", names(boards.iter().map(|board| board.name.as_str()))),
        ));
        return None;
    };
    if !board.shows_type(&work_item_type.name) {
        problems.push(problem(
            format!("the board {} of the team {} does not show work items of type {}", board.name, settings.team, work_item_type.name),
            "choose another type or board; a new team keeps bugs off its board until its settings say otherwise",
        ));
    }
    settings.board.clone_from(&board.name);
    Some(board)
}

fn taken(error: store::Error) -> Refusal {
    if error.is_duplicate() {
        Refusal::conflict(
            "destination_taken",
            "There is such a destination already",
            "The connection has a default destination already, or the asset is bound to another destination.",
            "Change or delete the other destination first.",
        )
    } else {
        error.into()
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
