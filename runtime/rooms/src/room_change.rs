//! A change of the rooms of one connection.

use std::sync::Arc;

use zigttp_sandbox::shared_text::SharedText;

use crate::connection::Connection;
use crate::membership::Change;

/// A change of the rooms of one connection.
#[derive(Clone)]
pub struct RoomChange {
    pub connection: Arc<Connection>,
    pub what: Change,
    pub room: SharedText,
}
