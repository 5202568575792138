//! Which rules are errors, as flags of `zigts check` and `zigts build`.

use clap::Args;
use zigts_compiler::report::Report;
use zigts_rules::levels::{Level, Levels};
use zigts_rules::record::{RuleRecord, Severity};
use zigts_rules::registry;

use crate::show;

/// Levels of rules, and how many warnings are allowed.
#[derive(Args)]
pub struct LintOptions {
    /// Fail if there is any warning
    #[arg(long, help_heading = "Rules")]
    deny_warnings: bool,
    /// Fail if there are more than N warnings
    #[arg(long, value_name = "N", help_heading = "Rules")]
    max_warnings: Option<usize>,
    /// Report a rule's diagnostics as errors (repeat the flag, or separate codes by commas)
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    deny: Vec<&'static RuleRecord>,
    /// Report a rule's diagnostics as warnings
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    warn: Vec<&'static RuleRecord>,
    /// Turn a rule off
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    allow: Vec<&'static RuleRecord>,
}

impl LintOptions {
    /// The levels chosen; if there are several for one rule, the strictest.
    ///
    /// # Errors
    /// When another level was chosen for a rule that is always an error.
    pub fn levels(&self) -> anyhow::Result<Levels> {
        let mut levels = Levels::default();
        for (rules, level) in
            [(&self.deny, Level::Deny), (&self.warn, Level::Warn), (&self.allow, Level::Allow)]
        {
            for rule in rules {
                levels.set(rule, level)?;
            }
        }
        Ok(levels)
    }

    /// Whether the command succeeds with these diagnostics.
    pub fn let_pass<'a>(&self, reports: impl Iterator<Item = &'a Report> + Clone) -> bool {
        let count = |severity| reports.clone().map(|it| it.count(severity)).sum::<usize>();
        // Errors come first: if there are none, only warnings are omitted.
        let warnings =
            count(Severity::Warning) + reports.clone().map(|it| it.omitted).sum::<usize>();
        count(Severity::Error) == 0 && warnings <= self.most_warnings()
    }

    /// Says why a command failed that had warnings only.
    pub fn explain_failure<'a>(&self, reports: impl Iterator<Item = &'a Report>) {
        if reports.map(|report| report.count(Severity::Error)).sum::<usize>() > 0 {
            return;
        }
        match self.most_warnings() {
            0 => show::remark("failed: no warnings are allowed"),
            1 => show::remark("failed: at most one warning is allowed"),
            most => show::remark(&format!("failed: at most {most} warnings are allowed")),
        }
    }

    fn most_warnings(&self) -> usize {
        if self.deny_warnings { 0 } else { self.max_warnings.unwrap_or(usize::MAX) }
    }
}

fn rule(code_or_name: &str) -> Result<&'static RuleRecord, registry::UnknownRule> {
    registry::find(code_or_name)
}
