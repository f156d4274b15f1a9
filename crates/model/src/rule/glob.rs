//! Patterns for names and paths.

/// Whether a text fits a pattern: `*` stands for anything but `/`, `**` for anything, `?` for one character but `/`. Both
/// are compared without case. The whole text has to fit; `**/` also stands for nothing.
///
/// Takes no longer than the product of both lengths, whatever the pattern.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    // `reached[i]`: the pattern so far fits the first `i` characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let mut next = vec![false; text.len() + 1];
        match pattern[at] {
            '*' => {
                let crosses = pattern.get(at + 1) == Some(&'*');
                if crosses {
                    at += 1;
                }
                // `**/` may stand for nothing at all, at the beginning or behind a slash.
                let folder = crosses && pattern.get(at + 1) == Some(&'/');
                let mut open = false;
                for end in 0..=text.len() {
                    if end > 0 && !crosses && text[end - 1] == '/' {
                        open = false;
                    }
                    open |= reached[end];
                    next[end] = open;
                }
                if folder {
                    at += 1;
                    let mut below = reached.clone();
                    for end in 1..=text.len() {
                        below[end] |= text[end - 1] == '/' && next[end - 1];
                    }
                    next = below;
                }
            }
            letter => {
                for end in 1..=text.len() {
                    let here = text[end - 1];
                    next[end] = reached[end - 1] && if letter == '?' { here != '/' } else { here == letter };
                }
            }
        }
        reached = next;
        at += 1;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_star_stays_in_its_folder_and_two_stars_do_not() {
        assert!(fits("src/*.rs", "src/main.rs"));
        assert!(!fits("src/*.rs", "src/bin/main.rs"));
        assert!(fits("src/**", "src/bin/main.rs"));
        assert!(fits("**/test/**", "test/a.rs"));
        assert!(fits("**/test/**", "a/b/test/c/d.rs"));
        assert!(!fits("**/test/**", "a/latest/d.rs"));
        assert!(fits("a/**/b", "a/b"));
        assert!(fits("a/**/b", "a/x/y/b"));
        assert!(!fits("a/**/b", "a/xb"));
    }

    #[test]
    fn the_whole_text_has_to_fit_without_regard_to_case() {
        assert!(fits("Payments-*", "payments-API"));
        assert!(!fits("payments", "payments-api"));
        assert!(fits("v?", "V1"));
        assert!(!fits("v?", "v12"));
        assert!(fits("", ""));
        assert!(fits("**", ""));
        assert!(fits("*", "anything"));
    }

    #[test]
    fn many_stars_take_no_longer_than_both_lengths() {
        assert!(!fits(&"*a".repeat(200), &"a".repeat(190)));
        assert!(fits(&"*a".repeat(200), &"a".repeat(500)));
    }
}
