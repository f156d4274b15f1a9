//! Assessments: pieces of work that group scans and findings. Completing one may be what releases its tickets.

use chrono::NaiveDate;
use model::assessment::AssessmentState;
use model::{AssessmentId, FindingId};
use store::Tx;
use store::assessments::Assessment;
use uuid::Uuid;

use crate::engine::{Engine, EventKind};
use crate::{Actor, Refusal};

/// Characters of a name.
const LONGEST_NAME: usize = 200;

/// Characters of a description.
const LONGEST_DESCRIPTION: usize = 10_000;

/// Findings that are looked at in one go.
const STEP: i64 = 500;

/// What people say about an assessment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssessmentSettings {
    /// Name; no two have the same but for case.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// First day, as planned.
    pub starts_on: Option<NaiveDate>,
    /// Last day, as planned.
    pub ends_on: Option<NaiveDate>,
}

impl AssessmentSettings {
    fn checked(mut self) -> Result<Self, Refusal> {
        let refuse = |field: &str, detail: String, next_step: &str| {
            Err(Refusal::invalid(
                "assessment_invalid",
                "The assessment makes no sense",
                detail.clone(),
                next_step,
            )
            .field(format!("/{field}"), detail))
        };
        self.name = self.name.trim().to_owned();
        self.description = self.description.trim().to_owned();
        if self.name.is_empty()
            || self.name.chars().count() > LONGEST_NAME
            || self.name.chars().any(char::is_control)
        {
            return refuse(
                "name",
                format!(
                    "An assessment has a name of 1 to {LONGEST_NAME} characters, without control characters."
                ),
                "Give it a short name.",
            );
        }
        if self.description.chars().count() > LONGEST_DESCRIPTION {
            return refuse(
                "description",
                format!("The description has more than {LONGEST_DESCRIPTION} characters."),
                "Shorten it.",
            );
        }
        if let (Some(from), Some(until)) = (self.starts_on, self.ends_on)
            && until < from
        {
            return refuse(
                "ends_on",
                format!("The assessment would end on {until}, before it begins on {from}."),
                "Choose a later last day, or leave it out.",
            );
        }
        Ok(self)
    }
}

impl Engine {
    /// Makes an assessment that is planned.
    ///
    /// # Errors
    /// If it makes no sense, or there is one of that name.
    pub async fn create_assessment(
        &self,
        settings: AssessmentSettings,
        by: &Actor,
    ) -> Result<AssessmentId, Refusal> {
        let AssessmentSettings { name, description, starts_on, ends_on } = settings.checked()?;
        let mut tx = self.inner.db.begin().await?;
        if store::assessments::by_name(&mut tx, &name).await?.is_some() {
            return Err(taken(&name));
        }
        let new = Assessment {
            id: self.inner.world.id(),
            name,
            description,
            state: AssessmentState::Planned,
            starts_on,
            ends_on,
            created_at: self.inner.world.now(),
            completed_at: None,
        };
        store::assessments::add(&mut tx, &new).await?;
        self.note_configuration(&mut tx, "assessment", new.id.0, by, "Assessment made.").await?;
        tx.commit().await?;
        self.announce(EventKind::Configuration, None);
        Ok(new.id)
    }

    /// Changes what people say about an assessment. Work items that show its name show the new one then.
    ///
    /// # Errors
    /// If there is no such assessment, it makes no sense, or there is another one of that name.
    pub async fn change_assessment(
        &self,
        id: AssessmentId,
        settings: AssessmentSettings,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let AssessmentSettings { name, description, starts_on, ends_on } = settings.checked()?;
        let mut tx = self.inner.db.begin().await?;
        let known = self.assessment(&mut tx, id).await?;
        if store::assessments::by_name(&mut tx, &name).await?.is_some_and(|other| other.id != id) {
            return Err(taken(&name));
        }
        let renamed = known.name != name;
        let changed = Assessment { name, description, starts_on, ends_on, ..known };
        store::assessments::save(&mut tx, &changed).await?;
        if renamed {
            self.ask_about_findings(&mut tx, id).await?;
        }
        self.note_configuration(&mut tx, "assessment", id.0, by, "Assessment changed.").await?;
        tx.commit().await?;
        self.configuration_changed();
        Ok(())
    }

