//! The admin listener of a server, as a scraper and an operator see it.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use super::PATIENCE;
use super::durable::Durable;
use super::server::Server;

/// A server with an admin listener, and its address.
pub(crate) fn start(handler: &Path, arguments: &[&str]) -> (Server, SocketAddr) {
    start_with(handler, arguments, &[])
}

/// The same, with these environment variables.
pub(crate) fn start_with(
    handler: &Path,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> (Server, SocketAddr) {
    let arguments = [LISTEN, arguments].concat();
    with_address(Server::start_with(handler, &arguments, variables))
}

/// The same, with a durable directory.
pub(crate) fn start_durable(durable: &Durable, arguments: &[&str]) -> (Server, SocketAddr) {
    with_address(durable.serve(&[LISTEN, arguments].concat()))
}

/// The same, started by a command whose last arguments are the program and its arguments.
pub(crate) fn start_under(
    starter: &mut Command,
    handler: &Path,
    arguments: &[&str],
) -> (Server, SocketAddr) {
    let arguments = [LISTEN, arguments].concat();
    with_address(Server::start_under(starter, handler, &arguments))
}

const LISTEN: &[&str] = &["--admin-listen", "127.0.0.1:0"];

fn with_address(server: Server) -> (Server, SocketAddr) {
    let log = server.wait_for_log("metrics and health on http://");
    let (_, rest) = log.split_once("metrics and health on http://").expect("it was waited for");
    let address = rest.split_whitespace().next().and_then(|address| address.parse().ok());
    (server, address.expect("an address"))
}

/// A GET request with these headers: status and body.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers and closes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {head:?}")), body.to_owned())
}

pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String) {
    get_with(address, path, "Host: localhost\r\n")
}

/// Reads the text format as a scraper does, strictly: values by series.
pub(crate) fn scrape(address: SocketAddr) -> HashMap<String, f64> {
    let (status, text) = get(address, "/metrics");
    assert_eq!(status, 200);
    assert!(text.ends_with('\n'));
    let mut samples = HashMap::new();
    let mut family = (String::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.split_once(' ').is_some(), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = (name.to_owned(), kind.to_owned());
        } else {
            let (series, value) = line.rsplit_once(' ').expect(line);
            let name = series.split('{').next().expect(line);
            let suffix = name.strip_prefix(&family.0).unwrap_or_else(|| panic!("{line}"));
            let is_known = match &*family.1 {
                "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
                _ => suffix.is_empty(),
            };
            assert!(is_known, "{line}");
            let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{line} twice");
        }
    }
    samples
}
