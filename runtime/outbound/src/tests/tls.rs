//! TLS: whose certificate is trusted, and which HTTP is spoken over it.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::support::{
    Names, certificate, client, client_with, failure, fetch, fixture, get, soon, text,
};
use crate::error::ErrorKind;
use crate::options::Options;

/// A server over TLS that answers with the version and the method of each request.
pub(super) struct Server {
    pub(super) port: u16,
}

impl Server {
    pub(super) async fn start(certificate_name: &str) -> Server {
        Server::speaking(certificate_name, &[b"h2", b"http/1.1"]).await
    }

    async fn speaking(certificate_name: &str, protocols: &[&[u8]]) -> Server {
        let key = PrivateKeyDer::from_pem_file(fixture(certificate_name, "key")).expect("a key");
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate(certificate_name)], key)
            .expect("they belong together");
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service =
                        service_fn(|request: http::Request<hyper::body::Incoming>| async move {
                            let text = format!("{:?} {}", request.version(), request.method());
                            let answer = Response::new(Full::new(Bytes::from(text)));
                            Ok::<_, std::convert::Infallible>(answer)
                        });
                    let serving = auto::Builder::new(TokioExecutor::new());
                    let served = serving.serve_connection(TokioIo::new(stream), service).await;
                    drop(served);
                });
            }
        });
        Server { port }
    }

    pub(super) fn url(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.port)
    }
}

fn names() -> Arc<Names> {
    let names = Names::default();
    names.set("localhost", &[&["127.0.0.1"]]);
    Arc::new(names)
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_speaks_it_and_one_connection_carries_all() {
    let server = Server::start("first").await;
    let client = client_with(Options::default(), "localhost", names());
    let url = server.url("localhost", "/");
    let response = fetch(&client, &url).await;
    assert_eq!((text(&response), response.head.status_text.as_str()), ("HTTP/2.0 GET", ""));
    let all = (0..20).map(|_| client.fetch(get(&url), None));
    for response in soon(futures_util::future::join_all(all)).await {
        assert_eq!(text(&response.expect("an answer")), "HTTP/2.0 GET");
    }
    assert_eq!(client.counters().connections(), 1);
    let old = Server::speaking("first", &[]).await;
    assert_eq!(text(&fetch(&client, &old.url("localhost", "/")).await), "HTTP/1.1 GET");
}

#[tokio::test]
async fn an_address_in_a_url_needs_a_certificate_for_it() {
    let server = Server::start("first").await;
    let response = fetch(&client("127.0.0.1"), &server.url("127.0.0.1", "/")).await;
    assert_eq!(text(&response), "HTTP/2.0 GET");
}

#[tokio::test]
async fn a_wrong_certificate_is_an_error_that_says_what_is_wrong() {
    let client = client_with(Options::default(), "localhost a.test", names());
    let unknown = Server::start("second").await;
    let (kind, message) = failure(&client, get(&unknown.url("localhost", "/?secret"))).await;
    assert_eq!(kind, ErrorKind::Network);
    let expected = "fetch: no TLS with localhost:PORT: invalid peer certificate: UnknownIssuer";
    assert_eq!(message, expected);
    let other_name = Server::start("first").await;
    let (_, message) = failure(&client, get(&other_name.url("a.test", "/"))).await;
    assert!(message.contains("certificate not valid for name \"a.test\""), "{message}");
    let plain = super::support::Server::start(|mut conn, _| async move {
        conn.write("HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        conn.read_request().await.map(drop)
    })
    .await;
    let url = plain.url("a.test", "/").replace("http:", "https:");
    let (_, message) = failure(&client, get(&url)).await;
    assert!(message.starts_with("fetch: no TLS with a.test:PORT: "), "{message}");
}
