//! Attached files: up in one request or in pieces, linked, and down again.

use azure::{ATTACHMENT_LIMIT, ATTACHMENT_PIECE, Error, SignInFailure};
use serde_json::json;

use crate::against_emulator::World;
use crate::support::{Bench, answer, html, json as answer_json, ok};

#[tokio::test]
async fn a_small_file_is_attached_in_one_request_and_comes_back_as_it_was() {
    let world = World::new().await;
    let made = world.create("A").await;
    let text = b"{\"evidence\": true}";
    let file = world
        .client
        .upload("Webshop", "evidence & proof.json", text.len() as u64, &text[..], world.soon())
        .await
        .unwrap();
    let attached = world.client.link(made.id(), &file.link("from the scan"), world.soon()).await.unwrap();
    assert_eq!(attached.revision(), made.revision() + 1, "an attachment makes a revision");
    let link = attached.links().into_iter().find(|link| link.target == file.link("").target).unwrap();
    assert_eq!((link.name.as_str(), link.comment.as_str()), ("evidence & proof.json", "from the scan"));
    assert_eq!(&world.client.download("Webshop", &file.id).await.unwrap()[..], text);
    let left = world.client.unlink(made.id(), &link.target, world.soon()).await.unwrap();
    assert!(left.links().iter().all(|other| other.target != link.target));
}

#[tokio::test]
async fn a_large_file_travels_in_pieces_that_make_the_whole() {
    let world = World::new().await;
    let content: Vec<u8> = (0..ATTACHMENT_PIECE * 2 + 17).map(|i| (i % 251) as u8).collect();
    let before = world.client.usage().writes;
    let file = world
        .client
        .upload("Webshop", "large.bin", content.len() as u64, &content[..], world.soon())
        .await
        .unwrap();
    assert_eq!(world.client.usage().writes, before + 4, "announced, and three pieces");
    assert!(world.client.download("Webshop", &file.id).await.unwrap() == content);
}

#[tokio::test]
async fn each_piece_says_which_part_of_the_whole_it_is() {
    let made = || ok(json!({"id": "f1", "url": "https://dev.azure.com/contoso/_apis/wit/attachments/f1"}));
    let bench = Bench::new([made(), made(), made()]);
    let length = ATTACHMENT_PIECE as u64 + 1;
    let content = "a".repeat(ATTACHMENT_PIECE + 1);
    bench.client.upload("P", "a.txt", length, content.as_bytes(), bench.soon()).await.unwrap();
    let sent = bench.script.sent();
    assert!(sent[0].url.contains("uploadType=chunked") && sent[0].body.is_empty());
    assert_eq!(sent[1].headers["content-range"], format!("bytes 0-{}/{length}", ATTACHMENT_PIECE - 1));
    assert_eq!(
        sent[2].headers["content-range"],
        format!("bytes {ATTACHMENT_PIECE}-{ATTACHMENT_PIECE}/{length}")
    );
    assert!(sent.iter().all(|sent| sent.headers["content-type"] == "application/octet-stream"));
}

#[tokio::test]
async fn a_file_that_is_too_long_or_shorter_than_said_does_not_travel() {
    let bench = Bench::new([]);
    let long = bench.client.upload("P", "a", ATTACHMENT_LIMIT + 1, tokio::io::empty(), bench.soon()).await;
    let short = bench.client.upload("P", "a", 10, &b"five!"[..], bench.soon()).await;
    for refused in [long, short] {
        assert!(matches!(refused, Err(Error::NotSent { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn a_piece_without_an_answer_leaves_the_outcome_unknown_and_is_not_sent_again() {
    let made = ok(json!({"id": "f1"}));
    let bench = Bench::new([made, Err(azure::TransportError::NoAnswer("cut".into()))]);
    let content = vec![b'a'; ATTACHMENT_PIECE + 1];
    let error =
        bench.client.upload("P", "a", content.len() as u64, &content[..], bench.soon()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome { .. }), "{error:?}");
    assert_eq!(bench.script.sent().len(), 2);
}

#[tokio::test]
async fn a_sign_in_page_is_never_taken_for_the_file() {
    for page in [html(203), html(200)] {
        let bench = Bench::new([page]);
        let error = bench.client.download("P", "f1").await.unwrap_err();
        assert!(matches!(error, Error::SignIn { why: SignInFailure::SignInPage, .. }), "{error:?}");
        assert_eq!(bench.script.sent()[0].headers["accept"], "application/octet-stream");
    }
    let bench = Bench::new([answer_json(404, json!({"message": "VS402330"}))]);
    assert!(matches!(bench.client.download("P", "f1").await, Err(Error::NotFound { .. })));
    let bench = Bench::new([answer(200, &[("content-type", "application/octet-stream")], "plain")]);
    assert_eq!(&bench.client.download("P", "f1").await.unwrap()[..], b"plain");
}
