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

/// By the scanner's word, else by the score, else informational.
pub(crate) fn judge(given: Option<&str>, score: Option<f64>) -> Severity {
    given.and_then(word).or_else(|| score.and_then(Severity::from_cvss_score)).unwrap_or(Severity::Info)
}

/// A CVSS score that means something: above 0, at most 10.
pub(crate) fn score(given: Option<f64>) -> Option<f64> {
    given.filter(|score| *score > 0.0 && *score <= 10.0)
}

/// A CVSS vector with the prefix that says its version. `method` is the scanner's word for the version, if it gives one
/// apart from the vector (`CVSSv31`, `3.1`).
pub(crate) fn vector(text: &str, method: Option<&str>) -> Option<String> {
    let vector = crate::text::short(text)?;
    if vector.starts_with("CVSS:") || !vector.starts_with("AV:") {
        return Some(vector);
    }
    let digits: String = method.unwrap_or_default().chars().filter(char::is_ascii_digit).collect();
    Some(match digits.as_str() {
        "4" | "40" => format!("CVSS:4.0/{vector}"),
        "31" => format!("CVSS:3.1/{vector}"),
        "3" | "30" => format!("CVSS:3.0/{vector}"),
        _ => vector,
    })
}

/// By the scanner's word, else by the score, else by the vector's own score; `None` if nothing rates it.
pub(crate) fn rated(said: Option<&str>, given: Option<f64>, vector: Option<&str>) -> Option<Severity> {
    let score_of = |number: Option<f64>| number.and_then(Severity::from_cvss_score);
    said.and_then(word)
        .or_else(|| score_of(score(given)))
        .or_else(|| score_of(crate::cvss::base_score(vector?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_comes_before_the_score_and_the_score_before_the_vector() {
        let vector = Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        assert_eq!(rated(Some("moderate"), Some(9.0), vector), Some(Severity::Medium));
        assert_eq!(rated(Some("Unknown"), Some(7.5), vector), Some(Severity::High));
        assert_eq!(rated(None, Some(0.0), vector), Some(Severity::Critical));
        assert_eq!(rated(None, None, None), None);
    }
}
