//! Names of fields, and which one was meant by a name that does not exist.

/// Whether the writer keeps this name for itself.
pub(super) fn is_private(name: &str) -> bool {
    name.starts_with("x-") || name.starts_with("x_")
}

/// Says that `name` is unknown, with the nearest known one.
pub(super) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let name = crate::text::shorten(name, 60);
    let lower = name.to_lowercase().replace([' ', '-'], "_");
    let nearest = known.iter().map(|candidate| (distance(&lower, candidate), *candidate)).min();
    match nearest {
        Some((distance, candidate)) if distance <= 2.max(candidate.len() / 3) => {
            format!(
                "unknown {what} '{name}': did you mean '{candidate}'? (names that begin with x- are skipped)"
            )
        }
        _ => format!(
            "unknown {what} '{name}': use one of {} (names that begin with x- are skipped)",
            known.join(", ")
        ),
    }
}

/// Edits (insert, delete, replace) between two short words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_is_answered_with_the_one_that_was_meant() {
        let known = ["severity", "start_line", "title"];
        assert!(unknown("column", "Severty", &known).contains("'severity'"));
        assert!(unknown("column", "Start Line", &known).contains("'start_line'"));
        assert!(unknown("column", "colour", &known).contains("use one of severity, start_line, title"));
    }
}
