//! What checking a handler comes to, and how it is shown.

pub mod json;
pub mod pretty;

use std::collections::BTreeMap;

use zigts_rules::diagnostic::Diagnostic;
use zigts_rules::model::HandlerModel;
use zigts_rules::registry;
use zigts_rules::rule::Severity;
use zigttp_abi::api::Effect;
use zigttp_abi::manifest::Properties;

use crate::source::Sources;

/// Everything there is to say about a handler.
#[derive(Clone, Debug)]
pub struct Report {
    /// In the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// What is known of the handler without running it.
    pub facts: Facts,
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
    /// The patterns of `export const routes`, if it has any.
    pub routes: Option<Vec<String>>,
    /// The effects of each event export, none for a pure one.
    pub effects: BTreeMap<&'static str, Vec<&'static str>>,
    /// What follows from them.
    pub properties: Properties,
}

impl Report {
    pub(crate) fn new(model: &HandlerModel, sources: Sources) -> Report {
        Report { diagnostics: registry::check(model), facts: Facts::of(model), sources }
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

impl Facts {
    fn of(model: &HandlerModel) -> Facts {
        let mut exports: Vec<_> =
            model.event_exports().into_iter().map(|(event, _)| event.name).collect();
        exports.sort_unstable();
        let routes = model.route_patterns();
        Facts {
            exports,
            imports: model.imported_functions(),
            routes: routes.map(|routes| routes.into_iter().map(str::to_owned).collect()),
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
