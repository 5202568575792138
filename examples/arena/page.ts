// The page of the arena example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Arena on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f4f4f7, #14151a); --card: light-dark(#fff, #1e2027);
    --ink: light-dark(#1a1b22, #e8e9f0); --line: light-dark(#d9dae3, #383b47);
    --accent: light-dark(#3b4fa8, #9fb0ff); --on-accent: light-dark(#fff, #10173a); }
  body { margin: 0 auto; max-width: 36rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.25rem; margin: 0; }
  canvas { display: block; width: 100%; background: var(--card); border: 1px solid var(--line);
    border-radius: .6rem; touch-action: none; cursor: crosshair; }
  form { display: flex; gap: .5rem; margin-bottom: .75rem; }
  [hidden] { display: none !important; }
  input { flex: 1; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
</style>
<h1>Arena</h1>
<p id="state" role="status">Point where your dot shall go. Who reaches the coin gets a point.</p>
<form id="enter">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="20" pattern="[\\p{L}\\p{N}_\\-]+"
    title="letters, digits, _ and -" autofocus>
  <button>Enter</button>
</form>
<canvas id="field" width="1000" height="1000" aria-label="The field"></canvas>
<ol id="scores" aria-label="Scores"></ol>
<script>
  const $ = (id) => document.getElementById(id);
  const pen = $("field").getContext("2d");
  const scores = new Map();
  let socket, aimed, pause = 250;

  // Comes back by itself after a dropped link or a restart of the server.
  function connect() {
    const url = new URL("/arena/one", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("name", $("name").value);
    socket = new WebSocket(url);
    socket.onopen = () => { pause = 250; $("state").textContent = "You are in."; $("enter").hidden = true; };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "scores") for (const [name, score] of message.scores) scores.set(name, score);
      else draw(message);
    };
    socket.onclose = () => {
      $("state").textContent = "Not connected: the name may be taken. Trying again.";
      setTimeout(connect, pause);
      pause = Math.min(10_000, pause * 2);
    };
  }

  function draw({ dots, coin }) {
    const style = getComputedStyle(document.documentElement);
    pen.clearRect(0, 0, 1000, 1000);
    circle(coin, 18, "#d9a411");
    pen.font = "28px system-ui";
    for (const dot of dots) {
      scores.set(dot.name, dot.score);
      circle(dot, 14, style.getPropertyValue("--accent"));
      pen.fillStyle = style.getPropertyValue("--ink");
      pen.fillText(dot.name, dot.x + 20, dot.y + 8);
    }
    const best = [...scores].sort(([, a], [, b]) => b - a).slice(0, 10);
    const lines = best.map(([name, score]) => name + ": " + score);
    if (lines.join() === $("scores").dataset.shown) return;
    $("scores").dataset.shown = lines.join();
    $("scores").replaceChildren(...lines.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
  }

  function circle({ x, y }, radius, colour) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = colour;
    pen.fill();
  }

  // The pointer moves more often than the game does: only the last place counts.
  $("field").addEventListener("pointermove", ({ offsetX, offsetY, target }) => {
    const on = (offset, size) => Math.max(0, Math.min(1000, Math.round(offset / size * 1000)));
    aimed = { x: on(offsetX, target.clientWidth), y: on(offsetY, target.clientHeight) };
  });
  setInterval(() => {
    if (aimed && socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(aimed));
    aimed = undefined;
  }, 50);
  $("enter").addEventListener("submit", (event) => {
    event.preventDefault();
    if (socket === undefined) connect();
  });
</script>
</html>
`;
