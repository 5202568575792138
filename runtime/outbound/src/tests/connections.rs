//! What happens to connections: kept, closed, refused, broken.

use super::support::*;
use crate::error::ErrorKind;
use crate::options::{MAX_HEAD_BYTES, MAX_IDLE, Options};
use crate::request::Request;

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("a.test");
    for _ in 0..5 {
        assert_eq!(text(&fetch(&client, &server.url("a.test", "/")).await), "hi");
    }
    assert_eq!((server.connections(), client.counters().open_connections()), (1, 1));
    assert_eq!(client.counters().connections(), 1);
}

/// A server that answers the first request of a connection and closes at the second.
async fn forgetful() -> Server {
    Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write(answer("200 OK", &[], b"hi")).await?;
        conn.read_request().await?;
        conn.reset()
    })
    .await
}

#[tokio::test]
async fn a_request_that_met_the_end_of_an_idle_connection_is_sent_again_if_it_may_be() {
    let server = forgetful().await;
    let client = client("a.test");
    let url = server.url("a.test", "/");
    for _ in 0..3 {
        assert_eq!(text(&fetch(&client, &url).await), "hi");
    }
    assert_eq!(server.connections(), 3);
    let (kind, message) = failure(&client, post(&url, &[], "once")).await;
    assert_eq!(kind, ErrorKind::Network, "{message}");
    let posts = server.heads().iter().filter(|head| head.starts_with("post")).count();
    assert_eq!(posts, 1, "a post is not repeated");
}

#[tokio::test]
async fn a_server_that_breaks_off_is_an_error_that_says_so() {
    let reset = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.reset()
    })
    .await;
    let closing =
        Server::start(|mut conn, _| async move { conn.read_request().await.map(drop) }).await;
    let cut = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await
    })
    .await;
    let nonsense = Server::answering("SSH-2.0-OpenSSH_9.9\r\n").await;
    let switching =
        Server::answering("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
            .await;
    let client = client("a.test");
    let early = "fetch: a.test:PORT has closed the connection before its answer was complete";
    for (server, expected) in [
        (reset, "fetch: a.test:PORT has reset the connection"),
        (closing, early),
        (cut, early),
        (nonsense, "fetch: a.test:PORT does not answer in valid HTTP"),
        (switching, "fetch: a.test:PORT switches to another protocol"),
    ] {
        let (kind, message) = soon(failure(&client, get(&server.url("a.test", "/?secret")))).await;
        assert_eq!((kind, message.as_str()), (ErrorKind::Network, expected));
        assert_eq!(server.connections(), 1, "it is not tried again: {expected}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_an_error_that_says_so() {
    let client = client("a.test nowhere.example");
    let closed = closed_port().await.port();
    let (_, message) = failure(&client, get(&format!("http://a.test:{closed}/"))).await;
    assert_eq!(message, "fetch: cannot connect to a.test:PORT: connection refused");
    let (kind, message) = failure(&client, get("https://nowhere.example/")).await;
    assert_eq!(message, "fetch: cannot find nowhere.example: no such name");
    assert_eq!(kind, ErrorKind::Network);
}

#[tokio::test]
async fn a_head_is_read_up_to_its_bound() {
    let head = |size: usize| {
        let lines = size / 1000;
        let headers: String =
            (0..lines).map(|line| format!("x-{line}: {}\r\n", "x".repeat(990))).collect();
        format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n")
    };
    let client = client("a.test");
    let large = Server::answering(head(MAX_HEAD_BYTES / 2)).await;
    assert_eq!(fetch(&client, &large.url("a.test", "/")).await.head.headers.len(), 33);
    let endless = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write("HTTP/1.1 200 OK\r\nx: ").await?;
        loop {
            conn.write([b'x'; 1000]).await?;
        }
    })
    .await;
    let (kind, message) = soon(failure(&client, get(&endless.url("a.test", "/")))).await;
    assert_eq!(kind, ErrorKind::TooLarge, "{message}");
    assert_eq!(message, "fetch: the head of the answer of a.test:PORT is over 65536 bytes");
}

#[tokio::test]
async fn idle_connections_are_bounded() {
    let server = Server::answering(answer("200 OK", &[], b"hi")).await;
    let client = client("*.test 127.0.0.1");
    for number in 0..MAX_IDLE + 20 {
        fetch(&client, &server.url(&format!("host{number}.test"), "/")).await;
        assert!(client.counters().open_connections() <= MAX_IDLE + 1);
    }
    soon(async {
        while client.counters().open_connections() > 30 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A proxy that answers plain requests by itself, and leads tunnels to where they want.
async fn proxy() -> Server {
    Server::start(|mut conn, _| async move {
        while conn.read_request().await?.is_some() {
            let head = conn.last_head();
            let Some(wanted) = head.strip_prefix("connect ") else {
                conn.write(answer("200 OK", &[], b"from the proxy")).await?;
                continue;
            };
            let (_, port) =
                wanted.split(' ').next().unwrap_or_default().rsplit_once(':').expect("a port");
            let port: u16 = port.parse().expect("a number");
            conn.write("HTTP/1.1 200 Connected\r\n\r\n").await?;
            let mut there = tokio::net::TcpStream::connect((LOOPBACK, port)).await?;
            tokio::io::copy_bidirectional(&mut conn.stream, &mut there).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_proxy_gets_plain_requests_whole_and_tunnels_those_over_tls() {
    let proxy = proxy().await;
    let server = super::tls::Server::start("first").await;
    let options = Options {
        proxy: Some(format!("http://me:pass@127.0.0.1:{}", proxy.port).parse().expect("a proxy")),
        ..Options::default()
    };
    let client = client_with(options, "* localhost", std::sync::Arc::default());
    // The name is the proxy's to resolve: here nobody knows it.
    let plain = fetch(&client, "http://nowhere.example/path?query").await;
    assert_eq!(text(&plain), "from the proxy");
    let over_tls = fetch(&client, &server.url("localhost", "/")).await;
    assert_eq!(text(&over_tls), "HTTP/2.0 GET");
    let heads = proxy.heads();
    assert!(heads[0].starts_with("get http://nowhere.example/path?query http/1.1"), "{}", heads[0]);
    assert!(heads[1].starts_with(&format!("connect localhost:{} ", server.port)), "{}", heads[1]);
    for head in &heads {
        assert!(head.contains("proxy-authorization: basic bwu6cgfzcw=="), "{head}");
    }
    // Grants count as far as they can be checked.
    for url in
        ["http://127.0.0.1/", "http://[::1]/", "http://a.localhost/", "http://169.254.169.254/"]
    {
        assert_eq!(failure(&client, get(url)).await.0, ErrorKind::NotAllowed, "{url}");
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_an_error_that_says_so() {
    let proxy = Server::answering(answer("407 Authenticate", &[], b"")).await;
    let options = Options {
        proxy: Some(format!("http://127.0.0.1:{}", proxy.port).parse().expect("a proxy")),
        ..Options::default()
    };
    let client = client_with(options, "*", std::sync::Arc::default());
    let (kind, message) = failure(&client, get("https://example.com/")).await;
    assert_eq!(message, "fetch: the proxy does not lead to example.com: it answers 407");
    assert_eq!(kind, ErrorKind::Network);
    let options = Options {
        proxy: Some(format!("http://{}", closed_port().await).parse().expect("a proxy")),
        ..Options::default()
    };
    let client = client_with(options, "*", std::sync::Arc::default());
    let request = Request { ..get("https://example.com/") };
    let (_, message) = failure(&client, request).await;
    assert!(
        message.contains("the proxy does not lead to example.com: it is not reached"),
        "{message}"
    );
}
