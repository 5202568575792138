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
