//! The JavaScript runtime: made once, snapshotted, and then only called into.
//!
//! Everything an event needs stands ready in [`Engine`]. After the build, QuickJS is used through
//! its C interface: rquickjs's guards cost a tenth of a small event, and protect from nothing where
//! there is one thread and one context.

use std::cell::{Cell, RefCell};

use javy::{Config, Runtime};
use rquickjs::Ctx;
use rquickjs::qjs::{self, JSContext, JSRuntime, JSValue};
use zigttp_abi::events::EXPORTS;

use crate::{allocator, ascii, failure, globals, memory, modules};

/// The part of the stack that JavaScript may use; beyond it recursion is a RangeError.
///
/// An ordinary function goes 1,500 deep, one with many locals 1,200 (at 256 KiB 909 and 710). The
/// whole (build.sh) is 64 KiB more, so that native code called at the very edge has room.
const STACK_LIMIT: usize = 448 << 10;

/// How much an event may allocate beyond the snapshot before the first garbage collection, which
/// walks the whole heap. Ordinary events never come near it.
const COLLECT_AFTER: u32 = 8 << 20;

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
    /// The getter of a typed array's `byteLength`, which no handler can have replaced.
    ByteLength,
}

/// How many of them there are.
pub(crate) const INTERNALS: usize = 5;

/// The runtime, its context, and the values that every event starts from.
pub(crate) struct Engine {
    /// Written by `initialize`, like the two pointers into it.
    javy: Cell<Option<&'static Runtime>>,
    context: Cell<*mut JSContext>,
    runtime: Cell<*mut JSRuntime>,
    /// The entry module's exports, at the index of their row in [`EXPORTS`]. Written by `link`.
    functions: [Cell<JSValue>; EXPORTS.len()],
    /// At the index of the [`Internal`]. Written by `initialize`.
    internals: [Cell<JSValue>; INTERNALS],
    /// Promises that were rejected with nobody to handle it, and why. Written by the tracker.
    rejections: RefCell<Vec<(JSValue, JSValue)>>,
    /// Whether top-level code runs, which has no connection to talk to. Cleared after `link`.
    building: Cell<bool>,
}

/// Something that only the one thread of the guest sees.
#[repr(transparent)]
pub(crate) struct SingleThreaded<T>(pub(crate) T);

// SAFETY: wasm32-wasip1 has one thread, and the guest imports nothing that could make a second.
unsafe impl<T> Sync for SingleThreaded<T> {}

