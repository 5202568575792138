//! Rows, as a table for people or as JSON for programs, printed as they come.

use std::io::Write;

use serde::Serialize;
use zigts_rules::printable::printable_json;

/// Prints rows: a table, or an array of JSON.
pub(super) struct Printer {
    is_json: bool,
    rows: usize,
}

impl Printer {
    pub(super) fn new(is_json: bool) -> Printer {
        Printer { is_json, rows: 0 }
    }

    pub(super) fn head(&self, line: &str) -> anyhow::Result<()> {
        if !self.is_json {
            writeln!(std::io::stdout(), "{line}")?;
        }
        Ok(())
    }

    pub(super) fn row(
        &mut self,
        json: &impl Serialize,
        line: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        let mut output = std::io::stdout().lock();
        if self.is_json {
            let separator = if self.rows == 0 { "[\n" } else { ",\n" };
            write!(output, "{separator}  {}", printable_json(serde_json::to_string(json)?))?;
        } else {
            writeln!(output, "{}", line())?;
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn end(&self) -> anyhow::Result<()> {
        let mut output = std::io::stdout().lock();
        match (self.is_json, self.rows) {
            (false, _) => {}
            (true, 0) => writeln!(output, "[]")?,
            (true, _) => writeln!(output, "\n]")?,
        }
        Ok(())
    }
}
