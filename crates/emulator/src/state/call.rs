//! One API call: what was asked, by whom, when, and how to make links for the answer.

use chrono::{DateTime, Timelike, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ids,
    errors::ApiError,
    model::{Identity, Organization, Project, Team},
    version::Version,
};

/// The parameters of a query string; names are compared without case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn parse(raw: &str) -> Self {
        Self(
            raw.split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))
                })
                .collect(),
        )
    }

    /// The parameters with some values put otherwise: `say` gets a name and a value.
    pub(crate) fn reworded(mut self, say: impl Fn(&str, &str) -> Option<&'static str>) -> Self {
        for (name, value) in &mut self.0 {
            if let Some(word) = say(name, value) {
                word.clone_into(value);
            }
        }
        self
    }

    /// The value of a parameter; `$top` is found as `top` too, as the service does it.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n.trim_start_matches('$').eq_ignore_ascii_case(name.trim_start_matches('$')))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1")
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        self.get(name)
            .filter(|v| !v.is_empty())
            .map(|v| {
                v.parse().map_err(|_| {
                    ApiError::argument(format!("The value '{v}' is not valid for the parameter {name}."))
                })
            })
            .transpose()
    }

    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.get(name)
            .map(|v| v.split(',').map(str::trim).filter(|p| !p.is_empty()).map(str::to_owned).collect())
            .unwrap_or_default()
    }

    /// The parameters again, without the named ones, percent-encoded.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        self.0
            .iter()
            .filter(|(n, _)| !names.iter().any(|name| n.eq_ignore_ascii_case(name)))
            .map(|(n, v)| format!("{}={}", encode(n), encode(v)))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Everything a handler may know about a request.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) now: DateTime<Utc>,
    pub(crate) actor: Uuid,
    pub(crate) method: String,
    /// The path as it came, for error texts.
    pub(crate) raw_path: String,
    /// The segments after `_apis`; resource words are lower case, values keep their case.
    pub(crate) path: Vec<String>,
    pub(crate) project: Option<Uuid>,
    pub(crate) team: Option<Uuid>,
    pub(crate) query: Query,
    pub(crate) version: Version,
    pub(crate) body: Vec<u8>,
    /// `scheme://host/organization`, the start of every link.
    pub(crate) base: String,
    /// Receivers on this machine and basic authentication over plain http are accepted.
    pub(crate) allow_local_hooks: bool,
}

/// What a handler works on.
pub(crate) struct World<'a> {
    pub(crate) org: &'a mut Organization,
    pub(crate) ids: &'a mut Ids,
    pub(crate) call: &'a Call,
    /// Something was changed; shown as a write in the log.
    pub(crate) wrote: bool,
    /// Work items the call was about.
    pub(crate) touched: Vec<i64>,
}

/// An answer before it becomes HTTP.
#[derive(Debug)]
pub(crate) enum Reply {
    Json(u16, Value),
    /// JSON with more headers.
    JsonWith(Value, Vec<(String, String)>),
    /// JSON whose content type lacks the charset, as the reporting routes answer.
    Reporting(Value),
    /// JSON whose content type names no version, as `$batch` answers.
    Unversioned(Value),
    Empty(u16),
    File {
        name: String,
        content: Vec<u8>,
        download: bool,
    },
}

/// What handlers return.
pub(crate) type Answer = Result<Reply, ApiError>;

pub(crate) fn ok(value: Value) -> Answer {
    Ok(Reply::Json(200, value))
}

/// `{"count": n, "value": [...]}`.
pub(crate) fn collection(values: Vec<Value>) -> Value {
    json!({"count": values.len(), "value": values})
}

impl Call {
    pub(crate) fn json<T: DeserializeOwned>(&self, parameter: &str) -> Result<T, ApiError> {
        if self.body.is_empty() {
            return Err(ApiError::missing_body(parameter));
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::argument(format!("{parameter}: {error}")))
    }

    /// A link at organization level.
    pub(crate) fn org_url(&self, rest: &str) -> String {
        format!("{}/{rest}", self.base)
    }

    /// A link inside a project; always with the project's GUID.
    pub(crate) fn project_url(&self, project: Uuid, rest: &str) -> String {
        format!("{}/{project}/{rest}", self.base)
    }
}

impl World<'_> {
    /// The project of the route, or an error that names what is missing.
    pub(crate) fn project(&self) -> Result<&Project, ApiError> {
        let id = self.call.project.ok_or_else(|| ApiError::no_controller(&self.call.raw_path))?;
        Ok(self.org.project_by_id(id))
    }

    /// The team of the route, else the project's default team.
    pub(crate) fn team(&self) -> Result<(&Project, &Team), ApiError> {
        let project = self.project()?;
        let wanted = self.call.team.unwrap_or(project.default_team);
        let team = project.teams.iter().find(|t| t.id == wanted).expect("routed teams exist");
        Ok((project, team))
    }

    pub(crate) fn actor(&self) -> &Identity {
        self.org.identity(self.call.actor)
    }
}

/// ISO text with up to three fractional digits and no trailing zeros, as the service writes it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    let millis = at.nanosecond() / 1_000_000 % 1000;
    let head = at.format("%Y-%m-%dT%H:%M:%S");
    if millis == 0 {
        return format!("{head}Z");
    }
    let digits = format!("{millis:03}");
    format!("{head}.{}Z", digits.trim_end_matches('0'))
}

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'$');

pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
