//! Limits for clients that are not slow but many, fast or large, and how an operator sets them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use tokio_tungstenite::tungstenite::Error;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r#"
import { send, setAutoResponse } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { setAutoResponse(ws, "ping", "pong"); }
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) {
  if (req.path === "/spin") {
    console.log("spinning");
    for (;;) {}
  }
  return Response.text("quick");
}
"#,
    )
});

/// A command that leaves a program this much address space.
fn with_address_space(gibibytes: u32) -> Command {
    let mut starter = Command::new("sh");
    let kibibytes = gibibytes << 20;
    starter.args(["-c", &format!("ulimit -v {kibibytes}; exec \"$0\" \"$@\"")]);
    starter
}

const ECHO: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) { return Response.text("ok"); }
"#;

#[tokio::test]
async fn with_little_address_space_fewer_events_run_at_a_time_and_a_line_says_so() {
    let handler = programs::compile(ECHO);
    for isolation in ["restore", "instantiate"] {
        let arguments = ["--max-events", "256", "--isolation", isolation];
        let (server, admin) = admin::start_under(&mut with_address_space(64), &handler, &arguments);
        let log = server.wait_for_log("events at a time instead of 256");
        let (_, rest) = log.split_once("--max-events ").expect("the flag is named");
        let said: f64 = rest.split(',').next().and_then(|it| it.parse().ok()).expect("a number");
        assert!((1.0..256.0).contains(&said), "{said}");
        assert_eq!(admin::scrape(admin)["zigttp_events_limit"], said);
        let mut clients = Vec::new();
        for _ in 0..20 {
            clients.push(server.connect("/").await);
        }
        for client in &mut clients {
            assert_eq!(client.ask("hello").await, "hello");
        }
        assert_eq!(server.get("/"), (200, "ok".to_owned()));
        // The advice of the line is right.
        let said = said.to_string();
        let arguments = ["--max-events", &said, "--isolation", isolation];
        let (server, _) = admin::start_under(&mut with_address_space(64), &handler, &arguments);
        assert!(!server.log().contains("events at a time instead"), "{}", server.log());
    }
}

#[test]
fn with_too_little_address_space_for_one_event_the_server_says_what_it_needs() {
    let handler = programs::compile(ECHO);
    for isolation in ["restore", "instantiate"] {
        let mut starter = with_address_space(6);
        programs::prepare(&mut starter);
        let output = starter
            .arg(programs::program_path("zigttp"))
            .arg("run")
            .arg(&handler)
            .args(["--port", "0", "--isolation", isolation])
            .output()
            .expect("the shell starts");
        let said = String::from_utf8(output.stderr).expect("messages are UTF-8");
        assert_eq!(output.status.code(), Some(2), "{said}");
        let (before, _) = said.split_once(" GiB of address space (ulimit -v)").expect(&said);
        let needed = before.rsplit(' ').next().and_then(|it| it.parse().ok());
        // That value is enough.
        let arguments = ["--isolation", isolation];
        let mut starter = with_address_space(needed.expect("a number"));
        let server = Server::start_under(&mut starter, &handler, &arguments);
        assert_eq!(server.get("/"), (200, "ok".to_owned()));
    }
}

