//! URLs as the standard of WHATWG has them: how they are parsed, their parts as JavaScript reads them, and
//! setters. The record itself is in [`record`], the parser in [`parser`]. None of it knows of JavaScript.
//!
//! The crate `url` (2.5) was here before. Of the 1,143 cases that web-platform-tests have for parsing and
//! setting, it fails 72: what `file:` URLs can be, paths that begin with `//`, and several setters.

mod host;
mod parser;
mod percent;
mod record;

use parser::Parser;
use percent::Set;
pub(crate) use record::{Part, Url};

impl Url {
    /// Parses a URL, against a base if there is one.
    pub(crate) fn parse(input: &str, base: Option<&Url>) -> Option<Url> {
        // C0 controls and spaces around it belong to whoever has copied it.
        let input = parser::kept(input.trim_matches(|c| c <= ' '));
        Parser::new(&input, Url::default(), None).parse(base)
    }

    /// Sets a part as JavaScript's setters do; a value that is refused changes nothing, or only what
    /// comes before the fault, as the standard has it.
    pub(crate) fn set(self, part: Part, value: &str) -> Url {
        let mut url = self;
        let value = match part {
            Part::Username | Part::Password | Part::Port if !url.may_have_credentials() => {
                return url;
            }
            Part::Host | Part::Hostname | Part::Pathname if url.has_opaque_path => return url,
            Part::Username => {
                url.username = percent::encode(value.as_bytes(), Set::USERINFO);
                return url;
            }
            Part::Password => {
                url.password = percent::encode(value.as_bytes(), Set::USERINFO);
                return url;
            }
            Part::Port if value.is_empty() => return Url { port: None, ..url },
            Part::Search if value.is_empty() => return Url { query: None, ..url },
            Part::Hash if value.is_empty() => return Url { fragment: None, ..url },
            Part::Search => value.strip_prefix('?').unwrap_or(value),
            Part::Hash => value.strip_prefix('#').unwrap_or(value),
            Part::Pathname => {
                url.path.clear();
                value
            }
            Part::Protocol => &format!("{value}:"),
            Part::Host | Part::Hostname | Part::Port => value,
        };
        Parser::new(&parser::kept(value), url, Some(part)).set()
    }

    /// Href, origin, protocol, username, password, host, hostname, port, pathname, search and hash.
    pub(crate) fn parts(self) -> [String; 11] {
        let href = self.href();
        let origin = self.origin();
        let port = self.port.map(|port| port.to_string()).unwrap_or_default();
        let hostname = self.host.unwrap_or_default();
        let host = if port.is_empty() { hostname.clone() } else { format!("{hostname}:{port}") };
        let after = |mark: &str, part: Option<String>| match part {
            Some(part) if !part.is_empty() => format!("{mark}{part}"),
            _ => String::new(),
        };
        [
            href,
            origin,
            self.scheme + ":",
            self.username,
            self.password,
            host,
            hostname,
            port,
            self.path,
            after("?", self.query),
            after("#", self.fragment),
        ]
    }

    fn href(&self) -> String {
        let mut href = format!("{}:", self.scheme);
        if let Some(host) = &self.host {
            href += "//";
            if self.has_credentials() {
                href += &self.username;
                if !self.password.is_empty() {
                    href += ":";
                    href += &self.password;
                }
                href += "@";
            }
            href += host;
            if let Some(port) = self.port {
                href += ":";
                href += &port.to_string();
            }
        } else if !self.has_opaque_path && self.path.starts_with("//") {
            // Or what follows would be read as a host.
            href += "/.";
        }
        href += &self.path;
        for (mark, part) in [("?", &self.query), ("#", &self.fragment)] {
            if let Some(part) = part {
                href += mark;
                href += part;
            }
        }
        href
    }

    fn origin(&self) -> String {
        match &*self.scheme {
            "blob" if self.has_opaque_path => match Url::parse(&self.path, None) {
                Some(inner) if matches!(&*inner.scheme, "http" | "https") => inner.origin(),
                _ => "null".to_owned(),
            },
            "http" | "https" | "ws" | "wss" | "ftp" => {
                let host = self.host.as_deref().unwrap_or_default();
                match self.port {
                    Some(port) => format!("{}://{host}:{port}", self.scheme),
                    None => format!("{}://{host}", self.scheme),
                }
            }
            _ => "null".to_owned(),
        }
    }
}
