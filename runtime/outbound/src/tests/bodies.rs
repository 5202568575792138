//! Bodies: how they are sent, decoded and bounded.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use http::{HeaderValue, Method};

use super::encoded;
use super::support::*;
use crate::error::ErrorKind;
use crate::options::Options;
use crate::request::Request;

fn gzip(size: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&vec![b'x'; size]).expect("memory");
    encoder.finish().expect("memory")
}

fn small() -> Options {
    Options { max_response: 1000, ..Options::default() }
}

#[tokio::test]
async fn a_request_arrives_with_its_headers_and_body_and_the_usual_ones() {
    let answer = b"HTTP/1.1 201 Made By Me\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 2\r\n\r\nhi";
    let server = Server::answering(*answer).await;
    let headers = [("x-own", "1"), ("host", "evil.example"), ("content-length", "77"), ("te", "x")];
    let request = post(&server.url("a.test", "/p?q=%20"), &headers, "body");
    let response = client("a.test").fetch(request, None).await.expect("an answer");
    let head = &server.heads()[0];
    for line in [
        "post /p?q=%20 http/1.1",
        "x-own: 1",
        "content-length: 4",
        concat!("user-agent: zigttp/", env!("CARGO_PKG_VERSION")),
        "accept: */*",
        "accept-encoding: gzip, br",
        &format!("host: a.test:{}", server.port),
    ] {
        assert!(head.lines().any(|it| it == line), "{line} in {head}");
    }
    assert!(!head.contains("evil") && !head.contains("content-length: 77"), "{head}");
    assert_eq!(
        (response.head.status.as_u16(), response.head.status_text.as_str()),
        (201, "Made By Me")
    );
    assert_eq!(response.head.headers.get_all("x-a").iter().count(), 2);
}

#[tokio::test]
async fn encoded_bodies_are_decoded_and_their_headers_stay() {
    for (coding, encoded, expected) in [
        ("gzip", gzip(20), "x".repeat(20)),
        ("br", encoded::BROTLI.to_vec(), encoded::BROTLI_TEXT.to_owned()),
        ("zstd", b"as it is".to_vec(), "as it is".to_owned()),
    ] {
        let length = encoded.len().to_string();
        let server =
            Server::answering(answer("200 OK", &[("content-encoding", coding)], &encoded)).await;
        let response = fetch(&client("a.test"), &server.url("a.test", "/")).await;
        assert_eq!(text(&response), expected, "{coding}");
        assert_eq!(response.head.headers["content-encoding"], coding);
        assert_eq!(response.head.headers["content-length"], length.as_str());
    }
    let bad = answer("200 OK", &[("content-encoding", "gzip")], b"not at all");
    let server = Server::answering(bad).await;
    let (kind, message) = failure(&client("a.test"), get(&server.url("a.test", "/"))).await;
    let expected = "fetch: the answer of a.test:PORT is not encoded as it says";
    assert_eq!((kind, message.as_str()), (ErrorKind::Network, expected));
}

#[tokio::test]
async fn an_answer_over_the_bound_is_given_up_at_the_bound() {
    let endless = || async {
        Server::start(|mut conn, _| async move {
            conn.read_request().await?;
            conn.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await?;
            loop {
                conn.write(format!("400\r\n{}\r\n", "x".repeat(0x400))).await?;
            }
        })
        .await
    };
    // 64 MiB each, in a few bytes.
    let bombs = [("gzip", gzip(64 << 20)), ("br", encoded::BROTLI_BOMB.to_vec())];
    let mut servers =
        vec![endless().await, Server::answering(answer("200 OK", &[], &[0; 1001])).await];
    for (coding, bomb) in &bombs {
        let headers = [("content-encoding", *coding)];
        servers.push(Server::answering(answer("200 OK", &headers, bomb)).await);
    }
    let client = client_with(small(), "a.test", std::sync::Arc::default());
    for server in &servers {
        let (kind, message) = soon(failure(&client, get(&server.url("a.test", "/")))).await;
        let expected = "fetch: the answer of a.test:PORT is over 1000 bytes (--max-fetch-response)";
        assert_eq!((kind, message.as_str()), (ErrorKind::TooLarge, expected));
    }
    assert!(client.counters().received_bytes() < 1 << 20, "what follows is not read");
    let exact = Server::answering(answer("200 OK", &[], &[b'x'; 1000])).await;
    assert_eq!(fetch(&client, &exact.url("a.test", "/")).await.body.len(), 1000);
}

