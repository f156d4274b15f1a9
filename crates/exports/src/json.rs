//! JSON: a list of findings with the shape of `GET /api/v1/findings/{id}`, one a line.

use std::io::{self, Write};

use api::Finding;

use crate::{Writer, entry, raw};

/// The list.
#[derive(Default)]
pub(crate) struct Json {
    began: bool,
}

impl Writer for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "[")
    }

    fn finding(&mut self, finding: &Finding, out: &mut dyn Write, _: &mut dyn Write) -> io::Result<bool> {
        entry(out, !self.began, finding)?;
        self.began = true;
        Ok(true)
    }

    fn between(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        raw(out, "\n]\n")
    }
}
