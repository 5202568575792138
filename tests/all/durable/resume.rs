//! A client that comes back gets the attachment that it has left.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use crate::support::raw::{CLOSE, PING, PONG, RawClient, TEXT, close_payload};
use crate::support::server::Server;
use crate::support::{PATIENCE, admin, eventually, programs};

/// For tests in which a live connection answers a ping.
const PATIENT: [&str; 2] = ["--resume-probe-timeout", "20s"];

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";
export function onOpen(ws: WebSocket) {
  send(ws, "have " + (deserializeAttachment(ws) ?? "nothing"));
}
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
  send(ws, "kept " + data);
}
export function onClose(ws: WebSocket, code: number) { console.log("closed", code); }
"#,
    )
});

struct Resuming {
    folder: tempfile::TempDir,
}

/// An open connection and what its 101 said.
pub(super) struct Visit {
    pub(super) client: RawClient,
    pub(super) cookie: Option<String>,
    token: String,
}

impl Resuming {
    fn new() -> Resuming {
        Resuming { folder: programs::folder() }
    }

    fn serve(&self, arguments: &[&str]) -> Server {
        let path = self.folder.path().to_str().expect("a UTF-8 path");
        Server::start(&HANDLER, &[&["--durable", path, "--resume"], arguments].concat())
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("ws")).expect("it is there").count()
    }
}

/// Opens a WebSocket with further headers, and reads the greeting.
pub(super) fn visit(server: &Server, path: &str, headers: &str) -> (Visit, String) {
    let (client, head) = RawClient::connect_with(server.address, path, headers);
    let header = |name: &str| {
        head.lines().find_map(|line| {
            let (known, value) = line.split_once(": ")?;
            known.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let cookie = header("set-cookie");
    let token = header("zigttp-resume").expect("each has a token");
    let mut visit = Visit { client, cookie, token };
    let greeting = visit.client.text();
    (visit, greeting)
}

/// The headers of a browser that has this cookie.
pub(super) fn with_cookie(set_cookie: &str) -> String {
    format!("Cookie: theme=dark; {}\r\n", set_cookie.split(';').next().expect("a pair"))
}

/// The header of a browser that has these cookies.
fn cookies<S: std::borrow::Borrow<str>>(jar: &[S]) -> String {
    if jar.is_empty() { String::new() } else { format!("Cookie: {}\r\n", jar.join("; ")) }
}

fn keep(visit: &mut Visit, value: &str) {
    visit.client.frame(TEXT, value.as_bytes());
    assert_eq!(visit.client.text(), format!("kept {value}"));
}

#[test]
fn a_dropped_link_is_resumed_by_the_same_browser_on_the_same_url_once() {
    let resuming = Resuming::new();
    let server = resuming.serve(&PATIENT);
    let (mut first, greeting) = visit(&server, "/room/a?tab=1", "");
    assert_eq!(greeting, "have nothing");
    let cookie = first.cookie.clone().expect("a new browser gets a cookie");
    assert!(cookie.contains("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
    keep(&mut first, "ada");
    drop(first);
    server.wait_for_log("closed 1006");

    let known = with_cookie(&cookie);
    // Nothing comes back on another URL, in another browser, or after a close handshake.
    assert_eq!(visit(&server, "/room/a?tab=2", &known).1, "have nothing");
    assert_eq!(visit(&server, "/room/a?tab=1", "").1, "have nothing");
    let (second, greeting) = visit(&server, "/room/a?tab=1", &known);
    assert_eq!(greeting, "have ada");
    assert_eq!(second.cookie, None, "a browser that is known keeps its cookie");
    // It belongs to a live connection now: a second tab on the same URL does not get it.
    let answering = std::thread::spawn({
        let mut second = second;
        move || {
            let (first, payload) = second.client.next();
            assert_eq!(first, PING);
            second.client.frame(PONG, &payload);
            second
        }
    });
    assert_eq!(visit(&server, "/room/a?tab=1", &known).1, "have nothing");
    drop(answering.join().expect("it is pinged and answers"));
}

#[test]
fn a_crash_and_a_shutdown_are_resumed() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut first, _) = visit(&server, "/a", "");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    keep(&mut first, "before the crash");
    server.kill();
    let server = resuming.serve(&[]);
    let (mut second, greeting) = visit(&server, "/a", &cookie);
    assert_eq!(greeting, "have before the crash");
    keep(&mut second, "before the shutdown");
    server.signal("TERM");
    assert_eq!(second.client.close_frame().0, Some(1001));
    drop(second);
    server.wait();
    let server = resuming.serve(&[]);
    assert_eq!(visit(&server, "/a", &cookie).1, "have before the shutdown");
}

#[test]
fn a_close_in_order_leaves_nothing_to_resume() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut first, _) = visit(&server, "/a", "");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    keep(&mut first, "ada");
    first.client.frame(CLOSE, &close_payload(1000, b""));
    assert_eq!(first.client.close_frame().0, Some(1000));
    server.wait_for_log("closed 1000");
    assert_eq!(visit(&server, "/a", &cookie).1, "have nothing");
    assert_eq!(resuming.files(), 0);
}

#[test]
fn the_most_recently_dropped_of_two_tabs_comes_first() {
    let resuming = Resuming::new();
    let server = resuming.serve(&PATIENT);
    let (mut first, _) = visit(&server, "/a", "");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    keep(&mut first, "first");
    let pong = std::thread::spawn(move || {
        let (_, payload) = first.client.next();
        first.client.frame(PONG, &payload);
        first
    });
    let (mut second, greeting) = visit(&server, "/a", &cookie);
    assert_eq!(greeting, "have nothing");
    let first = pong.join().expect("it is pinged and answers");
    keep(&mut second, "second");
    drop(first);
    server.wait_for_log_count("waits for its client", 1);
    drop(second);
    server.wait_for_log_count("waits for its client", 2);
    assert_eq!(visit(&server, "/a", &cookie).1, "have second");
}

#[test]
fn a_half_open_link_is_pinged_and_taken_over() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut half_open, _) = visit(&server, "/a", "");
    let cookie = with_cookie(&half_open.cookie.clone().expect("a new browser gets a cookie"));
    keep(&mut half_open, "ada");
    // It is still open for TCP, and sends nothing any more.
    assert_eq!(visit(&server, "/a", &cookie).1, "have ada");
    server.wait_for_log("closed 1006");
    drop(half_open);
}

