//! WebSocket over HTTP/2 (RFC 8441), with Node's HTTP/2 client: `tests/conformance/rfc8441.mjs` says what
//! it checks. A `CONNECT` for anything else is refused.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::support::programs::{self, root};
use crate::support::server::Server;
use crate::support::{skipped, tls};

const HANDLER: &str = r#"
import { close, deserializeAttachment, getWebSockets, send } from "zigttp:websocket";

export const routes = ["/room/:name"];
export const protocols = ["chat.v2"];

const big = "x".repeat(64 * 1024);

export function onUpgrade(req: Request): Admission {
  if (req.query === "refuse") return Response.text("not you", { status: 401 });
  return `${req.method} ${req.url} ${req.headers.get("host")} ${req.headers.get("cookie")}`;
}
export function onMessage(ws: WebSocket, data: string | ArrayBuffer, room: string) {
  const peers = getWebSockets(room);
  if (data === "who") send(ws, String(deserializeAttachment(ws)));
  else if (data === "bye") close(ws, 4001, "bye");
  else if (data === "flood") {
    for (const peer of peers) if (peer !== ws) send(peer, big);
    send(ws, `${peers.length - 1} peers`);
  } else if (typeof data === "string" && data.startsWith("all ")) {
    for (const peer of peers) send(peer, data);
  } else send(ws, data);
}
export function onClose(ws: WebSocket, code: number, reason: string) {
  console.log("closed", code, reason);
}
export function handler(req: Request) {
  return Response.text(`${req.method} ${req.url}`);
}
"#;

const BOUNDS: [&str; 8] = [
    "--max-queue",
    "2MiB",
    "--slow-consumer-timeout",
    "300ms",
    "--close-timeout",
    "500ms",
    "--drain-timeout",
    "20s",
];

#[test]
fn websockets_over_http_2_and_tls() {
    hold_to_the_rules(tls::serve(HANDLER, &BOUNDS), "https");
}

#[test]
fn websockets_over_http_2_with_prior_knowledge() {
    hold_to_the_rules(Server::start(&programs::compile(HANDLER), &BOUNDS), "http");
}

#[test]
fn a_connect_of_http_1_is_no_tunnel_either() {
    let server = Server::of(HANDLER);
    let connect =
        "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\nConnection: close\r\n\r\n";
    let (head, body) = server.request(connect);
    assert!(head.starts_with("HTTP/1.1 501 "), "{head}");
    assert_eq!(body, "this server tunnels nothing but WebSockets\n");
}

/// Runs the script against a server, and stops the server when the script asks for it.
fn hold_to_the_rules(server: Server, scheme: &str) {
    if Command::new("node").arg("--version").output().is_err() {
        skipped("there is no node to be the HTTP/2 client");
        return;
    }
    let mut script = Command::new("node")
        .arg(root().join("tests/conformance/rfc8441.mjs"))
        .arg(format!("{scheme}://localhost:{}", server.address.port()))
        .env("NODE_EXTRA_CA_CERTS", tls::certificate("first"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let stdout = BufReader::new(script.stdout.take().expect("it is piped"));
    let mut said = String::new();
    for line in stdout.lines() {
        let line = line.expect("the script writes text");
        if line == "waiting for 1001" {
            server.signal("TERM");
        }
        said = said + &line + "\n";
    }
    let status = script.wait().expect("a child can be waited for");
    assert!(status.success(), "{status}:\n{said}\n{}", server.log());
    for closed in
        ["closed 4000 done", "closed 4001 bye", "closed 1002", "closed 1006", "closed 1001"]
    {
        server.wait_for_log(closed);
    }
    let log = server.wait_for_log("closed 1008 slow consumer");
    assert!(!log.contains("ERROR"), "{log}");
    let log = server.wait_for_log("stopped");
    assert!(!log.contains("drain time-out"), "its connections and streams have ended: {log}");
    assert!(server.wait().success());
}
