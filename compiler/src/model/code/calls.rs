//! What calls: functions, methods, constructors and getters, and what a call means for its object and arguments.

use swc_core::ecma::ast::{CallExpr, Callee, Expr, ExprOrSpread, NewExpr};
use swc_core::ecma::visit::VisitWith;
use zigts_rules::code::{Call, CallId, Expression, Step, Value, WriteKind};
use zigts_rules::span::Span;

use super::{Collector, PER_ELEMENT};

/// Methods that add their arguments to an object.
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

impl Collector<'_> {
    pub(super) fn call_expression(&mut self, call: &CallExpr) -> Value {
        match &call.callee {
            Callee::Expr(callee) => {
                let value = self.call(callee, &call.args, false);
                if let (Value::Call(id), []) = (&value, &*call.args) {
                    let Span { end, module, .. } = self.positions.of(call);
                    // Before the parenthesis that closes.
                    let at = Span { start: end - 1, end: end - 1, module };
                    self.code.calls[id.0].next_argument = Some(at);
                }
                value
            }
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

    pub(super) fn new_expression(&mut self, new: &NewExpr) -> Value {
        self.call(&new.callee, new.args.as_deref().unwrap_or_default(), true)
    }

    pub(super) fn call(
        &mut self,
        callee: &Expr,
        arguments: &[ExprOrSpread],
        is_new: bool,
    ) -> Value {
        let callee = self.expression(callee);
        let called_member = self.called_member(callee.span);
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
        let first_argument = arguments.first().map(|first| {
            let Span { start, module, .. } = self.positions.of(first);
            Span { start, end: start, module }
        });
        let next_argument = arguments.last().map(|last| {
            let Span { end, module, .. } = self.positions.of(&last.expr);
            Span { start: end, end, module }
        });
        let id = CallId(self.code.calls.len());
        self.code.calls.push(Call {
            span: callee.span,
            function: self.function,
            callee,
            arguments: known,
            has_spread,
            first_argument,
            next_argument,
            is_new,
            innermost_loop: self.innermost_loop,
        });
        self.is_called(called_member, id);
        self.step(Step::Call(id));
        Value::Call(id)
    }

    /// What calling a method means for its object and for the functions it is given.
    pub(super) fn method(&mut self, object: &Expression, method: &str, arguments: &[Expression]) {
        if PER_ELEMENT.contains(&method)
            && let Some(Value::Function(callback)) = arguments.first().map(|first| &first.value)
        {
            let over = self.copy(object);
            let turns = self.add_loop(over);
            self.code.functions[callback.0].turn_of = Some(turns);
        }
        if let Value::Global(name) = &object.value
            && (name == "Object" || name == "Reflect")
            && CHANGING_ARGUMENT.contains(&method)
        {
            if let Some(first) = arguments.first() {
                let kind = WriteKind::Argument(format!("{name}.{method}"));
                let changed = self.copy(first);
                self.write(changed, kind);
                for argument in &arguments[1..] {
                    self.flow_into(first, argument);
                }
            }
            return;
        }
        if PUTTING.contains(&method) {
            for argument in arguments {
                self.flow_into(object, argument);
            }
        }
        let changed = self.copy(object);
        let call = CallId(self.code.calls.len());
        if let Some(write) = self.write(changed, WriteKind::Method(method.to_owned())) {
            write.call = Some(call);
        }
    }

    /// Turns reading what may be a getter of this module into calling it.
    pub(super) fn call_getters(&mut self) {
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
                    first_argument: None,
                    next_argument: None,
                    is_new: false,
                    innermost_loop: None,
                });
            }
        }
    }

    /// Notes a call whose result nothing takes.
    pub(super) fn dropped(&mut self, expression: &Expr, result: Expression) {
        let is_awaited = matches!(without_parentheses(expression), Expr::Await(_));
        if matches!(result.value, Value::Call(_)) && !is_awaited {
            self.code.dropped.push(result);
        }
    }
}

fn without_parentheses(mut expression: &Expr) -> &Expr {
    while let Expr::Paren(inner) = expression {
        expression = &inner.expr;
    }
    expression
}
