//! Where the work items of findings go, and why: what `model::routing` decides, on what is stored.

use std::collections::HashMap;

use model::routing::{self, Binding, Origin};
use model::{AssetId, DestinationId, FindingId};
use store::Tx;
use store::assets::Asset;
use store::destinations::Destination;
use store::findings::Finding;

use crate::Refusal;
use crate::engine::Engine;

/// All destinations, in the order they were made: read once for many findings.
pub(crate) struct Routes {
    destinations: Vec<Destination>,
}

impl Routes {
    pub(crate) async fn load(tx: &mut Tx) -> Result<Self, Refusal> {
        Ok(Self { destinations: store::destinations::all(tx).await? })
    }

    pub(crate) fn all(&self) -> &[Destination] {
        &self.destinations
    }

    /// There is a default: nothing goes nowhere.
    pub(crate) fn take_everything(&self) -> bool {
        self.destinations.iter().any(|destination| destination.binding == Binding::Default)
    }

    /// The destination of a finding.
    pub(crate) async fn of_finding(
        &self,
        tx: &mut Tx,
        finding: &Finding,
        asset: &Asset,
    ) -> Result<Option<&Destination>, Refusal> {
        let branch = self.branch_of(tx, finding.id, asset).await?;
        Ok(self.fitting(asset, branch).first().copied())
    }

    /// The destination of findings of an asset on a branch.
    pub(crate) fn of(&self, asset: &Asset, branch: Option<&str>) -> Option<&Destination> {
        self.fitting(asset, branch).first().copied()
    }

    /// All destinations that fit, the one that takes it first.
    fn fitting(&self, asset: &Asset, branch: Option<&str>) -> Vec<&Destination> {
        let origin = Origin { asset: asset.id, tags: &asset.tags, branch };
        let bindings = self.destinations.iter().map(|destination| (destination, &destination.binding));
        routing::route(bindings, origin).into_iter().map(|(destination, _)| destination).collect()
    }

    /// The branch of a finding, if it could matter.
    async fn branch_of<'a>(
        &self,
        tx: &mut Tx,
        finding: FindingId,
        asset: &'a Asset,
    ) -> Result<Option<&'a str>, Refusal> {
        let matters = self.destinations.iter().any(|destination| {
            matches!(&destination.binding, Binding::Branch { asset: bound, .. } if *bound == asset.id)
        });
        if !matters {
            return Ok(None);
        }
        home_branch(tx, finding, asset).await
    }
}

async fn home_branch<'a>(
    tx: &mut Tx,
    finding: FindingId,
    asset: &'a Asset,
) -> Result<Option<&'a str>, Refusal> {
    let detections = store::findings::detections(tx, finding).await?;
    // Configurations do not speak for each other: one that still sees it on a branch keeps it there.
    let mut seen: HashMap<&str, bool> = HashMap::new();
    for detection in &detections {
        let gone = detection.last_absent_at.is_some_and(|absent| absent > detection.last_seen_at);
        let all_gone = seen.entry(&detection.branch).or_insert(true);
        *all_gone &= gone;
    }
    let seen: Vec<(&str, bool)> = seen.into_iter().collect();
    Ok(routing::home_branch(&asset.tracked_branches, &seen))
}

/// A destination, and why it takes something or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteStep {
    /// Destination.
    pub id: DestinationId,
    /// Its name.
    pub name: String,
    /// Why it fits, as the end of a sentence that begins with its name.
    pub reason: String,
}

/// Where the work items of a finding, or of the findings of an asset, go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The branch that was looked at.
    pub branch: Option<String>,
    /// Who takes it; none if nobody does.
    pub taken_by: Option<RouteStep>,
    /// Who would, were the others not more specific; the most specific first.
    pub others: Vec<RouteStep>,
}

impl Engine {
    /// Where the findings of an asset go that are on this branch.
    ///
    /// # Errors
    /// If there is no such asset.
    pub async fn route_of_asset(&self, id: AssetId, branch: Option<&str>) -> Result<Route, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let asset = store::assets::get(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("asset", id))?;
        let branch = branch.map(str::trim).filter(|branch| !branch.is_empty());
        Ok(told(&Routes::load(&mut tx).await?, &asset, branch))
    }

    /// Where a finding goes. One that has a ticket stays where that was made.
    ///
    /// # Errors
    /// If there is no such finding.
    pub async fn route_of_finding(&self, id: FindingId) -> Result<Route, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let finding =
            store::findings::get(&mut tx, id).await?.ok_or_else(|| Refusal::not_found("finding", id))?;
        let asset = store::assets::get(&mut tx, finding.asset_id)
            .await?
            .ok_or_else(|| Refusal::not_found("asset", finding.asset_id))?;
        let routes = Routes::load(&mut tx).await?;
        let branch = home_branch(&mut tx, id, &asset).await?;
        let mut route = told(&routes, &asset, branch);
        if let Some(ticket) = store::tickets::of_finding(&mut tx, id).await?.first()
            && let Some(ticket) = store::tickets::get(&mut tx, *ticket).await?
            && let Some(made_for) = routes.all().iter().find(|known| known.id == ticket.destination_id)
            && route.taken_by.as_ref().is_none_or(|step| step.id != made_for.id)
        {
            let step = RouteStep {
                id: made_for.id,
                name: made_for.settings.name.clone(),
                reason: "has its ticket already; a ticket stays where it was made".into(),
            };
            route.others.retain(|other| other.id != step.id);
            route.others.splice(0..0, route.taken_by.replace(step));
        }
        Ok(route)
    }
}

fn told(routes: &Routes, asset: &Asset, branch: Option<&str>) -> Route {
    let mut steps = routes.fitting(asset, branch).into_iter().map(|destination| RouteStep {
        id: destination.id,
        name: destination.settings.name.clone(),
        reason: routing::reason(&destination.binding, &asset.name, branch),
    });
    Route { branch: branch.map(str::to_owned), taken_by: steps.next(), others: steps.collect() }
}
