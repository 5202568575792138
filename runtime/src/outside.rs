//! The world outside of this server, as its events reach it.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use zigttp_rooms::outside::{OpenResponse, Outside};
use zigttp_sandbox::outgoing::{FetchError, FetchErrorKind, FetchedResponse, OutgoingRequest};
use zigttp_sandbox::shared_text::SharedText;

/// Nothing may be called.
pub(crate) struct Nowhere;

impl Outside for Nowhere {
    fn fetch(
        &self,
        request: OutgoingRequest,
        _room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<FetchedResponse, FetchError>> {
        ready(Err(not_allowed(&request))).boxed()
    }

    fn open(
        &self,
        request: OutgoingRequest,
        _room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<OpenResponse, FetchError>> {
        ready(Err(not_allowed(&request))).boxed()
    }
}

fn not_allowed(request: &OutgoingRequest) -> FetchError {
    let host = request.url.split('/').nth(2).unwrap_or_default();
    FetchError {
        kind: FetchErrorKind::NotAllowed,
        message: format!("fetch: {host} is not allowed"),
    }
}
