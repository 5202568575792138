//! `zigttp init`: projects that are served as they are, and nothing is ever overwritten.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::programs::{folder, program};
use crate::support::server::Server;

fn init(folder: &Path, arguments: &[&str]) -> Output {
    program("zigttp")
        .current_dir(folder)
        .arg("init")
        .args(arguments)
        .output()
        .expect("zigttp starts")
}

/// Makes a project from a template, checks and builds it as its README says, and serves it.
fn serve(template: &str) -> Server {
    let folder = folder();
    let output = init(folder.path(), &["my-app", "--template", template]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
    let project = folder.path().join("my-app");
    for arguments in [&["check", "--deny-warnings"][..], &["build", "handler.ts"]] {
        let output =
            program("zigts").current_dir(&project).args(arguments).output().expect("zigts starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{arguments:?}: {said}");
    }
    Server::start(&project.join("handler.wasm"), &[])
}

fn has_page(server: &Server) {
    let (status, page) = server.get("/");
    assert_eq!(status, 200);
    assert!(page.starts_with("<!doctype html>"), "{page}");
}

#[tokio::test]
async fn the_chat_template_chats() {
    let server = serve("chat");
    has_page(&server);
    let mut ada = server.connect("/room/one").await;
    assert_eq!(ada.ask("ada").await, "hello ada, this is one");
    assert_eq!(ada.ask("hi").await, "ada: hi");
}

#[tokio::test]
async fn the_presence_template_tells_who_is_here() {
    let server = serve("presence");
    has_page(&server);
    let mut ada = server.connect("/room/one").await;
    let here = ada.ask(r#"{"type":"join","name":"Ada"}"#).await;
    let here: Value = serde_json::from_str(&here).expect("it is JSON");
    assert_eq!(here["people"][0]["name"], "Ada");
}

#[tokio::test]
async fn the_echo_template_echoes() {
    let server = serve("echo");
    has_page(&server);
    assert_eq!(server.connect("/echo").await.ask("hello").await, "hello");
}

#[tokio::test]
async fn the_game_template_asks_who_is_there() {
    let server = serve("game");
    has_page(&server);
    let refused = Client::try_connect(server.address, "/lobby").await;
    assert!(refused.err().expect("it is refused").to_string().contains("401"));
}

#[test]
fn a_project_has_what_editors_and_npm_want() {
    let folder = folder();
    let output = init(folder.path(), &["Some App"]);
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("cd 'Some App'\n    zigttp dev handler.ts\n"), "{told}");
    let read = |name: &str| {
        let path = folder.path().join("Some App").join(name);
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let package: Value = serde_json::from_str(&read("package.json")).expect("it is JSON");
    assert_eq!(package["name"], "some-app");
    assert_eq!(package["scripts"]["build"], "zigts build handler.ts");
    let types = program("zigts").arg("types").output().expect("zigts starts");
    assert_eq!(read("zigttp.d.ts"), String::from_utf8(types.stdout).expect("output is UTF-8"));
    assert!(read("tsconfig.json").contains(r#""strict": true"#));
    assert!(read("README.md").starts_with("# Some App\n\nRooms by path"), "{}", read("README.md"));
    assert!(read(".gitignore").contains("/handler.wasm\n"));
    assert!(read(".gitignore").contains("/recording/\n"), "recordings hold the data of users");
}

#[test]
fn this_folder_can_be_the_project() {
    let folder = folder();
    let project = folder.path().join("here");
    fs::create_dir_all(project.join(".git")).expect("the temporary folder is writable");
    let output = init(&project, &[".", "--template", "echo"]);
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(!told.contains("cd "), "{told}");
    let package = fs::read_to_string(project.join("package.json")).expect("it was written");
    let package: Value = serde_json::from_str(&package).expect("it is JSON");
    assert_eq!(package["name"], json!("here"));
}

#[test]
fn nothing_is_overwritten() {
    let folder = folder();
    let project = folder.path().join("my-app");
    fs::create_dir(&project).expect("the temporary folder is writable");
    fs::write(project.join("README.md"), "mine").expect("the temporary folder is writable");
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = init(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
    };
    refused(&["my-app"], &["`my-app/README.md` already exists; nothing was written"]);
    assert_eq!(fs::read_dir(&project).expect("it is there").count(), 1);
    assert_eq!(fs::read(project.join("README.md")).expect("it is there"), b"mine");

    // A file where the folder should be, and a link that leads nowhere.
    refused(&["my-app/README.md"], &["README.md`"]);
    std::os::unix::fs::symlink("nowhere", folder.path().join("handler.ts")).expect("writable");
    refused(&["."], &["handler.ts` already exists"]);
}