#[test]
fn a_client_without_cookies_resumes_by_the_token_of_its_connection() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut first, _) = visit(&server, "/a", "");
    keep(&mut first, "ada");
    let token = format!("zigttp-resume: {}\r\n", first.token);
    drop(first);
    server.wait_for_log("closed 1006");
    assert_eq!(visit(&server, "/b", &token).1, "have nothing");
    assert_eq!(visit(&server, "/a", &token).1, "have ada");
    assert_eq!(visit(&server, "/a", "").1, "have nothing");
}

#[test]
fn forged_tokens_are_ignored_and_counted_and_none_is_logged() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut first, _) = visit(&server, "/a", "");
    keep(&mut first, "ada");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    let token = first.token.clone();
    drop(first);
    server.wait_for_log("closed 1006");
    let forged = cookie.replace(".", "A.");
    let (stranger, greeting) = visit(&server, "/a", &forged);
    assert_eq!(greeting, "have nothing");
    assert!(stranger.cookie.is_some(), "it gets a cookie of its own");
    assert_eq!(visit(&server, "/a", "zigttp-resume: AAAA.AAAA\r\n").1, "have nothing");
    server.signal("TERM");
    drop(stranger);
    let log = server.wait_for_log("forged_tokens=2 ");
    assert!(!log.contains(&token), "a token is a secret:\n{log}");
}

