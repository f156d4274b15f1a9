//! Sets of templates, as people change them: checked, tried on real findings, and in effect from the next pass on.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use model::content::{About, Evidence, TemplateProblem, TemplateSet, Templates, Written};
use model::{DestinationId, FindingId, TemplateSetId, TicketId};
use store::Tx;
use store::destinations::Destination;
use store::findings::Finding;
use store::templates::Stored;

use crate::engine::Engine;
use crate::sync::Backdrop;
use crate::{Actor, Refusal};

/// Findings among which examples are chosen.
const LOOKED_AT: i64 = 100;

/// Examples of single findings.
const EXAMPLES: usize = 3;

/// Sets that were compiled, each with its version.
pub(crate) type Compiled = Mutex<HashMap<TemplateSetId, (u32, Arc<Templates>)>>;

/// On what templates are tried.
#[derive(Clone, Copy, Debug, Default)]
pub enum Previewed {
    /// Some of the worst open findings, and a ticket with several.
    #[default]
    Examples,
    /// A ticket.
    Ticket(TicketId),
    /// A finding, as if it had a ticket of its own.
    Finding(FindingId),
}

/// What templates would make of real findings.
#[derive(Clone, Debug)]
pub struct Preview {
    /// What is wrong with the templates; empty if they can be saved.
    pub problems: Vec<TemplateProblem>,
    /// What they make of each example. Where one fails, the standard one is shown.
    pub examples: Vec<PreviewOf>,
}

/// What templates would make of one example.
#[derive(Clone, Debug)]
pub struct PreviewOf {
    /// The ticket, if it is one.
    pub ticket: Option<TicketId>,
    /// The finding, if it is a single one.
    pub finding: Option<FindingId>,
    /// Title of the worst finding.
    pub name: String,
    /// What they make of it.
    pub written: Written,
}

impl Engine {
    /// The templates of a destination. `None`: the standard ones.
    pub(crate) async fn own_templates(
        &self,
        tx: &mut Tx,
        destination: &Destination,
    ) -> Result<Option<Arc<Templates>>, Refusal> {
        let Some(id) = destination.settings.fields.templates else { return Ok(None) };
        let Some(version) = store::templates::version(tx, id).await? else { return Ok(None) };
        if let Some((known, templates)) = lock(&self.inner.templates).get(&id)
            && *known == version
        {
            return Ok(Some(templates.clone()));
        }
        let Some(stored) = store::templates::get(tx, id).await? else { return Ok(None) };
        // What was saved was right then; after an update of this program a part may not be, and is the standard one.
        let (templates, problems) = Templates::compile(&stored.set);
        if let Some(problem) = problems.first().map(TemplateProblem::sentence) {
            tracing::warn!(templates = stored.set.name, problem, "a template cannot be used any more");
        }
        let templates = Arc::new(templates);
        lock(&self.inner.templates).insert(id, (version, templates.clone()));
        Ok(Some(templates))
    }

    /// What templates would make of real findings. Nothing is saved.
    ///
    /// # Errors
    /// If there is no such ticket or finding.
    pub async fn preview_templates(&self, set: &TemplateSet, of: Previewed) -> Result<Preview, Refusal> {
        let mut tx = self.inner.db.read().await?;
        let (templates, mut problems) = match Templates::checked(set) {
            Ok(templates) => (templates, Vec::new()),
            Err(problems) => (Templates::compile(set).0, problems),
        };
        let mut examples = Vec::new();
        for (ticket, findings) in self.examples(&mut tx, of).await? {
            let Some(worst) = findings.first() else { continue };
            let written = self.try_on(&mut tx, &templates, ticket, &findings).await?;
            for problem in &written.failed {
                if !problems.iter().any(|known| known.row == problem.row) {
                    let message = format!("{} (on '{}')", problem.message, worst.detail.title);
                    problems.push(TemplateProblem { message, ..problem.clone() });
                }
            }
            examples.push(PreviewOf {
                ticket,
                finding: ticket.is_none().then_some(worst.id),
                name: worst.detail.title.clone(),
                written,
            });
        }
        Ok(Preview { problems, examples })
    }

