//! The CVSS base score of a vector.

/// The base score of a CVSS 2.0, 3.0 or 3.1 vector. `None` for other versions, and if a base metric is missing.
pub(crate) fn base_score(vector: &str) -> Option<f64> {
    let vector = vector.trim();
    match vector.split_once('/') {
        Some((version, metrics)) if version.starts_with("CVSS:3.") => base_3(metrics),
        Some((version, _)) if version.starts_with("CVSS:") => None,
        Some(_) => base_2(vector.trim_matches(['(', ')'])),
        None => None,
    }
}

/// The value of a metric.
fn metric<'a>(metrics: &'a str, name: &str) -> Option<&'a str> {
    metrics
        .split('/')
        .find_map(|metric| metric.split_once(':').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

fn weigh(metrics: &str, name: &str, weights: &[(&str, f64)]) -> Option<f64> {
    let value = metric(metrics, name)?;
    weights.iter().find(|(word, _)| *word == value).map(|(_, weight)| *weight)
}

/// CVSS 3.0 and 3.1, sections 7.1 and 7.4; they differ in the base score by rounding only, on values that 3.1's way
/// rounds as meant.
fn base_3(metrics: &str) -> Option<f64> {
    let changed = match metric(metrics, "S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let impact_of = |name| weigh(metrics, name, &[("H", 0.56), ("L", 0.22), ("N", 0.0)]);
    let iss = 1.0 - (1.0 - impact_of("C")?) * (1.0 - impact_of("I")?) * (1.0 - impact_of("A")?);
    let impact = if changed { 7.52 * (iss - 0.029) - 3.25 * (iss - 0.02).powi(15) } else { 6.42 * iss };
    let privileges = if changed {
        [("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        [("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let exploitability = 8.22
        * weigh(metrics, "AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * weigh(metrics, "AC", &[("L", 0.77), ("H", 0.44)])?
        * weigh(metrics, "PR", &privileges)?
        * weigh(metrics, "UI", &[("N", 0.85), ("R", 0.62)])?;
    if impact <= 0.0 {
        return Some(0.0);
    }
    let factor = if changed { 1.08 } else { 1.0 };
    Some(round_up((factor * (impact + exploitability)).min(10.0)))
}

/// The smallest number with one decimal that is not less (CVSS 3.1, appendix A).
fn round_up(score: f64) -> f64 {
    let whole = (score * 100_000.0).round();
    if whole % 10_000.0 == 0.0 { whole / 100_000.0 } else { ((whole / 10_000.0).floor() + 1.0) / 10.0 }
}

/// CVSS 2.0, section 3.2.1.
fn base_2(metrics: &str) -> Option<f64> {
    let impact_of = |name| weigh(metrics, name, &[("N", 0.0), ("P", 0.275), ("C", 0.66)]);
    let impact = 10.41 * (1.0 - (1.0 - impact_of("C")?) * (1.0 - impact_of("I")?) * (1.0 - impact_of("A")?));
    let exploitability = 20.0
        * weigh(metrics, "AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?
        * weigh(metrics, "AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?
        * weigh(metrics, "Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Some(((0.6 * impact + 0.4 * exploitability - 1.5) * factor * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_the_score_that_first_org_publishes_for_it() {
        for (vector, score) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(10.0)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(6.1)),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:N", Some(5.9)),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O", Some(7.8)),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", Some(0.0)),
            ("AV:N/AC:L/Au:N/C:C/I:C/A:C", Some(10.0)),
            ("(AV:N/AC:M/Au:N/C:P/I:N/A:N)", Some(4.3)),
            ("AV:L/AC:H/Au:N/C:C/I:C/A:C", Some(6.2)),
            ("CVSS:3.1/AV:N/AC:L", None),
            ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
            ("", None),
        ] {
            assert_eq!(base_score(vector), score, "{vector}");
        }
    }
}
