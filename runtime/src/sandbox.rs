//! How an event gets its instance: the one place that knows.
//!
//! An event is served by an instance whose memory, globals, tables and host data equal those of
//! the artifact's snapshot. There are two ways to one:
//!
//! - *restore*: an instance that has served before, in which what the last event wrote was undone
//!   (see [`crate::restore`]);
//! - *instantiate*: a new one from an [`InstancePre`] with the pooling allocator; copy-on-write maps
//!   the snapshot, and dropping the store puts the touched pages back. It makes the instances that
//!   are then restored, and serves every event where restoring is refused or switched off.
//!
//! An instance belongs to its event from beginning to end, over all its yields. Only one whose
//! event has returned is restored; whatever else happens, also that the event's future is dropped,
//! drops it.
//!
//! Three lifetimes: [`Sandbox`] lives with the process, [`Program`] with a loaded artifact, an
//! [`Instance`] with one event, or with many.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Engine, InstancePre, Linker, Module, Store, TypedFunc, UpdateDeadline, WasmParams};
use zigttp_abi::guest::Status;

use crate::address_space::Reserved;
use crate::budget::OverBudget;
use crate::config::Config;
use crate::error::{LoadError, StartError};
use crate::event::Event;
use crate::event_state::{EventState, HostData};
use crate::failure::{Failure, Thrown};
use crate::guest_memory::GuestMemory;
use crate::host;
use crate::limits::Isolation;
use crate::module_cache::{Cached, ModuleCache};
use crate::restore::{self, Image, Tracked};
use crate::ticker::Ticker;

/// Far off: an instantiation is synchronous, so it cannot yield, and it is short.
const INSTANTIATION_TICKS: u64 = 1 << 20;

/// The engine and the bounds of everything that runs in it.
pub(crate) struct Sandbox {
    engine: Engine,
    linker: Linker<HostData>,
    ticker: Ticker,
    max_events: usize,
    /// One permit is one event that runs.
    slots: Semaphore,
    /// Of those, how many HTTP requests may hold. A room runs one event at a time, so it cannot
    /// take more than one; requests have no room.
    request_slots: Semaphore,
    /// One permit is one instance that waits for an event, or runs one that was not suspended.
    places: Arc<Semaphore>,
    cache: ModuleCache,
    memory_limit: usize,
    isolation: Isolation,
    verify_every: Option<u64>,
}

/// One restore in so many is timed: two looks at the clock would be a tenth of it.
const RESTORES_PER_SAMPLE: u32 = 64;

/// The right to hold an instance.
pub(crate) struct Slot<'a> {
    _slot: SemaphorePermit<'a>,
    _request: Option<SemaphorePermit<'a>>,
}

/// A handler ready to be instantiated.
pub(crate) struct Program {
    instance: InstancePre<HostData>,
    /// Whether the module is the rewritten one, which marks what it writes.
    is_rewritten: bool,
    /// What its instances are restored to; `None` when each serves one event.
    image: Option<Image>,
    /// Restored instances. The last one used is the first to be used again: its pages are in the
    /// processor's caches.
    idle: Mutex<Idle>,
    /// Events that restored an instance, where some are verified.
    restored: AtomicU64,
    /// A restored instance differed from the image, so none is restored any more.
    is_distrusted: AtomicBool,
}

/// Boxed, because they are handed on several times an event.
type Idle = Vec<Box<Instance>>;

/// A store with an instance in it.
struct Instance {
    store: Store<HostData>,
    guest: Guest,
}

/// What the host uses of an instance.
struct Guest {
    memory: GuestMemory,
    on_upgrade: TypedFunc<(i64, i32, i32, i32, i32), i32>,
    on_open: TypedFunc<(i64, i64, i32), i32>,
    on_message: TypedFunc<(i64, i64, i32, i32, i32), i32>,
    on_close: TypedFunc<(i64, i64, i32, i32), i32>,
    handler: TypedFunc<(i64, i32, i32, i32, i32), i32>,
    tracked: Option<Tracked>,
}

/// How long an event's sandbox took, for whoever wants to know it of this one event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    /// Making the instance, where there was none to be had.
    pub(crate) instantiate: Option<Duration>,
    /// Restoring it afterwards.
    pub(crate) restore: Option<Duration>,
}

