//! The inspector: a page at `/__zigttp` that shows what the server does while it does it.
//!
//! ```text
//! access ── who may look: this machine, or whoever brings the token
//!   │
//! assets ── the page itself: HTML, CSS and scripts, in the program, nothing from elsewhere
//!   │
//! state ── who is there, what has happened since the last look, counts
//! connection ── one of them: what it keeps; closing it
//! ```
//!
//! A page asks for `state` again and again. The answer comes once there is an event to tell of, or after
//! a second, so a page needs no timers, which browsers slow down in tabs that nobody sees. What is asked
//! for tells the [`Observer`] that somebody looks; otherwise an event costs one look at an `Option`.

mod access;
mod answer;
mod assets;
mod connection;
mod state;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use self::answer::{PATH, Refusal, json, number, read, refuse};
use crate::http::response::Body;
use crate::server::Server;
use crate::server::inspector::Inspector;
use crate::server::last_build::LastBuild;

/// What the page may load and do, which is itself alone. Texts of handlers and clients are put into it
/// as texts; were one ever taken for markup, it still could not run a script or call out.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src \
                      'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What of a path is the inspector's, if it is: nothing for its page, else the name of a part.
fn part(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PATH)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

impl Server {
    /// Shows what came of a build on the inspector's page, if there is one.
    pub fn show_build(&self, build: LastBuild) {
        if let Some(inspector) = &self.inspector {
            inspector.builds.add(build);
        }
    }

    /// The inspector, if it is to answer this path.
    pub(crate) fn inspector_of(&self, path: &str) -> Option<&Inspector> {
        self.inspector.as_ref().filter(|_| part(path).is_some())
    }

    /// Answers a request for the inspector.
    pub(crate) async fn inspect(
        self: &Arc<Server>,
        inspector: &Inspector,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let answer = self.answer_inspection(inspector, request).await;
        let mut response = answer.unwrap_or_else(|refusal| *refusal);
        for (name, value) in [
            (CONTENT_SECURITY_POLICY, POLICY),
            (CACHE_CONTROL, "no-store"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
            (REFERRER_POLICY, "no-referrer"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }

    async fn answer_inspection(
        self: &Arc<Server>,
        inspector: &Inspector,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let (head, body) = request.into_parts();
        let part = part(head.uri.path()).unwrap_or_default();
        access::check_page(&head)?;
        // What everybody may have: it is in every copy of the program.
        if head.method == Method::GET
            && let Some(asset) = assets::find(part)
        {
            return Ok(asset.response());
        }
        if part == "login" && head.method == Method::POST {
            return access::log_in(&inspector.access, &head, &read(body).await?);
        }
        access::check(&inspector.access, &head, part.is_empty())?;
        let query = head.uri.query().unwrap_or("");
        Ok(match (&head.method, part) {
            (&Method::GET, "") => assets::PAGE.response(),
            (&Method::GET, "state") => {
                json(state::look(self, inspector, number(query, "after")?).await)
            }
            (&Method::GET, "build") => json(inspector.builds.print_last()),
            (&Method::GET, "connection") => {
                json(connection::show(self, number(query, "id")?.unwrap_or(0)))
            }
            (&Method::POST, "close") => {
                access::check_header(&head)?;
                connection::close(self, &read(body).await?)?
            }
            _ => {
                return Err(refuse(
                    StatusCode::NOT_FOUND,
                    "the inspector has nothing of this name",
                ));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_paths_are_the_inspectors() {
        assert_eq!(part("/__zigttp"), Some(""));
        assert_eq!(part("/__zigttp/state"), Some("state"));
        for path in ["/", "/__zigttpx", "/a/__zigttp", "/__ZIGTTP"] {
            assert_eq!(part(path), None, "{path}");
        }
    }
}
