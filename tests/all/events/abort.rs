//! Signals that abort by themselves: their time passes for an event that waits for it.

use crate::support::server::Server;

const HANDLER: &str = r#"
import { send } from "zigttp:websocket";
const told = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener("abort", resolve));
export async function onMessage(ws: WebSocket, data: string) {
  const controller = new AbortController();
  const [soon, late] = [AbortSignal.timeout(20), AbortSignal.timeout(60_000)];
  const any = AbortSignal.any([controller.signal, late, soon]);
  const started = Date.now();
  await told(any);
  const waited = Date.now() - started;
  controller.abort("by hand");
  send(ws, [any.reason.name, soon.aborted, late.aborted, waited >= 20 && waited < 10_000, any.reason === soon.reason].join());
}
"#;

#[tokio::test]
async fn a_signal_is_aborted_when_its_time_has_passed() {
    let server = Server::of(HANDLER);
    let mut client = server.connect("/").await;
    assert_eq!(client.ask("go").await, "TimeoutError,true,false,true,true");
}
