// Typings of zigttp handlers. Made by `zigts types`; changes are lost when it runs again.

/** Connections, and the rooms they are in. */
declare module "zigttp:websocket" {
  const connection: unique symbol;

  /** One connection. It has no members: hand it to the functions of this module. */
  export interface WebSocket {
    readonly [connection]: never;
  }


  /** Options of `send`. */
  export interface SendOptions {
    /** Drops the frame when older ones wait in the connection's queue: for what is out of date soon. */
    readonly volatile?: boolean | undefined;
  }

  /** Options of `broadcast`. */
  export interface BroadcastOptions extends SendOptions {
    /** Connections that the frame is not sent to. */
    readonly except?: WebSocket | readonly WebSocket[] | undefined;
  }

  /** Options of `listRooms`: which rooms, and how many of them. */
  export interface ListRoomsOptions {
    /** Only rooms whose name begins with this. */
    readonly prefix?: string | undefined;
    /** Lists the rooms after this one. */
    readonly startAfter?: string | undefined;
    /** Most rooms that are listed, at most 1,000. */
    readonly limit?: number | undefined;
    /** Rooms that have members (the default), or rooms that have state in `zigttp:storage`. */
    readonly of?: "members" | "state" | undefined;
  }
  /**
   * What of a type can be stored: a string, an ArrayBuffer, a typed array, or JSON. What cannot be (a Date, a
   * function, a bigint) is `never`, so that a value with it is an error.
   */
  export type Storable<T> =
    T extends undefined | DataView ? never
    : T extends string | ArrayBuffer | ArrayBufferView ? T
    : StorableJson<T>;

  type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

  type StorableJson<T> =
    // A property that is undefined is left out.
    T extends Json | undefined ? T
    : T extends Function ? never
    : T extends readonly (infer Item)[] ? readonly Exclude<StorableJson<Item>, undefined>[]
    : T extends object ? { [Key in keyof T]: StorableJson<T[Key]> }
    : never;

  /**
   * Queues one frame for a connection: a string as text, bytes as binary.
   *
   * Answers false when the connection is gone or closing, or when its queue is over the bound;
   * never throws for a peer's fault. The frame leaves when the event returns; an event that
   * throws sends nothing. With volatile it is also dropped (false) when older frames wait in
   * the connection's queue.
   *
   * Effect: io.
   */
  export function send(ws: WebSocket, data: string | ArrayBuffer | ArrayBufferView, options?: SendOptions): boolean;

  /**
   * Closes a connection gracefully (RFC 6455, 5.5.1), with code 1000 unless told otherwise.
   *
   * Throws a RangeError for a code that may not be sent (RFC 6455, 7.4) or a reason over 123
   * bytes of UTF-8. Frames sent before it are delivered first. Does nothing for a connection
   * that is gone or already closing.
   *
   * Effect: io.
   */
  export function close(ws: WebSocket, code?: number, reason?: string): void;

  /**
   * Keeps a value with a connection until its next event, and on disk when serving with
   * --durable.
   *
   * Takes a string, an ArrayBuffer, a typed array or JSON: null, a boolean, a finite number, an
   * array or a plain object. What would not be read back as it is (a Date, a Map, a class
   * instance, NaN) is a TypeError that names its path; an undefined property is left out. A
   * value over the configured size (64 KiB by default; of JSON the bytes of its text count) is
   * a RangeError. Does nothing for a connection that is gone.
   *
   * Effect: state.
   */
  export function serializeAttachment<T>(ws: WebSocket, value: T & Storable<T>): void;

  /**
   * Returns the value kept with a connection, with the type it was stored with.
   *
   * Returns undefined when nothing was stored or the connection is gone. Sees what this event
   * has stored. Each call returns a value of its own.
   *
   * Effect: state.
   */
  export function deserializeAttachment<T = any>(ws: WebSocket): NoInfer<T> | undefined;

  /**
   * Lists every member of a room, the caller included, in the order in which they became
   * members.
   *
   * Members are the connections whose own room it is, and those that have joined it. Sees this
   * event's own joins, leaves and moves, and otherwise goes on with the list of its first call.
   * The list is never truncated.
   *
   * Effect: io.
   */
  export function getWebSockets(room: string): WebSocket[];

  /**
   * Sends one frame to every member of a room, and returns how many took it.
   *
   * The same as getWebSockets and send in a loop, in less time. Options leave connections out
   * (except: one or an array of them, which may also be given in place of the options), and
   * volatile is that of send.
   *
   * Effect: io.
   */
  export function broadcast(room: string, data: string | ArrayBuffer | ArrayBufferView, options?: WebSocket | readonly WebSocket[] | BroadcastOptions): number;

  /**
   * Lists a connection in another room too, once this event has committed.
   *
   * The room is any string of 1 to 1,024 bytes of UTF-8, such as user:42; no onUpgrade of that
   * room is asked. A connection may join 100 rooms (the server's --max-joins), more is a
   * RangeError. Its messages stay events of its own room. What it has joined ends with the
   * connection, and comes back with its attachment when it is resumed. Joining a room twice, or
   * for a connection that is gone, does nothing.
   *
   * Effect: io.
   */
  export function join(ws: WebSocket, room: string): void;

  /**
   * Lists a connection in a room that it has joined no longer, once this event has committed.
   *
   * Leaving its own room is a RangeError: move or close it. Does nothing for a room that it has
   * not joined, or a connection that is gone.
   *
   * Effect: io.
   */
  export function leave(ws: WebSocket, room: string): void;

  /**
   * Makes a room the connection's own, once this event has committed.
   *
   * Its later messages and its onClose are events of that room; it keeps its attachment and
   * what it has joined. No onUpgrade, onOpen or onClose is run for it: tell the rooms by
   * signal. The room is any string of 1 to 1,024 bytes of UTF-8. A RangeError for the room that
   * is its own already, and for a connection that this event has closed or whose onClose it is.
   * Does nothing for any other connection that is gone or closing.
   *
   * Effect: io.
   */
  export function move(ws: WebSocket, room: string): void;

  /**
   * Lists the rooms of a connection: its own first, then those that it has joined.
   *
   * In onClose those that it was in. Sees this event's own joins, leaves and moves. Returns an
   * empty list when the connection is gone.
   *
   * Effect: io.
   */
  export function getRooms(ws: WebSocket): string[];

