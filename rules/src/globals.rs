//! Global names: which of them handlers have, and what to use instead of those of other platforms.
//!
//! A test compares these tables with the globals of the engine.

/// Every global of the engine, sorted.
pub(crate) static AVAILABLE: &[&str] = &[
    "AbortController",
    "AbortSignal",
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "AsyncDisposableStack",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Blob",
    "Boolean",
    "Crypto",
    "CryptoKey",
    "CustomEvent",
    "DOMException",
    "DataView",
    "Date",
    "DisposableStack",
    "Error",
    "EvalError",
    "Event",
    "EventTarget",
    "File",
    "FinalizationRegistry",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "FormData",
    "Function",
    "Headers",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "InternalError",
    "Iterator",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Request",
    "Response",
    "Set",
    "SharedArrayBuffer",
    "String",
    "SubtleCrypto",
    "SuppressedError",
    "Symbol",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URIError",
    "URL",
    "URLSearchParams",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "atob",
    "btoa",
    "clearTimeout",
    "console",
    "crypto",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "eval",
    "fetch",
    "globalThis",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "performance",
    "queueMicrotask",
    "setTimeout",
    "structuredClone",
    "undefined",
    "unescape",
];

/// Globals that are there for packages alone, which set timers for later: an event ends before one could run.
pub static FOR_PACKAGES: [&str; 2] = ["clearInterval", "setInterval"];

const BODY: &str = "Bodies are whole: read one with `text()`, `json()`, `bytes()` or `arrayBuffer()`, and return a string or bytes.";
const PAGE: &str = "There is no page; this belongs to the client.";
const BYTES: &str = "Use `Uint8Array`, `TextEncoder` and `TextDecoder`.";
const TIMERS: &str = "Set a timer of the room: `signalAt` or `signalEvery` of `zigttp:durable`, which run `onSignal`.";
const MODULES: &str = "Write `import` and `export`.";
const OTHERS: &str = "Send to the connections of a room (`broadcast`), or send it a signal (`signal` of `zigttp:durable`).";
const EVENTS: &str = "The runtime calls what the entry exports: `onOpen`, `onMessage`, `onClose`, `onRequest`, `onSignal`.";
const LOCALE: &str =
    "`toLocaleString` and its like answer as en-US does; format for other languages in the client.";
const MEMORY: &str = "An event shares no memory with another; store what lasts in the room (`zigttp:storage`, `zigttp:memory`).";

