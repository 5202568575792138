//! The files of the page, which are in the program. They hold no data; the page requests what it shows.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

use crate::http::response::{Body, text};

/// A file of the page.
pub(super) struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! asset {
    ($name:literal, $content_type:expr) => {
        Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("page/", $name)),
        }
    };
}

pub(super) static PAGE: Asset = asset!("index.html", HTML);
static LOGIN: Asset = asset!("login.html", HTML);

/// The files that the pages load.
static PARTS: [Asset; 16] = [
    asset!("style.css", CSS),
    asset!("icon.svg", "image/svg+xml"),
    asset!("main.js", SCRIPT),
    asset!("again.js", SCRIPT),
    asset!("dom.js", SCRIPT),
    asset!("build.js", SCRIPT),
    asset!("charts.js", SCRIPT),
    asset!("client.js", SCRIPT),
    asset!("connections.js", SCRIPT),
    asset!("events.js", SCRIPT),
    asset!("room.js", SCRIPT),
    asset!("sheet.js", SCRIPT),
    asset!("state.js", SCRIPT),
    asset!("value.js", SCRIPT),
    asset!("routes.js", SCRIPT),
    asset!("words.js", SCRIPT),
];

/// The file of this name.
pub(super) fn find(name: &str) -> Option<&'static Asset> {
    PARTS.iter().find(|part| part.name == name)
}

/// The form that asks for the token, after a wrong one with a message.
pub(super) fn login(was_wrong: bool) -> Response<Body> {
    const HINT: &str = r#"<p class="quiet">"#;
    const FAULT: &str = r#"<p class="fault" role="alert">This is not the token. "#;
    let page = LOGIN.text.replace(HINT, if was_wrong { FAULT } else { HINT });
    LOGIN.with_type(text(StatusCode::UNAUTHORIZED, page))
}

impl Asset {
    pub(super) fn response(&self) -> Response<Body> {
        self.with_type(text(StatusCode::OK, Bytes::from_static(self.text.as_bytes())))
    }

    fn with_type(&self, mut response: Response<Body>) -> Response<Body> {
        let content_type = HeaderValue::from_static(self.content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policy forbids both anyway, but a page that it breaks should not be released.
    #[test]
    fn pages_load_only_files_of_the_program_and_have_no_inline_scripts_or_styles() {
        for page in [&PAGE, &LOGIN] {
            for foreign in
                ["http:", "https:", "//", "<style", " style=", " onclick=", "javascript:"]
            {
                assert!(!page.text.contains(foreign), "{} has {foreign}", page.name);
            }
            let scripts = page.text.matches("<script").count();
            assert_eq!(scripts, page.text.matches("<script type=\"module\" src=").count());
            for (_, rest) in
                page.text.match_indices("\"/__zigttp/").map(|(at, _)| page.text.split_at(at))
            {
                let name = rest.trim_start_matches("\"/__zigttp/").split('"').next();
                assert!(
                    name.is_some_and(|name| name == "login" || find(name).is_some()),
                    "{name:?}"
                );
            }
        }
    }

    #[test]
    fn no_script_reads_text_as_markup() {
        for part in PARTS.iter().filter(|part| part.content_type == SCRIPT) {
            for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!part.text.contains(sink), "{} has {sink}", part.name);
            }
        }
    }
}