static ENGINE: SingleThreaded<Engine> = SingleThreaded(Engine {
    javy: Cell::new(None),
    context: Cell::new(std::ptr::null_mut()),
    runtime: Cell::new(std::ptr::null_mut()),
    functions: [const { Cell::new(qjs::JS_UNDEFINED) }; EXPORTS.len()],
    internals: [const { Cell::new(qjs::JS_UNDEFINED) }; INTERNALS],
    rejections: RefCell::new(Vec::new()),
    building: Cell::new(true),
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

    pub(crate) fn is_building(&self) -> bool {
        self.building.get()
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

/// Makes the runtime and evaluates the prelude.
pub(crate) fn initialize() {
    let mut config = Config::default();
    config.max_stack_size(STACK_LIMIT).weak_ref(true);
    let javy = Runtime::new(config).expect("a new instance has memory for a runtime");
    // It lives as long as the instance.
    let javy: &'static Runtime = Box::leak(Box::new(javy));
    let engine = engine();
    engine.javy.set(Some(javy));
    engine.context.set(javy.context().as_raw().as_ptr());
    javy.context().runtime().set_loader(modules::Names, modules::Sources);

    // SAFETY: the context is alive.
    unsafe {
        engine.runtime.set(qjs::JS_GetRuntime(engine.context()));
        qjs::JS_SetHostPromiseRejectionTracker(
            engine.runtime(),
            Some(track_rejection),
            std::ptr::null_mut(),
        );
        let failed = qjs::JS_AddIntrinsicDOMException(engine.context()) < 0
            || qjs::JS_AddIntrinsicAToB(engine.context()) < 0;
        assert!(!failed, "a new instance has memory for two more globals");
    }
    ascii::check_layout(engine.context());
    let internals = engine.with(globals::install);
    for (internal, function) in engine.internals.iter().zip(internals) {
        internal.set(function);
    }
    allocator::fill_holes();
}

/// Ends the build: from here on only events run.
pub(crate) fn finish_building() {
    let engine = engine();
    // SAFETY: the runtime is alive, and `usage` is filled by the call.
    unsafe {
        qjs::JS_RunGC(engine.runtime());
        // A new object is linked behind the last one, which is written for that: let it be this one,
        // which lies beside the handler's functions.
        qjs::JS_NewObject(engine.context());
        let mut usage = std::mem::zeroed();
        qjs::JS_ComputeMemoryUsage(engine.runtime(), &mut usage);
        let used = u32::try_from(usage.malloc_size).unwrap_or(0);
        qjs::JS_SetGCThreshold(engine.runtime(), used.saturating_add(COLLECT_AFTER));
    }
    memory::compact();
    allocator::finish_building();
    engine.building.set(false);
}

/// Hears of rejected promises without a handler, and of handlers that come later.
unsafe extern "C" fn track_rejection(
    context: *mut JSContext,
    promise: JSValue,
    reason: JSValue,
    is_handled: bool,
    _: *mut std::ffi::c_void,
) {
    let mut rejections = engine().rejections.borrow_mut();
    if !is_handled {
        // Without memory for the entry the event is over its budget anyway; the host sees that.
        if rejections.try_reserve(1).is_ok() {
            // SAFETY: both values are alive during the call; the list takes references.
            rejections.push(unsafe {
                (qjs::JS_DupValue(context, promise), qjs::JS_DupValue(context, reason))
            });
        }
    } else if let Some(index) = rejections.iter().position(|(known, _)| *known == promise) {
        let (promise, reason) = rejections.remove(index);
        drop(rejections);
        // SAFETY: these are the references the list held.
        unsafe {
            qjs::JS_FreeValue(context, promise);
            qjs::JS_FreeValue(context, reason);
        }
    }
}

/// Runs jobs until none is left, or one throws.
///
/// # Errors
/// When a job threw, or a rejection stayed unhandled; the exception is then pending.
pub(crate) fn drain_jobs() -> Result<(), failure::Thrown> {
    let engine = engine();
    loop {
        let mut context = std::ptr::null_mut();
        // SAFETY: the runtime is alive.
        match unsafe { qjs::JS_ExecutePendingJob(engine.runtime(), &mut context) } {
            0 => break,
            1.. => {}
            _ => return Err(failure::Thrown),
        }
    }
    match engine.take_unhandled_rejection() {
        None => Ok(()),
        Some(reason) => {
            // SAFETY: the reference is given away.
            unsafe { qjs::JS_Throw(engine.context(), reason) };
            Err(failure::Thrown)
        }
    }
}

/// The value a promise was fulfilled with; any other value is its own answer. Takes the reference.
///
/// # Errors
/// When the promise was rejected, or can never settle because no job is left that could settle it.
pub(crate) fn settle(value: JSValue, of: &str) -> Result<JSValue, failure::Thrown> {
    let context = engine().context();
    // SAFETY: the context and the value are alive; what is thrown is a new reference.
    unsafe {
        match qjs::JS_PromiseState(context, value) {
            qjs::JSPromiseStateEnum_JS_PROMISE_PENDING => Err(failure::throw(
                context,
                qjs::JS_ThrowPlainError,
                &format!("{of} waits for a promise that nothing is left to settle",),
            )),
            qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => {
                Ok(qjs::JS_PromiseResult(context, value))
            }
            qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => {
                qjs::JS_Throw(context, qjs::JS_PromiseResult(context, value));
                Err(failure::Thrown)
            }
            _ => Ok(value),
        }
    }
}
