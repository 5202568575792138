//! How an event gets its instance: the one place that knows.
//!
//! An event is served by an instance whose memory, globals, tables and host data equal those of
//! the artifact's snapshot. Here that is an instantiation from an [`InstancePre`] with the pooling
//! allocator: copy-on-write maps the snapshot, and dropping the store puts the touched pages back.
//!
//! Three lifetimes: [`Sandbox`] lives with the process, [`Program`] with a loaded artifact, a
//! store with an event.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{
    Cache, CacheConfig, Config as EngineConfig, Enabled, Engine, ExternType, FuncType,
    InstanceAllocationStrategy, InstancePre, Linker, Module, ModuleExport, PoolingAllocationConfig,
    Store, UpdateDeadline, ValType, WasmParams,
};
use zigttp_abi::guest::Status;

use crate::budget::OverBudget;
use crate::config::Config;
use crate::effects::Effects;
use crate::error::{LoadError, StartError};
use crate::event::{Event, Response};
use crate::event_state::EventState;
use crate::failure::{Failure, Thrown};
use crate::host;
use crate::ticker::Ticker;

/// Stack for one event's WebAssembly. The engine refuses recursion at 448 KiB of its own stack;
/// Cranelift's frames took up to 8 times that in native recursion (`JSON.parse`), so 18 times
/// leaves no way to reach the end of this one first (measured; at 8 times some traps are left).
const WASM_STACK_BYTES: usize = 8 << 20;
/// The fiber's stack holds that and the host functions called on top of it.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + (512 << 10);
/// Linear memory that is put back by copying instead of by unmapping. Measured: 8 us an event
/// with it, 50 without (each unmapped page faults again).
const KEEP_RESIDENT_BYTES: usize = 4 << 20;
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;

/// The engine and the bounds of everything that runs in it.
pub(crate) struct Sandbox {
    engine: Engine,
    linker: Linker<EventState>,
    ticker: Ticker,
    /// One permit is one instance of the pool.
    slots: Semaphore,
    /// Of those, how many HTTP requests may hold. A room runs one event at a time, so it cannot
    /// take more than one; requests have no room.
    request_slots: Semaphore,
}

/// The right to hold an instance.
pub(crate) struct Slot<'a> {
    _slot: SemaphorePermit<'a>,
    _request: Option<SemaphorePermit<'a>>,
}

/// A handler ready to be instantiated.
pub(crate) struct Program {
    instance: InstancePre<EventState>,
    memory: ModuleExport,
    on_open: ModuleExport,
    on_message: ModuleExport,
    on_close: ModuleExport,
    handler: ModuleExport,
}

/// What an event that returned leaves behind.
pub(crate) struct Returned {
    pub(crate) effects: Effects,
    pub(crate) response: Option<Response>,
}

/// An event has ended; it is handed back for the log.
pub(crate) struct Ended {
    pub(crate) event: Event,
    pub(crate) result: Result<Returned, Failure>,
}

impl Sandbox {
    /// Sets up the engine, its pool and its ticker.
    pub(crate) fn new(config: &Config) -> Result<Sandbox, StartError> {
        let refuse = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
        let engine = Engine::new(&engine_config(config).map_err(refuse)?).map_err(refuse)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(refuse)?;
        let ticker =
            Ticker::start(&engine).map_err(|error| StartError::Sandbox(error.to_string()))?;
        let slots = Semaphore::new(config.max_events);
        let request_slots = Semaphore::new(config.max_events.div_ceil(2));
        Ok(Sandbox { engine, linker, ticker, slots, request_slots })
    }

    /// Compiles an artifact, or fetches it from the cache, and links it.
    ///
    /// # Errors
    /// When it is no module, wants what a guest may not have, or lacks what a handler must have.
    pub(crate) fn load(&self, wasm: &[u8]) -> Result<Program, LoadError> {
        let unfit = |error: wasmtime::Error| LoadError::Unfit(format!("{error:#}"));
        let module = Module::new(&self.engine, wasm).map_err(unfit)?;
        let instance = self.linker.instantiate_pre(&module).map_err(unfit)?;
        let export = |name: &str| {
            module
                .get_export_index(name)
                .ok_or_else(|| LoadError::Unfit(format!("it exports no {name:?}")))
        };
        // Looked at here, so that no event finds out.
        let event = |name: &str, parameters: &[ValType]| {
            let index = export(name)?;
            let expected = FuncType::new(&self.engine, parameters.iter().cloned(), [ValType::I32]);
            match module.get_export(name) {
                Some(ExternType::Func(found)) if FuncType::eq(&found, &expected) => Ok(index),
                _ => Err(LoadError::Unfit(format!("its export {name:?} is no such function"))),
            }
        };
        let memory = export("memory")?;
        if !matches!(module.get_export("memory"), Some(ExternType::Memory(_))) {
            return Err(LoadError::Unfit("its export \"memory\" is no memory".to_owned()));
        }
        const I32: ValType = ValType::I32;
        const I64: ValType = ValType::I64;
        Ok(Program {
            memory,
            on_open: event("on_open", &[I64, I64, I32])?,
            on_message: event("on_message", &[I64, I64, I32, I32, I32])?,
            on_close: event("on_close", &[I64, I64, I32, I32])?,
            handler: event("handler", &[I64, I32, I32, I32, I32])?,
            instance,
        })
    }

