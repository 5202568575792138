// Clients of the handler under test: connections, and requests.

import { begin, call, look } from "./host.ts";
import { base64, type Carried, carried, type CarriedValue, data, stored, value } from "./bytes.ts";

export interface Init {
  headers?: any;
  protocols?: string | string[];
}

interface Opened {
  id?: number;
  protocol?: string;
  refusal?: CarriedResponse;
}

export interface CarriedResponse {
  status: number;
  headers: [string, string][];
  body: Carried;
}

interface Look {
  frames: Carried[];
  closed: { code: number; reason: string } | null;
}

const NULL_BODY = [204, 205, 304];

function responseOf({ status, headers, body }: CarriedResponse): Response {
  return new Response(NULL_BODY.includes(status) ? null : data(body), { status, headers });
}

function headersOf(init: any): [string, string][] {
  return [...new Headers(init ?? {}).entries()];
}

/** A client that the handler has refused: `response` is what it got instead of a connection. */
export class Refused extends Error {
  override name = "Refused";
  readonly response: Response;

  constructor(path: string, response: Response) {
    super(`the connection to ${path} was refused with status ${response.status}`);
    this.response = response;
  }
}

/** One client of the handler. */
export class Connection {
  readonly path: string;
  /** What `ws` is in the handler. */
  readonly id: number;
  readonly protocol: string;
  #init: Init;
  #frames: (string | ArrayBuffer)[] = [];
  #closed: { code: number; reason: string } | undefined;

  constructor(path: string, init: Init, id: number, protocol: string) {
    [this.path, this.#init, this.id, this.protocol] = [path, init, id, protocol];
  }

  #look(): void {
    const { frames, closed } = look<Look>("look", { id: this.id });
    for (const frame of frames) this.#frames.push(data(frame));
    this.#closed = closed ?? undefined;
  }

  get received(): (string | ArrayBuffer)[] {
    this.#look();
    return [...this.#frames];
  }

  get closed(): { code: number; reason: string } | undefined {
    this.#look();
    return this.#closed;
  }

  get attachment(): unknown {
    return value(look<CarriedValue | null>("attachment", { id: this.id }));
  }

  send(message: unknown): void {
    call("send", { id: this.id, data: carried(message, "send") });
  }

  close(code = 1000, reason = ""): void {
    call("close", { id: this.id, code, reason: String(reason) });
  }

  drop(): void {
    call("drop", { id: this.id });
  }

  slow(isSlow = true): void {
    call("slow", { id: this.id, isSlow });
  }

  async reconnect(init: Init = this.#init): Promise<Connection> {
    return open(this.path, init, this.id);
  }
}

async function open(path: string, init: Init, resumes: number | undefined): Promise<Connection> {
  if (typeof path !== "string" || !path.startsWith("/")) throw new TypeError("connect takes a path, which begins with /");
  const protocols = [init.protocols ?? []].flat();
  const opened = await begin<Opened>("connect", { path, headers: headersOf(init.headers), protocols, resumes });
  if (opened.refusal !== undefined) throw new Refused(path, responseOf(opened.refusal));
  return new Connection(path, init, opened.id!, opened.protocol ?? "");
}

export function connect(path: string, init: Init = {}): Promise<Connection> {
  return open(path, init, undefined);
}

export interface MemberInit {
  attachment?: unknown;
  rooms?: readonly string[];
  parameters?: Record<string, string>;
  id?: number;
}

/** A client that is connected already. */
export function member(room: string, { attachment, rooms = [], parameters = {}, id }: MemberInit): Connection {
  const of = attachment === undefined ? null : stored(attachment, "the attachment of world.member");
  const placed = call<number>("place", { room: String(room), rooms, parameters: Object.entries(parameters), attachment: of, id });
  return new Connection(room, {}, placed, "");
}

interface RequestInit {
  headers?: any;
  body?: unknown;
}

/** The bytes of a body in base64, and its type. */
function bodyOf(body: unknown): [string, string | undefined] {
  if (body === undefined || body === null) return ["", undefined];
  if (body instanceof URLSearchParams) {
    return [base64(new TextEncoder().encode(body.toString())), "application/x-www-form-urlencoded;charset=UTF-8"];
  }
  if (typeof body === "string") return [base64(new TextEncoder().encode(body)), "text/plain;charset=UTF-8"];
  return [carried(body, "the body of a request").slice(1), undefined];
}

export async function request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
  if (typeof path !== "string" || !path.startsWith("/")) throw new TypeError("request takes a method, and a path, which begins with /");
  const headers = new Headers(init.headers ?? {});
  const [body, type] = bodyOf(init.body);
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  return responseOf(await begin<CarriedResponse>("request", { method, path, headers: [...headers.entries()], body }));
}