  /**
   * Lists rooms that have members, or state, in the order of their names' bytes.
   *
   * The list is never cut: more than 1,000 rooms is a RangeError. Page with limit, which is at
   * most 1,000, and startAfter. A snapshot: other rooms go on meanwhile.
   *
   * Effect: io.
   */
  export function listRooms(options?: ListRoomsOptions): { room: string; members: number }[];

  /**
   * Returns the id of a connection as text, for messages and keys.
   *
   * Ids are never used twice. They can be guessed: none is a secret.
   *
   * Effect: none.
   */
  export function connectionId(ws: WebSocket): string;

  /**
   * Returns the connection with an id that connectionId has returned.
   *
   * Returns undefined when it is gone, or for a text that is no id.
   *
   * Effect: io.
   */
  export function webSocketById(id: string): WebSocket | undefined;

  /**
   * Returns how many bytes are queued for a connection.
   *
   * What this event has sent is included. Returns 0 when the connection is gone or closing.
   *
   * Effect: io.
   */
  export function bufferedAmount(ws: WebSocket): number;

  /**
   * Returns a percent-decoded :param of a connection's route, of a request, or of a room's
   * name.
   *
   * Throws a RangeError when there is no parameter of that name, or the connection is gone.
   *
   * Effect: none.
   */
  export function param(of: WebSocket | Request | string, name: string): string;

  /**
   * Returns a percent-decoded :param of the route a connection opened under.
   *
   * Throws a RangeError when that route has no such parameter or the connection is gone.
   *
   * Effect: none.
   */
  export function roomFromPath(ws: WebSocket, param: string): string;

  /**
   * Answers a message of exactly these bytes from now on without running the handler.
   *
   * One pair a connection; a second call replaces the first and ("", "") clears it. The answer
   * has the opcode of the message. Request and response are at most 2048 bytes each, else a
   * RangeError. Does nothing for a connection that is gone.
   *
   * Effect: state.
   */
  export function setAutoResponse(ws: WebSocket, request: string | ArrayBuffer | ArrayBufferView, response: string | ArrayBuffer | ArrayBufferView): void;

  /**
   * Names the room of an upgrade or a request by what it carries, before its turn; nothing
   * leaves it to the route, and a Response is the answer. It reads alone and sees no body.
   */
  export type RoomOf = (req: Request) => string | Response | undefined;

  /**
   * Called in the room's turn before a connection opens: a Response refuses it, nothing accepts
   * it, and a string, bytes or a plain object accept it and become its first attachment.
   */
  export type OnUpgrade = (req: Request, room: string) => Admission | Promise<Admission>;

  /**
   * Called once for a connection, next in its room's turn; url is the full request path with
   * its query.
   */
  export type OnOpen = (ws: WebSocket, url: string, room: string) => void | Promise<void>;

  /**
   * Called for every data message: text as a string, binary as an ArrayBuffer.
   */
  export type OnMessage = (ws: WebSocket, data: string | ArrayBuffer, room: string) => void | Promise<void>;

  /**
   * Called once when a connection has closed; its attachment can still be read.
   */
  export type OnClose = (ws: WebSocket, code: number, reason: string, room: string) => void | Promise<void>;

  /**
   * Called in the room's turn for an HTTP request to a route that is not a WebSocket upgrade.
   */
  export type OnRequest = (req: Request, room: string) => Response | Promise<Response>;

  /**
   * Called for every other HTTP request; it belongs to no room.
   */
  export type Handler = (req: Request) => Response | Promise<Response>;

  export {};
}

/** The state of rooms: values under keys, on disk when serving with --durable. Only the events of a room write its state. */
declare module "zigttp:storage" {
  import type { Storable } from "zigttp:websocket";

  /** Options of `put`. */
  export interface PutOptions {
    /** Milliseconds after which the value is gone. */
    readonly ttl?: number | undefined;
  }

  /** Options of `list`: which keys, and how many of them. */
  export interface ListOptions {
    /** Only keys that begin with this. */
    readonly prefix?: string | undefined;
    /** The first key that is listed. */
    readonly start?: string | undefined;
    /** Lists the keys after this one. Not together with `start`. */
    readonly startAfter?: string | undefined;
    /** The first key that is not listed any more. */
    readonly end?: string | undefined;
    /** Lists the last key first. The range stays the same: page backwards with `end`. */
    readonly reverse?: boolean | undefined;
    /** Most entries that are listed. */
    readonly limit?: number | undefined;
  }

  /** What a room stores. */
  export interface Usage {
    readonly keys: number;
    readonly bytes: number;
    /** Most bytes that the room may store. */
    readonly limit: number;
  }

  /**
   * Returns the value that a room stores under a key, with the type it was stored with.
   *
   * Returns undefined when there is none. Sees what this event has stored. Of another room than
   * the event's own it returns what one committed state of that room holds: the state at the
   * event's first read of it. Each call returns a value of its own.
   *
   * Effect: state.
   */
  export function get<T = unknown>(room: string, key: string): NoInfer<T> | undefined;

  /**
   * Stores a value under a key of a room.
   *
   * Only an event of this room may call it; for another room it is a RangeError. A key has 1 to
   * 512 bytes of UTF-8. Takes a string, an ArrayBuffer, a typed array or JSON: null, a boolean,
   * a finite number, an array or a plain object. What would not be read back as it is (a Date,
   * a Map, a class instance, NaN) is a TypeError that names its path; an undefined property is
   * left out. A value over the limit (128 KiB by default), or a room over its limit (64 MiB by
   * default), is a RangeError. With ttl the value is gone after that time.
   *
   * Effect: state.
   */
  export function put<T>(room: string, key: string, value: T & Storable<T>, options?: PutOptions): void;

  /**
   * Removes a key of a room, and returns whether it was there.
   *
   * Only an event of this room may call it; for another room it is a RangeError.
   *
   * Effect: state.
   */
  function remove(room: string, key: string): boolean;
  export { remove as delete };

  /**
   * Lists keys of a room with their values, in the order of the keys' bytes.
   *
   * The list is never cut: more than 1,000 entries or 1 MiB is a RangeError that says what
   * fits. Page with limit and startAfter. Sees what this event has stored.
   *
   * Effect: state.
   */
  export function list<T = unknown>(room: string, options?: ListOptions): [key: string, value: NoInfer<T>][];

  /**
   * Removes all keys of a room.
   *
   * Only an event of this room may call it; for another room it is a RangeError.
   *
   * Effect: state.
   */
  export function deleteAll(room: string): void;

