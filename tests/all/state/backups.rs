//! `zigttp backup` and `zigttp restore`: all of a durable directory at one moment, and a new one made of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::whole::{Clients, HANDLER, last_event, number_of};
use crate::support::durable::{DISTRIBUTOR, Durable, id_of, mode, random};
use crate::support::{eventually, programs};

/// Runs a command; returns its exit code, and what it has printed on both streams.
fn zigttp(arguments: &[&str], paths: &[&Path], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = programs::program("zigttp");
    command.args(&arguments[..1]).args(paths).args(&arguments[1..]);
    let output = command.envs(variables.iter().copied()).output().expect("zigttp starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("output is UTF-8");
    (output.status.code().unwrap_or(-1), text)
}

fn done(result: (i32, String)) -> String {
    assert_eq!(result.0, 0, "{}", result.1);
    result.1
}

fn refused((code, text): (i32, String), why: &str) {
    assert_eq!(code, 2, "{text}");
    assert!(text.starts_with("error: ") && text.lines().count() == 1, "{text}");
    assert!(text.contains(why), "{text}");
}

/// A folder beside the durable directory.
fn beside(durable: &Durable, name: &str) -> PathBuf {
    durable.dir().with_file_name(name)
}

fn keeper() -> Durable {
    Durable::of(include_str!("../../fixtures/handlers/kept_signals.ts"))
}

#[tokio::test]
async fn a_backup_under_load_is_of_one_moment_and_the_server_goes_on() {
    let mut durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    eventually("the control socket", || durable.path("control.sock").exists());
    let clients = Clients::start(&server);
    let mut backups = Vec::new();
    for number in 0..5 {
        tokio::time::sleep(random(Duration::from_millis(200))).await;
        let out = beside(&durable, &format!("out{number}"));
        let (dir, to) = (durable.dir(), out.clone());
        let taken = tokio::task::spawn_blocking(move || zigttp(&["backup"], &[&dir, &to], &[]));
        let said = done(taken.await.expect("it does not panic"));
        assert!(said.contains("checksums and integrity check: ok"), "{said}");
        backups.push(out);
    }
    assert!(durable.temporaries().iter().all(|name| !name.contains(".46116860")), "kept files go");
    server.kill();
    let accounts = clients.accounts().await;
    let mut last = vec![0; accounts.len()];
    for (number, backup) in backups.iter().enumerate() {
        let name = format!("restored{number}");
        done(zigttp(&["restore"], &[backup, &beside(&durable, &name)], &[]));
        durable = durable.named(name);
        let server = durable.serve(&[]);
        server.wait_for_log("signals and timers are held");
        for (room, account) in accounts.iter().enumerate() {
            let mut client = server.connect(&format!("/{room}")).await;
            let (n, _handled) = last_event(&mut client).await;
            assert!(n >= last[room], "an older backup has a later event");
            last[room] = n;
            let Some(account) = account else { continue };
            assert!(n <= account.acknowledged + 1);
            for id in &account.ids {
                let stored = durable.find_value(id).map(|value| number_of(&value));
                assert_eq!(
                    stored,
                    (n > 0).then_some(n),
                    "the attachment of {id} in {name:?}",
                    name = durable.dir()
                );
            }
        }
    }
    assert!(last.iter().any(|n| *n > 0), "events were stored meanwhile");
}

#[tokio::test]
async fn a_restored_directory_has_all_but_the_key_is_held_and_gives_out_no_id_again() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve(&["--resume"]);
    let mut client = server.connect("/room").await;
    client.ask("kept").await;
    let id: u64 = id_of(&mut client).await.parse().expect("a number");
    eventually("the control socket", || durable.path("control.sock").exists());
    let (out, with_key) = (beside(&durable, "out"), beside(&durable, "with-key"));
    done(zigttp(&["backup"], &[&durable.dir(), &out], &[]));
    server.kill();
    done(zigttp(&["backup", "--with-resume-key"], &[&durable.dir(), &with_key], &[]));
    assert!(!out.join("resume.key").exists() && with_key.join("resume.key").exists());
    for (name, expected) in
        [("", 0o700), ("ws", 0o700), ("store", 0o700), ("store/state.db", 0o600)]
    {
        assert_eq!(mode(&out.join(name)), expected, "{name}");
    }
    let to = beside(&durable, "restored");
    std::fs::create_dir(&to).expect("an empty folder is as good as none");
    let said = done(zigttp(&["restore"], &[&out, &to], &[]));
    assert!(said.contains("zigttp storage release-signals --durable "), "{said}");
    let durable = durable.named("restored");
    assert_eq!(durable.value(&id.to_string()), "kept");
    let server = durable.serve(&["--resume"]);
    server.wait_for_log(
        "signals and timers are held, none is delivered (a backup was restored here)",
    );
    let mut client = server.connect("/room").await;
    let new: u64 = id_of(&mut client).await.parse().expect("a number");
    assert!(new > id + (1 << 30), "{new} after {id}");
}

