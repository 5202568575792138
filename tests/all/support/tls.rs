//! TLS for clients: the certificates of the tests, a server that has one, a client that checks it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Client;
use super::server::Server;
use super::{patiently, programs};

/// The certificate of one of the pairs in `tests/fixtures/tls`, `first` and `second`.
pub(crate) fn certificate(pair: &str) -> PathBuf {
    programs::root().join(format!("tests/fixtures/tls/{pair}.cert.pem"))
}

/// Its key.
pub(crate) fn key(pair: &str) -> PathBuf {
    programs::root().join(format!("tests/fixtures/tls/{pair}.key.pem"))
}

/// A server of a handler of this source that speaks TLS with the first pair.
pub(crate) fn serve(source: &str, arguments: &[&str]) -> Server {
    start(&programs::compile(source), &certificate("first"), &key("first"), arguments)
}

/// A server of an artifact that speaks TLS.
pub(crate) fn start(handler: &Path, certificate: &Path, key: &Path, arguments: &[&str]) -> Server {
    let [certificate, key] = [certificate, key].map(|path| path.to_str().expect("it is text"));
    let tls = ["--tls-cert", certificate, "--tls-key", key];
    Server::start(handler, &[&tls, arguments].concat())
}

/// A connection that trusts only the certificate of this pair.
pub(crate) async fn connect(server: &Server, pair: &str) -> io::Result<TlsStream<TcpStream>> {
    let certificate = CertificateDer::from_pem_file(certificate(pair)).expect("a fixture");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider knows them")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(server.address).await?;
    stream.set_nodelay(true)?;
    patiently("the TLS handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

/// Opens a WebSocket over TLS.
pub(crate) async fn open(server: &Server, path: &str) -> Client<TlsStream<TcpStream>> {
    let stream = connect(server, "first").await.expect("the certificate is trusted");
    Client::over(stream, &format!("wss://localhost:{}{path}", server.address.port())).await
}

/// Sends a GET request over HTTP/1.1 and TLS; returns the whole response.
pub(crate) async fn get(server: &Server, path: &str) -> String {
    let mut stream = connect(server, "first").await.expect("the certificate is trusted");
    let port = server.address.port();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the server reads");
    let mut answer = String::new();
    // Fails unless the server ends TLS with a close_notify.
    patiently("the answer", stream.read_to_string(&mut answer)).await.expect("an answer, whole");
    answer
}
