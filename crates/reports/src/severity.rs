//! Words of scanners for severities.

use model::Severity;

/// The severity that a word means; `None` for one that says nothing ("unknown") or is not known.
pub(crate) fn word(text: &str) -> Option<Severity> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "critical" => Severity::Critical,
        "high" | "important" | "error" => Severity::High,
        "medium" | "moderate" | "warning" => Severity::Medium,
        "low" | "note" => Severity::Low,
        "info" | "informational" | "information" | "none" | "negligible" | "undefined" => Severity::Info,
        _ => return None,
    })
}

/// By the scanner's word, else by the score; `None` if nothing rates it.
pub(crate) fn rated(given: Option<&str>, score: Option<f64>) -> Option<Severity> {
    given.and_then(word).or_else(|| score.and_then(Severity::from_cvss_score))
}

/// By the scanner's word, else by the score, else informational.
pub(crate) fn judge(given: Option<&str>, score: Option<f64>) -> Severity {
    rated(given, score).unwrap_or(Severity::Info)
}

/// A CVSS score that means something: above 0, at most 10.
pub(crate) fn score(given: Option<f64>) -> Option<f64> {
    given.filter(|score| *score > 0.0 && *score <= 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_comes_before_the_score() {
        assert_eq!(rated(Some("moderate"), Some(9.0)), Some(Severity::Medium));
        assert_eq!(rated(Some("Unknown"), Some(7.5)), Some(Severity::High));
        assert_eq!(rated(None, None), None);
        assert_eq!(judge(Some("Unknown"), None), Severity::Info);
    }
}
