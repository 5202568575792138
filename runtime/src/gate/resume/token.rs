//! Signed tokens: a name in base64url, a dot, and the HMAC-SHA-256 (RFC 2104) of the name under the key of
//! the durable directory.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zigttp_files::own_folder::{Others, OwnFolder};
use zigttp_files::replace::ReachesDisk;

use crate::http::cookies;

/// The key's file in the durable directory, and its name while it is written.
const FILE: &str = "resume.key";
const NEW_FILE: &str = "resume.tmp";

const KEY_BYTES: usize = 32;
/// No token of this server is longer.
const MAX_TOKEN_CHARS: usize = 128;

/// The key that signs tokens.
pub(super) struct Key([u8; KEY_BYTES]);

impl Key {
    /// Reads the key of a durable directory, or makes one. A user who can read it can impersonate every
    /// client, so a key that others can read is refused.
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
                // A crash may have left this file.
                folder.unlink(NEW_FILE)?;
                // Without the key all tokens are invalid, and it is written only once: so it is forced
                // to the disk, whatever `--fsync` says.
                folder.replace(FILE, NEW_FILE, &[&key], ReachesDisk::BytesAndName)?;
                Ok(Key(key))
            }
            Err(error) => Err(error),
        }
    }

    /// The token for a name. Tokens of one `kind` are not valid for another.
    pub(super) fn token(&self, kind: &[u8], name: &[u8]) -> String {
        format!(
            "{}.{}",
            BASE64.encode(name),
            BASE64.encode(self.signature(kind, name).finalize().into_bytes())
        )
    }

    /// The name of the cookie for tokens of this key.
    pub(super) fn cookie_name(&self) -> String {
        cookies::own_name(cookies::RESUME, &self.0)
    }

    /// The name in a token, if this key has signed it.
    pub(super) fn open_token(&self, kind: &[u8], token: &[u8]) -> Option<Vec<u8>> {
        if token.len() > MAX_TOKEN_CHARS {
            return None;
        }
        let dot = token.iter().position(|byte| *byte == b'.')?;
        // Decoded first, so that a head full of invalid cookies does not cost a signature for each.
        let signature: [u8; 32] = BASE64.decode(&token[dot + 1..]).ok()?.try_into().ok()?;
        let name = BASE64.decode(&token[..dot]).ok()?;
        // Compares in constant time.
        self.signature(kind, &name).verify_slice(&signature).ok().map(|()| name)
    }

    fn signature(&self, kind: &[u8], name: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.chain_update(kind).chain_update(b"\0").chain_update(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_with_hmac_sha256() {
        let mac = Key([7; KEY_BYTES]).signature(b"browser", b"name").finalize().into_bytes();
        let other = Hmac::<Sha256>::new_from_slice(&[7; KEY_BYTES]).expect("any length");
        assert_eq!(mac, other.chain_update(b"browser\0name").finalize().into_bytes());
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
