//! What a handler is told of a request that failed.

use std::error::Error as StdError;
use std::io;

use crate::connector::ConnectError;
use crate::error::{Error, ErrorKind};
use crate::grants::Refusal;
use crate::options::{CONNECT_TIME, MAX_HEAD_BYTES};
use crate::request::Target;

/// A host that no grant covers. After a redirect `from` is the host that redirects: what it names is no
/// advice to an operator.
pub(crate) fn not_allowed(target: &Target, refusal: Refusal, from: Option<&Target>) -> Error {
    let what = match (refusal, from) {
        (Refusal::NoGrant, None) => format!("{target} is not allowed"),
        (Refusal::NoGrant, Some(from)) => {
            format!("{from} redirects to {target}, which is not allowed")
        }
        (Refusal::Internal, None) => {
            format!("{target} has an internal address, which a wildcard does not allow")
        }
        (Refusal::Internal, Some(from)) => {
            format!(
                "{from} redirects to {target}, an internal address, which a wildcard does not allow"
            )
        }
        (Refusal::BadPort, _) => {
            let port = target.port;
            format!(
                "port {port} of {target} is one of another protocol, which a wildcard does not allow"
            )
        }
    };
    let advice = match (refusal, from) {
        (_, Some(_)) => "(--allow-fetch)".to_owned(),
        (Refusal::BadPort, None) => {
            format!("start the server with --allow-fetch {}:{}", target.host, target.port)
        }
        (_, None) => format!("start the server with --allow-fetch {target}"),
    };
    let between = if from.is_some() { " " } else { "; " };
    Error::new(ErrorKind::NotAllowed, format!("fetch: {what}{between}{advice}"))
}

/// A request that got no answer, or not all of it.
pub(crate) fn broken(target: &Target, error: &(dyn StdError + 'static)) -> Error {
    let mut next = Some(error);
    let mut root = error;
    let mut of_hyper = None;
    while let Some(error) = next {
        if let Some(failed) = error.downcast_ref::<ConnectError>() {
            return unconnected(target, failed);
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            of_hyper = Some(error);
        }
        root = error;
        next = error.source();
    }
    if of_hyper.is_some_and(hyper::Error::is_parse_too_large) {
        let message =
            format!("fetch: the head of the answer of {target} is over {MAX_HEAD_BYTES} bytes");
        return Error::new(ErrorKind::TooLarge, message);
    }
    let of_io = root.downcast_ref::<io::Error>().map(io::Error::kind);
    network(match (of_io, of_hyper) {
        (Some(io::ErrorKind::ConnectionReset), _) => format!("{target} has reset the connection"),
        (Some(io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe), _) => closed(target),
        (_, Some(error)) if error.is_incomplete_message() => closed(target),
        (_, Some(error)) if error.is_parse() => format!("{target} does not answer in valid HTTP"),
        _ => format!("the connection to {target} has failed: {root}"),
    })
}

fn closed(target: &Target) -> String {
    format!("{target} has closed the connection before its answer was complete")
}

fn unconnected(target: &Target, error: &ConnectError) -> Error {
    network(match error {
        ConnectError::Internal => return not_allowed(target, Refusal::Internal, None),
        ConnectError::Unresolved(why) => format!("cannot find {target}: {why}"),
        ConnectError::Tcp(why) => format!("cannot connect to {target}: {why}"),
        ConnectError::Tls(why) => format!("no TLS with {target}: {why}"),
        ConnectError::Proxy(why) => format!("the proxy does not lead to {target}: {why}"),
        ConnectError::TimedOut => format!("cannot connect to {target} within {CONNECT_TIME:?}"),
    })
}

pub(crate) fn network(what: String) -> Error {
    Error::new(ErrorKind::Network, format!("fetch: {what}"))
}
