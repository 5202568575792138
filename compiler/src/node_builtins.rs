//! The modules that stand in place of those of Node.js, where one can be honest in a sandbox.

/// Their texts, by the names without `node:`.
static SHIMS: [(&str, &str); 4] = [
    ("buffer", include_str!("node_builtins/buffer.js")),
    ("crypto", include_str!("node_builtins/crypto.js")),
    ("events", include_str!("node_builtins/events.js")),
    (
        "util",
        concat!(
            "const internals = {};\n",
            include_str!("../engine/src/prelude/inspect.js"),
            "(undefined, internals);\n",
            include_str!("node_builtins/util.js")
        ),
    ),
];

/// Modules of Node.js that handlers do not have.
const MISSING: [&str; 48] = [
    "_http_agent",
    "_http_client",
    "_http_common",
    "_http_server",
    "_stream_duplex",
    "_stream_readable",
    "_stream_transform",
    "_stream_writable",
    "_tls_common",
    "_tls_wrap",
    "assert",
    "async_hooks",
    "child_process",
    "cluster",
    "console",
    "constants",
    "dgram",
    "diagnostics_channel",
    "dns",
    "domain",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "repl",
    "stream",
    "string_decoder",
    "sys",
    "timers",
    "tls",
    "trace_events",
    "tty",
    "url",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The text of the module that a specifier means, `node:buffer` or `buffer`.
pub(crate) fn text(specifier: &str) -> Option<&'static str> {
    let name = specifier.strip_prefix("node:").unwrap_or(specifier);
    SHIMS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Whether a specifier means a module of Node.js that handlers do not have.
pub(crate) fn is_missing(specifier: &str) -> bool {
    if let Some(name) = specifier.strip_prefix("node:") {
        return text(name).is_none();
    }
    let name = specifier.split('/').next().unwrap_or_default();
    MISSING.contains(&name) || (specifier != name && text(name).is_some())
}
