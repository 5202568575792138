//! A double of a service: an HTTP server that keeps what it is asked, and answers all of it with one JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// The server, for as long as the test runs.
pub(crate) struct Double {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

/// A request that has come.
pub(crate) struct Received {
    /// Method and path.
    pub(crate) line: String,
    /// Names in lower case, with their values.
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Double {
    pub(crate) fn answering(answer: Value) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let kept = received.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, answer) = (kept.clone(), answer.to_string());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = Received::read(&mut reader) {
                        kept.lock().expect("no test has failed with it").push(request);
                        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
                        let len = answer.len();
                        let response = format!("{head}content-length: {len}\r\n\r\n{answer}");
                        if reader.get_mut().write_all(response.as_bytes()).is_err() {
                            break;
                        }
                    }
                });
            }
        });
        Double { address, received }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has come so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        std::mem::take(&mut self.received.lock().expect("no thread has failed with it"))
    }
}

impl Received {
    /// The next request of a connection; `None` at its end.
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let line = lines.first()?.trim_end_matches(" HTTP/1.1").to_owned();
        let headers = lines[1..].iter().filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        let mut request = Received { line, headers: headers.collect(), body: String::new() };
        let len = request.header("content-length").map_or(0, |len| len.parse().expect("a number"));
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).expect("UTF-8");
        Some(request)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}
