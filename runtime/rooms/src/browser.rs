//! The ids of browsers, and how attachment files write them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// 128 random bits that identify a browser.
pub type Browser = [u8; 16];

/// A browser's id as attachment files write it.
pub fn name(browser: &Browser) -> String {
    BASE64.encode(browser)
}

/// The browser with this id in an attachment file.
pub fn named(name: &str) -> Option<Browser> {
    BASE64.decode(name).ok()?.try_into().ok()
}
