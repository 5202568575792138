//! The settings that a handler reads: `env("NAME")`, `env.NAME`, `process.env.NAME`.

use std::collections::BTreeSet;

use zigttp_abi::api;

use crate::code::{FunctionId, MemberUse};
use crate::effects::ActionKind;
use crate::model::HandlerModel;
use crate::resolve::{ApiCall, Meaning};
use crate::span::{ModuleId, Span};

/// What has the settings as properties.
const ENV: &str = "env";
const PROCESS_ENV: &str = "process.env";

/// What the compiler answers itself.
const NODE_ENV: &str = "NODE_ENV";

/// Properties that functions have, which `env` is.
const OF_FUNCTIONS: [&str; 12] = [
    "apply",
    "arguments",
    "bind",
    "call",
    "caller",
    "constructor",
    "hasOwnProperty",
    "length",
    "name",
    "prototype",
    "toString",
    "valueOf",
];

/// A place where properties are taken of what has the settings.
pub struct SettingRead {
    pub module: ModuleId,
    pub function: FunctionId,
    pub span: Span,
    /// `env` or `process.env`.
    pub of: &'static str,
    /// The setting, if it is named.
    name: Option<String>,
    /// Whether nothing fails where there are no settings: a test says first whether there is a `process`.
    pub is_guarded: bool,
}

impl HandlerModel {
    /// Every place where settings are read as properties, those in packages included.
    pub fn setting_reads(&self) -> Vec<SettingRead> {
        let imports_env = self.builtin_imports().any(|(module, _)| module == api::Module::Env);
        let mut reads = Vec::new();
        for (index, module) in self.modules.iter().enumerate() {
            let id = ModuleId::new(index);
            let names_process =
                module.globals.iter().any(|it| it.name == "process" || it.name == "globalThis");
            // Most modules read none, and packages have many members.
            if names_process || (imports_env && module.name.package().is_none()) {
                let members = &module.code.members;
                let answered = members.iter().filter(|it| it.name == NODE_ENV);
                let answered: BTreeSet<Span> = answered.map(|it| it.object.span).collect();
                let read = members.iter().filter(|it| !answered.contains(&it.span));
                reads.extend(read.filter_map(|it| self.setting_read(id, it)));
            }
        }
        reads
    }

    fn setting_read(&self, module: ModuleId, member: &MemberUse) -> Option<SettingRead> {
        let name = member.name.as_str();
        let (of, name) = match self.meaning(module, &member.object) {
            Meaning::Api(function) if function.path == ENV && !OF_FUNCTIONS.contains(&name) => {
                (ENV, Some(name.to_owned()))
            }
            Meaning::Global(object) if object == PROCESS_ENV && name != NODE_ENV => {
                (PROCESS_ENV, Some(name.to_owned()))
            }
            Meaning::Global(object) if object == "process" && name == ENV => (PROCESS_ENV, None),
            _ => return None,
        };
        let MemberUse { function, span, is_guarded, is_optional, is_conditional, .. } = *member;
        // `const isColored = isNode && process.env.COLOR`: what a package asks before is its own matter.
        let is_asked = is_conditional && self.module(module).name.package().is_some();
        let is_guarded = is_guarded || is_optional || is_asked;
        Some(SettingRead { module, function, span, of, name, is_guarded })
    }

    /// The names of settings that are written down, sorted.
    pub fn setting_names(&self) -> Vec<String> {
        let mut names: BTreeSet<_> =
            self.setting_reads().into_iter().filter_map(|read| read.name).collect();
        let called = self.api_calls().filter(|call| call.function.path == ENV);
        names.extend(called.filter_map(|ApiCall { module, call, .. }| {
            self.constant_string(module, call.arguments.first()?)
        }));
        names.into_iter().collect()
    }
}

impl SettingRead {
    /// What it does, once: `process.env.NAME` reads `process.env`, and that is noted already.
    pub fn action(&self) -> Option<ActionKind> {
        let is_noted = self.of == PROCESS_ENV && self.name.is_some();
        (!is_noted && !self.is_guarded).then_some(ActionKind::Setting(self.of))
    }
}

/// Whether an action reads settings, which there are none of while a handler is built.
pub(crate) fn is_read(kind: ActionKind) -> bool {
    matches!(kind, ActionKind::Setting(_) | ActionKind::Api(ENV, _))
}
