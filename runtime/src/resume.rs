//! Resuming: a browser that comes back to the same URL finds the attachment it has left there.
//!
//! The 101 carries a signed cookie that names the browser, by a name that servers with another key do not
//! use, and a signed header that names the one
//! connection, for clients that are none. What a dropped link, a crash or a restart has left is
//! listed by both; the next connection that shows one of them, on the same opening URL, adopts the
//! most recent before its `onOpen`. Each is adopted once.

mod left;
mod token;

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use tokio::sync::oneshot;
use tokio::time::timeout;
use zigttp_abi::connection_id::ConnectionId;
use zigttp_files::own_folder::OwnFolder;
use zigttp_store::attachment_files::file_bytes;
use zigttp_store::error::AdoptError;

use self::left::{Left, Leftover, Most, Place, Taken};
use self::token::Key;
use crate::browser::Browser;
use crate::config::Config;
use crate::connection::Connection;
use crate::cookies::{self, HOST_PREFIX};
use crate::http::peer::Peer;
use crate::server::Server;

/// Shown by clients that keep no cookies.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("zigttp-resume");

/// How long what is there at the start of a server may be resumed.
const RESTART_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the `onClose` of one that was dead may keep its successor waiting.
const FAREWELL_TIME: Duration = Duration::from_secs(5);

/// What may be resumed, and who is believed to be whom.
pub(crate) struct Resume {
    key: Key,
    cookie_name: String,
    /// The same, bound to this host and to TLS.
    secure_cookie_name: String,
    left: Left,
    window: Duration,
}

/// What an attachment file says of who may come back for it.
pub(crate) struct Found {
    pub(crate) browser: Browser,
    pub(crate) url: String,
    /// Milliseconds since 1970.
    pub(crate) written: u64,
    /// Of the file.
    pub(crate) bytes: u64,
}

/// What a handshake says of its client.
pub(crate) struct Visitor {
    pub(crate) browser: Browser,
    /// The connection that it proves to have had.
    prior: Option<ConnectionId>,
    /// Whether the browser is to be told its name.
    is_new: bool,
    is_secure: bool,
}

impl Resume {
    /// Reads the key of a durable directory, or makes one.
    pub(crate) fn open(folder: &OwnFolder, config: &Config) -> io::Result<Resume> {
        let key = Key::open(folder)?;
        let cookie_name = key.cookie_name();
        Ok(Resume {
            secure_cookie_name: format!("{HOST_PREFIX}{cookie_name}"),
            cookie_name,
            key,
            left: Left::new(Most {
                leftovers: config.max_leftovers(),
                bytes: config.max_leftover_bytes(),
            }),
            window: config.resume_window,
        })
    }

    /// Who a handshake's headers prove its client to be. Proofs that are none are not believed, and
    /// counted.
    pub(crate) fn recognise(&self, headers: &HeaderMap, peer: Peer, server: &Server) -> Visitor {
        // Behind a proxy that ends TLS, the page's origin tells.
        let is_secure = peer.is_secure
            || headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
        let forged = || server.hub.counters.forged_tokens.add_one();
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

    /// A file was there when the server started. Answers those that have to go for it.
    #[must_use]
    pub(crate) fn found(&self, id: ConnectionId, file: &Found) -> Vec<ConnectionId> {
        let leftover = Leftover {
            place: Place::new(file.browser, &file.url),
            when: file.written,
            window: RESTART_WINDOW,
            is_dropped: false,
            bytes: file.bytes,
        };
        self.left.add(id, leftover)
    }

    /// A connection is there, and may be asked to make room for its successor.
    pub(crate) fn arrived(&self, connection: &Connection) {
        if let Some(browser) = connection.browser {
            self.left.arrived(Place::new(browser, &connection.url), connection.id);
        }
    }

    /// A connection is not there any more. What it has left waits for its successor, if it does.
    /// Answers those that have to go for it.
    #[must_use]
    pub(crate) fn parted(&self, connection: &Connection, is_left: bool) -> Vec<ConnectionId> {
        let id = connection.id;
        let mut gone = Vec::new();
        if is_left && let Some(browser) = connection.browser {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let leftover = Leftover {
                place: Place::new(browser, &connection.url),
                when: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
                window: self.window,
                is_dropped: true,
                bytes: file_bytes(
                    connection.room.key(),
                    &connection.url,
                    connection.attachment_bytes().unwrap_or(0),
                ),
            };
            gone = self.left.add(id, leftover);
        }
        self.left.parted(id);
        if is_left {
            tracing::debug!(conn = %id, "what it kept waits for its client to come back");
        }
        gone
    }

    /// An attachment is not to be had any more: its file is gone, or another's.
    pub(crate) fn forget(&self, id: ConnectionId) {
        self.left.forget(id);
    }

    /// The attachments of dropped links that nobody has come back for in time.
    pub(crate) fn expired(&self) -> Vec<ConnectionId> {
        self.left.expired()
    }

    /// How many attachments wait for their clients, and the bytes of their files; and how many may.
    pub(crate) fn sizes(&self) -> [(usize, usize); 2] {
        let Most { leftovers, bytes } = self.left.most();
        [self.left.size(), (leftovers, bytes)]
            .map(|(number, bytes)| (number, usize::try_from(bytes).unwrap_or(usize::MAX)))
    }
}

impl Server {
    /// Gives a new connection what its client has left behind on this URL, if there is anything
    /// and it has no attachment of its own yet.
    pub(crate) async fn resume(&self, connection: &Arc<Connection>, visitor: &Visitor) {
        let Some(resume) = &self.resume else { return };
        if connection.attachment().is_none()
            && let Some(taken) = self.find_prior(resume, connection, visitor).await
        {
            let (new, prior) = (connection.id.number(), taken.id.number());
            match self.adopt_persisted_attachment(new, prior).await {
                Ok(()) => self.hub.counters.resumed.add_one(),
                // It had kept nothing.
                Err(AdoptError::NoAttachment(_)) => {}
                Err(error) => {
                    // Its file is there, and counts.
                    resume.left.give_back(taken);
                    tracing::error!(conn = %connection.id, %error, "cannot resume");
                }
            }
        }
        resume.arrived(connection);
    }

    async fn find_prior(
        &self,
        resume: &Resume,
        connection: &Connection,
        visitor: &Visitor,
    ) -> Option<Taken> {
        let place = Place::new(visitor.browser, &connection.url);
        if let Some(taken) = resume.left.take(place, visitor.prior) {
            return Some(taken);
        }
        // A link that was cut looks live until it is asked.
        let candidate = resume.left.only_live(place, visitor.prior)?;
        if let Some(candidate) = self.hub.find(candidate) {
            let (alive, is_alive) = oneshot::channel();
            candidate.outbox.probe(alive);
            if is_alive.await.is_ok() {
                return None;
            }
        }
        // Its `onClose` comes first.
        if let Some(parting) = resume.left.parting(candidate)
            && timeout(FAREWELL_TIME, parting).await.is_err()
        {
            resume.left.parted(candidate);
        }
        resume.left.take(place, Some(candidate))
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
