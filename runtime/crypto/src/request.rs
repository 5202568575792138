//! A request: read, judged before it begins, and done.

use crate::aes;
use crate::curve25519::{self, Curve25519};
use crate::derive;
use crate::failure::{Failure, data, not_supported};
use crate::gcm::Gcm;
use crate::hmac;
use crate::operation::{Cipher, Format, KeyType, Operation, Scheme};
use crate::rsa::{self, Padding};
use crate::wire::{pack, unpack};
use crate::work::{self, Work};

/// Bytes that are no request, which our engine never sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no request for cryptography")]
pub struct Malformed;

/// What a guest asks for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    operation: Operation,
    fields: Vec<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// When the bytes are none.
    pub fn parse(bytes: &'a [u8]) -> Result<Request<'a>, Malformed> {
        let mut fields = unpack(bytes).ok_or(Malformed)?;
        if fields.is_empty() {
            return Err(Malformed);
        }
        let operation = Operation::parse(fields.remove(0)).ok_or(Malformed)?;
        if fields.len() != operation.fields() {
            return Err(Malformed);
        }
        Ok(Request { operation, fields })
    }

    /// What it will take.
    pub fn work(&self) -> Work {
        work::of(self.operation, &self.fields)
    }

    /// Whether its answer is another one each time.
    pub fn depends_on_chance(&self) -> bool {
        matches!(
            self.operation,
            Operation::Generate(..)
                | Operation::Sign(Scheme::Ecdsa(..) | Scheme::Rsa(Padding::Pss(_), _))
                | Operation::Encrypt(Cipher::Oaep(_))
        )
    }

    /// Does it. The answer is that of the table in `operation.rs`.
    ///
    /// # Errors
    /// When there is no answer, such as of a key that is none.
    pub fn run(&self) -> Result<Vec<u8>, Failure> {
        match self.operation {
            Operation::Digest(hash) => Ok(hash.digest(self.field(0)).as_ref().to_vec()),
            Operation::Sign(scheme) => self.sign(scheme),
            Operation::Verify(scheme) => self.verify(scheme).map(|is_right| vec![is_right.into()]),
            Operation::Encrypt(cipher) => self.encrypt(cipher),
            Operation::Decrypt(cipher) => self.decrypt(cipher),
            Operation::Hkdf { hash, len } => {
                derive::hkdf(hash, self.field(0), self.field(1), self.field(2), len)
            }
            Operation::Pbkdf2 { hash, len, iterations } => {
                derive::pbkdf2(hash, self.field(0), self.field(1), iterations, len)
            }
            Operation::Agree(key) => {
                let (private, public) = (self.field(0), self.field(1));
                match key {
                    KeyType::Ec(curve) => curve.agree(private, public),
                    KeyType::Curve25519(Curve25519::X25519) => {
                        curve25519::agree_on_x25519(private, public)
                    }
                    KeyType::Rsa | KeyType::Curve25519(Curve25519::Ed25519) => {
                        Err(not_supported("with keys of this kind nothing is agreed on"))
                    }
                }
            }
            Operation::Generate(key, bits) => {
                let [private, public] = match key {
                    KeyType::Rsa => rsa::generate(bits),
                    KeyType::Ec(curve) => curve.generate(),
                    KeyType::Curve25519(curve) => curve.generate(),
                }?;
                Ok(pack(&[&private, &public]))
            }
            Operation::Import(format, key) => self.import(format, key),
            Operation::Export(format, key) => self.export(format, key),
        }
    }

    /// A field, of which there are as many as the operation has.
    fn field(&self, index: usize) -> &'a [u8] {
        self.fields[index]
    }

    fn sign(&self, scheme: Scheme) -> Result<Vec<u8>, Failure> {
        let (key, message) = (self.field(0), self.field(1));
        match scheme {
            Scheme::Hmac(hash) => Ok(hmac::sign(hash, key, message)),
            Scheme::Rsa(padding, hash) => rsa::sign(padding, hash, key, message),
            Scheme::Ecdsa(curve, hash) => curve.sign(hash, key, message),
            Scheme::Ed25519 => curve25519::sign(key, message),
        }
    }

    fn verify(&self, scheme: Scheme) -> Result<bool, Failure> {
        let (key, message, signature) = (self.field(0), self.field(1), self.field(2));
        match scheme {
            Scheme::Hmac(hash) => Ok(hmac::is_signature(hash, key, message, signature)),
            Scheme::Rsa(padding, hash) => rsa::is_signature(padding, hash, key, message, signature),
            Scheme::Ecdsa(curve, hash) => curve.is_signature(hash, key, message, signature),
            Scheme::Ed25519 => curve25519::is_signature(key, message, signature),
        }
    }

    fn gcm(&self, tag_len: usize) -> Gcm<'a> {
        Gcm { key: self.field(0), iv: self.field(1), additional: self.field(2), tag_len }
    }

    fn encrypt(&self, cipher: Cipher) -> Result<Vec<u8>, Failure> {
        let key = self.field(0);
        match cipher {
            Cipher::Gcm { tag_len } => self.gcm(tag_len).encrypt(self.field(3)),
            Cipher::Cbc => aes::encrypt_cbc(key, self.field(1), self.field(2)),
            Cipher::Ctr { bits } => aes::apply_ctr(key, self.field(1), bits, self.field(2)),
            Cipher::Wrap => aes::wrap(key, self.field(1)),
            Cipher::Oaep(hash) => rsa::encrypt(hash, key, self.field(1), self.field(2)),
        }
    }

    fn decrypt(&self, cipher: Cipher) -> Result<Vec<u8>, Failure> {
        let key = self.field(0);
        match cipher {
            Cipher::Gcm { tag_len } => self.gcm(tag_len).decrypt(self.field(3)),
            Cipher::Cbc => aes::decrypt_cbc(key, self.field(1), self.field(2)),
            Cipher::Ctr { bits } => aes::apply_ctr(key, self.field(1), bits, self.field(2)),
            Cipher::Wrap => aes::unwrap(key, self.field(1)),
            Cipher::Oaep(hash) => rsa::decrypt(hash, key, self.field(1), self.field(2)),
        }
    }

    fn import(&self, format: Format, key: KeyType) -> Result<Vec<u8>, Failure> {
        let first = self.field(0);
        match (format, key) {
            (Format::Raw, KeyType::Rsa) => Err(NO_RAW_RSA),
            (Format::Raw, KeyType::Ec(curve)) => curve.read_point(first),
            (Format::Raw | Format::PublicParts, KeyType::Curve25519(curve)) => {
                curve.read_public(first)
            }
            (Format::Spki, KeyType::Rsa) => rsa::read_spki(first),
            (Format::Spki, KeyType::Ec(curve)) => curve.read_spki(first),
            (Format::Spki, KeyType::Curve25519(curve)) => curve.read_spki(first),
            (Format::Pkcs8, KeyType::Rsa) => rsa::read_pkcs8(first),
            (Format::Pkcs8, KeyType::Ec(curve)) => curve.read_pkcs8(first),
            (Format::Pkcs8, KeyType::Curve25519(curve)) => curve.read_pkcs8(first),
            (Format::PublicParts, KeyType::Rsa) => rsa::read_public_parts(self.parts()?),
            (Format::PublicParts, KeyType::Ec(curve)) => curve.read_public_parts(self.parts()?),
            (Format::PrivateParts, KeyType::Rsa) => rsa::read_private_parts(self.parts()?),
            (Format::PrivateParts, KeyType::Ec(curve)) => curve.read_private_parts(self.parts()?),
            (Format::PrivateParts, KeyType::Curve25519(curve)) => {
                curve.read_private_parts(self.parts()?)
            }
        }
    }

    /// The fields as the numbers of a key.
    fn parts<const N: usize>(&self) -> Result<[&'a [u8]; N], Failure> {
        self.fields[..].try_into().map_err(|_| data("the key has not as many numbers as it should"))
    }

    fn export(&self, format: Format, key: KeyType) -> Result<Vec<u8>, Failure> {
        let handle = self.field(0);
        match (format, key) {
            (Format::Raw, KeyType::Rsa) => Err(NO_RAW_RSA),
            (Format::Raw, KeyType::Ec(_) | KeyType::Curve25519(_)) => Ok(handle.to_vec()),
            (Format::Spki, KeyType::Rsa) => rsa::write_spki(handle),
            (Format::Spki, KeyType::Ec(curve)) => curve.write_spki(handle),
            (Format::Spki, KeyType::Curve25519(curve)) => curve.write_spki(handle),
            (Format::Pkcs8, KeyType::Rsa) => rsa::write_pkcs8(handle),
            (Format::Pkcs8, KeyType::Ec(curve)) => curve.write_pkcs8(handle),
            (Format::Pkcs8, KeyType::Curve25519(curve)) => curve.write_pkcs8(handle),
            (Format::PublicParts, KeyType::Rsa) => Ok(pack(&rsa::public_parts(handle)?)),
            (Format::PublicParts, KeyType::Ec(curve)) => Ok(pack(&curve.public_parts(handle)?)),
            (Format::PublicParts, KeyType::Curve25519(_)) => Ok(pack(&[handle])),
            (Format::PrivateParts, KeyType::Rsa) => Ok(pack(&rsa::private_parts(handle)?)),
            (Format::PrivateParts, KeyType::Ec(curve)) => Ok(pack(&curve.private_parts(handle)?)),
            (Format::PrivateParts, KeyType::Curve25519(curve)) => {
                Ok(pack(&curve.private_parts(handle)?))
            }
        }
    }
}

