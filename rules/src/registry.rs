//! The one list of rules.

use crate::diagnostic::{Diagnostic, Sink};
use crate::model::HandlerModel;
use crate::record::RuleRecord;
use crate::rule::Rule;
use crate::{spelling, suppression};

/// Every rule, ordered by code.
static RULES: &[&dyn Rule] = &[
    &crate::zts002_syntax_error::SyntaxErrors,
    &crate::zts037_invalid_import::InvalidImport,
    &crate::zts038_package_needs_module::PackageNeedsModule,
    &crate::zts039_package_needs_global::PackageNeedsGlobal,
    &crate::zts306_unused_import::UnusedImport,
    &crate::zts310_module_scope_mutation::ModuleScopeMutation,
    &crate::zts319_no_event_exports::NoEventExports,
    &crate::zts320_websocket_import_without_events::WebsocketImportWithoutEvents,
    &crate::zts321_websocket_events_without_import::WebsocketEventsWithoutImport,
    &crate::zts322_event_export_not_function::EventExportNotFunction,
    &crate::zts323_misspelled_event_export::MisspelledEventExport,
    &crate::zts324_reserved_close_code::ReservedCloseCode,
    &crate::zts325_close_reason_too_long::CloseReasonTooLong,
    &crate::zts326_unstorable_value::UnstorableValue,
    &crate::zts327_unknown_room_param::UnknownRoomParam,
    &crate::zts328_invalid_route::InvalidRoute,
    &crate::zts329_unavailable_global::UnavailableGlobal,
    &crate::zts330_top_level_effect::TopLevelEffect,
    &crate::zts331_build_time_value::BuildTimeValue,
    &crate::zts332_quadratic_broadcast::QuadraticBroadcast,
    &crate::zts333_invalid_protocols::InvalidProtocols,
    &crate::zts334_request_without_routes::RequestWithoutRoutes,
    &crate::zts335_wrong_argument_count::WrongArgumentCount,
    &crate::zts336_foreign_event_export::ForeignEventExport,
    &crate::zts337_wrong_event_result::WrongEventResult,
    &crate::zts338_invalid_schedule::InvalidSchedule,
    &crate::zts339_connection_member::ConnectionMember,
    &crate::zts340_source_too_large::SourceTooLarge,
    &crate::zts341_top_level_throws::TopLevelThrows,
    &crate::zts342_top_level_over_budget::TopLevelOverBudget,
    &crate::zts343_misleading_event_parameter::MisleadingEventParameter,
    &crate::zts344_wrong_argument_kind::WrongArgumentKind,
    &crate::zts345_missing_member::MissingMember,
    &crate::zts346_undeclared_name::UndeclaredName,
    &crate::zts350_signal_without_event::SignalWithoutEvent,
    &crate::zts351_write_to_other_room::WriteToOtherRoom,
    &crate::zts352_list_without_limit::ListWithoutLimit,
    &crate::zts353_write_without_room::WriteWithoutRoom,
    &crate::zts354_schedule_without_event::ScheduleWithoutEvent,
    &crate::zts355_unprefixed_room::UnprefixedRoom,
    &crate::zts356_stream_without_event::StreamWithoutEvent,
    &crate::zts360_top_level_setting::TopLevelSetting,
    &crate::zts361_secret_in_source::SecretInSource,
    &crate::zts370_dropped_timer::DroppedTimer,
    &crate::zts371_never_settled::NeverSettled,
    &crate::zts372_effect_before_fetch::EffectBeforeFetch,
    &crate::zts373_unawaited_fetch::UnawaitedFetch,
    &crate::zts374_promise_as_condition::PromiseAsCondition,
    &crate::zts503_effects_undeclared::EffectsUndeclared,
    &crate::zts504_unknown_effect::UnknownEffect,
    &crate::zts505_effects_over_declared::EffectsOverDeclared,
    &crate::zts900_unused_suppression::UnusedSuppression,
];

