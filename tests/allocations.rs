//! How often an event allocates on the host: a figure without a clock, like those of `all/costs.rs`. In its
//! own program, because the counting allocator is the whole program's.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use zigttp_runtime::{Config, LocalConnection, Server, Value};

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator as it came.
#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller promises it.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller promises it.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller promises it.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const EVENTS: u64 = 1_000;

#[test]
fn an_event_allocates_seldom() {
    let test = std::env::current_exe().expect("a running test has an executable");
    let zigts = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("zigts");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/bench/bench.ts");
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let artifact = folder.path().join("bench.wasm");
    let status = Command::new(zigts).arg("build").arg(source).arg("-o").arg(&artifact).output();
    assert!(status.expect("`cargo test --workspace` builds zigts").status.success());
    let artifact = std::fs::read(artifact).expect("it was built");
    let server = Server::new(Config::default(), &artifact).expect("the example loads");

    // One thread, so that only the event's allocations are counted.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        for (path, bound) in [("/echo", 4.5), ("/chat/one", 4.5)] {
            let connection = LocalConnection::open(&server, path).await.expect("a route");
            let message = async || {
                assert!(connection.message(Value::text("hello, everybody")).await);
                connection.next_sent().expect("an answer");
            };
            // A name, an instance, and tables that grow once.
            for _ in 0..10 {
                message().await;
            }
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for _ in 0..EVENTS {
                message().await;
            }
            let after = ALLOCATIONS.load(Ordering::Relaxed);
            // The message's own text and its box are among them.
            let each = (after - before) as f64 / EVENTS as f64;
            assert!(each <= bound, "{path}: {each:.2} allocations an event, not {bound}");
        }
    });
}
