// Streams: what `stream` asks for, and the pieces that `onStream` gets.
(function (native, internals) {
  "use strict";

  const { dictionary, headersOf, inspect, send } = internals;

  const OPTIONS = ["method", "headers", "body", "redirect", "as"];
  // In the order of their numbers for the host.
  const CUTS = ["events", "lines", "bytes"];
  const ANY = -1;

  // Method, URL, headers, body, redirect mode and cut of a request.
  internals.streamRequest = (url, init) => {
    const { as, ...options } = dictionary(init, "stream");
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown !== undefined) {
      throw new TypeError(`stream: there is no option ${unknown}; the options are ${OPTIONS.join(", ")}`);
    }
    if (as !== undefined && !CUTS.includes(as)) {
      throw new TypeError(`stream: as must be "events", "lines" or "bytes", not ${inspect(as)}`);
    }
    const sent = send(new Request(url, options));
    const scheme = sent.url.slice(0, sent.url.indexOf(":"));
    if (scheme !== "https" && scheme !== "http") {
      throw new TypeError(`stream: the URL is of http or https, not of ${scheme}`);
    }
    const [to] = sent.url.split("#", 1);
    const cut = as === undefined ? ANY : CUTS.indexOf(as);
    return [sent.method, to, sent.headers, sent.body, sent.redirect, cut];
  };

  // Headers come as one text, and bytes by themselves.
  internals.makePiece = (piece, bytes) => {
    if (piece.kind === "start") piece.headers = headersOf(piece.headers);
    else if (piece.kind === "bytes") piece.bytes = bytes;
    return piece;
  };
})
