//! What `zigts` shows of texts that are made to control a terminal, to deceive its reader, or to pass as
//! commands of a CI runner.

use serde_json::Value;

use crate::support::editor::Editor;
use crate::support::programs::program;
use crate::support::server::Server;
use crate::support::zigts::{folder_with, zigts};

/// Each of the characters that matter, and a text that a runner takes for a command.
const NASTY: &str = "\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{2028}\u{85}##[error]x";

/// Carriage returns and line ends as well, in the words of JavaScript.
const THROWN: &str = r"a\u001b[2J\n::error::x\r::error::y\u2028\u202e\u2066\u0085##[error]z";

/// A name that is a command where a line begins with it.
const NAME: &str = "::error::\u{1b}[2J\u{202e}.ts";

const HANDLER: &str = "export function handler(req: Request) { return Response.text(''); }\n";

/// A source that contains it in its lines, and whose findings quote it.
fn source() -> String {
    format!("import {{ a }} from \"./{NASTY}\"; /* {NASTY} */\nexport function onMesage() {{}}\n")
}

fn throwing() -> String {
    format!(
        "console.log(\"{THROWN}\"); /* {NASTY} */\nthrow new Error(\"{THROWN}\"); /* {NASTY} */\n\
         export function handler(req: Request) {{}}\n"
    )
}

