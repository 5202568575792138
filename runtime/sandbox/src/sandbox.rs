//! Runs events in instances, and decides how each event gets one.
//!
//! An event runs in an instance whose memory, globals, tables and host data equal those of the artifact's
//! snapshot. There are two ways to get one:
//!
//! - *restore*: an instance that has run an event before, whose writes were undone (see `restore.rs`);
//! - *instantiate*: a new one from an [`wasmtime::InstancePre`] with the pooling allocator; the snapshot is
//!   mapped copy-on-write, and dropping the store resets the pages that were used. This makes the
//!   instances that are restored later, and is used for every event where restoring is impossible or
//!   switched off.
//!
//! An event keeps its instance to its end, also while it is suspended. An instance is restored only if its
//! event has returned; in every other case, also if the event's future is dropped, the instance is dropped.
//!
//! There are three lifetimes: a [`Sandbox`] lives as long as the process, a [`Program`] as long as a loaded
//! artifact, an `Instance` for one event or for many.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use wasmtime::{Engine, Linker, Module, Store, UpdateDeadline};
use zigttp_abi::guest::Status;

use crate::address_space::Reserved;
use crate::budget::OverBudget;
use crate::door::Door;
use crate::error::{LoadError, SandboxError};
use crate::event::Event;
use crate::event_state::{EventState, HostData};
use crate::failure::Failure;
use crate::host;
use crate::host::state::open::NotRead;
use crate::instance::{Guest, Instance};
use crate::journal::Journal;
use crate::limits::{Isolation, Limits};
use crate::module_cache::{Cached, ModuleCache};
use crate::program::Program;
use crate::ran::{Outcome, Ran};
use crate::restore::{self, Image};
use crate::route::Routes;
use crate::ticker::Ticker;
use crate::view::View;

/// A deadline that is never reached: an instantiation is short, and cannot yield because it is synchronous.
const INSTANTIATION_TICKS: u64 = 1 << 20;

/// One restore in this many is timed: reading the clock twice would take a tenth of its time.
const RESTORES_PER_SAMPLE: i64 = 64;

/// The engine, and the limits of everything that runs in it.
pub struct Sandbox<V: View> {
    engine: Engine,
    linker: Linker<HostData<V>>,
    ticker: Ticker,
    /// Most events at the same time: as many as configured, or as fit in the address space.
    max_events: usize,
    /// One permit is one instance that is idle, or runs an event that was not suspended.
    idle_permits: Arc<Semaphore>,
    cache: ModuleCache,
    limits: Limits,
}

impl<V: View> Sandbox<V> {
    /// Makes the engine, its pool and its ticker.
    ///
    /// # Errors
    /// When there is not enough address space, or the ticker's thread cannot be started.
    pub fn new(limits: Limits) -> Result<Sandbox<V>, SandboxError> {
        Sandbox::linked(limits, |_linker| Ok(()))
    }

