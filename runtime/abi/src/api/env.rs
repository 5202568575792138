//! The function of `zigttp:env`.

use super::function::{ApiFunction, Effect, Module, required};

pub(super) const FUNCTIONS: &[ApiFunction] = &[ApiFunction {
    module: Module::Env,
    name: "env",
    path: "env",
    writes: false,
    type_parameters: "",
    parameters: &[required("name", "string")],
    returns: "string | undefined",
    effect: Effect::Pure,
    purpose: "Returns the setting of this name that the operator gives with --env or --env-file.",
    details: "Returns undefined when there is none. env.NAME is the same, but for names that functions have as \
              properties (name, length, call). An event sees the same settings from its beginning to its end, also when \
              the operator replaces them meanwhile. At the top level it throws: nothing is given while building.",
    // Packages reach the same function by `process.env`, without an import that a manifest could list.
    import: None,
}];
