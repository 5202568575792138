//! What is to be an error, as flags of `zigts check` and `zigts build`.

use clap::Args;
use zigts_compiler::report::Report;
use zigts_rules::levels::{Level, Levels};
use zigts_rules::record::{RuleRecord, Severity};
use zigts_rules::registry;

use crate::show;

/// Levels of rules, and how many warnings are let pass.
#[derive(Args)]
pub struct LintOptions {
    /// Fail if there is any warning
    #[arg(long, help_heading = "Rules")]
    deny_warnings: bool,
    /// Fail if there are more than N warnings
    #[arg(long, value_name = "N", help_heading = "Rules")]
    max_warnings: Option<usize>,
    /// Make what a rule finds an error (repeat it, or separate codes by commas)
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    deny: Vec<&'static RuleRecord>,
    /// Make what a rule finds a warning
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    warn: Vec<&'static RuleRecord>,
    /// Do not tell what a rule finds
    #[arg(long, value_name = "CODE", value_parser = rule, value_delimiter = ',', help_heading = "Rules")]
    allow: Vec<&'static RuleRecord>,
}

impl LintOptions {
    /// The levels chosen; of several for one rule the strictest.
    ///
    /// # Errors
    /// When one was chosen for a rule that has to be an error.
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

    /// Whether the command succeeds with these findings.
    pub fn let_pass<'a>(&self, reports: impl Iterator<Item = &'a Report> + Clone) -> bool {
        let count = |severity| reports.clone().map(|it| it.count(severity)).sum::<usize>();
        // Without errors what is omitted are warnings.
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
            1 => show::remark("failed: one warning is allowed at most"),
            most => show::remark(&format!("failed: {most} warnings are allowed at most")),
        }
    }

    fn most_warnings(&self) -> usize {
        if self.deny_warnings { 0 } else { self.max_warnings.unwrap_or(usize::MAX) }
    }
}

fn rule(code_or_name: &str) -> Result<&'static RuleRecord, registry::UnknownRule> {
    registry::find(code_or_name)
}
