//! Resuming: a browser that comes back to the same URL gets the attachment it has left there.
//!
//! The 101 sets a signed cookie that identifies the browser; servers with another key use another name for
//! it. For clients that keep no cookies it has a signed header that identifies the connection. An
//! attachment that a dropped connection, a crash or a restart has left is found by either token: the next
//! connection that sends one of them, on the same opening URL, adopts the latest attachment before its
//! `onOpen`. Each is adopted once.

mod token;

use std::io;

use hyper::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use zigttp_abi::connection_id::ConnectionId;
use zigttp_files::own_folder::OwnFolder;
use zigttp_rooms::browser::Browser;
use zigttp_rooms::counter::Counter;

use self::token::Key;
use crate::http::client_info::ClientInfo;
use crate::http::cookies::{self, HOST_PREFIX};

/// The token of a connection, for clients that keep no cookies.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("zigttp-resume");

/// Identifies clients by the tokens that this server has signed.
pub(crate) struct Resume {
    key: Key,
    cookie_name: String,
    /// The same with the `__Host-` prefix, for TLS.
    secure_cookie_name: String,
}

/// Who the client of a handshake is.
pub(crate) struct Identity {
    pub(crate) browser: Browser,
    /// The earlier connection that its token proves.
    pub(crate) prior: Option<ConnectionId>,
    /// Whether the browser still needs its cookie.
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

    /// Identifies the client of a handshake by its headers. Tokens that this server has not signed are
    /// ignored and counted.
    pub(crate) fn identify(
        &self,
        headers: &HeaderMap,
        client: ClientInfo,
        forged_tokens: &Counter,
    ) -> Identity {
        // Behind a proxy that ends TLS, only the page's origin shows it.
        let is_secure = client.is_secure
            || headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
        // Pages and other servers of the host may set a cookie of the same name: the first with a valid
        // signature counts.
        let mut sent = cookies::values(headers, self.cookie_name(is_secure)).peekable();
        let has_sent = sent.peek().is_some();
        let known = sent.find_map(|token| self.key.open_token(b"browser", token)?.try_into().ok());
        if has_sent && known.is_none() {
            forged_tokens.add_one();
        }
        let sent = headers.get(TOKEN_HEADER);
        let prior = sent.and_then(|token| {
            let name = self.key.open_token(b"connection", token.as_bytes())?;
            Some(u64::from_be_bytes(name.try_into().ok()?))
        });
        if sent.is_some() && prior.is_none() {
            forged_tokens.add_one();
        }
        Identity {
            is_new: known.is_none(),
            browser: known.unwrap_or_else(new_browser),
            prior: prior.map(ConnectionId::from_number),
            is_secure,
        }
    }

    /// Adds the tokens that let a client resume to the headers of its 101.
    pub(crate) fn add_tokens(
        &self,
        identity: &Identity,
        connection: ConnectionId,
        headers: &mut HeaderMap,
    ) {
        if identity.is_new {
            let token = self.key.token(b"browser", &identity.browser);
            let name = self.cookie_name(identity.is_secure);
            let secure = if identity.is_secure { "; Secure" } else { "" };
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

/// Removes the token of a connection that comes to nothing.
pub(crate) fn remove_token(headers: &mut HeaderMap) {
    headers.remove(TOKEN_HEADER);
}

/// Whether a header holds a token of this server, which handlers do not see.
pub(crate) fn is_token_header(name: &HeaderName) -> bool {
    *name == TOKEN_HEADER
}

fn secret(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("tokens are header values");
    // Hyper and others do not print sensitive values.
    value.set_sensitive(true);
    value
}

fn new_browser() -> Browser {
    let mut browser = Browser::default();
    getrandom::fill(&mut browser).expect("the system has random numbers");
    browser
}
