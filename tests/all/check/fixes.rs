//! What `zigts check --fix` makes of methods of connections and of objects that are sent.

use std::fs;

use crate::support::zigts::{folder_with, zigts};

/// The text that `--fix` makes of a handler, and the exit code.
fn fixed(text: &str) -> (String, i32) {
    let folder = folder_with(&[("handler.ts", text)]);
    let run = zigts(folder.path(), &["check", "--fix", "handler.ts"]);
    let text = fs::read_to_string(folder.path().join("handler.ts")).expect("it is there");
    (text, run.code)
}

#[test]
fn methods_of_a_connection_become_calls_and_their_imports_are_added() {
    let (text, code) = fixed(
        r#"import { send, getWebSockets } from "zigttp:websocket";
export function onOpen(ws: WebSocket) { ws.serializeAttachment({ id: ws.id }); }
export function onMessage(ws: WebSocket, data: string, room: string) {
  for (const peer of getWebSockets(room)) if (peer !== ws) peer.send(data);
  getWebSockets(room).forEach((peer) => peer.send((data, "x")));
  (ws as any).close( /* politely */ 1000, "bye");
  ws
    .close();
}
"#,
    );
    insta::assert_snapshot!(text, @r#"
    import { send, getWebSockets, close, connectionId, serializeAttachment } from "zigttp:websocket";
    export function onOpen(ws: WebSocket) { serializeAttachment(ws, { id: connectionId(ws) }); }
    export function onMessage(ws: WebSocket, data: string, room: string) {
      for (const peer of getWebSockets(room)) if (peer !== ws) send(peer, data);
      getWebSockets(room).forEach((peer) => send(peer, (data, "x")));
      close((ws as any), 1000, "bye");
      close(ws);
    }
    "#);
    assert_eq!(code, 0);
}

#[test]
fn a_handler_without_the_import_gets_one() {
    let (text, code) = fixed("export function onMessage(ws, data) { ws.send(data); }\n");
    let expected = "import { send } from \"zigttp:websocket\";\n\
                    export function onMessage(ws, data) { send(ws, data); }\n";
    assert_eq!((text.as_str(), code), (expected, 0));
}

#[test]
fn the_name_under_which_a_function_is_imported_is_kept() {
    for (import, call) in [
        ("import { send as transmit } from \"zigttp:websocket\";", "transmit"),
        ("import * as api from \"zigttp:websocket\";", "api.send"),
    ] {
        let (text, code) = fixed(&format!(
            "{import}
export function onMessage(ws, data) {{ ws.send(data); }}
"
        ));
        let expected = format!(
            "{import}
export function onMessage(ws, data) {{ {call}(ws, data); }}
"
        );
        assert_eq!((text, code), (expected, 0));
    }
}

#[test]
fn what_is_not_certain_is_left_alone_with_its_imports() {
    for body in [
        // A callback is no option.
        "ws.send(data, () => {});",
        // The name is that of something else.
        "const send = 1; ws.send(data, send);",
        "webSocketById(data)?.send(data);",
        "send(ws, data); ws.on(\"close\", () => close(ws));",
        "const { id } = ws; send(ws, id); close(webSocketById(id)!);",
    ] {
        let text = format!(
            "import {{ close, send, webSocketById }} from \"zigttp:websocket\";\n\
             export function onMessage(ws: WebSocket, data: string) {{ {body} close(webSocketById(data)!); }}\n"
        );
        assert_eq!(fixed(&text), (text, 1));
    }
}

#[test]
fn an_object_that_is_sent_becomes_json() {
    let (text, code) = fixed(
        r#"import { send } from "zigttp:websocket";
export function onMessage(ws: WebSocket, data: string) { ws.send({ type: "said", data }); }
"#,
    );
    insta::assert_snapshot!(text, @r#"
    import { send } from "zigttp:websocket";
    export function onMessage(ws: WebSocket, data: string) { send(ws, JSON.stringify({ type: "said", data })); }
    "#);
    assert_eq!(code, 0);
}
