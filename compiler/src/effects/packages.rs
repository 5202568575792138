//! Calls into packages, and what is taken of them.

use zigts_rules::code::{Call, Expression, Origin, Value};
use zigts_rules::import::Target;
use zigts_rules::model::HandlerModel;
use zigts_rules::span::ModuleId;

/// Most names and calls in a row through which a value is followed to a package.
const MAX_LINKS: usize = 16;

/// Whether a call in the handler's own code is one of a package's function.
pub(super) fn is_called(model: &HandlerModel, module: ModuleId, call: &Call) -> bool {
    model.module(module).name.package().is_none() && has_made(model, module, &call.callee)
}

/// Whether an expression is taken of what a package exports: `z.object`, `new Hono().get`.
pub(super) fn has_made(model: &HandlerModel, module: ModuleId, expression: &Expression) -> bool {
    is_of_package(model, module, expression, MAX_LINKS)
}

fn is_of_package(
    model: &HandlerModel,
    module: ModuleId,
    expression: &Expression,
    links: usize,
) -> bool {
    let Some(links) = links.checked_sub(1) else { return false };
    let code = &model.module(module).code;
    match &expression.root().value {
        Value::Call(id) => is_of_package(model, module, &code[*id].callee, links),
        Value::Binding(id) => match &code[*id].origin {
            Origin::Value(value) => is_of_package(model, module, value, links),
            Origin::Import { import, name } => {
                let imports = &model.module(module).imports;
                let Target::Module(target) = imports[*import].target else { return false };
                let exporter = model.module(target);
                let exported = name.as_ref().and_then(|name| exporter.code.exports.get(name));
                exporter.name.package().is_some()
                    || exported.is_some_and(|it| is_of_package(model, target, it, links))
            }
            Origin::Unknown => false,
        },
        _ => false,
    }
}
