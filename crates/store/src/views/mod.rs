//! What lists and pages show: read-only queries, one file for each list.
//!
//! Every list is paged by keyset (the last row of a page says where the next begins), so that a page costs the same
//! wherever it lies and rows that are added meanwhile are neither shown twice nor skip others. Statements are put
//! together from constant fragments; values are always arguments. The rows are plain: naming things for the API is
//! left to the server.

pub mod assessments;
pub mod assets;
pub mod boards;
pub mod branches;
pub mod findings;
pub mod history;
pub mod jobs;
pub mod overview;
pub mod scans;
pub mod tickets;

use model::{Severity, Status};

use crate::{Arg, Composed, Error, Result, Row, Tx};

/// A statement that grows fragment by fragment.
#[derive(Default)]
pub(crate) struct Statement {
    sql: String,
    args: Vec<Arg>,
}

impl Statement {
    pub(crate) fn new(start: &'static str) -> Self {
        Self { sql: start.to_owned(), args: Vec::new() }
    }

    pub(crate) fn push(&mut self, fragment: &'static str) -> &mut Self {
        self.sql.push_str(fragment);
        self
    }

    /// Appends the place of a value.
    pub(crate) fn bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.args.push(value.into());
        self.sql.push_str(&format!("${}", self.args.len()));
        self
    }

    /// Appends `($1, $2, …)`. The list must not be empty: neither database reads `()`.
    pub(crate) fn bind_list<T: Into<Arg>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        self.sql.push('(');
        for (position, value) in values.into_iter().enumerate() {
            if position > 0 {
                self.sql.push_str(", ");
            }
            self.bind(value);
        }
        self.sql.push(')');
        self
    }

    pub(crate) async fn all(self, tx: &mut Tx) -> Result<Vec<Row>> {
        tx.all(Composed(self.sql), self.args).await
    }

    pub(crate) async fn execute(self, tx: &mut Tx) -> Result<u64> {
        tx.execute(Composed(self.sql), self.args).await
    }

    pub(crate) async fn first(self, tx: &mut Tx) -> Result<Option<Row>> {
        tx.first(Composed(self.sql), self.args).await
    }
}

/// Numbers of findings, by severity.
pub type BySeverity = Vec<(Severity, u64)>;

const OPEN: [Status; 5] =
    [Status::Created, Status::Identified, Status::InProgress, Status::Waiting, Status::AwaitingValidation];

/// The number under which a severity is stored: 0 (info) to 4 (critical).
fn severity_number(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

fn severity(row: &Row, column: &'static str) -> Result<Severity> {
    let number = row.int(column)?;
    Severity::WORST_FIRST
        .into_iter()
        .find(|severity| severity_number(*severity) == number)
        .ok_or_else(|| Error::Word { what: column, value: number.to_string() })
}

/// `%text%` in lower case, with the wildcards of `LIKE` in the text made harmless. Goes with `ESCAPE '\'`.
fn contains(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for character in text.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_open_statuses_are_counted_as_open_and_all_of_them() {
        for status in Status::ALL {
            assert_eq!(OPEN.contains(&status), status.is_open(), "{status}");
        }
    }

    #[test]
    fn wildcards_in_a_search_stand_for_themselves() {
        assert_eq!(contains("100%_A\\b"), "%100\\%\\_a\\\\b%");
    }
}
