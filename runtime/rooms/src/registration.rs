//! A connection is registered as long as something holds this.

use std::sync::Arc;

use crate::connection::Connection;
use crate::hub::Hub;

/// A registered connection; forgotten when dropped, also by a panic or a handshake that fails.
pub struct Registered {
    pub hub: Arc<Hub>,
    pub connection: Arc<Connection>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connection.outbox.shut();
        self.hub.forget(&self.connection);
    }
}
