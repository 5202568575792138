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
