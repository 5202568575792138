// The page of the notifications example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Notifications on zigttp</title>
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
  select { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line); border-radius: .6rem; color: inherit;
    background: var(--card); }
  #list { margin: 0; padding: 0; list-style: none; display: flex; flex-direction: column; gap: .5rem; }
  #list li { display: flex; gap: .75rem; align-items: center; background: var(--card); border: 1px solid var(--line);
    border-radius: .8rem; padding: .6rem 1rem; overflow-wrap: anywhere; }
  #list span { flex: 1; }
  #list time { color: var(--quiet); font-size: .8rem; font-variant-numeric: tabular-nums; }
  #list button { padding: .25rem .9rem; color: inherit; background: none; border-color: var(--line); }
  #none { margin: 0; color: var(--quiet); }
</style>
<header><h1>Notifications</h1><span id="state" role="status">connecting</span></header>
<form><label>You are
  <select id="user"><option value="ada-token">ada</option><option value="bob-token">bob</option></select>
</label></form>
<p id="none">Nothing new.</p>
<ul id="list" aria-live="polite"></ul>
<script>
  const $ = (id) => document.getElementById(id);
  let socket;

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const url = new URL("/notifications", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("token", $("user").value);
    const mine = (socket = new WebSocket(url));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "unread") {
        pause = 250;
        $("state").textContent = "connected";
        $("state").className = "on";
        $("list").replaceChildren(...message.notifications.map(item).reverse());
      }
      if (message.type === "new") $("list").prepend(item(message.notification));
      if (message.type === "read") document.getElementById("n" + message.id)?.remove();
      $("none").hidden = $("list").children.length > 0;
    };
    socket.onclose = () => {
      // Another user has been chosen meanwhile.
      if (mine !== socket) return;
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  function item({ id, text, at }) {
    const shown = document.createElement("li"), words = document.createElement("span");
    const time = document.createElement("time"), done = document.createElement("button");
    shown.id = "n" + id;
    words.textContent = text;
    time.dateTime = new Date(at).toISOString();
    time.textContent = new Date(at).toLocaleTimeString([], { timeStyle: "short" });
    done.type = "button";
    done.textContent = "Read";
    done.setAttribute("aria-label", "Read: " + text);
    done.addEventListener("click", () => {
      if (socket.readyState !== WebSocket.OPEN) return;
      socket.send(JSON.stringify({ type: "read", id }));
      shown.remove();
      $("none").hidden = $("list").children.length > 0;
    });
    shown.append(words, time, done);
    return shown;
  }

  $("user").addEventListener("change", () => {
    const before = socket;
    $("list").replaceChildren();
    connect();
    before.close();
  });
  connect();
</script>
</html>
`;
