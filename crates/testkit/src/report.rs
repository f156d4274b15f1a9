//! Reports, written in a line.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A report in the generic JSON format.
#[derive(Clone, Debug)]
pub struct Report(Value);

/// A weakness in a file, on a line.
pub fn weakness(id: &str, path: &str, line: u32) -> Value {
    json!({
        "id": id,
        "title": format!("{id} in {path}"),
        "severity": "high",
        "path": path,
        "start_line": line,
        "snippet": format!("code of {id} in {path}"),
        "message": format!("{id} was found"),
    })
}

impl Report {
    /// A report of a scan that started then and found this.
    pub fn of(started_at: DateTime<Utc>, findings: &[Value]) -> Self {
        Self(json!({
            "lockstep": 1,
            "scanner": { "name": "testscan", "version": "1" },
            "started_at": started_at,
            "findings": findings,
        }))
    }

    /// The same report with another member at the top.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0[key] = value.into();
        self
    }

    /// The file. What tells the format stands first: the beginning of a file must be enough to know it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut rest = self.0.clone();
        let version = rest.as_object_mut().and_then(|members| members.remove("lockstep")).unwrap_or(1.into());
        format!("{{\"lockstep\":{version},{}", &rest.to_string()[1..]).into_bytes()
    }
}