  /**
   * Returns how many keys and bytes a room stores, and how many bytes it may store.
   *
   * Each key counts its bytes, those of its value and 64 more. Sees what this event has stored.
   *
   * Effect: state.
   */
  export function usage(room: string): Usage;

  export {};
}

/** The same as zigttp:storage, but only in memory: for what changes often. It is gone when the server ends, or when the room has had no connection and no event for 60 seconds. */
declare module "zigttp:memory" {
  import type { ListOptions, PutOptions, Usage } from "zigttp:storage";
  import type { Storable } from "zigttp:websocket";

  /**
   * Returns the value that a room stores under a key, with the type it was stored with.
   *
   * Returns undefined when there is none. Sees what this event has stored. Of another room than
   * the event's own it returns what one committed state of that room holds: the state at the
   * event's first read of it. Each call returns a value of its own.
   *
   * Effect: state.
   */
  export function get<T = unknown>(room: string, key: string): NoInfer<T> | undefined;

  /**
   * Stores a value under a key of a room.
   *
   * Only an event of this room may call it; for another room it is a RangeError. A key has 1 to
   * 512 bytes of UTF-8. Takes a string, an ArrayBuffer, a typed array or JSON: null, a boolean,
   * a finite number, an array or a plain object. What would not be read back as it is (a Date,
   * a Map, a class instance, NaN) is a TypeError that names its path; an undefined property is
   * left out. A value over the limit (128 KiB by default), or a room over its limit (64 MiB by
   * default), is a RangeError. With ttl the value is gone after that time.
   *
   * Effect: state.
   */
  export function put<T>(room: string, key: string, value: T & Storable<T>, options?: PutOptions): void;

  /**
   * Removes a key of a room, and returns whether it was there.
   *
   * Only an event of this room may call it; for another room it is a RangeError.
   *
   * Effect: state.
   */
  function remove(room: string, key: string): boolean;
  export { remove as delete };

  /**
   * Lists keys of a room with their values, in the order of the keys' bytes.
   *
   * The list is never cut: more than 1,000 entries or 1 MiB is a RangeError that says what
   * fits. Page with limit and startAfter. Sees what this event has stored.
   *
   * Effect: state.
   */
  export function list<T = unknown>(room: string, options?: ListOptions): [key: string, value: NoInfer<T>][];

  /**
   * Removes all keys of a room.
   *
   * Only an event of this room may call it; for another room it is a RangeError.
   *
   * Effect: state.
   */
  export function deleteAll(room: string): void;

  /**
   * Returns how many keys and bytes a room stores, and how many bytes it may store.
   *
   * Each key counts its bytes, those of its value and 64 more. Sees what this event has stored.
   *
   * Effect: state.
   */
  export function usage(room: string): Usage;

  export {};
}

/** Signals and timers: how one room tells another, or itself later. Streams: responses of other servers that come in pieces. They are part of the event that makes them. */
declare module "zigttp:durable" {
  import type { Storable } from "zigttp:websocket";

  /** Options of `signal`. */
  export interface SignalOptions {
    /**
     * The name of the signal that the sender's room gets if this one is parked in the end. It has the same data, and
     * its info.from is the room that did not take this one.
     */
    readonly onFail?: string | undefined;
  }

  /** The request of a stream, and how its response is cut. */
  export interface StreamInit {
    /** GET unless given. */
    readonly method?: string | undefined;
    readonly headers?: HeadersInit | undefined;
    readonly body?: BodyInit | null | undefined;
    /** "follow" unless given. */
    readonly redirect?: "follow" | "manual" | "error" | undefined;
    /**
     * How the body is cut. Unless given, the response says it by its Content-Type: `text/event-stream` is "events", other
     * text, JSON and XML are "lines", and all else is "bytes".
     */
    readonly as?: "events" | "lines" | "bytes" | undefined;
  }

  /**
   * What comes of a stream, in this order: a start, any number of lines, events or bytes, and one end. Without a
   * response there is an end alone.
   */
  export type StreamPiece = StreamStart | StreamLines | StreamEvents | StreamBytes | StreamEnd;

  /** The response has begun. Its status may be an error of the other server. */
  export interface StreamStart {
    readonly kind: "start";
    readonly status: number;
    readonly headers: Headers;
  }

  /** Lines of text, without their ends. */
  export interface StreamLines {
    readonly kind: "lines";
    readonly lines: string[];
  }

  /** Server-sent events. */
  export interface StreamEvents {
    readonly kind: "events";
    readonly events: ServerSentEvent[];
  }

  export interface StreamBytes {
    readonly kind: "bytes";
    readonly bytes: ArrayBuffer;
  }

  /** Nothing comes any more. */
  export interface StreamEnd {
    readonly kind: "end";
    /** Why it has ended early. A whole response has none. */
    readonly error?: StreamError;
    /** What the error is about, for people. */
    readonly message?: string;
  }

  /**
   * - `timeout`: the other server was too slow, or the stream too long;
   * - `interrupted`: this server has stopped meanwhile;
   * - `cancelled`: by `cancelStream`, by a stream of the same name, by `deleteAll`, or by an operator;
   * - `handler`: the event before has failed;
   * - `network`: there was no connection, it has broken, or the operator has not allowed the host;
   * - `too-large`: the response, or a line or event of it, is over a limit.
   */
  export type StreamError = "timeout" | "interrupted" | "cancelled" | "handler" | "network" | "too-large";

  /** An event of `text/event-stream`. */
  export interface ServerSentEvent {
    /** Its type: "message" unless it says another. */
    readonly event: string;
    /** Its lines of data, with `\n` between them. */
    readonly data: string;
    /** The last id that the stream has said, or "". */
    readonly id: string;
  }

  /**
   * Sends a signal to a room: once this event has committed, onSignal runs in that room's turn.
   *
   * It is sent if and only if this event commits, and takes effect exactly once. Signals from
   * one room to another keep their order. One that throws is tried again, 10 times in all; then
   * it is parked, and this room gets the signal that onFail names, with the same data and the
   * other room as info.from. The data is at most 16 KiB. Throws a TypeError when the handler
   * exports no onSignal.
   *
   * Effect: state.
   */
  export function signal<T = undefined>(room: string, name: string, data?: T & Storable<T>, options?: SignalOptions): void;

  /**
   * Sets a timer of the event's own room: onSignal runs at this time, in milliseconds since
   * 1970.
   *
   * A room has one timer of each name: the same name replaces it. It never fires before its
   * time. Throws a RangeError for another room, for a time that is a delay by mistake, and when
   * the room has 1,000 timers.
   *
   * Effect: state.
   */
  export function signalAt<T = undefined>(room: string, name: string, at: number | Date, data?: T & Storable<T>): void;

