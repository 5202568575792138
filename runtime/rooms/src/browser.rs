//! Browsers by name, as attachment files have them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// 128 random bits that name a browser.
pub type Browser = [u8; 16];

/// A browser's name as attachment files have it.
pub fn name(browser: &Browser) -> String {
    BASE64.encode(browser)
}

/// The browser of a name.
pub fn named(name: &str) -> Option<Browser> {
    BASE64.decode(name).ok()?.try_into().ok()
}
