  import type { Storable } from "zigttp:websocket";

  /** Options of `signal`. */
  export interface SignalOptions {
    /**
     * The name of the signal that the sender's room gets if this one is parked in the end. It has the same data, and
     * its info.from is the room that did not take this one.
     */
    readonly onFail?: string | undefined;
  }
