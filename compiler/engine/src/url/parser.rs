//! The basic URL parser of the standard. Its states are the methods of [`Parser`], by the names that the
//! standard gives them; where it reads a character and goes back, these look ahead.
//!
//! It works on bytes: all that delimits is ASCII, and whatever else is percent-encoded or the host's.

use std::borrow::Cow;

use super::host;
use super::percent::{self, Set};
use super::record::{
    Part, Url, default_port, is_drive_letter, is_normalized_drive_letter, is_special,
};

/// The bytes of an input without those that a URL never has.
pub(super) fn kept(input: &str) -> Cow<'_, [u8]> {
    let is_kept = |byte: &u8| !matches!(byte, b'\t' | b'\n' | b'\r');
    match input.as_bytes() {
        bytes if bytes.iter().all(is_kept) => Cow::Borrowed(bytes),
        bytes => bytes.iter().copied().filter(is_kept).collect(),
    }
}

/// What is left of the input, and the URL as far as it is known.
pub(super) struct Parser<'a> {
    rest: &'a [u8],
    url: Url,
    /// The part that is being set, if the URL was there before.
    part: Option<Part>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(input: &'a [u8], url: Url, part: Option<Part>) -> Parser<'a> {
        Parser { rest: input, url, part }
    }

    pub(super) fn parse(mut self, base: Option<&Url>) -> Option<Url> {
        match self.scheme() {
            Some(scheme) => {
                self.url.scheme = scheme;
                self.after_scheme(base)?;
            }
            None => self.no_scheme(base?)?,
        }
        Some(self.url)
    }

    /// Sets the part. A failure leaves what has been set before it.
    pub(super) fn set(mut self) -> Url {
        match self.part {
            Some(Part::Protocol) => self.set_scheme(),
            Some(Part::Host | Part::Hostname) => drop(self.host()),
            Some(Part::Port) => drop(self.port()),
            Some(Part::Pathname) => self.path_start(),
            Some(Part::Search) => self.query(),
            Some(Part::Hash) => self.fragment(),
            Some(Part::Username | Part::Password) | None => {
                unreachable!("these are set without a parser")
            }
        }
        self.url
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn skip(&mut self, len: usize) {
        self.rest = &self.rest[len..];
    }

    /// A slash, or what a special URL takes for one.
    fn is_slash(&self, byte: u8) -> bool {
        byte == b'/' || (byte == b'\\' && self.url.is_special())
    }

    fn at_slash(&self) -> bool {
        self.peek().is_some_and(|byte| self.is_slash(byte))
    }

    /// Takes the bytes up to the first for which this holds, or all.
    fn take_until(&mut self, is_end: impl Fn(&Parser<'_>, u8) -> bool) -> &'a [u8] {
        let rest = self.rest;
        let len = rest.iter().position(|byte| is_end(self, *byte)).unwrap_or(rest.len());
        self.skip(len);
        &rest[..len]
    }

    fn ends_authority(&self, byte: u8) -> bool {
        self.is_slash(byte) || matches!(byte, b'?' | b'#')
    }

    /// Takes the scheme and its colon, if there is one.
    fn scheme(&mut self) -> Option<String> {
        let colon = self.rest.iter().position(|byte| *byte == b':')?;
        let scheme = &self.rest[..colon];
        let is_scheme = scheme.first()?.is_ascii_alphabetic()
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
        if !is_scheme {
            return None;
        }
        self.skip(colon + 1);
        Some(String::from_utf8_lossy(scheme).to_ascii_lowercase())
    }

    fn set_scheme(&mut self) {
        let Some(scheme) = self.scheme() else { return };
        let url = &mut self.url;
        let has_authority = url.has_credentials() || url.port.is_some();
        let has_empty_host = url.host.as_deref() == Some("");
        if url.is_special() != is_special(&scheme)
            || (scheme == "file" && has_authority)
            || (url.is_file() && has_empty_host)
        {
            return;
        }
        if url.port == default_port(&scheme) {
            url.port = None;
        }
        url.scheme = scheme;
    }

    fn after_scheme(&mut self, base: Option<&Url>) -> Option<()> {
        if self.url.is_file() {
            self.file(base)
        } else if self.url.is_special() {
            match base {
                Some(base) if base.scheme == self.url.scheme && !self.rest.starts_with(b"//") => {
                    self.relative(base)
                }
                _ => self.authority_after_slashes(),
            }
        } else if self.rest.starts_with(b"//") {
            self.skip(2);
            self.authority()
        } else if self.peek() == Some(b'/') {
            self.skip(1);
            self.path();
            Some(())
        } else {
            self.opaque_path();
            Some(())
        }
    }

    fn no_scheme(&mut self, base: &Url) -> Option<()> {
        if base.has_opaque_path {
            if self.peek() != Some(b'#') {
                return None;
            }
            self.url = Url { fragment: None, ..base.clone() };
            self.query_or_fragment();
            return Some(());
        }
        if base.is_file() {
            self.url.scheme = "file".to_owned();
            self.file(Some(base))
        } else {
            self.relative(base)
        }
    }

    fn relative(&mut self, base: &Url) -> Option<()> {
        self.url.scheme.clone_from(&base.scheme);
        if self.at_slash() {
            self.skip(1);
            if self.at_slash() {
                if self.url.is_special() {
                    return self.authority_after_slashes();
                }
                self.skip(1);
                return self.authority();
            }
            self.url = Url { path: String::new(), query: None, fragment: None, ..base.clone() };
            self.path();
            return Some(());
        }
        self.url = Url { fragment: None, ..base.clone() };
        self.after_base();
        Some(())
    }

    /// A query, a fragment or a path that goes on from that of the base; or nothing.
    fn after_base(&mut self) {
        match self.peek() {
            Some(b'?' | b'#') => {
                if self.peek() == Some(b'?') {
                    self.url.query = None;
                }
                self.query_or_fragment();
            }
            Some(_) => {
                self.url.query = None;
                if self.url.is_file() && starts_with_drive_letter(self.rest) {
                    self.url.path.clear();
                } else {
                    self.url.shorten();
                }
                self.path();
            }
            None => {}
        }
    }

    fn authority_after_slashes(&mut self) -> Option<()> {
        while self.at_slash() {
            self.skip(1);
        }
        self.authority()
    }

    fn authority(&mut self) -> Option<()> {
        let rest = self.rest;
        let end = rest.iter().position(|byte| self.ends_authority(*byte)).unwrap_or(rest.len());
        if let Some(sign) = rest[..end].iter().rposition(|byte| *byte == b'@') {
            if sign + 1 == end {
                return None;
            }
            let userinfo = &rest[..sign];
            let colon = userinfo.iter().position(|byte| *byte == b':').unwrap_or(sign);
            let username = percent::encode(&userinfo[..colon], Set::USERINFO);
            let password =
                percent::encode(userinfo.get(colon + 1..).unwrap_or_default(), Set::USERINFO);
            (self.url.username, self.url.password) = (username, password);
            self.skip(sign + 1);
        }
        self.host()
    }

    /// Host and port, then the path; while setting, what there is of them.
    fn host(&mut self) -> Option<()> {
        if self.part.is_some() && self.url.is_file() {
            return self.file_host();
        }
        let mut is_bracketed = false;
        let rest = self.rest;
        let len = rest
            .iter()
            .position(|byte| {
                match byte {
                    b'[' => is_bracketed = true,
                    b']' => is_bracketed = false,
                    _ => {}
                }
                self.ends_authority(*byte) || (*byte == b':' && !is_bracketed)
            })
            .unwrap_or(rest.len());
        let name = &rest[..len];
        self.skip(len);
        let has_port = self.peek() == Some(b':');
        if name.is_empty() {
            let is_needed = has_port
                || self.url.is_special()
                || (self.part.is_some() && (self.url.has_credentials() || self.url.port.is_some()));
            if is_needed {
                return None;
            }
        }
        if has_port && self.part == Some(Part::Hostname) {
            return None;
        }
        self.url.host = Some(if name.is_empty() {
            String::new()
        } else {
            host::parse(name, !self.url.is_special())?
        });
        if has_port {
            self.skip(1);
            return self.port();
        }
        if self.part.is_none() {
            self.path_start();
        }
        Some(())
    }

    fn port(&mut self) -> Option<()> {
        let digits = self.take_until(|_, byte| !byte.is_ascii_digit());
        let is_end = self.peek().is_none_or(|byte| self.ends_authority(byte));
        if !is_end && self.part.is_none() {
            return None;
        }
        if !digits.is_empty() {
            let add = |port: u32, digit: &u8| {
                let port = port * 10 + u32::from(digit - b'0');
                (port <= u32::from(u16::MAX)).then_some(port)
            };
            let port = u16::try_from(digits.iter().try_fold(0, add)?).ok();
            self.url.port = if port == default_port(&self.url.scheme) { None } else { port };
        }
        if self.part.is_none() {
            self.path_start();
        }
        Some(())
    }

    fn file(&mut self, base: Option<&Url>) -> Option<()> {
        let base = base.filter(|base| base.is_file());
        self.url.host = Some(String::new());
        if !self.at_slash() {
            match base {
                Some(base) => {
                    self.url = Url { fragment: None, ..base.clone() };
                    self.after_base();
                }
                None => self.path(),
            }
            return Some(());
        }
        self.skip(1);
        if self.at_slash() {
            self.skip(1);
            return self.file_host();
        }
        if let Some(base) = base {
            self.url.host.clone_from(&base.host);
            let drive = base.path.split('/').nth(1).unwrap_or_default();
            if is_normalized_drive_letter(drive.as_bytes()) && !starts_with_drive_letter(self.rest)
            {
                self.url.path.push('/');
                self.url.path.push_str(drive);
            }
        }
        self.path();
        Some(())
    }

    fn file_host(&mut self) -> Option<()> {
        let start = self.rest;
        let name = self.take_until(|parser, byte| parser.ends_authority(byte));
        if self.part.is_none() && is_drive_letter(name) {
            // `file://C:/` has no host.
            self.rest = start;
            self.path();
            return Some(());
        }
        let host = if name.is_empty() { String::new() } else { host::parse(name, false)? };
        self.url.host = Some(if host == "localhost" { String::new() } else { host });
        if self.part.is_none() {
            self.path_start();
        }
        Some(())
    }

    fn path_start(&mut self) {
        if self.at_slash() {
            self.skip(1);
            self.path();
        } else if self.url.is_special() {
            self.path();
        } else {
            match self.peek() {
                Some(b'?' | b'#') if self.part.is_none() => self.query_or_fragment(),
                Some(_) => self.path(),
                None if self.part.is_some() && self.url.host.is_none() => {
                    self.url.path.push('/');
                }
                None => {}
            }
        }
    }

    fn path(&mut self) {
        loop {
            let is_set = self.part.is_some();
            let segment = self.take_until(|parser, byte| {
                parser.is_slash(byte) || (!is_set && matches!(byte, b'?' | b'#'))
            });
            let is_last = !self.at_slash();
            match dots(segment) {
                Some(count) => {
                    if count == 2 {
                        self.url.shorten();
                    }
                    if is_last {
                        self.url.path.push('/');
                    }
                }
                None => self.push(segment),
            }
            if is_last {
                break;
            }
            self.skip(1);
        }
        self.query_or_fragment();
    }

    fn push(&mut self, segment: &[u8]) {
        let is_drive = self.url.is_file() && self.url.path.is_empty() && is_drive_letter(segment);
        self.url.path.push('/');
        if is_drive {
            self.url.path.push(char::from(segment[0]));
            self.url.path.push(':');
        } else {
            percent::encode_onto(&mut self.url.path, segment, Set::PATH);
        }
    }

    fn opaque_path(&mut self) {
        let path = self.take_until(|_, byte| matches!(byte, b'?' | b'#'));
        let mut path = percent::encode(path, Set::C0_CONTROL);
        // A space at its end would be lost where the URL is parsed again.
        if self.peek().is_some() && path.ends_with(' ') {
            path.pop();
            path += "%20";
        }
        self.url.path = path;
        self.url.has_opaque_path = true;
        self.query_or_fragment();
    }

    /// What follows a path.
    fn query_or_fragment(&mut self) {
        if self.peek() == Some(b'?') {
            self.skip(1);
            self.query();
        }
        if self.peek() == Some(b'#') {
            self.skip(1);
            self.fragment();
        }
    }

    fn query(&mut self) {
        let is_set = self.part.is_some();
        let query = self.take_until(|_, byte| byte == b'#' && !is_set);
        let set = if self.url.is_special() { Set::SPECIAL_QUERY } else { Set::QUERY };
        self.url.query = Some(percent::encode(query, set));
    }

    fn fragment(&mut self) {
        let fragment = self.take_until(|_, _| false);
        self.url.fragment = Some(percent::encode(fragment, Set::FRAGMENT));
    }
}

fn starts_with_drive_letter(rest: &[u8]) -> bool {
    rest.get(..2).is_some_and(is_drive_letter)
        && rest.get(2).is_none_or(|next| b"/\\?#".contains(next))
}

/// 1 for a segment that stays where it is, 2 for one that goes up.
fn dots(mut segment: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !segment.is_empty() {
        segment = match segment {
            [b'.', rest @ ..] | [b'%', b'2', b'e' | b'E', rest @ ..] => rest,
            _ => return None,
        };
        count += 1;
    }
    (1..=2).contains(&count).then_some(count)
}
