//! RSA. The handle of a public key is its `RSAPublicKey` of PKCS #1, that of a private key its
//! `RSAPrivateKey` (RFC 8017, appendix A.1).

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    self, KeyPair, KeySize, OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
    PrivateDecryptingKey, PublicEncryptingKey, PublicKey,
};
use aws_lc_rs::signature::{
    self, KeyPair as _, RsaParameters, RsaSignatureEncoding, UnparsedPublicKey,
};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode};
use pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};

use crate::failure::{Failure, data, not_supported, operation};
use crate::hash::Hash;
use crate::key_info::{Named, Parameters};

const RSA: Named = Named {
    algorithm: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
    parameters: Parameters::Null,
};

/// The sizes that a key may have.
const BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const SIZE: Failure = not_supported("an RSA key has 2048 to 8192 bits here");

/// How a digest becomes as long as the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Padding {
    Pkcs1,
    /// With a salt of so many bytes.
    Pss(usize),
}

/// Bits of a key, of either handle: what an operation takes depends on it.
pub(crate) fn bits(handle: &[u8]) -> Option<usize> {
    let modulus = match RsaPublicKeyRef::from_der(handle) {
        Ok(key) => key.modulus,
        Err(_) => RsaPrivateKeyRef::from_der(handle).ok()?.modulus,
    };
    Some(bit_len(modulus))
}

fn bit_len(number: UintRef<'_>) -> usize {
    let bytes = number.as_bytes();
    bytes.len() * 8 - bytes.first().map_or(0, |first| first.leading_zeros() as usize)
}

/// Checks a public key.
fn public(der: &[u8]) -> Result<Vec<u8>, Failure> {
    let key = RsaPublicKeyRef::from_der(der)?;
    if !BITS.contains(&bit_len(key.modulus)) {
        return Err(SIZE);
    }
    PublicKey::from_der(der)?;
    Ok(der.to_vec())
}

/// Checks a private key.
fn private(der: &[u8]) -> Result<Vec<u8>, Failure> {
    let key = RsaPrivateKeyRef::from_der(der)?;
    if key.other_prime_infos.is_some() {
        return Err(not_supported("an RSA key has two primes here"));
    }
    if !BITS.contains(&bit_len(key.modulus)) {
        return Err(SIZE);
    }
    KeyPair::from_der(der)?;
    Ok(der.to_vec())
}

pub(crate) fn read_spki(spki: &[u8]) -> Result<Vec<u8>, Failure> {
    public(RSA.public_in(spki)?)
}

pub(crate) fn read_pkcs8(pkcs8: &[u8]) -> Result<Vec<u8>, Failure> {
    private(RSA.private_in(pkcs8)?)
}

pub(crate) fn write_spki(handle: &[u8]) -> Result<Vec<u8>, Failure> {
    RSA.spki(handle)
}

pub(crate) fn write_pkcs8(handle: &[u8]) -> Result<Vec<u8>, Failure> {
    RSA.pkcs8(handle)
}

/// A public key from `n` and `e`.
pub(crate) fn read_public_parts(parts: [&[u8]; 2]) -> Result<Vec<u8>, Failure> {
    let [modulus, public_exponent] = parts;
    let key = RsaPublicKeyRef {
        modulus: UintRef::new(modulus)?,
        public_exponent: UintRef::new(public_exponent)?,
    };
    public(&key.to_der()?)
}

/// A private key from `n`, `e`, `d`, `p`, `q`, `dp`, `dq` and `qi`.
pub(crate) fn read_private_parts(parts: [&[u8]; 8]) -> Result<Vec<u8>, Failure> {
    let [n, e, d, p, q, dp, dq, qi] = parts;
    let key = RsaPrivateKeyRef {
        modulus: UintRef::new(n)?,
        public_exponent: UintRef::new(e)?,
        private_exponent: UintRef::new(d)?,
        prime1: UintRef::new(p)?,
        prime2: UintRef::new(q)?,
        exponent1: UintRef::new(dp)?,
        exponent2: UintRef::new(dq)?,
        coefficient: UintRef::new(qi)?,
        other_prime_infos: None,
    };
    private(&key.to_der()?)
}

/// `n` and `e`.
pub(crate) fn public_parts(handle: &[u8]) -> Result<[&[u8]; 2], Failure> {
    let key = RsaPublicKeyRef::from_der(handle)?;
    Ok([key.modulus, key.public_exponent].map(|number| number.as_bytes()))
}