#[test]
fn two_servers_of_one_host_leave_each_other_their_cookies() {
    let (one, other) = (Resuming::new(), Resuming::new());
    let servers = [one.serve(&[]), other.serve(&[])];
    let mut jar = Vec::new();
    for server in &servers {
        // The browser sends its cookies to all ports and paths of the host.
        let (mut first, greeting) = visit(server, "/a", &cookies(&jar));
        assert_eq!(greeting, "have nothing");
        let set = first.cookie.clone().expect("it is new to this server");
        let (pair, _) = set.split_once(';').expect("a pair and what it is for");
        let (name, _) = pair.split_once('=').expect("a pair");
        assert!(name.starts_with("zigttp-resume-") && name.len() == 22, "{name}");
        assert!(!jar.iter().any(|known: &String| known.starts_with(name)), "{name} in {jar:?}");
        jar.push(pair.to_owned());
        keep(&mut first, "ada");
    }
    for server in &servers {
        server.wait_for_log("closed 1006");
        let (back, greeting) = visit(server, "/a", &cookies(&jar));
        assert_eq!((&*greeting, back.cookie.is_none()), ("have ada", true));
        server.signal("TERM");
        drop(back);
        server.wait_for_log("forged_tokens=0 ");
    }
}

#[test]
fn the_cookie_is_found_beside_any_bytes_and_behind_one_of_its_name_that_is_not_good() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    let (mut first, _) = visit(&server, "/a", "");
    let cookie = first.cookie.clone().expect("a new browser gets a cookie");
    let (pair, _) = cookie.split_once(';').expect("a pair and what it is for");
    let (name, _) = pair.split_once('=').expect("a pair");
    keep(&mut first, "ada");
    drop(first);
    server.wait_for_log("closed 1006");
    let line = cookies(&["user=Jos\u{e9}", &format!("{name}=AAAA.AAAA"), pair, "x=\u{65e5}"]);
    let (back, greeting) = visit(&server, "/a", &line);
    assert_eq!((&*greeting, back.cookie.is_none()), ("have ada", true));
}

