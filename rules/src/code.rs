//! What a module's code does, as plain values: functions, bindings, calls and writes.
//!
//! Expressions are kept as far as rules follow them: constants, containers, functions, names,
//! members and calls. Everything else is [`Value::Unknown`], about which nothing is claimed.
//! [`crate::resolve`] says what a name means across modules.

use std::collections::{BTreeMap, BTreeSet};

use crate::import::Reference;
use crate::span::Span;

/// The code of one module.
#[derive(Clone, Debug, Default)]
pub struct Code {
    /// By [`FunctionId`]; the first is the module's top level.
    pub functions: Vec<Function>,
    /// By [`BindingId`].
    pub bindings: Vec<Binding>,
    /// By [`CallId`], in the order of the source, those in dead branches left out.
    pub calls: Vec<Call>,
    /// Assignments, deletions and calls of methods that may change their object.
    pub writes: Vec<Write>,
    /// Names of members that are assigned, of whatever object.
    pub assigned_members: BTreeSet<String>,
    /// By [`LoopId`].
    pub loops: Vec<Loop>,
    /// Members that are taken of something that is followed, in the order of the source.
    pub members: Vec<MemberUse>,
    /// Undeclared names, where the code would fail without them: not after `typeof`,
    /// not behind a test of `typeof`, not in dead branches.
    pub needed_globals: Vec<Reference>,
    /// Calls that stand as statements of their own, so that nothing takes their result.
    pub dropped: Vec<Expression>,
    /// What a condition is: of `if`, a loop or `?:`, left of `&&` and `||`, and after `!`.
    pub tested: Vec<Expression>,
    /// Texts, names and members that something is compared with: `room === LOBBY`, `case "/lobby":`.
    pub compared: Vec<Expression>,
    /// The types of properties that classes declare, by name; nothing where two differ.
    pub own_properties: BTreeMap<String, Option<DeclaredType>>,
    /// Values that are exported under a name and declared here.
    pub exports: BTreeMap<String, Expression>,
}

impl Code {
    /// Calls and names that `await` stands before.
    pub fn awaited(&self) -> impl Iterator<Item = &Expression> {
        let steps = self.functions.iter().flat_map(|function| &function.steps);
        steps.filter_map(|step| match step {
            Step::Await(promise) => Some(promise),
            _ => None,
        })
    }

    /// The place of a parameter among those of its function.
    pub fn place_of_parameter(&self, id: BindingId) -> Option<usize> {
        let parameters = &self[self[id].scope].parameters;
        parameters.iter().position(|it| it.binding == Some(id) && !it.is_rest)
    }
}

macro_rules! index {
    ($(#[$doc:meta])* $name:ident, $field:ident, $of:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub usize);

        impl std::ops::Index<$name> for Code {
            type Output = $of;

            fn index(&self, id: $name) -> &$of {
                &self.$field[id.0]
            }
        }
    };
}

index!(
    /// A function of a module.
    FunctionId, functions, Function
);
index!(
    /// A binding of a module.
    BindingId, bindings, Binding
);
index!(
    /// A call in a module.
    CallId, calls, Call
);
index!(
    /// A loop in a module.
    LoopId, loops, Loop
);

impl FunctionId {
    /// The code outside of functions.
    pub const TOP_LEVEL: FunctionId = FunctionId(0);
}

/// One function, method or arrow function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name, or that of what it is assigned to; empty if it has none.
    pub name: String,
    /// The name, or else the function's beginning.
    pub span: Span,
    /// The function it is written in.
    pub parent: FunctionId,
    pub is_async: bool,
    pub is_generator: bool,
    /// Whether it is a method, or a property of an object literal.
    pub is_member: bool,
    /// Its parameters, without TypeScript's `this`.
    pub parameters: Vec<Parameter>,
    /// What `this` is in it, if that is known.
    pub receiver: Option<Receiver>,
    /// What it does, in the order in which it runs.
    pub steps: Vec<Step>,
    /// What it may return.
    pub returns: Vec<Expression>,
    /// What each turn of a method such as `forEach` calls it for, if it is passed to one.
    pub turn_of: Option<LoopId>,
    /// What its doc comment says with `@effects`.
    pub annotation: Option<Annotation>,
}

