// The page of the dice example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Dice on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f7f6f2, #16171b); --card: light-dark(#fff, #1f2127);
    --ink: light-dark(#1c1b22, #eceae4); --quiet: light-dark(#66646e, #a09fa6);
    --line: light-dark(#dedbd3, #363840); --accent: light-dark(#8a2f4c, #f08aa8);
    --on-accent: light-dark(#fff, #2b0d18); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 46rem; min-height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; }
  #state { color: var(--quiet); font-size: .875rem; }
  section { display: flex; flex-direction: column; gap: 1rem; }
  p { margin: 0; }
  [hidden] { display: none !important; }
  form, .row { display: flex; gap: .5rem; flex-wrap: wrap; }
  input { flex: 1 1 12rem; min-width: 0; background: var(--card); }
  input, button { font: inherit; padding: .55rem .9rem; border: 1px solid var(--line);
    border-radius: .6rem; color: inherit; }
  button { cursor: pointer; background: var(--card); }
  button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
  button:disabled { opacity: .5; cursor: default; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .7rem;
    grid-template-columns: repeat(auto-fill, minmax(12.5rem, 1fr)); }
  li { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: .9rem;
    display: flex; flex-direction: column; gap: .5rem; }
  li.you { border-color: var(--accent); }
  li strong { overflow-wrap: anywhere; }
  .quiet { color: var(--quiet); font-size: .9rem; overflow-wrap: anywhere; }
  #tables li { justify-content: space-between; }
  #news { min-height: 1.5rem; font-size: 1.1rem; }
  .dice { display: flex; gap: .5rem; }
  .die { width: 3.25rem; height: 3.25rem; padding: .45rem; border-radius: .7rem; display: grid;
    grid-template: repeat(3, 1fr) / repeat(3, 1fr); border: 1px solid var(--line);
    background: light-dark(#fff, #2b2e36); }
  .die i { border-radius: 50%; margin: 10%; background: var(--ink); }
  .dice.old { opacity: .45; }
  .dice.new .die { animation: tumble .35s ease-out; }
  .die.blank { border: 1px dashed var(--quiet); background: none; }
  .score { letter-spacing: .15rem; color: var(--accent); }
  @keyframes tumble { from { transform: rotate(-80deg) scale(.6); opacity: 0; } }
  @media (max-width: 30rem) { .row button { flex: 1; } }
  @media (prefers-reduced-motion: reduce) { .dice.new .die { animation: none; } }
</style>
<header><h1>Dice</h1><span id="state" role="status"></span></header>

<section id="door" hidden>
  <p>First to win five rounds. Who are you?</p>
  <form id="login">
    <input id="name" aria-label="Your name" placeholder="Your name" required maxlength="24">
    <button class="main">Come in</button>
  </form>
</section>

<section id="lobby" hidden>
  <p id="hello"></p>
  <ul id="tables" aria-label="Tables"></ul>
</section>

<section id="table" hidden>
  <p id="news" role="status"></p>
  <ul id="players" aria-label="Players"></ul>
  <div class="row">
    <button id="roll" class="main">Roll</button>
    <button id="leave">Leave the table</button>
  </div>
</section>

<script>
  const $ = (id) => document.getElementById(id);
  // Which cells of nine have a pip.
  const PIPS = ["", "4", "08", "048", "0268", "02468", "023568"];
  const CLOSED_FOR_GOOD = [4001, 4002];
  let socket, name, rolledBefore = "";

  function show(section) {
    for (const id of ["door", "lobby", "table"]) $(id).hidden = id !== section;
  }

  // A socket cannot say why it was refused, so the page asks first who it is.
  async function begin() {
    ({ name } = await (await fetch("/me")).json());
    if (name === null) {
      show("door");
      $("name").focus();
      return;
    }
    $("hello").textContent = "Welcome, " + name + ". Sit down at a table; it takes two to play.";
    go("/lobby");
  }

  $("login").addEventListener("submit", async (event) => {
    event.preventDefault();
    const answer = await fetch("/login", { method: "POST", body: JSON.stringify({ name: $("name").value }) });
    if (answer.ok) await begin();
    else $("state").textContent = await answer.text();
  });

  // To the lobby or to a table. Comes back by itself after a dropped link or a restart.
  function go(path, pause = 250) {
    socket?.close();
    const url = new URL(path, location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const mine = socket = new WebSocket(url);
    mine.onopen = () => {
      pause = 250;
      $("state").textContent = path === "/lobby" ? "in the lobby" : "at the table " + nameOf(path);
    };
    mine.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === "lobby") showLobby(message.tables);
      else showTable(message.players, message.news);
    };
    mine.onclose = ({ code, reason }) => {
      if (socket !== mine) return;
      if (CLOSED_FOR_GOOD.includes(code)) {
        go("/lobby");
        $("hello").textContent = "Not there: " + reason + ".";
        return;
      }
      $("state").textContent = "reconnecting";
      setTimeout(() => {
        if (socket === mine) go(path, Math.min(10_000, pause * 2));
      }, pause);
    };
  }

  const nameOf = (path) => path.split("/").at(-1);

  function showLobby(tables) {
    show("lobby");
    const focused = document.activeElement?.dataset.path;
    $("tables").replaceChildren(...tables.map(({ path, seats, players }) => {
      const names = players.length > 0 ? players.join(", ") : "nobody yet";
      const button = element("button", "", players.length < seats ? "Sit down" : "Full");
      button.disabled = players.length >= seats;
      button.dataset.path = path;
      button.addEventListener("click", () => go(path));
      return item("", element("strong", "", "The " + nameOf(path) + " table"),
        element("span", "quiet", names), button);
    }));
    document.querySelector("[data-path='" + focused + "']")?.focus();
  }

  function showTable(players, news) {
    const isNew = $("table").hidden;
    show("table");
    $("news").textContent = news;
    // Once somebody has rolled, what the others show is of the round before.
    const isBegun = players.some((player) => player.hasRolled);
    const rolled = players.map((player) => player.name + player.roll + player.hasRolled);
    $("players").replaceChildren(...players.map((player, index) => {
      const isFresh = player.roll.length > 0 && !rolledBefore.includes(rolled[index].replace("false", ""));
      const dice = element("div", "dice" + (isBegun && !player.hasRolled ? " old" : "") + (isFresh ? " new" : ""));
      dice.role = "img";
      dice.ariaLabel = player.roll.length > 0 ? "rolled " + player.roll.join(" and ") : "not rolled yet";
      dice.append(...(player.roll.length > 0 ? player.roll : [0, 0]).map(die));
      const score = element("span", "score", "●".repeat(player.score) + "○".repeat(5 - player.score));
      score.role = "img";
      score.ariaLabel = player.score + " of 5 rounds won";
      const isYou = player.name === name;
      return item(isYou ? "you" : "", element("strong", "", isYou ? player.name + " (you)" : player.name), dice, score);
    }));
    rolledBefore = rolled.join(" ");
    const mine = players.find((player) => player.name === name);
    $("roll").disabled = players.length < 2 || mine?.hasRolled;
    $("roll").textContent = players.length < 2 ? "Waiting for somebody else"
      : mine?.hasRolled ? "Waiting for the others" : "Roll";
    if (isNew || document.activeElement === document.body) $("roll").focus();
  }

  function die(number) {
    const face = element("span", number === 0 ? "die blank" : "die");
    for (let cell = 0; cell < 9; cell++) {
      const pip = element(PIPS[number].includes(cell) ? "i" : "b");
      face.append(pip);
    }
    return face;
  }

  function item(className, ...children) {
    const item = element("li", className);
    item.append(...children);
    return item;
  }

  function element(tag, className = "", text = "") {
    return Object.assign(document.createElement(tag), { className, textContent: text });
  }

  $("roll").addEventListener("click", () => socket.send("roll"));
  $("leave").addEventListener("click", () => {
    $("hello").textContent = "Back in the lobby, " + name + ".";
    go("/lobby");
  });
  begin();
</script>
</html>
`;
