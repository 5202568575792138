//! A server for development accepts requests of this machine only.
//!
//! Listening on a loopback address is not enough: every web page that the developer visits can send
//! requests there, and a page whose name resolves to 127.0.0.1 (DNS rebinding) can read the responses. So
//! a request has to name this machine by a loopback name or address, and the page that sends it has to
//! come from this machine.

use hyper::{Request, Response, StatusCode};

use crate::gate::origin::Origins;
use crate::http::authority::Authority;
use crate::http::response::{Body, text};
use crate::http::target;

const FOREIGN_HOST: &str = "this server is for development and accepts requests for localhost, 127.0.0.1 and \
                            [::1] only: under another name a web page could reach this machine\n";
const FOREIGN_ORIGIN: &str = "this server is for development and accepts pages of this machine, on any port, \
                              and those that --allowed-origin names\n";

/// The 403 for a normalized request that is not of this machine.
pub(crate) fn forbidden<B>(origins: &Origins, request: &Request<B>) -> Option<Response<Body>> {
    let host = target::host_of(request.headers()).and_then(Authority::parse);
    if !host.is_some_and(|host| host.is_loopback()) {
        return Some(text(StatusCode::FORBIDDEN, FOREIGN_HOST));
    }
    (!origins.allow(request.headers())).then(|| text(StatusCode::FORBIDDEN, FOREIGN_ORIGIN))
}
