//! The proxy that requests go through, if there is one.
//!
//! It resolves the names, so grants are checked on names and on addresses in URLs, but not on the
//! addresses that names have.

use std::fmt::{self, Debug, Formatter};
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

/// An HTTP proxy: `http://proxy.example:3128`, with a user name and a password before the host if it wants
/// them.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Scheme, host and port.
    pub(crate) address: Uri,
    /// What `proxy-authorization` says.
    pub(crate) authorization: Option<HeaderValue>,
}

/// Why a text names no proxy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write the proxy as http://proxy.example:3128; no other kind is supported")]
pub struct ProxyError;

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Proxy, ProxyError> {
        let url: Url = text.parse().map_err(|_error| ProxyError)?;
        let has_path = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(ProxyError);
        };
        if url.scheme() != "http" || has_path {
            return Err(ProxyError);
        }
        let address = format!("http://{host}:{port}/").parse().map_err(|_error| ProxyError)?;
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let [user, password] = [url.username(), url.password().unwrap_or_default()]
                .map(|part| percent_decode_str(part).collect::<Vec<u8>>());
            let pair = BASE64_STANDARD.encode([user.as_slice(), b":", &password].concat());
            let mut value = HeaderValue::from_str(&format!("Basic {pair}"))
                .expect("base64 is valid in a header");
            value.set_sensitive(true);
            value
        });
        Ok(Proxy { address, authorization })
    }
}

impl Debug for Proxy {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::{Proxy, ProxyError};

    #[test]
    fn a_proxy_is_an_http_url_without_a_path() {
        let proxy: Proxy = "http://proxy.example:3128".parse().expect("a proxy");
        assert_eq!(proxy.address, "http://proxy.example:3128/");
        assert_eq!(proxy.authorization, None);
        let proxy: Proxy = "http://[::1]/".parse().expect("a proxy");
        assert_eq!(proxy.address, "http://[::1]:80/");
        for bad in
            ["", "proxy.example", "proxy.example:3128", "https://p.example", "socks5://p.example"]
        {
            assert_eq!(bad.parse::<Proxy>(), Err(ProxyError), "{bad}");
        }
        assert_eq!("http://p.example/path".parse::<Proxy>(), Err(ProxyError));
    }

    #[test]
    fn the_password_of_a_proxy_is_sent_to_it_and_printed_nowhere() {
        let proxy: Proxy = "http://user:p%40ss@proxy.example:3128".parse().expect("a proxy");
        let sent = proxy.authorization.as_ref().expect("it is sent");
        assert_eq!(sent, "Basic dXNlcjpwQHNz");
        assert_eq!(format!("{proxy:?}"), "Proxy(http://proxy.example:3128/)");
        assert_eq!(format!("{sent:?}"), "Sensitive");
    }
}
