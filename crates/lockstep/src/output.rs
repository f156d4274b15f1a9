//! What a command prints: tables for people at a terminal, tab-separated lines in a pipe, JSON for programs.
//!
//! Results go to standard output, everything else to standard error. Text may come from scanners and boards, so control
//! characters never reach a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::exit::{self, CliError};

/// Where and how results are printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
    terminal: bool,
}

impl Output {
    /// Output as asked for, to wherever standard output leads.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    /// Programs read along: print one JSON value and nothing else.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// A person reads along at a terminal.
    pub(crate) fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Prints a value as JSON.
    pub(crate) fn value(self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value).map_err(CliError::broken)?;
        write_out(&text)
    }

    /// Prints a value as one line of JSON.
    pub(crate) fn json_line(self, value: &impl Serialize) -> Result<(), CliError> {
        write_out(&serde_json::to_string(value).map_err(CliError::broken)?)
    }

    /// Prints a line for people.
    pub(crate) fn line(self, text: &str) -> Result<(), CliError> {
        write_out(&clean(text))
    }

    /// Prints rows: a table at a terminal, tab-separated lines without a head elsewhere.
    pub(crate) fn table(self, head: &[&str], rows: Vec<Vec<String>>) -> Result<(), CliError> {
        let rows = rows.into_iter().map(|row| row.iter().map(|cell| clean_cell(cell)).collect::<Vec<_>>());
        if !self.terminal {
            let mut text = String::new();
            for row in rows {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{}", row.join("\t"));
            }
            return if text.is_empty() { Ok(()) } else { write_out(text.trim_end_matches('\n')) };
        }
        let mut table = Table::new();
        table
            .load_style(UTF8_BORDERS_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(head);
        for row in rows {
            table.add_row(row);
        }
        write_out(&table.to_string())
    }

    /// Prints facts of one thing, one a line, without those that are empty.
    pub(crate) fn facts(self, facts: &[(&str, String)]) -> Result<(), CliError> {
        let width =
            if self.terminal { facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0) } else { 0 };
        for (name, value) in facts {
            if value.is_empty() {
                continue;
            }
            let separator = if self.terminal { "  " } else { "\t" };
            write_out(&format!("{name:width$}{separator}{}", clean(value)))?;
        }
        Ok(())
    }
}

fn write_out(text: &str) -> Result<(), CliError> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// Writes a piece of a file to standard output, as it is.
pub(crate) fn write_bytes(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

fn written(outcome: io::Result<()>) -> Result<(), CliError> {
    outcome.map_err(|error| {
        let mut failed = CliError::new(exit::BROKEN, format!("the output cannot be written: {error}"));
        if error.kind() == io::ErrorKind::BrokenPipe {
            // The reader has seen enough, as in `| head`.
            failed.code = exit::OK;
            failed.silent = true;
        }
        failed
    })
}

/// Says something to the person, on standard error.
pub(crate) fn say(text: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", clean(text));
}

/// Text without control characters but line breaks and tabs: no escape sequence reaches the terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control() || matches!(character, '\n' | '\t')).collect()
}

/// Text for one cell: on one line.
fn clean_cell(text: &str) -> String {
    text.split(|character: char| character.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Shows on standard error that something is going on; nothing if that is no terminal.
pub(crate) fn progress(total_bytes: Option<u64>, message: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match total_bytes {
        Some(total) => (ProgressBar::new(total), "{spinner} {msg} {bytes}/{total_bytes} {bar:30}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_message(clean_cell(message));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Asks the person; without a terminal the answer must have been given with `--yes`.
pub(crate) fn confirm(question: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage("this asks before it acts, and there is no terminal to ask at")
            .next("Add --yes if you are sure."));
    }
    // Without a standard error the question is not seen; the answer is then most likely no.
    let _ = write!(io::stderr().lock(), "{} [y/N] ", clean(question));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(CliError::broken)?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(CliError::new(exit::USAGE, "nothing was changed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_of_hostile_text_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\u{7}\u{9b}c\nd"), "a[31mbc\nd");
        assert_eq!(clean_cell("one\r\ntwo\tthree"), "one two three");
    }
}
