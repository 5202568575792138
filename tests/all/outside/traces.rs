//! Traces: handed on with requests, and sent to a collector.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::LazyLock;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::called::{Called, Reply, response};
use crate::support::durable::Durable;
use crate::support::server::Server;
use crate::support::{patiently, programs};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Asks another server in every kind of event, and a room.
const SOURCE: &str = r#"
import { send } from "zigttp:websocket";
import * as storage from "zigttp:storage";

export const routes = ["/room/:name", { path: "/api/:name", room: "/room/:name", upgrade: false }];

const ask = async (query: string) => {
  const [port, what] = query.split("&");
  const headers: Record<string, string> = what === "own" ? { traceparent: "own" } : {};
  return (await fetch(`http://localhost:${port}/secret?secret`, { headers })).status;
};

export async function onUpgrade(req: Request) { if (req.query) await ask(req.query); }

export async function onMessage(ws: WebSocket, data: string, room: string) {
  const status = await ask(data);
  storage.put(room, "last", status);
  send(ws, `${status}`);
}

export async function onRequest(req: Request, room: string) {
  if (req.query === "fail") throw new Error("on purpose");
  if (req.query === "echo") return Response.text(req.headers.get("traceparent") ?? "none");
  if (req.query === "room") return Response.text(await (await fetch("room:/room/other?echo")).text());
  return Response.text(`${await ask(req.query)}`);
}

export function handler(req: Request) { return Response.text("hi"); }
"#;

static HANDLER: LazyLock<PathBuf> = LazyLock::new(|| programs::compile(SOURCE));

/// Sends a GET request with these headers; returns the connection.
async fn begin(server: &Server, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    stream
}

/// The same; returns the body of the response.
async fn get(server: &Server, path: &str, headers: &str) -> String {
    let mut stream = begin(server, path, &format!("Connection: close\r\n{headers}")).await;
    let mut response = String::new();
    patiently("a response", stream.read_to_string(&mut response)).await.expect("it is text");
    response.split_once("\r\n\r\n").expect("a head").1.to_owned()
}

#[tokio::test]
async fn the_trace_of_a_request_or_an_upgrade_is_handed_to_what_its_event_asks() {
    let called = Called::start(|_| response("200 OK", "", "hi")).await;
    let server = Server::start(&HANDLER, &["--allow-fetch", "localhost"]);
    let port = called.port;
    let headers = format!("traceparent: {PARENT}\r\ntracestate: a=1\r\n");
    assert_eq!(get(&server, &format!("/api/a?{port}"), &headers).await, "200");
    let request = &called.received()[0];
    let handed = request.header("traceparent").expect("it is handed on");
    let parts: Vec<&str> = handed.split('-').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("00", TRACE, "01"));
    assert!(parts[2].len() == 16 && !PARENT.contains(parts[2]), "a part of its own: {handed}");
    assert_eq!(request.header("tracestate"), Some("a=1"));
    // Its own stays, and without one there is none.
    get(&server, &format!("/api/a?{port}&own"), &headers).await;
    assert_eq!(called.received()[1].header("traceparent"), Some("own"));
    get(&server, &format!("/api/a?{port}"), "").await;
    assert_eq!(called.received()[2].header("traceparent"), None);
    get(&server, &format!("/api/a?{port}"), "traceparent: 00-bad\r\n").await;
    assert_eq!(called.received()[3].header("traceparent"), None);
    // An upgrade's, and a room that is asked.
    let upgrade = format!(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{headers}"
    );
    let mut stream = begin(&server, &format!("/room/a?{port}"), &upgrade).await;
    // Its 101 comes when the request was answered.
    patiently("the 101", stream.read_u8()).await.expect("it is accepted");
    assert!(called.received()[4].header("traceparent").is_some_and(|it| it.contains(TRACE)));
    assert!(get(&server, "/api/a?room", &headers).await.contains(TRACE));
}

