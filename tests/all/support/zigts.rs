//! `zigts`, run to its end in a folder of source files.

use std::fs;
use std::path::Path;

use super::programs::{folder, program};

pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn zigts(folder: &Path, arguments: &[&str]) -> Run {
    let output =
        program("zigts").current_dir(folder).args(arguments).output().expect("zigts starts");
    Run {
        code: output.status.code().expect("zigts is not killed"),
        stdout: String::from_utf8(output.stdout).expect("output is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

pub(crate) fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = folder();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    folder
}
