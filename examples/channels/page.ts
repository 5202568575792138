// The page of the channels example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Channels on zigttp</title>
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
  #channels { display: flex; gap: .5rem; flex-wrap: wrap; margin: 0; padding: 0; list-style: none; }
  #channels button { padding: .25rem .9rem; color: inherit; background: none; border-color: var(--line); }
  #channels button[aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
  #lines { flex: 1; min-height: 0; overflow-y: auto; background: var(--card); border: 1px solid var(--line);
    border-radius: .8rem; padding: .75rem 1rem; overflow-wrap: anywhere; }
  #lines p { margin: 0 0 .35rem; }
  .quiet { color: var(--quiet); }
</style>
<header><h1>Channels</h1><span id="state" role="status">not connected</span></header>
<form id="connect">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="20" pattern="[\\p{L}\\p{N}_\\-]+"
    title="letters, digits, _ and -" autofocus>
  <button>Connect</button>
</form>
<form id="join" hidden>
  <input id="channel" aria-label="Channel" placeholder="A channel to join" maxlength="40" autocomplete="off">
  <button>Join</button>
</form>
<ul id="channels" aria-label="Your channels"></ul>
<div id="lines" role="log" tabindex="0" aria-label="What happens"></div>
<form id="say" hidden>
  <input id="text" aria-label="Message" placeholder="Say something" maxlength="500" autocomplete="off">
  <button>Send</button>
</form>
<script>
  const $ = (id) => document.getElementById(id);
  // The channels that this page is in, and the one that it talks to.
  const joined = new Set();
  let socket, current;

  // Packets are [event, ...arguments]; those with a number are acknowledged: ["ack", number, answer].
  const waiting = new Map();
  let last = 0;
  function ask(event, data) {
    return new Promise((resolve) => {
      waiting.set(++last, resolve);
      socket.send(JSON.stringify([event, data, last]));
    });
  }

  const events = {
    ack(number, answer) { waiting.get(number)?.(answer); waiting.delete(number); },
    joined(channel, name) { line(channel, name, "has joined", true); },
    left(channel, name) { line(channel, name, "has left", true); },
    said(channel, name, text) { line(channel, name, text); },
    problem(text) { line("", "", text, true); },
  };

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const url = new URL("/socket", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("name", $("name").value);
    socket = new WebSocket(url);
    socket.onopen = () => {
      pause = 250;
      $("state").textContent = "connected";
      $("state").className = "on";
      for (const channel of joined) enter(channel);
    };
    socket.onmessage = ({ data }) => {
      const [event, ...given] = JSON.parse(data);
      events[event]?.(...given);
    };
    socket.onclose = () => {
      waiting.clear();
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  async function enter(channel) {
    const { members } = await ask("join", { channel });
    joined.add(channel);
    current = channel;
    show();
    line(channel, "", "here: " + members.join(", "), true);
  }

  async function leave(channel) {
    await ask("leave", { channel });
    joined.delete(channel);
    current = [...joined].at(-1);
    show();
  }

  function show() {
    $("channels").replaceChildren(...[...joined].map((channel) => {
      const item = document.createElement("li");
      const choose = button("#" + channel, () => { current = channel; show(); });
      choose.setAttribute("aria-pressed", String(channel === current));
      const go = button("×", () => leave(channel));
      go.setAttribute("aria-label", "Leave " + channel);
      item.append(choose, " ", go);
      return item;
    }));
    $("say").hidden = current === undefined;
  }

  function button(text, click) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", click);
    return made;
  }

  function line(channel, name, text, isQuiet = false) {
    const shown = document.createElement("p"), who = document.createElement("strong");
    who.textContent = (channel && "#" + channel + " ") + (name && name + " ");
    shown.append(who, text);
    if (isQuiet) shown.className = "quiet";
    $("lines").append(shown);
    $("lines").scrollTop = $("lines").scrollHeight;
  }

  const isOpen = () => socket?.readyState === WebSocket.OPEN;

  $("connect").addEventListener("submit", (event) => {
    event.preventDefault();
    $("connect").hidden = true;
    $("join").hidden = false;
    $("channel").focus();
    connect();
  });
  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    const channel = $("channel").value.trim();
    if (!channel || !isOpen()) return;
    $("channel").value = "";
    enter(channel);
  });
  $("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text || !isOpen()) return;
    $("text").value = "";
    const channel = current;
    const { heard, error } = await ask("say", { channel, text });
    line(channel, $("name").value, error ?? text + (heard === 0 ? " (nobody else is here)" : ""));
  });
</script>
</html>
`;
