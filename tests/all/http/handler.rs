//! HTTP through `handler(req)`: requests in, responses out, and every limit on the way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;

use crate::support::h2::H2Client;
use crate::support::server::Server;
use crate::support::{PATIENCE, programs};

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| {
    programs::compile(
        r##"
export async function handler(req: Request): Promise<Response> {
  switch (req.path) {
    case "/echo":
      return Response.json({
        method: req.method, url: req.url, path: req.path, query: req.query,
        header: req.headers.get("x-mine"), body: await req.text(),
      });
    case "/json": return Response.json(((await req.json()) as { a: number }).a);
    case "/bytes": return new Response(new Uint8Array(await req.arrayBuffer()).reverse());
    case "/text": return Response.text("plain");
    case "/html": return Response.html("<p>");
    case "/redirect":
      return Response.redirect(req.query === "" ? "/text" : decodeURIComponent(req.query), 307);
    case "/wire":
      return new Response("", { headers: { "x-bytes": "caf\u00e9 \u00ff", "x-more": "\u0080" } });
    case "/beyond": {
      let told = "nothing";
      for (const value of ["\u0100", "日本"]) {
        for (const set of [
          () => new Headers({ x: value }),
          () => new Headers().append("x", value),
          () => new Headers().set("x", value),
          () => new Response("", { headers: [["x", value]] }),
        ]) {
          try { set(); } catch (error) { told = (error as Error).name; continue; }
          return Response.text("it was taken");
        }
      }
      return Response.text(told);
    }
    case "/status": return new Response("made", { status: 201, headers: { "X-A": "1" } });
    case "/empty": return new Response(null, { status: 204 });
    case "/reserved":
      return new Response("body", {
        headers: {
          "Content-Length": "99", "Transfer-Encoding": "chunked", Connection: "x", Upgrade: "y",
          "Keep-Alive": "timeout=9", "Proxy-Connection": "z", TE: "gzip", Trailer: "x-sum", "X-Mine": "1",
        },
      });
    case "/split": return new Response("", { headers: { "X-A": "1\r\nX-B: 2" } });
    case "/throw": throw new Error("the secret of the handler");
    case "/reject": return await Promise.reject(new Error("the secret of the handler"));
    // zigts-ignore ZTS371: so that it fails
    case "/wait": return await new Promise<Response>(() => {});
    case "/nothing": return [].pop() as any;
    case "/spin": for (;;) {}
    default: return Response.text(req.path, { status: 404 });
  }
}
"##,
    )
});

/// Sends a request with this body; returns status, head and body of the response.
fn post(server: &Server, path: &str, body: &str) -> (u16, String, String) {
    send(server, "POST", path, "", body)
}

fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String, String) {
    let len = body.len();
    let (head, body) = server.request(&format!(
        "{method} {path} HTTP/1.1\r\nHost: test:1\r\nConnection: close\r\n{headers}\
         Content-Length: {len}\r\n\r\n{body}"
    ));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {head:?}")), head.to_lowercase(), body)
}