  /**
   * Sets a timer of the event's own room that fires again and again, every so many
   * milliseconds.
   *
   * It fires on a fixed grid, for the first time one period from now. Periods that have passed
   * meanwhile are skipped, and counted in info.missed. The same name replaces a timer. Throws a
   * RangeError as signalAt does.
   *
   * Effect: state.
   */
  export function signalEvery<T = undefined>(room: string, name: string, period: number, data?: T & Storable<T>): void;

  /**
   * Removes a timer of the event's own room, and returns whether it was there.
   *
   * Also one that is due and waits for its turn. It never removes a signal. Throws a RangeError
   * for another room.
   *
   * Effect: state.
   */
  export function cancelSignal(room: string, name: string): boolean;

  /**
   * Returns when a timer of the event's own room fires next, in milliseconds since 1970.
   *
   * Returns undefined when there is no timer of this name. Throws a RangeError for another
   * room.
   *
   * Effect: state.
   */
  export function signalTime(room: string, name: string): number | undefined;

  /**
   * Makes an HTTP request once this event has committed; its response comes to onStream in
   * pieces.
   *
   * It is made at most once, if and only if this event commits. The room is the event's own,
   * and has one stream of each name: the same name cancels the one before. Pieces come in
   * order, none is stored, and the last is of kind end. After a restart of the server that is
   * all that comes of it, with the error interrupted. Throws a RangeError for another room,
   * when the room has 100 streams, and for a request of more than 1 MiB; a TypeError when the
   * handler exports no onStream.
   *
   * Effect: state.
   */
  export function stream(room: string, name: string, url: string | URL, init?: StreamInit): void;

  /**
   * Ends a stream of the event's own room, and returns whether it was there.
   *
   * From the commit of this event on nothing comes of it but its end, with the error cancelled.
   * Throws a RangeError for another room.
   *
   * Effect: state.
   */
  export function cancelStream(room: string, name: string): boolean;

  /**
   * Called in the room's turn when a signal has come or a timer is due.
   */
  export type OnSignal = (room: string, name: string, data: any, info: SignalInfo) => void | Promise<void>;

  /**
   * Called in the room's turn when a piece of a stream has come. If it throws, the stream is
   * ended.
   */
  export type OnStream = (room: string, name: string, piece: StreamPiece) => void | Promise<void>;

  export {};
}

/** Settings that the operator gives, such as keys of other services: with --env NAME=VALUE, --env NAME or --env-file FILE. Nothing else of the server's environment is there. */
declare module "zigttp:env" {
  /** The settings that the operator gives: `env("API_KEY")`, `env.API_KEY`. */
  export interface Env {
    (name: string): string | undefined;
    readonly [name: string]: string | undefined;
  }

  /**
   * Returns the setting of this name that the operator gives with --env or --env-file.
   *
   * Returns undefined when there is none. env.NAME is the same, but for names that functions
   * have as properties (name, length, call). An event sees the same settings from its beginning
   * to its end, also when the operator replaces them meanwhile. At the top level it throws:
   * nothing is given while building.
   *
   * Effect: none.
   */
  export const env: Env;

  export {};
}

/** Tests of handlers, for files `*.test.ts` alone; `zigttp test` runs them. */
declare module "zigttp:test" {
  /** What a test or a hook runs. A promise that it returns is waited for. */
  type Body = () => unknown;

  interface Each<Options extends unknown[]> {
    /** Once for each row; an array is several arguments. The title may have `%s`, `%i`, `%j`, `%#` and, of objects, `$name`. */
    <Row extends readonly unknown[]>(rows: readonly Row[]): (title: string, body: (...row: [...Row]) => unknown, ...options: Options) => void;
    <Row>(rows: readonly Row[]): (title: string, body: (row: Row) => unknown, ...options: Options) => void;
    /** The rows of a table: names with `|` between them, and for each row as many values. */
    (names: TemplateStringsArray, ...values: unknown[]): (title: string, body: (row: any) => unknown, ...options: Options) => void;
  }

  interface Register {
    (title: string, body: Body): void;
    readonly each: Each<[]>;
  }

  interface Test extends Register {
    /** Of the tests of the file, only those marked so run. */
    readonly only: Register;
    readonly skip: Register;
    /** A test that is to be written: it is listed, and does not fail. */
    todo(title: string): void;
  }

  interface Describe extends Register {
    readonly only: Register;
    readonly skip: Register;
  }

  /** A test. It has a world and an instance of its own: nothing is shared with another one. */
  export const test: Test;
  export const it: Test;
  /** Tests that belong together. */
  export const describe: Describe;
  /** Runs before each test of the file or of this `describe`, the outer one's first. */
  export function beforeEach(body: Body): void;
  /** Runs after each test, also after one that has failed; the one that was written last runs first. */
  export function afterEach(body: Body): void;
  /** @deprecated Throws: each test has a world and an instance of its own. Use `beforeEach`. */
  export function beforeAll(body: Body): never;
  /** @deprecated Throws: each test has a world and an instance of its own. Use `afterEach`. */
  export function afterAll(body: Body): never;

  type AnyClass = abstract new (...parameters: never[]) => unknown;

