//! Destinations: blanks are filled in from the board, and everything is checked against it before it is saved.

mod check;
mod drift;

use model::map::{MapProblem, MapRow, SeverityMap};
use model::routing::Binding;
use model::{AssetId, ConnectionId, DestinationId};
use store::Tx;
use store::destinations::{Destination, Process, Settings};

pub(crate) use self::check::Checked;
use crate::connections::Board;
use crate::engine::Engine;
use crate::{Actor, Refusal};

/// A destination to be made, changed or checked.
#[derive(Clone, Debug)]
pub struct NewDestination {
    /// Connection.
    pub connection_id: ConnectionId,
    /// What it is bound to; assets by name.
    pub binding: Binding<String>,
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

/// A destination stays with its connection.
pub(crate) fn stays_with(known: &Destination, connection: ConnectionId) -> Result<(), Refusal> {
    if known.connection_id == connection {
        return Ok(());
    }
    Err(Refusal::conflict(
        "destination_moved",
        "A destination stays with its connection",
        format!("The destination {} belongs to another connection.", known.settings.name),
        "Make a new destination at the other connection.",
    ))
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
        // Somebody may have mended the board a moment ago; within this check each thing is read once.
        at.client.forget_definitions();
        let mut tx = self.inner.db.read().await?;
        let connection = store::connections::get(&mut tx, new.connection_id).await?;
        drop(tx);
        let usual = connection.and_then(|connection| connection.severity_map).unwrap_or_default();
        let mut checked = check_with(&at, new.binding.clone(), new.settings, &usual).await?;
        if !self.templates_exist(&checked.settings).await? {
            checked.problems.push(MapProblem::general(
                "there are no such templates",
                "choose others, or leave it to the standard ones",
            ));
        }
        Ok(checked)
    }

