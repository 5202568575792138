//! A WebSocket client that waits with a time-out and fails with a reason.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::patiently;

/// One open WebSocket.
pub(crate) struct Client<S = MaybeTlsStream<TcpStream>> {
    stream: WebSocketStream<S>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Client {
        Client::try_connect(address, path).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) async fn try_connect(address: SocketAddr, path: &str) -> Result<Client, Error> {
        let url = format!("ws://{address}{path}");
        let connected = patiently("the handshake", tokio_tungstenite::connect_async(url)).await;
        connected.map(|(stream, _response)| Client { stream })
    }

    /// The same from a page of this origin.
    pub(crate) async fn try_connect_from(
        address: SocketAddr,
        path: &str,
        origin: &str,
    ) -> Result<Client, Error> {
        let mut request = format!("ws://{address}{path}").into_client_request()?;
        request.headers_mut().insert("origin", origin.parse().expect("a header value"));
        let connected = patiently("the handshake", tokio_tungstenite::connect_async(request)).await;
        connected.map(|(stream, _response)| Client { stream })
    }

    /// Resets the transport.
    pub(crate) fn reset(self) {
        if let MaybeTlsStream::Plain(stream) = self.stream.get_ref() {
            stream.set_zero_linger().expect("a TCP socket");
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// Opens a WebSocket over an open TCP connection.
    pub(crate) async fn over(stream: S, url: &str) -> Client<S> {
        let opened = patiently("the handshake", tokio_tungstenite::client_async(url, stream)).await;
        let (stream, _response) = opened.unwrap_or_else(|error| panic!("{url}: {error}"));
        Client { stream }
    }

    pub(crate) async fn send(&mut self, message: impl Into<Message>) {
        patiently("sending", self.stream.send(message.into())).await.expect("the socket is open");
    }

    /// The next data message or close frame; pings are answered and passed over.
    pub(crate) async fn next(&mut self) -> Message {
        patiently("a message", async {
            loop {
                let message = self.stream.next().await.expect("the socket is open");
                match message.expect("the server keeps the protocol") {
                    Message::Ping(_) | Message::Pong(_) => {}
                    message => return message,
                }
            }
        })
        .await
    }

    /// The next message, which is a text.
    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.to_string(),
            other => panic!("expected a text, got {other:?}"),
        }
    }

    /// The next message, which is binary.
    pub(crate) async fn bytes(&mut self) -> Vec<u8> {
        match self.next().await {
            Message::Binary(bytes) => bytes.to_vec(),
            other => panic!("expected bytes, got {other:?}"),
        }
    }

    /// Waits for a ping (which is answered when the client next reads or writes).
    pub(crate) async fn pinged(&mut self) -> bool {
        let message = patiently("a ping", self.stream.next()).await;
        matches!(message, Some(Ok(Message::Ping(_))))
    }

    /// Sends a text and returns the next one.
    pub(crate) async fn ask(&mut self, text: &str) -> String {
        self.send(text).await;
        self.text().await
    }

    /// The close frame of the server, which comes next: code and reason. Completes the close handshake.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let frame = match self.next().await {
            Message::Close(frame) => frame,
            other => panic!("expected a close frame, got {other:?}"),
        };
        // Reading on sends the reply, and ends with the transport.
        while let Some(Ok(_)) = patiently("the end", self.stream.next()).await {}
        frame.map_or((1005, String::new()), |frame| {
            (frame.code.into(), frame.reason.as_str().to_owned())
        })
    }

    /// Closes with a code, waits for the server's close frame, and returns its code.
    pub(crate) async fn close(mut self, code: u16, reason: &str) -> u16 {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        self.send(Message::Close(Some(frame))).await;
        self.closed().await.0
    }

    /// Waits until the server ends the transport, without a close frame.
    pub(crate) async fn ended(mut self) {
        match patiently("the end", self.stream.next()).await {
            None | Some(Err(_)) => {}
            Some(Ok(message)) => panic!("expected the end, got {message:?}"),
        }
    }

    /// Closes, and reads what comes until the end.
    pub(crate) async fn leave(mut self) {
        self.send(Message::Close(None)).await;
        while let Some(Ok(_)) = patiently("the end", self.stream.next()).await {}
    }

    /// Drops the transport without a close frame.
    pub(crate) fn drop_transport(self) {
        drop(self.stream);
    }
}
