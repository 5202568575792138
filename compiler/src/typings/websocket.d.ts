  const connection: unique symbol;

  /** One connection. It has no members: hand it to the functions of this module. */
  export interface WebSocket {
    readonly [connection]: never;
  }

