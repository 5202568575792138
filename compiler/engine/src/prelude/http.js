// Headers, Request and Response: what `handler(req)` and `onUpgrade(req)` get and give, and `fetch`. No streams.
(function (native, internals) {
  "use strict";

  const {
    brands, bytesOf, dictionary, expose, inspect, isObject, makeIterable, pairsOf, readUrl,
    requireArguments, showMembers, unsignedShort, usvString,
  } = internals;
  const { isArray } = Array;

  const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  // ASCII without anything to trim, which nearly all values are.
  const PLAIN_VALUE = /^[!-~](?:[ -~]*[!-~])?$/;
  const FORBIDDEN_IN_VALUE = /[\0\r\n]/;
  const BEYOND_BYTES = /[^\0-\xff]/;
  const OUTER_SPACE = /^[\t\n\r ]+|[\t\n\r ]+$/g;

  // Names that most headers have, as they are written and in lower case: looking one up is six times as
  // fast as checking it.
  const COMMON = new Map([
    "Accept", "Accept-Encoding", "Accept-Language", "Access-Control-Allow-Origin", "Age", "Allow",
    "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length",
    "Content-Security-Policy", "Content-Type", "Cookie", "Date", "ETag", "Expires", "Forwarded", "Host",
    "If-Modified-Since", "If-None-Match", "Last-Modified", "Location", "Origin", "Referer", "Retry-After",
    "Sec-WebSocket-Protocol", "Set-Cookie", "User-Agent", "Vary", "WWW-Authenticate", "X-Forwarded-For",
    "X-Real-IP",
  ].flatMap((name) => [[name, name.toLowerCase()], [name.toLowerCase(), name.toLowerCase()]]));

  const headerName = (name) => {
    const common = COMMON.get(name);
    if (common !== undefined) return common;
    name = `${name}`;
    if (!TOKEN.test(name)) throw new TypeError(`Headers: ${JSON.stringify(name)} is no header name`);
    return name.toLowerCase();
  };

  const headerValue = (value, name) => {
    value = `${value}`;
    if (PLAIN_VALUE.test(value)) return value;
    if (BEYOND_BYTES.test(value)) {
      throw new TypeError(`Headers: the value of ${name} has a character beyond U+00FF`);
    }
    value = value.replace(OUTER_SPACE, "");
    if (FORBIDDEN_IN_VALUE.test(value)) {
      throw new TypeError(`Headers: the value of ${name} has a line break or a zero character`);
    }
    return value;
  };

  // Set by the static block of Headers: the list as lines for the host, its reverse, what the body says
  // of its type if the author has said nothing, and the pairs that an iteration goes over.
  let toLines, fromLines, setContentType, sortAndCombine;

  class Headers {
    // Pairs of lower-case name and value, in the order they were added.
    #list = [];

    static {
      toLines = (headers) => headers.#list.map(([name, value]) => `${name}: ${value}\n`).join("");
      fromLines = (lines) => {
        const headers = new Headers();
        for (const line of lines.split("\n")) {
          const colon = line.indexOf(":");
          if (colon > 0) {
            headers.#list.push([
              line.slice(0, colon).toLowerCase(),
              line.slice(colon + 1).replace(OUTER_SPACE, ""),
            ]);
          }
        }
        return headers;
      };
      setContentType = (headers, type) => {
        if (type !== null && !headers.#list.some((pair) => pair[0] === "content-type")) {
          headers.#list.push(["content-type", type]);
        }
      };
      // Sorted by name, values of one name joined, cookies apart. Additions make the list longer, all other
      // changes replace it: one that is as it was is not sorted again.
      sortAndCombine = (headers, last) => {
        const list = headers.#list;
        if (last?.list === list && last.size === list.length) return last;
        const values = new Map();
        for (const [name, value] of list) {
          const known = values.get(name);
          if (known === undefined) values.set(name, [value]);
          else known.push(value);
        }
        const pairs = [...values.keys()].sort().flatMap((name) =>
          name === "set-cookie"
            ? values.get(name).map((value) => [name, value])
            : [[name, values.get(name).join(", ")]]
        );
        return Object.assign(pairs, { list, size: list.length });
      };
      brands.push((value) => #list in value);
    }

    constructor(init = undefined) {
      if (init === undefined) return;
      if (!isObject(init)) throw new TypeError("Headers: init must be an object, pairs or Headers");
      if (#list in init && init[Symbol.iterator] === Headers.prototype.entries) {
        this.#list = init.#list.map((pair) => [...pair]);
        return;
      }
      this.#list = pairsOf(init, headerName, headerValue, "Headers");
    }

    append(name, value) {
      requireArguments(arguments.length, 2, "Headers.append");
      name = headerName(name);
      this.#list.push([name, headerValue(value, name)]);
    }

    delete(name) {
      requireArguments(arguments.length, 1, "Headers.delete");
      name = headerName(name);
      this.#list = this.#list.filter((pair) => pair[0] !== name);
    }

    get(name) {
      requireArguments(arguments.length, 1, "Headers.get");
      name = headerName(name);
      const list = this.#list;
      let values = null;
      for (let index = 0; index < list.length; index++) {
        if (list[index][0] !== name) continue;
        values = values === null ? list[index][1] : `${values}, ${list[index][1]}`;
      }
      return values;
    }

    getSetCookie() {
      return this.#list.filter((pair) => pair[0] === "set-cookie").map((pair) => pair[1]);
    }

    has(name) {
      requireArguments(arguments.length, 1, "Headers.has");
      name = headerName(name);
      return this.#list.some((pair) => pair[0] === name);
    }

    set(name, value) {
      requireArguments(arguments.length, 2, "Headers.set");
      name = headerName(name);
      value = headerValue(value, name);
      const at = this.#list.findIndex((pair) => pair[0] === name);
      if (at < 0) {
        this.#list.push([name, value]);
      } else {
        this.#list = this.#list.filter((pair, index) => index <= at || pair[0] !== name);
        this.#list[at] = [name, value];
      }
    }
  }
  makeIterable(Headers, "Headers", sortAndCombine);

  // Text with a type that its class says.
  class TypedText {
    constructor(text, type) {
      this.text = text;
      this.type = type;
    }
  }

  const replace = (object, name, value) => {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
  };

  // Takes the body of the message that a WholeBody stands for.
  let takeWhole;

  // What `body` of a message is, where other platforms have a stream: something to pass on.
  class WholeBody {
    #message;

    static {
      takeWhole = (whole) => takeBody(whole.#message);
      Object.defineProperty(this.prototype, Symbol.toStringTag, { value: "WholeBody", configurable: true });
    }

    constructor(message) {
      this.#message = message;
    }
  }

  // What has a type of its own is given it once: the boundary of a form is drawn by chance.
  const typed = (body) => body instanceof FormData ? internals.formAsBlob(body) : body;

  // A body as it is kept: null, a string, or an ArrayBuffer of its own.
  const extractBody = (body, of) => {
    if (body === undefined || body === null) return null;
    if (typeof body === "string") return body.toWellFormed();
    if (body instanceof TypedText) return usvString(body.text);
    if (body instanceof WholeBody) return takeWhole(body);
    if (body instanceof Blob) return internals.bytesOfBlob(body).slice().buffer;
    if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
      return bytesOf(body, of).slice().buffer;
    }
    // By the standard anything else is a string too, even "[object Object]".
    const isMistake = typeof body === "function" ||
      (typeof body === "object" &&
        (isArray(body) || body instanceof Promise || body.toString === Object.prototype.toString));
    if (!isMistake) return usvString(body);
    throw new TypeError(
      `${of}: body must be a string, an ArrayBuffer, a typed array, a Blob, FormData or URLSearchParams, not ` +
        (typeof body === "object" ? "an object (use Response.json)" : "a function"),
    );
  };

  const contentType = (body) =>
    typeof body === "string" ? "text/plain;charset=UTF-8"
    : body instanceof TypedText ? body.type
    : body instanceof Blob ? body.type || null
    : body === undefined || body === null || body instanceof WholeBody ? null
    : body instanceof ArrayBuffer || ArrayBuffer.isView(body) ? null
    : body instanceof URLSearchParams ? "application/x-www-form-urlencoded;charset=UTF-8"
    : "text/plain;charset=UTF-8";

  // Set by the static block of Body: the body as it is kept, read or not; the same for one that becomes
  // another's, and a copy for a clone.
  let bodyOf, takeBody, copyBody;

  const BOM = "\ufeff";
  // As `Encoding::numbered` knows it.
  const UTF_8 = 0;

  // What Request and Response have in common.
  class Body {
    #body;
    #used = false;
    #whole = null;

    static {
      bodyOf = (message) => message.#body;
      takeBody = (message) => message.#consume();
      copyBody = (message) => {
        if (message.#used) throw new TypeError("the body has been read already, and cannot be cloned");
        return message.#body instanceof ArrayBuffer ? message.#body.slice() : message.#body;
      };
      brands.push((value) => #body in value);
    }

    constructor(body) {
      this.#body = body;
    }

    get body() {
      if (this.#body === null) return null;
      this.#whole ??= new WholeBody(this);
      return this.#whole;
    }

    get bodyUsed() {
      return this.#used;
    }

    #consume() {
      if (this.#used) throw new TypeError("the body has been read already");
      this.#used = this.#body !== null;
      return this.#body;
    }

    #text() {
      const body = this.#consume();
      if (body === null) return "";
      const text = typeof body === "string" ? body : native.decode(new Uint8Array(body), UTF_8, false);
      return text.startsWith(BOM) ? text.slice(1) : text;
    }

    async text() {
      return this.#text();
    }

    async json() {
      return JSON.parse(this.#text());
    }

    #bytes() {
      const body = this.#consume();
      return body === null ? new Uint8Array()
        : typeof body === "string" ? native.encode(body)
        : new Uint8Array(body);
    }

    async arrayBuffer() {
      return this.#bytes().buffer;
    }

    async bytes() {
      return this.#bytes();
    }

    async blob() {
      return new Blob([this.#bytes()], { type: this.headers.get("content-type") ?? "" });
    }

    async formData() {
      return internals.readForm(this.#bytes(), this.headers.get("content-type") ?? "");
    }
  }
  showMembers(Body);

  const METHODS_WITHOUT_BODY = ["GET", "HEAD"];
  // Methods that are upper case however the author wrote them (Fetch, "normalize").
  const NORMALIZED = /^(?:delete|get|head|options|post|put)$/i;
  const FORBIDDEN = /^(?:connect|trace|track)$/i;
  // In place of a URL: the request is the host's, whose word is taken for everything.
  const RECEIVED = Symbol("received");
  // In place of a URL: the request is a copy of another.
  const CLONED = Symbol("cloned");

  const readMethod = (method) => {
    method = `${method}`;
    if (!TOKEN.test(method)) throw new TypeError(`Request: ${JSON.stringify(method)} is no method`);
    if (FORBIDDEN.test(method)) throw new TypeError(`Request: the method ${method} is not allowed`);
    return NORMALIZED.test(method) ? method.toUpperCase() : method;
  };

  const readRequestUrl = (url) => {
    const read = readUrl(usvString(url));
    if (read === null) throw new TypeError(`Request: ${JSON.stringify(`${url}`)} is not an absolute URL`);
    if (read.hasCredentials) {
      throw new TypeError("Request: its URL must not have a user name or a password");
    }
    return read;
  };

  const REDIRECT_MODES = ["follow", "manual", "error"];

  const readRedirect = (mode) => {
    if (mode === undefined) return "follow";
    mode = `${mode}`;
    if (!REDIRECT_MODES.includes(mode)) {
      throw new TypeError(`Request: redirect must be "follow", "manual" or "error", not ${JSON.stringify(mode)}`);
    }
    return mode;
  };

  const readSignal = (signal) => {
    if (signal === undefined || signal === null) return null;
    internals.requireSignal(signal, "Request");
    return signal;
  };

  // Set by the static block of Request: what is sent of one, whose body it takes.
  let send;

  class Request extends Body {
    static {
      send = (request) => ({
        method: request.#method,
        url: request.#url,
        headers: toLines(request.#headers),
        body: takeBody(request),
        redirect: REDIRECT_MODES.indexOf(request.#redirect),
        signal: request.#signal,
      });
    }

    #method;
    #url;
    #path;
    #query;
    #headers;
    #isReceived = false;
    #redirect = "follow";
    #signal = null;

    constructor(input, init = undefined) {
      if (input === RECEIVED) {
        super(init.body ?? null);
        this.#method = init.method;
        // Never read back out of the URL: the host says each by itself.
        const { origin, path, search } = init;
        this.#url = origin + path + search;
        this.#path = path;
        this.#query = search.slice(1);
        this.#isReceived = true;
        this.#headers = fromLines(init.headers);
        return;
      }
      if (input === CLONED) {
        super(copyBody(init));
        this.#takeOver(init);
        this.#method = init.#method;
        this.#headers = new Headers(init.#headers);
        return;
      }
      const from = isObject(input) && #method in input ? input : null;
      const options = dictionary(init, "Request");
      const read = from === null ? readRequestUrl(input) : null;
      let body = typed(options.body);
      const { headers } = options;
      const redirect = readRedirect(options.redirect ?? from?.redirect);
      const signal = readSignal(options.signal === undefined ? from?.signal : options.signal);
      let method = options.method;
      method = method === undefined ? from?.method ?? "GET" : readMethod(method);
      // `new Request(url, request)` takes the body of that request, as its `body` would be a stream.
      const other = #method in options && bodyOf(options) !== null ? options
        : body === undefined || body === null ? from
        : null;
      if (other !== null) body = undefined;
      const hasBody = other === null ? body !== undefined && body !== null : bodyOf(other) !== null;
      if (hasBody && METHODS_WITHOUT_BODY.includes(method)) {
        throw new TypeError(`Request: a ${method} request has no body`);
      }
      const list = new Headers(headers === undefined ? from?.headers : headers);
      // Last of all: a request that is refused takes no body.
      super(other === null ? extractBody(body, "Request") : takeBody(other));
      this.#method = method;
      if (from === null) {
        this.#url = read.href;
        this.#path = read.path;
        this.#query = read.query;
      } else {
        this.#takeOver(from);
      }
      this.#headers = list;
      this.#redirect = redirect;
      this.#signal = signal;
      setContentType(list, contentType(body));
    }

    #takeOver(from) {
      this.#redirect = from.#redirect;
      this.#signal = from.#signal;
      this.#url = from.#url;
      this.#path = from.#path;
      this.#query = from.#query;
      this.#isReceived = from.#isReceived;
    }

    get method() {
      return this.#method;
    }

    // Absolute where the host has received it.
    get url() {
      return this.#url;
    }

    // As it was sent, which is what routes and rooms go by.
    get path() {
      return this.#path;
    }

    // Routers put their own here.
    set path(value) {
      replace(this, "path", value);
    }

    // What follows the first question mark, without it.
    get query() {
      return this.#query;
    }

    set query(value) {
      replace(this, "query", value);
    }

    get headers() {
      return this.#headers;
    }

    get redirect() {
      return this.#redirect;
    }

    // With none of its own, it is one that nobody aborts.
    get signal() {
      this.#signal ??= new AbortController().signal;
      return this.#signal;
    }

    // Those of the route that its path matches.
    get params() {
      return this.#isReceived ? native.pathParams(this.#path) : {};
    }

    set params(value) {
      replace(this, "params", value);
    }

    // What its client has left, which only the `onUpgrade` of that client is told.
    get resumable() {
      return this.#isReceived ? native.resumable() : undefined;
    }

    clone() {
      return new Request(CLONED, this);
    }
  }

  // In place of a body: the response is one of `fetch`.
  const FETCHED = Symbol("fetched");

  const NULL_BODY_STATUS = [204, 205, 304];
  const REDIRECT_STATUS = [301, 302, 303, 307, 308];

  const ANY_BASE = "http://base.invalid/";
  // What the URL standard strips from the ends of a URL, and leaves out of it.
  const STRIPPED = /^[\0-\x20]+|[\0-\x20]+$|[\t\n\r]/g;
  // What no part of a URL keeps: white space, controls, `"<>\`{}` and all beyond ASCII.
  const ENCODED = /[^!#-;=?-_a-z|~]/gu;

  // HTAB, SP, VCHAR and obs-text (RFC 9110 §15).
  const REASON_PHRASE = /^[\t\x20-\x7e\x80-\xff]*$/;

  // The value of a Location: an absolute URL as the URL standard writes it; one that is relative stays
  // so, as only its reader knows to what.
  const location = (url) => {
    url = usvString(url);
    const absolute = readUrl(url);
    if (absolute !== null) return absolute.href;
    if ((native.parseUrl(url, ANY_BASE) ?? null) === null) {
      throw new TypeError(`Response.redirect: ${JSON.stringify(url)} is no URL`);
    }
    return url.replace(STRIPPED, "").replace(ENCODED, encodeURIComponent);
  };

  // The longest time before a client opens a stream again, in milliseconds: a day.
  const MAX_RETRY = 86_400_000;
  const OF_EVENTS = ["attachment", "headers", "retry"];
  let memberOf;

  class Response extends Body {
    #status;
    #statusText;
    #headers;
    #fetched = null;
    // Of a response that makes its client a member: `{ attachment }`.
    #member = null;

    constructor(body = null, init = undefined) {
      if (body === FETCHED) {
        super(init.body);
        this.#status = init.status;
        this.#statusText = init.statusText;
        this.#headers = typeof init.headers === "string" ? fromLines(init.headers) : new Headers(init.headers);
        this.#fetched = init;
        return;
      }
      body = typed(body);
      const options = dictionary(init, "Response");
      const { headers, status: givenStatus, statusText: givenText } = options;
      const status = givenStatus === undefined ? 200 : unsignedShort(givenStatus);
      if (status < 200 || status > 599) {
        throw new RangeError(`Response: status ${inspect(givenStatus)} is not between 200 and 599`);
      }
      const statusText = givenText === undefined ? "" : `${givenText}`;
      if (statusText !== "" && !REASON_PHRASE.test(statusText)) {
        throw new TypeError(`Response: statusText ${inspect(statusText)} is no reason phrase`);
      }
      const kept = extractBody(body, "Response");
      if (kept !== null && NULL_BODY_STATUS.includes(status)) {
        throw new TypeError(`Response: a response with status ${status} has no body`);
      }
      super(kept);
      this.#status = status;
      this.#statusText = statusText;
      this.#headers = new Headers(headers);
      setContentType(this.#headers, contentType(body));
    }

    static text(text, init = undefined) {
      return new Response(new TypedText(text, "text/plain; charset=utf-8"), init);
    }

    static html(html, init = undefined) {
      return new Response(new TypedText(html, "text/html; charset=utf-8"), init);
    }

    static json(value, init = undefined) {
      const json = JSON.stringify(value);
      if (json === undefined) {
        throw new TypeError(`Response.json: ${inspect(value)} is not JSON`);
      }
      return new Response(new TypedText(json, "application/json"), init);
    }

    static redirect(url, status = 302) {
      requireArguments(arguments.length, 1, "Response.redirect");
      const target = location(url);
      if (!REDIRECT_STATUS.includes(unsignedShort(status))) {
        throw new RangeError(`Response.redirect: status ${inspect(status)} is no redirect`);
      }
      return new Response(null, { status, headers: { location: target } });
    }

    static events(init = undefined) {
      const options = dictionary(init, "Response.events");
      for (const name of Object.keys(options)) {
        if (!OF_EVENTS.includes(name)) throw new TypeError(`Response.events: there is no option ${inspect(name)}`);
      }
      const { attachment, headers, retry } = options;
      // Something is written at once, so that the client knows that the stream is open.
      let first = ":\n\n";
      if (retry !== undefined) {
        if (!Number.isSafeInteger(retry) || retry < 0 || retry > MAX_RETRY) {
          throw new RangeError(`Response.events: retry is ${inspect(retry)}, it has to be a number of milliseconds up to a day`);
        }
        first = `retry: ${retry}\n\n`;
      }
      const response = new Response(first, { headers });
      response.#headers.set("content-type", "text/event-stream");
      if (!response.#headers.has("cache-control")) response.#headers.set("cache-control", "no-store");
      if (!response.#headers.has("x-accel-buffering")) response.#headers.set("x-accel-buffering", "no");
      response.#member = { attachment };
      return response;
    }

    static {
      memberOf = (response) => response.#member;
    }

    get type() {
      return this.#fetched === null ? "default" : "basic";
    }

    // That of the last request, after redirects; of a response that was made, nothing.
    get url() {
      return this.#fetched?.url ?? "";
    }

    get redirected() {
      return this.#fetched?.redirected ?? false;
    }

    get status() {
      return this.#status;
    }

    get statusText() {
      return this.#statusText;
    }

    get ok() {
      return this.#status >= 200 && this.#status < 300;
    }

    get headers() {
      return this.#headers;
    }

    clone() {
      const body = copyBody(this);
      const { status, statusText, headers } = this;
      if (this.#fetched !== null) return new Response(FETCHED, { ...this.#fetched, headers, body });
      const copy = new Response(typeof body === "string" ? new TypedText(body, null) : body, {
        status, statusText, headers,
      });
      copy.#member = this.#member;
      return copy;
    }
  }

  expose(Headers, "Headers", (headers) => Object.fromEntries(headers));
  expose(Request, "Request", ({ method, url, headers }) => ({ method, url, headers }));
  expose(Response, "Response", ({ status, headers }) => ({ status, headers }));

  internals.send = (request) => send(request);
  internals.headersOf = (lines) => fromLines(lines);

  internals.makeResponse = (head, method, body) => {
    const hasBody = method !== "HEAD" && !NULL_BODY_STATUS.includes(head.status);
    return new Response(FETCHED, { ...head, body: hasBody ? body : null });
  };

  internals.makeRequest = (method, target, headers, body) => {
    const [origin, path, search] = target.split("\n");
    return new Request(RECEIVED, { method, origin, path, search, headers, body });
  };

  const respond = (response, of) => {
    const member = memberOf(response);
    if (member !== null) {
      if (of !== "onRequest") {
        throw new TypeError(`${of} cannot return Response.events: only onRequest has a room that its client can join`);
      }
      native.accept(member.attachment, "Response.events: attachment");
    }
    if (response.bodyUsed) {
      throw new TypeError(`${of} returned a Response whose body has been read already`);
    }
    native.respond(response.status, toLines(response.headers), bodyOf(response) ?? "");
  };

  internals.respond = (response, isOfRoom) => {
    if (!(response instanceof Response)) {
      throw new TypeError(`handler must return a Response, not ${inspect(response)}`);
    }
    respond(response, isOfRoom ? "onRequest" : "handler");
  };

  internals.nameRoom = (answer) => {
    if (answer instanceof Response) {
      respond(answer, "roomOf");
    } else if (typeof answer === "string") {
      if (!answer.isWellFormed()) throw new TypeError("roomOf returned a string with a lone surrogate");
      native.nameRoom(answer);
    } else if (answer instanceof Promise) {
      throw new TypeError("roomOf must not wait: it returned a promise");
    } else if (answer !== undefined) {
      throw new TypeError(
        "roomOf must return the name of a room, a Response or nothing, not " + inspect(answer),
      );
    }
  };

  internals.admit = (answer) => {
    if (answer instanceof Response) {
      respond(answer, "onUpgrade");
    } else if (
      typeof answer === "string" ||
      (typeof answer === "object" && answer !== null && !isArray(answer))
    ) {
      native.accept(answer, "onUpgrade: what it returned");
    } else if (answer !== undefined) {
      // A boolean above all: `return isAllowed(req)` must not let anybody in.
      throw new TypeError(
        "onUpgrade must return a Response, a string, bytes, a plain object or nothing, not " +
          inspect(answer),
      );
    }
  };
})
