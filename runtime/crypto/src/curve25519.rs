//! Ed25519 signatures (RFC 8032) and X25519 (RFC 7748). The handle of a public key is its 32 bytes; that of a
//! private key its seed, then the public key.

use aws_lc_rs::agreement::{self, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::encoding::{AsBigEndian, Curve25519SeedBin};
use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair};
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};

use crate::failure::{Failure, data, operation};
use crate::key_info::{Named, Parameters};

/// Bytes of either key.
const LEN: usize = 32;

const PUBLIC: Failure = data("the public key must have 32 bytes");
const PRIVATE: Failure = data("the private key must have 32 bytes");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve25519 {
    Ed25519,
    X25519,
}

impl Curve25519 {
    pub(crate) const ALL: [Curve25519; 2] = [Curve25519::Ed25519, Curve25519::X25519];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Curve25519::Ed25519 => "Ed25519",
            Curve25519::X25519 => "X25519",
        }
    }

    fn named(self) -> Named {
        let algorithm = match self {
            Curve25519::Ed25519 => "1.3.101.112",
            Curve25519::X25519 => "1.3.101.110",
        };
        Named { algorithm: ObjectIdentifier::new_unwrap(algorithm), parameters: Parameters::Absent }
    }

    /// A public key from its bytes. That they are a point is checked where it is used, as WebCrypto has it.
    pub(crate) fn read_public(self, key: &[u8]) -> Result<Vec<u8>, Failure> {
        if key.len() == LEN { Ok(key.to_vec()) } else { Err(PUBLIC) }
    }

    fn read_seed(self, seed: &[u8]) -> Result<Vec<u8>, Failure> {
        if seed.len() != LEN {
            return Err(PRIVATE);
        }
        let public = match self {
            Curve25519::Ed25519 => {
                Ed25519KeyPair::from_seed_unchecked(seed)?.public_key().as_ref().to_vec()
            }
            Curve25519::X25519 => PrivateKey::from_private_key(&agreement::X25519, seed)?
                .compute_public_key()?
                .as_ref()
                .to_vec(),
        };
        Ok([seed, &public].concat())
    }

    pub(crate) fn read_spki(self, spki: &[u8]) -> Result<Vec<u8>, Failure> {
        self.read_public(self.named().public_in(spki)?)
    }

    /// From `CurvePrivateKey` (RFC 8410, 7): an octet string within that of the key.
    pub(crate) fn read_pkcs8(self, pkcs8: &[u8]) -> Result<Vec<u8>, Failure> {
        let seed = <&OctetStringRef>::from_der(self.named().private_in(pkcs8)?)?;
        self.read_seed(seed.as_bytes())
    }

    pub(crate) fn write_spki(self, public: &[u8]) -> Result<Vec<u8>, Failure> {
        self.named().spki(public)
    }

    pub(crate) fn write_pkcs8(self, private: &[u8]) -> Result<Vec<u8>, Failure> {
        let [seed, _] = self.split(private)?;
        self.named().pkcs8(&OctetStringRef::new(seed)?.to_der()?)
    }

    /// A private key from `x` and `d`.
    pub(crate) fn read_private_parts(self, [x, d]: [&[u8]; 2]) -> Result<Vec<u8>, Failure> {
        let handle = self.read_seed(d)?;
        if handle[LEN..] != *x {
            return Err(data("the public key is not that of the private key"));
        }
        Ok(handle)
    }

    /// `x` and `d`.
    pub(crate) fn private_parts(self, private: &[u8]) -> Result<[&[u8]; 2], Failure> {
        let [seed, public] = self.split(private)?;
        Ok([public, seed])
    }

    fn split(self, private: &[u8]) -> Result<[&[u8]; 2], Failure> {
        if private.len() != 2 * LEN {
            return Err(PRIVATE);
        }
        let (seed, public) = private.split_at(LEN);
        Ok([seed, public])
    }

    /// A private key, and its public key.
    pub(crate) fn generate(self) -> Result<[Vec<u8>; 2], Failure> {
        let seed: Curve25519SeedBin<'_> = match self {
            Curve25519::Ed25519 => Ed25519KeyPair::generate()?.seed()?.as_be_bytes()?,
            Curve25519::X25519 => PrivateKey::generate(&agreement::X25519)?.as_be_bytes()?,
        };
        let private = self.read_seed(seed.as_ref())?;
        let public = private[LEN..].to_vec();
        Ok([private, public])
    }
}

/// An Ed25519 signature.
pub(crate) fn sign(private: &[u8], message: &[u8]) -> Result<Vec<u8>, Failure> {
    let [seed, public] = Curve25519::Ed25519.split(private)?;
    let pair = Ed25519KeyPair::from_seed_and_public_key(seed, public)?;
    Ok(pair.try_sign(message)?.as_ref().to_vec())
}

pub(crate) fn is_signature(
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    if public.len() != LEN {
        return Err(PUBLIC);
    }
    let point = signature.get(..LEN).unwrap_or_default();
    // Under a key of small order a signature fits many messages.
    if is_of_small_order(public) || is_of_small_order(point) {
        return Ok(false);
    }
    let key = signature::UnparsedPublicKey::new(&signature::ED25519, public);
    Ok(key.verify(message, signature).is_ok())
}

/// The `y` of the points whose order divides eight, in all the ways in which they can be written; the sign
/// of `x`, which is the last bit, aside. (As libsodium has them.)
const SMALL_ORDER: [[u8; LEN]; 7] = [
    [0; LEN],
    number(1),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];

const fn number(first: u8) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes[0] = first;
    bytes
}

/// The prime 2^255 - 19, or a number beside it.
const fn near_prime(first: u8) -> [u8; LEN] {
    let mut bytes = [0xff; LEN];
    bytes[0] = first;
    bytes[LEN - 1] = 0x7f;
    bytes
}

fn is_of_small_order(point: &[u8]) -> bool {
    SMALL_ORDER.iter().any(|known| {
        let (last, others) = known.split_last().expect("it has 32 bytes");
        point.split_last().is_some_and(|(sign, y)| y == others && sign & 0x7f == *last)
    })
}

/// The secret that two pairs of X25519 keys have in common.
pub(crate) fn agree_on_x25519(private: &[u8], public: &[u8]) -> Result<Vec<u8>, Failure> {
    let [seed, _] = Curve25519::X25519.split(private)?;
    if public.len() != LEN {
        return Err(PUBLIC);
    }
    let private = PrivateKey::from_private_key(&agreement::X25519, seed)?;
    agree(
        &private,
        UnparsedPublicKey::new(&agreement::X25519, public),
        operation("the keys agree on nothing"),
        |secret| Ok(secret.to_vec()),
    )
}
