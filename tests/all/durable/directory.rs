//! The durable directory: who may use it, what is in it, and which files the server does not touch.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::durable::{Durable, mode, set_mode};
use crate::support::programs;
use crate::support::server::Server;
use crate::support::{eventually, skipped};

const HANDLER: &str = r#"
import { send, serializeAttachment } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) {
  serializeAttachment(ws, data);
  send(ws, String(ws));
}
"#;

/// A message of one line, without its leading `error: `.
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
async fn a_second_server_is_refused_also_when_the_lock_was_removed() {
    let durable = Durable::of(HANDLER);
    let first = durable.serve(&[]);
    let mut client = first.connect("/").await;
    let id = client.ask("kept").await;
    fs::remove_file(durable.path("lock")).expect("it is ours");
    for made_anew in [false, true] {
        if made_anew {
            fs::write(durable.path("lock"), "").expect("it is ours");
        }
        assert!(line(&durable.refused()).contains("another zigttp uses it"));
        let (code, text) = durable.attachments(&["prune", "--older-than", "1ms"]);
        assert_eq!((code, text.trim()), (0, "removed 0 attachments"), "the server was asked");
    }
    assert_eq!(client.ask("still served").await, id);
    first.kill();
    durable.serve(&[]);
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
    let elsewhere = programs::folder();
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
    // And a link is not read.
    fs::remove_file(durable.file(&id)).expect("it was written");
    symlink(&target, durable.file(&id)).expect("links can be made");
    let (code, text) = durable.attachments(&["show", &id]);
    assert!(code != 0 && !text.contains("not ours"), "{code} {text}");
    assert_eq!(fs::read_to_string(&target).expect("it is still there"), "not ours");
}

/// All that a server writes in its directory, including files that exist only briefly.
const WRITTEN: [&str; 5] = ["lock", "ids", "ids.tmp", "resume.key", "resume.tmp"];

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    for name in WRITTEN {
        let durable = Durable::of(HANDLER);
        let elsewhere = programs::folder();
        let target = elsewhere.path().join("target");
        fs::write(&target, "not ours").expect("the temporary folder is writable");
        fs::create_dir(durable.dir()).expect("the temporary folder is writable");
        symlink(&target, durable.path(name)).expect("links can be made");
        if name.ends_with(".tmp") {
            // A file that a crash may have left under that name is removed.
            let server = durable.serve(&["--resume"]);
            server.connect("/").await.ask("x").await;
            assert!(fs::symlink_metadata(durable.path(name)).is_err(), "{name}");
        } else {
            let refusal = durable.refused_with(&["--resume"]);
            assert!(line(&refusal).contains(&format!("`{name}` is a link")), "{refusal}");
        }
        assert_eq!(fs::read_to_string(&target).expect("it is there"), "not ours", "{name}");
    }
    // Nor into a file with a second name.
    let durable = Durable::of(HANDLER);
    fs::create_dir(durable.dir()).expect("the temporary folder is writable");
    fs::write(durable.path("mine"), "not the server's").expect("it is writable");
    fs::hard_link(durable.path("mine"), durable.path("lock")).expect("links can be made");
    assert!(line(&durable.refused()).contains("`lock` has a second name"));
    assert_eq!(fs::read_to_string(durable.path("mine")).ok().as_deref(), Some("not the server's"));
}

#[test]
fn what_is_no_file_in_the_place_of_one_is_named() {
    for name in ["lock", "ids", "resume.key"] {
        let durable = Durable::of(HANDLER);
        fs::create_dir(durable.dir()).expect("the temporary folder is writable");
        let refusal = || durable.refused_with(&["--resume"]);
        let expected = format!("`{name}` is not a plain file");
        let socket = UnixListener::bind(durable.path(name)).expect("nothing is there");
        assert!(line(&refusal()).contains(&expected), "{}", refusal());
        drop(socket);
        fs::remove_file(durable.path(name)).expect("it is ours");
        fs::create_dir(durable.path(name)).expect("it is writable");
        assert!(line(&refusal()).contains(&expected), "{}", refusal());
    }
    let durable = Durable::of(HANDLER);
    fs::create_dir_all(durable.path("resume.tmp")).expect("the temporary folder is writable");
    assert!(line(&durable.refused_with(&["--resume"])).contains("`resume.tmp` is a folder"));
}

/// Runs the command at the end of an error.
fn mend(refusal: &str, program: &str) {
    let (_, command) = refusal.trim_end().rsplit_once(": ").expect("a command comes last");
    assert!(command.starts_with(program), "{refusal}");
    assert!(Command::new("sh").args(["-c", command]).status().expect("it is there").success());
}

#[tokio::test]
async fn what_other_users_can_write_is_refused_with_the_command_that_mends_it() {
    let cases: [(&str, &[u32]); 4] = [
        ("", &[0o777, 0o770, 0o702, 0o1777]),
        ("ws", &[0o777, 0o720]),
        ("ids", &[0o666, 0o620]),
        // Nor may others read it: who can read it can pass for any client.
        ("resume.key", &[0o666, 0o644, 0o640, 0o604]),
    ];
    // A shell would take this name for several words.
    let durable = Durable::of(HANDLER).named("the server's own $folder");
    durable.serve(&["--resume"]).connect("/").await.ask("x").await;
    for (name, modes) in cases {
        for open in modes {
            let path = if name.is_empty() { durable.dir() } else { durable.path(name) };
            set_mode(&path, *open);
            let refusal = durable.refused_with(&["--resume"]);
            assert!(line(&refusal).contains("other users; to correct it: chmod"), "{refusal}");
            assert!(refusal.contains(name), "{refusal}");
            if matches!(name, "" | "ws") {
                let (code, text) = durable.attachments(&["list"]);
                assert!(code == 2 && line(&text).contains("chmod 700"), "{code} {text}");
            }
            mend(&refusal, "chmod");
            assert_eq!(mode(&path) & 0o022, 0, "{name}");
            durable.serve(&["--resume"]);
        }
    }
}

