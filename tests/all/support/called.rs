//! A server that handlers call, on a free port, in the test's own process. It replies as a test wants it,
//! also as no honest server would.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::tls;

/// What a server does with a request.
pub(crate) enum Reply {
    /// Writes these bytes, and keeps the connection.
    Bytes(Vec<u8>),
    /// Writes these bytes, and ends the connection.
    Last(Vec<u8>),
    /// Says nothing.
    Nothing,
    /// Writes this head, and bytes without end.
    Endless(&'static str),
}

/// A request, as it was received.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) method: String,
    pub(crate) path: String,
    /// `name: value` lines, as sent.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

/// A running server; ends with the test's runtime.
pub(crate) struct Called {
    pub(crate) port: u16,
    connections: Arc<AtomicUsize>,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Called {
    /// A server over plain TCP.
    pub(crate) async fn start(
        reply: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Called {
        Called::serve(None, reply).await
    }

    /// A server over TLS, with one of the pairs in `tests/fixtures/tls`.
    pub(crate) async fn over_tls(
        pair: &str,
        reply: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Called {
        let chain = vec![read_certificate(&tls::certificate(pair))];
        let key = PrivateKeyDer::from_pem_file(tls::key(pair)).expect("a fixture");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("they belong together");
        Called::serve(Some(TlsAcceptor::from(Arc::new(config))), reply).await
    }

    async fn serve(
        tls: Option<TlsAcceptor>,
        reply: impl Fn(&Received) -> Reply + Send + Sync + 'static,
    ) -> Called {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let called = Called { port, connections: Arc::default(), received: Arc::default() };
        let (connections, received) =
            (Arc::clone(&called.connections), Arc::clone(&called.received));
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                let (tls, reply) = (tls.clone(), Arc::clone(&reply));
                let received = Arc::clone(&received);
                tokio::spawn(async move {
                    match tls {
                        None => converse(stream, &received, &*reply).await,
                        Some(tls) => converse(tls.accept(stream).await?, &received, &*reply).await,
                    }
                });
            }
        });
        called
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.port)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// All requests so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no test panics with it").clone()
    }
}

impl Received {
    /// Its body, if that is text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("it is text")
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| {
            let (own, value) = line.split_once(':')?;
            own.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A response with a body of known length.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Reply {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
    Reply::Bytes([head.as_bytes(), body].concat())
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    received: &Mutex<Vec<Received>>,
    reply: &(dyn Fn(&Received) -> Reply + Send + Sync),
) -> io::Result<()> {
    loop {
        let request = read_request(&mut stream).await?;
        received.lock().expect("no test panics with it").push(request.clone());
        match reply(&request) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
            Reply::Last(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Reply::Nothing => {}
            Reply::Endless(head) => {
                stream.write_all(head.as_bytes()).await?;
                loop {
                    stream.write_all(&[b'x'; 4096]).await?;
                }
            }
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).map_err(io::Error::other)?;
    let mut lines = head.lines();
    let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
    let mut request = Received {
        method: first.next().unwrap_or_default(),
        path: first.next().unwrap_or_default(),
        headers: lines.filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        body: Vec::new(),
    };
    let length = request.header("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    request.body = body;
    Ok(request)
}

fn read_certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a fixture")
}
