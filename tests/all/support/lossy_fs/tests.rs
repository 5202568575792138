//! The file system keeps its word: to programs that sync, and against those that do not.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::io::Errno;

use super::LossyFs;
use super::process::this_test_program;
use crate::support::eventually;

const ROUNDS: usize = 64;

/// One of many tries on the same disk, in a folder of its own.
struct Round<'a> {
    disk: &'a LossyFs,
    folder: PathBuf,
}

/// Tries something that depends on chance many times. Returns what came of it each time, or nothing where no
/// file system can be mounted.
fn rounds<T>(each: impl Fn(&Round<'_>) -> T) -> Vec<T> {
    let mounted_on = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = LossyFs::mount(mounted_on.path(), 18) else { return Vec::new() };
    let round = |number: usize| {
        let folder = disk.path().join(format!("round {number}"));
        fs::create_dir(&folder).expect("it is free");
        sync_folder(disk.path());
        each(&Round { disk: &disk, folder })
    };
    (0..ROUNDS).map(round).collect()
}

fn sync_folder(path: &Path) {
    File::open(path).and_then(|folder| folder.sync_all()).expect("a folder can be synced");
}

/// Each of some blocks is one of these, whole, and over many rounds there is each.
fn blocks_of(contents: &[Vec<u8>], expected: &[u8]) {
    let mut found: Vec<u8> = contents.iter().flatten().copied().collect();
    for block in contents.iter().flat_map(|bytes| bytes.chunks(4096)) {
        assert!(block.iter().all(|byte| *byte == block[0]), "a block is torn");
    }
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, expected);
}

#[test]
fn what_was_synced_survives_and_each_later_block_is_old_or_new() {
    let contents = rounds(|round| {
        let path = round.folder.join("file");
        fs::write(&path, [1; 16 * 4096]).expect("it is written");
        let file = File::options().write(true).open(&path).expect("it is there");
        file.write_all_at(&[2; 4096], 0).expect("it is written");
        file.sync_data().expect("it is synced");
        sync_folder(&round.folder);
        file.write_all_at(&[3; 8 * 4096], 8 * 4096).expect("it is written");
        round.disk.cut_power();
        fs::read(&path).expect("its name was synced")
    });
    if contents.is_empty() {
        return;
    }
    for bytes in &contents {
        assert_eq!(bytes.len(), 16 * 4096);
        assert!(bytes[..4096] == [2; 4096] && bytes[4096..8 * 4096] == [1; 7 * 4096]);
    }
    let later: Vec<Vec<u8>> = contents.iter().map(|bytes| bytes[8 * 4096..].to_vec()).collect();
    blocks_of(&later, &[1, 3]);
    let is_mixed = |bytes: &&Vec<u8>| bytes.contains(&1) && bytes.contains(&3);
    assert!(later.iter().filter(is_mixed).count() > 5);
}

#[test]
fn a_file_renamed_before_it_was_synced_may_be_empty_and_names_survive_in_order() {
    let outcomes = rounds(|round| {
        let (old, new) = (round.folder.join("old"), round.folder.join("new"));
        fs::write(&old, "old").expect("it is written");
        File::open(&old).and_then(|file| file.sync_all()).expect("it is synced");
        sync_folder(&round.folder);
        fs::write(&new, "new").expect("it is written");
        fs::rename(&new, &old).expect("it replaces");
        fs::create_dir(round.folder.join("later")).expect("it is free");
        round.disk.cut_power();
        let is_later_there = round.folder.join("later").exists();
        let text = fs::read_to_string(&old).expect("the name stays");
        // It may be long enough, and empty all the same.
        (text.replace('\0', ""), is_later_there)
    });
    for (text, is_later_there) in &outcomes {
        assert!(["old", "new", ""].contains(&&**text), "{text:?}");
        assert!(!is_later_there || text != "old", "it came after the rename");
    }
    for expected in ["old", "new", ""] {
        let is_found = outcomes.iter().any(|(text, _)| text == expected);
        assert!(is_found || outcomes.is_empty(), "never {expected:?}");
    }
}

/// Replaces a file: five changes.
fn replace(folder: &Path) -> io::Result<()> {
    let temporary = folder.join("temporary");
    let file = File::create_new(&temporary)?;
    file.write_all_at(b"text", 0)?;
    file.sync_data()?;
    fs::rename(&temporary, folder.join("file"))?;
    File::open(folder)?.sync_all()
}

#[test]
fn each_change_fails_in_turn_with_all_after_it_and_reads_go_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(disk) = LossyFs::mount(folder.path(), 1) else { return };
    fs::write(disk.path().join("other"), "text").expect("it is written");
    for error in [Errno::NOSPC, Errno::IO] {
        let mut after = 1;
        loop {
            disk.fail_writes(after, error);
            let replaced = replace(disk.path());
            assert_eq!(fs::read_to_string(disk.path().join("other")).expect("it is read"), "text");
            if disk.heal() == 0 {
                replaced.expect("nothing has failed");
                break;
            }
            let failed = replaced.expect_err("one has failed").raw_os_error();
            assert_eq!(failed, Some(error.raw_os_error()));
            // A full disk removes.
            let _ = fs::remove_file(disk.path().join("temporary"));
            after += 1;
        }
        assert_eq!(after, 6);
    }
}

/// A program may not take the next sync for a success: it has to write again.
#[test]
fn what_a_failed_sync_lost_is_not_saved_by_the_next_one() {
    for writes_again in [false, true] {
        let contents = rounds(|round| {
            let file = File::create_new(round.folder.join("file")).expect("it is free");
            sync_folder(&round.folder);
            file.write_all_at(&[1; 4096], 0).expect("it is written");
            round.disk.fail_writes(1, Errno::IO);
            file.sync_all().expect_err("it fails");
            round.disk.heal();
            if writes_again {
                file.write_all_at(&[1; 4096], 0).expect("it is written");
            }
            file.sync_all().expect("it is healed");
            round.disk.cut_power();
            fs::read(round.folder.join("file")).expect("it is there") == [1; 4096]
        });
        let lost = contents.iter().any(|is_there| !is_there);
        assert!(lost != writes_again || contents.is_empty());
    }
}

const MOUNT_POINT: &str = "LOSSY_FS_TEST_MOUNT_POINT";
const READY: &str = "ready";

/// Started by the test below.
#[test]
fn mounts_and_waits_to_be_killed_if_another_test_asks_for_it() {
    let Ok(mount_point) = std::env::var(MOUNT_POINT) else { return };
    let _disk = LossyFs::mount(Path::new(&mount_point), 1);
    writeln!(io::stdout(), "\n{READY}").expect("it is listened to");
    loop {
        std::thread::park();
    }
}

#[test]
fn the_mount_of_a_killed_test_goes_away() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut killed = this_test_program(
        "mounts_and_waits_to_be_killed_if_another_test_asks_for_it",
        module_path!(),
    )
    .expect("it runs")
    .env(MOUNT_POINT, folder.path())
    .stdout(Stdio::piped())
    .spawn()
    .expect("it starts");
    let lines = BufReader::new(killed.stdout.take().expect("it is piped")).lines();
    assert!(lines.map(|line| line.expect("it is text")).any(|line| line == READY));
    killed.kill().expect("it is a child");
    killed.wait().expect("it is a child");
    eventually("the end of the mount", || !is_mounted(folder.path()));
}

fn is_mounted(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("this is Linux");
    let path = path.to_str().expect("it is text");
    mounts.lines().any(|mount| mount.split(' ').nth(1) == Some(path))
}