    /// Waits for an instance of the pool to be free.
    pub(crate) async fn slot(&self, event: &Event) -> Slot<'_> {
        const OPEN: &str = "the semaphores are never closed";
        let _request = match event {
            Event::Request(_) => Some(self.request_slots.acquire().await.expect(OPEN)),
            _ => None,
        };
        Slot { _slot: self.slots.acquire().await.expect(OPEN), _request }
    }

    /// Runs one event in a fresh instance. The caller holds a [`Sandbox::slot`].
    pub(crate) async fn run(&self, program: &Program, state: EventState) -> Ended {
        let _running = self.ticker.begin();
        let mut store = Store::new(&self.engine, state);
        store.limiter(|state| &mut state.memory_budget);
        store.epoch_deadline_callback(|mut context| {
            let next_slice = context.data_mut().cpu.end_slice()?;
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(next_slice)))
        });
        store.set_epoch_deadline(1);
        let status = call(program, &mut store).await;
        let state = store.into_data();
        Ended {
            result: result(status, state.memory_budget.is_denied(), state.thrown, || Returned {
                effects: state.effects,
                response: state.response,
            }),
            event: state.event,
        }
    }
}

fn engine_config(config: &Config) -> wasmtime::Result<EngineConfig> {
    let slots = u32::try_from(config.max_events).unwrap_or(u32::MAX);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .total_stacks(slots)
        .max_memory_size(config.memory_limit)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(TABLE_KEEP_RESIDENT_BYTES)
        // Linux 6.7 and later: ask the kernel which pages were written instead of copying all.
        .pagemap_scan(Enabled::Auto);
    let mut engine = EngineConfig::new();
    engine
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_tail_call(false);
    if let Some(dir) = &config.cache_dir {
        engine.cache(Some(cache(dir)?));
    }
    Ok(engine)
}

fn cache(dir: &Path) -> wasmtime::Result<Cache> {
    let mut config = CacheConfig::new();
    config.with_directory(dir);
    Cache::new(config)
}

/// Instantiates and calls the export of the state's event.
async fn call(program: &Program, store: &mut Store<EventState>) -> wasmtime::Result<i32> {
    // Synchronous: the snapshot has no start function, and nothing else of an instantiation runs
    // WebAssembly or waits.
    let instance = program.instance.instantiate(&mut *store)?;
    let memory = instance.get_module_export(&mut *store, &program.memory);
    let memory = memory.and_then(wasmtime::Extern::into_memory);
    store.data_mut().memory =
        Some(memory.ok_or_else(|| wasmtime::Error::msg("the export memory is no memory"))?);

    let seed = fastrand::i64(..);
    let event = &store.data().event;
    let len = |index| event.input_len(index);
    match event {
        Event::Open { connection, .. } => {
            let arguments = (seed, ws(connection), len(0));
            call_export(store, instance, &program.on_open, arguments).await
        }
        Event::Message { connection, data } => {
            let kind = i32::from(data.kind().number());
            let arguments = (seed, ws(connection), kind, len(0), len(1));
            call_export(store, instance, &program.on_message, arguments).await
        }
        Event::Close { connection, code, .. } => {
            let arguments = (seed, ws(connection), i32::from(*code), len(0));
            call_export(store, instance, &program.on_close, arguments).await
        }
        Event::Request(_) => {
            let arguments = (seed, len(0), len(1), len(2), len(3));
            call_export(store, instance, &program.handler, arguments).await
        }
    }
}

async fn call_export<Arguments: WasmParams + Sync>(
    store: &mut Store<EventState>,
    instance: wasmtime::Instance,
    export: &ModuleExport,
    arguments: Arguments,
) -> wasmtime::Result<i32> {
    let function = instance
        .get_module_export(&mut *store, export)
        .and_then(wasmtime::Extern::into_func)
        .ok_or_else(|| wasmtime::Error::msg("an event export is no function"))?;
    function.typed::<Arguments, i32>(&*store)?.call_async(store, arguments).await
}

fn ws(connection: &Arc<crate::connection::Connection>) -> i64 {
    i64::try_from(connection.id.number()).expect("ids have 53 bits")
}

/// What the guest's answer means.
fn result(
    status: wasmtime::Result<i32>,
    is_memory_denied: bool,
    thrown: Option<Thrown>,
    returned: impl FnOnce() -> Returned,
) -> Result<Returned, Failure> {
    match status {
        // Also if JavaScript caught the error of the denied growth.
        _ if is_memory_denied => Err(Failure::OverBudget(OverBudget::Memory)),
        Ok(status) if status == Status::Done as i32 => Ok(returned()),
        Ok(_) => match thrown {
            Some(thrown) => Err(Failure::Threw(thrown)),
            None => Err(Failure::Trapped("it answered a failure it did not explain".to_owned())),
        },
        Err(error) => match error.downcast_ref::<OverBudget>() {
            Some(over) => Err(Failure::OverBudget(*over)),
            None => Err(Failure::Trapped(error.root_cause().to_string())),
        },
    }
}
