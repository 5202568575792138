//! The JavaScript runtime: made once, snapshotted, and then only called into.
//!
//! Everything an event needs stands ready in [`crate::engine`] then.

use javy::{Config, Runtime};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::engine::{Phase, engine};
use crate::{allocator, globals, json, memory, modules, strings};

/// The part of the stack that JavaScript may use; beyond it recursion is a RangeError.
///
/// An ordinary function goes 1,500 deep, one with many locals 1,200 (at 256 KiB 909 and 710). The
/// whole (build.sh) is 64 KiB more, so that native code called at the very edge has room.
const STACK_LIMIT: usize = 448 << 10;

/// How much an event may allocate beyond the snapshot before the first garbage collection, which
/// walks the whole heap. Ordinary events never come near it.
const COLLECT_AFTER: u32 = 8 << 20;

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
    strings::check_layout(engine.context());
    json::check_classes(engine.context());
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
    engine.begin_phase(Phase::Event);
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
