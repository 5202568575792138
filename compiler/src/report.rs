//! The report on a handler, and its formats.

pub mod compact;
pub mod github;
pub mod json;
pub mod pretty;
pub mod sarif;
pub mod typescript;

use std::collections::BTreeMap;

use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::import::ModuleName;
use zigts_rules::levels::Levels;
use zigts_rules::model::HandlerModel;
use zigts_rules::record::Severity;
use zigts_rules::registry;
use zigts_rules::span::Span;
use zigttp_abi::api::{ApiFunction, Effect};
use zigttp_abi::events::EventExport;
use zigttp_abi::manifest::{Properties, Schedule};
use zigttp_abi::route::Route;

use crate::source::{LineColumn, Sources};

/// Most diagnostics of a report. A person reads no more, and a hostile text of half a megabyte has 125,000,
/// which took a minute to print.
const MAX_DIAGNOSTICS: usize = 500;

/// What checking found out about a handler.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of the source, 500 at most.
    pub diagnostics: Vec<Diagnostic>,
    /// How many more there are: warnings, unless all of `diagnostics` are errors.
    pub omitted: usize,
    /// What is known of the handler without running it.
    pub facts: Facts,
    /// Whether the entry looks like a handler: it has events, imports the API, or cannot be read.
    pub is_handler: bool,
    /// Where functions of the API are named, for editors.
    pub api_names: Vec<(Span, &'static ApiFunction)>,
    /// Where events are exported.
    pub event_names: Vec<(&'static EventExport, Span)>,
    /// The texts the diagnostics point into.
    pub sources: Sources,
}

/// What a handler offers and asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The event exports, sorted.
    pub exports: Vec<&'static str>,
    /// The API functions it imports, sorted.
    pub imports: Vec<&'static str>,
    /// The names of settings that it reads, as far as they are literals, sorted.
    pub settings: Vec<String>,
    /// Those of `export const routes`, if it has any.
    pub routes: Option<Vec<Route>>,
    /// Those of `export const schedules`.
    pub schedules: Vec<Schedule>,
    /// The names of `export const protocols`, if it has any.
    pub protocols: Option<Vec<String>>,
    /// The hosts that it is known to call out to, sorted.
    pub hosts: Vec<String>,
    /// The effects of each event export, none for a pure one.
    pub effects: BTreeMap<&'static str, Vec<&'static str>>,
    /// What follows from them.
    pub properties: Properties,
}

impl Report {
    pub(crate) fn new(model: &HandlerModel, sources: Sources, levels: &Levels) -> Report {
        let mut diagnostics = registry::check(model);
        levels.apply(&mut diagnostics);
        let omitted = omit(&mut diagnostics);
        let is_handler = model.is_partial()
            || !model.event_exports().is_empty()
            || model.builtin_imports().next().is_some();
        Report {
            diagnostics,
            omitted,
            facts: Facts::of(model),
            is_handler,
            api_names: model.api_names(),
            event_names: model.event_exports(),
            sources,
        }
    }

    /// Whether the handler cannot be built.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many diagnostics are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// Removes what is over the limit, warnings first, and returns how many that were.
fn omit(diagnostics: &mut Vec<Diagnostic>) -> usize {
    let omitted = diagnostics.len().saturating_sub(MAX_DIAGNOSTICS);
    if omitted > 0 {
        diagnostics.sort_by_key(|diagnostic| diagnostic.severity);
        diagnostics.truncate(MAX_DIAGNOSTICS);
        diagnostics.sort_by(|a, b| (a.span, &a.code).cmp(&(b.span, &b.code)));
    }
    omitted
}

impl Facts {
    fn of(model: &HandlerModel) -> Facts {
        let mut exports: Vec<_> =
            model.event_exports().into_iter().map(|(event, _)| event.name).collect();
        exports.sort_unstable();
        Facts {
            exports,
            imports: model.imported_functions(),
            settings: model.setting_names(),
            routes: model.routes(),
            schedules: model.schedules(),
            protocols: model
                .protocol_names()
                .map(|names| names.into_iter().map(str::to_owned).collect()),
            hosts: model.hosts(),
            effects: model
                .effects
                .of_exports()
                .into_iter()
                .map(|(event, effects)| (event, effects.into_iter().map(Effect::name).collect()))
                .collect(),
            properties: model.effects.properties(),
        }
    }
}

/// A report, with the paths of the handler's modules as its reader writes them.
#[derive(Clone, Copy)]
pub struct ReportView<'a> {
    pub report: &'a Report,
    pub path_of: &'a dyn Fn(&ModuleName) -> String,
}

/// A range of a file as people count.
struct SourceRange {
    file: String,
    start: LineColumn,
    end: LineColumn,
}

impl<'a> ReportView<'a> {
    fn range(&self, span: Span) -> SourceRange {
        let source = self.report.sources.file(span.module);
        SourceRange {
            file: (self.path_of)(source.name()),
            start: source.line_column(span.start),
            end: source.line_column(span.end),
        }
    }

    /// The diagnostics of reports, each with its own.
    fn diagnostics<'s>(
        reports: &'s [ReportView<'a>],
    ) -> impl Iterator<Item = (&'s ReportView<'a>, &'a Diagnostic)> {
        reports.iter().flat_map(|view| {
            view.report.diagnostics.iter().map(move |diagnostic| (view, diagnostic))
        })
    }
}
