//! A request to make, and the host that it goes to.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::{Host, Origin, Url};

/// A request, as a handler asks for it.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    /// Those that only a client may set are dropped: `host`, `content-length`, `connection` and others.
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub redirect: Redirect,
    /// How long its caller wants to wait for all of the answer, if that is less than the client's own time.
    pub timeout: Option<Duration>,
}

/// What to do with an answer that names another URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirect {
    /// Request that URL, at most [`MAX_REDIRECTS`](crate::options::MAX_REDIRECTS) times.
    #[default]
    Follow,
    /// Return the answer itself.
    Manual,
    /// Fail.
    Error,
}

/// Where a request goes: what grants are asked about, and what messages name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    is_default_port: bool,
}

impl Target {
    /// # Errors
    /// Why the URL cannot be requested.
    pub(crate) fn of(url: &Url) -> Result<Target, &'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("only http and https URLs can be requested");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a URL with a user name or a password cannot be requested");
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err("a URL without a host cannot be requested");
        };
        let host = match host {
            Host::Domain(name) => Host::Domain(without_dot(name).to_owned()),
            Host::Ipv4(address) => Host::Ipv4(address),
            Host::Ipv6(address) => Host::Ipv6(address),
        };
        Ok(Target { host, port, is_default_port: url.port().is_none() })
    }
}

impl Display for Target {
    /// `example.com`, or `example.com:8443` if that is not the port of its scheme.
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        self.host.fmt(formatter)?;
        if self.is_default_port { Ok(()) } else { write!(formatter, ":{}", self.port) }
    }
}

/// A name may end in the dot of the root.
pub(crate) fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Whether two URLs have one origin, so that what is meant for one may be sent to the other.
pub(crate) fn is_same_origin(one: &Url, other: &Url) -> bool {
    match (one.origin(), other.origin()) {
        (one @ Origin::Tuple(..), other) => one == other,
        (Origin::Opaque(_), _) => false,
    }
}
