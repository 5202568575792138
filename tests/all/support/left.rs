//! What a server still holds of clients that have left, by its metrics and by the system.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::server::Server;
use super::{admin, patiently};

/// A number of the environment, if one is set.
pub(crate) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("it is a number"))
}

/// The memory and descriptors of the server.
#[derive(Debug)]
pub(crate) struct Held {
    /// Memory in use, by the server's metrics. Measured: the same to 32 bytes over 20 rounds.
    pub(crate) allocated: f64,
    /// Also with what the allocator keeps for later, and what is not allocated: stacks, and memories of
    /// sandboxes. Not with mapped files, whose memory the system can take back.
    pub(crate) resident_kib: u64,
    pub(crate) descriptors: usize,
}

impl Held {
    pub(crate) fn of(server: &Server, admin: SocketAddr) -> Held {
        let allocated = admin::scrape(admin)["zigttp_allocated_bytes"];
        let process = PathBuf::from(format!("/proc/{}", server.pid()));
        let status = std::fs::read_to_string(process.join("status")).expect("it runs");
        let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let resident = resident.and_then(|text| text.trim().strip_suffix(" kB"));
        let descriptors = std::fs::read_dir(process.join("fd")).expect("it runs").count();
        let resident_kib = resident.and_then(|text| text.parse().ok());
        let resident_kib = resident_kib.expect("Linux says how much");
        Held { allocated, resident_kib, descriptors }
    }
}

/// Metrics that count what exists.
const LEFT: &[&str] = &[
    "zigttp_connections{state=\"live\"}",
    "zigttp_connections{state=\"parked\"}",
    "zigttp_connections{state=\"dormant\"}",
    "zigttp_rooms",
    "zigttp_transports",
    "zigttp_queue_bytes",
    "zigttp_attachments",
    "zigttp_events_running",
];

/// Waits until the server holds nothing of any client.
pub(crate) async fn wait_until_empty(admin: SocketAddr) {
    wait_until(admin, "all are gone", |series| LEFT.iter().all(|name| series[*name] == 0.0)).await;
}

/// Waits until the metrics are like this.
pub(crate) async fn wait_until(
    admin: SocketAddr,
    what: &str,
    is_so: impl Fn(&HashMap<String, f64>) -> bool,
) {
    patiently(what, async {
        while !is_so(&admin::scrape(admin)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}
