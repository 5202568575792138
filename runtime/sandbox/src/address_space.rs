//! The pool of instances: how many fit, and how much address space each takes.
//!
//! A linear memory reserves all addresses that a guest can access: 4 GiB, and 32 MiB more for the offsets of
//! instructions. So no access has to be checked: one outside the memory faults. Reserved addresses take no
//! memory. An instance has two linear memories, its own and the map of the pages that it has written. With
//! 64 events and 8 spare instances for each core that is 0.6 TiB for each core. Smaller reservations would
//! need a check of each access, so where there is less address space (`ulimit -v`, kernels with 39 bits of
//! address, very many cores) there are fewer instances.

use wasmtime::{
    Config as EngineConfig, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
};

use crate::limits::{Isolation, Limits};

/// Stack for the WebAssembly of one event. The engine refuses recursion at 448 KiB of its own stack;
/// Cranelift's frames took up to 8 times that in native recursion (`JSON.parse`). With 18 times the end of
/// this stack is never reached first (measured; with 8 times some events still trapped).
const WASM_STACK_BYTES: usize = 8 << 20;
/// The stack of the fiber has room for that and for host functions called on top of it.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + (512 << 10);
/// Linear memory that is reset by copying instead of by unmapping. Measured: 8 us for each event with it, 50
/// without (each unmapped page faults again).
const KEEP_RESIDENT_BYTES: usize = 4 << 20;
const TABLE_KEEP_RESIDENT_BYTES: usize = 64 << 10;

/// Idle instances for each core. An event is suspended only after a millisecond, so few instances are in use
/// at once. Each holds the memory that it has ever written, a megabyte at most.
const IDLE_PER_CORE: usize = 8;

/// Addresses of a linear memory in GiB, without the 32 MiB for offsets.
const GIB_PER_MEMORY: u32 = 4;
/// Address space that must be left for everything else, where it is short: stacks of threads, machine code,
/// the heap.
const SPARE_BYTES: usize = 256 << 20;

/// An engine with reserved address space for its instances.
pub(crate) struct Reserved {
    pub(crate) engine: Engine,
    /// How many events can run at the same time.
    pub(crate) events: usize,
    /// Most idle instances.
    pub(crate) idle: usize,
}

impl Reserved {
    /// Reserves address space for as many events as the configuration says. Where that does not fit, it tries
    /// half of them, and so on.
    ///
    /// # Errors
    /// When not even one event fits.
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
                         raise its limit (ulimit -v), or set --max-events {events}, which silences this line"
                    );
                    return Ok(pool);
                }
                Ok(_without_spare_room) => {}
                // The last error is about one event.
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

/// Most idle instances.
fn idle_instances(limits: &Limits, events: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match limits.isolation {
        Isolation::Restore => events.min(IDLE_PER_CORE * cores),
        Isolation::Instantiate => 0,
    }
}

/// All instances: running ones, idle ones, and the one from which an image is taken.
fn instances(limits: &Limits, events: usize) -> u32 {
    let instances = events.saturating_add(idle_instances(limits, events)).saturating_add(1);
    u32::try_from(instances).unwrap_or(u32::MAX)
}

fn memories(limits: &Limits, events: usize) -> u32 {
    match limits.isolation {
        // Each with its map of written pages.
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
        // For the map of written pages; a guest with two memories is refused.
        .wasm_multi_memory(true)
        .wasm_memory64(false)
        .wasm_tail_call(false);
    engine
}