  interface Matchers<Returned> {
    readonly not: Matchers<Returned>;
    /** The same value: `Object.is`. */
    toBe(expected: unknown): Returned;
    /** Equal in what it holds; properties that are `undefined` may be missing. */
    toEqual(expected: unknown): Returned;
    /** As `toEqual`, and of the same class, with the same properties and the same holes in arrays. */
    toStrictEqual(expected: unknown): Returned;
    /** Holds at least this; arrays have to be as long. */
    toMatchObject(expected: object): Returned;
    /** A text with this part, or a list with this item (`Object.is`). */
    toContain(expected: unknown): Returned;
    /** A list with an item that is equal. */
    toContainEqual(expected: unknown): Returned;
    toHaveLength(expected: number): Returned;
    /** Has a property at a path such as `"a.b[0]"` or `["a", "b", 0]`, with this value if one is given. */
    toHaveProperty(path: string | readonly PropertyKey[], value?: unknown): Returned;
    toMatch(expected: string | RegExp): Returned;
    /** Throws when it is called: an error whose message has this text, of this class, or like this one. */
    toThrow(expected?: string | RegExp | AnyClass | { message: string } | AsymmetricMatcher): Returned;
    toBeTruthy(): Returned;
    toBeFalsy(): Returned;
    toBeNull(): Returned;
    toBeUndefined(): Returned;
    toBeDefined(): Returned;
    toBeNaN(): Returned;
    toBeGreaterThan(expected: number | bigint): Returned;
    toBeGreaterThanOrEqual(expected: number | bigint): Returned;
    toBeLessThan(expected: number | bigint): Returned;
    toBeLessThanOrEqual(expected: number | bigint): Returned;
    /** Differs by less than half of the last of so many digits after the point (2). */
    toBeCloseTo(expected: number, digits?: number): Returned;
    toBeInstanceOf(expected: AnyClass): Returned;
    /** Equal to what the file beside the test holds. Written the first time, and again with `--update`. */
    toMatchSnapshot(hint?: string): Returned;
    toMatchSnapshot(properties: object, hint?: string): Returned;
    /** @deprecated Throws: tests never write into their own source. Use `toMatchSnapshot`. */
    toMatchInlineSnapshot(...expected: unknown[]): never;
  }

  interface Expectation extends Matchers<void> {
    /** Of what a promise is fulfilled with. */
    readonly resolves: Matchers<Promise<void>>;
    /** Of what a promise is rejected with. */
    readonly rejects: Matchers<Promise<void>>;
  }

  /** Stands for many values, wherever equality is asked for. */
  interface AsymmetricMatcher {
    asymmetricMatch(other: unknown): boolean;
  }

  interface AsymmetricMatchers {
    arrayContaining(items: readonly unknown[]): any;
    arrayOf(item: unknown): any;
    closeTo(value: number, digits?: number): any;
    objectContaining(properties: object): any;
    stringContaining(part: string): any;
    stringMatching(pattern: string | RegExp): any;
  }

  interface Expect extends AsymmetricMatchers {
    (received: unknown): Expectation;
    readonly not: AsymmetricMatchers;
    /** Any value of a class, such as `String`. */
    any(type: AnyClass | ((value?: any) => unknown)): any;
    /** Any value but `null` and `undefined`. */
    anything(): any;
    /** Fails the test unless it makes so many expectations. */
    assertions(count: number): void;
    /** Fails the test unless it makes an expectation. */
    hasAssertions(): void;
  }

  export const expect: Expect;

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

  export {};
}

// The globals of a handler beyond the language itself. No intervals, no streams, no DOM.

/** One WebSocket connection, as events are given it. It has no members: hand it to the functions of `zigttp:websocket`. */
type WebSocket = import("zigttp:websocket").WebSocket;

/** Writes lines to the server's log. The first argument may have `%s`, `%d`, `%i`, `%f`, `%j`, `%o`. */
declare const console: {
  debug(...values: unknown[]): void;
  log(...values: unknown[]): void;
  info(...values: unknown[]): void;
  warn(...values: unknown[]): void;
  error(...values: unknown[]): void;
};

/** What a body can be made of. A number, a boolean or a `URL` is written as a string; a plain object is refused. */
/** All of a body, to be passed on as it is: `new Response(response.body, init)`. It is no stream. */
interface WholeBody {
  readonly [Symbol.toStringTag]: "WholeBody";
}

type BodyInit = string | ArrayBuffer | ArrayBufferView | Blob | FormData | URLSearchParams | WholeBody;

/** What headers can be made of: another list, pairs of name and value, or an object. */
type HeadersInit = Headers | Iterable<readonly [string, string]> | Readonly<Record<string, string>>;

/**
 * A list of header fields; names have no case (https://fetch.spec.whatwg.org/#headers-class). An iteration goes over them in
 * the order of their names, and sees what has changed meanwhile.
 */
declare class Headers {
  constructor(init?: HeadersInit);
  append(name: string, value: string): void;
  delete(name: string): void;
  /** The values of that name, joined by ", "; null if there are none. */
  get(name: string): string | null;
  /** Every Set-Cookie header by itself. */
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

/** How a request is made. */
interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  /** Aborts a `fetch`. The time of `AbortSignal.timeout` begins when the request is sent. */
  signal?: AbortSignal | null;
  /** What a `fetch` makes of a redirect: it follows 5 at most, unless told otherwise. */
  redirect?: "follow" | "manual" | "error";
  /**
   * Of a `fetch`: the name of its answer. A later run of the event that asks by this name gets it, whatever the request has
   * become, and the server gets the name as `Idempotency-Key`, so that it acts once.
   */
  key?: string;
}

/**
 * Asks another server, or with `room:/path` the `onRequest` of a room of this one
 * (https://fetch.spec.whatwg.org/#fetch-method). Effect: io.
 *
 * The operator has to allow the host (`--allow-fetch`); else the promise is rejected with a TypeError that says so, as it is
 * where there is no answer.
 *
 * Nothing is held while it waits: the event ends, and is run again from its beginning when the answer is there. The room goes
 * on meanwhile, so that the last run sees what has changed, and all that the event does takes effect at its end. A request
 * that is the same in each run is sent once; one that differs is sent again, unless it has a `key`. A `fetch` that the event
 * does not wait for is sent at its end, and its answer dropped.
 */
declare function fetch(url: string | URL | Request, init?: RequestInit): Promise<Response>;

/**
 * Calls back after so many milliseconds, if the event waits for it: `await new Promise((resolve) => setTimeout(resolve, 100))`.
 * An event ends when its handler does, and a timer that is pending then is dropped; what is to happen later is a timer of the
 * room, `signalAt` of `zigttp:durable`. Effect: io.
 */
declare function setTimeout(callback: (...args: any[]) => void, milliseconds?: number, ...args: unknown[]): number;

/** Forgets a timer of `setTimeout`. */
declare function clearTimeout(timer: number | undefined): void;

/** `now()` is the same as `Date.now()`, and as constant within an event. */
declare const performance: { now(): number; readonly timeOrigin: number };

interface DateConstructor {
  /**
   * The time of the event: when its first run has begun, and a step later after each answered `fetch` or timer. It stands still
   * between these, so that all runs of an event see the same, as those that are recorded do; how long code takes cannot be
   * measured with it. At the top level it is 0.
   */
  now(): number;
}

/**
 * An HTTP request (https://fetch.spec.whatwg.org/#request-class). Its body can be read once. There are no streams.
 */