impl Sandbox {
    /// Sets up the engine, its pool and its ticker.
    pub(crate) fn new(config: &Config) -> Result<Sandbox, StartError> {
        let refuse = |error: wasmtime::Error| StartError::Sandbox(format!("{error:#}"));
        let Reserved { engine, events, idle } = Reserved::reserve(config).map_err(refuse)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(refuse)?;
        let ticker =
            Ticker::start(&engine).map_err(|error| StartError::Sandbox(error.to_string()))?;
        Ok(Sandbox {
            engine,
            linker,
            ticker,
            max_events: events,
            slots: Semaphore::new(events),
            request_slots: Semaphore::new(events.div_ceil(2)),
            places: Arc::new(Semaphore::new(idle)),
            cache: ModuleCache::new(config.cache_dir.as_deref()),
            memory_limit: config.memory_limit,
            isolation: config.isolation,
            verify_every: config.verify_restore.map(|every| u64::from(every.get())),
        })
    }

    /// Compiles an artifact, or fetches it from the cache, and links it to the functions of the API
    /// that its manifest lists.
    ///
    /// # Errors
    /// When it is no module, wants what a guest may not have, or lacks what a handler must have.
    pub(crate) fn load(&self, wasm: &[u8], imports: &[String]) -> Result<Program, LoadError> {
        let unfit = |error: wasmtime::Error| LoadError::Unfit(format!("{error:#}"));
        let key = ModuleCache::key(&self.engine, wasm, self.restores(), self.memory_limit);
        let cached = match self.cache.get(&self.engine, &key) {
            Some(cached) => cached,
            None => {
                let cached = self.compile(wasm).map_err(unfit)?;
                self.cache.put(&key, &cached);
                cached
            }
        };
        let Cached { module, is_rewritten } = cached;
        // The engine takes two for the map of written pages; a guest has one.
        if module.resources_required().num_memories > 1 + u32::from(is_rewritten) {
            return Err(LoadError::Unfit("it has more than one memory".to_owned()));
        }
        let linker = host::without_unlisted(&self.linker, &module, imports).map_err(unfit)?;
        let instance = linker.instantiate_pre(&module).map_err(unfit)?;
        let mut program = Program {
            instance,
            is_rewritten,
            image: None,
            idle: Mutex::default(),
            restored: AtomicU64::new(0),
            is_distrusted: AtomicBool::new(false),
        };
        // Without an event and its budget: nothing of the guest's own runs here.
        let mut store = Store::new(&self.engine, HostData::default());
        store.set_epoch_deadline(INSTANTIATION_TICKS);
        let guest = Guest::new(&mut store, &program).map_err(unfit)?;
        program.image = guest.tracked.as_ref().map(|tracked| Image::take(&mut store, tracked));
        if self.restores() && !is_rewritten {
            tracing::warn!("this handler cannot be restored: each event gets a new instance");
        }
        Ok(program)
    }

    /// Compiles the module that marks what it writes, or the artifact itself where there is none
    /// that is exact.
    fn compile(&self, wasm: &[u8]) -> wasmtime::Result<Cached> {
        if self.restores() {
            match restore::rewrite(wasm, self.memory_limit) {
                Ok(rewritten) => match Module::new(&self.engine, rewritten) {
                    Ok(module) => return Ok(Cached { module, is_rewritten: true }),
                    // Larger than a bound that the original keeps, such as a function's size.
                    Err(error) => tracing::debug!("rewriting the handler failed: {error:#}"),
                },
                Err(refusal) => tracing::debug!("the handler was not rewritten: {refusal}"),
            }
        }
        Ok(Cached { module: Module::new(&self.engine, wasm)?, is_rewritten: false })
    }

    fn restores(&self) -> bool {
        self.isolation == Isolation::Restore
    }

