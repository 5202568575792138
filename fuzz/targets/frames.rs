//! A peer's frames, compressed ones included, as the decoder sees them: many more a second than
//! `connection` can.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zigttp_protocol::fuzzing::frames(bytes));