/// What other platforms have, and what to use instead.
static UNAVAILABLE: &[(&[&str], &str)] = &[
    (
        &[
            "setInterval",
            "setImmediate",
            "clearInterval",
            "clearImmediate",
            "requestAnimationFrame",
            "cancelAnimationFrame",
            "requestIdleCallback",
            "cancelIdleCallback",
            "scheduler",
        ],
        TIMERS,
    ),
    (
        &["XMLHttpRequest", "EventSource", "WebTransport", "RTCPeerConnection"],
        "Ask other servers with `fetch`.",
    ),
    (
        &["WebSocket", "WebSocketStream"],
        "A handler opens no connections; use `WebSocket` as a type, and `send` to reply.",
    ),
    (
        &["WebSocketPair", "WebSocketRequestResponsePair"],
        "The runtime accepts connections by itself: export `onOpen`, or `onUpgrade` to refuse some.",
    ),
    (
        &["process"],
        "Read settings with `env` of `zigttp:env`; of `process` there is `process.env` alone.",
    ),
    (&["require", "module", "exports", "importScripts", "define"], MODULES),
    (&["__dirname", "__filename"], "There are no files; import what you need as a module."),
    (&["Buffer"], BYTES),
    (
        &["FileList", "FileReader", "FileReaderSync"],
        "Read a `Blob` with `text()`, `bytes()` or `arrayBuffer()`.",
    ),
    (&["Deno", "Bun"], "Use what the built-in modules (`zigttp:…`) offer."),
    (&["window", "self", "global", "frames", "parent", "top"], "Use `globalThis`."),
    (
        &[
            "document",
            "navigator",
            "Navigator",
            "WorkerNavigator",
            "location",
            "Location",
            "WorkerLocation",
            "history",
            "History",
            "alert",
            "prompt",
            "confirm",
            "screen",
            "customElements",
            "Document",
            "DocumentFragment",
            "DOMParser",
            "Element",
            "HTMLElement",
            "Image",
            "ImageData",
            "MutationObserver",
            "Node",
            "Notification",
            "OffscreenCanvas",
            "Option",
            "ResizeObserver",
            "Window",
            "XMLSerializer",
            "createImageBitmap",
            "getComputedStyle",
            "matchMedia",
            "open",
        ],
        PAGE,
    ),
    (&["HTMLRewriter"], "Put the HTML together as a string, and return `Response.html(…)`."),
    (
        &[
            "localStorage",
            "sessionStorage",
            "indexedDB",
            "Storage",
            "cookieStore",
            "CookieStore",
            "caches",
            "Cache",
            "CacheStorage",
        ],
        "Store data with a room (`zigttp:storage`, `zigttp:memory`), or with a connection (`serializeAttachment`).",
    ),
    (
        &[
            "Worker",
            "SharedWorker",
            "ServiceWorker",
            "BroadcastChannel",
            "MessageChannel",
            "MessagePort",
            "postMessage",
            "onmessage",
        ],
        OTHERS,
    ),
    (
        &["Atomics", "SharedWorkerGlobalScope", "WorkerGlobalScope", "DedicatedWorkerGlobalScope"],
        MEMORY,
    ),
    (
        &[
            "MessageEvent",
            "CloseEvent",
            "ErrorEvent",
            "ProgressEvent",
            "PromiseRejectionEvent",
            "FetchEvent",
            "ExtendableEvent",
            "ScheduledEvent",
            "addEventListener",
            "removeEventListener",
            "dispatchEvent",
        ],
        EVENTS,
    ),
    (
        &[
            "ReadableStream",
            "ReadableStreamDefaultReader",
            "ReadableStreamBYOBReader",
            "ReadableStreamBYOBRequest",
            "ReadableStreamDefaultController",
            "ReadableByteStreamController",
            "WritableStream",
            "WritableStreamDefaultWriter",
            "WritableStreamDefaultController",
            "TransformStream",
            "TransformStreamDefaultController",
            "ByteLengthQueuingStrategy",
            "CountQueuingStrategy",
            "TextEncoderStream",
            "TextDecoderStream",
            "FixedLengthStream",
            "IdentityTransformStream",
        ],
        BODY,
    ),
    (
        &["CompressionStream", "DecompressionStream"],
        "The runtime compresses messages by itself; a handler has no compression of its own.",
    ),
    (
        &[
            "Performance",
            "PerformanceEntry",
            "PerformanceMark",
            "PerformanceMeasure",
            "PerformanceObserver",
            "PerformanceObserverEntryList",
            "PerformanceResourceTiming",
        ],
        "Use `Date.now()`; the time of each event is in the metrics and the inspector.",
    ),
    (&["Intl"], LOCALE),
    (&["Temporal"], "Use `Date`; times are in UTC."),
    (
        &["URLPattern"],
        "Export `routes` with the patterns, and read `req.params` or `param(ws, name)`.",
    ),
    (
        &["WebAssembly"],
        "A handler runs inside WebAssembly and cannot load more of it; write it in TypeScript.",
    ),
    (&["ShadowRealm"], "There is one realm, which each event begins with anew."),
    (&["reportError"], "Use `console.error`, or throw."),
    (&["gc"], "Leave it out: the memory of an event is freed as a whole."),
    (
        &["EdgeRuntime", "Netlify", "Cloudflare"],
        "Use what the built-in modules (`zigttp:…`) offer.",
    ),
];

const LOG: &str = "Use `console.log`, `debug`, `info`, `warn` or `error`.";

/// Members that the globals here lack, by global, and what to use instead.
static LACKING: &[(&str, &[&str], &str)] = &[
    (
        "console",
        &[
            "assert",
            "clear",
            "count",
            "countReset",
            "dir",
            "dirxml",
            "group",
            "groupCollapsed",
            "groupEnd",
            "profile",
            "profileEnd",
            "table",
            "time",
            "timeEnd",
            "timeLog",
            "timeStamp",
            "trace",
        ],
        LOG,
    ),
    ("Response", &["error"], "Return a `Response` with a status that says what is wrong."),
    ("URL", &["createObjectURL", "revokeObjectURL"], PAGE),
];

/// Whether handlers have a global of this name.
pub fn is_available(name: &str) -> bool {
    AVAILABLE.binary_search(&name).is_ok()
}

/// What to use instead of a global of other platforms.
pub fn instead_of(name: &str) -> Option<&'static str> {
    UNAVAILABLE.iter().find(|(names, _)| names.contains(&name)).map(|(_, help)| *help)
}

/// What to use instead of a member that a global lacks here.
pub fn instead_of_member(global: &str, name: &str) -> Option<&'static str> {
    let is_it = |(of, names, _): &&(&str, &[&str], &str)| *of == global && names.contains(&name);
    LACKING.iter().find(is_it).map(|(_, _, help)| *help)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{AVAILABLE, UNAVAILABLE, is_available};

    #[test]
    fn each_name_is_listed_once() {
        assert!(AVAILABLE.is_sorted_by(|a, b| a < b));
        let mut seen = BTreeSet::new();
        for name in UNAVAILABLE.iter().flat_map(|(names, _)| *names) {
            assert!(seen.insert(*name) && !is_available(name), "{name}");
        }
    }
}
