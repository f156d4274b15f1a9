//! Compares a recorded body with ours: the same members of the same types, recursively and for every element of a
//! list, and the same values, except where a rule below says why a value is free.

use serde_json::Value;

use crate::names::{Kind, Names, is_guid};

/// One place where a recorded answer and ours differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Member names with dots, `[]` for an element of a list; `status` and `header <name>` beside the body.
    pub path: String,
    pub what: String,
}

impl Difference {
    pub fn new(path: &str, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), what: what.into() }
    }
}

/// Values that the request does not determine; their types are compared all the same.
const FREE: &[(&str, &str)] = &[
    ("$.revision", "a counter of the whole organization"),
    ("$.value[].revision", "a counter of the whole organization"),
    ("System.Watermark", "a counter of the whole organization"),
    ("lastChangeId", "a counter of the whole organization"),
    ("lastChangeId64", "a counter of the whole organization"),
    ("System.PersonId", "an internal number of the caller"),
    ("descriptor", "opaque"),
    ("subjectDescriptor", "opaque"),
    ("imageUrl", "an address of a picture; its form has changed over the years"),
    ("avatar.href", "an address of a picture; its form has changed over the years"),
    ("continuationToken", "opaque"),
    ("nextLink", "holds the token"),
    ("message", "section 5: match on typeKey and the code, never on the text"),
    ("typeName", "section 5: the namespace has changed between years"),
    ("resourceSize", "the size of a file that the recording does not hold"),
    ("isDefault", "which process is the usual one is a setting of the organization"),
];

/// Members that the service has added over the years: the end of the path, and the first month in which a recording
/// has it. In older recordings they are no difference. None stands for "after all recordings".
const ADDED: &[(&str, Option<(i32, u32)>)] = &[
    ("multilineFieldsFormat", None),
    ("System.Parent", Some((2019, 11))),
    ("attributes.name", Some((2019, 11))),
    ("_links.workItemComments", Some((2019, 3))),
    ("lastUpdateTime", Some((2019, 1))),
    ("System.CommentCount", Some((2018, 10))),
];

/// Versions 1.0 and 2.0 of the interface had fewer members everywhere. Before this month, and in examples whose
/// bodies were trimmed, a member that only we have is no difference.
const GROWN_SINCE: (i32, u32) = (2017, 6);

/// Members that it has taken away: the end of the path, and the first month without.
const REMOVED: &[(&str, (i32, u32))] = &[("_links.workItemHistory", (2019, 3))];

/// From this month on empty fields are absent (section 7.1).
const EMPTY_IS_ABSENT: (i32, u32) = (2016, 4);

/// From this month on links to work items name the project.
const PROJECT_IN_LINKS: (i32, u32) = (2019, 3);

pub struct Comparison<'a> {
    pub names: &'a mut Names,
    pub differences: Vec<Difference>,
    /// When the exchange was recorded; None for examples, whose bodies are older than anything dated.
    pub recorded: Option<(i32, u32)>,
}