/// The spans that a collector has received.
fn spans(collector: &Called) -> Vec<Span> {
    let batches = collector.received();
    let batches = batches.iter().map(|batch| {
        assert_eq!((batch.method.as_str(), batch.path.as_str()), ("POST", "/v1/traces"));
        assert_eq!(batch.header("content-type"), Some("application/x-protobuf"));
        ExportTraceServiceRequest::decode(&*batch.body).expect("it is OTLP")
    });
    batches
        .flat_map(|batch| batch.resource_spans)
        .flat_map(|of_resource| of_resource.scope_spans)
        .flat_map(|of_scope| of_scope.spans)
        .collect()
}

/// Waits without stopping the servers of the test.
async fn stopped(server: Server) -> ExitStatus {
    tokio::task::spawn_blocking(move || server.wait()).await.expect("no panic")
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

#[tokio::test]
async fn events_their_requests_and_their_commits_are_sent_to_a_collector() {
    let collector = Called::start(|_| response("200 OK", "", "")).await;
    let called = Called::start(|_| response("200 OK", "", "hi")).await;
    let durable = Durable::of(SOURCE);
    let endpoint = format!("http://localhost:{}", collector.port);
    let server = durable.serve(&["--allow-fetch", "localhost", "--otlp-endpoint", &endpoint]);
    let mut client = server.connect("/room/a").await;
    assert_eq!(client.ask(&called.port.to_string()).await, "200");
    let headers = format!("traceparent: {PARENT}\r\n");
    get(&server, "/api/b?fail&secret", &headers).await;
    get(&server, "/api/b?fail", &headers).await;
    get(&server, "/", &headers.replace("-01", "-00")).await;
    client.close(1000, "").await;
    // What is left is sent when it stops.
    server.signal("TERM");
    assert!(stopped(server).await.success());
    let spans = spans(&collector);
    let named = |name: &str| spans.iter().filter(|span| span.name == name).collect::<Vec<_>>();
    let message = named("message")[0];
    assert_eq!(attribute(message, "zigttp.room").as_deref(), Some("/room/a"));
    assert_eq!(attribute(message, "zigttp.runs").as_deref(), Some("2"));
    let fetch = named("GET")[0];
    assert_eq!(fetch.trace_id, message.trace_id);
    assert_eq!(fetch.parent_span_id, message.span_id);
    assert_eq!(attribute(fetch, "server.address").as_deref(), Some("localhost"));
    assert_eq!(attribute(fetch, "server.port"), Some(called.port.to_string()));
    assert_eq!(attribute(fetch, "http.response.status_code").as_deref(), Some("200"));
    let commit = named("commit")[0];
    assert_eq!((&commit.trace_id, &commit.parent_span_id), (&message.trace_id, &message.span_id));
    assert!(message.start_time_unix_nano <= fetch.start_time_unix_nano);
    assert!(commit.end_time_unix_nano <= message.end_time_unix_nano);
    // The server that was called is told of the same trace.
    let handed = called.received()[0].header("traceparent").expect("it is handed on").to_owned();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(handed, format!("00-{}-{}-01", hex(&fetch.trace_id), hex(&fetch.span_id)));
    // One that fails, of a trace that began elsewhere; one that is not to be recorded is not.
    let failed =
        named("request").into_iter().find(|span| span.status.is_some()).expect("it failed");
    assert_eq!(hex(&failed.trace_id), TRACE);
    assert_eq!(hex(&failed.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(attribute(failed, "error.type").as_deref(), Some("threw"));
    assert_eq!(attribute(failed, "url.path").as_deref(), Some("/api/b"));
    assert_eq!(named("request").len(), 2);
    assert!(!format!("{spans:?}").contains("secret"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_takes_nothing_delays_nobody_and_is_told_of_once() {
    let collector = Called::start(|_| Reply::Last(Vec::new())).await;
    let endpoint = format!("http://localhost:{}", collector.port);
    let server = Server::start(&HANDLER, &["--otlp-endpoint", &endpoint]);
    for _ in 0..20 {
        assert_eq!(get(&server, "/", "").await, "hi");
    }
    let log = server.wait_for_log("cannot export traces");
    assert_eq!(log.matches("cannot export traces").count(), 1, "{log}");
    server.signal("TERM");
    assert!(stopped(server).await.success());
}