    /// Lets an assessment begin, complete, or be taken up again. Completing it says so on the tickets of its findings, once,
    /// and lets rules make tickets that waited for it.
    ///
    /// # Errors
    /// If there is no such assessment, or it cannot become that from what it is.
    pub async fn move_assessment(
        &self,
        id: AssessmentId,
        to: AssessmentState,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let mut known = self.assessment(&mut tx, id).await?;
        if known.state == to {
            return Ok(());
        }
        if !known.state.may_become(to) {
            return Err(Refusal::conflict(
                "assessment_state",
                "The assessment cannot become that",
                format!(
                    "The assessment {} is {}: it cannot become {to} from there.",
                    known.name, known.state
                ),
                "Start it first.",
            ));
        }
        known.state = to;
        known.completed_at = (to == AssessmentState::Completed).then(|| self.inner.world.now());
        store::assessments::save(&mut tx, &known).await?;
        let findings = self.ask_about_findings(&mut tx, id).await?;
        if to == AssessmentState::Completed {
            self.tell_tickets(&mut tx, &known, &findings, by).await?;
        }
        let what = format!("Assessment {to}.");
        self.note_configuration(&mut tx, "assessment", id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.announce(EventKind::Ticket, None);
        self.configuration_changed();
        Ok(())
    }

    /// Adds findings to an assessment by hand. Answers how many were not in it.
    ///
    /// # Errors
    /// If there is no such assessment or finding, or the assessment is completed.
    pub async fn add_to_assessment(
        &self,
        id: AssessmentId,
        findings: &[FindingId],
        by: &Actor,
    ) -> Result<u64, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let known = self.assessment(&mut tx, id).await?;
        refuse_completed(&known)?;
        let mut added = Vec::new();
        for finding in findings {
            if store::findings::get(&mut tx, *finding).await?.is_none() {
                return Err(Refusal::not_found("finding", *finding));
            }
            if store::assessments::add_finding(&mut tx, id, *finding).await? {
                added.push(*finding);
            }
        }
        store::findings::undecide(&mut tx, &added).await?;
        for finding in &added {
            store::tickets::mark_of_finding(&mut tx, *finding).await?;
        }
        let what = format!("{} findings added by hand.", added.len());
        self.note_configuration(&mut tx, "assessment", id.0, by, &what).await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(added.len() as u64)
    }

    /// Deletes an assessment. Its findings, scans and tickets stay.
    ///
    /// # Errors
    /// If there is no such assessment.
    pub async fn delete_assessment(&self, id: AssessmentId, by: &Actor) -> Result<(), Refusal> {
        let mut tx = self.inner.db.begin().await?;
        self.assessment(&mut tx, id).await?;
        self.ask_about_findings(&mut tx, id).await?;
        store::assessments::delete(&mut tx, id).await?;
        self.note_configuration(&mut tx, "assessment", id.0, by, "Assessment deleted.").await?;
        tx.commit().await?;
        self.announce(EventKind::Finding, None);
        self.configuration_changed();
        Ok(())
    }

    /// The assessment of a name, for a scan that is to belong to it.
    pub(crate) async fn open_assessment(
        &self,
        tx: &mut Tx,
        name: Option<&str>,
    ) -> Result<Option<AssessmentId>, Refusal> {
        let Some(name) = name.map(str::trim).filter(|name| !name.is_empty()) else { return Ok(None) };
        let Some(known) = store::assessments::by_name(tx, name).await? else {
            return Err(Refusal::invalid(
                "assessment_unknown",
                "There is no such assessment",
                format!("No assessment is called '{name}'."),
                "Make it first, or leave it out.",
            ));
        };
        refuse_completed(&known)?;
        Ok(Some(known.id))
    }

    async fn assessment(&self, tx: &mut Tx, id: AssessmentId) -> Result<Assessment, Refusal> {
        store::assessments::get(tx, id).await?.ok_or_else(|| Refusal::not_found("assessment", id))
    }

    /// What rules and work items say about the findings of an assessment may be something else now. Answers the findings.
    async fn ask_about_findings(&self, tx: &mut Tx, id: AssessmentId) -> Result<Vec<FindingId>, Refusal> {
        let mut all = Vec::new();
        let mut after = Uuid::nil();
        loop {
            let page = store::assessments::findings_after(tx, id, after, STEP).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = last.0;
            store::findings::undecide(tx, &page).await?;
            for finding in &page {
                store::tickets::mark_of_finding(tx, *finding).await?;
            }
            all.extend(page);
        }
    }

    /// Says on each ticket of an assessment that it is completed.
    async fn tell_tickets(
        &self,
        tx: &mut Tx,
        assessment: &Assessment,
        findings: &[FindingId],
        by: &Actor,
    ) -> Result<(), Refusal> {
        self.tell_tickets_of(tx, findings, by, |count| {
            let those = match count {
                1 => "a finding of this ticket belongs".to_owned(),
                many => format!("{many} findings of this ticket belong"),
            };
            format!("The assessment {} is completed; {those} to it.", assessment.name)
        })
        .await
    }
}

fn refuse_completed(assessment: &Assessment) -> Result<(), Refusal> {
    if assessment.state != AssessmentState::Completed {
        return Ok(());
    }
    Err(Refusal::conflict(
        "assessment_completed",
        "The assessment is completed",
        format!("The assessment {} is completed: nothing more belongs to it.", assessment.name),
        "Take it up again first, or use another one.",
    ))
}

fn taken(name: &str) -> Refusal {
    Refusal::conflict(
        "assessment_exists",
        "There is an assessment of that name",
        format!("Another assessment is called '{name}'."),
        "Choose another name.",
    )
    .field("/name", "it is taken")
}
