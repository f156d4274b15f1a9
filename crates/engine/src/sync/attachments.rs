//! Files that people attached here are carried to the work item, in the turn of its comments. The bytes go first and are seen
//! by nobody; attaching them is announced, sent once, and looked up in doubt by the identity that the board gave them.

use azure::{Error, Link, LinkTarget};
use chrono::Duration;
use model::attachment::{Deed, next_deed};
use model::board::WorkItem;
use store::Tx;
use store::attachments::Attachment;
use store::audit::{Cause, CauseKind};
use store::failpoint;
use store::tickets::{Intent, Ticket};

use crate::Refusal;
use crate::engine::Engine;
use crate::sync::comments::given_up;
use crate::sync::desired::backoff;
use crate::sync::pass::{Pass, Turn};
use crate::sync::report::Reach;

impl Engine {
    /// Looks at the work item for the file that may have been attached or taken away.
    pub(super) async fn settle_attachment(
        &self,
        pass: &Pass<'_>,
        seen: &Ticket,
        item: &WorkItem,
    ) -> Result<Turn, Refusal> {
        failpoint::reached("before attachment look-up").await;
        let answer = pass.board.client.read(&[item.id]).await;
        failpoint::reached("after attachment look-up").await;
        let now = self.inner.world.now();
        let there = match answer {
            Ok(items) => match items.into_iter().next() {
                Some(item) => item.attachments(),
                None => return self.item_is_gone(seen.id).await,
            },
            Err(error) => {
                if let Reach::Connection(until) = self.reach(&error) {
                    self.block(pass.board, &error, until).await?;
                    self.later(seen.id, Some(until)).await?;
                    return Ok(Turn::Stop);
                }
                return self.later(seen.id, Some(now + backoff(4, self.inner.world.chance.bits()))).await;
            }
        };
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, seen.id).await? else { return Ok(Turn::Done) };
        let (Some(Intent::Attachment { deadline, attachment }), Some(before)) =
            (&ticket.intent, &seen.intent)
        else {
            return Ok(Turn::Done);
        };
        if *deadline != before.deadline() {
            // Another process took over and knows better.
            return Ok(Turn::Done);
        }
        if let Some(mut file) = store::attachments::get(&mut tx, *attachment).await? {
            let is_there = there.iter().any(|there| is_same(there.id.as_str(), file.board_id.as_deref()));
            if is_there != file.is_attached {
                self.arrived(&mut tx, &ticket, &mut file, is_there).await?;
            } else {
                // It may have been carried out, and a person may have taken it back since.
                let (wanted, seen) =
                    if is_there { ("taken away from", "still") } else { ("attached to", "not") };
                let what = format!(
                    "The file {} of {} was to be {wanted} work item {}, and the answer was lost: it is {seen} there.",
                    file.name, file.author, item.id
                );
                let cause = Cause::new(CauseKind::Person, file.author.clone());
                self.note_talk(&mut tx, ticket.id, &cause, what).await?;
            }
        }
        ticket.intent = None;
        ticket.next_attempt_at = now;
        store::tickets::save(&mut tx, &ticket).await?;
        store::comments::talk_at(&mut tx, ticket.id, Some(now)).await?;
        tx.commit().await?;
        Ok(Turn::Done)
    }

    /// It was seen where it belongs: attached, or away.
    async fn arrived(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        file: &mut Attachment,
        is_there: bool,
    ) -> Result<(), Refusal> {
        file.is_attached = is_there;
        file.work_item = ticket.work_item_id;
        file.in_doubt = false;
        file.is_over = !is_there;
        (file.attempts, file.problem) = (0, None);
        store::attachments::save(tx, file).await?;
        let item = ticket.work_item_id.map(|id| id.to_string()).unwrap_or_default();
        let what = if is_there { "attached to" } else { "taken away from" };
        let cause = Cause::new(CauseKind::Person, file.author.clone());
        let what = format!("The file {} of {} was {what} work item {item}.", file.name, file.author);
        self.note_talk(tx, ticket.id, &cause, what).await
    }

    /// Carries the next file to the board, if there is one. `None`: nothing more is to be done now.
    pub(super) async fn carry_file(
        &self,
        mut tx: Tx,
        pass: &Pass<'_>,
        mut ticket: Ticket,
        item: &WorkItem,
        is_active: bool,
    ) -> Result<Option<Turn>, Refusal> {
        let now = self.inner.world.now();
        let files = store::attachments::of_ticket(&mut tx, ticket.id).await?;
        let next = files
            .into_iter()
            .filter(|file| file.problem.is_none() && file.is_of(ticket.work_item_id))
            .find_map(|file| next_deed(file.standing()).map(|deed| (file, deed)));
        let Some((file, deed)) = next.filter(|_| is_active) else {
            let again = (!is_active).then(|| now + Duration::minutes(5));
            store::comments::talk_at(&mut tx, ticket.id, again).await?;
            tx.commit().await?;
            return Ok(None);
        };
        let deadline = now + self.inner.settings.write_deadline;
        let content = match deed {
            Deed::Upload => store::attachments::content(&mut tx, file.id).await?,
            Deed::Attach | Deed::Detach => {
                ticket.intent = Some(Intent::Attachment { deadline, attachment: file.id });
                store::tickets::save(&mut tx, &ticket).await?;
                Vec::new()
            }
        };
        store::comments::talk_at(&mut tx, ticket.id, Some(deadline + self.inner.settings.settle)).await?;
        let until = deadline + Duration::seconds(5);
        if !store::connections::lease(&mut tx, pass.board.id, self.inner.owner, now, until).await? {
            return Ok(Some(Turn::Stop));
        }
        tx.commit().await?;

        let client = &pass.board.client;
        let target = LinkTarget::Attachment { id: file.board_id.clone().unwrap_or_default() };
        failpoint::reached("before attachment").await;
        let answer = match deed {
            Deed::Upload => {
                let length = content.len() as u64;
                let uploaded =
                    client.upload(&item.project, &file.name, length, content.as_slice(), deadline).await;
                uploaded.map(|uploaded| Some(uploaded.id))
            }
            Deed::Attach => {
                let comment = format!("{}, by Lockstep", file.author);
                let link = Link { target, comment, name: file.name.clone(), size: None };
                client.link(item.id, &link, deadline).await.map(|_| None)
            }
            Deed::Detach => client.unlink(item.id, &target, deadline).await.map(|_| None),
        };
        failpoint::reached("after attachment").await;
        self.carried(pass, ticket.id, &file, deed, deadline, answer).await
    }

    /// Stores what became of it. `answer` is the identity of uploaded bytes.
    async fn carried(
        &self,
        pass: &Pass<'_>,
        id: model::TicketId,
        file: &Attachment,
        deed: Deed,
        deadline: chrono::DateTime<chrono::Utc>,
        answer: Result<Option<String>, Error>,
    ) -> Result<Option<Turn>, Refusal> {
        let mut tx = self.inner.db.begin().await?;
        let Some(mut ticket) = store::tickets::get(&mut tx, id).await? else { return Ok(None) };
        let Some(mut file) = store::attachments::get(&mut tx, file.id).await? else { return Ok(None) };
        let is_announced = match (&ticket.intent, deed) {
            (None, Deed::Upload) => file.board_id.is_none(),
            (Some(Intent::Attachment { deadline: of, .. }), Deed::Attach | Deed::Detach) => *of == deadline,
            _ => false,
        };
        if !is_announced {
            // This process stood still for so long that another one took over and knows better.
            return Ok(Some(Turn::Stop));
        }
        let error = match answer {
            Ok(uploaded) => {
                match deed {
                    Deed::Upload => {
                        file.board_id = uploaded;
                        (file.attempts, file.problem) = (0, None);
                        store::attachments::save(&mut tx, &file).await?;
                    }
                    Deed::Attach | Deed::Detach => {
                        self.arrived(&mut tx, &ticket, &mut file, deed == Deed::Attach).await?;
                        ticket.intent = None;
                        store::tickets::save(&mut tx, &ticket).await?;
                    }
                }
                tx.commit().await?;
                return Ok(Some(Turn::Done));
            }
            Err(error) => error,
        };
        if error.is_certain_not_applied() && deed != Deed::Upload {
            ticket.intent = None;
            store::tickets::save(&mut tx, &ticket).await?;
        }
        if matches!(error, Error::NotFound { .. }) {
            // It waits for its work item to come back, without giving up.
            tx.commit().await?;
            return self.item_is_gone(id).await.map(|_| None);
        }
        file.attempts += 1;
        file.problem = given_up(&error, file.attempts);
        store::attachments::save(&mut tx, &file).await?;
        let again = match &ticket.intent {
            Some(intent) => intent.deadline() + self.inner.settings.settle,
            None => self.inner.world.now() + backoff(file.attempts, self.inner.world.chance.bits()),
        };
        store::comments::talk_at(&mut tx, id, Some(again)).await?;
        tx.commit().await?;
        if let Reach::Connection(until) = self.reach(&error) {
            self.block(pass.board, &error, until).await?;
            return Ok(Some(Turn::Stop));
        }
        Ok(None)
    }
}

fn is_same(there: &str, ours: Option<&str>) -> bool {
    ours.is_some_and(|ours| ours.eq_ignore_ascii_case(there))
}
