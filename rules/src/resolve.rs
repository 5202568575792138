//! What names and expressions mean, across the modules of a handler.
//!
//! Follows constant bindings, imports, re-exports, members of literals and namespaces. Where a
//! value cannot be known the result is [`Meaning::Unknown`], and rules report nothing.

use zigttp_abi::api::{self, ApiFunction};

use crate::code::{BindingId, Call, Expression, FunctionId, Origin, Value};
use crate::import::{ImportKind, Target};
use crate::model::{ExportSource, HandlerModel};
use crate::span::{ModuleId, Span};

/// Steps from name to name, in all, before following one is given up: circles end here, and so
/// does code that is made to branch at each step.
const MAX_STEPS: usize = 128;

/// Most properties of an object that one of them is looked for among. Thousands of calls may each
/// look through the same object.
const MAX_PROPERTIES: usize = 1_000;

/// What an expression means.
#[derive(Clone, Debug)]
pub enum Meaning<'a> {
    /// A function of a built-in module.
    Api(&'static ApiFunction),
    /// Everything a built-in module exports.
    ApiNamespace(api::Module),
    /// Everything a module of the handler exports.
    Namespace(ModuleId),
    /// A function of the handler.
    Function(ModuleId, FunctionId),
    /// A name that is not declared, with members: `Math.random`.
    Global(String),
    /// A literal, a call or anything else that is not a name.
    Value(ModuleId, &'a Expression),
    /// A binding whose value cannot be known.
    Binding(ModuleId, BindingId),
    Unknown,
}

/// A call of an API function, and the call itself.
pub(crate) struct ApiCall<'a> {
    pub(crate) module: ModuleId,
    pub(crate) call: &'a Call,
    pub(crate) function: &'static ApiFunction,
}

impl HandlerModel {
    /// What an expression of a module means.
    pub fn meaning<'a>(&'a self, module: ModuleId, expression: &'a Expression) -> Meaning<'a> {
        self.follow(module, expression, &mut { MAX_STEPS })
    }