/// Fails if a terminal would do anything but show it line by line.
#[track_caller]
fn is_plain(text: &str) {
    for character in text.chars() {
        let is_plain = character == '\n'
            || !(character.is_control()
                || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
        assert!(is_plain, "{character:?} is in {text:?}");
    }
    assert!(!text.contains("##["), "{text}");
}

#[track_caller]
fn has_no_commands(text: &str) {
    is_plain(text);
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{text}");
}

#[test]
fn every_format_of_check_escapes_sources_and_names() {
    for name in ["chat.ts", NAME] {
        let source = source();
        let folder = folder_with(&[(name, &source)]);
        let check = |format: &str| {
            let run = zigts(folder.path(), &["check", "--format", format, "--", name]);
            assert_eq!(run.code, 1, "{}", run.stderr);
            (run.stdout, run.stderr)
        };
        let (_, pretty) = check("pretty");
        has_no_commands(&pretty);
        assert!(pretty.contains(r"\u{1b}[2J\u{9b}31m\u{7f}\u{202e}\u{2066}\u{2028}\u{85}#\u{23}["));
        let (compact, _) = check("compact");
        has_no_commands(&compact);
        let findings = compact.lines().count();
        assert!(findings > 1);

        let (github, _) = check("github");
        is_plain(&github);
        assert_eq!(github.lines().count(), findings);
        for line in github.lines() {
            let (command, message) = line[2..].split_once("::").expect("a command");
            assert!(line.starts_with("::") && command.contains(",line="), "{line}");
            assert!(!message.is_empty());
            let file = command.split(',').next().expect("there is one");
            assert!(!file.contains("::") && !command.contains("::"), "{line}");
        }

        for format in ["json", "sarif"] {
            let (json, _) = check(format);
            has_no_commands(&json);
            serde_json::from_str::<Value>(&json).expect("it is JSON");
        }
        let (json, _) = check("json");
        let json: Value = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(json["diagnostics"][0]["file"], name, "programs get the name as it is");
    }
}

#[test]
fn frames_underline_what_they_mean_behind_what_is_escaped() {
    let source =
        "/* \u{1b}\u{202e} */ import { a } from \"./missing\"; a();\nexport function onOpen() {}\n";
    let folder = folder_with(&[("chat.ts", source)]);
    let run = zigts(folder.path(), &["check", "chat.ts"]);
    let lines: Vec<&str> = run.stderr.lines().collect();
    let shown = lines.iter().position(|line| line.contains(r"/* \u{1b}\u{202e} */ import"));
    let shown = shown.unwrap_or_else(|| panic!("{}", run.stderr));
    let under = lines[shown..].iter().find(|line| line.contains('^')).expect("it is underlined");
    let from = under.find('^').expect("it is there");
    assert!(lines[shown][from..].starts_with("./missing\""), "{}", run.stderr);
    // The column is that of the source, as in every other format.
    let compact = zigts(folder.path(), &["check", "chat.ts", "--format", "compact"]).stdout;
    let place = compact.split(": ").next().expect("a place");
    assert!(run.stderr.contains(&format!(" {place}\n")), "{place} is not in {}", run.stderr);
}

#[test]
fn what_a_handler_throws_or_says_while_it_is_built_is_escaped() {
    let folder = folder_with(&[("chat.ts", &throwing())]);
    let run = zigts(folder.path(), &["build", "chat.ts"]);
    assert_eq!((run.code, &*run.stdout), (1, ""));
    has_no_commands(&run.stderr);
    assert!(run.stderr.contains(r"a\u{1b}[2J\n::error::x\r"), "{}", run.stderr);
    assert!(run.stderr.contains("    | \\u{3a}:error::x"), "console's lines: {}", run.stderr);

    let run = zigts(folder.path(), &["build", "chat.ts", "--json"]);
    has_no_commands(&run.stdout);
    let json: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    let said = json["console"][0]["text"].as_str().expect("it has said something");
    assert!(said.starts_with("a\u{1b}[2J\n::error::x"), "programs get it as it is: {said:?}");
}

#[test]
fn what_cannot_be_read_or_built_is_named_in_print() {
    let folder = folder_with(&[(NAME, HANDLER)]);
    for arguments in [
        &["build", "--", "\u{1b}[2J\u{202e}missing.ts"][..],
        &["check", "--", "\u{1b}[2J\n::error::x.ts"],
        &["describe-rule", "\u{1b}[2J\n::error::x"],
    ] {
        let run = zigts(folder.path(), arguments);
        assert_ne!(run.code, 0, "{}", run.stderr);
        has_no_commands(&run.stderr);
    }
    let run = zigts(folder.path(), &["build", "-o", "\u{1b}[2J.wasm", "--", NAME]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    has_no_commands(&run.stdout);
    has_no_commands(&run.stderr);
}

#[test]
fn names_that_are_taken_for_arguments_are_shown_in_print() {
    let folder = folder_with(&[]);
    let nasty = "-x\u{1b}[2J\u{202e}\n::error::x.ts";
    for arguments in [&["check", nasty][..], &[nasty], &["check", "--format", nasty, "a.ts"]] {
        let run = zigts(folder.path(), arguments);
        assert_eq!(run.code, 2, "{}", run.stderr);
        has_no_commands(&run.stderr);
    }
    let run = program("zigttp").args(["run", nasty]).output().expect("zigttp starts");
    assert_eq!(run.status.code(), Some(2));
    has_no_commands(&String::from_utf8(run.stderr).expect("it is text"));
}

#[test]
fn dev_shows_a_build_that_fails_and_routes_in_print() {
    let routes = format!("export const routes = [{{ path: \"/a\", room: \"/{NASTY}\" }}];\n");
    let folder = folder_with(&[("chat.ts", &(routes + HANDLER))]);
    let server = Server::develop(folder.path(), "chat.ts", &[]);
    has_no_commands(&server.wait_for_log("built"));
    std::fs::write(folder.path().join("chat.ts"), throwing()).expect("it is writable");
    has_no_commands(&server.wait_for_log("does not build"));
}

#[test]
fn an_editor_gets_messages_in_print() {
    let source = "import { send } from \"zigttp:websocket\";\n".to_owned() + &source();
    let folder = folder_with(&[("chat.ts", &source)]);
    let chat = folder.path().join("chat.ts");
    let mut editor = Editor::open_folder(folder.path());
    editor.open(&chat, &source);
    let found = editor.diagnostics(&chat, Some(1));
    assert!(!found.is_empty());
    for finding in found {
        is_plain(finding["message"].as_str().expect("it is text"));
    }
}

/// A test has no terminal; output to a pipe is for programs, and exact.
#[test]
fn a_patch_for_programs_is_exact() {
    let source =
        format!("/* {NASTY} */\nexport function onMesage(ws: WebSocket, data: string) {{}}\n");
    let folder = folder_with(&[("chat.ts", &source)]);
    let run = zigts(folder.path(), &["check", "--fix-dry-run", "chat.ts"]);
    assert!(run.stdout.contains(&format!(" /* {NASTY} */\n")), "{:?}", run.stdout);
}
