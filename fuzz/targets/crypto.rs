//! What a guest asks of cryptography: operations, keys in DER and as numbers, data of every length.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zigttp_crypto::fuzzing::crypto(bytes));
