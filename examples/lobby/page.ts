// The page of the lobby example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Lobby on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f3f5f1, #141714); --card: light-dark(#fff, #1d221d);
    --ink: light-dark(#1a201a, #e6ece6); --line: light-dark(#d5dcd3, #364036);
    --accent: light-dark(#2c6b3d, #85d09a); --on-accent: light-dark(#fff, #0c2413); }
  body { margin: 0 auto; max-width: 24rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  h1 { font-size: 1.25rem; margin: 0; }
  #board { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; }
  button { font: inherit; border: 1px solid var(--line); border-radius: .6rem; color: inherit; }
  #board button { aspect-ratio: 1; font-size: 3rem; line-height: 1; background: var(--card); }
  #board button:enabled { cursor: pointer; border-color: var(--accent); }
  #again { margin-top: 1rem; padding: .55rem .9rem; cursor: pointer; background: var(--accent);
    border-color: var(--accent); color: var(--on-accent); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
</style>
<h1>Noughts and crosses</h1>
<p id="state" role="status">connecting</p>
<div id="board"></div>
<button id="again" hidden>Play again</button>
<script>
  const $ = (id) => document.getElementById(id);
  let socket, you, pause = 250;

  const buttons = Array.from({ length: 9 }, (_, cell) => {
    const button = document.createElement("button");
    button.addEventListener("click", () => tell({ type: "mark", cell }));
    return button;
  });
  $("board").append(...buttons);
  $("again").addEventListener("click", () => tell({ type: "play" }));

  const events = {
    waiting() { show("Waiting for somebody to play with."); draw(Array(9).fill(null), null); },
    matched() { show("Somebody is here."); },
    game(game) { you = game.you; turn(game); },
    marked(game) { turn(game); },
    over({ winner }) {
      for (const button of buttons) button.disabled = true;
      show(winner === null ? "Nobody has won." : winner === you ? "You have won." : "You have lost.");
      $("again").hidden = false;
    },
    problem({ text }) { show(text); },
  };

  function turn({ cells, next }) {
    draw(cells, next);
    show("You are " + you + ". " + (next === you ? "It is your turn." : "It is the other's turn."));
  }

  function draw(cells, next) {
    for (const [cell, button] of buttons.entries()) {
      button.textContent = cells[cell] ?? "";
      button.disabled = cells[cell] !== null || next === null || next !== you;
      button.setAttribute("aria-label", "Cell " + (cell + 1) + ": " + (cells[cell] ?? "empty"));
    }
  }

  function show(text) {
    $("state").textContent = text;
    $("again").hidden = true;
  }

  function tell(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  // Comes back by itself after a dropped link or a restart of the server.
  function connect() {
    const url = new URL("/play", location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onopen = () => { pause = 250; };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      events[message.type]?.(message);
    };
    socket.onclose = () => {
      show("Reconnecting.");
      draw(Array(9).fill(null), null);
      setTimeout(connect, pause);
      pause = Math.min(10_000, pause * 2);
    };
  }
  draw(Array(9).fill(null), null);
  connect();
</script>
</html>
`;
