//! Signatures with a shared secret.

use aws_lc_rs::hmac::{self, Algorithm, Key};

use crate::hash::Hash;

fn algorithm(hash: Hash) -> Algorithm {
    match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

pub(crate) fn sign(hash: Hash, key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&Key::new(algorithm(hash), key), data).as_ref().to_vec()
}

/// Compares in a time that does not depend on the bytes.
pub(crate) fn is_signature(hash: Hash, key: &[u8], data: &[u8], signature: &[u8]) -> bool {
    hmac::verify(&Key::new(algorithm(hash), key), data, signature).is_ok()
}
