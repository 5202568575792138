//! How long a request will take, known before it begins.
//!
//! Work is counted in things whose time depends on the machine: [`Rate`] measures each of them once. How many of
//! them a request takes was measured on one machine, and is rounded up. Of what is drawn by lot (the primes of
//! an RSA key) it is the mean.

use std::time::Duration;

use crate::curve25519::{self, Curve25519};
use crate::derive::{self, MAX_PBKDF2_BYTES};
use crate::ec::Curve;
use crate::hash::Hash;
use crate::operation::{Cipher, Format, KeyType, Operation, Scheme};
use crate::rsa;

/// What a request takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Iterations of PBKDF2 with SHA-256: two compressions of 64 bytes.
    hashes: u64,
    /// The same with SHA-512, of 128 bytes.
    wide_hashes: u64,
    /// Agreements on X25519.
    agreements: u64,
}

#[cfg(any(test, fuzzing))]
impl Work {
    /// Whether there is more of it than so many iterations, by the least that one takes.
    pub(crate) fn exceeds(self, iterations: u64) -> bool {
        self.hashes.max(self.wide_hashes).max(self.agreements.saturating_mul(100)) > iterations
    }
}

/// How long each of these takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    hash: Picoseconds,
    wide_hash: Picoseconds,
    agreement: Picoseconds,
}

type Picoseconds = u64;

impl Rate {
    /// Measures it, in less than five milliseconds, with a clock of the CPU time of the present thread.
    pub fn measure(clock: fn() -> Duration) -> Rate {
        const ITERATIONS: u32 = 1000;
        const AGREEMENTS: u32 = 10;
        // These cannot fail, and their results do not matter.
        let iterate = |hash: Hash| {
            let derived = derive::pbkdf2(hash, b"password", b"salt", ITERATIONS, hash.len());
            std::hint::black_box(derived).ok();
        };
        let agree = || {
            for _ in 0..AGREEMENTS {
                std::hint::black_box(curve25519::agree_on_x25519(&[9; 64], &[9; 32])).ok();
            }
        };
        let measure = |work: &dyn Fn(), count: u32| {
            // The least of several: the others were disturbed.
            let took = (0..3).map(|_| {
                let began = clock();
                work();
                clock().saturating_sub(began)
            });
            let picoseconds = took.min().unwrap_or_default().as_nanos() as u64 * 1000;
            // Of no machine is it less, whatever the clock says.
            (picoseconds / u64::from(count)).max(20_000)
        };
        Rate {
            hash: measure(&|| iterate(Hash::Sha256), ITERATIONS),
            wide_hash: measure(&|| iterate(Hash::Sha512), ITERATIONS),
            agreement: measure(&agree, AGREEMENTS),
        }
    }

    /// What this work takes.
    pub fn time_of(self, work: Work) -> Duration {
        let parts = [
            (work.hashes, self.hash),
            (work.wide_hashes, self.wide_hash),
            (work.agreements, self.agreement),
        ];
        let picoseconds: u128 =
            parts.iter().map(|(count, each)| u128::from(*count) * u128::from(*each)).sum();
        Duration::from_nanos(u64::try_from(picoseconds / 1000).unwrap_or(u64::MAX))
    }
}

