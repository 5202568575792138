//! What a guest that runs tests asks of whoever runs it.

use std::future::Future;

use bytes::Bytes;

use crate::view::View;

/// The view of a guest that runs tests, with what it can ask.
pub trait Door: View {
    /// Answers a question; `None` if it is none, but the name of a setting that is not given. While the answer is
    /// awaited the guest is suspended, and none of that time counts for it.
    fn ask(&self, text: String) -> impl Future<Output = Option<Bytes>> + Send + use<Self>;
}
