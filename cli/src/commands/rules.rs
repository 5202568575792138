//! `zigts rules`: every rule on a line.

use std::io::Write;

use zigts_rules::registry;

use super::describe_rule::JsonRule;

/// Arguments of `zigts rules`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When standard output is closed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.json {
        let rules: Vec<JsonRule> = registry::records().map(JsonRule::from).collect();
        let text = serde_json::to_string_pretty(&rules).expect("text always serialises");
        writeln!(std::io::stdout(), "{text}")?;
        return Ok(());
    }
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