    async fn examples(
        &self,
        tx: &mut Tx,
        of: Previewed,
    ) -> Result<Vec<(Option<TicketId>, Vec<Finding>)>, Refusal> {
        let ticket = match of {
            Previewed::Ticket(id) => {
                if store::tickets::get(tx, id).await?.is_none() {
                    return Err(Refusal::not_found("ticket", id));
                }
                return Ok(vec![(Some(id), store::findings::of_ticket(tx, id).await?)]);
            }
            Previewed::Finding(id) => {
                let Some(finding) = store::findings::get(tx, id).await? else {
                    return Err(Refusal::not_found("finding", id));
                };
                return Ok(vec![(None, vec![finding])]);
            }
            Previewed::Examples => store::tickets::latest_with_several(tx).await?,
        };
        let mut examples = Vec::new();
        let mut kinds = HashSet::new();
        for finding in store::findings::worst_open(tx, LOOKED_AT).await? {
            if examples.len() < EXAMPLES && kinds.insert(finding.kind) {
                examples.push((None, vec![finding]));
            }
        }
        if let Some(ticket) = ticket {
            examples.push((Some(ticket), store::findings::of_ticket(tx, ticket).await?));
        }
        Ok(examples)
    }

    async fn try_on(
        &self,
        tx: &mut Tx,
        templates: &Templates,
        ticket: Option<TicketId>,
        findings: &[Finding],
    ) -> Result<Written, Refusal> {
        let backdrop = Backdrop::of(tx, findings).await?;
        let ticket = match ticket {
            Some(id) => store::tickets::get(tx, id).await?,
            None => None,
        };
        let destination = match &ticket {
            Some(ticket) => store::destinations::get(tx, ticket.destination_id).await?,
            None => None,
        };
        let rule = match &ticket {
            Some(ticket) => self.rule_names(tx, ticket.id).await?,
            None => None,
        };
        let page =
            ticket.map_or_else(|| "tickets/example".to_owned(), |ticket| format!("tickets/{}", ticket.id));
        let about = About {
            ticket_url: &self.page(&page),
            destination: destination.as_ref().map_or("Example", |destination| &destination.settings.name),
            rule: rule.as_deref(),
        };
        let evidence: Vec<Evidence<'_>> = findings
            .iter()
            .take(3)
            .map(|finding| Evidence {
                title: &finding.detail.title,
                what: "A scan covered its place and did not see it any more.",
                status: "Fixed",
            })
            .collect();
        Ok(templates.write(&about, &self.shown(findings, &backdrop), &evidence))
    }

    pub(crate) async fn checked_templates(&self, mut set: TemplateSet) -> Result<TemplateSet, Refusal> {
        set.name = set.name.trim().to_owned();
        let problems = self.preview_templates(&set, Previewed::Examples).await?.problems;
        let Some(first) = problems.first() else { return Ok(set) };
        let mut refusal = Refusal::invalid(
            "templates_invalid",
            "The templates are not right",
            format!("The templates are not saved: {}", first.sentence()),
            "Mend what is named, and look at the preview.",
        );
        for problem in &problems {
            refusal = refusal.field(format!("/{}", problem.row), problem.sentence());
        }
        Err(refusal)
    }

