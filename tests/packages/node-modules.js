// The modules that stand in place of those of Node.js.
import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import EventEmitter, { once } from "node:events";
import { TextEncoder as Encoder, inspect, promisify } from "node:util";

export async function handler() {
  const emitter = new EventEmitter();
  const heard = [];
  emitter.on("a", (value) => heard.push(value));
  emitter.once("a", (value) => heard.push(-value));
  const first = once(emitter, "a");
  emitter.emit("a", 1);
  emitter.emit("a", 2);
  return Response.json({
    buffer: Buffer.from("häß", "utf8").toString("base64"),
    hex: Buffer.concat([Buffer.from("0a0b", "hex"), Buffer.alloc(2, 1)]).toString("hex"),
    read: Buffer.from([1, 2, 3, 4]).readUInt32BE(0),
    heard,
    first: await first,
    uuid: /^[0-9a-f-]{36}$/.test(randomUUID()),
    encoder: new Encoder().encode("é").length,
    inspect: inspect({ a: [1, true] }),
    later: await promisify((value, done) => done(null, value * 2))(21),
    environment: process.env.NODE_ENV,
  });
}
