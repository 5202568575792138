//! A log that cannot be written, or that would never end: the server serves as if it were read.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;

use crate::support::admin::{get, scrape};
use crate::support::client::Client;
use crate::support::durable::{DISTRIBUTOR, Durable, id_of};
use crate::support::{admin, eventually, patiently, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "throw") throw new Error("thrown");
  for (let line = 0; line < 20; line++) console.warn(data, "x".repeat(1000));
  send(ws, data);
}
"#,
    )
});

/// A server whose standard output and error lead where the test wants; killed when dropped.
struct Outspoken {
    process: Child,
}

impl Outspoken {
    fn start(command: &mut Command, out: impl Into<Stdio>, error: impl Into<Stdio>) -> Outspoken {
        let process = command.stdout(out).stderr(error).spawn().expect("zigttp starts");
        // Only the server has these open now: their reader sees when it ends.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Outspoken { process }
    }

    fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill exists");
        assert!(status.success());
    }

    fn stop(&mut self) -> ExitStatus {
        self.signal("TERM");
        let mut ended = None;
        eventually("the end of the server", || {
            ended = self.process.try_wait().expect("a child can be waited for");
            ended.is_some()
        });
        ended.expect("it was waited for")
    }
}

impl Drop for Outspoken {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `zigttp run` with an admin listener.
fn run(handler: &Path) -> Command {
    run_with_admin(handler, "127.0.0.1:0")
}

fn run_with_admin(handler: &Path, address: &str) -> Command {
    let mut command = programs::program("zigttp");
    command.arg("run").arg(handler).args(["--port", "0", "--admin-listen", address]);
    command.args(["--handler-log-rate", "1000000"]);
    command
}

/// The address of a listener, which follows these words in either format of the log.
fn address_after(words: &str, text: &mut impl BufRead) -> SocketAddr {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(text.read_line(&mut line).expect("it is text"), 0, "{words} was never said");
        if let Some((_, rest)) = line.split_once(words) {
            let address = rest.split_whitespace().next().expect("an address");
            return address.parse().expect("an address");
        }
    }
}

fn pipe() -> (BufReader<PipeReader>, Stdio) {
    let (reader, writer) = std::io::pipe().expect("the system has pipes");
    (BufReader::new(reader), writer.into())
}

const LISTENING: &str = "listening on http://";
const ADMIN: &str = "metrics and health on http://";
const UNWRITTEN: &str = "zigttp_dropped_log_lines_total{reason=\"unwritten\"}";

/// Lines, failures and a reload, while a client is served.
async fn work(server: &Outspoken, address: SocketAddr, admin: SocketAddr) {
    let mut client = Client::connect(address, "/").await;
    for round in 0..5 {
        let text = round.to_string();
        assert_eq!(client.ask(&text).await, text);
        client.send("throw").await;
    }
    server.signal("HUP");
    eventually("a reload", || scrape(admin)["zigttp_swaps_total"] >= 1.0);
    assert_eq!(client.ask("still").await, "still");
    assert_eq!(scrape(admin)["zigttp_panics_total"], 0.0);
}

#[tokio::test]
async fn a_log_whose_reader_has_gone_is_dropped_and_counted_and_nothing_else_happens() {
    let ((mut out, stdout), (mut error, stderr)) = (pipe(), pipe());
    let mut server = Outspoken::start(&mut run(&HANDLER), stdout, stderr);
    let admin = address_after(ADMIN, &mut error);
    let address = address_after(LISTENING, &mut out);
    drop((out, error));
    work(&server, address, admin).await;
    assert!(scrape(admin)[UNWRITTEN] >= 100.0);
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test]
async fn a_log_on_a_full_disk_is_dropped_and_counted_and_nothing_else_happens() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let (mut out, stdout) = pipe();
    // Nothing prints the address: the port has to be known.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let admin = free.local_addr().expect("it listens");
    drop(free);
    let mut command = run_with_admin(&HANDLER, &admin.to_string());
    let mut server = Outspoken::start(&mut command, stdout, full);
    let address = address_after(LISTENING, &mut out);
    work(&server, address, admin).await;
    assert!(scrape(admin)[UNWRITTEN] >= 100.0);
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test]
async fn a_log_over_the_limit_of_files_is_dropped_and_counted_and_nothing_else_happens() {
    let folder = programs::folder();
    let log = folder.path().join("log");
    let (mut out, stdout) = pipe();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let admin = free.local_addr().expect("it listens");
    drop(free);
    let server = run_with_admin(&HANDLER, &admin.to_string());
    let mut command = Command::new("sh");
    programs::prepare(&mut command);
    // If its handler is compiled already, it writes no file but the log.
    let (mut compiled, first_stdout) = pipe();
    let first = Outspoken::start(&mut run(&HANDLER), first_stdout, Stdio::null());
    address_after(LISTENING, &mut compiled);
    drop(first);
    // Blocks of 512 bytes.
    command.args(["-c", "ulimit -f 16; exec \"$0\" \"$@\""]).arg(server.get_program());
    command.args(server.get_args());
    let file = File::create(&log).expect("the temporary folder is writable");
    let mut server = Outspoken::start(&mut command, stdout, file);
    let address = address_after(LISTENING, &mut out);
    work(&server, address, admin).await;
    assert!(scrape(admin)[UNWRITTEN] >= 50.0);
    assert_eq!(server.stop().code(), Some(0));
    assert_eq!(std::fs::metadata(log).expect("it is there").len(), 16 * 512);
}