#[test]
fn over_tls_the_cookie_is_bound_to_the_host() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    // The host is the one that the raw client names.
    let cookie = visit(&server, "/a", "Origin: https://test\r\n")
        .0
        .cookie
        .expect("a new browser gets a cookie");
    assert!(cookie.starts_with("__Host-zigttp-resume-"), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

#[test]
fn what_nobody_comes_back_for_in_time_is_gone() {
    let resuming = Resuming::new();
    let server = resuming.serve(&["--resume-window", "200ms"]);
    let (mut first, _) = visit(&server, "/a", "");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    keep(&mut first, "ada");
    drop(first);
    server.wait_for_log("closed 1006");
    eventually("the end of its time", || resuming.files() == 0);
    assert_eq!(visit(&server, "/a", &cookie).1, "have nothing");
}

#[test]
fn over_its_number_or_bytes_the_oldest_of_what_is_left_goes_and_is_counted() {
    // A file takes a block of 4 KiB, so both have space for two.
    for (bound, limits) in [
        (["--max-leftovers", "2"], [2.0, 2.0 * (64.0 + 8.0) * 1024.0]),
        (["--max-leftover-bytes", "8KiB"], [100_000.0, 8192.0]),
    ] {
        let resuming = Resuming::new();
        let path = resuming.folder.path().to_str().expect("a UTF-8 path");
        let (server, operator) =
            admin::start(&HANDLER, &[&["--durable", path, "--resume"][..], &bound].concat());
        let mut browsers = Vec::new();
        for number in 1..=3 {
            let (mut visit, _) = visit(&server, "/a", "");
            browsers.push(with_cookie(&visit.cookie.clone().expect("it is new")));
            keep(&mut visit, &number.to_string());
            drop(visit);
            server.wait_for_log_count("waits for its client", number);
        }
        eventually("the end of the oldest file", || resuming.files() == 2);
        let metrics = admin::scrape(operator);
        for (name, value) in [
            ("leftovers", 2.0),
            ("leftover_bytes", 8192.0),
            ("leftovers_limit", limits[0]),
            ("leftover_bytes_limit", limits[1]),
            ("evicted_leftovers_total", 1.0),
        ] {
            assert_eq!(metrics[&format!("zigttp_{name}")], value, "{bound:?}: {name}");
        }
        let found = browsers.iter().map(|browser| visit(&server, "/a", browser).1);
        assert_eq!(found.collect::<Vec<_>>(), ["have nothing", "have 2", "have 3"], "{bound:?}");
    }
}

/// A file that a connection of some browser has left, with the size that its header says but no disk space.
fn plant(resuming: &Resuming, id: usize, length: u64) {
    let header = format!(
        "zigttp-attachment 1 00000000 {{\"kind\":\"string\",\"room\":\"/a\",\"url\":\"/a\",\
         \"browser\":\"{id:021}A\",\"written\":{id},\"length\":{length}}}\n"
    );
    let path = resuming.folder.path().join(format!("ws/{id}.att"));
    let mut file = std::fs::File::create(path).expect("the folder is writable");
    file.write_all(header.as_bytes()).expect("there is room");
    file.set_len(header.len() as u64 + length).expect("it is sparse");
}

#[test]
fn a_start_reads_headers_alone_keeps_to_the_bounds_and_no_file_fills_the_memory() {
    const FIRST: usize = 10_000_000;
    const FILES: usize = 5_000;
    const MOST: usize = 4_000;
    let resuming = Resuming::new();
    drop(resuming.serve(&[]));
    for id in FIRST..FIRST + FILES - 1 {
        plant(&resuming, id, 1 << 20);
    }
    let largest = FIRST + FILES - 1;
    plant(&resuming, largest, 1 << 30);
    let nothing = resuming.folder.path().join(format!("ws/{}.att", largest + 1));
    let nothing = std::fs::File::create(nothing).expect("the folder is writable");
    nothing.set_len(1 << 30).expect("it is sparse");

    let most = MOST.to_string();
    let path = resuming.folder.path().to_str().expect("a UTF-8 path");
    let (server, operator) = admin::start(
        &HANDLER,
        &["--durable", path, "--resume", "--max-leftover-bytes", "8GiB", "--max-leftovers", &most],
    );
    server.wait_for_log(&format!("files={}", FILES - MOST));
    // The invalid one stays as well: its owner is unknown.
    eventually("the end of the oldest files", || resuming.files() == MOST + 1);
    let metrics = admin::scrape(operator);
    assert_eq!(metrics["zigttp_leftovers"], MOST as f64);
    assert_eq!(metrics["zigttp_evicted_leftovers_total"], (FILES - MOST) as f64);
    // The server also reads the handler, and the module that it was compiled to.
    let io = std::fs::read_to_string(format!("/proc/{}/io", server.pid())).expect("it runs");
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("Linux says so");
    let read: usize = read.parse().expect("a number");
    assert!(read < FILES * 8192 + (64 << 20), "{read} bytes were read of 7 GiB");

    // Nor is one read when an operator asks for it.
    let (mut visitor, _) = visit(&server, "/a", "");
    keep(&mut visitor, "x");
    let adopted = adopt(&resuming, 1, largest);
    assert!(adopted.contains("the largest attachment may have 65536"), "{adopted}");
    let adopted = adopt(&resuming, 1, largest + 1);
    assert!(adopted.contains("damaged"), "{adopted}");
    assert!(server.peak_memory() < 512, "{} MiB", server.peak_memory());
}

/// What an operator gets for asking to adopt an attachment.
fn adopt(resuming: &Resuming, new: usize, prior: usize) -> String {
    let mut command: Command = programs::program("zigttp");
    let command = command.args(["attachments", "adopt", &new.to_string(), &prior.to_string()]);
    let output = command.arg("--durable").arg(resuming.folder.path()).output();
    String::from_utf8(output.expect("zigttp starts").stderr).expect("messages are UTF-8")
}

#[test]
fn resuming_needs_a_durable_folder() {
    let output = programs::program("zigttp")
        .arg("run")
        .arg(&*HANDLER)
        .arg("--resume")
        .output()
        .expect("zigttp starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a durable folder"));
}