declare class Request {
  /**
   * The URL must be absolute, and without a user name and a password. A request in its place, or as `init`, gives its body
   * to the new one: its `bodyUsed` is true then.
   */
  constructor(url: string | URL | Request, init?: RequestInit | Request);
  readonly method: string;
  /**
   * In a request that was received: `http://` or `https://`, the host it was sent to, path and query. Reading it with
   * `URL` resolves `..` in the path, which `path` does not.
   */
  readonly url: string;
  /** The path as it was sent, without its query: what routes and rooms go by. */
  readonly path: string;
  /** What follows the first question mark, without it. */
  readonly query: string;
  readonly headers: Headers;
  /** The percent-decoded parameters of the route that the path matches; empty without one. */
  readonly params: { readonly [name: string]: string };
  /**
   * In `onUpgrade`, with `--resume`: the attachment that this client has left on this URL. The connection gets it unless
   * `onUpgrade` returns another value. `undefined` if there is none, and in every other request.
   */
  readonly resumable: any;
  /** `null` where there is none. Whoever it is passed on to has it then: `bodyUsed` is true. */
  readonly body: WholeBody | null;
  readonly bodyUsed: boolean;
  readonly redirect: "follow" | "manual" | "error";
  readonly signal: AbortSignal;
  text(): Promise<string>;
  json(): Promise<any>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  blob(): Promise<Blob>;
  /** The fields of `multipart/form-data` or `application/x-www-form-urlencoded`, as the header `Content-Type` says. */
  formData(): Promise<FormData>;
  clone(): Request;
}

/** What `onSignal` learns besides name and data. */
interface SignalInfo {
  /** The same at each attempt: a key for services that must act once. */
  readonly id: string;
  readonly kind: "signal" | "timer";
  /** When it was due, in milliseconds since 1970; of a signal, when it was sent. */
  readonly scheduledTime: number;
  /** 1 at the first attempt. */
  readonly attempt: number;
  /** Whether it is parked if this attempt fails. */
  readonly last: boolean;
  /** How many periods of `signalEvery` have passed without a signal. */
  readonly missed: number;
  /** The room that has sent it; undefined for a timer, and for a signal of an operator or of `handler(req)`. */
  readonly from?: string;
}

/**
 * What `onUpgrade` returns: a Response refuses the connection, nothing accepts it, and a string, bytes or
 * a plain object accept it and become its first attachment.
 */
type Admission = Response | string | ArrayBuffer | ArrayBufferView | FirstAttachment | undefined | void;

/** A plain object: no array, Map or Set, no function, no Date and no promise inside of the one returned. */
type FirstAttachment = object & {
  readonly [key: string]: any;
  readonly [Symbol.iterator]?: never;
  readonly call?: never;
  readonly getTime?: never;
  readonly then?: never;
};

/** How a response is made. */
interface ResponseInit {
  /** 200 to 599; 200 unless given. */
  status?: number;
  /** Without line breaks, and of characters up to U+00FF. It is not sent: HTTP/2 has none. */
  statusText?: string;
  headers?: HeadersInit;
}

/** Options of `Response.events`. */
interface EventsInit {
  /** Stored with the connection, as by `serializeAttachment`. */
  attachment?: unknown;
  headers?: HeadersInit;
  /** How many milliseconds the client waits before it opens the stream again, up to a day. */
  retry?: number;
}

/** An HTTP response (https://fetch.spec.whatwg.org/#response-class). With the status 204, 205 or 304 it has no body. */
declare class Response {
  constructor(body?: BodyInit | null, init?: ResponseInit);
  /** Plain text. */
  static text(text: string, init?: ResponseInit): Response;
  /** A page of HTML. */
  static html(html: string, init?: ResponseInit): Response;
  /** A value as JSON. */
  static json(value: unknown, init?: ResponseInit): Response;
  /** Sends the client elsewhere, with 302 unless told otherwise. */
  static redirect(url: string | URL, status?: 301 | 302 | 303 | 307 | 308): Response;
  /**
   * From `onRequest` alone: its client, such as an `EventSource`, becomes a member of the room. `send` writes an event to it:
   * a text as a `message`, bytes in base64 as a `binary`. `onOpen` runs next, and `onClose` when the client goes (1006).
   * `close` ends the stream; an `EventSource` then asks again, until it gets another status than 200.
   */
  static events(options?: EventsInit): Response;
  readonly type: "default" | "basic";
  /** That of the last request of a `fetch`, after redirects; empty of a response that was made here. */
  readonly url: string;
  readonly redirected: boolean;
  readonly status: number;
  readonly statusText: string;
  /** Whether the status is between 200 and 299. */
  readonly ok: boolean;
  readonly headers: Headers;
  /** `null` where there is none. Whoever it is passed on to has it then: `bodyUsed` is true. */
  readonly body: WholeBody | null;
  readonly bodyUsed: boolean;
  text(): Promise<string>;
  json(): Promise<any>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  blob(): Promise<Blob>;
  /** The fields of `multipart/form-data` or `application/x-www-form-urlencoded`, as the header `Content-Type` says. */
  formData(): Promise<FormData>;
  clone(): Response;
}

/** A URL (https://url.spec.whatwg.org). */
declare class URL {
  constructor(url: string | URL, base?: string | URL);
  static canParse(url: string | URL, base?: string | URL): boolean;
  static parse(url: string | URL, base?: string | URL): URL | null;
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  hash: string;
  readonly searchParams: URLSearchParams;
  toString(): string;
  toJSON(): string;
}

/** The pairs of a URL's query, or of a form. */
declare class URLSearchParams {
  constructor(init?: string | URLSearchParams | Iterable<readonly [string, string]> | Readonly<Record<string, string>>);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
  toString(): string;
}

/** Text to UTF-8. */
declare class TextEncoder {
  readonly encoding: "utf-8";
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

/**
 * Bytes to text, from UTF-8, UTF-16 (`utf-16le`, `utf-16be`) or Windows-1252, by all labels that the standard has for them:
 * `utf8`, `utf-16`, `latin1`, `ascii`, `iso-8859-1` and others. Any other label is a RangeError.
 */
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(input?: ArrayBufferLike | ArrayBufferView, options?: { stream?: boolean }): string;
}

/** What an EventTarget tells its listeners (https://dom.spec.whatwg.org/#interface-event). */
declare class Event {
  constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean });
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly defaultPrevented: boolean;
  readonly isTrusted: boolean;
  readonly timeStamp: number;
  composedPath(): EventTarget[];
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}

