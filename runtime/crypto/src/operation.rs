//! What a request asks for, from its first field: words with a space between them.
//!
//! | words | further fields | answer |
//! |---|---|---|
//! | `digest HASH` | data | digest |
//! | `sign SCHEME` | private key, data | signature |
//! | `verify SCHEME` | public key, data, signature | one byte: 1 or 0 |
//! | `encrypt`, `decrypt` `AES-GCM TAG_BYTES` | key, IV, additional data, data | data |
//! | the same, `AES-CBC`, `AES-CTR COUNTER_BITS` | key, IV, data | data |
//! | the same, `AES-KW` | key, data | data |
//! | the same, `RSA-OAEP HASH` | public or private key, label, data | data |
//! | `derive HKDF HASH BYTES` | secret, salt, info | bytes |
//! | `derive PBKDF2 HASH BYTES ITERATIONS` | password, salt | bytes |
//! | `agree KEY` | private key, public key of the other | secret |
//! | `generate KEY`, `generate RSA BITS` | | fields: private key, public key |
//! | `import FORMAT KEY` | the key in this format | handle |
//! | `export FORMAT KEY` | handle | the key in this format |
//!
//! `SCHEME` is `HMAC HASH` (whose keys are secrets), `RSASSA-PKCS1-v1_5 HASH`, `RSA-PSS HASH SALT_BYTES`, `ECDSA CURVE HASH` or
//! `Ed25519`. `KEY` is `RSA`, a curve, `Ed25519` or `X25519`. `FORMAT` is `raw`, `spki`, `pkcs8`, `public` or `private`; the
//! last two are the numbers of a JSON Web Key, each a field, in the order `n e d p q dp dq qi` or `x y d`.

use crate::curve25519::Curve25519;
use crate::ec::Curve;
use crate::hash::Hash;
use crate::rsa::Padding;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Digest(Hash),
    Sign(Scheme),
    Verify(Scheme),
    Encrypt(Cipher),
    Decrypt(Cipher),
    Hkdf { hash: Hash, len: usize },
    Pbkdf2 { hash: Hash, len: usize, iterations: u32 },
    Agree(KeyType),
    Generate(KeyType, usize),
    Import(Format, KeyType),
    Export(Format, KeyType),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Hmac(Hash),
    Rsa(Padding, Hash),
    Ecdsa(Curve, Hash),
    Ed25519,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cipher {
    Gcm { tag_len: usize },
    Cbc,
    Ctr { bits: u32 },
    Wrap,
    Oaep(Hash),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Rsa,
    Ec(Curve),
    Curve25519(Curve25519),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Raw,
    Spki,
    Pkcs8,
    PublicParts,
    PrivateParts,
}

impl Operation {
    /// `None` for words that are not of the table.
    pub(crate) fn parse(words: &[u8]) -> Option<Operation> {
        let mut words = Words(std::str::from_utf8(words).ok()?.split(' '));
        let operation = match words.next()? {
            "digest" => Operation::Digest(words.hash()?),
            "sign" => Operation::Sign(words.scheme()?),
            "verify" => Operation::Verify(words.scheme()?),
            "encrypt" => Operation::Encrypt(words.cipher()?),
            "decrypt" => Operation::Decrypt(words.cipher()?),
            "derive" => match words.next()? {
                "HKDF" => Operation::Hkdf { hash: words.hash()?, len: words.number()? },
                "PBKDF2" => Operation::Pbkdf2 {
                    hash: words.hash()?,
                    len: words.number()?,
                    iterations: words.number()?,
                },
                _ => return None,
            },
            "agree" => Operation::Agree(words.key()?),
            "generate" => match words.key()? {
                KeyType::Rsa => Operation::Generate(KeyType::Rsa, words.number()?),
                key => Operation::Generate(key, 0),
            },
            "import" => Operation::Import(words.format()?, words.key()?),
            "export" => Operation::Export(words.format()?, words.key()?),
            _ => return None,
        };
        words.next().is_none().then_some(operation)
    }

