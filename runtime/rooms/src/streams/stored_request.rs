//! The form in which the request of a stream is stored.
//!
//! What an operator gives with `--env` is not in it: where a value stands in the request, its name is stored, with the
//! place. A place, and no mark in the text, because whoever writes into a request could write a mark too.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zigttp_sandbox::outgoing::{OutgoingRequest, Redirect};
use zigttp_sandbox::stream::{Cut, StreamRequest};
use zigttp_store::state::streams::StreamRequest as Stored;

use crate::settings::Settings;

/// The shortest value that is hidden: a shorter one may stand anywhere by chance.
const MIN_HIDDEN_BYTES: usize = 8;

/// A request as it is stored, without its body.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredRequest {
    method: String,
    url: String,
    headers: String,
    redirect: StoredRedirect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut: Option<StoredCut>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<Hidden>,
}

/// Where a value was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Hidden {
    part: Part,
    /// In what is left of the part.
    at: usize,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Url,
    Headers,
    Body,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredRedirect {
    Follow,
    Manual,
    Error,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredCut {
    Events,
    Lines,
    Bytes,
}

impl StoredRequest {
    /// A request, without the values of these settings.
    pub fn of(StreamRequest { request, cut }: StreamRequest, settings: &Settings) -> Stored {
        let OutgoingRequest { method, url, headers, body, redirect, timeout: _ } = request;
        let mut hidden = Vec::new();
        let mut hide = |part: Part, text: &[u8]| -> Option<Vec<u8>> {
            let (left, values) = hide(text, settings);
            hidden.extend(values.into_iter().map(|(at, name)| Hidden { part, at, name }));
            left
        };
        // What is left of UTF-8 without UTF-8 is UTF-8.
        let text = |left: Vec<u8>| String::from_utf8_lossy(&left).into_owned();
        let url = hide(Part::Url, url.as_bytes()).map_or(url, text);
        let headers = hide(Part::Headers, headers.as_bytes()).map_or(headers, text);
        let body = body.map(|body| match hide(Part::Body, &body) {
            Some(left) => Bytes::from(left),
            None => body,
        });
        let redirect = match redirect {
            Redirect::Follow => StoredRedirect::Follow,
            Redirect::Manual => StoredRedirect::Manual,
            Redirect::Error => StoredRedirect::Error,
        };
        let cut = cut.map(|cut| match cut {
            Cut::Events => StoredCut::Events,
            Cut::Lines => StoredCut::Lines,
            Cut::Bytes => StoredCut::Bytes,
        });
        let stored = StoredRequest { method, url, headers, redirect, cut, hidden };
        let head = serde_json::to_string(&stored).expect("a request always serialises");
        Stored { head: head.into(), body }
    }

    /// The request, with the present values.
    ///
    /// # Errors
    /// When it is damaged, or a value is not there any more.
    pub fn restore(stored: Stored, settings: &Settings) -> Result<StreamRequest, String> {
        let damaged = || "its stored request is damaged".to_owned();
        let StoredRequest { method, url, headers, redirect, cut, hidden } =
            serde_json::from_str(&stored.head).map_err(|_| damaged())?;
        let show = |part: Part, text: &[u8]| {
            let of_part = hidden.iter().filter(|hidden| hidden.part == part);
            show(text, of_part, settings)
        };
        let show_text = |part, text: String| {
            String::from_utf8(show(part, text.as_bytes())?).map_err(|_| damaged())
        };
        let body = stored.body.map(|body| show(Part::Body, &body).map(Bytes::from)).transpose()?;
        let redirect = match redirect {
            StoredRedirect::Follow => Redirect::Follow,
            StoredRedirect::Manual => Redirect::Manual,
            StoredRedirect::Error => Redirect::Error,
        };
        let cut = cut.map(|cut| match cut {
            StoredCut::Events => Cut::Events,
            StoredCut::Lines => Cut::Lines,
            StoredCut::Bytes => Cut::Bytes,
        });
        let (url, headers) = (show_text(Part::Url, url)?, show_text(Part::Headers, headers)?);
        let request = OutgoingRequest { method, url, headers, body, redirect, timeout: None };
        Ok(StreamRequest { request, cut })
    }
}

/// A text without the values that it holds, and where they were; `None` if it holds none.
fn hide(text: &[u8], settings: &Settings) -> (Option<Vec<u8>>, Vec<(usize, String)>) {
    // Each with where it stands next.
    let mut values: Vec<_> = settings
        .iter()
        .filter(|(_, value)| value.len() >= MIN_HIDDEN_BYTES)
        .filter_map(|(name, value)| Some((memchr::memmem::find(text, value)?, value, name)))
        .collect();
    let (mut left, mut hidden, mut from) = (Vec::new(), Vec::new(), 0);
    // Of two at one place the longer one.
    while let Some((at, value, name)) =
        values.iter().min_by_key(|(at, value, _)| (*at, usize::MAX - value.len())).copied()
    {
        left.extend_from_slice(&text[from..at]);
        hidden.push((left.len(), name.to_owned()));
        from = at + value.len();
        values.retain_mut(|(next, value, _)| {
            if *next >= from {
                return true;
            }
            let found = memchr::memmem::find(&text[from..], value);
            *next = found.map_or(usize::MAX, |at| from + at);
            found.is_some()
        });
    }
    if hidden.is_empty() {
        return (None, hidden);
    }
    left.extend_from_slice(&text[from..]);
    (Some(left), hidden)
}

/// The opposite of [`hide`].
fn show<'a>(
    text: &[u8],
    hidden: impl Iterator<Item = &'a Hidden>,
    settings: &Settings,
) -> Result<Vec<u8>, String> {
    let (mut whole, mut from) = (Vec::with_capacity(text.len()), 0);
    for Hidden { at, name, .. } in hidden {
        let before = text.get(from..*at).ok_or("its stored request is damaged")?;
        let value = settings.get(name).ok_or_else(|| format!("{name} is not given any more"))?;
        whole.extend_from_slice(before);
        whole.extend_from_slice(&value);
        from = *at;
    }
    whole.extend_from_slice(&text[from..]);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, &str)]) -> Settings {
        let mut settings = Settings::default();
        for (name, value) in values {
            settings.set(name, (*value).to_owned());
        }
        settings
    }

    fn request(url: &str, headers: &str, body: &str) -> StreamRequest {
        let request = OutgoingRequest {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers: headers.to_owned(),
            body: Some(Bytes::copy_from_slice(body.as_bytes())),
            redirect: Redirect::Manual,
            timeout: None,
        };
        StreamRequest { request, cut: Some(Cut::Events) }
    }

    #[test]
    fn a_value_is_stored_as_its_name_and_is_back_when_it_is_sent() {
        let given =
            settings(&[("API_KEY", "sk-secret-1"), ("LONG", "sk-secret-1-more"), ("MODE", "fast")]);
        let whole = request(
            "https://host/sk-secret-1?key=sk-secret-1-more&x=fast",
            "authorization: Bearer sk-secret-1\nmode: fast\n",
            "sk-secret-1sk-secret-1 🎉 sk-secret-",
        );
        let stored = StoredRequest::of(whole.clone(), &given);
        let body = stored.body.clone().unwrap_or_default();
        assert_eq!(body, " 🎉 sk-secret-");
        assert!(!stored.head.contains("sk-secret"), "{}", stored.head);
        assert!(stored.head.contains("mode: fast"), "{}", stored.head);
        assert_eq!(StoredRequest::restore(stored.clone(), &given), Ok(whole));

        let rotated = settings(&[("API_KEY", "new"), ("LONG", "newer")]);
        let sent = StoredRequest::restore(stored.clone(), &rotated).expect("both are given");
        assert_eq!(sent.request.url, "https://host/new?key=newer&x=fast");
        assert_eq!(sent.request.headers, "authorization: Bearer new\nmode: fast\n");
        let gone = StoredRequest::restore(stored, &settings(&[("API_KEY", "new")]));
        assert_eq!(gone, Err("LONG is not given any more".to_owned()));
    }

    /// Whoever writes into a request cannot have a value put in.
    #[test]
    fn what_looks_like_a_stored_value_stays_as_it_is() {
        let given = settings(&[("API_KEY", "sk-secret-1")]);
        let whole = request("https://host/", "", r#"{"part":"body","at":0,"name":"API_KEY"}"#);
        let stored = StoredRequest::of(whole.clone(), &given);
        assert_eq!(StoredRequest::restore(stored, &given), Ok(whole));
    }

    #[test]
    fn a_damaged_request_is_an_error() {
        let given = settings(&[("API_KEY", "sk-secret-1")]);
        let hidden = r#"[{"part":"url","at":99,"name":"API_KEY"}]"#;
        let far = format!(
            r#"{{"method":"GET","url":"https://a/","headers":"","redirect":"follow","hidden":{hidden}}}"#
        );
        for head in ["", "{}", &far] {
            let stored = Stored { head: head.into(), body: None };
            let error = StoredRequest::restore(stored, &given).expect_err(head);
            assert_eq!(error, "its stored request is damaged");
        }
    }
}
