// The page of the history example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Chat with history on zigttp</title>
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
  h1 { font-size: 1.25rem; margin: 0; min-width: 0; overflow: hidden; text-overflow: ellipsis;
    white-space: nowrap; }
  #state { color: var(--quiet); font-size: .875rem; white-space: nowrap; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  [hidden] { display: none !important; }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 9rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent);
    color: var(--on-accent); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #past { flex: 1; min-height: 0; overflow-y: auto; background: var(--card);
    border: 1px solid var(--line); border-radius: .8rem; padding: .75rem 1rem; overflow-wrap: anywhere; }
  #earlier { display: block; margin: 0 auto .75rem; padding: .25rem .9rem; font-size: .9rem;
    color: inherit; background: none; border-color: var(--line); }
  #begin { margin: 0 0 .75rem; text-align: center; color: var(--quiet); font-size: .9rem; }
  #lines p { margin: 0 0 .35rem; }
  #lines time { color: var(--quiet); font-size: .8rem; margin-right: .5rem;
    font-variant-numeric: tabular-nums; }
  #hint { margin: 0; color: var(--quiet); }
</style>
<header><h1>Chat with history</h1><span id="state" role="status">not joined</span></header>
<form id="join">
  <input id="room" aria-label="Room" placeholder="Room" value="lobby" required maxlength="40">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="40" autofocus>
  <button>Join</button>
</form>
<p id="hint">A room remembers its last hundred lines, also when everybody has left.</p>
<div id="past" role="region" aria-label="Messages" tabindex="0" hidden>
  <button id="earlier" hidden>Earlier lines</button>
  <p id="begin" hidden>This is as far back as the room remembers.</p>
  <div id="lines" role="log"></div>
</div>
<form id="say" hidden>
  <input id="text" aria-label="Message" placeholder="Say something" maxlength="500" autocomplete="off">
  <button>Send</button>
</form>
<script>
  const $ = (id) => document.getElementById(id);
  const isToday = (date) => date.toDateString() === new Date().toDateString();
  // What is shown begins with the line of this number.
  let socket, first;

  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    document.querySelector("h1").textContent = $("room").value;
    $("join").hidden = $("hint").hidden = true;
    $("past").hidden = $("say").hidden = false;
    $("text").focus();
    connect();
  });

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const url = new URL("/room/" + encodeURIComponent($("room").value), location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("name", $("name").value.trim());
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "line") follow(message.line);
      if (message.type === "latest") {
        pause = 250;
        $("lines").replaceChildren();
        first = undefined;
        prepend(message);
        $("past").scrollTop = $("past").scrollHeight;
        $("state").textContent = "connected";
        $("state").className = "on";
      }
      if (message.type === "earlier") prepend(message);
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  // A page goes above what is shown, and what is shown stays where it is.
  function prepend({ lines, hasEarlier }) {
    const fromEnd = $("past").scrollHeight - $("past").scrollTop;
    $("lines").prepend(...lines.map(said));
    first = lines[0]?.id ?? first;
    // Whoever has pressed the button does not lose the focus with it.
    if (!hasEarlier && document.activeElement === $("earlier")) $("past").focus();
    $("earlier").hidden = !hasEarlier;
    $("begin").hidden = hasEarlier || first === undefined;
    $("past").scrollTop = $("past").scrollHeight - fromEnd;
  }

  // Follows what comes, unless somebody reads further up.
  function follow(line) {
    const { scrollHeight, scrollTop, clientHeight } = $("past");
    first ??= line.id;
    $("lines").append(said(line));
    if (scrollHeight - scrollTop - clientHeight < 40) $("past").scrollTop = $("past").scrollHeight;
  }

  function said({ name, text, at }) {
    const line = document.createElement("p"), time = document.createElement("time");
    const date = new Date(at);
    time.dateTime = date.toISOString();
    time.textContent = date.toLocaleString([], { timeStyle: "short", dateStyle: isToday(date) ? undefined : "short" });
    const who = document.createElement("strong");
    who.textContent = name + " ";
    line.append(time, who, text);
    return line;
  }

  $("earlier").addEventListener("click", () => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "earlier", before: first }));
  });

  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("text").value.trim() || socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ type: "say", text: $("text").value }));
    $("text").value = "";
  });
</script>
</html>
`;