    /// How many fields follow.
    pub(crate) fn fields(self) -> usize {
        match self {
            Operation::Generate(..) => 0,
            Operation::Digest(_) | Operation::Export(..) => 1,
            Operation::Sign(_) | Operation::Agree(_) | Operation::Pbkdf2 { .. } => 2,
            Operation::Verify(_) | Operation::Hkdf { .. } => 3,
            Operation::Encrypt(cipher) | Operation::Decrypt(cipher) => match cipher {
                Cipher::Wrap => 2,
                Cipher::Cbc | Cipher::Ctr { .. } | Cipher::Oaep(_) => 3,
                Cipher::Gcm { .. } => 4,
            },
            Operation::Import(Format::PublicParts, key) => match key {
                KeyType::Curve25519(_) => 1,
                _ => 2,
            },
            Operation::Import(Format::PrivateParts, key) => match key {
                KeyType::Rsa => 8,
                KeyType::Ec(_) => 3,
                KeyType::Curve25519(_) => 2,
            },
            Operation::Import(..) => 1,
        }
    }
}

/// The words that are left.
struct Words<'a>(std::str::Split<'a, char>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn number<N: std::str::FromStr>(&mut self) -> Option<N> {
        self.next()?.parse().ok()
    }

    fn hash(&mut self) -> Option<Hash> {
        let name = self.next()?;
        Hash::ALL.into_iter().find(|hash| hash.name() == name)
    }

    fn curve(&mut self) -> Option<Curve> {
        let name = self.next()?;
        Curve::ALL.into_iter().find(|curve| curve.name() == name)
    }

    fn key(&mut self) -> Option<KeyType> {
        let name = self.next()?;
        if name == "RSA" {
            return Some(KeyType::Rsa);
        }
        let curves = Curve::ALL.into_iter().map(|curve| (curve.name(), KeyType::Ec(curve)));
        let others =
            Curve25519::ALL.into_iter().map(|curve| (curve.name(), KeyType::Curve25519(curve)));
        curves.chain(others).find(|(known, _)| *known == name).map(|(_, key)| key)
    }

    fn scheme(&mut self) -> Option<Scheme> {
        Some(match self.next()? {
            "HMAC" => Scheme::Hmac(self.hash()?),
            "RSASSA-PKCS1-v1_5" => Scheme::Rsa(Padding::Pkcs1, self.hash()?),
            "RSA-PSS" => {
                let hash = self.hash()?;
                Scheme::Rsa(Padding::Pss(self.number()?), hash)
            }
            "ECDSA" => Scheme::Ecdsa(self.curve()?, self.hash()?),
            "Ed25519" => Scheme::Ed25519,
            _ => return None,
        })
    }

    fn cipher(&mut self) -> Option<Cipher> {
        Some(match self.next()? {
            "AES-GCM" => Cipher::Gcm { tag_len: self.number()? },
            "AES-CBC" => Cipher::Cbc,
            "AES-CTR" => Cipher::Ctr { bits: self.number()? },
            "AES-KW" => Cipher::Wrap,
            "RSA-OAEP" => Cipher::Oaep(self.hash()?),
            _ => return None,
        })
    }

    fn format(&mut self) -> Option<Format> {
        Some(match self.next()? {
            "raw" => Format::Raw,
            "spki" => Format::Spki,
            "pkcs8" => Format::Pkcs8,
            "public" => Format::PublicParts,
            "private" => Format::PrivateParts,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_of_the_table_are_no_operation() {
        assert_eq!(Operation::parse(b"digest SHA-256"), Some(Operation::Digest(Hash::Sha256)));
        for words in [
            "",
            " ",
            "digest",
            "digest ",
            "digest MD5",
            "digest SHA-256 ",
            "digest SHA-256 more",
            "Digest SHA-256",
            "derive HKDF SHA-1 -1",
            "encrypt AES-GCM x",
            "generate RSA",
            "agree",
            "import der RSA",
            "sign",
            "sign ECDSA SHA-256",
            "derive PBKDF2 SHA-1 1 99999999999",
        ] {
            assert_eq!(Operation::parse(words.as_bytes()), None, "{words}");
        }
        assert_eq!(Operation::parse(&[0xff]), None);
    }
}
