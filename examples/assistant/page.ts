// The page of the assistant example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Assistant on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f6f5f1, #15171a); --card: light-dark(#fff, #1e2125);
    --ink: light-dark(#1b1d20, #e9ebe7); --quiet: light-dark(#62676c, #9ba1a5);
    --line: light-dark(#dcdcd4, #363b40); --accent: light-dark(#1f6a7d, #7cc7da);
    --on-accent: light-dark(#fff, #0b2229); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 44rem; height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: .75rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; white-space: nowrap; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  [hidden] { display: none !important; }
  #log { flex: 1; min-height: 0; overflow-y: auto; background: var(--card);
    border: 1px solid var(--line); border-radius: .8rem; padding: .75rem 1rem; overflow-wrap: anywhere; }
  #log p { margin: 0 0 .75rem; white-space: pre-wrap; }
  #log p.user { font-weight: 600; }
  #log p.user::before { content: "› "; color: var(--accent); }
  #log p.note { color: var(--quiet); font-size: .9rem; }
  #log p.pending::after { content: "▍"; color: var(--accent); }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 9rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent);
    color: var(--on-accent); }
  #stop { background: none; color: inherit; border-color: var(--line); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
</style>
<header><h1>Assistant</h1><span id="state" role="status">connecting</span></header>
<div id="log" role="log" aria-label="Conversation" tabindex="0"></div>
<form id="ask">
  <input id="text" aria-label="Question" placeholder="Ask something" maxlength="4000" autocomplete="off" autofocus>
  <button id="send">Ask</button>
  <button id="stop" type="button" hidden>Stop</button>
</form>
<script>
  const $ = (id) => document.getElementById(id);
  const room = new URLSearchParams(location.search).get("room") ?? "lobby";
  const notes = { nothing: "there is no answer", cancelled: "stopped", interrupted: "the server was restarted",
    timeout: "the model is too slow", network: "the model cannot be reached" };
  // The answer that is being written.
  let socket, answer;

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const url = new URL("/chat/" + encodeURIComponent(room), location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "conversation") {
        pause = 250;
        $("state").textContent = "connected";
        $("state").className = "on";
        $("log").replaceChildren();
        wait(false);
        for (const { role, content } of message.messages) show(role, content);
        if (message.pending !== null) wait(true, message.pending);
      }
      if (message.type === "question") {
        show("user", message.text);
        wait(true);
      }
      if (message.type === "words") {
        answer.append(message.text);
        follow();
      }
      if (message.type === "answered") {
        wait(false);
        if (message.error !== null) show("note", notes[message.error] ?? message.error);
      }
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  // Whether an answer is awaited, and what there is of it.
  function wait(isAwaited, text = "") {
    if (isAwaited) {
      answer = show("assistant", text);
      answer.classList.add("pending");
    } else {
      answer?.classList.remove("pending");
      if (answer?.textContent === "") answer.remove();
      answer = undefined;
    }
    $("stop").hidden = !isAwaited;
    $("send").hidden = isAwaited;
  }

  function show(kind, text) {
    const line = document.createElement("p");
    line.className = kind;
    line.textContent = text;
    $("log").append(line);
    follow();
    return line;
  }

  // Follows what comes, unless somebody reads further up.
  function follow() {
    const { scrollHeight, scrollTop, clientHeight } = $("log");
    if (scrollHeight - scrollTop - clientHeight < 120) $("log").scrollTop = scrollHeight;
  }

  const say = (message) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (answer !== undefined || !$("text").value.trim()) return;
    say({ type: "ask", text: $("text").value });
    $("text").value = "";
  });

  $("stop").addEventListener("click", () => say({ type: "stop" }));

  connect();
</script>
</html>
`;
