// The page of the JWT example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>JWT on zigttp</title>
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
  #log .time { color: var(--quiet); }
  @media (max-width: 30rem) {
    input { flex-basis: 100%; }
    button { flex: 1; }
  }
  #log:empty::after { content: "Nothing said yet."; display: block; padding: .55rem 0;
    color: var(--quiet); }
</style>
<header><h1>JWT</h1><span id="state" role="status">not connected</span></header>
<form id="enter">
  <input id="token" aria-label="Token" placeholder="Paste a token" autocomplete="off" autofocus>
  <button class="main">Enter</button>
</form>
<form id="say">
  <input id="text" aria-label="Message" placeholder="Say something" autocomplete="off">
  <button disabled>Say</button>
</form>
<ul id="log" role="log" aria-label="What was said"></ul>
<script>
  const $ = (id) => document.getElementById(id);
  let socket;

  function show(name, text) {
    const line = document.createElement("li");
    const value = document.createElement("span");
    value.className = "value";
    value.textContent = text;
    const who = document.createElement("span");
    who.className = "time";
    who.textContent = name;
    line.append(value, who);
    $("log").prepend(line);
    if ($("log").childElementCount > 200) $("log").lastChild.remove();
  }

  function enter() {
    socket?.close();
    const url = new URL("/room/hall", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("token", $("token").value.trim());
    const mine = socket = new WebSocket(url);
    let wasOpen = false;
    mine.onopen = () => {
      wasOpen = true;
      $("state").textContent = "connected";
      $("state").className = "on";
      $("say").querySelector("button").disabled = false;
    };
    mine.onmessage = ({ data }) => {
      const { type, name, text, why } = JSON.parse(data);
      show(name ?? "", type === "joined" ? "came in" : text ?? why);
    };
    mine.onclose = () => {
      if (mine !== socket) return;
      // A browser does not say with which status an upgrade was refused.
      $("state").textContent = wasOpen ? "gone" : "refused";
      $("state").className = "";
      $("say").querySelector("button").disabled = true;
    };
  }

  $("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    enter();
  });
  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    socket.send($("text").value);
    $("text").value = "";
  });
</script>
</html>
`;
