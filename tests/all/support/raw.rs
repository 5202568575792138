//! A client of raw frames: sends what a well-behaved one cannot.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::PATIENCE;

/// First bytes of frames: FIN and an opcode.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

/// One open WebSocket; it sends only what the test says.
pub(crate) struct RawClient {
    stream: TcpStream,
}

impl RawClient {
    pub(crate) fn connect(address: SocketAddr, path: &str) -> RawClient {
        RawClient::connect_with(address, path, "").0
    }

    /// The same with further header lines; also returns the head of the 101.
    pub(crate) fn connect_with(
        address: SocketAddr,
        path: &str,
        headers: &str,
    ) -> (RawClient, String) {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        stream.set_nodelay(true).expect("a TCP socket");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the server answers the handshake");
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (RawClient { stream }, head)
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// The same for bytes that the server may refuse to take.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Waits until there is something to read, and leaves it there.
    pub(crate) fn peek(&self) {
        self.stream.peek(&mut [0]).expect("the server sends something");
    }

    /// Sends one masked frame with this first byte.
    pub(crate) fn frame(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(first, payload));
    }

    /// The next frame: its first byte and payload.
    pub(crate) fn next(&mut self) -> (u8, Vec<u8>) {
        let [first, len] = self.bytes();
        let len = match len {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            len => u64::from(len),
        };
        let mut payload = vec![0; usize::try_from(len).expect("frames of a test are small")];
        self.stream.read_exact(&mut payload).expect("a frame comes whole");
        (first, payload)
    }

    /// The next frame, which is a text.
    pub(crate) fn text(&mut self) -> String {
        let (first, payload) = self.next();
        assert_eq!(first, TEXT, "{payload:?}");
        String::from_utf8(payload).expect("text frames are UTF-8")
    }

    /// The next frame, which is a close: its code, if there is one, and reason.
    pub(crate) fn close_frame(&mut self) -> (Option<u16>, String) {
        let (first, payload) = self.next();
        assert_eq!(first, CLOSE, "{payload:?}");
        match payload.split_at_checked(2) {
            Some((code, reason)) => (
                Some(u16::from_be_bytes([code[0], code[1]])),
                String::from_utf8(reason.to_owned()).expect("reasons are UTF-8"),
            ),
            None => {
                assert!(payload.is_empty(), "half a close code: {payload:?}");
                (None, String::new())
            }
        }
    }

    /// Waits until the server ends the transport, with nothing before that; then ends it as well.
    pub(crate) fn ended(mut self) {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).expect("the server ends the transport in order");
        assert!(rest.is_empty(), "nothing comes after a close frame, but {rest:?}");
    }

    /// Closes the sending side, without a close frame.
    pub(crate) fn hang_up(&mut self) {
        self.stream.shutdown(Shutdown::Write).expect("the server still reads");
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).expect("a frame comes");
        bytes
    }
}

/// A masked frame with this first byte.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | len as u8),
        len @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The payload of a close frame.
pub(crate) fn close_payload(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}
