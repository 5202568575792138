//! Prints the JavaScript that the engine runs, with source maps.
//!
//! Types are stripped, and imports that TypeScript erases with them; what remains names other
//! modules by their resolved names, so that the engine has nothing to resolve. A CommonJS module becomes a
//! script, with modules around it that give it `require` and what it exports names (`commonjs`).

mod accessors;
mod commonjs;
mod counting;
mod decorators;
mod emitted;
mod helpers;
mod implied;
mod member_loops;
mod namespaces;
mod nul;
mod syntax;

use std::collections::{HashMap, VecDeque};

use sourcemap::SourceMap;
use swc_core::common::pass::Optional;
use swc_core::common::source_map::SourceMapGenConfig;
use swc_core::common::{FileName, GLOBALS, SyntaxContext};
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
use zigts_rules::import::{ImportKind, Target};
use zigts_rules::model::{Format, HandlerModel};
use zigts_rules::span::ModuleId;

use crate::Decorators;
use crate::coverage::{self, Counted};
use crate::guards::Guards;
use crate::load::Handler;
use crate::modules::Request;
use crate::parse::{LANGUAGE, Parsed};
use crate::source::Positions;
use commonjs::CommonJs;
use counting::Counting;
pub(crate) use emitted::{Emitted, EmittedFrom};
use helpers::HelperNames;
use member_loops::MemberLoops;
use nul::Nul;
use syntax::{Heritage, ModuleUsing};

/// Prints every module that is still reached once types are gone, the entry first.
///
/// Takes the syntax trees out of the handler. It must be free of errors. If there is a list for what is counted, the
/// handler's own modules get counters; those of packages and of CommonJS get none.
pub(crate) fn emit(handler: &mut Handler, mut counted: Option<&mut Vec<Counted>>) -> Vec<Emitted> {
    let Handler { model, parsed, sources, decorators, globals } = handler;
    GLOBALS.set(globals, || {
        let commonjs = CommonJs::of(model, parsed);
        let mut emitted = Vec::new();
        let mut waiting = VecDeque::from([ModuleId::ENTRY]);
        while let Some(id) = waiting.pop_front() {
            // A module that was taken already is reached a second time.
            let Some(tree) = parsed[id.index()].take() else { continue };
            let is_counted = is_counted(model, id, &tree);
            let counted = counted.as_deref_mut().filter(|_| is_counted);
            let text = sources.file(id).text();
            let counting = counted.map(|counted| Counting {
                counted,
                positions: Positions::new(id, text),
                undeclared: SyntaxContext::empty().apply_mark(tree.unresolved),
                name: None,
                places: 0,
            });
            let (module, reached) = emit_module(model, id, tree, *decorators, &commonjs, counting);
            emitted.push(module);
            if model.module(id).format == Format::CommonJs {
                let required = reached.iter().filter(|(request, _)| *request == Request::Require);
                let required = required.map(|&(_, id)| id).collect();
                emitted.extend(commonjs.modules_around(model, id, &required));
            }
            waiting.extend(reached.into_iter().map(|(_, id)| id));
        }
        if emitted.iter().any(|module| module.is_script) {
            emitted.push(commonjs::runtime());
        }
        if let Some(counted) = counted {
            emitted.push(Emitted {
                name: coverage::MODULE.to_owned(),
                code: coverage::code(counted.len()),
                is_script: false,
                source: None,
            });
        }
        emitted
    })
}

/// Whether a module is one of the handler's own, with code.
fn is_counted(model: &HandlerModel, id: ModuleId, parsed: &Parsed) -> bool {
    let name = &model.module(id).name;
    let is_own = name.package().is_none() && !name.as_str().starts_with("node:");
    is_own && parsed.format != Format::CommonJs && !name.as_str().ends_with(".json")
}

