//! `zigts describe-rule`: the manual page of a rule.

use std::io::Write;

use serde::Serialize;
use zigts_rules::record::RuleRecord;
use zigts_rules::registry;

use crate::exit::ErrorsFound;

/// Arguments of `zigts describe-rule`.
#[derive(clap::Args)]
pub struct Arguments {
    /// A code such as ZTS321, or a name such as websocket_events_without_import
    #[arg(value_name = "CODE_OR_NAME")]
    rule: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The record as programs read it.
#[derive(Serialize)]
pub(super) struct JsonRule {
    name: &'static str,
    code: &'static str,
    severity: &'static str,
    category: &'static str,
    description: &'static str,
    example: &'static str,
    help: &'static str,
}

/// Runs the command.
///
/// # Errors
/// When there is no such rule ([`ErrorsFound`]), or standard output is closed.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let record = match registry::find(&arguments.rule) {
        Ok(record) => record,
        Err(unknown) => {
            crate::show::error(&unknown.into());
            return Err(ErrorsFound.into());
        }
    };
    let text = if arguments.json { json(record) } else { page(record) };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}

impl From<&RuleRecord> for JsonRule {
    fn from(record: &RuleRecord) -> JsonRule {
        JsonRule {
            name: record.name,
            code: record.code,
            severity: record.severity.name(),
            category: record.category.name(),
            description: record.summary,
            example: record.first_firing_example().unwrap_or_default().trim_end(),
            help: record.help,
        }
    }
}

fn json(record: &RuleRecord) -> String {
    let rule = JsonRule::from(record);
    serde_json::to_string_pretty(&rule).expect("text always serialises") + "\n"
}

fn page(record: &RuleRecord) -> String {
    let RuleRecord { code, name, summary, since, explanation, .. } = record;
    let (severity, category) = (record.severity.name(), record.category.name());
    format!("# {code} {name}\n\n{severity}, {category}, since {since}: {summary}.\n{explanation}")
}