#[tokio::test]
async fn a_connection_over_its_message_rate_is_closed_with_1008() {
    let server = Server::start(&HANDLER, &["--message-rate", "3"]);
    for message in ["hello", "ping"] {
        let mut client = server.connect("/").await;
        for _ in 0..4 {
            client.send(message).await;
        }
        let answer = if message == "ping" { "pong" } else { message };
        let mut answers = 0;
        let closed = loop {
            match client.next().await {
                tokio_tungstenite::tungstenite::Message::Text(text) => {
                    assert_eq!(text.as_str(), answer);
                    answers += 1;
                }
                tokio_tungstenite::tungstenite::Message::Close(frame) => {
                    break frame.expect("a close frame with a code");
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(answers <= 3, "{answers}");
        assert_eq!((u16::from(closed.code), closed.reason.as_str()), (1008, "too many messages"));
    }
}

#[tokio::test]
async fn an_address_over_its_handshake_rate_is_429() {
    let server = Server::start(&HANDLER, &["--handshake-rate", "2"]);
    let mut clients = Vec::new();
    let refused = loop {
        match Client::try_connect(server.address, "/").await {
            Ok(client) => clients.push(client),
            Err(Error::Http(refusal)) => break refusal,
            Err(error) => panic!("{error}"),
        }
        assert!(clients.len() < 100, "nobody was refused");
    };
    assert!(clients.len() >= 2);
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    // Clients that are connected stay.
    assert_eq!(clients[0].ask("hello").await, "hello");
    assert_eq!(server.get("/").0, 200);
}

#[tokio::test]
async fn with_as_many_events_as_may_run_http_is_503_and_messages_wait() {
    let server = Server::start(&HANDLER, &["--max-events", "1", "--cpu-limit", "2s"]);
    let mut client = server.connect("/").await;
    // Its onOpen has ended, and with it the only event.
    assert_eq!(client.ask("ready").await, "ready");
    let address = server.address;
    let spinning = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(address).expect("the server listens");
        stream
            .write_all(b"GET /spin HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        answer
    });
    server.wait_for_log("spinning");
    let (head, body) = server.request("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(head.to_lowercase().contains("retry-after: 1"), "{head}");
    assert_eq!(body, "the server is busy\n");
    // The message is handled once an event has ended.
    assert_eq!(client.ask("hello").await, "hello");
    let answer = spinning.join().expect("it does not panic");
    assert!(answer.starts_with("HTTP/1.1 504"), "{answer}");
    assert_eq!(server.get("/").0, 200);
}

#[test]
fn no_more_bodies_are_held_than_four_for_each_event_that_may_run() {
    use std::io::Write;
    let server = Server::start(&HANDLER, &["--max-events", "1"]);
    let post = "POST / HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 5\r\n\r\nh";
    // Held open: each may arrive before one that was sent earlier, or be refused itself.
    let mut slow = Vec::new();
    crate::support::eventually("a body too many", || {
        let mut stream = std::net::TcpStream::connect(server.address).expect("it listens");
        stream.write_all(post.as_bytes()).expect("it reads");
        slow.push(stream);
        let (head, _) = server.request(&format!("{post}ello"));
        head.starts_with("HTTP/1.1 503")
    });
    assert!(slow.len() >= 4, "a body was refused beside {}", slow.len() - 1);
    drop(slow);
    crate::support::eventually("room again", || {
        server.request(&format!("{post}ello")).0.starts_with("HTTP/1.1 200")
    });
}

#[test]
fn port_is_honoured_after_the_flag_and_its_own_variable() {
    let run = |port: Option<&str>, variables: &[(&str, &str)]| {
        let mut command = programs::program("zigttp");
        command.arg("run").arg(&*HANDLER).args(["--host", "127.0.0.1"]);
        command.args(port.into_iter().flat_map(|port| ["--port", port]));
        command.envs(variables.iter().copied());
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zigttp starts");
        let mut line = String::new();
        use std::io::{BufRead, BufReader, Read};
        let stdout = process.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("standard output is text");
        let _ = process.kill();
        let mut log = String::new();
        process.stderr.take().expect("it is piped").read_to_string(&mut log).expect("text");
        let status = process.wait().expect("a child can be waited for");
        (line, log, status.code())
    };
    // 0 picks a free port; a port in use would be an error.
    assert!(run(None, &[("PORT", "0")]).0.starts_with("listening on http://127.0.0.1:"));
    assert!(run(Some("0"), &[("PORT", "nonsense")]).0.starts_with("listening on"));
    assert!(run(None, &[("PORT", "nonsense"), ("ZIGTTP_PORT", "0")]).0.starts_with("listening on"));
    let (line, log, code) = run(None, &[("PORT", "nonsense")]);
    assert_eq!((line.as_str(), code), ("", Some(2)), "{log}");
    assert!(log.contains("PORT is \"nonsense\", which is not a port"), "{log}");
}

#[test]
fn the_log_says_at_start_what_is_not_as_by_default() {
    let server = Server::start(
        &HANDLER,
        &[
            "--max-connections",
            "7",
            "--cpu-limit",
            "50ms",
            "--allowed-origin",
            "https://a.example,*",
        ],
    );
    let log = server.wait_for_log("changed options:");
    let line = log.lines().find(|line| line.contains("changed options")).expect("it is there");
    assert!(
        line.ends_with("--port 0, --max-connections 7, --allowed-origin https://a.example,*"),
        "{line}"
    );
}

#[test]
fn options_that_cannot_be_are_refused() {
    for (arguments, words) in [
        (&["--allowed-origin", "app.example.com"][..], "\"app.example.com\" is not an origin"),
        (&["--message-rate", "0"], "message-rate"),
        (&["--admin-listen", "0.0.0.0:0"], "give an --admin-token-file"),
        (&["--admin-listen", "localhost"], "write an address and a port"),
        (&["--admin-token-file", "/no/such"], "admin-listen"),
        (&["--host", "localhost"], "write an address as 127.0.0.1"),
        (&["--max-queue", "1e3"], "\"1e3\" is not a size"),
        // Each would be a server that refuses everyone.
        (&["--max-url", "0"], "--max-url is 0"),
        (&["--max-queue", "0"], "--max-queue is 0"),
        (&["--room-queue", "0"], "--room-queue is 0"),
        (&["--room-queue-bytes", "0"], "--room-queue-bytes is 0"),
        (&["--max-response-bytes", "1KiB"], "--max-response-bytes is 1024"),
        // Options that cannot be combined are named as flags.
        (
            &["--memory-limit", "600MiB"],
            "--max-event-memory is 536870912 bytes, less than --memory-limit",
        ),
        (&["--max-partial-bytes", "1MiB"], "less than four times --max-message-size"),
        (&["--resume"], "--resume needs a durable folder (--durable)"),
        (&["--durable", "/dev/null"], "/dev/null: it is not a folder"),
        (
            &["--admin-listen", "127.0.0.1:0", "--admin-token-file", "/no/such"],
            "cannot read the token file /no/such",
        ),
    ] {
        let output = programs::program("zigttp")
            .arg("run")
            .arg(&*HANDLER)
            .args(["--port", "0"])
            .args(arguments)
            .output()
            .expect("zigttp starts");
        let log = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?} {log}");
        assert!(log.contains(words), "{arguments:?} {log}");
    }
}

#[test]
fn help_groups_the_options() {
    let output = programs::program("zigttp").args(["run", "--help"]).output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("help is text");
    let headings = ["Events:", "Connections:", "Swapping the handler:", "HTTP:", "Observing:"];
    for heading in headings {
        assert!(help.lines().any(|line| line == heading), "{heading}\n{help}");
    }
    for option in ["--admin-listen", "--log-format", "--handshake-rate", "ZIGTTP_ALLOWED_ORIGIN"] {
        assert!(help.contains(option), "{option}");
    }
}
