//! What a report says in CVSS: which of several ratings counts, and the score where only a vector is given.
//!
//! Scores are computed by the crate `cvss`. A vector is hostile text like any other: one that cannot be scored is kept
//! for people to read and rates nothing.

use std::cmp::Reverse;

use ::cvss::Cvss;

use crate::{severity, text};

/// Versions of CVSS. The order is from the coarsest to the most specific.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    #[default]
    Unknown,
    V2,
    V3_0,
    V3_1,
    V4,
}

impl Version {
    /// By a scanner's word: `CVSSv31`, `3.1`, `CVSS_V4`.
    fn of_word(word: &str) -> Self {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        match digits.as_str() {
            "4" | "40" => Self::V4,
            "31" => Self::V3_1,
            "3" | "30" => Self::V3_0,
            "2" | "20" => Self::V2,
            _ => Self::Unknown,
        }
    }

    /// By what stands before the metrics of a vector.
    fn of_prefix(prefix: &str) -> Self {
        match prefix {
            "CVSS:4.0" => Self::V4,
            "CVSS:3.1" => Self::V3_1,
            "CVSS:3.0" => Self::V3_0,
            _ => Self::Unknown,
        }
    }
}

/// One rating: a vector, a score, or both. Empty if the report says nothing that CVSS knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rating {
    /// With the prefix that says its version; version 2 has none.
    pub(crate) vector: Option<String>,
    /// The scanner's own score, else that of the vector. At most 10; 0 only where the vector says that nothing happens.
    pub(crate) score: Option<f64>,
    version: Version,
}

impl Rating {
    /// Reads what a report gives. `version` is its word for the version, if it stands apart from the vector.
    ///
    /// A text that is no vector is none, and a score of 0 is none: scanners write it where they have no score.
    pub(crate) fn new(vector: Option<&str>, version: Option<&str>, score: Option<f64>) -> Self {
        let said = version.map(Version::of_word).unwrap_or_default();
        let (vector, version) = match vector.and_then(|text| read(text, said)) {
            Some((vector, version)) => (Some(vector), version),
            None => (None, said),
        };
        let score = severity::score(score).or_else(|| score_of(vector.as_deref()?));
        Self { vector, score, version }
    }

    fn says_something(&self) -> bool {
        self.vector.is_some() || self.score.is_some()
    }
}

/// The rating by the newest version of CVSS; of that the first with a vector, else the first.
pub(crate) fn newest(ratings: impl IntoIterator<Item = Rating>) -> Rating {
    newest_of(ratings.into_iter().map(|rating| (rating, ()))).map(|(rating, ())| rating).unwrap_or_default()
}

/// As [`newest`], for ratings that something else hangs on. `None` if no rating says anything.
pub(crate) fn newest_of<T>(ratings: impl IntoIterator<Item = (Rating, T)>) -> Option<(Rating, T)> {
    let said = ratings.into_iter().filter(|(rating, _)| rating.says_something());
    // A vector that cannot be scored does not push aside a rating that says how bad it is.
    said.min_by_key(|(rating, _)| (rating.score.is_none(), Reverse(rating.version), rating.vector.is_none()))
}

/// A vector as the standards write it, with its version; `None` for a text that is none.
fn read(text: &str, said: Version) -> Option<(String, Version)> {
    let text = text.trim().trim_matches(['(', ')']);
    let bare = text.strip_prefix("CVSS2#").or_else(|| text.strip_prefix("CVSS:2.0/")).unwrap_or(text);
    if let Some((prefix, _)) = bare.split_once('/').filter(|(prefix, _)| prefix.starts_with("CVSS:")) {
        return Some((text::short(bare)?, Version::of_prefix(prefix)));
    }
    if !bare.contains("AV:") || !bare.contains('/') {
        return None;
    }
    // Without a prefix the metrics tell the versions apart, but for 3.0 and 3.1.
    let (prefix, version) = if bare.contains("/VC:") {
        ("CVSS:4.0/", Version::V4)
    } else if bare.contains("/PR:") && said == Version::V3_1 {
        ("CVSS:3.1/", Version::V3_1)
    } else if bare.contains("/PR:") {
        ("CVSS:3.0/", Version::V3_0)
    } else {
        ("", Version::V2)
    };
    Some((text::short(&format!("{prefix}{}", bare.replace("/AU:", "/Au:")))?, version))
}

