//! Keys from secrets: HKDF (RFC 5869) and PBKDF2 (RFC 8018).

use std::num::NonZeroU32;

use aws_lc_rs::{hkdf, pbkdf2};

use crate::failure::{Failure, operation};
use crate::hash::Hash;

/// Most bytes that PBKDF2 derives: nobody needs more, and each takes time.
pub(crate) const MAX_PBKDF2_BYTES: usize = 64 << 10;

pub(crate) fn hkdf(
    hash: Hash,
    secret: &[u8],
    salt: &[u8],
    info: &[u8],
    len: usize,
) -> Result<Vec<u8>, Failure> {
    if len > 255 * hash.len() {
        return Err(operation("HKDF derives at most 255 times the length of its hash"));
    }
    let algorithm = match hash {
        Hash::Sha1 => hkdf::HKDF_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hkdf::HKDF_SHA256,
        Hash::Sha384 => hkdf::HKDF_SHA384,
        Hash::Sha512 => hkdf::HKDF_SHA512,
    };
    let mut bytes = vec![0; len];
    let key = hkdf::Salt::new(algorithm, salt).extract(secret);
    key.expand(&[info], Len(len))?.fill(&mut bytes)?;
    Ok(bytes)
}

/// How many bytes are wanted.
#[derive(Clone, Copy)]
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

pub(crate) fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Result<Vec<u8>, Failure> {
    let iterations =
        NonZeroU32::new(iterations).ok_or(operation("PBKDF2 needs at least one iteration"))?;
    if len > MAX_PBKDF2_BYTES {
        return Err(operation("PBKDF2 derives at most 64 KiB"));
    }
    let algorithm = match hash {
        Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Hash::Sha384 => pbkdf2::PBKDF2_HMAC_SHA384,
        Hash::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let mut bytes = vec![0; len];
    // Not called for nothing, which AWS-LC takes for an error.
    if len > 0 {
        pbkdf2::derive(algorithm, iterations, salt, password, &mut bytes);
    }
    Ok(bytes)
}
