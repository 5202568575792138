// Checks a server against RFC 8441 (WebSocket over HTTP/2) with Node's own HTTP/2 client, which knows
// nothing of WebSockets: frames are made and read here. `tests/all/protocol/rfc8441.rs` runs this:
//
//     node rfc8441.mjs https://localhost:PORT
//
// At the end it prints "waiting for 1001" and expects the server to stop.

import assert from "node:assert/strict";
import http2 from "node:http2";
import { once } from "node:events";
import { inflateRawSync } from "node:zlib";

const origin = process.argv[2];
const { host, protocol } = new URL(origin);
const PATIENCE = 30_000;
const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

setTimeout(() => {
  console.log("this takes too long");
  process.exit(1);
}, 2 * PATIENCE).unref();

/** A masked frame. */
function frame(opcode, payload, mask = Buffer.from([0x37, 0xfa, 0x21, 0x3d])) {
  payload = Buffer.from(payload);
  const length = payload.length < 126 ? [payload.length]
    : payload.length < 65536 ? [126, payload.length >> 8, payload.length & 255]
    : [127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (payload.length >>> shift) & 255)];
  length[0] |= 0x80;
  const masked = payload.map((byte, index) => byte ^ mask[index & 3]);
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), mask, masked]);
}

const closePayload = (code, reason) => Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);

/** A WebSocket in one HTTP/2 stream. */
class Socket {
  #received = Buffer.alloc(0);
  #chunks;

