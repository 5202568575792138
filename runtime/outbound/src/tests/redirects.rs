//! Redirects: which are followed, and how far.

use super::support::*;
use crate::error::ErrorKind;
use crate::request::{Redirect, Request};

/// A server that redirects every request, unless it is one for `/end`, to this place.
async fn redirecting(status: &'static str, to: impl Into<String>) -> Server {
    let to = to.into();
    Server::start(move |mut conn, _| {
        let to = to.clone();
        async move {
            while conn.read_request().await?.is_some() {
                let is_end = conn.last_head().contains(" /end ");
                let answer = if is_end {
                    answer("200 OK", &[], b"the end")
                } else {
                    answer(status, &[("location", &to)], b"moved")
                };
                conn.write(answer).await?;
            }
            Ok(())
        }
    })
    .await
}

#[tokio::test]
async fn a_redirect_is_followed_as_a_browser_follows_it() {
    let server = redirecting("302 Found", "/end").await;
    let client = client("a.test");
    let url = server.url("a.test", "/start");
    let request = post(&url, &[("content-type", "text/plain"), ("x-own", "1")], "body");
    let response = client.fetch(request, None).await.expect("an answer");
    assert_eq!(text(&response), "the end");
    assert_eq!(response.head.url.as_str(), server.url("a.test", "/end"));
    assert!(response.head.redirected);
    let heads = server.heads();
    assert!(heads[0].starts_with("post /start ") && heads[1].starts_with("get /end "));
    assert!(heads[1].contains("x-own: 1") && !heads[1].contains("content-"), "{}", heads[1]);
    assert_eq!(client.counters().redirects(), 1);
}

#[tokio::test]
async fn credentials_are_not_sent_to_another_origin() {
    let other = Server::answering(answer("200 OK", &[], b"other")).await;
    let server = redirecting("307 Temporary Redirect", other.url("b.test", "/")).await;
    let client = client("a.test b.test");
    let headers = [("authorization", "secret"), ("cookie", "secret"), ("x-own", "1")];
    let request = post(&server.url("a.test", "/"), &headers, "body");
    let response = client.fetch(request, None).await.expect("an answer");
    assert_eq!(text(&response), "other");
    assert!(server.heads()[0].contains("authorization: secret"));
    let head = &other.heads()[0];
    assert!(head.starts_with("post / ") && head.contains("x-own: 1"), "{head}");
    assert!(!head.contains("secret"), "{head}");
}

#[tokio::test]
async fn a_redirect_to_an_internal_address_or_to_a_host_without_a_grant_is_not_followed() {
    let inner = Server::answering(answer("200 OK", &[], b"inner")).await;
    for (to, grants, expected) in [
        (inner.url("127.0.0.1", "/?secret"), "a.test *", "an internal address"),
        (inner.url("b.test", "/?secret"), "a.test *", "has an internal address"),
        (inner.url("b.test", "/?secret"), "a.test", "redirects to b.test:"),
        ("file:///etc/passwd".to_owned(), "a.test *", "only http and https"),
        ("http://me:secret@a.test/".to_owned(), "a.test", "a user name"),
    ] {
        let server = redirecting("302 Found", &to).await;
        let (_, message) = failure(&client(grants), get(&server.url("a.test", "/"))).await;
        assert!(message.contains(expected) && !message.contains("secret"), "{message}");
    }
    assert_eq!(inner.connections(), 0);
}

#[tokio::test]
async fn a_loop_of_redirects_ends_at_the_sixth() {
    let server = redirecting("301 Moved Permanently", "/again").await;
    let (kind, message) = failure(&client("a.test"), get(&server.url("a.test", "/"))).await;
    assert_eq!(message, "fetch: a.test:PORT redirects for the 6th time");
    assert_eq!((kind, server.heads().len()), (ErrorKind::Network, 6));
}

#[tokio::test]
async fn a_request_may_ask_for_the_redirect_itself_or_for_an_error() {
    let server = redirecting("303 See Other", "/end").await;
    let client = client("a.test");
    let request = get(&server.url("a.test", "/"));
    let manual = Request { redirect: Redirect::Manual, ..request.clone() };
    let response = client.fetch(manual, None).await.expect("an answer");
    assert_eq!((response.head.status.as_u16(), text(&response)), (303, "moved"));
    assert_eq!(response.head.headers["location"], "/end");
    assert!(!response.head.redirected);
    let (kind, message) = failure(&client, Request { redirect: Redirect::Error, ..request }).await;
    let expected = "fetch: a.test:PORT redirects, and the request's redirect is \"error\"";
    assert_eq!((kind, message.as_str()), (ErrorKind::Network, expected));
}
