//! Grants: the hosts that an operator allows requests to, as `--allow-fetch` takes them.
//!
//! | grant | allows |
//! |---|---|
//! | `api.example.com` | that name, whatever address it has |
//! | `10.1.2.3`, `[fd00::1]` | that address, also as the address of a name that a wildcard allows |
//! | `*.example.com` | every name with one label or more before `.example.com`, at public addresses |
//! | `*` | every name and address that is public |
//!
//! With `:PORT` it is that port alone, without one every port, as for Deno's `--allow-net`; a wildcard
//! without a port leaves out the ports that no browser calls (`bad_port`).

mod bad_port;
mod error;

use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use url::Host;

use self::bad_port::is_bad;
pub use self::error::{GrantError, ListError};
use crate::address::{canonical, is_public};
use crate::request::{Target, without_dot};

/// A host, or a family of hosts, that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pattern: Pattern,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    /// `*`
    Any,
    /// `*.example.com`, held as `.example.com`.
    Below(String),
    Name(String),
    Address(IpAddr),
}

/// All that may be called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    grants: Vec<Grant>,
    /// Whether hosts that no grant names may be called too.
    is_open: bool,
}

/// How a host is covered by grants. It decides which of its addresses may be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cover {
    /// Its operator has named it.
    Named,
    Wildcard,
    /// No grant names it, and everything is allowed.
    Open,
}

/// Why a host may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoGrant,
    /// Its address is internal, and a wildcard allows public ones.
    Internal,
    /// A wildcard does not cover this port.
    BadPort,
}

impl Grants {
    /// Allows these.
    pub fn new(grants: Vec<Grant>) -> Grants {
        Grants { grants, is_open: false }
    }

    /// Allows every host, at internal addresses too, and knows which of them these grants would allow.
    pub fn open_beyond(grants: Vec<Grant>) -> Grants {
        Grants { grants, is_open: true }
    }

    /// Whether nothing may be called.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty() && !self.is_open
    }

    /// How a host is covered. An address in place of a name is checked at once, a name's address when it
    /// is known ([`covers`](Self::covers)).
    pub(crate) fn find(&self, target: &Target) -> Result<Cover, Refusal> {
        let of_port = |grant: &&Grant| grant.port.is_none_or(|port| port == target.port);
        let mut matching =
            self.grants.iter().filter(of_port).filter(|grant| grant.pattern.matches(&target.host));
        let mut refusal = Refusal::NoGrant;
        let found = matching.try_fold(None, |wildcard, grant| {
            if grant.pattern.is_name() {
                return Err(Cover::Named);
            }
            if grant.port.is_none() && is_bad(target.port) {
                refusal = Refusal::BadPort;
                return Ok(wildcard);
            }
            Ok(Some(Cover::Wildcard))
        });
        match found {
            Err(named) => Ok(named),
            _ if self.is_open => Ok(Cover::Open),
            Ok(None) => Err(refusal),
            Ok(Some(cover)) => match address_of(&target.host) {
                Some(address) if !self.covers(cover, address, target.port) => {
                    Err(Refusal::Internal)
                }
                // Through a proxy no address is seen.
                None if is_localhost(&target.host) => Err(Refusal::Internal),
                _ => Ok(cover),
            },
        }
    }

    /// Whether a host that is covered in this way may be connected to at this address.
    pub(crate) fn covers(&self, cover: Cover, address: IpAddr, port: u16) -> bool {
        match cover {
            Cover::Named | Cover::Open => true,
            Cover::Wildcard => {
                let named = Pattern::Address(canonical(address));
                is_public(address)
                    || self.grants.iter().any(|grant| {
                        grant.pattern == named && grant.port.is_none_or(|only| only == port)
                    })
            }
        }
    }

    /// Reads a list of grants: one a line, `#` begins a comment.
    ///
    /// # Errors
    /// When a line holds no grant.
    pub fn parse_list(text: &str) -> Result<Vec<Grant>, ListError> {
        let lines = text.lines().enumerate().map(|(index, line)| {
            let grant = line.split('#').next().unwrap_or_default().trim();
            (index + 1, grant)
        });
        lines
            .filter(|(_, grant)| !grant.is_empty())
            .map(|(line, grant)| grant.parse().map_err(|error| ListError { line, error }))
            .collect()
    }
}

