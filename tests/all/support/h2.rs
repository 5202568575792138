//! A client of raw HTTP/2 frames: sends what a well-behaved one cannot, and reads only what a test wants.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// Types of frames (RFC 9113, 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// Settings (RFC 9113, 6.5.2).
const HEADER_TABLE_SIZE: u16 = 1;
pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;

/// A frame that has come.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// One HTTP/2 connection with prior knowledge; it sends only what the test says.
pub(crate) struct H2Client {
    transport: TcpStream,
    next_stream: u32,
}

impl H2Client {
    pub(crate) fn connect(address: SocketAddr) -> H2Client {
        H2Client::connect_with(address, &[])
    }

    /// The same with settings of the client.
    pub(crate) fn connect_with(address: SocketAddr, settings: &[(u16, u32)]) -> H2Client {
        let transport = TcpStream::connect(address).expect("the server listens");
        transport.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        transport.set_write_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        let mut client = H2Client { transport, next_stream: 1 };
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        // Without a table, so that each head can be read by itself.
        let mut payload = Vec::new();
        for (name, value) in [&[(HEADER_TABLE_SIZE, 0)], settings].concat() {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        client.frame(SETTINGS, 0, 0, &payload);
        client
    }

    /// Sends a request with these fields, and a body to follow unless this is the end; returns the stream.
    pub(crate) fn ask(&mut self, fields: &[(&str, &str)], is_end: bool) -> u32 {
        let stream = self.next_stream;
        self.next_stream += 2;
        // Each field is a literal that is not indexed.
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                let len = u8::try_from(text.len()).ok().filter(|len| *len < 127);
                block.push(len.expect("fields of a test are short"));
                block.extend_from_slice(text.as_bytes());
            }
        }
        let flags = if is_end { END_HEADERS | END_STREAM } else { END_HEADERS };
        self.frame(HEADERS, flags, stream, &block);
        stream
    }

    /// Asks for this path of the host `test`, with further fields.
    pub(crate) fn get(&mut self, path: &str, fields: &[(&str, &str)]) -> u32 {
        let all = [&request("GET", path)[..], fields].concat();
        self.ask(&all, true)
    }

    /// Posts to this path; the body follows.
    pub(crate) fn post(&mut self, path: &str) -> u32 {
        self.ask(&request("POST", path), false)
    }

    /// The same with further fields.
    pub(crate) fn post_with(&mut self, path: &str, fields: &[(&str, &str)]) -> u32 {
        let all = [&request("POST", path)[..], fields].concat();
        self.ask(&all, false)
    }

    /// Asks for a WebSocket (RFC 8441, 5).
    pub(crate) fn upgrade(&mut self, path: &str, fields: &[(&str, &str)]) -> u32 {
        let handshake = [(":protocol", "websocket"), ("sec-websocket-version", "13")];
        let [method, rest @ ..] = request("CONNECT", path);
        let all = [&[method, handshake[0]], &rest[..], &handshake[1..], fields].concat();
        self.ask(&all, false)
    }

    /// Sends a piece of a body.
    pub(crate) fn data(&mut self, stream: u32, payload: &[u8], is_end: bool) {
        self.frame(DATA, u8::from(is_end), stream, payload);
    }

    pub(crate) fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let len = u32::try_from(payload.len()).expect("frames of a test are small");
        let [_, len @ ..] = len.to_be_bytes();
        let head = [&len[..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.write(&[&head, payload].concat());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.transport.write_all(bytes).expect("the server reads");
    }

    /// The next frame, if the transport does not end.
    pub(crate) fn try_next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.transport.read_exact(&mut head).ok()?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; len as usize];
        self.transport.read_exact(&mut payload).ok()?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame of a stream that is a part of its response, or its reset.
    pub(crate) fn next_of(&mut self, stream: u32) -> Frame {
        loop {
            let frame = self.try_next().expect("the server answers");
            assert_ne!(frame.kind, GO_AWAY, "{frame:?}");
            if frame.stream == stream && [DATA, HEADERS, RESET].contains(&frame.kind) {
                return frame;
            }
        }
    }

    /// The status of a response, and whether that is all of it.
    pub(crate) fn head(&mut self, stream: u32) -> (u16, bool) {
        let frame = self.next_of(stream);
        assert_eq!(frame.kind, HEADERS, "{frame:?}");
        (status(&frame.payload), frame.flags & END_STREAM != 0)
    }

    /// Status and body of a response.
    pub(crate) fn answer(&mut self, stream: u32) -> (u16, String) {
        let (status, mut is_end) = self.head(stream);
        let mut body = Vec::new();
        while !is_end {
            let frame = self.next_of(stream);
            assert_eq!(frame.kind, DATA, "{frame:?}");
            is_end = frame.flags & END_STREAM != 0;
            body.extend(frame.payload);
        }
        (status, String::from_utf8(body).expect("bodies of a test are text"))
    }

    /// Lets the server send this many more bytes, on a stream or, with 0, on the connection.
    pub(crate) fn open_window(&mut self, stream: u32, bytes: u32) {
        self.frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
    }
}

fn request<'a>(method: &'a str, path: &'a str) -> [(&'a str, &'a str); 4] {
    [(":method", method), (":scheme", "http"), (":path", path), (":authority", "test")]
}

/// The status that a head begins with (RFC 7541): an entry of the static table, or a literal.
fn status(block: &[u8]) -> u16 {
    // A head may begin with the size of the table.
    let block = block.strip_prefix(&[0x20]).unwrap_or(block);
    match block {
        [entry @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(entry - 0x88)],
        [0x08 | 0x18 | 0x48, 3, digits @ ..] => {
            String::from_utf8_lossy(&digits[..3]).parse().expect("a status is three digits")
        }
        [0x08 | 0x18 | 0x48, len, digits @ ..] if len & 0x80 != 0 => {
            let bits = digits[..usize::from(len & 0x7f)].iter();
            let bits: Vec<u8> =
                bits.flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
            let mut at = 0;
            (0..3).fold(0, |status, _| {
                let code = |len| bits[at..at + len].iter().fold(0, |code, bit| code * 2 + bit);
                // 0 to 2 have five bits, 3 to 9 have six (RFC 7541, Appendix B).
                let (digit, len) = match code(5) {
                    digit @ 0..=2 => (digit, 5),
                    _ => (code(6) - 0x16, 6),
                };
                at += len;
                status * 10 + u16::from(digit)
            })
        }
        _ => panic!("no status in {block:x?}"),
    }
}
