//! Servers on free ports, and clients that find them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::grants::Grants;
use crate::options::Options;
use crate::request::{Redirect, Request};
use crate::resolver::Resolve;
use crate::response::Response;
use crate::roots::{Roots, Tls};

pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server that speaks bytes, and what it was sent.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) heads: Arc<Mutex<Vec<String>>>,
    /// What its connections may wait for.
    pub(super) go_on: Arc<Notify>,
}

impl Server {
    /// Does this with each connection; the number says which one it is.
    pub(super) async fn start<F>(serve: impl Fn(Conn, usize) -> F + Send + Sync + 'static) -> Server
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let connections = Arc::<AtomicUsize>::default();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let go_on = Arc::<Notify>::default();
        let server = Server {
            port,
            connections: Arc::clone(&connections),
            heads: Arc::clone(&heads),
            go_on: Arc::clone(&go_on),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(
                    Conn { stream, heads: Arc::clone(&heads), go_on: Arc::clone(&go_on) },
                    number,
                ));
            }
        });
        server
    }

    /// Answers every request with these bytes.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Server {
        let answer = Arc::new(answer.into());
        Server::start(move |mut conn, _| {
            let answer = Arc::clone(&answer);
            async move {
                while conn.read_request().await?.is_some() {
                    conn.write(answer.as_slice()).await?;
                }
                Ok(())
            }
        })
        .await
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The heads of all requests, in lower case.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no test panics with it").clone()
    }

    /// A URL of it by the name `host`.
    pub(super) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.port)
    }
}

/// One connection of a server.
pub(super) struct Conn {
    pub(super) stream: TcpStream,
    heads: Arc<Mutex<Vec<String>>>,
    pub(super) go_on: Arc<Notify>,
}

impl Conn {
    /// Reads a request; returns its body, or `None` at the end.
    pub(super) async fn read_request(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) if head.is_empty() => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let head = String::from_utf8(head).map_err(io::Error::other)?.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap_or(0))];
        self.heads.lock().expect("no test panics with it").push(head);
        self.stream.read_exact(&mut body).await?;
        Ok(Some(body))
    }

    /// The head of the last request of any connection, in lower case.
    pub(super) fn last_head(&self) -> String {
        self.heads.lock().expect("no test panics with it").last().cloned().unwrap_or_default()
    }

    pub(super) async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Ends the connection with a reset instead of an end.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

/// An answer with a body of known length.
pub(super) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        answer.push_str(&format!("{name}: {value}\r\n"));
    }
    [answer.as_bytes(), b"\r\n", body].concat()
}

/// Knows these names alone; each lookup of a name takes its next list, the last one for ever.
#[derive(Default)]
pub(super) struct Names {
    names: Mutex<HashMap<String, Vec<Vec<IpAddr>>>>,
    pub(super) lookups: AtomicUsize,
}

impl Names {
    pub(super) fn set(&self, name: &str, lookups: &[&[&str]]) {
        let addresses =
            |list: &&[&str]| list.iter().map(|text| text.parse().expect("an address")).collect();
        let lookups = lookups.iter().map(addresses).collect();
        self.names.lock().expect("no test panics with it").insert(name.to_owned(), lookups);
    }
}

impl Resolve for Names {
    fn resolve(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let mut names = self.names.lock().expect("no test panics with it");
        let found = match names.get_mut(&name) {
            Some(lists) if lists.len() > 1 => Ok(lists.remove(0)),
            Some(lists) => Ok(lists[0].clone()),
            None if name.ends_with(".test") => Ok(vec![LOOPBACK]),
            None => Err(io::Error::other("no such name")),
        };
        Box::pin(async { found })
    }
}

/// Grants written with spaces between them.
pub(super) fn grants(list: &str) -> Grants {
    Grants::new(list.split_whitespace().map(|text| text.parse().expect(text)).collect())
}

/// A client that trusts the first certificate of the fixtures. Names under `.test` are this machine.
pub(super) fn client_with(options: Options, list: &str, names: Arc<Names>) -> Client {
    let provider = rustls::ClientConfig::builder().crypto_provider().clone();
    let tls = Tls::new(provider, Roots::These(vec![certificate("first")]));
    Client::new(options, grants(list), tls, names)
}

pub(super) fn client(list: &str) -> Client {
    client_with(Options::default(), list, Arc::default())
}

pub(super) fn get(url: &str) -> Request {
    Request {
        method: Method::GET,
        url: url.parse().expect(url),
        headers: HeaderMap::new(),
        body: None,
        redirect: Redirect::Follow,
        timeout: None,
    }
}

pub(super) fn post(
    url: &str,
    headers: &[(&'static str, &'static str)],
    body: &'static str,
) -> Request {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let body = Some(Bytes::from_static(body.as_bytes()));
    Request { method: Method::POST, headers, body, ..get(url) }
}

/// The kind and the message of a request that fails, the port of the server written as PORT.
pub(super) async fn failure(client: &Client, request: Request) -> (ErrorKind, String) {
    let port = request.url.port();
    let Error { kind, message } = client.fetch(request, None).await.expect_err("it fails");
    let message = match port {
        Some(port) => message.replace(&port.to_string(), "PORT"),
        None => message,
    };
    (kind, message)
}

pub(super) async fn fetch(client: &Client, url: &str) -> Response {
    client.fetch(get(url), None).await.expect(url)
}

pub(super) fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).expect("it is text")
}

/// An address where nobody listens.
pub(super) async fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind((LOOPBACK, 0)).await.expect("a free port");
    listener.local_addr().expect("it listens")
}

/// Fails a test that would wait for ever.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it does not hang")
}

/// A certificate of the fixtures, for `localhost`, which signs itself.
pub(super) fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(fixture(name, "cert")).expect("a certificate")
}

pub(super) fn fixture(name: &str, kind: &str) -> String {
    format!("{}/../../tests/fixtures/tls/{name}.{kind}.pem", env!("CARGO_MANIFEST_DIR"))
}
