//! The servers that a handler names: the hosts of URLs that are written down, as far as the handler's own code calls
//! out to them.

use std::collections::BTreeSet;

use crate::code::{Expression, Value};
use crate::effects::FETCH;
use crate::model::HandlerModel;
use crate::resolve::Meaning;
use crate::span::ModuleId;

/// Most parts of all URLs that are looked at for one call.
const MAX_PARTS: usize = 256;

/// Longer texts are no part of a URL that is written down.
const MAX_TEXT_BYTES: usize = 1_024;

/// The property by which clients of services are told where those are.
const BASE_URL: &str = "baseurl";

impl HandlerModel {
    /// The hosts that are known of what the handler fetches or streams, sorted, as `--allow-fetch` takes them:
    /// `api.example.com`, `127.0.0.1:8080`.
    pub fn hosts(&self) -> Vec<String> {
        let mut hosts = BTreeSet::new();
        for (module, call) in self.calls() {
            let is_own = self.module(module).name.package().is_none();
            let url = match self.meaning(module, &call.callee) {
                Meaning::Global(name) if name == FETCH || name == "Request" => {
                    call.arguments.first()
                }
                Meaning::Api(function) => {
                    let place = function.parameters.iter().position(|it| it.name == "url");
                    place.and_then(|place| call.arguments.get(place))
                }
                _ => None,
            };
            let of_client = call.arguments.iter().filter_map(|it| base_url(it));
            for url in url.into_iter().chain(of_client).filter(|_| is_own) {
                let mut beginnings = Vec::new();
                self.beginnings(module, url, &mut { MAX_PARTS }, &mut beginnings);
                hosts.extend(beginnings.iter().filter_map(|(text, is_all)| host(text, *is_all)));
            }
        }
        hosts.into_iter().collect()
    }

    /// What the texts that an expression may be begin with, each with whether that is all of it.
    fn beginnings(
        &self,
        module: ModuleId,
        expression: &Expression,
        parts: &mut usize,
        found: &mut Vec<(String, bool)>,
    ) {
        // `new URL(path, base).href`, `url.toString()`
        if let Some(url) = self.written_out(module, expression) {
            return self.beginnings(module, url, parts, found);
        }
        for (_, meaning) in self.possible_values(module, expression) {
            let Some(left) = parts.checked_sub(1) else { return };
            *parts = left;
            let Meaning::Value(module, value) = meaning else { continue };
            match &value.value {
                Value::Text(text) if text.len() > MAX_TEXT_BYTES => {}
                Value::Text(text) => found.push((text.clone(), true)),
                Value::Joined(pieces) => self.joined(module, pieces, parts, found),
                Value::Call(call) => {
                    let call = &self.module(module).code[*call];
                    let Meaning::Global(name) = self.meaning(module, &call.callee) else {
                        continue;
                    };
                    if matches!(name.as_str(), "URL" | "Request" | "String" | "URL.parse") {
                        // A path comes after the base; an address of its own takes the place of it.
                        let is_url = name.starts_with("URL");
                        let base = call.arguments.get(1).filter(|_| is_url);
                        let from = found.len();
                        for argument in call.arguments.first().into_iter().chain(base) {
                            self.beginnings(module, argument, parts, found);
                        }
                        found[from..].iter_mut().for_each(|(_, is_all)| *is_all |= base.is_some());
                    }
                }
                _ => {}
            }
        }
    }

    /// The URL of which an expression is the text.
    fn written_out<'a>(&'a self, module: ModuleId, text: &'a Expression) -> Option<&'a Expression> {
        let (of, wanted) = match &text.value {
            Value::Call(call) => (&self.module(module).code[*call].callee, "toString"),
            _ => (text, "href"),
        };
        match &of.value {
            Value::Member(object, Some(name)) if name == wanted => Some(object),
            _ => None,
        }
    }

    /// The same of texts that are put together.
    fn joined(
        &self,
        module: ModuleId,
        pieces: &[Expression],
        parts: &mut usize,
        found: &mut Vec<(String, bool)>,
    ) {
        let mut text = String::new();
        for piece in pieces {
            let mut of_piece = Vec::new();
            self.beginnings(module, piece, parts, &mut of_piece);
            match of_piece.as_slice() {
                [(piece, is_all)] => {
                    text.push_str(piece);
                    if !is_all || text.len() > MAX_TEXT_BYTES {
                        return found.push((text, false));
                    }
                }
                _ => return found.push((text, false)),
            }
        }
        found.push((text, true));
    }
}

/// `{ baseURL: "https://…" }`
fn base_url(options: &Expression) -> Option<&Expression> {
    let Value::Object { properties, is_class: false } = &options.value else { return None };
    properties.iter().find_map(|(name, value)| {
        let name = name.as_ref()?.replace('_', "").to_ascii_lowercase();
        (name == BASE_URL).then_some(value)
    })
}

/// The host of a URL whose beginning is known, with its port unless that is the scheme's own.
fn host(url: &str, is_all: bool) -> Option<String> {
    let url = url.trim_start();
    let (scheme, rest) = url.split_once("://")?;
    let own_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => return None,
    };
    let end = match rest.find(['/', '?', '#', '\\']) {
        Some(end) => end,
        // What follows may go on with the host.
        None if !is_all => return None,
        None => rest.len(),
    };
    let authority = &rest[..end];
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase();
    let is_plain = |it: char| it.is_ascii_alphanumeric() || ".-_:[]".contains(it);
    if host.is_empty() || !host.chars().all(is_plain) {
        return None;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port == own_port || port.is_empty() => Some(name.to_owned()),
        _ => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn the_host_of_a_url_is_known_when_its_end_is() {
        let of = |url: &str| host(url, false);
        assert_eq!(of("https://API.example.com/v1").as_deref(), Some("api.example.com"));
        assert_eq!(of("http://127.0.0.1:8080/").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(of("https://example.com:443/a").as_deref(), Some("example.com"));
        assert_eq!(of("http://example.com:443/a").as_deref(), Some("example.com:443"));
        assert_eq!(of("https://user:pass@example.com?q").as_deref(), Some("example.com"));
        assert_eq!(of("http://[::1]:8080/").as_deref(), Some("[::1]:8080"));
        for unknown in ["https://api.", "https://api.example.com", "/path", "room:/a", "https:///"]
        {
            assert_eq!(of(unknown), None, "{unknown}");
        }
        assert_eq!(host("https://api.example.com", true).as_deref(), Some("api.example.com"));
    }
}
