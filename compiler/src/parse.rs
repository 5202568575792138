//! From text to a syntax tree in which every name is tied to its declaration.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use swc_core::common::comments::{CommentKind, SingleThreadedComments};
use swc_core::common::sync::Lrc;
use swc_core::common::{FileName, Mark, SourceMap, SyntaxContext};
use swc_core::ecma::ast::{EsVersion, Program};
use swc_core::ecma::parser::{
    EsSyntax, Syntax, TsSyntax, parse_file_as_commonjs, parse_file_as_module, parse_file_as_program,
};
use swc_core::ecma::transforms::base::resolver;
use zigts_rules::import::ModuleName;
use zigts_rules::model::{Format, SyntaxError};
use zigts_rules::span::{ModuleId, Span};

use crate::commonjs::CommonJsExports;
use crate::guards::Guards;
use crate::modules::PackageType;
use crate::source::{Positions, SourceFile};
use crate::{Decorators, ambiguity, commonjs, early, namespaces, nesting, surrogates};

/// What the engine runs.
pub(crate) const LANGUAGE: EsVersion = EsVersion::Es2023;

/// Most errors that are reported for a module. Later ones are mostly consequences of the first.
const MAX_ERRORS: usize = 50;

/// How the text of a module is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    TypeScript,
    /// JavaScript that is an ECMAScript module.
    Module,
    /// JavaScript that is one if it imports or exports something, and else CommonJS.
    ModuleOrCommonJs,
    CommonJs,
    Json,
}

impl Kind {
    /// As Node.js decides: by the extension, else by the package's `type`, else by the text. A handler's own
    /// `.js` files are modules.
    fn of(name: &ModuleName, package_type: Option<PackageType>) -> Kind {
        let is_own = name.package().is_none() || name.as_str().starts_with("node:");
        match name.as_str().rsplit_once('.').map(|(_, extension)| extension) {
            Some("mjs") => Kind::Module,
            Some("cjs") => Kind::CommonJs,
            Some("json") => Kind::Json,
            Some("js") if is_own || package_type == Some(PackageType::Module) => Kind::Module,
            Some("js") => Kind::ModuleOrCommonJs,
            None if is_own => Kind::Module,
            Some("ts" | "mts" | "cts") => Kind::TypeScript,
            _ => Kind::ModuleOrCommonJs,
        }
    }
}

/// In which language a module is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Language {
    pub(crate) kind: Kind,
    pub(crate) decorators: Decorators,
    /// Whether `import` of a CommonJS module gives it `module.exports` as the default in any case, as in Node.js.
    pub(crate) follows_node: bool,
}

impl Language {
    /// That of a module in a package of this type.
    pub(crate) fn of(
        name: &ModuleName,
        package_type: Option<PackageType>,
        decorators: Decorators,
    ) -> Language {
        let has_own_extension = [".mjs", ".mts"].iter().any(|it| name.as_str().ends_with(it));
        Language {
            kind: Kind::of(name, package_type),
            decorators,
            follows_node: has_own_extension || package_type == Some(PackageType::Module),
        }
    }
}

/// A module's syntax tree with what later phases need.
pub(crate) struct Parsed {
    pub(crate) program: Program,
    pub(crate) format: Format,
    /// Whether its types have to be taken off.
    pub(crate) is_typescript: bool,
    /// As [`Language::follows_node`].
    pub(crate) follows_node: bool,
    /// What it exports, if it is a CommonJS module.
    pub(crate) commonjs: CommonJsExports,
    /// Parts that never run.
    pub(crate) dead_code: Vec<Span>,
    /// Marks names that are declared nowhere in the module.
    pub(crate) unresolved: Mark,
    /// Marks names that are declared outside of functions.
    pub(crate) top_level: Mark,
    /// The table that positions in the tree refer to; it has this one file.
    pub(crate) positions: Rc<SourceMap>,
    /// In the order of the source.
    pub(crate) comments: Vec<Comment>,
}

impl Parsed {
    /// Whether a place lies in a part that never runs.
    pub(crate) fn is_dead(&self, span: Span) -> bool {
        self.dead_code.iter().any(|dead| dead.start <= span.start && span.end <= dead.end)
    }

    /// Whether a name is one that a CommonJS module has without declaring it.
    pub(crate) fn is_of_commonjs(&self, name: &str) -> bool {
        const NAMES: [&str; 5] = ["exports", "require", "module", "__filename", "__dirname"];
        self.format == Format::CommonJs && NAMES.contains(&name)
    }
}

/// One comment.
pub(crate) struct Comment {
    pub(crate) span: Span,
    /// Whether it begins with `/**`.
    pub(crate) is_doc: bool,
}

/// Parses one module.
///
/// Must run within the parser's global state (`GLOBALS`).
pub(crate) fn parse(
    id: ModuleId,
    file: &SourceFile,
    language: Language,
) -> Result<Parsed, Vec<SyntaxError>> {
    if language.kind == Kind::TypeScript
        && let Some(error) = ambiguity::first_too_deep(id, file.text())
    {
        return Err(vec![error]);
    }
    // The parser recurses as deep as the text is nested, before the depth can be checked.
    // See `nesting` for the figures.
    stacker::grow(nesting::stack_bytes(file.text()), || {
        // It panics over some broken texts (an enum member `[abstract` is one); to the author that
        // is an error like any other. Nothing of what it was doing is used afterwards.
        catch_unwind(AssertUnwindSafe(|| parse_recursively(id, file, language))).unwrap_or_else(
            |_| {
                let message = "the parser cannot read this module".to_owned();
                Err(vec![SyntaxError { span: Span::start_of(id), message }])
            },
        )
    })
}

