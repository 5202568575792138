//! The handler's modules, from their registration until they are linked, and the native modules
//! (`zigttp:websocket` and others).
//!
//! The compiler has resolved every import, so resolving is the identity here. QuickJS asks for
//! sources as it meets imports, which makes circular ones work.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rquickjs::context::EvalOptions;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::{Declarations, Declared, Exports, ModuleDef};
use rquickjs::promise::PromiseState;
use rquickjs::qjs::{self, JSValue};
use rquickjs::{CatchResultExt, CaughtError, Ctx, Error, Module, Result, Value};
use zigttp_abi::api;
use zigttp_abi::events::EXPORTS;
use zigttp_abi::guest::Status;

use crate::engine::{Internal, engine};
use crate::single::SingleThreaded;
use crate::{failure, jobs, thrown};

/// A module's text.
pub(crate) enum Source {
    Module(Vec<u8>),
    /// A script, whose value is the default export. It is not in strict mode, as CommonJS modules are not.
    Script(Vec<u8>),
}

/// Sources by module name; `None` once QuickJS has the module.
static SOURCES: SingleThreaded<RefCell<BTreeMap<String, Option<Source>>>> =
    SingleThreaded(RefCell::new(BTreeMap::new()));

/// Values of scripts by module name, until their modules are evaluated.
static VALUES: SingleThreaded<RefCell<BTreeMap<String, JSValue>>> =
    SingleThreaded(RefCell::new(BTreeMap::new()));

/// Registers a module; one of the same name is replaced.
pub(crate) fn add(name: String, source: Source) {
    SOURCES.0.borrow_mut().insert(name, Some(source));
}

/// Knows which modules there are.
pub(crate) struct Names;

impl Resolver for Names {
    fn resolve<'js>(
        &mut self,
        _: &Ctx<'js>,
        base: &str,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<String> {
        if api::Module::of_specifier(name).is_some() || SOURCES.0.borrow().contains_key(name) {
            Ok(name.to_owned())
        } else {
            Err(Error::new_resolving(base, name))
        }
    }
}

/// Hands out each module's source once.
pub(crate) struct Sources;

impl Loader for Sources {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _: Option<ImportAttributes<'js>>,
    ) -> Result<Module<'js, Declared>> {
        match api::Module::of_specifier(name) {
            Some(api::Module::Websocket) => Module::declare_def::<Websocket, _>(ctx.clone(), name),
            Some(api::Module::Storage) => Module::declare_def::<Storage, _>(ctx.clone(), name),
            Some(api::Module::Memory) => Module::declare_def::<Memory, _>(ctx.clone(), name),
            Some(api::Module::Durable) => Module::declare_def::<Durable, _>(ctx.clone(), name),
            Some(api::Module::Env) => Module::declare_def::<Env, _>(ctx.clone(), name),
            None => declare(ctx, name)?.ok_or_else(|| Error::new_loading(name)),
        }
    }
}

/// Compiles a registered module, if QuickJS does not have it yet.
fn declare<'js>(ctx: &Ctx<'js>, name: &str) -> Result<Option<Module<'js, Declared>>> {
    // Not in one expression with the next: declaring asks the loader for imports.
    let source = SOURCES.0.borrow_mut().get_mut(name).and_then(Option::take);
    source
        .map(|source| match source {
            Source::Module(text) => Module::declare(ctx.clone(), name, text),
            Source::Script(text) => declare_script(ctx, name, text),
        })
        .transpose()
}

fn declare_script<'js>(ctx: &Ctx<'js>, name: &str, text: Vec<u8>) -> Result<Module<'js, Declared>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.filename = Some(name.to_owned());
    let value: Value<'js> = ctx.eval_with_options(text, options)?;
    // SAFETY: the context is alive; the reference is the table's.
    let value = unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), value.as_raw()) };
    VALUES.0.borrow_mut().insert(name.to_owned(), value);
    Module::declare_def::<Script, _>(ctx.clone(), name)
}

/// A module that exports the value of a script.
struct Script;

