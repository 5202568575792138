//! The process that holds the file system: this test program again, which runs but the one test in here.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use fuser::{BackgroundSession, Config, MountOption, Session};
use rustix::io::Errno;

use super::disk::Disk;
use super::requests::{Requests, lock};

/// What the process says when it is ready. Anything else is an error.
pub(super) const MOUNTED: &str = "mounted";

const MOUNT_POINT: &str = "LOSSY_FS_MOUNT_POINT";
const SEED: &str = "LOSSY_FS_SEED";

/// This test program again, to run one test of a module.
pub(super) fn this_test_program(test: &str, module: &str) -> io::Result<Command> {
    let (_program, module) = module.split_once("::").expect("it is not the root");
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", "--nocapture"]).arg(format!("{module}::{test}"));
    Ok(command)
}

/// Starts a process that mounts a file system and takes commands.
pub(super) fn start(mount_point: &Path, seed: u64) -> io::Result<UnixStream> {
    let (commands, theirs) = UnixStream::pair()?;
    let mut process =
        this_test_program("holds_a_file_system_if_another_test_asks_for_it", module_path!())?
            .env(MOUNT_POINT, mount_point)
            .env(SEED, seed.to_string())
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            // Signals for the test's group are not for it: it has to unmount.
            .process_group(0)
            .spawn()?;
    std::thread::spawn(move || process.wait());
    Ok(commands)
}

#[test]
fn holds_a_file_system_if_another_test_asks_for_it() {
    let (Ok(mount_point), Ok(seed)) = (std::env::var(MOUNT_POINT), std::env::var(SEED)) else {
        return;
    };
    let commands = io::stdin().as_fd().try_clone_to_owned().expect("it is open");
    let seed = seed.parse().expect("it is a number");
    hold(Path::new(&mount_point), seed, UnixStream::from(commands)).expect("the test listens");
}

fn hold(mount_point: &Path, seed: u64, mut commands: UnixStream) -> io::Result<()> {
    let disk = Arc::new(Mutex::new(Disk::empty(seed)));
    let session = match mount(mount_point, Requests(Arc::clone(&disk))) {
        Ok(session) => session,
        Err(error) => return writeln!(commands, "{error}"),
    };
    writeln!(commands, "{MOUNTED}")?;
    let taken = take_commands(&disk, &commands);
    // Also when the test has ended without a word, and when files are open.
    Command::new("umount").arg("--lazy").arg(mount_point).status()?;
    if taken.is_ok() {
        // Nobody may be there to read it.
        let _ = writeln!(commands, "0");
    }
    // Until all files are closed.
    session.join()?;
    taken
}

fn mount(mount_point: &Path, requests: Requests) -> io::Result<BackgroundSession> {
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::FSName("lossy_fs".to_owned()), MountOption::DefaultPermissions];
    Session::new(requests, mount_point, &config)?.spawn()
}

/// Takes commands until the one that unmounts, which is not replied to, or the test's end.
fn take_commands(disk: &Mutex<Disk>, commands: &UnixStream) -> io::Result<()> {
    let mut replies = commands;
    for command in BufReader::new(commands).lines() {
        let command = command?;
        let words: Vec<&str> = command.split(' ').collect();
        let number = |word: usize| words[word].parse().expect("a number");
        let reply = match words[0] {
            "cut_power" => {
                lock(disk).cut_power();
                0
            }
            "fail_writes" => {
                lock(disk).faults.start(number(1), Errno::from_raw_os_error(number(2) as i32));
                0
            }
            "heal" => lock(disk).faults.stop(),
            "set_free_bytes" => {
                lock(disk).free_bytes = number(1);
                0
            }
            "unmount" => break,
            other => panic!("no such command: {other}"),
        };
        writeln!(replies, "{reply}")?;
    }
    Ok(())
}
