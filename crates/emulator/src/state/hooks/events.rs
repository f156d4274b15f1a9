//! What an event says: envelope, messages and resource per event (azure-devops.md sections 9.2 and 9.3), and
//! which subscriptions want it.

use chrono::{DateTime, Timelike, Utc};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    super::{
        call::{World, encode},
        draft::split_tags,
        html,
        model::{Revision, Update, WorkItem},
        render::{Expand, People, View, comment_ref, fields_json, revision_json, update_json},
        server::containers,
    },
    Subscription,
};

/// Something that happened to a work item.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Created { item: i64 },
    Updated { item: i64, update: i64 },
    Commented { item: i64 },
    Deleted { item: i64 },
    Restored { item: i64 },
}

impl Event {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "workitem.created",
            Self::Updated { .. } => "workitem.updated",
            Self::Commented { .. } => "workitem.commented",
            Self::Deleted { .. } => "workitem.deleted",
            Self::Restored { .. } => "workitem.restored",
        }
    }

    fn item(&self) -> i64 {
        match self {
            Self::Created { item }
            | Self::Updated { item, .. }
            | Self::Commented { item }
            | Self::Deleted { item }
            | Self::Restored { item } => *item,
        }
    }
}

fn update_of<'a>(item: &'a WorkItem, event: &Event) -> Option<&'a Update> {
    let Event::Updated { update, .. } = event else { return None };
    item.updates.iter().find(|u| u.id == *update)
}

/// Does the subscription's filter let the event through?
pub(super) fn matches(world: &World, subscription: &Subscription, event: &Event) -> bool {
    let Some(item) = world.org.items.get(&event.item()) else { return false };
    let wanted = |name: &str| Some(subscription.publisher(name)).filter(|v| !v.is_empty());
    if subscription.event_type != event.name()
        || wanted("projectId").is_some_and(|p| !p.eq_ignore_ascii_case(&item.project.to_string()))
        || wanted("workItemType").is_some_and(|t| !t.eq_ignore_ascii_case(item.text("System.WorkItemType")))
    {
        return false;
    }
    if let Some(area) = wanted("areaPath") {
        let (path, above) =
            (item.text("System.AreaPath").to_lowercase(), area.trim_matches('\\').to_lowercase());
        if path != above && !path.strip_prefix(&above).is_some_and(|rest| rest.starts_with('\\')) {
            return false;
        }
    }
    // What a team filters is not documented: here, by the areas it owns.
    if let Some(id) = wanted("teamId") {
        let teams = &world.org.project_by_id(item.project).teams;
        let team = teams.iter().find(|t| t.id.to_string().eq_ignore_ascii_case(id));
        if !team.is_some_and(|t| t.owns_area(item.text("System.AreaPath"))) {
            return false;
        }
    }
    if let Some(tag) = wanted("tag")
        && !split_tags(item.text("System.Tags")).iter().any(|t| t.eq_ignore_ascii_case(tag))
    {
        return false;
    }
    if let Some(pattern) = wanted("commentPattern")
        && !item.text("System.History").to_lowercase().contains(&pattern.to_lowercase())
    {
        return false;
    }
    let Some(update) = update_of(item, event) else { return true };
    let links = !(update.added.is_empty() && update.removed.is_empty() && update.updated.is_empty());
    let links_wanted = wanted("linksChanged").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    match wanted("changedFields") {
        None => !links_wanted || links,
        Some(names) => {
            let changed = update.revises
                && names.split([',', ';']).map(str::trim).any(|name| {
                    let find = |rev| item.revision(rev).and_then(|r| r.fields.get(name));
                    find(update.rev) != find(update.rev - 1)
                });
            changed || (links_wanted && links)
        }
    }
}

/// Seven fractional digits, as envelopes carry them.
fn precise(at: DateTime<Utc>) -> String {
    format!("{}.{:07}Z", at.format("%Y-%m-%dT%H:%M:%S"), at.nanosecond() / 100 % 10_000_000)
}

