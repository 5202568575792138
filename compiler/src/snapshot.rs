//! Runs a handler's top-level code inside the engine and keeps the resulting state.
//!
//! The engine (`engine/`) is compiled once in an instrumented form; each build makes an instance,
//! loads the modules into it, runs them, and turns its memory and globals into a new module.
//! Serving an event starts from there: nothing is parsed or evaluated again.
//!
//! Nothing an instance sees while building differs from one build to the next: time stands still,
//! random numbers have a fixed seed, and there are no connections.

mod host;
mod state;
mod trace;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use wasmtime::{
    Config, Engine, EngineWeak, Instance, Linker, Module, OptLevel, RegallocAlgorithm, Store, Trap,
};
use wasmtime_wizer::{ModuleContext, Wizer};
use zigts_rules::model::Evaluation;
use zigttp_abi::events;
use zigttp_abi::guest::Status;

use crate::console::ConsoleLine;
use crate::coverage;
use crate::emit::Emitted;
use crate::error::BuildError;
use crate::source::Sources;
use host::{BuildHost, Failure};
use state::State;

/// The engine, built from `engine/` for `wasm32-wasip1` by `engine/build.sh`.
static ENGINE: &[u8] = include_bytes!("../engine/engine.wasm");

/// How long a caller of [`Clock::tick`] waits between two calls.
pub const TICK: Duration = Duration::from_millis(100);

/// How long top-level code may run. Honest code only builds tables there.
const TOP_LEVEL_SECONDS: u64 = 10;

/// Most memory of an instance while building, in MiB: the engine takes 2, 512 KiB of source about
/// 8, and an event needs room below the 32 that one gets when it is served.
const MEMORY_MEBIBYTES: usize = 24;

/// Seeds what is random while building. Each event brings a seed of its own.
const SEED: i64 = 0x7a69_6774_7470;

/// JavaScript may use 448 KiB of the guest's own stack; recursion needs many times that of the host's
/// before the engine notices, as unoptimised code has large frames: 8 MiB were too few for a
/// plain function, and 64 are enough for 15 kinds of recursion. Only what is used becomes memory.
const WASM_STACK_BYTES: usize = 64 << 20;
/// For that, and the host's functions called on top of it.
const STACK_BYTES: usize = WASM_STACK_BYTES + (1 << 20);

/// The engine, compiled and ready to build handlers.
pub struct Builder {
    engine: Engine,
    module: Module,
    wizer: Wizer,
    /// What the snapshot needs to know about the module.
    context: ModuleContext<'static>,
}

/// Tells a [`Builder`] that time passes; for a thread of the caller.
///
/// It does not keep the builder alive.
#[derive(Clone)]
pub struct Clock(EngineWeak);

impl Clock {
    /// Says that another [`TICK`] has passed; returns `false` once the builder is gone.
    pub fn tick(&self) -> bool {
        let engine = self.0.upgrade();
        engine.inspect(Engine::increment_epoch).is_some()
    }
}

/// The result of running the top-level code.
pub(crate) struct TopLevelRun {
    pub(crate) evaluation: Evaluation,
    pub(crate) console: Vec<ConsoleLine>,
    /// The instance afterwards, as a module, if the code ran to its end.
    pub(crate) snapshot: Option<Vec<u8>>,
    /// Where it counts, and what it has counted, if it does.
    pub(crate) counters: Option<coverage::Found>,
}

