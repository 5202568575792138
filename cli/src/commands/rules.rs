//! `zigts rules`: every rule on a line.

use std::io::Write;

use zigts_rules::registry;

/// Runs the command.
///
/// # Errors
/// When standard output is closed.
pub fn run() -> anyhow::Result<()> {
    let longest = registry::records().map(|record| record.name.len()).max().unwrap_or(0);
    let mut output = std::io::stdout().lock();
    for record in registry::records() {
        writeln!(
            output,
            "{}  {:7}  {:longest$}  {}",
            record.code,
            record.severity.name(),
            record.name,
            record.summary,
        )?;
    }
    Ok(())
}