    /// Waits for an instance of the pool to be free.
    pub(crate) async fn slot(&self) -> Slot<'_> {
        let slot = match self.slots.try_acquire() {
            Ok(slot) => slot,
            Err(_full) => self.slots.acquire().await.expect("the semaphore is never closed"),
        };
        Slot { _slot: slot, _request: None }
    }

    /// The same for an HTTP request, if one is free now.
    pub(crate) fn request_slot(&self) -> Option<Slot<'_>> {
        let request = self.request_slots.try_acquire().ok()?;
        Some(Slot { _slot: self.slots.try_acquire().ok()?, _request: Some(request) })
    }

    /// How many events may run: as many as the configuration says, or as there is address space for.
    pub(crate) fn max_events(&self) -> usize {
        self.max_events
    }

    /// How many events may begin now.
    pub(crate) fn free_slots(&self) -> usize {
        self.slots.available_permits()
    }

    /// Runs one event in a fresh instance, and hands its state back. The caller holds a
    /// [`Sandbox::slot`].
    pub(crate) async fn run(
        &self,
        program: &Program,
        state: Box<EventState>,
        mut times: Option<&mut Times>,
    ) -> (Box<EventState>, Result<(), Failure>) {
        let _running = self.ticker.begin();
        let mut instance = match program.take_idle() {
            Some(mut idle) => {
                idle.store.data_mut().begin(state);
                idle
            }
            None => {
                let began = Instant::now();
                let mut store = self.store(state);
                let guest = Guest::new(&mut store, program);
                let took = began.elapsed();
                store.data().hub.counters.instantiations.record(took);
                if let Some(times) = &mut times {
                    times.instantiate = Some(took);
                }
                match guest {
                    Ok(guest) => Box::new(Instance { store, guest }),
                    Err(error) => {
                        let failure = Failure::Trapped(error.root_cause().to_string());
                        return (store.data_mut().end(), Err(failure));
                    }
                }
            }
        };
        let status = instance.call().await;
        let has_returned = status.is_ok();
        let mut state = instance.store.data_mut().end();
        let denied = state.memory_budget.denied();
        let mut result = result(status, denied, state.thrown.take());
        if has_returned && denied.is_none() {
            let counters = &state.hub.counters;
            let is_timed = times.is_some() || fastrand::u32(..).is_multiple_of(RESTORES_PER_SAMPLE);
            let began = is_timed.then(Instant::now);
            match self.keep(program, instance) {
                Ok(copied) => counters.restored_bytes.add(copied),
                Err(Mismatch) => {
                    counters.restore_mismatches.add_one();
                    result = Err(Failure::NotRestored);
                }
            }
            if let Some(began) = began.filter(|_| program.image.is_some()) {
                let took = began.elapsed();
                counters.restores.record(took);
                if let Some(times) = times {
                    times.restore = Some(took);
                }
            }
        }
        (state, result)
    }

    /// A store with an event's budgets, for that event and those that follow it.
    fn store(&self, state: Box<EventState>) -> Store<HostData> {
        let mut store = Store::new(&self.engine, HostData::default());
        store.data_mut().begin(state);
        store.limiter(|data| &mut **data);
        store.epoch_deadline_callback(|mut context| {
            let data = context.data_mut();
            let next_slice = data.cpu.end_slice()?;
            data.place = None;
            Ok(UpdateDeadline::YieldCustom(1, next_slice))
        });
        store.set_epoch_deadline(INSTANTIATION_TICKS);
        store
    }

    /// Restores an instance whose event has returned, and keeps it for another; drops it where
    /// that is not worth its while, or there is no place for it. Answers how many bytes were copied.
    fn keep(&self, program: &Program, mut instance: Box<Instance>) -> Result<usize, Mismatch> {
        let (Some(image), Some(tracked)) = (program.image(), &mut instance.guest.tracked) else {
            return Ok(0);
        };
        let Some(copied) = image.restore(&mut instance.store, tracked) else { return Ok(0) };
        if let Some(every) = self.verify_every
            && program.restored.fetch_add(1, Ordering::Relaxed) % every == every - 1
            && let Some(difference) = image.difference(&mut instance.store, tracked)
        {
            program.distrust(&difference);
            return Err(Mismatch);
        }
        let place = &mut instance.store.data_mut().place;
        if place.is_none() {
            let Ok(free) = Arc::clone(&self.places).try_acquire_owned() else { return Ok(copied) };
            *place = Some(free);
        }
        program.idle().push(instance);
        Ok(copied)
    }
}

/// A restored instance is not what it should be.
struct Mismatch;

