//! The steps of functions, in the order in which they run: what is read and written, what is called, and which of it
//! runs only perhaps.

use zigts_rules::code::{Expression, Step, Value};
use zigts_rules::span::Span;

use super::Collector;

impl Collector<'_> {
    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Branch | Step::Loop => self.branches += 1,
            Step::Join => self.branches -= 1,
            _ => {}
        }
        let function = self.function;
        self.code.functions[function.0].steps.push(step);
    }

    /// How many steps the function has so far: where the next one will be.
    pub(super) fn next_step(&self) -> usize {
        self.code[self.function].steps.len()
    }

    /// Turns the read of an object into one of its member.
    pub(super) fn read_member(&mut self, at: usize, span: Span, name: Option<&str>) {
        let function = self.function;
        if let Some(Step::Read(read)) = self.code.functions[function.0].steps.get_mut(at) {
            let object = std::mem::replace(read, Expression::unknown(span));
            *read = Expression {
                span,
                value: Value::Member(Box::new(object), name.map(str::to_owned)),
            };
        }
    }

    /// Takes back the read of what is only written.
    pub(super) fn unread(&mut self, at: usize, target: &Expression) {
        let function = self.function;
        let steps = &mut self.code.functions[function.0].steps;
        if is_followed(target) && matches!(steps.get(at), Some(Step::Read(_))) {
            steps.remove(at);
        }
    }

    /// Something that runs perhaps, or not.
    pub(super) fn perhaps<T>(&mut self, walk: impl FnOnce(&mut Self) -> T) -> T {
        self.step(Step::Branch);
        let result = walk(self);
        self.step(Step::Or);
        self.step(Step::Join);
        result
    }
}

/// Whether an expression is a name or `this`, or a member of one: the reads of such are steps.
pub(super) fn is_followed(expression: &Expression) -> bool {
    match &expression.root().value {
        Value::Binding(_) | Value::This => true,
        Value::Global(name) => name == "globalThis",
        _ => false,
    }
}
