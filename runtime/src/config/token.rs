//! The secret token of operators.

use crate::http::cookies;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A shorter secret could be guessed.
const MIN_TOKEN_BYTES: usize = 16;

/// The secret that requests to the admin listener and the inspector send as `Authorization: Bearer <token>`.
#[derive(Clone)]
pub struct AdminToken {
    /// The SHA-256 of the token: the time that comparing digests takes reveals nothing about the token.
    digest: [u8; 32],
}

impl AdminToken {
    /// Makes a token from the text of its file, without white space around it.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(text: &str) -> Result<AdminToken, TokenError> {
        let token = text.trim();
        if token.len() < MIN_TOKEN_BYTES {
            return Err(TokenError);
        }
        Ok(AdminToken { digest: Sha256::digest(token).into() })
    }

    /// Makes a random token of 192 bits. Returns it and its text.
    ///
    /// # Panics
    /// When the system cannot give random bytes.
    pub fn random() -> (AdminToken, String) {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).expect("the system has random bytes");
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let token = AdminToken { digest: Sha256::digest(&text).into() };
        (token, text)
    }

    /// The name of a cookie that holds the token. Servers with other tokens use other names.
    pub(crate) fn cookie_name(&self, kind: &str) -> String {
        cookies::own_name(kind, &self.digest)
    }

    pub(crate) fn is(&self, token: &[u8]) -> bool {
        // Takes as long wherever the first difference is.
        Sha256::digest(token).ct_eq(&self.digest).into()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken")
    }
}

/// The token is too short.
#[derive(Debug, thiserror::Error)]
#[error("a token needs at least {MIN_TOKEN_BYTES} bytes")]
pub struct TokenError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_compared_completely_and_without_white_space_around_it() {
        let token = AdminToken::new(" 0123456789abcdef\n").expect("long enough");
        assert!(token.is(b"0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert!(AdminToken::new("   0123456789abcde   ").is_err());
    }
}