impl ModuleDef for Script {
    fn declare(module: &Declarations<'_>) -> Result<()> {
        module.declare("default")?;
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        let name: String = exports.module().name()?;
        let value = VALUES.0.borrow_mut().remove(&name).unwrap_or(qjs::JS_UNDEFINED);
        // SAFETY: the reference was the table's, and is given to the value.
        exports.export("default", unsafe { Value::from_raw(ctx.clone(), value) })?;
        Ok(())
    }
}

/// The functions of a built-in module.
macro_rules! builtin {
    ($name:ident) => {
        struct $name;

        impl ModuleDef for $name {
            fn declare(module: &Declarations<'_>) -> Result<()> {
                for function in api::Module::$name.functions() {
                    module.declare(function.name)?;
                }
                Ok(())
            }

            fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
                for row in api::Module::$name.functions() {
                    let function = crate::api::function(ctx.as_raw().as_ptr(), row);
                    // SAFETY: the reference is new and given to the value.
                    exports.export(row.name, unsafe { Value::from_raw(ctx.clone(), function) })?;
                }
                Ok(())
            }
        }
    };
}

builtin!(Websocket);
builtin!(Storage);
builtin!(Memory);
builtin!(Durable);

/// `zigttp:env`, whose function the prelude has made.
struct Env;

impl ModuleDef for Env {
    fn declare(module: &Declarations<'_>) -> Result<()> {
        module.declare("env")?;
        Ok(())
    }

    fn evaluate<'js>(ctx: &Ctx<'js>, exports: &Exports<'js>) -> Result<()> {
        // SAFETY: the context is alive, and the reference is new and given to the value.
        exports.export("env", unsafe {
            let env = qjs::JS_DupValue(ctx.as_raw().as_ptr(), engine().internal(Internal::Env));
            Value::from_raw(ctx.clone(), env)
        })?;
        Ok(())
    }
}

/// Evaluates the entry module, and keeps those of its exports that events call.
///
/// Modules that only an `import()` can reach are compiled here too, and evaluated when an event asks
/// for them. No source is left afterwards.
pub(crate) fn link(entry: &str) -> Status {
    let linked = engine().with(|ctx| {
        evaluate(ctx, entry).and_then(|()| declare_rest(ctx)).catch(ctx).map_err(|caught| {
            match caught {
                CaughtError::Exception(exception) => throw(ctx, exception.into_value()),
                CaughtError::Value(value) => throw(ctx, value),
                CaughtError::Error(error) => thrown::throw(
                    ctx.as_raw().as_ptr(),
                    qjs::JS_ThrowPlainError,
                    &error.to_string(),
                ),
            }
        })
    });
    match linked {
        Ok(()) => Status::Done,
        Err(thrown::Thrown) => {
            failure::report_pending();
            Status::Threw
        }
    }
}

/// Makes a value that was caught the pending exception again.
fn throw<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> thrown::Thrown {
    ctx.throw(value);
    thrown::Thrown
}

fn evaluate(ctx: &Ctx<'_>, entry: &str) -> Result<()> {
    let module = declare(ctx, entry)?.ok_or_else(|| Error::new_loading(entry))?;
    let (module, evaluation) = module.eval()?;
    let drained = jobs::drain_jobs();
    match evaluation.state() {
        // Its own rejection is among the unhandled ones, and says no more than this.
        PromiseState::Rejected => evaluation.result::<()>().unwrap_or(Ok(()))?,
        PromiseState::Pending if drained.is_ok() => {
            thrown::throw(
                ctx.as_raw().as_ptr(),
                qjs::JS_ThrowPlainError,
                "the module waits at its top level for a promise that nothing is left to settle",
            );
            return Err(Error::Exception);
        }
        _ => drained.map_err(|thrown::Thrown| Error::Exception)?,
    }
    let namespace = module.namespace()?;
    for (index, export) in EXPORTS.iter().enumerate() {
        let value: Value<'_> = namespace.get(export.name)?;
        if value.is_function() {
            // SAFETY: the engine keeps a reference of its own.
            engine().set_function(index, unsafe {
                qjs::JS_DupValue(ctx.as_raw().as_ptr(), value.as_raw())
            });
        }
    }
    Ok(())
}

fn declare_rest(ctx: &Ctx<'_>) -> Result<()> {
    let names: Vec<String> = SOURCES.0.borrow().keys().cloned().collect();
    for name in names {
        declare(ctx, &name)?;
    }
    Ok(())
}
