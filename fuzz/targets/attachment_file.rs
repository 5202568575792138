//! The bytes of a file in the durable folder.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zigttp_store::fuzzing::attachment_file(bytes));
