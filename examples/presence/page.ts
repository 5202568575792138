// The page of the presence example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Presence on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f7f6f2, #16171b); --card: light-dark(#fff, #1f2127);
    --ink: light-dark(#1c1b22, #eceae4); --quiet: light-dark(#66646e, #a09fa6);
    --line: light-dark(#dedbd3, #363840); --accent: light-dark(#0b6e4f, #62c8a3);
    --on-accent: light-dark(#fff, #10241c); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 48rem; min-height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  form { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 9rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent);
    color: var(--on-accent); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  [hidden] { display: none !important; }
  #people { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .7rem;
    margin: 0; padding: 0; list-style: none; }
  #people li { display: grid; grid-template-columns: 2.75rem 1fr; gap: .1rem .8rem;
    align-content: start; padding: .8rem; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; }
  #people li.you { border-color: var(--accent); }
  #hint { margin: 0; color: var(--quiet); }
  .face { grid-row: span 2; width: 2.75rem; height: 2.75rem; border-radius: 50%; display: grid;
    place-items: center; font-weight: 600; color: #fff;
    background: hsl(var(--hue) 45% 40%); }
  .name { font-weight: 600; overflow-wrap: anywhere; }
  .status { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; min-height: 1.35rem; }
  .dots i { display: inline-block; width: .4rem; height: .4rem; margin-right: .2rem;
    border-radius: 50%; background: var(--accent); animation: hop 1s infinite; }
  .dots i:nth-child(2) { animation-delay: .15s; }
  .dots i:nth-child(3) { animation-delay: .3s; }
  @keyframes hop { 30% { transform: translateY(-.25rem); } 60% { transform: none; } }
  @media (prefers-reduced-motion: reduce) { .dots i { animation: none; } }
</style>
<header><h1>Who is here</h1><span id="state" role="status">not joined</span></header>
<form id="join">
  <input id="room" aria-label="Room" placeholder="Room" value="office" required maxlength="40">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="40" autofocus>
  <button>Join</button>
</form>
<form id="tell" hidden>
  <input id="status" aria-label="Your status" placeholder="What are you up to?" maxlength="140"
    autocomplete="off">
  <button>Share</button>
</form>
<p id="hint">Join, and join once more in a second tab: each tab is somebody.</p>
<ul id="people" aria-label="People in this room"></ul>
<script>
  const $ = (id) => document.getElementById(id);
  const people = new Map();
  let socket, me, isTyping = false, pausing;

  const say = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };

  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    $("join").hidden = true;
    $("hint").hidden = true;
    $("tell").hidden = false;
    $("status").focus();
    document.querySelector("h1").textContent = "Who is in " + $("room").value;
    connect();
  });

  // Comes back by itself after a dropped link or a restart of the server, as it was before.
  function connect(pause = 250) {
    const url = new URL("/room/" + encodeURIComponent($("room").value), location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onopen = () => {
      pause = 250;
      isTyping = false;
      say({ type: "join", name: $("name").value, status: people.get(me)?.status ?? "" });
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "here") {
        me = message.you;
        people.clear();
        for (const person of message.people) people.set(person.id, person);
      }
      if (message.type === "person") people.set(message.person.id, message.person);
      if (message.type === "left") people.delete(message.id);
      show();
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  // Typing is said once when it begins, and taken back two seconds after the last key.
  function typing(is) {
    clearTimeout(pausing);
    if (is) pausing = setTimeout(typing, 2000, false);
    if (is !== isTyping) say({ type: "typing", typing: is });
    isTyping = is;
  }
  $("status").addEventListener("input", () => typing(true));
  $("status").addEventListener("blur", () => typing(false));

  $("tell").addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(pausing);
    isTyping = false;
    const status = $("status").value.trim();
    const mine = people.get(me);
    if (mine) people.set(me, { ...mine, status });
    say({ type: "status", status });
    $("status").value = "";
    show();
  });

  function show() {
    $("state").className = "on";
    $("state").textContent = people.size === 1 ? "only you" : people.size + " people";
    $("people").replaceChildren(...Array.from(people.values(), card));
  }

  function card(person) {
    const item = document.createElement("li");
    if (person.id === me) item.className = "you";
    const face = element("span", "face", Array.from(person.name)[0].toUpperCase());
    face.style.setProperty("--hue", parseInt(person.id.slice(0, 4), 16) % 360);
    face.ariaHidden = "true";
    const name = element("span", "name", person.id === me ? person.name + " (you)" : person.name);
    const status = element("span", "status", person.typing ? "" : person.status);
    if (person.typing) {
      const dots = element("span", "dots", "");
      dots.role = "img";
      dots.ariaLabel = "typing";
      dots.append(element("i"), element("i"), element("i"));
      status.append(dots);
    }
    item.append(face, name, status);
    return item;
  }

  function element(tag, className = "", text = "") {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }
</script>
</html>
`;
