//! A durable directory, seen from outside: what a file contains, not how it is written.

use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::client::Client;
use super::programs;
use super::server::Server;

/// Stores a value with the connections that a message names, `id id... value`, or with its own: `value`.
/// `?` asks for its id and value.
pub(crate) const DISTRIBUTOR: &str = r#"
import { send, serializeAttachment, deserializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  const words = data.split(" ");
  const value = words.pop()!;
  if (value === "?") return void send(ws, ws + " " + deserializeAttachment(ws));
  for (const id of words) serializeAttachment(Number(id) as unknown as WebSocket, value);
  if (words.length === 0) serializeAttachment(ws, value);
  send(ws, "kept");
}
"#;

/// The id that a client of [`DISTRIBUTOR`] has.
pub(crate) async fn id_of(client: &mut Client) -> String {
    let answer = client.ask("?").await;
    answer.split(' ').next().expect("an id comes first").to_owned()
}

/// A durable directory of one test, removed with it.
pub(crate) struct Durable {
    /// Contains the directory, which the first server makes.
    parent: tempfile::TempDir,
    name: PathBuf,
    handler: PathBuf,
}

impl Durable {
    /// For servers of a handler of this source.
    pub(crate) fn of(source: &str) -> Durable {
        Durable {
            parent: programs::folder(),
            name: "data".into(),
            handler: programs::compile(source),
        }
    }

    /// The same under another name, which may be a path.
    pub(crate) fn named(self, name: impl Into<PathBuf>) -> Durable {
        Durable { name: name.into(), ..self }
    }

    /// The same for servers of another handler.
    pub(crate) fn with_handler(self, source: &str) -> Durable {
        Durable { handler: programs::compile(source), ..self }
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.parent.path().join(&self.name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    /// The file of a connection's attachment.
    pub(crate) fn file(&self, id: &str) -> PathBuf {
        self.path("ws").join(format!("{id}.att"))
    }

    /// Serves with it.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        self.serve_with(arguments, &[])
    }

    /// Serves with it, and with these environment variables.
    pub(crate) fn serve_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Server {
        let dir = self.dir();
        let dir = ["--durable", dir.to_str().expect("a UTF-8 path")];
        Server::start_with(&self.handler, &[&dir, arguments].concat(), variables)
    }

    /// Serves with it, in a process that this command starts.
    pub(crate) fn serve_under(&self, starter: &mut Command, arguments: &[&str]) -> Server {
        let dir = self.dir();
        let dir = ["--durable", dir.to_str().expect("a UTF-8 path")];
        Server::start_under(starter, &self.handler, &[&dir, arguments].concat())
    }

    /// A server that may not start with it.
    pub(crate) fn try_serve(&self, arguments: &[&str]) -> Result<Server, String> {
        let mut command = programs::program("zigttp");
        command.arg("run").arg(&self.handler).args(["--port", "0"]).args(arguments);
        Server::try_spawn(command.arg("--durable").arg(self.dir()))
    }

    /// The error of a server that must not start with it, after it has ended with exit code 2.
    pub(crate) fn refused(&self) -> String {
        self.refused_with(&[])
    }

    /// The same with further arguments.
    pub(crate) fn refused_with(&self, arguments: &[&str]) -> String {
        let output = programs::program("zigttp")
            .arg("run")
            .arg(&self.handler)
            .args(arguments)
            .args(["--port", "0", "--durable"])
            .arg(self.dir())
            .output()
            .expect("zigttp starts");
        let text = String::from_utf8(output.stderr).expect("messages are UTF-8");
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(output.stdout.is_empty(), "it does not listen");
        text
    }

    /// Runs `zigttp attachments` with these arguments; returns its exit code and standard output, or
    /// standard error if that is not empty.
    pub(crate) fn attachments(&self, arguments: &[&str]) -> (i32, String) {
        ended(&mut self.attachments_command(arguments))
    }

    /// The same of `zigttp storage`.
    pub(crate) fn storage(&self, arguments: &[&str]) -> (i32, String) {
        self.run("storage", arguments)
    }

    /// The same of any subcommand.
    pub(crate) fn run(&self, subcommand: &str, arguments: &[&str]) -> (i32, String) {
        let mut command = programs::program("zigttp");
        command.arg(subcommand).args(arguments).arg("--durable").arg(self.dir());
        ended(&mut command)
    }

    /// The same of another command.
    pub(crate) fn zigttp(&self, arguments: &[&str]) -> (i32, String) {
        let mut command = programs::program("zigttp");
        ended(command.args(arguments).arg("--durable").arg(self.dir()))
    }

    pub(crate) fn attachments_command(&self, arguments: &[&str]) -> Command {
        let mut command = programs::program("zigttp");
        command.arg("attachments").args(arguments).arg("--durable").arg(self.dir());
        command
    }

    /// Names of all files in `ws`, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path("ws"))
            .expect("a server has made it")
            .map(|entry| entry.expect("it can be read").file_name())
            .map(|name| name.into_string().expect("names are UTF-8"))
            .collect();
        names.sort_unstable();
        names
    }

    /// Names in `ws` other than those of attachments.
    pub(crate) fn temporaries(&self) -> Vec<String> {
        let mut names = self.names();
        names.retain(|name| !name.ends_with(".att"));
        names
    }

    /// The value in a connection's file, whose length has to be the one that the file says.
    pub(crate) fn value(&self, id: &str) -> String {
        self.find_value(id).unwrap_or_else(|| panic!("there is no attachment {id}"))
    }

    /// The same, `None` when there is no file.
    pub(crate) fn find_value(&self, id: &str) -> Option<String> {
        let bytes = match std::fs::read(self.file(id)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => panic!("{id}: {error}"),
        };
        let text = String::from_utf8(bytes).expect("the tests store texts");
        let header = &text[text.find('{').unwrap_or_else(|| panic!("{id} is torn: {text:?}"))..];
        let (header, value) =
            header.split_once('\n').unwrap_or_else(|| panic!("{id} is torn: {text:?}"));
        let header: serde_json::Value = serde_json::from_str(header).expect("its header is JSON");
        assert_eq!(header["length"], value.len(), "{id} is torn");
        Some(value.to_owned())
    }
}

/// Sets permission bits.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Permission bits of what is at a path; a link's own.
pub(crate) fn mode(path: &Path) -> u32 {
    let found = std::fs::symlink_metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    found.permissions().mode() & 0o777
}

/// The exit code of a program that ends, and its standard output, or standard error if that is not empty.
fn ended(command: &mut Command) -> (i32, String) {
    let output = command.output().expect("zigttp starts");
    let text = if output.stderr.is_empty() { output.stdout } else { output.stderr };
    let code = output.status.code().expect("it ends by itself");
    (code, String::from_utf8(text).expect("output is UTF-8"))
}

/// Kills, or cuts of power, of a normal run, and of one with `ZIGTTP_KILLS` set; and the time that they may take.
pub(crate) fn kills() -> (u32, Duration) {
    match std::env::var("ZIGTTP_KILLS") {
        Ok(kills) => (kills.parse().expect("ZIGTTP_KILLS is a number"), Duration::MAX),
        Err(_unset) => (20, Duration::from_secs(20)),
    }
}

/// A time below `bound`: a new one each time.
pub(crate) fn random(bound: Duration) -> Duration {
    bound.mul_f64(RandomState::new().hash_one(0) as f64 / u64::MAX as f64)
}
