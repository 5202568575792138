// fetch: asks another server, or a room of this one. Nothing is sent while JavaScript runs: an event that waits
// for an answer ends, and is run again from the start when it is there.
(function (native, internals) {
  "use strict";

  const { define, exceptionOf, waiting } = internals;

  const begin = (input, init) => {
    const request = new Request(input, init);
    const { key } = init ?? {};
    if (key !== undefined) request.headers.set("idempotency-key", `${key}`);
    const { method, url, headers, body, redirect, signal } = internals.send(request);
    const scheme = url.slice(0, url.indexOf(":"));
    if (scheme !== "https" && scheme !== "http" && scheme !== "room") {
      throw new TypeError(`fetch: the URL is of http, https or room, not of ${scheme}`);
    }
    signal?.throwIfAborted();
    const timeout = signal === null ? -1 : internals.timeoutOf(signal) ?? -1;
    const [to] = url.split("#", 1);
    const parts = [method, to, headers];
    const asked = native.fetch(parts, body, redirect, timeout, key === undefined ? null : `${key}`);
    const question = asked >> 1;
    // What fails later fails here, for whoever looks for the place.
    const { stack } = new Error();
    if (asked & 1) native.repeated(`${method} ${to.split("?", 1)[0]}`, stack);
    return new Promise((resolve, reject) => {
      waiting.set(question, () => {
        const head = native.answerHead(question);
        if (head.error === undefined) {
          resolve(internals.makeResponse(head, method, native.answerBody(question)));
        } else if (head.error === "TimeoutError" && signal !== null) {
          internals.timeOut(signal);
          reject(signal.reason);
        } else {
          const error = exceptionOf(head);
          Object.defineProperty(error, "stack", { value: stack, writable: true, configurable: true });
          reject(error);
        }
      });
      if (signal === null) return;
      internals.whenAborted(signal, () => {
        if (!waiting.delete(question)) return;
        native.giveUp(question);
        reject(signal.reason);
      });
    });
  };

  define("fetch", function fetch(input, init = undefined) {
    internals.requireArguments(arguments.length, 1, "fetch");
    try {
      return begin(input, init);
    } catch (error) {
      return Promise.reject(error);
    }
  });
})
