//! A client of server-sent events over HTTP/1.1, which reads the stream as it comes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// An open stream of events.
pub(crate) struct EventClient {
    stream: BufReader<TcpStream>,
    pub(crate) head: String,
    /// What of a chunk is not read yet.
    chunk: Vec<u8>,
}

/// One event: its type, `message` unless it has another, and its data.
pub(crate) type Event = (String, String);

impl EventClient {
    /// Opens a stream as an `EventSource` does.
    pub(crate) fn open(address: SocketAddr, path: &str) -> EventClient {
        let client = EventClient::ask(address, path, "");
        assert!(client.head.starts_with("HTTP/1.1 200 "), "{}", client.head);
        client
    }

    /// The same with further header lines, whatever the response is.
    pub(crate) fn ask(address: SocketAddr, path: &str, headers: &str) -> EventClient {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).expect("a head of text") > 0, "it ended: {head}");
        }
        EventClient {
            stream,
            head: head.to_ascii_lowercase().replacen("http/1.1", "HTTP/1.1", 1),
            chunk: Vec::new(),
        }
    }

    /// The next line; `None` at the end of the stream.
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.chunk.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.chunk.drain(..=end).collect();
                return Some(String::from_utf8(line[..end].to_vec()).expect("events are text"));
            }
            let mut size = String::new();
            self.stream.read_line(&mut size).expect("a chunk comes in time");
            let size = usize::from_str_radix(size.trim(), 16).expect("the size of a chunk");
            let mut data = vec![0; size + 2];
            self.stream.read_exact(&mut data).expect("all of a chunk");
            if size == 0 {
                return None;
            }
            self.chunk.extend_from_slice(&data[..size]);
        }
    }

    /// The next event or comment; `None` at the end of the stream. A comment has the type `:`.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let (mut kind, mut data) = ("message".to_owned(), Vec::new());
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                _ if line.is_empty() && data.is_empty() => kind = "message".to_owned(),
                _ if line.is_empty() => return Some((kind, data.join("\n"))),
                _ if line.starts_with(':') => return Some((":".to_owned(), String::new())),
                Some(("event", named)) => kind = named.to_owned(),
                Some(("data", text)) => data.push(text.to_owned()),
                Some(("retry", time)) => return Some(("retry".to_owned(), time.to_owned())),
                _ => panic!("a line that is none of these: {line:?}"),
            }
        }
    }

    /// The data of the next message, comments left out.
    pub(crate) fn message(&mut self) -> String {
        loop {
            match self.next().expect("the stream goes on") {
                (kind, _) if kind == ":" => {}
                (kind, data) => {
                    assert_eq!(kind, "message");
                    return data;
                }
            }
        }
    }

    /// Waits until the stream ends.
    pub(crate) fn ended(mut self) {
        while let Some((kind, data)) = self.next() {
            assert_eq!(kind, ":", "{data}");
        }
    }
}
