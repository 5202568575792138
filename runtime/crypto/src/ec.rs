//! Elliptic curves of NIST: ECDSA signatures and ECDH. The handle of a public key is its point,
//! uncompressed (SEC 1, 2.3.3); that of a private key the number `d` with all its zeros, then the point.

use aws_lc_rs::agreement::{self, UnparsedPublicKey, agree};
use aws_lc_rs::digest::Digest;
use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, PublicKeyX509Der};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};
use der::asn1::ObjectIdentifier;
use der::{Decode, Encode};
use sec1::EcPrivateKey;

use crate::failure::{Failure, data, operation};
use crate::hash::Hash;
use crate::key_info::{Named, Parameters};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

const POINT: Failure = data("the key is no point of its curve");
const PUBLIC: Failure = data("it is no public key of this curve");
const PRIVATE: Failure = data("it is no private key of this curve");

impl Curve {
    pub(crate) const ALL: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    /// Bytes of a coordinate, and of a private key.
    const fn len(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    fn named(self) -> Named {
        let curve = match self {
            Curve::P256 => "1.2.840.10045.3.1.7",
            Curve::P384 => "1.3.132.0.34",
            Curve::P521 => "1.3.132.0.35",
        };
        Named {
            algorithm: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
            parameters: Parameters::Curve(ObjectIdentifier::new_unwrap(curve)),
        }
    }

    /// Of a signature whose digest is as long as the curve is wide.
    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }

    /// The hash of these.
    fn hash(self) -> Hash {
        match self {
            Curve::P256 => Hash::Sha256,
            Curve::P384 => Hash::Sha384,
            Curve::P521 => Hash::Sha512,
        }
    }