/// The body that is posted, but for the number of the notification.
pub(super) fn payload(
    world: &World,
    subscription: Uuid,
    event: &Event,
    event_id: Uuid,
    created: DateTime<Utc>,
) -> Value {
    let subscription = &world.org.subscriptions[&subscription];
    let item = &world.org.items[&event.item()];
    let revision = item.latest();
    let base = format!("{}/", world.call.base);
    let resource = match subscription.consumer("resourceDetailsToSend").to_ascii_lowercase().as_str() {
        "minimal" => minimal(world, item, event),
        _ => resource(world, item, revision, event, people(&subscription.resource_version)),
    };
    let (message, detailed) = messages(world, item, revision, event);
    let version = match subscription.resource_version.as_str() {
        "" | "latest" => "1.0",
        other => other,
    };
    let mut payload = json!({
        "subscriptionId": subscription.id,
        "id": event_id,
        "eventType": event.name(),
        "publisherId": "tfs",
        "message": message,
        "detailedMessage": detailed,
        "resource": resource,
        "resourceVersion": version,
        "resourceContainers": containers(world.org, item.project, Some(&base)),
        "createdDate": precise(created),
    });
    reduce(&mut payload, subscription);
    payload
}

/// Takes out of a payload what the subscription does not want sent.
pub(super) fn reduce(payload: &mut Value, subscription: &Subscription) {
    if subscription.consumer("resourceDetailsToSend").eq_ignore_ascii_case("none") {
        payload["resource"] = Value::Null;
    }
    for (member, input) in [("message", "messagesToSend"), ("detailedMessage", "detailedMessagesToSend")] {
        match subscription.consumer(input).to_ascii_lowercase().as_str() {
            "none" => payload[member] = Value::Null,
            word @ ("text" | "html" | "markdown") => {
                payload[member] = json!({word: payload[member][word]});
            }
            _ => {}
        }
    }
}

fn people(version: &str) -> People {
    let major = version.split('.').next().and_then(|n| n.parse::<u32>().ok());
    if major.is_some_and(|n| n >= 5) { People::Objects } else { People::Text }
}

fn own_url(world: &World, item: &WorkItem, rest: &str) -> String {
    world.call.project_url(item.project, &format!("_apis/wit/workItems/{}{rest}", item.id))
}

fn minimal(world: &World, item: &WorkItem, event: &Event) -> Value {
    match update_of(item, event) {
        Some(update) => json!({
            "id": update.id,
            "workItemId": item.id,
            "rev": update.rev,
            "url": own_url(world, item, &format!("/updates/{}", update.id)),
        }),
        None => json!({"id": item.id, "rev": item.latest().rev, "url": own_url(world, item, "")}),
    }
}

fn resource(world: &World, item: &WorkItem, revision: &Revision, event: &Event, people: People) -> Value {
    if let Some(update) = update_of(item, event) {
        let mut body = update_json(world, item, update, people);
        body["_links"] = json!({
            "self": {"href": own_url(world, item, &format!("/updates/{}", update.id))},
            "workItemUpdates": {"href": own_url(world, item, "/updates")},
            "parent": {"href": own_url(world, item, "")},
            "html": {"href": html_url(world, item)},
        });
        let view = View { expand: Expand::Relations, links: true, ..View::default() };
        body["revision"] = revision_json(world, item, revision, &view, people);
        return body;
    }
    let fields = fields_json(world.org, &world.call.base, item, revision, &View::default(), people);
    let deleted = matches!(event, Event::Deleted { .. });
    let own = if deleted {
        world.call.project_url(item.project, &format!("_apis/wit/recyclebin/{}", item.id))
    } else {
        own_url(world, item, "")
    };
    let kind = encode(item.text("System.WorkItemType"));
    let mut links = Map::new();
    links.insert("self".into(), json!({"href": own}));
    if !deleted {
        links.insert("workItemUpdates".into(), json!({"href": own_url(world, item, "/updates")}));
        links.insert("workItemRevisions".into(), json!({"href": own_url(world, item, "/revisions")}));
        links.insert("workItemComments".into(), json!({"href": own_url(world, item, "/comments")}));
        links.insert("html".into(), json!({"href": html_url(world, item)}));
    }
    let kind_url = world.call.project_url(item.project, &format!("_apis/wit/workItemTypes/{kind}"));
    links.insert("workItemType".into(), json!({"href": kind_url}));
    links.insert("fields".into(), json!({"href": world.call.project_url(item.project, "_apis/wit/fields")}));
    let mut body = json!({"id": item.id, "rev": revision.rev, "fields": fields, "_links": links, "url": own});
    if let Some(number) = revision.comment {
        body["commentVersionRef"] = comment_ref(world.call, item, number, 1);
    }
    body
}

