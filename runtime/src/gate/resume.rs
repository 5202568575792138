//! Resuming: a browser that comes back to the same URL finds the attachment it has left there.
//!
//! The 101 carries a signed cookie that names the browser, by a name that servers with another key do not
//! use, and a signed header that names the one
//! connection, for clients that are none. What a dropped link, a crash or a restart has left is
//! listed by both; the next connection that shows one of them, on the same opening URL, adopts the
//! most recent before its `onOpen`. Each is adopted once.

mod token;

use std::io;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::browser::Browser;
use zigttp_rooms::counter::Counter;

use self::token::Key;
use crate::http::cookies::{self, HOST_PREFIX};
use crate::http::peer::Peer;

/// Shown by clients that keep no cookies.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("zigttp-resume");

/// Who is believed to be whom.
pub(crate) struct Resume {
    key: Key,
    cookie_name: String,
    /// The same, bound to this host and to TLS.
    secure_cookie_name: String,
}

/// What a handshake says of its client.
pub(crate) struct Visitor {
    pub(crate) browser: Browser,
    /// The connection that it proves to have had.
    pub(crate) prior: Option<ConnectionId>,
    /// Whether the browser is to be told its name.
    is_new: bool,
    is_secure: bool,
}

impl Resume {
    /// Reads the key of a durable directory, or makes one.
    pub(crate) fn open(folder: &OwnFolder) -> io::Result<Resume> {
        let key = Key::open(folder)?;
        let cookie_name = key.cookie_name();
        Ok(Resume { secure_cookie_name: format!("{HOST_PREFIX}{cookie_name}"), cookie_name, key })
    }

    /// Who a handshake's headers prove its client to be. Proofs that are none are not believed, and
    /// counted.
    pub(crate) fn recognise(
        &self,
        headers: &HeaderMap,
        peer: Peer,
        forged_tokens: &Counter,
    ) -> Visitor {
        // Behind a proxy that ends TLS, the page's origin tells.
        let is_secure = peer.is_secure
            || headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
        let forged = || forged_tokens.add_one();
        // Pages and other servers of the host may set one of the same name: the first good one counts.
        let mut shown = cookies::values(headers, self.cookie_name(is_secure)).peekable();
        let is_shown = shown.peek().is_some();
        let known = shown.find_map(|shown| self.key.open_token(b"browser", shown)?.try_into().ok());
        if is_shown && known.is_none() {
            forged();
        }
        let shown = headers.get(TOKEN_HEADER);
        let prior = shown.and_then(|shown| {
            let name = self.key.open_token(b"connection", shown.as_bytes())?;
            Some(u64::from_be_bytes(name.try_into().ok()?))
        });
        if shown.is_some() && prior.is_none() {
            forged();
        }
        Visitor {
            is_new: known.is_none(),
            browser: known.unwrap_or_else(new_browser),
            prior: prior.map(ConnectionId::from_number),
            is_secure,
        }
    }

    /// Adds to a 101 what lets its client come back.
    pub(crate) fn introduce(
        &self,
        visitor: &Visitor,
        connection: ConnectionId,
        headers: &mut HeaderMap,
    ) {
        if visitor.is_new {
            let token = self.key.token(b"browser", &visitor.browser);
            let name = self.cookie_name(visitor.is_secure);
            let secure = if visitor.is_secure { "; Secure" } else { "" };
            let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}");
            headers.append(SET_COOKIE, secret(cookie));
        }
        let token = self.key.token(b"connection", &connection.number().to_be_bytes());
        headers.insert(TOKEN_HEADER, secret(token));
    }

    fn cookie_name(&self, is_secure: bool) -> &str {
        if is_secure { &self.secure_cookie_name } else { &self.cookie_name }
    }
}

/// Whether a header is for the server alone.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    *name == TOKEN_HEADER
}

fn secret(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("tokens are header values");
    // Kept out of what hyper and others print.
    value.set_sensitive(true);
    value
}

fn new_browser() -> Browser {
    let mut browser = Browser::default();
    getrandom::fill(&mut browser).expect("the system has random numbers");
    browser
}