#[tokio::test]
async fn signals_of_a_backup_stay_are_parked_or_removed() {
    let durable = keeper();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    let calls = json!([["signalAt", "/room/a", "later", "in 3600000"], ["put", "/room/a", "n", 1]]);
    assert_eq!(client.ask(&calls.to_string()).await, "done");
    eventually("the control socket", || durable.path("control.sock").exists());
    let out = beside(&durable, "out");
    done(zigttp(&["backup", "--json"], &[&durable.dir(), &out], &[]));
    server.kill();
    let mut durable = durable;
    for (signals, expected) in [("keep", Some(false)), ("park", Some(true)), ("drop", None)] {
        done(zigttp(&["restore", "--signals", signals], &[&out, &beside(&durable, signals)], &[]));
        durable = durable.named(signals);
        let server = durable.serve(&[]);
        let listed = done(durable.storage(&["signals", "--json"]));
        let listed: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(listed[0]["parked"].as_bool(), expected, "{signals}");
        assert_eq!(done(durable.storage(&["get", "/room/a", "n"])), "1", "{signals}");
        eventually("the control socket", || durable.path("control.sock").exists());
        assert_eq!(
            done(durable.storage(&["release-signals"])),
            "signals and timers are released\n"
        );
        server.kill();
        let server = durable.serve(&[]);
        assert!(!server.log().contains("are held"), "a release is for later starts too");
    }
}

#[tokio::test]
async fn what_is_no_whole_backup_or_no_new_directory_is_refused_and_nothing_is_lost() {
    let durable = keeper();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    client.ask(&json!([["put", "/room/a", "n", 1]]).to_string()).await;
    eventually("the control socket", || durable.path("control.sock").exists());
    let (out, new) = (beside(&durable, "out"), beside(&durable, "new"));
    done(zigttp(&["backup"], &[&durable.dir(), &out], &[]));
    refused(zigttp(&["backup"], &[&durable.dir(), &out], &[]), "it is not empty");
    refused(zigttp(&["restore"], &[&out, &durable.dir()], &[]), "another zigttp uses it (process ");
    server.kill();
    refused(zigttp(&["restore"], &[&out, &durable.dir()], &[]), "it is not empty");
    assert_eq!(done(durable.storage(&["get", "/room/a", "n"])), "1");
    refused(zigttp(&["restore"], &[&durable.dir(), &new], &[]), "it has no manifest.json");
    refused(zigttp(&["backup"], &[&beside(&durable, "none"), &new], &[]), "No such file");
    let manifest = out.join("manifest.json");
    let whole = std::fs::read_to_string(&manifest).expect("it is written");
    for (changed, why) in [
        (whole.replace("\"rooms\":1", "\"rooms\":2"), "`manifest.json` in it is damaged"),
        (whole[..whole.len() / 2].to_owned(), "`manifest.json` in it is damaged"),
    ] {
        std::fs::write(&manifest, changed).expect("ours");
        refused(zigttp(&["restore"], &[&out, &new], &[]), why);
    }
    std::fs::write(&manifest, &whole).expect("ours");
    for name in ["store/state.db", "ids", "handler"] {
        let file = out.join(name);
        let bytes = std::fs::read(&file).expect("it is copied");
        let mut changed = bytes.clone();
        changed[bytes.len() / 2] ^= 1;
        std::fs::write(&file, changed).expect("ours");
        refused(zigttp(&["restore"], &[&out, &new], &[]), &format!("`{name}` in it is damaged"));
        std::fs::write(&file, bytes).expect("ours");
    }
    std::fs::write(out.join("ws/7.att"), "added").expect("ours");
    refused(zigttp(&["restore"], &[&out, &new], &[]), "`ws` in it is damaged");
    std::fs::remove_file(out.join("ws/7.att")).expect("ours");
    assert!(!new.exists() && !beside(&durable, "new.partial").exists());
    done(zigttp(&["restore"], &[&out, &new], &[]));
}

#[tokio::test]
async fn a_backup_or_a_restore_that_is_killed_is_never_taken_for_a_whole_one() {
    let durable = keeper();
    let server = durable.serve(&[]);
    let mut client = server.connect("/room/a").await;
    client.ask(&json!([["put", "/room/a", "n", 1]]).to_string()).await;
    server.kill();
    let (out, to) = (beside(&durable, "out"), beside(&durable, "to"));
    for point in ["backup-attachments", "backup-copied"] {
        let variables = [("ZIGTTP_FAILPOINT", point)];
        assert_eq!(zigttp(&["backup"], &[&durable.dir(), &out], &variables).0, -1, "{point}");
        assert!(!out.exists(), "{point}");
        let partial = beside(&durable, "out.partial");
        refused(zigttp(&["restore"], &[&partial, &to], &[]), "it has no manifest.json");
    }
    done(zigttp(&["backup"], &[&durable.dir(), &out], &[]));
    let variables = [("ZIGTTP_FAILPOINT", "restored")];
    assert_eq!(zigttp(&["restore"], &[&out, &to], &variables).0, -1);
    assert!(!to.exists());
    done(zigttp(&["restore"], &[&out, &to], &[]));
    let durable = durable.named("to");
    assert_eq!(done(durable.storage(&["get", "/room/a", "n"])), "1");
}

#[tokio::test]
async fn a_server_that_is_killed_during_a_backup_has_lost_nothing() {
    let durable = keeper();
    let point = [("ZIGTTP_FAILPOINT", "backup-copied")];
    let server = durable.serve_with(&[], &point);
    let mut client = server.connect("/room/a").await;
    client.ask(&json!([["put", "/room/a", "n", 1]]).to_string()).await;
    eventually("the control socket", || durable.path("control.sock").exists());
    let out = beside(&durable, "out");
    let (code, text) = zigttp(&["backup"], &[&durable.dir(), &out], &[]);
    assert_eq!(code, 2, "{text}");
    server.wait();
    assert!(!out.exists());
    done(zigttp(&["backup"], &[&durable.dir(), &out], &[]));
    let server = durable.serve(&[]);
    assert_eq!(done(durable.storage(&["get", "/room/a", "n"])), "1");
    drop(server);
}