    /// What a module exports under a name.
    pub fn meaning_of_export(&self, module: ModuleId, name: &str) -> Meaning<'_> {
        self.follow_export(module, name, &mut { MAX_STEPS })
    }

    /// The values an expression may have, as far as they are known: both branches of `a ? b : c`.
    pub fn possible_values<'a>(
        &'a self,
        module: ModuleId,
        expression: &'a Expression,
    ) -> Vec<(Span, Meaning<'a>)> {
        let mut values = Vec::new();
        self.gather_values(module, expression, expression.span, &mut { MAX_STEPS }, &mut values);
        values
    }

    /// The literal that an expression is, or that a name stands for which is used nowhere else, so that
    /// nothing has changed it.
    pub(crate) fn literal<'a>(
        &'a self,
        module: ModuleId,
        expression: &'a Expression,
    ) -> &'a Expression {
        let Value::Binding(id) = expression.value else { return expression };
        let binding = &self.module(module).code[id];
        match &binding.origin {
            Origin::Value(value)
                if binding.is_constant
                    && binding.uses == 1
                    // Other modules may change what is exported.
                    && binding.scope != FunctionId::TOP_LEVEL =>
            {
                value
            }
            _ => expression,
        }
    }

    /// Every call of a function of a built-in module, in the order of the source.
    pub(crate) fn api_calls(&self) -> impl Iterator<Item = ApiCall<'_>> {
        self.calls().filter_map(|(module, call)| match self.meaning(module, &call.callee) {
            Meaning::Api(function) if !call.is_new => Some(ApiCall { module, call, function }),
            _ => None,
        })
    }

    /// Every span where a function of a built-in module is imported, used or called under any name.
    pub fn api_names(&self) -> Vec<(Span, &'static ApiFunction)> {
        let imported = self
            .imports()
            .filter_map(|(_, import)| match import.target {
                Target::Builtin(module) => Some((module, import)),
                _ => None,
            })
            .flat_map(|(module, import)| import.names.iter().map(move |name| (module, name)))
            .filter_map(|(module, name)| Some((name, module.find(name.imported.as_deref()?)?)))
            .flat_map(|(name, function)| {
                let spans = std::iter::once(&name.span).chain(&name.uses.values);
                spans.map(move |&span| (span, function))
            });
        let called = self.api_calls().map(|ApiCall { call, function, .. }| {
            let mut span = call.callee.span;
            if let Value::Member(..) = call.callee.value {
                // Of `ws.send`, what stands behind the dot.
                let length = u32::try_from(function.name.len()).unwrap_or(0);
                span.start = span.start.max(span.end.saturating_sub(length));
            }
            (span, function)
        });
        imported.chain(called).collect()
    }

    /// Every call, with the module it stands in.
    pub fn calls(&self) -> impl Iterator<Item = (ModuleId, &Call)> {
        self.modules.iter().enumerate().flat_map(|(index, module)| {
            module.code.calls.iter().map(move |call| (ModuleId::new(index), call))
        })
    }

    /// The binding of another module that an import stands for.
    pub(crate) fn imported_binding(
        &self,
        module: ModuleId,
        import: usize,
        name: &str,
    ) -> Option<(ModuleId, BindingId)> {
        let mut import = self.module(module).imports.get(import)?;
        let mut name = name.to_owned();
        // As many steps as there are modules, so that a circle of re-exports ends.
        for _ in 0..=self.modules.len() {
            let Target::Module(id) = import.target else { return None };
            let module = self.module(id);
            if let Some(value) = module.code.exports.get(&name) {
                let Value::Binding(binding) = value.value else { return None };
                return Some((id, binding));
            }
            let passed_on = module.exports.iter().find_map(|export| match &export.source {
                ExportSource::Import { import, name: Some(there), is_type: false }
                    if export.name == name =>
                {
                    Some((*import, there.clone()))
                }
                _ => None,
            });
            let (next, there) = passed_on?;
            (import, name) = (&module.imports[next], there);
        }
        None
    }

    /// Reads the routes and subprotocols that the entry exports, now that all modules are there.
    pub fn add_lists(&mut self) {
        if let Some(routes) = self.read_routes() {
            self.modules[0].routes = Some(routes);
        }
        if let Some(schedules) = self.read_schedules() {
            self.modules[0].schedules = Some(schedules);
        }
        if let Some(protocols) = self.read_protocols() {
            self.modules[0].protocols = Some(protocols);
        }
    }

    /// Where the entry exports a value of this name.
    pub(crate) fn exported_value(&self, name: &str) -> Option<Span> {
        let entry = self.modules.first()?;
        let export = self.exports_of(ModuleId::ENTRY).names.get(name).copied()?;
        (!export.is_type && entry.syntax_errors.is_empty()).then_some(export.span)
    }

    fn gather_values<'a>(
        &'a self,
        module: ModuleId,
        expression: &'a Expression,
        span: Span,
        steps: &mut usize,
        values: &mut Vec<(Span, Meaning<'a>)>,
    ) {
        if *steps == 0 {
            return;
        }
        match self.follow(module, expression, steps) {
            Meaning::Value(module, Expression { value: Value::OneOf(options), .. }) => {
                for option in options {
                    // A branch is pointed at where it stands, unless that is elsewhere.
                    let is_here = option.span.module == span.module
                        && (span.start..span.end).contains(&option.span.start);
                    let span = if is_here { option.span } else { span };
                    self.gather_values(module, option, span, steps, values);
                }
            }
            meaning => values.push((span, meaning)),
        }
    }

    fn follow<'a>(
        &'a self,
        module: ModuleId,
        expression: &'a Expression,
        steps: &mut usize,
    ) -> Meaning<'a> {
        let Some(left) = steps.checked_sub(1) else { return Meaning::Unknown };
        *steps = left;
        match &expression.value {
            Value::Unknown => Meaning::Unknown,
            Value::Function(function) => Meaning::Function(module, *function),
            Value::Global(name) => Meaning::Global(name.clone()),
            Value::Binding(id) => self.follow_binding(module, *id, steps),
            Value::Namespace(import) => self.follow_import(module, *import, None, steps),
            Value::Call(call) => match frozen(&self.module(module).code[*call]) {
                Some(object) => self.follow(module, object, steps),
                None => Meaning::Value(module, expression),
            },
            Value::Member(object, name) => {
                self.follow_member(module, object, name.as_deref(), steps)
            }
            _ => Meaning::Value(module, expression),
        }
    }

    fn follow_binding(&self, module: ModuleId, id: BindingId, steps: &mut usize) -> Meaning<'_> {
        let binding = &self.module(module).code[id];
        match &binding.origin {
            Origin::Import { import, name } => {
                self.follow_import(module, *import, name.as_deref(), steps)
            }
            Origin::Value(value) if binding.is_constant => {
                match self.follow(module, value, steps) {
                    Meaning::Unknown => Meaning::Binding(module, id),
                    known => known,
                }
            }
            _ => Meaning::Binding(module, id),
        }
    }

    fn follow_member<'a>(
        &'a self,
        module: ModuleId,
        object: &'a Expression,
        name: Option<&str>,
        steps: &mut usize,
    ) -> Meaning<'a> {
        let Some(name) = name else { return Meaning::Unknown };
        match self.follow(module, object, steps) {
            Meaning::ApiNamespace(module) => {
                module.find(name).map_or(Meaning::Unknown, Meaning::Api)
            }
            Meaning::Namespace(module) => self.follow_export(module, name, steps),
            Meaning::Global(object) if object == "globalThis" => Meaning::Global(name.to_owned()),
            Meaning::Global(object) => Meaning::Global(format!("{object}.{name}")),
            Meaning::Value(module, Expression { value: Value::Object { properties, .. }, .. })
                if properties.len() <= MAX_PROPERTIES =>
            {
                // The last of a name wins, and what a spread brings in is not known.
                match properties.iter().rfind(|(it, _)| it.as_deref().is_none_or(|it| it == name)) {
                    // `const current = { room: "" }`, `current.room = room`
                    Some((Some(_), value)) if is_constant(value) && self.is_assigned(name) => {
                        Meaning::Unknown
                    }
                    Some((Some(_), value)) => self.follow(module, value, steps),
                    _ => Meaning::Unknown,
                }
            }
            Meaning::Value(created_in, Expression { value: Value::Call(call), .. }) => {
                let call = &self.module(created_in).code[*call];
                if call.is_new {
                    return self.follow_member(created_in, &call.callee, Some(name), steps);
                }
                // What a function makes in each case: `makeRoom().join`.
                match self.follow(created_in, &call.callee, steps) {
                    Meaning::Function(module, id) => {
                        let made = &self.module(module).code[id];
                        match made.returns.as_slice() {
                            [object] if !made.is_async && !made.is_generator => {
                                self.follow_member(module, object, Some(name), steps)
                            }
                            _ => Meaning::Unknown,
                        }
                    }
                    _ => Meaning::Unknown,
                }
            }
            _ => Meaning::Unknown,
        }
    }

    /// Whether members of this name are assigned anywhere.
    fn is_assigned(&self, name: &str) -> bool {
        self.modules.iter().any(|module| module.code.assigned_members.contains(name))
    }

    fn follow_import(
        &self,
        module: ModuleId,
        import: usize,
        name: Option<&str>,
        steps: &mut usize,
    ) -> Meaning<'_> {
        let Some(import) = self.module(module).imports.get(import) else { return Meaning::Unknown };
        match (&import.target, name) {
            (Target::Builtin(module), None) => Meaning::ApiNamespace(*module),
            (Target::Builtin(module), Some(name)) => {
                module.find(name).map_or(Meaning::Unknown, Meaning::Api)
            }
            (Target::Module(id), None) => Meaning::Namespace(*id),
            (Target::Module(id), Some(name)) => self.follow_export(*id, name, steps),
            (Target::Unresolved(_), _) => Meaning::Unknown,
        }
    }

    fn follow_export(&self, id: ModuleId, name: &str, steps: &mut usize) -> Meaning<'_> {
        let Some(left) = steps.checked_sub(1) else { return Meaning::Unknown };
        *steps = left;
        let module = self.module(id);
        if let Some(value) = module.code.exports.get(name) {
            return self.follow(id, value, steps);
        }
        for export in module.exports.iter().filter(|export| export.name == name) {
            if let ExportSource::Import { import, name, is_type: false } = &export.source {
                return self.follow_import(id, *import, name.as_deref(), steps);
            }
        }
        if name == "default" {
            return Meaning::Unknown;
        }
        for (index, import) in module.imports.iter().enumerate() {
            if import.kind != ImportKind::ReExportAll || import.is_type_only {
                continue;
            }
            let meaning = self.follow_import(id, index, Some(name), steps);
            if !matches!(meaning, Meaning::Unknown) {
                return meaning;
            }
        }
        Meaning::Unknown
    }
}

fn is_constant(value: &Expression) -> bool {
    matches!(
        value.value,
        Value::Text(_)
            | Value::SomeText
            | Value::Joined(_)
            | Value::Number(_)
            | Value::Boolean(_)
            | Value::Null
            | Value::Undefined
    )
}

/// The object that a call returns as it is: `Object.freeze({ … })`.
fn frozen(call: &Call) -> Option<&Expression> {
    let Value::Member(object, Some(method)) = &call.callee.value else { return None };
    let returns_it = matches!(&object.value, Value::Global(name) if name == "Object")
        && matches!(method.as_str(), "freeze" | "seal" | "preventExtensions");
    call.arguments.first().filter(|_| returns_it && !call.is_new)
}

impl Meaning<'_> {
    /// The text of a constant.
    pub fn text(&self) -> Option<&str> {
        match self {
            Meaning::Value(_, Expression { value: Value::Text(text), .. }) => Some(text),
            _ => None,
        }
    }

    /// The value of a numeric constant.
    pub fn number(&self) -> Option<f64> {
        match self {
            Meaning::Value(_, Expression { value: Value::Number(number), .. }) => Some(*number),
            _ => None,
        }
    }
}
