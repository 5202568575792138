// The page of the whiteboard example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Whiteboard on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f0eee8, #111216); --card: light-dark(#fff, #1f2127);
    --ink: light-dark(#1c1b22, #eceae4); --quiet: light-dark(#66646e, #a09fa6);
    --line: light-dark(#dedbd3, #363840); --accent: light-dark(#0b6e4f, #62c8a3); }
  * { box-sizing: border-box; }
  body { margin: 0; height: 100dvh; padding: .75rem; display: flex; flex-direction: column;
    gap: .75rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
  header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.25rem; }
  h1 { font-size: 1.15rem; margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; margin-left: auto; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  fieldset { border: 0; margin: 0; padding: 0; display: flex; gap: .3rem; align-items: center; }
  label.ink { width: 2rem; height: 2rem; border-radius: 50%; border: 2px solid var(--card);
    outline: 1px solid var(--line); cursor: pointer; background: var(--colour); }
  label.ink:has(:checked) { outline: 3px solid var(--accent); }
  label.ink:has(:focus-visible) { outline: 3px solid var(--ink); }
  label.ink.rubber { background: repeating-linear-gradient(45deg, var(--line) 0 4px, var(--card) 4px 8px); }
  input[type=radio] { appearance: none; margin: 0; }
  label:has(input[type=range]) { display: flex; }
  input[type=range] { accent-color: var(--accent); width: 6.5rem; }
  button { font: inherit; padding: .3rem .9rem; border: 1px solid var(--line); border-radius: .6rem;
    color: inherit; background: var(--card); cursor: pointer; }
  button:focus-visible, canvas:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  main { flex: 1; min-height: 0; display: grid; place-items: start center; container-type: size; }
  #frame { position: relative; aspect-ratio: 1600 / 1000; width: min(100cqw, 160cqh); }
  canvas { display: block; width: 100%; height: 100%; background: var(--card); border-radius: .8rem;
    box-shadow: 0 1px 3px #0002, 0 0 0 1px var(--line); touch-action: none; cursor: crosshair; }
  /* Where the keyboard's pen is. */
  #pen { position: absolute; width: 1rem; height: 1rem; margin: -.5rem; border-radius: 50%;
    border: 2px solid var(--accent); pointer-events: none; }
  #pen.down { background: var(--accent); }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
</style>
<header>
  <h1>Whiteboard</h1>
  <fieldset id="inks" aria-label="Colour"></fieldset>
  <label><span class="unseen">Width of the pen</span>
    <input id="width" type="range" min="2" max="40" value="6"></label>
  <button id="clear">Clear</button>
  <span id="state" role="status">connecting</span>
</header>
<main><div id="frame">
  <canvas id="board" tabindex="0" role="img"
    aria-label="The board. Arrow keys move the pen, the space bar lowers and lifts it."></canvas>
  <div id="pen" hidden></div>
</div></main>
<script>
  const $ = (id) => document.getElementById(id);
  const WIDTH = 1600, HEIGHT = 1000, MOST_POINTS = 255;
  const isDark = matchMedia("(prefers-color-scheme: dark)");
  // Names and, on light and on dark paper, colours. The last one is the paper's own.
  const INKS = [
    ["ink", "#1c1b22", "#eceae4"], ["red", "#c8372d", "#ff7a6e"], ["orange", "#c26a00", "#ffb25c"],
    ["green", "#0b7a4b", "#62d19b"], ["blue", "#2359c4", "#7fb0ff"], ["violet", "#7b3fb5", "#c79bff"],
    ["rubber", "#ffffff", "#1f2127"],
  ];
  const canvas = $("board"), context = canvas.getContext("2d");
  let socket, colour = 0;
  // Every frame of strokes that has been drawn, to draw it again when the size or the paper changes.
  let drawn = [];

  for (const [index, [name]] of INKS.entries()) {
    const label = document.createElement("label");
    label.className = name === "rubber" ? "ink rubber" : "ink";
    label.title = name;
    const radio = Object.assign(document.createElement("input"),
      { type: "radio", name: "ink", checked: index === 0, ariaLabel: name });
    radio.addEventListener("change", () => { colour = index; });
    label.append(radio);
    $("inks").append(label);
  }

  const paint = (index) => INKS[index][isDark.matches ? 2 : 1];

  function redraw() {
    const { width, height } = canvas.getBoundingClientRect();
    canvas.width = Math.round(width * devicePixelRatio);
    canvas.height = Math.round(height * devicePixelRatio);
    context.setTransform(canvas.width / WIDTH, 0, 0, canvas.height / HEIGHT, 0, 0);
    context.lineCap = context.lineJoin = "round";
    for (const [index, label] of document.querySelectorAll("label.ink").entries())
      label.style.setProperty("--colour", paint(index));
    for (const bytes of drawn) draw(bytes);
  }
  new ResizeObserver(redraw).observe(canvas);
  isDark.addEventListener("change", redraw);

  // A frame is strokes one after the other: colour, width, number of points, and the points.
  function draw(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length;) {
      context.strokeStyle = paint(bytes[at]);
      context.lineWidth = bytes[at + 1];
      const end = at + 3 + bytes[at + 2] * 4;
      context.beginPath();
      for (at += 3; at < end; at += 4) context.lineTo(view.getUint16(at), view.getUint16(at + 2));
      // A single point is a dot.
      context.lineTo(view.getUint16(end - 4), view.getUint16(end - 2));
      context.stroke();
    }
  }

  function stroke(points) {
    const bytes = new Uint8Array(3 + points.length * 4), view = new DataView(bytes.buffer);
    bytes.set([colour, Number($("width").value), points.length]);
    for (const [index, [x, y]] of points.entries()) {
      view.setUint16(3 + index * 4, x);
      view.setUint16(5 + index * 4, y);
    }
    return bytes;
  }

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(pause = 250) {
    const board = new URLSearchParams(location.search).get("board") ?? "main";
    const url = new URL("/board/" + board, location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { pause = 250; drawn = []; redraw(); };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        drawn.push(new Uint8Array(data));
        draw(drawn.at(-1));
      } else if (data === "clear") {
        drawn = [];
        redraw();
      } else {
        const people = Number(data.split(" ")[1]);
        $("state").textContent = people === 1 ? "only you" : people + " people";
        $("state").className = "on";
      }
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  // Points since the last frame was sent. A frame begins where the last one ended.
  let points = [];
  function add(x, y) {
    points.push([Math.max(0, Math.min(WIDTH, Math.round(x))), Math.max(0, Math.min(HEIGHT, Math.round(y)))]);
    if (points.length === 1 || points.length === MOST_POINTS) flush();
  }
  function flush() {
    if (points.length === 0 || (points.length === 1 && points.sent)) return;
    const bytes = stroke(points);
    drawn.push(bytes);
    draw(bytes);
    if (socket.readyState === WebSocket.OPEN) socket.send(bytes);
    points = [points.at(-1)];
    points.sent = true;
  }
  // Twenty frames a second look like one line, and are few.
  setInterval(flush, 50);

  function lift() {
    flush();
    points = [];
  }

  function at(event) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [(event.clientX - left) * WIDTH / width, (event.clientY - top) * HEIGHT / height];
  }
  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    lift();
    add(...at(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!event.isPrimary || !canvas.hasPointerCapture(event.pointerId)) return;
    for (const move of event.getCoalescedEvents?.() ?? [event]) add(...at(move));
  });
  canvas.addEventListener("lostpointercapture", lift);

  // The same with the keyboard.
  const pen = { x: WIDTH / 2, y: HEIGHT / 2, isDown: false };
  function showPen() {
    $("pen").hidden = !canvas.matches(":focus-visible");
    $("pen").className = pen.isDown ? "down" : "";
    $("pen").style.left = pen.x / WIDTH * 100 + "%";
    $("pen").style.top = pen.y / HEIGHT * 100 + "%";
  }
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (event.key === " ") {
      pen.isDown = !pen.isDown;
      lift();
      if (pen.isDown) add(pen.x, pen.y);
    } else if (step) {
      const far = event.shiftKey ? 4 : 20;
      pen.x = Math.max(0, Math.min(WIDTH, pen.x + step[0] * far));
      pen.y = Math.max(0, Math.min(HEIGHT, pen.y + step[1] * far));
      if (pen.isDown) add(pen.x, pen.y);
    } else {
      return;
    }
    event.preventDefault();
    showPen();
  });
  canvas.addEventListener("focus", showPen);
  canvas.addEventListener("blur", () => { pen.isDown = false; lift(); showPen(); });

  $("clear").addEventListener("click", () => {
    drawn = [];
    redraw();
    if (socket.readyState === WebSocket.OPEN) socket.send("clear");
  });
  redraw();
  connect();
</script>
</html>
`;
