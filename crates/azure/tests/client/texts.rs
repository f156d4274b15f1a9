//! Texts in the format the board keeps them in: comments and descriptions, HTML or Markdown.

use azure::{CommentText, Error, ItemShape};
use model::WorkItemId;
use model::board::{Change, Draft};
use serde_json::json;

use crate::against_emulator::{World, draft};
use crate::support::{Bench, bug_shape, json as answer_json, ok};

#[tokio::test]
async fn a_comment_is_written_changed_and_deleted_in_its_format() {
    let world = World::new().await;
    let made = world.create("A").await;
    let client = &world.client;
    let html = CommentText::Html("<p>one</p>");
    let one = client.add_comment("Webshop", made.id(), html, world.soon()).await.unwrap();
    let markdown = CommentText::Markdown("**two**");
    let two = client.add_comment("Webshop", made.id(), markdown, world.soon()).await.unwrap();
    assert_eq!((one.is_markdown, two.is_markdown), (false, true));

    let better = CommentText::Markdown("**two** and a half");
    let edited = client.edit_comment("Webshop", made.id(), two.id, better, world.soon()).await.unwrap();
    assert_eq!((edited.id, edited.version, edited.is_markdown), (two.id, 2, true));
    let plain = CommentText::Html("<p>as HTML</p>");
    let edited = client.edit_comment("Webshop", made.id(), two.id, plain, world.soon()).await.unwrap();
    assert_eq!((edited.version, edited.is_markdown), (3, false));

    client.delete_comment("Webshop", made.id(), one.id, world.soon()).await.unwrap();
    client.delete_comment("Webshop", made.id(), one.id, world.soon()).await.expect("gone already is fine");
    let left = client.comments("Webshop", made.id()).await.unwrap();
    assert_eq!(left.iter().map(|comment| comment.id).collect::<Vec<_>>(), [two.id]);
    assert!(left[0].text.contains("as HTML") && left[0].modified_at >= left[0].created_at);
    let gone = client.edit_comment("Webshop", made.id(), one.id, html, world.soon()).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone:?}");
}

#[tokio::test]
async fn all_pages_of_comments_are_read() {
    let page = |ids: std::ops::Range<i64>, next: Option<&str>| {
        let comments: Vec<_> = ids.map(|id| json!({"id": id, "text": "x"})).collect();
        ok(json!({"totalCount": 3, "comments": comments, "continuationToken": next}))
    };
    let bench = Bench::new([page(1..3, Some("tok/en")), page(3..4, None)]);
    assert_eq!(bench.client.comments("P", WorkItemId(1)).await.unwrap().len(), 3);
    assert!(
        bench.script.sent()[1].url.contains("continuationToken=tok%2Fen"),
        "{}",
        bench.script.sent()[1].url
    );
}

#[tokio::test]
async fn a_description_that_is_markdown_stays_markdown() {
    let world = World::new().await;
    let shape = ItemShape::plain("Webshop", "User Story");
    let story = Draft {
        work_item_type: "User Story".into(),
        title: "A".into(),
        description: "# Where".into(),
        description_is_markdown: true,
        ..Draft::default()
    };
    let made = world.client.create("Webshop", &shape, &story, world.soon()).await.unwrap();
    assert!(world.read(&made).await.view(&shape).description_is_markdown);
    let change = Change {
        description: Some("# Where and **how**".into()),
        description_is_markdown: true,
        ..Change::default()
    };
    let changed =
        world.client.update(made.id(), made.revision(), &shape, &change, world.soon()).await.unwrap();
    let view = world.read(&changed).await.view(&shape);
    assert!(view.description_is_markdown);
    assert_eq!(view.description.as_deref(), Some("# Where and **how**"));
    let html = world.create("B").await;
    assert!(!world.read(&html).await.view(&world.shape).description_is_markdown);
}

#[tokio::test]
async fn a_server_that_knows_no_markdown_is_not_sent_any() {
    let too_new = || answer_json(400, json!({"typeKey": "VssVersionOutOfRangeException", "message": "no"}));
    let comment = || ok(json!({"id": 5, "text": "x"}));
    let bench = Bench::new([too_new(), comment()]);
    let soon = bench.soon();
    let add = |text| bench.client.add_comment("P", WorkItemId(1), text, soon);
    add(CommentText::Html("<p>x</p>")).await.unwrap();
    let url = bench.script.sent()[1].url.clone();
    assert!(url.ends_with("/comments?api-version=7.0-preview.3"), "that version has no format: {url}");
    let refused = add(CommentText::Markdown("**x**")).await.unwrap_err();
    assert!(matches!(refused, Error::NotSent { .. }) && refused.message().contains("HTML only"), "{refused}");
    let change =
        Change { description: Some("# x".into()), description_is_markdown: true, ..Change::default() };
    let refused = bench.client.update(WorkItemId(1), 1, &bug_shape(), &change, soon).await.unwrap_err();
    assert!(matches!(refused, Error::NotSent { .. }), "{refused:?}");
    assert_eq!(bench.script.sent().len(), 2);
}

#[tokio::test]
async fn to_say_only_that_a_text_is_markdown_is_no_change() {
    let world = World::new().await;
    let made = world.client.create("Webshop", &world.shape, &draft("A"), world.soon()).await.unwrap();
    let nothing = Change { description_is_markdown: true, ..Change::default() };
    assert!(nothing.is_empty());
    assert!(matches!(world.change(&made, &nothing).await, Err(Error::NotSent { .. })));
}
