  import type { Storable } from "zigttp:websocket";

  /** Options of `signal`. */
  export interface SignalOptions {
    /** The name of the signal that the sender's room gets if this one is parked in the end. */
    readonly onFail?: string | undefined;
  }
