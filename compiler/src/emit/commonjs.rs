//! CommonJS modules for an engine of ECMAScript modules.
//!
//! A module `x.js` of that system becomes three of the engine's:
//! - `x.js`, a script whose value is the function that Node.js wraps around the text. It is no module, because
//!   that text is not in strict mode;
//! - `define:x.js`, which hands the function to `require`, and imports whatever the text may require, so that it
//!   is there by then;
//! - `import:x.js`, for `import` from other modules: it requires `x.js`, and exports `module.exports` as
//!   the default and its properties by their names.
//!
//! `default:x.js` stands before the last one for importers that expect what bundlers and `tsc` do with a
//! module that was compiled to CommonJS: its default export is `exports.default`.

use std::collections::{BTreeMap, BTreeSet};

use swc_core::common::DUMMY_SP;
use swc_core::ecma::ast::{
    Expr, ExprStmt, FnExpr, Function, FunctionBody, Ident, Param, ParenExpr, Program, Script, Stmt,
};
use zigts_rules::import::{ImportKind, Target};
use zigts_rules::model::{Format, HandlerModel};
use zigts_rules::span::ModuleId;

use super::emitted::Emitted;
use crate::commonjs::CommonJsExports;
use crate::parse::Parsed;

/// The module that has `require`.
const RUNTIME: &str = "zigts:commonjs";

/// The parameters of the function around a module's text.
const PARAMETERS: [&str; 5] = ["exports", "require", "module", "__filename", "__dirname"];

/// What is known of all CommonJS modules of a handler.
pub(super) struct CommonJs {
    exports: BTreeMap<ModuleId, CommonJsExports>,
    /// Modules whose importers get `module.exports` as the default, as in Node.js.
    follow_node: BTreeSet<ModuleId>,
}

impl CommonJs {
    pub(super) fn of(model: &HandlerModel, parsed: &[Option<Parsed>]) -> CommonJs {
        let trees = || {
            let ids = (0..parsed.len()).map(ModuleId::new);
            ids.zip(parsed).filter_map(|(id, parsed)| Some((id, parsed.as_ref()?)))
        };
        let mut exports: BTreeMap<ModuleId, CommonJsExports> = trees()
            .filter(|(_, parsed)| parsed.format == Format::CommonJs)
            .map(|(id, parsed)| (id, parsed.commonjs.clone()))
            .collect();
        // A name that is imported exists as far as its importer is concerned.
        for (_, import) in model.imports() {
            if let Target::Module(id) = import.target
                && let Some(exports) = exports.get_mut(&id)
            {
                let names = import.names.iter();
                let taken = names.flat_map(|name| name.imported.iter().chain(&name.uses.members));
                exports.names.extend(taken.filter(|&name| name != "default").cloned());
            }
        }
        let follow_node = trees().filter(|(_, parsed)| parsed.follows_node).map(|(id, _)| id);
        CommonJs { exports, follow_node: follow_node.collect() }
    }

    /// What a module is called where another one imports it.
    pub(super) fn name_for_import(
        &self,
        model: &HandlerModel,
        importer: ModuleId,
        id: ModuleId,
    ) -> String {
        let name = &model.module(id).name;
        match self.exports.get(&id) {
            None => name.as_str().to_owned(),
            Some(exports)
                if exports.is_compiled_module && !self.follow_node.contains(&importer) =>
            {
                format!("default:{name}")
            }
            Some(_) => format!("import:{name}"),
        }
    }

    /// The modules that make a CommonJS module out of a script, which requires these.
    pub(super) fn modules_around(
        &self,
        model: &HandlerModel,
        id: ModuleId,
        required: &BTreeSet<ModuleId>,
    ) -> Vec<Emitted> {
        let name = model.module(id).name.as_str();
        let mut modules = vec![
            added(format!("define:{name}"), definition(model, name, required)),
            added(format!("import:{name}"), self.facade(model, id)),
        ];
        if self.exports[&id].is_compiled_module {
            let facade = quoted(&format!("import:{name}"));
            let code = format!(
                "import exports from {facade};\nexport * from {facade};\n\
                 export default exports.default;\n"
            );
            modules.push(added(format!("default:{name}"), code));
        }
        modules
    }