#[test]
fn resuming_does_not_go_with_pages_of_any_origin() {
    let resuming = Resuming::new();
    let output = programs::program("zigttp")
        .arg("run")
        .arg(&*HANDLER)
        .args(["--resume", "--allowed-origin", "*", "--durable"])
        .arg(resuming.folder.path())
        .output()
        .expect("zigttp starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("cannot be combined with --allowed-origin")
    );
}

#[test]
fn an_attachment_of_on_upgrade_wins_over_what_was_left() {
    let source = r#"
import { deserializeAttachment, send } from "zigttp:websocket";
export function onUpgrade(req: Request) { return req.headers.get("x-user") ?? undefined; }
export function onOpen(ws: WebSocket) { send(ws, String(deserializeAttachment(ws))); }
export function onMessage(ws: WebSocket, data: string) {}
export function onClose(ws: WebSocket, code: number) { console.log("closed", code); }
"#;
    let folder = programs::folder();
    let path = folder.path().to_str().expect("a UTF-8 path");
    let server = Server::start(&programs::compile(source), &["--durable", path, "--resume"]);
    let (first, greeting) = visit(&server, "/a", "X-User: ada\r\n");
    assert_eq!(greeting, "ada");
    let cookie = with_cookie(&first.cookie.clone().expect("a new browser gets a cookie"));
    drop(first);
    server.wait_for_log("closed 1006");
    // A new login never inherits the old user's state, which is gone then.
    assert_eq!(visit(&server, "/a", &format!("{cookie}X-User: bob\r\n")).1, "bob");
    server.wait_for_log_count("closed 1006", 2);
    let (bob, greeting) = visit(&server, "/a", &cookie);
    assert_eq!(greeting, "bob");
    assert_eq!(std::fs::read_dir(folder.path().join("ws")).expect("it is there").count(), 1);
    drop(bob);
}

#[test]
fn without_resume_nobody_is_given_a_cookie() {
    let server = Server::start(&HANDLER, &[]);
    let mut stream = TcpStream::connect(server.address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .expect("the server reads");
    let mut head = [0; 512];
    let read = stream.read(&mut head).expect("the server answers");
    let head = String::from_utf8_lossy(&head[..read]).to_lowercase();
    assert!(head.starts_with("http/1.1 101") && !head.contains("cookie"), "{head}");
}

#[test]
fn a_client_that_comes_back_to_a_paused_room_gets_what_it_has_left_after_the_pause() {
    let resuming = Resuming::new();
    let server = resuming.serve(&[]);
    eventually("the control socket", || resuming.folder.path().join("control.sock").exists());
    let room = |what: &str| {
        let mut command = programs::program("zigttp");
        command.args(["room", what, "/a", "--durable"]).arg(resuming.folder.path());
        assert!(command.status().expect("zigttp starts").success());
    };
    let (mut first, greeting) = visit(&server, "/a", "");
    assert_eq!(greeting, "have nothing");
    first.client.frame(TEXT, b"my seat");
    assert_eq!(first.client.text(), "kept my seat");
    let Visit { client, token, .. } = first;
    drop(client);
    server.wait_for_log("closed 1006");
    room("pause");
    let header = format!("zigttp-resume: {token}\r\n");
    let (mut refused, head) = RawClient::connect_with(server.address, "/a", &header);
    assert_eq!(refused.close_frame(), (Some(1013), "the room is paused".to_owned()));
    // The token that it has is still the one to come back with.
    assert!(!head.to_lowercase().contains("\r\nzigttp-resume:"), "{head}");
    room("resume");
    assert_eq!(visit(&server, "/a", &header).1, "have my seat");
}
