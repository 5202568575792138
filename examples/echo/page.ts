// The page of the echo example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Echo on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f7f6f2, #16171b); --card: light-dark(#fff, #1f2127);
    --ink: light-dark(#1c1b22, #eceae4); --quiet: light-dark(#66646e, #a09fa6);
    --line: light-dark(#dedbd3, #363840); --accent: light-dark(#0b6e4f, #62c8a3);
    --on-accent: light-dark(#fff, #10241c); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 44rem; height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: .9rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 12rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--card); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  button:disabled { opacity: .5; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #log { flex: 1; min-height: 0; overflow-y: auto; margin: 0; padding: .25rem 1rem; list-style: none;
    background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
  #log li { display: grid; grid-template-columns: 1fr auto; gap: 0 1rem; padding: .55rem 0;
    border-bottom: 1px solid var(--line); }
  #log li:last-child { border: 0; }
  #log .value { overflow-wrap: anywhere; }
  #log .bytes { font: .875rem/1.7 ui-monospace, monospace; }
  #log .time { color: var(--quiet); font-variant-numeric: tabular-nums; }
  @media (max-width: 30rem) {
    input { flex-basis: 100%; }
    button { flex: 1; }
  }
  #log:empty::after { content: "Nothing sent yet."; display: block; padding: .55rem 0;
    color: var(--quiet); }
</style>
<header><h1>Echo</h1><span id="state" role="status">connecting</span></header>
<form id="say">
  <input id="text" aria-label="Message" placeholder="Send any text" autocomplete="off" autofocus>
  <button class="main" disabled>Send</button>
  <button id="bytes" type="button" disabled>Send 16 bytes</button>
</form>
<ul id="log" role="log" aria-label="What came back"></ul>
<script>
  const $ = (id) => document.getElementById(id);
  // When each message was sent that has not come back yet: answers come in the order of questions.
  let socket, waiting = [];

  function enable(on) {
    for (const button of document.querySelectorAll("button")) button.disabled = !on;
    $("state").textContent = on ? "connected" : "reconnecting";
    $("state").className = on ? "on" : "";
  }

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const url = new URL("/echo", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { pause = 250; waiting = []; enable(true); };
    socket.onmessage = ({ data }) => show(data, performance.now() - waiting.shift());
    socket.onclose = () => {
      enable(false);
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  function ask(data) {
    waiting.push(performance.now());
    socket.send(data);
  }

  function show(data, milliseconds) {
    const line = document.createElement("li");
    const value = document.createElement("span");
    const isText = typeof data === "string";
    value.className = isText ? "value" : "value bytes";
    value.textContent = isText ? data : Array.from(new Uint8Array(data), hex).join(" ");
    const time = document.createElement("span");
    time.className = "time";
    time.textContent = (isText ? "text" : "bytes") + " · " + milliseconds.toFixed(1) + " ms";
    line.append(value, time);
    $("log").prepend(line);
    if ($("log").childElementCount > 200) $("log").lastChild.remove();
  }

  const hex = (byte) => byte.toString(16).padStart(2, "0");

  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    ask($("text").value);
    $("text").value = "";
    $("text").focus();
  });
  $("bytes").addEventListener("click", () => ask(crypto.getRandomValues(new Uint8Array(16))));
  connect();
</script>
</html>
`;
