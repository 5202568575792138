//! AES in the modes CBC and CTR, and as a wrapping of keys (RFC 3394). GCM has a file of its own.

use aws_lc_rs::cipher::{
    self, Algorithm, DecryptionContext, EncryptingKey, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};

use crate::failure::{Failure, data, not_supported, operation};

/// Bytes of a block, of an IV and of a counter.
pub(crate) const BLOCK: usize = 16;

pub(crate) const KEY_LENGTH: Failure = data("an AES key has 128, 192 or 256 bits");

fn unbound(key: &[u8]) -> Result<UnboundCipherKey, Failure> {
    let algorithm: &'static Algorithm = match key.len() {
        16 => &cipher::AES_128,
        24 => &cipher::AES_192,
        32 => &cipher::AES_256,
        _ => return Err(KEY_LENGTH),
    };
    Ok(UnboundCipherKey::new(algorithm, key)?)
}

fn iv(bytes: &[u8]) -> Result<FixedLength<BLOCK>, Failure> {
    let bytes: &[u8; BLOCK] =
        bytes.try_into().map_err(|_| operation("the IV must have 16 bytes"))?;
    Ok(FixedLength::from(bytes))
}

pub(crate) fn encrypt_cbc(key: &[u8], iv_bytes: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    let context = EncryptionContext::Iv128(iv(iv_bytes)?);
    let mut bytes = Vec::with_capacity(text.len() + BLOCK);
    bytes.extend_from_slice(text);
    PaddedBlockEncryptingKey::cbc_pkcs7(unbound(key)?)?.less_safe_encrypt(&mut bytes, context)?;
    Ok(bytes)
}

pub(crate) fn decrypt_cbc(key: &[u8], iv_bytes: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    if text.is_empty() || !text.len().is_multiple_of(BLOCK) {
        return Err(operation("the encrypted data is no whole number of blocks"));
    }
    let context = DecryptionContext::Iv128(iv(iv_bytes)?);
    let mut bytes = text.to_vec();
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(unbound(key)?)?;
    let len = key.decrypt(&mut bytes, context)?.len();
    bytes.truncate(len);
    Ok(bytes)
}

/// Encrypts, and decrypts, with a counter of which the last `bits` count and begin again at zero.
pub(crate) fn apply_ctr(
    key: &[u8],
    counter: &[u8],
    bits: u32,
    text: &[u8],
) -> Result<Vec<u8>, Failure> {
    let counter: [u8; BLOCK] =
        counter.try_into().map_err(|_| operation("the counter must have 16 bytes"))?;
    let counter = u128::from_be_bytes(counter);
    let mask = match bits {
        1..128 => (1 << bits) - 1,
        128 => u128::MAX,
        _ => return Err(operation("a counter has 1 to 128 bits")),
    };
    let blocks = text.len().div_ceil(BLOCK) as u128;
    if blocks != 0 && blocks - 1 > mask {
        return Err(operation("the counter would come round to where it began"));
    }
    // Blocks up to the one at which the counter is at zero again.
    let first = (mask - (counter & mask)).saturating_add(1).min(blocks);
    let first = text.len().min(usize::try_from(first).map_or(usize::MAX, |first| first * BLOCK));
    let mut bytes = text.to_vec();
    let (until, after) = bytes.split_at_mut(first);
    ctr(key, counter, until)?;
    ctr(key, counter & !mask, after)?;
    Ok(bytes)
}

/// The same of 128 bits, in place.
pub(crate) fn ctr(key: &[u8], counter: u128, bytes: &mut [u8]) -> Result<(), Failure> {
    let context = EncryptionContext::Iv128(FixedLength::from(&counter.to_be_bytes()));
    EncryptingKey::ctr(unbound(key)?)?.less_safe_encrypt(bytes, context)?;
    Ok(())
}