#[test]
fn the_handler_sees_the_request_and_answers_in_every_form() {
    let server = Server::start(&HANDLER, &[]);
    let (status, head, body) = send(&server, "PUT", "/echo?a=1&b", "X-Mine: é\r\n", "höre");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    assert_eq!(
        body,
        r#"{"method":"PUT","url":"http://test:1/echo?a=1&b","path":"/echo","query":"a=1&b","header":"é","body":"höre"}"#
    );
    assert_eq!(post(&server, "/json", r#"{"a":7}"#).2, "7");
    assert_eq!(post(&server, "/bytes", "abc").2, "cba");
    let typed = |path: &str| {
        let (status, head, body) = send(&server, "GET", path, "", "");
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: "));
        (status, kind.map(str::to_owned), body)
    };
    let kind = |kind: &str| Some(kind.to_owned());
    assert_eq!(typed("/text"), (200, kind("text/plain; charset=utf-8"), "plain".to_owned()));
    assert_eq!(typed("/html"), (200, kind("text/html; charset=utf-8"), "<p>".to_owned()));
    assert_eq!(typed("/empty"), (204, None, String::new()));
    let (status, head, body) = send(&server, "GET", "/status", "", "");
    assert_eq!((status, body.as_str()), (201, "made"));
    assert!(head.contains("\r\nx-a: 1"), "{head}");
    let (status, head, _) = send(&server, "GET", "/redirect", "", "");
    assert_eq!(status, 307);
    assert!(head.contains("\r\nlocation: /text"), "{head}");
}

#[test]
fn a_head_request_gets_the_head_of_the_answer_alone() {
    let server = Server::start(&HANDLER, &[]);
    let (head, body) =
        server.request("HEAD /text HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.to_lowercase().contains("content-length: 5"), "{head}");
    assert_eq!(body, "");
}

#[test]
fn a_failing_handler_is_500_and_says_nothing_of_why() {
    let server = Server::start(&HANDLER, &[]);
    for path in ["/throw", "/reject", "/wait", "/nothing", "/split"] {
        let (status, head, body) = send(&server, "GET", path, "", "");
        assert_eq!((status, body.as_str()), (500, "internal server error\n"), "{path}");
        assert!(!head.contains("secret") && !head.contains("x-b"), "{head}");
    }
    server.wait_for_log("the secret of the handler");
    assert_eq!(server.get("/text").0, 200);
}

#[test]
fn a_handler_over_its_cpu_budget_is_504() {
    let server = Server::start(&HANDLER, &[]);
    let (status, _, body) = send(&server, "GET", "/spin", "", "");
    assert_eq!((status, body.as_str()), (504, "the handler took too long\n"));
}

#[test]
fn headers_that_frame_the_message_stay_the_servers() {
    let server = Server::start(&HANDLER, &[]);
    let (status, head, body) = send(&server, "GET", "/reserved", "", "");
    assert_eq!((status, body.as_str()), (200, "body"));
    assert!(head.contains("content-length: 4"), "{head}");
    for other in ["chunked", "upgrade", "connection: x", "timeout", ": z", "gzip", "trailer"] {
        assert!(!head.contains(other), "{head}");
    }
    assert!(head.contains("\r\nx-mine: 1"), "{head}");
    server.wait_for_log(
        "dropped the headers content-length, transfer-encoding, connection, upgrade, keep-alive, \
         proxy-connection, te, trailer: only the server sets them",
    );
    // Over HTTP/2 any of them would be an error of the stream (RFC 9113, 8.2.2).
    let mut client = H2Client::connect(server.address);
    let asked = client.get("/reserved", &[]);
    assert_eq!(client.answer(asked), (200, "body".to_owned()));
    server.wait_for_log_count("only the server sets them", 2);
}

#[test]
fn a_redirect_goes_to_a_url_that_is_written_as_one() {
    let server = Server::start(&HANDLER, &[]);
    let location = |url: &str| {
        let encoded: String = url.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (status, head, _) = send(&server, "GET", &format!("/redirect?{encoded}"), "", "");
        // In lower case, as the whole head is.
        let location = head.lines().find_map(|line| line.strip_prefix("location: "));
        (status, location.map(str::to_owned))
    };
    for (url, written) in [
        ("/日本", "/%e6%97%a5%e6%9c%ac"),
        ("/a b?c d=é#f g", "/a%20b?c%20d=%c3%a9#f%20g"),
        (" /a\tb\n ", "/ab"),
        ("/%20%zz", "/%20%zz"),
        ("../a/./b", "../a/./b"),
        ("?q", "?q"),
        ("//other.example/ü", "//other.example/%c3%bc"),
        ("https://Bücher.example:443/ü/../x?{\"y\"}", "https://xn--bcher-kva.example/x?{%22y%22}"),
        ("mailto:a@b", "mailto:a@b"),
    ] {
        assert_eq!(location(url), (307, Some(written.to_owned())), "{url}");
    }
    for none in ["http://a b/", "https://", "http://a:99999/"] {
        assert_eq!(location(none), (500, None), "{none}");
    }
    server.wait_for_log("Response.redirect: \"http://a b/\" is no URL");
}

#[test]
fn a_character_of_a_response_header_is_a_byte_on_the_wire_and_no_other_is_taken() {
    let server = Server::start(&HANDLER, &[]);
    let answer =
        server.request_bytes(b"GET /wire HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let has = |line: &[u8]| answer.windows(line.len()).any(|window| window == line);
    assert!(has(b"\r\nx-bytes: caf\xe9 \xff\r\n") && has(b"\r\nx-more: \x80\r\n"), "{answer:?}");
    assert_eq!(post(&server, "/beyond", "").2, "TypeError");
}

#[test]
fn a_body_over_the_bound_is_413_whether_it_says_its_length_or_not() {
    let server = Server::start(&HANDLER, &["--max-body-size", "1000"]);
    assert_eq!(post(&server, "/bytes", &"x".repeat(1000)).0, 200);
    assert_eq!(post(&server, "/bytes", &"x".repeat(1001)).0, 413);
    let (head, _) = server.request(&format!(
        "POST /bytes HTTP/1.1\r\nHost: test\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
         3e9\r\n{}\r\n0\r\n\r\n",
        "x".repeat(1001)
    ));
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");
}

#[test]
fn a_head_over_the_bound_is_431() {
    let server = Server::start(&HANDLER, &[]);
    for headers in [
        format!("X-Large: {}\r\n", "x".repeat(20_000)),
        (0..200).map(|number| format!("X-{number}: y\r\n")).collect(),
    ] {
        let (head, _) =
            server.request(&format!("GET /text HTTP/1.1\r\nHost: test\r\n{headers}\r\n"));
        assert!(head.starts_with("HTTP/1.1 431"), "{head}");
    }
}

#[test]
fn a_client_that_is_slow_with_its_head_or_body_is_given_up() {
    let server = Server::start(&HANDLER, &["--header-timeout", "300ms", "--body-timeout", "300ms"]);
    // Nothing at all, too little to know the version, half a head, and an idle transport.
    for begun in
        ["", "GE", "GET /text HTTP/1.1\r\nHost: te", "GET /text HTTP/1.1\r\nHost: t\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        stream.write_all(begun.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{begun:?}: {error}"));
    }
    let (head, _) = server.request(
        "POST /bytes HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: 10\r\n\r\nhalf",
    );
    assert!(head.starts_with("HTTP/1.1 408"), "{head}");
}

#[test]
fn a_transport_is_kept_alive_and_pipelined_requests_are_answered_in_order() {
    let server = Server::start(&HANDLER, &[]);
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    let last = "GET /text HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";
    let mut stream = TcpStream::connect(server.address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    let all = [request("/html"), request("/throw"), request("/status"), last.to_owned()].concat();
    stream.write_all(all.as_bytes()).expect("the server reads");
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("the server closes after the last");
    let statuses: Vec<_> = answers
        .lines()
        .filter_map(|line| line.split_once("HTTP/1.1 "))
        .map(|(_, rest)| &rest[..3])
        .collect();
    assert_eq!(statuses, ["200", "500", "201", "200"], "{answers}");
}

#[test]
fn http_2_is_spoken_with_prior_knowledge() {
    let server = Server::start(&HANDLER, &[]);
    let mut client = H2Client::connect(server.address);
    let asked = client.get("/text", &[]);
    assert_eq!(client.answer(asked), (200, "plain".to_owned()));
}

#[test]
fn without_a_handler_export_every_request_is_404() {
    let server = Server::of(
        r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#,
    );
    assert_eq!(server.get("/"), (404, "not found\n".to_owned()));
}

#[test]
fn every_global_of_the_contract_is_there() {
    let server = Server::of(
        r#"
// zigts-ignore-file ZTS329: asks for what is there and what is not
const NAMES = [
  "console", "URL", "URLSearchParams", "TextEncoder", "TextDecoder", "atob", "btoa", "structuredClone",
  "queueMicrotask", "crypto", "Request", "Response", "Headers", "Promise", "Map", "WeakRef", "Proxy",
  "BigInt", "Intl", "setImmediate", "fetch", "process", "require",
];
export async function handler(req: Request) {
  const missing = NAMES.filter((name) => (globalThis as any)[name] === undefined);
  const works = [
    [3, 1].toSorted().at(-1) === 3,
    Object.groupBy !== undefined,
    [..."ab"].findLast((letter) => letter === "a") === "a",
    crypto.getRandomValues(new Uint8Array(4)).length === 4,
    crypto.randomUUID().length === 36,
    await new Promise((resolve) => queueMicrotask(() => resolve(true))),
    new Date(0).getTimezoneOffset() === 0,
  ];
  return Response.json({ missing, works: works.every(Boolean) });
}
"#,
    );
    let expected = r#"{"missing":["Intl","setImmediate","require"],"works":true}"#;
    assert_eq!(server.get("/"), (200, expected.to_owned()));
}

/// The suite itself is not here: `tests/conformance/test262.sh` runs it with this handler.
#[test]
fn the_handler_of_test262_tells_what_a_script_came_to() {
    let handler = programs::compile_file("tests/conformance/test262/handler.ts");
    let server = Server::start(&handler, &[]);
    let done = "Promise.resolve().then(() => print('Test262:AsyncTestComplete'))";
    for (path, source, expected) in [
        ("/", "is(1)", "ok"),
        ("/", "is(0)", "TypeError: it is not"),
        ("/", "let let = 1", "SyntaxError: "),
        ("/", "Array.prototype[Symbol.iterator] = null; Promise.prototype.then = null", "ok"),
        ("/?async", done, "ok"),
        ("/?async", "print('Test262:AsyncTestFailure: no')", "Test262:AsyncTestFailure: no"),
    ] {
        let before = "function is(it) { if (!it) throw new TypeError('it is not'); }";
        let body = serde_json::to_string(&[before, source]).expect("text always serialises");
        let (status, _, said) = post(&server, path, &body);
        assert!(status == 200 && said.starts_with(expected), "{source}: {status} {said}");
    }
}

#[test]
fn a_client_that_ends_its_direction_gets_its_answers_and_then_the_end() {
    let server = Server::start(&HANDLER, &["--http-idle-timeout", "1h", "--header-timeout", "1h"]);
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    let posted = "POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc".to_owned();
    for (asked, bodies) in [
        (get("/text"), &["plain"][..]),
        (get("/text") + &get("/html"), &["plain", "<p>"]),
        (posted, &["cba"]),
        // It has sent no request: there is nothing to wait for.
        (String::new(), &[]),
        ("GET /te".to_owned(), &[]),
        // The body that was announced never comes.
        ("POST /bytes HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nabc".to_owned(), &[]),
    ] {
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        stream.write_all(asked.as_bytes()).expect("the server reads");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let mut answers = String::new();
        stream.read_to_string(&mut answers).expect("the server ends it in order");
        assert_eq!(answers.matches("HTTP/1.1 200").count(), bodies.len(), "{asked} {answers}");
        assert!(
            bodies.iter().all(|body| answers.contains(&format!("\r\n\r\n{body}"))),
            "{answers}"
        );
    }
}

#[tokio::test]
async fn what_a_request_does_to_others_is_finished_though_its_client_hangs_up() {
    let handler = programs::compile(
        r#"
import { getWebSockets, send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
export function handler(req: Request) {
  console.log("begun");
  for (let left = 500 * 50_000; left > 0; left--);
  for (const ws of getWebSockets("/")) send(ws, "from a request");
  return Response.text("nobody hears this");
}
"#,
    );
    let server = Server::start(&handler, &["--cpu-limit", "5s"]);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("hello").await, "hello");
    let mut stream = TcpStream::connect(server.address).expect("the server listens");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").expect("the server reads");
    server.wait_for_log("begun");
    drop(stream);
    assert_eq!(client.text().await, "from a request");
}
