//! Members that are taken of something: `ws.send`, `const { subtle } = crypto`.

use swc_core::atoms::Atom;
use swc_core::ecma::ast::{MemberExpr, MemberProp};
use zigts_rules::code::{CallId, Expression, MemberKind, MemberUse, Value};
use zigts_rules::span::Span;

use super::Collector;
use super::steps::is_followed;

/// Most members of members that are noted: `a.b.c.d` has three.
const MAX_DEPTH: usize = 4;

/// A member that is taken.
pub(super) struct Taken<'a> {
    pub(super) span: Span,
    pub(super) object: &'a Expression,
    pub(super) object_span: Span,
    pub(super) name: &'a str,
    pub(super) kind: MemberKind,
    pub(super) is_optional: bool,
}

impl Collector<'_> {
    pub(super) fn member(&mut self, access: &MemberExpr, is_optional: bool) -> Value {
        let at = self.next_step();
        let object = self.expression(&access.obj);
        let object_span = self.positions.of(&access.obj);
        // Of `object.name?.other` the name may be missing.
        if !is_optional {
            self.is_now(object_span, MemberKind::Object);
        }
        let mut key = None;
        let name = match &access.prop {
            MemberProp::Ident(name) => Some(name.sym.to_string()),
            MemberProp::PrivateName(name) => Some(format!("#{}", name.name)),
            MemberProp::Computed(computed) => {
                let computed = self.expression(&computed.expr);
                let name = match &computed.value {
                    Value::Text(text) => Some(text.clone()),
                    _ => None,
                };
                key = Some(computed);
                name
            }
        };
        if name.as_deref() == Some("env")
            && matches!(&object.value, Value::Global(it) if it == "process")
        {
            // That part of it there is.
            self.code.needed_globals.pop_if(|needed| needed.span == object_span);
        }
        if is_followed(&object) {
            self.read_member(at, self.positions.of(access), name.as_deref());
        }
        self.computed_key = key;
        if let Some(name) = &name {
            let span = self.positions.of(access);
            self.reads.push((name.clone(), self.function, span));
            let (object, kind) = (&object, MemberKind::Read);
            self.taken(Taken { span, object, object_span, name, kind, is_optional });
        }
        Value::Member(Box::new(object), name)
    }

    /// Notes that a member is taken of something that is followed.
    pub(super) fn taken(&mut self, taken: Taken<'_>) {
        let Taken { span, object, object_span, name, kind, is_optional } = taken;
        let (mut root, mut depth) = (object, 0);
        while let Value::Member(inner, _) = &root.value {
            (root, depth) = (inner, depth + 1);
        }
        let is_followed = matches!(
            root.value,
            Value::Binding(_) | Value::Global(_) | Value::Call(_) | Value::This
        );
        if !is_followed || depth > MAX_DEPTH {
            return;
        }
        let is_guarded = !self.guarded.is_empty() && {
            let is_guarded = |name: String| self.guarded.contains_key(&Atom::from(name));
            match &object.value {
                Value::Global(object) => {
                    is_guarded(object.clone()) || is_guarded(format!("{object}.{name}"))
                }
                Value::Member(outer, Some(object)) => {
                    matches!(&outer.value, Value::Global(it) if it == "globalThis")
                        && is_guarded(format!("globalThis.{object}"))
                }
                _ => false,
            }
        };
        self.code.members.push(MemberUse {
            span,
            object: object.clone(),
            object_span,
            function: self.function,
            name: name.to_owned(),
            kind,
            is_optional,
            is_guarded,
            is_conditional: self.branches > 0,
        });
    }

    /// Notes what is done with the member that was taken last, if it is the one that stands here.
    pub(super) fn is_now(&mut self, span: Span, kind: MemberKind) {
        if let Some(last) = self.code.members.last_mut()
            && last.span == span
            && last.kind == MemberKind::Read
        {
            last.kind = kind;
        }
    }

    /// The member that was taken last, if it is what a call calls.
    pub(super) fn called_member(&self, callee: Span) -> Option<usize> {
        let last = self.code.members.len().checked_sub(1)?;
        (self.code.members[last].span == callee).then_some(last)
    }

    /// Notes that a member is called.
    pub(super) fn is_called(&mut self, member: Option<usize>, call: CallId) {
        if let Some(member) = member {
            self.code.members[member].kind = MemberKind::Called(call);
        }
    }

    /// Notes that a member is called only if it is there: `object.name?.(…)`.
    pub(super) fn is_only_read(&mut self, call: CallId) {
        let mut latest = self.code.members.iter_mut().rev();
        if let Some(member) = latest.find(|it| it.kind == MemberKind::Called(call)) {
            member.kind = MemberKind::Read;
        }
    }
}

/// `crypto.subtle` for a member of a name.
pub(super) fn path_of_global(access: &MemberExpr) -> Option<String> {
    let (object, name) = (access.obj.as_ident()?, access.prop.as_ident()?);
    Some(format!("{}.{}", object.sym, name.sym))
}
