// The bodies, without types in the module of the second argument, as a server on Node.js and ws, on the port of the
// first.

import { WebSocketServer } from "ws";

const { bodies } = await import(process.argv[3]);

new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]), perMessageDeflate: false })
  .on("connection", (socket, request) => {
    const body = bodies[request.url.slice(1)];
    socket.on("message", (data) => socket.send(body(data.toString())));
  });