/// One parameter of a function.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub span: Span,
    /// Its name, if it has one: a pattern such as `{ id }` has none.
    pub binding: Option<BindingId>,
    /// Whether a caller has to pass it: no default, not optional, not `...rest`.
    pub is_required: bool,
    pub is_rest: bool,
}

/// What `this` is in a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// The class or the object literal.
    pub span: Span,
    /// Whether it is that itself, and not an instance of the class.
    pub is_itself: bool,
    /// The function in which that is written.
    pub written_in: FunctionId,
}

/// One step of a function. Between [`Step::Branch`] and its [`Step::Join`] one of the ways runs that
/// [`Step::Or`] separates; between [`Step::Loop`] and its [`Step::Join`] is what runs any number of times.
#[derive(Clone, Debug)]
pub enum Step {
    /// Reads a name, `this` or `globalThis`, or a member of one.
    Read(Expression),
    /// The write of this index.
    Write(usize),
    Call(CallId),
    /// `await`, of a call or a name.
    Await(Expression),
    Branch,
    Or,
    Loop,
    Join,
    /// `return` or `throw`
    Exit,
}

/// `@effects …` in a doc comment.
#[derive(Clone, Debug)]
pub struct Annotation {
    /// The tag and its names.
    pub span: Span,
    /// Each name.
    pub names: Vec<Reference>,
}

/// A name that is declared or imported.
#[derive(Clone, Debug)]
pub struct Binding {
    pub name: String,
    pub span: Span,
    /// The function it belongs to.
    pub scope: FunctionId,
    pub origin: Origin,
    /// How often the name is used, its declaration aside.
    pub uses: usize,
    /// What is assigned to it or added to it later.
    pub inflow: Vec<Expression>,
    /// Whether it never holds anything but its first value.
    pub is_constant: bool,
    /// The type that is written beside its name, as far as types are followed.
    pub declared_type: Option<DeclaredType>,
}

/// A type that this module does not declare itself: `WebSocket`, `Request | undefined`, `WebSocket[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredType {
    pub name: String,
    /// Whether it is a list or a set of these.
    pub is_list: bool,
}

/// Where the value of a binding comes from.
#[derive(Clone, Debug)]
pub enum Origin {
    /// An import, by its index and the name in the other module (`None`: all of it).
    Import { import: usize, name: Option<String> },
    /// This value.
    Value(Expression),
    /// A caller's argument, or something else that is not followed.
    Unknown,
}

/// One call, or `new`.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called, without the arguments.
    pub span: Span,
    /// The function it is written in.
    pub function: FunctionId,
    pub callee: Expression,
    /// The arguments; those from a `...spread` on are left out.
    pub arguments: Vec<Expression>,
    /// Whether there is a `...spread`, so that there may be more of them.
    pub has_spread: bool,
    /// Where the first argument begins, as it is written.
    pub first_argument: Option<Span>,
    /// Where one more argument can be written: behind the last one, or between the parentheses.
    pub next_argument: Option<Span>,
    pub is_new: bool,
    /// The innermost loop of the same function around it.
    pub innermost_loop: Option<LoopId>,
}

/// One loop, or the turns of a method such as `forEach`.
#[derive(Clone, Debug)]
pub struct Loop {
    /// What it goes over.
    pub over: Expression,
    /// The next outer loop of the same function.
    pub outer: Option<LoopId>,
}

