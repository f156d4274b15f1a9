//! Which destination takes a finding: the most specific one that is bound to where the finding is.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{AssetId, ConnectionId};

/// Most tags of a group.
pub const MOST_TAGS: usize = 20;

/// Longest tag or branch, in characters.
pub const LONGEST: usize = 200;

/// What a destination is bound to. `A` is how an asset is told: by its id here, by its name where people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Binding<A = AssetId> {
    /// Everything that no other destination takes. At most one for each connection.
    #[default]
    Default,
    /// The assets that have every one of these tags (compared without case).
    Group {
        /// 1 to 20 tags.
        tags: Vec<String>,
    },
    /// One asset.
    Asset {
        /// Which one.
        asset: A,
    },
    /// Branches of one asset.
    Branch {
        /// Which one.
        asset: A,
        /// Which of its branches.
        branch: BranchPattern,
    },
}

impl<A> Binding<A> {
    /// The asset that is named.
    pub fn asset(&self) -> Option<&A> {
        match self {
            Self::Default | Self::Group { .. } => None,
            Self::Asset { asset } | Self::Branch { asset, .. } => Some(asset),
        }
    }

    /// The same with the asset told in another way.
    pub fn telling<B>(&self, tell: impl FnOnce(&A) -> B) -> Binding<B> {
        match self {
            Self::Default => Binding::Default,
            Self::Group { tags } => Binding::Group { tags: tags.clone() },
            Self::Asset { asset } => Binding::Asset { asset: tell(asset) },
            Self::Branch { asset, branch } => Binding::Branch { asset: tell(asset), branch: branch.clone() },
        }
    }

    /// What is wrong with it, with what to do.
    pub fn problem(&self) -> Option<(String, String)> {
        let Self::Group { tags } = self else { return None };
        let fits = |tag: &String| (1..=LONGEST).contains(&tag.trim().chars().count());
        let problem = |what: String, mend: &str| Some((what, mend.to_owned()));
        if tags.is_empty() {
            return problem("the group of assets has no tag".into(), "name the tags that its assets have");
        }
        if tags.len() > MOST_TAGS {
            return problem(format!("{} tags are too many for a group", tags.len()), "name at most 20 tags");
        }
        match tags.iter().find(|tag| !fits(tag)) {
            Some(tag) => problem(format!("the tag '{tag}' is blank or too long"), "give 1 to 200 characters"),
            None => None,
        }
    }
}

impl Binding {
    /// Two destinations with the same key are bound to the same: one of them is one too many.
    pub fn key(&self, connection: ConnectionId) -> String {
        match self {
            Self::Default => format!("default/{connection}"),
            Self::Group { tags } => {
                let mut folded: Vec<String> = tags.iter().map(|tag| tag.trim().to_lowercase()).collect();
                folded.sort();
                folded.dedup();
                format!("group/{}", folded.join("\n"))
            }
            Self::Asset { asset } => format!("asset/{asset}"),
            Self::Branch { asset, branch } => format!("branch/{asset}/{branch}"),
        }
    }

    /// How well it fits where a finding is; the greatest wins. `None` if it does not fit.
    fn fit(&self, origin: Origin<'_>) -> Option<Fit> {
        match self {
            Self::Default => Some(Fit::Default),
            Self::Group { tags } => {
                let has = |wanted: &String| {
                    let wanted = wanted.trim().to_lowercase();
                    origin.tags.iter().any(|tag| tag.trim().to_lowercase() == wanted)
                };
                (!tags.is_empty() && tags.iter().all(has)).then_some(Fit::Group(tags.len()))
            }
            Self::Asset { asset } => (*asset == origin.asset).then_some(Fit::Asset),
            Self::Branch { asset, branch } => {
                let fits = *asset == origin.asset && origin.branch.is_some_and(|name| branch.matches(name));
                fits.then(|| Fit::Branch(branch.is_exact(), branch.literals()))
            }
        }
    }
}

