// The routes of the handler: each is a pattern, or an object that says more.

const asObject = (route) => (typeof route === "string" ? { path: route } : route);

export function inWords(route) {
  const { path, room, upgrade } = asObject(route);
  const more = [room && `room ${room}`, upgrade === false && "no WebSockets"].filter(Boolean);
  return more.length ? `${path} (${more.join(", ")})` : path;
}

/** Paths on which WebSockets open. */
export function examples(routes) {
  return (routes ?? ["/"]).map(asObject)
    .filter(({ upgrade }) => upgrade !== false)
    .map(({ path }) => path.replace(/:[^/]+/g, "lobby").replace(/\*$/, "any"));
}
