//! Makes the requests of OpenTelemetry's exporter.

use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};
use rustls::crypto::aws_lc_rs;
use url::Url;
use zigttp_outbound::client::Client;
use zigttp_outbound::grants::Grants;
use zigttp_outbound::options::Options;
use zigttp_outbound::request::{self, Redirect};
use zigttp_outbound::resolver::SystemResolver;
use zigttp_outbound::roots::{Roots, Tls};

use crate::error::ExporterError;

/// How long a batch may take to be sent, as OpenTelemetry has it.
const TIME: Duration = Duration::from_secs(10);

/// A client that calls the collector alone.
pub(crate) struct CollectorClient(Client);

impl CollectorClient {
    /// # Errors
    /// When the URL cannot be called, or no certificate could be checked.
    pub(crate) fn of(endpoint: &Url) -> Result<CollectorClient, ExporterError> {
        let host = endpoint.host_str().unwrap_or_default();
        let grant = host.parse().map_err(|_error| ExporterError(format!("{host:?} is no host")))?;
        let tls = Tls::new(Arc::new(aws_lc_rs::default_provider()), Roots::System);
        let options = Options { timeout: TIME, ..Options::default() };
        let resolver = Arc::new(SystemResolver::default());
        let client = Client::new(options, Grants::new(vec![grant]), tls, resolver);
        if endpoint.scheme() == "https" {
            client.load_roots().map_err(|error| ExporterError(error.to_string()))?;
        }
        Ok(CollectorClient(client))
    }
}

impl HttpClient for CollectorClient {
    fn send_bytes<'a, 'f>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let request = request::Request {
                method: head.method,
                url: head.uri.to_string().parse()?,
                headers: head.headers,
                body: Some(body),
                redirect: Redirect::Error,
                timeout: None,
            };
            let answer = self.0.fetch(request, None).await?;
            let mut response = Response::new(answer.body);
            *response.status_mut() = answer.head.status;
            *response.headers_mut() = answer.head.headers;
            Ok(response)
        })
    }
}

impl Debug for CollectorClient {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("CollectorClient")
    }
}
