//! Calls into packages, and what is taken of them.

use std::collections::BTreeSet;

use zigts_rules::code::{Call, Expression, Origin, Value};
use zigts_rules::effects::FETCH;
use zigts_rules::import::Target;
use zigts_rules::model::HandlerModel;
use zigts_rules::span::ModuleId;

/// Most names and calls in a row through which a value is followed to a package.
const MAX_LINKS: usize = 16;

/// The package that a call in the handler's own code is one of a function of.
pub(super) fn called<'a>(
    model: &'a HandlerModel,
    module: ModuleId,
    call: &Call,
) -> Option<&'a str> {
    let is_own = model.module(module).name.package().is_none();
    is_own.then(|| maker(model, module, &call.callee)).flatten()
}

/// The package of whose exports an expression is taken: `z.object`, `new Hono().get`.
pub(super) fn maker<'a>(
    model: &'a HandlerModel,
    module: ModuleId,
    expression: &Expression,
) -> Option<&'a str> {
    follow(model, module, expression, MAX_LINKS)
}

/// The packages with code that names `fetch`, by which clients of services call out.
pub(super) fn fetching(model: &HandlerModel) -> BTreeSet<&str> {
    let modules = model.modules.iter();
    modules
        .filter(|module| module.globals.iter().any(|it| it.name == FETCH))
        .filter_map(|module| module.name.package())
        .collect()
}

fn follow<'a>(
    model: &'a HandlerModel,
    module: ModuleId,
    expression: &Expression,
    links: usize,
) -> Option<&'a str> {
    let links = links.checked_sub(1)?;
    let code = &model.module(module).code;
    match &expression.root().value {
        Value::Call(id) => follow(model, module, &code[*id].callee, links),
        Value::Binding(id) => match &code[*id].origin {
            Origin::Value(value) => follow(model, module, value, links),
            Origin::Import { import, name } => {
                let imports = &model.module(module).imports;
                let Target::Module(target) = imports[*import].target else { return None };
                let exporter = model.module(target);
                let exported = name.as_ref().and_then(|name| exporter.code.exports.get(name));
                let package = exporter.name.package();
                package.or_else(|| follow(model, target, exported?, links))
            }
            Origin::Unknown => None,
        },
        _ => None,
    }
}