    pub(crate) async fn checked_for_saving(
        &self,
        new: NewDestination,
    ) -> Result<(Settings, Process), Refusal> {
        self.check_against_board(new).await?.for_saving()
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
        let connection = new.connection_id;
        let mut tx = self.inner.db.begin().await?;
        let id = self.create_destination_in(&mut tx, NewDestination { settings, ..new }, process, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        self.subscribe_for_new(connection, by).await?;
        Ok(id)
    }

    /// The part of [`Self::create_destination`] that is one with what else is in the transaction. The settings were
    /// checked, and `process` is what was read of the board then.
    pub(crate) async fn create_destination_in(
        &self,
        tx: &mut Tx,
        new: NewDestination,
        process: Process,
        by: &Actor,
    ) -> Result<DestinationId, Refusal> {
        let id: DestinationId = self.inner.world.id();
        let destination = Destination {
            id,
            connection_id: new.connection_id,
            binding: self.binding_of(tx, &new, None).await?,
            settings: new.settings,
            process,
            drift: None,
            created_at: self.inner.world.now(),
        };
        store::destinations::add(tx, &destination).await?;
        store::rules::begin_walk(tx).await?;
        self.note_configuration(tx, "destination", id.0, by, "Destination made.").await?;
        Ok(id)
    }

    /// A connection that subscribed to service hooks subscribes to the project of a new destination, too.
    pub(crate) async fn subscribe_for_new(
        &self,
        connection: ConnectionId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let known = store::connections::get(&mut tx, connection).await?;
        drop(tx);
        if known.is_some_and(|known| !known.subscriptions.is_empty())
            && let Err(refusal) = self.subscribe_hooks(connection, by).await
        {
            tracing::warn!(%refusal, "the project of a new destination could not be subscribed to; it is polled");
        }
        Ok(())
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
        self.change_destination_in(&mut tx, id, NewDestination { settings, ..new }, process, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::change_destination`] that is one with what else is in the transaction. The settings were
    /// checked, and `process` is what was read of the board then.
    pub(crate) async fn change_destination_in(
        &self,
        tx: &mut Tx,
        id: DestinationId,
        new: NewDestination,
        process: Process,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let Some(mut destination) = store::destinations::get(tx, id).await? else {
            return Err(Refusal::not_found("destination", id));
        };
        stays_with(&destination, new.connection_id)?;
        destination.binding = self.binding_of(tx, &new, Some(id)).await?;
        destination.settings = new.settings;
        destination.process = process;
        destination.drift = None;
        store::destinations::save(tx, &destination).await?;
        store::tickets::retry_of_destination(tx, id).await?;
        store::rules::begin_walk(tx).await?;
        self.note_configuration(tx, "destination", id.0, by, "Destination changed.").await
    }

    /// Deletes a destination with its tickets. The work items stay as they are.
    ///
    /// # Errors
    /// If there is no such destination.
    pub async fn delete_destination(&self, id: DestinationId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.delete_destination_in(&mut tx, id, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::delete_destination`] that is one with what else is in the transaction.
    pub(crate) async fn delete_destination_in(
        &self,
        tx: &mut Tx,
        id: DestinationId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        if store::destinations::get(tx, id).await?.is_none() {
            return Err(Refusal::not_found("destination", id));
        }
        store::destinations::delete(tx, id).await?;
        self.note_configuration(tx, "destination", id.0, by, "Destination deleted.").await?;
        store::rules::begin_walk(tx).await?;
        Ok(())
    }

    /// The asset of that name; it may be bound before its first scan.
    async fn asset_named(&self, tx: &mut Tx, name: &str) -> Result<AssetId, Refusal> {
        let world = &self.inner.world;
        Ok(store::assets::find_or_create(tx, world.id(), name.trim(), world.now()).await?.id)
    }

    /// What a destination is to be bound to.
    ///
    /// # Errors
    /// If another destination than `own` is bound to the same.
    async fn binding_of(
        &self,
        tx: &mut Tx,
        new: &NewDestination,
        own: Option<DestinationId>,
    ) -> Result<Binding, Refusal> {
        let binding = match &new.binding {
            Binding::Default => Binding::Default,
            Binding::Group { tags } => Binding::Group { tags: tags.clone() },
            Binding::Asset { asset } => Binding::Asset { asset: self.asset_named(tx, asset).await? },
            Binding::Branch { asset, branch } => {
                Binding::Branch { asset: self.asset_named(tx, asset).await?, branch: branch.clone() }
            }
        };
        match store::destinations::bound_to(tx, &binding, new.connection_id).await? {
            Some(other) if Some(other.id) != own => Err(taken(&new.binding, &other.settings.name)),
            _ => Ok(binding),
        }
    }
}

/// Fills in blanks and says what is wrong, but for the templates. Rows that the severity map lacks are those of `usual`.
///
/// # Errors
/// If the board cannot be read.
pub(crate) async fn check_with(
    at: &Board,
    binding: Binding<String>,
    settings: Settings,
    usual: &SeverityMap,
) -> Result<Checked, Refusal> {
    let mut checked = check::against_board(&at.client, settings, usual).await?;
    let unbound = binding.asset().is_some_and(|asset| asset.trim().is_empty());
    if unbound {
        checked.problems.insert(
            0,
            MapProblem::general(
                "the asset has no name",
                "name the asset whose findings go there, or make it the default",
            ),
        );
    }
    if let Some((what, mend)) = binding.problem() {
        checked.problems.insert(0, MapProblem::general(what, mend));
    }
    Ok(checked)
}

impl Checked {
    /// Settings and what was read of the board, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong, each at its row.
    pub(crate) fn for_saving(self) -> Result<(Settings, Process), Refusal> {
        match self.process {
            Some(process) if self.problems.is_empty() => Ok((self.settings, process)),
            _ => {
                let first = self.problems.first().cloned().unwrap_or_else(|| MapProblem::general("", ""));
                let mut refusal = Refusal::invalid(
                    "destination_invalid",
                    "The destination does not fit the board",
                    format!("The destination is not saved: {}.", first.message),
                    format!("{}.", sentence(&first.mend)),
                );
                for problem in self.problems {
                    let pointer = problem.row.as_ref().map_or("/".to_owned(), MapRow::pointer);
                    refusal = refusal.field(pointer, format!("{}; {}", problem.message, problem.mend));
                }
                Err(refusal)
            }
        }
    }
}

fn taken(binding: &Binding<String>, other: &str) -> Refusal {
    let what = match binding {
        Binding::Default => format!("{other} is the default destination of this connection already."),
        Binding::Group { tags } => {
            format!("{other} is bound to the assets with the tags {} already.", tags.join(", "))
        }
        Binding::Asset { asset } => format!("{other} is bound to the asset {asset} already."),
        Binding::Branch { asset, branch } => {
            format!("{other} is bound to the branch {branch} of {asset} already.")
        }
    };
    Refusal::conflict(
        "destination_taken",
        "There is such a destination already",
        what,
        format!("Change or delete the destination {other}, or bind this one to something else."),
    )
}

pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
