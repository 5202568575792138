//! AES-GCM (NIST SP 800-38D) with tags and IVs of every length.
//!
//! AWS-LC gives it with tags of 128 bits and IVs of 96. A shorter tag is the beginning of the whole one. An
//! IV of another length is hashed to the first counter: with [`ghash`], which is made of what there is.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use crate::aes::{self, BLOCK, KEY_LENGTH};
use crate::failure::{Failure, operation};

/// Bytes of an IV from which the counter begins as it is.
const PLAIN_IV: usize = 12;

/// A key with what is authenticated besides the text.
pub(crate) struct Gcm<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) iv: &'a [u8],
    pub(crate) additional: &'a [u8],
    pub(crate) tag_len: usize,
}

impl Gcm<'_> {
    /// The encrypted text and its tag.
    pub(crate) fn encrypt(&self, text: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::with_capacity(text.len() + BLOCK);
        bytes.extend_from_slice(text);
        let tag = self.seal(&mut bytes)?;
        bytes.extend_from_slice(self.cut(&tag)?);
        Ok(bytes)
    }

    pub(crate) fn decrypt(&self, sealed: &[u8]) -> Result<Vec<u8>, Failure> {
        let refused = operation("it is not what was encrypted with this key, IV and data");
        let (text, tag) = sealed
            .len()
            .checked_sub(self.tag_len)
            .and_then(|len| sealed.split_at_checked(len))
            .ok_or(operation("the encrypted data is shorter than its tag"))?;
        let mut bytes = text.to_vec();
        if self.iv.len() == PLAIN_IV && self.tag_len == BLOCK {
            let key = self.sealing_key()?;
            key.open_in_place_separate_tag(
                nonce(self.iv)?,
                Aad::from(self.additional),
                tag,
                &mut bytes,
            )
            .map_err(|_| refused)?;
            return Ok(bytes);
        }
        // Encryption and decryption are the same but for the tag, which is that of the encrypted text.
        self.seal(&mut bytes)?;
        let expected = self.seal(&mut bytes.clone())?;
        verify_slices_are_equal(self.cut(&expected)?, tag).map_err(|_| refused)?;
        Ok(bytes)
    }

    /// Encrypts in place. Returns the whole tag.
    fn seal(&self, bytes: &mut [u8]) -> Result<[u8; BLOCK], Failure> {
        match self.iv.len() {
            0 => Err(operation("the IV must not be empty")),
            PLAIN_IV => seal(&self.sealing_key()?, self.iv, self.additional, bytes),
            _ => {
                let first = u128::from_be_bytes(self.ghash(&[], self.iv)?);
                // Only the last 32 bits count.
                let counter =
                    |n: u32| first & !0xffff_ffff | u128::from((first as u32).wrapping_add(n));
                if bytes.len() > (u32::MAX as usize - 1) * BLOCK {
                    return Err(operation("the data is too long"));
                }
                ctr32(self.key, counter(1), bytes)?;
                let mut tag = self.ghash(self.additional, bytes)?;
                aes::ctr(self.key, first, &mut tag)?;
                Ok(tag)
            }
        }
    }

    /// GHASH of SP 800-38D 6.4: the tag of a text whose encryption is `encrypted`, without the mask that the
    /// IV makes, which is taken off again.
    fn ghash(&self, additional: &[u8], encrypted: &[u8]) -> Result<[u8; BLOCK], Failure> {
        const IV: [u8; PLAIN_IV] = [0; PLAIN_IV];
        let key = self.sealing_key()?;
        let mut text = encrypted.to_vec();
        seal(&key, &IV, &[], &mut text)?;
        let mut tag = seal(&key, &IV, additional, &mut text)?;
        aes::ctr(self.key, 1, &mut tag)?;
        Ok(tag)
    }

    fn sealing_key(&self) -> Result<LessSafeKey, Failure> {
        let algorithm = match self.key.len() {
            16 => &aead::AES_128_GCM,
            24 => &aead::AES_192_GCM,
            32 => &aead::AES_256_GCM,
            _ => return Err(KEY_LENGTH),
        };
        Ok(LessSafeKey::new(UnboundKey::new(algorithm, self.key)?))
    }

    fn cut<'tag>(&self, tag: &'tag [u8]) -> Result<&'tag [u8], Failure> {
        match self.tag_len {
            4 | 8 | 12..=16 => Ok(&tag[..self.tag_len]),
            _ => Err(operation("a tag has 32, 64, 96, 104, 112, 120 or 128 bits")),
        }
    }
}

