//! Our block in a text of people: it is found whatever the service and people do, and nothing else is touched.

use model::block::{normalised, replace, words, wrap};
use proptest::prelude::*;

const TOKEN: &str = "LS-ABCDEFGH";
const BEGIN: &str = "Lockstep keeps the text from here to the end mark up to date";
const END: &str = "End of the text kept by Lockstep";

/// Pieces of which people's texts and hostile ones are made: whole words of ours, tags, and what breaks naive slicing.
fn piece() -> impl Strategy<Value = String> {
    let known = vec![
        BEGIN.to_owned(),
        END.to_owned(),
        format!("{BEGIN} (LS-OTHERXYZ)."),
        format!("{END} (LS-OTHERXYZ)."),
        // Another ticket's token that begins like ours.
        format!("{BEGIN} ({TOKEN}2)."),
        format!("{END} ({TOKEN}2)."),
        wrap("LS-OTHERXYZ", "<p>theirs</p>"),
        "<p>".to_owned(),
        "</p>".to_owned(),
        "<pre>".to_owned(),
        "<i>".to_owned(),
        "</i>".to_owned(),
        "<div>".to_owned(),
        "</div>".to_owned(),
        "</>".to_owned(),
        "<!-- x -->".to_owned(),
        "&nbsp;".to_owned(),
        "&#1114112;".to_owned(),
        "é".repeat(9),
        "\u{1F600}\u{202E}\0".to_owned(),
        "a < b & c > d".to_owned(),
        " ".to_owned(),
    ];
    prop_oneof![3 => prop::sample::select(known), 1 => "\\PC{0,12}"]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

/// The inner text of a block: safe HTML, from the same pieces.
fn inner() -> impl Strategy<Value = String> {
    text().prop_map(|text| model::content::markdown(&text))
}

/// What a sanitiser or an editor makes of the block that we sent.
fn edited_markup() -> impl Strategy<Value = fn(&str) -> String> {
    prop::sample::select(vec![
        (|html| html.to_owned()) as fn(&str) -> String,
        |html| html.replace("<i>", "").replace("</i>", ""),
        |html| html.replace("<div>", "").replace("</div>", ""),
        |html| html.replace("<p>", "<p style=\"margin:0px;\">"),
        |html| html.replace("<p>", "<div>").replace("</p>", "</div>"),
        |html| html.replace("<i>", "<span><em>").replace("</i>", "</em></span>"),
        |html| html.replace("<p>", "").replace("</p>", "<br>"),
        |html| html.replace(" (LS", "&nbsp;(LS"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_around_the_block_stays_byte_for_byte(
        before in text(),
        old in inner(),
        new in inner(),
        after in text(),
        edited in edited_markup(),
    ) {
        let html = format!("{before}{}{after}", edited(&wrap(TOKEN, &old)));
        let replaced = replace(&html, TOKEN, &new);
        prop_assert!(replaced.is_some(), "the block is not found in {}", html);
        let replaced = replaced.unwrap();
        prop_assert!(replaced.starts_with(&before), "in front of it: {}", replaced);
        prop_assert!(replaced.ends_with(&after), "behind it: {}", replaced);
        let again = replace(&replaced, TOKEN, &new);
        prop_assert_eq!(again.as_deref(), Some(replaced.as_str()), "replacing twice changes nothing");
        let expected = normalised(&wrap(TOKEN, &new));
        prop_assert_eq!(words(&replaced, TOKEN), Some(expected));
    }

    #[test]
    fn of_a_block_that_was_copied_the_copy_is_text_of_people(
        old in inner(),
        between in text(),
        after in text(),
    ) {
        let copy = wrap(TOKEN, &old);
        let html = format!("{copy}{between}{copy}{after}");
        let replaced = replace(&html, TOKEN, "<p>new</p>").unwrap();
        let rest = format!("{between}{copy}{after}");
        prop_assert!(replaced.ends_with(&rest), "{}", replaced);
        prop_assert!(replaced.starts_with("<div><p><i>Lockstep keeps"), "{}", replaced);
    }

    #[test]
    fn other_tickets_blocks_are_never_taken_for_ours(html in text()) {
        prop_assert_eq!(words(&html, TOKEN), None);
        prop_assert_eq!(replace(&html, TOKEN, "<p>x</p>"), None);
    }

    #[test]
    fn any_text_at_all_can_be_looked_at(html in text(), noise in any::<String>(), token in "\\PC{0,12}") {
        for html in [&html, &noise, &format!("{BEGIN}{noise}"), &format!("{BEGIN} ({token}){noise}{END} ({token}){html}")] {
            let squeezed = normalised(html);
            prop_assert_eq!(normalised(&squeezed.replace('&', "&amp;").replace('<', "&lt;")), squeezed);
            let found = words(html, &token);
            prop_assert_eq!(found.is_some(), replace(html, &token, "x").is_some());
        }
    }

    #[test]
    fn words_do_not_change_when_inline_markup_is_taken_away(pieces in prop::collection::vec("[a-z]{1,4}", 1..6)) {
        let plain = pieces.concat();
        for tag in ["b", "i", "em", "strong", "code", "span class=\"x\"", "A"] {
            let close = tag.split(' ').next().unwrap();
            let marked: String = pieces.iter().map(|piece| format!("<{tag}>{piece}</{close}>")).collect();
            prop_assert_eq!(normalised(&marked), plain.clone());
        }
    }
}

#[test]
fn a_person_who_writes_beside_the_mark_keeps_the_words() {
    let html = wrap(TOKEN, "<p>old</p>")
        .replacen("<p><i>", "<p>Hello <i>", 1)
        .replace(&format!("({TOKEN}).</i></p></div>"), &format!("({TOKEN}).</i> Bye.</p></div>"));
    let replaced = replace(&html, TOKEN, "<p>new</p>").unwrap();
    assert!(replaced.starts_with("<div><p>Hello "), "{replaced}");
    assert!(replaced.ends_with(" Bye.</p></div>"), "{replaced}");
    assert!(!replaced.contains("old"), "{replaced}");
}

#[test]
fn a_mark_that_stands_in_no_paragraph_does_not_take_the_next_one_with_it() {
    let html = format!("<p>Mine.</p>{BEGIN} ({TOKEN}). old {END} ({TOKEN}).<br><p>Also mine.</p>");
    let replaced = replace(&html, TOKEN, "<p>new</p>").unwrap();
    assert!(replaced.starts_with("<p>Mine.</p><p><i>Lockstep"), "{replaced}");
    assert!(replaced.ends_with("</i></p><br><p>Also mine.</p>"), "{replaced}");
}
