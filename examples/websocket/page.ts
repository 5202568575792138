// The page of the chat example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Chat on zigttp</title>
<style>
  :root { --ink: #1c1b22; --paper: #fbfaf8; --line: #d9d6cf; --mine: #0b6e4f; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #eceae4; --paper: #191a1f; --line: #3a3b42; --mine: #62c8a3; }
  }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 42rem; height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: .75rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.1rem; margin: 0; }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 8rem; min-width: 0; }
  input, button { font: inherit; padding: .45rem .7rem; border: 1px solid var(--line);
    border-radius: .4rem; color: inherit; background: transparent; }
  button { cursor: pointer; border-color: var(--mine); color: var(--mine); }
  button:disabled { opacity: .5; cursor: default; }
  #lines { flex: 1; overflow-y: auto; border: 1px solid var(--line); border-radius: .4rem;
    padding: .6rem .8rem; overflow-wrap: anywhere; }
  #lines p { margin: 0 0 .25rem; }
  #lines .note { opacity: .65; font-style: italic; }
</style>
<h1>Chat on zigttp</h1>
<form id="join">
  <input id="room" aria-label="Room" placeholder="Room" value="lobby" required>
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="40" autofocus>
  <button>Join</button>
</form>
<div id="lines" role="log" aria-live="polite"></div>
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

  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("text").value) return;
    socket.send($("text").value);
    $("text").value = "";
  });
</script>
</html>
`;