/// What this operation takes with these fields.
pub(crate) fn of(operation: Operation, fields: &[&[u8]]) -> Work {
    let bytes: usize = fields.iter().map(|field| field.len()).sum();
    match operation {
        Operation::Digest(hash)
        | Operation::Sign(Scheme::Hmac(hash))
        | Operation::Verify(Scheme::Hmac(hash)) => hashing(hash, bytes),
        Operation::Hkdf { hash, len, .. } => {
            // Each block of the result hashes the info anew.
            let blocks = len.min(255 * hash.len()).div_ceil(hash.len());
            hashing(hash, bytes.saturating_mul(blocks + 1))
        }
        Operation::Pbkdf2 { hash, len, iterations } => {
            let blocks = len.min(MAX_PBKDF2_BYTES).div_ceil(hash.len()) as u64;
            of_hash(hash, 1 + blocks * u64::from(iterations)) + hashing(hash, bytes)
        }
        Operation::Sign(scheme) => hashing(Hash::Sha512, bytes) + private(key_of(scheme), fields),
        Operation::Verify(scheme) => {
            let agreements = match key_of(scheme) {
                KeyType::Rsa => arithmetic(rsa_bits(fields), 3) / 10,
                key => private(key, fields).agreements,
            };
            hashing(Hash::Sha512, bytes) + Work { agreements, ..Work::default() }
        }
        Operation::Encrypt(Cipher::Oaep(hash)) => {
            let agreements = arithmetic(rsa_bits(fields), 3) / 10;
            hashing(hash, bytes) + Work { agreements, ..Work::default() }
        }
        Operation::Decrypt(Cipher::Oaep(_)) => private(KeyType::Rsa, fields),
        Operation::Encrypt(cipher) | Operation::Decrypt(cipher) => {
            let passes = match cipher {
                Cipher::Cbc | Cipher::Ctr { .. } | Cipher::Oaep(_) => 1,
                // Where IV or tag are not the usual ones.
                Cipher::Gcm { .. } => 3,
                // Each eight bytes six times, each time after the one before.
                Cipher::Wrap => 30,
            };
            hashing(Hash::Sha256, bytes.saturating_mul(passes))
        }
        Operation::Agree(key) => private(key, fields),
        Operation::Generate(KeyType::Rsa, bits) => {
            Work { agreements: 250 * arithmetic(bits as u64, 4), ..Work::default() }
        }
        Operation::Generate(key, _) => private(key, fields),
        Operation::Import(_, KeyType::Rsa) => {
            // At most the modulus; of a private key the numbers are checked against each other.
            let agreements = arithmetic(bytes as u64 * 8, 2) / 10;
            Work { agreements, ..Work::default() }
        }
        Operation::Import(Format::Raw | Format::Pkcs8 | Format::PrivateParts, key) => {
            private(key, fields)
        }
        Operation::Import(..) | Operation::Export(..) => hashing(Hash::Sha256, bytes),
    }
}

impl std::ops::Add for Work {
    type Output = Work;

    fn add(self, other: Work) -> Work {
        Work {
            hashes: self.hashes.saturating_add(other.hashes),
            wide_hashes: self.wide_hashes.saturating_add(other.wide_hashes),
            agreements: self.agreements.saturating_add(other.agreements),
        }
    }
}

fn of_hash(hash: Hash, iterations: u64) -> Work {
    match hash {
        Hash::Sha1 | Hash::Sha256 => Work { hashes: iterations, ..Work::default() },
        Hash::Sha384 | Hash::Sha512 => Work { wide_hashes: iterations, ..Work::default() },
    }
}

/// Hashing so many bytes, or encrypting them, which is faster.
fn hashing(hash: Hash, bytes: usize) -> Work {
    let in_iteration = match hash {
        Hash::Sha1 | Hash::Sha256 => 128,
        Hash::Sha384 | Hash::Sha512 => 256,
    };
    of_hash(hash, 1 + bytes as u64 / in_iteration)
}

/// An operation with a private key.
fn private(key: KeyType, fields: &[&[u8]]) -> Work {
    let agreements = match key {
        KeyType::Rsa => 30 * arithmetic(rsa_bits(fields), 3),
        KeyType::Curve25519(Curve25519::Ed25519 | Curve25519::X25519) => 1,
        KeyType::Ec(Curve::P256) => 2,
        KeyType::Ec(Curve::P384 | Curve::P521) => 12,
    };
    Work { agreements, ..Work::default() }
}

fn key_of(scheme: Scheme) -> KeyType {
    match scheme {
        Scheme::Rsa(..) => KeyType::Rsa,
        Scheme::Ecdsa(curve, _) => KeyType::Ec(curve),
        Scheme::Ed25519 | Scheme::Hmac(_) => KeyType::Curve25519(Curve25519::Ed25519),
    }
}

fn rsa_bits(fields: &[&[u8]]) -> u64 {
    fields.first().and_then(|key| rsa::bits(key)).unwrap_or(0) as u64
}

/// How much more something takes with numbers of so many bits than with 2,048, if it grows with this power.
fn arithmetic(bits: u64, power: u32) -> u64 {
    // Larger keys are refused.
    let units = bits.min(1 << 14).div_ceil(1024);
    units.pow(power).div_ceil(2u64.pow(power))
}