    /// Saves a new set of templates.
    ///
    /// # Errors
    /// If something is wrong with it, or its name is taken.
    pub async fn create_templates(&self, set: TemplateSet, by: &Actor) -> Result<TemplateSetId, Refusal> {
        let set = self.checked_templates(set).await?;
        let mut tx = self.inner.db.begin().await?;
        let id = self.create_templates_in(&mut tx, set, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(id)
    }

    /// The part of [`Self::create_templates`] that is one with what else is in the transaction. The set was checked.
    pub(crate) async fn create_templates_in(
        &self,
        tx: &mut Tx,
        set: TemplateSet,
        by: &Actor,
    ) -> Result<TemplateSetId, Refusal> {
        let now = self.inner.world.now();
        let stored = Stored { id: self.inner.world.id(), version: 1, set, created_at: now, changed_at: now };
        store::templates::add(tx, &stored).await.map_err(|error| taken(error, &stored.set.name))?;
        self.note_configuration(tx, "templates", stored.id.0, by, "Templates made.").await?;
        Ok(stored.id)
    }

    /// Changes a set of templates. Work items that it writes are brought up to date, but for what people changed there.
    ///
    /// # Errors
    /// If there is no such set, something is wrong with it, or its name is taken.
    pub async fn change_templates(
        &self,
        id: TemplateSetId,
        set: TemplateSet,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let set = self.checked_templates(set).await?;
        let mut tx = self.inner.db.begin().await?;
        self.change_templates_in(&mut tx, id, set, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::change_templates`] that is one with what else is in the transaction. The set was checked.
    pub(crate) async fn change_templates_in(
        &self,
        tx: &mut Tx,
        id: TemplateSetId,
        set: TemplateSet,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let Some(known) = store::templates::get(tx, id).await? else {
            return Err(Refusal::not_found("set of templates", id));
        };
        if known.set == set {
            return Ok(());
        }
        let stored = Stored { version: known.version + 1, changed_at: self.inner.world.now(), set, ..known };
        store::templates::save(tx, &stored).await.map_err(|error| taken(error, &stored.set.name))?;
        for destination in users_of(tx, id).await? {
            store::tickets::mark_of_destination(tx, destination.id).await?;
        }
        self.note_configuration(tx, "templates", id.0, by, "Templates changed.").await
    }

    /// Deletes a set of templates that no destination uses.
    ///
    /// # Errors
    /// If there is no such set, or a destination uses it.
    pub async fn delete_templates(&self, id: TemplateSetId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.delete_templates_in(&mut tx, id, by).await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// The part of [`Self::delete_templates`] that is one with what else is in the transaction.
    pub(crate) async fn delete_templates_in(
        &self,
        tx: &mut Tx,
        id: TemplateSetId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        if store::templates::get(tx, id).await?.is_none() {
            return Err(Refusal::not_found("set of templates", id));
        }
        let users = users_of(tx, id).await?;
        if !users.is_empty() {
            let names: Vec<String> = users.into_iter().map(|destination| destination.settings.name).collect();
            return Err(Refusal::conflict(
                "templates_in_use",
                "The templates are in use",
                format!("These destinations use them: {}.", names.join(", ")),
                "Choose other templates at these destinations first.",
            ));
        }
        store::templates::delete(tx, id).await?;
        self.note_configuration(tx, "templates", id.0, by, "Templates deleted.").await
    }

    /// A destination may only name templates that there are.
    pub(crate) async fn templates_exist(
        &self,
        destination: &store::destinations::Settings,
    ) -> Result<bool, Refusal> {
        let Some(id) = destination.fields.templates else { return Ok(true) };
        let mut tx = self.inner.db.read().await?;
        Ok(store::templates::version(&mut tx, id).await?.is_some())
    }

    /// The destinations that use a set of templates, and how many work items it writes.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn use_of_templates(
        &self,
        id: TemplateSetId,
    ) -> Result<(Vec<(DestinationId, String)>, u64), Refusal> {
        let mut tx = self.inner.db.read().await?;
        let mut work_items = 0;
        let mut users = Vec::new();
        for destination in users_of(&mut tx, id).await? {
            work_items += store::tickets::live_of_destination(&mut tx, destination.id).await?;
            users.push((destination.id, destination.settings.name));
        }
        Ok((users, work_items))
    }
}

/// The destinations that use a set of templates.
async fn users_of(tx: &mut Tx, id: TemplateSetId) -> Result<Vec<Destination>, Refusal> {
    let mut all = store::destinations::all(tx).await?;
    all.retain(|destination| destination.settings.fields.templates == Some(id));
    Ok(all)
}

fn taken(error: store::Error, name: &str) -> Refusal {
    if error.is_duplicate() {
        Refusal::conflict(
            "templates_taken",
            "There are such templates already",
            format!("Other templates have the name {name}."),
            "Choose another name, or change the others.",
        )
    } else {
        error.into()
    }
}

/// A panic while it was held cannot leave it half-changed: entries are whole or not there.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
