// AbortController and AbortSignal (https://dom.spec.whatwg.org/#aborting-ongoing-activities).
(function (_native, internals) {
  "use strict";

  const { brands, dispatchTrusted, expose, isObject, requireArguments, whenListened } = internals;
  const { setTimeout } = globalThis;

  // In place of arguments: a signal is made by its class alone.
  const MADE = Symbol("made");

  // Set by the static block of AbortSignal.
  let abort;

  const abortError = () => new DOMException("The operation was aborted", "AbortError");

  const requireSignal = (value, of) => {
    if (!(value instanceof AbortSignal)) throw new TypeError(`${of}: signal must be an AbortSignal`);
  };
  internals.requireSignal = requireSignal;

  class AbortSignal extends EventTarget {
    #isAborted = false;
    #reason = undefined;
    // What is to happen before any listener hears of it.
    #steps = [];
    // Of one that follows others: those that follow none.
    #sources = [];
    // Those that follow this one.
    #dependents = [];
    // Of one that aborts itself: the milliseconds, and whether they run.
    #timeout = undefined;
    #isRunning = false;
    #onabort = null;

    static {
      abort = (signal, reason) => {
        if (signal.#isAborted) return;
        // All of them are aborted before any listener runs, which may look at another.
        const signals = [signal, ...signal.#dependents.filter((it) => !it.#isAborted)];
        for (const it of signals) {
          it.#isAborted = true;
          it.#reason = reason === undefined ? abortError() : reason;
          reason = it.#reason;
        }
        for (const it of signals) {
          const steps = it.#steps;
          it.#steps = [];
          for (const step of steps) step(reason);
          dispatchTrusted(it, "abort");
        }
      };

      // Calls back with the reason once a signal is aborted, at once if it is.
      internals.whenAborted = (signal, callback) => {
        if (signal.#isAborted) callback(signal.#reason);
        else signal.#steps.push(callback);
      };

      // The milliseconds of a signal of `AbortSignal.timeout`, or the least of those that one follows;
      // undefined without any. A request counts them from its sending, so they need no timer for it.
      internals.timeoutOf = (signal) => {
        const all = [signal, ...signal.#sources].map((it) => it.#timeout).filter((it) => it !== undefined);
        return all.length === 0 ? undefined : Math.min(...all);
      };

      // Aborts a signal whose `timeoutOf` has passed.
      internals.timeOut = (signal) => {
        const milliseconds = internals.timeoutOf(signal);
        [signal, ...signal.#sources].find((it) => it.#timeout === milliseconds)?.#timeOut();
      };

      // Sets the timers of a signal, which code beside a request waits for.
      internals.runTimeout = (signal) => {
        for (const it of [signal, ...signal.#sources]) it.#run();
      };
    }

    constructor(made = undefined) {
      if (made !== MADE) throw new TypeError("AbortSignal: make one with an AbortController");
      super();
    }

    static abort(reason = undefined) {
      const signal = new AbortSignal(MADE);
      abort(signal, reason);
      return signal;
    }

    static timeout(milliseconds) {
      requireArguments(arguments.length, 1, "AbortSignal.timeout");
      milliseconds = Math.trunc(+milliseconds);
      if (!(milliseconds >= 0 && milliseconds <= Number.MAX_SAFE_INTEGER)) {
        throw new TypeError("AbortSignal.timeout: milliseconds must be a number from 0 to 2 ** 53 - 1");
      }
      const signal = new AbortSignal(MADE);
      signal.#timeout = milliseconds;
      whenListened(signal, () => signal.#run());
      return signal;
    }

    static any(signals) {
      requireArguments(arguments.length, 1, "AbortSignal.any");
      const all = [...signals];
      for (const it of all) requireSignal(it, "AbortSignal.any");
      const aborted = all.find((it) => it.#isAborted);
      if (aborted !== undefined) return AbortSignal.abort(aborted.#reason);
      const signal = new AbortSignal(MADE);
      const followsOthers = (it) => it.#sources.length > 0;
      signal.#sources = [...new Set(all.flatMap((it) => followsOthers(it) ? it.#sources : [it]))];
      for (const source of signal.#sources) source.#dependents.push(signal);
      whenListened(signal, () => internals.runTimeout(signal));
      return signal;
    }

    get aborted() {
      return this.#isAborted;
    }

    get reason() {
      return this.#reason;
    }

    throwIfAborted() {
      if (this.#isAborted) throw this.#reason;
    }

    get onabort() {
      return this.#onabort;
    }

    set onabort(value) {
      const isNew = this.#onabort === null;
      this.#onabort = isObject(value) ? value : null;
      if (this.#onabort === null) this.removeEventListener("abort", this.#callOnabort);
      else if (isNew) this.addEventListener("abort", this.#callOnabort);
    }

    #callOnabort = (event) => {
      if (typeof this.#onabort === "function") this.#onabort.call(this, event);
    };

    #run() {
      if (this.#timeout === undefined || this.#isRunning || this.#isAborted) return;
      this.#isRunning = true;
      setTimeout(() => this.#timeOut(), this.#timeout);
    }

    #timeOut() {
      abort(this, new DOMException("The operation timed out", "TimeoutError"));
    }
  }

  class AbortController {
    #signal = new AbortSignal(MADE);

    static {
      brands.push((value) => #signal in value);
    }

    get signal() {
      return this.#signal;
    }

    abort(reason = undefined) {
      abort(this.#signal, reason);
    }
  }

  expose(AbortSignal, "AbortSignal", ({ aborted }) => ({ aborted }));
  expose(AbortController, "AbortController", ({ signal }) => ({ signal }));
})
