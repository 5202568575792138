// What is around the handler under test: what it stores, what it asks of other servers, and what it has done.

import { answering, answers, answerWith, type Ask, begin, call, look, settle } from "./host.ts";
import { bytesOf, carried, type CarriedValue, stored, value } from "./bytes.ts";
import { type Connection, member, type MemberInit } from "./connections.ts";

// A handler's request is answered before the call that has made it ends, and reading the body of a `Response` takes
// longer. So each one is remembered with what it was made of.
const bodies = new WeakMap<Response, unknown>();
const PlainResponse = Response;
const remember = (response: Response, body: unknown): Response => {
  bodies.set(response, body);
  return response;
};
globalThis.Response = new Proxy(PlainResponse, {
  construct: (target, values, newTarget) => remember(Reflect.construct(target, values, newTarget), values[0]),
  get(target, name, receiver) {
    const found = Reflect.get(target, name, receiver);
    if (name === "text" || name === "html") return (text: unknown, init: any) => remember(found.call(target, text, init), String(text));
    if (name === "json") return (json: unknown, init: any) => remember(found.call(target, json, init), JSON.stringify(json));
    return found;
  },
});

type Answerer = (request: Request) => Response | Promise<Response>;

function answer(ask: Ask, response: unknown): void {
  if (!(response instanceof PlainResponse)) throw new TypeError("the function of world.fetch returns a Response");
  const body = bodies.get(response) ?? null;
  const bytes = body === null ? "t"
    : typeof body === "string" || body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? carried(body, "Response")
    : `t${body}`;
  call("answer", { id: ask.id, status: response.status, statusText: response.statusText, headers: [...response.headers.entries()], body: bytes });
}

function fail(ask: Ask, error: unknown): void {
  call("answer", { id: ask.id, error: error instanceof Error ? error.message : String(error) });
}

function answered(by: Answerer, ask: Ask): void {
  const { method, url, headers, body } = ask;
  const hasBody = body !== undefined && method !== "GET" && method !== "HEAD";
  try {
    const response = by(new Request(url, { method, headers, body: hasBody ? bytesOf(body) : undefined }));
    if (!(response instanceof Promise)) return answer(ask, response);
    answering(1);
    response.then((made) => answer(ask, made)).catch((error) => fail(ask, error)).finally(() => answering(-1));
  } catch (error) {
    fail(ask, error);
  }
}

interface ListOptions {
  prefix?: string;
  reverse?: boolean;
  limit?: number;
}

/** The state of a room, to read, and to prepare. */
class RoomState {
  readonly #at: { space: string; room: string };

  constructor(space: string, room: string) {
    this.#at = { space, room: String(room) };
  }

  get(key: string): unknown {
    return value(look<CarriedValue | null>("get", { ...this.#at, key }));
  }

  put(key: string, put: unknown, { ttl }: { ttl?: number } = {}): void {
    const of = `world.${this.#at.space}(${JSON.stringify(this.#at.room)}).put`;
    call("put", { ...this.#at, key: String(key), value: stored(put, of), ttl });
  }

  list({ prefix = "", reverse = false, limit = 1000 }: ListOptions = {}): [string, unknown][] {
    const entries = look<[string, CarriedValue][]>("list", { ...this.#at, prefix, reverse, limit });
    return entries.map(([key, stored]) => [key, value(stored)]);
  }

  get timers(): { name: string; at: number; data: unknown }[] {
    const timers = call<{ name: string; at: number; data: CarriedValue | null }[]>("timers", this.#at);
    return timers.map(({ name, at, data }) => ({ name, at, data: value(data) }));
  }
}

/** Effects have values of rooms and connections in them. */
function shown(effect: any): any {
  for (const name of ["data", "value"]) {
    if (name in effect) effect[name] = value(effect[name]);
  }
  return effect;
}

interface StreamInit {
  status?: number;
  headers?: any;
  /** Whether the response ends with the last piece. */
  end?: boolean;
}

export const world = {
  fetch(answerer: Answerer | undefined): void {
    if (answerer !== undefined && typeof answerer !== "function") throw new TypeError("world.fetch takes a function, or undefined");
    call("fetch", { isAnswered: answerer !== undefined });
    answerWith(answerer && ((ask) => answered(answerer, ask)));
  },

  stream(name: string, pieces: (string | Uint8Array)[], { status = 200, headers = {}, end = true }: StreamInit = {}): void {
    if (!Array.isArray(pieces)) throw new TypeError("world.stream takes a name, and an array of strings or bytes");
    const bytes = pieces.map((piece) => carried(piece, "a piece of world.stream"));
    call("stream", { name, pieces: bytes, status, headers: [...new Headers(headers).entries()], end });
  },

  async idle(): Promise<void> {
    settle();
    await answers();
  },

  env(settings: Record<string, string | undefined>): void {
    call("env", { settings: Object.entries(settings).map(([name, text]) => [name, text === undefined ? null : String(text)]) });
  },

  member: (room: string, init: MemberInit = {}): Connection => member(room, init),

  signal(room: string, name: string, data?: unknown): void {
    call("signal", { room: String(room), name: String(name), data: data === undefined ? null : stored(data, "world.signal") });
  },

  random(numbers: string): void {
    call("random", { numbers: String(numbers) });
  },

  async crash(): Promise<void> {
    await answers();
    await begin("crash");
  },

  storage: (room: string): RoomState => new RoomState("storage", room),
  memory: (room: string): RoomState => new RoomState("memory", room),

  get logs(): { level: string; text: string; event: string }[] {
    return look("logs");
  },

  get effects(): any[] {
    const events = look<any[]>("effects");
    for (const event of events) event.effects = event.effects.map(shown);
    return events;
  },
};