    fn facade(&self, model: &HandlerModel, id: ModuleId) -> String {
        let name = model.module(id).name.as_str();
        let mut code = format!(
            "import {{ property, require }} from {};\nimport {};\nconst exports = require({});\n\
             export default exports;\n",
            quoted(RUNTIME),
            quoted(&format!("define:{name}")),
            quoted(name),
        );
        let names = self.names_of(model, id);
        for (index, name) in names.iter().enumerate() {
            let key = quoted(name);
            code += &format!(
                "const ${index} = property(exports, {key});\nexport {{ ${index} as {key} }};\n"
            );
        }
        code
    }

    /// The names that a module exports, with those of the modules that it passes on.
    fn names_of(&self, model: &HandlerModel, id: ModuleId) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut seen = BTreeSet::from([id]);
        let mut waiting = vec![id];
        while let Some(id) = waiting.pop() {
            let Some(exports) = self.exports.get(&id) else {
                names.extend(model.exports_of(id).names.into_keys().filter(|it| it != "default"));
                continue;
            };
            names.extend(exports.names.iter().cloned());
            let imports = model.module(id).imports.iter();
            waiting.extend(imports.filter_map(|import| match import.target {
                Target::Module(next)
                    if import.kind == ImportKind::Require
                        && exports.passed_on.contains(&import.specifier)
                        && seen.insert(next) =>
                {
                    Some(next)
                }
                _ => None,
            }));
        }
        names
    }
}

/// Hands the function of a module to `require`, with all that it may require.
fn definition(model: &HandlerModel, name: &str, required: &BTreeSet<ModuleId>) -> String {
    let mut code = format!(
        "import {{ define, provide }} from {};\nimport definition from {};\n",
        quoted(RUNTIME),
        quoted(name),
    );
    let mut provided = String::new();
    for (index, id) in required.iter().enumerate() {
        let module = model.module(*id);
        let specifier = quoted(module.name.as_str());
        match module.format {
            Format::CommonJs => {
                code += &format!("import {};\n", quoted(&format!("define:{}", module.name)));
            }
            Format::Module | Format::Json => {
                let is_value =
                    module.format == Format::Json || module.name.as_str().starts_with("node:");
                let value = if is_value { ".default" } else { "" };
                code += &format!("import * as module{index} from {specifier};\n");
                provided += &format!("provide({specifier}, () => module{index}{value});\n");
            }
        }
    }
    code + &format!("define({}, definition);\n", quoted(name)) + &provided
}

/// `require`, and the modules that it knows.
pub(super) fn runtime() -> Emitted {
    added(RUNTIME.to_owned(), include_str!("commonjs.js").to_owned())
}

fn added(name: String, code: String) -> Emitted {
    Emitted { name, code, is_script: false, source: None }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text always serialises")
}

/// Wraps a module's text in the function that Node.js wraps it in.
pub(super) fn as_function(program: Program) -> Program {
    let Program::Script(script) = program else { return program };
    let name = |name: &str| Ident::new_no_ctxt(name.into(), DUMMY_SP);
    let parameter = |text: &&str| Param::from(swc_core::ecma::ast::Pat::from(name(text)));
    let function = Function {
        params: PARAMETERS.iter().map(parameter).collect(),
        body: Some(FunctionBody { stmts: script.body, ..FunctionBody::default() }),
        ..Function::default()
    };
    let function = Expr::Fn(FnExpr { ident: None, function: Box::new(function) });
    let value = Expr::Paren(ParenExpr { span: DUMMY_SP, expr: Box::new(function) });
    let statement = Stmt::Expr(ExprStmt { span: DUMMY_SP, expr: Box::new(value) });
    Program::Script(Script { span: script.span, body: vec![statement], shebang: None })
}