#[tokio::test]
async fn answers_without_a_body_have_none_whatever_their_head_says() {
    let client = client("a.test");
    // Two over one connection: nothing of the first is left in it.
    for status in ["204 No Content", "304 Not Modified"] {
        let head = format!("HTTP/1.1 {status}\r\ncontent-encoding: gzip\r\n\r\n");
        let server = Server::answering(head).await;
        for _ in 0..2 {
            let response = soon(fetch(&client, &server.url("a.test", "/"))).await;
            assert_eq!(response.body.len(), 0, "{status}");
        }
        assert_eq!(server.connections(), 1);
    }
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\ncontent-encoding: gzip\r\n\r\n";
    let server = Server::answering(long).await;
    let head = Request { method: Method::HEAD, ..get(&server.url("a.test", "/")) };
    let response = soon(client.fetch(head, None)).await.expect("an answer");
    assert_eq!((response.body.len(), response.head.status.as_u16()), (0, 200));
    assert_eq!(response.head.headers["content-length"], "99999999");
    let reset = Server::answering("HTTP/1.1 205 Reset\r\ncontent-length: 2\r\n\r\nxx").await;
    assert_eq!(fetch(&client, &reset.url("a.test", "/")).await.body.len(), 0);
}

#[tokio::test]
async fn chunks_and_bodies_to_the_end_of_the_connection_are_read_whole() {
    let client = client("a.test");
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\none\r\n4\r\n two\r\n0\r\nx: y\r\n\r\n";
    let server = Server::answering(chunked).await;
    assert_eq!(text(&fetch(&client, &server.url("a.test", "/")).await), "one two");
    let server = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write("HTTP/1.0 200 OK\r\n\r\nto the end").await
    })
    .await;
    assert_eq!(text(&fetch(&client, &server.url("a.test", "/")).await), "to the end");
}

#[tokio::test]
async fn headers_that_are_not_ascii_are_kept_byte_for_byte() {
    let server =
        Server::answering(*b"HTTP/1.1 200 OK\r\nx-a: \xe4\r\ncontent-length: 0\r\n\r\n").await;
    let response = fetch(&client("a.test"), &server.url("a.test", "/")).await;
    assert_eq!(response.head.headers["x-a"], HeaderValue::from_bytes(b"\xe4").expect("a value"));
}

#[tokio::test]
async fn an_open_answer_is_read_as_far_as_it_is_polled() {
    const PIECE: usize = 64 << 10;
    let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counting = std::sync::Arc::clone(&written);
    let server = Server::start(move |mut conn, _| {
        let counting = std::sync::Arc::clone(&counting);
        async move {
            conn.read_request().await?;
            conn.write("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await?;
            for _ in 0..1000 {
                conn.write(vec![b'x'; PIECE]).await?;
                counting.fetch_add(PIECE, std::sync::atomic::Ordering::SeqCst);
            }
            Ok(())
        }
    })
    .await;
    let client = client("a.test");
    let opened = client.open(get(&server.url("a.test", "/"))).await.expect("an answer");
    assert_eq!(opened.head.headers["content-type"], "text/plain");
    let mut body = opened.body;
    let mut read = body.next().await.expect("a piece").expect("no error").len();
    // The server writes until nothing more fits in what the system holds for it.
    let mut before = usize::MAX;
    while before != written.load(std::sync::atomic::Ordering::SeqCst) {
        before = written.load(std::sync::atomic::Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(before < 32 << 20, "{before} bytes were taken that nobody has asked for");
    assert_eq!(client.counters().open_responses(), 1);
    while let Some(piece) = soon(body.next()).await {
        read += piece.expect("no error").len();
    }
    assert_eq!(read, 1000 * PIECE);
    drop(body);
    assert_eq!((client.counters().open_responses(), client.in_flight()), (0, 0));
}

#[tokio::test]
async fn an_open_answer_is_decoded_as_it_comes_and_ends_with_the_error_that_ends_it() {
    let server = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n").await?;
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        for line in ["one\n", "two\n"] {
            encoder.write_all(line.as_bytes())?;
            encoder.flush()?;
            conn.write(std::mem::take(encoder.get_mut())).await?;
            // The next one comes when this one was read.
            conn.go_on.notified().await;
        }
        conn.reset()
    })
    .await;
    let client = client("a.test");
    let opened = client.open(get(&server.url("a.test", "/"))).await.expect("an answer");
    let mut body = opened.body;
    for line in ["one\n", "two\n"] {
        let piece = soon(body.next()).await.expect("a piece").expect("no error");
        assert_eq!(piece, line);
        server.go_on.notify_one();
    }
    let error = soon(body.next()).await.expect("an end").expect_err("it breaks off");
    assert_eq!(error.kind, ErrorKind::Network);
    assert!(soon(body.next()).await.is_none());
    assert_eq!(client.counters().failures(ErrorKind::Network), 1);
}