    fn agreement(self) -> &'static agreement::Algorithm {
        match self {
            Curve::P256 => &agreement::ECDH_P256,
            Curve::P384 => &agreement::ECDH_P384,
            Curve::P521 => &agreement::ECDH_P521,
        }
    }

    /// The digest of a message in the length that AWS-LC signs on this curve.
    ///
    /// ECDSA (FIPS 186-5, 6.4) takes the first bits of a digest, as many as the curve has, as a number. So a
    /// longer digest can be cut, and a shorter one have zeros before it.
    fn digest(self, hash: Hash, message: &[u8]) -> Result<Digest, Failure> {
        let digest = hash.digest(message);
        let wanted = self.hash().len();
        let digest = digest.as_ref();
        let mut bytes = vec![0; wanted.saturating_sub(digest.len())];
        bytes.extend_from_slice(&digest[..digest.len().min(wanted)]);
        Ok(Digest::import_less_safe(&bytes, self.hash().algorithm())?)
    }

    /// A public key from its point, which may be compressed.
    pub(crate) fn read_point(self, point: &[u8]) -> Result<Vec<u8>, Failure> {
        let is_compressed = match point.first() {
            Some(2 | 3) if point.len() == 1 + self.len() => true,
            Some(4) if point.len() == 1 + 2 * self.len() => false,
            _ => return Err(POINT),
        };
        let key = ParsedPublicKey::new(self.verification(), point).map_err(|_| POINT)?;
        if !is_compressed {
            return Ok(point.to_vec());
        }
        let spki: PublicKeyX509Der<'_> = key.as_der()?;
        Ok(self.named().public_in(spki.as_ref())?.to_vec())
    }

    /// A private key from `d`.
    fn read_number(self, d: &[u8]) -> Result<Vec<u8>, Failure> {
        if d.len() != self.len() {
            return Err(PRIVATE);
        }
        let key =
            agreement::PrivateKey::from_private_key(self.agreement(), d).map_err(|_| PRIVATE)?;
        Ok([d, key.compute_public_key()?.as_ref()].concat())
    }

    pub(crate) fn read_spki(self, spki: &[u8]) -> Result<Vec<u8>, Failure> {
        self.read_point(self.named().public_in(spki)?)
    }

    pub(crate) fn read_pkcs8(self, pkcs8: &[u8]) -> Result<Vec<u8>, Failure> {
        let key = EcPrivateKey::from_der(self.named().private_in(pkcs8)?)?;
        let named = key.parameters.and_then(|parameters| parameters.named_curve());
        if let (Some(named), Parameters::Curve(curve)) = (named, self.named().parameters)
            && named != curve
        {
            return Err(data("the key is one of another curve"));
        }
        let handle = self.read_number(key.private_key)?;
        match key.public_key {
            Some(point) if self.read_point(point)? != handle[self.len()..] => {
                Err(data("the public key is not that of the private key"))
            }
            _ => Ok(handle),
        }
    }

    pub(crate) fn write_spki(self, public: &[u8]) -> Result<Vec<u8>, Failure> {
        self.named().spki(public)
    }

    pub(crate) fn write_pkcs8(self, private: &[u8]) -> Result<Vec<u8>, Failure> {
        let (d, point) = self.split(private)?;
        let key = EcPrivateKey { private_key: d, parameters: None, public_key: Some(point) };
        self.named().pkcs8(&key.to_der()?)
    }

    /// A public key from `x` and `y`.
    pub(crate) fn read_public_parts(self, [x, y]: [&[u8]; 2]) -> Result<Vec<u8>, Failure> {
        if [x, y].iter().any(|part| part.len() != self.len()) {
            return Err(POINT);
        }
        self.read_point(&[&[4], x, y].concat())
    }

    /// A private key from `x`, `y` and `d`.
    pub(crate) fn read_private_parts(self, [x, y, d]: [&[u8]; 3]) -> Result<Vec<u8>, Failure> {
        let point = self.read_public_parts([x, y])?;
        let handle = self.read_number(d)?;
        if handle[self.len()..] != point {
            return Err(data("the public key is not that of the private key"));
        }
        Ok(handle)
    }

    /// `x` and `y`.
    pub(crate) fn public_parts(self, public: &[u8]) -> Result<[&[u8]; 2], Failure> {
        if public.len() != 1 + 2 * self.len() {
            return Err(PUBLIC);
        }
        let (x, y) = public[1..].split_at(self.len());
        Ok([x, y])
    }

    /// `x`, `y` and `d`.
    pub(crate) fn private_parts(self, private: &[u8]) -> Result<[&[u8]; 3], Failure> {
        let (d, point) = self.split(private)?;
        let [x, y] = self.public_parts(point)?;
        Ok([x, y, d])
    }

    /// `d`, and the point.
    fn split(self, private: &[u8]) -> Result<(&[u8], &[u8]), Failure> {
        if private.len() != 1 + 3 * self.len() {
            return Err(PRIVATE);
        }
        Ok(private.split_at(self.len()))
    }

    /// A private key, and its public key.
    pub(crate) fn generate(self) -> Result<[Vec<u8>; 2], Failure> {
        let pair = EcdsaKeyPair::generate(self.signing())?;
        let d: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes()?;
        let point = pair.public_key().as_ref();
        Ok([[d.as_ref(), point].concat(), point.to_vec()])
    }

    /// Both numbers of a signature, `r` and `s`, each as wide as the curve.
    pub(crate) fn sign(
        self,
        hash: Hash,
        private: &[u8],
        message: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let (d, point) = self.split(private)?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(self.signing(), d, point)?;
        Ok(pair.sign_digest(&self.digest(hash, message)?)?.as_ref().to_vec())
    }

    pub(crate) fn is_signature(
        self,
        hash: Hash,
        public: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Failure> {
        if public.len() != 1 + 2 * self.len() {
            return Err(PUBLIC);
        }
        let key = ParsedPublicKey::new(self.verification(), public)?;
        let digest = self.digest(hash, message)?;
        Ok(key.verify_digest_sig(&digest, signature).is_ok())
    }

    /// The secret that two pairs of keys have in common: `x` of a point.
    pub(crate) fn agree(self, private: &[u8], public: &[u8]) -> Result<Vec<u8>, Failure> {
        let (d, _) = self.split(private)?;
        if public.len() != 1 + 2 * self.len() {
            return Err(PUBLIC);
        }
        let private = agreement::PrivateKey::from_private_key(self.agreement(), d)?;
        agree(
            &private,
            UnparsedPublicKey::new(self.agreement(), public),
            operation("the keys agree on nothing"),
            |secret| Ok(secret.to_vec()),
        )
    }
}
