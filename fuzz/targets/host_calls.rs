//! Every function a guest may call, with whatever arguments, from a guest that means harm.
//!
//! The server must not panic, and the guest's memory must be its image again after each event: what
//! the host writes into it is marked like what the guest writes.

#![no_main]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use zigttp_abi::value::ValueKind;
use zigttp_runtime::{Config, LocalConnection, Server, Value};
use zigttp_tests::caller;

struct Host {
    runtime: Runtime,
    server: Arc<Server>,
    /// The connection with id 1; in the room of the others.
    peer: LocalConnection,
}

thread_local! {
    static HOST: Host = Host::start();
}

libfuzzer_sys::fuzz_target!(|program: &[u8]| HOST.with(|host| host.run(program)));

impl Host {
    fn start() -> Host {
        // What would be logged is made, so that making it is part of this.
        tracing_subscriber::fmt().with_writer(std::io::sink).init();
        let config = Config {
            max_message_size: 64 << 10,
            max_body_size: 64 << 10,
            // Bounds that a short program can reach.
            max_queue: 64 << 10,
            max_attachment_size: 1 << 10,
            memory_limit: 1 << 20,
            cpu_limit: Duration::from_secs(20),
            verify_restore: NonZeroU32::new(1),
            max_events: 2,
            ..Config::default()
        };
        let server = Server::new(config, &caller::artifact()).expect("the guest is a handler");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime starts");
        let peer = runtime.block_on(LocalConnection::open(&server, "/room/a?query"));
        Host { peer: peer.expect("a route"), runtime, server }
    }

    fn run(&self, program: &[u8]) {
        let message =
            |bytes: &[u8]| Value::new(ValueKind::ArrayBuffer, Bytes::copy_from_slice(bytes));
        self.runtime.block_on(async {
            let own = LocalConnection::open(&self.server, "/room/a").await.expect("a route");
            own.message(message(program)).await;
            while own.next_sent().is_some() {}
            // Unless the program has closed it, the peer is served as before.
            while self.peer.next_sent().is_some() {}
            let is_served = self.peer.message(message(&[])).await;
            assert!(is_served, "an event that does nothing has failed");
        });
        assert_eq!(self.server.counts().restore_mismatches, 0);
    }
}
