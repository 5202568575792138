//! What is found at the start.

use std::error::Error;
use std::os::unix::fs::PermissionsExt;

use super::folder::Folder;
use super::*;
use crate::fsync::Fsync;
use crate::state::limits::StateLimits;

/// Earlier versions can damage a database when a checkpoint meets a commit.
#[test]
fn sqlite_is_a_version_without_the_fault_of_its_log() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

fn error_of(folder: &Folder) -> String {
    let error =
        folder.try_open(Fsync::Never, StateLimits::of_database()).err().expect("it is refused");
    let source = error.source().map_or(String::new(), |source| format!(": {source}"));
    format!("{error}{source}")
}

#[tokio::test]
async fn what_was_committed_is_there_at_the_next_start_and_the_log_is_gone() {
    for fsync in [Fsync::Never, Fsync::Always] {
        let folder = Folder::new();
        let states = folder.try_open(fsync, StateLimits::of_database()).expect("it opens");
        put(&states, "/a", "key", "value").await.expect("it is committed");
        assert!(states.totals().log_bytes > 0);
        drop(states);
        assert!(!folder.log().exists());
        let states = folder.try_open(fsync, StateLimits::of_database()).expect("it opens");
        assert_eq!(value(&states.load("/a").await.expect("it is readable"), "key").await, "value");
        let mode = |path: &std::path::Path| {
            path.metadata().expect("it is there").permissions().mode() & 0o777
        };
        let file = folder.file();
        put(&states, "/a", "key", "again").await.expect("it is committed");
        assert_eq!(mode(file.parent().expect("a folder")), 0o700);
        assert_eq!((mode(&file), mode(&folder.log())), (0o600, 0o600));
    }
}

#[test]
fn a_database_of_a_later_version_is_refused_and_stays_as_it_is() {
    let folder = Folder::new();
    drop(folder.open(StateLimits::of_database()));
    folder.connect().execute_batch("PRAGMA user_version = 7").expect("it is writable");
    let before = std::fs::read(folder.file()).expect("it is readable");
    assert_eq!(
        error_of(&folder),
        "`store/state.db` has version 7, and this program knows versions up to 2: a later version of zigttp has \
         written it"
    );
    assert_eq!(std::fs::read(folder.file()).expect("it is readable"), before);
}

#[test]
fn a_file_of_another_program_is_refused_and_stays_as_it_is() {
    let foreign = "`store/state.db` is not a database of zigttp";
    for contents in ["some notes\n", "SQLite", &"SQLite format 3\0".repeat(300)] {
        let folder = Folder::new();
        drop(folder.open(StateLimits::of_database()));
        std::fs::write(folder.file(), contents).expect("it is writable");
        let error = error_of(&folder);
        if contents == "SQLite" {
            let torn = "`store/state.db` is damaged: it has 6 bytes, which is less than the header of a database";
            assert_eq!(error, torn);
        } else {
            assert_eq!(error, foreign);
        }
        assert_eq!(std::fs::read_to_string(folder.file()).expect("it is readable"), contents);
    }
    let folder = Folder::new();
    drop(folder.open(StateLimits::of_database()));
    std::fs::remove_file(folder.file()).expect("it is ours");
    folder.connect().execute_batch("CREATE TABLE notes (text TEXT)").expect("it is writable");
    assert_eq!(error_of(&folder), foreign);
}

#[tokio::test]
async fn a_torn_file_is_refused() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    for room in 0..200 {
        put(&states, &format!("/{room}"), "key", &"x".repeat(900)).await.expect("it is committed");
    }
    drop(states);
    let whole = std::fs::read(folder.file()).expect("it is readable");
    for left in [whole.len() / 2, 4096, 200] {
        std::fs::write(folder.file(), &whole[..left]).expect("it is writable");
        let error = error_of(&folder);
        assert!(error.starts_with("`store/state.db` is damaged: "), "{error}");
    }
}

/// A crash after the file was made and before the tables were.
#[tokio::test]
async fn an_empty_file_becomes_a_database() {
    let folder = Folder::new();
    drop(folder.open(StateLimits::of_database()));
    std::fs::write(folder.file(), "").expect("it is writable");
    let states = folder.open(StateLimits::of_database());
    put(&states, "/a", "key", "value").await.expect("it is committed");
}

#[test]
fn a_file_that_others_can_write_or_that_is_a_link_is_refused() {
    let folder = Folder::new();
    drop(folder.open(StateLimits::of_database()));
    let file = folder.file();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).expect("it is ours");
    let error = error_of(&folder);
    assert!(
        error.contains("`state.db` can be written by other users; to correct it: chmod 600"),
        "{error}"
    );
    std::fs::rename(&file, file.with_file_name("other.db")).expect("it is ours");
    std::os::unix::fs::symlink("other.db", &file).expect("it is ours");
    assert!(error_of(&folder).contains("`state.db` is a link"), "{}", error_of(&folder));
}

#[tokio::test]
async fn tools_can_read_keys_and_texts() {
    let folder = Folder::new();
    let states = folder.open(StateLimits::of_database());
    put(&states, "/a", "key", "some text").await.expect("it is committed");
    let row = folder.connect().query_row(
        "SELECT name, key, value, typeof(value) FROM room JOIN entry ON room.id = entry.room",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    );
    let row: (String, String, String, String) = row.expect("there is one");
    assert_eq!(row, ("/a".into(), "key".into(), "some text".into(), "text".into()));
}
