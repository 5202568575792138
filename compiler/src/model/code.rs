//! What the code of a module does: functions, bindings, calls and writes.
//!
//! One walk in the order of the source. Every expression is visited once and comes out as an
//! [`Expression`]; branches that a constant closes are not walked.

use std::collections::{HashMap, HashSet};

use swc_core::common::{Spanned, SyntaxContext};
use swc_core::ecma::ast::{
    ArrowExpr, ArrowFunctionBody, AssignExpr, AssignOp, AssignTarget, BinExpr, BinaryOp, BlockStmt,
    CallExpr, Callee, CatchClause, Class, ClassDecl, ClassMember, CondExpr, Decl, DefaultDecl,
    DoWhileStmt, ExportDecl, ExportDefaultDecl, ExportDefaultExpr, ExportSpecifier, Expr,
    ExprOrSpread, FnDecl, ForHead, ForInStmt, ForOfStmt, ForStmt, Id, Ident, IfStmt, ImportDecl,
    Lit, MemberExpr, MemberProp, MethodKind, ModuleExportName, NamedExport, NewExpr, ObjectLit,
    ObjectPatProp, OptChainBase, ParamOrTsParamProp, Pat, Prop, PropName, PropOrSpread, ReturnStmt,
    SimpleAssignTarget, Stmt, TsEnumDecl, TsExprWithTypeArgs, TsModuleDecl, TsParamPropParam,
    TsType, UnaryExpr, UnaryOp, UpdateExpr, UsingDecl, VarDecl, VarDeclKind, VarDeclOrExpr,
    VarDeclarator, WhileStmt,
};
use swc_core::ecma::utils::find_pat_ids;
use swc_core::ecma::visit::{Visit, VisitWith};
use zigts_rules::code::{
    Annotation, Binding, BindingId, Call, CallId, Code, Expression, Function, FunctionId, LoopId,
    Origin, Value, Write, WriteKind,
};
use zigts_rules::model::Reference;
use zigts_rules::span::{ModuleId, Span};

use super::comments::Docs;
use super::imports::Imports;
use crate::parse::Parsed;
use crate::source::Positions;

/// Methods that call what they are given once for each element.
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

/// Methods that put their arguments into an object.
const PUTTING: [&str; 7] = ["push", "unshift", "set", "add", "splice", "fill", "concat"];

/// Functions of `Object` and `Reflect` that change their first argument.
const CHANGING_ARGUMENT: [&str; 7] = [
    "assign",
    "defineProperty",
    "defineProperties",
    "setPrototypeOf",
    "set",
    "deleteProperty",
    "__defineGetter__",
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
        is_generator: false,
        parent: FunctionId::TOP_LEVEL,
        is_member: false,
        required_parameters: Vec::new(),
        returns: Vec::new(),
        turn_of: None,
        annotation: None,
    });
    let mut collector = Collector {
        positions,
        docs: Docs { id, text, comments: &parsed.comments },
        undeclared: SyntaxContext::empty().apply_mark(parsed.unresolved),
        imports,
        code,
        by_id: HashMap::new(),
        reassigned: HashSet::new(),
        constants: HashSet::new(),
        function: FunctionId::TOP_LEVEL,
        loops: Vec::new(),
        guarded: Vec::new(),
        statement: 0,
        signature: None,
        namespaces: 0,
        reads: Vec::new(),
        getters: HashSet::new(),
    };
    parsed.program.visit_with(&mut collector);
    collector.call_getters();
    let Collector { mut code, reassigned, .. } = collector;
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
    loops: Vec<LoopId>,
    /// Names whose absence the code has looked into.
    guarded: Vec<String>,
    /// Where the statement begins that is being walked, `export` included.
    statement: u32,
    /// The annotation of an overload's signature, for the function of that name that follows.
    signature: Option<(String, Annotation)>,
    /// How many TypeScript namespaces are being walked.
    namespaces: usize,
    /// Members that are read, each with the function that does.
    reads: Vec<(String, FunctionId, Span)>,
    /// Names of members that are functions which reading them calls.
    getters: HashSet<String>,
}

/// What a function is called where it is written.
struct Name {
    text: String,
    span: Span,
    /// Where its doc comment ends.
    docs: Vec<u32>,
    is_member: bool,
}

