//! Attachments that are JSON, on disk.

use crate::support::durable::Durable;
use crate::support::eventually;

/// Stores the JSON of a message; `?` asks for what is stored, in a text that shows types; `text` stores a
/// string.
const HANDLER: &str = r#"
import { deserializeAttachment, send, serializeAttachment } from "zigttp:websocket";
const tell = (value: any): string =>
  Object.is(value, -0) ? "-0"
  : Array.isArray(value) ? `[${value.map(tell)}]`
  : value !== null && typeof value === "object"
    ? `{${Object.entries(value).map(([name, it]) => `${JSON.stringify(name)}:${tell(it)}`)}}`
  : JSON.stringify(value) ?? "undefined";
export function onMessage(ws: WebSocket, data: string) {
  if (data === "?") return void send(ws, tell(deserializeAttachment(ws)));
  serializeAttachment(ws, data === "text" ? data : JSON.parse(data));
  send(ws, String(ws));
}
"#;

const TEXT: &str = r#"{"n":[-0,0,1e+21,5e-324,0.1,9007199254740993000],"é\n":"\u0000😀","__proto__":{"list":[null,true,[]]}}"#;

fn files(durable: &Durable, id: &str) -> String {
    std::fs::read_to_string(durable.file(id)).expect("text and JSON are text")
}

#[tokio::test]
async fn json_is_on_disk_as_text_and_read_back_equal_after_a_crash_and_a_restart() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let mut prior = client.ask(TEXT).await;
    let file = files(&durable, &prior);
    assert!(file.ends_with(&format!("\n{TEXT}")), "{file}");
    server.kill();
    for is_killed in [true, false] {
        let server = durable.serve(&[]);
        let mut client = server.connect("/").await;
        let new = client.ask("1").await;
        eventually("the control socket", || durable.path("control.sock").exists());
        let (code, text) = durable.attachments(&["adopt", &new, &prior]);
        assert_eq!(code, 0, "{text}");
        assert_eq!(client.ask("?").await, TEXT);
        assert!(files(&durable, &new).ends_with(&format!("\n{TEXT}")));
        prior = new;
        if is_killed { server.kill() } else { drop(server) }
    }
}

#[tokio::test]
async fn files_with_json_are_of_version_2_and_those_of_text_are_what_they_were() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("text").await;
    assert!(files(&durable, &id).starts_with("zigttp-attachment 1 "));
    for json in ["null", "true", "-0", "[]", "{}"] {
        assert_eq!(client.ask(json).await, id);
        let file = files(&durable, &id);
        assert!(file.starts_with("zigttp-attachment 2 "), "{file}");
        assert!(
            file.contains("\"kind\":\"JSON\"") && file.ends_with(&format!("\n{json}")),
            "{file}"
        );
        assert_eq!(client.ask("?").await, json);
    }
    client.ask("text").await;
    assert!(files(&durable, &id).starts_with("zigttp-attachment 1 "));
}

#[tokio::test]
async fn a_file_of_a_later_version_is_reported_and_left() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&[]);
    let mut client = server.connect("/").await;
    let id = client.ask("[1]").await;
    server.kill();
    let later = files(&durable, &id).replacen("zigttp-attachment 2 ", "zigttp-attachment 4 ", 1);
    std::fs::write(durable.file(&id), &later).expect("the temporary folder is writable");
    let (code, text) = durable.attachments(&["show", &id]);
    assert!(code == 1 && text.contains("it is not an attachment file of this version"), "{text}");
    let server = durable.serve(&[]);
    server.connect("/").await.ask("?").await;
    server.kill();
    assert_eq!(files(&durable, &id), later);
}

#[tokio::test]
async fn the_largest_json_is_kept_whole_on_disk() {
    let durable = Durable::of(HANDLER);
    let server = durable.serve(&["--max-attachment-size", "1000"]);
    let mut client = server.connect("/").await;
    // In characters of two bytes.
    let largest = format!("[\"{}\"]", "é".repeat(498));
    let id = client.ask(&largest).await;
    assert!(files(&durable, &id).ends_with(&largest));
    client.send(format!("[\"{}\"]", "é".repeat(498) + "x")).await;
    server.wait_for_log("the value has 1001 bytes, the limit is 1000");
    assert_eq!(client.ask("?").await, largest);
    server.kill();
    assert_eq!(durable.value(&id), largest);
}
