//! The durable directory: who may use it, what is in it, and what is left alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use super::support::durable::{Durable, mode};
use super::support::eventually;

const HANDLER: &str = r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
  send(ws, String(ws));
}
"#;

/// A message without its leading `error: `, which is one line.
fn line(text: &str) -> &str {
    let line = text.trim_end();
    assert!(!line.contains('\n'), "one line, not {text:?}");
    line
}

#[tokio::test]
async fn a_second_server_on_a_directory_is_refused_until_the_first_has_crashed() {
    let durable = Durable::of(HANDLER);
    let first = durable.serve(&[]);
    let mut client = first.connect("/").await;
    let id = client.ask("kept").await;
    let refusal = durable.refused();
    for part in [&first.pid().to_string(), durable.dir().to_str().expect("a UTF-8 path")] {
        assert!(line(&refusal).contains(part), "{part} is not in {refusal}");
    }
    assert_eq!(client.ask("still served").await, id);
    first.kill();
    let second = durable.serve(&[]);
    assert_ne!(second.connect("/").await.ask("x").await, id);
    assert_eq!(durable.value(&id), "still served");
}

#[tokio::test]
async fn what_a_server_makes_is_its_owners_alone() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("secret").await;
    assert_eq!(mode(&durable.dir()), 0o700);
    assert_eq!(mode(&durable.path("ws")), 0o700);
    eventually("the control socket", || durable.path("control.sock").exists());
    eventually("its mode", || mode(&durable.path("control.sock")) == 0o600);
    for file in [durable.file(&id), durable.path("lock"), durable.path("ids")] {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert!(!server.log().contains("secret"), "values are never logged");
}

#[tokio::test]
async fn a_link_in_place_of_the_folder_or_of_a_file_is_not_followed() {
    let durable = Durable::of(HANDLER);
    let elsewhere = super::support::programs::folder();
    fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    symlink(elsewhere.path(), durable.path("ws")).expect("links can be made");
    assert!(line(&durable.refused()).contains("ws"));
    fs::remove_file(durable.path("ws")).expect("it is a link");

    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("x").await;
    let target = elsewhere.path().join("target");
    fs::write(&target, "not ours").expect("the temporary folder is writable");
    fs::remove_file(durable.file(&id)).expect("it was written");
    symlink(&target, durable.file(&id)).expect("links can be made");
    // The link is replaced by the file.
    assert_eq!(client.ask("y").await, id);
    assert_eq!(durable.value(&id), "y");
    assert!(durable.file(&id).symlink_metadata().expect("it is there").is_file());
    server.kill();
    // And one is not read.
    fs::remove_file(durable.file(&id)).expect("it was written");
    symlink(&target, durable.file(&id)).expect("links can be made");
    let (code, text) = durable.attachments(&["show", &id]);
    assert!(code != 0 && !text.contains("not ours"), "{code} {text}");
    assert_eq!(fs::read_to_string(&target).expect("it is still there"), "not ours");
}

#[tokio::test]
async fn a_start_sweeps_temporaries_and_leaves_what_is_not_ours_alone() {
    let durable = Durable::of(HANDLER);
    let foreign =
        ["signals", "scheduled/job", "notes.txt", "ws/notes.txt", "ws/a.att", "ws/1.att.bak"];
    for folder in ["scheduled", "ws"] {
        fs::create_dir_all(durable.path(folder)).expect("the temporary folder is writable");
    }
    for name in foreign {
        fs::write(durable.path(name), name).expect("the temporary folder is writable");
    }
    fs::write(durable.path("ws/7.1.tmp"), "half a valu").expect("it is writable");
    fs::write(durable.path("ws/8.2.tmp"), "").expect("it is writable");
    let server = durable.serve(&["--attachment-ttl", "1ms"]);
    assert!(!durable.path("ws/7.1.tmp").exists() && !durable.path("ws/8.2.tmp").exists());
    let mut client = server.connect("/").await;
    let id = client.ask("kept").await;
    client.close(1000, "").await;
    server.signal("TERM");
    assert!(server.wait().success());
    assert!(!durable.file(&id).exists());
    for name in foreign {
        assert_eq!(fs::read_to_string(durable.path(name)).ok().as_deref(), Some(name));
    }
}

#[tokio::test]
async fn leftovers_are_pruned_after_their_time_and_those_of_live_connections_are_not() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let leftover = client.ask("left").await;
    server.kill();
    // It waits for the next server longer than that lets it.
    let server = durable.serve(&["--attachment-ttl", "300ms"]);
    let mut client = server.connect("/").await;
    let live = client.ask("live").await;
    server.wait_for_log("pruned");
    eventually("the end of the leftover", || !durable.file(&leftover).exists());
    // Older than the time as well, when it is next looked at. It is kept young: how long its
    // connection lives must not count when a crash leaves it behind.
    let age = |file: &fs::File| {
        let written = file.metadata().and_then(|found| found.modified()).expect("it is open");
        written.elapsed().unwrap_or_default()
    };
    let file = fs::File::options().write(true).open(durable.file(&live)).expect("it is there");
    file.set_modified(SystemTime::now() - Duration::from_secs(600)).expect("it is ours");
    eventually("its rejuvenation", || age(&file) < Duration::from_secs(300));
    assert_eq!(durable.value(&live), "live");
    server.signal("TERM");
    let log = server.wait_for_log("stopped");
    assert!(log.contains("attachments_pruned=1"), "{log}");
}

#[tokio::test]
async fn a_damaged_mark_of_used_ids_is_one_clear_line() {
    let durable = Durable::of(HANDLER);
    fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    for damaged in ["", "many\n", "-1\n", "18446744073709551616\n", "4398046511104\n"] {
        fs::write(durable.path("ids"), damaged).expect("it is writable");
        assert!(line(&durable.refused()).contains("ids"), "{damaged:?}");
    }
}

#[tokio::test]
async fn an_upgrade_is_refused_once_all_ids_are_used_up() {
    let durable = Durable::of(HANDLER);
    fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    // 41 bits, the last one but one of which is left.
    fs::write(durable.path("ids"), ((1_u64 << 41) - 1).to_string()).expect("it is writable");
    let server = durable.serve(&[]);
    assert_eq!(server.connect("/").await.ask("x").await, ((1_u64 << 41) - 1).to_string());
    assert!(super::support::client::Client::try_connect(server.address, "/").await.is_err());
    server.wait_for_log("used up");
}
