//! A machine without free threads (`ulimit -u`, a control group's `pids.max`): what needs one fails, says
//! so, and is done again once one is free.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::support::admin::{self, get};
use crate::support::{eventually, programs, skipped};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#,
    )
});

/// A command that runs its further arguments as a user that runs nothing else, with this many threads at
/// most; `None` where that cannot be done. The superuser has no such limit.
fn with_threads(user: u32, count: usize) -> Option<Command> {
    let mut tried = prlimit(user);
    tried.args(["--nproc=100:1000", "cat"]).arg(&*HANDLER);
    if !tried.output().is_ok_and(|tried| tried.status.success()) {
        skipped("no other user can be taken on here");
        return None;
    }
    let mut command = prlimit(user);
    command.arg(format!("--nproc={count}:1000"));
    // The folder of the tests' cache is another user's.
    command.args(["env", "-u", "XDG_CACHE_HOME", "HOME=/nonexistent"]);
    Some(command)
}

/// `prlimit` of this user: not even the superuser may always set limits of others.
fn prlimit(user: u32) -> Command {
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), "--clear-groups", "prlimit"]);
    command
}

#[tokio::test]
async fn what_needs_a_thread_is_refused_while_there_is_none_and_done_afterwards() {
    const USER: u32 = 54_321;
    let Some(mut starter) = with_threads(USER, 1000) else { return };
    let (server, admin) = admin::start_under(&mut starter, &HANDLER, &[]);
    let mut client = server.connect("/").await;
    let limit = |count: u32| {
        let process = format!("--pid={}", server.pid);
        let status = prlimit(USER).args([process, format!("--nproc={count}:1000")]).status();
        assert!(status.expect("prlimit is there").success());
    };
    limit(1);
    assert_eq!(get(admin, "/healthz").0, 200);
    for page in ["/metrics", "/connections"] {
        let (status, why) = get(admin, page);
        assert!(status == 503 && why.contains("cannot start a thread"), "{page} {status} {why}");
    }
    server.signal("HUP");
    let log = server.wait_for_log("is refused, the old one stays in use: cannot start a thread");
    assert!(!log.contains("panicked"), "{log}");
    assert_eq!(client.ask("served").await, "served");
    limit(1000);
    server.signal("HUP");
    server.wait_for_log("serving the new");
    eventually("metrics", || get(admin, "/metrics").0 == 200);
    assert_eq!(client.ask("served").await, "served");
}

#[test]
fn a_server_that_gets_no_threads_says_so_in_one_line() {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // Threads for itself and for serving; none for the log.
    let Some(mut command) = with_threads(54_322, workers + 1) else { return };
    programs::prepare(&mut command);
    command.env_remove("RUST_BACKTRACE");
    let mut process = command
        .arg(programs::program_path("zigttp"))
        .args(["run".as_ref(), HANDLER.as_os_str()])
        .args(["--port", "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv is there");
    let mut told = String::new();
    let mut stderr = process.stderr.take().expect("it is piped");
    stderr.read_to_string(&mut told).expect("it is text");
    assert!(told.starts_with("error: cannot start the threads of the log"), "{told:?}");
    assert_eq!(told.lines().count(), 1, "{told}");
    assert_eq!(process.wait().expect("a child can be waited for").code(), Some(2));
}