impl Program {
    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Pushes and pops leave a whole list behind whatever happens.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_idle(&self) -> Option<Box<Instance>> {
        // Without an image there are none; and those that are left are not trusted.
        self.image().and_then(|_image| self.idle().pop())
    }

    /// What instances are restored to, unless they cannot be or are not trusted to be.
    fn image(&self) -> Option<&Image> {
        self.image.as_ref().filter(|_image| !self.is_distrusted.load(Ordering::Relaxed))
    }

    /// Serves from now on by new instances alone.
    fn distrust(&self, difference: &str) {
        self.is_distrusted.store(true, Ordering::Relaxed);
        self.idle().clear();
        tracing::error!(
            "a restored sandbox differs from its image ({difference}): this is a bug in zigttp; \
             further events of this handler get a new instance each"
        );
    }
}

impl Guest {
    /// Instantiates a program.
    fn new(store: &mut Store<HostData>, program: &Program) -> wasmtime::Result<Guest> {
        // Synchronous: artifacts have no start function, nothing else here runs the guest's code or waits.
        let instance = program.instance.instantiate(&mut *store)?;
        let memory = instance
            .get_memory(&mut *store, "memory")
            .ok_or_else(|| wasmtime::Error::msg("it exports no \"memory\""))?;
        let tracked = match program.is_rewritten {
            true => Some(Tracked::find(&mut *store, instance, memory)?),
            false => None,
        };
        Ok(Guest {
            memory: GuestMemory { memory, map: tracked.as_ref().map(Tracked::map) },
            on_upgrade: event_export(store, instance, "on_upgrade")?,
            on_open: event_export(store, instance, "on_open")?,
            on_message: event_export(store, instance, "on_message")?,
            on_close: event_export(store, instance, "on_close")?,
            handler: event_export(store, instance, "handler")?,
            tracked,
        })
    }
}

/// Looked at when a program is loaded, so that no event finds out.
fn event_export<Arguments: WasmParams>(
    store: &mut Store<HostData>,
    instance: wasmtime::Instance,
    name: &str,
) -> wasmtime::Result<TypedFunc<Arguments, i32>> {
    instance.get_typed_func(store, name).map_err(|_missing_or_of_another_type| {
        wasmtime::Error::msg(format!("its export {name:?} is no such function"))
    })
}

impl Instance {
    /// Calls the export of the event that has begun.
    async fn call(&mut self) -> wasmtime::Result<i32> {
        let Instance { store, guest, .. } = self;
        store.set_epoch_deadline(1);
        let linear = guest.memory.memory.data_size(&*store);
        let state = store.data_mut();
        state.memory = Some(guest.memory);
        state.memory_budget.begin_with(linear);

        let seed = fastrand::i64(..);
        let event = &state.event;
        let [first, second, third, fourth] = event.input_lens();
        match event {
            Event::Open { connection, .. } => {
                let arguments = (seed, ws(connection), first);
                guest.on_open.call_async(store, arguments).await
            }
            Event::Message { connection, data } => {
                let kind = i32::from(data.kind().number());
                let arguments = (seed, ws(connection), kind, first, second);
                guest.on_message.call_async(store, arguments).await
            }
            Event::Close { connection, code, .. } => {
                let arguments = (seed, ws(connection), i32::from(*code), first);
                guest.on_close.call_async(store, arguments).await
            }
            Event::Upgrade { .. } => {
                let arguments = (seed, first, second, third, fourth);
                guest.on_upgrade.call_async(store, arguments).await
            }
            Event::Request(_) => {
                let arguments = (seed, first, second, third, fourth);
                guest.handler.call_async(store, arguments).await
            }
        }
    }
}

fn ws(connection: &Arc<crate::connection::Connection>) -> i64 {
    i64::try_from(connection.id.number()).expect("ids have 53 bits")
}

/// What the guest's answer means.
fn result(
    status: wasmtime::Result<i32>,
    denied: Option<OverBudget>,
    thrown: Option<Thrown>,
) -> Result<(), Failure> {
    // Also if JavaScript caught the error of the denied growth.
    if let Some(over) = denied {
        return Err(Failure::OverBudget(over));
    }
    match status {
        Ok(status) if status == Status::Done as i32 => Ok(()),
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