impl Builder {
    /// Compiles the engine. That takes about a second on two cores, unless `cache` remembers it.
    ///
    /// # Errors
    /// When wasmtime cannot run on this machine.
    pub fn new(cache: Option<wasmtime::Cache>) -> Result<Builder, BuildError> {
        let mut config = Config::new();
        config
            .cache(cache)
            .epoch_interruption(true)
            // Compiled once on a machine and run for milliseconds: the time to compile matters, the speed
            // of the code does not.
            .cranelift_opt_level(OptLevel::None)
            .cranelift_regalloc_algorithm(RegallocAlgorithm::SinglePass)
            .max_wasm_stack(WASM_STACK_BYTES)
            // Not used, but checked against the other.
            .async_stack_size(2 * WASM_STACK_BYTES);
        let engine = Engine::new(&config).map_err(BuildError::engine("cannot set wasmtime up"))?;
        let mut wizer = Wizer::new();
        // Its export is not kept; the others that only building needs go with it in `artifact`.
        wizer.init_func("initialize");
        let (context, instrumented) =
            wizer.instrument(ENGINE).map_err(BuildError::engine("cannot instrument the engine"))?;
        let module = Module::new(&engine, instrumented)
            .map_err(BuildError::engine("cannot compile the engine"))?;
        Ok(Builder { engine, module, wizer, context })
    }

    /// Must be ticked, or the time limit does not hold.
    pub fn clock(&self) -> Clock {
        Clock(self.engine.weak())
    }

    /// Loads modules, the entry first, and runs their top-level code. `counted` is how many counters they have, if any.
    pub(crate) fn run_top_level(
        &self,
        modules: &[Emitted],
        sources: &Sources,
        counted: Option<usize>,
    ) -> Result<TopLevelRun, BuildError> {
        let host = BuildHost::new(MEMORY_MEBIBYTES << 20);
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| host);
        store.set_epoch_deadline(TOP_LEVEL_SECONDS * 1000 / TICK.as_millis() as u64);

        let linked = stacker::grow(STACK_BYTES, || -> wasmtime::Result<_> {
            let instance = self.instantiate(&mut store)?;
            let callable = load(&mut store, instance, modules)?;
            Ok((instance, callable))
        });
        let (evaluation, instance) = match linked {
            // A refused growth counts even if JavaScript caught the error it became.
            _ if store.data().was_memory_refused() => {
                (Evaluation::OutOfMemory { mebibytes: MEMORY_MEBIBYTES }, None)
            }
            Ok((instance, Some(callable))) => (Evaluation::Completed { callable }, Some(instance)),
            Ok((_, None)) => {
                let failure = store.data_mut().take_failure();
                let refused = self.refused(&failure, modules, sources)?;
                (refused.unwrap_or_else(|| trace::threw(failure, modules, sources)), None)
            }
            Err(error) => match error.downcast_ref::<Trap>() {
                Some(Trap::Interrupt) => {
                    (Evaluation::OutOfTime { seconds: TOP_LEVEL_SECONDS }, None)
                }
                Some(trap) => (Evaluation::Trapped { reason: trap.to_string() }, None),
                None => return Err(BuildError::engine("cannot run the engine")(error)),
            },
        };
        let counters = match (instance, counted) {
            (Some(instance), Some(counted)) => Some(counters(&mut store, instance, counted)?),
            _ => None,
        };
        let snapshot = instance.map(|instance| self.snapshot(&mut store, instance)).transpose()?;
        let console = store.into_data().into_console();
        Ok(TopLevelRun { evaluation, console, snapshot, counters })
    }

    /// The module that the engine cannot compile, if that is why linking failed. It often says no
    /// place, so each module is tried alone; nothing of it runs, as another one throws before.
    fn refused(
        &self,
        failure: &Failure,
        modules: &[Emitted],
        sources: &Sources,
    ) -> Result<Option<Evaluation>, BuildError> {
        if !failure.message.starts_with("SyntaxError") {
            return Ok(None);
        }
        for module in modules {
            let Some(source) = &module.source else { continue };
            let other = |name: &str, code: String| Emitted {
                name: name.to_owned(),
                code,
                is_script: false,
                source: None,
            };
            let start = format!("import 'zigts:stop'; import {:?};", module.name);
            let stop = other("zigts:stop", "throw 'stop';".to_owned());
            let alone = [other("zigts:start", start), stop, module.clone()];
            let mut store = Store::new(&self.engine, BuildHost::new(MEMORY_MEBIBYTES << 20));
            store.limiter(|host| host);
            store.set_epoch_deadline(TOP_LEVEL_SECONDS * 1000 / TICK.as_millis() as u64);
            stacker::grow(STACK_BYTES, || {
                let instance = self.instantiate(&mut store)?;
                load(&mut store, instance, &alone)
            })
            .map_err(BuildError::engine("cannot run the engine"))?;
            if store.data_mut().take_failure().message == failure.message {
                return Ok(Some(trace::refused(failure, source.id, modules, sources)));
            }
        }
        Ok(None)
    }

    fn instantiate(&self, store: &mut Store<BuildHost>) -> wasmtime::Result<Instance> {
        let mut linker = Linker::new(&self.engine);
        host::link(&mut linker)?;
        // The functions of the API: the engine throws before it would call one.
        linker.define_unknown_imports_as_traps(&self.module)?;
        let instance = linker.instantiate(&mut *store, &self.module)?;
        instance.get_typed_func::<(), ()>(&mut *store, "_initialize")?.call(&mut *store, ())?;
        let initialize = instance.get_typed_func::<i64, ()>(&mut *store, "initialize")?;
        initialize.call(&mut *store, SEED)?;
        Ok(instance)
    }

    fn snapshot(
        &self,
        store: &mut Store<BuildHost>,
        instance: Instance,
    ) -> Result<Vec<u8>, BuildError> {
        let mut state = State { store, instance };
        let snapshot = pin!(self.wizer.snapshot(&self.context, &mut state));
        match snapshot.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(snapshot) => snapshot.map_err(BuildError::engine("cannot snapshot")),
            Poll::Pending => unreachable!("reading an instance waits for nothing"),
        }
    }
}

