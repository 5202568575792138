//! The caller's settings: which rules' diagnostics are errors, warnings, or dropped.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::record::{RuleRecord, Severity};
use crate::suppression::may_be_suppressed;

/// How the diagnostics of a rule are treated, whatever its record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Its diagnostics are dropped.
    Allow,
    /// They are warnings.
    Warn,
    /// They are errors.
    Deny,
}

/// The levels of rules for which the caller has chosen one.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    by_code: BTreeMap<&'static str, Level>,
}

/// The level of a rule that is always an error cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlwaysError(&'static RuleRecord);

impl std::fmt::Display for AlwaysError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let RuleRecord { code, name, .. } = self.0;
        write!(formatter, "{code} {name} is always an error: nothing can be built with it")
    }
}

impl std::error::Error for AlwaysError {}

impl Levels {
    /// Chooses the level of a rule. Of several choices the strictest counts.
    ///
    /// # Errors
    /// When the rule has to stay an error.
    pub fn set(&mut self, rule: &'static RuleRecord, level: Level) -> Result<(), AlwaysError> {
        if level != Level::Deny && !may_be_suppressed(rule) {
            return Err(AlwaysError(rule));
        }
        let chosen = self.by_code.entry(rule.code).or_insert(level);
        *chosen = level.max(*chosen);
        Ok(())
    }

    /// Applies the choices to diagnostics.
    pub fn apply(&self, found: &mut Vec<Diagnostic>) {
        found.retain_mut(|diagnostic| {
            match self.by_code.get(diagnostic.rule.code) {
                None => {}
                Some(Level::Allow) => return false,
                Some(Level::Warn) => diagnostic.severity = Severity::Warning,
                Some(Level::Deny) => diagnostic.severity = Severity::Error,
            }
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Levels};
    use crate::diagnostic::Sink;
    use crate::record::Severity;
    use crate::registry::find;
    use crate::span::{ModuleId, Span};

    #[test]
    fn levels_change_severities_and_the_strictest_counts() {
        let rule = find("ZTS320").expect("there is one");
        for (chosen, expected) in [
            (vec![], Some(Severity::Warning)),
            (vec![Level::Allow], None),
            (vec![Level::Deny], Some(Severity::Error)),
            (vec![Level::Deny, Level::Allow], Some(Severity::Error)),
            (vec![Level::Allow, Level::Warn], Some(Severity::Warning)),
        ] {
            let mut levels = Levels::default();
            for &level in &chosen {
                levels.set(rule, level).expect("it may change");
            }
            let mut found = Vec::new();
            Sink::new(rule, &mut found).report(Span::start_of(ModuleId::ENTRY), "");
            levels.apply(&mut found);
            assert_eq!(found.first().map(|it| it.severity), expected, "{chosen:?}");
        }
    }

    #[test]
    fn what_cannot_be_built_stays_an_error() {
        for code in ["ZTS002", "ZTS037", "ZTS340", "ZTS341", "ZTS342"] {
            let rule = find(code).expect("there is one");
            assert!(Levels::default().set(rule, Level::Allow).is_err(), "{code}");
            assert!(Levels::default().set(rule, Level::Warn).is_err(), "{code}");
            assert!(Levels::default().set(rule, Level::Deny).is_ok(), "{code}");
        }
    }
}