impl Display for Grants {
    /// `api.example.com, *.example.org:8443`
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut grants: Vec<String> = self.grants.iter().map(Grant::to_string).collect();
        if self.is_open {
            grants = vec!["every host".to_owned()];
        } else if grants.is_empty() {
            grants = vec!["none".to_owned()];
        }
        formatter.write_str(&grants.join(", "))
    }
}

impl Pattern {
    fn is_name(&self) -> bool {
        matches!(self, Pattern::Name(_) | Pattern::Address(_))
    }

    fn matches(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Pattern::Any, _) => true,
            (Pattern::Below(suffix), Host::Domain(name)) => {
                name.len() > suffix.len() && name.ends_with(suffix.as_str())
            }
            (Pattern::Name(granted), Host::Domain(name)) => granted == name,
            (Pattern::Address(granted), host) => {
                address_of(host).is_some_and(|address| canonical(address) == *granted)
            }
            (Pattern::Below(_) | Pattern::Name(_), Host::Ipv4(_) | Host::Ipv6(_)) => false,
        }
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Grant, GrantError> {
        if text.trim().is_empty() {
            return Err(GrantError::Empty);
        }
        if text.contains("://") {
            return Err(GrantError::Scheme);
        }
        if text.contains(['/', '?', '#', '@']) || text.contains(char::is_whitespace) {
            return Err(GrantError::NotAHost(text.to_owned()));
        }
        // An IPv6 address without brackets has no port.
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            let address = canonical(IpAddr::V6(address));
            return Ok(Grant { pattern: Pattern::Address(address), port: None });
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port_of(port)?)),
            _ => (text, None),
        };
        let pattern = match host.strip_prefix('*') {
            Some("") => Pattern::Any,
            Some(suffix) if suffix.starts_with('.') && !suffix.contains('*') => {
                Pattern::Below(format!(".{}", name_of(&suffix[1..], text)?))
            }
            _ if host.contains('*') => return Err(GrantError::Star),
            _ => match parse_host(host, text)? {
                Host::Domain(name) => Pattern::Name(name),
                Host::Ipv4(address) => Pattern::Address(IpAddr::V4(address)),
                Host::Ipv6(address) => Pattern::Address(canonical(IpAddr::V6(address))),
            },
        };
        Ok(Grant { pattern, port })
    }
}

impl Display for Grant {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match &self.pattern {
            Pattern::Any => formatter.write_str("*")?,
            Pattern::Below(suffix) => write!(formatter, "*{suffix}")?,
            Pattern::Name(name) => formatter.write_str(name)?,
            Pattern::Address(IpAddr::V4(address)) => address.fmt(formatter)?,
            Pattern::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]")?,
        }
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

fn port_of(text: &str) -> Result<u16, GrantError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| is_number && *port > 0);
    port.ok_or_else(|| GrantError::Port(text.to_owned()))
}

/// Reads a host as a URL would: `bücher.example` becomes `xn--bcher-kva.example`.
fn parse_host(host: &str, whole: &str) -> Result<Host<String>, GrantError> {
    let parsed = Host::parse(host).map_err(|_error| GrantError::NotAHost(whole.to_owned()))?;
    match parsed {
        Host::Domain(name) => match without_dot(&name) {
            "" => Err(GrantError::NotAHost(whole.to_owned())),
            name => Ok(Host::Domain(name.to_owned())),
        },
        address => Ok(address),
    }
}

fn name_of(host: &str, whole: &str) -> Result<String, GrantError> {
    match parse_host(host, whole)? {
        Host::Domain(name) => Ok(name),
        _ => Err(GrantError::Star),
    }
}

fn address_of(host: &Host<String>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address)),
    }
}

/// RFC 6761, section 6.3: all names under `localhost` are this machine.
fn is_localhost(host: &Host<String>) -> bool {
    matches!(host, Host::Domain(name) if name == "localhost" || name.ends_with(".localhost"))
}

#[cfg(test)]
mod tests;
