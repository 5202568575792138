  import type { Storable } from "zigttp:websocket";

  /** Options of `signal`. */
  export interface SignalOptions {
    /** The name of the signal that the sender's room gets if this one is parked in the end. */
    readonly onFail?: string;
  }

  /** What `onSignal` learns besides name and data. */
  export interface SignalInfo {
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
    /** The room that has sent it; undefined for a timer. */
    readonly from?: string;
  }
