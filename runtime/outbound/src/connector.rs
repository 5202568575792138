//! Makes connections, to addresses that a grant covers and no others.
//!
//! The system's answer for a name is filtered here and handed on to the code that connects, so nobody
//! asks for the name a second time.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};
use std::vec;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::uri::Scheme;
use http::{Method, Request, Uri};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Url;

use crate::address::is_public;
use crate::connection::{Io, Open, Stream, Via};
use crate::counters::Counters;
use crate::grants::{Cover, Grants};
use crate::options::CONNECT_TIME;
use crate::proxy::Proxy;
use crate::request::Target;
use crate::resolver::Resolve;
use crate::roots::Tls;

/// Makes the connections of one pool.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) grants: Arc<Grants>,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: Arc<Tls>,
    pub(crate) proxy: Option<Proxy>,
    /// How many of the pool's connections are open.
    pub(crate) open: Arc<AtomicUsize>,
    pub(crate) counters: Arc<Counters>,
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The name has addresses, but none that the grant covers.
    #[error("internal address")]
    Internal,
    #[error("name not resolved: {0}")]
    Unresolved(String),
    #[error("no connection: {0}")]
    Tcp(String),
    #[error("no TLS: {0}")]
    Tls(String),
    #[error("no way through the proxy: {0}")]
    Proxy(String),
    #[error("too slow")]
    TimedOut,
}

impl Connector {
    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let connecting = async {
            let url: Url = uri.to_string().parse().map_err(|_error| ConnectError::Internal)?;
            let target = Target::of(&url).map_err(|_why| ConnectError::Internal)?;
            let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
            let (tcp, is_internal) = match &self.proxy {
                None => {
                    let cover =
                        self.grants.find(&target).map_err(|_refusal| ConnectError::Internal)?;
                    self.tcp(&uri, cover, target.port).await?
                }
                Some(proxy) => {
                    let (tcp, _address) =
                        self.tcp(&proxy.address, Cover::Open, 0).await.map_err(|error| {
                            ConnectError::Proxy(format!("it is not reached ({error})"))
                        })?;
                    (tcp, false)
                }
            };
            let mut stream = Stream {
                io: Box::new(tcp),
                via: Via::new(is_internal),
                speaks_http2: false,
                is_proxied: self.proxy.is_some() && !is_tls,
                _open: Open::new(&self.open, &self.counters),
            };
            if is_tls {
                if let Some(proxy) = &self.proxy {
                    stream.io = tunnel(stream.io, proxy, &uri, target.port).await?;
                }
                (stream.io, stream.speaks_http2) = self.handshake(stream.io, &target).await?;
            }
            Ok(stream)
        };
        timeout(CONNECT_TIME, connecting).await.map_err(|_elapsed| ConnectError::TimedOut).flatten()
    }

    /// Connects to an address that the grant covers. Returns whether it is internal.
    async fn tcp(
        &self,
        uri: &Uri,
        cover: Cover,
        port: u16,
    ) -> Result<(TcpStream, bool), ConnectError> {
        let covered = CoveredAddresses { connector: self.clone(), cover, port };
        let mut http = HttpConnector::new_with_resolver(covered);
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIME));
        let tcp = http.call(uri.clone()).await.map_err(|error| cause(&error))?.into_inner();
        let peer = tcp.peer_addr().map_err(|error| cause(&error))?;
        Ok((tcp, !is_public(peer.ip())))
    }

    /// Returns whether HTTP/2 was agreed on.
    async fn handshake(
        &self,
        io: Box<dyn Io>,
        target: &Target,
    ) -> Result<(Box<dyn Io>, bool), ConnectError> {
        let host = target.host.to_string();
        let host = host.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).map_err(|_error| {
            ConnectError::Tls("no certificate can be for such a name".to_owned())
        })?;
        let config = self.tls.config().map_err(|error| ConnectError::Tls(error.to_string()))?;
        let stream = TlsConnector::from(config).connect(name, io).await.map_err(|error| {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            ConnectError::Tls(inner.map_or_else(|| reason(&error), rustls::Error::to_string))
        })?;
        let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), speaks_http2))
    }
}

/// Has a proxy make a connection, and returns it.
async fn tunnel(
    io: Box<dyn Io>,
    proxy: &Proxy,
    uri: &Uri,
    port: u16,
) -> Result<Box<dyn Io>, ConnectError> {
    let failed = |error: hyper::Error| match cause(&error) {
        ConnectError::Tcp(why) => ConnectError::Proxy(why),
        other => other,
    };
    let (mut sender, connection) =
        http1::handshake::<_, Empty<Bytes>>(TokioIo::new(io)).await.map_err(failed)?;
    // Ends with the connection, or when the tunnel is there.
    tokio::spawn(connection.with_upgrades());
    let authority = format!("{}:{port}", uri.host().unwrap_or_default());
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri(&authority)
        .header(HOST, &authority)
        .body(Empty::new())
        .map_err(|error| ConnectError::Proxy(error.to_string()))?;
    if let Some(value) = &proxy.authorization {
        request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
    }
    let response = sender.send_request(request).await.map_err(failed)?;
    if !response.status().is_success() {
        let status = response.status().as_u16();
        return Err(ConnectError::Proxy(format!("it answers {status}")));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(failed)?;
    Ok(Box::new(TokioIo::new(upgraded)))
}

/// The error that began a chain of errors, as ours.
fn cause(error: &(dyn Error + 'static)) -> ConnectError {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<ConnectError>() {
            return ours.clone();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return ConnectError::Tcp(reason(io));
        }
        next = error.source();
    }
    ConnectError::Tcp(error.to_string())
}

/// `connection refused`, without the system's number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::Other => error.to_string(),
        kind => kind.to_string(),
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, ConnectError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}

/// The addresses of a name that its grant covers.
#[derive(Clone)]
struct CoveredAddresses {
    connector: Connector,
    cover: Cover,
    port: u16,
}

impl Service<Name> for CoveredAddresses {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<vec::IntoIter<SocketAddr>, ConnectError>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let CoveredAddresses { connector, cover, port } = self.clone();
        Box::pin(async move {
            let found = connector.resolver.resolve(name.as_str().to_owned()).await;
            let found = found.map_err(|error| ConnectError::Unresolved(error.to_string()))?;
            if found.is_empty() {
                return Err(ConnectError::Unresolved("it has no address".to_owned()));
            }
            let covered: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| connector.grants.covers(cover, *address, port))
                .map(|address| SocketAddr::new(address, port))
                .collect();
            if covered.is_empty() { Err(ConnectError::Internal) } else { Ok(covered.into_iter()) }
        })
    }
}