/// The base score of versions 2 and 3; of version 4, which scores a vector as a whole, that of all its metrics.
fn score_of(vector: &str) -> Option<f64> {
    let cvss: Cvss = vector.parse().ok()?;
    match &cvss {
        // The crate takes a missing metric of version 3 for a harmless one; of the others it refuses the vector.
        Cvss::CvssV30(three) | Cvss::CvssV31(three) if !is_whole(three) => None,
        _ => Some(cvss.score()),
    }
}

fn is_whole(three: &::cvss::v3::Vector) -> bool {
    let exploitability = three.av.is_some() && three.ac.is_some() && three.pr.is_some() && three.ui.is_some();
    let impact = three.s.is_some() && three.c.is_some() && three.i.is_some() && three.a.is_some();
    exploitability && impact
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Examples that FIRST publishes: the guide to version 2 (3.3), the example documents of 3.0, 3.1 and 4.0.
    const PUBLISHED: &[(&str, f64)] = &[
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
        ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
        ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
        ("AV:N/AC:M/Au:N/C:P/I:N/A:N", 4.3),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N", 4.6),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:N", 5.9),
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:U", 5.2),
        ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 8.3),
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N", 4.6),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 5.1),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N", 6.9),
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:N/VI:N/VA:N/SC:H/SI:N/SA:N", 5.9),
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 9.4),
        ("CVSS:4.0/AV:P/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:H/SA:N/S:P/V:D", 8.3),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:A", 8.7),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:A", 9.3),
        ("CVSS:4.0/AV:A/AC:L/AT:N/PR:N/UI:N/VC:N/VI:L/VA:N/SC:H/SI:N/SA:H", 6.4),
        ("CVSS:4.0/AV:L/AC:L/AT:N/PR:H/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/R:I", 8.4),
    ];

    #[test]
    fn a_vector_has_the_score_that_first_publishes_for_it() {
        for (vector, score) in PUBLISHED {
            assert_eq!(score_of(vector), Some(*score), "{vector}");
        }
    }

    #[test]
    fn metrics_beyond_the_base_do_not_change_a_base_score_of_version_3() {
        assert_eq!(score_of("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O"), Some(7.8));
    }

    #[test]
    fn a_vector_of_which_nothing_follows_scores_zero_and_one_that_is_broken_scores_nothing() {
        for (vector, score) in [
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", Some(0.0)),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Some(0.0)),
            ("CVSS:3.1/AV:N/AC:L", None),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/C:H/I:H/A:H", None),
            ("AV:N/AC:L/Au:N/C:C/I:C", None),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H", None),
            ("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", None),
            ("CVSS:4.0/AV:N/AC:L/PR:H/UI:R/S:C/C:L/I:L/A:N", None),
            ("CVSS:9.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", None),
            ("", None),
        ] {
            assert_eq!(score_of(vector), score, "{vector}");
        }
    }

    #[test]
    fn a_vector_gets_the_prefix_it_lacks() {
        let three = "AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:N";
        let four = "AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N";
        let vector = |text: &str, said| Rating::new(Some(text), said, None).vector;
        assert_eq!(vector(three, None), Some(format!("CVSS:3.0/{three}")));
        assert_eq!(vector(three, Some("CVSSv31")), Some(format!("CVSS:3.1/{three}")));
        assert_eq!(vector(four, None), Some(format!("CVSS:4.0/{four}")));
        for two in ["CVSS2#AV:N/AC:L/Au:N/C:N/I:P/A:N", "(AV:N/AC:L/AU:N/C:N/I:P/A:N)"] {
            assert_eq!(vector(two, None).as_deref(), Some("AV:N/AC:L/Au:N/C:N/I:P/A:N"));
        }
        assert_eq!(vector("7.5", None), None);
        assert_eq!(vector("SL:1/M:1/O:0/S:2", Some("OWASP")), None, "of another method");
    }

    #[test]
    fn the_newest_version_decides_wherever_it_stands() {
        let two = Rating::new(Some("AV:N/AC:L/Au:N/C:C/I:C/A:C"), None, None);
        let three_0 = Rating::new(Some("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"), None, Some(7.5));
        let three_1 = Rating::new(Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), None, None);
        let four =
            Rating::new(Some("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:A/VC:N/VI:N/VA:N/SC:L/SI:L/SA:N"), None, None);
        let all = [two, three_0, three_1, four];
        for count in 1..=all.len() {
            let ordered = all[..count].to_vec();
            let reversed = ordered.iter().rev().cloned().collect::<Vec<_>>();
            assert_eq!(newest(ordered), all[count - 1]);
            assert_eq!(newest(reversed), all[count - 1]);
        }
        assert_eq!(newest([]), Rating::default());
    }

    #[test]
    fn a_newer_vector_that_is_broken_does_not_push_aside_one_that_can_be_scored() {
        let broken = Rating::new(Some("CVSS:4.0/AV:N"), None, None);
        let whole = Rating::new(Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), None, None);
        assert_eq!(newest([broken.clone(), whole.clone()]), whole);
        assert_eq!(newest([broken.clone(), Rating::new(None, None, Some(5.0))]).score, Some(5.0));
        assert_eq!(newest([broken.clone()]), broken, "what it says is kept for people");
    }

    #[test]
    fn the_scanner_s_own_score_is_kept() {
        let vector = Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H");
        assert_eq!(Rating::new(vector, None, Some(5.0)).score, Some(5.0));
        assert_eq!(Rating::new(vector, None, Some(0.0)).score, Some(9.8), "0 is written where there is none");
        assert_eq!(Rating::new(vector, None, Some(f64::NAN)).score, Some(9.8));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_is_too_hostile(text in ".{0,200}", said in prop::option::of(".{0,8}")) {
            let rating = Rating::new(Some(&text), said.as_deref(), None);
            prop_assert!(rating.score.is_none_or(|score| (0.0..=10.0).contains(&score)));
        }

        /// Metrics of all versions in any number, order and combination, right and wrong.
        #[test]
        fn no_vector_is_too_hostile(
            prefix in prop::sample::select(vec!["", "CVSS:2.0/", "CVSS:3.0/", "CVSS:3.1/", "CVSS:4.0/", "CVSS:/", "CVSS2#"]),
            metrics in prop::collection::vec(
                ("(AV|AC|AT|PR|UI|S|C|I|A|Au|AU|V[CIA]|S[CIA]|E|RL|RC|[CIA]R|M(AV|AC|AT|PR|UI|S|C|I|A|V[CIA]|S[CIA])|R|V|RE|U|CDP|TD)",
                 "(N|L|H|P|A|C|M|S|X|U|R|ND|Red|é|)"),
                0..40,
            ),
        ) {
            let metrics: Vec<String> = metrics.iter().map(|(name, value)| format!("{name}:{value}")).collect();
            let rating = Rating::new(Some(&format!("{prefix}{}", metrics.join("/"))), None, None);
            prop_assert!(rating.score.is_none_or(|score| (0.0..=10.0).contains(&score)));
        }

        /// What the standard allows in a vector of version 4 always has a score: no combination is missing.
        #[test]
        fn every_vector_of_version_4_has_a_score(
            base in "AV:[NALP]/AC:[LH]/AT:[NP]/PR:[NLH]/UI:[NPA]/VC:[HLN]/VI:[HLN]/VA:[HLN]/SC:[HLN]/SI:[HLN]/SA:[HLN]",
            more in "(/E:[XAPU])?(/CR:[XHML])?(/IR:[XHML])?(/AR:[XHML])?(/MAV:[XNALP])?(/MAC:[XLH])?(/MAT:[XNP])?(/MPR:[XNLH])?\
                (/MUI:[XNPA])?(/MVC:[XHLN])?(/MVI:[XHLN])?(/MVA:[XHLN])?(/MSC:[XHLN])?(/MSI:[XSHLN])?(/MSA:[XSHLN])?\
                (/S:[XNP])?(/AU:[XNY])?(/R:[XAUI])?(/V:[XDC])?(/RE:[XLMH])?",
        ) {
            let vector = format!("CVSS:4.0/{base}{more}");
            prop_assert!(score_of(&vector).is_some_and(|score| (0.0..=10.0).contains(&score)), "{}", vector);
        }
    }
}
