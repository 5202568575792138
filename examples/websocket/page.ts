// The page of the chat example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Chat on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f7f6f2, #16171b); --card: light-dark(#fff, #1f2127);
    --ink: light-dark(#1c1b22, #eceae4); --quiet: light-dark(#66646e, #a09fa6);
    --line: light-dark(#dedbd3, #363840); --accent: light-dark(#0b6e4f, #62c8a3);
    --on-accent: light-dark(#fff, #10241c); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 42rem; height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: .75rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.25rem; margin: 0; }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 8rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent);
    color: var(--on-accent); }
  button:disabled { opacity: .5; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #lines { flex: 1; overflow-y: auto; background: var(--card); border: 1px solid var(--line);
    border-radius: .8rem; padding: .75rem 1rem; overflow-wrap: anywhere; }
  #lines p { margin: 0 0 .35rem; }
  #lines .note { color: var(--quiet); font-size: .9rem; }
</style>
<h1>Chat on zigttp</h1>
<form id="join">
  <input id="room" aria-label="Room" placeholder="Room" value="lobby" required>
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="40" autofocus>
  <button>Join</button>
</form>
<div id="lines" role="log" aria-label="Messages" tabindex="0"></div>
<form id="say">
  <input id="text" aria-label="Message" placeholder="Join a room first" disabled autocomplete="off">
  <button id="send" disabled>Send</button>
</form>
<script>
  const $ = (id) => document.getElementById(id);
  let socket;

  function show(text, kind) {
    const line = document.createElement("p");
    line.textContent = text;
    if (kind) line.className = kind;
    $("lines").append(line);
    line.scrollIntoView();
  }

  function enable(on) {
    $("text").disabled = $("send").disabled = !on;
    $("text").placeholder = on ? "Say something" : "Join a room first";
    if (on) $("text").focus();
  }

  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    connect($("room").value, $("name").value);
  });

  // Comes back by itself after a dropped link or a restart. A server that resumes connections
  // welcomes the browser back; any other is told the name again.
  function connect(room, name, pause = 0) {
    socket?.close();
    const url = new URL("/room/" + encodeURIComponent(room), location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const joined = socket = new WebSocket(url);
    let telling;
    joined.onopen = () => {
      telling = setTimeout(() => joined.send(name), pause ? 1500 : 0);
      pause = 0;
      enable(true);
    };
    joined.onmessage = (message) => {
      if (message.data === "alive") return;
      if (message.data.startsWith("welcome back")) clearTimeout(telling);
      show(message.data);
    };
    joined.onclose = (closed) => {
      if (socket !== joined) return;
      clearTimeout(telling);
      enable(false);
      if (!pause) show("disconnected (" + closed.code + "), coming back", "note");
      const longer = Math.min(10_000, (pause || 250) * 2);
      setTimeout(() => { if (socket === joined) connect(room, name, longer); }, longer);
    };
  }

  // Keeps a silent connection open through proxies.
  setInterval(() => {
    if (socket?.readyState === WebSocket.OPEN) socket.send("heartbeat");
  }, 30_000);

  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("text").value) return;
    socket.send($("text").value);
    $("text").value = "";
  });
</script>
</html>
`;
