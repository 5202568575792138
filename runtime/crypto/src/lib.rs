//! The algorithms of WebCrypto, as functions from bytes to bytes.
//!
//! ```text
//!  bytes of a guest ── wire ──▶ request ──▶ answer, or a failure with the name of a DOMException
//!                                  │
//!                operation ── what is asked for, from its words; work ── how long it will take
//!                                  │
//!       hash, hmac, aes, gcm, derive ── with keys that are bytes
//!       rsa, ec, curve25519 ── with pairs of keys; key_info ── the DER around these (SPKI, PKCS #8)
//! ```
//!
//! All arithmetic is that of AWS-LC. These invariants hold everywhere:
//!
//! - Nothing is kept between requests. The guest holds its keys, in the form in which an import or a
//!   generation returned them (a *handle*), and sends them along.
//! - Requests come from hostile guests: no bytes of one make this crate panic, or take more memory than
//!   the bytes of the request and of the answer.
//! - This crate knows no JavaScript: usages, `extractable` and names in any case are the guest's.

mod aes;
mod curve25519;
mod derive;
mod ec;
mod failure;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod gcm;
mod hash;
mod hmac;
mod key_info;
mod operation;
mod request;
mod rsa;
pub mod wire;
mod work;

pub use failure::{Failure, FailureKind};
pub use request::{Malformed, Request};
pub use work::{Rate, Work};

/// Makes AWS-LC's generator of random numbers ready, which takes it tens of milliseconds of CPU time once. Whoever asks
/// for one meanwhile waits.
pub fn seed() {
    // What fails now fails again in the request that needs it, and is told there.
    let _ = aws_lc_rs::rand::fill(&mut [0; 1]);
}
