// The page of the quiz example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Quiz on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f5f4f9, #15141b); --card: light-dark(#fff, #1f1d28);
    --ink: light-dark(#1d1b26, #eae8f2); --quiet: light-dark(#66627a, #a19db4);
    --line: light-dark(#dbd8e6, #38354a); --accent: light-dark(#5b3fb8, #b7a2ff);
    --on-accent: light-dark(#fff, #1a1038); --right: light-dark(#17713f, #6fd39a);
    --wrong: light-dark(#b3352b, #ff8f84); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 46rem; min-height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; min-width: 0; overflow-wrap: anywhere; }
  h2 { font-size: 1.4rem; line-height: 1.3; margin: 0; }
  p { margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; white-space: nowrap; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  [hidden] { display: none !important; }
  main { display: flex; flex-direction: column; gap: 1rem; }
  form, #host { display: flex; gap: .5rem; flex-wrap: wrap; align-items: center; }
  #host label { color: var(--quiet); font-size: .9rem; }
  input { flex: 1 1 9rem; min-width: 0; }
  input, select { background: var(--card); }
  input, select, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--card); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  button:disabled { cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #choices { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }
  #choices button { text-align: left; padding: .8rem 1rem; overflow-wrap: anywhere; }
  #choices button[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
  #choices button.right { border-color: var(--right); box-shadow: inset 0 0 0 1px var(--right); }
  #choices button.wrong { border-color: var(--wrong); box-shadow: inset 0 0 0 1px var(--wrong); }
  #choices b { float: right; margin-left: .5rem; }
  #choices .right b { color: var(--right); }
  #choices .wrong b { color: var(--wrong); }
  #clock { display: flex; align-items: center; gap: .8rem; color: var(--quiet);
    font-variant-numeric: tabular-nums; }
  #bar { flex: 1; height: .5rem; border-radius: .25rem; background: var(--line); overflow: hidden; }
  #bar i { display: block; height: 100%; background: var(--accent); transform-origin: left; }
  #number, #hint { color: var(--quiet); }
  #players { list-style: none; margin: 0; padding: .4rem 1rem; background: var(--card);
    border: 1px solid var(--line); border-radius: .8rem; }
  #players:empty { display: none; }
  #players li { display: flex; gap: .8rem; padding: .35rem 0; align-items: baseline; }
  #players li.gone { color: var(--quiet); }
  #players li.you span:first-child { font-weight: 600; }
  #players span:first-child { flex: 1; min-width: 0; overflow-wrap: anywhere; }
  #players .gained { color: var(--right); }
  #players span:last-child { min-width: 2.5rem; text-align: right; font-variant-numeric: tabular-nums; }
</style>
<header><h1>Quiz</h1><span id="state" role="status">not joined</span></header>
<form id="join">
  <input id="quiz" aria-label="Quiz" placeholder="Quiz" value="friday" required maxlength="40">
  <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="24" autofocus>
  <button class="main">Join</button>
</form>
<p id="hint">Join, and join once more in a second tab: each tab is a player. Who has been here longest is the host.</p>
<main hidden>
  <p id="number"></p>
  <h2 id="text" aria-live="polite"></h2>
  <div id="choices" role="group" aria-labelledby="text"></div>
  <div id="clock" role="timer"><div id="bar"><i></i></div><span id="seconds"></span></div>
  <p id="outcome" role="status"></p>
  <div id="host">
    <label for="pace">Seconds a question</label>
    <select id="pace"><option>5<option>10<option selected>20<option>40</select>
    <button id="go" class="main"></button>
  </div>
  <ul id="players" aria-label="Players"></ul>
</main>
<script>
  const $ = (id) => document.getElementById(id);
  const SOLUTION_SECONDS = 5;
  // How things are, and when, by this page's own clock, they go on.
  let socket, game, end, whole;

  $("join").addEventListener("submit", (event) => {
    event.preventDefault();
    document.querySelector("h1").textContent = $("quiz").value;
    $("join").hidden = $("hint").hidden = true;
    document.querySelector("main").hidden = false;
    connect();
  });

  // Comes back by itself after a dropped link or a restart of the server, as the same player.
  function connect(pause = 250) {
    const url = new URL("/quiz/" + encodeURIComponent($("quiz").value), location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const player = sessionStorage.getItem(url.pathname);
    url.searchParams.set("name", $("name").value.trim());
    if (player) url.searchParams.set("player", player);
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      pause = 250;
      const before = game;
      game = JSON.parse(data);
      sessionStorage.setItem(url.pathname, game.you.id);
      // Milliseconds from now, so that it does not matter whether the clocks agree.
      end = game.left === undefined ? undefined : performance.now() + game.left;
      if (before?.step !== game.step) whole = game.left;
      $("state").textContent = "connected";
      $("state").className = "on";
      show(before);
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, Math.min(10_000, pause * 2));
    };
  }

  function say(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ ...message, step: game.step }));
  }

  function show(before) {
    const { phase, you } = game, isOpen = phase === "question";
    const isAsked = isOpen || phase === "solution";
    $("number").textContent = isAsked ? "Question " + game.number + " of " + game.of : "";
    const text = isAsked ? game.text : phase === "over" ? "That was it." : "Waiting for the quiz to begin";
    // Set only when it changes: it is read out.
    if ($("text").textContent !== text) $("text").textContent = text;
    if (before?.step !== game.step || before?.you.choice !== you.choice) showChoices();
    const outcome = outcomeOf();
    if ($("outcome").textContent !== outcome) $("outcome").textContent = outcome;
    $("clock").hidden = end === undefined;
    $("host").hidden = !you.isHost;
    for (const part of $("host").querySelectorAll("label, select")) part.hidden = isAsked;
    $("go").textContent = isOpen ? "Close the question" : isAsked ? "Go on" : "Start";
    $("players").replaceChildren(...game.players
      .map((player, index) => ({ ...player, isYou: index === you.player }))
      .toSorted((one, other) => other.score - one.score).map(row));
    tick();
  }

  function showChoices() {
    const { choice } = game.you, isOpen = game.phase === "question";
    const focused = [...$("choices").children].indexOf(document.activeElement);
    $("choices").replaceChildren(...(game.choices ?? []).map((text, index) => {
      const isRight = index === game.right, isWrong = !isOpen && index === choice && !isRight;
      const button = element("button", isRight ? "right" : isWrong ? "wrong" : "", text);
      if (isRight) button.append(element("b", "", "right"));
      if (isWrong) button.append(element("b", "", "wrong"));
      button.ariaPressed = String(index === choice);
      // Still reached by the keyboard, so that the focus stays where it is.
      button.ariaDisabled = String(!isOpen || choice !== undefined);
      button.addEventListener("click", () => {
        if (isOpen && choice === undefined) say({ type: "answer", choice: index });
      });
      return button;
    }));
    $("choices").children[focused]?.focus();
  }

  function outcomeOf() {
    const { choice, player } = game.you, { gained } = game.players[player] ?? {};
    if (game.phase === "question") {
      if (choice === undefined) return "";
      const open = game.players.filter((it) => it.isHere && !it.hasAnswered).length;
      return "Waiting for " + (open === 1 ? "one other." : open + " others.");
    }
    if (game.phase === "solution") return gained ? "Right: " + gained + " points." : choice === undefined ? "No answer." : "Wrong.";
    if (game.phase === "over") {
      const best = Math.max(...game.players.map(({ score }) => score));
      return game.players.filter(({ score }) => score === best).map(({ name }) => name).join(" and ") + " won with " + best + " points.";
    }
    return game.you.isHost ? "You are the host: start when everybody is here." : "";
  }

  function row({ name, score, isHere, isYou, hasAnswered, gained }) {
    const item = element("li", (isYou ? "you" : "") + (isHere ? "" : " gone"));
    item.append(element("span", "", isYou ? name + " (you)" : isHere ? name : name + " (away)"));
    if (gained) item.append(element("span", "gained", "+" + gained));
    if (game.phase === "question" && hasAnswered) item.append(element("span", "", "has answered"));
    item.append(element("span", "", String(score)));
    return item;
  }

  function element(tag, className = "", text = "") {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }

  function tick() {
    if (end === undefined) return;
    const left = Math.max(0, end - performance.now());
    $("seconds").textContent = Math.ceil(left / 1000) + " s";
    $("bar").firstElementChild.style.transform = "scaleX(" + Math.min(1, left / whole) + ")";
  }
  setInterval(tick, 100);

  $("go").addEventListener("click", () => {
    const isAsked = game.phase === "question" || game.phase === "solution";
    say(isAsked ? { type: "next" }
      : { type: "start", pace: { question: Number($("pace").value), solution: SOLUTION_SECONDS } });
  });
</script>
</html>
`;
