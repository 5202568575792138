//! Runs hand-made and random modules, rewritten and original, side by side. Both must do the same, and after
//! each restore the whole memory, all globals and the map must equal the image.

mod parts;

use fastrand::Rng;
use wasm_encoder::{BlockType, InstructionSink, MemArg, MemoryType, ValType};
use wasmtime::{Config, Engine, Instance, Module as Compiled, Store};

use self::parts::{MEMORY, Parts, module};
use super::image::MAX_RESTORED;
use super::{Image, PAGE, Tracked, Unrestorable, mark_run, rewrite};

const LIMIT: usize = 8 << 20;

/// The result of a call.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Restored { pages: usize },
    Dropped,
    Trapped,
}

/// A module, original and rewritten.
struct Pair {
    engine: Engine,
    plain: Compiled,
    rewritten: Compiled,
}

impl Pair {
    fn new(wasm: &[u8]) -> Pair {
        let mut config = Config::new();
        config.wasm_multi_memory(true);
        let engine = Engine::new(&config).expect("the configuration is sound");
        let rewritten = rewrite(wasm, LIMIT).expect("the module can be restored");
        Pair {
            plain: Compiled::new(&engine, wasm).expect("the module is valid"),
            rewritten: Compiled::new(&engine, rewritten).expect("the rewritten one is too"),
            engine,
        }
    }

    fn tracked(&self) -> (Store<()>, Instance, Tracked) {
        let mut store = Store::new(&self.engine, ());
        let instance = Instance::new(&mut store, &self.rewritten, &[]).expect("it imports nothing");
        let memory = instance.get_memory(&mut store, "memory").expect("it exports one");
        let tracked = Tracked::find(&mut store, instance, memory).expect("it was rewritten");
        (store, instance, tracked)
    }

    /// Calls `run` with each argument, in the same instance as long as it can be restored.
    fn check(&self, arguments: &[(i32, i64)]) -> Vec<Outcome> {
        let (mut store, mut instance, mut tracked) = self.tracked();
        let image = Image::take(&mut store, &tracked);
        let mut outcomes = Vec::new();
        for argument in arguments {
            let mut plain = Store::new(&self.engine, ());
            let original = Instance::new(&mut plain, &self.plain, &[]).expect("it is valid");
            let run = original.get_typed_func::<(i32, i64), ()>(&mut plain, "run");
            let plain_result = run.expect("it exports it").call(&mut plain, *argument);
            let run = instance.get_typed_func::<(i32, i64), ()>(&mut store, "run");
            let result = run.expect("it exports it").call(&mut store, *argument);

            let trap = |result: &wasmtime::Result<()>| {
                result.as_ref().err().map(|error| error.root_cause().to_string())
            };
            assert_eq!(trap(&result), trap(&plain_result), "{argument:?}");
            let memory = instance.get_memory(&mut store, "memory").expect("it exports one");
            let expected = original.get_memory(&mut plain, "memory").expect("it exports one");
            assert!(memory.data(&store) == expected.data(&plain), "{argument:?}");

            let outcome = if result.is_err() {
                Outcome::Trapped
            } else if let Some(copied) = image.restore(&mut store, &mut tracked) {
                assert_eq!(image.difference(&mut store, &tracked), None, "{argument:?}");
                Outcome::Restored { pages: copied / PAGE }
            } else {
                Outcome::Dropped
            };
            if !matches!(outcome, Outcome::Restored { .. }) {
                (store, instance, tracked) = self.tracked();
            }
            outcomes.push(outcome);
        }
        outcomes
    }
}