/** An event with a value. */
declare class CustomEvent<Detail = any> extends Event {
  constructor(type: string, init?: { bubbles?: boolean; cancelable?: boolean; composed?: boolean; detail?: Detail });
  readonly detail: Detail;
}

type EventListener = (event: any) => void;

/**
 * Something with listeners (https://dom.spec.whatwg.org/#interface-eventtarget). It has no parents, so that an event visits its
 * target alone. What a listener throws fails the event of the handler, as a rejection that nobody handles does.
 */
declare class EventTarget {
  addEventListener(
    type: string,
    listener: EventListener | { handleEvent: EventListener } | null,
    options?: boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal },
  ): void;
  removeEventListener(
    type: string,
    listener: EventListener | { handleEvent: EventListener } | null,
    options?: boolean | { capture?: boolean },
  ): void;
  /** Calls the listeners, before it returns. False if one of them has called `preventDefault`. */
  dispatchEvent(event: Event): boolean;
}

/** Makes a signal, and aborts what was given that. */
declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

/** Says that something is to end (https://dom.spec.whatwg.org/#interface-AbortSignal). */
declare class AbortSignal extends EventTarget {
  private constructor();
  static abort(reason?: unknown): AbortSignal;
  /** One that is aborted as soon as any of these is. */
  static any(signals: Iterable<AbortSignal>): AbortSignal;
  /** One that is aborted after so many milliseconds, with a `TimeoutError`. */
  static timeout(milliseconds: number): AbortSignal;
  readonly aborted: boolean;
  /** What `abort` was given; a DOMException of the name `AbortError` or `TimeoutError` otherwise. */
  readonly reason: any;
  throwIfAborted(): void;
  onabort: ((event: Event) => void) | null;
}

/** Bytes with a type (https://w3c.github.io/FileAPI/#blob-section). There are no streams. */
declare class Blob {
  constructor(
    parts?: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>,
    options?: { type?: string; endings?: "transparent" | "native" },
  );
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number, type?: string): Blob;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/** A Blob with a name. */
declare class File extends Blob {
  constructor(
    parts: Iterable<string | ArrayBuffer | ArrayBufferView | Blob>,
    name: string,
    options?: { type?: string; endings?: "transparent" | "native"; lastModified?: number },
  );
  readonly name: string;
  readonly lastModified: number;
}