const NO_RAW_RSA: Failure = not_supported("an RSA key has no raw format");

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::failure::FailureKind;
    use crate::work::Rate;

    fn ask(words: &str, fields: &[&[u8]]) -> Result<Vec<u8>, Failure> {
        let fields: Vec<&[u8]> = [&[words.as_bytes()], fields].concat();
        let bytes = pack(&fields);
        let request = Request::parse(&bytes).unwrap_or_else(|error| panic!("{words}: {error}"));
        request.run()
    }

    fn answer(words: &str, fields: &[&[u8]]) -> Vec<u8> {
        ask(words, fields).unwrap_or_else(|failure| panic!("{words}: {failure}"))
    }

    fn kind(words: &str, fields: &[&[u8]]) -> FailureKind {
        match ask(words, fields) {
            Ok(_) => panic!("{words} has an answer"),
            Err(failure) => failure.kind,
        }
    }

    fn pair(words: &str) -> (Vec<u8>, Vec<u8>) {
        let packed = answer(words, &[]);
        let fields = unpack(&packed).expect("fields");
        (fields[0].to_vec(), fields[1].to_vec())
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<char> = text.chars().collect();
        let byte = |pair: &[char]| {
            u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("hexadecimal")
        };
        digits.chunks(2).map(byte).collect()
    }

    #[test]
    fn known_answers_are_given() {
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(answer("digest SHA-256", &[b"abc"]), hex(digest));
        // RFC 4231, test case 2.
        assert_eq!(
            answer("sign HMAC SHA-256", &[b"Jefe", b"what do ya want for nothing?"]),
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        );
        // RFC 5869, test case 1.
        let (salt, info) = (hex("000102030405060708090a0b0c"), hex("f0f1f2f3f4f5f6f7f8f9"));
        assert_eq!(
            answer("derive HKDF SHA-256 42", &[&[0x0b; 22], &salt, &info]),
            hex(concat!(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
                "34007208d5b887185865"
            ))
        );
        // RFC 6070, test case 2.
        assert_eq!(
            answer("derive PBKDF2 SHA-1 20 2", &[b"password", b"salt"]),
            hex("ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957")
        );
        // RFC 3394, 4.1.
        assert_eq!(
            answer(
                "encrypt AES-KW",
                &[
                    &hex("000102030405060708090A0B0C0D0E0F"),
                    &hex("00112233445566778899AABBCCDDEEFF"),
                ]
            ),
            hex("1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
        );
        // RFC 8032, 7.1, test 1.
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let handle = answer("import private Ed25519", &[&public, &seed]);
        assert_eq!(
            answer("sign Ed25519", &[&handle, b""]),
            hex(concat!(
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155",
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ))
        );
    }

    const SCHEMES: [(&str, &str); 9] = [
        ("RSA 2048", "RSASSA-PKCS1-v1_5 SHA-256"),
        ("RSA 2048", "RSASSA-PKCS1-v1_5 SHA-512"),
        ("RSA 2048", "RSA-PSS SHA-256 32"),
        ("RSA 2048", "RSA-PSS SHA-384 48"),
        ("P-256", "ECDSA P-256 SHA-256"),
        ("P-256", "ECDSA P-256 SHA-512"),
        ("P-384", "ECDSA P-384 SHA-1"),
        ("P-521", "ECDSA P-521 SHA-384"),
        ("Ed25519", "Ed25519"),
    ];

    #[test]
    fn every_scheme_verifies_what_it_has_signed_and_nothing_else() {
        for (key, scheme) in SCHEMES {
            let (private, public) = pair(&format!("generate {key}"));
            let mut signature = answer(&format!("sign {scheme}"), &[&private, b"message"]);
            let verify = |message: &[u8], signature: &[u8]| {
                answer(&format!("verify {scheme}"), &[&public, message, signature])[0]
            };
            assert_eq!(verify(b"message", &signature), 1, "{scheme}");
            assert_eq!(verify(b"massage", &signature), 0, "{scheme}");
            assert_eq!(verify(b"message", &signature[1..]), 0, "{scheme}");
            assert_eq!(verify(b"message", &[]), 0, "{scheme}");
            signature[7] ^= 1;
            assert_eq!(verify(b"message", &signature), 0, "{scheme}");
        }
    }

    #[test]
    fn every_format_of_a_key_leads_back_to_it() {
        for key in ["RSA 2048", "P-256", "P-384", "P-521", "Ed25519", "X25519"] {
            let (private, public) = pair(&format!("generate {key}"));
            let key = key.trim_end_matches(" 2048");
            for (format, handle) in [
                ("raw", &public),
                ("spki", &public),
                ("pkcs8", &private),
                ("public", &public),
                ("private", &private),
            ] {
                if (format, key) == ("raw", "RSA") {
                    continue;
                }
                let exported = answer(&format!("export {format} {key}"), &[handle]);
                let fields = match format {
                    "public" | "private" => unpack(&exported).expect("fields"),
                    _ => vec![&exported[..]],
                };
                let import = format!("import {format} {key}");
                assert_eq!(answer(&import, &fields), *handle, "{import}");
                // Cut, and with a byte more.
                let last = fields.len() - 1;
                for changed in [&fields[last][1..], &[fields[last], &[0]].concat()] {
                    let fields = [&fields[..last], &[changed]].concat();
                    assert_eq!(kind(&import, &fields), FailureKind::Data, "{import}");
                }
            }
        }
    }

    #[test]
    fn a_point_may_be_compressed() {
        for curve in ["P-256", "P-384", "P-521"] {
            let (_, public) = pair(&format!("generate {curve}"));
            let x = &public[1..public.len() / 2 + 1];
            let compressed = [&[2 + (public[public.len() - 1] & 1)], x].concat();
            assert_eq!(answer(&format!("import raw {curve}"), &[&compressed]), public);
        }
    }

    #[test]
    fn two_pairs_of_keys_agree_on_one_secret() {
        for key in ["P-256", "P-384", "P-521", "X25519"] {
            let (one, other) = (pair(&format!("generate {key}")), pair(&format!("generate {key}")));
            let agree = format!("agree {key}");
            assert_eq!(answer(&agree, &[&one.0, &other.1]), answer(&agree, &[&other.0, &one.1]));
        }
        let (private, _) = pair("generate X25519");
        assert_eq!(kind("agree X25519", &[&private, &[0; 32]]), FailureKind::Operation);
    }

    #[test]
    fn rsa_decrypts_what_was_encrypted_with_the_same_label() {
        let (private, public) = pair("generate RSA 2048");
        for hash in ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] {
            let (encrypt, decrypt) =
                (format!("encrypt RSA-OAEP {hash}"), format!("decrypt RSA-OAEP {hash}"));
            let sealed = answer(&encrypt, &[&public, b"label", b"text"]);
            assert_eq!(answer(&decrypt, &[&private, b"label", &sealed]), b"text");
            assert_eq!(kind(&decrypt, &[&private, b"", &sealed]), FailureKind::Operation);
            assert_eq!(kind(&decrypt, &[&private, b"label", b""]), FailureKind::Operation);
            assert_eq!(kind(&encrypt, &[&public, b"", &[0; 256]]), FailureKind::Operation);
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let (p256, _) = pair("generate P-256");
        let pkcs8 = answer("export pkcs8 P-256", &[&p256]);
        for key in ["RSA", "P-384", "Ed25519"] {
            assert_eq!(kind(&format!("import pkcs8 {key}"), &[&pkcs8]), FailureKind::Data);
        }
        assert_eq!(kind("sign ECDSA P-384 SHA-384", &[&p256, b""]), FailureKind::Data);
        assert_eq!(kind("import raw P-256", &[&[4; 65]]), FailureKind::Data);
    }

    #[test]
    fn what_is_not_there_is_called_so() {
        let (private, public) = pair("generate RSA 2048");
        for (words, fields) in [
            ("generate RSA 1024", &[][..]),
            ("sign RSASSA-PKCS1-v1_5 SHA-1", &[&private[..], b""]),
            ("sign RSA-PSS SHA-256 0", &[&private, b""]),
            ("verify RSA-PSS SHA-256 0", &[&public, b"", b""]),
            ("encrypt AES-KW", &[&[0; 24], &[0; 16]]),
        ] {
            assert_eq!(kind(words, fields), FailureKind::NotSupported, "{words}");
        }
    }

    #[test]
    fn short_requests_are_told_from_long_ones_before_they_begin() {
        // A clock on which all that is measured takes ten milliseconds: ten microseconds an iteration.
        static NOW: AtomicU64 = AtomicU64::new(0);
        let rate = Rate::measure(|| Duration::from_millis(NOW.fetch_add(10, Ordering::Relaxed)));
        let (private, _) = pair("generate RSA 2048");
        for (words, fields, range) in [
            ("digest SHA-256", &[&[0; 1000][..]][..], 0..1),
            ("sign ECDSA P-256 SHA-256", &[&[0; 97], b""], 2..3),
            ("sign RSASSA-PKCS1-v1_5 SHA-256", &[&private, b""], 30..32),
            ("derive PBKDF2 SHA-256 32 1000", &[b"", b""], 10..11),
            ("derive PBKDF2 SHA-512 65 600000", &[b"", b""], 12_000..12_001),
            ("derive PBKDF2 SHA-256 65536 4294967295", &[b"", b""], 87_960_930_201..87_960_930_202),
            ("generate RSA 2048", &[], 250..251),
            ("generate RSA 8192", &[], 64_000..64_001),
            ("generate RSA 18446744073709551615", &[], 1_024_000..1_024_001),
        ] {
            let bytes = pack(&[&[words.as_bytes()], fields].concat());
            let request = Request::parse(&bytes).expect("a request");
            let time = rate.time_of(request.work()).as_millis();
            assert!(range.contains(&time), "{words}: {time} ms");
        }
    }

    #[test]
    fn only_what_depends_on_chance_says_so() {
        for (words, fields, depends) in [
            ("generate Ed25519", 0, true),
            ("sign ECDSA P-256 SHA-256", 2, true),
            ("sign RSA-PSS SHA-256 32", 2, true),
            ("encrypt RSA-OAEP SHA-1", 3, true),
            ("sign RSASSA-PKCS1-v1_5 SHA-256", 2, false),
            ("sign Ed25519", 2, false),
            ("verify ECDSA P-256 SHA-256", 3, false),
        ] {
            let bytes = pack(&[&[words.as_bytes()][..], &vec![&b""[..]; fields]].concat());
            let request = Request::parse(&bytes).expect("a request");
            assert_eq!(request.depends_on_chance(), depends, "{words}");
        }
    }

    #[test]
    fn empty_and_wild_fields_fail_and_do_not_panic() {
        let operations = [
            "verify RSA-PSS SHA-256 32",
            "verify ECDSA P-256 SHA-256",
            "verify Ed25519",
            "sign Ed25519",
            "sign ECDSA P-521 SHA-1",
            "sign RSASSA-PKCS1-v1_5 SHA-256",
            "agree RSA",
            "agree Ed25519",
            "agree P-256",
            "agree X25519",
            "import raw RSA",
            "import spki RSA",
            "import private RSA",
            "import private P-256",
            "import public RSA",
            "export private RSA",
            "export private P-256",
            "export public P-384",
            "export private X25519",
            "export pkcs8 Ed25519",
            "decrypt AES-CBC",
            "decrypt AES-GCM 16",
            "decrypt AES-KW",
            "encrypt RSA-OAEP SHA-1",
            "decrypt RSA-OAEP SHA-1",
        ];
        for words in operations {
            let count = Operation::parse(words.as_bytes()).expect("one of the table").fields();
            for field in [&[][..], &[0], &[0xff; 16], &[4; 65], &[0x30, 0x82, 0xff, 0xff]] {
                assert!(ask(words, &vec![field; count]).is_err(), "{words} {field:?}");
            }
        }
    }
}
