// The page of the edge chat example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Edge chat on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f4f5f8, #14161b); --card: light-dark(#fff, #1e2128);
    --ink: light-dark(#1b1d24, #e8eaf0); --quiet: light-dark(#636873, #9aa0ad);
    --line: light-dark(#d9dce3, #343945); --accent: light-dark(#2f55c4, #8fb0ff);
    --on-accent: light-dark(#fff, #0d1a3c); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 60rem; height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: .9rem; font: 16px/1.5 system-ui, sans-serif;
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
  input { flex: 1 1 11rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--card); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  button:disabled { opacity: .5; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  main { flex: 1; min-height: 0; display: grid; gap: .9rem; grid-template: 1fr / 1fr 12rem; }
  #lines, #people { background: var(--card); border: 1px solid var(--line); border-radius: .8rem;
    padding: .75rem 1rem; overflow-y: auto; overflow-wrap: anywhere; }
  #lines p { margin: 0 0 .35rem; }
  #lines time { color: var(--quiet); font-size: .8rem; margin-right: .5rem;
    font-variant-numeric: tabular-nums; }
  #lines .note { color: var(--quiet); font-size: .9rem; }
  #people { margin: 0; list-style: none; }
  #hint { margin: 0; color: var(--quiet); }
  @media (max-width: 40rem) {
    main { grid-template: auto 1fr / 1fr; }
    #people { order: -1; padding: .4rem 1rem; display: flex; gap: .2rem .9rem; overflow-x: auto; }
    #people li { white-space: nowrap; }
  }
</style>
<header><h1>Edge chat</h1><span id="state" role="status">not joined</span></header>
<form id="join">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="32" autofocus>
  <input id="room" aria-label="Room" placeholder="Public room" required maxlength="64">
  <button class="main">Join</button>
  <button id="private" type="button">New private room</button>
</form>
<p id="hint">Anybody can join a public room by its name. A private one has an address that nobody guesses.</p>
<main hidden>
  <div id="lines" role="log" aria-label="Messages" tabindex="0"></div>
  <ul id="people" aria-label="People in this room"></ul>
</main>
<form id="say" hidden>
  <input id="text" aria-label="Message" placeholder="Say something" maxlength="256" autocomplete="off">
  <button class="main">Send</button>
</form>
<script>
  const $ = (id) => document.getElementById(id);
  let socket, people = [];

  $("room").value = decodeURIComponent(location.pathname.slice(1));
  $("name").value = sessionStorage.getItem("name") ?? "";
  if ($("name").value) $("room").focus();

  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    begin($("room").value);
  });
  $("private").addEventListener("click", async () => {
    if (!$("name").reportValidity()) return;
    begin(await (await fetch("/api/room", { method: "POST" })).text());
  });

  function begin(room) {
    sessionStorage.setItem("name", $("name").value);
    history.replaceState(null, "", "/" + encodeURIComponent(room));
    const isPrivate = /^[0-9a-f]{64}$/.test(room);
    document.querySelector("h1").textContent = isPrivate ? "A private room" : room;
    $("join").hidden = $("hint").hidden = true;
    document.querySelector("main").hidden = $("say").hidden = false;
    $("text").focus();
    connect(room);
    if (isPrivate) note("Whoever has the address of this page can join.");
  }

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(room, pause = 250) {
    const url = new URL("/api/room/" + encodeURIComponent(room) + "/websocket", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    let isReady = false;
    socket.onopen = () => {
      people = [];
      // What was said comes again.
      for (const line of $("lines").querySelectorAll(".said")) line.remove();
      socket.send(JSON.stringify({ name: $("name").value }));
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.error) note(message.error);
      if (message.joined) {
        people.push(message.joined);
        if (isReady) note(message.joined + " has joined.");
      }
      if (message.quit) {
        people.splice(people.indexOf(message.quit), 1);
        note(message.quit + " has left.");
      }
      if (message.message !== undefined) said(message);
      if (message.ready) {
        isReady = true;
        pause = 250;
      }
      $("people").replaceChildren(...people.toSorted().map((name) => element("li", "", name)));
      $("state").textContent = people.length === 1 ? "only you" : people.length + " people";
      $("state").className = "on";
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, room, Math.min(10_000, pause * 2));
    };
  }

  function said({ timestamp, name, message }) {
    const line = element("p", "said");
    const time = element("time", "", new Date(timestamp).toLocaleTimeString([], { timeStyle: "short" }));
    line.append(time, element("strong", "", name + " "), message);
    add(line);
  }

  function note(text) {
    add(element("p", "note", text));
  }

  // Follows what comes, unless somebody reads further up.
  function add(line) {
    const lines = $("lines");
    const follows = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.append(line);
    if (follows) lines.scrollTop = lines.scrollHeight;
  }

  function element(tag, className = "", text = "") {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }

  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("text").value || socket.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ message: $("text").value }));
    $("text").value = "";
  });
</script>
</html>
`;
