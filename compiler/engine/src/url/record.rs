//! The record of a URL, and what its scheme says of it.

/// Schemes that the standard calls special, with their default ports.
const SPECIAL: [(&str, Option<u16>); 6] = [
    ("ftp", Some(21)),
    ("file", None),
    ("http", Some(80)),
    ("https", Some(443)),
    ("ws", Some(80)),
    ("wss", Some(443)),
];

/// A URL record.
#[derive(Clone, Default)]
pub(crate) struct Url {
    pub(super) scheme: String,
    pub(super) username: String,
    pub(super) password: String,
    /// As it is written, in brackets if it is an IPv6 address.
    pub(super) host: Option<String>,
    /// Unless it is the default of the scheme.
    pub(super) port: Option<u16>,
    /// Opaque, or segments with a slash before each.
    pub(super) path: String,
    pub(super) has_opaque_path: bool,
    pub(super) query: Option<String>,
    pub(super) fragment: Option<String>,
}

/// A part that can be set by itself. `href` is not among them: setting it is parsing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Protocol,
    Username,
    Password,
    Host,
    Hostname,
    Port,
    Pathname,
    Search,
    Hash,
}

impl Part {
    /// The part that JavaScript calls by this name.
    pub(crate) fn named(name: &str) -> Option<Part> {
        Some(match name {
            "protocol" => Part::Protocol,
            "username" => Part::Username,
            "password" => Part::Password,
            "host" => Part::Host,
            "hostname" => Part::Hostname,
            "port" => Part::Port,
            "pathname" => Part::Pathname,
            "search" => Part::Search,
            "hash" => Part::Hash,
            _ => return None,
        })
    }
}

impl Url {
    pub(super) fn is_special(&self) -> bool {
        is_special(&self.scheme)
    }

    pub(super) fn is_file(&self) -> bool {
        self.scheme == "file"
    }

    pub(super) fn has_credentials(&self) -> bool {
        !self.username.is_empty() || !self.password.is_empty()
    }

    pub(super) fn may_have_credentials(&self) -> bool {
        !self.is_file() && self.host.as_ref().is_some_and(|host| !host.is_empty())
    }

    /// Removes the last segment, but for the drive letter of a file.
    pub(super) fn shorten(&mut self) {
        let is_drive = self.is_file()
            && self
                .path
                .strip_prefix('/')
                .is_some_and(|path| is_normalized_drive_letter(path.as_bytes()));
        if !is_drive {
            self.path.truncate(self.path.rfind('/').unwrap_or(0));
        }
    }
}

pub(super) fn is_special(scheme: &str) -> bool {
    SPECIAL.iter().any(|(special, _)| *special == scheme)
}

pub(super) fn default_port(scheme: &str) -> Option<u16> {
    SPECIAL.iter().find(|(special, _)| *special == scheme).and_then(|(_, port)| *port)
}

pub(super) fn is_drive_letter(text: &[u8]) -> bool {
    matches!(text, [letter, b':' | b'|'] if letter.is_ascii_alphabetic())
}

pub(super) fn is_normalized_drive_letter(text: &[u8]) -> bool {
    is_drive_letter(text) && text[1] == b':'
}
