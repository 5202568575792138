//! Recordings of events, which `zigttp replay` reads: files, and the records of a block.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| match bytes.split_first() {
    Some((0, rest)) => zigttp_recording::fuzzing::recording(rest),
    Some((_, rest)) => zigttp_recording::fuzzing::records(rest),
    None => {}
});
