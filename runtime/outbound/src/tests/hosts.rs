//! Which hosts and addresses are called.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::support::*;
use crate::counters::HostClass;
use crate::error::ErrorKind;
use crate::grants::Grants;
use crate::options::Options;

#[tokio::test]
async fn a_host_without_a_grant_is_not_called_and_the_error_says_which_flag_is_missing() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("other.test");
    let (kind, message) = failure(&client, get(&server.url("a.test", "/?secret=1"))).await;
    assert_eq!(kind, ErrorKind::NotAllowed);
    let expected =
        "fetch: a.test:PORT is not allowed; start the server with --allow-fetch a.test:PORT";
    assert_eq!(message, expected);
    let (_, message) = failure(&client, get("https://example.com/x?secret=1")).await;
    let expected =
        "fetch: example.com is not allowed; start the server with --allow-fetch example.com";
    assert_eq!(message, expected);
    assert_eq!(server.connections(), 0);
    assert_eq!(client.counters().failures(ErrorKind::NotAllowed), 2);
}

#[tokio::test]
async fn a_named_host_may_be_internal_and_one_of_a_wildcard_may_not() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("* named.test");
    assert_eq!(text(&fetch(&client, &server.url("named.test", "/")).await), "hi");
    assert_eq!(client.counters().requests(HostClass::Internal), 1);
    for host in ["other.test", "127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433"] {
        let (kind, message) = failure(&client, get(&server.url(host, "/"))).await;
        assert_eq!(kind, ErrorKind::NotAllowed, "{host}");
        assert!(message.contains("has an internal address"), "{message}");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn of_a_name_with_several_addresses_the_internal_ones_are_left_out() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let names = Arc::new(Names::default());
    names.set("mixed.test", &[&["10.0.0.1", "169.254.169.254", "127.0.0.1"]]);
    // The loopback address is named, the others are not.
    let client = client_with(Options::default(), "* 127.0.0.1", Arc::clone(&names));
    assert_eq!(text(&fetch(&client, &server.url("mixed.test", "/")).await), "hi");
    assert_eq!(names.lookups.load(Ordering::SeqCst), 1, "nobody asks a second time");
}

#[tokio::test]
async fn a_name_that_is_internal_the_second_time_is_not_called_the_second_time() {
    let server = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write(answer("200 OK", &[("connection", "close")], b"hi")).await
    })
    .await;
    let names = Arc::new(Names::default());
    names.set("turns.test", &[&["127.0.0.1"], &["127.0.0.2"]]);
    let client = client_with(Options::default(), "* 127.0.0.1", names);
    assert_eq!(text(&fetch(&client, &server.url("turns.test", "/")).await), "hi");
    let (kind, _) = failure(&client, get(&server.url("turns.test", "/"))).await;
    assert_eq!((kind, server.connections()), (ErrorKind::NotAllowed, 1));
}

#[tokio::test]
async fn other_grants_count_at_once_and_use_no_connection_of_the_old_ones() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("a.test");
    let url = server.url("a.test", "/");
    fetch(&client, &url).await;
    fetch(&client, &url).await;
    assert_eq!(server.connections(), 1, "it is kept");
    client.set_grants(grants("b.test"));
    assert_eq!(failure(&client, get(&url)).await.0, ErrorKind::NotAllowed);
    client.set_grants(grants("a.test:1 127.0.0.1 *.test"));
    fetch(&client, &url).await;
    assert_eq!(server.connections(), 2);
    assert_eq!(client.grants().to_string(), "a.test:1, 127.0.0.1, *.test");
}

#[tokio::test]
async fn open_grants_allow_everything() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("");
    client.set_grants(Grants::open_beyond(Vec::new()));
    for host in ["127.0.0.1", "a.test"] {
        assert_eq!(text(&fetch(&client, &server.url(host, "/")).await), "hi");
    }
}

#[tokio::test]
async fn what_is_no_http_url_is_not_requested() {
    let client = client("*");
    for (url, why) in [
        ("ftp://example.com/", "only http and https URLs can be requested"),
        ("file:///etc/passwd", "only http and https URLs can be requested"),
        ("data:,x", "only http and https URLs can be requested"),
        (
            "https://me:secret@example.com/",
            "a URL with a user name or a password cannot be requested",
        ),
    ] {
        assert_eq!(failure(&client, get(url)).await, (ErrorKind::Network, format!("fetch: {why}")));
    }
}

#[tokio::test]
async fn a_host_of_a_handler_is_allowed_by_the_port_of_either_scheme() {
    for (list, host, is_allowed) in [
        ("api.test", "api.test", true),
        ("api.test:80", "api.test", true),
        ("api.test:443", "api.test", true),
        ("api.test:8080", "api.test", false),
        ("api.test:8080", "api.test:8080", true),
        ("api.test:80", "api.test:443", false),
        ("[fd00::1]:80", "[fd00::1]", true),
        ("*", "localhost", false),
        ("*", "no host", false),
    ] {
        assert_eq!(client(list).allows(host), is_allowed, "{list} for {host}");
    }
}
