//! Stories of where work items go: the most specific destination takes a finding, and says why.

use engine::{Actor, AssetSettings, NewDestination};
use model::routing::Binding;
use model::{AssetId, DestinationId};
use serde_json::json;
use testkit::{Report, Story, weakness};

fn ada() -> Actor {
    Actor { name: "Ada".into() }
}

/// A destination like the default one of the story, bound to something else.
async fn bound(
    story: &Story,
    name: &str,
    binding: Binding<String>,
) -> Result<DestinationId, engine::Refusal> {
    let mut tx = story.engine.db().read().await.unwrap();
    let mut settings = store::destinations::all(&mut tx).await.unwrap().remove(0).settings;
    drop(tx);
    name.clone_into(&mut settings.name);
    let new = NewDestination { connection_id: story.connection, binding, settings };
    story.engine.create_destination(new, &ada()).await
}

async fn asset(story: &Story, name: &str) -> AssetId {
    let mut tx = story.engine.db().read().await.unwrap();
    store::assets::by_name(&mut tx, name).await.unwrap().unwrap().id
}

/// The names of the tickets' destinations, in the order of their titles.
async fn taken(story: &Story) -> Vec<String> {
    let mut tx = story.engine.db().read().await.unwrap();
    let all = store::destinations::all(&mut tx).await.unwrap();
    drop(tx);
    let mut tickets = story.tickets().await;
    tickets.sort_by(|a, b| a.title.cmp(&b.title));
    let name = |id| all.iter().find(|known| known.id == id).unwrap().settings.name.clone();
    tickets.iter().map(|ticket| name(ticket.destination_id)).collect()
}

fn on_branch(story: &Story, branch: &str, id: &str) -> Report {
    Report::of(story.now(), &[weakness(id, "a.js", 1)]).with("branch", branch)
}

#[tokio::test]
async fn a_finding_goes_to_the_most_specific_destination_and_the_answer_says_why() {
    let story = Story::sqlite().await;
    let group = Binding::Group { tags: vec!["team:mobile".into()] };
    bound(&story, "Mobile", group).await.unwrap();
    bound(&story, "Shop", Binding::Asset { asset: "shop".into() }).await.unwrap();
    let releases = Binding::Branch { asset: "shop".into(), branch: "release/*".parse().unwrap() };
    bound(&story, "Releases", releases).await.unwrap();
    let shop = asset(&story, "shop").await;
    let branches = Some(vec!["main".into(), "release/1".into()]);
    story
        .engine
        .change_asset(
            shop,
            AssetSettings {
                tags: Some(vec!["team:mobile".into()]),
                tracked_branches: branches,
                ..Default::default()
            },
            &ada(),
        )
        .await
        .unwrap();

    story.import("shop", &on_branch(&story, "main", "a")).await;
    story.import("shop", &on_branch(&story, "release/1", "b")).await;
    story.import("app", &Report::of(story.now(), &[weakness("c", "c.js", 1)])).await;
    story.settle().await;
    let default = story.engine.route_of_asset(asset(&story, "app").await, None).await.unwrap();
    let default = default.taken_by.unwrap();
    assert_eq!(default.reason, "is the default: nothing more specific takes it");
    assert_eq!(taken(&story).await, ["Shop".to_owned(), "Releases".into(), default.name]);

    let why = story.engine.route_of_asset(shop, Some("release/1")).await.unwrap();
    let first = why.taken_by.unwrap();
    assert_eq!(first.reason, "is bound to the branches release/* of shop, and it is on release/1");
    let others: Vec<_> = why.others.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(&others[..2], ["Shop", "Mobile"]);
}

#[tokio::test]
async fn assets_with_the_tags_of_a_group_go_to_its_destination_as_soon_as_they_have_them() {
    let story = Story::sqlite().await;
    story.engine.delete_destination(story.destination, &ada()).await.unwrap();
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    assert_eq!(story.tickets().await.len(), 0, "nobody takes it");
    let shop = asset(&story, "shop").await;
    assert_eq!(story.engine.route_of_asset(shop, None).await.unwrap().taken_by, None);

    let settings = store::destinations::Settings { name: "Mobile".into(), ..settings() };
    let binding = Binding::Group { tags: vec!["Team:Mobile".into()] };
    let new = NewDestination { connection_id: story.connection, binding, settings };
    story.engine.create_destination(new, &ada()).await.unwrap();
    story.settle().await;
    assert_eq!(story.tickets().await.len(), 0, "the asset does not belong to the group");
    story
        .engine
        .change_asset(
            shop,
            AssetSettings { tags: Some(vec!["team:mobile".into()]), ..Default::default() },
            &ada(),
        )
        .await
        .unwrap();
    story.settle().await;
    assert_eq!(taken(&story).await, ["Mobile"]);
}

fn settings() -> store::destinations::Settings {
    serde_json::from_value(json!({
        "name": "", "project": "Webshop", "team": "Payments", "board": "", "lane": "", "work_item_type": "Bug",
        "area": "", "iteration": { "policy": "backlog" }, "tags": [], "severity_map": {}, "status_map": {}, "daily_budget": 100
    }))
    .unwrap()
}

#[tokio::test]
async fn two_destinations_are_never_bound_to_the_same() {
    let story = Story::sqlite().await;
    let refused = bound(&story, "Second", Binding::Default).await.unwrap_err();
    assert_eq!(refused.code, "destination_taken");
    assert!(refused.detail.contains("is the default destination of this connection already"), "{refused:?}");
    let group = |tags: &[&str]| Binding::Group { tags: tags.iter().map(|tag| (*tag).to_owned()).collect() };
    bound(&story, "Web", group(&["web", "pay"])).await.unwrap();
    let refused = bound(&story, "Web again", group(&["Pay", "web"])).await.unwrap_err();
    assert_eq!(refused.detail, "Web is bound to the assets with the tags Pay, web already.");
    assert!(refused.next_step.contains("Web"), "{refused:?}");
    bound(&story, "Shop", Binding::Asset { asset: "shop".into() }).await.unwrap();
    let refused = bound(&story, "Shop again", Binding::Asset { asset: "SHOP".into() }).await.unwrap_err();
    assert_eq!(refused.detail, "Shop is bound to the asset SHOP already.");
    let refused = bound(&story, "Nothing", group(&[])).await.unwrap_err();
    assert_eq!(refused.code, "destination_invalid");
}

#[tokio::test]
async fn a_ticket_stays_where_it_was_made_when_something_more_specific_comes() {
    let story = Story::sqlite().await;
    story.scan(&[weakness("a", "a.js", 1)]).await;
    story.settle().await;
    bound(&story, "Shop", Binding::Asset { asset: "shop".into() }).await.unwrap();
    story.settle().await;
    let route = story.engine.route_of_finding(story.finding().await).await.unwrap();
    let taken_by = route.taken_by.unwrap();
    assert_eq!(taken_by.id, story.destination);
    assert_eq!(taken_by.reason, "has its ticket already; a ticket stays where it was made");
    assert_eq!(route.others[0].name, "Shop");
    assert_eq!(story.board.work_items().len(), 1);
}
