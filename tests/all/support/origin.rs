//! A real HTTP server that does what the test says, byte by byte.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::patiently;

/// A server that waits for requests.
pub(crate) struct Origin {
    listener: TcpListener,
    pub(crate) address: SocketAddr,
}

/// One request, and the response to it.
pub(crate) struct Exchange {
    stream: TcpStream,
    /// Everything up to the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    /// What of the response is not written yet.
    unwritten: Vec<u8>,
}

impl Origin {
    pub(crate) async fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        Origin { listener, address }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The flag that allows the handler to make requests here.
    pub(crate) fn allowed(&self) -> String {
        format!("--allow-fetch={}", self.address)
    }

    /// The next request, once it has come whole.
    pub(crate) async fn next(&self) -> Exchange {
        let (stream, _) =
            patiently("a request", self.listener.accept()).await.expect("it is accepted");
        stream.set_nodelay(true).expect("a TCP socket");
        let mut exchange =
            Exchange { stream, head: String::new(), body: Vec::new(), unwritten: Vec::new() };
        patiently("a whole request", exchange.read()).await;
        exchange
    }

    /// Whether somebody connects within a short time.
    pub(crate) async fn is_asked(&self) -> bool {
        timeout(Duration::from_millis(300), self.listener.accept()).await.is_ok()
    }
}

impl Exchange {
    async fn read(&mut self) {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            let read = self.stream.read_buf(&mut bytes).await.expect("the client sends");
            assert!(read > 0, "the client has closed before its request was whole");
        };
        self.head = String::from_utf8(bytes[..end].to_vec()).expect("a head is text");
        self.body = bytes.split_off(end + 4);
        let len = self.header("content-length").map_or(0, |len| len.parse().expect("a number"));
        while self.body.len() < len {
            let read = self.stream.read_buf(&mut self.body).await.expect("the client sends");
            assert!(read > 0, "the client has closed before its body was whole");
        }
    }

    /// A header of the request.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }

    /// Begins a response, whose body has chunks. The transport is for this response alone: a client that kept it would
    /// make its next request there, where nobody waits for it.
    pub(crate) async fn respond(&mut self, status: &str, content_type: &str) {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        self.unwritten.extend_from_slice(head.as_bytes());
        self.write_all().await;
    }

    /// Sends a chunk.
    pub(crate) async fn send(&mut self, chunk: impl AsRef<[u8]>) {
        self.add_chunk(chunk.as_ref());
        self.write_all().await;
    }

    /// Sends a chunk. Returns whether the client has taken all within a short time; what it has not comes first later.
    pub(crate) async fn try_send(&mut self, chunk: &[u8]) -> bool {
        self.add_chunk(chunk);
        timeout(Duration::from_millis(500), self.write_all()).await.is_ok()
    }

    fn add_chunk(&mut self, chunk: &[u8]) {
        self.unwritten.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        self.unwritten.extend_from_slice(chunk);
        self.unwritten.extend_from_slice(b"\r\n");
    }

    /// The body ends.
    pub(crate) async fn finish(mut self) {
        self.unwritten.extend_from_slice(b"0\r\n\r\n");
        self.write_all().await;
        // The client may have closed already.
        let _ = self.stream.shutdown().await;
    }

    /// The transport breaks.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("a TCP socket");
    }

    /// Waits until the client has closed the transport.
    pub(crate) async fn closed(mut self) {
        let mut rest = Vec::new();
        // A reset is a close too.
        let _ = patiently("the client's close", self.stream.read_to_end(&mut rest)).await;
    }

    async fn write_all(&mut self) {
        while !self.unwritten.is_empty() {
            // Of a client that has closed the test learns elsewhere.
            let Ok(written) = self.stream.write(&self.unwritten).await else {
                return self.unwritten.clear();
            };
            self.unwritten.drain(..written);
        }
    }
}