/// Registers and links the modules. Returns which event exports are functions; `None` if code threw.
fn load(
    store: &mut Store<BuildHost>,
    instance: Instance,
    modules: &[Emitted],
) -> wasmtime::Result<Option<Vec<&'static str>>> {
    type Text = (i32, i32);
    for module in modules {
        let (name, name_len) = pass(store, instance, &module.name)?;
        let (code, code_len) = pass(store, instance, &module.code)?;
        let add = if module.is_script { "add_script" } else { "add_module" };
        let add = instance.get_typed_func::<(i32, i32, i32, i32), ()>(&mut *store, add)?;
        add.call(&mut *store, (name, name_len, code, code_len))?;
    }
    let entry = modules.first().expect("a handler has an entry");
    let entry = pass(store, instance, &entry.name)?;
    let link = instance.get_typed_func::<Text, i32>(&mut *store, "link")?;
    if link.call(&mut *store, entry)? != Status::Done as i32 {
        return Ok(None);
    }
    let exports = instance.get_typed_func::<(), i32>(&mut *store, "exports")?;
    let bits = exports.call(&mut *store, ())?;
    let is_function = |&(index, _): &(usize, _)| bits >> index & 1 == 1;
    Ok(Some(
        events::EXPORTS.iter().enumerate().filter(is_function).map(|(_, it)| it.name).collect(),
    ))
}

/// Where an instance counts, and what it has counted.
fn counters(
    store: &mut Store<BuildHost>,
    instance: Instance,
    count: usize,
) -> Result<coverage::Found, BuildError> {
    let find = |store: &mut Store<BuildHost>| {
        let memory = host::memory(instance.get_export(&mut *store, "memory"))?;
        coverage::find(memory.data(&*store), count)
            .ok_or_else(|| wasmtime::Error::msg("they are not in its memory exactly once"))
    };
    find(store).map_err(BuildError::engine("cannot find the counters"))
}

/// Copies a text into the guest, which owns it from then on.
fn pass(
    store: &mut Store<BuildHost>,
    instance: Instance,
    text: &str,
) -> wasmtime::Result<(i32, i32)> {
    let len = i32::try_from(text.len())?;
    let allocate = instance.get_typed_func::<i32, i32>(&mut *store, "allocate")?;
    let pointer = allocate.call(&mut *store, len)?;
    let memory = host::memory(instance.get_export(&mut *store, "memory"))?;
    memory.write(&mut *store, pointer.cast_unsigned() as usize, text.as_bytes())?;
    Ok((pointer, len))
}
