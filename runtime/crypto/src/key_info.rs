//! The DER around a key: `SubjectPublicKeyInfo` (RFC 5280) and `PrivateKeyInfo` (PKCS #8, RFC 5958). Both
//! name an algorithm, with parameters, and hold bytes whose form is the algorithm's.

use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Encode};
use pkcs8::PrivateKeyInfoRef;
use spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::failure::{Failure, data};

/// The algorithm that a key names.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) algorithm: ObjectIdentifier,
    pub(crate) parameters: Parameters,
}

#[derive(Clone, Copy)]
pub(crate) enum Parameters {
    Absent,
    /// NULL, which some leave out.
    Null,
    Curve(ObjectIdentifier),
}

impl Named {
    fn check(&self, found: &AlgorithmIdentifierRef<'_>) -> Result<(), Failure> {
        if found.oid != self.algorithm {
            return Err(data("the key is one of another algorithm"));
        }
        let is_right = match (self.parameters, found.parameters) {
            (Parameters::Absent | Parameters::Null, None) => true,
            (Parameters::Null, Some(parameters)) => parameters.is_null(),
            (Parameters::Curve(curve), Some(parameters)) => {
                parameters.decode_as::<ObjectIdentifier>().is_ok_and(|found| found == curve)
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(data("the key is one of another curve")) }
    }

    fn identifier(&self) -> AlgorithmIdentifierRef<'_> {
        let parameters = match &self.parameters {
            Parameters::Absent => None,
            Parameters::Null => Some(AnyRef::NULL),
            Parameters::Curve(curve) => Some(AnyRef::from(curve)),
        };
        AlgorithmIdentifierRef { oid: self.algorithm, parameters }
    }

    /// The key in a `SubjectPublicKeyInfo`.
    pub(crate) fn public_in<'a>(&self, spki: &'a [u8]) -> Result<&'a [u8], Failure> {
        let info = SubjectPublicKeyInfoRef::from_der(spki)?;
        self.check(&info.algorithm)?;
        info.subject_public_key.as_bytes().ok_or(data("the key has bits that are no whole bytes"))
    }

    pub(crate) fn spki(&self, key: &[u8]) -> Result<Vec<u8>, Failure> {
        let subject_public_key = BitStringRef::from_bytes(key)?;
        Ok(SubjectPublicKeyInfoRef { algorithm: self.identifier(), subject_public_key }.to_der()?)
    }

    /// The key in a `PrivateKeyInfo`.
    pub(crate) fn private_in<'a>(&self, pkcs8: &'a [u8]) -> Result<&'a [u8], Failure> {
        let info = PrivateKeyInfoRef::from_der(pkcs8)?;
        self.check(&info.algorithm)?;
        Ok(info.private_key.as_bytes())
    }

    pub(crate) fn pkcs8(&self, key: &[u8]) -> Result<Vec<u8>, Failure> {
        let info = PrivateKeyInfoRef::new(self.identifier(), OctetStringRef::new(key)?);
        Ok(info.to_der()?)
    }
}
