//! Prints the JavaScript that the engine runs, with source maps.
//!
//! Types are stripped, and imports that TypeScript erases with them; what remains names other
//! modules by their resolved names, so that the engine has nothing to resolve.

mod accessors;
mod decorators;
mod member_loops;
mod namespaces;
mod nul;
mod syntax;

use std::collections::{HashMap, VecDeque};

use sourcemap::SourceMap;
use swc_core::common::source_map::SourceMapGenConfig;
use swc_core::common::{FileName, GLOBALS};
use swc_core::ecma::ast::{
    CallExpr, Callee, ExportAll, Expr, ImportDecl, Lit, NamedExport, Pass, Str,
};
use swc_core::ecma::codegen::text_writer::JsWriter;
use swc_core::ecma::codegen::{Config, Emitter, Node};
use swc_core::ecma::transforms::base::fixer::fixer;
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers, inject_helpers};
use swc_core::ecma::transforms::base::hygiene::hygiene;
use swc_core::ecma::transforms::typescript;
use swc_core::ecma::visit::{VisitMut, VisitMutWith, visit_mut_pass};
use zigts_rules::import::{ModuleName, Target};
use zigts_rules::model::{HandlerModel, Module};
use zigts_rules::span::ModuleId;

use crate::Decorators;
use crate::load::Handler;
use crate::parse::{LANGUAGE, Parsed, is_typescript};
use member_loops::MemberLoops;
use nul::Nul;
use syntax::{Heritage, ModuleUsing};

/// One module as the engine gets it.
#[derive(Clone)]
pub(crate) struct Emitted {
    pub(crate) id: ModuleId,
    pub(crate) name: ModuleName,
    pub(crate) code: String,
    /// From positions in `code` to positions in the source.
    pub(crate) map: SourceMap,
}

/// Prints every module that is still reached once types are gone, the entry first.
///
/// Takes the syntax trees out of the handler. It must be free of errors.
pub(crate) fn emit(handler: &mut Handler) -> Vec<Emitted> {
    let Handler { model, parsed, decorators, globals, .. } = handler;
    GLOBALS.set(globals, || {
        let mut emitted = Vec::new();
        let mut waiting = VecDeque::from([ModuleId::ENTRY]);
        while let Some(id) = waiting.pop_front() {
            // A module that was taken already is reached a second time.
            let Some(tree) = parsed[id.index()].take() else { continue };
            let (module, reached) = emit_module(model, id, tree, *decorators);
            emitted.push(module);
            waiting.extend(reached);
        }
        emitted
    })
}

/// Prints a module, and says which modules it imports at run time.
fn emit_module(
    model: &HandlerModel,
    id: ModuleId,
    parsed: Parsed,
    decorators: Decorators,
) -> (Emitted, Vec<ModuleId>) {
    let Parsed { mut program, unresolved, top_level, positions, .. } = parsed;
    let module = model.module(id);
    let mut rewriter = Rewriter { targets: targets(model, module), reached: Vec::new() };
    let mut passes = (
        typescript::typescript(strip_config(&module.name), unresolved, top_level),
        visit_mut_pass(&mut rewriter),
        visit_mut_pass(MemberLoops::of(module, top_level)),
        visit_mut_pass(Nul),
        visit_mut_pass(namespaces::Parameters),
        visit_mut_pass(ModuleUsing),
        inject_helpers(unresolved),
        hygiene(),
        fixer(None),
        visit_mut_pass(Heritage),
    );
    // What the engine lacks becomes calls of functions, which go into the module that needs them.
    HELPERS.set(&Helpers::new(false), || {
        decorators::apply(&mut program, decorators);
        passes.process(&mut program);
    });
    drop(passes);

    let mut code = Vec::new();
    let mut mappings = Vec::new();
    let writer = JsWriter::new(positions.clone(), "\n", &mut code, Some(&mut mappings));
    let mut emitter = Emitter {
        cfg: Config::default().with_target(LANGUAGE),
        cm: positions.clone(),
        comments: None,
        wr: writer,
    };
    program.emit_with(&mut emitter).expect("writing to memory cannot fail");
    let mut map = Vec::new();
    positions
        .build_source_map(&mappings, None, MapConfig)
        .to_writer(&mut map)
        .expect("writing to memory cannot fail");

    let emitted = Emitted {
        id,
        name: module.name.clone(),
        code: String::from_utf8(code).expect("the printer writes text"),
        map: SourceMap::from_slice(&map).expect("the printer's map is well formed"),
    };
    (emitted, rewriter.reached)
}

fn strip_config(name: &ModuleName) -> typescript::Config {
    typescript::Config {
        // What TypeScript imports and does not use may be a type. In JavaScript the module is imported for what
        // it does.
        verbatim_module_syntax: !is_typescript(name),
        // The engine has class fields; lowering them would cost events time.
        native_class_properties: true,
        no_empty_export: true,
        ..typescript::Config::default()
    }
}

/// Where each specifier of a module leads: one specifier means the same wherever it stands.
fn targets(model: &HandlerModel, module: &Module) -> HashMap<String, (ModuleId, ModuleName)> {
    module
        .imports
        .iter()
        .filter_map(|import| match import.target {
            Target::Module(id) => {
                Some((import.specifier.clone(), (id, model.module(id).name.clone())))
            }
            Target::Builtin(_) | Target::Unresolved(_) => None,
        })
        .collect()
}

struct Rewriter {
    targets: HashMap<String, (ModuleId, ModuleName)>,
    /// Modules that are imported, in order; one may be there twice.
    reached: Vec<ModuleId>,
}

impl Rewriter {
    fn rewrite(&mut self, specifier: &mut Str) {
        let Some(text) = specifier.value.as_str() else { return };
        if let Some((id, name)) = self.targets.get(text) {
            self.reached.push(*id);
            specifier.value = name.as_str().into();
            specifier.raw = None;
        }
    }
}

impl VisitMut for Rewriter {
    fn visit_mut_import_decl(&mut self, import: &mut ImportDecl) {
        self.rewrite(&mut import.src);
        import.with = None;
    }

    fn visit_mut_named_export(&mut self, export: &mut NamedExport) {
        if let Some(specifier) = &mut export.src {
            self.rewrite(specifier);
        }
        export.with = None;
    }

    fn visit_mut_export_all(&mut self, export: &mut ExportAll) {
        self.rewrite(&mut export.src);
        export.with = None;
    }

    fn visit_mut_call_expr(&mut self, call: &mut CallExpr) {
        if matches!(call.callee, Callee::Import(_)) {
            if let Some(Expr::Lit(Lit::Str(specifier))) =
                call.args.first_mut().map(|argument| &mut *argument.expr)
            {
                self.rewrite(specifier);
            }
            call.args.truncate(1);
        }
        call.visit_mut_children_with(self);
    }
}

/// Maps name modules without their texts, so that the artifact does not contain the source.
struct MapConfig;

impl SourceMapGenConfig for MapConfig {
    fn file_name_to_source(&self, file: &FileName) -> String {
        file.to_string()
    }

    fn inline_sources_content(&self, _: &FileName) -> bool {
        false
    }
}
