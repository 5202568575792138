//! A client that opens a WebSocket and then neither reads nor writes.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// An open WebSocket nobody looks at.
pub(crate) struct Silent {
    _stream: TcpStream,
}

impl Silent {
    pub(crate) fn connect(address: SocketAddr, path: &str) -> Silent {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut head = BufReader::new(&stream).lines();
        let status = head.next().expect("an answer").expect("a text");
        assert!(status.starts_with("HTTP/1.1 101"), "{status}");
        while !head.next().expect("the head ends").expect("a text").is_empty() {}
        Silent { _stream: stream }
    }
}
