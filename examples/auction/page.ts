// The page of the auction example: plain HTML and script, served by the handler beside it.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Auction on zigttp</title>
<style>
  :root { color-scheme: light dark;
    --paper: light-dark(#f8f5ef, #181510); --card: light-dark(#fff, #231f18);
    --ink: light-dark(#221d14, #f0eadf); --quiet: light-dark(#6f6656, #ada390);
    --line: light-dark(#e2dacb, #40392d); --accent: light-dark(#8a4b0f, #f0b265);
    --on-accent: light-dark(#fff, #2c1703); --late: light-dark(#b3352b, #ff8f84); }
  * { box-sizing: border-box; }
  body { margin: 0 auto; max-width: 46rem; min-height: 100dvh; padding: 1rem; display: flex;
    flex-direction: column; gap: 1rem; font: 16px/1.5 system-ui, sans-serif;
    color: var(--ink); background: var(--paper); }
  header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; }
  h1 { font-size: 1.25rem; margin: 0; min-width: 0; overflow-wrap: anywhere; }
  h2 { font-size: 1.05rem; margin: .5rem 0 0; }
  p { margin: 0; overflow-wrap: anywhere; }
  a { color: var(--accent); }
  [hidden] { display: none !important; }
  #state { color: var(--quiet); font-size: .875rem; white-space: nowrap; }
  #state::before { content: ""; display: inline-block; width: .55rem; height: .55rem;
    border-radius: 50%; margin-right: .4rem; background: currentColor; }
  #state.on::before { background: var(--accent); }
  section { display: flex; flex-direction: column; gap: 1rem; }
  form { display: flex; gap: .5rem; flex-wrap: wrap; align-items: end; }
  label { flex: 1 1 8rem; min-width: 0; color: var(--quiet); font-size: .875rem; }
  label.wide { flex-basis: 14rem; }
  input, select { display: block; width: 100%; min-height: 2.8rem; background: var(--card); }
  input, select, button { font: inherit; font-size: 1rem; padding: .55rem .9rem;
    border: 1px solid var(--line); border-radius: .6rem; color: var(--ink); }
  button { cursor: pointer; background: var(--accent); border-color: var(--accent);
    color: var(--on-accent); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  #now { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; padding: 1rem 1.2rem; background: var(--card);
    border: 1px solid var(--line); border-radius: .8rem; }
  #now div { min-width: 7rem; }
  #now span { display: block; color: var(--quiet); font-size: .875rem; }
  #now strong { font-size: 1.8rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
  #left.late { color: var(--late); }
  #problem { color: var(--late); min-height: 1.5rem; }
  ol { list-style: none; margin: 0; padding: .3rem 1rem; background: var(--card);
    border: 1px solid var(--line); border-radius: .8rem; }
  ol:empty { display: none; }
  li { display: flex; gap: 1rem; padding: .35rem 0; }
  li > :first-child { flex: 1; min-width: 0; overflow-wrap: anywhere; }
  li > :last-child { font-variant-numeric: tabular-nums; text-align: right; }
  .quiet { color: var(--quiet); }
</style>
<header><h1>Auction</h1><span id="state" role="status">connecting</span></header>

<section id="home" hidden>
  <form id="offer">
    <label class="wide">What do you sell?<input id="item" required maxlength="80"></label>
    <label>First bid<input id="price" type="number" min="1" max="1000000000" value="10" required></label>
    <label>It runs for<select id="seconds">
      <option value="30">30 seconds<option value="60" selected>a minute<option value="600">10 minutes
      <option value="3600">an hour<option value="86400">a day</select></label>
    <button>Open the auction</button>
  </form>
  <p id="failed" role="alert"></p>
  <h2>How auctions have ended</h2>
  <p id="none" class="quiet">None has ended yet.</p>
  <ol id="results" aria-label="Results"></ol>
</section>

<section id="auction" hidden>
  <div id="now">
    <div><span id="what">First bid</span><strong id="highest"></strong></div>
    <div><span id="when">Ends in</span><strong id="left" role="timer"></strong></div>
  </div>
  <p id="news" role="status"></p>
  <form id="bid">
    <label>Your name<input id="name" required maxlength="40"></label>
    <label>Your bid<input id="amount" type="number" min="1" max="1000000000" required></label>
    <button>Bid</button>
  </form>
  <p id="problem" role="alert"></p>
  <ol id="bids" aria-label="Bids, the newest first"></ol>
  <p class="quiet">Whoever has the address of this page can bid. <a href="/">All results</a></p>
</section>

<script>
  const $ = (id) => document.getElementById(id);
  const auction = new URLSearchParams(location.search).get("auction");
  const number = new Intl.NumberFormat();
  let socket, lot, end, pause = 250;

  // A socket cannot say why it was refused, so the page asks first whether there is such an auction.
  async function begin() {
    if (auction !== null) {
      const answer = await fetch("/auction/" + encodeURIComponent(auction)).catch(() => undefined);
      if (answer?.status === 404) {
        $("failed").textContent = "There is no such auction.";
      } else {
        $("auction").hidden = false;
        $("name").value = localStorage.getItem("name") ?? "";
        return connect("/auction/" + encodeURIComponent(auction));
      }
    }
    $("home").hidden = false;
    connect("/results");
  }

  // Comes back by itself after a dropped link or a restart of the server.
  function connect(path) {
    const url = new URL(path, location);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(url);
    socket.onmessage = ({ data }) => {
      pause = 250;
      const message = JSON.parse(data);
      $("state").textContent = "connected";
      $("state").className = "on";
      if (message.results) showResults(message.results);
      if (message.lot) showLot(message.lot);
      if (message.refused) $("problem").textContent = "Refused: " + message.refused + ".";
    };
    socket.onclose = () => {
      $("state").textContent = "reconnecting";
      $("state").className = "";
      setTimeout(connect, pause, path);
      pause = Math.min(10_000, pause * 2);
    };
  }

  function showResults(results) {
    $("none").hidden = results.length > 0;
    $("results").replaceChildren(...results.map(({ item, price, winner, at }) => {
      const outcome = winner === undefined ? "not sold" : number.format(price) + " by " + winner;
      return row(item, outcome, new Date(at).toLocaleString([], { dateStyle: "short", timeStyle: "short" }));
    }));
  }

  function showLot(now) {
    const before = lot;
    lot = now;
    // Milliseconds from now, so that it does not matter whether the clocks agree.
    end = performance.now() + lot.left;
    document.querySelector("h1").textContent = lot.item;
    document.title = lot.item + " on zigttp";
    $("what").textContent = lot.bids === 0 ? "First bid" : "Highest bid";
    $("highest").textContent = number.format(lot.price);
    const news = lot.isOver ? ended() : lot.leader ? lot.leader + " leads." : "Nobody has bid yet.";
    if ($("news").textContent !== news) $("news").textContent = news;
    $("bid").hidden = lot.isOver;
    const least = lot.bids === 0 ? lot.price : lot.price + 1;
    $("amount").min = least;
    // What somebody has typed stays.
    if (before === undefined || Number($("amount").value) < least) $("amount").value = least;
    $("bids").replaceChildren(...lot.latest.map(({ name, amount }) => row(name, number.format(amount))));
    tick();
  }

  function ended() {
    const outcome = lot.leader ? "Sold to " + lot.leader + " for " + number.format(lot.price) + "." : "Not sold.";
    return lot.isUntold ? outcome + " It is not among the results." : outcome;
  }

  function tick() {
    if (lot === undefined) return;
    const seconds = Math.ceil(Math.max(0, end - performance.now()) / 1000);
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    const two = (value) => String(value).padStart(2, "0");
    $("when").textContent = lot.isOver ? "The auction is" : "Ends in";
    $("left").textContent = lot.isOver ? "over" : (hours > 0 ? hours + ":" + two(minutes) : minutes) + ":" + two(seconds % 60);
    $("left").className = !lot.isOver && seconds <= 10 ? "late" : "";
  }
  setInterval(tick, 200);

  function row(...texts) {
    const item = document.createElement("li");
    item.append(...texts.map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    return item;
  }

  $("bid").addEventListener("submit", (event) => {
    event.preventDefault();
    $("problem").textContent = "";
    if (socket.readyState !== WebSocket.OPEN) return;
    localStorage.setItem("name", $("name").value);
    socket.send(JSON.stringify({ name: $("name").value, amount: Number($("amount").value) }));
  });

  $("offer").addEventListener("submit", async (event) => {
    event.preventDefault();
    // A name that people can read, and that nobody else has.
    const word = $("item").value.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 30);
    const id = word + "-" + Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16)).join("");
    const offer = { item: $("item").value, price: Number($("price").value), seconds: Number($("seconds").value) };
    const answer = await fetch("/auction/" + id, { method: "PUT", body: JSON.stringify(offer) });
    if (answer.ok) location.search = "?auction=" + id;
    else $("failed").textContent = "Not opened: " + (await answer.json()).error + ".";
  });

  begin();
</script>
</html>
`;
