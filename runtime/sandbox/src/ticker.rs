//! Advances the epoch every millisecond while events run, and sleeps otherwise.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

use crate::stripes::Stripes;

/// The length of an event's slice.
const TICK: Duration = Duration::from_millis(1);

/// How many ticks without an event pass before the thread sleeps. Waking it takes a system call, which a
/// server with an event now and then should not need each time.
const IDLE_TICKS: u32 = 100;

/// The thread that ticks. It ends when this is dropped.
pub(crate) struct Ticker {
    state: Arc<State>,
    thread: Thread,
}

#[derive(Default)]
struct State {
    /// How many events run that each worker has begun.
    running: Stripes<AtomicUsize>,
    is_asleep: AtomicBool,
    is_stopped: AtomicBool,
}

/// A running event. The ticker ticks as long as one of these exists.
pub(crate) struct Running<'a> {
    counted: &'a AtomicUsize,
}

impl Ticker {
    /// Starts the thread, which sleeps at first.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Ticker> {
        let state = Arc::new(State::default());
        let engine = engine.weak();
        let thread = thread::Builder::new()
            .name("zigttp-ticker".to_owned())
            .spawn({
                let state = Arc::clone(&state);
                move || {
                    state.tick(|| {
                        if let Some(engine) = engine.upgrade() {
                            engine.increment_epoch();
                        }
                    });
                }
            })?
            .thread()
            .clone();
        Ok(Ticker { state, thread })
    }

    /// Begins an event, which runs until the returned value is dropped.
    pub(crate) fn begin(&self) -> Running<'_> {
        let counted = self.state.running.own();
        counted.fetch_add(1, Ordering::SeqCst);
        // The thread sets the flag before it checks `running`, so at least one of the two threads sees
        // what the other has done.
        if self.state.is_asleep.load(Ordering::SeqCst)
            && self.state.is_asleep.swap(false, Ordering::SeqCst)
        {
            self.thread.unpark();
        }
        Running { counted }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.state.is_stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.counted.fetch_sub(1, Ordering::SeqCst);
    }
}

impl State {
    fn is_any_running(&self) -> bool {
        self.running.all().any(|running| running.load(Ordering::SeqCst) > 0)
    }

    fn tick(&self, increment: impl Fn()) {
        let mut idle = IDLE_TICKS;
        while !self.is_stopped.load(Ordering::SeqCst) {
            if self.is_any_running() {
                idle = 0;
            } else if idle >= IDLE_TICKS {
                self.is_asleep.store(true, Ordering::SeqCst);
                if !self.is_any_running() {
                    thread::park();
                }
                self.is_asleep.store(false, Ordering::SeqCst);
                idle = 0;
                continue;
            } else {
                idle += 1;
            }
            thread::sleep(TICK);
            increment();
        }
    }
}
