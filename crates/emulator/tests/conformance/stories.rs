//! Which story tells what a named route does that no recording shows. A line holds only if the story is there and
//! mentions the route.

use std::{fs, path::Path};

use crate::routes::Route;

/// A test in `tests/stories` that covers a route.
struct Story {
    method: &'static str,
    template: &'static str,
    file: &'static str,
    function: &'static str,
    /// What of the address, or which verb for it, stands in the story.
    mention: &'static str,
}

const fn story(
    method: &'static str,
    template: &'static str,
    file: &'static str,
    function: &'static str,
    mention: &'static str,
) -> Story {
    Story { method, template, file, function, mention }
}

const LANES: &str = "lanes_are_replaced_as_a_whole";
const COLUMNS: &str = "columns_are_replaced_as_a_whole";
const BATCH: &str = "a_batch_is_also_sent_with_patch";
const MANY: &str = "several_items_are_deleted_at_once_and_each_has_its_outcome";
const LINK: &str = "a_work_item_link_shows_on_both_sides_and_makes_no_revision";
const PAGES: &str = "the_feed_is_read_in_pages_and_goes_on_from_its_token";
const SPOKEN: &str = "the_discussions_are_the_revisions_that_carry_a_comment";
const VERSIONS: &str = "a_comment_keeps_its_versions";
const STATES: &str = "the_states_of_a_type_come_with_their_categories";
const TAGS: &str = "a_project_lists_its_tags_until_they_are_deleted";
const LEVELS: &str = "discovery_answers_for_teams_types_and_areas";
const MASKED: &str = "masked_secrets_that_come_back_keep_their_value";
const CLOSED: &str = "receivers_on_this_machine_and_open_passwords_are_refused_by_default";
const CATALOGUE: &str = "the_catalogue_says_what_can_be_subscribed_to_with_which_values";
const FOUND: &str = "subscriptions_are_found_by_their_inputs";
const HISTORY: &str = "the_history_is_queried_by_state_and_time_and_is_seven_days_long";
const TEST: &str = "a_test_notification_belongs_to_no_subscription";

const STORIES: &[Story] = &[
    story("GET", "work/backlogconfiguration", "boards", LEVELS, "work/backlogconfiguration"),
    story("GET", "wit/workitemtypes/{type}/states", "discovery", STATES, "User%20Story/states"),
    story("GET", "wit/tags", "discovery", TAGS, "world.get(\"Webshop/_apis/wit/tags\")"),
    story("PUT", "work/boards/{board}/columns", "boards", COLUMNS, "world.call(\"PUT\""),
    story("PUT", "work/boards/{board}/rows", "boards", LANES, "world.call(\"PUT\""),
    story("GET", "wit/reporting/workitemrevisions", "feed", PAGES, "feed(&world"),
    story("GET", "wit/reporting/workitemlinks", "links", LINK, "reporting/workitemlinks"),
    story(
        "GET",
        "wit/reporting/workitemrevisions/discussions",
        "feed",
        SPOKEN,
        "workItemRevisions/discussions",
    ),
    story("GET", "wit/recyclebin/{id}", "links", MANY, "wit/recyclebin/{a}"),
    story("POST", "wit/workitemsdelete", "links", MANY, "wit/workitemsdelete"),
    story("PATCH", "wit/$batch", "links", BATCH, "\"PATCH\", \"_apis/wit/$batch\""),
    story("GET", "wit/workitems/{id}/comments/{n}/versions", "links", VERSIONS, "/{number}/versions"),
    story("POST", "hooks/subscriptions", "hooks", MASKED, "subscribe(&world"),
    story("GET", "hooks/subscriptions/{id}", "hooks", MASKED, "_apis/hooks/subscriptions/{}"),
    story("DELETE", "hooks/subscriptions/{id}", "hooks", CLOSED, "\"DELETE\""),
    story("POST", "hooks/subscriptionsquery", "subscriptions", FOUND, "subscriptionsquery"),
    story(
        "POST",
        "hooks/publishers/tfs/inputValuesQuery",
        "subscriptions",
        CATALOGUE,
        "tfs/inputValuesQuery",
    ),
    story("GET", "hooks/publishers/tfs", "subscriptions", CATALOGUE, "hooks.get(\"publishers/tfs\")"),
    story("GET", "hooks/subscriptions/{id}/notifications", "subscriptions", HISTORY, "/notifications?result"),
    story("POST", "hooks/notificationsquery", "subscriptions", HISTORY, "notificationsquery"),
    story("POST", "hooks/testnotifications", "hooks", TEST, "hooks/testnotifications"),
];

/// The story of a route as `file::function`; an error says what is wrong with the table.
pub fn of(route: &Route) -> Result<String, String> {
    let wanted = |s: &&Story| s.method == route.method && s.template == route.template;
    let name = format!("{} {}", route.method, route.template);
    let story = STORIES.iter().find(wanted).ok_or_else(|| format!("{name}: no recording and no story"))?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(format!("{}.rs", story.file));
    let source = fs::read_to_string(&file).map_err(|e| format!("{name}: {}: {e}", file.display()))?;
    let test = body(&source, story.function)
        .ok_or_else(|| format!("{name}: {} has no test {}", story.file, story.function))?;
    if !test.contains(story.mention) {
        return Err(format!("{name}: {} does not mention {}", story.function, story.mention));
    }
    Ok(format!("{}::{}", story.file, story.function))
}

/// The text of a test function, from its name to its closing brace.
fn body<'a>(source: &'a str, function: &str) -> Option<&'a str> {
    let start = source.find(&format!("fn {function}() {{"))?;
    let (before, rest) = source.split_at(start);
    let marks = before.trim_end().trim_end_matches("async").trim_end();
    let is_test = marks.ends_with("#[test]") || marks.ends_with("#[tokio::test]");
    is_test.then(|| rest.split_once("\n}\n").map_or(rest, |(body, _)| body))
}
