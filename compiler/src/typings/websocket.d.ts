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