/** The fields of a form, each a string or a File (https://xhr.spec.whatwg.org/#interface-formdata). */
declare class FormData {
  constructor();
  append(name: string, value: string): void;
  append(name: string, value: Blob, filename?: string): void;
  delete(name: string): void;
  get(name: string): string | File | null;
  getAll(name: string): (string | File)[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  set(name: string, value: Blob, filename?: string): void;
  forEach(callback: (value: string | File, name: string, form: FormData) => void, receiver?: unknown): void;
  entries(): IterableIterator<[string, string | File]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string | File>;
  [Symbol.iterator](): IterableIterator<[string, string | File]>;
}

/** An error with one of the names that web standards give; older ones have a code too. */
declare class DOMException extends Error {
  constructor(message?: string, name?: string);
  readonly name: string;
  readonly message: string;
  readonly code: number;
}

type BufferSource = ArrayBuffer | ArrayBufferView;
type KeyFormat = "raw" | "spki" | "pkcs8" | "jwk";
type KeyType = "public" | "private" | "secret";
type KeyUsage =
  | "encrypt" | "decrypt" | "sign" | "verify" | "deriveKey" | "deriveBits" | "wrapKey" | "unwrapKey";

/** The name of an algorithm, or an object with its name and parameters. */
type AlgorithmIdentifier = string | { name: string };
/** `SHA-1`, `SHA-256`, `SHA-384` or `SHA-512`. */
type HashAlgorithmIdentifier = AlgorithmIdentifier;

interface HmacImportParams { name: string; hash: HashAlgorithmIdentifier; length?: number }
interface HmacKeyGenParams extends HmacImportParams {}
interface AesKeyGenParams { name: string; length: number }
interface AesGcmParams { name: string; iv: BufferSource; additionalData?: BufferSource; tagLength?: number }
interface RsaOaepParams { name: string; label?: BufferSource }
interface AesCbcParams { name: string; iv: BufferSource }
interface AesCtrParams { name: string; counter: BufferSource; length: number }
interface RsaHashedImportParams { name: string; hash: HashAlgorithmIdentifier }
/** `modulusLength` is 2048, 3072, 4096 or 8192, `publicExponent` is 65,537: `new Uint8Array([1, 0, 1])`. */
interface RsaHashedKeyGenParams extends RsaHashedImportParams {
  modulusLength: number;
  publicExponent: Uint8Array;
}
/** `saltLength` is as long as the hash. */
interface RsaPssParams { name: string; saltLength: number }
/** `namedCurve` is `P-256`, `P-384` or `P-521`. */
interface EcKeyImportParams { name: string; namedCurve: string }
interface EcKeyGenParams extends EcKeyImportParams {}
interface EcdsaParams { name: string; hash: HashAlgorithmIdentifier }
interface EcdhKeyDeriveParams { name: string; public: CryptoKey }
interface HkdfParams { name: string; hash: HashAlgorithmIdentifier; salt: BufferSource; info: BufferSource }
interface Pbkdf2Params { name: string; hash: HashAlgorithmIdentifier; salt: BufferSource; iterations: number }
interface KeyAlgorithm { name: string }

/** A key as JSON (RFC 7517). */
interface JsonWebKey {
  alg?: string; crv?: string; d?: string; dp?: string; dq?: string; e?: string; ext?: boolean; k?: string;
  key_ops?: string[]; kty?: string; n?: string; oth?: { d?: string; r?: string; t?: string }[]; p?: string;
  q?: string; qi?: string; use?: string; x?: string; y?: string;
}

/** A key of `crypto.subtle`. It lives as long as its event. */
declare class CryptoKey {
  private constructor();
  readonly type: KeyType;
  readonly extractable: boolean;
  readonly algorithm: KeyAlgorithm;
  readonly usages: KeyUsage[];
}

interface CryptoKeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

/**
 * WebCrypto (https://w3c.github.io/webcrypto/): digests SHA-1, SHA-256, SHA-384 and SHA-512; HMAC; AES-GCM, AES-CBC, AES-CTR and AES-KW; RSA-OAEP;
 * RSASSA-PKCS1-v1_5, RSA-PSS, ECDSA and Ed25519; ECDH and X25519; HKDF and PBKDF2. The server computes it: not at the top level, where there is none.
 *
 * What is not there is a NotSupportedError: RSA keys of less than 2,048 bits, and new ones with another public exponent than 65,537; RSA signatures
 * with SHA-1 (RSASSA-PKCS1-v1_5 verifies them), and salts of RSA-PSS of another length than the hash; AES-KW with keys of 192 bits.
 */
declare class SubtleCrypto {
  private constructor();
  digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer>;
  sign(
    algorithm: AlgorithmIdentifier | RsaPssParams | EcdsaParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  verify(
    algorithm: AlgorithmIdentifier | RsaPssParams | EcdsaParams,
    key: CryptoKey,
    signature: BufferSource,
    data: BufferSource,
  ): Promise<boolean>;
  encrypt(
    algorithm: AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  decrypt(
    algorithm: AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    key: CryptoKey,
    data: BufferSource,
  ): Promise<ArrayBuffer>;
  generateKey(
    algorithm: "Ed25519" | "X25519" | { name: "Ed25519" | "X25519" } | RsaHashedKeyGenParams | EcKeyGenParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair>;
  generateKey(
    algorithm: AesKeyGenParams | HmacKeyGenParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  generateKey(
    algorithm: AlgorithmIdentifier,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKeyPair | CryptoKey>;
  deriveBits(
    algorithm: HkdfParams | Pbkdf2Params | EcdhKeyDeriveParams,
    baseKey: CryptoKey,
    length?: number | null,
  ): Promise<ArrayBuffer>;
  deriveKey(
    algorithm: HkdfParams | Pbkdf2Params | EcdhKeyDeriveParams,
    baseKey: CryptoKey,
    derivedKeyType: AlgorithmIdentifier | AesKeyGenParams | HmacImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  importKey(
    format: "jwk",
    keyData: JsonWebKey,
    algorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  importKey(
    format: Exclude<KeyFormat, "jwk">,
    keyData: BufferSource,
    algorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  exportKey(format: "jwk", key: CryptoKey): Promise<JsonWebKey>;
  exportKey(format: Exclude<KeyFormat, "jwk">, key: CryptoKey): Promise<ArrayBuffer>;
  wrapKey(
    format: KeyFormat,
    key: CryptoKey,
    wrappingKey: CryptoKey,
    wrapAlgorithm: AlgorithmIdentifier | AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
  ): Promise<ArrayBuffer>;
  unwrapKey(
    format: KeyFormat,
    wrappedKey: BufferSource,
    unwrappingKey: CryptoKey,
    unwrapAlgorithm: AlgorithmIdentifier | AesGcmParams | AesCbcParams | AesCtrParams | RsaOaepParams,
    unwrappedKeyAlgorithm: AlgorithmIdentifier | HmacImportParams | RsaHashedImportParams | EcKeyImportParams,
    extractable: boolean,
    keyUsages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  /** As `crypto.timingSafeEqual`. */
  timingSafeEqual(a: BufferSource, b: BufferSource): boolean;
}

/** Random bytes and cryptography. Not at the top level, where what they give would become part of the artifact. */
declare class Crypto {
  private constructor();
  readonly subtle: SubtleCrypto;
  getRandomValues<
    Integers extends
      | Int8Array | Uint8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array
      | Uint32Array | BigInt64Array | BigUint64Array,
  >(array: Integers): Integers;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
  /**
   * Whether the bytes are the same, in a time that does not tell where they differ: for tokens and digests. A TypeError if there
   * are not as many of both.
   */
  timingSafeEqual(a: BufferSource, b: BufferSource): boolean;
}

declare const crypto: Crypto;

/** Base64 to a string of bytes. */
declare function atob(text: string): string;

/** A string of bytes to Base64. */
declare function btoa(bytes: string): string;

/**
 * Copies a value with everything in it. What cannot be copied is a `DataCloneError`: functions, symbols, promises, proxies, weak
 * collections, and objects such as `URL`, `Headers`, `Request` and `Response`. Of a class instance its own properties are copied.
 */
declare function structuredClone<Value>(value: Value, options?: { transfer?: ArrayBuffer[] }): Value;

/** Calls back once the current code has run, within the same event. */
declare function queueMicrotask(callback: () => void): void;

// There is no `Intl`. What the language has for locales answers as "en-US" does, whatever the locale, and in UTC.

interface Number {
  /**
   * The number as in "en-US": `1,234.5`. Of the options it knows `style` ("decimal", "percent", "currency"),
   * `currency`, `minimumFractionDigits`, `maximumFractionDigits`, `minimumIntegerDigits`, `maximumSignificantDigits`
   * and `useGrouping`.
   */
  toLocaleString(locales?: string | readonly string[], options?: Intl.NumberFormatOptions): string;
}

interface BigInt {
  /** The number as in "en-US": `1,234`. It knows the options of `Number.prototype.toLocaleString`. */
  toLocaleString(locales?: string | readonly string[], options?: Intl.NumberFormatOptions): string;
}

interface Date {
  /**
   * Date and time as in "en-US" and in UTC: `1/31/2026, 9:05:00 PM`. Of the options it knows `dateStyle`, `timeStyle`,
   * `weekday`, `year`, `month`, `day`, `hour`, `minute`, `second`, `fractionalSecondDigits`, `hour12`, `hourCycle` and
   * `timeZoneName`. A `timeZone` other than UTC throws a RangeError.
   */
  toLocaleString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
  /** The date alone: `1/31/2026`. Otherwise as `toLocaleString`. */
  toLocaleDateString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
  /** The time alone: `9:05:00 PM`. Otherwise as `toLocaleString`. */
  toLocaleTimeString(locales?: string | readonly string[], options?: Intl.DateTimeFormatOptions): string;
}

interface String {
  /**
   * Compares in the order of Unicode's root collation as far as Latin letters go: the letters first, then their accents,
   * then small letters before capitals, so that `é` stands between `e` and `f`. Of the options it knows `numeric` and
   * `sensitivity`.
   */
  localeCompare(that: string, locales?: string | readonly string[], options?: Intl.CollatorOptions): number;
  /** As `toUpperCase`; for "tr" and "az" `i` becomes `İ`. */
  toLocaleUpperCase(locales?: string | readonly string[]): string;
  /** As `toLowerCase`; for "tr" and "az" `I` becomes `ı`. */
  toLocaleLowerCase(locales?: string | readonly string[]): string;
}
