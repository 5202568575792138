//! What has come of a request.

use zigttp_sandbox::event::Response;

use crate::registration::Registered;
use crate::unwritten::Unwritten;

/// What has come of a request.
pub enum Requested {
    /// The handler's response.
    Answered(Response),
    /// Its client is a member of the room, and what it is sent follows this response. What its `onOpen` has queued is
    /// written when the last part is dropped.
    Member(Response, Registered, Option<Unwritten>),
    /// The handler makes a member of one that is no client.
    NoClient,
}