/// Runs every rule over a handler. The diagnostics are in the order of the source, without those that
/// comments suppress.
///
/// If a module could not be parsed or reading stopped early, most facts are missing, and only the rules
/// about that run.
pub fn check(handler: &HandlerModel) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for rule in RULES {
        let record = rule.record();
        if handler.is_partial() && !rule.reads_partial_handlers() {
            continue;
        }
        let before = found.len();
        rule.check(handler, &mut Sink::new(record, &mut found));
        if !rule.reads_packages() {
            let is_own = |diagnostic: &Diagnostic| !handler.is_in_package(diagnostic.span);
            let kept = found.split_off(before).into_iter().filter(is_own);
            found.extend(kept);
        }
    }
    let by_code = |code: &str| records().find(|record| record.code == code);
    let bad_suppressions = suppression::apply(handler, by_code, &mut found);
    if !handler.is_partial() {
        for rule in RULES {
            rule.review(&bad_suppressions, &mut Sink::new(rule.record(), &mut found));
        }
        suppression::apply_own(handler, &mut found);
    }
    found.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.rule.code));
    found
}

/// The record of every rule, ordered by code.
pub fn records() -> impl Iterator<Item = &'static RuleRecord> {
    RULES.iter().map(|rule| rule.record())
}

/// The rule with this code or name, in any case.
///
/// # Errors
/// When there is none; the error says which one was probably meant.
pub fn find(code_or_name: &str) -> Result<&'static RuleRecord, UnknownRule> {
    let matches = |name: &str| name.eq_ignore_ascii_case(code_or_name);
    records().find(|record| matches(record.code) || matches(record.name)).ok_or_else(|| {
        let known = records().flat_map(|record| [record.name, record.code]);
        UnknownRule {
            asked: code_or_name.to_owned(),
            suggestion: spelling::closest(code_or_name, known),
        }
    })
}

/// There is no rule with this code or name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRule {
    pub asked: String,
    /// A code or name that is close to what was asked for.
    pub suggestion: Option<&'static str>,
}

impl std::fmt::Display for UnknownRule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "there is no rule `{}`", self.asked)?;
        match self.suggestion {
            Some(suggestion) => write!(formatter, "; did you mean `{suggestion}`?"),
            None => write!(formatter, "; `zigts rules` lists them"),
        }
    }
}

impl std::error::Error for UnknownRule {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{find, records};

    #[test]
    fn rules_are_sorted_and_their_codes_and_names_unique() {
        let codes: Vec<_> = records().map(|record| record.code).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        let names: BTreeSet<_> = records().map(|record| record.name).collect();
        assert_eq!(names.len(), codes.len());
    }

    #[test]
    fn codes_names_and_sentences_have_their_form() {
        for record in records() {
            let digits = record.code.strip_prefix("ZTS").expect(record.code);
            assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{digits}");
            let is_snake = |b: u8| b.is_ascii_lowercase() || b == b'_';
            assert!(record.name.bytes().all(is_snake), "{}", record.name);
            assert!(!record.summary.ends_with('.'), "{}", record.code);
            assert!(record.help.ends_with('.'), "{}", record.code);
            for section in ["## What it is", "## Why it matters", "## What to do"] {
                assert!(record.explanation.contains(section), "{}: {section}", record.code);
            }
            let examples: Vec<_> = record.examples().collect();
            assert!(examples.iter().any(|example| example.fires), "{}", record.code);
            assert!(examples.iter().any(|example| !example.fires), "{}", record.code);
        }
    }

    #[test]
    fn every_rule_has_a_fixture_folder_and_every_folder_a_rule() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/rules");
        let folders: BTreeSet<_> = std::fs::read_dir(folder)
            .expect("fixtures are part of the repository")
            .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
            .collect();
        let codes: BTreeSet<_> = records().map(|record| record.code.to_owned()).collect();
        assert_eq!(folders, codes);
    }

    #[test]
    fn rules_are_found_by_code_and_by_name() {
        for record in records() {
            assert_eq!(find(record.code), Ok(record));
            assert_eq!(find(record.name), Ok(record));
            assert_eq!(find(&record.code.to_lowercase()), Ok(record));
        }
        assert_eq!(find("ZTS322x").expect_err("no rule").suggestion, Some("ZTS322"));
        assert_eq!(find("sintax_error").expect_err("no rule").suggestion, Some("syntax_error"));
        assert_eq!(find("pineapple").expect_err("no rule").suggestion, None);
    }
}