impl Collector<'_> {
    fn binding(&mut self, name: &Ident) -> BindingId {
        let next = BindingId(self.code.bindings.len());
        let id = *self.by_id.entry(name.to_id()).or_insert(next);
        if id == next {
            self.code.bindings.push(Binding {
                name: name.sym.to_string(),
                span: self.positions.of(name),
                scope: self.function,
                origin: Origin::Unknown,
                uses: 0,
                inflow: Vec::new(),
                is_constant: true,
            });
        }
        id
    }

    fn declare(&mut self, name: &Ident, origin: Origin) -> BindingId {
        let id = self.binding(name);
        let (span, scope) = (self.positions.of(name), self.function);
        let binding = &mut self.code.bindings[id.0];
        (binding.span, binding.scope) = (span, scope);
        match (&binding.origin, origin) {
            (Origin::Unknown, origin) => binding.origin = origin,
            // A second `var` or `function` of one name.
            (_, Origin::Value(value)) => {
                binding.inflow.push(value);
                self.reassigned.insert(id);
            }
            _ => {}
        }
        id
    }

    /// Declares the names of a pattern that is given a value.
    fn declare_pattern(&mut self, pattern: &Pat, value: Option<Expression>, is_const: bool) {
        match pattern {
            Pat::Ident(name) => {
                let id = self.declare(&name.id, value.map_or(Origin::Unknown, Origin::Value));
                if is_const {
                    self.constants.insert(id);
                }
            }
            Pat::Object(object) => {
                for property in &object.props {
                    match property {
                        ObjectPatProp::KeyValue(pair) => {
                            let key = self.property_name(&pair.key);
                            let part = value.as_ref().map(|value| member(value, key));
                            self.declare_pattern(&pair.value, part, is_const);
                        }
                        ObjectPatProp::Assign(short) => {
                            let part = match &short.value {
                                Some(default) => {
                                    self.expression(default);
                                    None
                                }
                                None => value
                                    .as_ref()
                                    .map(|value| member(value, Some(short.key.sym.to_string()))),
                            };
                            let origin = part.map_or(Origin::Unknown, Origin::Value);
                            self.declare(&short.key.id, origin);
                        }
                        ObjectPatProp::Rest(rest) => {
                            self.declare_pattern(&rest.arg, None, is_const);
                        }
                    }
                }
            }
            Pat::Array(array) => {
                for element in array.elems.iter().flatten() {
                    self.declare_pattern(element, None, is_const);
                }
            }
            Pat::Rest(rest) => self.declare_pattern(&rest.arg, None, is_const),
            Pat::Assign(assign) => {
                self.expression(&assign.right);
                self.declare_pattern(&assign.left, None, is_const);
            }
            Pat::Expr(expression) => {
                self.expression(expression);
            }
            Pat::Invalid(_) => {}
        }
    }

    fn name(&mut self, name: &Ident) -> Value {
        if name.ctxt == self.undeclared && self.imports.of_local(&name.to_id()).is_none() {
            if name.sym == *"undefined" {
                return Value::Undefined;
            }
            let text = name.sym.to_string();
            if !self.guarded.contains(&text) {
                let span = self.positions.of(name);
                self.code.needed_globals.push(Reference { name: text.clone(), span });
            }
            return Value::Global(text);
        }
        let id = self.binding(name);
        self.code.bindings[id.0].uses += 1;
        Value::Binding(id)
    }

    fn expression(&mut self, expression: &Expr) -> Expression {
        self.named_expression(expression, None)
    }

    /// An expression that has a name when it is a function: that of what it is assigned to.
    fn named_expression(&mut self, expression: &Expr, name: Option<Name>) -> Expression {
        let span = self.positions.of(expression);
        let value = match expression {
            Expr::Paren(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsAs(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsConstAssertion(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsSatisfies(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsTypeAssertion(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsNonNull(inner) => return self.named_expression(&inner.expr, name),
            Expr::TsInstantiation(inner) => return self.named_expression(&inner.expr, name),
            // A promise is as good as what it comes to.
            Expr::Await(inner) => return self.expression(&inner.arg),
            Expr::Lit(literal) => constant(literal),
            Expr::Tpl(template) => {
                for part in &template.exprs {
                    self.expression(part);
                }
                let text = template.quasis.first().and_then(|text| text.cooked.as_ref());
                match text.and_then(|text| text.as_str()) {
                    Some(text) if template.exprs.is_empty() => Value::Text(text.to_owned()),
                    _ => Value::SomeText,
                }
            }
            Expr::Ident(name) => self.name(name),
            Expr::This(_) => Value::This,
            Expr::Array(array) => {
                let elements = array.elems.iter().flatten();
                Value::Array(elements.map(|element| self.expression(&element.expr)).collect())
            }
            Expr::Object(object) => self.object(object),
            Expr::Fn(function) => {
                let own = function.ident.as_ref().map(|ident| self.own_name(ident));
                let name = own.or(name);
                if let Some(ident) = &function.ident {
                    self.declare(ident, Origin::Unknown);
                }
                match self.function(&function.function, span, name) {
                    Some(id) => Value::Function(id),
                    None => Value::Unknown,
                }
            }
            Expr::Arrow(arrow) => Value::Function(self.arrow(arrow, span, name)),
            Expr::Class(class) => {
                if let Some(ident) = &class.ident {
                    self.declare(ident, Origin::Unknown);
                }
                self.class(&class.class)
            }
            Expr::Unary(unary) => self.unary(unary),
            Expr::Update(update) => self.update(update),
            Expr::Bin(binary) => self.binary(binary),
            Expr::Assign(assign) => self.assign(assign),
            Expr::Member(access) => self.member(access),
            Expr::Cond(condition) => self.condition(condition),
            Expr::Call(call) => self.call_expression(call),
            Expr::New(new) => self.new_expression(new),
            Expr::OptChain(chain) => match &*chain.base {
                OptChainBase::Member(access) => self.member(access),
                OptChainBase::Call(call) => self.call(&call.callee, &call.args, false),
            },
            Expr::Seq(sequence) => {
                let last = sequence.exprs.iter().map(|part| self.expression(part)).last();
                return last.unwrap_or(Expression::unknown(span));
            }
            Expr::TaggedTpl(tagged) => {
                let mut arguments = Vec::new();
                for part in &tagged.tpl.exprs {
                    arguments.push(ExprOrSpread { spread: None, expr: part.clone() });
                }
                // The first argument is the strings.
                self.call(&tagged.tag, &arguments, false)
            }
            other => {
                other.visit_children_with(self);
                Value::Unknown
            }
        };
        Expression { span, value }
    }

    fn own_name(&self, name: &Ident) -> Name {
        Name {
            text: name.sym.to_string(),
            span: self.positions.of(name),
            docs: vec![self.statement],
            is_member: false,
        }
    }

    fn unary(&mut self, unary: &UnaryExpr) -> Value {
        match unary.op {
            // Asking for the type of a name is allowed whether there is one or not.
            UnaryOp::TypeOf => {
                if !matches!(&*unary.arg, Expr::Ident(name) if name.ctxt == self.undeclared) {
                    self.expression(&unary.arg);
                }
                Value::SomeText
            }
            UnaryOp::Delete => {
                let target = self.expression(&unary.arg);
                self.write(target, WriteKind::Delete);
                Value::Unknown
            }
            UnaryOp::Void => {
                self.expression(&unary.arg);
                Value::Undefined
            }
            UnaryOp::Minus => match self.expression(&unary.arg).value {
                Value::Number(number) => Value::Number(-number),
                _ => Value::Unknown,
            },
            UnaryOp::Bang => {
                let argument = self.expression(&unary.arg);
                self.truth(&argument).map_or(Value::Unknown, |is_true| Value::Boolean(!is_true))
            }
            _ => {
                self.expression(&unary.arg);
                Value::Unknown
            }
        }
    }

    fn update(&mut self, update: &UpdateExpr) -> Value {
        let target = self.expression(&update.arg);
        self.assigned(&target, None);
        self.write(target, WriteKind::Assign);
        Value::Unknown
    }

    fn binary(&mut self, binary: &BinExpr) -> Value {
        let left = self.expression(&binary.left);
        let is_logical = matches!(
            binary.op,
            BinaryOp::LogicalAnd | BinaryOp::LogicalOr | BinaryOp::NullishCoalescing
        );
        if !is_logical {
            let right = self.expression(&binary.right);
            if binary.op != BinaryOp::Add {
                return Value::Unknown;
            }
            return match (self.constant_of(left).value, self.constant_of(right).value) {
                (Value::Text(left), Value::Text(right)) => Value::Text(left + &right),
                (Value::Text(_) | Value::SomeText, _) | (_, Value::Text(_) | Value::SomeText) => {
                    Value::SomeText
                }
                _ => Value::Unknown,
            };
        }
        let closed_by = match binary.op {
            BinaryOp::LogicalAnd => Some(false),
            BinaryOp::LogicalOr => Some(true),
            _ => None,
        };
        if closed_by.is_some() && self.truth(&left) == closed_by {
            return left.value;
        }
        let guards = self.guard(&binary.left);
        let right = self.expression(&binary.right);
        self.guarded.truncate(guards);
        Value::OneOf(vec![left, right])
    }

    fn condition(&mut self, condition: &CondExpr) -> Value {
        let test = self.expression(&condition.test);
        match self.truth(&test) {
            Some(true) => self.expression(&condition.cons).value,
            Some(false) => self.expression(&condition.alt).value,
            None => {
                let guards = self.guard(&condition.test);
                let options = [&condition.cons, &condition.alt].map(|it| self.expression(it));
                self.guarded.truncate(guards);
                Value::OneOf(options.into())
            }
        }
    }

    /// Notes the names whose type a condition asks for; answers how many were known before.
    fn guard(&mut self, test: &Expr) -> usize {
        struct Asked<'a>(&'a mut Vec<String>);
        impl Visit for Asked<'_> {
            fn visit_unary_expr(&mut self, unary: &UnaryExpr) {
                match (&unary.op, &*unary.arg) {
                    (UnaryOp::TypeOf, Expr::Ident(name)) => self.0.push(name.sym.to_string()),
                    _ => unary.visit_children_with(self),
                }
            }
        }
        let before = self.guarded.len();
        test.visit_with(&mut Asked(&mut self.guarded));
        before
    }

    /// Whether a value is known to be true, or to be false, in a condition.
    fn truth(&self, expression: &Expression) -> Option<bool> {
        match &self.constant_of(copy(expression)).value {
            Value::Boolean(value) => Some(*value),
            Value::Number(number) => Some(*number != 0.0 && !number.is_nan()),
            Value::Text(text) => Some(!text.is_empty()),
            Value::Null | Value::Undefined => Some(false),
            _ => None,
        }
    }

    /// What a `const` holds, if it has been declared by now. One step is what people write; more
    /// would have to look out for circles.
    fn constant_of(&self, expression: Expression) -> Expression {
        match &expression.value {
            Value::Binding(id) if self.constants.contains(id) => match &self.code[*id].origin {
                Origin::Value(value) => copy(value),
                _ => expression,
            },
            _ => expression,
        }
    }

    fn member(&mut self, access: &MemberExpr) -> Value {
        let object = self.expression(&access.obj);
        let name = match &access.prop {
            MemberProp::Ident(name) => Some(name.sym.to_string()),
            MemberProp::PrivateName(name) => Some(format!("#{}", name.name)),
            MemberProp::Computed(computed) => match self.expression(&computed.expr).value {
                Value::Text(text) => Some(text),
                _ => None,
            },
        };
        if let Some(name) = &name {
            self.reads.push((name.clone(), self.function, self.positions.of(access)));
        }
        Value::Member(Box::new(object), name)
    }

    /// Turns reading what may be a getter of this module into calling it.
    fn call_getters(&mut self) {
        for (name, function, span) in std::mem::take(&mut self.reads) {
            if self.getters.contains(&name) {
                let object = Expression { span, value: Value::This };
                let value = Value::Member(Box::new(object), Some(name));
                self.code.calls.push(Call {
                    span,
                    function,
                    callee: Expression { span, value },
                    arguments: Vec::new(),
                    has_spread: false,
                    is_new: false,
                    loops: Vec::new(),
                });
            }
        }
    }

    fn call_expression(&mut self, call: &CallExpr) -> Value {
        match &call.callee {
            Callee::Expr(callee) => self.call(callee, &call.args, false),
            Callee::Super(_) => {
                call.args.visit_with(self);
                Value::Unknown
            }
            Callee::Import(_) => {
                call.args.visit_with(self);
                let specifier = call.args.first().map(|it| self.positions.inside_quotes(it));
                let import = specifier.and_then(|span| self.imports.index_at(span));
                import.map_or(Value::Unknown, Value::Namespace)
            }
        }
    }

    fn new_expression(&mut self, new: &NewExpr) -> Value {
        self.call(&new.callee, new.args.as_deref().unwrap_or_default(), true)
    }

    fn call(&mut self, callee: &Expr, arguments: &[ExprOrSpread], is_new: bool) -> Value {
        let callee = self.expression(callee);
        let mut known = Vec::new();
        let mut has_spread = false;
        for argument in arguments {
            let value = self.expression(&argument.expr);
            has_spread |= argument.spread.is_some();
            if !has_spread {
                known.push(value);
            }
        }
        if let Value::Member(object, Some(method)) = &callee.value {
            self.method(object, method, &known);
        }
        let id = CallId(self.code.calls.len());
        self.code.calls.push(Call {
            span: callee.span,
            function: self.function,
            callee,
            arguments: known,
            has_spread,
            is_new,
            loops: self.loops.clone(),
        });
        Value::Call(id)
    }

    /// What calling a method means for its object and for the functions it is given.
    fn method(&mut self, object: &Expression, method: &str, arguments: &[Expression]) {
        if PER_ELEMENT.contains(&method)
            && let Some(Value::Function(callback)) = arguments.first().map(|first| &first.value)
        {
            let turns = self.add_loop(copy(object));
            self.code.functions[callback.0].turn_of = Some(turns);
        }
        if let Value::Global(name) = &object.value
            && (name == "Object" || name == "Reflect")
            && CHANGING_ARGUMENT.contains(&method)
        {
            if let Some(first) = arguments.first() {
                let kind = WriteKind::Argument(format!("{name}.{method}"));
                self.write(copy(first), kind);
                for argument in &arguments[1..] {
                    self.flow_into(first, copy(argument));
                }
            }
            return;
        }
        if PUTTING.contains(&method) {
            for argument in arguments {
                self.flow_into(object, copy(argument));
            }
        }
        self.write(copy(object), WriteKind::Method(method.to_owned()));
    }

    fn write(&mut self, target: Expression, kind: WriteKind) {
        // What is written to anything but a name, or a part of what a name holds, is forgotten.
        if matches!(target.root().value, Value::Binding(_)) {
            let (span, function) = (target.span, self.function);
            self.code.writes.push(Write { span, function, target, kind });
        }
    }

    fn flow_into(&mut self, target: &Expression, value: Expression) {
        if let Value::Binding(id) = target.root().value {
            self.code.bindings[id.0].inflow.push(value);
        }
    }

    /// Notes that a target is given a value, so that a binding is none of one value any more.
    fn assigned(&mut self, target: &Expression, value: Option<Expression>) {
        if let Value::Binding(id) = target.value {
            self.reassigned.insert(id);
        }
        if let Some(value) = value {
            self.flow_into(target, value);
        }
    }

    fn assign(&mut self, assign: &AssignExpr) -> Value {
        let target = match &assign.left {
            AssignTarget::Simple(simple) => match simple {
                SimpleAssignTarget::Ident(name) => Some(Expression {
                    span: self.positions.of(&name.id),
                    value: self.name(&name.id),
                }),
                SimpleAssignTarget::Member(access) => {
                    Some(Expression { span: self.positions.of(access), value: self.member(access) })
                }
                SimpleAssignTarget::Paren(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsAs(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsSatisfies(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsNonNull(inner) => Some(self.expression(&inner.expr)),
                SimpleAssignTarget::TsTypeAssertion(inner) => Some(self.expression(&inner.expr)),
                other => {
                    other.visit_children_with(self);
                    None
                }
            },
            AssignTarget::Pat(pattern) => {
                self.assign_pattern(&pattern.clone().into());
                None
            }
        };
        let name = match &target {
            Some(Expression { span, value: Value::Binding(id) }) => Some(Name {
                text: self.code[*id].name.clone(),
                span: *span,
                docs: vec![self.statement],
                is_member: false,
            }),
            _ => None,
        };
        let value = self.named_expression(&assign.right, name);
        if let Some(target) = target {
            self.assigned(&target, Some(copy(&value)));
            self.write(target, WriteKind::Assign);
        }
        if assign.op == AssignOp::Assign { value.value } else { Value::Unknown }
    }

    /// `[a, b.c] = …`
    fn assign_pattern(&mut self, pattern: &Pat) {
        let names: Vec<Ident> = find_pat_ids(pattern);
        for name in names {
            let target = Expression { span: self.positions.of(&name), value: self.name(&name) };
            self.assigned(&target, None);
            self.write(target, WriteKind::Assign);
        }
        struct Targets<'a, 'b>(&'a mut Collector<'b>);
        impl Visit for Targets<'_, '_> {
            fn visit_pat(&mut self, pattern: &Pat) {
                match pattern {
                    Pat::Expr(expression) => {
                        let target = self.0.expression(expression);
                        self.0.assigned(&target, None);
                        self.0.write(target, WriteKind::Assign);
                    }
                    other => other.visit_children_with(self),
                }
            }
            fn visit_expr(&mut self, default: &Expr) {
                self.0.expression(default);
            }
        }
        pattern.visit_with(&mut Targets(self));
    }

    fn property_name(&mut self, name: &PropName) -> Option<String> {
        match name {
            PropName::Ident(name) => Some(name.sym.to_string()),
            PropName::Str(text) => text.value.as_str().map(str::to_owned),
            PropName::Num(number) => Some(number.value.to_string()),
            PropName::Computed(computed) => match self.expression(&computed.expr).value {
                Value::Text(text) => Some(text),
                _ => None,
            },
            PropName::BigInt(_) => None,
        }
    }

    fn object(&mut self, object: &ObjectLit) -> Value {
        let mut properties = Vec::new();
        for property in &object.props {
            let property = match property {
                PropOrSpread::Spread(spread) => (None, self.expression(&spread.expr)),
                PropOrSpread::Prop(property) => self.property(property),
            };
            properties.push(property);
        }
        Value::Object { properties, is_class: false }
    }

    fn property(&mut self, property: &Prop) -> (Option<String>, Expression) {
        let span = self.positions.of(property);
        match property {
            Prop::Shorthand(name) => {
                (Some(name.sym.to_string()), Expression { span, value: self.name(name) })
            }
            Prop::KeyValue(pair) => {
                let key = self.property_name(&pair.key);
                let name = self.key_name(&pair.key, key.as_deref(), span.start);
                (key, self.named_expression(&pair.value, Some(name)))
            }
            Prop::Method(method) => {
                let key = self.property_name(&method.key);
                let name = self.key_name(&method.key, key.as_deref(), span.start);
                let value = self
                    .function(&method.function, span, Some(name))
                    .map_or(Value::Unknown, Value::Function);
                (key, Expression { span, value })
            }
            // Reading or writing such a property calls it; whoever holds the object may.
            Prop::Getter(getter) => {
                self.getters.extend(static_name(&getter.key));
                (None, self.accessor(&getter.key, &getter.function, span))
            }
            Prop::Setter(setter) => (None, self.accessor(&setter.key, &setter.function, span)),
            Prop::Assign(assign) => (None, self.expression(&assign.value)),
        }
    }

    fn accessor(
        &mut self,
        key: &PropName,
        function: &swc_core::ecma::ast::Function,
        span: Span,
    ) -> Expression {
        let text = self.property_name(key);
        let name = self.key_name(key, text.as_deref(), span.start);
        let id = self.function(function, span, Some(name));
        Expression { span, value: id.map_or(Value::Unknown, Value::Function) }
    }

    fn key_name(&self, key: &PropName, name: Option<&str>, start: u32) -> Name {
        let text = name.unwrap_or_default().to_owned();
        Name { text, span: self.positions.of(key), docs: vec![start], is_member: true }
    }

    /// Walks what belongs to a new function.
    fn enter(
        &mut self,
        name: Option<Name>,
        span: Span,
        walk: impl FnOnce(&mut Self),
    ) -> FunctionId {
        let id = FunctionId(self.code.functions.len());
        let mut starts = vec![span.start];
        let (text, name_span, is_member) = match name {
            Some(name) => {
                starts.extend(name.docs);
                (name.text, name.span, name.is_member)
            }
            None => (String::new(), Span::new(span.module, span.start, span.start + 1), false),
        };
        let annotation =
            starts.into_iter().find_map(|start| self.docs.before(start)).or_else(|| {
                let (_, annotation) = self.signature.take_if(|(name, _)| *name == text)?;
                Some(annotation)
            });
        self.code.functions.push(Function {
            name: text,
            span: name_span,
            is_generator: false,
            parent: self.function,
            is_member,
            required_parameters: Vec::new(),
            returns: Vec::new(),
            turn_of: None,
            annotation,
        });
        let function = std::mem::replace(&mut self.function, id);
        let loops = std::mem::take(&mut self.loops);
        let statement = self.statement;
        walk(self);
        (self.function, self.loops, self.statement) = (function, loops, statement);
        id
    }

    /// A function with a body; one without is a signature and gone at run time.
    fn function(
        &mut self,
        function: &swc_core::ecma::ast::Function,
        span: Span,
        name: Option<Name>,
    ) -> Option<FunctionId> {
        let body = function.body.as_ref()?;
        let id = self.enter(name, span, |this| {
            for parameter in &function.params {
                this.parameter(&parameter.pat);
            }
            body.visit_with(this);
        });
        self.code.functions[id.0].is_generator = function.is_generator;
        Some(id)
    }

    fn arrow(&mut self, arrow: &ArrowExpr, span: Span, name: Option<Name>) -> FunctionId {
        self.enter(name, span, |this| {
            for parameter in &arrow.params {
                this.parameter(parameter);
            }
            match &*arrow.body {
                ArrowFunctionBody::FunctionBody(body) => body.visit_with(this),
                ArrowFunctionBody::Expr(body) => {
                    let value = this.expression(body);
                    let function = this.function;
                    this.code.functions[function.0].returns.push(value);
                }
            }
        })
    }

    fn parameter(&mut self, pattern: &Pat) {
        let is_required = match pattern {
            Pat::Rest(_) | Pat::Assign(_) => false,
            // `this` is a parameter to TypeScript alone.
            Pat::Ident(name) => !name.id.optional && name.id.sym != *"this",
            _ => true,
        };
        if is_required {
            let span = self.positions.of(pattern);
            let function = self.function;
            self.code.functions[function.0].required_parameters.push(span);
        }
        self.declare_pattern(pattern, None, false);
    }

    fn class(&mut self, class: &Class) -> Value {
        let mut properties = Vec::new();
        if let Some(parent) = &class.super_class {
            properties.push((None, self.expression(parent)));
        }
        let span = self.positions.of(class);
        let constructor = class.body.iter().find_map(|member| match member {
            ClassMember::Constructor(constructor) => Some(constructor),
            _ => None,
        });
        let is_instance = |member: &&ClassMember| {
            matches!(member, ClassMember::ClassProp(property) if !property.is_static)
                || matches!(member, ClassMember::PrivateProp(property) if !property.is_static)
        };
        let name_span = constructor.map_or(span, |it| self.positions.of(&it.key));
        let name = Name {
            text: "constructor".to_owned(),
            span: name_span,
            docs: vec![name_span.start],
            is_member: false,
        };
        // Initial values of an instance's fields are computed when one is made.
        let id = self.enter(Some(name), name_span, |this| {
            for field in class.body.iter().filter(is_instance) {
                match field {
                    ClassMember::ClassProp(field) => {
                        if let Some(value) = &field.value {
                            let key = this.property_name(&field.key);
                            let start = this.positions.of(field).start;
                            let name = this.key_name(&field.key, key.as_deref(), start);
                            properties.push((key, this.named_expression(value, Some(name))));
                        }
                    }
                    ClassMember::PrivateProp(field) => {
                        if let Some(value) = &field.value {
                            let key = format!("#{}", field.key.name);
                            properties.push((Some(key), this.expression(value)));
                        }
                    }
                    _ => {}
                }
            }
            let Some(constructor) = constructor else { return };
            for parameter in &constructor.params {
                match parameter {
                    ParamOrTsParamProp::Param(parameter) => this.parameter(&parameter.pat),
                    ParamOrTsParamProp::TsParamProp(property) => match &property.param {
                        TsParamPropParam::Ident(name) => {
                            this.declare(&name.id, Origin::Unknown);
                        }
                        TsParamPropParam::Assign(assign) => {
                            this.parameter(&Pat::Assign(assign.clone()));
                        }
                    },
                }
            }
            constructor.body.visit_with(this);
        });
        let constructor = Expression { span: name_span, value: Value::Function(id) };
        properties.push((Some("constructor".to_owned()), constructor));
        for member in class.body.iter().filter(|member| !is_instance(member)) {
            let span = self.positions.of(member);
            match member {
                ClassMember::Method(method) => {
                    if method.kind == MethodKind::Getter {
                        self.getters.extend(static_name(&method.key));
                    }
                    let key = self.property_name(&method.key);
                    let name = self.key_name(&method.key, key.as_deref(), span.start);
                    if let Some(id) = self.function(&method.function, span, Some(name)) {
                        properties.push((key, Expression { span, value: Value::Function(id) }));
                    }
                }
                ClassMember::PrivateMethod(method) => {
                    let key = format!("#{}", method.key.name);
                    if method.kind == MethodKind::Getter {
                        self.getters.insert(key.clone());
                    }
                    let name_span = self.positions.of(&method.key);
                    let name = Name {
                        text: key.clone(),
                        span: name_span,
                        docs: vec![span.start],
                        is_member: true,
                    };
                    if let Some(id) = self.function(&method.function, span, Some(name)) {
                        let value = Expression { span, value: Value::Function(id) };
                        properties.push((Some(key), value));
                    }
                }
                ClassMember::ClassProp(field) => {
                    let key = self.property_name(&field.key);
                    if let Some(value) = &field.value {
                        let name = self.key_name(&field.key, key.as_deref(), span.start);
                        properties.push((key, self.named_expression(value, Some(name))));
                    }
                }
                other => {
                    if !matches!(other, ClassMember::Constructor(_)) {
                        other.visit_children_with(self);
                    }
                }
            }
        }
        Value::Object { properties, is_class: true }
    }

    fn add_loop(&mut self, over: Expression) -> LoopId {
        self.code.loops.push(over);
        LoopId(self.code.loops.len() - 1)
    }

    fn in_loop(&mut self, over: Expression, walk: impl FnOnce(&mut Self)) {
        let id = self.add_loop(over);
        self.loops.push(id);
        walk(self);
        self.loops.pop();
    }

    fn loop_head(&mut self, head: &ForHead) {
        match head {
            ForHead::VarDecl(variables) => {
                for variable in &variables.decls {
                    self.declare_pattern(&variable.name, None, false);
                }
            }
            ForHead::UsingDecl(variables) => {
                for variable in &variables.decls {
                    self.declare_pattern(&variable.name, None, false);
                }
            }
            ForHead::Pat(pattern) => self.assign_pattern(pattern),
        }
    }

    /// What `index < peers.length` counts up to, if that is a name.
    fn counted(&self, test: &Expr) -> Option<Expression> {
        let Expr::Bin(BinExpr { right, .. }) = test else { return None };
        let Expr::Member(MemberExpr { obj, prop: MemberProp::Ident(length), .. }) = &**right else {
            return None;
        };
        let Expr::Ident(name) = &**obj else { return None };
        let id = self.by_id.get(&name.to_id()).filter(|_| length.sym == *"length")?;
        Some(Expression { span: self.positions.of(name), value: Value::Binding(*id) })
    }

    fn declarator(&mut self, declarator: &VarDeclarator, is_const: bool) {
        let value = declarator.init.as_ref().map(|value| {
            let name = match &declarator.name {
                Pat::Ident(name) => Some(self.own_name(&name.id)),
                _ => None,
            };
            self.named_expression(value, name)
        });
        self.declare_pattern(&declarator.name, value, is_const);
    }

    fn export(&mut self, name: &str, span: Span, value: Value) {
        self.code.exports.insert(name.to_owned(), Expression { span, value });
    }

    fn begin_statement(&mut self, statement: &impl Spanned) {
        self.statement = self.positions.of(statement).start;
    }

    /// Notes what the names of a declaration are exported as.
    fn export_names(&mut self, declaration: &Decl) {
        for name in declared_names(declaration) {
            let id = self.binding(&name);
            self.export(&name.sym, self.positions.of(&name), Value::Binding(id));
        }
    }
}

impl Visit for Collector<'_> {
    fn visit_expr(&mut self, expression: &Expr) {
        self.expression(expression);
    }

    fn visit_stmt(&mut self, statement: &Stmt) {
        self.begin_statement(statement);
        statement.visit_children_with(self);
    }

    fn visit_stmts(&mut self, statements: &[Stmt]) {
        let mut is_dead = false;
        for statement in statements {
            if !is_dead || matches!(statement, Stmt::Decl(Decl::Fn(_))) {
                statement.visit_with(self);
            }
            is_dead |= matches!(
                statement,
                Stmt::Return(_) | Stmt::Throw(_) | Stmt::Break(_) | Stmt::Continue(_)
            );
        }
    }

    fn visit_block_stmt(&mut self, block: &BlockStmt) {
        self.visit_stmts(&block.stmts);
    }

    fn visit_import_decl(&mut self, declaration: &ImportDecl) {
        for specifier in &declaration.specifiers {
            let local = specifier.local();
            let Some((import, _, name)) = self.imports.of_local(&local.to_id()) else { continue };
            let name = name.imported.clone();
            self.declare(local, Origin::Import { import, name });
        }
    }

    fn visit_export_decl(&mut self, export: &ExportDecl) {
        self.begin_statement(export);
        export.decl.visit_with(self);
        // What a namespace exports is a part of the namespace.
        if self.namespaces == 0 {
            self.export_names(&export.decl);
        }
    }

    fn visit_export_default_expr(&mut self, export: &ExportDefaultExpr) {
        self.begin_statement(export);
        let value = self.expression(&export.expr);
        self.export("default", value.span, value.value);
    }

    fn visit_export_default_decl(&mut self, export: &ExportDefaultDecl) {
        self.begin_statement(export);
        let span = self.positions.of(export);
        let (name, value) = match &export.decl {
            DefaultDecl::Fn(function) => {
                let name =
                    function.ident.as_ref().map(|name| self.own_name(name)).unwrap_or(Name {
                        text: "default".to_owned(),
                        span: self.positions.word_in("default", export),
                        docs: vec![self.statement],
                        is_member: false,
                    });
                let id = self.function(&function.function, span, Some(name));
                (&function.ident, id.map(Value::Function))
            }
            DefaultDecl::Class(class) => (&class.ident, Some(self.class(&class.class))),
            DefaultDecl::TsInterfaceDecl(_) => (&None, None),
        };
        let Some(value) = value else { return };
        if let Some(name) = name {
            self.declare(name, Origin::Value(Expression { span, value: value.clone() }));
        }
        self.export("default", span, value);
    }

    fn visit_named_export(&mut self, export: &NamedExport) {
        if export.src.is_some() || export.type_only {
            return;
        }
        for specifier in &export.specifiers {
            let ExportSpecifier::Named(named) = specifier else { continue };
            let ModuleExportName::Ident(local) = &named.orig else { continue };
            let is_import = self.imports.of_local(&local.to_id()).is_some();
            if named.is_type_only || is_import || local.ctxt == self.undeclared {
                continue;
            }
            let id = self.binding(local);
            self.code.bindings[id.0].uses += 1;
            let name = named.exported.as_ref().unwrap_or(&named.orig).atom().to_string();
            self.export(&name, self.positions.of(local), Value::Binding(id));
        }
    }

    fn visit_fn_decl(&mut self, declaration: &FnDecl) {
        let name = self.own_name(&declaration.ident);
        let span = self.positions.of(declaration);
        if declaration.function.body.is_none() {
            let annotation =
                [self.statement, span.start].into_iter().find_map(|start| self.docs.before(start));
            self.signature = annotation.map(|annotation| (name.text, annotation));
            return;
        }
        // Declared first, so that the body may call itself.
        self.binding(&declaration.ident);
        if let Some(id) = self.function(&declaration.function, span, Some(name)) {
            let value = Expression { span, value: Value::Function(id) };
            self.declare(&declaration.ident, Origin::Value(value));
        }
    }

    fn visit_class_decl(&mut self, declaration: &ClassDecl) {
        if declaration.declare {
            return;
        }
        let span = self.positions.of(declaration);
        let value = self.class(&declaration.class);
        self.declare(&declaration.ident, Origin::Value(Expression { span, value }));
    }

    fn visit_var_decl(&mut self, variables: &VarDecl) {
        if variables.declare {
            return;
        }
        for declarator in &variables.decls {
            self.declarator(declarator, variables.kind == VarDeclKind::Const);
        }
    }

    fn visit_using_decl(&mut self, variables: &UsingDecl) {
        for declarator in &variables.decls {
            self.declarator(declarator, false);
        }
    }

    fn visit_ts_enum_decl(&mut self, enumeration: &TsEnumDecl) {
        if enumeration.declare {
            return;
        }
        let mut properties = Vec::new();
        for member in &enumeration.members {
            let Some(value) = &member.init else { continue };
            let value = self.expression(value);
            let name = match &member.id {
                swc_core::ecma::ast::TsEnumMemberId::Ident(name) => Some(name.sym.to_string()),
                swc_core::ecma::ast::TsEnumMemberId::Str(text) => {
                    text.value.as_str().map(str::to_owned)
                }
            };
            properties.push((name, value));
        }
        let span = self.positions.of(enumeration);
        let value = Value::Object { properties, is_class: false };
        self.declare(&enumeration.id, Origin::Value(Expression { span, value }));
    }

    fn visit_ts_module_decl(&mut self, namespace: &TsModuleDecl) {
        if namespace.declare {
            return;
        }
        self.namespaces += 1;
        namespace.body.visit_with(self);
        self.namespaces -= 1;
        let Some(name) = namespace.id.as_ident() else { return };
        let mut properties = Vec::new();
        for item in namespace
            .body
            .iter()
            .filter_map(|body| body.as_ts_module_block())
            .flat_map(|block| &block.body)
        {
            let Some(export) = item.as_module_decl().and_then(|item| item.as_export_decl()) else {
                continue;
            };
            for name in declared_names(&export.decl) {
                let span = self.positions.of(&name);
                let value = Value::Binding(self.binding(&name));
                properties.push((Some(name.sym.to_string()), Expression { span, value }));
            }
        }
        let span = self.positions.of(name);
        let value = Value::Object { properties, is_class: false };
        self.declare(name, Origin::Value(Expression { span, value }));
    }

    fn visit_if_stmt(&mut self, branch: &IfStmt) {
        let test = self.expression(&branch.test);
        let truth = self.truth(&test);
        let guards = self.guard(&branch.test);
        if truth != Some(false) {
            branch.cons.visit_with(self);
        }
        if truth != Some(true) {
            branch.alt.visit_with(self);
        }
        self.guarded.truncate(guards);
    }

    fn visit_while_stmt(&mut self, statement: &WhileStmt) {
        let test = self.expression(&statement.test);
        if self.truth(&test) != Some(false) {
            self.in_loop(Expression::unknown(test.span), |this| statement.body.visit_with(this));
        }
    }

    fn visit_do_while_stmt(&mut self, statement: &DoWhileStmt) {
        let over = Expression::unknown(self.positions.of(statement));
        self.in_loop(over, |this| statement.body.visit_with(this));
        self.expression(&statement.test);
    }

    fn visit_for_stmt(&mut self, statement: &ForStmt) {
        match &statement.init {
            Some(VarDeclOrExpr::VarDecl(variables)) => self.visit_var_decl(variables),
            Some(VarDeclOrExpr::Expr(expression)) => {
                self.expression(expression);
            }
            None => {}
        }
        let over = statement.test.as_ref().and_then(|test| self.counted(test));
        let over = over.unwrap_or(Expression::unknown(self.positions.of(statement)));
        statement.test.visit_with(self);
        self.in_loop(over, |this| {
            statement.update.visit_with(this);
            statement.body.visit_with(this);
        });
    }

    fn visit_for_of_stmt(&mut self, statement: &ForOfStmt) {
        let over = self.expression(&statement.right);
        self.loop_head(&statement.left);
        self.in_loop(over, |this| statement.body.visit_with(this));
    }

    fn visit_for_in_stmt(&mut self, statement: &ForInStmt) {
        let over = self.expression(&statement.right);
        self.loop_head(&statement.left);
        self.in_loop(over, |this| statement.body.visit_with(this));
    }

    fn visit_return_stmt(&mut self, statement: &ReturnStmt) {
        if let Some(value) = &statement.arg {
            let value = self.expression(value);
            let function = self.function;
            self.code.functions[function.0].returns.push(value);
        }
    }

    fn visit_catch_clause(&mut self, clause: &CatchClause) {
        if let Some(pattern) = &clause.param {
            self.declare_pattern(pattern, None, false);
        }
        clause.body.visit_with(self);
    }

    // Types, and expressions that stand for types, are gone at run time.
    fn visit_ts_type(&mut self, _: &TsType) {}

    fn visit_ts_expr_with_type_args(&mut self, _: &TsExprWithTypeArgs) {}
}

/// The names a declaration introduces for values.
fn declared_names(declaration: &Decl) -> Vec<Ident> {
    match declaration {
        Decl::Fn(function) => vec![function.ident.clone()],
        Decl::Class(class) => vec![class.ident.clone()],
        Decl::Var(variables) => find_pat_ids(&variables.decls),
        Decl::TsEnum(enumeration) => vec![enumeration.id.clone()],
        Decl::TsModule(namespace) => namespace.id.as_ident().cloned().into_iter().collect(),
        _ => Vec::new(),
    }
}

fn static_name(key: &PropName) -> Option<String> {
    match key {
        PropName::Ident(name) => Some(name.sym.to_string()),
        _ => None,
    }
}

fn constant(literal: &Lit) -> Value {
    match literal {
        Lit::Str(text) => {
            text.value.as_str().map_or(Value::SomeText, |text| Value::Text(text.to_owned()))
        }
        Lit::Num(number) => Value::Number(number.value),
        Lit::Bool(boolean) => Value::Boolean(boolean.value),
        Lit::Null(_) => Value::Null,
        _ => Value::Unknown,
    }
}

fn member(object: &Expression, name: Option<String>) -> Expression {
    Expression { span: object.span, value: Value::Member(Box::new(copy(object)), name) }
}

/// Most parts of a value that are copied. Values stand in more than one place where they are
/// assigned or taken apart, and large ones that are, many times over, would fill the memory.
const MAX_COPIED_PARTS: usize = 1_000;

/// A copy of a value, unless it is too large to be worth following.
fn copy(expression: &Expression) -> Expression {
    fn count(expression: &Expression, left: &mut usize) -> Option<()> {
        *left = left.checked_sub(1)?;
        match &expression.value {
            Value::Array(parts) | Value::OneOf(parts) => {
                parts.iter().try_for_each(|part| count(part, left))
            }
            Value::Object { properties, .. } => {
                properties.iter().try_for_each(|(_, part)| count(part, left))
            }
            Value::Member(object, _) => count(object, left),
            _ => Some(()),
        }
    }
    match count(expression, &mut { MAX_COPIED_PARTS }) {
        Some(()) => expression.clone(),
        None => Expression::unknown(expression.span),
    }
}
