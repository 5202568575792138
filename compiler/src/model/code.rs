//! What the code of a module does: functions, bindings, calls and writes.
//!
//! One walk in the order of the source. Every expression is visited once and comes out as an
//! [`Expression`]; branches that a constant closes are not walked.

mod bindings;
mod calls;
mod conditions;
mod exits;
mod expressions;
mod functions;
mod members;
mod statements;
mod steps;
mod types;

use std::collections::{HashMap, HashSet};

use swc_core::atoms::Atom;
use swc_core::common::SyntaxContext;
use swc_core::ecma::ast::Id;
use swc_core::ecma::visit::VisitWith;
use zigts_rules::code::{
    Annotation, BindingId, Code, Expression, Function, FunctionId, LoopId, Receiver, Value,
};
use zigts_rules::span::{ModuleId, Span};

use super::comments::Docs;
use super::imports::Imports;
use crate::parse::Parsed;
use crate::source::Positions;

/// Methods that call their argument once for each element.
pub(crate) const PER_ELEMENT: [&str; 14] = [
    "forEach",
    "map",
    "filter",
    "some",
    "every",
    "find",
    "findIndex",
    "findLast",
    "findLastIndex",
    "flatMap",
    "reduce",
    "reduceRight",
    "sort",
    "toSorted",
];

/// Collects the code of one module.
pub(super) fn collect(
    id: ModuleId,
    text: &str,
    parsed: &Parsed,
    positions: Positions<'_>,
    imports: &Imports,
) -> Code {
    let mut code = Code::default();
    code.functions.push(Function {
        name: String::new(),
        span: Span::start_of(id),
        is_async: false,
        is_generator: false,
        parent: FunctionId::TOP_LEVEL,
        is_member: false,
        parameters: Vec::new(),
        receiver: None,
        steps: Vec::new(),
        returns: Vec::new(),
        turn_of: None,
        annotation: None,
    });
    let mut collector = Collector {
        positions,
        docs: Docs::new(id, text, &parsed.comments),
        undeclared: SyntaxContext::empty().apply_mark(parsed.unresolved),
        imports,
        code,
        by_id: HashMap::new(),
        reassigned: HashSet::new(),
        constants: HashSet::new(),
        function: FunctionId::TOP_LEVEL,
        innermost_loop: None,
        branches: 0,
        labels: Vec::new(),
        receiver: None,
        members_of: None,
        computed_key: None,
        is_in_switch: false,
        guards: Vec::new(),
        guarded: HashMap::new(),
        statement: 0,
        signature: None,
        namespaces: 0,
        unqualified: HashSet::new(),
        reads: Vec::new(),
        getters: HashSet::new(),
        copied_parts: 0,
    };
    parsed.program.visit_with(&mut collector);
    collector.call_getters();
    let Collector { mut code, reassigned, unqualified, .. } = collector;
    code.needed_globals.retain(|reference| !unqualified.contains(&reference.name));
    for (index, binding) in code.bindings.iter_mut().enumerate() {
        binding.is_constant = !reassigned.contains(&BindingId(index));
    }
    code
}

struct Collector<'a> {
    positions: Positions<'a>,
    docs: Docs<'a>,
    undeclared: SyntaxContext,
    imports: &'a Imports,
    code: Code,
    by_id: HashMap<Id, BindingId>,
    reassigned: HashSet<BindingId>,
    /// Declared with `const`, so that their value is known from there on.
    constants: HashSet<BindingId>,
    function: FunctionId,
    innermost_loop: Option<LoopId>,
    /// How many branches, loops and `try` are around, of all functions together.
    branches: usize,
    /// What `this` is.
    receiver: Option<Receiver>,
    /// The object literal or class whose members are walked: what `this` is in its methods.
    members_of: Option<Receiver>,
    /// The computed name of the member that was walked last.
    computed_key: Option<Expression>,
    /// Labels of the statements around, each with the loop around that statement.
    labels: Vec<(Atom, Option<LoopId>)>,
    /// Whether `break` ends a `switch`, not a loop.
    is_in_switch: bool,
    /// Names whose type the code has tested, in that order.
    guards: Vec<Atom>,
    /// How often each is among them.
    guarded: HashMap<Atom, usize>,
    /// Where the statement begins that is being walked, `export` included.
    statement: u32,
    /// The annotation of an overload's signature, for the function of that name that follows.
    signature: Option<(String, Annotation)>,
    /// How many TypeScript namespaces are being walked.
    namespaces: usize,
    /// Members of enums and namespaces, which other blocks of the same name may use without it.
    unqualified: HashSet<String>,
    /// Members that are read, each with the function that reads it.
    reads: Vec<(String, FunctionId, Span)>,
    /// Names of accessors: reading such a member calls a function.
    getters: HashSet<String>,
    /// Parts of values that have been copied.
    copied_parts: usize,
}

/// What a function is called where it is written.
struct Name {
    text: String,
    span: Span,
    /// Where its doc comment ends.
    docs: Vec<u32>,
    is_member: bool,
}

/// Most parts of a value that are copied, and of all values together. Values are copied where they are
/// assigned or taken apart, and large ones, copied many times, would fill the memory.
const MAX_COPIED_PARTS: usize = 1_000;
const MAX_COPIED_PARTS_IN_ALL: usize = 500_000;

/// Bytes of text that count as one part.
const TEXT_BYTES_PER_PART: usize = 64;

impl Collector<'_> {
    /// A copy of a value, unless it is too large to be worth following.
    fn copy(&mut self, expression: &Expression) -> Expression {
        fn count(expression: &Expression, left: &mut usize) -> Option<()> {
            *left = left.checked_sub(1)?;
            match &expression.value {
                Value::Array(parts) | Value::OneOf(parts) | Value::Joined(parts) => {
                    parts.iter().try_for_each(|part| count(part, left))
                }
                Value::Object { properties, .. } => {
                    properties.iter().try_for_each(|(_, part)| count(part, left))
                }
                Value::Member(object, _) => count(object, left),
                Value::Spread(items) => count(items, left),
                Value::Text(text) => {
                    *left = left.checked_sub(text.len() / TEXT_BYTES_PER_PART)?;
                    Some(())
                }
                _ => Some(()),
            }
        }
        let most = MAX_COPIED_PARTS.min(MAX_COPIED_PARTS_IN_ALL - self.copied_parts);
        let mut left = most;
        if count(expression, &mut left).is_none() {
            return Expression::unknown(expression.span);
        }
        self.copied_parts += most - left;
        expression.clone()
    }
}
