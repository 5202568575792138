//! The pool that instances are made in: how many fit, and what each takes of the address space.
//!
//! A linear memory has all the addresses that a guest can name: 4 GiB, and 32 MiB more for what an
//! instruction adds to them. So no access has to be checked; what is not memory faults. These addresses are
//! reserved and hold no memory. An instance has two, its own memory and the map of the pages it has
//! written, and with 64 events and 8 spare instances a core that is 0.6 TiB a core. Less for each would need a
//! check at each access, so where there is less (`ulimit -v`, kernels with 39 bits of address, very many
//! cores) there are fewer instances.

use wasmtime::{
    Config as EngineConfig, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::limits::{Isolation, Limits};

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

/// Instances that wait for an event, per core: events run to their end unless they take
/// milliseconds, so few are in use at once. Each holds what it ever wrote, a megabyte at most.
const IDLE_PER_CORE: usize = 8;

/// Of the addresses of a memory; what is added to them is 32 MiB.
const GIB_PER_MEMORY: u32 = 4;
/// Address space that has to be left for everything else, where it is short: stacks of threads, machine
/// code, the heap.
const SPARE_BYTES: usize = 256 << 20;

/// An engine whose instances have their addresses.
pub(crate) struct Reserved {
    pub(crate) engine: Engine,
    /// Events for which there is an instance each.
    pub(crate) events: usize,
    /// Instances that may be kept for further events.
    pub(crate) idle: usize,
}

impl Reserved {
    /// Reserves the addresses for as many events as the configuration says, or else for half of them, and so
    /// on.
    ///
    /// # Errors
    /// When there is no room for one.
    pub(crate) fn reserve(limits: &Limits) -> wasmtime::Result<Reserved> {
        let wanted = limits.max_events;
        let mut error = match Reserved::of(limits, wanted) {
            Ok(pool) => return Ok(pool),
            Err(error) => error,
        };
        let mut events = wanted / 2;
        while events > 0 {
            match Reserved::of(limits, events) {
                Ok(pool) if has_spare_room() => {
                    tracing::warn!(
                        "the address space has room for {events} events at a time instead of {wanted}: \
                         raise its limit (ulimit -v), or set --max-events {events}, which leaves out \
                         this line"
                    );
                    return Ok(pool);
                }
                Ok(_without_spare_room) => {}
                // The last one says what not even one event found.
                Err(tighter) => error = tighter,
            }
            events /= 2;
        }
        let least = GIB_PER_MEMORY * memories(limits, 1) + 1;
        Err(error.context(format!("it takes {least} GiB of address space (ulimit -v) or more")))
    }

    fn of(limits: &Limits, events: usize) -> wasmtime::Result<Reserved> {
        let engine = Engine::new(&engine_config(limits, events))?;
        Ok(Reserved { engine, events, idle: idle_instances(limits, events) })
    }
}

fn has_spare_room() -> bool {
    Vec::<u8>::new().try_reserve_exact(SPARE_BYTES).is_ok()
}

/// Instances kept for further events.
fn idle_instances(limits: &Limits, events: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match limits.isolation {
        Isolation::Restore => events.min(IDLE_PER_CORE * cores),
        Isolation::Instantiate => 0,
    }
}

/// Those that run, those kept, and the one an image is taken from.
fn instances(limits: &Limits, events: usize) -> u32 {
    let instances = events.saturating_add(idle_instances(limits, events)).saturating_add(1);
    u32::try_from(instances).unwrap_or(u32::MAX)
}

fn memories(limits: &Limits, events: usize) -> u32 {
    match limits.isolation {
        // With the map of written pages.
        Isolation::Restore => instances(limits, events).saturating_mul(2),
        Isolation::Instantiate => instances(limits, events),
    }
}

fn engine_config(limits: &Limits, events: usize) -> EngineConfig {
    let instances = instances(limits, events);
    let memories = memories(limits, events);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(instances)
        .total_memories(memories)
        .total_tables(instances)
        .total_stacks(instances)
        .max_memories_per_module(2)
        .max_memory_size(limits.memory)
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
        // For the map of written pages; a guest that has two itself is refused.
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        .wasm_tail_call(false);
    engine
}
