//! Keeps a connection registered.

use std::sync::Arc;

use crate::connection::Connection;
use crate::hub::Hub;

/// A registered connection. Dropping this removes it from the hub, also after a panic or a failed handshake.
pub struct Registered {
    pub hub: Arc<Hub>,
    pub connection: Arc<Connection>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.connection.outbox.shut();
        self.hub.forget(&self.connection);
        if std::thread::panicking() {
            // Whoever would say so has not come to it.
            self.hub.parted(&self.connection, false);
        }
    }
}
