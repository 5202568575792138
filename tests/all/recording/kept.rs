//! What reaches the disk, and what does not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::programs::{compile, folder};
use crate::support::raw::{RawClient, TEXT};
use crate::support::recording::{Recording, files};
use crate::support::server::Server;

const HANDLER: &str = r#"
import { env } from "zigttp:env";
import { send, deserializeAttachment } from "zigttp:websocket";
import * as storage from "zigttp:storage";
export function onUpgrade(req: Request) { return { known: req.headers.get("cookie") === "user=ada-lovelace" }; }
export function onMessage(ws: WebSocket, data: string, room: string) {
  if (data === "cookie") return void send(ws, JSON.stringify(deserializeAttachment(ws)));
  if (data === "setting") return void send(ws, env("API_KEY")!.slice(0, 3));
  storage.put(room, "pin/1", storage.get(room, "pin/1") ?? data);
  send(ws, "ok");
}
"#;

/// Whether a text is anywhere in the recordings, which are not compressed for the search.
fn holds(recording: &Recording, text: &str) -> bool {
    recording.files().iter().any(|path| {
        let bytes = fs::read(path).expect("it can be read");
        let mut at = 8;
        let mut found = false;
        while at < bytes.len() {
            let number = |at: usize| {
                u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes")) as usize
            };
            let (len, raw) = (number(at), number(at + 4));
            let block = &bytes[at + 12..at + 12 + len];
            let block = zstd::bulk::decompress(block, raw).expect("it is whole");
            found |= String::from_utf8_lossy(&block).contains(text);
            at += 12 + len;
        }
        found
    })
}

fn serve(recording: &Path, arguments: &[&str]) -> Server {
    let path = recording.to_str().expect("a UTF-8 path");
    let all = ["--record", path, "--env", "API_KEY=sk-0123456789"];
    Server::start(&compile(HANDLER), &[&all, arguments].concat())
}

/// Uses it, and ends it.
fn use_up(server: Server) {
    let cookie = "Cookie: user=ada-lovelace\r\n";
    let (mut client, _head) = RawClient::connect_with(server.address, "/a", cookie);
    for message in ["cookie", "setting", r#"{"password":"swordfish","a":1}"#, "again"] {
        client.frame(TEXT, message.as_bytes());
        client.text();
    }
    drop(client);
    server.signal("TERM");
    assert!(server.wait().success());
}

#[test]
fn recordings_are_for_their_owner_alone_and_hold_the_artifact() {
    let recording = Recording::new();
    use_up(serve(&recording.path, &[]));
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&recording.path), 0o700);
    let all = [recording.files(), files(&recording.path, "wasm")].concat();
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(all.iter().all(|path| mode(path) == 0o600));
}

#[test]
fn settings_cookies_and_what_is_named_never_reach_the_disk() {
    let recording = Recording::new();
    use_up(serve(&recording.path, &["--record-redact", "json:password,key:pin/*"]));
    for secret in ["ada-lovelace", "sk-0123456789", "swordfish"] {
        assert!(!holds(&recording, secret), "{secret}");
    }
    assert!(holds(&recording, "password") && holds(&recording, "setting"));
    // Another cookie is not known, and the setting is not at hand.
    let (code, found) = recording.findings(&[]);
    assert_eq!((code, &found["different"]), (Some(0), &0.into()), "{found:#}");
    assert!(found["redacted"].as_u64() > Some(0), "{found:#}");

    let kept = Recording::new();
    use_up(serve(&kept.path, &["--record-redact", "none"]));
    assert!(holds(&kept, "ada-lovelace") && holds(&kept, "swordfish"));
    assert!(!holds(&kept, "sk-0123456789"));
    assert!(kept.is_equal(&["--env", "API_KEY=sk-0123456789"]) > 4);
}