fn kek(key: &[u8]) -> Result<AesKek, Failure> {
    let algorithm = match key.len() {
        16 => &key_wrap::AES_128,
        32 => &key_wrap::AES_256,
        24 => return Err(not_supported("AES-KW has no keys of 192 bits here")),
        _ => return Err(KEY_LENGTH),
    };
    Ok(AesKek::new(algorithm, key)?)
}

pub(crate) fn wrap(key: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; text.len() + 8];
    let wrapped = kek(key)?.wrap(text, &mut bytes);
    let len =
        wrapped.map_err(|_| operation("AES-KW wraps a multiple of 8 bytes, 16 at least"))?.len();
    bytes.truncate(len);
    Ok(bytes)
}

pub(crate) fn unwrap(key: &[u8], text: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; text.len()];
    let unwrapped = kek(key)?.unwrap(text, &mut bytes);
    let len = unwrapped.map_err(|_| operation("it is not what was wrapped with this key"))?.len();
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::cipher::DecryptingKey;

    use super::*;

    /// Decrypts one block without a mode.
    fn decrypt_block(key: &[u8], block: &mut [u8; BLOCK]) -> Result<(), Failure> {
        DecryptingKey::ecb(unbound(key)?)?.decrypt(block, DecryptionContext::None)?;
        Ok(())
    }

    #[test]
    fn a_counter_of_few_bits_begins_again_at_zero() {
        let key = [7; 16];
        let mut counter = [3; 16];
        counter[15] = 0xfe;
        let encrypted = apply_ctr(&key, &counter, 8, &[0; 64]).expect("it fits");
        let counters: Vec<u8> = encrypted
            .as_chunks::<BLOCK>()
            .0
            .iter()
            .map(|block| {
                let mut block = *block;
                decrypt_block(&key, &mut block).expect("a block");
                assert_eq!(block[..15], [3; 15]);
                block[15]
            })
            .collect();
        assert_eq!(counters, [0xfe, 0xff, 0, 1]);
    }

    #[test]
    fn a_counter_that_would_repeat_is_refused() {
        assert!(apply_ctr(&[7; 16], &[0; 16], 1, &[0; 32]).is_ok());
        assert!(apply_ctr(&[7; 16], &[0; 16], 1, &[0; 33]).is_err());
        assert!(apply_ctr(&[7; 16], &[0xff; 16], 128, &[0; 64]).is_ok());
        assert!(apply_ctr(&[7; 16], &[0; 16], 0, &[]).is_err());
        assert!(apply_ctr(&[7; 16], &[0; 16], 129, &[]).is_err());
    }

    #[test]
    fn what_was_wrapped_is_unwrapped_and_what_was_changed_is_not() {
        for key in [vec![1; 16], vec![1; 32]] {
            let mut wrapped = wrap(&key, &[9; 24]).expect("three times eight");
            assert_eq!(unwrap(&key, &wrapped), Ok(vec![9; 24]));
            wrapped[3] ^= 1;
            assert!(unwrap(&key, &wrapped).is_err());
        }
        assert!(wrap(&[1; 16], &[9; 8]).is_err());
        assert!(unwrap(&[1; 16], &[]).is_err());
    }

    #[test]
    fn cbc_decrypts_what_it_has_encrypted() {
        for len in [0, 1, 15, 16, 17, 1000] {
            for key in [vec![1; 16], vec![1; 24], vec![1; 32]] {
                let encrypted = encrypt_cbc(&key, &[2; 16], &vec![9; len]).expect("any text");
                assert_eq!(encrypted.len(), len / BLOCK * BLOCK + BLOCK);
                assert_eq!(decrypt_cbc(&key, &[2; 16], &encrypted), Ok(vec![9; len]));
            }
        }
        assert!(decrypt_cbc(&[1; 16], &[2; 16], &[]).is_err());
        assert!(decrypt_cbc(&[1; 16], &[2; 16], &[0; 16]).is_err());
        assert!(decrypt_cbc(&[1; 16], &[2; 15], &[0; 16]).is_err());
    }
}
