//! Messages: texts, Markdown, and texts found by id whose placeholders are filled (SARIF 2.1.0 section 3.11).

use super::model::{Message, Rule, ToolComponent};

impl Message {
    /// Plain text first: for titles.
    pub(super) fn plain(&self) -> Option<&str> {
        [&self.text, &self.markdown]
            .into_iter()
            .flatten()
            .map(|text| text.trim())
            .find(|text| !text.is_empty())
    }

    /// Markdown first: for descriptions.
    pub(super) fn rich(&self) -> Option<&str> {
        [&self.markdown, &self.text]
            .into_iter()
            .flatten()
            .map(|text| text.trim())
            .find(|text| !text.is_empty())
    }
}

/// The text of a message with its placeholders filled. An id is looked up in the rule, then in the component.
pub(super) fn resolve(message: &Message, rule: Option<&Rule>, component: &ToolComponent) -> Option<String> {
    let by_id = || {
        let id = message.id.as_deref()?;
        rule.and_then(|rule| rule.message_strings.get(id))
            .or_else(|| component.global_message_strings.get(id))
    };
    match message.rich() {
        Some(text) if message.arguments.is_empty() => Some(text.to_owned()),
        Some(text) => Some(fill(text, &message.arguments)),
        None => by_id()?.rich().map(|text| fill(text, &message.arguments)),
    }
}

/// Replaces `{0}` by the first argument and so on; `{{` and `}}` are single braces (3.11.5).
fn fill(text: &str, arguments: &[String]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{") {
            filled.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            filled.push('}');
            rest = after;
        } else {
            let placeholder = rest[1..].split_once('}').filter(|_| rest.starts_with('{'));
            let argument = placeholder.and_then(|(number, _)| arguments.get(number.parse::<usize>().ok()?));
            match (placeholder, argument) {
                (Some((_, after)), Some(argument)) => {
                    filled.push_str(argument);
                    rest = after;
                }
                _ => {
                    filled.push_str(&rest[..1]);
                    rest = &rest[1..];
                }
            }
        }
    }
    filled + rest
}

/// Embedded links `[text](1)` and `[text](https://…)` become their text (3.11.6).
pub(super) fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let link = rest[open + 1..].split_once("](").and_then(|(label, target)| {
            let (_, after) = target.split_once(')')?;
            (!label.contains(['[', ']', '\n'])).then_some((label, after))
        });
        match link {
            Some((label, after)) => {
                plain.push_str(&rest[..open]);
                plain.push_str(label);
                rest = after;
            }
            None => {
                plain.push_str(&rest[..=open]);
                rest = &rest[open + 1..];
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_take_their_arguments_and_doubled_braces_become_one() {
        let arguments = ["x".to_owned(), "{0}".to_owned()];
        assert_eq!(fill("{0} and {1}, {2}, {{0}}, { 0", &arguments), "x and {0}, {2}, {0}, { 0");
    }

    #[test]
    fn a_link_in_a_message_is_read_as_its_text() {
        assert_eq!(
            without_links("declared [here](0) or a[1] [there](http://x)."),
            "declared here or a[1] there."
        );
    }
}
