//! The world outside of this server, as events reach it: whoever makes their requests.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use zigttp_sandbox::outgoing::{FetchError, FetchedResponse, OutgoingRequest, ResponseHead};
use zigttp_sandbox::shared_text::SharedText;

/// Makes requests to other servers, within the limits and to the hosts that the operator has set.
pub trait Outside: Send + Sync + 'static {
    /// Makes a request and reads its whole response. `room` is the one that asks: each has only some at a time.
    fn fetch(
        &self,
        request: OutgoingRequest,
        room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<FetchedResponse, FetchError>>;

    /// Makes a request whose body is read as it comes.
    fn open(
        &self,
        request: OutgoingRequest,
        room: Option<SharedText>,
    ) -> BoxFuture<'static, Result<OpenResponse, FetchError>>;
}

/// A response whose body has yet to be read. Nothing is read from the other server that nobody polls for.
pub struct OpenResponse {
    pub head: ResponseHead,
    pub body: BoxStream<'static, Result<Bytes, FetchError>>,
}
