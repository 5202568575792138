//! Options as environment variables: what counts as unset, the words of a switch, and errors in a value.

use std::process::Output;

use crate::support::client::Client;
use crate::support::server::Server;
use crate::support::{admin, programs};

const HANDLER: &str = r#"
import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;

fn start(variables: &[(&str, &str)]) -> Server {
    Server::start_with(&programs::compile(HANDLER), &[], variables)
}

/// The error of a server that does not start.
fn refused(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = programs::program("zigttp");
    command.arg("run").arg(programs::compile(HANDLER)).args(arguments);
    command.envs(variables.iter().copied());
    let Output { status, stderr, .. } = command.output().expect("zigttp starts");
    let said = String::from_utf8(stderr).expect("it is text");
    assert_eq!(status.code(), Some(2), "{variables:?} {said}");
    said
}

#[test]
fn an_empty_variable_is_as_none() {
    let all = [
        "ZIGTTP_DURABLE",
        "ZIGTTP_FSYNC",
        "ZIGTTP_RESUME",
        "ZIGTTP_ALLOWED_ORIGIN",
        "ZIGTTP_MAX_QUEUE",
        "ZIGTTP_MAX_CONNECTIONS",
        "ZIGTTP_PING_INTERVAL",
        "ZIGTTP_HOST",
        "ZIGTTP_PORT",
        "ZIGTTP_WATCH",
        "ZIGTTP_TLS_CERT",
        "ZIGTTP_TLS_KEY",
        "ZIGTTP_ADMIN_LISTEN",
        "ZIGTTP_ADMIN_TOKEN_FILE",
        "ZIGTTP_INSPECTOR",
        "ZIGTTP_INSPECTOR_EVENTS",
        "ZIGTTP_LOG_FORMAT",
        "PORT",
    ];
    let server = start(&all.map(|name| (name, "")));
    assert_eq!(server.get("/").0, 404);
    // Only the flag of the test is reported.
    let log = server.wait_for_log("changed options: ");
    let given =
        log.lines().find(|line| line.contains("changed options")).expect("it was waited for");
    assert!(given.ends_with("changed options: --port 0"), "{given}");
    // Also for a subcommand of a subcommand: the option is missing, rather than a folder without a name.
    let output = programs::program("zigttp")
        .args(["attachments", "list"])
        .env("ZIGTTP_DURABLE", "")
        .output()
        .expect("zigttp starts");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--durable <DIR>"), "{output:?}");
}

#[test]
fn a_switch_says_yes_or_no_in_the_usual_words() {
    for (word, is_on) in [
        ("1", true),
        ("true", true),
        ("yes", true),
        ("on", true),
        ("TRUE", true),
        ("0", false),
        ("false", false),
        ("no", false),
        ("off", false),
    ] {
        let server = start(&[("ZIGTTP_INSPECTOR", word), ("ZIGTTP_WATCH", word)]);
        // 401 if it is served, 404 if not.
        assert_eq!(server.get("/__zigttp").0, if is_on { 401 } else { 404 }, "{word}");
        let log = server.wait_for_log("changed options");
        assert_eq!(log.contains("--watch"), is_on, "{word} {log}");
    }
}

#[test]
fn what_is_wrong_with_a_variable_is_told_with_its_name() {
    for (name, value) in [
        ("ZIGTTP_INSPECTOR", "maybe"),
        ("ZIGTTP_WATCH", "2"),
        ("ZIGTTP_PORT", "+80"),
        ("ZIGTTP_PORT", "http"),
        ("ZIGTTP_HOST", "localhost"),
        ("ZIGTTP_MAX_CONNECTIONS", "+5"),
        ("ZIGTTP_MESSAGE_RATE", "0"),
        ("ZIGTTP_MAX_QUEUE", "+1MiB"),
        ("ZIGTTP_PING_INTERVAL", "10"),
        ("ZIGTTP_FSYNC", "sometimes"),
        ("ZIGTTP_COMPRESSION_LEVEL", "10"),
        ("ZIGTTP_ADMIN_LISTEN", "9090"),
        ("ZIGTTP_ALLOWED_ORIGIN", "https://a,app.example.com"),
        ("PORT", "+80"),
        ("PORT", "http"),
    ] {
        let said = refused(&[], &[(name, value)]);
        assert!(said.contains(name), "{name}={value} {said}");
    }
    // If the flag is given, the error names the flag.
    let said = refused(&["--port", "http"], &[("ZIGTTP_PORT", "80")]);
    assert!(said.contains("--port") && !said.contains("ZIGTTP_PORT"), "{said}");
    let said = refused(&["--port=http"], &[("ZIGTTP_PORT", "80")]);
    assert!(said.contains("--port") && !said.contains("ZIGTTP_PORT"), "{said}");
}

#[test]
fn what_is_no_origin_is_refused_at_the_start_in_one_line() {
    for origin in [
        "app.example.com",
        "http://host:+80",
        "\"https://a.example\"",
        "'https://a.example'",
        "https://a.example/",
        "https://*",
        "https://a.*.example",
        "*.example.com",
        "wss://a.example",
        "https://a.example,,https://b.example",
        "https://a.example https://b.example",
    ] {
        let said = refused(&[], &[("ZIGTTP_ALLOWED_ORIGIN", origin)]);
        assert!(
            said.contains("is not an origin: write https://app.example.com"),
            "{origin} {said}"
        );
        let said = refused(&["--allowed-origin", origin], &[]);
        assert!(
            said.contains("is not an origin: write https://app.example.com"),
            "{origin} {said}"
        );
    }
}

#[tokio::test]
async fn origins_may_be_a_list_with_spaces_and_stand_for_all_names_under_one() {
    let listed = " https://a.example, https://*.example.com ,http://localhost:3000";
    let server = start(&[("ZIGTTP_ALLOWED_ORIGIN", listed)]);
    for (origin, is_allowed) in [
        ("https://a.example", true),
        ("https://app.example.com", true),
        ("https://a.b.example.com", true),
        ("http://localhost:3000", true),
        ("https://example.com", false),
        ("https://evilexample.com", false),
        ("https://app.example.com.evil.example", false),
        ("http://app.example.com", false),
        ("https://b.a.example", false),
    ] {
        let connected = Client::try_connect_from(server.address, "/", origin).await;
        assert_eq!(connected.is_ok(), is_allowed, "{origin}");
    }
}

#[test]
fn numbers_in_a_query_are_digits() {
    let (_server, admin) = admin::start(&programs::compile(HANDLER), &[]);
    assert_eq!(admin::get(admin, "/connections?limit=5&after=0").0, 200);
    for query in ["limit=+5", "after=+0", "limit=%35", "after=-1", "limit=5+"] {
        assert_eq!(admin::get(admin, &format!("/connections?{query}")).0, 400, "{query}");
    }
}
