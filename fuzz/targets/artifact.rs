//! What a `handler.wasm` says of itself: sections, manifest, source maps.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zigttp_sandbox::fuzzing::artifact(bytes));