#[tokio::test]
async fn a_directory_that_an_operator_has_made_is_good_and_may_be_named_by_a_link() {
    let durable = Durable::of(HANDLER);
    let elsewhere = programs::folder();
    let shared = elsewhere.path().join("shared");
    fs::create_dir_all(shared.join("ws")).expect("the temporary folder is writable");
    for folder in [&shared, &shared.join("ws")] {
        set_mode(folder, 0o755);
    }
    symlink(&shared, durable.dir()).expect("links can be made");
    let server = durable.serve(&[]);
    let id = server.connect("/").await.ask("x").await;
    assert_eq!(mode(&shared), 0o755, "it is the operator's");
    assert_eq!(mode(&shared.join("ws")), 0o700, "it is the server's");
    assert_eq!(mode(&shared.join("lock")), 0o600);
    assert!(!id.is_empty());
    let (code, text) = durable.attachments(&["list"]);
    assert_eq!(code, 0, "{text}");
}

#[tokio::test]
async fn what_belongs_to_another_user_is_refused() {
    const ANOTHER: u32 = 12_345;
    let durable = Durable::of(HANDLER);
    durable.serve(&["--resume"]).connect("/").await.ask("x").await;
    let give = |path: &Path| chown(path, Some(ANOTHER), None);
    if give(&durable.dir()).is_err() {
        skipped("only root can give files away");
        return;
    }
    let ours = fs::metadata(durable.path("ws")).expect("it is there").uid();
    for name in ["", "ws", "lock", "ids", "resume.key"] {
        let path = if name.is_empty() { durable.dir() } else { durable.path(name) };
        give(&path).expect("we are root");
        let refusal = durable.refused_with(&["--resume"]);
        assert!(line(&refusal).contains("belongs to another user (12345)"), "{refusal}");
        chown(&path, Some(ours), None).expect("we are root");
    }
    // The server at the control socket has to run as the directory's owner.
    let socket = durable.path("control.sock");
    // Files that the last server has left.
    let _ = fs::remove_file(&socket);
    let planted = UnixListener::bind(&socket).expect("nothing is there");
    give(&socket).expect("we are root");
    let (code, text) = durable.attachments(&["list"]);
    assert!(code == 2 && text.contains("not a socket of its owner"), "{code} {text}");
    drop(planted);
    durable.serve(&["--resume"]);
}

#[tokio::test]
async fn the_key_is_on_the_disk_before_it_has_its_name_whatever_fsync_says() {
    let durable = Durable::of(HANDLER);
    let traced = programs::folder();
    let trace = traced.path().join("trace");
    let mut strace = Command::new("strace");
    // The traced process is the child that the test waits for, not the tracer.
    strace.args(["-D", "-f", "-e", "trace=renameat,fsync,fdatasync", "-o"]).arg(&trace);
    match Command::new("strace").args(["-o", "/dev/null", "true"]).status() {
        Ok(status) if status.success() => {}
        _ => return skipped("nothing can be traced here"),
    }
    let dir = durable.dir();
    let arguments = ["--resume", "--durable", dir.to_str().expect("a UTF-8 path")];
    let server = Server::start_under(&mut strace, &programs::compile(HANDLER), &arguments);
    let trace = fs::read_to_string(trace).expect("it was traced");
    // A line is the thread and its call. One that another thread interrupts has a second line, with "resumed".
    let begun = |line: &'_ str| {
        let (thread, call) = line.split_once(' ')?;
        let (name, _) = call.trim_start().split_once('(')?;
        (!name.contains("resumed")).then(|| (thread.to_owned(), name.to_owned()))
    };
    let rename = trace.lines().find(|line| line.contains("\"resume.key\"")).expect("renamed");
    let (writer, _) = begun(rename).expect("a call");
    let of_writer =
        || trace.lines().filter(|line| begun(line).is_some_and(|(thread, _)| thread == writer));
    let calls: Vec<String> = of_writer().filter_map(begun).map(|(_, name)| name).collect();
    let renamed = of_writer().position(|line| line == rename).expect("it is one of them");
    assert_eq!(calls[renamed - 1..][..3], ["fdatasync", "renameat", "fsync"], "{trace}");
    drop(server);
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
    // Its file is older than the next server allows.
    let server = durable.serve(&["--attachment-ttl", "300ms"]);
    let mut client = server.connect("/").await;
    let live = client.ask("live").await;
    server.wait_for_log("pruned");
    eventually("the end of the leftover", || !durable.file(&leftover).exists());
    // Also older than that at the next check. Its time is renewed: how long its connection was open must
    // not count when a crash leaves the file behind.
    let file = fs::File::options().write(true).open(durable.file(&live)).expect("it is there");
    let old = SystemTime::now() - Duration::from_secs(600);
    file.set_modified(old).expect("it is ours");
    let written = || file.metadata().and_then(|found| found.modified()).expect("it is open");
    eventually("its rejuvenation", || written() > old);
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
    assert!(crate::support::client::Client::try_connect(server.address, "/").await.is_err());
    server.wait_for_log("used up");
}