    /// One whose linker has what `link` adds.
    fn linked(
        limits: Limits,
        link: impl FnOnce(&mut Linker<HostData<V>>) -> wasmtime::Result<()>,
    ) -> Result<Sandbox<V>, SandboxError> {
        let Reserved { engine, events, idle } =
            Reserved::reserve(&limits).map_err(SandboxError::engine)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).and_then(|()| link(&mut linker)).map_err(SandboxError::engine)?;
        let ticker = Ticker::start(&engine).map_err(SandboxError::Ticker)?;
        host::crypto::prepare::<V>();
        Ok(Sandbox {
            engine,
            linker,
            ticker,
            max_events: events,
            idle_permits: Arc::new(Semaphore::new(idle)),
            cache: ModuleCache::new(limits.cache_dir.as_deref()),
            limits,
        })
    }

    /// Most events at the same time: as many as the limits say, or as fit in the address space.
    pub fn max_events(&self) -> usize {
        self.max_events
    }

    /// Compiles an artifact, or reads it from the cache, and links it to the functions of the API that its
    /// manifest lists.
    ///
    /// # Errors
    /// When it is not a module, imports something that a guest may not import, or lacks an export that it
    /// must have.
    pub fn load(
        &self,
        wasm: &[u8],
        imports: &[String],
        routes: &Arc<Routes>,
    ) -> Result<Program<V>, LoadError> {
        let key = ModuleCache::key(&self.engine, wasm, self.restores(), self.limits.memory);
        let cached = match self.cache.get(&self.engine, &key) {
            Some(cached) => cached,
            None => {
                let cached = self.compile(wasm).map_err(LoadError::unfit)?;
                self.cache.put(&key, &cached);
                cached
            }
        };
        let Cached { module, is_rewritten } = cached;
        // The engine allows two memories, for the map of written pages; a guest may have one.
        if module.resources_required().num_memories > 1 + u32::from(is_rewritten) {
            return Err(LoadError::unfit(wasmtime::Error::msg("it has more than one memory")));
        }
        let mut linker = self.linker.clone();
        host::link_routes(&mut linker, routes).map_err(LoadError::unfit)?;
        let linker = host::without_unlisted(&linker, &module, imports).map_err(LoadError::unfit)?;
        let instance = linker.instantiate_pre(&module).map_err(LoadError::unfit)?;
        // Without an event and its budget, because no code of the guest runs here.
        let mut store = Store::new(&self.engine, HostData::idle());
        store.set_epoch_deadline(INSTANTIATION_TICKS);
        let guest = Guest::new(&mut store, &instance, is_rewritten).map_err(LoadError::unfit)?;
        let image = guest.tracked.as_ref().map(|tracked| Image::take(&mut store, tracked));
        if self.restores() && !is_rewritten {
            tracing::warn!("this handler cannot be restored: each event gets a new instance");
        }
        Ok(Program::new(instance, is_rewritten, image))
    }

    /// Compiles the rewritten module, which marks what it writes; or the artifact itself if it cannot be
    /// restored exactly.
    fn compile(&self, wasm: &[u8]) -> wasmtime::Result<Cached> {
        if self.restores() {
            match restore::rewrite(wasm, self.limits.memory) {
                Ok(rewritten) => match Module::new(&self.engine, rewritten) {
                    Ok(module) => return Ok(Cached { module, is_rewritten: true }),
                    // It exceeds a limit that the original does not, such as the size of a function.
                    Err(error) => tracing::debug!("rewriting the handler failed: {error:#}"),
                },
                Err(refusal) => tracing::debug!("the handler was not rewritten: {refusal}"),
            }
        }
        Ok(Cached { module: Module::new(&self.engine, wasm)?, is_rewritten: false })
    }

    fn restores(&self) -> bool {
        self.limits.isolation == Isolation::Restore
    }

    /// An event that may run, once or several times. With `is_observed` its restore is always timed, and what it reads
    /// of the state of rooms is noted.
    pub fn prepare(
        &self,
        event: Event,
        view: V,
        journal: Journal,
        is_observed: bool,
    ) -> Box<EventState<V>> {
        let mut state = EventState::new(view, event, journal, &self.limits);
        state.read_log = is_observed.then(Box::default);
        state
    }

    /// Runs an event in a fresh instance, from now on.
    /// The caller ensures that no more than [`Sandbox::max_events`] run.
    pub async fn run(
        &self,
        program: &Program<V>,
        mut state: Box<EventState<V>>,
        began: Instant,
    ) -> Ran<V> {
        state.begin_run(began);
        let seed = state.journal.seed();
        let is_observed = state.read_log.is_some();
        let _running = self.ticker.begin();
        let mut instance = match program.take_idle() {
            Some(mut idle) => {
                idle.store.data_mut().begin(state);
                idle
            }
            None => match self.instantiate(program, state) {
                Ok(instance) => instance,
                Err(Uninstantiated { state, failure }) => {
                    return Ran { outcome: Outcome::Failed(failure), state };
                }
            },
        };
        let status = instance.call(seed).await;
        if let Some(counters) = program.counters() {
            counters.add(instance.memory());
        }
        let has_returned = status.is_ok();
        let mut state = instance.store.data_mut().end();
        state.used.cpu = state.cpu.of_slices();
        let denied = state.memory_budget.denied();
        let mut result = result(status, denied, &mut state);
        if has_returned && denied.is_none() {
            let is_timed = is_observed || seed % RESTORES_PER_SAMPLE == 0;
            let began = is_timed.then(|| state.view.now());
            match self.keep(program, instance) {
                Ok(copied) => state.used.restored_bytes = copied,
                Err(Mismatch) => {
                    state.used.has_mismatched = true;
                    result = Err(Failure::NotRestored);
                }
            }
            if let Some(began) = began.filter(|_| program.has_image()) {
                state.used.restore = Some(state.view.now() - began);
            }
        }
        if matches!(result, Ok(Outcome::Returned(_))) {
            state.tell_of_timers();
        }
        let outcome = result.unwrap_or_else(Outcome::Failed);
        Ran { outcome, state }
    }

    /// Makes an instance for an event, and for later ones.
    fn instantiate(
        &self,
        program: &Program<V>,
        state: Box<EventState<V>>,
    ) -> Result<Box<Instance<V>>, Uninstantiated<V>> {
        let began = state.view.now();
        let mut store = self.store(state);
        let guest = Guest::new(&mut store, &program.instance, program.is_rewritten);
        let state = &mut **store.data_mut();
        state.used.instantiate = Some(state.view.now() - began);
        match guest {
            Ok(guest) => Ok(Box::new(Instance { store, guest })),
            Err(error) => {
                let failure = Failure::Trapped(error.root_cause().to_string());
                Err(Uninstantiated { state: store.data_mut().end(), failure })
            }
        }
    }

    /// A store with an event's budgets.
    fn store(&self, state: Box<EventState<V>>) -> Store<HostData<V>> {
        let mut store = Store::new(&self.engine, HostData::idle());
        store.data_mut().begin(state);
        store.limiter(|data| &mut **data);
        store.epoch_deadline_callback(|mut context| {
            let data = context.data_mut();
            let state = &mut **data;
            let next_slice = state.cpu.end_slice(state.view.now())?;
            state.tell_lines();
            data.idle_permit = None;
            Ok(UpdateDeadline::YieldCustom(1, next_slice))
        });
        store.set_epoch_deadline(INSTANTIATION_TICKS);
        store
    }

    /// Restores an instance whose event has returned, and keeps it for another. Drops it if restoring would
    /// cost more than a new one, or if enough are idle. Returns how many bytes were copied.
    fn keep(
        &self,
        program: &Program<V>,
        mut instance: Box<Instance<V>>,
    ) -> Result<usize, Mismatch> {
        let (Some(image), Some(tracked)) = (program.image(), &mut instance.guest.tracked) else {
            return Ok(0);
        };
        let Some(copied) = image.restore(&mut instance.store, tracked) else { return Ok(0) };
        if let Some(every) = self.limits.verify_restore
            && program.should_verify(every.get().into())
            && let Some(difference) = image.difference(&mut instance.store, tracked)
        {
            program.distrust(&difference);
            return Err(Mismatch);
        }
        let permit = &mut instance.store.data_mut().idle_permit;
        if permit.is_none() {
            let Ok(free) = Arc::clone(&self.idle_permits).try_acquire_owned() else {
                return Ok(copied);
            };
            *permit = Some(free);
        }
        program.put_idle(instance);
        Ok(copied)
    }
}

