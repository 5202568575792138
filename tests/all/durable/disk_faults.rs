//! A disk that does not take an attachment: the event fails as a whole, the server lives.

#![expect(clippy::print_stdout, reason = "a test that cannot be run here says so")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::client::Client;
use crate::support::durable::{DISTRIBUTOR, Durable, id_of};
use crate::support::eventually;
use crate::support::server::Server;

async fn open(server: &Server, path: &str) -> (Client, String) {
    let mut client = server.connect(path).await;
    let id = id_of(&mut client).await;
    (client, id)
}

/// A small file system for the test, if this process may mount one.
struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    fn mount(path: &Path) -> Option<SmallDisk> {
        std::fs::create_dir(path).expect("the temporary folder is writable");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k,mode=700", "zigttp-test"])
            .arg(path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(SmallDisk { path: path.to_owned() }),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                println!("skipped: no file system can be mounted here: {}", why.trim());
                None
            }
            Err(error) => {
                println!("skipped: there is no mount: {error}");
                None
            }
        }
    }

    /// Leaves this many pages of it free.
    fn fill(&self, free_pages: u64) {
        let mut filler = std::fs::File::create(self.filler()).expect("it has room");
        let mut bytes = 0;
        while filler.write_all(&[0; 4096]).is_ok() {
            bytes += 4096;
        }
        filler.set_len(bytes - free_pages * 4096).expect("a file can be cut");
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a server that still runs uses it until it has ended.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

#[tokio::test]
async fn an_event_fails_as_a_whole_on_a_full_disk_and_the_server_lives() {
    let durable = Durable::of(DISTRIBUTOR);
    let Some(disk) = SmallDisk::mount(&durable.dir()) else { return };
    let server = durable.serve(&[]);
    let (mut first, first_id) = open(&server, "/a").await;
    let (mut second, second_id) = open(&server, "/b").await;
    assert_eq!(first.ask("old").await, "kept");
    assert_eq!(second.ask("old").await, "kept");

    disk.fill(0);
    let (mut writer, writer_id) = open(&server, "/c").await;
    writer.send("new").await;
    assert_eq!(writer.closed().await.0, 1011);
    let log = server.wait_for_log(&format!("cannot write attachment {writer_id}"));
    let line = log.lines().find(|line| line.contains("cannot write")).expect("it was waited for");
    for part in [&*format!("conn={writer_id}"), "event=\"message\"", "No space left"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }

    // Room for one of two.
    disk.fill(1);
    let (mut writer, _id) = open(&server, "/c").await;
    writer.send(format!("{first_id} {second_id} new").as_str()).await;
    assert_eq!(writer.closed().await.0, 1011);
    for (client, id) in [(&mut first, &first_id), (&mut second, &second_id)] {
        assert_eq!(durable.value(id), "old");
        assert_eq!(client.ask("?").await, format!("{id} old"));
    }
    // The server tries each second whether it can write again.
    eventually("no temporary file is left", || durable.temporaries().is_empty());

    disk.empty();
    let (mut writer, _id) = open(&server, "/c").await;
    assert_eq!(writer.ask(&format!("{first_id} {second_id} new")).await, "kept");
    assert_eq!(durable.value(&first_id), "new");
    assert_eq!(second.ask("?").await, format!("{second_id} new"));
    server.kill();
}

#[tokio::test]
async fn a_folder_in_the_way_of_a_file_fails_the_event_until_it_is_gone() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve(&[]);
    let (mut client, id) = open(&server, "/").await;
    std::fs::create_dir(durable.file(&id)).expect("the folder is writable");
    let (mut writer, _id) = open(&server, "/writer").await;
    writer.send(format!("{id} new").as_str()).await;
    assert_eq!(writer.closed().await.0, 1011);
    server.wait_for_log(&format!("cannot write attachment {id}"));
    assert_eq!(client.ask("?").await, format!("{id} undefined"));
    std::fs::remove_dir(durable.file(&id)).expect("it is empty");
    assert_eq!(client.ask("new").await, "kept");
    assert_eq!(durable.value(&id), "new");
    // The server tries each second whether it can write again.
    eventually("no temporary file is left", || durable.temporaries().is_empty());
}

#[tokio::test]
async fn a_file_of_an_event_with_several_that_cannot_be_written_is_written_later() {
    let durable = Durable::of(DISTRIBUTOR);
    let server = durable.serve(&[]);
    let (mut with_file, old) = open(&server, "/a").await;
    let (mut without_file, none) = open(&server, "/b").await;
    let (mut blocked, blocked_id) = open(&server, "/c").await;
    assert_eq!(with_file.ask("old").await, "kept");
    std::fs::create_dir(durable.file(&blocked_id)).expect("the folder is writable");
    let (mut writer, _id) = open(&server, "/writer").await;
    // It is committed in the database.
    assert_eq!(writer.ask(&format!("{old} {none} {blocked_id} new")).await, "kept");
    for (client, id) in
        [(&mut with_file, &old), (&mut without_file, &none), (&mut blocked, &blocked_id)]
    {
        assert_eq!(client.ask("?").await, format!("{id} new"));
    }
    assert_eq!((durable.value(&old), durable.value(&none)), ("new".to_owned(), "new".to_owned()));
    server.wait_for_log_count(
        "cannot write or remove an attachment of an event that is committed",
        2,
    );
    std::fs::remove_dir(durable.file(&blocked_id)).expect("it is empty");
    eventually("the file", || durable.find_value(&blocked_id).is_some());
    assert_eq!(durable.value(&blocked_id), "new");
    // The server tries each second whether it can write again.
    eventually("no temporary file is left", || durable.temporaries().is_empty());
}
