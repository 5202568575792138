//! `zigttp test --watch`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::support::programs::program;
use crate::support::zigts::folder_with;

/// How long a line is waited for: each round compiles a module, which took a minute on a machine that did much else.
const PATIENCE: Duration = Duration::from_secs(600);

struct Watching {
    program: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Watching {
    fn start(folder: &std::path::Path) -> Watching {
        let mut program = program("zigttp")
            .current_dir(folder)
            .args(["test", "--watch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("zigttp starts");
        let input = program.stdin.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(program.stdout.take().expect("it is piped")),
            Box::new(program.stderr.take().expect("it is piped")),
        ];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = sender.send(line);
                }
            });
        }
        Watching { program, input, lines }
    }

    /// Waits for lines that contain these texts, in any order: they come from two streams.
    #[track_caller]
    fn tells(&self, texts: &[&str]) {
        let mut missing = texts.to_vec();
        let mut told = Vec::new();
        while !missing.is_empty() {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("waiting for {missing:?}: {told:#?}"));
            missing.retain(|text| !line.contains(text));
            told.push(line);
        }
    }

    fn asks(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads");
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Replaces a file in one step: a round never sees half of it.
fn save(folder: &std::path::Path, name: &str, text: &str) {
    let temporary = folder.join("saving.tmp");
    std::fs::write(&temporary, text).expect("writable");
    std::fs::rename(temporary, folder.join(name)).expect("writable");
}

#[test]
fn a_saved_file_and_enter_run_the_tests_again_and_q_ends() {
    let test = |expected: u32| {
        format!(
            "import {{ expect, test }} from \"zigttp:test\";\nimport {{ n }} from \"./n\";\ntest(\"n\", () => expect(n).toBe({expected}));\n"
        )
    };
    let folder = folder_with(&[
        ("handler.ts", "export function handler() { return new Response(); }\n"),
        ("n.ts", "export const n = 1;\n"),
        ("a.test.ts", &test(1)),
    ]);
    let mut watching = Watching::start(folder.path());
    watching.tells(&["1 passed", "waiting for a change"]);
    save(folder.path(), "n.ts", "export const n = 2;\n");
    watching.tells(&["1 failed", "waiting for a change"]);
    save(folder.path(), "a.test.ts", &test(2));
    watching.tells(&["1 passed", "waiting for a change"]);
    watching.asks("");
    watching.tells(&["1 passed", "waiting for a change"]);
    watching.asks("q");
    let ended = watching.program.wait().expect("it was started");
    assert_eq!(ended.code(), Some(0));
}
