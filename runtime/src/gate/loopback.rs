//! A server for development answers this machine alone.
//!
//! Listening on a loopback address does not do that: every web page that its owner visits may send
//! requests there, and one whose name is made to lead to 127.0.0.1 (DNS rebinding) may read the
//! answers. So the request has to name the machine as its owner does, and a page that sends one has to
//! come from the machine.

use hyper::{Request, Response, StatusCode};

use crate::gate::origin::Origins;
use crate::http::authority::Authority;
use crate::http::response::{Body, text};
use crate::http::target;

const FOREIGN_HOST: &str = "this server is for development and answers to localhost, 127.0.0.1 and [::1] \
                            alone: under another name a web page could reach into this machine\n";
const FOREIGN_ORIGIN: &str = "this server is for development and answers pages of this machine alone, on any \
                              port, and those that --allowed-origin names\n";

/// What somebody is told who is not of this machine. The request is a settled one.
pub(crate) fn refusal<B>(origins: &Origins, request: &Request<B>) -> Option<Response<Body>> {
    let host = target::host_of(request.headers()).and_then(Authority::parse);
    if !host.is_some_and(|host| host.is_loopback()) {
        return Some(text(StatusCode::FORBIDDEN, FOREIGN_HOST));
    }
    (!origins.allow(request.headers())).then(|| text(StatusCode::FORBIDDEN, FOREIGN_ORIGIN))
}
