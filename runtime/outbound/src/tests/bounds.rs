//! How long requests take and how many there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::support::*;
use crate::error::ErrorKind;
use crate::options::Options;
use crate::request::Request;

/// Reads the request and says nothing.
async fn silent() -> Server {
    Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.read_request().await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_request_ends_when_its_time_is_over_whoevers_time_it_is() {
    let server = silent().await;
    let options = Options { timeout: Duration::from_millis(200), ..Options::default() };
    let client = client_with(options, "a.test", Arc::default());
    let request = get(&server.url("a.test", "/?secret"));
    let expected = "fetch: a.test:PORT has not answered within 200ms (--fetch-timeout)";
    let ended = soon(failure(&client, request.clone())).await;
    assert_eq!(ended, (ErrorKind::Limit, expected.to_owned()));
    let own = Request { timeout: Some(Duration::from_millis(50)), ..request };
    let expected =
        "fetch: a.test:PORT has not answered within 50ms, the time of the request's signal";
    assert_eq!(soon(failure(&client, own)).await, (ErrorKind::TimedOut, expected.to_owned()));
    assert_eq!((client.in_flight(), client.waiting()), (0, 0));
    assert_eq!(client.counters().durations().count(), 2);
}

#[tokio::test]
async fn a_body_that_trickles_ends_with_the_time_of_its_request() {
    let server = Server::start(|mut conn, _| async move {
        conn.read_request().await?;
        conn.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n").await?;
        loop {
            conn.write("x").await?;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let options = Options { timeout: Duration::from_millis(200), ..Options::default() };
    let client = client_with(options, "a.test", Arc::default());
    let (kind, _) = soon(failure(&client, get(&server.url("a.test", "/")))).await;
    assert_eq!(kind, ErrorKind::Limit);
}

#[tokio::test]
async fn more_than_the_bounds_allow_wait_for_those_before_them() {
    let free = Arc::new(Semaphore::new(0));
    let [now, most] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
    let server = {
        let (free, now, most) = (Arc::clone(&free), Arc::clone(&now), Arc::clone(&most));
        Server::start(move |mut conn, _| {
            let (free, now, most) = (Arc::clone(&free), Arc::clone(&now), Arc::clone(&most));
            async move {
                while conn.read_request().await?.is_some() {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let permit = free.acquire().await.expect("it is not closed");
                    now.fetch_sub(1, Ordering::SeqCst);
                    conn.write(answer("200 OK", &[], b"hi")).await?;
                    permit.forget();
                }
                Ok(())
            }
        })
        .await
    };
    let options = Options {
        max_requests: 5,
        max_host_requests: 4,
        max_group_requests: 2,
        ..Options::default()
    };
    let client = client_with(options, "a.test b.test", Arc::default());
    let request = |host: &str, group: Option<&str>| {
        let (client, request) = (client.clone(), get(&server.url(host, "/")));
        let group = group.map(Arc::from);
        tokio::spawn(async move { client.fetch(request, group).await })
    };
    // Of one room two, of one host four, five in all.
    let mut all: Vec<_> = (0..4).map(|_| request("a.test", Some("/room"))).collect();
    all.extend((0..4).map(|_| request("a.test", None)));
    all.extend((0..4).map(|_| request("b.test", None)));
    soon(async {
        while client.waiting() < 7 || now.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!((client.in_flight(), client.waiting()), (5, 7));
    free.add_permits(12);
    for ended in soon(join_all(all)).await {
        assert_eq!(text(&ended.expect("no panic").expect("an answer")), "hi");
    }
    assert_eq!(most.load(Ordering::SeqCst), 5);
    assert_eq!((client.in_flight(), client.waiting()), (0, 0));
}

#[tokio::test]
async fn one_that_waits_for_a_place_ends_with_its_time_too() {
    let server = silent().await;
    let options = Options { max_requests: 1, ..Options::default() };
    let client = client_with(options, "a.test", Arc::default());
    let (first, request) = (client.clone(), get(&server.url("a.test", "/")));
    let own = Request { timeout: Some(Duration::from_millis(50)), ..request.clone() };
    let first = tokio::spawn(async move { first.fetch(request, None).await });
    soon(async {
        while client.in_flight() < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(soon(failure(&client, own)).await.0, ErrorKind::TimedOut);
    assert_eq!((client.in_flight(), client.waiting()), (1, 0));
    // One whose caller goes gives its place back.
    first.abort();
    assert!(first.await.expect_err("it was aborted").is_cancelled());
    assert_eq!(client.in_flight(), 0);
}
