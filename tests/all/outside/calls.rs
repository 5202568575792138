//! Requests to other servers: to which hosts, and what comes back of servers of every kind.

use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::called::{Called, Received, Reply, response};
use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs, tls};

/// Makes the requests of its messages, `{ url, init }` or a list of them, and tells what has come of each.
const SOURCE: &str = r#"
import { send } from "zigttp:websocket";

type Asked = { url: string; init?: RequestInit };

async function ask({ url, init }: Asked) {
  try {
    const answer = await fetch(url, init);
    const { status, redirected } = answer;
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`);
    return { status, redirected, url: answer.url, headers, text: await answer.text() };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: `${name}: ${message}` };
  }
}

export async function onMessage(ws: WebSocket, data: string) {
  const asked = JSON.parse(data);
  const all = Array.isArray(asked) ? await Promise.all(asked.map(ask)) : await ask(asked);
  send(ws, JSON.stringify(all));
}
"#;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

fn serve(arguments: &[&str]) -> Server {
    Server::start(&HANDLER, arguments)
}

async fn ask(client: &mut Client, request: Value) -> Value {
    serde_json::from_str(&client.ask(&request.to_string()).await).expect("JSON")
}

/// The error of a request that fails, with the port of the server written as PORT.
async fn error(client: &mut Client, called: &Called, request: Value) -> String {
    let told = ask(client, request).await;
    let error = told["error"].as_str().unwrap_or_else(|| panic!("no error: {told}"));
    error.replace(&called.port.to_string(), "PORT")
}

async fn greeting() -> Called {
    Called::start(|_| response("200 OK", "", "hi")).await
}

#[tokio::test]
async fn a_handler_calls_the_hosts_that_are_allowed_and_no_others() {
    let called = greeting().await;
    let server = serve(&["--allow-fetch", "localhost"]);
    let mut client = server.connect("/room").await;
    let told = ask(&mut client, json!({ "url": called.url("/a?b") })).await;
    assert_eq!((&told["status"], &told["text"]), (&json!(200), &json!("hi")));
    let url = format!("http://127.0.0.1:{}/?secret", called.port);
    let refused = error(&mut client, &called, json!({ "url": url })).await;
    let expected = "TypeError: fetch: 127.0.0.1:PORT is not allowed; \
                    start the server with --allow-fetch 127.0.0.1:PORT";
    assert_eq!(refused, expected);
    let refused = error(&mut client, &called, json!({ "url": "https://example.com/" })).await;
    let expected = "TypeError: fetch: example.com is not allowed; \
                    start the server with --allow-fetch example.com";
    assert_eq!(refused, expected);
    assert_eq!(called.connections(), 1);
}

#[test]
fn a_start_tells_which_hosts_that_the_handler_names_are_not_allowed() {
    let handler = programs::compile(
        "export async function handler(req: Request) {\n\
         \x20 await fetch(\"https://api.example.com/v1\");\n\
         \x20 return await fetch(\"http://127.0.0.1:9911/\");\n}\n",
    );
    let told = "the handler calls hosts that are not allowed:";
    let server = Server::start(&handler, &["--allow-fetch", "*.example.com"]);
    let log = server.wait_for_log(told);
    assert!(log.contains(&format!("{told} --allow-fetch 127.0.0.1:9911\n")), "{log}");
    let hosts = "api.example.com,127.0.0.1:9911";
    let server = Server::start(&handler, &["--allow-fetch", hosts]);
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    assert!(!log.contains(told), "{log}");
}

#[tokio::test]
async fn a_star_reaches_no_internal_address_by_any_name_or_redirect() {
    let inner = greeting().await;
    let to = format!("http://127.0.0.1:{}/", inner.port);
    let location = format!("location: {to}\r\n");
    let called = Called::start(move |_| response("302 Found", &location, "")).await;
    let own = format!("localhost:{}", called.port);
    let server = serve(&["--allow-fetch", "*", "--allow-fetch", &own]);
    let mut client = server.connect("/room").await;
    let port = inner.port;
    for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/");
        let refused = error(&mut client, &inner, json!({ "url": url })).await;
        assert!(refused.contains("has an internal address"), "{host}: {refused}");
    }
    let refused = error(&mut client, &inner, json!({ "url": called.url("/") })).await;
    assert!(refused.contains("redirects to 127.0.0.1:PORT, an internal address"), "{refused}");
    assert_eq!((inner.connections(), called.connections()), (0, 1));
}

#[tokio::test]
async fn what_is_sent_arrives_and_what_is_answered_comes_back() {
    let called = Called::start(|request| match request.path.as_str() {
        "/moved" => response("303 See Other", "location: /there\r\n", ""),
        _ => {
            let (Received { method, path, .. }, body) = (request, request.text());
            response("201 Created", "x-a: 1\r\nx-a: 2\r\n", format!("{method} {path} {body}"))
        }
    })
    .await;
    let server = serve(&["--allow-fetch", "localhost"]);
    let mut client = server.connect("/room").await;
    let init = json!({
        "method": "POST", "body": "b\u{e4}h",
        "headers": { "x-own": "1", "host": "evil.example", "content-length": "99", "cookie": "c=1" },
    });
    let told = ask(&mut client, json!({ "url": called.url("/here?q#f"), "init": init })).await;
    assert_eq!(told["text"], "POST /here?q b\u{e4}h");
    assert_eq!((&told["status"], &told["redirected"]), (&json!(201), &json!(false)));
    assert!(told["headers"].as_array().is_some_and(|all| all.contains(&json!("x-a: 1, 2"))));
    let request = &called.received()[0];
    let host = format!("localhost:{}", called.port);
    for (name, value) in [
        ("x-own", "1"),
        ("host", host.as_str()),
        ("content-length", "4"),
        ("cookie", "c=1"),
        ("content-type", "text/plain;charset=UTF-8"),
        ("user-agent", concat!("zigttp/", env!("CARGO_PKG_VERSION"))),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let told = ask(&mut client, json!({ "url": called.url("/moved"), "init": init })).await;
    assert_eq!((&told["text"], &told["redirected"]), (&json!("GET /there "), &json!(true)));
    assert_eq!(told["url"], called.url("/there"));
    let manual = json!({ "redirect": "manual" });
    let told = ask(&mut client, json!({ "url": called.url("/moved"), "init": manual })).await;
    assert_eq!(told["status"], 303);
    let strict = json!({ "url": called.url("/moved"), "init": { "redirect": "error" } });
    let refused = error(&mut client, &called, strict).await;
    assert_eq!(
        refused,
        "TypeError: fetch: localhost:PORT redirects, and the request's redirect is \"error\""
    );
    let head = json!({ "url": called.url("/head"), "init": { "method": "HEAD" } });
    // Its head speaks of a body, which does not come.
    let called_head =
        Called::start(|_| Reply::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec()))
            .await;
    let head = json!({ "url": called_head.url("/"), "init": head["init"] });
    assert_eq!(ask(&mut client, head).await["text"], "");
}

/// Servers that behave badly, with what the handler is told of each.
#[tokio::test]
async fn a_server_that_behaves_badly_is_an_error_that_says_how_and_hurts_nobody() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&vec![0; 64 << 20]).expect("memory");
    let bomb = encoder.finish().expect("memory");
    let called = Called::start(move |request| match request.path.as_str() {
        "/silent" => Reply::Nothing,
        "/closing" => Reply::Last(Vec::new()),
        "/cut" => Reply::Last(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_vec()),
        "/nonsense" => Reply::Last(b"\x00\x01\x02 what\r\n\r\n".to_vec()),
        "/endless" => Reply::Endless("HTTP/1.1 200 OK\r\n\r\n"),
        "/head" => Reply::Endless("HTTP/1.1 200 OK\r\nx: "),
        "/bomb" => response("200 OK", "content-encoding: gzip\r\n", &bomb),
        "/chunked" => Reply::Bytes(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n4\r\n two\r\n0\r\n\r\n".to_vec(),
        ),
        "/304" => response("304 Not Modified", "etag: \"a\"\r\n", ""),
        path => response("302 Found", &format!("location: {path}\r\n"), ""),
    })
    .await;
    let server = serve(&["--allow-fetch", "localhost", "--fetch-timeout", "1s"]);
    let mut client = server.connect("/room").await;
    let early = "localhost:PORT has closed the connection before its answer was complete";
    for (path, expected) in [
        ("/silent", "localhost:PORT has not answered within 1s (--fetch-timeout)"),
        ("/closing", early),
        ("/cut", early),
        ("/nonsense", "localhost:PORT does not answer in valid HTTP"),
        ("/endless", "the answer of localhost:PORT is over 1048576 bytes (--max-fetch-response)"),
        ("/head", "the head of the answer of localhost:PORT is over 65536 bytes"),
        ("/bomb", "the answer of localhost:PORT is over 1048576 bytes (--max-fetch-response)"),
        ("/loop", "localhost:PORT redirects for the 6th time"),
    ] {
        let told = error(&mut client, &called, json!({ "url": called.url(path) })).await;
        assert_eq!(told, format!("TypeError: fetch: {expected}"), "{path}");
    }
    // The others are answered.
    let asked = ["/chunked", "/304"].map(|path| json!({ "url": called.url(path) }));
    let told = ask(&mut client, json!(asked)).await;
    assert_eq!((&told[0]["text"], &told[1]["status"]), (&json!("one two"), &json!(304)));
}

#[tokio::test]
async fn the_handlers_own_time_is_a_timeout_error() {
    let source = r#"
        export async function handler(req: Request) {
          try {
            await fetch(req.query, { signal: AbortSignal.timeout(100) });
            return Response.text("answered");
          } catch (error) {
            return Response.text((error as Error).name);
          }
        }
    "#;
    let called = Called::start(|_| Reply::Nothing).await;
    let server = Server::start(&programs::compile(source), &["--allow-fetch", "localhost"]);
    let path = format!("/?{}", called.url("/"));
    let told = tokio::task::spawn_blocking(move || server.get(&path)).await.expect("no panic");
    assert_eq!(told, (200, "TimeoutError".to_owned()));
}

#[tokio::test]
async fn a_certificate_has_to_be_of_an_authority_that_is_trusted() {
    let [known, unknown] =
        ["first", "second"].map(|pair| Called::over_tls(pair, |_| response("200 OK", "", "hi")));
    let (known, unknown) = (known.await, unknown.await);
    let file = tls::certificate("first");
    let file = file.to_str().expect("it is text");
    let server = Server::start_with(
        &HANDLER,
        &["--allow-fetch", "localhost"],
        &[("SSL_CERT_FILE", file), ("SSL_CERT_DIR", "/nowhere")],
    );
    let mut client = server.connect("/room").await;
    let https = |called: &Called| json!({ "url": called.url("/").replace("http:", "https:") });
    assert_eq!(ask(&mut client, https(&known)).await["text"], "hi");
    let told = error(&mut client, &unknown, https(&unknown)).await;
    let expected =
        "TypeError: fetch: no TLS with localhost:PORT: invalid peer certificate: UnknownIssuer";
    assert_eq!(told, expected);
    // Without the variable the system's count, or Mozilla's.
    let server = serve(&["--allow-fetch", "localhost"]);
    let mut client = server.connect("/room").await;
    assert_eq!(error(&mut client, &known, https(&known)).await, expected);
    // One that cannot be used is told at the start.
    let output = programs::program("zigttp")
        .arg("run")
        .arg(&*HANDLER)
        .args(["--port", "0", "--allow-fetch", "localhost"])
        .env("SSL_CERT_FILE", "/nowhere/ca.pem")
        .output()
        .expect("zigttp starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("SSL_CERT_FILE is /nowhere/ca.pem: No such file"), "{told}");
}

#[tokio::test]
async fn sighup_reads_the_hosts_of_a_file_anew_and_closes_no_socket() {
    let called = greeting().await;
    let folder = programs::folder();
    let file = folder.path().join("hosts");
    std::fs::write(&file, "# none yet\n").expect("the folder is writable");
    let server = serve(&["--allow-fetch-file", file.to_str().expect("it is text")]);
    let mut client = server.connect("/room").await;
    let request = json!({ "url": called.url("/") });
    assert!(error(&mut client, &called, request.clone()).await.contains("is not allowed"));
    for (hosts, expected) in [
        ("localhost # the test's\n", "handlers may call: localhost"),
        ("http://localhost\n", "line 1: write the host alone, without http:// or https://"),
    ] {
        let before = server.log().len();
        std::fs::write(&file, hosts).expect("the folder is writable");
        server.signal("HUP");
        server.wait_for_log_after(before, &[expected]);
        assert_eq!(ask(&mut client, request.clone()).await["text"], "hi", "{expected}");
    }
    std::fs::write(&file, "").expect("the folder is writable");
    server.signal("HUP");
    server.wait_for_log("handlers may call: none");
    assert!(error(&mut client, &called, request).await.contains("is not allowed"));
}

#[tokio::test]
async fn zigttp_dev_allows_all_and_names_the_flags_that_run_will_need() {
    let called = greeting().await;
    let folder = programs::folder();
    std::fs::write(folder.path().join("handler.ts"), SOURCE).expect("the folder is writable");
    let server = Server::develop(folder.path(), "handler.ts", &["--allow-fetch", "known.example"]);
    let mut client = server.connect("/room").await;
    for _ in 0..2 {
        assert_eq!(ask(&mut client, json!({ "url": called.url("/") })).await["text"], "hi");
    }
    let host = format!("localhost:{}", called.port);
    let line = format!("the handler calls {host}: `zigttp run` needs --allow-fetch {host}");
    let log = server.wait_for_log(&line);
    assert_eq!(log.matches("needs --allow-fetch").count(), 1, "{log}");
}

#[tokio::test]
async fn requests_are_counted_by_how_their_host_is_allowed() {
    let called = greeting().await;
    let (server, admin) = admin::start(&HANDLER, &["--allow-fetch", "localhost"]);
    let mut client = server.connect("/room").await;
    let asked = [called.url("/"), called.url("/"), "http://other.example/".to_owned()];
    ask(&mut client, json!(asked.map(|url| json!({ "url": url })))).await;
    let page = tokio::task::spawn_blocking(move || admin::get(admin, "/metrics").1).await;
    let page = page.expect("no panic");
    for line in [
        "zigttp_fetches_total{host=\"internal\"} 2",
        "zigttp_fetches_total{host=\"named\"} 0",
        "zigttp_fetch_failures_total{kind=\"not_allowed\"} 1",
        "zigttp_fetches 0",
        "zigttp_waiting_fetches 0",
        "zigttp_fetches_limit 256",
        "zigttp_fetch_received_bytes_total 4",
        "zigttp_fetch_duration_seconds_count 3",
    ] {
        assert!(page.lines().any(|it| it == line), "{line} in {page}");
    }
}

#[tokio::test]
async fn only_a_proxy_that_is_named_is_used_and_its_password_is_told_to_nobody_else() {
    let proxy =
        Called::start(|request| response("200 OK", "", format!("{} by proxy", request.path))).await;
    let called = greeting().await;
    let address = format!("http://me:pass@127.0.0.1:{}", proxy.port);
    // The system's settings are ignored.
    let variables =
        [("http_proxy", address.as_str()), ("HTTP_PROXY", &address), ("ALL_PROXY", &address)];
    let server = Server::start_with(&HANDLER, &["--allow-fetch", "localhost"], &variables);
    let mut client = server.connect("/room").await;
    assert_eq!(ask(&mut client, json!({ "url": called.url("/") })).await["text"], "hi");
    let server = serve(&["--allow-fetch", "*", "--fetch-proxy", &address]);
    let mut client = server.connect("/room").await;
    let told = ask(&mut client, json!({ "url": "http://nowhere.example/path" })).await;
    assert_eq!(told["text"], "http://nowhere.example/path by proxy");
    let request = &proxy.received()[0];
    assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6cGFzcw=="));
    assert!(
        error(&mut client, &proxy, json!({ "url": "http://127.0.0.1/" }))
            .await
            .contains("internal")
    );
    assert!(!server.log().contains("pass@"), "{}", server.log());
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn what_is_no_host_and_no_proxy_is_an_error_that_says_how_to_write_one() {
    for (flag, value, expected) in [
        ("--allow-fetch", "https://a.example", "write the host alone, without http:// or https://"),
        ("--allow-fetch", "a.example:x", "\"x\" is no port"),
        ("--allow-fetch", "a.*.example", "a * stands for all hosts"),
        ("--fetch-proxy", "socks5://p.example", "write the proxy as http://proxy.example:3128"),
        ("--max-fetches", "0", "--max-fetches is 0"),
        (
            "--allow-fetch-file",
            "/nowhere/hosts",
            "cannot read the hosts to allow in /nowhere/hosts",
        ),
    ] {
        let output = programs::program("zigttp")
            .arg("run")
            .arg(&*HANDLER)
            .args(["--port", "0", flag, value])
            .output()
            .expect("zigttp starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flag} {value}: {told}");
        assert!(told.contains(expected), "{flag} {value}: {told}");
    }
}