#[tokio::test]
async fn a_server_that_cannot_say_where_it_listens_listens_all_the_same() {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let (mut error, stderr) = pipe();
    let mut server = Outspoken::start(&mut run(&HANDLER), full, stderr);
    let admin = address_after(ADMIN, &mut error);
    assert_eq!(get(admin, "/healthz").0, 200);
    eventually("the line that is lost", || scrape(admin)[UNWRITTEN] >= 1.0);
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test]
async fn a_pipe_that_nobody_reads_holds_nothing_up_not_even_the_end() {
    let ((mut out, stdout), (mut error, stderr)) = (pipe(), pipe());
    let mut server = Outspoken::start(&mut run(&HANDLER), stdout, stderr);
    let admin = address_after(ADMIN, &mut error);
    let address = address_after(LISTENING, &mut out);
    let mut client = Client::connect(address, "/").await;
    // Each is 20 KiB of lines; the pipe takes 64, and the queue a mebibyte.
    for round in 0..200 {
        let text = round.to_string();
        assert_eq!(client.ask(&text).await, text);
    }
    let lost = scrape(admin)[UNWRITTEN];
    assert!((1000.0..4000.0).contains(&lost), "{lost}");
    work(&server, address, admin).await;
    assert_eq!(server.stop().code(), Some(0));
    // What fitted is whole, line by line.
    let mut text = String::new();
    error.read_to_string(&mut text).expect("it is text");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("xxx")).collect();
    assert!(lines.len() > 10, "{} lines", lines.len());
    let cut = lines.iter().filter(|line| !line.contains(&"x".repeat(1000))).count();
    assert!(cut <= 1, "only the line at which it was stuck");
}

#[tokio::test]
async fn dev_goes_on_when_its_terminal_has_gone() {
    let source = |version: u32| {
        format!("export function handler() {{ return Response.text(\"v{version}\"); }}\n")
    };
    let folder = programs::folder();
    let handler = folder.path().join("handler.ts");
    std::fs::write(&handler, source(1)).expect("the temporary folder is writable");
    let ((mut out, stdout), (error, stderr)) = (pipe(), pipe());
    let mut command = programs::program("zigttp");
    command.current_dir(&folder).args(["dev", "handler.ts", "--port", "0"]);
    let mut server = Outspoken::start(&mut command, stdout, stderr);
    let address = address_after("http://", &mut out);
    drop((out, error));
    let host = "Host: localhost\r\n";
    assert_eq!(admin::get_with(address, "/", host), (200, "v1".to_owned()));
    std::fs::write(&handler, "export function handler( {").expect("it is writable");
    std::fs::write(&handler, source(2)).expect("it is writable");
    eventually("the new handler", || admin::get_with(address, "/", host).1 == "v2");
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test]
async fn a_panic_is_a_line_of_the_log() {
    let mut command = run(&HANDLER);
    command.args(["--log-format", "json"]).env("ZIGTTP_FAILPOINT", "event:0");
    let ((mut out, stdout), (mut error, stderr)) = (pipe(), pipe());
    let mut server = Outspoken::start(&mut command, stdout, stderr);
    let address = address_after(LISTENING, &mut out);
    let mut client = Client::connect(address, "/").await;
    client.send("one").await;
    let line = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while !line.contains("has panicked") {
            line.clear();
            assert_ne!(error.read_line(&mut line).expect("it is text"), 0);
        }
        line
    });
    let line = patiently("a line", line).await.expect("it was read");
    let line: serde_json::Value = serde_json::from_str(&line).expect(&line);
    assert_eq!(line["level"], "ERROR");
    assert_eq!(server.stop().code(), Some(0));
}

#[tokio::test]
async fn a_line_that_a_disk_causes_again_and_again_is_bounded_and_the_rest_is_counted() {
    let source = format!(
        "{DISTRIBUTOR}
export function handler(req: Request) {{
  serializeAttachment(Number(req.query) as unknown as WebSocket, \"new\");
  return Response.text(\"kept\");
}}"
    );
    let durable = Durable::of(&source);
    let dir = durable.dir();
    let dir = dir.to_str().expect("a UTF-8 path");
    let (server, admin) = admin::start(&programs::compile(&source), &["--durable", dir]);
    let mut client = server.connect("/").await;
    let id = id_of(&mut client).await;
    std::fs::create_dir(durable.file(&id)).expect("the folder is writable");
    let repeated = "zigttp_dropped_log_lines_total{reason=\"repeated\"}";
    let mut failed = 0.0;
    eventually("so many failures that lines are dropped", || {
        for _ in 0..50 {
            assert_eq!(server.get(&format!("/?{id}")).0, 500);
            failed += 1.0;
        }
        scrape(admin)[repeated] > 0.0
    });
    let log = server.wait_for_log("were dropped: more than 20 a second");
    let told = log.lines().find_map(|line| line.split_once("dropped=")?.1.split(' ').next());
    let dropped = scrape(admin)[repeated];
    assert_eq!(told.and_then(|told| told.parse().ok()), Some(dropped), "{log}");
    let written = log.matches("cannot write attachment").count() as f64;
    assert_eq!(written + dropped, failed, "each is in the log or in the count");
}