#[test]
fn only_the_rooms_that_are_named_are_recorded() {
    let recording = Recording::new();
    use_up(serve(&recording.path, &["--record-rooms", "/b,/c*"]));
    assert_eq!(recording.files(), Vec::<std::path::PathBuf>::new());
    use_up(serve(&recording.path, &["--record-rooms", "/b,/a*"]));
    assert_eq!(recording.files().len(), 1);
}

#[tokio::test]
async fn the_oldest_recordings_go_when_all_are_over_their_limit() {
    let recording = Recording::new();
    let server = serve(&recording.path, &["--record-max-bytes", "256KiB"]);
    let mut client = server.connect("/a").await;
    let bytes = || -> u64 {
        recording.files().iter().map(|it| fs::metadata(it).map_or(0, |it| it.len())).sum()
    };
    // Of hexadecimal digits that do not repeat, a half is left.
    let mut number: u64 = 1;
    for _ in 0..200 {
        let mut text = String::new();
        for _ in 0..512 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text += &format!("{:08x}", number >> 32);
        }
        client.ask(&text).await;
        assert!(bytes() <= 256 << 10);
    }
    client.drop_transport();
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(recording.files().len() > 1 && bytes() > 64 << 10, "{}", bytes());
    let found = recording.findings(&["--env", "API_KEY=sk-0123456789"]);
    assert!(found.1["events"].as_u64().is_some_and(|events| events > 10 && events < 200));
    assert_eq!((found.0, &found.1["problemCount"]), (Some(0), &0.into()));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_stops_recording_and_not_serving() {
    let recording = Recording::new();
    let server = serve(&recording.path, &[]);
    // Nothing can be made in it then, as on a full disk.
    fs::remove_dir_all(&recording.path).expect("it is ours");
    let mut client = server.connect("/a").await;
    assert_eq!(client.ask("1").await, "ok");
    server.wait_for_log("events are not recorded");
    assert_eq!(client.ask("2").await, "ok");
    assert_eq!(server.log().matches("events are not recorded").count(), 1);
}

/// A file can take 4 MiB here, as if the disk were full in the middle of a record.
#[tokio::test]
async fn a_disk_that_is_full_stops_recording_and_not_serving_and_what_is_there_is_whole() {
    let recording = Recording::new();
    let path = recording.path.to_str().expect("a UTF-8 path");
    let mut starter = std::process::Command::new("bash");
    // Without the trap the signal would end the server; a full disk sends none.
    starter.args(["-c", "trap '' XFSZ; ulimit -f 4096; exec \"$0\" \"$@\""]);
    let arguments = ["--record", path, "--env", "API_KEY=sk-0123456789"];
    let server = Server::start_under(&mut starter, &compile(HANDLER), &arguments);
    let mut client = server.connect("/a").await;
    let mut number: u64 = 1;
    // Of hexadecimal digits that do not repeat, a half is left: 8 MiB.
    for _ in 0..128 {
        let mut text = String::new();
        for _ in 0..(64 << 10) / 8 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            text += &format!("{:08x}", number >> 32);
        }
        assert_eq!(client.ask(&text).await, "ok");
    }
    let log = server.wait_for_log("events are not recorded");
    assert!(log.contains("File too large"), "{log}");
    assert_eq!(client.ask("later").await, "ok");
    client.drop_transport();
    server.signal("TERM");
    assert!(server.wait().success());
    let found = recording.findings(&["--env", "API_KEY=sk-0123456789"]);
    assert_eq!((found.0, &found.1["problemCount"]), (Some(0), &0.into()));
    let equal = found.1["equal"].as_u64().expect("a number");
    assert!((1..128).contains(&equal), "{equal}");
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let folder = folder();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("it is ours");
    let mut command = crate::support::programs::program("zigttp");
    let command = command.arg("run").arg(compile(HANDLER)).args(["--port", "0", "--record"]);
    let output = command.arg(folder.path()).output().expect("zigttp starts");
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("cannot record in"), "{errors}");
}
