// The bodies as a server on Bun, on the port of the first argument.

import { bodies } from "./bodies.ts";

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(Bun.argv[2]),
  fetch(request, server) {
    const body = bodies[new URL(request.url).pathname.slice(1)];
    if (server.upgrade(request, { data: body })) return;
    return new Response("no WebSocket", { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, text) {
      socket.send(socket.data(text));
    },
  },
});
