//! What every event starts from: the runtime, its context, and the values that stand ready.
//!
//! After the build, QuickJS is used through its C interface: rquickjs's guards cost a tenth of a small
//! event, and protect from nothing where there is one thread and one context.

use std::cell::{Cell, RefCell};

use javy::Runtime;
use rquickjs::Ctx;
use rquickjs::qjs::{self, JSContext, JSRuntime, JSValue};
use zigttp_abi::events::EXPORTS;

use crate::single::SingleThreaded;

/// Functions of the prelude that Rust calls.
#[derive(Clone, Copy)]
pub(crate) enum Internal {
    /// `(thrown) -> [message, stack]`
    Describe,
    /// `(method, target, headers, body) -> Request`
    MakeRequest,
    /// `(response)`: checks it and hands it to the host.
    Respond,
    /// `(answer)`: checks what `onUpgrade` returned and hands it to the host.
    Admit,
    /// `(answer)`: checks what `roomOf` returned and hands it to the host.
    NameRoom,
    /// `() -> number`: goes on with the earliest question that is settled; answers with a number of the ABI if
    /// there is none.
    GoOn,
    /// `(url, init) -> [method, url, headers, body, redirect, cut]`
    StreamRequest,
    /// `(piece, bytes) -> StreamPiece`
    MakePiece,
    /// The getter of a typed array's `byteLength`, which no handler can have replaced.
    ByteLength,
    /// `env` of `zigttp:env`, with the settings as properties.
    Env,
}

/// How many of them there are.
pub(crate) const INTERNALS: usize = 10;

/// What JavaScript runs for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Top-level code, which has no connection to talk to.
    Building,
    Event,
    /// `roomOf`, which changes nothing.
    ReadingAlone,
}

/// The runtime, its context, and the values that every event starts from.
pub(crate) struct Engine {
    /// Written by `initialize`, like the two pointers into it and what the prelude gives.
    pub(crate) javy: Cell<Option<&'static Runtime>>,
    pub(crate) context: Cell<*mut JSContext>,
    pub(crate) runtime: Cell<*mut JSRuntime>,
    /// The entry module's exports, at the index of their row in [`EXPORTS`]. Written by `link`.
    functions: [Cell<JSValue>; EXPORTS.len()],
    /// At the index of the [`Internal`]. Written by `initialize`.
    pub(crate) internals: [Cell<JSValue>; INTERNALS],
    /// Promises that were rejected with nobody to handle it, and why. Written by the tracker.
    pub(crate) rejections: RefCell<Vec<(JSValue, JSValue)>>,
    /// Written after `link`, and by `roomOf`.
    phase: Cell<Phase>,
}

static ENGINE: SingleThreaded<Engine> = SingleThreaded(Engine {
    javy: Cell::new(None),
    context: Cell::new(std::ptr::null_mut()),
    runtime: Cell::new(std::ptr::null_mut()),
    functions: [const { Cell::new(qjs::JS_UNDEFINED) }; EXPORTS.len()],
    internals: [const { Cell::new(qjs::JS_UNDEFINED) }; INTERNALS],
    rejections: RefCell::new(Vec::new()),
    phase: Cell::new(Phase::Building),
});

/// The one engine of this instance.
pub(crate) fn engine() -> &'static Engine {
    &ENGINE.0
}

impl Engine {
    /// Enters the context through rquickjs; only while building, and never nested.
    pub(crate) fn with<R>(&self, body: impl FnOnce(&Ctx<'_>) -> R) -> R {
        let javy = self.javy.get().expect("the host calls `initialize` first");
        javy.context().with(|ctx| body(&ctx))
    }

    pub(crate) fn context(&self) -> *mut JSContext {
        self.context.get()
    }

    pub(crate) fn runtime(&self) -> *mut JSRuntime {
        self.runtime.get()
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn begin_phase(&self, phase: Phase) {
        self.phase.set(phase);
    }

    pub(crate) fn is_building(&self) -> bool {
        self.phase() == Phase::Building
    }

    pub(crate) fn function(&self, index: usize) -> JSValue {
        self.functions[index].get()
    }

    pub(crate) fn has_function(&self, index: usize) -> bool {
        !is_undefined(self.function(index))
    }

    /// Keeps an export of the entry module; takes the reference.
    pub(crate) fn set_function(&self, index: usize, function: JSValue) {
        self.functions[index].set(function);
    }

    pub(crate) fn internal(&self, internal: Internal) -> JSValue {
        self.internals[internal as usize].get()
    }

    /// Takes the reason of the first rejection that nobody has handled.
    pub(crate) fn take_unhandled_rejection(&self) -> Option<JSValue> {
        // Without a guard, which would write that it is there into a page that most events do not write.
        // SAFETY: nothing that runs here changes the list.
        if unsafe { (*self.rejections.as_ptr()).is_empty() } {
            return None;
        }
        Some(self.rejections.borrow_mut().swap_remove(0).1)
    }
}

fn is_undefined(value: JSValue) -> bool {
    // SAFETY: reads the value's tag and nothing behind it.
    unsafe { qjs::JS_IsUndefined(value) }
}
