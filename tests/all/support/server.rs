//! `zigttp run`, or `zigttp dev`, in its own process, on its own port.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use super::client::Client;
use super::recording::Recording;
use super::{PATIENCE, programs};

/// Which part of the log is shown.
const LOG: &str = "info,handler=debug,handler_under_way=debug,zigttp_rooms::recovery=debug";

/// A running server; killed when dropped.
pub(crate) struct Server {
    /// Taken by the thread that waits for its end.
    process: Option<Child>,
    pub(crate) pid: u32,
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
    /// Replayed when this is dropped, with these arguments.
    recording: Option<(Recording, Vec<String>)>,
}

#[derive(Default)]
struct Log {
    text: Mutex<String>,
    grown: Condvar,
}

impl Server {
    /// Serves a handler of this source.
    pub(crate) fn of(source: &str) -> Server {
        Server::start(&programs::compile(source), &[])
    }

    /// Serves an artifact.
    pub(crate) fn start(handler: &Path, arguments: &[&str]) -> Server {
        Server::start_with(handler, arguments, &[])
    }

    /// Serves an artifact and records its events. When this is dropped they are replayed, and have to do the same.
    pub(crate) fn recorded(handler: &Path, arguments: &[&str]) -> Server {
        let recording = Recording::new();
        let all = [&recording.arguments()[..], &["--drain-timeout", "1s"], arguments].concat();
        let mut server = Server::start(handler, &all);
        let settings = arguments.windows(2).filter(|it| it[0] == "--env");
        let settings = settings.flatten().map(|it| (*it).to_owned()).collect();
        server.recording = Some((recording, settings));
        server
    }

    /// Serves an artifact, with these environment variables.
    pub(crate) fn start_with(
        handler: &Path,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Server {
        let mut program = programs::program("zigttp");
        program.env("RUST_LOG", LOG).envs(variables.iter().copied());
        Server::launch(&mut program, handler, arguments)
    }

    /// Serves an artifact in a process that this command starts: its last arguments are the program and its
    /// arguments.
    pub(crate) fn start_under(starter: &mut Command, handler: &Path, arguments: &[&str]) -> Server {
        programs::prepare(starter);
        starter.env("RUST_LOG", LOG);
        Server::launch(starter.arg(programs::program_path("zigttp")), handler, arguments)
    }

    fn launch(command: &mut Command, handler: &Path, arguments: &[&str]) -> Server {
        Server::spawn(command.arg("run").arg(handler).args(["--port", "0"]).args(arguments))
    }

    /// Runs `zigttp dev` on a source in a folder, as its author would type it.
    pub(crate) fn develop(folder: &Path, handler: &str, arguments: &[&str]) -> Server {
        Server::spawn(
            programs::program("zigttp")
                .current_dir(folder)
                .arg("dev")
                .arg(handler)
                .args(["--port", "0"])
                .args(arguments),
        )
    }

    /// Starts a command that serves. All it prints is its log, except for the first line.
    pub(crate) fn spawn(command: &mut Command) -> Server {
        Server::try_spawn(command).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same; tells what happened if it does not serve.
    pub(crate) fn try_spawn(command: &mut Command) -> Result<Server, String> {
        let mut process =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("zigttp starts");
        let log = Arc::new(Log::default());
        let follow = |text: Box<dyn Read + Send>| {
            let log = Arc::clone(&log);
            std::thread::spawn(move || log.follow(text));
        };
        follow(Box::new(process.stderr.take().expect("it is piped")));
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        stdout.read_line(&mut line).expect("standard output is text");
        follow(Box::new(stdout));
        let address = line
            .split_once("://")
            .and_then(|(_, rest)| rest.split_whitespace().next())
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let status = process.wait().expect("a child can be waited for");
            return Err(format!(
                "zigttp printed {line:?} and ended with {status}:\n{}",
                log.text()
            ));
        };
        Ok(Server { pid: process.id(), process: Some(process), address, log, recording: None })
    }

    /// Opens a WebSocket.
    pub(crate) async fn connect(&self, path: &str) -> Client {
        Client::connect(self.address, path).await
    }

    /// Sends an HTTP request as written and reads to the end; returns the bytes of the response.
    pub(crate) fn request_bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out that is not zero");
        stream.write_all(request).expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server answers and closes");
        answer
    }

