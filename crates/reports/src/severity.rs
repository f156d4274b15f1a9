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