fn check(arguments: &[(i32, i64)], body: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<Outcome> {
    Pair::new(&module(&Parts::default(), body)).check(arguments)
}

fn at(offset: u64) -> MemArg {
    MemArg { offset, align: 0, memory_index: 0 }
}

/// A store of this kind at the address in local 0, with a value made from local 1.
fn store(sink: &mut InstructionSink<'_>, kind: u32, offset: u64) {
    let arg = at(offset);
    let lane_zero = 0;
    sink.local_get(0);
    match kind {
        0 => sink.local_get(1).i32_wrap_i64().i32_store(arg),
        1 => sink.local_get(1).i64_store(arg),
        2 => sink.local_get(1).f32_convert_i64_s().f32_store(arg),
        3 => sink.local_get(1).f64_convert_i64_s().f64_store(arg),
        4 => sink.local_get(1).i32_wrap_i64().i32_store8(arg),
        5 => sink.local_get(1).i32_wrap_i64().i32_store16(arg),
        6 => sink.local_get(1).i64_store8(arg),
        7 => sink.local_get(1).i64_store16(arg),
        8 => sink.local_get(1).i64_store32(arg),
        9 => sink.local_get(1).i64x2_splat().v128_store(arg),
        10 => sink.local_get(1).i64x2_splat().v128_store8_lane(arg, 15),
        11 => sink.local_get(1).i64x2_splat().v128_store16_lane(arg, 7),
        12 => sink.local_get(1).i64x2_splat().v128_store32_lane(arg, 3),
        _ => sink.local_get(1).i64x2_splat().v128_store64_lane(arg, lane_zero),
    };
}
const STORES: u32 = 14;

#[test]
fn every_store_is_undone_around_page_ends() {
    let addresses: Vec<(i32, i64)> = (0..3)
        .flat_map(|page| (-17..=17).map(move |from| page * PAGE as i32 + 8192 + from))
        .chain((0..20).map(|from| MEMORY as i32 - from))
        .chain([-1, -20, i32::MIN, i32::MAX])
        .map(|address| (address, 0x5a5a_1234_9876_a5a5_u64.cast_signed()))
        .collect();
    for kind in 0..STORES {
        for offset in [0, 1, 4095, 70_000, u64::from(u32::MAX)] {
            let outcomes = check(&addresses, |sink| store(sink, kind, offset));
            let restored =
                outcomes.iter().any(|outcome| matches!(outcome, Outcome::Restored { .. }));
            assert!(restored || offset == u64::from(u32::MAX), "kind {kind} offset {offset}");
        }
    }
}

#[test]
fn bulk_writes_of_every_length_are_undone() {
    let lengths = [0, 1, 15, 4095, 4096, 4097, 8191, 8192, 8193, 65_536, 65_537, 196_608, -1];
    let starts = [0, 1, 4095, 4096, 4097, 65_535, MEMORY as i32 - 4096, MEMORY as i32, -4096];
    let arguments: Vec<(i32, i64)> = starts
        .iter()
        .flat_map(|start| lengths.iter().map(|length| (*start, i64::from(*length))))
        .collect();
    let fill = check(&arguments, |sink| {
        sink.local_get(0).i32_const(0x1ff).local_get(1).i32_wrap_i64().memory_fill(0);
    });
    let copy = check(&arguments, |sink| {
        sink.local_get(0).i32_const(77).local_get(1).i32_wrap_i64().memory_copy(0, 0);
    });
    for outcomes in [fill, copy] {
        assert!(outcomes.contains(&Outcome::Trapped));
        assert!(outcomes.iter().filter(|outcome| **outcome != Outcome::Trapped).count() > 50);
    }
}

#[test]
fn globals_are_reset() {
    let outcomes = check(&[(5, 6), (7, 8)], |sink| {
        sink.local_get(0).global_set(0);
        sink.local_get(1).global_set(1);
        sink.f32_const(f32::NAN.into()).global_set(2);
        sink.local_get(1).f64_convert_i64_s().global_set(3);
        sink.local_get(1).i64x2_splat().global_set(4);
    });
    assert_eq!(outcomes, [Outcome::Restored { pages: 0 }, Outcome::Restored { pages: 0 }]);
}

#[test]
fn a_grown_memory_a_trap_and_many_pages_end_an_instance() {
    let grown = check(&[(1, 0), (0, 0), (100, 0)], |sink| {
        sink.local_get(0).memory_grow(0).drop();
    });
    // The third exceeds the maximum and is refused.
    let same = Outcome::Restored { pages: 0 };
    assert_eq!(grown, [Outcome::Dropped, same, Outcome::Restored { pages: 0 }]);
    let trapped = check(&[(64, 1)], |sink| {
        store(sink, 1, 0);
        sink.unreachable();
    });
    assert_eq!(trapped, [Outcome::Trapped]);

    let mut parts = Parts::default();
    parts.memory.minimum = 64;
    parts.memory.maximum = None;
    let wasm = module(&parts, |sink| {
        sink.i32_const(0).i32_const(9).local_get(0).memory_fill(0);
    });
    let bytes = |count: usize| (i32::try_from(count).expect("a few megabytes"), 0);
    let outcomes =
        Pair::new(&wasm).check(&[bytes(MAX_RESTORED - 8 * PAGE), bytes(MAX_RESTORED + 8 * PAGE)]);
    assert!(matches!(outcomes[..], [Outcome::Restored { .. }, Outcome::Dropped]), "{outcomes:?}");
}

#[test]
fn writes_of_the_host_are_undone() {
    let pair = Pair::new(&module(&Parts::default(), |_sink| {}));
    let (mut store, instance, mut tracked) = pair.tracked();
    let image = Image::take(&mut store, &tracked);
    let memory = instance.get_memory(&mut store, "memory").expect("it exports one");
    let mut random = Rng::with_seed(3);
    for _ in 0..2_000 {
        let len = random.usize(0..20_000);
        let start = random.usize(0..=MEMORY - len);
        mark_run(tracked.map().data_mut(&mut store), start, len);
        memory.data_mut(&mut store)[start..start + len].fill(0);
        if len > 0 {
            // The comparison finds the write before it is undone.
            assert!(image.difference(&mut store, &tracked).is_some());
        }
        assert!(image.restore(&mut store, &mut tracked).is_some());
        assert_eq!(image.difference(&mut store, &tracked), None);
    }
    // A hostile address marks nothing and does not panic; the write itself is refused.
    mark_run(tracked.map().data_mut(&mut store), usize::MAX, 2);
    mark_run(tracked.map().data_mut(&mut store), u32::MAX as usize, u32::MAX as usize);
    assert_eq!(image.difference(&mut store, &tracked), None);
}

#[test]
fn the_comparison_finds_an_unmarked_write() {
    let pair = Pair::new(&module(&Parts::default(), |_sink| {}));
    let (mut store, instance, mut tracked) = pair.tracked();
    let image = Image::take(&mut store, &tracked);
    let memory = instance.get_memory(&mut store, "memory").expect("it exports one");
    memory.data_mut(&mut store)[5000] = 0;
    assert!(image.restore(&mut store, &mut tracked).is_some());
    let difference = image.difference(&mut store, &tracked);
    assert_eq!(difference.as_deref(), Some("memory differs at address 5000"));
}

/// A random body of stores, bulk writes, global changes, growth, loops and calls.
fn random_body(random: &mut Rng, sink: &mut InstructionSink<'_>, depth: u32) {
    for _ in 0..random.u32(1..8) {
        match random.u32(0..16) {
            0..=6 => {
                let near_end = random.u64(0..3) * 65_536 + random.u64(0..9);
                let offset = if random.bool() { random.u64(0..64) } else { near_end };
                store(sink, random.u32(0..STORES), offset);
            }
            7 => {
                sink.local_get(0).i32_const(random.i32(0..70_000)).i32_add();
                sink.i32_const(random.i32(..)).i32_const(random.i32(0..9_000)).memory_fill(0);
            }
            8 => {
                sink.local_get(0).i32_const(random.i32(0..70_000));
                sink.i32_const(random.i32(0..9_000)).memory_copy(0, 0);
            }
            9 => {
                sink.local_get(0).global_set(0).local_get(1).global_set(1);
            }
            10 => {
                // Changes the address: stores use local 0.
                sink.local_get(0).i32_const(random.i32(-5_000..5_000)).i32_add().local_set(0);
            }
            11 if random.u32(0..20) == 0 => {
                sink.i32_const(1).memory_grow(0).drop();
            }
            12 if depth < 3 => {
                // Local 4 counts down from a small number.
                sink.i32_const(random.i32(1..9)).local_set(4);
                sink.loop_(BlockType::Empty);
                random_body(random, sink, 3);
                sink.local_get(4).i32_const(1).i32_sub().local_tee(4).br_if(0).end();
            }
            13 if depth < 3 => {
                sink.local_get(1).i32_wrap_i64().if_(BlockType::Empty);
                random_body(random, sink, depth + 1);
                sink.else_();
                random_body(random, sink, depth + 1);
                sink.end();
            }
            14 => {
                sink.i32_const(0).call_indirect(0, 1);
            }
            15 => {
                sink.local_get(0).i64_load32_u(at(0)).local_get(1).i64_xor().local_set(1);
            }
            _ => {
                sink.nop();
            }
        }
    }
}

#[test]
fn random_modules_do_the_same_and_are_undone() {
    let mut counts = [0, 0, 0];
    for seed in 0..400 {
        let mut random = Rng::with_seed(seed);
        let wasm = module(&Parts::default(), |sink| random_body(&mut random, sink, 0));
        let arguments: Vec<(i32, i64)> =
            (0..12).map(|_| (random.i32(0..MEMORY as i32), random.i64(..))).collect();
        for outcome in Pair::new(&wasm).check(&arguments) {
            counts[match outcome {
                Outcome::Restored { .. } => 0,
                Outcome::Dropped => 1,
                Outcome::Trapped => 2,
            }] += 1;
        }
    }
    // All three must have happened often enough.
    assert!(counts[0] > 1_500 && counts[1] > 5 && counts[2] > 500, "{counts:?}");
}

#[test]
fn modules_that_may_not_be_restored_are_refused() {
    let reason_of = |parts: &Parts, body: fn(&mut InstructionSink<'_>)| {
        rewrite(&module(parts, body), LIMIT).expect_err("it is refused").to_string()
    };
    let with = |change: fn(&mut Parts)| {
        let mut parts = Parts::default();
        change(&mut parts);
        reason_of(&parts, |_sink| {})
    };
    let plain = Parts::default();

    type Body = fn(&mut InstructionSink<'_>);
    let bodies: [(Body, &str); 5] = [
        (
            |sink| {
                sink.elem_drop(1);
            },
            "ElemDrop",
        ),
        (
            |sink| {
                sink.i32_const(0).i32_const(0).i32_const(0).table_init(0, 1);
            },
            "TableInit",
        ),
        (
            |sink| {
                sink.i32_const(0).i32_const(0).i32_const(0).table_copy(0, 0);
            },
            "TableCopy",
        ),
        (
            |sink| {
                sink.i32_const(0).i32_const(0).table_get(0).table_set(0);
            },
            "TableSet",
        ),
        (
            |sink| {
                sink.i32_const(0).i32_const(0).table_get(0).i32_const(0).table_fill(0);
            },
            "TableFill",
        ),
    ];
    for (body, name) in bodies {
        assert_eq!(reason_of(&plain, body), format!("it has the instruction {name}"));
    }
    let passive = Parts { data_is_passive: true, ..Parts::default() };
    let reason = reason_of(&passive, |sink| {
        sink.data_drop(0);
    });
    assert_eq!(reason, "it has the instruction DataDrop");
    let reason = reason_of(&passive, |sink| {
        sink.i32_const(0).i32_const(0).i32_const(0).memory_init(0, 0);
    });
    assert_eq!(reason, "it has the instruction MemoryInit");
    assert!(
        reason_of(&plain, |sink| {
            sink.return_call(1);
        })
        .contains("tail calls")
    );
    assert!(
        reason_of(&plain, |sink| {
            sink.atomic_fence();
        })
        .contains("threads")
    );

    assert!(with(|parts| parts.memories = 2).contains("multi"));
    assert!(with(|parts| parts.memory.memory64 = true).contains("memory64"));
    assert!(with(|parts| parts.memory.shared = true).contains("threads"));
    assert!(with(|parts| parts.memories = 0).contains("memory"));
    assert!(with(|parts| parts.memory.page_size_log2 = Some(0)).contains("page size"));
    assert!(with(|parts| parts.imports_memory = true).contains("imports"));
    assert!(with(|parts| parts.imports_global = true).contains("imports"));
    assert!(with(|parts| parts.starts = true).contains("start function"));
    assert!(with(|parts| parts.globals = vec![(ValType::FUNCREF, true)]).contains("reference"));
    assert!(with(|parts| parts.export = "zigttp restore: map").contains("exports"));
    let large =
        Parts { memory: MemoryType { minimum: 200, maximum: None, ..plain.memory }, ..plain };
    assert_eq!(reason_of(&large, |_sink| {}), "its memory is larger than the limit");
    assert!(matches!(rewrite(b"\0asm", LIMIT), Err(Unrestorable::Invalid(_))));
}

#[test]
fn many_locals_and_types_keep_their_numbers() {
    let locals = vec![(3, ValType::F64), (200, ValType::I32), (5, ValType::V128)];
    let parts = Parts { locals, ..Parts::default() };
    let wasm = module(&parts, |sink| {
        for kind in 0..STORES {
            store(sink, kind, 4090);
        }
        sink.local_get(0).local_get(209).v128_store(at(0));
        sink.local_get(0).local_get(204).i32_store(at(100));
    });
    for outcome in Pair::new(&wasm).check(&[(0, 1), (4096, 2)]) {
        assert!(matches!(outcome, Outcome::Restored { pages: 2 }), "{outcome:?}");
    }
}