/// Prints a module, and says which modules it asks for at run time, and how.
fn emit_module(
    model: &HandlerModel,
    id: ModuleId,
    parsed: Parsed,
    decorators: Decorators,
    commonjs: &CommonJs,
    counting: Option<Counting<'_>>,
) -> (Emitted, Vec<(Request, ModuleId)>) {
    let Parsed { mut program, unresolved, top_level, positions, format, is_typescript, .. } =
        parsed;
    let module = model.module(id);
    let undeclared = SyntaxContext::empty().apply_mark(unresolved);
    let mut rewriter = Rewriter {
        targets: targets(model, id, commonjs),
        undeclared: (format == Format::CommonJs).then_some(undeclared),
        reached: Vec::new(),
    };
    let helpers = Helpers::new(false);
    let context = SyntaxContext::empty().apply_mark(helpers.mark());
    let is_counting = counting.is_some();
    let mut passes = (
        visit_mut_pass(Guards::new(undeclared, format).remover()),
        Optional::new(typescript::typescript(strip_config(), unresolved, top_level), is_typescript),
        counting.map(visit_mut_pass),
        visit_mut_pass(&mut rewriter),
        visit_mut_pass(MemberLoops::of(module, top_level)),
        visit_mut_pass(Nul),
        visit_mut_pass(namespaces::Parameters),
        visit_mut_pass(ModuleUsing),
        inject_helpers(unresolved),
        visit_mut_pass(HelperNames { context, is_within: false }),
        hygiene(),
        fixer(None),
        visit_mut_pass(Heritage),
    );
    // What the engine lacks becomes calls of functions, which go into the module that needs them.
    HELPERS.set(&helpers, || {
        decorators::apply(&mut program, decorators);
        passes.process(&mut program);
    });
    drop(passes);
    if is_counting {
        implied::add(&mut program, coverage::ARRAY, coverage::MODULE, undeclared);
    }
    let is_script = format == Format::CommonJs;
    for import in module.imports.iter().filter(|import| import.kind == ImportKind::Implied) {
        let Target::Module(id) = import.target else { continue };
        let request = if is_script { Request::Require } else { Request::Import };
        rewriter.reached.push((request, id));
        let from = model.module(id).name.as_str();
        implied::add(&mut program, &import.names[0].local, from, undeclared);
    }
    if is_script {
        program = commonjs::as_function(program);
    }

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

    let map = SourceMap::from_slice(&map).expect("the printer's map is well formed");
    let emitted = Emitted {
        name: module.name.as_str().to_owned(),
        code: String::from_utf8(code).expect("the printer writes text"),
        is_script,
        source: Some(EmittedFrom { id, map }),
    };
    (emitted, rewriter.reached)
}

fn strip_config() -> typescript::Config {
    typescript::Config {
        // The engine has class fields; lowering them would cost events time.
        native_class_properties: true,
        no_empty_export: true,
        ..typescript::Config::default()
    }
}

/// Where a specifier leads: one specifier means the same wherever it stands, except that `require` and
/// `import` may get different modules of one package.
type Targets = HashMap<(Request, String), (ModuleId, String)>;

fn targets(model: &HandlerModel, importer: ModuleId, commonjs: &CommonJs) -> Targets {
    let imports = model.module(importer).imports.iter();
    let target = imports.filter_map(|import| match import.target {
        Target::Module(id) => {
            let request = Request::of(import.kind);
            let name = match request {
                Request::Require => model.module(id).name.as_str().to_owned(),
                Request::Import => commonjs.name_for_import(model, importer, id),
            };
            Some(((request, import.specifier.clone()), (id, name)))
        }
        Target::Builtin(_) | Target::Unresolved(_) => None,
    });
    target.collect()
}

struct Rewriter {
    targets: Targets,
    /// The context of names that a CommonJS module does not declare.
    undeclared: Option<SyntaxContext>,
    /// Modules that are imported or required, in order; one may be there twice.
    reached: Vec<(Request, ModuleId)>,
}

impl Rewriter {
    fn rewrite(&mut self, request: Request, specifier: &mut Str) {
        let Some(text) = specifier.value.as_str() else { return };
        if let Some((id, name)) = self.targets.get(&(request, text.to_owned())) {
            self.reached.push((request, *id));
            specifier.value = name.as_str().into();
            specifier.raw = None;
        }
    }
}

impl VisitMut for Rewriter {
    fn visit_mut_import_decl(&mut self, import: &mut ImportDecl) {
        self.rewrite(Request::Import, &mut import.src);
        import.with = None;
    }

    fn visit_mut_named_export(&mut self, export: &mut NamedExport) {
        if let Some(specifier) = &mut export.src {
            self.rewrite(Request::Import, specifier);
        }
        export.with = None;
    }

    fn visit_mut_export_all(&mut self, export: &mut ExportAll) {
        self.rewrite(Request::Import, &mut export.src);
        export.with = None;
    }

    fn visit_mut_call_expr(&mut self, call: &mut CallExpr) {
        if matches!(call.callee, Callee::Import(_)) {
            if let Some(Expr::Lit(Lit::Str(specifier))) =
                call.args.first_mut().map(|argument| &mut *argument.expr)
            {
                self.rewrite(Request::Import, specifier);
            }
            call.args.truncate(1);
        } else if let Some(undeclared) = self.undeclared
            && crate::commonjs::required(call, undeclared).is_some()
            && let Expr::Lit(Lit::Str(specifier)) = &mut *call.args[0].expr
        {
            self.rewrite(Request::Require, specifier);
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