impl<V: Door> Sandbox<V> {
    /// One whose guests run tests: they can ask what the [`Door`] answers.
    ///
    /// # Errors
    /// As of [`Sandbox::new`].
    pub fn of_tests(limits: Limits) -> Result<Sandbox<V>, SandboxError> {
        Sandbox::linked(limits, host::door::link)
    }
}

/// An event whose instance could not be made.
struct Uninstantiated<V: View> {
    state: Box<EventState<V>>,
    failure: Failure,
}

/// A restored instance differs from the image.
struct Mismatch;

/// The result of the guest's status.
fn result<V: View>(
    status: wasmtime::Result<i32>,
    denied: Option<OverBudget>,
    state: &mut EventState<V>,
) -> Result<Outcome, Failure> {
    // Also if JavaScript has caught the error.
    if let Some(over) = denied {
        return Err(Failure::OverBudget(over));
    }
    match status {
        Ok(status) if status == Status::Done as i32 => {
            let reported = state.reported.as_mut();
            Ok(Outcome::Returned(reported.and_then(|reported| reported.response.take())))
        }
        Ok(status) if status == Status::Waiting as i32 => match state.wait() {
            Some(wait) => Ok(Outcome::Waiting(wait)),
            None => Err(Failure::Trapped("it waits for nothing".to_owned())),
        },
        Ok(_) => match state.reported.as_mut().and_then(|reported| reported.thrown.take()) {
            Some(thrown) => Err(Failure::Threw(thrown)),
            None => Err(Failure::Trapped("it reported a failure without a reason".to_owned())),
        },
        Err(error) => match (error.downcast_ref::<OverBudget>(), error.is::<NotRead>()) {
            (Some(over), _) => Err(Failure::OverBudget(*over)),
            (None, true) => Err(Failure::NotRead(error.into())),
            (None, false) => Err(Failure::Trapped(error.root_cause().to_string())),
        },
    }
}

