//! From text to a syntax tree in which every name is tied to its declaration.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use swc_core::common::comments::{CommentKind, SingleThreadedComments};
use swc_core::common::{FileName, Mark, SourceMap};
use swc_core::ecma::ast::{EsVersion, Program};
use swc_core::ecma::parser::{EsSyntax, Syntax, TsSyntax, parse_file_as_module};
use swc_core::ecma::transforms::base::resolver;
use zigts_rules::import::ModuleName;
use zigts_rules::model::SyntaxError;
use zigts_rules::span::{ModuleId, Span};

use crate::source::{Positions, SourceFile};
use crate::{Decorators, ambiguity, early, namespaces, nesting, surrogates};

/// What the engine runs.
pub(crate) const LANGUAGE: EsVersion = EsVersion::Es2023;

/// Most errors that are reported for a module. Later ones are mostly consequences of the first.
const MAX_ERRORS: usize = 50;

/// A module's syntax tree with what later phases need.
pub(crate) struct Parsed {
    pub(crate) program: Program,
    /// Marks names that are declared nowhere in the module.
    pub(crate) unresolved: Mark,
    /// Marks names that are declared outside of functions.
    pub(crate) top_level: Mark,
    /// The table that positions in the tree refer to; it has this one file.
    pub(crate) positions: Rc<SourceMap>,
    /// In the order of the source.
    pub(crate) comments: Vec<Comment>,
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
    decorators: Decorators,
) -> Result<Parsed, Vec<SyntaxError>> {
    if let Some(error) = ambiguity::first_too_deep(id, file.text()) {
        return Err(vec![error]);
    }
    // The parser recurses as deep as the text is nested, before the depth can be checked.
    // See `nesting` for the figures.
    stacker::grow(nesting::stack_bytes(file.text()), || {
        // It panics over some broken texts (an enum member `[abstract` is one); to the author that
        // is an error like any other. Nothing of what it was doing is used afterwards.
        catch_unwind(AssertUnwindSafe(|| parse_recursively(id, file, decorators))).unwrap_or_else(
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
    decorators: Decorators,
) -> Result<Parsed, Vec<SyntaxError>> {
    let positions = Rc::<SourceMap>::default();
    let name = FileName::Custom(file.name().as_str().to_owned());
    let (text, mut surrogates) = surrogates::replace(file.text());
    let loaded = positions.new_source_file(name.into(), text);
    let spans = Positions::new(id, file.text());

    let mut errors = Vec::new();
    let comments = SingleThreadedComments::default();
    let syntax = syntax_of(file);
    let parsed = parse_file_as_module(&loaded, syntax, LANGUAGE, Some(&comments), &mut errors);
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
        Ok(module) if errors.is_empty() => {
            let mut program = Program::Module(module);
            surrogates.restore(&mut program);
            if let Some(too_deep) = nesting::first_too_deep(&program, spans) {
                return Err(vec![too_deep]);
            }
            let mut early = early::errors(&program, spans, decorators);
            if !early.is_empty() {
                early.truncate(MAX_ERRORS);
                return Err(early);
            }
            let (unresolved, top_level) = (Mark::new(), Mark::new());
            program.mutate(resolver(unresolved, top_level, is_typescript(file.name())));
            namespaces::qualify(&mut program);
            let comments = in_order(&comments, spans);
            Ok(Parsed { program, unresolved, top_level, positions, comments })
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

/// Whether a module may have types, by the end of its name.
pub(crate) fn is_typescript(name: &ModuleName) -> bool {
    let name = name.as_str();
    !(name.ends_with(".js") || name.ends_with(".mjs"))
}

fn syntax_of(file: &SourceFile) -> Syntax {
    if is_typescript(file.name()) {
        Syntax::Typescript(TsSyntax { decorators: true, ..TsSyntax::default() })
    } else {
        Syntax::Es(EsSyntax {
            auto_accessors: true,
            decorators: true,
            decorators_before_export: true,
            explicit_resource_management: true,
            import_attributes: true,
            ..EsSyntax::default()
        })
    }
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