    /// Sends an HTTP request as written and reads to the end; returns head and body of the response.
    pub(crate) fn request(&self, request: &str) -> (String, String) {
        let answer = self.request_bytes(request.as_bytes());
        let answer = String::from_utf8(answer).expect("the answer is text");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        (head.to_owned(), body.to_owned())
    }

    /// Sends a GET request; returns status and body of the response.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let (head, body) = self
            .request(&format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("no status in {head:?}")), body)
    }

    /// Waits until the log has this text; returns the log so far.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.wait_for_log_after(0, &[text])
    }

    /// Waits until the log has all these texts after its first `start` bytes; returns the log so far.
    pub(crate) fn wait_for_log_after(&self, start: usize, texts: &[&str]) -> String {
        self.log
            .wait(&format!("{texts:?}"), |log| texts.iter().all(|text| log[start..].contains(text)))
    }

    /// Waits until the log has this text this many times; returns the log so far.
    pub(crate) fn wait_for_log_count(&self, text: &str, count: usize) -> String {
        self.log.wait(&format!("{count} times {text:?}"), |log| log.matches(text).count() >= count)
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Process id, to examine the process from outside.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Resident memory of the process at its highest, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid));
        let status = status.expect("the server runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.expect("Linux says so").trim().trim_end_matches(" kB");
        kib.parse::<u64>().expect("a number of kilobytes") / 1024
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.pid.to_string()])
            .status()
            .expect("kill exists");
        assert!(status.success());
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let mut process = self.process.take().expect("it is waited for once");
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || ended.send(process.wait()));
        match end.recv_timeout(PATIENCE) {
            Ok(status) => status.expect("a child can be waited for"),
            Err(_elapsed) => {
                self.signal("KILL");
                panic!("the server did not end:\n{}", self.log())
            }
        }
    }

    /// Kills the process as a crash would.
    pub(crate) fn kill(self) {
        self.signal("KILL");
        self.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let recording = self.recording.take().filter(|_| !std::thread::panicking());
        if let Some(process) = &mut self.process {
            if recording.is_some() {
                // Its last records are written before it ends.
                let _ = Command::new("kill").args(["-s", "TERM", &self.pid.to_string()]).status();
            } else {
                // It may have ended by itself.
                let _ = process.kill();
            }
            let _ = process.wait();
        }
        if let Some((recording, settings)) = recording {
            let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
            assert!(recording.is_equal(&settings) > 0, "no event was recorded:\n{}", self.log());
        }
    }
}

impl Log {
    /// Adds what the server writes. A record of many lines is written at once, so lines that have come together are
    /// added together: who waits for the first finds the others.
    fn follow(&self, stderr: impl Read) {
        // Lines of events that computed for long are told early, and again when the event has ended: here they
        // are there once.
        let mut early: Vec<String> = Vec::new();
        let mut stderr = BufReader::with_capacity(1 << 16, stderr);
        let (mut line, mut come) = (String::new(), String::new());
        while stderr.read_line(&mut line).is_ok_and(|len| len > 0) {
            let told_early = match line.split_once(" handler: ") {
                Some((_, told)) => early.iter().position(|early| early == told),
                None => None,
            };
            match told_early {
                Some(known) => drop(early.remove(known)),
                None => come.push_str(&line),
            }
            if let Some((_, told)) = line.split_once(" handler_under_way: ") {
                early.push(told.to_owned());
            }
            line.clear();
            if !stderr.buffer().contains(&b'\n') {
                let mut text = self.text.lock().expect("no test panics while it holds this");
                text.push_str(&come);
                come.clear();
                self.grown.notify_all();
            }
        }
    }

    fn wait(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut log = self.text.lock().expect("the reader does not panic");
        while !is_so(&log) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let log = log.clone();
                panic!("the log never had {what}:\n{log}");
            }
            log = self.grown.wait_timeout(log, left).expect("the reader does not panic").0;
        }
        log.clone()
    }

    fn text(&self) -> String {
        self.text.lock().expect("no test panics while it holds this").clone()
    }
}