impl Comparison<'_> {
    fn is_older_than(&self, month: Option<(i32, u32)>) -> bool {
        month.is_none() || self.recorded.is_none_or(|recorded| Some(recorded) < month)
    }

    fn was_added(&self, path: &str) -> bool {
        self.is_older_than(Some(GROWN_SINCE))
            || ADDED
                .iter()
                .any(|(end, month)| path.ends_with(&format!(".{end}")) && self.is_older_than(*month))
    }

    fn was_removed(&self, path: &str, recorded: &Value) -> bool {
        if recorded == "" && self.is_older_than(Some(EMPTY_IS_ABSENT)) {
            return true;
        }
        REMOVED
            .iter()
            .any(|(end, month)| path.ends_with(&format!(".{end}")) && self.is_older_than(Some(*month)))
    }

    pub fn body(&mut self, recorded: &Value, ours: &Value) {
        self.compare("$", recorded, ours);
    }

    fn note(&mut self, path: &str, what: impl Into<String>) {
        self.differences.push(Difference::new(path, what));
    }

    fn compare(&mut self, path: &str, recorded: &Value, ours: &Value) {
        match (recorded, ours) {
            (Value::Object(left), Value::Object(right)) => {
                let mut met = Vec::new();
                for (name, value) in left {
                    let own_name = own_name(name, right, &met);
                    let at = format!("{path}.{}", plain_name(name));
                    met.push(own_name.clone());
                    match right.get(&own_name) {
                        Some(own) if is_number_member(name) && value.is_i64() && own.is_i64() => {
                            self.number(&at, name, recorded, value, own);
                        }
                        Some(own) => self.compare(&at, value, own),
                        None if self.was_removed(&at, value) => {}
                        None => self.note(&at, format!("missing, recorded {}", short(value))),
                    }
                }
                for (name, value) in right {
                    let at = format!("{path}.{}", plain_name(name));
                    if !met.contains(name) && !self.was_added(&at) {
                        self.note(&at, format!("not recorded, ours {}", short(value)));
                    }
                }
            }
            (Value::Array(left), Value::Array(right)) => self.lists(path, left, right),
            (Value::String(left), Value::String(right)) => self.texts(path, left, right),
            (Value::Number(left), Value::Number(right))
                if path.contains("Id.") && path.ends_with("Value") =>
            {
                let kind = if path.contains("System.Id.") { Kind::Item } else { Kind::Node };
                let ids = left.as_i64().zip(right.as_i64());
                if !is_free(path) && !ids.is_some_and(|(a, b)| self.names.same_number(kind, a, b)) {
                    self.note(path, format!("recorded {left}, ours {right}"));
                }
            }
            (Value::Number(left), Value::Number(right)) => {
                if !is_free(path) && left.as_f64() != right.as_f64() {
                    self.note(path, format!("recorded {left}, ours {right}"));
                }
            }
            (Value::Bool(left), Value::Bool(right)) if left != right && !is_free(path) => {
                self.note(path, format!("recorded {left}, ours {right}"));
            }
            (Value::Null, Value::Null) | (Value::Bool(_), Value::Bool(_)) => {}
            _ => self.note(path, format!("another type: recorded {}, ours {}", short(recorded), short(ours))),
        }
    }

    /// A number that may be the id of something.
    fn number(&mut self, path: &str, name: &str, owner: &Value, recorded: &Value, ours: &Value) {
        let (Some(left), Some(right)) = (recorded.as_i64(), ours.as_i64()) else { return };
        let same = match kind_of(path, name, owner) {
            Some(kind) => self.names.same_number(kind, left, right),
            None => left == right,
        };
        if !same {
            self.note(path, format!("recorded {left}, ours {right}"));
        }
    }

    fn texts(&mut self, path: &str, left: &str, right: &str) {
        // The bodies of a batch are JSON inside text.
        if path.ends_with(".body")
            && let (Ok(left), Ok(right)) =
                (serde_json::from_str::<Value>(left), serde_json::from_str::<Value>(right))
        {
            self.compare(path, &left, &right);
            return;
        }
        if is_date(left) && is_date(right) {
            if left.starts_with("9999-") != right.starts_with("9999-") {
                self.note(path, format!("recorded {left}, ours {right}"));
            }
            return;
        }
        if is_free(path) {
            let code = |text: &str| {
                text.split_once(':')
                    .map(|(code, _)| code.to_owned())
                    .filter(|c| c.starts_with("TF") || c.starts_with("VS"))
            };
            if path.ends_with(".message") && code(left) != code(right) {
                self.note(path, format!("recorded {left:?}, ours {right:?}"));
            }
            return;
        }
        let same = if is_guid(left) && is_guid(right) {
            self.names.same_guid(left, right)
        } else {
            let old = self.is_older_than(Some(PROJECT_IN_LINKS)) && left.starts_with("http");
            let html = old && left.contains("wi.aspx");
            html || self.names.same_text(left, right)
                || (old && self.names.same_text(left, &without_project(right)))
        };
        if !same {
            self.note(path, format!("recorded {left:?}, ours {right:?}"));
        }
    }

    /// Elements are matched by what they are about, else by their place.
    fn lists(&mut self, path: &str, left: &[Value], right: &[Value]) {
        let at = format!("{path}[]");
        let keys = |list: &[Value], names: Option<&Names>| -> Option<Vec<String>> {
            let keys: Option<Vec<String>> = list.iter().map(|e| key(e, names)).collect();
            let mut seen = keys.clone()?;
            seen.sort();
            seen.dedup();
            keys.filter(|k| k.len() == seen.len())
        };
        let (Some(wanted), Some(have)) = (keys(left, Some(self.names)), keys(right, None)) else {
            for (value, own) in left.iter().zip(right) {
                self.compare(&at, value, own);
            }
            if left.len() != right.len() {
                self.note(&at, format!("recorded {} elements, ours {}", left.len(), right.len()));
            }
            return;
        };
        let mut order = Vec::new();
        for (value, key) in left.iter().zip(&wanted) {
            match have.iter().position(|k| k == key) {
                Some(index) => {
                    order.push(index);
                    self.compare(&at, value, &right[index]);
                }
                None => self.note(&at, format!("missing element {key}")),
            }
        }
        for key in have.iter().filter(|k| !wanted.contains(k)) {
            self.note(&at, format!("element not recorded: {key}"));
        }
        if ordered(path) && !order.is_sorted() {
            self.note(&at, format!("another order: recorded {wanted:?}, ours {have:?}"));
        }
    }
}