fn html_url(world: &World, item: &WorkItem) -> String {
    world.call.project_url(item.project, &format!("_workitems/edit/{}", item.id))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The two messages in their three forms.
fn messages(world: &World, item: &WorkItem, revision: &Revision, event: &Event) -> (Value, Value) {
    let done = match event {
        Event::Created { .. } => "created",
        Event::Updated { .. } => "updated",
        Event::Commented { .. } => "commented on",
        Event::Deleted { .. } => "deleted",
        Event::Restored { .. } => "restored",
    };
    let who = &world.org.identity(revision.by).name;
    let (kind, title) = (item.text("System.WorkItemType"), item.text("System.Title"));
    let name = format!("{kind} #{}", item.id);
    let tail = format!("({title}) {done} by {who}.");
    let tail_html = escaped(&tail);
    let url = html_url(world, item);
    let linked = !matches!(event, Event::Deleted { .. });
    let (text, html_text, markdown) = if linked {
        (
            format!("{name} {tail}\r\n({url})"),
            format!("<a href=\"{}\">{}</a> {tail_html}", escaped(&url), escaped(&name)),
            format!("[{name}]({url}) {tail}"),
        )
    } else {
        (format!("{name} {tail}"), format!("{} {tail_html}", escaped(&name)), format!("[{name}] {tail}"))
    };
    let message = json!({"text": text, "html": html_text, "markdown": markdown});
    let detail = if let Event::Commented { .. } = event {
        let comment = item.text("System.History");
        json!({
            "text": format!("{text}\r\n{}", html::plain(comment)),
            "html": format!("{html_text}<br/>{comment}"),
            "markdown": format!("{markdown}\r\n{}", html::plain(comment)),
        })
    } else {
        let lines = [
            ("Area", item.text("System.AreaPath")),
            ("Iteration", item.text("System.IterationPath")),
            ("State", item.text("System.State")),
        ];
        let list = |bullet: &str| {
            lines
                .iter()
                .fold(String::new(), |all, (label, value)| format!("{all}{bullet} {label}: {value}\r\n"))
        };
        let items = lines.iter().fold(String::new(), |all, (label, value)| {
            format!("{all}\r\n<li>{label}: {}</li>", escaped(value))
        });
        json!({
            "text": format!("{text}\r\n\r\n{}", list("-")),
            "html": format!("{html_text}<ul>{items}</ul>"),
            "markdown": format!("{markdown}\r\n\r\n{}", list("*")),
        })
    };
    (message, detail)
}

/// A made-up event for a test notification: no subscription, item 5 and work item 0, as seen from the service.
pub(super) fn sample(
    world: &World,
    event_type: &str,
    version: &str,
    event_id: Uuid,
    created: DateTime<Utc>,
) -> Value {
    let who = world.actor().text();
    let fields = json!({
        "System.AreaPath": "FabrikamCloud",
        "System.TeamProject": "FabrikamCloud",
        "System.IterationPath": "FabrikamCloud\\Release 1\\Sprint 1",
        "System.WorkItemType": "Bug",
        "System.State": "New",
        "System.Title": "Some great new idea!",
        "System.ChangedBy": who,
    });
    let resource = if event_type == "workitem.updated" {
        json!({
            "id": 2,
            "workItemId": 0,
            "rev": 2,
            "revisedDate": "0001-01-01T00:00:00",
            "fields": {"System.Rev": {"oldValue": "1", "newValue": "2"}, "System.State": {"oldValue": "New", "newValue": "Approved"}},
            "revision": {"id": 5, "rev": 2, "fields": fields},
        })
    } else {
        json!({"id": 5, "rev": 1, "fields": fields})
    };
    let text = format!(
        "Bug #5 (Some great new idea!) {} by {}.",
        event_type.trim_start_matches("workitem."),
        world.actor().name
    );
    let message = json!({"text": text, "html": escaped(&text), "markdown": text});
    json!({
        "subscriptionId": Uuid::nil(),
        "notificationId": 1,
        "id": event_id,
        "eventType": event_type,
        "publisherId": "tfs",
        "message": message,
        "detailedMessage": message,
        "resource": resource,
        "resourceVersion": version,
        "resourceContainers": containers(world.org, Uuid::nil(), None),
        "createdDate": precise(created),
    })
}
