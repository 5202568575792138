//! A Redis server for one test, where the machine has one.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::cluster::options::ClusterOptions;
use crate::state::limits::StateLimits;
use crate::state::states::States;

/// A server that listens to a socket in a folder of its own.
pub(super) struct RedisServer {
    folder: PathBuf,
    process: Child,
    arguments: Vec<&'static str>,
}

impl RedisServer {
    /// Starts one that keeps all that it acknowledges. `None` if there is none on this machine.
    pub(super) fn start() -> Option<RedisServer> {
        RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    #[expect(clippy::print_stderr, reason = "whoever runs the tests is to know")]
    pub(super) fn start_with(arguments: &[&'static str]) -> Option<RedisServer> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("zigttp-redis-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let Some(process) = spawn(&folder, arguments) else {
            eprintln!("skipped: redis-server is not on this machine");
            let _ = std::fs::remove_dir_all(&folder);
            return None;
        };
        Some(RedisServer { folder, process, arguments: arguments.to_vec() })
    }

    pub(super) fn options(&self) -> ClusterOptions {
        ClusterOptions {
            url: format!("redis+unix://{}", self.folder.join("socket").display()),
            prefix: "test".to_owned(),
            node_name: "n".to_owned(),
            may_init: true,
            commit_timeout: Duration::from_secs(10),
        }
    }

    /// A node of the cluster.
    pub(super) async fn node(&self, limits: StateLimits) -> States {
        States::connect(self.options(), limits).await.expect("the server answers")
    }

    pub(super) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    pub(super) fn restart(&mut self) {
        self.kill();
        self.process = spawn(&self.folder, &self.arguments).expect("it has started before");
    }

    /// Stops it without its noticing.
    pub(super) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, signal).expect("it runs");
    }

    /// Sends a command as an operator would.
    pub(super) async fn command(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.options().url).expect("it is a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("it answers");
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await.expect("it is done")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server, and waits until it takes connections.
fn spawn(folder: &std::path::Path, arguments: &[&str]) -> Option<Child> {
    let process = Command::new("redis-server")
        .args(["--port", "0", "--save", "", "--unixsocket"])
        .arg(folder.join("socket"))
        .arg("--dir")
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut process = process.ok()?;
    let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
    let is_ready = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("eady to accept connections"));
    assert!(is_ready, "redis-server ends before it takes connections");
    // It goes on writing.
    std::thread::spawn(move || lines.for_each(drop));
    Some(process)
}
