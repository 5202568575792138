//! Every fixture of every rule: `fires_*.ts` has a finding of its folder's rule, `silent_*.ts` has
//! none. Other files are modules that fixtures import; `packages` is their `node_modules`.
//!
//! What a user sees of those that fire is in snapshots beside them, to be read as prose:
//! `INSTA_UPDATE=always cargo test -p zigttp-tests check::rules` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::support::programs::{folder, program, root};

/// Rules about what happens when top-level code runs.
const BUILD_CODES: [&str; 2] = ["ZTS341", "ZTS342"];

#[test]
fn fixtures_fire_or_are_silent_as_their_names_say() {
    let folders: Vec<PathBuf> = entries(&root().join("tests/fixtures/rules"));
    // Top-level code that never ends runs until its limit; the others need not wait for it.
    std::thread::scope(|scope| {
        let rules: Vec<_> =
            folders.iter().map(|folder| scope.spawn(|| check_rule(folder))).collect();
        for rule in rules {
            if let Err(panic) = rule.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[test]
fn handlers_as_people_write_them_have_no_finding() {
    let corpus = root().join("tests/fixtures/corpus");
    let handlers: Vec<PathBuf> = entries(&corpus).into_iter().filter(|it| it.is_file()).collect();
    assert!(handlers.len() >= 30, "{}", handlers.len());
    for handler in handlers {
        let run = zigts(&corpus, &["check", &file_name(&handler)]);
        let report = String::from_utf8(run.stderr).expect("messages are UTF-8");
        assert!(run.status.success() && report.is_empty(), "{report}");
    }
}

fn check_rule(fixtures: &Path) {
    let code = file_name(fixtures);
    let copies = folder();
    let files: Vec<PathBuf> = entries(fixtures)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "ts"))
        .collect();
    for file in &files {
        fs::copy(file, copies.path().join(file_name(file))).expect("fixtures can be copied");
    }
    let packages = fixtures.join("packages");
    if packages.exists() {
        copy_folder(&packages, &copies.path().join("node_modules"));
    }
    let words = format!("export const words = \"{}\";\n", "word ".repeat(600 * 1024 / 5));
    fs::write(copies.path().join("words.ts"), words).expect("the folder is writable");

    let (mut firing, mut silent) = (0, 0);
    for file in &files {
        let name = file_name(file);
        let fires = name.starts_with("fires_");
        if !fires && !name.starts_with("silent_") {
            continue;
        }
        let command = if BUILD_CODES.contains(&code.as_str()) { "build" } else { "check" };
        let framed = zigts(copies.path(), &[command, &name]);
        let report = String::from_utf8(framed.stderr).expect("messages are UTF-8");
        assert_eq!(report.contains(&format!("[{code}]")), fires, "{code}/{name}:\n{report}");
        if fires {
            firing += 1;
            keep(fixtures, &name, command, copies.path(), &report);
        } else {
            silent += 1;
            assert!(framed.status.success(), "{code}/{name}:\n{report}");
        }
    }
    assert!(firing > 0 && silent > 0, "{code} needs fixtures that fire and such that do not");
}

/// Compares source, framed message and JSON with the snapshot beside the fixture.
fn keep(fixtures: &Path, name: &str, command: &str, copies: &Path, report: &str) {
    let source = fs::read_to_string(fixtures.join(name)).expect("fixtures can be read");
    let mut text = format!("{source}\n---- zigts {command}\n\n{report}");
    if command == "check" {
        let json = zigts(copies, &["check", "--format", "json", name]);
        text += "\n---- zigts check --format json\n\n";
        text += &String::from_utf8(json.stdout).expect("JSON is UTF-8");
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixtures);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name.trim_end_matches(".ts"), text));
}

fn zigts(folder: &Path, arguments: &[&str]) -> Output {
    let output = program("zigts").current_dir(folder).args(arguments).output();
    output.expect("zigts starts")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("fixtures are part of the repository")
        .map(|entry| entry.expect("readable").path())
        .collect();
    paths.sort();
    paths
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is writable");
    for path in entries(from) {
        let target = to.join(file_name(&path));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(path, target).expect("fixtures can be copied");
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8").to_owned()
}