#[cfg(test)]
mod tests {
    use zigttp_abi::connection_id::ConnectionId;
    use zigttp_abi::value::Value;
    use zigttp_abi::version::Version;

    use super::*;
    use crate::effect::Effect;
    use crate::event::{Call, Request};
    use crate::test_view::{TestPeer, TestView};

    /// A hand-made guest: `onMessage` sends the attachment of connection 2 to every member of the room and
    /// stores the message with its own connection; `onClose` sends, and then traps.
    const GUEST: &str = r#"(module
        (import "zigttp" "inputs" (func $inputs (param i32 i32 i32 i32 i32)))
        (import "zigttp" "send" (func $send (param i64 i32 i32 i32 i32) (result i32)))
        (import "zigttp" "get_web_sockets" (func $members (param i32 i32 i32 i32) (result i32)))
        (import "zigttp" "serialize_attachment" (func $keep (param i64 i32 i32 i32) (result i32)))
        (import "zigttp" "deserialize_attachment" (func $kept (param i64 i32 i32) (result i64)))
        (memory (export "memory") 1 16)
        (func (export "on_open") (param i64 i64 i32 i32) (result i32) i32.const 0)
        (func (export "on_message") (param i64 i64 i32 i32 i32) (result i32)
            (local $count i32) (local $index i32)
            (call $inputs (i32.const 0) (i32.const 1000) (i32.const 0) (i32.const 0) (i32.const 0))
            (drop (call $keep (local.get 1) (local.get 2) (i32.const 0) (local.get 3)))
            (drop (call $kept (i64.const 2) (i32.const 2000) (i32.const 100)))
            (local.set $count
                (call $members (i32.const 1000) (local.get 4) (i32.const 3000) (i32.const 800)))
            (loop $each
                (drop (call $send
                    (i64.trunc_f64_s
                        (f64.load (i32.add (i32.const 3000) (i32.mul (local.get $index) (i32.const 8)))))
                    (i32.const 0) (i32.const 2000) (i32.const 4) (i32.const 0)))
                (local.set $index (i32.add (local.get $index) (i32.const 1)))
                (br_if $each (i32.lt_u (local.get $index) (local.get $count))))
            i32.const 0)
        (func (export "on_close") (param i64 i64 i32 i32 i32) (result i32)
            (drop (call $send (i64.const 2) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)))
            unreachable)
        (func (export "room_of") (param i64 i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "on_upgrade") (param i64 i32 i32 i32 i32 i32) (result i32)
            (drop (call $send (i64.const 1) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)))
            (drop (call $send (i64.const 2) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)))
            i32.const 0)
        (func (export "on_request") (param i64 i32 i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "on_signal") (param i64 i32 i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "on_stream") (param i64 i32 i32 i32 i32) (result i32) i32.const 0)
        (func (export "handler") (param i64 i32 i32 i32 i32) (result i32) i32.const 0))"#;

    const IMPORTS: [&str; 4] =
        ["send", "getWebSockets", "serializeAttachment", "deserializeAttachment"];

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_number(number)
    }

    fn world() -> TestView {
        let mut peers: Vec<_> = [1, 2, 3].map(id).map(TestPeer::new).into();
        peers[1].attachment = Some((Value::text("kept"), Version::from_number(7)));
        TestView { rooms: [("/room".to_owned(), peers)].into(), ..TestView::default() }
    }

    fn run(call: Call) -> Ran<TestView> {
        let limits = Limits {
            max_events: 1,
            memory: 1 << 20,
            cpu: std::time::Duration::from_secs(10),
            isolation: Isolation::Restore,
            verify_restore: std::num::NonZeroU32::new(1),
            cache_dir: None,
        };
        let sandbox = Sandbox::new(limits).expect("there is address space");
        let guest = wat::parse_str(GUEST).expect("it is well formed");
        let program = sandbox
            .load(&guest, &IMPORTS.map(str::to_owned), &Arc::default())
            .expect("it is a handler");
        let event = Event::of(id(1), "/room".into(), call);
        let view = world();
        let began = view.now();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it starts");
        let state = sandbox.prepare(event, view, Journal::begin(4), true);
        runtime.block_on(sandbox.run(&program, state, began))
    }

    #[test]
    fn an_event_sees_only_its_view_and_returns_its_effects() {
        let ran = run(Call::Message { data: Value::text("hello") });
        assert!(matches!(ran.outcome, Outcome::Returned(None)), "{:?}", ran.outcome);
        let effects: Vec<String> = ran
            .state
            .effects
            .list()
            .iter()
            .map(|effect| match effect {
                Effect::Send { to, frame } => {
                    let text = String::from_utf8_lossy(frame.payload()).into_owned();
                    format!("{} <- {text}", ran.state.effects.id(*to))
                }
                Effect::SetAttachment { connection, value } => {
                    let text = String::from_utf8_lossy(value.bytes()).into_owned();
                    format!("{} keeps {text}", ran.state.effects.id(*connection))
                }
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(effects, ["1 keeps hello", "1 <- kept", "2 <- kept", "3 <- kept"]);
        assert_eq!(ran.state.reads.attachments(), [(id(2), Some(Version::from_number(7)))]);
        assert!(ran.state.reads.has_read_own_members() && ran.state.reads.rooms().next().is_none());
        assert!(ran.state.used.restored_bytes > 0 && !ran.state.used.has_mismatched);
        assert_eq!(ran.state.used.attachment_reads, 1);
    }

    #[test]
    fn the_same_event_with_the_same_view_returns_the_same_effects() {
        let message = || Call::Message { data: Value::text("hello") };
        assert!(run(message()).state.effects == run(message()).state.effects);
        let other = run(Call::Message { data: Value::text("ho") });
        assert!(run(message()).state.effects != other.state.effects);
    }

    #[test]
    fn an_event_that_traps_returns_the_effects_until_then() {
        let ran = run(Call::Close { code: 1000, reason: "".into() });
        assert!(matches!(ran.outcome, Outcome::Failed(Failure::Trapped(_))), "{:?}", ran.outcome);
        assert_eq!(ran.state.effects.list().len(), 1);
    }

    #[test]
    fn on_upgrade_cannot_address_its_own_candidate() {
        let text = String::new;
        let body = bytes::Bytes::new();
        let request = Request { method: text(), target: text(), headers: text(), body };
        let ran = run(Call::Upgrade { request: Box::new(request), resumable: None });
        let effects = &ran.state.effects;
        let sent: Vec<_> = effects
            .list()
            .iter()
            .map(|effect| match effect {
                Effect::Send { to, .. } => effects.id(*to),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(sent, [id(2)]);
    }
}
