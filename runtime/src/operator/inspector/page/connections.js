// The open connections, by room.

import { $, element, say } from "./dom.js";
import { openRoom } from "./room.js";
import { openSheet } from "./sheet.js";
import { age, bytes, plural } from "./words.js";

/** Rows by id and lists by room. They are changed in place, so that the focus does not move. */
const rows = new Map();
const rooms = new Map();

export function update({ connections }) {
  const { total, rooms: roomCount, listed } = connections;
  say($("connections-count"), total ? `${total.toLocaleString("en")} in ${plural(roomCount, "room")}` : "");
  $("no-connections").hidden = total > 0;
  const others = total - listed.length;
  $("more-connections").hidden = others === 0;
  say($("more-connections"), `and ${others.toLocaleString("en")} that were opened later`);

  const open = new Set(listed.map((connection) => connection.id));
  for (const [id, row] of rows) {
    if (!open.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  const counts = new Map();
  for (const connection of listed) {
    counts.set(connection.room, (counts.get(connection.room) ?? 0) + 1);
    show(connection);
  }
  for (const [name, room] of rooms) {
    if (counts.has(name)) {
      say(room.querySelector(".count"), String(counts.get(name)));
    } else {
      room.remove();
      rooms.delete(name);
    }
  }
}

function show(connection) {
  let row = rows.get(connection.id);
  if (!row) {
    row = element("li", {}, element("button", { type: "button", class: "row", click: () => openSheet(connection.id) },
      element("span", { class: "mono id" }, `#${connection.id}`),
      element("span", { class: "state" }),
      element("span", { class: "quiet rest" })));
    rows.set(connection.id, row);
    room(connection.room).append(row);
  }
  const state = row.querySelector(".state");
  state.dataset.state = connection.state;
  say(state, connection.state);
  const rest = [age(connection.ageSeconds)];
  if (connection.transport !== "websocket") rest.push(connection.transport);
  if (connection.attachmentBytes !== null) rest.push(`attachment ${bytes(connection.attachmentBytes)}`);
  if (connection.queueBytes) rest.push(`queue ${bytes(connection.queueBytes)}`);
  say(row.querySelector(".rest"), rest.join(" · "));
}

/** The list of a room's connections. */
function room(name) {
  let made = rooms.get(name);
  if (!made) {
    made = element("section", { class: "room" },
      element("h3", {},
        element("button", { type: "button", class: "mono name", title: "Show this room's state", click: () => openRoom(name) }, name),
        " ", element("span", { class: "count quiet mono" })),
      element("ul"));
    rooms.set(name, made);
    $("rooms").append(made);
  }
  return made.querySelector("ul");
}
