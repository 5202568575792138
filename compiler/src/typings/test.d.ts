  /** Options of `connect`: what the client's handshake says. */
  export interface ConnectOptions {
    readonly headers?: HeadersInit | undefined;
    readonly protocols?: string | readonly string[] | undefined;
  }

  /** Options of `request`. */
  export interface RequestOptions {
    readonly headers?: HeadersInit | undefined;
    readonly body?: string | ArrayBuffer | ArrayBufferView | URLSearchParams | undefined;
  }

  /** A client of the handler. What it does is queued, and runs when the test next looks at anything or awaits it. */
  export class Connection {
    private constructor();
    /** The path and query that it has opened. */
    readonly path: string;
    /** The number that `ws` is in the handler. */
    readonly id: number;
    /** The subprotocol that was chosen; empty if none was. */
    readonly protocol: string;
    /** All messages that it has received: text as a string, binary as an ArrayBuffer. */
    get received(): (string | ArrayBuffer)[];
    /** How its connection has ended, as the client sees it; 1006 without a close frame. `undefined` while it is open. */
    get closed(): { code: number; reason: string } | undefined;
    /** What the handler has stored with it (`serializeAttachment`). */
    get attachment(): unknown;
    send(data: string | ArrayBuffer | ArrayBufferView): void;
    /** Closes with a close frame: 1000 (the default), 1001, or 3000 to 4999. */
    close(code?: number, reason?: string): void;
    /** Loses the connection, without a close frame. */
    drop(): void;
    /** Stops reading what the server sends; with `false` goes on. */
    slow(isSlow?: boolean): void;
    /** Connects again to the same path, as the same browser: resumes what it has left, as with `--resume`. */
    reconnect(options?: ConnectOptions): Promise<Connection>;
  }

  /** What `connect` rejects with if the handler refuses. */
  export class Refused extends Error {
    private constructor();
    readonly response: Response;
  }

  /** Connects a client to a path. */
  export function connect(path: string, options?: ConnectOptions): Promise<Connection>;

  /** Makes an HTTP request, and returns the handler's response. */
  export function request(method: string, path: string, options?: RequestOptions): Promise<Response>;

  /** The clock of the test's world, which stands still but when the test advances it. It begins at 2026-01-01. */
  export const clock: {
    /** Milliseconds since 1970. */
    now(): number;
    /** Sets the clock, before anything else in a test: milliseconds since 1970, a Date, or a text such as `"2026-03-29T00:30:00Z"`. */
    set(time: number | string | Date): void;
    /** Lets time pass, `"30s"`, `"1h30m"` or milliseconds: what is due meanwhile runs in the order of its time; 20,000 events at most. */
    advance(duration: string | number): Promise<void>;
  };

  /** One event that has run, with what it has done. */
  export interface WorldEvent {
    /** The handler's function, such as `"onMessage"`. */
    readonly event: string;
    readonly room?: string;
    /** The `id` of its connection. */
    readonly connection?: number;
    /** The name of its signal or stream. */
    readonly name?: string;
    /** Why it has failed; then it has done nothing. */
    readonly failed?: string;
    readonly effects: readonly WorldEffect[];
  }

  /** What an event has done: `what` is the function of the API, the rest its arguments. */
  export interface WorldEffect {
    readonly what: string;
    readonly [argument: string]: any;
  }

  /** The committed state of a room. */
  export interface RoomState {
    get(key: string): any;
    /** Stores a value as if an event had done so before; with `ttl` it is gone after so many milliseconds. */
    put(key: string, value: unknown, options?: { readonly ttl?: number | undefined }): void;
    /** The entries whose keys begin with `prefix`, in the order of the keys' bytes. */
    list(options?: { readonly prefix?: string; readonly reverse?: boolean; readonly limit?: number }): [string, any][];
    /** The timers that are set. */
    readonly timers: readonly { readonly name: string; readonly at: number; readonly data: unknown }[];
  }

  /** The pieces of a stream's response, and how it goes on. */
  export interface StreamOptions {
    readonly status?: number | undefined;
    readonly headers?: HeadersInit | undefined;
    /** Whether the response ends with the last piece (the default), or goes on. */
    readonly end?: boolean | undefined;
  }

  /** Options of `world.member`. */
  export interface MemberOptions {
    /** What the handler has stored with it. */
    readonly attachment?: unknown;
    /** Other rooms that it has joined. */
    readonly rooms?: readonly string[] | undefined;
    /** The parameters of its route. */
    readonly parameters?: Readonly<Record<string, string>> | undefined;
    /** The number that `ws` is in the handler. */
    readonly id?: number | undefined;
  }

  /** What is around the handler. Each test has a world of its own. */
  export const world: {
    /** Answers the handler's requests (`fetch`); without, they fail. */
    fetch(answer: ((request: Request) => Response | Promise<Response>) | undefined): void;
    /** Answers the handler's stream of this name with these parts of a body, or goes on with one that has begun. */
    stream(name: string, pieces: readonly (string | ArrayBuffer | ArrayBufferView)[], options?: StreamOptions): void;
    /** A client that has been connected to a room for a while: neither `onUpgrade` nor `onOpen` runs. */
    member(room: string, options?: MemberOptions): Connection;
    /** Sends a signal to a room, as an operator does. */
    signal(room: string, name: string, data?: unknown): void;
    /** Gives the next event the random numbers of a recorded one: hexadecimal digits, as `zigttp replay --save-test` writes them. */
    random(numbers: string): void;
    /** Runs all that is queued. */
    idle(): Promise<void>;
    /** Sets what the handler reads with `env`, in events that begin from now on; `undefined` removes a setting. */
    env(settings: Readonly<Record<string, string | undefined>>): void;
    /**
     * The server's process dies and starts again, as with `--durable`: connections are gone without `onClose`, and so is
     * `zigttp:memory`; storage, signals and timers are there, and attachments for clients that `reconnect`.
     */
    crash(): Promise<void>;
    /** What a room has in `zigttp:storage`. */
    storage(room: string): RoomState;
    /** What a room has in `zigttp:memory`. */
    memory(room: string): RoomState;
    /** The lines of the handler's `console`, and the failures of its events: the latest 10,000. */
    readonly logs: readonly { readonly level: "debug" | "info" | "warn" | "error"; readonly text: string; readonly event: string }[];
    /** The events so far: the latest 10,000. */
    readonly effects: readonly WorldEvent[];
  };