/// A link as it was before it named the project.
fn without_project(url: &str) -> String {
    let mut segments: Vec<&str> = url.split('/').collect();
    if let Some(at) =
        segments.iter().position(|s| is_guid(s)).filter(|at| segments.get(at + 1) == Some(&"_apis"))
    {
        segments.remove(at);
    }
    segments.join("/")
}

/// The fields of a board carry its number in their names.
const BOARD_FIELD: &str = "WEF_";

/// Our member for a recorded one: the same name, or for a board field the first unused one of the same kind.
fn own_name(name: &str, ours: &serde_json::Map<String, Value>, used: &[String]) -> String {
    if !name.starts_with(BOARD_FIELD) {
        return name.to_owned();
    }
    let fits = |own: &&String| plain_name(own) == plain_name(name) && !used.contains(*own);
    ours.keys().find(fits).cloned().unwrap_or_else(|| name.to_owned())
}

/// A member's name without the number of a board.
fn plain_name(name: &str) -> String {
    match name.strip_prefix(BOARD_FIELD) {
        Some(rest) if rest.len() > 33 => format!("{BOARD_FIELD}…{}", &rest[32..]),
        _ => name.to_owned(),
    }
}

/// Lists whose order the request or the process decides.
fn ordered(path: &str) -> bool {
    ["workItems", "columns", "sortColumns", "states", "rows"]
        .iter()
        .any(|name| path.ends_with(&format!(".{name}")))
}

/// What an element of a list is about.
pub fn key(element: &Value, names: Option<&Names>) -> Option<String> {
    if let Some(text) = element.as_str() {
        return Some(names.map_or_else(|| text.to_owned(), |n| n.translated(text, "")));
    }
    let text = |name: &str| element[name].as_str();
    if let Some(name) = text("referenceName") {
        return Some(name.to_owned());
    }
    if let (Some(rel), Some(url)) = (text("rel"), text("url")) {
        let last = url.split('?').next().unwrap_or(url).rsplit('/').next().unwrap_or(url);
        let item = last.parse::<i64>().ok().filter(|_| url.to_lowercase().contains("/workitems/"));
        let target = match (item.ok_or(()), names) {
            (Ok(id), Some(names)) => names.number(Kind::Item, id).unwrap_or(-id).to_string(),
            (Err(_), Some(names)) => names.translated(last, ""),
            _ => last.to_owned(),
        };
        return Some(format!("{rel} {target}"));
    }
    if !element["revisedBy"].is_null() && element["revision"].is_null() {
        return Some(format!("update {}", element["id"]));
    }
    if element["fields"].is_object() || (element["id"].is_i64() && element["name"].is_null()) {
        let id = element["id"].as_i64()?;
        let known = names.map_or(Some(id), |n| n.number(Kind::Item, id));
        return Some(format!("{} {}", known.unwrap_or(-id), element["rev"]));
    }
    if let Some(name) = element["identity"]["uniqueName"].as_str() {
        return Some(name.to_owned());
    }
    text("name")
        .or_else(|| text("uniqueName"))
        .or_else(|| text("value"))
        .or_else(|| text("to"))
        .map(str::to_owned)
}

fn is_number_member(name: &str) -> bool {
    matches!(
        name,
        "id" | "workItemId" | "System.Id" | "System.AreaId" | "System.IterationId" | "System.Parent"
    ) || matches!(name, "sourceId" | "targetId" | "commentId")
}

fn kind_of(path: &str, name: &str, owner: &Value) -> Option<Kind> {
    match name {
        "System.AreaId" | "System.IterationId" => Some(Kind::Node),
        "System.Id" | "System.Parent" | "workItemId" | "sourceId" | "targetId" => Some(Kind::Item),
        "commentId" => Some(Kind::Comment),
        _ if !owner["structureType"].is_null() => Some(Kind::Node),
        _ if path.ends_with(".attributes.id") => Some(Kind::Relation),
        // An update has a number of its own, counted per item.
        _ if !owner["revisedBy"].is_null() => None,
        _ if !owner["workItemId"].is_null() || path.contains(".comments[]") => Some(Kind::Comment),
        _ => Some(Kind::Item),
    }
}

fn is_free(path: &str) -> bool {
    let path = path.trim_end_matches(".newValue").trim_end_matches(".oldValue");
    FREE.iter().any(|(end, _)| path == *end || (!end.starts_with('$') && path.ends_with(&format!(".{end}"))))
}

fn is_date(text: &str) -> bool {
    let iso = text.len() >= 19
        && text.as_bytes()[4] == b'-'
        && text.as_bytes()[10] == b'T'
        && chrono::DateTime::parse_from_rfc3339(text).is_ok();
    iso || text.starts_with("0001-01-01T")
        || chrono::NaiveDateTime::parse_from_str(text, "%m/%d/%Y %I:%M:%S %p").is_ok()
}

pub fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 70 { format!("{}…", text.chars().take(70).collect::<String>()) } else { text }
}