fn parse_recursively(
    id: ModuleId,
    file: &SourceFile,
    language: Language,
) -> Result<Parsed, Vec<SyntaxError>> {
    let positions = Rc::<SourceMap>::default();
    let name = FileName::Custom(file.name().as_str().to_owned());
    let (text, mut surrogates) = surrogates::replace(file.text());
    let loaded = positions.new_source_file(name.into(), text);
    let spans = Positions::new(id, file.text());

    let mut errors = Vec::new();
    let comments = SingleThreadedComments::default();
    let Language { kind, decorators, follows_node } = language;
    let syntax = syntax_of(kind);
    let source =
        if kind == Kind::Json { json_module(id, file.text(), &positions)? } else { loaded };
    let parsed = match kind {
        Kind::TypeScript | Kind::Module | Kind::Json => {
            parse_file_as_module(&source, syntax, LANGUAGE, Some(&comments), &mut errors)
                .map(Program::Module)
        }
        Kind::ModuleOrCommonJs => {
            parse_file_as_program(&source, syntax, LANGUAGE, Some(&comments), &mut errors)
        }
        Kind::CommonJs => {
            parse_file_as_commonjs(&source, syntax, LANGUAGE, Some(&comments), &mut errors)
                .map(Program::Script)
        }
    };
    let mut errors: Vec<SyntaxError> = errors
        .into_iter()
        .chain(parsed.as_ref().err().cloned())
        .map(|error| SyntaxError { span: spans.of(&error), message: sentence(&error.kind().msg()) })
        .collect();
    // The parser may report one span twice, on the way in and on the way out.
    errors.sort_by_key(|error| error.span);
    errors.dedup_by_key(|error| error.span);
    errors.truncate(MAX_ERRORS);

    match parsed {
        Ok(mut program) if errors.is_empty() => {
            surrogates.restore(&mut program);
            if let Some(too_deep) = nesting::first_too_deep(&program, spans) {
                return Err(vec![too_deep]);
            }
            // Of a CommonJS module strict mode may ask too much; the engine has the last word there.
            let mut early = match &program {
                Program::Module(_) => early::errors(&program, spans, decorators),
                Program::Script(_) => Vec::new(),
            };
            if !early.is_empty() {
                early.truncate(MAX_ERRORS);
                return Err(early);
            }
            let (unresolved, top_level) = (Mark::new(), Mark::new());
            let is_typescript = kind == Kind::TypeScript;
            program.mutate(resolver(unresolved, top_level, is_typescript));
            if is_typescript {
                namespaces::qualify(&mut program);
            }
            let format = match (kind, &program) {
                (Kind::Json, _) => Format::Json,
                (_, Program::Script(_)) => Format::CommonJs,
                (_, Program::Module(_)) => Format::Module,
            };
            let undeclared = SyntaxContext::empty().apply_mark(unresolved);
            let commonjs = match format {
                Format::CommonJs => commonjs::exports(&program, undeclared),
                Format::Module | Format::Json => CommonJsExports::default(),
            };
            let dead_code = Guards::new(undeclared, format).dead_code(&program, spans);
            let comments = in_order(&comments, spans);
            Ok(Parsed {
                program,
                follows_node,
                format,
                is_typescript,
                commonjs,
                dead_code,
                unresolved,
                top_level,
                positions,
                comments,
            })
        }
        _ => Err(errors),
    }
}

fn in_order(comments: &SingleThreadedComments, spans: Positions<'_>) -> Vec<Comment> {
    let (leading, trailing) = comments.borrow_all();
    let mut comments: Vec<Comment> = leading
        .values()
        .chain(trailing.values())
        .flatten()
        .map(|comment| Comment {
            span: spans.of(comment),
            is_doc: comment.kind == CommentKind::Block && comment.text.starts_with('*'),
        })
        .collect();
    comments.sort_by_key(|comment| comment.span);
    // The parser may file one comment under both of its neighbours.
    comments.dedup_by_key(|comment| comment.span);
    comments
}

fn syntax_of(kind: Kind) -> Syntax {
    match kind {
        Kind::TypeScript => {
            Syntax::Typescript(TsSyntax { decorators: true, ..TsSyntax::default() })
        }
        Kind::Module | Kind::ModuleOrCommonJs | Kind::CommonJs | Kind::Json => {
            Syntax::Es(EsSyntax {
                auto_accessors: true,
                decorators: true,
                decorators_before_export: true,
                explicit_resource_management: true,
                import_attributes: true,
                allow_return_outside_function: matches!(
                    kind,
                    Kind::ModuleOrCommonJs | Kind::CommonJs
                ),
                ..EsSyntax::default()
            })
        }
    }
}

/// JSON as a module: a text for `JSON.parse`, since `__proto__` means something else in an object literal.
fn json_module(
    id: ModuleId,
    text: &str,
    positions: &SourceMap,
) -> Result<Lrc<swc_core::common::SourceFile>, Vec<SyntaxError>> {
    let value: &serde_json::value::RawValue = serde_json::from_str(text).map_err(|error| {
        let file = SourceFile::new(ModuleName::new(""), text.to_owned());
        let line = u32::try_from(error.line().saturating_sub(1)).unwrap_or(0);
        let column = u32::try_from(error.column().saturating_sub(1)).unwrap_or(0);
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(it, _)| it);
        vec![SyntaxError {
            span: file.word_at(id, line, column),
            message: format!("no JSON: {message}"),
        }]
    })?;
    let quoted = serde_json::to_string(value.get()).expect("text always serialises");
    let name = FileName::Custom("json".to_owned());
    Ok(positions.new_source_file(name.into(), format!("export default JSON.parse({quoted});")))
}

/// The parser's messages as the others are written: without a capital and a full stop.
fn sentence(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut characters = message.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => message.to_owned(),
    }
}
