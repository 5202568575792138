// Requests the state of the server, and passes it to the parts of the page.
//
// The server responds once there is a new event, or after a second. So there is no timer here, which a
// browser would slow down while the page is hidden.

import * as build from "./build.js";
import * as charts from "./charts.js";
import * as client from "./client.js";
import * as connections from "./connections.js";
import { $, say } from "./dom.js";
import * as events from "./events.js";
import * as room from "./room.js";
import * as sheet from "./sheet.js";

/** How long to wait before the next request to a server that does not respond, in milliseconds. */
const PAUSE = 1000;

let last;

async function requestState() {
  const response = await fetch(`/__zigttp/state${last === undefined ? "" : `?after=${last}`}`);
  // The server has another token now.
  if (response.status === 401) location.reload();
  if (!response.ok) throw new Error(`the server responded with ${response.status}`);
  const state = await response.json();
  const isAnother = last !== undefined && state.last < last;
  last = isAnother ? 0 : state.last;
  if (isAnother) {
    charts.restart();
    events.mark("the server was restarted");
    return;
  }
  charts.update(state);
  events.update(state);
  connections.update(state);
  client.update(state);
  await Promise.all([build.update(state), sheet.update(), room.update()]);
}

function link(state, text) {
  $("link").dataset.state = state;
  say($("link"), text);
}

async function follow() {
  for (;;) {
    try {
      await requestState();
      link("live", "live");
    } catch {
      link("lost", "the server does not respond");
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
}

// A click outside of a sheet closes it.
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
}

// A narrow page shows one part at a time.
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => {
    document.body.dataset.view = tab.dataset.view;
    for (const other of document.querySelectorAll(".tabs button")) {
      other.setAttribute("aria-pressed", String(other === tab));
    }
  });
}

follow();
