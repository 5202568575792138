//! Adds names to what a module imports.

use zigttp_abi::api::Module;

use crate::diagnostic::Edit;
use crate::import::{ImportKind, Target};
use crate::model::HandlerModel;
use crate::span::{ModuleId, Span};

/// Adds names to what a module imports from a built-in one: to the import that it has, or with one of its own.
pub(crate) fn adding(
    handler: &HandlerModel,
    module: ModuleId,
    from: Module,
    names: &[&str],
) -> Edit {
    let names = names.join(", ");
    let next = handler.module(module).imports.iter().find_map(|import| {
        let is_it = import.target == Target::Builtin(from)
            && import.kind == ImportKind::Static
            && !import.is_type_only;
        import.next_name.filter(|_| is_it)
    });
    match next {
        Some(span) => Edit { span, replacement: format!(", {names}") },
        None => Edit {
            span: Span::start_of(module),
            replacement: format!("import {{ {names} }} from \"{}\";\n", from.specifier()),
        },
    }
}
