//! What `zigts` writes where the user says: files, links, pipes and devices.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::programs::program;
use crate::support::skipped;
use crate::support::zigts::{folder_with, zigts};

const HANDLER: &str = r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { send(ws, data); }
"#;

/// Every command that writes a file, and how that begins.
const WRITERS: [(&[&str], &[u8]); 4] = [
    (&["build", "chat.ts", "-o"], b"\0asm"),
    (&["check", "chat.ts", "--format", "json", "--output-file"], b"{"),
    (&["check", "chat.ts", "--format", "sarif", "--output-file"], b"{"),
    (&["types", "--out"], b"//"),
];

fn write(folder: &Path, arguments: &[&str], path: &str) {
    let run = zigts(folder, &[arguments, &[path]].concat());
    assert_eq!(run.code, 0, "{arguments:?} {path}: {}", run.stderr);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it is there");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("it can be read").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn a_link_stays_and_what_it_leads_to_is_replaced_at_once_and_keeps_its_mode() {
    for (arguments, begin) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER), ("there/out", "old")]);
        let folder = folder.path();
        let target = folder.join("there/out");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).expect("it is ours");
        symlink("there", folder.join("way")).expect("writable");
        symlink("way/out", folder.join("out")).expect("writable");
        let old = fs::File::open(&target).expect("it is there");
        write(folder, arguments, "out");
        assert!(folder.join("out").symlink_metadata().expect("it is there").is_symlink());
        assert!(fs::read(&target).expect("it is there").starts_with(begin), "{arguments:?}");
        let (new, old) = (target.metadata().expect("there"), old.metadata().expect("open"));
        assert_eq!(new.mode() & 0o777, 0o640, "{arguments:?}");
        assert_ne!(new.ino(), old.ino(), "whoever reads the old one has it whole");
        assert_eq!(old.size(), 3);
        assert_eq!(names(&folder.join("there")), ["out"]);
        assert_eq!(names(folder), ["chat.ts", "out", "there", "way"]);
    }
}

#[test]
fn a_link_that_leads_to_no_file_yet_leads_to_one_then() {
    for (arguments, begin) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER), ("there/.keep", "")]);
        let folder = folder.path();
        symlink("there/out", folder.join("out")).expect("writable");
        write(folder, arguments, "out");
        let written = fs::read(folder.join("there/out")).expect("it is there");
        assert!(written.starts_with(begin), "{arguments:?}");
        assert!(folder.join("out").symlink_metadata().expect("it is there").is_symlink());
    }
}

#[test]
fn a_pipe_is_written_to_and_stays_one() {
    for (arguments, begin) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER)]);
        let pipe = folder.path().join("out");
        let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo exists");
        assert!(made.success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).expect("it is written and closed")
        });
        write(folder.path(), arguments, "out");
        // Before it waits for data that never comes.
        assert!(pipe.symlink_metadata().expect("it is there").file_type().is_fifo());
        assert!(reader.join().expect("it reads").starts_with(begin), "{arguments:?}");
    }
}

#[test]
fn a_device_is_written_to_and_stays_one() {
    for (arguments, _) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER)]);
        // A device of its own: if the test fails, the system still needs its `/dev/null`.
        let device = folder.path().join("out");
        let made = Command::new("mknod").arg(&device).args(["c", "1", "3"]).output();
        if !made.is_ok_and(|made| made.status.success()) {
            return skipped("no device can be made here");
        }
        write(folder.path(), arguments, "out");
        let found = device.symlink_metadata().expect("it is there");
        assert!(found.file_type().is_char_device(), "{arguments:?}");
    }
}

#[test]
fn standard_output_is_written_to_also_where_a_file_is_behind_it() {
    for (arguments, begin) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER)]);
        let path = folder.path().join("out");
        let file = fs::File::create(&path).expect("writable");
        let run = |stdout: Stdio| {
            program("zigts")
                .current_dir(&folder)
                .args(arguments)
                .arg("/dev/stdout")
                .stdout(stdout)
                .output()
                .expect("zigts starts")
        };
        assert!(run(file.try_clone().expect("it is open").into()).status.success());
        let in_file = fs::read(&path).expect("it is there");
        assert!(in_file.starts_with(begin), "{arguments:?}");
        assert_eq!(
            file.metadata().expect("it is open").ino(),
            path.metadata().expect("there").ino()
        );
        // Nothing else is written there: the file has to be an artifact.
        let in_pipe = run(Stdio::piped()).stdout;
        assert_eq!(in_pipe.len(), in_file.len(), "{arguments:?}");
    }
}

#[test]
fn a_folder_is_refused_and_a_failure_leaves_the_old_file_alone() {
    for (arguments, _) in WRITERS {
        let folder = folder_with(&[("chat.ts", HANDLER), ("there/old", "old")]);
        for path in ["there", "missing/out", "chat.ts/out"] {
            let run = zigts(folder.path(), &[arguments, &[path]].concat());
            assert_eq!(run.code, 2, "{arguments:?} {path}");
            assert!(run.stderr.contains("cannot write"), "{}", run.stderr);
        }
        assert_eq!(names(folder.path()), ["chat.ts", "there"]);
    }
}

#[test]
fn a_name_may_be_as_long_as_names_can_be() {
    let folder = folder_with(&[]);
    let name = "n".repeat(255);
    write(folder.path(), &["types", "--out"], &name);
    write(folder.path(), &["types", "--out"], &name);
    assert_eq!(names(folder.path()), [name]);
}

#[test]
fn a_file_that_may_not_be_written_stays_as_it_is() {
    const ANOTHER: u32 = 54_323;
    let folder = folder_with(&[("out", "mine")]);
    fs::set_permissions(folder.path().join("out"), fs::Permissions::from_mode(0o444))
        .expect("it is ours");
    let mut command = program("zigts");
    command.current_dir(&folder).args(["types", "--out", "out"]);
    // The superuser may write any file.
    if [folder.path(), &folder.path().join("out")]
        .iter()
        .all(|path| chown(path, Some(ANOTHER), None).is_ok())
    {
        command.uid(ANOTHER);
    }
    let run = command.output().expect("zigts starts");
    assert_eq!(run.status.code(), Some(2));
    assert_eq!(fs::read_to_string(folder.path().join("out")).expect("it is there"), "mine");
    assert_eq!(names(folder.path()), ["out"]);
}

#[test]
fn a_fix_leaves_a_link_to_a_source_in_place() {
    let misspelled = "export function onMesage(ws: WebSocket, data: string) {}\n";
    let folder = folder_with(&[("real.ts", misspelled)]);
    symlink("real.ts", folder.path().join("chat.ts")).expect("writable");
    let run = zigts(folder.path(), &["check", "--fix", "chat.ts"]);
    let text = fs::read_to_string(folder.path().join("real.ts")).expect("it is there");
    assert!(text.contains("onMessage"), "{text}{}", run.stderr);
    assert!(folder.path().join("chat.ts").symlink_metadata().expect("there").is_symlink());
}