/// From the least to the most specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Default,
    /// The more tags, the more specific.
    Group(usize),
    Asset,
    /// One branch before a pattern, then the pattern with more letters.
    Branch(bool, usize),
}

/// The name of a branch, or a pattern in which `*` stands for any letters, the slash among them. Compared with case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchPattern(String);

impl BranchPattern {
    /// The branch fits. No branch at all (a scan that names none) fits nothing.
    pub fn matches(&self, branch: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|start| branch.strip_prefix(start)) else { return false };
        if branch.is_empty() {
            return false;
        }
        let Some(end) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(end)
    }

    fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    fn literals(&self) -> usize {
        self.0.chars().filter(|letter| *letter != '*').count()
    }
}

impl FromStr for BranchPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return Err(format!("a branch has 1 to {LONGEST} characters"));
        }
        if text.contains(char::is_control) {
            return Err("a branch has no control characters".into());
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for BranchPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BranchPattern> for String {
    fn from(pattern: BranchPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Where a finding is, as far as it decides about the destination.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Asset.
    pub asset: AssetId,
    /// Tags of the asset.
    pub tags: &'a [String],
    /// Its branch: see [`home_branch`].
    pub branch: Option<&'a str>,
}

/// The branch on which a finding is to be mended: the first in the asset's list of tracked branches on which it is seen,
/// else the first on which it was. `None` if it was only ever seen by scans that name no branch.
///
/// `seen` tells the branches on which it was seen, and whether it is gone there.
pub fn home_branch<'a>(tracked: &'a [String], seen: &[(&str, bool)]) -> Option<&'a str> {
    let on =
        |branch: &String, gone: bool| seen.iter().any(|(name, is_gone)| name == branch && *is_gone == gone);
    let first = |gone: bool| tracked.iter().find(|branch| on(branch, gone)).map(String::as_str);
    first(false).or_else(|| first(true))
}

/// All that fit where a finding is, the most specific first: a branch before its asset, the asset before a group, a group
/// before the default. Of two branches the one without a pattern or with more letters comes first, of two groups the one
/// with more tags; what is equal then stays in the order in which it came, which shall be the order of making.
pub fn route<'a, T>(
    bindings: impl IntoIterator<Item = (T, &'a Binding)>,
    origin: Origin<'_>,
) -> Vec<(T, &'a Binding)> {
    let mut fitting: Vec<(Fit, T, &Binding)> = bindings
        .into_iter()
        .filter_map(|(what, binding)| Some((binding.fit(origin)?, what, binding)))
        .collect();
    fitting.sort_by_key(|(fit, _, _)| Reverse(*fit));
    fitting.into_iter().map(|(_, what, binding)| (what, binding)).collect()
}

