//! Differences that stay, each with its reason: the list is `exceptions.txt`. One that no longer occurs fails the
//! test.

/// One line of the list.
pub struct Exception {
    /// Recording, `*` at the end for all that start so.
    pub file: &'static str,
    /// Number of the exchange in its file; None for any.
    exchange: Option<usize>,
    /// Path of the difference, `*` at the end for all that start so.
    pub path: &'static str,
    /// Why the difference stays.
    pub reason: &'static str,
}

/// The list. A line that starts with `=` is the reason for the lines below it, which read `file #exchange path`.
pub fn all() -> Vec<Exception> {
    let mut reason = "";
    let mut all = Vec::new();
    for line in include_str!("exceptions.txt").lines().filter(|l| !l.trim().is_empty()) {
        if let Some(text) = line.strip_prefix("= ") {
            reason = text;
            continue;
        }
        let mut words = line.splitn(3, ' ');
        let (Some(file), Some(number), Some(path)) = (words.next(), words.next(), words.next()) else {
            panic!("not an exception: {line}");
        };
        assert!(!reason.is_empty(), "an exception without a reason: {line}");
        all.push(Exception {
            file,
            exchange: number.strip_prefix('#').and_then(|n| n.parse().ok()),
            path,
            reason,
        });
    }
    all
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

impl Exception {
    pub fn covers(&self, file: &str, exchange: usize, path: &str) -> bool {
        fits(self.file, file) && self.exchange.is_none_or(|n| n == exchange) && fits(self.path, path)
    }
}
