//! Which of our ids stands for which recorded one. Ids are learnt from the answers and then hold for the rest of the
//! recording: a recorded id never stands for two of ours, nor two for one.

use std::{collections::BTreeMap, sync::LazyLock};

use regex::{Captures, Regex};

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Item,
    Node,
    Comment,
    Relation,
}

#[derive(Default)]
pub struct Names {
    numbers: BTreeMap<(Kind, i64), i64>,
    numbers_back: BTreeMap<(Kind, i64), i64>,
    guids: BTreeMap<String, String>,
    guids_back: BTreeMap<String, String>,
}

static GUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}").unwrap()
});
static IN_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(/[wW]ork[iI]tems/|/recycle[bB]in/|/_workitems/edit/|/comments/)([0-9]+)").unwrap()
});
static WHOLE_GUID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$").unwrap()
});
/// The number of a board in the names of its fields.
static BOARD: LazyLock<Regex> = LazyLock::new(|| Regex::new("WEF_[0-9A-F]{32}").unwrap());
/// Hosts that serve identities and profiles: the emulator has one address for everything.
static HOSTS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"https?://(",
        r"[A-Za-z0-9-]+\.vssps\.visualstudio\.com(:443)?(/A[0-9a-f-]{36}|/e/Microsoft)?",
        r"|vssps\.dev\.azure\.com(/A[0-9a-f-]{36}|/e/Microsoft|/[^/]+)?",
        r"|[A-Za-z0-9-]+\.visualstudio\.com(/DefaultCollection)?",
        r"|(dev\.azure\.com|localhost(:[0-9]+)?|127\.0\.0\.1(:[0-9]+)?)/[^/?#]+",
        r")"
    ))
    .unwrap()
});

pub fn is_guid(text: &str) -> bool {
    WHOLE_GUID.is_match(text)
}

fn is_zero(guid: &str) -> bool {
    guid.chars().all(|c| c == '0' || c == '-')
}

/// The four processes are known everywhere by these ids.
fn is_fixed(guid: &str) -> bool {
    const PROCESSES: [&str; 4] = [
        "6b724908-ef14-45cf-84f8-768b5384da45",
        "adcc42ab-9882-485e-a3ed-7678f01f66bc",
        "27450541-8e31-4150-9947-dc59f998fc01",
        "b8a3a935-7e91-48b8-a94c-606d37c3e9f2",
    ];
    is_zero(guid) || PROCESSES.contains(&guid)
}

impl Names {
    pub fn number(&self, kind: Kind, recorded: i64) -> Option<i64> {
        self.numbers.get(&(kind, recorded)).copied()
    }

    pub fn guid(&self, recorded: &str) -> Option<&str> {
        self.guids.get(&recorded.to_lowercase()).map(String::as_str)
    }

    /// Remembers or checks that two numbers name the same thing.
    pub fn same_number(&mut self, kind: Kind, recorded: i64, ours: i64) -> bool {
        match (self.numbers.get(&(kind, recorded)), self.numbers_back.get(&(kind, ours))) {
            (None, None) => {
                self.numbers.insert((kind, recorded), ours);
                self.numbers_back.insert((kind, ours), recorded);
                true
            }
            (Some(known), _) => *known == ours,
            _ => false,
        }
    }

    /// Remembers or checks that two guids name the same thing.
    pub fn same_guid(&mut self, recorded: &str, ours: &str) -> bool {
        let (recorded, ours) = (recorded.to_lowercase(), ours.to_lowercase());
        if is_fixed(&recorded) || is_fixed(&ours) {
            return recorded == ours;
        }
        match (self.guids.get(&recorded), self.guids_back.get(&ours)) {
            (None, None) => {
                self.guids.insert(recorded.clone(), ours.clone());
                self.guids_back.insert(ours, recorded);
                true
            }
            (Some(known), _) => *known == ours,
            _ => false,
        }
    }

    /// A recorded text in our words: known guids, item numbers in addresses, and the base address.
    pub fn translated(&self, text: &str, base: &str) -> String {
        let text = HOSTS.replace_all(text, base);
        let text = GUID.replace_all(&text, |found: &Captures| {
            self.guid(&found[0]).map_or_else(|| found[0].to_owned(), str::to_owned)
        });
        IN_PATH
            .replace_all(&text, |found: &Captures| {
                let kind =
                    if found[1].eq_ignore_ascii_case("/comments/") { Kind::Comment } else { Kind::Item };
                let number = found[2].parse().ok().and_then(|n| self.number(kind, n));
                number.map_or_else(|| found[0].to_owned(), |n| format!("{}{n}", &found[1]))
            })
            .into_owned()
    }

    /// Whether two texts say the same. Guids and item numbers at the same places are learnt.
    pub fn same_text(&mut self, recorded: &str, ours: &str) -> bool {
        let base = "{base}";
        let left = HOSTS.replace_all(recorded, base).into_owned();
        let right = HOSTS.replace_all(ours, base).into_owned();
        let skeleton = |text: &str| {
            let text = GUID.replace_all(text, "{guid}");
            let text = BOARD.replace_all(&text, "WEF_{board}");
            IN_PATH.replace_all(&text, "$1{n}").into_owned()
        };
        if skeleton(&left) != skeleton(&right) {
            // A prose text may hold item numbers.
            return self.same_prose(&left, &right);
        }
        let guids = |text: &str| GUID.find_iter(text).map(|m| m.as_str().to_owned()).collect::<Vec<_>>();
        let pairs: Vec<(String, String)> = guids(&left).into_iter().zip(guids(&right)).collect();
        let numbers = |text: &str| {
            IN_PATH
                .captures_iter(text)
                .map(|c| (c[1].to_lowercase(), c[2].parse().unwrap_or(0)))
                .collect::<Vec<_>>()
        };
        let counted: Vec<((String, i64), (String, i64))> =
            numbers(&left).into_iter().zip(numbers(&right)).collect();
        pairs.iter().all(|(a, b)| self.same_guid(a, b))
            && counted.iter().all(|((place, a), (_, b))| {
                let kind = if place == "/comments/" { Kind::Comment } else { Kind::Item };
                self.same_number(kind, *a, *b)
            })
    }

    fn same_prose(&self, left: &str, right: &str) -> bool {
        static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[0-9]+").unwrap());
        let left = NUMBER.replace_all(left, |found: &Captures| {
            let known = found[0].parse().ok().and_then(|n| self.number(Kind::Item, n));
            known.map_or_else(|| found[0].to_owned(), |n| n.to_string())
        });
        self.translated(&left, "{base}") == right
    }

    /// A query text with item numbers in our words.
    pub fn translated_query(&self, text: &str, base: &str) -> String {
        static ID: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"(\[?System\.Id\]? *= *)([0-9]+)").unwrap());
        let text = self.translated(text, base);
        ID.replace_all(&text, |found: &Captures| {
            let known = found[2].parse().ok().and_then(|n| self.number(Kind::Item, n));
            format!("{}{}", &found[1], known.map_or_else(|| found[2].to_owned(), |n| n.to_string()))
        })
        .into_owned()
    }
}