  constructor(stream) {
    this.stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  send(opcode, payload) {
    this.stream.write(frame(opcode, payload));
  }

  async #take(count) {
    while (this.#received.length < count) {
      const { value, done } = await this.#chunks.next();
      if (done) throw new Error(`the stream ended ${count - this.#received.length} bytes early`);
      this.#received = Buffer.concat([this.#received, value]);
    }
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  /** The next frame. */
  async next() {
    const [first, second] = await this.#take(2);
    assert.equal(second & 0x80, 0, "a server does not mask");
    const length = second === 126 ? (await this.#take(2)).readUInt16BE()
      : second === 127 ? Number((await this.#take(8)).readBigUInt64BE()) : second;
    return { opcode: first & 15, isCompressed: (first & 0x40) !== 0, payload: await this.#take(length) };
  }

  /** The next data frame, as it came. */
  async message() {
    const { opcode, payload } = await this.next();
    return opcode === TEXT ? payload.toString() : payload;
  }

  async ask(text) {
    this.send(TEXT, text);
    return this.message();
  }

  /** The close frame that comes next. */
  async closeFrame() {
    const { opcode, payload } = await this.next();
    assert.equal(opcode, CLOSE);
    return { code: payload.readUInt16BE(), reason: payload.subarray(2).toString() };
  }

  /** Waits for the server's END_STREAM, with nothing before it. */
  async ended() {
    assert.equal(this.#received.length, 0);
    assert.equal((await this.#chunks.next()).done, true, "nothing follows a close frame");
    assert.equal(this.stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
  }
}

/** Sends a CONNECT; the response's headers and the stream. */
async function connect(session, path, headers = {}) {
  const stream = session.request({
    ":method": "CONNECT", ":protocol": "websocket", ":scheme": protocol.slice(0, -1), ":authority": host,
    ":path": path, "sec-websocket-version": "13", ...headers,
  }, { endStream: false });
  const [response] = await once(stream, "response");
  return { response, stream };
}

/** Opens a WebSocket; answers also the response's headers. */
async function open(session, path, headers) {
  const { response, stream } = await connect(session, path, headers);
  assert.equal(response[":status"], 200);
  return { socket: new Socket(stream), response };
}

/** The status of a CONNECT that is refused, and the response. */
async function refused(session, path, headers) {
  const { response, stream } = await connect(session, path, headers);
  stream.close();
  return [response[":status"], response];
}

async function newSession() {
  const session = http2.connect(origin);
  session.on("error", (error) => { console.log("session:", error.message); process.exit(1); });
  const [settings] = await once(session, "remoteSettings");
  assert.equal(settings.enableConnectProtocol, true, "SETTINGS_ENABLE_CONNECT_PROTOCOL (section 3)");
  return session;
}

const session = await newSession();
if (protocol === "https:") assert.equal(session.alpnProtocol, "h2");

const checks = {
  async "a CONNECT is answered 200, without the headers of HTTP/1.1"() {
    // Browsers send each cookie in a field of its own.
    const { socket, response } = await open(session, "/room/plain", { cookie: ["a=1", "b=2"] });
    for (const name of ["upgrade", "connection", "sec-websocket-accept", "content-length"]) {
      assert.equal(response[name], undefined, name);
    }
    assert.equal(response["sec-websocket-protocol"], undefined);
    assert.equal(await socket.ask("hello"), "hello");
    socket.send(BINARY, [0, 159, 146, 150]);
    assert.deepEqual(await socket.message(), Buffer.from([0, 159, 146, 150]));
    socket.send(PING, "are you there");
    const pong = await socket.next();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [PONG, "are you there"]);
    assert.equal(await socket.ask("who"), `GET ${origin}/room/plain ${host} a=1; b=2`, "what onUpgrade saw");
    socket.stream.close();
  },

  async "frames may be cut wherever a client likes"() {
    const { socket } = await open(session, "/room/cut");
    const bytes = frame(TEXT, "in pieces");
    for (const byte of bytes) socket.stream.write(Buffer.from([byte]));
    assert.equal(await socket.message(), "in pieces");
    socket.stream.write(Buffer.concat([frame(TEXT, "one"), frame(TEXT, "two")]));
    assert.deepEqual([await socket.message(), await socket.message()], ["one", "two"]);
    socket.stream.close();
  },

  async "a mebibyte passes both ways, through the windows of flow control"() {
    const { socket } = await open(session, "/room/big");
    const big = Buffer.alloc(1 << 20, "0123456789");
    for (let round = 0; round < 3; round++) {
      socket.send(BINARY, big);
      assert.ok(big.equals(await socket.message()));
    }
    socket.stream.close();
  },

  async "a room talks over streams of one and of several connections"() {
    const second = await newSession();
    const sockets = [];
    for (const on of [session, session, second]) sockets.push((await open(on, "/room/talk")).socket);
    for (const socket of sockets) await socket.ask("here");
    for (let count = 0; count < 50; count++) sockets[0].send(TEXT, `all ${count}`);
    for (const socket of sockets) {
      for (let count = 0; count < 50; count++) assert.equal(await socket.message(), `all ${count}`);
      socket.stream.close();
    }
    second.close();
  },

  async "requests are answered beside it"() {
    const { socket } = await open(session, "/room/beside");
    const request = session.request({ ":path": "/page?a" });
    request.setEncoding("utf8");
    let body = "";
    for await (const chunk of request) body += chunk;
    assert.equal(body, `GET ${origin}/page?a`);
    assert.equal(await socket.ask("still here"), "still here");
    socket.stream.close();
  },

  async "subprotocols and compression are agreed on as over HTTP/1.1"() {
    const { socket, response } = await open(session, "/room/agreed", {
      "sec-websocket-protocol": "chat.v1, chat.v2",
      "sec-websocket-extensions": "permessage-deflate; client_max_window_bits",
    });
    assert.equal(response["sec-websocket-protocol"], "chat.v2");
    assert.match(response["sec-websocket-extensions"], /^permessage-deflate; server_no_context_takeover/);
    const long = "again and ".repeat(1000);
    socket.send(TEXT, long);
    const { isCompressed, payload } = await socket.next();
    assert.ok(isCompressed && payload.length < 1000);
    const tail = Buffer.from([0, 0, 0xff, 0xff]);
    // Z_SYNC_FLUSH: the stream has no end of its own.
    assert.equal(inflateRawSync(Buffer.concat([payload, tail]), { finishFlush: 2 }).toString(), long);
    socket.stream.close();
  },

  async "a handshake at fault has its status"() {
    const [old, response] = await refused(session, "/room/a", { "sec-websocket-version": "8" });
    assert.deepEqual([old, response["sec-websocket-version"]], [400, "13"]);
    assert.equal((await refused(session, "/room/a", { "content-length": "0" }))[0], 400);
    assert.equal((await refused(session, "/room/a", { ":protocol": "connect-udp" }))[0], 501);
    assert.equal((await refused(session, "/nowhere"))[0], 404);
    assert.equal((await refused(session, "/room/a?refuse"))[0], 401);
    assert.equal((await refused(session, "/room/a", { origin: "https://evil.example" }))[0], 403);
    assert.equal((await refused(session, "/room/a", { origin: "null" }))[0], 403);
    const { socket } = await open(session, "/room/a", { origin });
    assert.equal(await socket.ask("own origin"), "own origin");
    socket.stream.close();
    const tunnel = session.request({ ":method": "CONNECT", ":authority": "example.com:443" }, { endStream: false });
    const [answer] = await once(tunnel, "response");
    assert.equal(answer[":status"], 501);
    tunnel.close();
  },

  async "a client's close is answered, and the stream ends"() {
    const { socket } = await open(session, "/room/close");
    socket.send(CLOSE, closePayload(4000, "done"));
    assert.deepEqual(await socket.closeFrame(), { code: 4000, reason: "done" });
    await socket.ended();
    socket.stream.end();
  },

  async "a server's close comes with its code, and the stream ends after the answer"() {
    const { socket } = await open(session, "/room/close");
    socket.send(TEXT, "bye");
    assert.deepEqual(await socket.closeFrame(), { code: 4001, reason: "bye" });
    socket.send(CLOSE, closePayload(4001, ""));
    await socket.ended();
    socket.stream.end();
  },

  async "a broken rule is closed with 1002"() {
    const { socket } = await open(session, "/room/fault");
    socket.stream.write(Buffer.from([0x81, 1, 65]));
    assert.equal((await socket.closeFrame()).code, 1002, "a frame that is not masked");
    await socket.ended();
    socket.stream.end();
  },

  async "a stream that is reset is a transport that was dropped, and others go on"() {
    const { socket } = await open(session, "/room/reset");
    const { socket: other } = await open(session, "/room/reset");
    socket.stream.close(http2.constants.NGHTTP2_CANCEL);
    assert.equal(await other.ask("here"), "here");
    other.stream.close();
  },

  async "who does not read is dropped, and slows nobody else"() {
    const { socket: slow } = await open(session, "/room/slow");
    const { socket: fast } = await open(session, "/room/slow");
    // It is in the room.
    assert.equal(await slow.ask("here"), "here");
    while (await fast.ask("flood") === "1 peers");
    slow.stream.close();
    fast.stream.close();
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log("ok:", name);
}

const { socket: last } = await open(session, "/room/last");
assert.equal(await last.ask("here"), "here");
console.log("waiting for 1001");
assert.equal((await last.closeFrame()).code, 1001);
last.send(CLOSE, closePayload(1001, ""));
await last.ended();
last.stream.end();
session.close();
console.log("ok: a server that stops closes with 1001");