/// Why a binding fits, for people: the end of a sentence that begins with the destination's name.
pub fn reason(binding: &Binding, asset: &str, branch: Option<&str>) -> String {
    match (binding, branch) {
        (Binding::Default, _) => "is the default: nothing more specific takes it".to_owned(),
        (Binding::Group { tags }, _) => {
            format!("is bound to assets with the tags {}, which {asset} has", tags.join(", "))
        }
        (Binding::Asset { .. }, _) => format!("is bound to the asset {asset}"),
        (Binding::Branch { branch: pattern, .. }, Some(branch)) if !pattern.is_exact() => {
            format!("is bound to the branches {pattern} of {asset}, and it is on {branch}")
        }
        (Binding::Branch { branch, .. }, _) => format!("is bound to the branch {branch} of {asset}"),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const SHOP: AssetId = AssetId(Uuid::from_u128(1));
    const OTHER: AssetId = AssetId(Uuid::from_u128(2));

    fn pattern(text: &str) -> BranchPattern {
        text.parse().unwrap()
    }

    fn branch(text: &str) -> Binding {
        Binding::Branch { asset: SHOP, branch: pattern(text) }
    }

    fn group(tags: &[&str]) -> Binding {
        Binding::Group { tags: tags.iter().map(|tag| (*tag).to_owned()).collect() }
    }

    fn chosen(bindings: &[Binding], tags: &[&str], on: Option<&str>) -> Vec<usize> {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let origin = Origin { asset: SHOP, tags: &tags, branch: on };
        route(bindings.iter().enumerate(), origin).into_iter().map(|(index, _)| index).collect()
    }

    #[test]
    fn the_more_specific_wins_a_branch_before_the_asset_before_a_group_before_the_default() {
        let asset = Binding::Asset { asset: SHOP };
        let bindings = [Binding::Default, group(&["web"]), asset, branch("release/*")];
        assert_eq!(chosen(&bindings, &["Web"], Some("release/1")), [3, 2, 1, 0]);
        assert_eq!(chosen(&bindings, &["web"], Some("main")), [2, 1, 0]);
        assert_eq!(chosen(&bindings[..2], &["web"], None), [1, 0]);
        assert_eq!(chosen(&bindings[..2], &[], None), [0]);
        assert_eq!(chosen(&[Binding::Asset { asset: OTHER }], &[], None), [0; 0]);
    }

    #[test]
    fn what_is_equally_specific_is_decided_by_letters_by_tags_and_then_by_age() {
        let bindings = [branch("*"), branch("release/*"), branch("release/1"), branch("*/1")];
        assert_eq!(chosen(&bindings, &[], Some("release/1")), [2, 1, 3, 0]);
        let groups = [group(&["web"]), group(&["team:pay"]), group(&["web", "team:pay"])];
        assert_eq!(chosen(&groups, &["web", "team:pay"], None), [2, 0, 1]);
    }

    #[test]
    fn a_star_stands_for_any_letters_and_no_branch_fits_nothing() {
        for (text, name, fits) in [
            ("main", "main", true),
            ("main", "Main", false),
            ("main", "main2", false),
            ("release/*", "release/1/fix", true),
            ("*", "main", true),
            ("*", "", false),
            ("r*e*se", "release", true),
            ("a*a", "a", false),
            ("*-fix", "a-fix-b", false),
            ("**", "x", true),
        ] {
            assert_eq!(pattern(text).matches(name), fits, "{text} and {name}");
        }
        assert!("  ".parse::<BranchPattern>().is_err());
        assert!("a\nb".parse::<BranchPattern>().is_err());
    }

    #[test]
    fn a_finding_is_at_home_on_the_first_tracked_branch_that_still_has_it() {
        let tracked = ["main".to_owned(), "release".to_owned()];
        assert_eq!(home_branch(&tracked, &[("release", false), ("main", false)]), Some("main"));
        assert_eq!(home_branch(&tracked, &[("release", false), ("main", true)]), Some("release"));
        assert_eq!(home_branch(&tracked, &[("release", true), ("main", true)]), Some("main"));
        assert_eq!(home_branch(&tracked, &[("", false), ("feature", false)]), None);
    }

    #[test]
    fn two_bindings_to_the_same_have_the_same_key_whatever_their_spelling() {
        let connection = ConnectionId(Uuid::from_u128(9));
        assert_eq!(group(&["Web", "pay"]).key(connection), group(&["pay ", "web", "WEB"]).key(connection));
        assert_ne!(group(&["web"]).key(connection), group(&["web", "pay"]).key(connection));
        assert_ne!(branch("main").key(connection), Binding::Asset { asset: SHOP }.key(connection));
    }

    #[test]
    fn a_group_needs_tags_that_can_be_read() {
        let long = "x".repeat(LONGEST + 1);
        for wrong in [group(&[]), group(&[" "]), group(&[&long]), group(&["x"; MOST_TAGS + 1])] {
            assert!(wrong.problem().is_some(), "{wrong:?}");
        }
        assert_eq!(group(&["web"]).problem(), None);
    }
}