/// `n`, `e`, `d`, `p`, `q`, `dp`, `dq` and `qi`.
pub(crate) fn private_parts(handle: &[u8]) -> Result<[&[u8]; 8], Failure> {
    let key = RsaPrivateKeyRef::from_der(handle)?;
    let numbers = [
        key.modulus,
        key.public_exponent,
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    Ok(numbers.map(|number| number.as_bytes()))
}

/// A private key of so many bits, whose public exponent is 65,537, and its public key.
pub(crate) fn generate(bits: usize) -> Result<[Vec<u8>; 2], Failure> {
    let size = match bits {
        2048 => KeySize::Rsa2048,
        3072 => KeySize::Rsa3072,
        4096 => KeySize::Rsa4096,
        8192 => KeySize::Rsa8192,
        _ => return Err(not_supported("RSA keys of 2048, 3072, 4096 and 8192 bits can be made")),
    };
    let pair = KeyPair::generate(size)?;
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der()?;
    let private = RSA.private_in(pkcs8.as_ref())?;
    Ok([private.to_vec(), pair.public_key().as_ref().to_vec()])
}

pub(crate) fn sign(
    padding: Padding,
    hash: Hash,
    private: &[u8],
    message: &[u8],
) -> Result<Vec<u8>, Failure> {
    let encoding: &'static RsaSignatureEncoding = match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha256) => &signature::RSA_PKCS1_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &signature::RSA_PKCS1_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &signature::RSA_PKCS1_SHA512,
        (Padding::Pss(salt), _) if salt != hash.len() => return Err(SALT),
        (Padding::Pss(_), Hash::Sha256) => &signature::RSA_PSS_SHA256,
        (Padding::Pss(_), Hash::Sha384) => &signature::RSA_PSS_SHA384,
        (Padding::Pss(_), Hash::Sha512) => &signature::RSA_PSS_SHA512,
        (_, Hash::Sha1) => return Err(not_supported("RSA signs nothing with SHA-1 here")),
    };
    let pair = KeyPair::from_der(private)?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature)?;
    Ok(signature)
}

fn oaep(hash: Hash) -> &'static OaepAlgorithm {
    match hash {
        Hash::Sha1 => &rsa::OAEP_SHA1_MGF1SHA1,
        Hash::Sha256 => &rsa::OAEP_SHA256_MGF1SHA256,
        Hash::Sha384 => &rsa::OAEP_SHA384_MGF1SHA384,
        Hash::Sha512 => &rsa::OAEP_SHA512_MGF1SHA512,
    }
}

/// RSAES-OAEP.
pub(crate) fn encrypt(
    hash: Hash,
    public: &[u8],
    label: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, Failure> {
    let key = PublicEncryptingKey::from_der(&write_spki(public)?)?;
    let key = OaepPublicEncryptingKey::new(key)?;
    if text.len() > key.max_plaintext_size(oaep(hash)) {
        return Err(operation("the data is too long for this key"));
    }
    let mut bytes = vec![0; key.ciphertext_size()];
    let len = key.encrypt(oaep(hash), text, &mut bytes, Some(label))?.len();
    bytes.truncate(len);
    Ok(bytes)
}

pub(crate) fn decrypt(
    hash: Hash,
    private: &[u8],
    label: &[u8],
    text: &[u8],
) -> Result<Vec<u8>, Failure> {
    let key = PrivateDecryptingKey::from_pkcs8(&write_pkcs8(private)?)?;
    let key = OaepPrivateDecryptingKey::new(key)?;
    let mut bytes = vec![0; key.min_output_size()];
    let len = key
        .decrypt(oaep(hash), text, &mut bytes, Some(label))
        .map_err(|_| operation("it is not what was encrypted with this key and label"))?
        .len();
    bytes.truncate(len);
    Ok(bytes)
}

const SALT: Failure = not_supported("the salt of RSA-PSS is as long as its hash here");

pub(crate) fn is_signature(
    padding: Padding,
    hash: Hash,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Failure> {
    let parameters: &'static RsaParameters = match (padding, hash) {
        (Padding::Pkcs1, Hash::Sha1) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        (Padding::Pkcs1, Hash::Sha256) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (Padding::Pkcs1, Hash::Sha384) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (Padding::Pkcs1, Hash::Sha512) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (Padding::Pss(salt), _) if salt != hash.len() => return Err(SALT),
        (Padding::Pss(_), Hash::Sha256) => &signature::RSA_PSS_2048_8192_SHA256,
        (Padding::Pss(_), Hash::Sha384) => &signature::RSA_PSS_2048_8192_SHA384,
        (Padding::Pss(_), Hash::Sha512) => &signature::RSA_PSS_2048_8192_SHA512,
        (Padding::Pss(_), Hash::Sha1) => {
            return Err(not_supported("RSA-PSS has no SHA-1 here"));
        }
    };
    if !bits(public).is_some_and(|bits| BITS.contains(&bits)) {
        return Err(data("it is no public RSA key"));
    }
    Ok(UnparsedPublicKey::new(parameters, public).verify(message, signature).is_ok())
}
