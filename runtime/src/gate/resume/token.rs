//! Signed tokens: what they name in base64url, a dot, and an HMAC-SHA-256 (RFC 2104) of it under
//! the key of the durable directory.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};
use zigttp_files::own_folder::{Others, OwnFolder};

use crate::http::cookies;

/// The key's file in the durable directory, and its name while it is written.
const FILE: &str = "resume.key";
const NEW_FILE: &str = "resume.tmp";

const KEY_BYTES: usize = 32;
/// Of SHA-256.
const BLOCK_BYTES: usize = 64;
/// No token of ours is longer.
const MAX_TOKEN_CHARS: usize = 128;

/// What tokens are signed with.
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// Reads the key of a durable directory, or makes one. Whoever can read it can pass for any
    /// client, so one that others can read is refused.
    pub(super) fn open(folder: &OwnFolder) -> io::Result<Key> {
        match folder.open_file(FILE, Others::Nothing) {
            Ok(file) => {
                let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
                file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes)?;
                bytes.try_into().map(Key).map_err(|_other| {
                    io::Error::new(io::ErrorKind::InvalidData, "`resume.key` is damaged")
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut key = [0; KEY_BYTES];
                getrandom::fill(&mut key).map_err(io::Error::other)?;
                // A crash may have left it.
                folder.unlink(NEW_FILE)?;
                // It is written once, and what was signed with it is worth nothing without it: it
                // goes to the disk whatever `--fsync` says.
                folder.replace(FILE, NEW_FILE, &[&key], true)?;
                Ok(Key(key))
            }
            Err(error) => Err(error),
        }
    }

    /// The token for a name; `kind` keeps tokens of one kind from passing for another.
    pub(super) fn token(&self, kind: &[u8], name: &[u8]) -> String {
        format!("{}.{}", BASE64.encode(name), BASE64.encode(self.sign(kind, name)))
    }

    /// The name of the cookie that holds a token of this key.
    pub(super) fn cookie_name(&self) -> String {
        cookies::own_name(cookies::RESUME, &self.0)
    }

    /// The name in a token, if it is one of ours.
    pub(super) fn open_token(&self, kind: &[u8], token: &[u8]) -> Option<Vec<u8>> {
        if token.len() > MAX_TOKEN_CHARS {
            return None;
        }
        let dot = token.iter().position(|byte| *byte == b'.')?;
        // Looked at first: a head full of cookies that are none is to cost no signature each.
        let signature: [u8; 32] = BASE64.decode(&token[dot + 1..]).ok()?.try_into().ok()?;
        let name = BASE64.decode(&token[..dot]).ok()?;
        is_same(&signature, &self.sign(kind, &name)).then_some(name)
    }

    fn sign(&self, kind: &[u8], name: &[u8]) -> [u8; 32] {
        hmac(&self.0, &[kind, b"\0", name])
    }
}

/// HMAC-SHA-256 for keys up to a block.
fn hmac(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; BLOCK_BYTES];
    block[..key.len()].copy_from_slice(key);
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    for part in message {
        inner.update(part);
    }
    let outer = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

/// Compares without telling by its time where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && std::hint::black_box(one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn signatures_are_those_of_rfc_4231() {
        // Test cases 1 and 2.
        assert_eq!(
            hex(&hmac(&[0x0b; 20], &[b"Hi There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex(&hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_a_token_of_this_key_and_kind_opens() {
        let key = Key([7; KEY_BYTES]);
        let token = key.token(b"browser", b"0123456789abcdef");
        assert_eq!(
            key.open_token(b"browser", token.as_bytes()).as_deref(),
            Some(&b"0123456789abcdef"[..])
        );
        assert_eq!(key.open_token(b"connection", token.as_bytes()), None);
        assert_eq!(Key([8; KEY_BYTES]).open_token(b"browser", token.as_bytes()), None);
        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("it is ASCII");
            assert_eq!(key.open_token(b"browser", changed.as_bytes()), None, "{at}");
        }
        for forged in ["", ".", "a.b", "AAAA", &"A".repeat(10_000)] {
            assert_eq!(key.open_token(b"browser", forged.as_bytes()), None);
        }
    }
}