/// `object.name`, or `{ name } = object`
#[derive(Clone, Debug)]
pub struct MemberUse {
    /// All of it, as it is written.
    pub span: Span,
    pub object: Expression,
    /// Where the object is written, parentheses included.
    pub object_span: Span,
    /// The function it is written in.
    pub function: FunctionId,
    pub name: String,
    pub kind: MemberKind,
    /// Whether it is taken with `?.`.
    pub is_optional: bool,
    /// Whether a condition around it tests whether the member is there.
    pub is_guarded: bool,
    /// Whether it may not be reached, or its failure be caught, for something around it.
    pub is_conditional: bool,
}

/// What is done with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberKind {
    /// Only read.
    Read,
    /// `object.name(…)`, `new object.name(…)`
    Called(CallId),
    /// `object.name = …`, `delete object.name`
    Written,
    /// Another member is taken of it: `object.name.other`.
    Object,
    /// `{ name } = object`
    Destructured,
}

/// Something that may change a binding, or an object.
#[derive(Clone, Debug)]
pub struct Write {
    /// What is changed.
    pub span: Span,
    pub function: FunctionId,
    pub target: Expression,
    pub kind: WriteKind,
    /// The computed name of the member that is assigned.
    pub key: Option<Expression>,
    /// What is assigned.
    pub value: Option<Expression>,
    /// Whether that takes the place of what was there: not with `+=`.
    pub replaces: bool,
    /// The call, if it is one of a method.
    pub call: Option<CallId>,
}

/// How a [`Write`] changes its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// `target = …`, `target++`, …
    Assign,
    /// `delete target`
    Delete,
    /// `target.method(…)`
    Method(String),
    /// `Object.assign(target, …)` and its like.
    Argument(String),
}

/// An expression, as far as it is followed.
#[derive(Clone, Debug)]
pub struct Expression {
    pub span: Span,
    pub value: Value,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Value {
    Unknown,
    Text(String),
    /// A string that is not known.
    SomeText,
    /// A template, or `a + b + …`: these, from left to right. It is a string if one of them is.
    Joined(Vec<Expression>),
    Number(f64),
    BigInt,
    Boolean(bool),
    /// A boolean that is computed at run time.
    SomeBoolean,
    RegExp,
    Null,
    Undefined,
    /// Its items; one that is left out is undefined.
    Array(Vec<Expression>),
    /// `...items`, in an array.
    Spread(Box<Expression>),
    /// An object literal, or a class with its members.
    Object {
        properties: Vec<(Option<String>, Expression)>,
        is_class: bool,
    },
    Function(FunctionId),
    Binding(BindingId),
    /// An undeclared name.
    Global(String),
    This,
    Member(Box<Expression>, Option<String>),
    Call(CallId),
    OneOf(Vec<Expression>),
    /// All of the module of an `import()`, by the import's index.
    Namespace(usize),
}

impl Value {
    /// What it is, in words, if it is certain that it is no function.
    pub fn kind(&self) -> Option<&'static str> {
        match self {
            Value::Text(_) | Value::SomeText => Some("a string"),
            Value::Joined(parts) => {
                parts.iter().find_map(|part| part.value.kind().filter(|kind| *kind == "a string"))
            }
            Value::Number(_) => Some("a number"),
            Value::BigInt => Some("a bigint"),
            Value::Boolean(_) | Value::SomeBoolean => Some("a boolean"),
            Value::RegExp => Some("a regular expression"),
            Value::Null => Some("null"),
            Value::Undefined => Some("undefined"),
            Value::Array(_) => Some("an array"),
            Value::Object { is_class: false, .. } => Some("an object"),
            Value::Object { is_class: true, .. } => Some("a class"),
            _ => None,
        }
    }
}

impl Expression {
    /// An expression about which nothing is known.
    pub fn unknown(span: Span) -> Expression {
        Expression { span, value: Value::Unknown }
    }

    /// The expression that members are taken of, innermost: `a` of `a.b[0].c`.
    pub fn root(&self) -> &Expression {
        let mut root = self;
        while let Value::Member(object, _) = &root.value {
            root = object;
        }
        root
    }
}