fn nonce(iv: &[u8]) -> Result<Nonce, Failure> {
    Ok(Nonce::try_assume_unique_for_key(iv)?)
}

fn seal(
    key: &LessSafeKey,
    iv: &[u8],
    additional: &[u8],
    bytes: &mut [u8],
) -> Result<[u8; BLOCK], Failure> {
    let tag = key.seal_in_place_separate_tag(nonce(iv)?, Aad::from(additional), bytes)?;
    tag.as_ref().try_into().map_err(|_| operation("the tag has no 16 bytes"))
}

/// Counter mode whose counter has 32 bits.
fn ctr32(key: &[u8], counter: u128, bytes: &mut [u8]) -> Result<(), Failure> {
    let until_zero = (u32::MAX - counter as u32) as usize + 1;
    let (until, after) = bytes.split_at_mut(bytes.len().min(until_zero.saturating_mul(BLOCK)));
    aes::ctr(key, counter, until)?;
    aes::ctr(key, counter & !0xffff_ffff, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashing_made_of_sealing_is_that_of_the_standard() {
        // Test case 6 of the GCM specification: a key of 128 bits, an IV of 480.
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex"))
                .collect()
        };
        let gcm = Gcm {
            key: &hex("feffe9928665731c6d6a8f9467308308"),
            iv: &hex(concat!(
                "9313225df88406e555909c5aff5269aa6a7a9538534f7da1e4c303d2a318a728",
                "c3c0c95156809539fcf0e2429a6b525416aedbf5a0de6a57a637b39b"
            )),
            additional: &hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
            tag_len: 16,
        };
        let text = hex(concat!(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72",
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        ));
        let sealed = gcm.encrypt(&text).expect("it is encrypted");
        assert_eq!(
            sealed,
            hex(concat!(
                "8ce24998625615b603a033aca13fb894be9112a5c3a211a8ba262a3cca7e2ca7",
                "01e4a9a4fba43c90ccdcb281d48c7c6fd62875d2aca417034c34aee5",
                "619cc5aefffe0bfa462af43c1699d050"
            ))
        );
        assert_eq!(gcm.decrypt(&sealed), Ok(text));
    }

    #[test]
    fn every_length_of_tags_and_ivs_comes_back_and_a_changed_bit_does_not() {
        for key in [vec![1; 16], vec![1; 24], vec![1; 32]] {
            for iv in [1, 11, 12, 13, 16, 256] {
                for tag_len in [4, 8, 12, 13, 14, 15, 16] {
                    let iv = vec![5; iv];
                    let gcm = Gcm { key: &key, iv: &iv, additional: b"more", tag_len };
                    let mut sealed = gcm.encrypt(b"some text").expect("it is encrypted");
                    assert_eq!(sealed.len(), 9 + tag_len);
                    assert_eq!(gcm.decrypt(&sealed).as_deref(), Ok(&b"some text"[..]));
                    sealed[2] ^= 1;
                    assert!(gcm.decrypt(&sealed).is_err());
                }
            }
        }
    }

    #[test]
    fn what_is_no_key_iv_or_tag_is_refused() {
        let gcm = |key, iv, tag_len| Gcm { key, iv, additional: b"", tag_len };
        assert!(gcm(&[1; 15], &[1; 12], 16).encrypt(b"").is_err());
        assert!(gcm(&[1; 16], &[], 16).encrypt(b"").is_err());
        for tag_len in [0, 5, 17, usize::MAX] {
            assert!(gcm(&[1; 16], &[1; 12], tag_len).encrypt(b"").is_err());
            assert!(gcm(&[1; 16], &[1; 12], tag_len).decrypt(&[0; 40]).is_err());
        }
        assert!(gcm(&[1; 16], &[1; 12], 16).decrypt(&[0; 15]).is_err());
    }
}
