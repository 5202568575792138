// Asks the server what happens, and hands the answer to the parts of the page.
//
// The server answers once there is something to tell, or after a second. So there is no timer here,
// which a browser would slow down while nobody sees the page.

import * as build from "./build.js";
import * as charts from "./charts.js";
import * as client from "./client.js";
import * as connections from "./connections.js";
import { $, say } from "./dom.js";
import * as events from "./events.js";
import * as sheet from "./sheet.js";

/** How long to wait before a server that is gone is asked again, in milliseconds. */
const PAUSE = 1000;

let last;

async function look() {
  const answer = await fetch(`/__zigttp/state${last === undefined ? "" : `?after=${last}`}`);
  // The token is not the one of this server any more.
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const state = await answer.json();
  const isAnother = last !== undefined && state.last < last;
  last = isAnother ? 0 : state.last;
  if (isAnother) {
    charts.restart();
    events.mark("another server answers from here");
    return;
  }
  charts.take(state);
  events.take(state);
  connections.take(state);
  client.take(state);
  await Promise.all([build.take(state), sheet.take()]);
}

function link(state, text) {
  $("link").dataset.state = state;
  say($("link"), text);
}

async function follow() {
  for (;;) {
    try {
      await look();
      link("live", "live");
    } catch {
      link("lost", "the server does not answer");
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
}

// On a narrow page one part is seen at a time.
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => {
    document.body.dataset.view = tab.dataset.view;
    for (const other of document.querySelectorAll(".tabs button")) {
      other.setAttribute("aria-pressed", String(other === tab));
    }
  });
}

follow();
