//! `JSON` of the engine: what it promises, each in a test of its own, and random programs that must see nothing else
//! than what QuickJS's own `JSON` shows them.

mod differential;
mod limits;
mod promises;

use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::programs;
use crate::support::server::Server;

/// A server that evaluates scripts, each in an event of its own.
struct Engine(Server);

impl Engine {
    fn start(arguments: &[&str]) -> Engine {
        static HANDLER: LazyLock<PathBuf> =
            LazyLock::new(|| programs::compile_file("tests/fixtures/handlers/evaluate.ts"));
        Engine(Server::start(&HANDLER, arguments))
    }

    /// Status and body of the response to a script: the value of the script as text.
    fn answer(&self, script: &str) -> (u16, String) {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{script}",
            script.len()
        );
        let (head, body) = self.0.request(&request);
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status in {head:?}")), body)
    }

    fn evaluate(&self, script: &str) -> String {
        let (status, value) = self.answer(script);
        assert_eq!(status, 200, "{value}");
        value
    }
}
