//! The inspector: a page at `/__zigttp` that shows what the server does while it does it.
//!
//! ```text
//! access ── who may use it: everyone on this machine, or clients with the token
//!   │
//! assets ── the page: HTML, CSS and scripts, all of them in the program
//!   │
//! state ── the connections, the events since the last request, counts
//! connection ── one connection with its attachment; closing it
//! room ── one room with its keys, timers and signals
//! run_again ── an event once more, on the present build, or as a test
//! ```
//!
//! A page requests `state` repeatedly. The response comes once there is a new event, or after a second, so
//! a page needs no timers, which browsers slow down in hidden tabs. Each request tells the observer
//! (`zigttp_rooms::observer`) that a page is open; without one, an event only costs the check of an `Option`.

mod access;
mod assets;
mod connection;
mod http;
mod room;
mod run_again;
mod state;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Request, Response, StatusCode};

use self::http::{ErrorResponse, PATH, error_response, json, number, read};
use self::room::RoomQuery;
use crate::http::response::Body;
use crate::server::Server;
use crate::server::inspector::Inspector;
use crate::server::last_build::LastBuild;

/// Lets the page load only its own files and send requests only to this server. Texts of handlers and
/// clients are inserted as text; if one was ever read as markup, it still could not run a script or send
/// anything elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src \
                      'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The part of the inspector at this path, if the path belongs to it: empty for its page, else the name of a
/// part.
fn part(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PATH)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/') }
}

impl Server {
    /// Shows the result of a build on the inspector's page, if there is one.
    pub fn show_build(&self, build: LastBuild) {
        if let Some(inspector) = &self.inspector {
            inspector.builds.add(build);
        }
    }

    /// The inspector, if this path belongs to it.
    pub(crate) fn inspector_of(&self, path: &str) -> Option<&Inspector> {
        self.inspector.as_ref().filter(|_| part(path).is_some())
    }

    /// Responds to a request for the inspector.
    pub(crate) async fn inspect(
        self: &Arc<Server>,
        inspector: &Inspector,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let response = self.inspector_response(inspector, request).await;
        let mut response = response.unwrap_or_else(|error| *error);
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

    async fn inspector_response(
        self: &Arc<Server>,
        inspector: &Inspector,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let (head, body) = request.into_parts();
        let part = part(head.uri.path()).unwrap_or_default();
        access::check_page(&head)?;
        // These need no token: they are in every copy of the program.
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
            (&Method::GET, "room") => json(room::show(self, &RoomQuery::parse(query)?).await?),
            (&Method::POST, "close") => {
                access::check_header(&head)?;
                connection::close(self, &read(body).await?)?
            }
            (&Method::POST, "run-again") => {
                access::check_header(&head)?;
                run_again::run(self, &read(body).await?).await?
            }
            (&Method::POST, "save-test") => {
                access::check_header(&head)?;
                run_again::save_test(self, &read(body).await?).await?
            }
            _ => {
                return Err(error_response(
                    StatusCode::NOT_FOUND,
                    "the inspector has no part of this name",
                ));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_its_own_belong_to_the_inspector() {
        assert_eq!(part("/__zigttp"), Some(""));
        assert_eq!(part("/__zigttp/state"), Some("state"));
        for path in ["/", "/__zigttpx", "/a/__zigttp", "/__ZIGTTP"] {
            assert_eq!(part(path), None, "{path}");
        }
    }
}
