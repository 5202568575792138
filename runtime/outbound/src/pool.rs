//! The connections that belong to one set of grants. With other grants there is another pool, and what is
//! connected in this one is used no further.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http::{Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::connection::Via;
use crate::connector::Connector;
use crate::error::Error;
use crate::failure;
use crate::grants::Grants;
use crate::options::{IDLE_TIME, MAX_HEAD_BYTES};
use crate::redirect::Hop;
use crate::request::Target;

/// What the server may send of a body that nobody reads yet, over HTTP/2. It is memory of this process.
const WINDOW_BYTES: u32 = 256 << 10;
const CONNECTION_WINDOW_BYTES: u32 = 1 << 20;

/// How often an HTTP/2 connection with open requests is pinged, and how long it may take to answer.
const PING_TIME: Duration = Duration::from_secs(20);

pub(crate) struct Pool {
    pub(crate) grants: Arc<Grants>,
    connector: Connector,
    client: Client<Connector, Full<Bytes>>,
}

impl Pool {
    pub(crate) fn new(connector: Connector) -> Pool {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .http2_max_header_list_size(MAX_HEAD_BYTES as u32)
            .http2_initial_stream_window_size(WINDOW_BYTES)
            .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(PING_TIME)
            .http2_keep_alive_timeout(PING_TIME)
            .build(connector.clone());
        Pool { grants: Arc::clone(&connector.grants), connector, client }
    }

    /// A pool like this one, without connections, with these grants.
    pub(crate) fn renewed(&self, grants: Arc<Grants>) -> Pool {
        let open = Arc::default();
        Pool::new(Connector { grants, open, ..self.connector.clone() })
    }

    /// How many connections are open, idle ones included.
    pub(crate) fn open_connections(&self) -> usize {
        self.connector.open.load(Ordering::Relaxed)
    }

    /// Sends a request that the grants allow, and returns the head of the answer. `via` is set as soon as
    /// there is a connection.
    pub(crate) async fn send(
        &self,
        hop: &Hop,
        target: &Target,
        via: &mut Option<Via>,
    ) -> Result<Response<Incoming>, Error> {
        let mut is_second = false;
        loop {
            let mut request = self.request(hop, target)?;
            let captured = capture_connection(&mut request);
            let result = self.client.request(request).await;
            *via = connection(&captured);
            let was_used = via.as_ref().is_some_and(Via::is_used);
            match result {
                Ok(response) => {
                    if let Some(via) = via {
                        via.mark_used();
                    }
                    return Ok(response);
                }
                // The server has closed it for being idle while the request was on its way. What may be done
                // twice is done again (RFC 9110, section 9.2.2).
                Err(error) if was_used && !is_second && is_idempotent(&hop.method) => {
                    tracing::debug!(%target, %error, "sending a request again over a new connection");
                    is_second = true;
                }
                Err(error) => return Err(failure::broken(target, &error)),
            }
        }
    }

    fn request(&self, hop: &Hop, target: &Target) -> Result<Request<Full<Bytes>>, Error> {
        let uri: Uri = hop.url.as_str().parse().map_err(|_error| {
            failure::network(format!("the URL for {target} is too long or cannot be requested"))
        })?;
        let mut request = Request::new(Full::new(hop.body.clone().unwrap_or_default()));
        request.method_mut().clone_from(&hop.method);
        request.headers_mut().clone_from(&hop.headers);
        // In a tunnel the proxy does not see it.
        let is_plain = uri.scheme() == Some(&Scheme::HTTP);
        let proxy = self.connector.proxy.as_ref().filter(|_| is_plain);
        if let Some(value) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
        *request.uri_mut() = uri;
        Ok(request)
    }
}

fn connection(captured: &CaptureConnection) -> Option<Via> {
    let mut extensions = http::Extensions::new();
    captured.connection_metadata().as_ref()?.get_extras(&mut extensions);
    extensions.remove()
}

fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}
